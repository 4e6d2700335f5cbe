-- Reactions: events of the kind 11, whose target is the place of a message.

-- Whether the message has reactions.
ALTER TABLE body ADD COLUMN reacted INTEGER NOT NULL DEFAULT 0;

CREATE TABLE reaction (
    -- The place of the message.
    message INTEGER NOT NULL,
    account INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    -- The place of the event.
    place INTEGER NOT NULL,
    PRIMARY KEY (message, account, emoji)
) STRICT, WITHOUT ROWID;
CREATE INDEX reaction_of_account ON reaction (account, message);

-- The number of accounts for each emoji of a message.
CREATE TABLE reaction_count (
    message INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    -- The place of the event since which it has been more than 0.
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (message, emoji)
) STRICT, WITHOUT ROWID;

DROP INDEX event_about;
CREATE INDEX event_about ON event (target) WHERE kind IN (9, 10, 11);
