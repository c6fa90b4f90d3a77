-- When the paper of a bill was handed over for printing; empty while it waits, and for all other deliveries.
ALTER TABLE deliveries ADD COLUMN handed_over_at BIGINT;
