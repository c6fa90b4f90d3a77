//! `kvit run import`: a hand-over is read, checked, and kept as checked or rejected.

use std::path::PathBuf;

use kvit_billing::{Language, RunId};
use kvit_flow::ImportOutcome;
use kvit_intake::{Diagnostic, Severity};
use kvit_store::RunState;
use kvit_web::FindingTexts;
use serde_json::{Value, json};

use super::{account::account, find};
use crate::{
    cli::ImportArgs,
    exit::{Context, Exit, Failure},
    importing::{Import, Turn},
    output::{BAD, BOLD, DIM, GOOD, Output, Progress, count, grouped, money, took},
    wiring::Instance,
};

pub(super) async fn command(
    out: &Output,
    instance: &Instance,
    args: &ImportArgs,
) -> Result<Exit, Failure> {
    let started = std::time::Instant::now();
    let by = match &args.by {
        Some(by) => by.clone(),
        None => account().ok_or_else(|| {
            Failure::new(Exit::Usage, "who imports?").hint("name yourself with --as NAME")
        })?,
    };
    let outcome = import_paths(out, instance, &args.paths, &by).await?;
    let currency = outcome
        .currency
        .unwrap_or(instance.config.operator.currency);
    let earlier = match &outcome.already {
        Some(run) => Some(find(instance, run).await?),
        None => None,
    };
    let words = words()?;
    let value = json!({
        "run": outcome.run.as_str(),
        "already": outcome.already.as_ref().map(RunId::as_str),
        "accepted": outcome.accepted,
        "state": if outcome.accepted { RunState::Checked } else { RunState::Rejected },
        "bills": outcome.orders,
        "sum_cents": outcome.sum.get(),
        "errors": outcome.findings.errors(),
        "warnings": outcome.findings.warnings(),
        "diagnostics": in_words(&json!(outcome.findings.list()))?,
    });
    out.result(&value, |out| {
        if let Some(earlier) = &earlier {
            return format!(
                "{} this file is already run {} ({}); nothing was changed\n\
                 next: kvit run show {}\n",
                out.out("rejected", BAD),
                earlier.id,
                earlier.state.as_str(),
                earlier.id
            );
        }
        let mut text = diagnostics(out, &outcome, &words);
        let run = &outcome.run;
        if outcome.accepted {
            text.push_str(&format!(
                "{} run {run}: {}, {}, in {}\n\
                 next: kvit run show {run}, then another person: kvit run release {run} --as NAME\n",
                out.out("checked", GOOD),
                count(outcome.orders, "order", "orders"),
                money(outcome.sum, currency),
                took(started.elapsed()),
            ));
        } else {
            text.push_str(&format!(
                "{} run {run}: {}, {}. Nothing but this report is kept.\n\
                 next: correct the run at the billing system and import it again\n",
                out.out("rejected", BAD),
                count(outcome.findings.errors(), "error", "errors"),
                count(outcome.findings.warnings(), "warning", "warnings"),
            ));
        }
        text
    })?;
    Ok(if outcome.accepted {
        Exit::Done
    } else {
        Exit::Rejected
    })
}

/// Imports files, folders and ZIP files as one run.
pub(super) async fn import_paths(
    out: &Output,
    instance: &Instance,
    paths: &[PathBuf],
    by: &str,
) -> Result<ImportOutcome, Failure> {
    let Some(turn) = Turn::take(instance)? else {
        return Err(
            Failure::new(Exit::Failed, "another import is under way in this instance")
                .hint("wait until it has ended"),
        );
    };
    let given = paths.iter().map(|path| path.as_path().into()).collect();
    let import = Import::begin(instance, turn, given, by).await?;
    if let [first, rest @ ..] = import.skipped.as_slice() {
        let more = match rest.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        out.note(&format!(
            "passed over, not a bill by its name: {first}{more}"
        ));
    }
    let progress: Progress = out.progress("importing", "orders", import.promised);
    let done = import.run(&|orders| progress.set(orders)).await;
    progress.finish();
    done.map_err(|failure| failure.hint("nothing was kept; the same command can be given again"))
}

/// What findings are told with.
fn words() -> Result<FindingTexts, Failure> {
    FindingTexts::new(Language::En).failed("the built-in texts are broken")
}

/// The diagnostics of a report, with what was found and expected in words, and what to do.
pub(super) fn in_words(diagnostics: &Value) -> Result<Value, Failure> {
    let words = words()?;
    let mut told = diagnostics.clone();
    for fault in told.as_array_mut().into_iter().flatten() {
        let word = |name: &str| fault[name].as_str().unwrap_or_default();
        let said = words.tell(word("code"), word("found"), word("expected"));
        fault["found"] = said.found.into();
        fault["expected"] = said.expected.into();
        fault["remedy"] = said.remedy.into();
    }
    Ok(told)
}

/// The findings, a paragraph each.
fn diagnostics(out: &Output, outcome: &ImportOutcome, words: &FindingTexts) -> String {
    let findings = &outcome.findings;
    let mut text: String = findings
        .list()
        .iter()
        .map(|found| paragraph(out, found, words))
        .collect();
    let more =
        (findings.errors() + findings.warnings()).saturating_sub(findings.list().len() as u64);
    if more > 0 {
        text.push_str(&format!("… and {} more\n", grouped(more)));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// `file:line: field` with what was found and expected, and what to do.
fn paragraph(out: &Output, found: &Diagnostic, words: &FindingTexts) -> String {
    let code = found.code.as_str();
    let told = words.tell(code, &found.found, &found.expected);
    let (word, style) = match found.severity {
        Severity::Error => ("error", BAD),
        Severity::Warning => ("warning", BOLD),
    };
    let place = if found.line == 0 {
        found.file.clone()
    } else {
        format!("{}:{}", found.file, found.line)
    };
    let field = if found.field.is_empty() {
        "(the file)"
    } else {
        &found.field
    };
    format!(
        "{} {place}: {field} {}\n    found     {}\n    expected  {}\n    remedy    {}\n",
        out.out(word, style),
        out.out(&format!("[{code}]"), DIM),
        told.found,
        told.expected,
        told.remedy,
    )
}
