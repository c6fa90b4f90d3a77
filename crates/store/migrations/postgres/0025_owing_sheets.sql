-- What customers owed at a moment: put down by workers, a stretch of customers at a time.
CREATE TABLE owing_sheets (
    number BIGINT NOT NULL PRIMARY KEY,
    day TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    asked_by TEXT NOT NULL,
    -- The last customer that was looked at; empty before the first.
    reached TEXT COLLATE "C" NOT NULL,
    -- JSON of what was counted until there.
    totals TEXT NOT NULL,
    -- What customers' books held by the journal.
    booked BIGINT,
    finished_at BIGINT
);
CREATE INDEX owing_sheets_open ON owing_sheets (number) WHERE finished_at IS NULL;

-- A row for each customer and age in which something is open; ages count from 0, which is not due.
CREATE TABLE owing (
    sheet BIGINT NOT NULL REFERENCES owing_sheets (number),
    account TEXT COLLATE "C" NOT NULL,
    age BIGINT NOT NULL,
    cents BIGINT NOT NULL,
    -- At all ages.
    whole BIGINT NOT NULL,
    -- The earliest last day to pay of all that is open.
    oldest TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sheet, account, age)
);
CREATE INDEX owing_by_age ON owing (sheet, age, cents DESC, account);
