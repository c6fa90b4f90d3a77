//! Readers beside the customer. Their mails are deliveries like the others, and no bill is counted by
//! them: what happens to a reader's mailbox makes no paper and ends no enrolment.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{
    AccessMail, CustomerNumber, DeliveryId, ReaderId, RunId, Secret, code::TokenHash,
};

use crate::{
    AddReader, CopyCounts, CopyView, Event, NewCopy, NewReader, ProveReader, ReaderAsked,
    ReaderEnd, ReaderFacts, ReaderRecord, Store, StoreError, access_mails,
    apply::SYSTEM,
    audit::append,
    desk,
    engine::{Row, Tx},
    enrolments::{active, turn},
    rows::{self, BILL_COLUMNS, json, language, optional_time, text, time, unsigned},
    sessions::held,
    sql::{ROWS_MAX, query},
};

/// The mail that proves an address is due at once; this is when it counts as late.
const INVITATION_DUE: SignedDuration = SignedDuration::from_mins(15);

impl Store {
    /// Keeps a reader and queues the mail that asks for the proof, if the customer's bills come by mail and
    /// there are fewer than `limit` readers. Who was asked before and has not answered is asked anew.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_reader(
        &self,
        new: &NewReader,
        asked: ReaderAsked<'_>,
        limit: usize,
        who: &str,
    ) -> Result<AddReader, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, &new.account).await?;
        match asked {
            ReaderAsked::InSession(session) => {
                if !held(&mut tx, &new.account, session, new.at).await? {
                    return Ok(AddReader::Over);
                }
            }
            ReaderAsked::AtDesk(seen) => {
                if version(&mut tx, &new.account).await? != seen {
                    return Ok(AddReader::Outdated);
                }
            }
        }
        let holders = active(&mut tx, std::slice::from_ref(&new.account)).await?;
        let Some(enrolment) = holders.get(&new.account) else {
            return Ok(AddReader::NoEbill);
        };
        let known = open_readers(&mut tx, &new.account).await?;
        let same = |reader: &&ReaderRecord| reader.email == new.email;
        if known
            .iter()
            .filter(same)
            .any(|reader| reader.proven_at.is_some())
            || enrolment.email == new.email
        {
            return Ok(AddReader::Already);
        }
        // One whose link is dead, or who is asked again, waits no more.
        let (over, waiting): (Vec<_>, Vec<_>) = known.iter().partition(|reader| {
            reader.proven_at.is_none() && (reader.proof_expires < new.at || same(reader))
        });
        if waiting.len() >= limit {
            return Ok(AddReader::Full);
        }
        for reader in over {
            end(&mut tx, reader, ReaderEnd::Replaced, None, (who, new.at)).await?;
        }
        query("INSERT INTO readers (id, account, name, email, language, evidence, created_at, proof_hash, proof_expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(&new.id)
            .bind(&new.account)
            .bind(&new.name)
            .bind(new.email.expose())
            .bind(new.language)
            .bind(&new.evidence)
            .bind(new.at)
            .bind(&new.proof.hash)
            .bind(new.proof.expires)
            .execute(&mut tx)
            .await?;
        query("INSERT INTO deliveries (id, enrolment, reader, account, channel, email, language, due_at, state, next_attempt_at) VALUES ($1, $2, $3, $4, 'email', $5, $6, $7, 'queued', $8)")
            .bind(&DeliveryId::invitation_of(&new.id))
            .bind(&enrolment.id)
            .bind(&new.id)
            .bind(&new.account)
            .bind(new.email.expose())
            .bind(new.language)
            .bind(new.at + INVITATION_DUE)
            .bind(new.at)
            .execute(&mut tx)
            .await?;
        let mut added = told("reader.added", &new.account, &new.id, (who, new.at));
        at_desk(&mut added, &new.evidence);
        append(&mut tx, &added).await?;
        tx.commit().await?;
        Ok(AddReader::Added)
    }

    /// The version of a customer's readers, as staff see them: how many facts are known of them and of the customer's
    /// consents. Facts are only added, so it grows with each.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn readers_version(&self, account: &CustomerNumber) -> Result<u64, StoreError> {
        let mut tx = self.begin_reading().await?;
        version(&mut tx, account).await
    }

    /// The reader that a proof link belongs to.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reader_by_proof(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<ReaderRecord>, StoreError> {
        let row = query("SELECT * FROM readers WHERE proof_hash = $1")
            .bind(hash)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(reader).transpose()
    }

    /// The holder of a proof link pressed its button. The address that gets the bills is told.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn prove_reader(
        &self,
        hash: &TokenHash,
        at: Timestamp,
        evidence: &serde_json::Value,
        who: &str,
    ) -> Result<ProveReader, StoreError> {
        let Some(found) = self.reader_by_proof(hash).await? else {
            return Ok(ProveReader::Unknown);
        };
        let mut tx = self.begin().await?;
        turn(&mut tx, &found.account).await?;
        let row = query("SELECT * FROM readers WHERE id = $1")
            .bind(&found.id)
            .fetch_one(&mut tx)
            .await?;
        let mut record = reader(&row)?;
        if record.ended_at.is_some() {
            return Ok(ProveReader::Expired(record));
        }
        if record.proven_at.is_some() {
            return Ok(ProveReader::Already(record));
        }
        if record.proof_expires < at {
            return Ok(ProveReader::Expired(record));
        }
        query("UPDATE readers SET proven_at = $2, proven_evidence = $3 WHERE id = $1")
            .bind(&record.id)
            .bind(at)
            .bind(evidence)
            .execute(&mut tx)
            .await?;
        let proven = told("reader.proven", &record.account, &record.id, (who, at));
        append(&mut tx, &proven).await?;
        access_mails::queue(&mut tx, &record.account, AccessMail::ReaderProven, at).await?;
        tx.commit().await?;
        record.proven_at = Some(at);
        Ok(ProveReader::Proved(record))
    }

    /// Somebody is no reader any more. `false` where they were none of this customer's.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_reader(
        &self,
        id: &ReaderId,
        account: &CustomerNumber,
        why: ReaderEnd,
        evidence: &serde_json::Value,
        (who, at): (&str, Timestamp),
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, account).await?;
        let row =
            query("SELECT * FROM readers WHERE id = $1 AND account = $2 AND ended_at IS NULL")
                .bind(id)
                .bind(account)
                .fetch_optional(&mut tx)
                .await?;
        let Some(row) = row else { return Ok(false) };
        end(&mut tx, &reader(&row)?, why, Some(evidence), (who, at)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A customer's readers, those of today first, then newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn readers_of(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<ReaderRecord>, StoreError> {
        let rows = self.reader_rows(account, limit).await?;
        rows.iter().map(reader).collect()
    }

    /// As [`Store::readers_of`], with how they came about and ended.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reader_facts_of(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<ReaderFacts>, StoreError> {
        let rows = self.reader_rows(account, limit).await?;
        let facts = |row: &Row| {
            Ok(ReaderFacts {
                record: reader(row)?,
                evidence: json(row, "evidence")?.unwrap_or_default(),
                ended_evidence: json(row, "ended_evidence")?,
            })
        };
        rows.iter().map(facts).collect()
    }

    async fn reader_rows(
        &self,
        account: &CustomerNumber,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = query("SELECT * FROM readers WHERE account = $1 ORDER BY ended_at IS NOT NULL, created_at DESC, id LIMIT $2")
            .bind(account)
            .bind(limit)
            .fetch_all(&self.pools);
        Ok(rows.await?)
    }

    /// The readers among these customers' whose address is proven.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn active_readers(
        &self,
        accounts: &[CustomerNumber],
    ) -> Result<HashMap<CustomerNumber, Vec<ReaderRecord>>, StoreError> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for part in accounts.chunks(ROWS_MAX) {
            let rows = query("SELECT * FROM readers WHERE ended_at IS NULL AND proven_at IS NOT NULL AND account IN ({rows})")
                .rows(part.iter().map(|account| [account.into()]))
                .fetch_all(&self.pools)
                .await?;
            for row in &rows {
                let record = reader(row)?;
                found
                    .entry(record.account.clone())
                    .or_default()
                    .push(record);
            }
        }
        Ok(found)
    }

    /// What the holder of a reader's link may see: one bill, also after they left.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn copy_by_token(&self, hash: &TokenHash) -> Result<Option<CopyView>, StoreError> {
        let row = query(format!(
            "SELECT d.id AS delivery, d.reader, {BILL_COLUMNS} FROM deliveries d JOIN bills b ON b.number = d.copies WHERE d.token = $1"
        ))
        .bind(hash)
        .fetch_optional(&self.pools)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let who = query("SELECT * FROM readers WHERE id = $1")
            .bind(row.get::<String>("reader")?)
            .fetch_one(&self.pools)
            .await?;
        Ok(Some(CopyView {
            id: text(&row, "delivery")?,
            reader: reader(&who)?,
            bill: rows::bill(&row)?,
        }))
    }

    /// How a run's mails to readers went.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn copies_of_run(&self, run: &RunId) -> Result<CopyCounts, StoreError> {
        let row = query(
            "SELECT COUNT(*) FILTER (WHERE d.state IN ('queued', 'sending')) AS waiting, COUNT(*) FILTER (WHERE d.state = 'sent') AS sent, COUNT(*) FILTER (WHERE d.state = 'failed') AS failed, COUNT(*) FILTER (WHERE d.state = 'withdrawn') AS withdrawn
             FROM deliveries d, runs r WHERE r.id = $1 AND d.copies >= r.first_number AND d.copies < r.first_number + r.orders",
        )
        .bind(run)
        .fetch_one(&self.pools)
        .await?;
        Ok(CopyCounts {
            waiting: unsigned(&row, "waiting")?,
            sent: unsigned(&row, "sent")?,
            failed: unsigned(&row, "failed")?,
            withdrawn: unsigned(&row, "withdrawn")?,
        })
    }
}

