-- How often each token of the API calls, over all machines: they take calls in batches, so that not each one is
-- written.
CREATE TABLE api_calls (
    token TEXT NOT NULL PRIMARY KEY,
    -- Of the time since 1970.
    minute BIGINT NOT NULL,
    -- Those that machines took, made or not.
    calls BIGINT NOT NULL
);
