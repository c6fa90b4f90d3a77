//! Systems that are told when something happened. What there is to tell is written in the transaction of
//! the fact, and only where somebody wants it.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{ApiName, ChunkNo, CustomerNumber, EntryId, RunId};
use kvit_pay::ledger::{Book, Entry};
use serde_json::{Value as Json, json};

use crate::{
    BillRecord, ClearedMessages, Event, Store, StoreError, WebhookEvent, WebhookJob, WebhookRecord,
    audit::{append, told},
    engine::{Row, Tx},
    rows::{corrupt, optional_time, small, text, time, unsigned},
    sql::{ROWS_MAX, Value, query},
};

/// Minutes until the next attempt, by how many there were; who hears nothing in all that time, about
/// three days, has the message set aside. The shortest is longer than an attempt may take.
pub const WEBHOOK_LADDER_MINUTES: [i64; 9] = [1, 5, 30, 120, 300, 600, 840, 1200, 1440];
/// Days for which a message that was set aside is kept, from what it tells of.
pub const WEBHOOK_ASIDE_DAYS: i64 = 30;
/// Whoever changes many messages at once does so alone, as two could lock each other out.
const MANY: &str = "webhook-messages";
/// Waits after the last attempt, within which its end is recorded.
const LAST: i64 = 5;

impl Store {
    /// Adds a webhook. `false` where there is or was one of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_webhook(
        &self,
        name: &ApiName,
        url: &str,
        events: &[WebhookEvent],
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let words: Vec<_> = events.iter().map(|event| event.as_str()).collect();
        let added = query("INSERT INTO webhooks (name, url, events, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(name.as_str())
            .bind(url)
            .bind(words.join(" "))
            .bind(event.at)
            .execute(&mut tx)
            .await?;
        told(tx, added, event).await
    }

