-- Statements of which what is kept breaks off: how often that was found, and when it is read again.
ALTER TABLE statements ADD COLUMN broke_off BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN again_at BIGINT;
