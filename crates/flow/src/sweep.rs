//! Packs that no row names are removed from the archive.
//!
//! A pack is written before the transaction that names it, so a death in between, or a worker that
//! was taken for dead, leaves an orphan. While a run is being issued nobody can tell an orphan from
//! a pack that is about to be named; once it is issued, no chunk of it can be kept any more, and
//! what no chunk names never will be.

use jiff::Timestamp;
use kvit_billing::RunId;
use kvit_store::{RunState, Store, StoreError};

use crate::{
    pack::run_prefix,
    ports::{Archive, ArchiveError},
};

/// Sweeping stopped. Nothing is lost: the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The store failed.
    #[error("the store failed while orphaned packs were looked for")]
    Store(#[from] StoreError),
    /// The archive failed.
    #[error("orphaned packs could not be removed")]
    Archive(#[from] ArchiveError),
}

/// Sweeps every issued run that was not swept yet, and says how many packs went. A death in between
/// leaves the rest to the next call.
///
/// # Errors
/// Where the store or the archive fails.
pub async fn sweep_issued(
    store: &Store,
    archive: &dyn Archive,
    now: Timestamp,
) -> Result<u64, SweepError> {
    let mut removed = 0;
    for run in store.unswept_runs().await? {
        removed += sweep(store, archive, &run).await?;
        store.mark_swept(&run, now).await?;
    }
    Ok(removed)
}

/// Removes the orphaned packs of a run, and says how many there were. A run that is not issued is
/// left alone. May be repeated at any time, and by several workers at once.
///
/// # Errors
/// Where the store or the archive fails.
pub async fn sweep(store: &Store, archive: &dyn Archive, run: &RunId) -> Result<u64, SweepError> {
    // Asked before the archive is listed: an issued run gets no new named packs, so every pack that
    // a row names is known here.
    let issued = store
        .run(run)
        .await?
        .is_some_and(|record| record.state == RunState::Issued);
    if !issued {
        return Ok(0);
    }
    let named = store.packs_of_run(run).await?;
    let mut removed = 0;
    for object in archive.list(&run_prefix(run)).await? {
        if !named.contains(&object) {
            tracing::info!(run = %run, pack = object, "orphaned pack removed");
            archive.delete(&object).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
