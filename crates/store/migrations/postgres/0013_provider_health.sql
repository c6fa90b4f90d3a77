-- Whether payment systems answer, as every process of this store knows it.
CREATE TABLE provider_health (
    provider TEXT COLLATE "C" PRIMARY KEY,
    -- When it last answered.
    heard_at BIGINT,
    -- Calls without an answer since then, and when the first of them was.
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    -- Since when it counts as out of order.
    out_since BIGINT,
    -- When somebody looks next whether it answers.
    probe_at BIGINT NOT NULL
);
