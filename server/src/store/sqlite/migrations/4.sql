-- Whether this file is a backup: copying sets it, and the first server that opens the copy gives it a new id
-- (epoch.rs).
ALTER TABLE about ADD COLUMN copied INTEGER NOT NULL DEFAULT 0;
