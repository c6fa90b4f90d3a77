//! Mandates of autopay: given by customers, ended by them, by their banks, or by time.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use kvit_billing::{AutopayMail, CustomerNumber, DeliveryId};
use kvit_pay::debit::MANDATE_MONTHS;

use crate::{
    Dropped, Event, Give, MANDATES_A_DAY, MandateEnd, MandateRecord, NewMandate, Store, StoreError,
    apply::SYSTEM,
    audit::append,
    engine::{Row, Target, Tx},
    enrolments::{active, turn},
    rows::{corrupt, optional_time, text, time, unsigned},
    sql::query,
};

const COLUMNS: &str =
    "m.number, m.account, m.iban, m.holder, m.creditor, m.given_at, m.day, m.ended_at, m.ended_why";
/// The turn in which all of autopay is decided: whether a debit leaves, and whether its mandate stands.
pub(crate) const TURN: &str = "debits";
/// In the trail, the customer themselves.
const CUSTOMER: &str = "customer";
/// A mail about autopay is due at once; this is when it counts as late.
const MAIL_DUE: SignedDuration = SignedDuration::from_hours(1);
/// Mandates that are looked at for their age at once.
const EXPIRING_MAX: usize = 250;

impl Store {
    /// A customer turns autopay on: the mandate is kept with what they agreed to, and the mail that confirms it
    /// is queued in the same transaction.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn give_mandate(&self, new: &NewMandate) -> Result<Give, StoreError> {
        let mut tx = self.begin().await?;
        // The consent that is asked for below does not end meanwhile.
        turn(&mut tx, &new.account).await?;
        tx.turn(TURN).await?;
        if let Some(active) = active_of(&mut tx, &new.account).await? {
            return Ok(Give::Already(active));
        }
        let accounts = std::slice::from_ref(&new.account);
        if active(&mut tx, accounts).await?.is_empty() {
            return Ok(Give::NoMail);
        }
        let since = new.at - SignedDuration::from_hours(24);
        let row =
            query("SELECT COUNT(*) AS given FROM mandates WHERE account = $1 AND given_at > $2")
                .bind(&new.account)
                .bind(since)
                .fetch_one(&mut tx)
                .await?;
        if unsigned(&row, "given")? >= MANDATES_A_DAY as u64 {
            return Ok(Give::TooOften);
        }
        let row = query("INSERT INTO mandates (number, account, iban, holder, creditor, text_version, evidence, given_at, day) SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8 FROM mandates RETURNING number")
            .bind(&new.account)
            .bind(&new.iban)
            .bind(&new.holder)
            .bind(new.creditor.as_str())
            .bind(&new.text_version)
            .bind(&new.evidence)
            .bind(new.at)
            .bind(new.day)
            .fetch_one(&mut tx)
            .await?;
        let number = unsigned(&row, "number")?;
        queue(&mut tx, AutopayMail::On, number, &new.account, new.at).await?;
        let given = mandate(&mut tx, number).await?;
        let given = given.ok_or_else(|| corrupt("mandate", number))?;
        append(&mut tx, &told("given", &given, CUSTOMER, new.at)).await?;
        tx.commit().await?;
        Ok(Give::Given(given))
    }

    /// The mandate by which a customer's bills are collected now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn mandate_of(
        &self,
        account: &CustomerNumber,
    ) -> Result<Option<MandateRecord>, StoreError> {
        active_of(&self.pools, account).await
    }

    /// A customer's mandates, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn mandates_of(
        &self,
        account: &CustomerNumber,
        limit: usize,
    ) -> Result<Vec<MandateRecord>, StoreError> {
        query(format!(
            "SELECT {COLUMNS} FROM mandates m WHERE m.account = $1 ORDER BY m.number DESC LIMIT $2"
        ))
        .bind(account)
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// What a customer agreed to, and how it came about.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn mandate_evidence(
        &self,
        number: u64,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        let row = query("SELECT evidence FROM mandates WHERE number = $1")
            .bind(number)
            .fetch_optional(&self.pools)
            .await?;
        Ok(row
            .map(|row| crate::rows::json(&row, "evidence"))
            .transpose()?
            .flatten())
    }

    /// A customer turns autopay off: nothing that is not ordered yet is collected any more. Gives the mandate
    /// that ended.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_mandate(
        &self,
        account: &CustomerNumber,
        evidence: &serde_json::Value,
        at: Timestamp,
    ) -> Result<Option<MandateRecord>, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(active) = active_of(&mut tx, account).await? else {
            return Ok(None);
        };
        end(&mut tx, &active, MandateEnd::Customer, Some(evidence), at).await?;
        tx.commit().await?;
        Ok(Some(active))
    }

    /// Ends mandates by which nothing was collected for 36 months. Gives how many; where that is 250, there may be
    /// more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn expire_mandates(&self, today: Date, now: Timestamp) -> Result<usize, StoreError> {
        let before = today.saturating_sub(MANDATE_MONTHS.months());
        let old = query(format!("SELECT {COLUMNS} FROM mandates m WHERE m.ended_at IS NULL AND m.day < $1 AND NOT EXISTS (SELECT 1 FROM debits d WHERE d.mandate = m.number AND d.day >= $1 AND d.part IS NOT NULL AND (d.entry IS NOT NULL OR d.back_at IS NULL)) ORDER BY m.number LIMIT $2"))
            .bind(before)
            .bind(EXPIRING_MAX);
        // Mostly there is none, and nobody has to wait for that.
        if old.clone().fetch_all(&self.pools).await?.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let rows = old.fetch_all(&mut tx).await?;
        for row in &rows {
            end(&mut tx, &record(row)?, MandateEnd::Expired, None, now).await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }
}

