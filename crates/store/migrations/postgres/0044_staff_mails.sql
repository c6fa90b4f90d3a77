-- Where a member of staff is told of changes to how they sign in, and in which language; such a mail names whom it is for, and no customer.
ALTER TABLE staff ADD COLUMN email TEXT COLLATE "C";
ALTER TABLE staff ADD COLUMN language TEXT COLLATE "C";
ALTER TABLE deliveries ADD COLUMN staff TEXT COLLATE "C" REFERENCES staff (login);
ALTER TABLE deliveries DROP CONSTRAINT deliveries_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_check CHECK ((bill IS NULL) <> (enrolment IS NULL) OR (staff IS NOT NULL AND bill IS NULL));
