//! Work that goes on: issuing and delivery until told to stop, under a name that survives a death.
//!
//! A worker's name is that of a file which it holds locked. The system frees the lock however the
//! process ends, so a name whose lock can be taken belongs to nobody alive, and what it had in hand
//! can be given back.

use std::{
    error::Error,
    fs::{File, OpenOptions},
    path::Path,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use kvit_billing::{Language, ports::Clock as _};
use kvit_flow::{
    Autopay, AutopayReport, Courier, DeliveryReport, Issuer, Messenger, PollReport, Poller,
    ReminderReport, Reminders, TellReport,
};
use kvit_store::{ChunkResult, Store};
use kvit_web::FindingTexts;
use tokio_util::sync::CancellationToken;

use crate::{
    exit::{Context, Exit, Failure},
    files,
    scanning::Scanning,
    wiring::{Instance, SystemClock},
};

/// Processes on one machine that work for the same instance.
const SLOTS_MAX: usize = 256;
/// After a failure the wait doubles up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Between two looks for bills that are to be collected: each goes through those of some weeks.
const AUTOPAY_EVERY: Duration = Duration::from_secs(600);
/// Between two looks for what scans left behind.
const SCANS_CLEARED_EVERY: Duration = Duration::from_secs(3600);
/// Between two looks for messages of webhooks that nobody will hear any more.
const WEBHOOK_SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// A worker's name, held as long as this lives.
pub(crate) struct Slot {
    pub(crate) name: String,
    _lock: File,
}

/// Takes the first free name of this machine, and gives back what dead workers had in hand.
pub(crate) async fn take_slot(instance: &Instance) -> Result<Slot, Failure> {
    let folder = instance.dir.join("workers");
    files::private_folder(&folder).failed("the folder of worker names cannot be made")?;
    let prefix = prefix(&instance.dir);
    let mut taken = None;
    for number in 0..SLOTS_MAX {
        let name = format!("{prefix}-{number}");
        let path = folder.join(format!("{name}.lock"));
        // Beyond the first free one, only names that somebody once had matter.
        if taken.is_some() && !path.exists() {
            break;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .failed(format!("{} cannot be made", path.display()))?;
        if file.try_lock().is_err() {
            continue;
        }
        forget(&instance.store, &name).await?;
        taken.get_or_insert(Slot { name, _lock: file });
    }
    taken.ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            format!("{SLOTS_MAX} workers run on this machine already"),
        )
    })
}

async fn forget(store: &Store, name: &str) -> Result<(), Failure> {
    use kvit_billing::ports::Clock;
    let forgotten = store.forget_worker(name, SystemClock.now()).await?;
    if forgotten.chunks + forgotten.deliveries + forgotten.scans > 0 {
        tracing::warn!(
            worker = name,
            chunks = forgotten.chunks,
            deliveries = forgotten.deliveries,
            scans = forgotten.scans,
            "a worker had died; its work is given back"
        );
    }
    Ok(())
}

/// Machine and instance: two instances that share a store must not take each other for dead.
fn prefix(dir: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    let host: String = host
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let hash = digest(&SHA256, dir.as_os_str().as_encoded_bytes());
    let mark = hex::encode(&hash.as_ref()[..3]);
    let host = if host.is_empty() { "host" } else { &host };
    format!("{host}-{mark}")
}

/// What the workers of this process did, for monitoring.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) bills_issued: AtomicU64,
    /// Those of them whose shape was refused a form.
    pub(crate) bills_without_form: AtomicU64,
    pub(crate) chunks_issued: AtomicU64,
    pub(crate) issue_failures: AtomicU64,
    /// Seconds since 1970 of the last chunk that was issued; 0 = none yet.
    pub(crate) last_chunk_s: AtomicI64,
    pub(crate) mails_accepted: AtomicU64,
    pub(crate) mails_retried: AtomicU64,
    pub(crate) mails_failed: AtomicU64,
    pub(crate) mails_unknown: AtomicU64,
    pub(crate) delivery_failures: AtomicU64,
    pub(crate) reminders_planned: AtomicU64,
    pub(crate) webhooks_heard: AtomicU64,
    pub(crate) webhooks_unheard: AtomicU64,
    pub(crate) webhooks_aside: AtomicU64,
    pub(crate) reminders_missed: AtomicU64,
    pub(crate) reminder_failures: AtomicU64,
}

