-- Texts of mails and pages that the operator changes. Each version is kept whole, and which of them counts is
-- appended, never changed.

CREATE TABLE text_versions (
    no BIGINT NOT NULL PRIMARY KEY,
    -- SHA-256 of `texts`.
    sha256 BYTEA NOT NULL UNIQUE,
    -- JSON: each changed text by its name; what is not in it is the program's own.
    texts TEXT NOT NULL,
    brought_by TEXT NOT NULL,
    brought_at BIGINT NOT NULL
);

-- The last one counts; 0 is the program's own texts, as before the first.
CREATE TABLE text_choices (
    seq BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    chosen_by TEXT NOT NULL,
    chosen_at BIGINT NOT NULL
);
