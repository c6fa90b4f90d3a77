-- When somebody last proved who they are: what changes how one gets in asks for a proof that is fresh.
-- Of a customer that is told for each number of a session, since each has its own code and address.
ALTER TABLE session_points ADD COLUMN proven_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE staff_sessions ADD COLUMN proven_at BIGINT NOT NULL DEFAULT 0;
