//! Whether payment systems answer: every call says so, and all processes of one store know.

use jiff::{SignedDuration, Timestamp};
use kvit_pay::ProviderName;

use crate::{
    HealthRecord, Store, StoreError,
    rows::{optional_time, text},
    sql::query,
};

/// So many calls without an answer, one after the other, over at least [`FAILING_FOR`]: a payment system is
/// out of order then, and not before.
const FAILURES_MAX: u32 = 3;
/// A short break in the line is none of theirs.
const FAILING_FOR: SignedDuration = SignedDuration::from_secs(60);
/// When somebody looks again, after a call without an answer.
const PROBE_AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(60);
/// When somebody looks, where there was no call meanwhile.
const PROBE_AFTER_ANSWER: SignedDuration = SignedDuration::from_mins(5);
/// What nobody has looked at for so long says nothing: without workers no button stays hidden.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// A payment system was called, and answered or not. Says whether it turned out to be out of order, or
    /// in order again, by this.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn provider_called(
        &self,
        provider: &ProviderName,
        answered: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(&format!("health/{provider}")).await?;
        let before = query("SELECT out_since FROM provider_health WHERE provider = $1")
            .bind(provider)
            .fetch_optional(&mut tx)
            .await?;
        let was_out = match before {
            Some(row) => optional_time(&row, "out_since")?.is_some(),
            None => false,
        };
        let called = if answered {
            query("INSERT INTO provider_health (provider, heard_at, failures, probe_at) VALUES ($1, $2, 0, $3)
                 ON CONFLICT (provider) DO UPDATE SET heard_at = $2, failures = 0, failing_since = NULL, out_since = NULL, probe_at = $3 RETURNING out_since")
            .bind(provider)
            .bind(now)
            .bind(now + PROBE_AFTER_ANSWER)
        } else {
            query("INSERT INTO provider_health (provider, failures, failing_since, probe_at) VALUES ($1, 1, $2, $3)
                 ON CONFLICT (provider) DO UPDATE SET failures = provider_health.failures + 1,
                    failing_since = COALESCE(provider_health.failing_since, $2),
                    out_since = COALESCE(provider_health.out_since, CASE WHEN provider_health.failures + 1 >= $5 AND provider_health.failing_since <= $4 THEN $2 END),
                    probe_at = $3 RETURNING out_since")
            .bind(provider)
            .bind(now)
            .bind(now + PROBE_AFTER_FAILURE)
            .bind(now - FAILING_FOR)
            .bind(FAILURES_MAX)
        };
        let row = called.fetch_one(&mut tx).await?;
        let is_out = optional_time(&row, "out_since")?.is_some();
        tx.commit().await?;
        Ok(was_out != is_out)
    }

    /// Takes the turn to look whether a payment system answers, where it is time to. A death leaves the
    /// next look to somebody else, a minute later.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_probe(
        &self,
        provider: &ProviderName,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let claimed = query(
            "INSERT INTO provider_health (provider, failures, probe_at) VALUES ($1, 0, $3)
             ON CONFLICT (provider) DO UPDATE SET probe_at = $3 WHERE provider_health.probe_at <= $2",
        )
        .bind(provider)
        .bind(now)
        .bind(now + PROBE_AFTER_FAILURE)
        .execute(&self.pools)
        .await?;
        Ok(claimed == 1)
    }

    /// What is known of payment systems now, by their names.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn providers_health(&self, now: Timestamp) -> Result<Vec<HealthRecord>, StoreError> {
        query("SELECT provider, heard_at, failing_since, out_since FROM provider_health WHERE probe_at > $1 ORDER BY provider")
            .bind(now - KNOWN_FOR)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(HealthRecord {
                    provider: text(row, "provider")?,
                    heard_at: optional_time(row, "heard_at")?,
                    failing_since: optional_time(row, "failing_since")?,
                    out_since: optional_time(row, "out_since")?,
                })
            })
            .collect()
    }
}
