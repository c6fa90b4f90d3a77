//! Deliveries on their way: claimed, sent, recorded.

use std::collections::HashMap;

use jiff::Timestamp;
use kvit_billing::{BillNumber, DeliveryId, EnrolmentId, Secret};

use crate::{
    Attempt, AttemptOutcome, BillRecord, DeliveryJob, DeliveryState, DeliveryWhat, EnrolmentRecord,
    Store, StoreError,
    engine::{Row, Tx},
    enrolments::enrolment,
    receipts::add_receipt,
    rows::{
        self, BILL_COLUMNS, corrupt, language, number, optional_time, small, state, text, time,
    },
    sql::{ROWS_MAX, Value, query},
};

/// The reply on record for an attempt whose worker was given up.
const NO_WORD: &str = "no word from the worker";

impl Store {
    /// Takes mails that are due, and holds them until `lease_until`, which has to lie behind the
    /// end of the slowest conversation. That they are about to be sent is stored before they are
    /// given out, so a death never loses one: its lease runs out, and it goes back into the queue
    /// as "possibly twice". Mails without a reason any more are withdrawn in passing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_deliveries(
        &self,
        worker: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryJob>, StoreError> {
        let limit = limit.min(ROWS_MAX);
        let mut tx = self.begin().await?;
        let expired = query("SELECT t.id, t.attempts FROM deliveries t WHERE t.state = 'sending' AND t.lease_until <= $1")
            .bind(now)
            .skip_locked()
            .fetch_all(&mut tx)
            .await?;
        put_back(&mut tx, &expired, now).await?;
        let mut jobs = Vec::with_capacity(limit);
        while jobs.len() < limit {
            let due = query("SELECT t.id, t.bill, t.enrolment, t.account, t.email, t.language, t.attempts + 1 AS attempts, t.possibly_twice, t.due_at FROM deliveries t WHERE t.state = 'queued' AND t.channel = 'email' AND t.next_attempt_at <= $1 ORDER BY t.next_attempt_at, t.id LIMIT $2")
                .bind(now)
                .bind(limit - jobs.len())
                .skip_locked()
                .fetch_all(&mut tx)
                .await?;
            if due.is_empty() {
                break;
            }
            let (taken, idle): (Vec<_>, Vec<_>) = contents(&mut tx, &due)
                .await?
                .into_iter()
                .partition(|job| is_wanted(job, now));
            hold(&mut tx, &taken, worker, lease_until).await?;
            withdraw(&mut tx, &idle).await?;
            jobs.extend(taken);
        }
        tx.commit().await?;
        Ok(jobs)
    }

