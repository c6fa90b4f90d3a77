//! `kvit pay statement` and `statements`: what the bank says goes into the books.

use std::{fs::File, path::Path};

use kvit_billing::ports::Clock;
use kvit_flow::statement::{
    CheckedStatement, Outside, StatementError, StatementOutcome, book_statement, check_statement,
    finish_statements, payouts, read_statement,
};
use kvit_pay::{
    statement::{Fault, Statement, StatementRules, Transfer},
    ways::Ways,
};
use kvit_store::{StatementRecord, StatementReport, Tally};
use serde_json::{Value, json};

use super::{ROWS_MAX, at_console, headed, second};
use crate::{
    cli::{StatementArgs, StatementsArgs},
    commands::account::account,
    exit::{Context, Exit, Failure},
    faults,
    output::{BAD, DIM, GOOD, Output, amount, count, grouped, money, table},
    wiring::{Instance, SystemClock},
};

/// Letters of a statement's id that lists show.
const ID_SHOWN: usize = 12;
/// Letters of a payer's text that a list shows.
const WORDS_SHOWN: usize = 60;

/// A file that was read.
struct Read {
    name: String,
    checked: CheckedStatement,
}

pub(super) async fn import(
    out: &Output,
    instance: &Instance,
    args: &StatementArgs,
) -> Result<Exit, Failure> {
    let by = match &args.by {
        Some(by) => by.clone(),
        None => account().ok_or_else(|| {
            Failure::new(Exit::Usage, "who brings the statement?")
                .hint("name yourself with --as NAME")
        })?,
    };
    let payouts = payouts(&instance.ways()?.all());
    let operator = &instance.config.operator;
    let mut ibans = vec![operator.iban.clone()];
    ibans.extend(instance.config.pay.accounts.iter().cloned());
    let rules = StatementRules {
        ibans,
        currency: Some(operator.currency),
        payouts: payouts.clone(),
    };
    // All files are judged before anything of one counts.
    let mut files = Vec::with_capacity(args.files.len());
    for path in &args.files {
        files.push(read(out, path, &rules)?);
    }
    if files
        .iter()
        .any(|file| file.checked.judged.faults_counted > 0)
    {
        return rejected(out, &files);
    }
    let progress = out.progress(
        "booking",
        "transfers",
        files.iter().map(|file| Some(file.checked.transfers)).sum(),
    );
    let booked_before = std::sync::atomic::AtomicU64::new(0);
    let tell = |done| {
        use std::sync::atomic::Ordering;
        progress.set(booked_before.load(Ordering::Relaxed) + done);
    };
    let checkpoints = faults::checkpoints();
    let outside = Outside {
        payouts,
        clock: &SystemClock,
        checkpoints: checkpoints.as_ref(),
        progress: &tell,
    };
    let cannot = |error: StatementError| {
        Failure::new(Exit::Failed, "the statement is not wholly in the books")
            .because(error)
            .hint("give the same command again: what is booked already stays and counts once")
    };
    // What a death left goes first, or a payment could be looked for before it is there.
    let store = &instance.store;
    let finished = finish_statements(store, SystemClock.now(), &outside).await;
    if finished.map_err(cannot)? > 0 {
        out.note("a statement that had been interrupted is finished");
    }
    let mut outcomes = Vec::with_capacity(files.len());
    for Read { name, checked } in files {
        let transfers = checked.transfers;
        let outcome = book_statement(store, &name, &at_console(&by), checked, &outside).await;
        outcomes.push(outcome.map_err(cannot)?);
        booked_before.fetch_add(transfers, std::sync::atomic::Ordering::Relaxed);
    }
    progress.finish();
    let value = json!({
        "accepted": true,
        "files": outcomes.iter().map(outcome_json).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        let parts: Vec<String> = outcomes
            .iter()
            .map(|outcome| told(out, instance, outcome))
            .collect();
        parts.join("\n")
    })?;
    Ok(Exit::Done)
}

fn read(out: &Output, path: &Path, rules: &StatementRules) -> Result<Read, Failure> {
    let place = path.display();
    let file = File::open(path).failed(format!("{place} cannot be read"))?;
    let progress = out.progress("checking", "transfers", None);
    let checked = check_statement(file, rules, &|read| progress.set(read));
    progress.finish();
    let checked = checked.failed(format!("{place} cannot be read"))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Read {
        name: name.to_string_lossy().into_owned(),
        checked,
    })
}

