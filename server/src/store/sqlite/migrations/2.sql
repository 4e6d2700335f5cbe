-- Up to which number the index of words has the room's messages; those after it are looked through one by one, until
-- there is time to put them into the index (index.rs).
ALTER TABLE room ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
UPDATE room SET indexed = last_seq;
