//! A refund through a payment system that is in the books as given, or as not given, and turns out to be the other.
//!
//! One person says so, a third approves, and entries of their own put the books right. What was known before, and
//! the entries that it made, stay: what counts is the latest correction that was approved.

use std::collections::HashSet;

use jiff::Timestamp;
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::ledger::Entry;

use crate::{
    Concede, ConcessionKind, ConcessionRecord, Deed, Event, RefundCorrection, Store, StoreError,
    audit::append,
    concessions::{TURN, concession, paid, told},
    engine::{Row, Target, Tx},
    ledger::{post, reverse},
    reconcile::same_person,
    rows::{optional, optional_time, time, unsigned},
    same_way::{is_party, turn_of},
    sql::query,
};

/// Of a refund `c`: what the latest correction says that was approved; nothing where there is none.
pub(crate) const TURNED_OUT: &str = "(SELECT k.went_back FROM refund_corrections k WHERE k.refund = c.number AND k.approved_at IS NOT NULL ORDER BY k.number DESC LIMIT 1)";
/// Of a refund `c`: the correction that waits for approval.
pub(crate) const WAITING: &str = "(SELECT k.number FROM refund_corrections k WHERE k.refund = c.number AND k.approved_at IS NULL AND k.refused_at IS NULL)";
/// Of a concession `c` that was approved: whether its money went, is on its way, or may have gone. While a correction
/// waits, it may.
pub(crate) const MAY_HAVE_GONE: &str = "COALESCE((SELECT CASE WHEN k.approved_at IS NULL THEN 1 ELSE k.went_back END FROM refund_corrections k WHERE k.refund = c.number AND k.refused_at IS NULL ORDER BY k.number DESC LIMIT 1), CASE WHEN c.refused_at IS NULL THEN 1 ELSE 0 END) = 1";
const COLUMNS: &str = "k.number, k.refund, k.went_back, k.seen, k.said_by, k.said_at, k.approved_by, k.approved_at, k.refused_by, k.refused_at";

