//! Release: a second person's word fixes the numbers of a run.

use kvit_billing::{BillNumber, RunId, Series};
use serde_json::json;

use crate::{
    Event, Release, Released, RunRecord, RunState, Store, StoreError,
    audit::append,
    engine::Tx,
    layouts,
    reconcile::same_person,
    rows::{number, text, unsigned},
    runs::run_record,
    sql::query,
};

/// The turn of whoever accepts or releases a run: their checks look over all runs.
pub(crate) const RUNS_TURN: &str = "runs";

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
    /// Nothing to give numbers to.
    #[error("run {0} has no orders")]
    Empty(RunId),
    /// Ten digits are used up.
    #[error("the series has no {0} numbers left")]
    SeriesExhausted(u64),
    /// A number is printed once, whatever its series (ЗДДС art. 114(1)).
    #[error(
        "numbers {first} to {last} of series {series} overlap those of run {taken_by}, which has {taken_first} to {taken_last} of series {taken_series}; release into a series whose numbers begin elsewhere"
    )]
    NumbersTaken {
        /// First number that was wanted.
        first: BillNumber,
        /// Last number that was wanted.
        last: BillNumber,
        /// Their series.
        series: Series,
        /// The run that has some of them.
        taken_by: RunId,
        /// First number of that run.
        taken_first: BillNumber,
        /// Last number of that run.
        taken_last: BillNumber,
        /// The series of that run.
        taken_series: Series,
    },
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
    /// Fixes, in one transaction, who releases, the moment of issue, the layout, and one contiguous range of
    /// numbers (ППЗДДС art. 78(2)), and tells the audit trail.
    ///
    /// # Errors
    /// Where the run is not `checked`, the same person imported it, the series is used up, or
    /// another run has one of the numbers.
    pub async fn release_run(
        &self,
        run: &RunId,
        release: &Release,
    ) -> Result<Released, ReleaseError> {
        let mut tx = self.begin().await?;
        tx.turn(RUNS_TURN).await?;
        let row = query("SELECT * FROM runs WHERE id = $1")
            .bind(run)
            .fetch_optional(&mut tx)
            .await?;
        let Some(record) = row.as_ref().map(run_record).transpose()? else {
            return Err(ReleaseError::NotFound(run.clone()));
        };
        may_release(&record, release)?;
        let (first, last) = next_numbers(&mut tx, &record, release).await?;
        layouts::turn(&mut tx).await?;
        let layout = layouts::current(&mut tx).await?;
        let base = layouts::base_of_run(&mut tx, layout, &release.base).await?;
        numbers_are_free(&mut tx, &release.series, first, last).await?;
        query("INSERT INTO series (name, next_number) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET next_number = excluded.next_number")
            .bind(&release.series)
            .bind(last.get() + 1)
            .execute(&mut tx)
            .await?;
        query("UPDATE runs SET state = 'released', released_by = $2, issued_at = $3, series = $4, first_number = $5, layout = $6, layout_base = $7 WHERE id = $1")
            .bind(run)
            .bind(&release.by)
            .bind(release.at)
            .bind(&release.series)
            .bind(first)
            .bind(layout)
            .bind(base)
            .execute(&mut tx)
            .await?;
        let told = Event {
            at: release.at,
            who: release.who.clone(),
            what: "run.released".to_owned(),
            subject: format!("run/{run}"),
            detail: json!({ "as": release.by, "first": first.to_string(), "last": last.to_string() }),
        };
        append(&mut tx, &told).await?;
        tx.commit().await?;
        Ok(Released {
            first,
            last,
            issued_at: release.at,
        })
    }
}

fn may_release(record: &RunRecord, release: &Release) -> Result<(), ReleaseError> {
    let run = record.id.clone();
    if record.state != RunState::Checked {
        return Err(ReleaseError::WrongState(run, record.state.as_str()));
    }
    if same_person(&record.imported_by, &release.by) {
        return Err(ReleaseError::SamePerson(run));
    }
    if record.orders == 0 {
        return Err(ReleaseError::Empty(run));
    }
    Ok(())
}

async fn next_numbers(
    tx: &mut Tx,
    record: &RunRecord,
    release: &Release,
) -> Result<(BillNumber, BillNumber), ReleaseError> {
    let row = query("SELECT next_number FROM series WHERE name = $1")
        .bind(&release.series)
        .fetch_optional(tx)
        .await?;
    let next = match row {
        Some(row) => unsigned(&row, "next_number")?,
        None => release.first_if_new.get(),
    };
    BillNumber::new(next)
        .and_then(|first| Some((first, first.plus(record.orders - 1)?)))
        .ok_or(ReleaseError::SeriesExhausted(record.orders))
}

async fn numbers_are_free(
    tx: &mut Tx,
    series: &Series,
    first: BillNumber,
    last: BillNumber,
) -> Result<(), ReleaseError> {
    let taken = query("SELECT id, series, first_number, first_number + orders - 1 AS last_number FROM runs WHERE first_number <= $2 AND first_number + orders > $1 ORDER BY first_number LIMIT 1")
        .bind(first)
        .bind(last)
        .fetch_optional(tx)
        .await?;
    match taken {
        None => Ok(()),
        Some(row) => Err(ReleaseError::NumbersTaken {
            first,
            last,
            series: series.clone(),
            taken_by: text(&row, "id")?,
            taken_first: number(&row, "first_number")?,
            taken_last: number(&row, "last_number")?,
            taken_series: text(&row, "series")?,
        }),
    }
}
