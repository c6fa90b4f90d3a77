-- What BORICA was asked with: its answers name it. What was asked before this was kept has none.
ALTER TABLE payments ADD COLUMN nonce BLOB;
