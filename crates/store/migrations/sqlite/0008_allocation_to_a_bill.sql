-- Which bill unmatched money pays first, as one person says.
ALTER TABLE proposals ADD COLUMN bill BIGINT;
