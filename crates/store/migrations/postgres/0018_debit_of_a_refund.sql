-- The debit that settled a refund: its day and the bank's reference, by which another debit is known as one.
ALTER TABLE concessions ADD COLUMN paid_day TEXT COLLATE "C";
ALTER TABLE concessions ADD COLUMN paid_ref TEXT COLLATE "C";