/// The faults of all files. Nothing of them is kept.
fn rejected(out: &Output, files: &[Read]) -> Result<Exit, Failure> {
    let counted: u64 = files
        .iter()
        .map(|file| file.checked.judged.faults_counted)
        .sum();
    let value = json!({
        "accepted": false,
        "errors": counted,
        "files": files.iter().map(|file| json!({
            "file": file.name,
            "format": file.checked.judged.format,
            "errors": file.checked.judged.faults_counted,
            "faults": file.checked.judged.faults,
        })).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        let mut text = String::new();
        let mut shown = 0;
        for file in files {
            for fault in &file.checked.judged.faults {
                text.push_str(&paragraph(out, &file.name, fault));
                shown += 1;
            }
        }
        if counted > shown {
            text.push_str(&format!("… and {} more\n", grouped(counted - shown)));
        }
        text.push_str(&format!(
            "\n{} {}, {}. Nothing is kept.\n",
            out.out("rejected", BAD),
            count(files.len() as u64, "file", "files"),
            count(counted, "error", "errors"),
        ));
        text
    })?;
    Ok(Exit::Rejected)
}

fn paragraph(out: &Output, file: &str, fault: &Fault) -> String {
    format!(
        "{} {file}:{}: {}\n    found     {}\n    expected  {}\n    remedy    {}\n",
        out.out("error", BAD),
        fault.line,
        fault.place,
        fault.found,
        fault.expected,
        fault.remedy,
    )
}

/// What became of a file, for people.
fn told(out: &Output, instance: &Instance, outcome: &StatementOutcome) -> String {
    let record = &outcome.record;
    let word = if outcome.first { "booked" } else { "known" };
    let mut text = format!(
        "{} {} ({})",
        out.out(word, GOOD),
        record.file,
        record.format
    );
    if !outcome.first {
        text.push_str(&format!(
            ": {} brought it on {}; nothing was changed",
            record.imported_by,
            second(record.imported_at)
        ));
    }
    text.push('\n');
    for statement in &record.facts {
        text.push_str(&format!("  {}\n", facts_line(instance, statement)));
    }
    if let Some(report) = &record.report {
        text.push_str(&report_table(report, &record.facts));
        if report.unmatched.count + report.unclear.count > 0 {
            text.push_str("next: kvit pay unmatched\n");
        }
    }
    text.push_str(&format!(
        "{}\n",
        out.out(&format!("kvit pay statements {}", short(&record.id)), DIM)
    ));
    text
}

fn facts_line(instance: &Instance, statement: &Statement) -> String {
    let days = match (statement.from, statement.to) {
        (Some(from), Some(to)) if from != to => format!(", {from} to {to}"),
        (Some(day), _) | (None, Some(day)) => format!(", {day}"),
        (None, None) => String::new(),
    };
    let currency = instance.config.operator.currency;
    let balances = match (statement.opening, statement.closing) {
        (Some(opening), Some(closing)) => {
            format!(", from {} to {}", amount(opening), money(closing, currency))
        }
        _ => String::new(),
    };
    format!(
        "statement {} of {}{days}{balances}",
        statement.id, statement.iban
    )
}

fn report_table(report: &StatementReport, facts: &[Statement]) -> String {
    let row = |what: &str, tally: Tally| {
        (tally.count > 0).then(|| {
            vec![
                format!("  {what}"),
                grouped(tally.count),
                amount(tally.cents),
            ]
        })
    };
    let rows = rows_of(report).map(|(what, _, tally)| row(what, tally));
    let mut rows: Vec<_> = rows.into_iter().flatten().collect();
    let ignored: u64 = facts.iter().map(|statement| statement.ignored).sum();
    if ignored > 0 {
        rows.push(vec![
            "  not booked yet, passed over".to_owned(),
            grouped(ignored),
        ]);
    }
    table(&rows, &[1, 2])
}

/// In words, for machines, and how many.
fn rows_of(report: &StatementReport) -> [(&'static str, &'static str, Tally); 7] {
    [
        ("to customers", "matched", report.matched),
        ("unmatched, for people", "unmatched", report.unmatched),
        ("handed over by payment systems", "payouts", report.payouts),
        ("payments taken back", "taken_back", report.taken_back),
        ("unclear, for people", "unclear", report.unclear),
        ("known from another statement", "repeated", report.repeated),
        ("not customers' money", "spent", report.spent),
    ]
}

fn outcome_json(outcome: &StatementOutcome) -> Value {
    let mut value = record_json(&outcome.record);
    value["first"] = outcome.first.into();
    value
}

fn record_json(record: &StatementRecord) -> Value {
    let report = record.report.as_ref().map(|report| {
        let rows = rows_of(report);
        let rows = rows.map(|(_, word, tally)| {
            (
                word.to_owned(),
                json!({"count": tally.count, "cents": tally.cents.get()}),
            )
        });
        rows.into_iter().collect::<serde_json::Map<_, _>>()
    });
    json!({
        "statement": record.id,
        "file": record.file,
        "format": record.format,
        "by": record.imported_by,
        "at": record.imported_at,
        "parts": record.facts,
        "report": report,
    })
}