/// Queues the mails of a chunk to readers.
pub(crate) async fn insert_copies(
    tx: &mut Tx,
    copies: &[NewCopy],
    now: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO deliveries (id, copies, reader, enrolment, account, channel, email, language, due_at, token, state, next_attempt_at) {rows}")
        .rows(copies.iter().map(|copy| {
            [
                (&copy.id).into(),
                copy.bill.into(),
                (&copy.reader).into(),
                (&copy.enrolment).into(),
                (&copy.account).into(),
                "email".into(),
                copy.email.expose().into(),
                copy.language.into(),
                copy.due_at.into(),
                (&copy.token).into(),
                "queued".into(),
                now.into(),
            ]
        }))
        .execute(tx)
        .await?;
    Ok(())
}

/// Whoever reads a customer's bills reads them no more, in the customer's turn: there are no mails to
/// read along, and who takes e-bills again has to name their readers anew.
pub(crate) async fn end_all(
    tx: &mut Tx,
    account: &CustomerNumber,
    at: Timestamp,
) -> Result<(), StoreError> {
    for reader in open_readers(tx, account).await? {
        end(tx, &reader, ReaderEnd::Paper, None, (SYSTEM, at)).await?;
    }
    Ok(())
}

/// Removes all readers, and those who were asked and have not answered, in their customer's turn. Gives how many.
pub(crate) async fn remove_all(
    tx: &mut Tx,
    account: &CustomerNumber,
    evidence: &serde_json::Value,
    by: (&str, Timestamp),
) -> Result<u64, StoreError> {
    let readers = open_readers(tx, account).await?;
    for reader in &readers {
        end(tx, reader, ReaderEnd::Removed, Some(evidence), by).await?;
    }
    Ok(readers.len() as u64)
}

