-- Passwords of customers, beside the code of the same number: Argon2id, in PHC form.
CREATE TABLE customer_passwords (
    account TEXT PRIMARY KEY REFERENCES customers (number),
    hash TEXT NOT NULL,
    set_at BIGINT NOT NULL
);
