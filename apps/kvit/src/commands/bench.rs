//! `kvit bench issue`: how fast this machine issues bills, beside how fast it can sign at all. The stages
//! are those of a real run; only the orders are made up. `kvit bench pay` and `portal` have files of their own.

pub(super) mod client;
mod loaded;
pub(super) mod pay;
pub(super) mod portal;

use std::{
    fmt,
    fs::{self, File},
    io::BufWriter,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use kvit_billing::{LayoutNo, ports::Compose};
use kvit_compose::{Counts, Spent};
use kvit_flow::ports::{Archive, ArchiveError, OneComposer};
use kvit_intake::write_ndjson;
use kvit_pades::{SealAlgorithm, SealKey, Sealer, SignError};
use kvit_store::{EnrolmentChannel, NewEnrolment};
use kvit_synth::Synth;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{import, init, issue, run};
use crate::{
    cli::BenchIssueArgs,
    config::Config,
    exit::{Context, Exit, Failure},
    output::{Output, count, grouped},
    wiring::Instance,
    workers,
};

/// How long the machine's limit is measured.
const RAW: Duration = Duration::from_secs(2);
const SEED: u64 = 2026;

/// What was measured. Shares are of the time of all threads.
#[derive(Serialize)]
struct Measured {
    bills: u64,
    threads: usize,
    key: &'static str,
    store: &'static str,
    seconds: f64,
    bills_per_s: f64,
    /// What the same key signs on the same threads with nothing else to do, measured before the bills.
    raw_signatures_per_s: f64,
    /// The same once more behind them: how steady the machine was.
    raw_signatures_after_per_s: f64,
    /// Of the first of the two.
    ratio: f64,
    /// Processor time of a bill and of a signature, in microseconds, and the second as a part of the first: what
    /// the ratio would be if nothing else ran on the machine and nothing waited. Zero where the system does not tell.
    processor_us_per_bill: f64,
    processor_us_per_signature: f64,
    processor_ratio: f64,
    bytes_per_bill: u64,
    peak_rss_bytes: u64,
    shares: Shares,
    forms_made: u64,
    /// Left by an earlier run.
    forms_found: u64,
    /// Those for short texts only: the layout has no room for longer ones.
    forms_narrowed: u64,
    filled: u64,
    whole: u64,
    refused: u64,
    /// The month before, in which the instance made its first forms.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_month: Option<Box<Measured>>,
}

#[derive(Serialize)]
struct Shares {
    /// The bills' data, with square codes.
    data: f64,
    fill: f64,
    twin: f64,
    /// Laying out what has no form, making forms and proving them.
    layouts: f64,
    hash: f64,
    /// Signing, above all.
    seal: f64,
    /// Making packs, writing and syncing them.
    pack: f64,
    rows: f64,
    /// Reading orders, waiting.
    rest: f64,
}

pub(super) async fn issue(
    out: &Output,
    dir: Option<&Path>,
    args: &BenchIssueArgs,
) -> Result<Exit, Failure> {
    let threads = args
        .threads
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, usize::from);
    kvit_flow::use_cores(threads);
    let temporary = tempfile::Builder::new()
        .prefix("kvit-bench-")
        .tempdir()
        .failed("a temporary folder cannot be made")?;
    let folder = dir.map_or_else(|| temporary.path().to_owned(), Path::to_owned);
    let mut config = Config::default();
    if let Some(store) = &args.store {
        config.store.url.clone_from(store);
    }
    let mut instance = init::create(&folder, &config, args.key, jiff::Timestamp::now()).await?;
    let key: Arc<dyn SealKey> = Arc::new(instance.seal_key()?);
    enrolled(&instance, args.bills).await?;
    let mut first_month = None;
    if !args.cold {
        out.note("issuing an instance's first month, which leaves its forms");
        first_month = Some(Box::new(
            month(out, &instance, args, threads, &key, 2).await?,
        ));
        // As after a restart: what was made in memory is gone, what was kept in the folder is there.
        instance = Instance::open(&folder).await?;
        out.note("issuing the month after");
    }
    let mut measured = month(out, &instance, args, threads, &key, 1).await?;
    measured.first_month = first_month;
    out.result(&measured, |_| measured.to_string())?;
    Ok(Exit::Done)
}

