//! Released run to issued bills: chunk by chunk, compose → seal → pack → one transaction.
//!
//! A chunk's numbers and its time of issue were fixed at release, and its pack's name follows from
//! run and chunk. So a death anywhere means: do the chunk again. It makes the same documents under
//! the same numbers, overwrites its own orphaned pack, and the transaction either counted or not.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use kvit_billing::{
    Bill, BillNumber, BillOrder, Currency, DeliveryId, OrderSeq, RunId,
    code::{InstanceKey, TokenPurpose},
    customer::Customer,
    ports::Clock,
};
use kvit_compose::{ComposeError, Composer};
use kvit_pades::{SealError, SealedPdf, Sealer};
use kvit_store::{
    BillRecord, Channel, ChunkJob, ChunkResult, NewDelivery, PackRecord, Store, StoreError,
};
use rayon::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::{
    pack::{Pack, pack},
    ports::{Archive, ArchiveError, Checkpoints},
};

/// What an instance may choose about issuing.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Name of this worker; claims carry it.
    pub worker: String,
    /// How long a claim of a chunk holds, in seconds.
    pub lease_s: u64,
    /// Currency of every bill.
    pub currency: Currency,
    /// Base address of the portal, without a slash at the end.
    pub public_url: String,
    /// IANA time zone in which a moment has its date.
    pub time_zone: String,
    /// A bill is due in the mailbox so many hours after issue.
    pub delivery_hours: u32,
}

/// Issues the chunks of released runs.
pub struct Issuer {
    /// Where chunks are claimed and bills are recorded.
    pub store: Store,
    /// Where packs go.
    pub archive: Arc<dyn Archive>,
    /// Makes the PDFs.
    pub composer: Arc<Composer>,
    /// Seals them.
    pub sealer: Arc<Sealer>,
    /// Derives codes and link tokens.
    pub key: Arc<InstanceKey>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// The instance's choices.
    pub settings: IssuerSettings,
}

/// What was issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IssueReport {
    /// Bills.
    pub bills: u64,
    /// Chunks.
    pub chunks: u64,
}

