-- What the meters of a bill counted, such as `123.5 KWH`, where its order tells of no months: bills that were issued before have none.
ALTER TABLE bills ADD COLUMN consumed TEXT;