/// Measures what the machine can sign, and issues a month's bills.
async fn month(
    out: &Output,
    instance: &Instance,
    args: &BenchIssueArgs,
    threads: usize,
    key: &Arc<dyn SealKey>,
    months_ago: i32,
) -> Result<Measured, Failure> {
    let id = prepared(out, instance, args.bills, months_ago).await?;
    out.note("measuring what the key signs with nothing else to do");
    let (raw, processor_us_per_signature) = raw_signatures(key.as_ref(), threads)?;
    forget_peak();

    let slot = workers::take_slot(instance).await?;
    let mut issuer = instance.issuer(&slot.name).await?;
    let sealer =
        Sealer::new(Arc::clone(key)).exits(Exit::Configuration, "the seal cannot be used")?;
    let sealer = Arc::new(sealer);
    let composer = instance
        .composer(LayoutNo::BUILTIN, sealer.contents_reserve())
        .await?;
    let archiving = Arc::new(Timed::new(issuer.archive));
    let composers = OneComposer(Arc::clone(&composer) as Arc<dyn Compose>);
    (issuer.sealer, issuer.composers, issuer.archive) =
        (Arc::clone(&sealer), Arc::new(composers), archiving.clone());
    let (begun, processor) = (Instant::now(), processor_us());
    let stop = CancellationToken::new();
    let report = issue::issue(out, instance, issuer, Some(&id), &stop).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let processor_us_per_bill = (processor_us() - processor) / report.bills.max(1) as f64;
    let (peak_rss_bytes, (raw_after, _)) =
        (peak_rss_bytes(), raw_signatures(key.as_ref(), threads)?);

    let Counts {
        filled,
        whole,
        forms,
        found,
        narrowed,
        refused,
    } = composer.counts();
    let share = |time: Duration| time.as_secs_f64() / (seconds * threads as f64);
    let Spent {
        data,
        twin,
        fill,
        layouts,
    } = composer.spent();
    let (seal, hash) = sealer.spent();
    let pack = report.packing + archiving.time();
    let known = data + twin + fill + layouts + seal + hash + pack + report.rows;
    let bills_per_s = report.bills as f64 / seconds;
    Ok(Measured {
        bills: report.bills,
        threads,
        key: algorithm(key.algorithm()),
        store: match &args.store {
            Some(url) if url.starts_with("postgres") => "PostgreSQL",
            _ => "SQLite",
        },
        seconds,
        bills_per_s,
        raw_signatures_per_s: raw,
        raw_signatures_after_per_s: raw_after,
        ratio: bills_per_s / raw,
        processor_us_per_bill,
        processor_us_per_signature,
        processor_ratio: if processor_us_per_bill > 0.0 {
            processor_us_per_signature / processor_us_per_bill
        } else {
            0.0
        },
        bytes_per_bill: archiving.bytes.load(Ordering::Relaxed) / report.bills.max(1),
        peak_rss_bytes,
        shares: Shares {
            data: share(data),
            fill: share(fill),
            twin: share(twin),
            layouts: share(layouts),
            hash: share(hash),
            seal: share(seal),
            pack: share(pack),
            rows: share(report.rows),
            // Packs and rows are written beside the rest, and may make it more than all.
            rest: (1.0 - share(known)).max(0.0),
        },
        forms_made: forms,
        forms_found: found,
        forms_narrowed: narrowed,
        filled,
        whole,
        refused,
        first_month: None,
    })
}

/// As many of the customers as in the demonstration get their bills by e-mail.
async fn enrolled(instance: &Instance, bills: u32) -> Result<(), Failure> {
    const BATCH: usize = 1000;
    let synth = Synth::new(SEED, bills);
    let those: Vec<u32> = (0..bills).filter(|i| synth.is_enrolled(*i)).collect();
    for batch in those.chunks(BATCH) {
        let customers: Vec<_> = batch.iter().map(|&i| synth.customer(i)).collect();
        instance.store.upsert_customers(&customers).await?;
    }
    for i in those {
        let id = format!("{i:032x}").parse();
        let new = NewEnrolment {
            id: id.failed("an enrolment cannot be named")?,
            account: synth.number(i),
            channel: EnrolmentChannel::Web,
            email: synth.email(i),
            language: synth.customer(i).language,
            text_version: instance.config.portal.declaration_version.clone(),
            evidence: serde_json::json!({"bench": true}),
            at: Timestamp::now(),
            proof: None,
        };
        instance.store.enrol(&new).await?;
    }
    Ok(())
}

/// A released run of made-up bills.
async fn prepared(
    out: &Output,
    instance: &Instance,
    bills: u32,
    months_ago: i32,
) -> Result<kvit_billing::RunId, Failure> {
    let synth = Synth::new(SEED, bills);
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let month = today.saturating_sub(months_ago.months()).first_of_month();
    let path = instance.dir.join("run.ndjson");
    let to = path.clone();
    tokio::task::spawn_blocking(move || {
        let name = month.strftime("%Y-%m").to_string();
        let header = synth.run_header(&name, month, synth.customers());
        let orders = (0..).zip(synth.orders(month)).map(|(place, mut order)| {
            order.due_date = order.due_date.max(month.saturating_add(3.months()));
            if let Some(customer) = &mut order.customer {
                customer.phone = Some(phone(place));
            }
            order
        });
        write_ndjson(&header, orders, BufWriter::new(File::create(&to)?))
    })
    .await
    .failed("the run file was not finished")?
    .failed("the run file cannot be written")?;
    let imported =
        import::import_paths(out, instance, std::slice::from_ref(&path), "bench").await?;
    if !imported.accepted {
        let first = imported.findings.list().first().map(ToString::to_string);
        let what = format!("the made-up run is rejected: {}", first.unwrap_or_default());
        return Err(Failure::new(Exit::Failed, what));
    }
    // It is as large as all that is measured.
    let _ = fs::remove_file(path);
    run::release_run(
        instance,
        &imported.run,
        "bench, a second person",
        jiff::Timestamp::now(),
    )
    .await?;
    Ok(imported.run)
}

