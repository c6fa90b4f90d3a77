-- What a book holds is read from the index alone.
DROP INDEX postings_by_book;
CREATE INDEX postings_by_book ON postings (book, cents);
