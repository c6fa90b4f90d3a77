-- What card systems signed, hashed: their signatures cover values and not names, so what is cut into
-- values another way must not count as another notice.
CREATE TABLE signed_texts (
    provider TEXT NOT NULL,
    hash TEXT NOT NULL,
    notice TEXT NOT NULL REFERENCES notices (id),
    PRIMARY KEY (provider, hash)
);

-- How much it is, as one person says, where the payment system did not.
ALTER TABLE proposals ADD COLUMN amount BIGINT;

-- That nothing is to be done about a notice, as one person says and another confirms.
CREATE TABLE settlements (
    notice TEXT PRIMARY KEY REFERENCES notices (id),
    why TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT
);

-- The latest, without reading all.
CREATE INDEX payments_by_time ON payments (started_at DESC, number DESC);
CREATE INDEX notices_by_time ON notices (received_at DESC, id);
