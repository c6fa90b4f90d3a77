//! How refunds leave: in files for the bank, each refund in one, and what statements tell of them after.
//!
//! A file is made and kept in one transaction, before anybody has it: a death afterwards leaves a file that is
//! fetched again, with the same bytes, and never a refund in two.

use std::collections::HashSet;

use jiff::{Timestamp, civil::Date};
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::{
    credit::{CreditFile, CreditTransfer, Payer, file_named, refund_named},
    ledger::Entry,
    statement::{Transfer, TransferKind, compact},
};

use crate::{
    Booked, ConcessionKind, ConcessionRecord, ConcessionState, Deed, Event, Exported,
    NoticeOutcome, RefundFile, Store, StoreError,
    audit::append,
    concessions::{TO_SEND, TURN, list},
    engine::{Row, Target, Tx},
    ledger::{dues, moneys, post, reverse, standings},
    notices::Found,
    refund_corrections::{MAY_HAVE_GONE, overtaken},
    rows::{optional, text, time, unsigned},
    sql::{ROWS_MAX, query},
};

/// Refunds in one file. More wait for the next one.
pub const REFUNDS_IN_FILE_MAX: usize = ROWS_MAX;
/// A file and what came of its refunds.
const FILE: &str = "f.number, f.transfers, f.cents, f.day, f.made_by, f.made_at, (SELECT COUNT(*) FROM concessions c WHERE c.file = f.number AND (c.paid_at IS NOT NULL OR c.back_at IS NOT NULL)) AS settled";
/// Who writes into the books for a statement.
const SYSTEM: &str = crate::apply::SYSTEM;

impl Store {
    /// Puts the refunds that wait into a file for the bank, which is to pay on `day`. What they read is
    /// `words`, with the customer's number.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn export_refunds(
        &self,
        payer: &Payer,
        day: Date,
        words: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<Exported, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let waiting = list(
            &mut tx,
            &format!("{TO_SEND} ORDER BY c.number LIMIT $1"),
            |q| q.bind(REFUNDS_IN_FILE_MAX),
        )
        .await?;
        let held = held(&mut tx, &waiting, MAY_HAVE_GONE).await?;
        let sent: Vec<_> = waiting
            .into_iter()
            .filter(|refund| !held.contains(&refund.number))
            .collect();
        if sent.is_empty() {
            return Ok(Exported { file: None, held });
        }
        let row = query("SELECT COALESCE(MAX(number), 0) + 1 AS next FROM refund_files")
            .fetch_one(&mut tx)
            .await?;
        let file = CreditFile {
            number: unsigned(&row, "next")?,
            at: now,
            day,
            payer: payer.clone(),
            transfers: sent
                .iter()
                .filter_map(|refund| transfer(refund, words))
                .collect(),
        };
        query("INSERT INTO refund_files (number, content, transfers, cents, iban, day, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(file.number)
            .bind(file.xml().into_bytes())
            .bind(file.transfers.len())
            .bind(file.sum())
            .bind(&payer.iban)
            .bind(day)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        query(format!(
            "UPDATE concessions SET file = {} WHERE number IN ({{rows}})",
            file.number
        ))
        .rows(sent.iter().map(|refund| [refund.number.into()]))
        .execute(&mut tx)
        .await?;
        let event = Event {
            at: now,
            who: by.to_owned(),
            what: "refund.exported".to_owned(),
            subject: format!("refund-file/{}", file.number),
            detail: serde_json::json!({ "transfers": file.transfers.len(), "sum": file.sum().to_string() }),
        };
        append(&mut tx, &event).await?;
        let made = one_file(&mut tx, file.number).await?;
        tx.commit().await?;
        Ok(Exported { file: made, held })
    }

    /// The latest files for the bank, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refund_files(&self, limit: usize) -> Result<Vec<RefundFile>, StoreError> {
        query(format!(
            "SELECT {FILE} FROM refund_files f ORDER BY f.number DESC LIMIT $1"
        ))
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(file)
        .collect()
    }

    /// One file for the bank.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refund_file(&self, number: u64) -> Result<Option<RefundFile>, StoreError> {
        one_file(&self.pools, number).await
    }

    /// The bytes of a file for the bank, the same each time. That somebody fetched them is in the trail before.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn fetch_refund_file(
        &self,
        number: u64,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = query("SELECT content FROM refund_files WHERE number = $1")
            .bind(number)
            .fetch_optional(&self.pools)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let event = Event {
            at: now,
            who: by.to_owned(),
            what: "refund.fetched".to_owned(),
            subject: format!("refund-file/{number}"),
            detail: serde_json::json!({}),
        };
        self.record_event(&event).await?;
        Ok(Some(row.get("content")?))
    }

    /// Finds the refunds again that left the operator's account by these transfers of a kept statement, and
    /// settles them. Tells for each transfer what became of it; `None` where it is no refund. What was
    /// settled before changes nothing; where that was by another debit, it is said and logged.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn settle_refunds(
        &self,
        statement: &str,
        transfers: &[Transfer],
        now: Timestamp,
    ) -> Result<Vec<Option<Booked>>, StoreError> {
        let is_named = |transfer: &Transfer| {
            transfer.kind == TransferKind::Spent
                && (named(transfer).is_some() || whole(transfer).is_some())
        };
        if !transfers.iter().any(is_named) {
            return Ok(vec![None; transfers.len()]);
        }
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let mut all = Vec::with_capacity(transfers.len());
        for transfer in transfers {
            all.push(match is_named(transfer) {
                true => settle(&mut tx, statement, transfer, now).await?,
                false => None,
            });
        }
        tx.commit().await?;
        Ok(all)
    }
}

