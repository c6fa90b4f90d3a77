//! Runs: from the first line read to the judgement on the whole.

use jiff::Timestamp;
use kvit_billing::{Cents, LayoutBaseNo, LayoutNo, RunId, RunLayout};

use crate::{
    NewRun, RunRecord, RunState, RunTotals, Store, StoreError,
    engine::Row,
    release::RUNS_TURN,
    rows::{
        corrupt, json, number, optional, optional_small, optional_time, period, small, text, time,
        unsigned,
    },
    sql::query,
    staging::{drop_staged, is_imported_by},
};

impl Store {
    /// Starts a run in the state `importing`. What a dead import of the same id left is removed; one that is alive, on
    /// another machine, is over: an import is known by the moment at which it began, and only the latest counts.
    ///
    /// # Errors
    /// Where the id is that of a run which went further.
    pub async fn begin_run(&self, run: &NewRun) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        // A chunk that another import is staging is there before it is removed, or is not staged any more.
        query("SELECT id FROM runs WHERE id = $1")
            .bind(&run.id)
            .for_update()
            .fetch_optional(&mut tx)
            .await?;
        drop_staged(&mut tx, &run.id).await?;
        query("DELETE FROM runs WHERE id = $1 AND state = 'importing'")
            .bind(&run.id)
            .execute(&mut tx)
            .await?;
        query(
            "INSERT INTO runs (id, system, external_id, period_from, period_to, currency, seller, file_name, state, imported_by, imported_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'importing', $9, $10)",
        )
        .bind(&run.id)
        .bind(&run.system)
        .bind(&run.external_id)
        .bind(run.period.from)
        .bind(run.period.to)
        .bind(run.currency)
        .bind(&run.seller)
        .bind(&run.file_name)
        .bind(&run.imported_by)
        .bind(run.imported_at)
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The run is without errors: `importing` becomes `checked`. Refused where another run that was
    /// accepted meanwhile holds one of its orders.
    ///
    /// # Errors
    /// Where the run is not being imported, or holds an order that another run has too.
    pub async fn accept_run(
        &self,
        run: &RunId,
        begun: Timestamp,
        totals: &RunTotals,
        summary: &serde_json::Value,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(RUNS_TURN).await?;
        let twin = query(
            "SELECT o.run FROM order_keys k JOIN order_keys o ON o.account = k.account AND o.period_from = k.period_from AND o.period_to = k.period_to AND o.kind = k.kind AND o.version = k.version AND o.run <> k.run JOIN runs r ON r.id = o.run WHERE k.run = $1 AND r.state <> 'importing' LIMIT 1",
        )
        .bind(run)
        .fetch_optional(&mut tx)
        .await?;
        let staged = query("SELECT COUNT(*) AS chunks, CAST(COALESCE(SUM(orders), 0) AS BIGINT) AS orders FROM chunks WHERE run = $1")
            .bind(run)
            .fetch_one(&mut tx)
            .await?;
        let complete = unsigned(&staged, "orders")? == totals.orders
            && small(&staged, "chunks")? == totals.chunks;
        let changed = query(
            "UPDATE runs SET state = 'checked', orders = $2, chunks = $3, sum_cents = $4, summary = $5, judged_at = $6 WHERE id = $1 AND state = 'importing' AND imported_at = $7",
        )
        .bind(run)
        .bind(totals.orders)
        .bind(totals.chunks)
        .bind(totals.sum_cents)
        .bind(summary)
        .bind(at)
        .bind(begun)
        .execute(&mut tx)
        .await?;
        if twin.is_some() || changed != 1 || !complete {
            let needed = "being imported by one import, with orders that no other run holds";
            return Err(StoreError::RunState {
                run: run.to_string(),
                needed,
            });
        }
        Ok(tx.commit().await?)
    }

    /// Keeps what is to be said of a run that is about to be accepted: its warnings. A death behind it leaves a run
    /// that is imported anew.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn keep_warnings(
        &self,
        run: &RunId,
        begun: Timestamp,
        report: &serde_json::Value,
    ) -> Result<(), StoreError> {
        query("UPDATE runs SET report = $2 WHERE id = $1 AND state = 'importing' AND imported_at = $3")
            .bind(run)
            .bind(report)
            .bind(begun)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// The run has errors: only its report stays. Where another import has the run, nothing changes.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reject_run(
        &self,
        run: &RunId,
        begun: Timestamp,
        report: &serde_json::Value,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if !is_imported_by(&mut tx, run, begun).await? {
            return Ok(());
        }
        drop_staged(&mut tx, run).await?;
        query("UPDATE runs SET state = 'rejected', report = $2, judged_at = $3 WHERE id = $1")
            .bind(run)
            .bind(report)
            .bind(at)
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The last runs, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, StoreError> {
        query(
            "SELECT * FROM runs WHERE state <> 'importing' ORDER BY imported_at DESC, id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(run_record)
        .collect()
    }

    /// One run.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let row = query("SELECT * FROM runs WHERE id = $1")
            .bind(run)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(run_record).transpose()
    }

    /// The accepted run before this one, to compare with.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn previous_run(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let row = query(
            "SELECT p.* FROM runs p JOIN runs r ON p.imported_at < r.imported_at WHERE r.id = $1 AND p.state IN ('checked', 'released', 'issued') ORDER BY p.imported_at DESC LIMIT 1",
        )
        .bind(run)
        .fetch_optional(&self.pools)
        .await?;
        row.as_ref().map(run_record).transpose()
    }
}

pub(crate) fn run_record(row: &Row) -> Result<RunRecord, StoreError> {
    let state: String = row.get("state")?;
    let orders = unsigned(row, "orders")?;
    let numbers = match row.get::<Option<i64>>("first_number")? {
        None => None,
        Some(_) => {
            let first = number(row, "first_number")?;
            first
                .plus(orders.saturating_sub(1))
                .map(|last| (first, last))
        }
    };
    Ok(RunRecord {
        id: text(row, "id")?,
        system: row.get("system")?,
        external_id: row.get("external_id")?,
        period: period(row)?,
        currency: text(row, "currency")?,
        seller: row.get("seller")?,
        file_name: row.get("file_name")?,
        state: RunState::parse(&state).ok_or_else(|| corrupt("state", state))?,
        imported_by: row.get("imported_by")?,
        imported_at: time(row, "imported_at")?,
        orders,
        chunks: small(row, "chunks")?,
        sum_cents: Cents::new(row.get("sum_cents")?),
        summary: json(row, "summary")?,
        report: json(row, "report")?,
        released_by: row.get("released_by")?,
        issued_at: optional_time(row, "issued_at")?,
        series: optional(row, "series")?,
        layout: match optional_small(row, "layout")? {
            Some(no) => Some(RunLayout {
                no: LayoutNo(no),
                base: optional_small(row, "layout_base")?.map(LayoutBaseNo),
            }),
            None => None,
        },
        numbers,
    })
}
