//! `kvit pay refund`, `write-off` and `refunds`: what the operator concedes, by two people.

use std::io::Write;

use jiff::tz::TimeZone;
use kvit_billing::ports::Clock;
use kvit_flow::refunds::{make_refund_file, same_way};
use kvit_pay::ways::Ways;
use kvit_store::{
    Concede, ConcessionKind, ConcessionRecord, Concessions, NewConcession, RefundFile,
    WRITE_OFF_MAX,
};
use serde_json::{Value, json};

use super::{ROWS_MAX, at_console, corrections, headed, second};
use crate::{
    cli::{
        ConcessionArgs, FoundArgs, PersonArgs, RefundArgs, RefundExportArgs, RefundsCommand,
        WriteOffArgs,
    },
    exit::{Context, Exit, Failure},
    faults,
    files::new_private,
    output::{Output, amount, count, money},
    wiring::{Instance, SystemClock},
};

/// Of those that do not wait, so many are listed.
const LATEST: usize = 100;

pub(super) async fn refund(
    out: &Output,
    instance: &Instance,
    args: &RefundArgs,
) -> Result<Exit, Failure> {
    let customer = instance.store.customer(&args.customer).await?;
    let Some(customer) = customer else {
        return Err(refused(Concede::UnknownCustomer));
    };
    let kind = match (&args.iban, &args.payment) {
        (Some(iban), _) => ConcessionKind::Refund {
            iban: iban.clone(),
            payee: args.payee.clone().unwrap_or(customer.customer.name),
            payment: args.payment.clone(),
        },
        (None, payment) => back_the_same_way(instance, payment.as_deref()).await?,
    };
    let new = NewConcession {
        account: args.customer.clone(),
        kind,
        amount: args.amount,
        why: args.because.clone(),
        by: at_console(&args.by),
    };
    propose(out, instance, &new, &args.by).await
}

/// A refund of a payment through its payment system, where that can give it back.
async fn back_the_same_way(
    instance: &Instance,
    payment: Option<&str>,
) -> Result<ConcessionKind, Failure> {
    let payment = payment.unwrap_or_default();
    let paid = instance.store.paid_through(payment).await?;
    let ways = instance.ways()?.all();
    let way = paid.as_ref().and_then(|paid| same_way(&ways, paid));
    let Some(way) = way else {
        let what = format!("{payment} cannot go back the way it was paid");
        return Err(Failure::new(Exit::Refused, what).hint("only what was paid at iCard, myPOS or BORICA can, where kvit.toml has them and their refund_method is not empty; --iban gives it back to an account"));
    };
    Ok(ConcessionKind::SameWay {
        provider: way.name.clone(),
        payment: payment.to_owned(),
    })
}

pub(super) async fn write_off(
    out: &Output,
    instance: &Instance,
    args: &WriteOffArgs,
) -> Result<Exit, Failure> {
    let kind = ConcessionKind::WriteOff { bill: args.bill };
    let open = match args.amount {
        Some(amount) => amount,
        None => {
            let most = instance.store.concedable(&args.customer, &kind);
            most.await?.ok_or_else(|| refused(Concede::OtherBill))?
        }
    };
    let new = NewConcession {
        account: args.customer.clone(),
        kind,
        amount: open,
        why: args.because.clone(),
        by: at_console(&args.by),
    };
    propose(out, instance, &new, &args.by).await
}

async fn propose(
    out: &Output,
    instance: &Instance,
    new: &NewConcession,
    by: &str,
) -> Result<Exit, Failure> {
    let said = instance
        .store
        .propose_concession(new, SystemClock.now())
        .await?;
    let Concede::Proposed(number) = said else {
        return Err(refused(said));
    };
    let value = json!({"number": number, "kind": new.kind.as_str(), "customer": new.account, "amount_cents": new.amount.get(), "by": by});
    out.result(&value, |_| {
        format!(
            "{number}: {by} proposes a {} of {} for customer {}; another person approves it with `kvit pay refunds approve {number} --as NAME`",
            new.kind.as_str(),
            amount(new.amount),
            new.account
        )
    })?;
    Ok(Exit::Done)
}

