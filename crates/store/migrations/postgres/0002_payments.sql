-- Payments and the books. Facts are appended; what is owed, and where a payment stands, is derived.

-- What a bill carries over from earlier ones: owed already, so it asks for this much less by itself.
ALTER TABLE bills ADD COLUMN carried_over BIGINT NOT NULL DEFAULT 0;

-- Payments that were begun here, stored before the customer went to a payment system.
CREATE TABLE payments (
    provider TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    bill BIGINT NOT NULL REFERENCES bills (number),
    account TEXT COLLATE "C" NOT NULL,
    bills TEXT NOT NULL,
    way TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    code TEXT,
    polls BIGINT NOT NULL DEFAULT 0,
    next_poll_at BIGINT,
    PRIMARY KEY (provider, number)
);
CREATE INDEX payments_by_bill ON payments (bill, started_at DESC);
CREATE INDEX payments_to_poll ON payments (next_poll_at) WHERE next_poll_at IS NOT NULL;

-- What payment systems said, as it came. Each provider, event and transaction once: its key.
CREATE TABLE notices (
    id TEXT COLLATE "C" PRIMARY KEY,
    provider TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    payment BIGINT,
    account TEXT COLLATE "C",
    bills TEXT NOT NULL,
    amount BIGINT,
    currency TEXT,
    received BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    repeats BIGINT NOT NULL DEFAULT 0,
    applied_at BIGINT,
    outcome TEXT COLLATE "C"
);
CREATE INDEX notices_by_payment ON notices (provider, payment);
CREATE INDEX notices_by_outcome ON notices (outcome, received_at DESC);
CREATE INDEX notices_to_apply ON notices (received_at, id) WHERE applied_at IS NULL;

-- What came and was not believed, counted: what a stranger sends is not kept.
CREATE TABLE refused_notices (
    provider TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (provider, day, why)
);

-- Double entry: the postings of an entry add up to nothing.
CREATE TABLE journal (
    id TEXT COLLATE "C" PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    notice TEXT COLLATE "C" REFERENCES notices (id),
    reverses TEXT COLLATE "C" UNIQUE REFERENCES journal (id),
    who TEXT NOT NULL
);
CREATE INDEX journal_by_notice ON journal (notice);

CREATE TABLE postings (
    entry TEXT COLLATE "C" NOT NULL REFERENCES journal (id),
    line BIGINT NOT NULL,
    book TEXT COLLATE "C" NOT NULL,
    cents BIGINT NOT NULL,
    bills TEXT NOT NULL,
    PRIMARY KEY (entry, line),
    CHECK (cents <> 0)
);
CREATE INDEX postings_by_book ON postings (book);

-- Whose unmatched money is, as one person says and another approves.
CREATE TABLE proposals (
    notice TEXT COLLATE "C" PRIMARY KEY REFERENCES notices (id),
    account TEXT COLLATE "C" NOT NULL REFERENCES customers (number),
    proposed_by TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT
);
