-- What is known of the log itself; one row.
CREATE TABLE about (
    id BLOB NOT NULL
) STRICT;

-- Rooms are never let go of, so that last_seq never goes back.
CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL,
    kept INTEGER NOT NULL
) STRICT;

-- place is the room's id and the sequence number in one (place.rs): a room's messages lie side by side in order, and
-- a search of one room is a search of a range.
CREATE TABLE message (
    place INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    time INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    nick TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX message_time ON message (room, time);

-- Ids of messages that are no longer kept, and what tells whether a message that comes again is the same.
CREATE TABLE gone (
    id BLOB PRIMARY KEY,
    place INTEGER NOT NULL,
    time INTEGER NOT NULL,
    print BLOB NOT NULL,
    gone_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_at ON gone (gone_at);

CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    nick TEXT NOT NULL,
    lost_at INTEGER
) STRICT, WITHOUT ROWID;

-- The words of a message, by its place, as words.rs writes them: plain tokens with spaces between, so that the simplest
-- tokenizer does. The text itself is not stored a second time.
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
