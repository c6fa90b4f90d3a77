-- Times are microseconds since 1970, dates ISO 8601 text, money integer cents.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    system TEXT NOT NULL,
    external_id TEXT NOT NULL,
    period_from TEXT NOT NULL,
    period_to TEXT NOT NULL,
    currency TEXT NOT NULL,
    seller TEXT NOT NULL,
    file_name TEXT NOT NULL,
    state TEXT NOT NULL,
    imported_by TEXT NOT NULL,
    imported_at BIGINT NOT NULL,
    orders BIGINT NOT NULL DEFAULT 0,
    chunks BIGINT NOT NULL DEFAULT 0,
    sum_cents BIGINT NOT NULL DEFAULT 0,
    summary TEXT,
    report TEXT,
    judged_at BIGINT,
    released_by TEXT,
    issued_at BIGINT,
    series TEXT,
    first_number BIGINT,
    swept_at BIGINT
);
CREATE INDEX runs_by_time ON runs (imported_at DESC, id);

CREATE TABLE chunks (
    run TEXT NOT NULL REFERENCES runs (id),
    no BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    orders BIGINT NOT NULL,
    claim BIGINT NOT NULL DEFAULT 0,
    worker TEXT,
    lease_until BIGINT,
    done_at BIGINT,
    sum_cents BIGINT,
    pack TEXT,
    pack_sha256 BLOB,
    pack_length BIGINT,
    PRIMARY KEY (run, no)
);
CREATE INDEX chunks_open ON chunks (run, no) WHERE done_at IS NULL;

-- A table of its own, because SQLite writes a whole row when one column changes.
CREATE TABLE chunk_orders (
    run TEXT NOT NULL,
    no BIGINT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, no),
    FOREIGN KEY (run, no) REFERENCES chunks (run, no)
);

-- The customers of a chunk as its first claim found them, until it is done.
CREATE TABLE chunk_holders (
    run TEXT NOT NULL,
    no BIGINT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, no),
    FOREIGN KEY (run, no) REFERENCES chunks (run, no)
);

-- One order an account, period, kind and version, over all runs that were not rejected.
CREATE TABLE order_keys (
    account TEXT NOT NULL,
    period_from TEXT NOT NULL,
    period_to TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id),
    PRIMARY KEY (account, period_from, period_to, kind, version, run)
) WITHOUT ROWID;
CREATE INDEX order_keys_by_run ON order_keys (run);

CREATE TABLE series (name TEXT PRIMARY KEY, next_number BIGINT NOT NULL);

CREATE TABLE customers (
    number TEXT PRIMARY KEY,
    name_fold TEXT NOT NULL,
    language TEXT NOT NULL,
    code_generation BIGINT NOT NULL DEFAULT 1,
    body TEXT NOT NULL
);
CREATE INDEX customers_by_name ON customers (name_fold);

CREATE TABLE bills (
    number BIGINT PRIMARY KEY,
    series TEXT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id),
    seq BIGINT NOT NULL,
    chunk BIGINT NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    issue_date TEXT NOT NULL,
    period_from TEXT NOT NULL,
    period_to TEXT NOT NULL,
    due_date TEXT NOT NULL,
    gross BIGINT NOT NULL,
    to_pay BIGINT NOT NULL,
    currency TEXT NOT NULL,
    language TEXT NOT NULL,
    pack TEXT NOT NULL,
    pack_offset BIGINT NOT NULL,
    pack_length BIGINT NOT NULL,
    sha256 BLOB NOT NULL,
    corrects BIGINT,
    UNIQUE (run, seq)
);
CREATE INDEX bills_by_account ON bills (account, number DESC);
CREATE INDEX bills_by_corrects ON bills (corrects) WHERE corrects IS NOT NULL;

CREATE TABLE enrolments (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    email TEXT NOT NULL,
    language TEXT NOT NULL,
    text_version TEXT NOT NULL,
    evidence TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    proof_hash BLOB UNIQUE,
    proof_expires BIGINT,
    proven_at BIGINT,
    proven_evidence TEXT,
    ended_at BIGINT,
    ended_reason TEXT,
    ended_evidence TEXT
);
CREATE INDEX enrolments_by_account ON enrolments (account, created_at DESC);

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    bill BIGINT REFERENCES bills (number),
    enrolment TEXT REFERENCES enrolments (id),
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    email TEXT,
    language TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    token BLOB UNIQUE,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    worker TEXT,
    lease_until BIGINT,
    possibly_twice BIGINT NOT NULL DEFAULT 0,
    CHECK ((bill IS NULL) <> (enrolment IS NULL)),
    CHECK (channel <> 'email' OR email IS NOT NULL)
);
CREATE INDEX deliveries_queued ON deliveries (next_attempt_at, id) WHERE state = 'queued' AND channel = 'email';
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'queued' AND channel = 'email';
CREATE INDEX deliveries_sending ON deliveries (lease_until) WHERE state = 'sending';
CREATE INDEX deliveries_failed ON deliveries (due_at) WHERE state = 'failed';
CREATE INDEX deliveries_by_bill ON deliveries (bill);
CREATE INDEX deliveries_by_account ON deliveries (account, due_at DESC);

-- What became of each claim of a delivery. A late word of a worker that was given up adds a row.
CREATE TABLE attempts (
    delivery TEXT NOT NULL REFERENCES deliveries (id),
    no BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    at BIGINT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (delivery, no, outcome)
);

CREATE TABLE receipts (
    delivery TEXT NOT NULL REFERENCES deliveries (id),
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (delivery, kind)
);

CREATE TABLE guards (
    name TEXT PRIMARY KEY,
    fails BIGINT NOT NULL,
    window_until BIGINT NOT NULL,
    blocked_until BIGINT
);
CREATE INDEX guards_by_window ON guards (window_until);

CREATE TABLE sessions (
    token BLOB PRIMARY KEY,
    account TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE events (
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX events_by_subject ON events (subject, at DESC);
