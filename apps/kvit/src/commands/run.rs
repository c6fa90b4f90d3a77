//! `kvit run list`, `preview`, `release`, `layout`.

use std::fs;

use jiff::Timestamp;
use kvit_billing::{RunId, ports::Clock};
use kvit_store::{Relaid, RelayRun, Release, ReleaseError, RunRecord, RunState};
use serde_json::{Value, json};

use super::{account::at_the_console, find};
use crate::{
    cli::{PreviewArgs, ReleaseArgs, RunLayoutArgs},
    composers::own_base,
    exit::{Context, Exit, Failure},
    files, layouts,
    output::{DIM, GOOD, Output, count, grouped, money, table},
    wiring::{Instance, SystemClock},
};

/// How many runs are listed.
const RUNS_MAX: u32 = 1000;

pub(super) async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let runs = instance.store.runs(RUNS_MAX).await?;
    let value: Vec<Value> = runs.iter().map(as_json).collect();
    out.result(&value, |out| {
        if runs.is_empty() {
            return "no runs yet; `kvit run import FILE --as NAME` brings the first".to_owned();
        }
        let head = [
            "run",
            "state",
            "bills",
            "sum",
            "numbers",
            "imported by",
            "released by",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(runs.iter().map(row));
        let text = table(&rows, &[2, 3]);
        match text.split_once('\n') {
            Some((head, rest)) => format!("{}\n{rest}", out.out(head, DIM)),
            None => text,
        }
    })?;
    Ok(Exit::Done)
}

fn row(run: &RunRecord) -> Vec<String> {
    vec![
        run.id.to_string(),
        run.state.as_str().to_owned(),
        grouped(run.orders),
        money(run.sum_cents, run.currency),
        run.numbers
            .map_or_else(String::new, |(first, last)| format!("{first}–{last}")),
        run.imported_by.clone(),
        run.released_by.clone().unwrap_or_default(),
    ]
}

pub(super) fn as_json(run: &RunRecord) -> Value {
    json!({
        "run": run.id.as_str(),
        "state": run.state.as_str(),
        "bills": run.orders,
        "sum_cents": run.sum_cents.get(),
        "currency": run.currency.as_str(),
        "period": run.period,
        "imported_by": run.imported_by,
        "imported_at": run.imported_at,
        "released_by": run.released_by,
        "issued_at": run.issued_at,
        "first_number": run.numbers.map(|(first, _)| first),
        "last_number": run.numbers.map(|(_, last)| last),
    })
}

pub(super) async fn preview(
    out: &Output,
    instance: &Instance,
    args: &PreviewArgs,
) -> Result<Exit, Failure> {
    let record = find(instance, &args.run).await?;
    if record.state != RunState::Checked {
        let what = format!(
            "run {} is {}, not checked",
            record.id,
            record.state.as_str()
        );
        let failure = Failure::new(Exit::Refused, what);
        return Err(match record.state {
            RunState::Rejected => failure.hint("a rejected run has no bills to show"),
            _ => failure.hint("its bills have numbers: `kvit export` writes them as they are"),
        });
    }
    let issuer = instance.issuer("preview").await?;
    let samples = issuer
        .preview(&args.run, args.count.into())
        .await
        .failed("the samples cannot be made")?;
    let to = std::path::absolute(&args.to).failed("the current folder is not known")?;
    fs::create_dir_all(&to).failed(format!("{} cannot be made", to.display()))?;
    let mut written = Vec::new();
    for sample in samples {
        let path = to.join(format!("sample-{}.pdf", sample.account));
        files::write(&path, &sample.pdf).failed(format!("{} cannot be written", path.display()))?;
        written.push(path);
    }
    let value = json!({"run": args.run.as_str(), "files": written});
    out.result(&value, |_| {
        let samples = count(written.len() as u64, "sample", "samples");
        let names: Vec<String> = written
            .iter()
            .map(|p| format!("  {}", p.display()))
            .collect();
        format!(
            "{samples}, unsealed and marked as such:\n{}",
            names.join("\n")
        )
    })?;
    Ok(Exit::Done)
}

