//! An instance with invented customers, each with a bill, whose documents nobody made.

use std::{path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{
    BillOrder, Currency, Customer, CustomerNumber, Language, OrderSeq, RunId, code::InstanceKey,
};
use kvit_store::{BillRecord, ChunkJob, ChunkResult, PackRecord, Store};
use kvit_synth::Synth;
use tempfile::TempDir;

use super::{SEED, prepared};
use crate::{
    cli::{BenchLoadArgs, KeyChoice},
    commands::init,
    config::{Config, PayConfig},
    exit::{Context, Exit, Failure},
    output::Output,
    wiring::Instance,
};

/// Until when a chunk is ours: nobody else works here.
const LEASE: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Loaded {
    pub(super) instance: Instance,
    pub(super) synth: Synth,
    pub(super) key: Arc<InstanceKey>,
    is_postgres: bool,
    _temporary: TempDir,
}

impl Loaded {
    /// Made anew, with these ways of paying, in a temporary folder or in `dir`.
    pub(super) async fn new(
        out: &Output,
        dir: Option<&Path>,
        args: &BenchLoadArgs,
        pay: PayConfig,
    ) -> Result<Self, Failure> {
        let temporary = tempfile::Builder::new()
            .prefix("kvit-bench-")
            .tempdir()
            .failed("a temporary folder cannot be made")?;
        let folder = dir.unwrap_or_else(|| temporary.path());
        let mut config = Config {
            pay,
            ..Config::default()
        };
        if let Some(store) = &args.store {
            config.store.url.clone_from(store);
        }
        let instance =
            init::create(folder, &config, KeyChoice::P256, jiff::Timestamp::now()).await?;
        out.note("loading customers and their bills");
        let run = prepared(out, &instance, args.customers, 1).await?;
        issued(&instance.store, &run).await?;
        Ok(Self {
            key: instance.key()?,
            instance,
            synth: Synth::new(SEED, args.customers),
            is_postgres: config.store.url.starts_with("postgres"),
            _temporary: temporary,
        })
    }

    pub(super) const fn store_name(&self) -> &'static str {
        if self.is_postgres {
            "PostgreSQL"
        } else {
            "SQLite"
        }
    }

    /// Neighbours in the order of these are no neighbours in the store.
    pub(super) fn somebody(&self, i: u32) -> CustomerNumber {
        self.synth.number(self.place(i))
    }

    /// The same one, with telephone.
    pub(super) fn person(&self, i: u32) -> Customer {
        let place = self.place(i);
        let mut customer = self.synth.customer(place);
        customer.phone = Some(super::phone(place));
        customer
    }

    fn place(&self, i: u32) -> u32 {
        i.wrapping_mul(2_654_435_761) % self.synth.customers()
    }
}

/// Keeps the bills of a released run without making their documents: nobody reads them here.
async fn issued(store: &Store, run: &RunId) -> Result<(), Failure> {
    let what = "the bills cannot be kept";
    loop {
        let now = Timestamp::now();
        let job = store.claim_chunk(Some(run), "bench", now, now + LEASE);
        let Some(job) = job.await.failed(what)? else {
            return Ok(());
        };
        let made = made(&job).ok_or_else(|| Failure::new(Exit::Failed, what))?;
        store.finish_chunk(&made).await.failed(what)?;
    }
}

fn made(job: &ChunkJob) -> Option<ChunkResult> {
    let object = format!("runs/{}/{}-0123456789abcdef.zip", job.run, job.no);
    let issue_date = jiff::tz::TimeZone::UTC.to_datetime(job.issued_at).date();
    let bill = |(place, order): (u64, &BillOrder)| {
        Some(BillRecord {
            number: job.first_number.plus(place)?,
            series: job.series.clone(),
            run: job.run.clone(),
            seq: OrderSeq(job.first_seq.0 + place),
            chunk: job.no,
            account: order.account.clone(),
            kind: order.kind,
            issue_date,
            period: order.period,
            due_date: order.due_date,
            gross: order.totals.gross,
            to_pay: order.totals.to_pay,
            carried_over: order.totals.carried_over,
            currency: Currency::EUR,
            language: Language::Bg,
            pack: object.clone(),
            offset: place,
            length: 1,
            sha256: [9; 32],
            corrects: None,
            consumed: order.consumed(),
        })
    };
    let bills = (0..)
        .zip(&job.orders)
        .map(bill)
        .collect::<Option<Vec<_>>>()?;
    Some(ChunkResult {
        run: job.run.clone(),
        no: job.no,
        claim: job.claim,
        worker: "bench".to_owned(),
        copies: Vec::new(),
        closed: Vec::new(),
        no_forms: Default::default(),
        pack: PackRecord {
            object,
            sha256: [1; 32],
            length: bills.len() as u64,
        },
        bills,
        deliveries: Vec::new(),
        at: job.issued_at,
    })
}
