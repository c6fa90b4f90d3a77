-- A file of scans that was uploaded waits in the archive as `object` until a worker has read it. Each time one takes it,
-- `claim` grows, and only the latest counts; until `lease_until` it is being read.
ALTER TABLE scan_files ADD COLUMN object TEXT;
ALTER TABLE scan_files ADD COLUMN bytes BIGINT;
ALTER TABLE scan_files ADD COLUMN claim BIGINT NOT NULL DEFAULT 0;
ALTER TABLE scan_files ADD COLUMN worker TEXT;
ALTER TABLE scan_files ADD COLUMN lease_until BIGINT;
CREATE INDEX scan_files_waiting ON scan_files (at, id) WHERE object IS NOT NULL;
CREATE INDEX scan_files_by_worker ON scan_files (worker) WHERE worker IS NOT NULL;

-- What is about to be put into the archive and no row names yet, or what no row names any more and is about to be
-- removed. What stays here for a day was left by a death.
CREATE TABLE scan_objects (
    object TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX scan_objects_by_time ON scan_objects (at);

-- The next page, and what is to be cleared away, are found by index alone.
DROP INDEX scans_waiting;
CREATE INDEX scans_waiting ON scans (at, id) WHERE state = 'waiting';
CREATE INDEX scans_aside ON scans (at, id) WHERE state = 'aside';
CREATE INDEX scans_refused ON scans (decided_at, id) WHERE state = 'refused';
CREATE INDEX scans_held ON scans (holder, at, id) WHERE holder IS NOT NULL;
