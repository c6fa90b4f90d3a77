//! What staff do for a customer who called or came. Each change is made with the page's version of the
//! record: where somebody else changed it since, nothing is written, and the page is shown anew.

use jiff::Timestamp;
use kvit_billing::{AccessMail, CustomerNumber, EntryId, StaffLogin};

use crate::{
    Contact, EnrolmentFacts, Event, NewDelivery, NewEnrolment, Note, SignedSheet, Store,
    StoreError, Written,
    audit::append,
    engine::{Row, Target},
    enrolments::{self, enrolment},
    rows::{json, text, time, unsigned},
    sql::query,
};

impl Store {
    /// The version of a customer's consents: how many facts are known of them. Facts are only added,
    /// so it grows with each.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn consent_version(&self, account: &CustomerNumber) -> Result<u64, StoreError> {
        version(&self.pools, account).await
    }

    /// Keeps a consent that was given to a member of staff, as [`Store::enrol`] does, if the record is
    /// still in `version`. The sheet that its evidence names, where there is one, is kept for good from then on;
    /// one that was cleared away meanwhile is `Outdated` too.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enrol_at(
        &self,
        new: &NewEnrolment,
        version: u64,
        event: &Event,
    ) -> Result<Written, StoreError> {
        let mut tx = self.begin().await?;
        enrolments::turn(&mut tx, &new.account).await?;
        if self::version(&mut tx, &new.account).await? != version {
            return Ok(Written::Outdated);
        }
        if let Some(sheet) = SignedSheet::of(&new.evidence) {
            let noted = query("DELETE FROM scan_objects WHERE object = $1")
                .bind(&sheet.object)
                .execute(&mut tx)
                .await?;
            if noted == 0 {
                return Ok(Written::Outdated);
            }
        }
        enrolments::write(&mut tx, new).await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// Back to paper, as a customer told a member of staff, if the record is still in `version`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_enrolment_at(
        &self,
        account: &CustomerNumber,
        version: u64,
        evidence: &serde_json::Value,
        event: &Event,
    ) -> Result<Written, StoreError> {
        let mut tx = self.begin().await?;
        enrolments::turn(&mut tx, account).await?;
        if self::version(&mut tx, account).await? != version {
            return Ok(Written::Outdated);
        }
        let how = ("back to paper", evidence, AccessMail::BackToPaper);
        enrolments::end(&mut tx, account, event.at, how).await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// Queues a bill once more. `Outdated` where there is a delivery of this id: somebody was quicker.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn send_again(
        &self,
        new: &NewDelivery,
        event: &Event,
    ) -> Result<Written, StoreError> {
        let mut tx = self.begin().await?;
        let email = new.email.as_ref().map(|email| email.expose().clone());
        let added = query("INSERT INTO deliveries (id, bill, account, channel, email, language, due_at, token, state, next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', $9) ON CONFLICT DO NOTHING")
            .bind(&new.id)
            .bind(new.bill)
            .bind(&new.account)
            .bind(new.channel.as_str())
            .bind(email)
            .bind(new.language)
            .bind(new.due_at)
            .bind(new.token.as_ref())
            .bind(event.at)
            .execute(&mut tx)
            .await?;
        if added == 0 {
            return Ok(Written::Outdated);
        }
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// Writes a note down, its control characters other than line ends as blanks. The same one twice
    /// is one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_note(&self, note: &Note, event: &Event) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let added = query("INSERT INTO notes (id, account, login, at, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
            .bind(&note.id)
            .bind(&note.account)
            .bind(&note.login)
            .bind(note.at)
            .bind(note.body.replace(|c: char| c.is_control() && c != '\n', " "))
            .execute(&mut tx)
            .await?;
        if added == 1 {
            append(&mut tx, event).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A customer's notes, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notes_of(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<Note>, StoreError> {
        query("SELECT * FROM notes WHERE account = $1 ORDER BY at DESC LIMIT $2")
            .bind(account)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(Note {
                    id: text(row, "id")?,
                    account: text(row, "account")?,
                    login: text(row, "login")?,
                    at: time(row, "at")?,
                    body: row.get("body")?,
                })
            })
            .collect()
    }

    /// Writes down that a customer was recognised. The same contact twice is one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open_contact(&self, contact: &Contact, event: &Event) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let added = query("INSERT INTO contacts (id, account, login, channel, reference, recognised_by, at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING")
            .bind(&contact.id)
            .bind(&contact.account)
            .bind(&contact.login)
            .bind(&contact.channel)
            .bind(&contact.reference)
            .bind(&contact.recognised_by)
            .bind(contact.at)
            .execute(&mut tx)
            .await?;
        if added == 1 {
            append(&mut tx, event).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The contact of this id, if it is this member of staff's, with this customer, and not older than
    /// `since`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn contact(
        &self,
        id: &EntryId,
        account: &CustomerNumber,
        login: &StaffLogin,
        since: Timestamp,
    ) -> Result<Option<Contact>, StoreError> {
        let row = query(
            "SELECT * FROM contacts WHERE id = $1 AND account = $2 AND login = $3 AND at >= $4",
        )
        .bind(id)
        .bind(account)
        .bind(login)
        .bind(since)
        .fetch_optional(&self.pools)
        .await?;
        row.as_ref().map(contact).transpose()
    }

    /// A customer's contacts, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn contacts_of(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<Contact>, StoreError> {
        query("SELECT * FROM contacts WHERE account = $1 ORDER BY at DESC LIMIT $2")
            .bind(account)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(contact)
            .collect()
    }

    /// A customer's consents, newest first, with how they came about and ended.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enrolments_of(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<EnrolmentFacts>, StoreError> {
        query("SELECT * FROM enrolments WHERE account = $1 ORDER BY created_at DESC, id LIMIT $2")
            .bind(account)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(EnrolmentFacts {
                    record: enrolment(row)?,
                    evidence: json(row, "evidence")?.unwrap_or_default(),
                    ended_reason: row.get("ended_reason")?,
                    ended_evidence: json(row, "ended_evidence")?,
                })
            })
            .collect()
    }
}

/// How many facts are known of a customer's consents.
pub(crate) async fn version(on: impl Target, account: &CustomerNumber) -> Result<u64, StoreError> {
    let row = query("SELECT COUNT(*) + COUNT(proven_at) + COUNT(ended_at) AS version FROM enrolments WHERE account = $1")
        .bind(account)
        .fetch_one(on)
        .await?;
    unsigned(&row, "version")
}

fn contact(row: &Row) -> Result<Contact, StoreError> {
    Ok(Contact {
        id: text(row, "id")?,
        account: text(row, "account")?,
        login: text(row, "login")?,
        channel: row.get("channel")?,
        reference: row.get("reference")?,
        recognised_by: row.get("recognised_by")?,
        at: time(row, "at")?,
    })
}
