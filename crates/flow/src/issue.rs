//! Released run to issued bills: chunk by chunk, compose → seal → pack → one transaction.
//!
//! A chunk's numbers and its time of issue were fixed at release. So a death anywhere means: do
//! the chunk again. It makes the same bills under the same numbers, and the transaction either
//! counted or not. Two workers that hold the same chunk, because a lease ran out, make the same
//! bills too; the transaction of the first counts, and that of the second finds nothing to do.

use std::{
    collections::BTreeMap,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use jiff::{SignedDuration, civil::Date};
use kvit_billing::{
    Bill, BillNumber, Cents, ChunkNo, Currency, CustomerNumber, NoForm, PaperUntil, RunId,
    code::InstanceKey,
    ports::{Clock, Compose, NotComposed},
};
use kvit_pades::{SealError, Sealer};
use kvit_store::{ChunkJob, ChunkResult, Finish, PackRecord, Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    bills::Consents,
    cores::{self, CoresError},
    pack::Packing,
    ports::{Archive, ArchiveError, Checkpoints, Composers, NoComposer},
    sweep::{sweep, sweep_issued},
};

/// What an instance may choose about issuing.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Name of this worker; claims carry it.
    pub worker: String,
    /// How long a claim of a chunk holds, in seconds. Longer than three chunks take on the slowest machine, since
    /// one is claimed while another is composed and a third is kept: a shorter one costs double work, never a
    /// bill. A chunk that failed waits so long.
    pub lease_s: u64,
    /// Currency of every bill.
    pub currency: Currency,
    /// Base address of the portal, without a slash at the end.
    pub public_url: String,
    /// IANA time zone in which a moment has its date.
    pub time_zone: String,
    /// A bill is due in the mailbox so many hours after issue.
    pub delivery_hours: u32,
    /// Until when e-bills come on paper too.
    pub paper_until: PaperUntil,
}

