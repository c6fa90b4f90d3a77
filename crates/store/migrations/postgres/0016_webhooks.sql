-- Systems of the operator's that are told when something happened.

-- A name is never given twice: the key of its signatures is made of it.
CREATE TABLE webhooks (
    name TEXT COLLATE "C" PRIMARY KEY,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);

-- What each is to be told: written in the transaction of the fact, gone once it was heard. Without a next
-- attempt it is set aside for people.
CREATE TABLE webhook_messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    webhook TEXT COLLATE "C" NOT NULL REFERENCES webhooks (name),
    event TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT,
    said TEXT
);
CREATE INDEX webhook_messages_due ON webhook_messages (webhook, next_attempt_at);
