-- What is in the books stays as it was written, and so does what was received. Of a notice only how often it came and what
-- became of it change.
CREATE TRIGGER journal_kept BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER journal_stay BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER postings_kept BEFORE UPDATE OR DELETE ON postings FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER postings_stay BEFORE TRUNCATE ON postings FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER notices_kept BEFORE UPDATE OF id, provider, event, payment, account, bills, amount, currency, received, received_at OR DELETE ON notices FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER notices_stay BEFORE TRUNCATE ON notices FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();

-- Looked at once, when a transaction ends: an entry has postings, and they add up to nothing.
CREATE FUNCTION kvit_balances () RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT SUM(cents) FROM postings WHERE entry = to_jsonb(NEW) ->> TG_ARGV[0]) IS DISTINCT FROM 0 THEN
        RAISE EXCEPTION 'the postings of an entry add up to nothing';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER journal_balance AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION kvit_balances ('id');
CREATE CONSTRAINT TRIGGER postings_balance AFTER INSERT ON postings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.line <> 1) EXECUTE FUNCTION kvit_balances ('entry');
