//! How fast chunks are kept, mails claimed and bills found, beside what the engine itself does with
//! the same rows: `INSERT … SELECT` from a copy, in transactions of the same size.
//!
//! `cargo bench -p kvit-store`; `KVIT_BENCH_CHUNKS` says how many chunks of 1,000 bills (50).
#![allow(clippy::print_stdout, reason = "its figures are its result")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, civil::date};
use kvit_billing::{
    BillNumber, Cents, ChunkNo, Currency, DeliveryId, Language, OrderSeq, Period, RunId,
    code::TokenHash,
};
use kvit_store::{
    Attempt, AttemptOutcome, BillRecord, Channel, ChunkJob, ChunkResult, NewDelivery, NewRun,
    PackRecord, Release, RunTotals, Store,
};
use kvit_synth::Synth;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

const BILLS_A_CHUNK: u32 = 1_000;
/// Mails taken at once, as a courier of eight connections does.
const MAILS_A_CLAIM: usize = 16;
const CLAIMING_WORKERS: usize = 4;
const LOOKUPS: u32 = 2_000;

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Fallible<()> {
    // `cargo test` builds benchmarks too, and runs them without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let chunks = match std::env::var("KVIT_BENCH_CHUNKS") {
        Ok(count) => count.parse()?,
        Err(_) => 50,
    };
    println!(
        "{chunks} chunks of {BILLS_A_CHUNK} bills and half as many mails; a second, unless said otherwise"
    );
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
    engine("SQLite, synchronous FULL", &url, chunks).await?;
    match kvit_postgres::Cluster::start_durable()? {
        Some(cluster) => {
            let url = cluster.create_database("kvit")?;
            engine("PostgreSQL, defaults, fsync on", &url, chunks).await?;
        }
        None => println!("SKIPPED: PostgreSQL is not installed"),
    }
    Ok(())
}

async fn engine(name: &str, url: &str, chunks: u32) -> Fallible<()> {
    println!("\n{name}");
    let store = Store::open(url).await?;
    let synth = Arc::new(Synth::new(7, chunks * BILLS_A_CHUNK));
    let bills = u64::from(synth.customers());
    let run = stage(&store, &synth, chunks).await?;

    let one = chunks / 2;
    let started = Instant::now();
    let mut spent = Spent::default();
    for _ in 0..one {
        spent.add(keep_one(&store, "one").await?);
    }
    let half = u64::from(one * BILLS_A_CHUNK);
    rate(
        "bills kept, one worker",
        half,
        started.elapsed() - spent.making,
    );
    rate(
        "  claims of chunks with their orders",
        u64::from(one),
        spent.claiming,
    );
    let started = Instant::now();
    let both = ["two", "three"].map(|worker| {
        let store = store.clone();
        tokio::spawn(async move { keep_all(&store, worker).await })
    });
    for worker in both {
        worker.await??;
    }
    rate(
        "bills kept, two workers, claim and making included",
        bills - half,
        started.elapsed(),
    );
    rate("bills kept, bare", bills, bare(url, chunks).await?);

    let started = Instant::now();
    let mails = send_all(&store).await?;
    rate(
        "mails claimed and recorded, four workers",
        mails,
        started.elapsed(),
    );
    look_up(&store, &synth, &run).await
}

fn rate(what: &str, count: u64, time: Duration) {
    println!("  {what}: {:.0}", count as f64 / time.as_secs_f64());
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_790_000_000 + seconds)
}

