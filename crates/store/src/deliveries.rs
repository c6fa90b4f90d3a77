//! Deliveries on their way, and the receipts that come back.

use jiff::Timestamp;
use kvit_billing::{DeliveryId, Secret, code::TokenHash};
use sqlx::{Row, sqlite::SqliteRow};

use crate::{
    Attempt, AttemptOutcome, Confirm, Connection, DeliveryJob, DeliveryView, DeliveryWhat,
    QueueDepths, Store, StoreError,
    enrolments::enrolment,
    rows::{self, BILL_COLUMNS, bytes, language, optional_time, small, text, time, unsigned},
};

impl Store {
    /// Takes mails that are due. That they are about to be sent is stored before they are given
    /// out, so a death never loses one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_deliveries(
        &self,
        worker: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryJob>, StoreError> {
        let mut tx = self.begin().await?;
        let claimed = sqlx::query(
            "UPDATE deliveries SET state = 'sending', worker = $1, attempts = attempts + 1 WHERE id IN (SELECT id FROM deliveries WHERE state = 'queued' AND channel = 'email' AND next_attempt_at <= $2 ORDER BY next_attempt_at, id LIMIT $3) RETURNING id, bill, enrolment, account, email, language, attempts, possibly_twice, due_at",
        )
        .bind(worker)
        .bind(now.as_microsecond())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
        let mut jobs = Vec::with_capacity(claimed.len());
        for row in &claimed {
            jobs.push(job(&mut tx, row).await?);
        }
        tx.commit().await?;
        Ok(jobs)
    }

    /// Records how an attempt ended.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finish_delivery(
        &self,
        id: &DeliveryId,
        attempt: &Attempt,
    ) -> Result<(), StoreError> {
        let (name, state, next, twice) = match attempt.outcome {
            AttemptOutcome::Accepted => ("accepted", "sent", None, false),
            AttemptOutcome::Retry { next } => ("retry", "queued", Some(next), false),
            AttemptOutcome::Failed => ("failed", "failed", None, false),
            AttemptOutcome::Unknown { next } => ("unknown", "queued", Some(next), true),
        };
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO attempts (delivery, at, outcome, reply) VALUES ($1, $2, $3, $4)")
            .bind(id.as_str())
            .bind(attempt.at.as_microsecond())
            .bind(name)
            .bind(&attempt.reply)
            .execute(&mut *tx)
            .await?;
        // A worker that was taken for dead may answer late. That a mail was taken always counts;
        // anything else must not put back into the queue what another worker sent meanwhile.
        sqlx::query("UPDATE deliveries SET state = $2, worker = NULL, next_attempt_at = COALESCE($3, next_attempt_at), possibly_twice = MAX(possibly_twice, $4) WHERE id = $1 AND (state = 'sending' OR $2 = 'sent')")
            .bind(id.as_str())
            .bind(state)
            .bind(next.map(Timestamp::as_microsecond))
            .bind(i64::from(twice))
            .execute(&mut *tx)
            .await?;
        if attempt.outcome == AttemptOutcome::Accepted {
            add_receipt(&mut tx, id, "accepted", attempt.at, "{}").await?;
        }
        Ok(tx.commit().await?)
    }

    /// What the holder of a confirmation link may see.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn delivery_by_token(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<DeliveryView>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        view(&mut connection, hash).await
    }

    /// Records the receipt. The first press counts; later ones change nothing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn confirm_receipt(
        &self,
        hash: &TokenHash,
        at: Timestamp,
        evidence: serde_json::Value,
    ) -> Result<Confirm, StoreError> {
        let mut tx = self.begin().await?;
        let Some(mut found) = view(&mut tx, hash).await? else {
            return Ok(Confirm::Unknown);
        };
        if found.confirmed_at.is_some() {
            return Ok(Confirm::Already(found));
        }
        add_receipt(&mut tx, &found.id, "confirmed", at, &evidence.to_string()).await?;
        tx.commit().await?;
        found.confirmed_at = Some(at);
        Ok(Confirm::Confirmed(found))
    }

    /// When the next mail is due to be tried.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn next_delivery_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query("SELECT MIN(next_attempt_at) AS next FROM deliveries WHERE state = 'queued' AND channel = 'email'")
            .fetch_one(&self.readers)
            .await?;
        optional_time(&row, "next")
    }

    /// What waits, for monitoring.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn queue_depths(&self, now: Timestamp) -> Result<QueueDepths, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM chunks c JOIN runs r ON r.id = c.run WHERE r.state = 'released' AND c.done_at IS NULL) AS chunks_waiting,
             (SELECT COUNT(*) FROM deliveries WHERE channel = 'email' AND state IN ('queued', 'sending')) AS mails_waiting,
             (SELECT COUNT(*) FROM deliveries WHERE channel = 'email' AND state IN ('queued', 'sending') AND due_at < $1) AS mails_overdue,
             (SELECT COUNT(*) FROM deliveries WHERE channel = 'email' AND state = 'failed') AS mails_failed",
        )
        .bind(now.as_microsecond())
        .fetch_one(&self.readers)
        .await?;
        Ok(QueueDepths {
            chunks_waiting: unsigned(&row, "chunks_waiting")?,
            mails_waiting: unsigned(&row, "mails_waiting")?,
            mails_overdue: unsigned(&row, "mails_overdue")?,
            mails_failed: unsigned(&row, "mails_failed")?,
        })
    }
}

async fn job(tx: &mut Connection, row: &SqliteRow) -> Result<DeliveryJob, StoreError> {
    let bill: Option<i64> = row.try_get("bill")?;
    let what = if let Some(number) = bill {
        let query = format!("SELECT {BILL_COLUMNS} FROM bills b WHERE b.number = $1");
        let found = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(number)
            .fetch_one(tx)
            .await?;
        DeliveryWhat::Bill(rows::bill(&found)?)
    } else {
        let id: String = row.try_get("enrolment")?;
        let found = sqlx::query("SELECT * FROM enrolments WHERE id = $1")
            .bind(id)
            .fetch_one(tx)
            .await?;
        DeliveryWhat::Proof(enrolment(&found)?)
    };
    Ok(DeliveryJob {
        id: text(row, "id")?,
        what,
        account: text(row, "account")?,
        email: Secret::new(row.try_get("email")?),
        language: language(row, "language")?,
        attempts: small(row, "attempts")?,
        possibly_twice: row.try_get::<i64, _>("possibly_twice")? != 0,
        due_at: time(row, "due_at")?,
    })
}

async fn view(
    connection: &mut Connection,
    hash: &TokenHash,
) -> Result<Option<DeliveryView>, StoreError> {
    let query = format!(
        "SELECT d.id, d.language, c.at AS confirmed_at, {BILL_COLUMNS} FROM deliveries d JOIN bills b ON b.number = d.bill LEFT JOIN receipts c ON c.delivery = d.id AND c.kind = 'confirmed' WHERE d.token = $1"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(bytes(hash))
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(DeliveryView {
            id: text(&row, "id")?,
            bill: rows::bill(&row)?,
            confirmed_at: optional_time(&row, "confirmed_at")?,
            language: language(&row, "language")?,
        })
    })
    .transpose()
}

async fn add_receipt(
    tx: &mut Connection,
    id: &DeliveryId,
    kind: &str,
    at: Timestamp,
    evidence: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO receipts (delivery, kind, at, evidence) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(id.as_str())
        .bind(kind)
        .bind(at.as_microsecond())
        .bind(evidence)
        .execute(tx)
        .await?;
    Ok(())
}
