//! `kvit pay`: payments, the books, and money that needs a person.

mod corrections;
mod debits;
mod journal;
mod receivables;
mod reconcile;
mod refunds;
mod statement;
mod statements;

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{Cents, Currency, ports::Clock};
use kvit_pay::ProviderName;
use kvit_store::{
    Allocate, Claim, NoticeRecord, PaymentPart, PaymentRecord, PaymentView, Proposal,
    RefusedRecord, Settle, Settling,
};
use serde_json::{Value, json};

use crate::{
    cli::{AllocateArgs, ApproveArgs, CustomerArgs, PayCommand, SettleArgs},
    exit::{Exit, Failure},
    output::{DIM, Output, amount, money, table},
    wiring::{Instance, SystemClock},
};

/// Rows that a list shows at most.
const ROWS_MAX: usize = 1000;
/// A payment whose time was over so long ago, and about which its payment system still gives no answer,
/// needs a person.
const UNANSWERED_AFTER: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn pay(
    out: &Output,
    instance: &Instance,
    command: PayCommand,
) -> Result<Exit, Failure> {
    match command {
        PayCommand::List => list(out, instance).await,
        PayCommand::Unmatched => unmatched(out, instance).await,
        PayCommand::Statement(args) => statement::import(out, instance, &args).await,
        PayCommand::Statements(args) => statements::statements(out, instance, &args).await,
        PayCommand::Allocate(args) => allocate(out, instance, &args).await,
        PayCommand::Approve(args) => approve(out, instance, &args).await,
        PayCommand::Settle(args) => settle(out, instance, &args, false).await,
        PayCommand::Reverse(args) => settle(out, instance, &args, true).await,
        PayCommand::Refund(args) => refunds::refund(out, instance, &args).await,
        PayCommand::WriteOff(args) => refunds::write_off(out, instance, &args).await,
        PayCommand::Refunds { command } => refunds::refunds(out, instance, command).await,
        PayCommand::Debits { command } => debits::debits(out, instance, command).await,
        PayCommand::Customer(args) => customer(out, instance, &args).await,
        PayCommand::Receivables(args) => receivables::receivables(out, instance, &args).await,
        PayCommand::Reconcile(args) => reconcile::reconcile(out, instance, &args).await,
        PayCommand::Books => books(out, instance).await,
        PayCommand::Journal(args) => journal::journal(out, instance, &args).await,
        PayCommand::Export(args) => journal::export(out, instance, &args).await,
    }
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let payments = instance.store.payments(ROWS_MAX).await?;
    let now = SystemClock.now();
    let mut all = Vec::with_capacity(payments.len());
    for view in payments {
        let parts = match view.payment.together {
            true => instance.store.payment_parts(&view.payment).await?,
            false => Vec::new(),
        };
        all.push((view, parts));
    }
    let value: Vec<Value> = all
        .iter()
        .map(|(view, parts)| payment_json(view, parts, now))
        .collect();
    out.result(&value, |out| {
        if all.is_empty() {
            return "no payment was begun yet".to_owned();
        }
        let head = [
            "payment", "state", "amount", "bill", "customer", "way", "begun",
        ];
        let rows = all.iter().flat_map(|(view, parts)| {
            let payment = &view.payment;
            // Of a payment for several bills, each is on a row below it.
            let (bill, account) = match parts.len() {
                0 => (payment.bill.to_string(), payment.account.to_string()),
                many => (format!("{many} bills:"), String::new()),
            };
            let whole = vec![
                format!("{}/{}", payment.provider, payment.number),
                view.state(now).as_str().to_owned(),
                money(payment.amount, payment.currency),
                bill,
                account,
                payment.way.clone(),
                second(payment.started_at),
            ];
            let part = |part: &PaymentPart| {
                let mut row = vec![String::new(); 7];
                row[2] = money(part.amount, payment.currency);
                row[3] = part.bill.to_string();
                row[4] = part.account.to_string();
                row
            };
            let mut rows = vec![whole];
            rows.extend(parts.iter().map(part));
            rows
        });
        headed(out, &head, rows, &[2])
    })?;
    Ok(Exit::Done)
}