pub(super) async fn refunds(
    out: &Output,
    instance: &Instance,
    command: Option<RefundsCommand>,
) -> Result<Exit, Failure> {
    match command.unwrap_or(RefundsCommand::List) {
        RefundsCommand::List => list(out, instance).await,
        RefundsCommand::Approve(args) => decide(out, instance, &args, true).await,
        RefundsCommand::Refuse(args) => decide(out, instance, &args, false).await,
        RefundsCommand::Found(args) => found(out, instance, &args).await,
        RefundsCommand::Correct(args) => corrections::correct(out, instance, &args).await,
        RefundsCommand::ApproveCorrection(args) => {
            corrections::decide(out, instance, &args, true).await
        }
        RefundsCommand::RefuseCorrection(args) => {
            corrections::decide(out, instance, &args, false).await
        }
        RefundsCommand::Doubt(args) => doubt(out, instance, &args).await,
        RefundsCommand::Export(args) => export(out, instance, &args).await,
    }
}

async fn decide(
    out: &Output,
    instance: &Instance,
    args: &ConcessionArgs,
    approve: bool,
) -> Result<Exit, Failure> {
    let ConcessionArgs { number, by } = args;
    let (store, by, now) = (&instance.store, at_console(by), SystemClock.now());
    let said = match approve {
        true => store.approve_concession(*number, &by, now).await?,
        false => store.refuse_concession(*number, &by, now).await?,
    };
    let text = match said {
        Concede::Approved => {
            "it is in the customer's book; a refund leaves with the next `kvit pay refunds export`, or once a worker asked its payment system"
        }
        Concede::Refused => "it is not done",
        other => return Err(refused(other)),
    };
    out.result(&json!({"number": number, "approved": approve}), |_| {
        text.to_owned()
    })?;
    Ok(Exit::Done)
}

async fn found(out: &Output, instance: &Instance, args: &FoundArgs) -> Result<Exit, Failure> {
    let FoundArgs {
        number,
        what,
        because,
        by,
    } = args;
    let went_back = what.went_back;
    let (by, now) = (at_console(by), SystemClock.now());
    let said = instance
        .store
        .clear_refund(*number, went_back, because, &by, now);
    match said.await? {
        Concede::Cleared => {}
        Concede::SamePerson => {
            let what = "who proposed or approved this refund cannot say what came of it";
            return Err(Failure::new(Exit::Refused, what)
                .hint("a third person has to look at the payment system's pages"));
        }
        Concede::Over => {
            let what = "what came of it is known, or it was not asked for";
            return Err(
                Failure::new(Exit::Refused, what).hint("`kvit pay refunds` shows where it stands")
            );
        }
        other => return Err(refused(other)),
    }
    let value = json!({"number": number, "went_back": went_back});
    out.result(&value, |_| match went_back {
        true => "it went back; the books have it",
        false => "it did not go back: the money is the customer's; propose another way with `kvit pay refund`",
    }.to_owned())?;
    Ok(Exit::Done)
}