pub(super) async fn release(
    out: &Output,
    instance: &Instance,
    args: &ReleaseArgs,
) -> Result<Exit, Failure> {
    let released = release_run(instance, &args.run, &args.by, SystemClock.now()).await?;
    let (first, last) = (released.first, released.last);
    let value = json!({
        "run": args.run.as_str(),
        "first_number": first,
        "last_number": last,
        "issued_at": released.issued_at,
    });
    out.result(&value, |out| {
        format!(
            "{} run {}: bills {first} to {last}\n\
             next: kvit run issue {}, unless `kvit serve` or `kvit work` runs",
            out.out("released", GOOD),
            args.run,
            args.run
        )
    })?;
    Ok(Exit::Done)
}

/// Releases a run in the configured series.
pub(super) async fn release_run(
    instance: &Instance,
    run: &RunId,
    by: &str,
    at: Timestamp,
) -> Result<kvit_store::Released, Failure> {
    let numbers = instance.numbers()?;
    let release = Release {
        by: by.to_owned(),
        who: at_the_console(),
        at,
        series: numbers.series,
        first_if_new: numbers.first,
        base: own_base(),
    };
    instance
        .store
        .release_run(run, &release)
        .await
        .map_err(|error| {
            let (exit, hint) = match &error {
                ReleaseError::NotFound(_) => (Exit::Failed, "`kvit run list` names them"),
                ReleaseError::WrongState(_, "rejected") => (
                    Exit::Refused,
                    "correct it at the billing system and import it again",
                ),
                ReleaseError::WrongState(..) => {
                    (Exit::Refused, "`kvit run show` says where it stands")
                }
                ReleaseError::SamePerson(_) => (
                    Exit::Refused,
                    "ask a colleague to look at it and release it",
                ),
                ReleaseError::Empty(_) => (Exit::Refused, "there is nothing to issue in it"),
                ReleaseError::SeriesExhausted(_) | ReleaseError::NumbersTaken { .. } => (
                    Exit::Refused,
                    "name another [issue] series, with a first_number of its own, in kvit.toml",
                ),
                ReleaseError::Store(_) => (Exit::Failed, "the same command can be given again"),
            };
            Failure::new(exit, format!("run {run} is not released"))
                .because(error)
                .hint(hint)
        })
}

pub(super) async fn relay(
    out: &Output,
    instance: &Instance,
    args: &RunLayoutArgs,
) -> Result<Exit, Failure> {
    let record = find(instance, &args.run).await?;
    let current = instance.store.current_layout().await?;
    // One that this program cannot use would help no run.
    instance
        .composer(current, layouts::CONTENTS_RESERVE)
        .await?;
    let word = RelayRun {
        run: args.run.clone(),
        seen: current,
        by: args.by.clone(),
        who: at_the_console(),
        at: SystemClock.now(),
        base: own_base(),
    };
    let refused = |what: String, hint: &str| Err(Failure::new(Exit::Refused, what).hint(hint));
    let run = &args.run;
    match instance.store.relay_run(&word).await? {
        Relaid::Done { before, layout } => {
            let value = json!({ "run": run.as_str(), "before": before, "layout": layout });
            out.result(&value, |out| {
                format!(
                    "{} run {run} in layout {layout} instead of {before}; a chunk that failed is made once its lease has ended",
                    out.out("goes on", GOOD)
                )
            })?;
            Ok(Exit::Done)
        }
        Relaid::Already(layout) => refused(
            format!("run {run} has layout {layout}, which counts now"),
            "have another one count first: `kvit layout use N --as NAME`",
        ),
        Relaid::SamePerson => refused(
            format!("run {run} was released by the same person"),
            "ask a colleague to say so",
        ),
        Relaid::Outdated => refused(
            "another layout counts by now".to_owned(),
            "`kvit layout list` says which",
        ),
        Relaid::NotReleased => refused(
            format!("run {run} is {}, not released", record.state.as_str()),
            "only what is released and not issued yet can get another layout",
        ),
    }
}
