-- What the operator concedes to customers: money given back, and rests of bills given up. One person proposes
-- it, another approves; what was proposed does not change.

-- Files of credit transfers for the bank, each as it was made.
CREATE TABLE refund_files (
    number BIGINT NOT NULL PRIMARY KEY,
    content BYTEA NOT NULL,
    transfers BIGINT NOT NULL,
    cents BIGINT NOT NULL,
    iban TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL
);

CREATE TABLE concessions (
    number BIGINT NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES customers (number),
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- Of a write-off.
    bill BIGINT REFERENCES bills (number),
    -- The payment that is given back, where it is not credit.
    payment TEXT COLLATE "C" REFERENCES journal (id),
    iban TEXT COLLATE "C",
    payee TEXT,
    why TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    -- Approved: what it is in the books.
    entry TEXT COLLATE "C" UNIQUE REFERENCES journal (id),
    approved_by TEXT,
    approved_at BIGINT,
    -- Not approved, or taken back before it left.
    refused_by TEXT,
    refused_at BIGINT,
    file BIGINT REFERENCES refund_files (number),
    -- The statement that has the debit, and what brought the money back.
    paid_by TEXT COLLATE "C" REFERENCES statements (id),
    paid_at BIGINT,
    back_by TEXT COLLATE "C" REFERENCES notices (id),
    back_at BIGINT
);
CREATE INDEX concessions_by_account ON concessions (account, number);
CREATE INDEX concessions_by_payment ON concessions (payment) WHERE payment IS NOT NULL;
CREATE INDEX concessions_by_file ON concessions (file) WHERE file IS NOT NULL;
CREATE INDEX concessions_waiting ON concessions (number) WHERE approved_at IS NULL AND refused_at IS NULL;
CREATE INDEX concessions_to_send ON concessions (number) WHERE approved_at IS NOT NULL AND refused_at IS NULL AND file IS NULL AND kind = 'refund';