fn payment_json(view: &PaymentView, parts: &[PaymentPart], now: Timestamp) -> Value {
    let parts = parts.iter().map(|part| {
        json!({ "bill": part.bill, "customer": part.account, "amount_cents": part.amount.get() })
    });
    let payment = &view.payment;
    json!({
        "provider": payment.provider,
        "number": payment.number,
        "state": view.state(now).as_str(),
        "amount_cents": payment.amount.get(),
        "currency": payment.currency,
        "bill": payment.bill,
        "customer": payment.account,
        "way": payment.way,
        "started_at": payment.started_at,
        "expires_at": payment.expires_at,
        "parts": parts.collect::<Vec<_>>(),
    })
}

async fn unmatched(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let notices = instance.store.notices_for_people(ROWS_MAX).await?;
    let refused = instance.store.refused_notices(ROWS_MAX).await?;
    let ended = SystemClock.now() - UNANSWERED_AFTER;
    let unanswered = instance.store.unanswered_payments(ended, ROWS_MAX).await?;
    let credits = instance.store.credits(ROWS_MAX).await?;
    let value = json!({
        "credits": credits.iter().map(|credit| json!({"customer": credit.account, "cents": credit.cents.get()})).collect::<Vec<_>>(),
        "notices": notices.iter().map(notice_json).collect::<Vec<_>>(),
        "unanswered": unanswered.iter().map(unanswered_json).collect::<Vec<_>>(),
        "refused": refused.iter().map(refused_json).collect::<Vec<_>>(),
    });
    let currency = instance.config.operator.currency;
    let row = |notice| notice_row(notice, currency);
    out.result(&value, |out| {
        let mut parts = Vec::new();
        if notices.is_empty() && unanswered.is_empty() {
            parts.push("nothing waits for a person".to_owned());
        }
        if !notices.is_empty() {
            let head = ["notice", "why", "amount", "came", "whose, says"];
            parts.push(headed(out, &head, notices.iter().map(row), &[2]));
            let transfers: Vec<_> = notices.iter().filter_map(transfer_row).collect();
            if !transfers.is_empty() {
                let head = ["bank transfer", "booked", "from", "text"];
                parts.push(headed(out, &head, transfers.into_iter(), &[]));
            }
        }
        if !unanswered.is_empty() {
            let head = ["not answered about", "amount", "begun", "asked"];
            let rows = unanswered.iter().map(|payment| {
                vec![
                    format!("{}/{}", payment.provider, payment.number),
                    money(payment.amount, payment.currency),
                    second(payment.started_at),
                    payment.polls.to_string(),
                ]
            });
            parts.push(headed(out, &head, rows, &[1, 3]));
        }
        if !credits.is_empty() {
            let head = ["paid beyond their bills", "credit"];
            let rows = credits
                .iter()
                .map(|credit| vec![credit.account.to_string(), amount(credit.cents)]);
            parts.push(headed(out, &head, rows, &[1]));
        }
        if !refused.is_empty() {
            let head = ["not believed, from", "day", "why", "times"];
            let rows = refused.iter().map(|row| {
                vec![
                    row.provider.clone(),
                    row.day.clone(),
                    row.why.clone(),
                    row.times.to_string(),
                ]
            });
            parts.push(headed(out, &head, rows, &[3]));
        }
        parts.join("\n\n")
    })?;
    Ok(Exit::Done)
}

fn notice_row(notice: &NoticeRecord, currency: Currency) -> Vec<String> {
    let currency = notice.currency.unwrap_or(currency);
    let said = match (&notice.proposal, &notice.settling) {
        (Some(Proposal { claim, by, .. }), _) => {
            let account = &claim.account;
            let amount = claim
                .amount
                .map(|amount| format!(" ({})", self::amount(amount)));
            let bill = claim.bill.map(|bill| format!(" for bill {bill}"));
            format!(
                "{account}{}{}, {by}",
                amount.unwrap_or_default(),
                bill.unwrap_or_default()
            )
        }
        (None, Some(Settling { why, by, .. })) => format!("nothing to do, {by}: {why}"),
        (None, None) => String::new(),
    };
    vec![
        notice.id.clone(),
        notice
            .outcome
            .map_or("waits", |outcome| outcome.as_str())
            .to_owned(),
        notice
            .unmatched
            .or(notice.amount)
            .map_or_else(String::new, |amount| money(amount, currency)),
        second(notice.received_at),
        said,
    ]
}

