-- Members of staff, what they wrote down, and how they find customers.
CREATE TABLE staff (
    login TEXT COLLATE "C" PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    centre TEXT,
    password TEXT NOT NULL,
    temporary BIGINT NOT NULL,
    second_factor BIGINT NOT NULL,
    totp_generation BIGINT NOT NULL DEFAULT 1,
    totp_step BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE staff_sessions (
    token BYTEA PRIMARY KEY,
    login TEXT COLLATE "C" NOT NULL REFERENCES staff (login),
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX staff_sessions_by_login ON staff_sessions (login);
CREATE INDEX staff_sessions_by_expiry ON staff_sessions (expires_at);

-- A customer who called or came, and was recognised.
CREATE TABLE contacts (
    id TEXT COLLATE "C" PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL,
    login TEXT COLLATE "C" NOT NULL REFERENCES staff (login),
    channel TEXT COLLATE "C" NOT NULL,
    reference TEXT NOT NULL,
    recognised_by TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX contacts_by_account ON contacts (account, at DESC);

CREATE TABLE notes (
    id TEXT COLLATE "C" PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL,
    login TEXT COLLATE "C" NOT NULL REFERENCES staff (login),
    at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX notes_by_account ON notes (account, at DESC);

CREATE TABLE run_closings (
    run TEXT COLLATE "C" PRIMARY KEY REFERENCES runs (id),
    closed_by TEXT NOT NULL,
    at BIGINT NOT NULL,
    sheet TEXT NOT NULL
);

-- Everything that a customer is looked for by, in small letters. Its letters are told from other
-- characters by the database's rules: with LC_CTYPE C, Cyrillic is found only by reading every row.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE customer_search (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES customers (number),
    fold TEXT COLLATE "C" NOT NULL
);
CREATE INDEX customer_search_by_trigram ON customer_search USING gin (fold gin_trgm_ops);

CREATE INDEX events_by_time ON events (at DESC);
CREATE INDEX events_by_who ON events (who, at DESC);

-- What was written down stays written.
CREATE FUNCTION kvit_append_only () RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% are append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER events_kept BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER events_stay BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER notes_kept BEFORE UPDATE OR DELETE ON notes FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER notes_stay BEFORE TRUNCATE ON notes FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER contacts_kept BEFORE UPDATE OR DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER contacts_stay BEFORE TRUNCATE ON contacts FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER run_closings_kept BEFORE UPDATE OR DELETE ON run_closings FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER run_closings_stay BEFORE TRUNCATE ON run_closings FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();