async fn doubt(out: &Output, instance: &Instance, args: &PersonArgs) -> Result<Exit, Failure> {
    let (by, now) = (at_console(&args.by), SystemClock.now());
    let doubted = instance.store.doubt_waiting_refunds(&by, now).await?;
    out.result(&json!({"unclear": doubted}), |_| match doubted.as_slice() {
        [] => "no refund waits for its payment system".to_owned(),
        doubted => {
            let numbers: Vec<String> = doubted.iter().map(ToString::to_string).collect();
            format!(
                "unclear from now on, and asked for by nobody: {}; look at the payment system's pages, then say with `kvit pay refunds found` what came of each",
                numbers.join(", ")
            )
        }
    })?;
    Ok(Exit::Done)
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let store = &instance.store;
    let waiting = store.concessions(Concessions::Proposed, ROWS_MAX).await?;
    let ready = store.concessions(Concessions::ToSend, ROWS_MAX).await?;
    let through = store.concessions(Concessions::SameWay, ROWS_MAX).await?;
    let corrections = corrections::waiting(store).await?;
    let latest = store.concessions(Concessions::Latest, LATEST).await?;
    let files = store.refund_files(LATEST).await?;
    let all = |list: &[ConcessionRecord]| list.iter().map(concession_json).collect::<Vec<_>>();
    let value = json!({
        "proposed": all(&waiting),
        "to_send": all(&ready),
        "same_way": all(&through),
        "corrections": corrections.iter().map(corrections::json).collect::<Vec<_>>(),
        "latest": all(&latest),
        "files": files.iter().map(file_json).collect::<Vec<_>>(),
    });
    let currency = instance.config.operator.currency;
    out.result(&value, |out| {
        let table = |what: &str, list: &[ConcessionRecord]| {
            let head = [
                what,
                "state",
                "amount",
                "customer",
                "of",
                "to",
                "proposed by",
                "why",
            ];
            let rows = list.iter().map(|one| {
                let (of, to) = match &one.kind {
                    ConcessionKind::Refund { iban, payment, .. } => (
                        payment.clone().unwrap_or_else(|| "credit".to_owned()),
                        iban.to_string(),
                    ),
                    ConcessionKind::SameWay { provider, payment } => {
                        (payment.clone(), format!("through {provider}"))
                    }
                    ConcessionKind::WriteOff { bill } => {
                        (format!("bill {bill}"), "given up".to_owned())
                    }
                };
                vec![
                    one.number.to_string(),
                    one.state().as_str().to_owned(),
                    money(one.amount, currency),
                    one.account.to_string(),
                    of,
                    to,
                    one.proposed.by.clone(),
                    one.why.clone(),
                ]
            });
            (!list.is_empty()).then(|| headed(out, &head, rows, &[2]))
        };
        let others: Vec<_> = latest
            .iter()
            .filter(|one| {
                ![&waiting, &ready, &through]
                    .iter()
                    .any(|list| list.iter().any(|it| it.number == one.number))
            })
            .cloned()
            .collect();
        let head = ["file", "made", "by", "refunds", "sum", "settled"];
        let rows = files.iter().map(|file| {
            vec![
                file.number.to_string(),
                second(file.made.at),
                file.made.by.clone(),
                file.transfers.to_string(),
                money(file.cents, currency),
                file.settled.to_string(),
            ]
        });
        let parts = [
            table("waits for approval", &waiting),
            (!corrections.is_empty()).then(|| corrections::table(out, &corrections)),
            table("waits for a file", &ready),
            table("through its payment system", &through),
            (!files.is_empty()).then(|| headed(out, &head, rows, &[3, 4, 5])),
            table("latest", &others),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "there are no refunds or write-offs".to_owned()
        } else {
            parts.join("\n\n")
        }
    })?;
    Ok(Exit::Done)
}

fn concession_json(one: &ConcessionRecord) -> Value {
    let mut value = json!({
        "number": one.number,
        "kind": one.kind.as_str(),
        "state": one.state().as_str(),
        "customer": one.account,
        "amount_cents": one.amount.get(),
        "why": one.why,
        "proposed_by": one.proposed.by,
        "proposed_at": one.proposed.at,
        "approved_by": one.approved.as_ref().map(|deed| &deed.by),
        "file": one.file,
    });
    match &one.kind {
        ConcessionKind::Refund {
            iban,
            payee,
            payment,
        } => {
            value["iban"] = iban.as_str().into();
            value["payee"] = payee.as_str().into();
            value["payment"] = payment.as_deref().into();
        }
        ConcessionKind::SameWay { provider, payment } => {
            value["provider"] = provider.as_str().into();
            value["payment"] = payment.as_str().into();
            value["asked_at"] = json!(one.asked_at);
            value["turned_out"] = json!(one.turned_out);
        }
        ConcessionKind::WriteOff { bill } => value["bill"] = json!(bill),
    }
    if let Some(answer) = &one.answer {
        value["answer"] = json!({
            "word": answer.word.as_str(), "words": answer.words, "at": answer.at, "found_by": answer.found_by,
        });
    }
    value
}

fn file_json(file: &RefundFile) -> Value {
    json!({
        "file": file.number,
        "refunds": file.transfers,
        "sum_cents": file.cents.get(),
        "day": file.day,
        "made_by": file.made.by,
        "made_at": file.made.at,
        "settled": file.settled,
    })
}