/// What the bank says about a notice's money.
fn transfer_row(notice: &NoticeRecord) -> Option<Vec<String>> {
    let transfer = notice.transfer.as_ref()?;
    Some(vec![
        notice.id.clone(),
        transfer.booked.to_string(),
        transfer.party.clone().unwrap_or_default(),
        transfer.words.clone(),
    ])
}

fn notice_json(notice: &NoticeRecord) -> Value {
    json!({
        "notice": notice.id,
        "why": notice.outcome.map(|outcome| outcome.as_str()),
        "amount_cents": notice.amount.map(Cents::get),
        "unmatched_cents": notice.unmatched.map(Cents::get),
        "currency": notice.currency,
        "payment": notice.payment,
        "customer": notice.account,
        "received_at": notice.received_at,
        "repeats": notice.repeats,
        "proposed_customer": notice.proposal.as_ref().map(|proposal| &proposal.claim.account),
        "proposed_amount_cents": notice.proposal.as_ref().and_then(|proposal| proposal.claim.amount).map(Cents::get),
        "proposed_bill": notice.proposal.as_ref().and_then(|proposal| proposal.claim.bill),
        "settling": notice.settling.as_ref().map(|settling| json!({"why": settling.why, "by": settling.by})),
        "proposed_by": notice.proposal.as_ref().map(|proposal| &proposal.by),
        "transfer": notice.transfer.as_ref().map(|transfer| json!({"booked": transfer.booked, "from": transfer.party, "text": transfer.words})),
    })
}

fn unanswered_json(payment: &PaymentRecord) -> Value {
    json!({
        "provider": payment.provider,
        "number": payment.number,
        "amount_cents": payment.amount.get(),
        "currency": payment.currency,
        "started_at": payment.started_at,
        "times_asked": payment.polls,
    })
}

fn refused_json(row: &RefusedRecord) -> Value {
    json!({
        "provider": row.provider,
        "day": row.day,
        "why": row.why,
        "times": row.times,
        "last_at": row.last_at,
    })
}

async fn allocate(out: &Output, instance: &Instance, args: &AllocateArgs) -> Result<Exit, Failure> {
    let AllocateArgs {
        notice,
        to,
        amount,
        bill,
        by,
    } = args;
    let claim = Claim {
        account: to.clone(),
        amount: *amount,
        bill: *bill,
    };
    let now = SystemClock.now();
    let said = instance
        .store
        .propose_allocation(notice, &claim, &at_console(by), now)
        .await?;
    judged(said, notice)?;
    out.result(&json!({"notice": notice, "customer": to, "by": by}), |_| {
        format!("{by} says that it is customer {to}'s; another person approves it with `kvit pay approve {notice} --to {to} --as NAME`")
    })?;
    Ok(Exit::Done)
}

async fn approve(out: &Output, instance: &Instance, args: &ApproveArgs) -> Result<Exit, Failure> {
    let ApproveArgs { notice, to, by } = args;
    let said = instance
        .store
        .approve_allocation(notice, to, &at_console(by), SystemClock.now())
        .await?;
    judged(said, notice)?;
    out.result(&json!({"notice": notice, "customer": to, "by": by}), |_| {
        format!("the money is in the book of customer {to}")
    })?;
    Ok(Exit::Done)
}

