//! `kvit run show`: what a person looks at before releasing a run, and how far it has come since.

use kvit_billing::{Cents, RunId};
use kvit_flow::summary::{RunSummary, change_per_mille};
use kvit_store::{RunProgress, RunRecord, RunState};
use serde_json::{Value, json};

use super::{find, import::in_words, run::as_json};
use crate::{
    exit::{Exit, Failure},
    output::{BOLD, Output, amount, count, grouped, money, table},
    wiring::Instance,
};

/// How many faults of a rejected run are shown.
const FAULTS_SHOWN: usize = 10;

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
    let mut report = record.report.clone();
    if let Some(report) = &mut report {
        report["diagnostics"] = in_words(&report["diagnostics"])?;
    }
    value["report"] = json!(report);
    value["progress"] = json!(progress);
    value["previous"] = json!(previous.as_ref().map(as_json));
    out.result(&value, |out| {
        let mut text = head(out, &record);
        if let Some(report) = &report {
            text.push_str(&findings(report));
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
    let amounts = |label: &str, of: fn(&RunSummary) -> Cents| {
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

fn findings(report: &Value) -> String {
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    let warnings = count(number("warnings"), "warning", "warnings");
    let mut text = match number("errors") {
        0 => format!("\n{warnings}:\n"),
        errors => format!(
            "\nRejected: {}, {warnings}\n",
            count(errors, "error", "errors")
        ),
    };
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
