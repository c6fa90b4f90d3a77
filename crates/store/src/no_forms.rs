//! Why bills of a run were laid out one by one, for whoever looks after the layout.

use kvit_billing::{NoForm, RunId};

use crate::{
    ChunkResult, Store, StoreError,
    engine::Tx,
    rows::{corrupt, text, unsigned},
    sql::query,
};

/// Reasons that are told of a run, those with the most bills first.
const TOLD_MAX: u32 = 20;

impl Store {
    /// Why bills of a run were laid out one by one, with how many bills: the most important reasons.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn no_forms(&self, run: &RunId) -> Result<Vec<(NoForm, u64)>, StoreError> {
        query("SELECT why, bills FROM no_forms WHERE run = $1 ORDER BY bills DESC, why LIMIT $2")
            .bind(run)
            .bind(TOLD_MAX)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                let why: String = row.get("why")?;
                let known = serde_json::from_str(&why).map_err(|_| corrupt("why", why))?;
                Ok((known, unsigned(row, "bills")?))
            })
            .collect()
    }

    /// The run that was released last, if any of its bills were laid out one by one, and how many, whatever the reason.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn latest_run_without_forms(&self) -> Result<Option<(RunId, u64)>, StoreError> {
        let row = query("SELECT r.id, CAST(SUM(n.bills) AS BIGINT) AS bills FROM runs r JOIN no_forms n ON n.run = r.id WHERE r.issued_at = (SELECT MAX(issued_at) FROM runs) GROUP BY r.id ORDER BY r.id DESC LIMIT 1")
            .fetch_optional(&self.pools)
            .await?;
        row.map(|row| Ok((text(&row, "id")?, unsigned(&row, "bills")?)))
            .transpose()
    }
}

/// Adds a chunk's. Two workers add in the same order, so that neither waits for the other in a circle.
pub(crate) async fn add(tx: &mut Tx, result: &ChunkResult) -> Result<(), StoreError> {
    for (why, bills) in &result.no_forms {
        let why = serde_json::json!(why).to_string();
        query("INSERT INTO no_forms (run, why, bills) VALUES ($1, $2, $3) ON CONFLICT (run, why) DO UPDATE SET bills = no_forms.bills + EXCLUDED.bills")
            .bind(&result.run)
            .bind(why)
            .bind(*bills)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
