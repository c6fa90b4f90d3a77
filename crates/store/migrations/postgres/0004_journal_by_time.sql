-- For handing the journal over to an accounting system, a stretch of time after the other.
CREATE INDEX journal_by_time ON journal (at, id);
