//! Deliveries on their way: claimed, sent, recorded.

use jiff::Timestamp;
use kvit_billing::{BillNumber, DeliveryId};

use crate::{
    Attempt, AttemptOutcome, DeliveryJob, DeliveryState, DeliveryWhat, Event, Store, StoreError,
    Unwanted, WebhookEvent,
    audit::append,
    contents::{Claimable, contents},
    engine::{Row, Tx},
    money_mails,
    receipts::add_receipt,
    rows::{number, optional_time, small, state},
    sql::{ROWS_MAX, Value, query},
    webhooks,
};

/// The reply on record for an attempt whose worker was given up.
const NO_WORD: &str = "no word from the worker";

impl Store {
    /// Notes that the paper of these bills was handed over for printing `now`; gives how many had not been before. A bill whose
    /// mails were all given up gets a delivery on paper by that. Where there are any, `event` tells of it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn hand_over_paper(
        &self,
        bills: &[BillNumber],
        now: Timestamp,
        event: Option<&Event>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut handed = 0;
        for some in bills.chunks(ROWS_MAX) {
            let now_printed = query(
                "WITH handed (bill, at) AS ({rows}) UPDATE deliveries SET state = 'sent', handed_over_at = handed.at FROM handed WHERE channel = 'paper' AND state = 'queued' AND deliveries.bill = handed.bill",
            );
            let rows = || some.iter().map(|bill| [(*bill).into(), now.into()]);
            handed += now_printed.rows(rows()).execute(&mut tx).await?;
            // Its id follows on those before it: whoever queues a mail at this moment takes the same one, and then there is no
            // paper of it.
            let in_place = query(
                "WITH handed (bill, at) AS ({rows}) INSERT INTO deliveries (id, bill, account, channel, language, due_at, state, next_attempt_at, handed_over_at)
                 SELECT SUBSTR(MIN(d.id), 1, 11) || CAST(COUNT(*) + 1 AS TEXT), d.bill, MIN(d.account), 'paper', MIN(d.language), MIN(h.at), 'sent', MIN(h.at), MIN(h.at)
                 FROM handed h JOIN deliveries d ON d.bill = h.bill GROUP BY d.bill
                 HAVING COUNT(CASE WHEN d.channel = 'email' AND d.state IN ('failed', 'withdrawn') THEN 1 END) = COUNT(*) ON CONFLICT DO NOTHING",
            );
            handed += in_place.rows(rows()).execute(&mut tx).await?;
        }
        if let Some(event) = event.filter(|_| handed > 0) {
            append(&mut tx, event).await?;
        }
        tx.commit().await?;
        Ok(handed)
    }

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
            let due = query("SELECT t.id, t.bill, t.enrolment, t.entry, t.reminds, t.reader, t.copies, t.staff, t.account, t.email, t.language, t.attempts + 1 AS attempts, t.possibly_twice, t.due_at FROM deliveries t WHERE t.state = 'queued' AND t.channel = 'email' AND t.next_attempt_at <= $1 ORDER BY t.next_attempt_at, t.id LIMIT $2")
                .bind(now)
                .bind(limit - jobs.len())
                .skip_locked()
                .fetch_all(&mut tx)
                .await?;
            if due.is_empty() {
                break;
            }
            let (taken, idle): (Vec<_>, Vec<_>) = contents(&mut tx, &due, now)
                .await?
                .into_iter()
                .partition(|found| found.unwanted.is_none());
            hold(&mut tx, &taken, worker, lease_until).await?;
            withdraw(&mut tx, &idle, now).await?;
            let gone =
                |found: &&Claimable| matches!(found.unwanted, Some(Unwanted::Left | Unwanted::Off));
            let told = taken.iter().chain(idle.iter().filter(gone));
            let told: Vec<_> = told
                .filter_map(|found| match &found.job.what {
                    DeliveryWhat::Money { entry } => Some(entry.as_str()),
                    _ => None,
                })
                .collect();
            money_mails::tell_apart(&mut tx, &told, now).await?;
            jobs.extend(taken.into_iter().map(|found| found.job));
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
        let row = query("SELECT state, attempts, bill, account FROM deliveries WHERE id = $1")
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
        let accepted = attempt.outcome == AttemptOutcome::Accepted;
        let nothing = serde_json::json!({});
        if accepted
            && add_receipt(&mut tx, id, "accepted", attempt.at, &nothing).await?
            && row.get::<Option<i64>>("bill")?.is_some()
        {
            let data = serde_json::json!({
                "bill": number(&row, "bill")?, "customer": row.get::<String>("account")?, "delivery": id,
            });
            let event = WebhookEvent::BillDelivered;
            webhooks::tell(&mut tx, event, id.as_str(), data, attempt.at).await?;
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

async fn hold(
    tx: &mut Tx,
    taken: &[Claimable],
    worker: &str,
    lease_until: Timestamp,
) -> Result<(), StoreError> {
    if !taken.is_empty() {
        let jobs = taken.iter().map(|found| &found.job);
        query("WITH taken (id, worker, lease_until) AS ({rows}) UPDATE deliveries SET state = 'sending', worker = taken.worker, lease_until = taken.lease_until, attempts = deliveries.attempts + 1 FROM taken WHERE deliveries.id = taken.id")
            .rows(jobs.map(|job| [(&job.id).into(), worker.into(), lease_until.into()]))
            .execute(&mut *tx)
            .await?;
    }
    for found in taken {
        readdress(tx, found).await?;
    }
    Ok(())
}

/// Writes down where a mail goes now, where that is another address than before.
pub(crate) async fn readdress(tx: &mut Tx, found: &Claimable) -> Result<(), StoreError> {
    let Claimable { job, moved, .. } = found;
    if let Some(enrolment) = moved {
        query("UPDATE deliveries SET enrolment = $2, email = $3, language = $4 WHERE id = $1")
            .bind(&job.id)
            .bind(enrolment)
            .bind(job.email.expose())
            .bind(job.language)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Not sent, and why: that is written down among the attempts.
pub(crate) async fn withdraw(
    tx: &mut Tx,
    idle: &[Claimable],
    now: Timestamp,
) -> Result<(), StoreError> {
    if idle.is_empty() {
        return Ok(());
    }
    let ids = idle.iter().map(|found| [(&found.job.id).into()]);
    query("UPDATE deliveries SET state = 'withdrawn', worker = NULL, lease_until = NULL WHERE id IN ({rows})")
        .rows(ids)
        .execute(&mut *tx)
        .await?;
    let ended = idle
        .iter()
        .map(|Claimable { job, unwanted, .. }| -> [Value; 5] {
            let why = unwanted.map_or("", Unwanted::as_str);
            let before = job.attempts.saturating_sub(1);
            [
                (&job.id).into(),
                before.into(),
                "withdrawn".into(),
                now.into(),
                why.into(),
            ]
        });
    query("INSERT INTO attempts (delivery, no, outcome, at, reply) {rows} ON CONFLICT DO NOTHING")
        .rows(ended)
        .execute(tx)
        .await?;
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
