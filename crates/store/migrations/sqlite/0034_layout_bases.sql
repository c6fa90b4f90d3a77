-- What a layout stands on: the files that came with the program, each body once, so that a version and a run keep
-- their look whatever later programs bring.

CREATE TABLE layout_bases (
    no BIGINT NOT NULL PRIMARY KEY,
    -- SHA-256 of all names and bytes.
    sha256 BLOB NOT NULL UNIQUE
);

CREATE TABLE layout_bodies (
    sha256 BLOB NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE layout_base_files (
    base BIGINT NOT NULL REFERENCES layout_bases (no),
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL REFERENCES layout_bodies (sha256),
    PRIMARY KEY (base, name)
);

-- Beneath the version's own files; without one, whatever the program at work has.
ALTER TABLE layouts ADD COLUMN base BIGINT REFERENCES layout_bases (no);

-- Of runs with the layout that comes with Kvit.
ALTER TABLE runs ADD COLUMN layout_base BIGINT REFERENCES layout_bases (no);
