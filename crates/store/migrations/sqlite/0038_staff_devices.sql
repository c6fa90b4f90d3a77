-- By what members of staff know their own sessions: the kind of browser, and how they were opened.
ALTER TABLE staff_sessions ADD COLUMN device TEXT;
ALTER TABLE staff_sessions ADD COLUMN opened_by TEXT;
