-- Where a member of staff is told of changes to how they sign in, and in which language; such a mail names whom it is for, and no customer.
ALTER TABLE staff ADD COLUMN email TEXT;
ALTER TABLE staff ADD COLUMN language TEXT;
ALTER TABLE deliveries ADD COLUMN staff TEXT REFERENCES staff (login);
-- A check is changed in its text, as SQLite's documentation of ALTER TABLE has it: the table stays where it is, whatever names it.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK ((bill IS NULL) <> (enrolment IS NULL))', 'CHECK ((bill IS NULL) <> (enrolment IS NULL) OR (staff IS NOT NULL AND bill IS NULL))') WHERE type = 'table' AND name = 'deliveries';
PRAGMA writable_schema = RESET;
-- Nothing goes on where that text was not there to be replaced.
CREATE TEMP TABLE replaced (n BIGINT CHECK (n = 1));
INSERT INTO replaced SELECT COUNT(*) FROM sqlite_schema WHERE name = 'deliveries' AND sql LIKE '%staff IS NOT NULL AND bill IS NULL%';
DROP TABLE replaced;
