//! Doors that close after too many wrong tries.

use jiff::{SignedDuration, Timestamp};

use crate::{
    GuardPolicy, GuardState, Store, StoreError,
    engine::Tx,
    rows::{optional_time, time},
    sql::query,
};

/// That a door was closed is known for so long afterwards.
pub(crate) const CLOSED_TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// Until when the door called `name` is closed, or was within the last day.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn guard_closed_until(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = query("SELECT blocked_until FROM guards WHERE name = $1 AND blocked_until > $2")
            .bind(name)
            .bind(now - CLOSED_TOLD_FOR)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref()
            .map(|row| time(row, "blocked_until"))
            .transpose()
    }

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
        let mut tx = self.begin().await?;
        let state = fail(&mut tx, name, now, policy).await?;
        tx.commit().await?;
        Ok(state)
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
}

/// Counts a wrong try, in the transaction of what comes of it.
pub(crate) async fn fail(
    tx: &mut Tx,
    name: &str,
    now: Timestamp,
    policy: &GuardPolicy,
) -> Result<GuardState, StoreError> {
    let window = now + SignedDuration::from_secs(policy.window_s.into());
    let block = now + SignedDuration::from_secs(policy.block_s.into());
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
        .fetch_one(tx)
        .await?;
    let until = optional_time(&row, "blocked_until")?;
    Ok(GuardState {
        blocked_until: until.filter(|until| *until > now),
    })
}
