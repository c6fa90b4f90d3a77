-- Members of staff, what they wrote down, and how they find customers.
CREATE TABLE staff (
    login TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
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
    token BLOB PRIMARY KEY,
    login TEXT NOT NULL REFERENCES staff (login),
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX staff_sessions_by_login ON staff_sessions (login);
CREATE INDEX staff_sessions_by_expiry ON staff_sessions (expires_at);

-- A customer who called or came, and was recognised.
CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    login TEXT NOT NULL REFERENCES staff (login),
    channel TEXT NOT NULL,
    reference TEXT NOT NULL,
    recognised_by TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX contacts_by_account ON contacts (account, at DESC);

CREATE TABLE notes (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    login TEXT NOT NULL REFERENCES staff (login),
    at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX notes_by_account ON notes (account, at DESC);

CREATE TABLE run_closings (
    run TEXT PRIMARY KEY REFERENCES runs (id),
    closed_by TEXT NOT NULL,
    at BIGINT NOT NULL,
    sheet TEXT NOT NULL
);

-- Everything that a customer is looked for by, in small letters. Apart from the customer, because its
-- index names rows by a number of their own, which VACUUM leaves alone only if it is declared.
CREATE TABLE customer_search (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE REFERENCES customers (number),
    fold TEXT NOT NULL
);
CREATE VIRTUAL TABLE customer_fts USING fts5 (
    fold, content = 'customer_search', content_rowid = 'id', tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER customer_search_added AFTER INSERT ON customer_search BEGIN
    INSERT INTO customer_fts (rowid, fold) VALUES (new.id, new.fold);
END;
CREATE TRIGGER customer_search_changed AFTER UPDATE OF fold ON customer_search BEGIN
    INSERT INTO customer_fts (customer_fts, rowid, fold) VALUES ('delete', old.id, old.fold);
    INSERT INTO customer_fts (rowid, fold) VALUES (new.id, new.fold);
END;
CREATE TRIGGER customer_search_removed AFTER DELETE ON customer_search BEGIN
    INSERT INTO customer_fts (customer_fts, rowid, fold) VALUES ('delete', old.id, old.fold);
END;

CREATE INDEX events_by_time ON events (at DESC);
CREATE INDEX events_by_who ON events (who, at DESC);

-- What was written down stays written.
CREATE TRIGGER events_kept BEFORE UPDATE ON events BEGIN SELECT RAISE (ABORT, 'events are append-only'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE (ABORT, 'events are append-only'); END;
CREATE TRIGGER notes_kept BEFORE UPDATE ON notes BEGIN SELECT RAISE (ABORT, 'notes are append-only'); END;
CREATE TRIGGER notes_stay BEFORE DELETE ON notes BEGIN SELECT RAISE (ABORT, 'notes are append-only'); END;
CREATE TRIGGER contacts_kept BEFORE UPDATE ON contacts BEGIN SELECT RAISE (ABORT, 'contacts are append-only'); END;
CREATE TRIGGER contacts_stay BEFORE DELETE ON contacts BEGIN SELECT RAISE (ABORT, 'contacts are append-only'); END;
CREATE TRIGGER run_closings_kept BEFORE UPDATE ON run_closings BEGIN SELECT RAISE (ABORT, 'run_closings are append-only'); END;
CREATE TRIGGER run_closings_stay BEFORE DELETE ON run_closings BEGIN SELECT RAISE (ABORT, 'run_closings are append-only'); END;
