-- Layouts: how bills look. Each version is kept as it came, and which of them counts is appended, never changed.

CREATE TABLE layouts (
    no BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- SHA-256 of all names and bytes.
    sha256 BLOB NOT NULL UNIQUE,
    -- What the check found before it was kept.
    report TEXT NOT NULL,
    brought_by TEXT NOT NULL,
    brought_at BIGINT NOT NULL
);

CREATE TABLE layout_files (
    layout BIGINT NOT NULL REFERENCES layouts (no),
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (layout, name)
);

-- The last one counts; 0 is the layout that comes with Kvit, as before the first.
CREATE TABLE layout_choices (
    seq BIGINT NOT NULL PRIMARY KEY,
    layout BIGINT NOT NULL,
    chosen_by TEXT NOT NULL,
    chosen_at BIGINT NOT NULL
);

-- The one that counted when the run was released: all of its bills have it.
ALTER TABLE runs ADD COLUMN layout BIGINT;
