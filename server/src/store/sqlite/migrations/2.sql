-- The sequence number up to which a room is in the search index. Later messages are scanned one by one until
-- they are indexed (indexer.rs).
ALTER TABLE room ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
UPDATE room SET indexed = last_seq;
