//! A bank statement's way into the books: checked as a whole, kept as it came, booked, done.
//!
//! The file is read twice as a stream. The first reading judges it, and packs its bytes; a fault ends it
//! there, and nothing is kept. The second reads what is kept, and books it batch by batch. A death
//! before the statement is kept leaves nothing. After that the statement stands among those that are
//! not done, and [`finish_statements`] books it from its beginning: each transfer is in the
//! books once, under its account and the bank's reference, so the normal path is the recovery.

use std::io::{self, BufReader, Read, Write};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use jiff::{SignedDuration, Timestamp};
use kvit_billing::ports::Clock;
use kvit_pay::{
    VerifiedNotice,
    statement::{Judged, PayOut, StatementReader, StatementRules, Transfer},
    ways::Provider,
};
use kvit_store::{NewStatement, StatementRecord, StatementReport, Store, StoreError};

use crate::ports::Checkpoints;

/// The largest file of statements, in bytes.
pub const STATEMENT_BYTES_MAX: u64 = 1 << 30;
/// The most that is kept of a file, in bytes once packed: statements pack to a fifteenth and less.
pub const PACKED_BYTES_MAX: usize = 128 << 20;
/// Transfers that are booked in one transaction.
const BATCH: usize = 250;
/// Statements that one call finishes at most, and how many it looks at together.
const UNFINISHED_MAX: usize = 100;
/// Minutes until a statement is read again of which what is kept breaks off; the last ones go on.
const BROKEN_LADDER_MINUTES: [i64; 4] = [10, 60, 360, 1440];

/// A file of statements that was read to its end.
pub struct CheckedStatement {
    /// What it is, and what is wrong with it.
    pub judged: Judged,
    /// Transfers that were read.
    pub transfers: u64,
    id: String,
    packed: Vec<u8>,
}

