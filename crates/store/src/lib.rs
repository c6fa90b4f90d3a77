//! The store: what Kvit remembers, as verbs and records. SQL stays in here.
//!
//! Facts are appended; a state that can be derived is not stored beside them. Each verb is one
//! transaction. Today the engine is SQLite, with one writing connection and a pool of readers.

mod bills;
mod customers;
mod deliveries;
mod enrolments;
mod guards;
mod issue;
mod records;
mod rows;
mod runs;

use std::{str::FromStr, time::Duration};

use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use records::*;
pub use runs::ReleaseError;

/// Readers at once.
const READERS_MAX: u32 = 8;
/// How long a writer of another process is waited for.
const BUSY_TIMEOUT_S: u64 = 30;

/// The open store. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection: SQLite has one writer, and five that fight are slower than one that queues.
    writer: SqlitePool,
    readers: SqlitePool,
}

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be used.
    #[error("`{0}` is not a database address, such as sqlite://kvit.db")]
    Url(String),
    /// The database said no.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what no verb writes.
    #[error("the database holds a bad {what}: `{value}`; restore it from a backup")]
    Corrupt {
        /// Which column.
        what: &'static str,
        /// Its beginning.
        value: String,
    },
    /// Something cannot be written down.
    #[error("a record cannot be written")]
    Encode(#[source] std::io::Error),
    /// The run is not in the state that the verb needs.
    #[error("run {run} is not {needed}")]
    RunState {
        /// Which run.
        run: String,
        /// The state needed.
        needed: &'static str,
    },
    /// The chunk was issued before with another pack.
    #[error("chunk {chunk} of run {run} is issued already, with another pack")]
    ChunkTaken {
        /// Which run.
        run: String,
        /// Which chunk.
        chunk: u32,
    },
}

impl Store {
    /// Opens a database, creating it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// Where the address is bad, the file cannot be opened, or a migration fails.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        // An address of another engine may hold a password: only its scheme is said.
        let bad = || {
            StoreError::Url(match url.split_once(':') {
                Some((scheme, _)) if scheme != "sqlite" => format!("{scheme}:…"),
                _ => url.to_owned(),
            })
        };
        if !url.starts_with("sqlite:") {
            return Err(bad());
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| bad())?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(BUSY_TIMEOUT_S));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self { writer, readers })
    }

    /// Answers where the database does.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// A transaction that writes. It takes the write lock at once: one that reads first and
    /// writes later fails with BUSY when another process came between.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// The connection inside a transaction.
type Connection = SqliteConnection;