async fn open_readers(
    tx: &mut Tx,
    account: &CustomerNumber,
) -> Result<Vec<ReaderRecord>, StoreError> {
    query("SELECT * FROM readers WHERE account = $1 AND ended_at IS NULL ORDER BY created_at, id")
        .bind(account)
        .fetch_all(tx)
        .await?
        .iter()
        .map(reader)
        .collect()
}

async fn end(
    tx: &mut Tx,
    reader: &ReaderRecord,
    why: ReaderEnd,
    evidence: Option<&serde_json::Value>,
    (who, at): (&str, Timestamp),
) -> Result<(), StoreError> {
    query("UPDATE readers SET ended_at = $2, ended_reason = $3, ended_evidence = $4 WHERE id = $1 AND ended_at IS NULL")
        .bind(&reader.id)
        .bind(at)
        .bind(why.as_str())
        .bind(evidence)
        .execute(&mut *tx)
        .await?;
    let what = match why {
        ReaderEnd::Left => "reader.left",
        ReaderEnd::Removed | ReaderEnd::Paper | ReaderEnd::Replaced => "reader.removed",
    };
    let mut event = told(what, &reader.account, &reader.id, (who, at));
    event.detail["why"] = why.as_str().into();
    if let Some(evidence) = evidence {
        at_desk(&mut event, evidence);
    }
    append(tx, &event).await
}

/// An entry of the audit trail. Reader and customer are named, no address is.
fn told(
    what: &str,
    account: &CustomerNumber,
    id: &ReaderId,
    (who, at): (&str, Timestamp),
) -> Event {
    Event {
        at,
        who: who.to_owned(),
        what: what.to_owned(),
        subject: format!("customer/{account}"),
        detail: serde_json::json!({ "reader": id }),
    }
}

/// By which channel, and in which call or at which centre, where a member of staff did it.
fn at_desk(event: &mut Event, evidence: &serde_json::Value) {
    if let Some(reference) = evidence.get("reference") {
        event.detail["channel"] = evidence["by"].clone();
        event.detail["reference"] = reference.clone();
    }
}

/// See [`Store::readers_version`].
async fn version(tx: &mut Tx, account: &CustomerNumber) -> Result<u64, StoreError> {
    let row = query("SELECT COUNT(*) + COUNT(proven_at) + COUNT(ended_at) AS version FROM readers WHERE account = $1")
        .bind(account)
        .fetch_one(&mut *tx)
        .await?;
    let consents = desk::version(tx, account).await?;
    Ok(unsigned(&row, "version")? + consents)
}

pub(crate) fn reader(row: &Row) -> Result<ReaderRecord, StoreError> {
    Ok(ReaderRecord {
        id: text(row, "id")?,
        account: text(row, "account")?,
        name: row.get("name")?,
        email: Secret::new(row.get("email")?),
        language: language(row, "language")?,
        created_at: time(row, "created_at")?,
        proof_expires: time(row, "proof_expires")?,
        proven_at: optional_time(row, "proven_at")?,
        ended_at: optional_time(row, "ended_at")?,
        ended_reason: row.get("ended_reason")?,
    })
}
