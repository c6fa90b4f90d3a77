//! Consents to e-bills. A change is a new row; an end is written once.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::{
    AccessMail, CustomerNumber, DeliveryId, EnrolmentId, Language, Secret, code::TokenHash,
};

use crate::{
    ConsentVersion, EnrolmentChannel, EnrolmentRecord, EnrolmentState, NewEnrolment, Prove, Store,
    StoreError, access_mails, customers,
    engine::{Row, Target, Tx},
    readers,
    rows::{corrupt, language, optional, optional_time, text, time, unsigned},
    sessions::held,
    sql::{ROWS_MAX, query},
    webhooks,
};

/// The mail that proves an address is due at once; this is when it counts as late.
const PROOF_DUE: SignedDuration = SignedDuration::from_mins(15);
/// The one that welcomes it likewise.
const WELCOME_DUE: SignedDuration = SignedDuration::from_mins(60);

/// Why a consent ended that a member of staff had typed in from paper by mistake.
pub(crate) const TAKEN_BACK: &str = "taken back";

impl Store {
    /// The versions of the declaration that customers consented to, the latest used first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn consent_versions(&self) -> Result<Vec<ConsentVersion>, StoreError> {
        query("SELECT text_version, MIN(created_at) AS first, MAX(created_at) AS last, COUNT(*) AS consents FROM enrolments GROUP BY text_version ORDER BY last DESC, text_version")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(ConsentVersion {
                    version: row.get("text_version")?,
                    first: time(row, "first")?,
                    last: time(row, "last")?,
                    consents: unsigned(row, "consents")?,
                })
            })
            .collect()
    }

    /// Keeps a consent. With a proof to come, the mail that asks for it is queued in the same
    /// transaction; without one the address counts as proven and replaces an earlier one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enrol(&self, new: &NewEnrolment) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, &new.account).await?;
        write(&mut tx, new).await?;
        Ok(tx.commit().await?)
    }

    /// As [`Store::enrol`], asked in a session: `false`, and nothing done, where that has ended, with its code for one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enrol_in(
        &self,
        session: &TokenHash,
        new: &NewEnrolment,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, &new.account).await?;
        if !held(&mut tx, &new.account, session, new.at).await? {
            return Ok(false);
        }
        write(&mut tx, new).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The enrolment that a proof link belongs to.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enrolment_by_proof(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<EnrolmentRecord>, StoreError> {
        let row = query("SELECT * FROM enrolments WHERE proof_hash = $1")
            .bind(hash)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(enrolment).transpose()
    }

    /// The holder of a proof link pressed its button. An earlier active enrolment of the customer
    /// ends in the same transaction, which keeps from which bill on this one counts and queues the mail that says so.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn prove_enrolment(
        &self,
        hash: &TokenHash,
        at: Timestamp,
        evidence: serde_json::Value,
    ) -> Result<Prove, StoreError> {
        let Some(found) = self.enrolment_by_proof(hash).await? else {
            return Ok(Prove::Unknown);
        };
        let mut tx = self.begin().await?;
        turn(&mut tx, &found.account).await?;
        let row = query("SELECT * FROM enrolments WHERE proof_hash = $1")
            .bind(hash)
            .fetch_one(&mut tx)
            .await?;
        let mut record = enrolment(&row)?;
        if record.ended_at.is_some() {
            return Ok(Prove::Expired(record));
        }
        if record.proven_at.is_some() {
            return Ok(Prove::Already(record));
        }
        if record.proof_expires.is_some_and(|expires| expires < at) {
            return Ok(Prove::Expired(record));
        }
        let by = (&record.account, &record.id, &record.email);
        end_earlier(&mut tx, by, record.created_at, at).await?;
        record.bills_from = first_day(&mut tx, &record.account).await?;
        query("UPDATE enrolments SET proven_at = $2, proven_evidence = $3, bills_from = $4 WHERE id = $1")
            .bind(&record.id)
            .bind(at)
            .bind(&evidence)
            .bind(record.bills_from)
            .execute(&mut tx)
            .await?;
        // Who asked in a language wants the bills in it; a scanned paper says nothing of that.
        if record.channel != EnrolmentChannel::Paper {
            customers::speaks(&mut tx, &record.account, record.language).await?;
        }
        let welcome = DeliveryId::welcome_of(&record.id);
        let whom = (&record.id, &record.account, &record.email, record.language);
        queue(&mut tx, &welcome, whom, at, WELCOME_DUE).await?;
        let what = (&record.id, "proven");
        webhooks::enrolment_changed(&mut tx, &record.account, what, at).await?;
        tx.commit().await?;
        record.proven_at = Some(at);
        Ok(Prove::Proved(record))
    }

    /// Back to paper: ends what is active or pending. Gives what was ended.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_enrolment(
        &self,
        account: &CustomerNumber,
        at: Timestamp,
        reason: &str,
        evidence: serde_json::Value,
    ) -> Result<Option<EnrolmentRecord>, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, account).await?;
        let how = (reason, &evidence, AccessMail::BackToPaper);
        let ended = end(&mut tx, account, at, how).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// How a customer's bills travel now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enrolment_of(
        &self,
        account: &CustomerNumber,
    ) -> Result<EnrolmentState, StoreError> {
        let row = query("SELECT * FROM enrolments WHERE account = $1 AND ended_at IS NULL ORDER BY proven_at IS NULL, created_at DESC LIMIT 1")
            .bind(account)
            .fetch_optional(&self.pools)
            .await?;
        Ok(match row.as_ref().map(enrolment).transpose()? {
            None => EnrolmentState::None,
            Some(record) if record.proven_at.is_some() => EnrolmentState::Active(record),
            Some(record) => EnrolmentState::Pending(record),
        })
    }

    /// The customer's newest enrolment that waits for its proof: beside an active one it is a change
    /// of address under way.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn waiting_enrolment(
        &self,
        account: &CustomerNumber,
    ) -> Result<Option<EnrolmentRecord>, StoreError> {
        let row = query("SELECT * FROM enrolments WHERE account = $1 AND ended_at IS NULL AND proven_at IS NULL ORDER BY created_at DESC LIMIT 1")
            .bind(account)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(enrolment).transpose()
    }

    /// The active enrolments among these customers.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn active_enrolments(
        &self,
        accounts: &[CustomerNumber],
    ) -> Result<HashMap<CustomerNumber, EnrolmentRecord>, StoreError> {
        let mut found = HashMap::new();
        for part in accounts.chunks(ROWS_MAX) {
            found.extend(active(&self.pools, part).await?);
        }
        Ok(found)
    }
}

