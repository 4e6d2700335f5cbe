-- Accounts, rooms and events instead of messages with a nick (account_migration.rs runs this script and completes it).
--
-- Accounts and rooms have a public id of 16 bytes (user, room) and an internal number. Everything here refers to the number.

DROP INDEX message_time;
DROP INDEX message_begins;
DROP INDEX gone_at;
ALTER TABLE room RENAME TO old_room;
ALTER TABLE message RENAME TO old_message;
ALTER TABLE gone RENAME TO old_gone;
ALTER TABLE session RENAME TO old_session;

-- Projection. former: the former guest of the same nick, whose messages of an earlier version may be resent.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    user BLOB NOT NULL UNIQUE,
    nick TEXT NOT NULL,
    nick_key TEXT NOT NULL,
    holds_nick INTEGER NOT NULL,
    former INTEGER,
    rooms_created INTEGER NOT NULL DEFAULT 0,
    -- gseq of the last change.
    changed INTEGER NOT NULL
) STRICT;
CREATE INDEX account_nick ON account (nick_key);

-- Projection. The directory is the room 0; the head_gseq of its row is that of the whole log.
-- Rooms are never deleted, so that head_seq and head_ord never decrease.
CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    room BLOB NOT NULL UNIQUE,
    -- As on the wire; 4 for the directory.
    kind INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    name_key TEXT NOT NULL DEFAULT '',
    topic TEXT NOT NULL DEFAULT '',
    archived INTEGER NOT NULL DEFAULT 0,
    -- The place in the directory of the event that created it; 0 for the lobby and the directory.
    created INTEGER NOT NULL DEFAULT 0,
    head_seq INTEGER NOT NULL DEFAULT 0,
    head_ord INTEGER NOT NULL DEFAULT 0,
    -- The ord of the oldest stored message; head_ord + 1 if there is none.
    first_ord INTEGER NOT NULL DEFAULT 1,
    -- gseq of the last event of the room, or of the directory about it.
    head_gseq INTEGER NOT NULL DEFAULT 0,
    -- The time of the newest message; 0 if there never was one.
    active INTEGER NOT NULL DEFAULT 0,
    members INTEGER NOT NULL DEFAULT 0,
    -- The seq up to which the room is in the search index.
    indexed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX room_name ON room (kind, name_key);

-- Projection. The visual skeletons (names.rs) of the held nicks (space 0) and of the names of PUBLIC rooms (space 1).
CREATE TABLE skeleton (
    space INTEGER NOT NULL,
    form TEXT NOT NULL,
    holder INTEGER NOT NULL,
    PRIMARY KEY (space, form)
) STRICT, WITHOUT ROWID;

