-- The API for the operator's other systems: who may ask for what, and what was asked once.

-- A name is never given twice, so that the audit trail names one token.
CREATE TABLE api_tokens (
    name TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

-- A change under its Idempotency-Key: stored before it is made, its answer after.
CREATE TABLE api_requests (
    token TEXT NOT NULL REFERENCES api_tokens (name),
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    status BIGINT,
    answer TEXT,
    PRIMARY KEY (token, key)
);
CREATE INDEX api_requests_by_time ON api_requests (at);