    /// Which webhooks have a message that is due, by name. Looks only for the first of each, as every worker
    /// asks each second.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhooks_due(&self, now: Timestamp) -> Result<Vec<ApiName>, StoreError> {
        query("SELECT w.name FROM webhooks w WHERE w.removed_at IS NULL AND EXISTS (SELECT 1 FROM webhook_messages m WHERE m.webhook = w.name AND m.next_attempt_at <= $1) ORDER BY w.name")
            .bind(now)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| text(row, "name"))
            .collect()
    }

    /// The webhooks that are told, by name, with what waits for them: all of it is counted, for people.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn webhooks(&self) -> Result<Vec<WebhookRecord>, StoreError> {
        query("SELECT w.name, w.url, w.events, w.created_at, (SELECT COUNT(*) FROM webhook_messages m WHERE m.webhook = w.name AND m.next_attempt_at IS NOT NULL) AS waiting, (SELECT COUNT(*) FROM webhook_messages m WHERE m.webhook = w.name AND m.next_attempt_at IS NULL) AS aside, (SELECT MIN(m.at) FROM webhook_messages m WHERE m.webhook = w.name) AS oldest, (SELECT m.said FROM webhook_messages m WHERE m.webhook = w.name AND m.said IS NOT NULL ORDER BY m.at LIMIT 1) AS said FROM webhooks w WHERE w.removed_at IS NULL ORDER BY w.name")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(WebhookRecord {
                    name: text(row, "name")?,
                    url: row.get("url")?,
                    events: events(row)?,
                    created_at: time(row, "created_at")?,
                    waiting: unsigned(row, "waiting")?,
                    aside: unsigned(row, "aside")?,
                    oldest: optional_time(row, "oldest")?,
                    said: row.get("said")?,
                })
            })
            .collect()
    }

    /// Ends a webhook: what it was not told yet is never told, and [`Self::clear_webhook_messages`] deletes it. `false` where there is none of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn remove_webhook(&self, name: &ApiName, event: &Event) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed =
            query("UPDATE webhooks SET removed_at = $2 WHERE name = $1 AND removed_at IS NULL")
                .bind(name.as_str())
                .bind(event.at)
                .execute(&mut tx)
                .await?;
        told(tx, changed, event).await
    }

    /// Deletes up to [`ROWS_MAX`] messages of either kind that nobody will hear any more: of removed webhooks, and
    /// set aside, of more than [`WEBHOOK_ASIDE_DAYS`] ago. To be called until there are none.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn clear_webhook_messages(
        &self,
        now: Timestamp,
    ) -> Result<ClearedMessages, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(MANY).await?;
        // A cross join: SQLite would go through all messages, and not by the index from the few webhooks.
        let removed = query("DELETE FROM webhook_messages WHERE id IN (SELECT m.id FROM webhooks w CROSS JOIN webhook_messages m WHERE m.webhook = w.name AND w.removed_at IS NOT NULL LIMIT $1)")
            .bind(ROWS_MAX)
            .execute(&mut tx)
            .await?;
        let aside = query("DELETE FROM webhook_messages WHERE id IN (SELECT m.id FROM webhooks w CROSS JOIN webhook_messages m WHERE m.webhook = w.name AND w.removed_at IS NULL AND m.next_attempt_at IS NULL AND m.at < $1 LIMIT $2)")
            .bind(now - SignedDuration::from_hours(24 * WEBHOOK_ASIDE_DAYS))
            .bind(ROWS_MAX)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(ClearedMessages { aside, removed })
    }

    /// Tries what was set aside, and what waits, from now on again, in parts. Gives how many messages. A death
    /// leaves the later parts as they were, to be tried by saying it again.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn retry_webhook(&self, name: &ApiName, event: &Event) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        let (mut all, mut after) = (0, String::new());
        loop {
            let mut tx = self.begin().await?;
            tx.turn(MANY).await?;
            let ids = query("SELECT id FROM webhook_messages WHERE webhook = $1 AND id > $2 ORDER BY id LIMIT $3")
                .bind(name.as_str())
                .bind(&after)
                .bind(ROWS_MAX)
                .fetch_all(&mut tx)
                .await?;
            let Some(last) = ids.last() else {
                return Ok(all);
            };
            let last: String = last.get("id")?;
            all += query("UPDATE webhook_messages SET attempts = 0, next_attempt_at = $4 WHERE webhook = $1 AND id > $2 AND id <= $3")
                .bind(name.as_str())
                .bind(&after)
                .bind(&last)
                .bind(event.at)
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
            after = last;
        }
    }

    /// Takes messages of one webhook that are due. When each is tried again is stored before it is given
    /// out, so a death loses none; it may be told twice, under the same id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_webhook_messages(
        &self,
        name: &ApiName,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<WebhookJob>, StoreError> {
        let mut tx = self.begin().await?;
        let rows = query("SELECT t.id, t.body, t.attempts + 1 AS attempts, w.url FROM webhook_messages t JOIN webhooks w ON w.name = t.webhook WHERE t.webhook = $1 AND w.removed_at IS NULL AND t.next_attempt_at <= $2 ORDER BY t.next_attempt_at, t.id LIMIT $3")
            .bind(name.as_str())
            .bind(now)
            .bind(limit.min(ROWS_MAX))
            .skip_locked()
            .fetch_all(&mut tx)
            .await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            let attempt = small(row, "attempts")?;
            let step = WEBHOOK_LADDER_MINUTES.get(attempt.saturating_sub(1) as usize);
            let wait = SignedDuration::from_mins(step.copied().unwrap_or(LAST));
            let id: EntryId = text(row, "id")?;
            query("UPDATE webhook_messages SET attempts = $2, next_attempt_at = $3 WHERE id = $1")
                .bind(&id)
                .bind(attempt)
                .bind(now + wait)
                .execute(&mut tx)
                .await?;
            jobs.push(WebhookJob {
                id,
                url: row.get("url")?,
                body: row.get("body")?,
                attempt,
            });
        }
        tx.commit().await?;
        Ok(jobs)
    }

    /// A message was heard, or with `said` it was not. The attempt after the last step of the ladder sets
    /// it aside. An attempt that is not the latest only tells that it was heard.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finish_webhook_message(
        &self,
        id: &EntryId,
        attempt: u32,
        said: Option<&str>,
    ) -> Result<(), StoreError> {
        let Some(said) = said else {
            query("DELETE FROM webhook_messages WHERE id = $1")
                .bind(id)
                .execute(&self.pools)
                .await?;
            return Ok(());
        };
        query("UPDATE webhook_messages SET said = $3, next_attempt_at = CASE WHEN attempts > $4 THEN NULL ELSE next_attempt_at END WHERE id = $1 AND attempts = $2")
            .bind(id)
            .bind(attempt)
            .bind(said)
            .bind(WEBHOOK_LADDER_MINUTES.len())
            .execute(&self.pools)
            .await?;
        Ok(())
    }
}