/// Issues the chunks of released runs.
pub struct Issuer {
    /// Where chunks are claimed and bills are recorded.
    pub store: Store,
    /// Where packs go.
    pub archive: Arc<dyn Archive>,
    /// Make the PDFs, by the layout of the run.
    pub composers: Arc<dyn Composers>,
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
    /// How long packs were made, without writing them.
    pub packing: Duration,
    /// How long their rows were written.
    pub rows: Duration,
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
    /// The layout of the run cannot be used.
    #[error(transparent)]
    Layout(NoComposer),
    /// A bill could not be composed.
    #[error("the bill of customer {account} could not be composed")]
    Compose {
        /// Whose.
        account: CustomerNumber,
        /// Why.
        source: NotComposed,
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
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// An order names a customer whom the store does not know.
    #[error("customer {0} is not in the store; the run was checked against another store")]
    NoCustomer(CustomerNumber),
    /// The numbers of a chunk leave ten digits.
    #[error("the bill numbers of the run leave ten digits")]
    Numbers,
    /// The configured time zone does not exist.
    #[error("`{0}` is not a time zone, such as Europe/Sofia")]
    TimeZone(String),
    /// Nothing can be computed.
    #[error(transparent)]
    Cores(#[from] CoresError),
    /// All chunks were tried; some cannot be issued as they are.
    #[error("{failed} chunks could not be issued, all others were; chunk {no} of run {run}")]
    Chunks {
        /// How many.
        failed: u64,
        /// Run of the first of them.
        run: RunId,
        /// Number of the first of them.
        no: ChunkNo,
        /// Why the first of them failed.
        source: Box<IssueError>,
    },
}

impl From<NoComposer> for IssueError {
    fn from(why: NoComposer) -> Self {
        match why {
            NoComposer::Store(error) => Self::Store(error),
            unusable @ NoComposer::Unusable { .. } => Self::Layout(unusable),
        }
    }
}

impl Issuer {
    /// Issues every chunk that can be claimed, of one run or of all, until none is left or `stop`
    /// is called. `progress` hears of each chunk that was kept.
    ///
    /// A chunk with a bill that cannot be composed, or of a run whose layout this program cannot use, holds up no
    /// other: its claim stands until the lease ends, and the error comes once all others are issued.
    ///
    /// # Errors
    /// At once where store, archive or key fail; at the end for chunks that cannot be issued.
    pub async fn issue(
        &self,
        run: Option<&RunId>,
        stop: &CancellationToken,
        progress: &(dyn Fn(&ChunkResult) + Send + Sync),
    ) -> Result<IssueReport, IssueError> {
        let mut held = Vec::new();
        let result = self.issue_all(run, stop, progress, &mut held).await;
        // What was not finished is free for the next try at once, without waiting for its lease.
        for claim in held {
            let Claim { run, no, claim } = claim;
            if let Err(error) = self.store.give_back_chunk(&run, no, claim).await {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(%run, chunk = no.0, error = cause, "claim not given back");
            }
        }
        // Orphans cost room and nothing else: that they could not be removed fails no bill.
        let now = self.clock.now();
        if let Err(error) = sweep_issued(&self.store, self.archive.as_ref(), now).await {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(error = cause, "orphaned packs not removed");
        }
        result
    }

    /// As [`Issuer::issue`]; `held` has the claims that are still in hand, whatever the end.
    async fn issue_all(
        &self,
        run: Option<&RunId>,
        stop: &CancellationToken,
        progress: &(dyn Fn(&ChunkResult) + Send + Sync),
        held: &mut Vec<Claim>,
    ) -> Result<IssueReport, IssueError> {
        let mut report = IssueReport::default();
        let mut failures = Failures::default();
        // One chunk is kept, and the orders of another are read, while a third is composed; only this task talks
        // to the store. So two chunks' documents are in memory at most.
        let first = self.claim_next(run, stop, held).await?;
        let mut composing = first.map(|job| self.compose(job, Vec::new(), stop));
        // The memory of a pack that is written is taken for the next but one: fresh pages cost the system time.
        let mut spare = Vec::new();
        let mut claimed = self.claim_next(run, stop, held).await;
        while let Some(Work { claim, made, .. }) = composing.take() {
            let made = made.await.map_err(CoresError::Died)?;
            let mut compose = |job| self.compose(job, mem::take(&mut spare), stop);
            let next = claimed.map(|job| job.map(&mut compose));
            match made {
                Ok(Some(made)) => {
                    let (kept, room) = self.keep(made, &mut report).await?;
                    spare = room;
                    if let Some(kept) = kept {
                        report.bills += kept.bills.len() as u64;
                        report.chunks += 1;
                        progress(&kept);
                    }
                    held.retain(|other| *other != claim);
                }
                Ok(None) => {}
                Err(error) => {
                    failures.note(&claim, error)?;
                    held.retain(|other| *other != claim);
                }
            }
            composing = next?;
            claimed = self.claim_next(run, stop, held).await;
        }
        failures.into_result(report)
    }

    async fn claim_next(
        &self,
        run: Option<&RunId>,
        stop: &CancellationToken,
        held: &mut Vec<Claim>,
    ) -> Result<Option<ChunkJob>, IssueError> {
        if stop.is_cancelled() {
            return Ok(None);
        }
        let now = self.clock.now();
        let until = now + SignedDuration::from_secs(self.settings.lease_s.cast_signed());
        self.checkpoints.reached("before-claim-chunk");
        let job = self
            .store
            .claim_chunk(run, &self.settings.worker, now, until)
            .await?;
        if let Some(job) = &job {
            self.checkpoints.reached("after-claim-chunk");
            held.push(Claim::of(job));
        }
        Ok(job)
    }

    /// `room` is memory for the pack.
    fn compose(&self, mut job: ChunkJob, room: Vec<u8>, stop: &CancellationToken) -> Work {
        let claim = Claim::of(&job);
        let bills = self.bills(&mut job, &self.key);
        let (composers, sealer) = (Arc::clone(&self.composers), Arc::clone(&self.sealer));
        let stop = stop.child_token();
        let abandon = stop.clone().drop_guard();
        let made = tokio::spawn(async move {
            let bills = bills?;
            let composer = composers.composer(job.layout).await?;
            cores::run(move || make(job, bills, room, composer.as_ref(), &sealer, &stop)).await?
        });
        Work {
            claim,
            made,
            _abandon: abandon,
        }
    }

    /// The two effects of a chunk, in the only safe order: the pack is durable before any row
    /// names it. A death between the two leaves an orphan, and the chunk is done again. Gives what
    /// was kept, or nothing where another worker was first, and the memory of the pack.
    async fn keep(
        &self,
        made: Made,
        report: &mut IssueReport,
    ) -> Result<(Option<ChunkResult>, Vec<u8>), IssueError> {
        let Made {
            job,
            bills,
            packing,
            packed_in,
            no_forms,
        } = made;
        let begun = Instant::now();
        let pack = cores::run(move || packing.finish()).await??;
        report.packing += packed_in + begun.elapsed();
        let mut packed: Vec<_> = bills.into_iter().zip(pack.entries).collect();
        packed.sort_by_key(|(bill, _)| bill.number);
        let (bills, entries): (Vec<_>, Vec<_>) = packed.into_iter().unzip();
        let record = PackRecord {
            object: pack.object,
            sha256: pack.sha256,
            length: pack.bytes.len() as u64,
        };
        self.checkpoints.reached("before-archive-write");
        let bytes = Bytes::from(pack.bytes);
        self.archive.put(&record.object, bytes.clone()).await?;
        // An archive that holds on to the bytes leaves none.
        let room = bytes.try_into_mut().map(BytesMut::into).unwrap_or_default();
        self.checkpoints.reached("after-archive-write");

        let begun = Instant::now();
        let accounts: Vec<_> = bills.iter().map(|b| b.customer.number.clone()).collect();
        let enrolments = self.store.active_enrolments(&accounts).await?;
        // Who gets no mail has nobody who reads along.
        let mailed: Vec<_> = enrolments.keys().cloned().collect();
        let readers = self.store.active_readers(&mailed).await?;
        let consents = Consents {
            job: &job,
            enrolments: &enrolments,
        };
        let result = ChunkResult {
            copies: self.copies(&consents, &bills, &readers),
            bills: self.records(&job, &bills, &record, &entries),
            deliveries: self.deliveries(&consents, &bills),
            closed: closed(&bills),
            no_forms,
            run: job.run,
            no: job.no,
            claim: job.claim,
            worker: self.settings.worker.clone(),
            pack: record,
            at: self.clock.now(),
        };
        self.checkpoints.reached("before-commit");
        let finish = self.store.finish_chunk(&result).await;
        self.checkpoints.reached("after-commit");
        report.rows += begun.elapsed();
        let (run, no) = (&result.run, result.no);
        match finish {
            Ok(Finish::Done) => Ok((Some(result), room)),
            Ok(Finish::AlreadyDone) => Ok((None, room)),
            // The lease ran out and another worker has the chunk, or was first with a pack whose
            // signatures are its own. Ours is an orphan: swept here where the run is
            // issued by now, and with the run otherwise.
            Ok(Finish::Overtaken) => {
                tracing::warn!(%run, chunk = no.0, "the chunk is another worker's by now");
                if let Err(error) = sweep(&self.store, self.archive.as_ref(), run).await {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(%run, error = cause, "orphaned packs not removed");
                }
                Ok((None, room))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A claim of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    run: RunId,
    no: ChunkNo,
    claim: u64,
}

impl Claim {
    fn of(job: &ChunkJob) -> Self {
        Self {
            run: job.run.clone(),
            no: job.no,
            claim: job.claim,
        }
    }
}

/// A chunk that is being composed; dropping it ends that at the next bill.
struct Work {
    claim: Claim,
    made: JoinHandle<Result<Option<Made>, IssueError>>,
    _abandon: DropGuard,
}

/// A chunk whose documents exist in memory only.
struct Made {
    job: ChunkJob,
    /// As they are packed.
    bills: Vec<Bill>,
    packing: Packing,
    packed_in: Duration,
    no_forms: BTreeMap<NoForm, u64>,
}

/// Compose and seal on all cores, each into the pack as it is done; nothing where `stop` was called meanwhile. Pure: a death
/// here loses nothing but time.
fn make(
    job: ChunkJob,
    mut bills: Vec<Bill>,
    room: Vec<u8>,
    composer: &dyn Compose,
    sealer: &Sealer,
    stop: &CancellationToken,
) -> Result<Option<Made>, IssueError> {
    // What a form is made of stays near the core that fills it, if the next bill needs it too.
    bills.sort_by_cached_key(likeness);
    let mut packing = Packing::new(&job.run, job.no, bills.len(), room);
    let mut is_whole = true;
    let (mut no_forms, mut packed_in) = (BTreeMap::new(), Duration::ZERO);
    let sealed = |bill: &Bill| -> Result<_, IssueError> {
        if stop.is_cancelled() {
            return Ok(None);
        }
        let mut pdf = composer
            .compose(bill)
            .map_err(|source| compose_error(bill, source))?;
        let no_form = pdf.no_form.take();
        let sealed = sealer
            .seal(pdf, job.issued_at)
            .map_err(|source| IssueError::Seal {
                number: bill.number,
                source,
            })?;
        Ok(Some((bill.number, sealed, no_form)))
    };
    cores::each(&bills, sealed, |sealed| {
        match sealed {
            Some((number, pdf, no_form)) if is_whole => {
                let begun = Instant::now();
                packing.add(number, &pdf)?;
                packed_in += begun.elapsed();
                if let Some(why) = no_form {
                    *no_forms.entry(why.as_ref().clone()).or_default() += 1;
                }
            }
            _ => is_whole = false,
        }
        Ok(())
    })?;
    Ok(is_whole.then_some(Made {
        job,
        bills,
        packing,
        packed_in,
        no_forms,
    }))
}

/// Accounts whose last bill is among these.
fn closed(bills: &[Bill]) -> Vec<(CustomerNumber, Date)> {
    let of = |bill: &Bill| Some((bill.customer.number.clone(), bill.order.closed_on?));
    bills.iter().filter_map(of).collect()
}

/// Bills in which this is equal are likely to be of one shape.
fn likeness(bill: &Bill) -> impl Ord + use<> {
    let Bill {
        order, customer, ..
    } = bill;
    let tariff = order
        .contract
        .as_ref()
        .and_then(|contract| contract.tariff.as_ref());
    let points = order.supply_points.iter();
    (
        tariff.map(|tariff| tariff.get(customer.language).to_owned()),
        order.lines.len(),
        points.map(|point| point.meters.len()).collect::<Vec<_>>(),
        customer.address.lines.len(),
        [order.notes.len(), order.vat.len()],
        order.totals.to_pay.cmp(&Cents::ZERO),
        bill.number,
    )
}

/// Chunks that cannot be issued as they are.
#[derive(Default)]
struct Failures {
    count: u64,
    first: Option<(Claim, IssueError)>,
}

impl Failures {
    /// Notes a failure that lies in the chunk; what would fail for every chunk is handed back.
    fn note(&mut self, claim: &Claim, error: IssueError) -> Result<(), IssueError> {
        if !matches!(
            error,
            IssueError::Compose { .. }
                | IssueError::Layout(_)
                | IssueError::NoCustomer(_)
                | IssueError::Numbers
        ) {
            return Err(error);
        }
        let cause = &error as &dyn std::error::Error;
        tracing::error!(run = %claim.run, chunk = claim.no.0, error = cause, "chunk not issued");
        self.count += 1;
        self.first.get_or_insert_with(|| (claim.clone(), error));
        Ok(())
    }

    fn into_result(mut self, report: IssueReport) -> Result<IssueReport, IssueError> {
        match mem::take(&mut self.first) {
            None => Ok(report),
            Some((Claim { run, no, .. }, error)) => Err(IssueError::Chunks {
                failed: self.count,
                run,
                no,
                source: Box::new(error),
            }),
        }
    }
}

pub(crate) fn compose_error(bill: &Bill, source: NotComposed) -> IssueError {
    IssueError::Compose {
        account: bill.customer.number.clone(),
        source,
    }
}