/// Nothing is to be done about a notice, or its money is taken out of the books.
async fn settle(
    out: &Output,
    instance: &Instance,
    args: &SettleArgs,
    reverse: bool,
) -> Result<Exit, Failure> {
    let SettleArgs {
        notice,
        because,
        by,
    } = args;
    let why = because.as_deref();
    let (store, by_name, now) = (&instance.store, at_console(by), SystemClock.now());
    let (said, command, what) = if reverse {
        let said = store.reverse_payment(notice, why, &by_name, now).await?;
        (said, "reverse", "its money went back")
    } else {
        let said = match payment_named(notice) {
            Some((provider, number)) => {
                let said = store.settle_payment(&provider, number, why, &by_name, now);
                said.await?
            }
            None => store.settle_notice(notice, why, &by_name, now).await?,
        };
        (said, "settle", "nothing is to be done")
    };
    let refused = |what: String, hint: &str| Err(Failure::new(Exit::Refused, what).hint(hint));
    let told = match said {
        Settle::Proposed => format!(
            "{by} says that {what}; another person says so too with `kvit pay {command} {notice} --as NAME`"
        ),
        Settle::Done => format!("{what}, two people say"),
        Settle::NotForPeople if reverse => {
            return refused(
                format!("no money of {notice} is in the books"),
                "`kvit pay customer` names the entries of a customer's book",
            );
        }
        Settle::NotForPeople => {
            return refused(
                format!("{notice} waits for no person"),
                "`kvit pay unmatched` names those that do",
            );
        }
        Settle::HoldsMoney => {
            return refused(
                format!("the money of {notice} lies in the book of unmatched money"),
                "`kvit pay allocate` says whose it is",
            );
        }
        Settle::AskedBack(refund) => {
            return refused(
                format!(
                    "refund {refund} of this payment was asked for at its payment system, and may be the same money"
                ),
                "`kvit pay refunds` shows where it stands; say with `kvit pay refunds found` what came of one that is unclear. What the payment system took back besides a refund, settle with `kvit pay settle`",
            );
        }
        Settle::Outdated => {
            return refused(
                "somebody said something else meanwhile".to_owned(),
                "`kvit pay unmatched` shows it",
            );
        }
        Settle::WhyNeeded => {
            return refused(
                format!("nobody has said yet why {what}"),
                "say it with --because",
            );
        }
    };
    let done = said == Settle::Done;
    out.result(&json!({"notice": notice, "by": by, "done": done}), |_| told)?;
    Ok(Exit::Done)
}

/// A payment, as lists name it: `borica/42`.
fn payment_named(text: &str) -> Option<(ProviderName, u64)> {
    let (provider, number) = text.split_once('/')?;
    Some((provider.parse().ok()?, number.parse().ok()?))
}

/// As the audit trail names somebody who gives a command.
fn at_console(name: &str) -> String {
    format!("console:{name}")
}

fn judged(said: Allocate, notice: &str) -> Result<(), Failure> {
    let refused = |what: String, hint: &str| Err(Failure::new(Exit::Refused, what).hint(hint));
    match said {
        Allocate::Done => Ok(()),
        Allocate::NotUnmatched => refused(
            format!("{notice} has no money that waits for its owner"),
            "`kvit pay unmatched` names those that have",
        ),
        Allocate::UnknownCustomer => refused(
            "there is no such customer".to_owned(),
            "the number is as printed on a bill",
        ),
        Allocate::AmountNeeded => refused(
            format!("how much money of {notice} came is not known"),
            "say it with --amount, as the payment system's statement shows it",
        ),
        Allocate::OtherAmount(known) => refused(
            format!("the money of {notice} is {}", amount(known)),
            "leave --amount out, or say less where it is a part",
        ),
        Allocate::OtherBill => refused(
            "this customer has no such bill".to_owned(),
            "`kvit pay customer` names their bills; without --bill the oldest is paid first",
        ),
        Allocate::Outdated => refused(
            "somebody said something else meanwhile".to_owned(),
            "`kvit pay unmatched` shows it",
        ),
        Allocate::OtherCustomer => refused(
            "somebody said that it is another customer's".to_owned(),
            "`kvit pay unmatched` names that customer",
        ),
        Allocate::NotProposed => refused(
            format!("nobody has said whose the money of {notice} is"),
            "`kvit pay allocate` says it",
        ),
        Allocate::SamePerson => refused(
            "the one who said whose it is cannot approve it".to_owned(),
            "another person has to",
        ),
    }
}

