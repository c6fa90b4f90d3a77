//! `kvit pay debits`: what is collected by direct debit, by two people.

use std::{collections::HashMap, io::Write};

use jiff::{ToSpan, civil::Date};
use kvit_billing::ports::Clock;
use kvit_flow::{DebitRules, debits::SILENT_DAYS};
use kvit_store::{DebitFileRecord, DebitPreview, DebitRecord, DebitTerms, DebitWord, Debits};
use serde_json::{Value, json};

use super::{ROWS_MAX, at_console, headed, second};
use crate::{
    cli::{
        ConcessionArgs, DebitApproveArgs, DebitSeenArgs, DebitWriteArgs, DebitsCommand, PersonArgs,
    },
    exit::{Context, Exit, Failure},
    faults,
    files::new_private,
    output::{Output, count, money},
    wiring::{Instance, SystemClock},
};

/// Of those that do not wait, so many are listed.
const LATEST: usize = 100;

pub(super) async fn debits(
    out: &Output,
    instance: &Instance,
    command: Option<DebitsCommand>,
) -> Result<Exit, Failure> {
    match command.unwrap_or(DebitsCommand::List) {
        DebitsCommand::List => list(out, instance).await,
        DebitsCommand::Prepare(args) => prepare(out, instance, &args).await,
        DebitsCommand::Approve(args) => approve(out, instance, &args).await,
        DebitsCommand::Refuse(args) => refuse(out, instance, &args).await,
        DebitsCommand::Write(args) => write(out, instance, &args).await,
        DebitsCommand::Seen(args) => seen(out, instance, &args).await,
    }
}

fn today(instance: &Instance) -> Result<Date, Failure> {
    Ok(instance.time_zone()?.to_datetime(SystemClock.now()).date())
}

/// How files are made, where bills are collected at all.
fn terms(instance: &Instance) -> Result<DebitTerms, Failure> {
    let config = &instance.config;
    let rules: DebitRules = config.debit.rules(config).ok_or_else(|| {
        Failure::new(Exit::Configuration, "autopay is off: [debit] on = false")
            .hint("write the creditor identifier and on = true in kvit.toml")
    })?;
    Ok(rules.terms(&config.operator, today(instance)?))
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let store = &instance.store;
    let silent = today(instance)?.saturating_sub(SILENT_DAYS.days());
    let waiting = store.debits(Debits::Waiting, ROWS_MAX).await?;
    let people = store.debits(Debits::ForPeople(silent), ROWS_MAX).await?;
    let latest = store.debits(Debits::Latest, LATEST).await?;
    let files = store.debit_files(LATEST).await?;
    // What waits for approval shows what would leave now.
    let mut previews = HashMap::new();
    if instance.config.debit.rules(&instance.config).is_some() {
        let (terms, now) = (terms(instance)?, SystemClock.now());
        for file in files.iter().filter(|file| file.waits()) {
            let preview = store.preview_debits(file.number, &terms, now).await?;
            previews.insert(file.number, preview);
        }
    }
    let all = |list: &[DebitRecord]| list.iter().map(debit_json).collect::<Vec<_>>();
    let value = json!({
        "waiting": all(&waiting),
        "for_people": all(&people),
        "latest": all(&latest),
        "files": files.iter().map(|file| file_json(file, previews.get(&file.number))).collect::<Vec<_>>(),
    });
    let currency = instance.config.operator.currency;
    out.result(&value, |out| {
        let table = |what: &str, list: &[DebitRecord]| {
            let head = [
                what, "state", "day", "amount", "bill", "customer", "file", "why",
            ];
            let rows = list.iter().map(|one| {
                let dropped = one.dropped.map(|(_, why)| why.as_str().to_owned());
                vec![
                    one.number.to_string(),
                    one.state().as_str().to_owned(),
                    one.day.to_string(),
                    money(one.cents(), currency),
                    one.bill.to_string(),
                    one.account.to_string(),
                    one.file.map(|file| file.to_string()).unwrap_or_default(),
                    one.reason.clone().or(dropped).unwrap_or_default(),
                ]
            });
            (!list.is_empty()).then(|| headed(out, &head, rows, &[3]))
        };
        let others: Vec<_> = latest
            .iter()
            .filter(|one| {
                ![&waiting, &people]
                    .iter()
                    .any(|list| list.iter().any(|it| it.number == one.number))
            })
            .cloned()
            .collect();
        let head = [
            "file",
            "state",
            "prepared",
            "by",
            "debits",
            "sum",
            "leaves now",
            "first day",
            "told of",
        ];
        let rows = files.iter().map(|file| {
            vec![
                file.number.to_string(),
                state(file).to_owned(),
                second(file.prepared.at),
                file.prepared.by.clone(),
                file.debits.to_string(),
                money(file.cents, currency),
                match previews.get(&file.number).map(DebitPreview::collected) {
                    Some((_, cents)) => money(cents, currency),
                    None => String::new(),
                },
                file.day.map(|day| day.to_string()).unwrap_or_default(),
                file.settled.to_string(),
            ]
        });
        let parts = [
            table("a person has to see to", &people),
            table("announced", &waiting),
            (!files.is_empty()).then(|| headed(out, &head, rows, &[4, 5, 6, 8])),
            table("latest", &others),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "no bill is collected by direct debit".to_owned()
        } else {
            parts.join("\n\n")
        }
    })?;
    Ok(Exit::Done)
}

