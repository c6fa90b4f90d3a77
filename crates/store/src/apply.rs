//! What a verified notice does to the books.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber};
use kvit_pay::ledger::Entry;

use crate::{
    NoticeOutcome, PaymentRecord, StoreError,
    engine::Tx,
    ledger::{post, reverse},
    money_mails,
    notices::{Found, find, found, outcome},
    payments::{parts, payment, stop_polling},
    rows::{corrupt, optional_time},
    same_way::asked_back,
    sql::query,
    transfers,
};

/// Who writes into the books for a payment system.
pub(crate) const SYSTEM: &str = "kvit";

/// What becomes of money that does not fit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is with the payment system: in the book of unmatched money.
    Stays,
    /// The payment system gives it back once it is told that it does not fit: in no book.
    GoesBack,
}

/// Applies a kept notice, once, in its turn.
pub(crate) async fn apply_kept(
    tx: &mut Tx,
    key: &str,
    misfit: Misfit,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    let turn = found(tx, key).await?.turn();
    tx.turn(&turn).await?;
    // Read in its turn: somebody may have had it before.
    let found = found(tx, key).await?;
    let begun = match found.said.payment {
        Some(number) => payment(&mut *tx, &found.provider, number).await?,
        None => None,
    };
    if let Some(outcome) = found.outcome {
        return match found.event.as_str() {
            "rolled-back" => rolled_back_again(tx, &found, outcome, begun.is_some(), now).await,
            _ => Ok(outcome),
        };
    }
    let outcome = match found.event.as_str() {
        "paid" if found.is_transfer() => transfers::received(tx, &found, now).await?,
        "reversed" if found.is_transfer() => transfers::taken_back(tx, &found, now).await?,
        "paid" => paid(tx, &found, begun, misfit, now).await?,
        "reversed" => take_back(tx, &found, now).await?,
        "rolled-back" => roll_back(tx, &found, begun.is_some(), now).await?,
        "ordered" if begun.is_some() => NoticeOutcome::Noted,
        "declined" | "expired" if begun.is_some() => {
            let number = found.said.payment.unwrap_or_default();
            stop_polling(&mut *tx, &found.provider, number).await?;
            let standing = standing(tx, &found, true).await?;
            if standing.iter().any(|paid| paid.in_books) {
                NoticeOutcome::Contradiction
            } else {
                NoticeOutcome::Noted
            }
        }
        "ordered" | "declined" | "expired" => NoticeOutcome::UnknownPayment,
        other => return Err(corrupt("event", other)),
    };
    settle(tx, key, outcome, now).await?;
    Ok(outcome)
}

/// Money came.
async fn paid(
    tx: &mut Tx,
    found: &Found,
    begun: Option<PaymentRecord>,
    misfit: Misfit,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    if let Some(begun) = &begun {
        stop_polling(&mut *tx, &begun.provider, begun.number).await?;
    }
    let currency = begun.as_ref().map_or(Currency::EUR, |begun| begun.currency);
    let entries = match (&found.said, begun) {
        (said, _) if said.currency.is_some_and(|other| other != currency) => {
            Err(NoticeOutcome::OtherCurrency)
        }
        (said, _) if said.payment.is_none() => match &said.account {
            Some(account) if is_customer(tx, account).await? => {
                let amount = said.amount.ok_or_else(|| corrupt("amount", "none"))?;
                let bills = said.bills.clone();
                Ok(vec![Entry::payment(
                    &found.provider,
                    account,
                    amount,
                    bills,
                )])
            }
            _ => Err(NoticeOutcome::UnknownCustomer),
        },
        (_, None) => Err(NoticeOutcome::UnknownPayment),
        (said, Some(begun)) if said.amount.is_some_and(|amount| amount != begun.amount) => {
            Err(NoticeOutcome::OtherAmount)
        }
        (_, Some(begun)) if begun.together => Ok(shares(tx, &begun).await?),
        (_, Some(begun)) => Ok(vec![Entry::payment(
            &found.provider,
            &begun.account,
            begun.amount,
            begun.bills,
        )]),
    };
    let outcome = match entries {
        Ok(entries) => {
            let mut ids = Vec::with_capacity(entries.len());
            for (no, entry) in (1..).zip(&entries) {
                let id = match no {
                    1 => found.id.clone(),
                    no => format!("share-{no}/{}", found.id),
                };
                post(tx, &id, entry, Some(&found.id), SYSTEM, now).await?;
                ids.push(id);
            }
            money_mails::one_for_an_address(tx, &ids).await?;
            NoticeOutcome::Posted
        }
        Err(_) if misfit == Misfit::GoesBack => NoticeOutcome::Returned,
        Err(why) => {
            // Where the payment system leaves the amount to us, there is none to put aside; nor is there a
            // book for another currency.
            if let Some(amount) = found.said.amount
                && why != NoticeOutcome::OtherCurrency
            {
                let entry = Entry::unmatched(&found.provider, amount);
                post(tx, &found.id, &entry, Some(&found.id), SYSTEM, now).await?;
            }
            why
        }
    };
    gone_before(tx, found, outcome, now).await
}