    /// Records how an attempt ended. Only the latest claim of a delivery decides what comes next: a
    /// worker that was taken for dead may answer while another one is sending. But that a mail was
    /// taken always counts, whoever says so, and nothing sends it again.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finish_delivery(
        &self,
        id: &DeliveryId,
        attempt: &Attempt,
    ) -> Result<(), StoreError> {
        let (name, next_state, next, twice) = match attempt.outcome {
            AttemptOutcome::Accepted => ("accepted", DeliveryState::Sent, None, false),
            AttemptOutcome::Retry { next } => ("retry", DeliveryState::Queued, Some(next), false),
            AttemptOutcome::Failed => ("failed", DeliveryState::Failed, None, false),
            AttemptOutcome::Unknown { next } => {
                ("unknown", DeliveryState::Queued, Some(next), true)
            }
        };
        let mut tx = self.begin().await?;
        let row = query("SELECT state, attempts FROM deliveries WHERE id = $1")
            .bind(id)
            .for_update()
            .fetch_one(&mut tx)
            .await?;
        let now_state = state(&row)?;
        let latest = now_state == DeliveryState::Sending && small(&row, "attempts")? == attempt.no;
        query("INSERT INTO attempts (delivery, no, outcome, at, reply) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
            .bind(id)
            .bind(attempt.no)
            .bind(name)
            .bind(attempt.at)
            .bind(&attempt.reply)
            .execute(&mut tx)
            .await?;
        if attempt.outcome == AttemptOutcome::Accepted {
            add_receipt(&mut tx, id, "accepted", attempt.at, &serde_json::json!({})).await?;
        }
        let arrived = query("SELECT at FROM receipts WHERE delivery = $1 AND kind = 'accepted'")
            .bind(id)
            .fetch_optional(&mut tx)
            .await?
            .is_some();
        let waits = matches!(now_state, DeliveryState::Queued | DeliveryState::Failed);
        if latest || (arrived && waits) {
            let next_state = if arrived {
                DeliveryState::Sent
            } else {
                next_state
            };
            query("UPDATE deliveries SET state = $2, worker = NULL, lease_until = NULL, next_attempt_at = COALESCE($3, next_attempt_at), possibly_twice = CASE WHEN $4 = 1 THEN 1 ELSE possibly_twice END WHERE id = $1")
                .bind(id)
                .bind(next_state.as_str())
                .bind(next)
                .bind(twice)
                .execute(&mut tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// When there is something to do next: a mail is due, or the lease of one runs out.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn next_delivery_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = query(
            "SELECT MIN(at) AS next FROM (SELECT MIN(next_attempt_at) AS at FROM deliveries WHERE state = 'queued' AND channel = 'email' UNION ALL SELECT MIN(lease_until) FROM deliveries WHERE state = 'sending') AS times",
        )
        .fetch_one(&self.pools)
        .await?;
        optional_time(&row, "next")
    }
}

/// A link that would be dead when it arrives is not sent. A proof is asked for once: not after the address was proven, nor when the consent has ended or
/// the link in the mail would be dead.
fn is_wanted(job: &DeliveryJob, now: Timestamp) -> bool {
    match &job.what {
        DeliveryWhat::Bill(_) => true,
        DeliveryWhat::Proof(enrolment) => {
            enrolment.ended_at.is_none()
                && enrolment.proven_at.is_none()
                && enrolment.proof_expires.is_none_or(|expires| expires >= now)
        }
        DeliveryWhat::SignIn(enrolment) => enrolment.ended_at.is_none() && job.due_at >= now,
    }
}

async fn hold(
    tx: &mut Tx,
    jobs: &[DeliveryJob],
    worker: &str,
    lease_until: Timestamp,
) -> Result<(), StoreError> {
    if !jobs.is_empty() {
        query("WITH taken (id, worker, lease_until) AS ({rows}) UPDATE deliveries SET state = 'sending', worker = taken.worker, lease_until = taken.lease_until, attempts = deliveries.attempts + 1 FROM taken WHERE deliveries.id = taken.id")
            .rows(jobs.iter().map(|job| [(&job.id).into(), worker.into(), lease_until.into()]))
            .execute(tx)
            .await?;
    }
    Ok(())
}

async fn withdraw(tx: &mut Tx, jobs: &[DeliveryJob]) -> Result<(), StoreError> {
    if !jobs.is_empty() {
        query("UPDATE deliveries SET state = 'withdrawn' WHERE id IN ({rows})")
            .rows(jobs.iter().map(|job| [(&job.id).into()]))
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Back into the queue with what a worker held, unless another one's word came that it arrived.
pub(crate) async fn put_back(tx: &mut Tx, held: &[Row], at: Timestamp) -> Result<(), StoreError> {
    for part in held.chunks(ROWS_MAX) {
        let ended: Vec<[Value; 5]> = part
            .iter()
            .map(|row| {
                let id: String = row.get("id")?;
                let no = small(row, "attempts")?;
                Ok([
                    id.into(),
                    no.into(),
                    "unknown".into(),
                    at.into(),
                    NO_WORD.into(),
                ])
            })
            .collect::<Result<_, StoreError>>()?;
        let ids: Vec<[Value; 1]> = ended.iter().map(|[id, ..]| [id.clone()]).collect();
        query(
            "INSERT INTO attempts (delivery, no, outcome, at, reply) {rows} ON CONFLICT DO NOTHING",
        )
        .rows(ended)
        .execute(&mut *tx)
        .await?;
        query("UPDATE deliveries SET state = CASE WHEN EXISTS (SELECT 1 FROM receipts r WHERE r.delivery = deliveries.id AND r.kind = 'accepted') THEN 'sent' ELSE 'queued' END, worker = NULL, lease_until = NULL, possibly_twice = 1 WHERE id IN ({rows})")
            .rows(ids)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// What the mails carry, read in two queries for all of them.
async fn contents(tx: &mut Tx, due: &[Row]) -> Result<Vec<DeliveryJob>, StoreError> {
    let mut bill_ids: Vec<[Value; 1]> = Vec::new();
    let mut enrolment_ids: Vec<[Value; 1]> = Vec::new();
    for row in due {
        if let Some(bill) = row.get::<Option<i64>>("bill")? {
            bill_ids.push([bill.into()]);
        }
        if let Some(enrolment) = row.get::<Option<String>>("enrolment")? {
            enrolment_ids.push([enrolment.into()]);
        }
    }
    let mut bills: HashMap<BillNumber, BillRecord> = HashMap::new();
    if !bill_ids.is_empty() {
        let found = query(format!(
            "SELECT {BILL_COLUMNS} FROM bills b WHERE b.number IN ({{rows}})"
        ))
        .rows(bill_ids)
        .fetch_all(&mut *tx)
        .await?;
        for row in &found {
            let bill = rows::bill(row)?;
            bills.insert(bill.number, bill);
        }
    }
    let mut enrolments: HashMap<EnrolmentId, EnrolmentRecord> = HashMap::new();
    if !enrolment_ids.is_empty() {
        let found = query("SELECT * FROM enrolments WHERE id IN ({rows})")
            .rows(enrolment_ids)
            .fetch_all(&mut *tx)
            .await?;
        for row in &found {
            let enrolment = enrolment(row)?;
            enrolments.insert(enrolment.id.clone(), enrolment);
        }
    }
    due.iter()
        .map(|row| job(row, &bills, &enrolments))
        .collect()
}

fn job(
    row: &Row,
    bills: &HashMap<BillNumber, BillRecord>,
    enrolments: &HashMap<EnrolmentId, EnrolmentRecord>,
) -> Result<DeliveryJob, StoreError> {
    let id: DeliveryId = text(row, "id")?;
    let what = if row.get::<Option<i64>>("bill")?.is_some() {
        bills
            .get(&number(row, "bill")?)
            .cloned()
            .map(DeliveryWhat::Bill)
    } else {
        let enrolment = enrolments.get(&text(row, "enrolment")?);
        let what = if id.is_sign_in() {
            DeliveryWhat::SignIn
        } else {
            DeliveryWhat::Proof
        };
        enrolment.cloned().map(what)
    };
    Ok(DeliveryJob {
        what: what.ok_or_else(|| corrupt("content of delivery", &id))?,
        id,
        account: text(row, "account")?,
        email: Secret::new(row.get("email")?),
        language: language(row, "language")?,
        attempts: small(row, "attempts")?,
        possibly_twice: row.get::<i64>("possibly_twice")? != 0,
        due_at: time(row, "due_at")?,
    })
}
