-- What a customer's session opens: the customer numbers that were proven in it. Where that was the address
-- alone, the consent that names it, and the number is closed when that ends.
CREATE TABLE session_points (
    token BLOB NOT NULL REFERENCES sessions (token) ON DELETE CASCADE,
    account TEXT NOT NULL,
    enrolment TEXT REFERENCES enrolments (id),
    PRIMARY KEY (token, account)
);
CREATE INDEX session_points_by_account ON session_points (account);
INSERT INTO session_points (token, account) SELECT token, account FROM sessions;

-- By what a customer knows their own sessions: the kind of browser, and how it was opened.
ALTER TABLE sessions ADD COLUMN device TEXT;
ALTER TABLE sessions ADD COLUMN opened_by TEXT;

-- Everything that goes to one address.
CREATE INDEX enrolments_by_email ON enrolments (email) WHERE ended_at IS NULL AND proven_at IS NOT NULL;
