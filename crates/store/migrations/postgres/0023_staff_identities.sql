-- Who a member of staff is at the identity provider: issuer and subject, with a blank between.
ALTER TABLE staff ADD COLUMN identity TEXT COLLATE "C";
CREATE UNIQUE INDEX staff_by_identity ON staff (identity);
