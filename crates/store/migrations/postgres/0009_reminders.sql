-- Reminders of bills that are to be paid.

-- The bill of which a mail reminds.
ALTER TABLE deliveries ADD COLUMN reminds BIGINT REFERENCES bills (number);
CREATE INDEX deliveries_by_reminds ON deliveries (reminds) WHERE reminds IS NOT NULL;
CREATE INDEX deliveries_reminding ON deliveries (next_attempt_at) WHERE state = 'queued' AND reminds IS NOT NULL;

-- Bills by their last day to pay, which is what reminders go by.
CREATE INDEX bills_by_due_date ON bills (due_date, number);

-- Up to which bill each kind of reminder was decided, in the order of that index.
CREATE TABLE reminder_rounds (
    kind TEXT COLLATE "C" PRIMARY KEY,
    due_date TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL
);

-- Whether a customer wants reminders, as they said; the latest counts. Who said nothing gets them.
CREATE TABLE reminder_choices (
    account TEXT COLLATE "C" NOT NULL,
    no BIGINT NOT NULL,
    wanted BIGINT NOT NULL,
    at BIGINT NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (account, no)
);
CREATE TRIGGER reminder_choices_kept BEFORE UPDATE OR DELETE ON reminder_choices FOR EACH ROW EXECUTE FUNCTION kvit_append_only ();
CREATE TRIGGER reminder_choices_stay BEFORE TRUNCATE ON reminder_choices FOR EACH STATEMENT EXECUTE FUNCTION kvit_append_only ();
