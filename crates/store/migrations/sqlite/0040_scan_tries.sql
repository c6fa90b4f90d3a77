-- How often an uploaded file of scans was taken and nothing came back, not even that the archive or the store failed: what was
-- taken too often is given up and keeps its `object`, until somebody has it tried again.
ALTER TABLE scan_files ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
