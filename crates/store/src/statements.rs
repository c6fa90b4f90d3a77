//! Bank statements: each file is kept as it came, then its transfers are booked, batch by batch, and
//! then it is done. A death in between leaves a statement that is not done: its transfers are
//! booked again from the first one on, and those that are in the books already change nothing.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    Event, NewStatement, NoticeOutcome, StatementRecord, StatementReport, Store, StoreError,
    audit::append,
    engine::Row,
    notices::outcome,
    rows::{corrupt, json, time, unsigned},
    sql::{ROWS_MAX, query},
};

const COLUMNS: &str =
    "id, file, format, facts, imported_by, imported_at, applied_at, report, broke_off";

impl Store {
    /// Keeps a file of statements; says whether it is new: then nothing of it is in the books yet. One that is known
    /// is the same to the byte, by its id: its bytes take the place of those that are kept, should those be damaged.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn keep_statement(
        &self,
        new: &NewStatement,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let facts = serde_json::to_value(&new.facts).map_err(|e| StoreError::Encode(e.into()))?;
        let mut tx = self.begin().await?;
        let kept = query("INSERT INTO statements (id, file, format, received, facts, imported_by, imported_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING")
            .bind(&new.id)
            .bind(&new.file)
            .bind(&new.format)
            .bind(new.received.clone())
            .bind(&facts)
            .bind(&new.by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        if kept == 0 {
            query(
                "UPDATE statements SET received = $2, broke_off = 0, again_at = NULL WHERE id = $1",
            )
            .bind(&new.id)
            .bind(new.received.clone())
            .execute(&mut tx)
            .await?;
        }
        let event = Event {
            at: now,
            who: new.by.clone(),
            what: "pay.statement".to_owned(),
            subject: format!("statement/{}", new.id),
            detail: serde_json::json!({ "file": new.file }),
        };
        append(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(kept == 1)
    }

    /// All of a statement is in the books, and this came of it by now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finish_statement(
        &self,
        id: &str,
        report: &StatementReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let report = serde_json::to_value(report).map_err(|e| StoreError::Encode(e.into()))?;
        query("UPDATE statements SET applied_at = COALESCE(applied_at, $2), report = $3 WHERE id = $1")
            .bind(id)
            .bind(now)
            .bind(&report)
            .execute(&self.pools)
            .await?;
        self.look_at_grown_tables().await;
        Ok(())
    }

    /// The latest statements, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn statements(&self, limit: usize) -> Result<Vec<StatementRecord>, StoreError> {
        query(format!(
            "SELECT {COLUMNS} FROM statements ORDER BY imported_at DESC, id LIMIT $1"
        ))
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// What is kept of a statement breaks off, so that it cannot be booked; it is not looked at before `again`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn statement_broke_off(&self, id: &str, again: Timestamp) -> Result<(), StoreError> {
        query("UPDATE statements SET broke_off = broke_off + 1, again_at = $2 WHERE id = $1")
            .bind(id)
            .bind(again)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// Statements that were kept before a moment, are not done, and may be looked at now; oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unfinished_statements(
        &self,
        before: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<StatementRecord>, StoreError> {
        query(format!("SELECT {COLUMNS} FROM statements WHERE applied_at IS NULL AND imported_at <= $1 AND COALESCE(again_at, $2) <= $2 ORDER BY imported_at, id LIMIT $3"))
            .bind(before)
            .bind(now)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(record)
            .collect()
    }

    /// The statements whose id begins so; two at most, as the second says that it is not one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn statements_named(&self, start: &str) -> Result<Vec<StatementRecord>, StoreError> {
        if start.is_empty() || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        query(format!(
            "SELECT {COLUMNS} FROM statements WHERE id LIKE $1 ORDER BY id LIMIT 2"
        ))
        .bind(format!("{}%", start.to_ascii_lowercase()))
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// A statement's bytes as gzip.
    ///
    /// # Errors
    /// Where the database fails, or there is no such statement.
    pub async fn statement_received(&self, id: &str) -> Result<Vec<u8>, StoreError> {
        let row = query("SELECT received FROM statements WHERE id = $1")
            .bind(id)
            .fetch_one(&self.pools)
            .await?;
        Ok(row.get("received")?)
    }

    /// What became of these notices, of those that are known.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn outcomes(
        &self,
        notices: &[String],
    ) -> Result<HashMap<String, NoticeOutcome>, StoreError> {
        let mut all = HashMap::with_capacity(notices.len());
        for part in notices.chunks(ROWS_MAX) {
            let found = query("SELECT id, outcome FROM notices WHERE id IN ({rows})")
                .rows(part.iter().map(|id| [id.into()]))
                .fetch_all(&self.pools)
                .await?;
            for row in &found {
                if let Some(outcome) = outcome(row)? {
                    all.insert(row.get("id")?, outcome);
                }
            }
        }
        Ok(all)
    }
}

fn record(row: &Row) -> Result<StatementRecord, StoreError> {
    let facts = json(row, "facts")?.unwrap_or_default();
    let facts = serde_json::from_value(facts).map_err(|e| corrupt("facts", e))?;
    let report = match json(row, "report")? {
        Some(report) => Some(serde_json::from_value(report).map_err(|e| corrupt("report", e))?),
        None => None,
    };
    Ok(StatementRecord {
        id: row.get("id")?,
        file: row.get("file")?,
        format: row.get("format")?,
        facts,
        imported_by: row.get("imported_by")?,
        imported_at: time(row, "imported_at")?,
        report,
        broke_off: unsigned(row, "broke_off")?,
    })
}
