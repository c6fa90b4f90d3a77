//! The store: what Kvit remembers, as verbs and records. SQL stays in here.
//!
//! Facts are appended; a state that can be derived is not stored beside them. Each verb is one
//! transaction. Two engines keep the same promises: SQLite for one machine, PostgreSQL for many.

mod access_mails;
mod accounts;
mod api;
mod api_calls;
mod apply;
mod audit;
mod balance;
mod bills;
mod codes;
mod concessions;
mod contents;
mod customers;
mod debit_files;
mod debit_returns;
mod debits;
mod deliveries;
mod desk;
mod engine;
mod enrolments;
mod guards;
mod guesses;
mod health;
mod issue;
mod kept;
mod layouts;
mod ledger;
mod mandates;
mod migrations;
mod money_mails;
mod no_forms;
mod notices;
mod owing_sheets;
mod passkeys;
mod passwords;
mod payments;
#[cfg(test)]
mod plans;
mod progress;
mod readers;
mod receipts;
mod receivables;
mod reconcile;
mod reconciliation;
mod records;
mod refund_corrections;
mod refund_files;
mod refusals;
mod release;
mod reminders;
mod rows;
mod runs;
mod same_way;
mod scan_files;
mod scan_objects;
mod scans;
mod search;
mod sessions;
mod sign_in;
mod sql;
mod staff;
mod staff_edits;
mod staging;
mod statements;
mod statistics;
mod texts;
mod trail;
mod transfers;
mod unmatched;
mod webhooks;

pub use access_mails::ACCESS_DUE_MINUTES;
pub use api::API_KEY_DAYS;
pub use debit_files::DEBITS_IN_FILE_MAX;
pub use debits::DebitPlace;
pub use guesses::GUESSING;
pub use layouts::layout_hash;
pub use owing_sheets::OWING_SHEETS_KEPT;
pub use passkeys::{CHALLENGES_OF_ADDRESS_MAX, PASSKEYS_OF_OWNER_MAX};
pub use reconcile::same_person;
pub use reconciliation::days_of;
pub use records::*;
pub use refund_files::REFUNDS_IN_FILE_MAX;
pub use release::ReleaseError;
pub use scans::SCANS_COUNTED_MAX;
pub use search::SEARCH_LETTERS_MIN;
pub use sessions::POINTS_MAX;
pub use sign_in::SIGN_IN_MINUTES;
pub use webhooks::{WEBHOOK_ASIDE_DAYS, WEBHOOK_LADDER_MINUTES};

use engine::{Pools, Tx};

/// The open store. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Pools,
}

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be used.
    #[error(
        "`{0}` is not a database address, such as sqlite://kvit.db or postgres://user@host/kvit"
    )]
    Url(String),
    /// The database cannot be opened.
    #[error("cannot open the database {place}; see that it is there and lets this account in")]
    Open {
        /// Where it is, without the password.
        place: String,
        /// What the engine said.
        source: sqlx::Error,
    },
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
    /// What a worker made does not belong to the orders of its chunk.
    #[error("what was made of chunk {chunk} of run {run} is not one bill for each of its orders")]
    Misfit {
        /// Which run.
        run: String,
        /// Which chunk.
        chunk: u32,
    },
}

impl Store {
    /// Opens the database at `sqlite://PATH`, which is made where there is none, or at
    /// `postgres://…`, which has to exist; brings its schema up to date.
    ///
    /// # Errors
    /// Where the address is bad, the database cannot be reached, or a migration fails.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let pools = Pools::open(url).await?;
        let store = Self { pools };
        store.fold_earlier_customers().await?;
        // What a backup was read into was looked at by nobody.
        store.look_at_grown_tables().await;
        Ok(store)
    }

    /// Answers where the database does.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sql::query("SELECT 1").fetch_one(&self.pools).await?;
        Ok(())
    }

    async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.pools.begin().await?)
    }

    async fn begin_reading(&self) -> Result<Tx, StoreError> {
        Ok(self.pools.begin_reading().await?)
    }
}
