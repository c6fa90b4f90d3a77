-- Autopay by SEPA direct debit: mandates, what is collected by them, and the files for the bank.

CREATE TABLE mandates (
    number BIGINT NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL REFERENCES customers (number),
    iban TEXT COLLATE "C" NOT NULL,
    holder TEXT NOT NULL,
    -- The creditor identifier that the customer saw.
    creditor TEXT COLLATE "C" NOT NULL,
    text_version TEXT COLLATE "C" NOT NULL,
    evidence TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    -- The same where the operator sits, as it is told the bank.
    day TEXT COLLATE "C" NOT NULL,
    ended_at BIGINT,
    ended_why TEXT COLLATE "C",
    ended_evidence TEXT
);
CREATE INDEX mandates_by_account ON mandates (account, number);
CREATE UNIQUE INDEX mandates_active ON mandates (account) WHERE ended_at IS NULL;

-- Files of direct debits: prepared by one person, made when another approves.
CREATE TABLE debit_files (
    number BIGINT NOT NULL PRIMARY KEY,
    prepared_by TEXT NOT NULL,
    prepared_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    refused_by TEXT,
    refused_at BIGINT,
    content BYTEA,
    iban TEXT COLLATE "C",
    debits BIGINT NOT NULL,
    cents BIGINT NOT NULL
);
CREATE INDEX debit_files_waiting ON debit_files (number) WHERE approved_at IS NULL AND refused_at IS NULL;

-- A bill that is collected by a mandate, once.
CREATE TABLE debits (
    number BIGINT NOT NULL PRIMARY KEY,
    mandate BIGINT NOT NULL REFERENCES mandates (number),
    account TEXT COLLATE "C" NOT NULL,
    bill BIGINT NOT NULL REFERENCES bills (number),
    -- As announced.
    amount BIGINT NOT NULL CHECK (amount > 0),
    day TEXT COLLATE "C" NOT NULL,
    announced_at BIGINT NOT NULL,
    -- Not collected after all.
    dropped_at BIGINT,
    dropped_why TEXT COLLATE "C",
    file BIGINT REFERENCES debit_files (number),
    -- As ordered: set when the file is approved.
    part BIGINT,
    sequence TEXT COLLATE "C",
    cents BIGINT,
    -- The money came: what it is in the books.
    entry TEXT COLLATE "C" UNIQUE REFERENCES journal (id),
    -- It was refused, or went back: by which report or notice, and why.
    back_by TEXT COLLATE "C",
    back_at BIGINT,
    reason TEXT COLLATE "C",
    -- A person has to see to it, and did.
    for_people BIGINT NOT NULL DEFAULT 0,
    seen_by TEXT,
    seen_at BIGINT,
    UNIQUE (mandate, bill)
);
CREATE INDEX debits_by_account ON debits (account, number);
CREATE INDEX debits_by_bill ON debits (bill);
CREATE INDEX debits_by_file ON debits (file) WHERE file IS NOT NULL;
CREATE INDEX debits_waiting ON debits (day, number) WHERE part IS NULL AND dropped_at IS NULL;
CREATE INDEX debits_ordered ON debits (day, number) WHERE part IS NOT NULL AND entry IS NULL AND back_at IS NULL;
CREATE INDEX debits_for_people ON debits (number) WHERE for_people = 1 AND seen_at IS NULL;

-- Of a transfer: the file or part of which it is the sum, and why it went back.
ALTER TABLE transfers ADD COLUMN payment_file TEXT COLLATE "C";
ALTER TABLE transfers ADD COLUMN reason TEXT COLLATE "C";
