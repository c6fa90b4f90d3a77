//! `kvit run list`, `show`, `preview`, `release`.

use std::fs;

use kvit_billing::{BillNumber, RunId};
use kvit_flow::summary::{RunSummary, change_per_mille};
use kvit_store::{Release, ReleaseError, RunProgress, RunRecord, RunState};
use serde_json::{Value, json};

use super::find;
use crate::{
    cli::{PreviewArgs, ReleaseArgs},
    exit::{Context, Exit, Failure},
    files,
    output::{BOLD, DIM, GOOD, Output, amount, count, grouped, money, table},
    wiring::{Instance, SystemClock},
};

/// How many runs are listed.
const RUNS_MAX: u32 = 1000;
/// How many faults of a rejected run are shown.
const FAULTS_SHOWN: usize = 10;

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

fn as_json(run: &RunRecord) -> Value {
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

pub(super) async fn show(out: &Output, instance: &Instance, run: &RunId) -> Result<Exit, Failure> {
    let record = find(instance, run).await?;
    let previous = instance.store.previous_run(run).await?;
    let progress = instance.store.run_progress(run).await?;
    let summary = summary_of(&record);
    let mut value = as_json(&record);
    value["system"] = json!(record.system);
    value["external_id"] = json!(record.external_id);
    value["file"] = json!(record.file_name);
    value["summary"] = json!(summary);
    value["report"] = json!(record.report);
    value["progress"] = json!(progress);
    value["previous"] = json!(previous.as_ref().map(as_json));
    out.result(&value, |out| {
        let mut text = head(out, &record);
        if let Some(report) = &record.report {
            text.push_str(&rejection(report));
        }
        if let Some(summary) = &summary {
            text.push_str(&sums(out, &record, summary, previous.as_ref()));
            text.push_str(&outliers(out, &record, summary));
        }
        if matches!(record.state, RunState::Released | RunState::Issued) {
            text.push_str(&progress_lines(out, &progress));
        }
        text.push_str(&next(&record));
        text
    })?;
    Ok(Exit::Done)
}

fn summary_of(run: &RunRecord) -> Option<RunSummary> {
    serde_json::from_value(run.summary.clone()?).ok()
}

fn head(out: &Output, run: &RunRecord) -> String {
    let title = format!("Run {}", run.id);
    let mut rows = vec![
        pair("state", run.state.as_str()),
        pair("period", &run.period.to_string()),
        pair("from", &format!("{}, run {}", run.system, run.external_id)),
        pair("file", &run.file_name),
        pair(
            "imported",
            &format!("{} by {}", minute(run.imported_at), run.imported_by),
        ),
    ];
    if let (Some(by), Some(at)) = (&run.released_by, run.issued_at) {
        rows.push(pair("released", &format!("{} by {by}", minute(at))));
    }
    if let Some((first, last)) = run.numbers {
        let series = run.series.as_ref().map(ToString::to_string);
        let text = format!("{first} to {last}, series {}", series.unwrap_or_default());
        rows.push(pair("numbers", &text));
    }
    format!("{}\n{}", out.out(&title, BOLD), table(&rows, &[]))
}

fn sums(
    out: &Output,
    run: &RunRecord,
    summary: &RunSummary,
    previous: Option<&RunRecord>,
) -> String {
    let before = previous.and_then(summary_of);
    let before = before.as_ref();
    let counts = |label: &str, of: fn(&RunSummary) -> u64| {
        let then = before.map(of);
        vec![
            format!("  {label}"),
            grouped(of(summary)),
            then.map(grouped).unwrap_or_default(),
            then.map(|then| change(then as i64, of(summary) as i64))
                .unwrap_or_default(),
        ]
    };
    let amounts = |label: &str, of: fn(&RunSummary) -> kvit_billing::Cents| {
        let then = before.map(of);
        vec![
            format!("  {label} {}", run.currency),
            amount(of(summary)),
            then.map(amount).unwrap_or_default(),
            then.map(|then| percent(change_per_mille(then, of(summary))))
                .unwrap_or_default(),
        ]
    };
    let titles = match previous {
        Some(previous) => vec![
            String::new(),
            "this run".to_owned(),
            previous.id.to_string(),
            "change".to_owned(),
        ],
        None => vec![String::new(), "this run".to_owned()],
    };
    let rows = vec![
        titles,
        counts("invoices", |s| s.invoices),
        counts("credit notes", |s| s.credit_notes),
        counts("debit notes", |s| s.debit_notes),
        amounts("net", |s| s.net),
        amounts("VAT", |s| s.vat),
        amounts("gross", |s| s.gross),
        amounts("to pay", |s| s.to_pay),
        counts("nothing to pay", |s| s.nothing_to_pay),
        counts("estimated readings", |s| s.estimated),
        counts("in English", |s| s.english),
    ];
    let alone = if previous.is_none() {
        "  (no run before this one to compare with)\n"
    } else {
        ""
    };
    format!(
        "\n{}\n{}{alone}",
        out.out("Counts and sums", BOLD),
        table(&rows, &[1, 2, 3])
    )
}

fn outliers(out: &Output, run: &RunRecord, summary: &RunSummary) -> String {
    let mut text = format!("\n{}\n", out.out("What stands out", BOLD));
    let mut rows = vec![vec!["  largest bills".to_owned(), String::new()]];
    rows.extend(summary.largest.iter().take(5).map(|large| {
        vec![
            format!("    customer {}", large.account),
            money(large.gross, run.currency),
        ]
    }));
    text.push_str(&table(&rows, &[1]));
    let mut rows = vec![vec![
        format!(
            "  {} unlike the same month a year ago",
            count(summary.unusual_count, "consumption", "consumptions")
        ),
        String::new(),
        String::new(),
    ]];
    rows.extend(summary.unusual.iter().take(5).map(|unusual| {
        vec![
            format!("    customer {}", unusual.account),
            format!("now {}", unusual.now.normalize()),
            format!("then {}", unusual.year_ago.normalize()),
        ]
    }));
    text.push_str(&table(&rows, &[1, 2]));
    text
}

fn progress_lines(out: &Output, progress: &RunProgress) -> String {
    let rows = vec![
        pair(
            "issued",
            &format!(
                "{} of {}",
                grouped(progress.bills),
                grouped(progress.orders)
            ),
        ),
        pair(
            "chunks",
            &format!("{} of {}", progress.chunks_done, progress.chunks),
        ),
        pair("mails waiting", &grouped(progress.mail_queued)),
        pair("mails sent", &grouped(progress.mail_sent)),
        pair("mails failed", &grouped(progress.mail_failed)),
        pair("possibly twice", &grouped(progress.possibly_twice)),
        pair("receipts", &grouped(progress.confirmed)),
        pair("on paper", &grouped(progress.paper)),
    ];
    format!("\n{}\n{}", out.out("Progress", BOLD), table(&rows, &[]))
}

fn rejection(report: &Value) -> String {
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    let mut text = format!(
        "\nRejected: {}, {}\n",
        count(number("errors"), "error", "errors"),
        count(number("warnings"), "warning", "warnings")
    );
    let faults = report["diagnostics"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    for fault in faults.iter().take(FAULTS_SHOWN) {
        let word = |name: &str| fault[name].as_str().unwrap_or_default();
        text.push_str(&format!(
            "  {}:{}: {}: found {}, expected {}; {}\n",
            word("file"),
            fault["line"],
            word("field"),
            word("found"),
            word("expected"),
            word("remedy")
        ));
    }
    if faults.len() > FAULTS_SHOWN {
        let more = faults.len() - FAULTS_SHOWN;
        text.push_str(&format!("  … and {more} more; --json shows them\n"));
    }
    text
}

fn next(run: &RunRecord) -> String {
    match run.state {
        RunState::Checked => format!(
            "\nnext: kvit run preview {id} -n 5 --to FOLDER, then kvit run release {id} --as NAME\n",
            id = run.id
        ),
        RunState::Released => "\nnext: kvit run issue, kvit work or kvit serve\n".to_owned(),
        _ => String::new(),
    }
}

fn pair(label: &str, text: &str) -> Vec<String> {
    vec![format!("  {label}"), text.to_owned()]
}

fn minute(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn change(then: i64, now: i64) -> String {
    if then == 0 {
        return String::new();
    }
    percent(Some((now - then).saturating_mul(1000) / then))
}

fn percent(per_mille: Option<i64>) -> String {
    per_mille.map_or_else(String::new, |value| {
        let sign = if value < 0 { "-" } else { "+" };
        let value = value.unsigned_abs();
        format!("{sign}{}.{} %", value / 10, value % 10)
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
    let issuer = instance.issuer("preview")?;
    let samples = issuer
        .preview(&args.run, args.count.into())
        .await
        .failed("the samples cannot be made")?;
    let to = std::path::absolute(&args.to).failed("the current folder is not known")?;
    fs::create_dir_all(&to).failed(format!("{} cannot be made", to.display()))?;
    let mut written = Vec::new();
    for (name, pdf) in samples {
        let path = to.join(name);
        files::write(&path, &pdf).failed(format!("{} cannot be written", path.display()))?;
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
    let released = release_run(instance, &args.run, &args.by).await?;
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
) -> Result<kvit_store::Released, Failure> {
    use kvit_billing::ports::Clock;
    let issue = &instance.config.issue;
    let release = Release {
        by: by.to_owned(),
        at: SystemClock.now(),
        series: issue
            .series
            .parse()
            .exits(Exit::Configuration, "[issue] series does not work")?,
        first_if_new: BillNumber::new(issue.first_number).ok_or_else(|| {
            Failure::new(
                Exit::Configuration,
                "[issue] first_number has more than ten digits, or is 0",
            )
        })?,
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
