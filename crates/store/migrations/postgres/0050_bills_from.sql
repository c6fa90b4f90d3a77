-- From which day on a bill is for the address of this consent: the first that no bill had covered when it was proven. Of
-- earlier consents, the first day of the first bill that went there.
ALTER TABLE enrolments ADD COLUMN bills_from TEXT;
UPDATE enrolments SET bills_from = (
    SELECT MIN(b.period_from) FROM deliveries d JOIN bills b ON b.number = d.bill
    WHERE d.account = enrolments.account AND d.email = enrolments.email
) WHERE proven_at IS NOT NULL;
