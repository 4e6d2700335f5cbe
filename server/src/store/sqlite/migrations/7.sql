-- Edits and redactions: events of the kinds 9 and 10, whose target is the place of a message.

-- The time of the last edit; NULL if there is none.
ALTER TABLE body ADD COLUMN edited INTEGER;
-- Whether the text was erased. It is empty then.
ALTER TABLE body ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;

-- The texts of edits, by the places of their events, and the first texts of edited messages, by their own places.
CREATE TABLE revision (
    place INTEGER PRIMARY KEY,
    -- The place of the message.
    message INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX revision_message ON revision (message);

-- The events about a message.
CREATE INDEX event_about ON event (target) WHERE kind IN (9, 10);