/// The telephone of the customer in a place, unlike any other's. No Bulgarian number begins so.
fn phone(place: u32) -> String {
    format!("01{:08}", u64::from(place) * 48_271 % 100_000_000)
}

/// Signatures a second on so many threads, and the processor time of one in microseconds.
fn raw_signatures(key: &dyn SealKey, threads: usize) -> Result<(f64, f64), Failure> {
    let (begun, processor) = (Instant::now(), processor_us());
    let counts = thread::scope(|scope| {
        let signers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0_u64;
                    while begun.elapsed() < RAW {
                        key.sign(&[0x5a; 64])?;
                        count += 1;
                    }
                    Ok::<_, SignError>(count)
                })
            })
            .collect();
        let joined = signers.into_iter().map(|signer| {
            signer
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect::<Result<Vec<u64>, SignError>>()
    });
    let counts = counts.failed("the key does not sign")?;
    let count = counts.iter().sum::<u64>().max(1) as f64;
    let of_one = (processor_us() - processor) / count;
    Ok((count / begun.elapsed().as_secs_f64(), of_one))
}

const fn algorithm(algorithm: SealAlgorithm) -> &'static str {
    match algorithm {
        SealAlgorithm::RsaSha256 => "RSA",
        SealAlgorithm::EcdsaP256Sha256 => "P-256",
    }
}

/// The peak of memory from here on, where the system can tell (Linux).
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Zero where the system does not tell.
fn peak_rss_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Processor time of all threads so far, in microseconds; zero where the system does not tell (proc(5), stat).
fn processor_us() -> f64 {
    /// Linux counts in hundredths of a second towards processes, whatever it counts in itself.
    const US_PER_TICK: u64 = 10_000;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    (ticks * US_PER_TICK) as f64
}

/// An archive whose time is taken.
struct Timed {
    inner: Arc<dyn Archive>,
    nanos: AtomicU64,
    bytes: AtomicU64,
}

impl Timed {
    const fn new(inner: Arc<dyn Archive>) -> Self {
        Self {
            inner,
            nanos: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

impl Archive for Timed {
    fn put<'a>(&'a self, object: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<(), ArchiveError>> {
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        async move {
            let begun = Instant::now();
            let put = self.inner.put(object, bytes).await;
            let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.nanos.fetch_add(nanos, Ordering::Relaxed);
            put
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        object: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ArchiveError>> {
        self.inner.read(object, range)
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<String>, ArchiveError>> {
        self.inner.list(folder)
    }

    fn delete<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<(), ArchiveError>> {
        self.inner.delete(object)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |number: f64| grouped(number.round() as u64);
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let rows = [
            ("issued", count(self.bills, "bill", "bills")),
            (
                "took",
                format!("{:.1} s on {} threads", self.seconds, self.threads),
            ),
            ("bills", format!("{} a second", rate(self.bills_per_s))),
            (
                "signatures",
                format!(
                    "{} a second with nothing else to do, {} behind the bills ({})",
                    rate(self.raw_signatures_per_s),
                    rate(self.raw_signatures_after_per_s),
                    self.key
                ),
            ),
            ("ratio", format!("{:.3}", self.ratio)),
            (
                "processor",
                format!(
                    "{:.0} µs a bill, {:.0} µs a signature, ratio {:.3}",
                    self.processor_us_per_bill,
                    self.processor_us_per_signature,
                    self.processor_ratio
                ),
            ),
            (
                "size",
                format!("{} bytes a bill", grouped(self.bytes_per_bill)),
            ),
            (
                "memory",
                format!("{} MB at most", grouped(self.peak_rss_bytes / 1_000_000)),
            ),
            (
                "time",
                format!(
                    "data {}, filling {}, twins {}, layouts {}, hashes {}, sealing {}, packs {}, rows {}, rest {}",
                    percent(self.shares.data),
                    percent(self.shares.fill),
                    percent(self.shares.twin),
                    percent(self.shares.layouts),
                    percent(self.shares.hash),
                    percent(self.shares.seal),
                    percent(self.shares.pack),
                    percent(self.shares.rows),
                    percent(self.shares.rest)
                ),
            ),
            (
                "forms",
                format!(
                    "{} made, {} found, {} made for short texts only, {} bills filled in, {} laid out whole, {} shapes refused",
                    grouped(self.forms_made),
                    grouped(self.forms_found),
                    grouped(self.forms_narrowed),
                    grouped(self.filled),
                    grouped(self.whole),
                    grouped(self.refused)
                ),
            ),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<11} {value}")?;
        }
        if let Some(first) = &self.first_month {
            let value = format!(
                "{} a second, ratio {:.3}: {} forms made, {} bills laid out whole",
                rate(first.bills_per_s),
                first.ratio,
                grouped(first.forms_made),
                grouped(first.whole)
            );
            writeln!(f, "{:<11} {value}", "first month")?;
        }
        Ok(())
    }
}
