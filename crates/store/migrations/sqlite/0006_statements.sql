-- Bank statements, each file as it came, under the SHA-256 of its bytes. Kept first, applied once.
CREATE TABLE statements (
    id TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    format TEXT NOT NULL,
    received BLOB NOT NULL,
    facts TEXT NOT NULL,
    imported_by TEXT NOT NULL,
    imported_at BIGINT NOT NULL,
    applied_at BIGINT,
    report TEXT
);
CREATE INDEX statements_by_time ON statements (imported_at DESC, id);
CREATE INDEX statements_to_apply ON statements (imported_at, id) WHERE applied_at IS NULL;

-- What the bank said about the money of a notice, and which statement brought it first.
CREATE TABLE transfers (
    notice TEXT PRIMARY KEY REFERENCES notices (id),
    statement TEXT NOT NULL REFERENCES statements (id),
    kind TEXT NOT NULL,
    payout TEXT,
    iban TEXT NOT NULL,
    batch TEXT,
    booked TEXT NOT NULL,
    cents BIGINT NOT NULL,
    party TEXT,
    refs TEXT NOT NULL,
    words TEXT NOT NULL,
    info TEXT NOT NULL,
    end_to_end TEXT,
    bank_transaction TEXT
);
CREATE INDEX transfers_by_batch ON transfers (batch) WHERE batch IS NOT NULL;
CREATE INDEX transfers_by_end_to_end ON transfers (end_to_end, cents) WHERE end_to_end IS NOT NULL;
CREATE INDEX transfers_by_transaction ON transfers (bank_transaction, cents) WHERE bank_transaction IS NOT NULL;
