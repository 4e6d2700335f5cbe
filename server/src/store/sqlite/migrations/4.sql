-- Whether this file is a backup: copying sets it, and the first server that opens the copy gives it a new id
-- (epoch.rs).
ALTER TABLE about ADD COLUMN copied INTEGER NOT NULL DEFAULT 0;
-- The state of the retention clock (retention_clock.rs); NULL before it was stored first.
ALTER TABLE about ADD COLUMN clock_time INTEGER;
ALTER TABLE about ADD COLUMN clock_seen INTEGER;
ALTER TABLE about ADD COLUMN clock_waited INTEGER;
