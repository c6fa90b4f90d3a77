//! The balance sheet of a run: every bill that was issued is accounted for, in counts and in money.

use jiff::Timestamp;
use kvit_billing::{Cents, RunId};

use crate::{
    BalanceLine, BalanceSheet, Close, Event, RunClosing, RunRecord, RunState, Store, StoreError,
    audit::append,
    engine::Target,
    release::RUNS_TURN,
    rows::{corrupt, json, time, unsigned},
    runs::run_record,
    sql::query,
};

impl Store {
    /// Where each bill of a run is now. A bill that goes out more than once counts once, by the best
    /// that is known of it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn balance(&self, run: &RunId) -> Result<BalanceSheet, StoreError> {
        let row = query("SELECT * FROM runs WHERE id = $1")
            .bind(run)
            .fetch_one(&self.pools)
            .await?;
        Ok(sheet(&run_record(&row)?, outcomes(&self.pools, run).await?))
    }

    /// Closes a run, if it is issued, its balance sheet has nothing open any more, and no more than `unprinted` bills are
    /// still to be printed. The sheet is kept as it was.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_run(
        &self,
        run: &RunId,
        unprinted: u64,
        event: &Event,
    ) -> Result<Close, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(RUNS_TURN).await?;
        let row = query("SELECT * FROM runs WHERE id = $1")
            .bind(run)
            .fetch_optional(&mut tx)
            .await?;
        let Some(record) = row.as_ref().map(run_record).transpose()? else {
            return Ok(Close::Open);
        };
        let before = query("SELECT run FROM run_closings WHERE run = $1")
            .bind(run)
            .fetch_optional(&mut tx)
            .await?;
        if before.is_some() {
            return Ok(Close::Closed);
        }
        let sheet = sheet(&record, outcomes(&mut tx, run).await?);
        if record.state != RunState::Issued || !sheet.is_settled() {
            return Ok(Close::Open);
        }
        if sheet.to_print() > unprinted {
            return Ok(Close::Unprinted);
        }
        let body = serde_json::to_value(sheet).map_err(|e| StoreError::Encode(e.into()))?;
        let added = query("INSERT INTO run_closings (run, closed_by, at, sheet) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(run)
            .bind(&event.who)
            .bind(event.at)
            .bind(&body)
            .execute(&mut tx)
            .await?;
        if added == 1 {
            append(&mut tx, event).await?;
        }
        tx.commit().await?;
        Ok(Close::Closed)
    }

    /// Who closed a run, when, and what its sheet said then.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn closing_of(&self, run: &RunId) -> Result<Option<RunClosing>, StoreError> {
        let row = query("SELECT * FROM run_closings WHERE run = $1")
            .bind(run)
            .fetch_optional(&self.pools)
            .await?;
        row.map(|row| {
            let at: Timestamp = time(&row, "at")?;
            let sheet = json(&row, "sheet")?.unwrap_or_default();
            let sheet = serde_json::from_value(sheet).map_err(|_| corrupt("sheet", "JSON"))?;
            Ok(RunClosing {
                by: row.get("closed_by")?,
                at,
                sheet,
            })
        })
        .transpose()
    }
}

/// Bills that came to the same.
struct Outcome {
    word: String,
    all: BalanceLine,
    /// Those of them whose paper has not been handed over for printing.
    unprinted: BalanceLine,
}

/// What the bills of a run came to.
async fn outcomes(on: impl Target, run: &RunId) -> Result<Vec<Outcome>, StoreError> {
    query(
        "SELECT outcome, COUNT(*) AS bills, CAST(COALESCE(SUM(signed), 0) AS BIGINT) AS cents,
           COUNT(CASE WHEN papers > 0 THEN 1 END) AS unprinted,
           CAST(COALESCE(SUM(CASE WHEN papers > 0 THEN signed END), 0) AS BIGINT) AS unprinted_cents FROM (
           SELECT b.number, CASE WHEN b.kind = 'credit-note' THEN -b.gross ELSE b.gross END AS signed,
             COUNT(CASE WHEN d.channel = 'paper' AND d.handed_over_at IS NULL THEN 1 END) AS papers,
             CASE WHEN COUNT(CASE WHEN d.channel = 'email' AND d.state = 'sent' THEN 1 END) > 0 THEN 'accepted'
                  WHEN COUNT(CASE WHEN d.channel = 'email' AND d.state IN ('queued', 'sending') THEN 1 END) > 0 THEN 'held'
                  WHEN COUNT(CASE WHEN d.channel = 'paper' THEN 1 END) > 0 THEN 'paper'
                  WHEN COUNT(CASE WHEN d.state = 'failed' THEN 1 END) > 0 THEN 'failed'
                  ELSE 'held' END AS outcome
           FROM bills b LEFT JOIN deliveries d ON d.bill = b.number WHERE b.run = $1 GROUP BY b.number, b.kind, b.gross
         ) AS each_bill GROUP BY outcome",
    )
    .bind(run)
    .fetch_all(on)
    .await?
    .iter()
    .map(|row| {
        let line = |bills: &'static str, cents: &'static str| {
            Ok::<_, StoreError>(BalanceLine {
                bills: unsigned(row, bills)?,
                sum: Cents::new(row.get(cents)?),
            })
        };
        Ok(Outcome {
            word: row.get("outcome")?,
            all: line("bills", "cents")?,
            unprinted: line("unprinted", "unprinted_cents")?,
        })
    })
    .collect()
}

fn sheet(run: &RunRecord, outcomes: Vec<Outcome>) -> BalanceSheet {
    let of = |word: &str| {
        let found = outcomes.iter().find(|outcome| outcome.word == word);
        found.map(|outcome| outcome.all).unwrap_or_default()
    };
    let sum = |lines: &mut dyn Iterator<Item = BalanceLine>| {
        lines.fold(BalanceLine::default(), |all, line| BalanceLine {
            bills: all.bills + line.bills,
            sum: all.sum + line.sum,
        })
    };
    let (on_paper, others): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|outcome| outcome.word == "paper");
    BalanceSheet {
        ordered: BalanceLine {
            bills: run.orders,
            sum: run.sum_cents,
        },
        issued: sum(&mut outcomes.iter().map(|outcome| outcome.all)),
        accepted: of("accepted"),
        paper: of("paper"),
        unprinted: sum(&mut on_paper.iter().map(|outcome| outcome.unprinted)),
        beside: sum(&mut others.iter().map(|outcome| outcome.unprinted)),
        held: of("held"),
        failed: of("failed"),
    }
}
