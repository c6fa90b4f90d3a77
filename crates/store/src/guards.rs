//! Doors that close after too many wrong tries, sessions, and the audit trail.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{CustomerNumber, code::TokenHash};
use sqlx::Row;

use crate::{
    Event, GuardPolicy, GuardState, Store, StoreError,
    rows::{bytes, corrupt, optional_time, text, time},
};

impl Store {
    /// Whether the door called `name` is closed now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn guard(&self, name: &str, now: Timestamp) -> Result<GuardState, StoreError> {
        let row = sqlx::query("SELECT blocked_until FROM guards WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.readers)
            .await?;
        let until = match row {
            Some(row) => optional_time(&row, "blocked_until")?,
            None => None,
        };
        Ok(GuardState {
            blocked_until: until.filter(|until| *until > now),
        })
    }

    /// Counts a wrong try, and closes the door where it was one too many.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn guard_fail(
        &self,
        name: &str,
        now: Timestamp,
        policy: &GuardPolicy,
    ) -> Result<GuardState, StoreError> {
        let window = now + SignedDuration::from_secs(policy.window_s.into());
        let block = now + SignedDuration::from_secs(policy.block_s.into());
        let row = sqlx::query(
            "INSERT INTO guards (name, fails, window_until, blocked_until) VALUES ($1, 1, $3, CASE WHEN $5 <= 1 THEN $4 END)
             ON CONFLICT (name) DO UPDATE SET
               fails = CASE WHEN window_until <= $2 THEN 1 ELSE fails + 1 END,
               window_until = CASE WHEN window_until <= $2 THEN $3 ELSE window_until END,
               blocked_until = CASE WHEN (CASE WHEN window_until <= $2 THEN 1 ELSE fails + 1 END) >= $5 THEN $4 ELSE blocked_until END
             RETURNING blocked_until",
        )
        .bind(name)
        .bind(now.as_microsecond())
        .bind(window.as_microsecond())
        .bind(block.as_microsecond())
        .bind(i64::from(policy.max_fails))
        .fetch_one(&self.writer)
        .await?;
        let until = optional_time(&row, "blocked_until")?;
        Ok(GuardState {
            blocked_until: until.filter(|until| *until > now),
        })
    }

    /// The right key was shown: earlier wrong tries are forgotten.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn guard_clear(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM guards WHERE name = $1")
            .bind(name)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Opens a session.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open_session(
        &self,
        token: &TokenHash,
        account: &CustomerNumber,
        at: Timestamp,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sessions (token, account, opened_at, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(bytes(token))
        .bind(account.as_str())
        .bind(at.as_microsecond())
        .bind(expires.as_microsecond())
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Whose session it is, while it lasts.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn session(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<CustomerNumber>, StoreError> {
        let row = sqlx::query("SELECT account FROM sessions WHERE token = $1 AND expires_at > $2")
            .bind(bytes(token))
            .bind(now.as_microsecond())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| text(&row, "account")).transpose()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_session(&self, token: &TokenHash) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE token = $1")
            .bind(bytes(token))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Appends to the audit trail.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn record_event(&self, event: &Event) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO events (at, who, what, subject, detail) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(event.at.as_microsecond())
        .bind(&event.who)
        .bind(&event.what)
        .bind(&event.subject)
        .bind(event.detail.to_string())
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// What was done to a subject, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn events(&self, subject: &str, limit: u32) -> Result<Vec<Event>, StoreError> {
        sqlx::query("SELECT * FROM events WHERE subject = $1 ORDER BY at DESC LIMIT $2")
            .bind(subject)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(|row| {
                let detail: String = row.try_get("detail")?;
                Ok(Event {
                    at: time(row, "at")?,
                    who: row.try_get("who")?,
                    what: row.try_get("what")?,
                    subject: row.try_get("subject")?,
                    detail: serde_json::from_str(&detail).map_err(|_| corrupt("detail", detail))?,
                })
            })
            .collect()
    }
}