impl Store {
    /// One person says that a refund that is in the books as given, or as not given, turned out to be the other, and
    /// where they saw it. The same said twice by one person, while it waits, is one correction. Gives its number as
    /// [`Concede::Proposed`].
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn say_otherwise(
        &self,
        refund: u64,
        went_back: bool,
        seen: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<Concede, StoreError> {
        let mut tx = self.begin().await?;
        payment_turn(&mut tx, refund).await?;
        tx.turn(TURN).await?;
        let Some(refund) = concession(&mut tx, refund).await? else {
            return Ok(Concede::Unknown);
        };
        if let Some(number) = refund.correction {
            let waiting = correction(&mut tx, number).await?;
            let again = waiting.is_some_and(|waiting| {
                waiting.went_back == went_back && same_person(&waiting.said.by, by)
            });
            return Ok(match again {
                true => Concede::Proposed(number),
                false => Concede::Over,
            });
        }
        if refund.may_turn_out() != Some(went_back) {
            return Ok(Concede::Over);
        }
        if went_back && payment_of(&mut tx, &refund).await?.is_none() {
            return Ok(Concede::OtherPayment);
        }
        let row = query("INSERT INTO refund_corrections (number, refund, went_back, seen, said_by, said_at) SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5 FROM refund_corrections RETURNING number")
            .bind(refund.number)
            .bind(went_back)
            .bind(seen)
            .bind(by)
            .bind(now)
            .fetch_one(&mut tx)
            .await?;
        let event = otherwise("doubted", &refund, (went_back, seen), by, now);
        append(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(Concede::Proposed(unsigned(&row, "number")?))
    }

    /// Another person approves a correction: neither who said it, nor who proposed or approved the refund. The books say
    /// it from then on, and the customer is told. Not where the payment was taken back meanwhile, and the money
    /// would go back twice.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn approve_refund_correction(
        &self,
        number: u64,
        by: &str,
        now: Timestamp,
    ) -> Result<Concede, StoreError> {
        let mut tx = self.begin().await?;
        let Some(said) = correction(&mut tx, number).await? else {
            return Ok(Concede::Unknown);
        };
        payment_turn(&mut tx, said.refund).await?;
        tx.turn(TURN).await?;
        let Some(refund) = concession(&mut tx, said.refund).await? else {
            return Ok(Concede::Unknown);
        };
        if refund.correction != Some(number) {
            return Ok(Concede::Over);
        }
        if same_person(&said.said.by, by) || is_party(&refund, by) {
            return Ok(Concede::SamePerson);
        }
        let entry = match said.went_back {
            true => match given_after_all(&mut tx, &refund, number, by, now).await? {
                Some(entry) => Some(entry),
                None => return Ok(Concede::OtherPayment),
            },
            false => {
                not_given_after_all(&mut tx, &refund, by, now).await?;
                None
            }
        };
        query("UPDATE refund_corrections SET approved_by = $2, approved_at = $3, entry = $4 WHERE number = $1")
            .bind(number)
            .bind(by)
            .bind(now)
            .bind(entry)
            .execute(&mut tx)
            .await?;
        let what = (said.went_back, said.seen.as_str());
        append(&mut tx, &otherwise("corrected", &refund, what, by, now)).await?;
        tx.commit().await?;
        Ok(Concede::Approved)
    }

    /// Somebody does not agree with a correction, or takes their own back: the books stay as they are.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_refund_correction(
        &self,
        number: u64,
        by: &str,
        now: Timestamp,
    ) -> Result<Concede, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(said) = correction(&mut tx, number).await? else {
            return Ok(Concede::Unknown);
        };
        let refund = concession(&mut tx, said.refund).await?;
        let Some(refund) = refund.filter(|refund| refund.correction == Some(number)) else {
            return Ok(Concede::Over);
        };
        query("UPDATE refund_corrections SET refused_by = $2, refused_at = $3 WHERE number = $1")
            .bind(number)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        let what = (said.went_back, said.seen.as_str());
        append(&mut tx, &otherwise("upheld", &refund, what, by, now)).await?;
        tx.commit().await?;
        Ok(Concede::Refused)
    }

    /// All corrections of a refund, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refund_corrections(
        &self,
        refund: u64,
    ) -> Result<Vec<RefundCorrection>, StoreError> {
        query(format!(
            "SELECT {COLUMNS} FROM refund_corrections k WHERE k.refund = $1 ORDER BY k.number"
        ))
        .bind(refund)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }
}

/// Of a concession `c` that was approved: whether its money went, or is on its way, by what is in the books.
pub(crate) fn has_gone() -> String {
    format!("COALESCE({TURNED_OUT}, CASE WHEN c.refused_at IS NULL THEN 1 ELSE 0 END) = 1")
}

/// Takes the turn of a refund's payment: a reversal of that is applied before what follows, or finds it.
async fn payment_turn(tx: &mut Tx, refund: u64) -> Result<(), StoreError> {
    let refund = concession(&mut *tx, refund).await?;
    if let Some(ConcessionKind::SameWay { payment, .. }) = refund.map(|refund| refund.kind) {
        let turn = turn_of(&mut *tx, &payment).await?;
        tx.turn(&turn).await?;
    }
    Ok(())
}

/// What of a customer's money may have gone already, by corrections that wait for approval.
pub(crate) async fn may_turn_out_gone(
    tx: &mut Tx,
    account: &CustomerNumber,
) -> Result<Cents, StoreError> {
    let row = query("SELECT CAST(COALESCE(SUM(c.amount), 0) AS BIGINT) AS gone FROM refund_corrections k JOIN concessions c ON c.number = k.refund WHERE c.account = $1 AND k.went_back = 1 AND k.approved_at IS NULL AND k.refused_at IS NULL")
        .bind(account)
        .fetch_one(tx)
        .await?;
    Ok(Cents::new(row.get("gone")?))
}

/// Of refunds of credit: those whose customer's money may have gone since they were approved, by a correction that
/// waits, or that was approved after them and stands.
pub(crate) async fn overtaken(
    tx: &mut Tx,
    refunds: &[ConcessionRecord],
) -> Result<HashSet<u64>, StoreError> {
    if refunds.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = query("SELECT r.number FROM concessions r WHERE r.payment IS NULL AND r.number IN ({rows}) AND EXISTS (SELECT 1 FROM refund_corrections k JOIN concessions c ON c.number = k.refund WHERE c.account = r.account AND k.went_back = 1 AND k.refused_at IS NULL AND (k.approved_at IS NULL OR k.approved_at >= r.approved_at) AND NOT EXISTS (SELECT 1 FROM refund_corrections l WHERE l.refund = k.refund AND l.number > k.number AND l.approved_at IS NOT NULL))")
        .rows(refunds.iter().map(|refund| [refund.number.into()]))
        .fetch_all(tx)
        .await?;
    rows.iter().map(|row| unsigned(row, "number")).collect()
}

