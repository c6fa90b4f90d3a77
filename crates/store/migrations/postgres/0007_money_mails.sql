-- The mail about an entry in the books: that money came, or that it was taken back. Each entry once.
ALTER TABLE deliveries ADD COLUMN entry TEXT COLLATE "C" REFERENCES journal (id);
CREATE UNIQUE INDEX deliveries_by_entry ON deliveries (entry) WHERE entry IS NOT NULL;