impl CheckedStatement {
    /// SHA-256 of its bytes, in hex. Of a file with faults it may be that of its beginning.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What became of a file of statements.
#[derive(Clone, Debug)]
pub struct StatementOutcome {
    /// Whether it came for the first time.
    pub first: bool,
    /// What is kept of it.
    pub record: StatementRecord,
}

/// A file of statements cannot be read or booked. Nothing that was booked before is lost.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The store failed.
    #[error("the statement cannot be booked")]
    Store(#[from] StoreError),
    /// The file, or what is kept of it, cannot be read.
    #[error("the statement cannot be read")]
    Read(#[from] io::Error),
}

/// Reads and judges a file; `progress` hears how many transfers were read so far. Keeps nothing.
///
/// # Errors
/// Where the file cannot be read, or is larger than is taken. What is wrong in it is no error: it is in
/// [`CheckedStatement::judged`].
pub fn check_statement(
    source: impl Read,
    rules: &StatementRules,
    progress: &dyn Fn(u64),
) -> Result<CheckedStatement, io::Error> {
    let mut copier = Copier {
        source,
        hash: Context::new(&SHA256),
        packer: GzEncoder::new(Vec::new(), Compression::default()),
        bytes: 0,
        failed: None,
    };
    let mut transfers = 0;
    let mut reader = StatementReader::new(BufReader::new(&mut copier), rules);
    while reader.next().is_some() {
        transfers += 1;
        progress(transfers);
    }
    let judged = reader.judged();
    if let Some(error) = copier.failed {
        return Err(error);
    }
    Ok(CheckedStatement {
        judged,
        transfers,
        id: hex::encode(copier.hash.finish()),
        packed: copier.packer.finish()?,
    })
}

/// Keeps a file without faults under its name, and books it. One that is known is kept anew, which heals what is
/// kept of it, and gone through again: what is booked stays, and what waits for its owner may find one by now.
///
/// # Errors
/// Where the database fails: the same file may be given again.
pub async fn book_statement(
    store: &Store,
    name: &str,
    by: &str,
    checked: CheckedStatement,
    outside: &Outside<'_>,
) -> Result<StatementOutcome, StatementError> {
    let CheckedStatement {
        judged, id, packed, ..
    } = checked;
    let new = NewStatement {
        id,
        file: name.to_owned(),
        format: judged.format,
        received: packed,
        facts: judged.statements,
        by: by.to_owned(),
    };
    outside.checkpoints.reached("before-keep-statement");
    let first = store.keep_statement(&new, outside.clock.now()).await?;
    // A death here leaves a statement that is not done.
    outside.checkpoints.reached("after-keep-statement");
    book(store, &new.id, outside).await?;
    let record = named(store, &new.id).await?;
    Ok(StatementOutcome { first, record })
}

/// Books what a death left kept and not done, of what was kept before a moment. Gives how many. One that breaks off is
/// told where it happens, holds up no other, and is read again later, each time after a longer while.
///
/// # Errors
/// Where the database fails.
pub async fn finish_statements(
    store: &Store,
    before: Timestamp,
    outside: &Outside<'_>,
) -> Result<usize, StoreError> {
    let (mut done, now) = (0, outside.clock.now());
    while done < UNFINISHED_MAX {
        let waiting = store.unfinished_statements(before, now, UNFINISHED_MAX);
        let waiting = waiting.await?;
        if waiting.is_empty() {
            break;
        }
        for record in waiting {
            match book(store, &record.id, outside).await {
                Ok(()) => done += 1,
                Err(StatementError::Store(error)) => return Err(error),
                Err(StatementError::Read(error)) => {
                    tracing::error!(
                        statement = record.id,
                        file = record.file,
                        error = &error as &dyn std::error::Error,
                        "what is kept of a statement cannot be booked"
                    );
                    let again = now + broken_wait(record.broke_off);
                    store.statement_broke_off(&record.id, again).await?;
                }
            }
        }
    }
    Ok(done)
}

/// How long a statement is left alone that broke off so often before.
fn broken_wait(before: u64) -> SignedDuration {
    let step = usize::try_from(before).unwrap_or(usize::MAX);
    let last = BROKEN_LADDER_MINUTES.len() - 1;
    SignedDuration::from_mins(BROKEN_LADDER_MINUTES[step.min(last)])
}

/// What booking needs besides the store.
pub struct Outside<'a> {
    /// How payment systems hand over what they collected.
    pub payouts: Vec<PayOut>,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Where tests end the process.
    pub checkpoints: &'a dyn Checkpoints,
    /// Hears how many transfers of a statement were booked so far.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// How these payment systems hand over what they collected.
#[must_use]
pub fn payouts(ways: &[Provider]) -> Vec<PayOut> {
    ways.iter()
        .filter_map(|provider| provider.payout.clone())
        .collect()
}

/// The transfers of a kept statement, in their order; `each` gets them one by one.
///
/// # Errors
/// Where the database fails.
pub async fn read_statement(
    store: &Store,
    id: &str,
    payouts: Vec<PayOut>,
    mut each: impl FnMut(Transfer),
) -> Result<(), StoreError> {
    let packed = store.statement_received(id).await?;
    let rules = of_kept(payouts);
    let source = BufReader::new(GzDecoder::new(packed.as_slice()));
    StatementReader::new(source, &rules).for_each(&mut each);
    Ok(())
}

async fn book(store: &Store, id: &str, outside: &Outside<'_>) -> Result<(), StatementError> {
    let packed = store.statement_received(id).await?;
    let rules = of_kept(outside.payouts.clone());
    let source = BufReader::new(GzDecoder::new(packed.as_slice()));
    let mut reader = StatementReader::new(source, &rules);
    let mut report = StatementReport::default();
    let mut done = 0;
    loop {
        let batch: Vec<Transfer> = reader.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let notices: Vec<Option<VerifiedNotice>> = batch
            .iter()
            .map(|transfer| transfer.clone().notice())
            .collect();
        let moving: Vec<VerifiedNotice> = notices.iter().flatten().cloned().collect();
        outside.checkpoints.reached("before-book-transfers");
        let booked = store
            .book_transfers(id, &moving, outside.clock.now())
            .await?;
        outside.checkpoints.reached("after-book-transfers");
        let refunded = store
            .settle_refunds(id, &batch, outside.clock.now())
            .await?;
        outside.checkpoints.reached("after-settle-refunds");
        let refused = store.refuse_debits(id, &batch, outside.clock.now()).await?;
        outside.checkpoints.reached("after-refuse-debits");
        let mut booked = booked.into_iter();
        let orders = refunded.into_iter().zip(refused);
        for ((transfer, notice), (refunded, refused)) in batch.iter().zip(&notices).zip(orders) {
            let booked = notice.as_ref().and_then(|_| booked.next());
            report.add(transfer, booked.or(refunded).or(refused));
        }
        done += batch.len() as u64;
        (outside.progress)(done);
    }
    // It was read to its end before it was kept.
    if !reader.ended() {
        let what = format!("what is kept of statement {id} breaks off; import the same file again");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what).into());
    }
    store
        .finish_statement(id, &report, outside.clock.now())
        .await?;
    Ok(())
}

/// What is kept was judged before; how the operator is set up now judges nothing.
fn of_kept(payouts: Vec<PayOut>) -> StatementRules {
    StatementRules {
        ibans: Vec::new(),
        currency: None,
        payouts,
    }
}

async fn named(store: &Store, id: &str) -> Result<StatementRecord, StatementError> {
    let mut found = store.statements_named(id).await?;
    found
        .pop()
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
}

/// Hands bytes on, and hashes and packs them on their way.
struct Copier<S> {
    source: S,
    hash: Context,
    packer: GzEncoder<Vec<u8>>,
    bytes: u64,
    failed: Option<io::Error>,
}

impl<S: Read> Read for Copier<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.copy(into).map_err(|error| {
            // The reader would call it a fault of the text.
            let kind = error.kind();
            self.failed = Some(error);
            io::Error::from(kind)
        })
    }
}

impl<S: Read> Copier<S> {
    fn copy(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.bytes += count as u64;
        if self.bytes > STATEMENT_BYTES_MAX || self.packer.get_ref().len() > PACKED_BYTES_MAX {
            let what = "the file is too large: ask the bank for a statement a day";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        self.hash.update(&into[..count]);
        self.packer.write_all(&into[..count])?;
        Ok(count)
    }
}