/// An entry for each customer of whose bills a payment has parts.
async fn shares(tx: &mut Tx, begun: &PaymentRecord) -> Result<Vec<Entry>, StoreError> {
    let mut shares: BTreeMap<CustomerNumber, (Cents, Vec<BillNumber>)> = BTreeMap::new();
    for part in parts(tx, begun).await? {
        let (amount, bills) = shares.entry(part.account).or_default();
        *amount += part.amount;
        bills.push(part.bill);
    }
    let one = |(account, (amount, bills))| Entry::payment(&begun.provider, &account, amount, bills);
    Ok(shares.into_iter().map(one).collect())
}

/// Money may have gone back before it was heard of. A reversal that names it takes it along. One that
/// only names the order may have meant another payment: people have to see to it.
async fn gone_before(
    tx: &mut Tx,
    found: &Found,
    outcome: NoticeOutcome,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    let waits = |reversal: Option<Found>| {
        reversal.filter(|reversal| {
            reversal.outcome == Some(NoticeOutcome::NothingToReverse)
                && reversal.said.payment == found.said.payment
        })
    };
    let key = format!("{}/reversed/{}", found.provider, found.transaction());
    if let Some(reversal) = waits(find(tx, &key).await?) {
        reverse_entries(tx, &found.id, &reversal.id, now).await?;
        settle(tx, &reversal.id, NoticeOutcome::Reversed, now).await?;
        return Ok(if outcome == NoticeOutcome::Posted {
            outcome
        } else {
            NoticeOutcome::Reversed
        });
    }
    if let Some(number) = found.said.payment
        && outcome != NoticeOutcome::Returned
    {
        let key = format!("{}/rolled-back/{number}", found.provider);
        if let Some(rollback) = waits(find(tx, &key).await?) {
            settle(tx, &rollback.id, NoticeOutcome::Contradiction, now).await?;
        }
    }
    Ok(outcome)
}

/// The money of one payment goes back.
async fn take_back(
    tx: &mut Tx,
    found: &Found,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    let key = format!("{}/paid/{}", found.provider, found.transaction());
    let Some(paid) = find(tx, &key).await? else {
        return Ok(NoticeOutcome::NothingToReverse);
    };
    let Some(outcome) = paid.outcome else {
        // Kept and not applied yet: it will find this.
        return Ok(NoticeOutcome::NothingToReverse);
    };
    if paid.said.payment != found.said.payment {
        return Ok(NoticeOutcome::Contradiction);
    }
    if asked_back(tx, &paid.id).await?.is_some() {
        return Ok(NoticeOutcome::Contradiction);
    }
    undo(tx, &paid.id, outcome, &found.id, now).await?;
    Ok(NoticeOutcome::Reversed)
}

/// The money of some payment of an order goes back. Where it can only be one, it is that one.
async fn roll_back(
    tx: &mut Tx,
    found: &Found,
    begun: bool,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    match standing(tx, found, begun).await?.as_slice() {
        [] => Ok(NoticeOutcome::NothingToReverse),
        [paid] if asked_back(tx, &paid.id).await?.is_some() => Ok(NoticeOutcome::Contradiction),
        [paid] => {
            undo(tx, &paid.id, paid.outcome, &found.id, now).await?;
            Ok(NoticeOutcome::Reversed)
        }
        _ => Ok(NoticeOutcome::Contradiction),
    }
}