/// A released run of everybody, on record.
async fn stage(store: &Store, synth: &Synth, chunks: u32) -> Fallible<RunId> {
    let id: RunId = "bench".parse()?;
    let month = date(2026, 10, 1);
    store
        .begin_run(&NewRun {
            id: id.clone(),
            system: "bench".to_owned(),
            external_id: "bench".to_owned(),
            period: Period::month_of(month),
            currency: Currency::EUR,
            seller: "000000000".to_owned(),
            file_name: "bench.ndjson".to_owned(),
            imported_by: "ana".to_owned(),
            imported_at: at(0),
        })
        .await?;
    let (mut staging, mut upserting) = (Duration::ZERO, Duration::ZERO);
    for chunk in 0..chunks {
        let people = chunk * BILLS_A_CHUNK..(chunk + 1) * BILLS_A_CHUNK;
        let customers: Vec<_> = people.clone().map(|i| synth.customer(i)).collect();
        let orders: Vec<_> = people.map(|i| synth.order(i, month)).collect();
        let first = OrderSeq(u64::from(chunk * BILLS_A_CHUNK));
        let started = Instant::now();
        store
            .stage_chunk(&id, at(0), ChunkNo(chunk), first, &orders)
            .await?;
        staging += started.elapsed();
        let started = Instant::now();
        store.upsert_customers(&customers).await?;
        upserting += started.elapsed();
    }
    let orders = u64::from(synth.customers());
    rate("orders staged, compression included", orders, staging);
    rate("customers brought up to date", orders, upserting);
    let totals = RunTotals {
        orders,
        chunks,
        sum_cents: Cents::new(0),
    };
    store
        .accept_run(&id, at(0), &totals, &json!({}), at(1))
        .await?;
    let release = Release {
        base: Default::default(),
        by: "boris".to_owned(),
        who: "boris".to_owned(),
        at: at(2),
        series: "main".parse()?,
        first_if_new: BillNumber::new(1).ok_or("a number")?,
    };
    store.release_run(&id, &release).await?;
    Ok(id)
}

/// Where the time of a chunk went.
#[derive(Clone, Copy, Default)]
struct Spent {
    claiming: Duration,
    making: Duration,
}

impl Spent {
    fn add(&mut self, other: Option<Self>) {
        let other = other.unwrap_or_default();
        self.claiming += other.claiming;
        self.making += other.claiming + other.making;
    }
}

/// Claims a chunk and keeps it; nothing where there is none.
async fn keep_one(store: &Store, worker: &str) -> Fallible<Option<Spent>> {
    let started = Instant::now();
    let Some(job) = store.claim_chunk(None, worker, at(3), at(9_000)).await? else {
        return Ok(None);
    };
    let claiming = started.elapsed();
    let started = Instant::now();
    let made = made(&job, worker)?;
    let making = started.elapsed();
    store.finish_chunk(&made).await?;
    Ok(Some(Spent { claiming, making }))
}

async fn keep_all(store: &Store, worker: &str) -> Fallible<()> {
    while keep_one(store, worker).await?.is_some() {}
    Ok(())
}

fn made(job: &ChunkJob, worker: &str) -> Fallible<ChunkResult> {
    let object = format!("runs/{}/{}-0123456789abcdef.zip", job.run, job.no);
    let mut bills = Vec::with_capacity(job.orders.len());
    for (offset, order) in (0_u64..).zip(&job.orders) {
        bills.push(BillRecord {
            number: job.first_number.plus(offset).ok_or("a number")?,
            series: job.series.clone(),
            run: job.run.clone(),
            seq: OrderSeq(job.first_seq.0 + offset),
            chunk: job.no,
            account: order.account.clone(),
            kind: order.kind,
            issue_date: date(2026, 11, 2),
            period: order.period,
            due_date: order.due_date,
            gross: order.totals.gross,
            to_pay: order.totals.to_pay,
            carried_over: order.totals.carried_over,
            currency: Currency::EUR,
            language: Language::Bg,
            pack: object.clone(),
            offset: offset * 50_000,
            length: 50_000,
            sha256: [9; 32],
            corrects: None,
            consumed: order.consumed(),
        });
    }
    let deliveries = bills
        .iter()
        .step_by(2)
        .map(|bill| NewDelivery {
            id: DeliveryId::of(bill.number, 1),
            bill: bill.number,
            account: bill.account.clone(),
            channel: Channel::Email,
            email: Some(kvit_billing::Secret::new(format!(
                "{}@example.bg",
                bill.account
            ))),
            language: Language::Bg,
            due_at: at(86_400),
            token: Some(token(bill.number.get())),
        })
        .collect();
    Ok(ChunkResult {
        run: job.run.clone(),
        no: job.no,
        claim: job.claim,
        worker: worker.to_owned(),
        copies: Vec::new(),
        closed: Vec::new(),
        no_forms: Default::default(),
        pack: PackRecord {
            object,
            sha256: [1; 32],
            length: 50_000_000,
        },
        bills,
        deliveries,
        at: at(10),
    })
}

/// As random as a hash: each goes to another page of the index.
fn token(n: u64) -> TokenHash {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    TokenHash(hash)
}

