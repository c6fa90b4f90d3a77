-- When the customer first confirmed that a bill had reached the address of this consent: until then bills come on paper too.
ALTER TABLE enrolments ADD COLUMN confirmed_at BIGINT;
UPDATE enrolments SET confirmed_at = (
    SELECT MIN(r.at) FROM deliveries d JOIN receipts r ON r.delivery = d.id AND r.kind = 'confirmed'
    WHERE d.account = enrolments.account AND d.email = enrolments.email AND d.bill IS NOT NULL AND r.at >= enrolments.proven_at
) WHERE ended_at IS NULL AND proven_at IS NOT NULL;