/// The refund that a transfer is.
fn named(transfer: &Transfer) -> Option<u64> {
    transfer.end_to_end.as_deref().and_then(refund_named)
}

/// The file of which a transfer is the sum.
fn whole(transfer: &Transfer) -> Option<u64> {
    transfer.payment_file.as_deref().and_then(file_named)
}

fn transfer(refund: &ConcessionRecord, words: &str) -> Option<CreditTransfer> {
    let ConcessionKind::Refund { iban, payee, .. } = &refund.kind else {
        return None;
    };
    Some(CreditTransfer {
        refund: refund.number,
        amount: refund.amount,
        name: payee.clone(),
        iban: iban.clone(),
        words: format!("{words} {}", refund.account),
    })
}

/// Refunds of what is not there any more: of a payment that was taken back or given back already, or of credit that is
/// none by now.
/// That a bill is owed again hides neither. `went` says of which refunds of a payment the money counts as gone:
/// [`MAY_HAVE_GONE`] or [`has_gone`](crate::refund_corrections::has_gone).
pub(crate) async fn held(
    tx: &mut Tx,
    refunds: &[ConcessionRecord],
    went: &str,
) -> Result<Vec<u64>, StoreError> {
    let mut accounts: Vec<CustomerNumber> = refunds
        .iter()
        .map(|refund| refund.account.clone())
        .collect();
    accounts.sort();
    accounts.dedup();
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let dues = dues(&mut *tx, &accounts, Timestamp::MAX).await?;
    let moneys = moneys(&mut *tx, &accounts, Timestamp::MAX, None).await?;
    let standings = standings(&dues, &moneys);
    let payments: Vec<&str> = refunds
        .iter()
        .filter_map(|refund| refund.kind.payment())
        .collect();
    let mut gone: HashSet<String> = HashSet::new();
    if !payments.is_empty() {
        let rows = query("SELECT reverses FROM journal WHERE reverses IN ({rows})")
            .rows(payments.iter().map(|payment| [(*payment).into()]))
            .fetch_all(&mut *tx)
            .await?;
        for row in &rows {
            gone.insert(row.get("reverses")?);
        }
        // A refund the way it was paid turned out to be given after all: more would go back than was paid.
        let rows = query(format!("SELECT c.payment FROM concessions c JOIN postings p ON p.entry = c.payment AND p.book LIKE 'customer/%' WHERE c.payment IN ({{rows}}) AND c.approved_at IS NOT NULL AND c.back_at IS NULL AND {went} GROUP BY c.payment, p.cents HAVING SUM(c.amount) > -p.cents"))
            .rows(payments.iter().map(|payment| [(*payment).into()]))
            .fetch_all(&mut *tx)
            .await?;
        for row in &rows {
            gone.insert(row.get("payment")?);
        }
    }
    // What is given after all is owed again by the bills of its payment: no overdrawn credit shows it.
    let overtaken = overtaken(tx, refunds).await?;
    let is_held = |refund: &&ConcessionRecord| {
        let standing = standings.get(&refund.account);
        standing.is_some_and(|standing| match refund.kind.payment() {
            Some(payment) => gone.contains(payment) || standing.credit < Cents::ZERO,
            None => overtaken.contains(&refund.number) || standing.overdrawn > Cents::ZERO,
        })
    };
    let held = refunds.iter().filter(is_held);
    Ok(held.map(|refund| refund.number).collect())
}