pub(super) async fn statements(
    out: &Output,
    instance: &Instance,
    args: &StatementsArgs,
) -> Result<Exit, Failure> {
    match &args.statement {
        None => list(out, instance).await,
        Some(start) => show(out, instance, start).await,
    }
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let records = instance.store.statements(ROWS_MAX).await?;
    let value: Vec<Value> = records.iter().map(record_json).collect();
    out.result(&value, |out| {
        if records.is_empty() {
            return "no bank statement was brought yet".to_owned();
        }
        let head = [
            "statement",
            "file",
            "days",
            "to customers",
            "unmatched",
            "by",
            "brought",
        ];
        let rows = records.iter().map(|record| {
            let sum = |of: fn(&StatementReport) -> Tally| match &record.report {
                Some(report) => amount(of(report).cents),
                None => "interrupted".to_owned(),
            };
            vec![
                short(&record.id).to_owned(),
                record.file.clone(),
                days(&record.facts),
                sum(|report| report.matched),
                sum(|report| report.unmatched),
                record.imported_by.clone(),
                second(record.imported_at),
            ]
        });
        headed(out, &head, rows, &[3, 4])
    })?;
    Ok(Exit::Done)
}

async fn show(out: &Output, instance: &Instance, start: &str) -> Result<Exit, Failure> {
    let mut found = instance.store.statements_named(start).await?;
    let (Some(record), true) = (found.pop(), found.is_empty()) else {
        let what = format!("no one statement begins with {start}");
        return Err(Failure::new(Exit::Failed, what).hint("`kvit pay statements` names them"));
    };
    let payouts = payouts(&instance.ways()?.all());
    let (mut transfers, mut more): (Vec<Transfer>, u64) = (Vec::new(), 0);
    read_statement(&instance.store, &record.id, payouts, |transfer| {
        if transfers.len() < ROWS_MAX {
            transfers.push(transfer);
        } else {
            more += 1;
        }
    })
    .await?;
    let notices: Vec<Option<String>> = transfers
        .iter()
        .map(|transfer| Some(transfer.clone().notice()?.key()))
        .collect();
    let known: Vec<String> = notices.iter().flatten().cloned().collect();
    let outcomes = instance.store.outcomes(&known).await?;
    let word = |notice: &Option<String>| match notice {
        None => "spent",
        Some(notice) => outcomes.get(notice).map_or("-", |outcome| outcome.as_str()),
    };
    let mut value = record_json(&record);
    value["transfers"] = transfers
        .iter()
        .zip(&notices)
        .map(|(transfer, notice)| {
            json!({
                "line": transfer.line,
                "kind": transfer.kind.as_str(),
                "cents": transfer.signed().get(),
                "booked": transfer.booked,
                "party": transfer.party,
                "references": transfer.references,
                "text": transfer.words,
                "info": transfer.info,
                "notice": notice,
                "outcome": word(notice),
            })
        })
        .collect();
    out.result(&value, |out| {
        let mut text = format!("{} ({})\n", record.file, record.format);
        for statement in &record.facts {
            text.push_str(&format!("  {}\n", facts_line(instance, statement)));
        }
        let head = ["line", "booked", "amount", "became", "who", "text"];
        let rows = transfers.iter().zip(&notices).map(|(transfer, notice)| {
            vec![
                transfer.line.to_string(),
                transfer.booked.to_string(),
                amount(transfer.signed()),
                word(notice).to_owned(),
                transfer.party.clone().unwrap_or_default(),
                words(transfer),
            ]
        });
        text.push('\n');
        text.push_str(&headed(out, &head, rows, &[0, 2]));
        if more > 0 {
            text.push_str(&format!("\n… and {} more", grouped(more)));
        }
        text
    })?;
    Ok(Exit::Done)
}

fn words(transfer: &Transfer) -> String {
    let said = [transfer.references.join(" "), transfer.words.clone()];
    let said: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
    let said = if said.is_empty() {
        transfer.info.clone()
    } else {
        said.join(" ")
    };
    said.chars().take(WORDS_SHOWN).collect()
}

fn days(facts: &[Statement]) -> String {
    let from = facts.iter().filter_map(|statement| statement.from).min();
    let to = facts.iter().filter_map(|statement| statement.to).max();
    match (from, to) {
        (Some(from), Some(to)) if from != to => format!("{from} to {to}"),
        (Some(day), _) | (None, Some(day)) => day.to_string(),
        (None, None) => String::new(),
    }
}

fn short(id: &str) -> &str {
    id.get(..ID_SHOWN).unwrap_or(id)
}
