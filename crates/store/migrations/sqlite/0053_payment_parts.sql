-- Of a payment for several bills that were chosen together: what of it is for which bill, and whose that one is.
CREATE TABLE payment_parts (
    provider TEXT NOT NULL,
    number BIGINT NOT NULL,
    bill BIGINT NOT NULL REFERENCES bills (number),
    account TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (provider, number, bill)
);
CREATE INDEX payment_parts_by_bill ON payment_parts (bill);