/// The same words again may be a repetition, or mean a payment that came since: then people have to
/// see which.
async fn rolled_back_again(
    tx: &mut Tx,
    found: &Found,
    outcome: NoticeOutcome,
    begun: bool,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    // What people settled covers what was there by then.
    let since = match outcome {
        NoticeOutcome::Contradiction => return Ok(outcome),
        NoticeOutcome::Settled => found.applied_at,
        _ => None,
    };
    let mut standing = standing(tx, found, begun).await?;
    standing.retain(|paid| paid.applied_at > since);
    if standing.iter().any(|paid| paid.in_books) {
        settle(tx, &found.id, NoticeOutcome::Contradiction, now).await?;
        return Ok(NoticeOutcome::Contradiction);
    }
    for paid in &standing {
        undo(tx, &paid.id, paid.outcome, &found.id, now).await?;
    }
    Ok(outcome)
}

/// A payment of an order that was not taken back.
struct Paid {
    id: String,
    outcome: NoticeOutcome,
    applied_at: Option<Timestamp>,
    /// Whether its money is in some book; else it is expected to go back.
    in_books: bool,
}

/// The payments that a reversal of an order may mean. What came before a payment of this number was
/// begun is not about it.
async fn standing(tx: &mut Tx, found: &Found, begun: bool) -> Result<Vec<Paid>, StoreError> {
    let rows = query("SELECT n.id, n.outcome, n.applied_at, (SELECT COUNT(*) FROM journal j WHERE j.notice = n.id AND COALESCE(j.reverses, '') = '' AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id)) AS entries FROM notices n WHERE n.provider = $1 AND n.payment = $2 AND n.event = 'paid' AND n.outcome IS NOT NULL ORDER BY n.id")
        .bind(&found.provider)
        .bind(found.said.payment)
        .fetch_all(tx)
        .await?;
    let mut standing = Vec::new();
    for row in &rows {
        let Some(outcome) = outcome(row)? else {
            continue;
        };
        let in_books = row.get::<i64>("entries")? > 0;
        let stray = begun && outcome == NoticeOutcome::UnknownPayment;
        if (in_books || outcome == NoticeOutcome::Returned) && !stray {
            standing.push(Paid {
                id: row.get("id")?,
                outcome,
                applied_at: optional_time(row, "applied_at")?,
                in_books,
            });
        }
    }
    Ok(standing)
}

/// Takes a payment out of the books, wherever its money is by now, and off the people's list.
pub(crate) async fn undo(
    tx: &mut Tx,
    paid: &str,
    outcome: NoticeOutcome,
    reversal: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    reverse_entries(tx, paid, reversal, now).await?;
    if outcome != NoticeOutcome::Posted {
        settle(tx, paid, NoticeOutcome::Reversed, now).await?;
    }
    Ok(())
}

/// Reverses each entry that was made because of a notice.
async fn reverse_entries(
    tx: &mut Tx,
    paid: &str,
    reversal: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let entries = standing_entries(tx, paid).await?;
    reverse_all(tx, &entries, Some(reversal), SYSTEM, now).await
}

/// Reverses the entries of a payment.
pub(crate) async fn reverse_all(
    tx: &mut Tx,
    entries: &[String],
    reversal: Option<&str>,
    who: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut ids = Vec::with_capacity(entries.len());
    for entry in entries {
        ids.push(reverse(tx, entry, reversal, who, now).await?);
    }
    money_mails::one_for_an_address(tx, &ids).await
}

/// The entries that were made because of a notice, such as that of its allocation, and that stand.
pub(crate) async fn standing_entries(tx: &mut Tx, paid: &str) -> Result<Vec<String>, StoreError> {
    query("SELECT j.id FROM journal j WHERE j.notice = $1 AND COALESCE(j.reverses, '') = '' AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id) ORDER BY j.id")
        .bind(paid)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| Ok(row.get("id")?))
        .collect()
}

pub(crate) async fn is_customer(tx: &mut Tx, account: &CustomerNumber) -> Result<bool, StoreError> {
    let row = query("SELECT 1 FROM customers WHERE number = $1")
        .bind(account)
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn settle(
    tx: &mut Tx,
    key: &str,
    outcome: NoticeOutcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE notices SET applied_at = COALESCE(applied_at, $2), outcome = $3 WHERE id = $1")
        .bind(key)
        .bind(now)
        .bind(outcome.as_str())
        .execute(tx)
        .await?;
    Ok(())
}