fn events(row: &Row) -> Result<Vec<WebhookEvent>, StoreError> {
    let words: String = row.get("events")?;
    words
        .split_whitespace()
        .map(|word| WebhookEvent::parse(word).ok_or_else(|| corrupt("events", word)))
        .collect()
}

/// The bills of a chunk were issued.
pub(crate) async fn issued(
    tx: &mut Tx,
    (run, chunk): (&RunId, ChunkNo),
    bills: &[BillRecord],
    at: Timestamp,
) -> Result<(), StoreError> {
    let hooks = who_wants(tx, WebhookEvent::BillIssued).await?;
    if hooks.is_empty() {
        return Ok(());
    }
    // In parts, so that a message stays below 20 KB, as the Standard Webhooks ask for.
    for (part, bills) in bills.chunks(ROWS_MAX).enumerate() {
        let bills: Vec<_> = bills
            .iter()
            .map(|bill| json!({ "bill": bill.number, "customer": bill.account }))
            .collect();
        let data = json!({ "run": run, "bills": bills });
        let key = format!("{run}/{chunk}/{part}");
        write(tx, &hooks, WebhookEvent::BillIssued, &key, data, at).await?;
    }
    Ok(())
}

/// Money was booked to a customer, or taken back. `kind` tells whether it came, went back or is given up.
pub(crate) async fn booked(
    tx: &mut Tx,
    id: &str,
    entry: &Entry,
    reverses: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    for posting in entry.postings() {
        if let Book::Customer(customer) = &posting.book {
            let data = json!({
                "customer": customer, "entry": id, "kind": entry.kind(), "bills": posting.bills,
                "reverses": reverses,
            });
            let key = format!("{id}/{customer}");
            tell(tx, WebhookEvent::PaymentBooked, &key, data, at).await?;
        }
    }
    Ok(())
}

/// A customer's consent was given, proven or ended. `what` tells the facts of one consent apart.
pub(crate) async fn enrolment_changed(
    tx: &mut Tx,
    customer: &CustomerNumber,
    (enrolment, what): (&kvit_billing::EnrolmentId, &str),
    at: Timestamp,
) -> Result<(), StoreError> {
    let data = json!({ "customer": customer, "enrolment": enrolment });
    let key = format!("{enrolment}/{what}");
    tell(tx, WebhookEvent::EnrolmentChanged, &key, data, at).await
}

/// Something happened that a message of its own tells. `key` names it among the events of its kind.
pub(crate) async fn tell(
    tx: &mut Tx,
    event: WebhookEvent,
    key: &str,
    data: Json,
    at: Timestamp,
) -> Result<(), StoreError> {
    let hooks = who_wants(tx, event).await?;
    write(tx, &hooks, event, key, data, at).await
}

async fn who_wants(tx: &mut Tx, event: WebhookEvent) -> Result<Vec<String>, StoreError> {
    let rows = query("SELECT name, events FROM webhooks WHERE removed_at IS NULL ORDER BY name")
        .fetch_all(tx)
        .await?;
    let mut names = Vec::new();
    for row in &rows {
        if events(row)?.contains(&event) {
            names.push(row.get("name")?);
        }
    }
    Ok(names)
}

async fn write(
    tx: &mut Tx,
    hooks: &[String],
    event: WebhookEvent,
    key: &str,
    data: Json,
    at: Timestamp,
) -> Result<(), StoreError> {
    if hooks.is_empty() {
        return Ok(());
    }
    let body = json!({ "type": event.as_str(), "timestamp": at, "data": data }).to_string();
    let rows = hooks.iter().map(|hook| -> [Value; 6] {
        let id = EntryId::of_name(&format!("{hook}/{}/{key}", event.as_str()));
        [
            (&id).into(),
            hook.into(),
            event.as_str().into(),
            (&body).into(),
            at.into(),
            at.into(),
        ]
    });
    query("INSERT INTO webhook_messages (id, webhook, event, body, at, next_attempt_at) {rows} ON CONFLICT DO NOTHING")
        .rows(rows)
        .execute(tx)
        .await?;
    Ok(())
}
