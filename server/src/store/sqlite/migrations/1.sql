-- Properties of the log itself; one row.
CREATE TABLE about (
    id BLOB NOT NULL
) STRICT;

-- Rooms are never deleted, so that last_seq never decreases.
CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL,
    kept INTEGER NOT NULL
) STRICT;

-- place combines the room's id and the sequence number (message_key.rs): the messages of a room are adjacent
-- and in order, and a search of one room is a search of a range.
CREATE TABLE message (
    place INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    time INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    nick TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX message_time ON message (room, time);

-- Ids of deleted messages, and the fingerprints that recognise duplicates.
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

-- The words of a message, with its place as rowid, as tokenizer.rs writes them: plain tokens separated by
-- spaces, so that the simplest tokenizer suffices. The text itself is not stored a second time.
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
