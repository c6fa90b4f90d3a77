-- Customer numbers that were added by their code, kept with the address that had been proven: a link to it opens
-- them while the code is of this generation.
CREATE TABLE kept_numbers (
    email TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES customers (number),
    generation BIGINT NOT NULL,
    kept_at BIGINT NOT NULL,
    PRIMARY KEY (email, account)
);
CREATE INDEX kept_numbers_by_account ON kept_numbers (account);