/// The active enrolments among at most 250 customers, of whom there is at least one.
pub(crate) async fn active(
    on: impl Target,
    accounts: &[CustomerNumber],
) -> Result<HashMap<CustomerNumber, EnrolmentRecord>, StoreError> {
    query("SELECT * FROM enrolments WHERE ended_at IS NULL AND proven_at IS NOT NULL AND account IN ({rows})")
        .rows(accounts.iter().map(|account| [account.into()]))
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| {
            let record = enrolment(row)?;
            Ok((record.account.clone(), record))
        })
        .collect()
}

/// What is decided about a customer's enrolments is decided by one at a time.
pub(crate) async fn turn(tx: &mut Tx, account: &CustomerNumber) -> Result<(), StoreError> {
    Ok(tx.turn(&format!("enrolments/{account}")).await?)
}

/// Writes a consent down, in its customer's turn.
pub(crate) async fn write(tx: &mut Tx, new: &NewEnrolment) -> Result<(), StoreError> {
    if new.proof.is_none() {
        end_earlier(tx, (&new.account, &new.id, &new.email), new.at, new.at).await?;
    }
    let bills_from = match new.proof {
        None => first_day(tx, &new.account).await?,
        Some(_) => None,
    };
    query("INSERT INTO enrolments (id, account, channel, email, language, text_version, evidence, created_at, proof_hash, proof_expires, proven_at, bills_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        .bind(&new.id)
        .bind(&new.account)
        .bind(new.channel.as_str())
        .bind(new.email.expose())
        .bind(new.language)
        .bind(&new.text_version)
        .bind(&new.evidence)
        .bind(new.at)
        .bind(new.proof.as_ref().map(|p| &p.hash))
        .bind(new.proof.map(|p| p.expires))
        .bind(new.proof.is_none().then_some(new.at))
        .bind(bills_from)
        .execute(&mut *tx)
        .await?;
    if new.proof.is_some() {
        let whom = (&new.id, &new.account, &new.email, new.language);
        queue(tx, &DeliveryId::proof_of(&new.id), whom, new.at, PROOF_DUE).await?;
    }
    webhooks::enrolment_changed(tx, &new.account, (&new.id, "given"), new.at).await
}

/// The first day that no bill of the customer's has covered yet; none where there is no bill.
async fn first_day(tx: &mut Tx, account: &CustomerNumber) -> Result<Option<Date>, StoreError> {
    let row = query("SELECT MAX(period_to) AS last FROM bills WHERE account = $1")
        .bind(account)
        .fetch_one(tx)
        .await?;
    let last: Option<Date> = optional(&row, "last")?;
    Ok(last.and_then(|last| last.tomorrow().ok()))
}

/// Queues a mail to the address of a consent.
async fn queue(
    tx: &mut Tx,
    id: &DeliveryId,
    (enrolment, account, email, language): (
        &EnrolmentId,
        &CustomerNumber,
        &Secret<String>,
        Language,
    ),
    at: Timestamp,
    due: SignedDuration,
) -> Result<(), StoreError> {
    query("INSERT INTO deliveries (id, enrolment, account, channel, email, language, due_at, state, next_attempt_at) VALUES ($1, $2, $3, 'email', $4, $5, $6, 'queued', $7)")
        .bind(id)
        .bind(enrolment)
        .bind(account)
        .bind(email.expose())
        .bind(language)
        .bind(at + due)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends what is active or pending, in its customer's turn. Gives what was ended. Whoever read the bills by mail is told.
pub(crate) async fn end(
    tx: &mut Tx,
    account: &CustomerNumber,
    at: Timestamp,
    (reason, evidence, mail): (&str, &serde_json::Value, AccessMail),
) -> Result<Option<EnrolmentRecord>, StoreError> {
    let row = query("SELECT * FROM enrolments WHERE account = $1 AND ended_at IS NULL ORDER BY proven_at IS NULL, created_at DESC LIMIT 1")
        .bind(account)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(mut record) = row.as_ref().map(enrolment).transpose()? else {
        return Ok(None);
    };
    if record.proven_at.is_some() {
        access_mails::queue(tx, account, mail, at).await?;
    }
    query("UPDATE enrolments SET ended_at = $2, ended_reason = $3, ended_evidence = $4 WHERE account = $1 AND ended_at IS NULL")
        .bind(account)
        .bind(at)
        .bind(reason)
        .bind(evidence)
        .execute(&mut *tx)
        .await?;
    readers::end_all(tx, account, at).await?;
    webhooks::enrolment_changed(tx, account, (&record.id, "ended"), at).await?;
    record.ended_at = Some(at);
    Ok(Some(record))
}

/// Ends what an enrolment that counts from now on replaces: the active one, and those asked for
/// before it. Without the latter, a link sent to a mistyped address could undo its correction. Whoever read
/// the bills at another address is told.
async fn end_earlier(
    tx: &mut Tx,
    (account, by, email): (&CustomerNumber, &EnrolmentId, &Secret<String>),
    created_at: Timestamp,
    at: Timestamp,
) -> Result<(), StoreError> {
    let accounts = std::slice::from_ref(account);
    let now = active(&mut *tx, accounts).await?;
    if now.get(account).is_none_or(|now| now.email != *email) {
        access_mails::queue_moved(tx, account, email, at).await?;
    }
    query("UPDATE enrolments SET ended_at = $2, ended_reason = 'replaced' WHERE account = $1 AND id <> $3 AND ended_at IS NULL AND (proven_at IS NOT NULL OR created_at <= $4)")
        .bind(account)
        .bind(at)
        .bind(by)
        .bind(created_at)
        .execute(tx)
        .await?;
    Ok(())
}

/// A bill reached this address: the first time is kept with the consent that has it now.
pub(crate) async fn confirmed(
    tx: &mut Tx,
    account: &CustomerNumber,
    email: &Secret<String>,
    at: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE enrolments SET confirmed_at = $3 WHERE account = $1 AND email = $2 AND ended_at IS NULL AND proven_at IS NOT NULL AND confirmed_at IS NULL")
        .bind(account)
        .bind(email.expose())
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

pub(crate) fn enrolment(row: &Row) -> Result<EnrolmentRecord, StoreError> {
    let channel: String = row.get("channel")?;
    Ok(EnrolmentRecord {
        id: text(row, "id")?,
        account: text(row, "account")?,
        channel: EnrolmentChannel::parse(&channel).ok_or_else(|| corrupt("channel", channel))?,
        email: Secret::new(row.get("email")?),
        language: language(row, "language")?,
        text_version: row.get("text_version")?,
        created_at: time(row, "created_at")?,
        proof_expires: optional_time(row, "proof_expires")?,
        proven_at: optional_time(row, "proven_at")?,
        bills_from: optional(row, "bills_from")?,
        confirmed_at: optional_time(row, "confirmed_at")?,
        ended_at: optional_time(row, "ended_at")?,
        taken_back: row.get::<Option<String>>("ended_reason")?.as_deref() == Some(TAKEN_BACK),
    })
}
