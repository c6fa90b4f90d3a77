//! `kvit pay statements`: the bank statements that were brought, and the transfers of one.

use kvit_flow::statement::{payouts, read_statement};
use kvit_pay::{
    statement::{Gap, Statement, Transfer, gaps},
    ways::Ways,
};
use kvit_store::{StatementRecord, StatementReport, Tally};
use serde_json::{Value, json};

use super::{ROWS_MAX, headed, second};
use crate::{
    cli::StatementsArgs,
    exit::{Exit, Failure},
    output::{BAD, Output, amount, grouped, money},
    wiring::Instance,
};

/// Letters of a statement's id that lists show.
const ID_SHOWN: usize = 12;
/// Letters of a payer's text that a list shows.
const WORDS_SHOWN: usize = 60;

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
    let missing = gaps(records.iter().flat_map(|record| &record.facts));
    let value = json!({
        "statements": records.iter().map(record_json).collect::<Vec<_>>(),
        "gaps": missing.iter().map(gap_json).collect::<Vec<_>>(),
    });
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
        let table = headed(out, &head, rows, &[3, 4]);
        let gaps = missing.iter().map(|gap| gap_line(out, gap));
        std::iter::once(table)
            .chain(gaps)
            .collect::<Vec<_>>()
            .join("\n")
    })?;
    Ok(Exit::Done)
}

/// Where the latest statements do not join.
pub(super) async fn missing(instance: &Instance) -> Result<Vec<Gap>, Failure> {
    let records = instance.store.statements(ROWS_MAX).await?;
    Ok(gaps(records.iter().flat_map(|record| &record.facts)))
}

pub(super) fn gap_line(out: &Output, gap: &Gap) -> String {
    format!(
        "{} a statement of {}: {} ended with {}, {} begins with {}\n",
        out.out("missing", BAD),
        gap.iban,
        gap.after,
        amount(gap.closing),
        gap.before,
        amount(gap.opening),
    )
}

pub(super) fn gap_json(gap: &Gap) -> Value {
    json!({
        "account": gap.iban,
        "after": gap.after,
        "closing_cents": gap.closing.get(),
        "before": gap.before,
        "opening_cents": gap.opening.get(),
    })
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

pub(super) fn short(id: &str) -> &str {
    id.get(..ID_SHOWN).unwrap_or(id)
}

pub(super) fn facts_line(instance: &Instance, statement: &Statement) -> String {
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
    if statement.iban.is_empty() {
        return format!("report {}{days}", statement.id);
    }
    format!(
        "statement {} of {}{days}{balances}",
        statement.id, statement.iban
    )
}

/// In words, for machines, and how many.
pub(super) fn rows_of(report: &StatementReport) -> [(&'static str, &'static str, Tally); 11] {
    [
        ("to customers", "matched", report.matched),
        ("unmatched, for people", "unmatched", report.unmatched),
        ("handed over by payment systems", "payouts", report.payouts),
        ("payments taken back", "taken_back", report.taken_back),
        ("refunds that left", "refunded", report.refunded),
        ("refunds that came back", "came_back", report.came_back),
        (
            "direct debits refused",
            "debits_refused",
            report.debits_refused,
        ),
        ("unclear, for people", "unclear", report.unclear),
        ("known from another statement", "repeated", report.repeated),
        ("taken out of the books since", "undone", report.undone),
        ("not customers' money", "spent", report.spent),
    ]
}

pub(super) fn record_json(record: &StatementRecord) -> Value {
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
