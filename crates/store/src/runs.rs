//! Runs: from the first line read to the release.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillNumber, BillOrder, Cents, ChunkNo, CustomerNumber, OrderSeq, RunId};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use crate::{
    Connection, NewRun, OrderKey, Release, Released, RunProgress, RunRecord, RunState, RunTotals,
    Store, StoreError,
    rows::{int, json, number, optional, optional_time, period, small, text, time, unsigned},
};

/// Rows in one statement: keeps the binds under SQLite's 32,766.
pub(crate) const ROWS_MAX: usize = 1_000;
/// Fast, and three quarters smaller.
const ZSTD_LEVEL: i32 = 3;

/// A run cannot be released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// No such run.
    #[error("there is no run {0}")]
    NotFound(RunId),
    /// It is not waiting for a release.
    #[error("run {0} is {1}, not checked")]
    WrongState(RunId, &'static str),
    /// Who imported may not release.
    #[error("run {0} was imported by the same person; a second person must release it")]
    SamePerson(RunId),
    /// Ten digits are used up.
    #[error("the series has no {0} numbers left")]
    SeriesExhausted(u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ReleaseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Starts a run in the state `importing`. What a dead import of the same id left is removed.
    ///
    /// # Errors
    /// Where the id is that of a run which went further.
    pub async fn begin_run(&self, run: &NewRun) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        drop_staged(&mut tx, &run.id).await?;
        sqlx::query("DELETE FROM runs WHERE id = $1 AND state = 'importing'")
            .bind(run.id.as_str())
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO runs (id, system, external_id, period_from, period_to, currency, seller, file_name, state, imported_by, imported_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'importing', $9, $10)",
        )
        .bind(run.id.as_str())
        .bind(&run.system)
        .bind(&run.external_id)
        .bind(run.period.from.to_string())
        .bind(run.period.to.to_string())
        .bind(run.currency.as_str())
        .bind(&run.seller)
        .bind(&run.file_name)
        .bind(&run.imported_by)
        .bind(run.imported_at.as_microsecond())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Which of these orders an accepted run holds already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn seen_orders(
        &self,
        keys: &[OrderKey],
    ) -> Result<Vec<(OrderKey, RunId)>, StoreError> {
        let mut seen = Vec::new();
        for key in keys {
            let row = sqlx::query(
                "SELECT k.run FROM order_keys k JOIN runs r ON r.id = k.run WHERE k.account = $1 AND k.period_from = $2 AND k.period_to = $3 AND k.kind = $4 AND k.version = $5 AND r.state <> 'importing'",
            )
            .bind(key.account.as_str())
            .bind(key.period.from.to_string())
            .bind(key.period.to.to_string())
            .bind(key.kind.as_str())
            .bind(i64::from(key.version))
            .fetch_optional(&self.readers)
            .await?;
            if let Some(row) = row {
                seen.push((key.clone(), text(&row, "run")?));
            }
        }
        Ok(seen)
    }

    /// Which of these customers are known.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn known_customers(
        &self,
        numbers: &[CustomerNumber],
    ) -> Result<HashSet<CustomerNumber>, StoreError> {
        Ok(self.customers(numbers).await?.into_keys().collect())
    }

    /// Dates of issue of these bills, of those that exist.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn known_bills(
        &self,
        numbers: &[BillNumber],
    ) -> Result<HashMap<BillNumber, Date>, StoreError> {
        let mut known = HashMap::new();
        for number in numbers {
            if let Some(bill) = self.bill(*number).await? {
                known.insert(*number, bill.issue_date);
            }
        }
        Ok(known)
    }

    /// Keeps a chunk of orders under a run that is still being read.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn stage_chunk(
        &self,
        run: &RunId,
        no: ChunkNo,
        first: OrderSeq,
        orders: &[BillOrder],
    ) -> Result<(), StoreError> {
        let body = encode(orders)?;
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO chunks (run, no, first_seq, orders, body) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(run.as_str())
        .bind(i64::from(no.0))
        .bind(int(first.0))
        .bind(int(orders.len() as u64))
        .bind(body)
        .execute(&mut *tx)
        .await?;
        for part in orders.chunks(ROWS_MAX) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO order_keys (account, period_from, period_to, kind, version, run) ",
            );
            insert.push_values(part, |mut row, order| {
                row.push_bind(order.account.as_str().to_owned())
                    .push_bind(order.period.from.to_string())
                    .push_bind(order.period.to.to_string())
                    .push_bind(order.kind.as_str())
                    .push_bind(i64::from(order.version))
                    .push_bind(run.as_str().to_owned());
            });
            insert.build().execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The orders of a chunk, as staged.
    ///
    /// # Errors
    /// Where there is no such chunk.
    pub async fn staged_orders(
        &self,
        run: &RunId,
        no: ChunkNo,
    ) -> Result<Vec<BillOrder>, StoreError> {
        let row = sqlx::query("SELECT body FROM chunks WHERE run = $1 AND no = $2")
            .bind(run.as_str())
            .bind(i64::from(no.0))
            .fetch_one(&self.readers)
            .await?;
        decode(&row.try_get::<Vec<u8>, _>("body")?)
    }

    /// The run is without errors: `importing` becomes `checked`. Refused where another run that was
    /// accepted meanwhile holds one of its orders.
    ///
    /// # Errors
    /// Where the run is not being imported, or holds an order that another run has too.
    pub async fn accept_run(
        &self,
        run: &RunId,
        totals: &RunTotals,
        summary: &serde_json::Value,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let twins: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM order_keys k JOIN order_keys o ON o.account = k.account AND o.period_from = k.period_from AND o.period_to = k.period_to AND o.kind = k.kind AND o.version = k.version AND o.run <> k.run JOIN runs r ON r.id = o.run WHERE k.run = $1 AND r.state <> 'importing'",
        )
        .bind(run.as_str())
        .fetch_one(&mut *tx)
        .await?;
        let changed = sqlx::query(
            "UPDATE runs SET state = 'checked', orders = $2, chunks = $3, sum_cents = $4, summary = $5, judged_at = $6 WHERE id = $1 AND state = 'importing' AND $7 = 0",
        )
        .bind(run.as_str())
        .bind(int(totals.orders))
        .bind(i64::from(totals.chunks))
        .bind(totals.sum_cents.get())
        .bind(summary.to_string())
        .bind(at.as_microsecond())
        .bind(twins)
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() != 1 {
            let needed = "being imported, with orders that no other run holds";
            return Err(StoreError::RunState {
                run: run.to_string(),
                needed,
            });
        }
        Ok(tx.commit().await?)
    }

    /// The run has errors: only its report stays.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reject_run(
        &self,
        run: &RunId,
        report: &serde_json::Value,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        drop_staged(&mut tx, run).await?;
        sqlx::query("UPDATE runs SET state = 'rejected', report = $2, judged_at = $3 WHERE id = $1 AND state = 'importing'")
            .bind(run.as_str())
            .bind(report.to_string())
            .bind(at.as_microsecond())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The last runs, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, StoreError> {
        sqlx::query(
            "SELECT * FROM runs WHERE state <> 'importing' ORDER BY imported_at DESC, id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
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
        let row = sqlx::query("SELECT * FROM runs WHERE id = $1")
            .bind(run.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(run_record).transpose()
    }

    /// The accepted run before this one, to compare with.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn previous_run(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT p.* FROM runs p JOIN runs r ON p.imported_at < r.imported_at WHERE r.id = $1 AND p.state IN ('checked', 'released', 'issued') ORDER BY p.imported_at DESC LIMIT 1",
        )
        .bind(run.as_str())
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(run_record).transpose()
    }

    /// Fixes, in one transaction, who releases, the moment of issue, and one contiguous range of
    /// numbers (ППЗДДС art. 78(2)).
    ///
    /// # Errors
    /// Where the run is not `checked`, the same person imported it, or the series is used up.
    pub async fn release_run(
        &self,
        run: &RunId,
        release: &Release,
    ) -> Result<Released, ReleaseError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT * FROM runs WHERE id = $1")
            .bind(run.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(record) = row.as_ref().map(run_record).transpose()? else {
            return Err(ReleaseError::NotFound(run.clone()));
        };
        if record.state != RunState::Checked {
            return Err(ReleaseError::WrongState(run.clone(), record.state.as_str()));
        }
        let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
        if same(&record.imported_by, &release.by) {
            return Err(ReleaseError::SamePerson(run.clone()));
        }
        let next: Option<i64> =
            sqlx::query_scalar("SELECT next_number FROM series WHERE name = $1")
                .bind(release.series.as_str())
                .fetch_optional(&mut *tx)
                .await?;
        let first = next.map_or(release.first_if_new.get(), i64::cast_unsigned);
        let exhausted = || ReleaseError::SeriesExhausted(record.orders);
        let first = BillNumber::new(first).ok_or_else(exhausted)?;
        let last = first
            .plus(record.orders.saturating_sub(1))
            .ok_or_else(exhausted)?;
        sqlx::query("INSERT INTO series (name, next_number) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET next_number = excluded.next_number")
            .bind(release.series.as_str())
            .bind(int(last.get() + 1))
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE runs SET state = 'released', released_by = $2, issued_at = $3, series = $4, first_number = $5 WHERE id = $1")
            .bind(run.as_str())
            .bind(&release.by)
            .bind(release.at.as_microsecond())
            .bind(release.series.as_str())
            .bind(int(first.get()))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Released {
            first,
            last,
            issued_at: release.at,
        })
    }

    /// How far a run has come.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn run_progress(&self, run: &RunId) -> Result<RunProgress, StoreError> {
        let row = sqlx::query(
            "SELECT r.orders, r.chunks, (SELECT COUNT(*) FROM chunks c WHERE c.run = r.id AND c.done_at IS NOT NULL) AS chunks_done FROM runs r WHERE r.id = $1",
        )
        .bind(run.as_str())
        .fetch_one(&self.readers)
        .await?;
        let sums = sqlx::query(
            "SELECT COUNT(*) AS bills, COALESCE(SUM(CASE WHEN b.kind = 'credit-note' THEN -b.gross ELSE b.gross END), 0) AS sum_cents,
             COALESCE(SUM(d.channel = 'email' AND d.state IN ('queued', 'sending')), 0) AS mail_queued,
             COALESCE(SUM(d.channel = 'email' AND d.state = 'sent'), 0) AS mail_sent,
             COALESCE(SUM(d.channel = 'email' AND d.state = 'failed'), 0) AS mail_failed,
             COALESCE(SUM(d.channel = 'paper'), 0) AS paper,
             COALESCE(SUM(d.possibly_twice), 0) AS possibly_twice,
             COALESCE(SUM(c.at IS NOT NULL), 0) AS confirmed
             FROM bills b LEFT JOIN deliveries d ON d.bill = b.number LEFT JOIN receipts c ON c.delivery = d.id AND c.kind = 'confirmed' WHERE b.run = $1",
        )
        .bind(run.as_str())
        .fetch_one(&self.readers)
        .await?;
        Ok(RunProgress {
            orders: unsigned(&row, "orders")?,
            chunks: small(&row, "chunks")?,
            chunks_done: small(&row, "chunks_done")?,
            bills: unsigned(&sums, "bills")?,
            sum_cents: Cents::new(sums.try_get("sum_cents")?),
            mail_queued: unsigned(&sums, "mail_queued")?,
            mail_sent: unsigned(&sums, "mail_sent")?,
            mail_failed: unsigned(&sums, "mail_failed")?,
            paper: unsigned(&sums, "paper")?,
            confirmed: unsigned(&sums, "confirmed")?,
            possibly_twice: unsigned(&sums, "possibly_twice")?,
        })
    }
}