/// Ends a mandate, in the turn of autopay, with the mail about it. What is not ordered yet is dropped.
pub(crate) async fn end(
    tx: &mut Tx,
    mandate: &MandateRecord,
    why: MandateEnd,
    evidence: Option<&serde_json::Value>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ended = query("UPDATE mandates SET ended_at = $2, ended_why = $3, ended_evidence = $4 WHERE number = $1 AND ended_at IS NULL")
        .bind(mandate.number)
        .bind(now)
        .bind(why.as_str())
        .bind(evidence)
        .execute(&mut *tx)
        .await?;
    if ended == 0 {
        return Ok(());
    }
    query("UPDATE debits SET dropped_at = $2, dropped_why = $3 WHERE mandate = $1 AND part IS NULL AND dropped_at IS NULL")
        .bind(mandate.number)
        .bind(now)
        .bind(Dropped::Off.as_str())
        .execute(&mut *tx)
        .await?;
    // Whoever gets mails about the account now may be somebody else; the earlier holder is told of all that ended at once.
    if why != MandateEnd::Account {
        queue(tx, AutopayMail::Off, mandate.number, &mandate.account, now).await?;
    }
    let who = match why {
        MandateEnd::Customer => CUSTOMER,
        MandateEnd::Bank | MandateEnd::Expired | MandateEnd::Account => SYSTEM,
    };
    let mut event = told("ended", mandate, who, now);
    event.detail["why"] = why.as_str().into();
    append(tx, &event).await
}

/// Ends the mandate of an account that its holder left, where there is one.
pub(crate) async fn end_of(
    tx: &mut Tx,
    account: &CustomerNumber,
    evidence: &serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    if active_of(&mut *tx, account).await?.is_none() {
        return Ok(());
    }
    tx.turn(TURN).await?;
    match active_of(&mut *tx, account).await? {
        Some(active) => end(tx, &active, MandateEnd::Account, Some(evidence), now).await,
        None => Ok(()),
    }
}

/// An event of the trail about a mandate: never with its account.
fn told(deed: &str, mandate: &MandateRecord, who: &str, at: Timestamp) -> Event {
    Event {
        at,
        who: who.to_owned(),
        what: format!("mandate.{deed}"),
        subject: format!("customer/{}", mandate.account),
        detail: serde_json::json!({ "mandate": mandate.reference() }),
    }
}

/// Queues a mail about a mandate or debit, once, where the customer's bills come by mail.
pub(crate) async fn queue(
    tx: &mut Tx,
    what: AutopayMail,
    number: u64,
    account: &CustomerNumber,
    now: Timestamp,
) -> Result<(), StoreError> {
    let active = active(&mut *tx, std::slice::from_ref(account)).await?;
    let Some(enrolment) = active.get(account) else {
        return Ok(());
    };
    query("INSERT INTO deliveries (id, enrolment, account, channel, email, language, due_at, state, next_attempt_at) VALUES ($1, $2, $3, 'email', $4, $5, $6, 'queued', $7) ON CONFLICT DO NOTHING")
        .bind(&DeliveryId::autopay_of(what, number))
        .bind(&enrolment.id)
        .bind(account)
        .bind(enrolment.email.expose())
        .bind(enrolment.language)
        .bind(now + MAIL_DUE)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

pub(crate) async fn mandate(
    on: impl Target,
    number: u64,
) -> Result<Option<MandateRecord>, StoreError> {
    let row = query(format!(
        "SELECT {COLUMNS} FROM mandates m WHERE m.number = $1"
    ))
    .bind(number)
    .fetch_optional(on)
    .await?;
    row.as_ref().map(record).transpose()
}

/// Some mandates by their numbers, of which there is at least one and no more than 250.
pub(crate) async fn mandates(
    on: impl Target,
    numbers: &[u64],
) -> Result<Vec<MandateRecord>, StoreError> {
    query(format!(
        "SELECT {COLUMNS} FROM mandates m WHERE m.number IN ({{rows}})"
    ))
    .rows(numbers.iter().map(|number| [(*number).into()]))
    .fetch_all(on)
    .await?
    .iter()
    .map(record)
    .collect()
}

async fn active_of(
    on: impl Target,
    account: &CustomerNumber,
) -> Result<Option<MandateRecord>, StoreError> {
    let row = query(format!(
        "SELECT {COLUMNS} FROM mandates m WHERE m.account = $1 AND m.ended_at IS NULL"
    ))
    .bind(account)
    .fetch_optional(on)
    .await?;
    row.as_ref().map(record).transpose()
}

fn record(row: &Row) -> Result<MandateRecord, StoreError> {
    let why: Option<String> = row.get("ended_why")?;
    let why = why
        .map(|why| MandateEnd::parse(&why).ok_or_else(|| corrupt("ended_why", why)))
        .transpose()?;
    Ok(MandateRecord {
        number: unsigned(row, "number")?,
        account: text(row, "account")?,
        iban: text(row, "iban")?,
        holder: row.get("holder")?,
        creditor: text(row, "creditor")?,
        given_at: time(row, "given_at")?,
        day: text(row, "day")?,
        ended: optional_time(row, "ended_at")?.zip(why),
    })
}
