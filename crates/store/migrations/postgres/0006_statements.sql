-- Bank statements, each file as it came, under the SHA-256 of its bytes. Kept first, applied once.
CREATE TABLE statements (
    id TEXT COLLATE "C" PRIMARY KEY,
    file TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    received BYTEA NOT NULL,
    facts TEXT COLLATE "C" NOT NULL,
    imported_by TEXT COLLATE "C" NOT NULL,
    imported_at BIGINT NOT NULL,
    applied_at BIGINT,
    report TEXT COLLATE "C"
);
CREATE INDEX statements_by_time ON statements (imported_at DESC, id);
CREATE INDEX statements_to_apply ON statements (imported_at, id) WHERE applied_at IS NULL;

-- What the bank said about the money of a notice, and which statement brought it first.
CREATE TABLE transfers (
    notice TEXT COLLATE "C" PRIMARY KEY REFERENCES notices (id),
    statement TEXT COLLATE "C" NOT NULL REFERENCES statements (id),
    kind TEXT COLLATE "C" NOT NULL,
    payout TEXT COLLATE "C",
    iban TEXT COLLATE "C" NOT NULL,
    batch TEXT COLLATE "C",
    booked TEXT COLLATE "C" NOT NULL,
    cents BIGINT NOT NULL,
    party TEXT COLLATE "C",
    refs TEXT COLLATE "C" NOT NULL,
    words TEXT COLLATE "C" NOT NULL,
    info TEXT COLLATE "C" NOT NULL,
    end_to_end TEXT COLLATE "C",
    bank_transaction TEXT COLLATE "C"
);
CREATE INDEX transfers_by_batch ON transfers (batch) WHERE batch IS NOT NULL;
CREATE INDEX transfers_by_end_to_end ON transfers (end_to_end, cents) WHERE end_to_end IS NOT NULL;
CREATE INDEX transfers_by_transaction ON transfers (bank_transaction, cents) WHERE bank_transaction IS NOT NULL;