/// Issues whatever is released, until `stop`.
pub(crate) async fn issue_loop(
    issuer: &Issuer,
    counters: &Counters,
    poll: Duration,
    stop: &CancellationToken,
) {
    let words = FindingTexts::new(Language::En).ok();
    let progress = |kept: &ChunkResult| {
        let bills = kept.bills.len() as u64;
        counters.bills_issued.fetch_add(bills, Ordering::Relaxed);
        for (why, bills) in &kept.no_forms {
            counters
                .bills_without_form
                .fetch_add(*bills, Ordering::Relaxed);
            let told = words.as_ref().map(|words| words.no_form(why));
            let told = told.as_ref();
            tracing::warn!(
                run = %kept.run,
                chunk = kept.no.0,
                bills,
                why = why.why.as_str(),
                place = told.map(|told| told.place.as_str()),
                remedy = told.map(|told| told.remedy.as_str()),
                "bills laid out one by one, as their shape has no form"
            );
        }
        counters.chunks_issued.fetch_add(1, Ordering::Relaxed);
        let now = jiff::Timestamp::now().as_second();
        counters.last_chunk_s.store(now, Ordering::Relaxed);
    };
    let work = async || {
        let issued = issuer.issue(None, stop, &progress).await;
        let issued = issued.inspect_err(|_| count(&counters.issue_failures));
        issued.map(|report| {
            if report.bills > 0 {
                tracing::info!(bills = report.bills, chunks = report.chunks, "bills issued");
            }
            Next::Later
        })
    };
    repeat("issuing stopped", poll, stop, work).await;
}

/// Sends whatever is due, until `stop`.
pub(crate) async fn delivery_loop(
    courier: &Courier,
    counters: &Counters,
    poll: Duration,
    stop: &CancellationToken,
) {
    let work = async || {
        let sent = courier.deliver(stop).await;
        let sent = sent.inspect_err(|_| count(&counters.delivery_failures));
        sent.map(|report| {
            for (counter, more) in [
                (&counters.mails_accepted, report.accepted),
                (&counters.mails_retried, report.retried),
                (&counters.mails_failed, report.failed),
                (&counters.mails_unknown, report.unknown),
            ] {
                counter.fetch_add(more, Ordering::Relaxed);
            }
            if report != DeliveryReport::default() {
                tracing::info!(
                    accepted = report.accepted,
                    retried = report.retried,
                    failed = report.failed,
                    unknown = report.unknown,
                    "mails sent"
                );
            }
            Next::Later
        })
    };
    repeat("delivery stopped", poll, stop, work).await;
}

/// Asks payment systems and applies what waits, until `stop`.
pub(crate) async fn payment_loop(poller: &Poller, poll: Duration, stop: &CancellationToken) {
    let work = async || {
        poller.poll(stop).await.map(|report| {
            if report != PollReport::default() {
                tracing::info!(
                    applied = report.applied,
                    asked = report.asked,
                    learned = report.learned,
                    silent = report.silent,
                    refunds = report.refunds,
                    "payments looked after"
                );
            }
            Next::Later
        })
    };
    repeat("payments stand", poll, stop, work).await;
}

/// Tells other systems what happened, until `stop`.
pub(crate) async fn webhook_loop(
    messenger: &Messenger,
    counters: &Counters,
    poll: Duration,
    stop: &CancellationToken,
) {
    let mut swept: Option<Instant> = None;
    let work = async || {
        if swept.is_none_or(|at| at.elapsed() >= WEBHOOK_SWEEP_EVERY) {
            if let Err(error) = messenger.sweep(stop).await {
                tracing::error!(
                    error = &error as &dyn Error,
                    "old messages of webhooks are not deleted; it is tried again in an hour"
                );
            }
            swept = Some(Instant::now());
        }
        messenger.tell(stop).await.map(|report| {
            for (counter, more) in [
                (&counters.webhooks_heard, report.heard),
                (&counters.webhooks_unheard, report.unheard),
                (&counters.webhooks_aside, report.aside),
            ] {
                counter.fetch_add(more, Ordering::Relaxed);
            }
            if report != TellReport::default() {
                tracing::info!(
                    heard = report.heard,
                    unheard = report.unheard,
                    aside = report.aside,
                    "webhooks told"
                );
            }
            Next::Later
        })
    };
    repeat("webhooks stand", poll, stop, work).await;
}