-- Projection. One row for each room that the account is or was in or invited to; role 0 (none) if it was. In the lobby
-- only for a role.
CREATE TABLE member (
    account INTEGER NOT NULL,
    room INTEGER NOT NULL,
    -- As on the wire.
    role INTEGER NOT NULL,
    -- The number of the room in the list of the account; 0 for the lobby.
    handle INTEGER NOT NULL,
    -- gseq of the last change.
    changed INTEGER NOT NULL,
    PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_room ON member (room, role);

-- The log. place combines room and seq (message_key.rs): the events of a room are adjacent and in order.
CREATE TABLE event (
    place INTEGER PRIMARY KEY,
    -- entry.rs; 0 for a message.
    kind INTEGER NOT NULL,
    -- The number of messages of the room up to here; of a message its own ord.
    ord INTEGER NOT NULL,
    sender INTEGER NOT NULL,
    client_id BLOB NOT NULL,
    -- The other account or the room that the event is about (entry.rs).
    target INTEGER,
    time INTEGER NOT NULL,
    -- The number among all events of all logs.
    gseq INTEGER NOT NULL,
    payload BLOB,
    -- Whether a message begins a run (runs.rs).
    begins INTEGER NOT NULL DEFAULT 0,
    -- Ids begin with their time, so new ones are adjacent in the index, whoever has sent them.
    UNIQUE (client_id, sender)
) STRICT;
CREATE INDEX event_sender ON event (sender) WHERE kind <> 0;

-- The accounts that have sent messages, and about when: the gseq of the last one is less than AUTHOR_STEP larger (authors.rs).
CREATE TABLE author (
    account INTEGER PRIMARY KEY,
    gseq INTEGER NOT NULL
) STRICT;

-- The texts of messages.
CREATE TABLE body (
    place INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

-- What only the account itself owns, not an event: the last value counts.
CREATE TABLE cursor (
    account INTEGER NOT NULL,
    room INTEGER NOT NULL,
    ord INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    muted INTEGER NOT NULL DEFAULT 0,
    -- gseq of the whole log at the last change.
    changed INTEGER NOT NULL,
    PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    account INTEGER NOT NULL,
    lost_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX session_account ON session (account);

-- Ids of deleted messages, and the fingerprints that recognise resent ones. The sender is 0 for a message that was deleted
-- before there were accounts; then the fingerprint covers its nick.
CREATE TABLE gone (
    sender INTEGER NOT NULL,
    client_id BLOB NOT NULL,
    place INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    time INTEGER NOT NULL,
    print BLOB NOT NULL,
    gone_at INTEGER NOT NULL,
    PRIMARY KEY (sender, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_at ON gone (gone_at);

-- The messages are numbered without holes, so that the last one keeps its number: `before` messages are in earlier rooms,
-- `deleted` were deleted of this one.
CREATE TABLE old_number (
    room INTEGER PRIMARY KEY,
    is_lobby INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    before INTEGER NOT NULL,
    -- Whether messages get another number.
    moved INTEGER NOT NULL
) STRICT;
INSERT INTO old_number
SELECT id, name = '', stored, last_seq - stored,
    coalesce(sum(stored) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0),
    stored > 0 AND first <> id << 38 | last_seq - stored + 1
FROM (
    SELECT id, name, last_seq,
        (SELECT count(*) FROM old_message
            WHERE place BETWEEN old_room.id << 38 AND (old_room.id << 38) | 0x3FFFFFFFFF) AS stored,
        (SELECT min(place) FROM old_message WHERE place >= old_room.id << 38) AS first
    FROM old_room
) WHERE stored > 0 OR name = '';

-- Authors become former guests that hold no nick, one per nick key. The newest spelling is their nick.
CREATE TABLE old_author (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    nick TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
INSERT INTO old_author (key, nick, time) SELECT nick_key(nick), nick, time FROM old_message WHERE true ORDER BY place
ON CONFLICT (key) DO UPDATE SET nick = excluded.nick WHERE nick <> excluded.nick;
INSERT INTO account (id, user, nick, nick_key, holds_nick, changed)
SELECT id, randomblob(16), nick, key, 0, id FROM old_author;
INSERT INTO event (place, kind, ord, sender, client_id, time, gseq, payload)
SELECT id, 8, 0, id, randomblob(16), time, id, unhex(hex(user) || '00' || hex(account.nick))
FROM account JOIN old_author USING (id);

-- The lobby. Others are PRIVATE rooms of their first author: there was no way to see them.
INSERT INTO room (id, room, kind) VALUES (0, X'', 4);
INSERT INTO room (id, room, kind) SELECT max(ids.id), zeroblob(16), 0 FROM (
    SELECT room AS id FROM old_number WHERE is_lobby
    UNION ALL SELECT 1 + coalesce(max(id), 0) FROM old_room WHERE NOT EXISTS (SELECT 1 FROM old_number WHERE is_lobby)
) AS ids;
INSERT INTO room (id, room, kind, name, name_key, created, members)
SELECT room, randomblob(16), 2, substr(name, 1, 64), nick_key(substr(name, 1, 64)),
    (SELECT count(*) FROM old_author) + row_number() OVER (ORDER BY room), 1
FROM old_number JOIN old_room ON old_room.id = room WHERE NOT is_lobby;
INSERT INTO member (account, room, role, handle, changed)
SELECT account, id, 3, row_number() OVER (PARTITION BY account ORDER BY id), created
FROM (
    SELECT id, created, (
        SELECT old_author.id FROM old_message JOIN old_author ON key = nick_key(old_message.nick)
        WHERE place BETWEEN room.id << 38 AND (room.id << 38) | 0x3FFFFFFFFF ORDER BY place LIMIT 1
    ) AS account
    FROM room WHERE kind = 2
);
INSERT INTO event (place, kind, ord, sender, client_id, target, time, gseq, payload)
SELECT created, 2, 0, account, randomblob(16), room.id, old_author.time, created,
    unhex(hex(room.room) || '02' || printf('%08X', handle) || printf('%04X', length(CAST(name AS BLOB))) || '00' || hex(name))
FROM room JOIN member ON member.room = room.id JOIN old_author ON old_author.id = account WHERE kind = 2;
UPDATE account SET rooms_created = (SELECT count(*) FROM member WHERE account = account.id);

-- The messages, in order.
CREATE TABLE old_place (old INTEGER PRIMARY KEY, ord INTEGER NOT NULL, gseq INTEGER NOT NULL) STRICT;
INSERT INTO old_place
SELECT place, nth - before + deleted, nth + (SELECT count(*) FROM old_author) + (SELECT count(*) FROM room WHERE kind = 2)
FROM (SELECT place, row_number() OVER (ORDER BY place) AS nth FROM old_message) JOIN old_number ON room = place >> 38;
INSERT INTO event (place, kind, ord, sender, client_id, time, gseq, begins)
SELECT place >> 38 << 38 | old_place.ord, 0, old_place.ord, old_author.id, old_message.id, old_message.time, gseq, begins
FROM old_place CROSS JOIN old_message ON place = old CROSS JOIN old_author ON key = nick_key(old_message.nick);
INSERT INTO body (place, text)
SELECT place >> 38 << 38 | old_place.ord, content FROM old_place CROSS JOIN old_message ON place = old;
UPDATE room SET (head_seq, head_ord, first_ord, indexed) =
    (SELECT last_seq, last_seq, last_seq - stored + 1, old_room.indexed FROM old_room JOIN old_number ON room = old_room.id
        WHERE old_room.id = room.id)
WHERE id IN (SELECT room FROM old_number);
UPDATE room SET head_gseq = gseq, active = time FROM event WHERE event.place = room.id << 38 | room.head_ord AND room.id > 0;
UPDATE room SET
    head_seq = (SELECT count(*) FROM event WHERE place < 1 << 38),
    head_gseq = (SELECT count(*) FROM event)
WHERE id = 0;

INSERT INTO gone (sender, client_id, place, ord, time, print, gone_at)
SELECT 0, id, place, place & 0x3FFFFFFFFF, time, print, gone_at FROM old_gone;

CREATE INDEX event_time ON event (place >> 38, time) WHERE begins;
CREATE INDEX event_begins ON event (place) WHERE begins;
CREATE INDEX event_other ON event (place) WHERE kind <> 0;
CREATE INDEX room_unindexed ON room (id) WHERE indexed < head_seq;

INSERT INTO author (account, gseq) SELECT id, (SELECT count(*) FROM event) FROM old_author;

DROP TABLE old_place;
DROP TABLE old_author;
DROP TABLE old_gone;
DROP TABLE old_message;
