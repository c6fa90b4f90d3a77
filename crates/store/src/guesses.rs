//! Codes of customers that are guessed from many places: each wrong one is counted here, whatever door it was tried at, and
//! administrators are told by mail when there are too many.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{DeliveryId, StaffLogin};

use crate::{
    GuardPolicy, GuardState, Store, StoreError,
    access_mails::queue_for_staff,
    engine::Tx,
    guards::{CLOSED_TOLD_FOR, fail},
    rows::{optional_time, text},
    sql::query,
};

/// What counts wrong codes in the whole portal.
const COUNTER: &str = "check-everywhere";
/// Wrong codes in the whole portal that turn the slow-down on, and for how long. People mistype a
/// few hundred times on the busiest day; guessing one of 10^8 codes needs far more.
pub const GUESSING: GuardPolicy = GuardPolicy {
    max_fails: 1000,
    window_s: 900,
    block_s: 900,
};
/// While it goes on administrators are told once in this time. No longer than what counts wrong codes is kept.
const TOLD_EVERY: SignedDuration = CLOSED_TOLD_FOR;

impl Store {
    /// Counts a wrong code or password in the whole portal. Where they are so many that attempts are slowed down, each administrator
    /// who has an address is told, once in a day; the mails are in the transaction of the count. Gives until when attempts are slow.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn count_guess(
        &self,
        now: Timestamp,
        policy: &GuardPolicy,
    ) -> Result<GuardState, StoreError> {
        let mut tx = self.begin().await?;
        // Holds the counter's row: two wrong codes at once take turns from here.
        let state = fail(&mut tx, COUNTER, now, policy).await?;
        if state.blocked_until.is_some() {
            tell(&mut tx, now).await?;
        }
        tx.commit().await?;
        Ok(state)
    }

    /// Until when attempts are slowed down because of too many wrong codes, or were within the last day.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn guessed_until(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.guard_closed_until(COUNTER, now).await
    }
}

async fn tell(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    let row = query("SELECT told_at FROM guards WHERE name = $1")
        .bind(COUNTER)
        .fetch_one(&mut *tx)
        .await?;
    if optional_time(&row, "told_at")?.is_some_and(|told| now < told + TOLD_EVERY) {
        return Ok(());
    }
    let whom = query("SELECT login FROM staff WHERE role = 'administrator' AND disabled_at IS NULL AND email IS NOT NULL ORDER BY login")
        .fetch_all(&mut *tx)
        .await?;
    for row in &whom {
        let login: StaffLogin = text(row, "login")?;
        let id = DeliveryId::alarm_of(&login, now);
        queue_for_staff(tx, &id, &login, now).await?;
    }
    // Where nobody could be told, whoever gets an address meanwhile is.
    if !whom.is_empty() {
        query("UPDATE guards SET told_at = $2 WHERE name = $1")
            .bind(COUNTER)
            .bind(now)
            .execute(tx)
            .await?;
    }
    Ok(())
}