/// The time in which the engine copies the same rows into the same tables, a chunk a transaction.
async fn bare(url: &str, chunks: u32) -> Fallible<Duration> {
    const COPY: [&str; 4] = [
        "CREATE TABLE bare_bills AS SELECT * FROM bills",
        "CREATE TABLE bare_deliveries AS SELECT d.*, b.chunk AS chunk FROM deliveries d JOIN bills b ON b.number = d.bill",
        "CREATE INDEX bare_bills_by_chunk ON bare_bills (chunk)",
        "CREATE INDEX bare_deliveries_by_chunk ON bare_deliveries (chunk)",
    ];
    const COLUMNS: &str = "id, bill, enrolment, account, channel, email, language, due_at, token, state, attempts, next_attempt_at, worker, lease_until, possibly_twice";
    let chunk = |no: u32| {
        [
            format!("INSERT INTO bills SELECT * FROM bare_bills WHERE chunk = {no}"),
            format!(
                "INSERT INTO deliveries ({COLUMNS}) SELECT {COLUMNS} FROM bare_deliveries WHERE chunk = {no}"
            ),
        ]
    };
    /// The same for both engines; they differ in how a table is emptied.
    macro_rules! measure {
        ($connection:expr, $empty:expr) => {{
            let mut connection = $connection;
            for statement in COPY.iter().chain(&$empty) {
                sqlx::query(*statement).execute(&mut connection).await?;
            }
            let started = Instant::now();
            for no in 0..chunks {
                let mut tx = connection.begin().await?;
                for statement in chunk(no) {
                    sqlx::query(AssertSqlSafe(statement))
                        .execute(&mut *tx)
                        .await?;
                }
                tx.commit().await?;
            }
            started.elapsed()
        }};
    }
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await?;
        for pragma in ["PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"] {
            sqlx::query(pragma).execute(&mut connection).await?;
        }
        Ok(measure!(
            connection,
            ["DELETE FROM deliveries", "DELETE FROM bills", "VACUUM"]
        ))
    } else {
        let connection = PgConnection::connect(url).await?;
        Ok(measure!(
            connection,
            ["TRUNCATE attempts, receipts, deliveries, bills"]
        ))
    }
}

/// All mails, by several workers, each accepted at once.
async fn send_all(store: &Store) -> Fallible<u64> {
    let workers: Vec<_> = (0..CLAIMING_WORKERS)
        .map(|worker| {
            let store = store.clone();
            tokio::spawn(async move { send(&store, &format!("courier-{worker}")).await })
        })
        .collect();
    let mut sent = 0;
    for worker in workers {
        sent += worker.await??;
    }
    Ok(sent)
}

async fn send(store: &Store, worker: &str) -> Fallible<u64> {
    let mut sent = 0;
    loop {
        let jobs = store
            .claim_deliveries(worker, at(20), at(9_000), MAILS_A_CLAIM)
            .await?;
        if jobs.is_empty() {
            return Ok(sent);
        }
        for job in &jobs {
            let attempt = Attempt {
                no: job.attempts,
                at: at(21),
                outcome: AttemptOutcome::Accepted,
                reply: "250 2.0.0 Ok: queued as 4bXyZ1".to_owned(),
            };
            store.finish_delivery(&job.id, &attempt).await?;
        }
        sent += jobs.len() as u64;
    }
}

/// What pages ask, one question after another.
async fn look_up(store: &Store, synth: &Synth, run: &RunId) -> Fallible<()> {
    let people = |n: u32| synth.number(n.wrapping_mul(7_919) % synth.customers());
    let started = Instant::now();
    for n in 0..LOOKUPS {
        store.bills_of(&people(n), None, 13).await?;
    }
    rate(
        "look-ups of a customer's bills, one after another",
        LOOKUPS.into(),
        started.elapsed(),
    );
    let started = Instant::now();
    for n in 0..LOOKUPS {
        store.customer(&people(n)).await?;
    }
    rate("look-ups of a customer", LOOKUPS.into(), started.elapsed());
    let started = Instant::now();
    for n in 0..LOOKUPS {
        let number = 1 + u64::from(n.wrapping_mul(7_919) % synth.customers());
        store.delivery_by_token(&token(number)).await?;
    }
    rate("look-ups of a link", LOOKUPS.into(), started.elapsed());
    let started = Instant::now();
    store.run_progress(run).await?;
    println!(
        "  progress of the run: {} ms",
        started.elapsed().as_millis()
    );
    let started = Instant::now();
    store.queue_depths(at(30)).await?;
    println!(
        "  depths of the queues: {} ms",
        started.elapsed().as_millis()
    );
    Ok(())
}
