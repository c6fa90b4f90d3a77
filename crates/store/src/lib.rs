//! The store's verbs and records, on SQLite and PostgreSQL
