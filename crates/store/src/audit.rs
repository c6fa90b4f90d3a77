//! The audit trail: what was done is appended, and the database itself refuses to change it.

use crate::{
    Event, EventFilter, Store, StoreError,
    engine::{Row, Target, Tx},
    rows::{corrupt, time},
    sql::query,
};

impl Store {
    /// Appends to the audit trail.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn record_event(&self, event: &Event) -> Result<(), StoreError> {
        append(&self.pools, event).await
    }

    /// What was done to a subject, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn events(&self, subject: &str, limit: u32) -> Result<Vec<Event>, StoreError> {
        let filter = EventFilter {
            subject: Some(subject.to_owned()),
            ..EventFilter::default()
        };
        self.audit(&filter, limit).await
    }

    /// What was done, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn audit(&self, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, StoreError> {
        // A condition for each wish, so that each is answered from an index.
        let mut text = "SELECT * FROM events WHERE at <= $1".to_owned();
        if filter.who.is_some() {
            text.push_str(" AND who = $4");
        }
        if filter.subject.is_some() {
            text.push_str(if filter.who.is_some() {
                " AND subject = $5"
            } else {
                " AND subject = $4"
            });
        }
        text.push_str(" ORDER BY at DESC LIMIT $2 OFFSET $3");
        let until = filter.until.map_or(i64::MAX, |at| at.as_microsecond());
        let mut found = query(text).bind(until).bind(limit).bind(filter.skip);
        for wish in [&filter.who, &filter.subject].into_iter().flatten() {
            found = found.bind(wish);
        }
        found
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(event)
            .collect()
    }
}

/// Appends an event, in the transaction of what it tells where there is one.
pub(crate) async fn append(on: impl Target, event: &Event) -> Result<(), StoreError> {
    query("INSERT INTO events (at, who, what, subject, detail) VALUES ($1, $2, $3, $4, $5)")
        .bind(event.at)
        .bind(&event.who)
        .bind(&event.what)
        .bind(&event.subject)
        .bind(&event.detail)
        .execute(on)
        .await?;
    Ok(())
}

/// Ends the transaction of a change with the event that tells it. `false`, and nothing is written, where it changed no row.
pub(crate) async fn told(mut tx: Tx, changed: u64, event: &Event) -> Result<bool, StoreError> {
    if changed == 0 {
        return Ok(false);
    }
    append(&mut tx, event).await?;
    tx.commit().await?;
    Ok(true)
}

pub(crate) fn event(row: &Row) -> Result<Event, StoreError> {
    let detail: String = row.get("detail")?;
    Ok(Event {
        at: time(row, "at")?,
        who: row.get("who")?,
        what: row.get("what")?,
        subject: row.get("subject")?,
        detail: serde_json::from_str(&detail).map_err(|_| corrupt("detail", detail))?,
    })
}
