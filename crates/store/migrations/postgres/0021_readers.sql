-- Readers beside the customer, who get each bill's mail as well: facts are only added.
CREATE TABLE readers (
    id TEXT COLLATE "C" PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    language TEXT NOT NULL,
    evidence TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    proof_hash BYTEA NOT NULL UNIQUE,
    proof_expires BIGINT NOT NULL,
    proven_at BIGINT,
    proven_evidence TEXT,
    ended_at BIGINT,
    ended_reason TEXT,
    ended_evidence TEXT
);
CREATE INDEX readers_by_account ON readers (account, created_at DESC);

-- Whom a mail is for that is not for the customer, and which bill it brings. Apart from the column
-- `bill`, by which a run's bills are counted: a reader's mail says nothing of whether a bill arrived.
ALTER TABLE deliveries ADD COLUMN reader TEXT COLLATE "C" REFERENCES readers (id);
ALTER TABLE deliveries ADD COLUMN copies BIGINT REFERENCES bills (number);
CREATE INDEX deliveries_by_copies ON deliveries (copies) WHERE copies IS NOT NULL;