/// Of one debit: the refund that it names, or all of a file that the bank booked as one sum.
async fn settle(
    tx: &mut Tx,
    statement: &str,
    debit: &Transfer,
    now: Timestamp,
) -> Result<Option<Booked>, StoreError> {
    let refunds = match (named(debit), whole(debit)) {
        (Some(refund), _) => sent(tx, "c.number = $1", refund, debit).await?,
        (None, Some(file)) => sent(tx, "c.file = $1", file, debit).await?,
        (None, None) => Vec::new(),
    };
    let sum: Cents = refunds.iter().map(|refund| refund.amount).sum();
    if refunds.is_empty() || sum != debit.amount {
        return Ok(None);
    }
    // The same statement, gone through again after a death, tells the same.
    let (mut unpaid, mut new) = (Vec::new(), false);
    for refund in &refunds {
        match settled(tx, refund).await? {
            None => unpaid.push(refund),
            Some(by) if by.debit.as_ref().is_none_or(|known| *known == of(debit)) => {
                new |= by.statement == statement;
            }
            Some(_) => {
                tracing::error!(
                    refund = refund.number,
                    statement,
                    "a refund has left by another debit before: ask the bank whether it was paid twice"
                );
                return Ok(Some(Booked::RefundedTwice));
            }
        }
    }
    for refund in unpaid {
        new = true;
        let entry = Entry::refund_paid(refund.amount);
        let id = format!("refund-paid/{}", refund.number);
        post(tx, &id, &entry, None, SYSTEM, now).await?;
        query("UPDATE concessions SET paid_by = $2, paid_at = $3, paid_day = $4, paid_ref = $5 WHERE number = $1")
            .bind(refund.number)
            .bind(statement)
            .bind(now)
            .bind(debit.booked)
            .bind(&debit.name)
            .execute(&mut *tx)
            .await?;
    }
    Ok(Some(if new {
        Booked::Refunded
    } else {
        Booked::Repeated
    }))
}

/// What settled a refund.
struct Settled {
    statement: String,
    /// `None` of what was settled before that was kept.
    debit: Option<(Date, String)>,
}

/// By which a debit is known in each statement that has it.
fn of(debit: &Transfer) -> (Date, String) {
    (debit.booked, debit.name.clone())
}

async fn settled(tx: &mut Tx, refund: &ConcessionRecord) -> Result<Option<Settled>, StoreError> {
    if refund.paid_at.is_none() {
        return Ok(None);
    }
    let row = query("SELECT paid_by, paid_day, paid_ref FROM concessions WHERE number = $1")
        .bind(refund.number)
        .fetch_one(tx)
        .await?;
    let (day, name): (Option<Date>, Option<String>) =
        (optional(&row, "paid_day")?, row.get("paid_ref")?);
    Ok(Some(Settled {
        statement: row.get("paid_by")?,
        debit: day.zip(name),
    }))
}

/// Refunds in files that were to be paid from the account of a debit.
async fn sent(
    tx: &mut Tx,
    which: &str,
    number: u64,
    debit: &Transfer,
) -> Result<Vec<ConcessionRecord>, StoreError> {
    let which = format!(
        "{which} AND c.file IN (SELECT f.number FROM refund_files f WHERE f.iban = $2) ORDER BY c.number"
    );
    list(tx, &which, |q| q.bind(number).bind(compact(&debit.iban))).await
}

/// Money that came back to the account is a refund's that it names: the refund is undone, and the customer's
/// credit is what it was. `None` where it is no refund, or another amount.
pub(crate) async fn came_back(
    tx: &mut Tx,
    found: &Found,
    now: Timestamp,
) -> Result<Option<NoticeOutcome>, StoreError> {
    let row = query("SELECT end_to_end, iban FROM transfers WHERE notice = $1")
        .bind(&found.id)
        .fetch_one(&mut *tx)
        .await?;
    let name: Option<String> = row.get("end_to_end")?;
    let Some(number) = name.as_deref().and_then(refund_named) else {
        return Ok(None);
    };
    tx.turn(TURN).await?;
    let refund = list(&mut *tx, "c.number = $1", |q| q.bind(number))
        .await?
        .pop();
    let is_it = |refund: &ConcessionRecord| {
        let state = refund.state();
        refund.file.is_some()
            && matches!(state, ConcessionState::Sent | ConcessionState::Paid)
            && Some(refund.amount) == found.said.amount
    };
    let Some(refund) = refund.filter(is_it) else {
        return Ok(None);
    };
    let entry = Entry::refund_came_back(refund.amount);
    post(tx, &found.id, &entry, Some(&found.id), SYSTEM, now).await?;
    reverse(tx, &format!("refund/{number}"), None, SYSTEM, now).await?;
    query("UPDATE concessions SET back_by = $2, back_at = $3 WHERE number = $1")
        .bind(number)
        .bind(&found.id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(Some(NoticeOutcome::Posted))
}

async fn one_file(on: impl Target, number: u64) -> Result<Option<RefundFile>, StoreError> {
    let row = query(format!(
        "SELECT {FILE} FROM refund_files f WHERE f.number = $1"
    ))
    .bind(number)
    .fetch_optional(on)
    .await?;
    row.as_ref().map(file).transpose()
}

fn file(row: &Row) -> Result<RefundFile, StoreError> {
    Ok(RefundFile {
        number: unsigned(row, "number")?,
        transfers: unsigned(row, "transfers")?,
        cents: Cents::new(row.get("cents")?),
        day: text(row, "day")?,
        made: Deed {
            by: row.get("made_by")?,
            at: time(row, "made_at")?,
        },
        settled: unsigned(row, "settled")?,
    })
}