async fn export(
    out: &Output,
    instance: &Instance,
    args: &RefundExportArgs,
) -> Result<Exit, Failure> {
    let place = args.to.display();
    let store = &instance.store;
    let (by, now) = (at_console(&args.by), SystemClock.now());
    let mut held = Vec::new();
    // The file is made before anything is decided: what cannot be written is not begun.
    let mut target = new_private(&args.to).failed(format!("{place} cannot be made"))?;
    let checkpoints = faults::checkpoints();
    let number = match args.again {
        Some(number) => number,
        None => {
            let zone = TimeZone::get(&instance.config.issue.time_zone)
                .exits(Exit::Configuration, "[issue] time_zone does not work")?;
            let today = zone.to_datetime(now).date();
            checkpoints.reached("before-export-refunds");
            let made = make_refund_file(store, &instance.config.operator, today, &by, now).await;
            if made.is_err() {
                let _ = std::fs::remove_file(&args.to);
            }
            let made = made.failed("no file of refunds is made")?;
            // A death here leaves a file that --again writes.
            checkpoints.reached("after-export-refunds");
            held = made.held;
            match made.file {
                Some(file) => file.number,
                None => return nothing(args, &held),
            }
        }
    };
    let Some(bytes) = store.fetch_refund_file(number, &by, now).await? else {
        let _ = std::fs::remove_file(&args.to);
        let what = format!("there is no file {number}");
        return Err(Failure::new(Exit::Failed, what).hint("`kvit pay refunds` names the files"));
    };
    target
        .write_all(&bytes)
        .and_then(|()| target.sync_all())
        .failed(format!("{place} cannot be written: `kvit pay refunds export --again {number}` writes it elsewhere"))?;
    let file = store.refund_file(number).await?;
    let (refunds, sum) = file.map_or((0, kvit_billing::Cents::ZERO), |file| {
        (file.transfers, file.cents)
    });
    let value = json!({"file": number, "path": args.to, "refunds": refunds, "sum_cents": sum.get(), "held": held});
    out.result(&value, |_| {
        let mut text = format!(
            "file {number}: {}, {} in {place}; give it to the bank once",
            count(refunds, "refund", "refunds"),
            money(sum, instance.config.operator.currency)
        );
        if !held.is_empty() {
            text.push('\n');
            text.push_str(&stay(&held));
        }
        text
    })?;
    Ok(Exit::Done)
}

fn nothing(args: &RefundExportArgs, held: &[u64]) -> Result<Exit, Failure> {
    let _ = std::fs::remove_file(&args.to);
    let failure = Failure::new(Exit::Refused, "no approved refund waits for a file");
    Err(match held {
        [] => failure.hint("`kvit pay refunds` lists them"),
        held => failure.hint(stay(held)),
    })
}

/// Refunds that are not sent.
fn stay(held: &[u64]) -> String {
    let held: Vec<String> = held.iter().map(ToString::to_string).collect();
    format!(
        "held back, because their payment or the credit was taken back since: {}; `kvit pay refunds refuse` takes one back",
        held.join(", ")
    )
}

fn refused(said: Concede) -> Failure {
    let failure = |what: String, hint: &str| Failure::new(Exit::Refused, what).hint(hint);
    match said {
        Concede::UnknownCustomer => failure(
            "there is no such customer".to_owned(),
            "the number is as printed on a bill",
        ),
        Concede::OtherBill => failure(
            "this customer has no such bill".to_owned(),
            "`kvit pay customer` names their bills",
        ),
        Concede::OtherPayment => failure(
            "this customer's book has no such payment, or it was taken back".to_owned(),
            "`kvit pay customer` names the entries",
        ),
        Concede::TooMuch(most) => failure(
            format!("there is {}", amount(most)),
            "propose an amount above zero and no more than that; what waits for approval counts as gone",
        ),
        Concede::NotSmall => failure(
            format!(
                "more than {} of a bill is not written off",
                amount(WRITE_OFF_MAX)
            ),
            "let the billing system issue a credit note",
        ),
        Concede::SamePerson => failure(
            "the one who proposed it cannot approve it".to_owned(),
            "another person has to",
        ),
        Concede::Over => failure(
            "it was approved, refused or sent already".to_owned(),
            "`kvit pay refunds` shows where it stands",
        ),
        Concede::Unknown
        | Concede::Proposed(_)
        | Concede::Approved
        | Concede::Refused
        | Concede::Cleared => failure(
            "there is no such refund or write-off".to_owned(),
            "`kvit pay refunds` names them",
        ),
    }
}