const fn state(file: &DebitFileRecord) -> &'static str {
    if file.approved.is_some() {
        "approved"
    } else if file.refused.is_some() {
        "refused"
    } else {
        "prepared"
    }
}

fn debit_json(one: &DebitRecord) -> Value {
    json!({
        "number": one.number,
        "state": one.state().as_str(),
        "customer": one.account,
        "bill": one.bill,
        "mandate": kvit_pay::debit::mandate_reference(one.mandate),
        "day": one.day,
        "announced_cents": one.amount.get(),
        "ordered_cents": one.ordered.map(kvit_billing::Cents::get),
        "file": one.file,
        "reason": one.reason,
        "dropped": one.dropped.map(|(_, why)| why.as_str()),
        "for_people": one.for_people && one.seen.is_none(),
    })
}

fn file_json(file: &DebitFileRecord, preview: Option<&DebitPreview>) -> Value {
    let now = preview.map(|preview| {
        let ((debits, cents), wait) = (preview.collected(), preview.waiting());
        let dropped = file.debits.saturating_sub(debits + wait);
        json!({"debits": debits, "sum_cents": cents.get(), "wait": wait, "dropped": dropped})
    });
    json!({
        "leaves_now": now,
        "file": file.number,
        "state": state(file),
        "debits": file.debits,
        "sum_cents": file.cents.get(),
        "day": file.day,
        "prepared_by": file.prepared.by,
        "prepared_at": file.prepared.at,
        "approved_by": file.approved.as_ref().map(|deed| &deed.by),
        "settled": file.settled,
    })
}

async fn prepare(out: &Output, instance: &Instance, args: &PersonArgs) -> Result<Exit, Failure> {
    let terms = terms(instance)?;
    let checkpoints = faults::checkpoints();
    checkpoints.reached("before-prepare-debits");
    let made = instance
        .store
        .prepare_debits(&terms, &at_console(&args.by), SystemClock.now())
        .await?;
    checkpoints.reached("after-prepare-debits");
    let left = [
        (
            made.held,
            "held back: their mail, or other money for the bill, is on its way",
        ),
        (
            made.dropped,
            "not collected any more: paid, announced too late, or too late for their day",
        ),
    ];
    let left: String = left
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, why)| format!("\n{} {why}", count(number, "debit", "debits")))
        .collect();
    let Some(file) = made.file else {
        let failure = Failure::new(Exit::Refused, "there is nothing to collect now");
        return Err(failure.hint(if left.is_empty() {
            "`kvit pay debits` lists what is announced".to_owned()
        } else {
            left.trim().to_owned()
        }));
    };
    let value = json!({"file": file.number, "debits": file.debits, "sum_cents": file.cents.get(), "day": file.day, "held": made.held, "dropped": made.dropped, "by": args.by});
    out.result(&value, |_| {
        let number = file.number;
        format!(
            "file {number}: {}, {}; another person approves it with `kvit pay debits approve {number} --as NAME`{left}",
            count(file.debits, "debit", "debits"),
            money(file.cents, instance.config.operator.currency),
        )
    })?;
    Ok(Exit::Done)
}

