-- What is in the books stays as it was written, and so does what was received. Of a notice only how often it came and what
-- became of it change.
CREATE TRIGGER journal_kept BEFORE UPDATE ON journal BEGIN SELECT RAISE (ABORT, 'journal are append-only'); END;
CREATE TRIGGER journal_stay BEFORE DELETE ON journal BEGIN SELECT RAISE (ABORT, 'journal are append-only'); END;
CREATE TRIGGER postings_kept BEFORE UPDATE ON postings BEGIN SELECT RAISE (ABORT, 'postings are append-only'); END;
CREATE TRIGGER postings_stay BEFORE DELETE ON postings BEGIN SELECT RAISE (ABORT, 'postings are append-only'); END;
CREATE TRIGGER notices_kept BEFORE UPDATE OF id, provider, event, payment, account, bills, amount, currency, received, received_at ON notices BEGIN SELECT RAISE (ABORT, 'notices are append-only'); END;
CREATE TRIGGER notices_stay BEFORE DELETE ON notices BEGIN SELECT RAISE (ABORT, 'notices are append-only'); END;

-- The second line of an entry is the first the other way, and there is no third. SQLite looks at rows and not at
-- transactions, so an entry with one line only is found by looking for it (`kvit pay books`).
CREATE TRIGGER postings_balance AFTER INSERT ON postings WHEN new.line <> 1 BEGIN
    SELECT RAISE (ABORT, 'the postings of an entry add up to nothing') WHERE (SELECT SUM(cents) FROM postings WHERE entry = new.entry) <> 0;
END;
