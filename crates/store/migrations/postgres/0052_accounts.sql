-- The day on which an account was closed, and since when the party holds it that holds it now, where another did before.
ALTER TABLE customers ADD COLUMN closed_on TEXT;
ALTER TABLE customers ADD COLUMN holder_since TEXT;