/// The money is out of the customer's book and out of what the payment system has to hand over. Gives the entry of
/// the customer's book; `None` where the payment was taken back.
async fn given_after_all(
    tx: &mut Tx,
    refund: &ConcessionRecord,
    correction: u64,
    by: &str,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let ConcessionKind::SameWay { provider, .. } = &refund.kind else {
        return Ok(None);
    };
    let Some(bills) = payment_of(tx, refund).await? else {
        return Ok(None);
    };
    let (back, left) = entries(refund.number, Some(correction));
    let entry = Entry::refund(&refund.account, refund.amount, bills);
    post(tx, &back, &entry, None, by, now).await?;
    let entry = Entry::refund_given(provider, refund.amount);
    post(tx, &left, &entry, None, by, now).await?;
    Ok(Some(back))
}

/// What was booked when it was given, or said to be, is taken back: the money is the customer's again.
async fn not_given_after_all(
    tx: &mut Tx,
    refund: &ConcessionRecord,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = query("SELECT k.number FROM refund_corrections k WHERE k.refund = $1 AND k.entry IS NOT NULL ORDER BY k.number DESC LIMIT 1")
        .bind(refund.number)
        .fetch_optional(&mut *tx)
        .await?;
    let last = row.map(|row| unsigned(&row, "number")).transpose()?;
    let (back, left) = entries(refund.number, last);
    reverse(tx, &left, None, by, now).await?;
    reverse(tx, &back, None, by, now).await?;
    Ok(())
}

/// The entries of a refund that was given: in the customer's book, and in that of what its payment system collected.
fn entries(refund: u64, correction: Option<u64>) -> (String, String) {
    let end = correction.map_or(String::new(), |correction| format!("/{correction}"));
    (
        format!("refund/{refund}{end}"),
        format!("refund-paid/{refund}{end}"),
    )
}

/// The bills that the payment of a refund names; `None` where it was taken back.
async fn payment_of(
    tx: &mut Tx,
    refund: &ConcessionRecord,
) -> Result<Option<Vec<kvit_billing::BillNumber>>, StoreError> {
    let payment = refund.kind.payment().unwrap_or_default();
    let paid = paid(tx, &refund.account, payment).await?;
    Ok(paid.map(|paid| paid.bills))
}

async fn correction(on: impl Target, number: u64) -> Result<Option<RefundCorrection>, StoreError> {
    let row = query(format!(
        "SELECT {COLUMNS} FROM refund_corrections k WHERE k.number = $1"
    ))
    .bind(number)
    .fetch_optional(on)
    .await?;
    row.as_ref().map(record).transpose()
}

fn record(row: &Row) -> Result<RefundCorrection, StoreError> {
    let deed = |by, at| -> Result<Option<Deed>, StoreError> {
        let by: Option<String> = optional(row, by)?;
        let at = optional_time(row, at)?;
        Ok(by.zip(at).map(|(by, at)| Deed { by, at }))
    };
    Ok(RefundCorrection {
        number: unsigned(row, "number")?,
        refund: unsigned(row, "refund")?,
        went_back: row.get::<i64>("went_back")? != 0,
        seen: row.get("seen")?,
        said: Deed {
            by: row.get("said_by")?,
            at: time(row, "said_at")?,
        },
        approved: deed("approved_by", "approved_at")?,
        refused: deed("refused_by", "refused_at")?,
    })
}

fn otherwise(
    deed: &str,
    refund: &ConcessionRecord,
    (went_back, seen): (bool, &str),
    by: &str,
    now: Timestamp,
) -> Event {
    let mut event = told(deed, refund, by, now);
    event.detail["went_back"] = went_back.into();
    event.detail["words"] = seen.into();
    event
}
