//! How often tokens of the API call, over all machines.

use kvit_billing::ApiName;

use crate::{
    Store, StoreError,
    rows::{small, unsigned},
    sql::query,
};

/// A machine takes at most so many calls at once.
const BATCH_MAX: u32 = 32;
/// And at most this part of those that are left: near the limit machines take single calls, so that none waits
/// while another has some over.
const PART: u32 = 8;
/// A clock that is so many minutes ahead is believed; one that is wrong by more shuts nobody out.
const AHEAD_MAX: u64 = 2;

impl Store {
    /// Takes calls of a token in a minute, of `most` in all: how many this machine may make by itself now, 0 where
    /// the minute is used up. One machine's clock may be behind another's: then the later minute counts, where it is at most
    /// two ahead.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn take_api_calls(
        &self,
        token: &ApiName,
        minute: u64,
        most: u32,
    ) -> Result<u32, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn("api-calls").await?;
        let row = query("SELECT minute, calls FROM api_calls WHERE token = $1")
            .bind(token.as_str())
            .fetch_optional(&mut tx)
            .await?;
        let (minute, taken) = match row {
            Some(row) => match unsigned(&row, "minute")? {
                kept if (minute..=minute.saturating_add(AHEAD_MAX)).contains(&kept) => {
                    (kept, small(&row, "calls")?)
                }
                _ => (minute, 0),
            },
            None => (minute, 0),
        };
        let left = most.saturating_sub(taken);
        if left == 0 {
            return Ok(0);
        }
        let batch = (left / PART).clamp(1, BATCH_MAX);
        query("INSERT INTO api_calls (token, minute, calls) VALUES ($1, $2, $3) ON CONFLICT (token) DO UPDATE SET minute = excluded.minute, calls = excluded.calls")
            .bind(token.as_str())
            .bind(minute)
            .bind(taken + batch)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(batch)
    }
}