async fn approve(
    out: &Output,
    instance: &Instance,
    args: &DebitApproveArgs,
) -> Result<Exit, Failure> {
    let terms = terms(instance)?;
    let DebitApproveArgs {
        number,
        count: shown,
        sum,
        by,
    } = args;
    let shown = (*shown, *sum);
    let checkpoints = faults::checkpoints();
    checkpoints.reached("before-approve-debits");
    let said = instance
        .store
        .approve_debits(*number, &terms, shown, &at_console(by), SystemClock.now())
        .await?;
    // A death here leaves a file that `write` writes.
    checkpoints.reached("after-approve-debits");
    if said != DebitWord::Approved {
        return Err(refused(said));
    }
    let file = instance.store.debit_file(*number).await?;
    let file = file.ok_or_else(|| refused(DebitWord::Unknown))?;
    let value = json!({"file": number, "debits": file.debits, "sum_cents": file.cents.get(), "day": file.day});
    out.result(&value, |_| {
        format!(
            "file {number} is ordered: {}, {}; `kvit pay debits write {number} --to FILE --as NAME` writes it for the bank",
            count(file.debits, "debit", "debits"),
            money(file.cents, instance.config.operator.currency),
        )
    })?;
    Ok(Exit::Done)
}

async fn refuse(out: &Output, instance: &Instance, args: &ConcessionArgs) -> Result<Exit, Failure> {
    let ConcessionArgs { number, by } = args;
    let said = instance
        .store
        .refuse_debit_file(*number, &at_console(by), SystemClock.now())
        .await?;
    if said != DebitWord::Done {
        return Err(refused(said));
    }
    out.result(&json!({"file": number, "approved": false}), |_| {
        format!("file {number} is not made; what was in it waits for the next")
    })?;
    Ok(Exit::Done)
}

async fn write(out: &Output, instance: &Instance, args: &DebitWriteArgs) -> Result<Exit, Failure> {
    let (store, number, place) = (&instance.store, args.number, args.to.display());
    let mut target = new_private(&args.to).failed(format!("{place} cannot be made"))?;
    let checkpoints = faults::checkpoints();
    checkpoints.reached("before-write-debits");
    let fetched = store
        .fetch_debit_file(number, &at_console(&args.by), SystemClock.now())
        .await;
    let bytes = match fetched {
        Ok(Some(bytes)) => bytes,
        none => {
            let _ = std::fs::remove_file(&args.to);
            none?;
            let what = format!("there is no approved file {number}");
            return Err(Failure::new(Exit::Refused, what).hint("`kvit pay debits` names the files"));
        }
    };
    // A death from here on leaves half a file at most: the same command with another place writes it whole.
    checkpoints.reached("debits-fetched");
    target
        .write_all(&bytes)
        .and_then(|()| target.sync_all())
        .failed(format!(
            "{place} cannot be written: give the command again with another place"
        ))?;
    let file = store.debit_file(number).await?;
    let file = file.ok_or_else(|| refused(DebitWord::Unknown))?;
    let value = json!({"file": number, "path": args.to, "debits": file.debits, "sum_cents": file.cents.get(), "day": file.day});
    out.result(&value, |_| {
        format!(
            "file {number}: {}, {} in {place}; give it to the bank once",
            count(file.debits, "debit", "debits"),
            money(file.cents, instance.config.operator.currency)
        )
    })?;
    Ok(Exit::Done)
}

async fn seen(out: &Output, instance: &Instance, args: &DebitSeenArgs) -> Result<Exit, Failure> {
    let DebitSeenArgs {
        number,
        because,
        by,
    } = args;
    let silent = today(instance)?.saturating_sub(SILENT_DAYS.days());
    let said = instance
        .store
        .see_debit(*number, because, &at_console(by), silent, SystemClock.now())
        .await?;
    if said != DebitWord::Done {
        return Err(refused(said));
    }
    out.result(&json!({"debit": number, "seen": true}), |_| {
        format!("debit {number} waits for nobody any more")
    })?;
    Ok(Exit::Done)
}

fn refused(said: DebitWord) -> Failure {
    let failure = |what: &str, hint: &'static str| Failure::new(Exit::Refused, what).hint(hint);
    match said {
        DebitWord::SamePerson => failure(
            "the one who prepared it cannot approve it",
            "another person has to",
        ),
        DebitWord::Empty => failure(
            "nothing in it is to be collected any more: it is paid, turned off or too late",
            "prepare another",
        ),
        DebitWord::Outdated => failure(
            "not so many, or not so much, would leave now",
            "`kvit pay debits` shows what leaves now",
        ),
        DebitWord::Over => failure(
            "it was approved, refused or seen to already, or waits for nobody",
            "`kvit pay debits` shows where it stands",
        ),
        DebitWord::Unknown | DebitWord::Approved | DebitWord::Done => failure(
            "there is no such file or debit",
            "`kvit pay debits` names them",
        ),
    }
}
