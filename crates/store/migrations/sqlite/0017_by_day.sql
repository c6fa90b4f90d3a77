-- Transfers by the day on which the bank booked them, for comparing statements with the books.
CREATE INDEX transfers_by_day ON transfers (booked, kind);
