-- How often a customer's password was set or taken away: a browser that was let in is known until the next time.
ALTER TABLE customers ADD COLUMN password_changes BIGINT NOT NULL DEFAULT 0;
