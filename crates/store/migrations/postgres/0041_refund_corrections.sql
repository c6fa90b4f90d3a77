-- A refund through a payment system is in the books as given, or as not given, and turned out to be the other: one
-- person says so, a third approves. What was known before stays as it was.
CREATE TABLE refund_corrections (
    number BIGINT NOT NULL PRIMARY KEY,
    refund BIGINT NOT NULL REFERENCES concessions (number),
    -- What it turned out to be: 1 where the money went back.
    went_back BIGINT NOT NULL,
    seen TEXT NOT NULL,
    said_by TEXT NOT NULL,
    said_at BIGINT NOT NULL,
    approved_by TEXT,
    approved_at BIGINT,
    refused_by TEXT,
    refused_at BIGINT,
    -- Approved, and it went back: what it is in the customer's book.
    entry TEXT UNIQUE REFERENCES journal (id)
);
CREATE INDEX refund_corrections_by_refund ON refund_corrections (refund, number);
CREATE UNIQUE INDEX refund_corrections_waiting ON refund_corrections (refund) WHERE approved_at IS NULL AND refused_at IS NULL;
