-- Scanned paper declarations: the files that came, and each page of theirs until somebody decides about it.
CREATE TABLE scan_files (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    imported_by TEXT NOT NULL,
    at BIGINT NOT NULL,
    finished_at BIGINT,
    report TEXT
);
CREATE INDEX scan_files_by_time ON scan_files (at DESC);

-- A page is called by the SHA-256 of its picture as it was read; `object` names the one that is kept, which is
-- written anew, and `sha256` is its hash. `account`
-- is whose page it is said to be by now, `read_account` whose it is by what was read off it.
CREATE TABLE scans (
    id TEXT PRIMARY KEY,
    file TEXT NOT NULL REFERENCES scan_files (id),
    page BIGINT NOT NULL,
    at BIGINT NOT NULL,
    object TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 BLOB NOT NULL,
    code TEXT,
    account TEXT,
    read_account TEXT,
    state TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 0,
    holder TEXT,
    held_until BIGINT,
    decided_by TEXT,
    decided_at BIGINT,
    reason TEXT,
    enrolment TEXT REFERENCES enrolments (id)
);
CREATE INDEX scans_waiting ON scans (state, at, id) WHERE state IN ('waiting', 'aside');
CREATE INDEX scans_by_account ON scans (account, at DESC) WHERE account IS NOT NULL;
CREATE INDEX scans_by_decision ON scans (decided_by, decided_at DESC) WHERE decided_by IS NOT NULL;
CREATE INDEX scans_by_file ON scans (file, page);
