//! Doors that close after too many wrong tries, and sessions.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{CustomerNumber, code::TokenHash};

use crate::{
    GuardPolicy, GuardState, Store, StoreError,
    rows::{optional_time, text},
    sql::query,
};

impl Store {
    /// Whether the door called `name` is closed now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn guard(&self, name: &str, now: Timestamp) -> Result<GuardState, StoreError> {
        let row = query("SELECT blocked_until FROM guards WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pools)
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
        let mut tx = self.begin().await?;
        let row = query(
            "INSERT INTO guards (name, fails, window_until, blocked_until) VALUES ($1, 1, $3, CASE WHEN $5 <= 1 THEN $4 END)
             ON CONFLICT (name) DO UPDATE SET
               fails = CASE WHEN guards.window_until <= $2 THEN 1 ELSE guards.fails + 1 END,
               window_until = CASE WHEN guards.window_until <= $2 THEN $3 ELSE guards.window_until END,
               blocked_until = CASE WHEN (CASE WHEN guards.window_until <= $2 THEN 1 ELSE guards.fails + 1 END) >= $5 THEN $4 ELSE guards.blocked_until END
             RETURNING blocked_until",
        )
        .bind(name)
        .bind(now)
        .bind(window)
        .bind(block)
        .bind(policy.max_fails)
        .fetch_one(&mut tx)
        .await?;
        tx.commit().await?;
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
        query("DELETE FROM guards WHERE name = $1")
            .bind(name)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// Opens a session, and clears away sessions and doors whose time is over.
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
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO sessions (token, account, opened_at, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(token)
        .bind(account)
        .bind(at)
        .bind(expires)
        .execute(&mut tx)
        .await?;
        query("DELETE FROM sessions WHERE expires_at <= $1")
            .bind(at)
            .execute(&mut tx)
            .await?;
        query("DELETE FROM guards WHERE window_until <= $1 AND (blocked_until IS NULL OR blocked_until <= $1)")
            .bind(at)
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
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
        let row = query("SELECT account FROM sessions WHERE token = $1 AND expires_at > $2")
            .bind(token)
            .bind(now)
            .fetch_optional(&self.pools)
            .await?;
        row.map(|row| text(&row, "account")).transpose()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_session(&self, token: &TokenHash) -> Result<(), StoreError> {
        query("DELETE FROM sessions WHERE token = $1")
            .bind(token)
            .execute(&self.pools)
            .await?;
        Ok(())
    }
}
