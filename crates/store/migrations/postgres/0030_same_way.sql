-- Refunds that go back through the payment system that was paid by, and are asked for there once.
ALTER TABLE concessions ADD COLUMN provider TEXT COLLATE "C";
-- Noted before it is asked.
ALTER TABLE concessions ADD COLUMN asked_at BIGINT;
-- What came of it, their name for it or why, and who found out where no answer came.
ALTER TABLE concessions ADD COLUMN answer TEXT COLLATE "C";
ALTER TABLE concessions ADD COLUMN answer_words TEXT;
ALTER TABLE concessions ADD COLUMN answered_at BIGINT;
ALTER TABLE concessions ADD COLUMN found_by TEXT;
CREATE INDEX concessions_same_way ON concessions (number) WHERE provider IS NOT NULL AND approved_at IS NOT NULL AND refused_at IS NULL AND paid_at IS NULL;