async fn customer(out: &Output, instance: &Instance, args: &CustomerArgs) -> Result<Exit, Failure> {
    let store = &instance.store;
    if store.customer(&args.number).await?.is_none() {
        let what = format!("there is no customer {}", args.number);
        return Err(Failure::new(Exit::Failed, what).hint("the number is as printed on a bill"));
    }
    let at = args.at.unwrap_or_else(|| SystemClock.now());
    let standing = store.standing(&args.number, at).await?;
    let entries = store.entries_of(&args.number, ROWS_MAX).await?;
    let entries: Vec<_> = entries.into_iter().filter(|entry| entry.at <= at).collect();
    let bills: Vec<_> = standing
        .bills
        .iter()
        .map(|bill| json!({"bill": bill.number, "due_date": bill.due_date, "due_cents": bill.due.get(), "open_cents": bill.open.get()}))
        .collect();
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| json!({"entry": entry.id, "at": entry.at, "kind": entry.kind, "cents": entry.cents.get(), "who": entry.who}))
        .collect();
    let value = json!({
        "customer": args.number,
        "at": at,
        "balance_cents": standing.balance().get(),
        "credit_cents": standing.credit.get(),
        "bills": bills,
        "entries": lines,
    });
    let currency = instance.config.operator.currency;
    out.result(&value, |out| {
        let mut parts = vec![stands(args.number.as_str(), standing.balance(), currency)];
        if !standing.bills.is_empty() {
            let head = ["bill", "due by", "asks for", "open"];
            let rows = standing.bills.iter().map(|bill| {
                vec![
                    bill.number.to_string(),
                    bill.due_date.to_string(),
                    amount(bill.due),
                    amount(bill.open),
                ]
            });
            parts.push(headed(out, &head, rows, &[2, 3]));
        }
        if !entries.is_empty() {
            let head = ["entry", "at", "kind", "amount", "who"];
            let rows = entries.iter().map(|entry| {
                vec![
                    entry.id.clone(),
                    second(entry.at),
                    entry.kind.clone(),
                    amount(entry.cents),
                    entry.who.clone(),
                ]
            });
            parts.push(headed(out, &head, rows, &[3]));
        }
        parts.join("\n\n")
    })?;
    Ok(Exit::Done)
}

/// Where a customer stands, in words: nobody owes less than nothing.
fn stands(number: &str, balance: Cents, currency: Currency) -> String {
    if balance > Cents::ZERO {
        format!("customer {number} owes {}", money(balance, currency))
    } else if balance < Cents::ZERO {
        format!(
            "customer {number} has a credit of {}",
            money(balance.abs(), currency)
        )
    } else {
        format!("customer {number} owes nothing")
    }
}

async fn books(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let books = instance.store.books().await?;
    let odd = instance.store.unbalanced_entries(ROWS_MAX).await?;
    let sum: Cents = books.iter().map(|book| book.cents).sum();
    let value = json!({
        "books": books.iter().map(|book| json!({"book": book.name, "cents": book.cents.get()})).collect::<Vec<_>>(),
        "sum_cents": sum.get(),
        "unbalanced_entries": odd,
    });
    out.result(&value, |out| {
        if books.is_empty() {
            return "the books are empty".to_owned();
        }
        let mut rows: Vec<_> = books
            .iter()
            .map(|book| vec![book.name.clone(), amount(book.cents)])
            .collect();
        rows.push(vec!["together".to_owned(), amount(sum)]);
        headed(out, &["book", "holds"], rows.into_iter(), &[1])
    })?;
    if odd.is_empty() && sum == Cents::ZERO {
        return Ok(Exit::Done);
    }
    let what = format!("entries that do not balance: {}", odd.join(", "));
    Err(Failure::new(Exit::Failed, what)
        .hint("no command writes such an entry; compare the store with a backup"))
}

fn headed(
    out: &Output,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    right: &[usize],
) -> String {
    let mut all = vec![head.iter().map(|word| (*word).to_owned()).collect()];
    all.extend(rows);
    let text = table(&all, right);
    match text.split_once('\n') {
        Some((head, rest)) => format!("{}\n{rest}", out.out(head, DIM)),
        None => text,
    }
}

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