/// Plans reminders that are due, until `stop`.
pub(crate) async fn reminder_loop(
    reminders: &Reminders,
    counters: &Counters,
    poll: Duration,
    stop: &CancellationToken,
) {
    let work = async || {
        let planned = reminders.plan(stop).await;
        let planned = planned.inspect_err(|_| count(&counters.reminder_failures));
        planned.map(|report| {
            for (counter, more) in [
                (&counters.reminders_planned, report.planned),
                (&counters.reminders_missed, report.missed),
            ] {
                counter.fetch_add(more, Ordering::Relaxed);
            }
            if report != ReminderReport::default() {
                tracing::info!(
                    planned = report.planned,
                    missed = report.missed,
                    "reminders decided"
                );
            }
            Next::Later
        })
    };
    repeat("reminders stand", poll, stop, work).await;
}

/// Reads uploaded scans, one file after the other, and removes what they left behind, until `stop`. A file that is being read
/// then is given back.
pub(crate) async fn scan_loop(
    scanning: &Scanning,
    worker: &str,
    poll: Duration,
    stop: &CancellationToken,
) {
    let mut cleared: Option<Instant> = None;
    let work = async || {
        if cleared.is_none_or(|at| at.elapsed() >= SCANS_CLEARED_EVERY) {
            if let Err(error) = scanning.clear().await {
                tracing::error!(
                    error = &error as &dyn Error,
                    "refused scans are not removed; it is tried again in an hour"
                );
            }
            cleared = Some(Instant::now());
        }
        scanning.read_next(worker, stop).await.map(Next::of)
    };
    repeat("uploaded scans stand", poll, stop, work).await;
}

/// Makes sheets of what customers owe, until `stop`. A stretch is one transaction: a death costs that, and
/// any worker goes on behind the last that was kept.
pub(crate) async fn owing_loop(store: &Store, poll: Duration, stop: &CancellationToken) {
    let work = async || {
        let stretch = store.continue_owing_sheet(SystemClock.now()).await;
        stretch.map(Next::of)
    };
    repeat("receivables stand", poll, stop, work).await;
}

/// Decides what is collected, until `stop`.
pub(crate) async fn autopay_loop(autopay: &Autopay, poll: Duration, stop: &CancellationToken) {
    let work = async || {
        autopay.plan(stop).await.map(|report| {
            if report != AutopayReport::default() {
                tracing::info!(
                    announced = report.announced,
                    dropped = report.dropped,
                    expired = report.expired,
                    "autopay decided"
                );
            }
            Next::In(AUTOPAY_EVERY)
        })
    };
    repeat("autopay stands", poll, stop, work).await;
}

/// When to go on.
enum Next {
    AtOnce,
    /// After the usual wait.
    Later,
    In(Duration),
}

impl Next {
    const fn of(more: bool) -> Self {
        match more {
            true => Self::AtOnce,
            false => Self::Later,
        }
    }
}

/// Does `work` again and again, until `stop`: after `poll` or when it says, and where it fails, which `failed` tells in the
/// log, after twice the wait that followed the failure before.
async fn repeat<E: Error + 'static>(
    failed: &'static str,
    poll: Duration,
    stop: &CancellationToken,
    mut work: impl AsyncFnMut() -> Result<Next, E>,
) {
    let mut after_failure = poll;
    while !stop.is_cancelled() {
        let wait = match work().await {
            Ok(next) => {
                after_failure = poll;
                match next {
                    Next::AtOnce => continue,
                    Next::Later => poll,
                    Next::In(wait) => wait,
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "{failed}");
                after_failure = (after_failure * 2).clamp(Duration::from_secs(1), BACKOFF_MAX);
                after_failure
            }
        };
        let _ = tokio::time::timeout(wait, stop.cancelled()).await;
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Cancelled by SIGTERM or Ctrl-C: what is under way ends between two chunks or mails. A second
/// signal ends the process at once, which is safe too.
pub(crate) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        signal().await;
        token.cancel();
        signal().await;
        std::process::exit(130);
    });
    stop
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
