-- Passkeys (WebAuthn) of staff and customers, and the challenges that wait for their answer.
-- `owner` is `staff/LOGIN` or `customer/NUMBER`; `generation` is that of the owner's second factor or code when
-- the passkey was added: a new start or a new code makes it void.
CREATE TABLE passkeys (
    id BYTEA PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    public_key BYTEA NOT NULL,
    counter BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    copied_at BIGINT
);
CREATE INDEX passkeys_by_owner ON passkeys (owner, created_at);

CREATE TABLE passkey_challenges (
    hash BYTEA PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL,
    browser TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_by_address ON passkey_challenges (address, expires_at);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
