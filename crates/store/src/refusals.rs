//! What came from payment systems and was not believed: counted, and not kept.

use jiff::Timestamp;
use kvit_pay::ProviderName;

use crate::{
    RefusedRecord, Store, StoreError,
    rows::{time, unsigned},
    sql::query,
};

impl Store {
    /// Counts what came and was not believed, `times` of it. `why` is one of few words of ours.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_notices(
        &self,
        provider: &ProviderName,
        why: &'static str,
        times: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        query("INSERT INTO refused_notices (provider, day, why, times, last_at) VALUES ($1, $2, $3, $5, $4) ON CONFLICT (provider, day, why) DO UPDATE SET times = refused_notices.times + $5, last_at = $4")
            .bind(provider)
            .bind(now.strftime("%Y-%m-%d").to_string())
            .bind(why)
            .bind(now)
            .bind(times)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// What was not believed lately, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refused_notices(&self, limit: usize) -> Result<Vec<RefusedRecord>, StoreError> {
        query("SELECT * FROM refused_notices ORDER BY day DESC, provider, why LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(RefusedRecord {
                    provider: row.get("provider")?,
                    day: row.get("day")?,
                    why: row.get("why")?,
                    times: unsigned(row, "times")?,
                    last_at: time(row, "last_at")?,
                })
            })
            .collect()
    }
}