async fn drop_staged(tx: &mut Connection, run: &RunId) -> Result<(), StoreError> {
    for table in ["chunks", "order_keys"] {
        let delete = format!(
            "DELETE FROM {table} WHERE run = $1 AND run IN (SELECT id FROM runs WHERE state = 'importing')"
        );
        sqlx::query(sqlx::AssertSqlSafe(delete))
            .bind(run.as_str())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

fn run_record(row: &SqliteRow) -> Result<RunRecord, StoreError> {
    let state: String = row.try_get("state")?;
    let orders = unsigned(row, "orders")?;
    let numbers = match row.try_get::<Option<i64>, _>("first_number")? {
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
        system: row.try_get("system")?,
        external_id: row.try_get("external_id")?,
        period: period(row)?,
        currency: text(row, "currency")?,
        seller: row.try_get("seller")?,
        file_name: row.try_get("file_name")?,
        state: RunState::parse(&state).ok_or_else(|| crate::rows::corrupt("state", state))?,
        imported_by: row.try_get("imported_by")?,
        imported_at: time(row, "imported_at")?,
        orders,
        chunks: small(row, "chunks")?,
        sum_cents: Cents::new(row.try_get("sum_cents")?),
        summary: json(row, "summary")?,
        report: json(row, "report")?,
        released_by: row.try_get("released_by")?,
        issued_at: optional_time(row, "issued_at")?,
        series: optional(row, "series")?,
        numbers,
    })
}

/// Orders as JSON lines, compressed: the form in which they came, so that an old chunk stays
/// readable by any tool.
fn encode(orders: &[BillOrder]) -> Result<Vec<u8>, StoreError> {
    let mut out = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL).map_err(StoreError::Encode)?;
    for order in orders {
        serde_json::to_writer(&mut out, order).map_err(|e| StoreError::Encode(e.into()))?;
        std::io::Write::write_all(&mut out, b"\n").map_err(StoreError::Encode)?;
    }
    out.finish().map_err(StoreError::Encode)
}

pub(crate) fn decode(body: &[u8]) -> Result<Vec<BillOrder>, StoreError> {
    let lines = zstd::decode_all(body).map_err(|e| crate::rows::corrupt("chunk", e))?;
    serde_json::Deserializer::from_slice(&lines)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|e| crate::rows::corrupt("chunk", e))
}
