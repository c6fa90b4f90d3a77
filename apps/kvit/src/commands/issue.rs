//! `kvit run issue`: released runs become bills.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use kvit_billing::{
    Bill, RunId, RunLayout, UnsealedPdf,
    ports::{Compose, NotComposed},
};
use kvit_flow::{
    IssueReport, Issuer,
    ports::{Composers, NoComposer},
};
use kvit_store::RunState;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::find;
use crate::{
    exit::{Context, Exit, Failure},
    output::{GOOD, Output, Progress, count, took},
    wiring::Instance,
    workers,
};

/// How many runs are looked through for what waits.
const RUNS_MAX: u32 = 1000;

pub(super) async fn command(
    out: &Output,
    instance: &Instance,
    run: Option<&RunId>,
) -> Result<Exit, Failure> {
    if let Some(run) = run {
        let record = find(instance, run).await?;
        let hint = match record.state {
            RunState::Released | RunState::Issued => None,
            RunState::Checked => Some("release it first: `kvit run release RUN --as NAME`"),
            _ => Some("only a checked run can be released and issued"),
        };
        if let Some(hint) = hint {
            let what = format!("run {run} is {}, not released", record.state.as_str());
            return Err(Failure::new(Exit::Refused, what).hint(hint));
        }
    }
    let stop = workers::stop_on_signal();
    let slot = workers::take_slot(instance).await?;
    let issuer = instance.issuer(&slot.name).await?;
    let started = std::time::Instant::now();
    let report = issue(out, instance, issuer, run, &stop).await?;
    let left = instance
        .store
        .queue_depths(jiff::Timestamp::now())
        .await?
        .chunks_waiting;
    let value = json!({
        "bills": report.bills,
        "chunks": report.chunks,
        "stopped": stop.is_cancelled(),
        "chunks_waiting": left,
    });
    out.result(&value, |out| {
        if stop.is_cancelled() && left > 0 {
            return format!(
                "stopped after {}; {} still to be issued: give the command again",
                count(report.bills, "bill", "bills"),
                count(left, "chunk is", "chunks are")
            );
        }
        if report.bills == 0 {
            return match left {
                0 => "nothing to issue".to_owned(),
                left => format!(
                    "nothing to issue here; {} in other hands or failed",
                    count(left, "chunk is", "chunks are")
                ),
            };
        }
        let time = started.elapsed();
        let rate = report.bills as f64 / time.as_secs_f64().max(0.001);
        format!(
            "{} {} in {}, {} ({rate:.0} a second)",
            out.out("issued", GOOD),
            count(report.bills, "bill", "bills"),
            count(report.chunks, "pack", "packs"),
            took(time),
        )
    })?;
    Ok(ended(&stop, left))
}

/// Stopped by a signal with work left is not "done".
pub(super) fn ended(stop: &CancellationToken, left: u64) -> Exit {
    if stop.is_cancelled() && left > 0 {
        Exit::Failed
    } else {
        Exit::Done
    }
}

/// Issues what is released, with a bar that moves with each bill.
pub(super) async fn issue(
    out: &Output,
    instance: &Instance,
    mut issuer: Issuer,
    run: Option<&RunId>,
    stop: &CancellationToken,
) -> Result<IssueReport, Failure> {
    let waiting = waiting(instance, run).await?;
    let progress = Arc::new(out.progress("issuing", "bills", Some(waiting)));
    issuer.composers = Arc::new(CountedAll {
        composers: issuer.composers,
        progress: Arc::clone(&progress),
    });
    let done = issuer.issue(run, stop, &|_| {}).await;
    progress.finish();
    done.failed("issuing stopped").map_err(|failure| {
        failure.hint("what is issued stays; the same command goes on with the rest")
    })
}

/// Composers whose bills are counted.
struct CountedAll {
    composers: Arc<dyn Composers>,
    progress: Arc<Progress>,
}

impl Composers for CountedAll {
    fn composer(&self, layout: RunLayout) -> BoxFuture<'_, Result<Arc<dyn Compose>, NoComposer>> {
        async move {
            let counted = Counted {
                composer: self.composers.composer(layout).await?,
                progress: Arc::clone(&self.progress),
            };
            Ok(Arc::new(counted) as Arc<dyn Compose>)
        }
        .boxed()
    }
}

/// One of them.
struct Counted {
    composer: Arc<dyn Compose>,
    progress: Arc<Progress>,
}

impl Compose for Counted {
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed> {
        let composed = self.composer.compose(bill);
        self.progress.add(1);
        composed
    }

    fn sample(&self, bill: &Bill) -> Result<Vec<u8>, NotComposed> {
        self.composer.sample(bill)
    }
}

/// How many bills are still to be issued.
async fn waiting(instance: &Instance, run: Option<&RunId>) -> Result<u64, Failure> {
    let mut waiting = 0;
    for record in instance.store.runs(RUNS_MAX).await? {
        if record.state == RunState::Released && run.is_none_or(|run| *run == record.id) {
            let done = instance.store.run_progress(&record.id).await?.bills;
            waiting += record.orders.saturating_sub(done);
        }
    }
    Ok(waiting)
}
