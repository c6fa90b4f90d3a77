//! `kvit pay statement`: what the bank says goes into the books.

use std::path::Path;

use kvit_billing::{Language, ports::Clock};
use kvit_flow::statement::{
    CheckedStatement, Outside, StatementError, StatementOutcome, book_statement, finish_statements,
};
use kvit_pay::statement::{Fault, Statement, StatementRules};
use kvit_store::{StatementReport, Tally};
use kvit_web::FindingTexts;
use serde_json::{Value, json};

use super::{
    at_console, second,
    statements::{facts_line, gap_json, gap_line, missing, record_json, rows_of, short},
};
use crate::{
    booking,
    cli::StatementArgs,
    commands::account::account,
    exit::{Context, Exit, Failure},
    faults,
    output::{BAD, DIM, GOOD, Output, amount, count, grouped, table},
    wiring::{Instance, SystemClock},
};

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
    let rules = booking::rules(instance)?;
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
    // A payment comes before its being taken back.
    files.sort_by_key(|file| {
        let first = file.checked.judged.statements.first();
        first.and_then(|statement| statement.from.or(statement.to))
    });
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
        payouts: rules.payouts.clone(),
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
    if finished.map_err(|error| cannot(error.into()))? > 0 {
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
    // One that breaks off is passed over above, and may be among the files that healed it.
    let broken = store.queue_depths(SystemClock.now()).await?;
    let broken = broken.statements_broken;
    if let Some(what) = booking::broken(broken) {
        out.note(&what);
    }
    let missing = missing(instance).await?;
    let value = json!({
        "accepted": true,
        "broken": broken,
        "gaps": missing.iter().map(gap_json).collect::<Vec<_>>(),
        "files": outcomes.iter().map(outcome_json).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        let told = outcomes.iter().map(|outcome| told(out, instance, outcome));
        let gaps = missing.iter().map(|gap| gap_line(out, gap));
        told.chain(gaps).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Exit::Done)
}

fn read(out: &Output, path: &Path, rules: &StatementRules) -> Result<Read, Failure> {
    let place = path.display();
    let progress = out.progress("checking", "transfers", None);
    let checked = booking::check(path, rules, &|read| progress.set(read));
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
    let words = FindingTexts::new(Language::En).failed("the built-in texts are broken")?;
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
            "faults": file.checked.judged.faults.iter().map(|fault| fault_json(fault, &words)).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        let mut text = String::new();
        let mut shown = 0;
        for file in files {
            for fault in &file.checked.judged.faults {
                text.push_str(&paragraph(out, &file.name, fault, &words));
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

fn fault_json(fault: &Fault, words: &FindingTexts) -> Value {
    let told = words.tell(fault.code.as_str(), &fault.found, &fault.expected);
    json!({
        "line": fault.line,
        "place": words.place(&fault.place),
        "code": fault.code,
        "found": told.found,
        "expected": told.expected,
        "remedy": told.remedy,
    })
}

/// `file:line: place` with what was found and expected, and what to do.
fn paragraph(out: &Output, file: &str, fault: &Fault, words: &FindingTexts) -> String {
    let code = fault.code.as_str();
    let told = words.tell(code, &fault.found, &fault.expected);
    format!(
        "{} {file}:{}: {} {}\n    found     {}\n    expected  {}\n    remedy    {}\n",
        out.out("error", BAD),
        fault.line,
        words.place(&fault.place),
        out.out(&format!("[{code}]"), DIM),
        told.found,
        told.expected,
        told.remedy,
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
            ": {} brought it on {}; what waits was looked at again",
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

fn outcome_json(outcome: &StatementOutcome) -> Value {
    let mut value = record_json(&outcome.record);
    value["first"] = outcome.first.into();
    value
}
