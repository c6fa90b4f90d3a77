-- Passwords of customers, beside the code of the same number: Argon2id, in PHC form.
CREATE TABLE customer_passwords (
    account TEXT COLLATE "C" PRIMARY KEY REFERENCES customers (number),
    hash TEXT COLLATE "C" NOT NULL,
    set_at BIGINT NOT NULL
);
