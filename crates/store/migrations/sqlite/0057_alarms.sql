-- When administrators were last told by mail that a door was closed which nobody but strangers closes; empty where they never were.
ALTER TABLE guards ADD COLUMN told_at BIGINT;