/// Issuing stopped. What was committed stays; the same command resumes the rest.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The store failed.
    #[error("the store failed while issuing")]
    Store(#[from] StoreError),
    /// The archive failed.
    #[error("the pack could not be archived")]
    Archive(#[from] ArchiveError),
    /// A bill could not be composed.
    #[error("the bill of customer {account} could not be composed")]
    Compose {
        /// Whose.
        account: String,
        /// Why.
        source: ComposeError,
    },
    /// A bill could not be sealed.
    #[error("bill {number} could not be sealed")]
    Seal {
        /// Which.
        number: BillNumber,
        /// Why.
        source: SealError,
    },
    /// The pack could not be made.
    #[error("the pack could not be made")]
    Pack(#[from] zip::result::ZipError),
    /// An order names a customer whom the store does not know.
    #[error("customer {0} is not in the store; the run was checked against another store")]
    NoCustomer(String),
    /// The numbers of a chunk leave ten digits.
    #[error("the bill numbers of the run leave ten digits")]
    Numbers,
    /// The configured time zone does not exist.
    #[error("`{0}` is not a time zone, such as Europe/Sofia")]
    TimeZone(String),
    /// The composing thread died.
    #[error("composing stopped")]
    Thread(#[source] tokio::task::JoinError),
}

impl Issuer {
    /// Issues every chunk that can be claimed, of one run or of all, until none is left or `stop`
    /// is called between two chunks. `progress` hears how many bills each chunk added.
    ///
    /// # Errors
    /// At the first failure; its chunk's claim is given back.
    pub async fn issue(
        &self,
        run: Option<&RunId>,
        stop: &CancellationToken,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<IssueReport, IssueError> {
        let mut report = IssueReport::default();
        // One chunk is committed while the next is composed; only this task talks to the store.
        let mut composing = self.start_next(run, stop).await?;
        while let Some(made) = composing.take() {
            let made = made.await.map_err(IssueError::Thread)??;
            composing = self.start_next(run, stop).await?;
            let bills = made.bills.len() as u64;
            self.keep(made).await?;
            report.bills += bills;
            report.chunks += 1;
            progress(bills);
        }
        Ok(report)
    }

    /// Unsealed samples of the first `n` bills of a checked run, marked as samples, with file names.
    /// They show the numbers 1 to `n`, since none is given before release.
    ///
    /// # Errors
    /// As for issuing.
    pub async fn preview(
        &self,
        run: &RunId,
        n: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, IssueError> {
        let mut orders = self
            .store
            .staged_orders(run, kvit_billing::ChunkNo(0))
            .await?;
        orders.truncate(n);
        let first = BillNumber::new(1).ok_or(IssueError::Numbers)?;
        let job = ChunkJob {
            run: run.clone(),
            no: kvit_billing::ChunkNo(0),
            first_seq: OrderSeq(0),
            first_number: first,
            series: "sample".parse().map_err(|_| IssueError::Numbers)?,
            issued_at: self.clock.now(),
            orders,
        };
        let bills = self.bills(&job).await?;
        let composer = Arc::clone(&self.composer);
        tokio::task::spawn_blocking(move || {
            bills
                .par_iter()
                .map(|bill| {
                    let pdf = composer
                        .sample(bill)
                        .map_err(|source| compose_error(bill, source))?;
                    Ok((format!("sample-{}.pdf", bill.customer.number), pdf))
                })
                .collect()
        })
        .await
        .map_err(IssueError::Thread)?
    }

    async fn start_next(
        &self,
        run: Option<&RunId>,
        stop: &CancellationToken,
    ) -> Result<Option<tokio::task::JoinHandle<Result<Made, IssueError>>>, IssueError> {
        if stop.is_cancelled() {
            return Ok(None);
        }
        let now = self.clock.now();
        let until = now + SignedDuration::from_secs(self.settings.lease_s.cast_signed());
        let Some(job) = self
            .store
            .claim_chunk(run, &self.settings.worker, now, until)
            .await?
        else {
            return Ok(None);
        };
        self.checkpoints.reached("chunk-claimed");
        let bills = self.bills(&job).await?;
        let (composer, sealer) = (Arc::clone(&self.composer), Arc::clone(&self.sealer));
        Ok(Some(tokio::task::spawn_blocking(move || {
            make(job, bills, &composer, &sealer)
        })))
    }

    /// The bills that a chunk's orders become.
    async fn bills(&self, job: &ChunkJob) -> Result<Vec<Bill>, IssueError> {
        let zone = TimeZone::get(&self.settings.time_zone)
            .map_err(|_| IssueError::TimeZone(self.settings.time_zone.clone()))?;
        let issue_date = job.issued_at.to_zoned(zone).date();
        let accounts: Vec<_> = job
            .orders
            .iter()
            .map(|order| order.account.clone())
            .collect();
        let customers = self.store.customers(&accounts).await?;
        (0_u64..)
            .zip(&job.orders)
            .map(|(offset, order)| {
                let number = job.first_number.plus(offset).ok_or(IssueError::Numbers)?;
                let known = customers
                    .get(&order.account)
                    .ok_or_else(|| IssueError::NoCustomer(order.account.to_string()))?;
                let code = self
                    .key
                    .authorization_code(&order.account, known.code_generation);
                Ok(Bill {
                    number,
                    series: job.series.clone(),
                    issued_at: job.issued_at,
                    issue_date,
                    customer: holder(order, &known.customer),
                    code,
                    verify_url: self.verify_url(number),
                    enrol_url: format!("{}/enrol?n={}", self.settings.public_url, order.account),
                    order: order.clone(),
                })
            })
            .collect()
    }

    fn verify_url(&self, number: BillNumber) -> String {
        let token = self.key.token(TokenPurpose::Verify, &number.to_string());
        format!("{}/v/{number}-{}", self.settings.public_url, token.expose())
    }

    /// The two effects of a chunk, in the only safe order: the pack is durable before any row
    /// names it. A death between the two leaves an orphan that the redone chunk overwrites.
    async fn keep(&self, made: Made) -> Result<(), IssueError> {
        let Made { job, bills, pack } = made;
        let record = PackRecord {
            object: pack.object.clone(),
            sha256: pack_hash(&pack.bytes),
            length: pack.bytes.len() as u64,
        };
        self.checkpoints.reached("before-archive-write");
        self.archive.put(&pack.object, pack.bytes).await?;
        self.checkpoints.reached("after-archive-write");

        let accounts: Vec<_> = bills
            .iter()
            .map(|bill| bill.customer.number.clone())
            .collect();
        let enrolments = self.store.active_enrolments(&accounts).await?;
        let due_at =
            job.issued_at + SignedDuration::from_hours(self.settings.delivery_hours.into());
        let deliveries = bills
            .iter()
            .map(|bill| {
                let id = DeliveryId::of(bill.number, 1);
                let enrolment = enrolments.get(&bill.customer.number);
                let token =
                    enrolment.map(|_| self.key.token(TokenPurpose::Receipt, id.as_str()).hash());
                NewDelivery {
                    id,
                    bill: bill.number,
                    account: bill.customer.number.clone(),
                    channel: if enrolment.is_some() {
                        Channel::Email
                    } else {
                        Channel::Paper
                    },
                    email: enrolment.map(|e| e.email.clone()),
                    language: bill.customer.language,
                    due_at,
                    token,
                }
            })
            .collect();
        let records = bills
            .iter()
            .zip(&pack.entries)
            .enumerate()
            .map(|(offset, (bill, entry))| BillRecord {
                number: bill.number,
                series: bill.series.clone(),
                run: job.run.clone(),
                seq: OrderSeq(job.first_seq.0 + offset as u64),
                chunk: job.no,
                account: bill.customer.number.clone(),
                kind: bill.order.kind,
                issue_date: bill.issue_date,
                period: bill.order.period,
                due_date: bill.order.due_date,
                gross: bill.order.totals.gross,
                to_pay: bill.order.totals.to_pay,
                currency: self.settings.currency,
                language: bill.customer.language,
                pack: record.object.clone(),
                offset: entry.offset,
                length: entry.length,
                sha256: entry.sha256,
                corrects: bill.order.corrects.as_ref().map(|c| c.number),
            })
            .collect();
        self.checkpoints.reached("before-commit");
        self.store
            .finish_chunk(&ChunkResult {
                run: job.run,
                no: job.no,
                worker: self.settings.worker.clone(),
                pack: record,
                bills: records,
                deliveries,
                at: self.clock.now(),
            })
            .await?;
        self.checkpoints.reached("after-commit");
        Ok(())
    }
}

/// A chunk whose documents exist in memory only.
struct Made {
    job: ChunkJob,
    bills: Vec<Bill>,
    pack: Pack,
}

/// Compose, seal and pack on all cores. Pure: a death here loses nothing but time.
fn make(
    job: ChunkJob,
    bills: Vec<Bill>,
    composer: &Composer,
    sealer: &Sealer,
) -> Result<Made, IssueError> {
    let at: Timestamp = job.issued_at;
    let sealed: Vec<(BillNumber, SealedPdf)> = bills
        .par_iter()
        .map(|bill| {
            let pdf = composer
                .compose(bill)
                .map_err(|source| compose_error(bill, source))?;
            let sealed = sealer.seal(pdf, at).map_err(|source| IssueError::Seal {
                number: bill.number,
                source,
            })?;
            Ok((bill.number, sealed))
        })
        .collect::<Result<_, IssueError>>()?;
    let pack = pack(&job.run, job.no, &sealed)?;
    Ok(Made { job, bills, pack })
}

fn compose_error(bill: &Bill, source: ComposeError) -> IssueError {
    IssueError::Compose {
        account: bill.customer.number.to_string(),
        source,
    }
}

/// The order's own customer data is what is billed; the language is the customer's choice.
fn holder(order: &BillOrder, known: &Customer) -> Customer {
    let mut holder = order.customer.clone().unwrap_or_else(|| known.clone());
    holder.language = known.language;
    holder
}

fn pack_hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    hash.copy_from_slice(digest.as_ref());
    hash
}
