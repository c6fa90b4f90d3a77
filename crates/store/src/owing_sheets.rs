//! Sheets of what customers owed at a moment: asked for by staff, put down by workers a stretch of customers at a
//! time, read by class and amount.
//!
//! A stretch is computed outside and kept in one transaction with the place that it reached. A death before it
//! leaves the stretch to whoever comes next; of two workers at one stretch the first counts.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use kvit_billing::{Cents, Customer, CustomerNumber, RunId};
use kvit_pay::aging::{Age, Aged, AgedTotals};

use crate::{
    Owing, OwingAsked, OwingLine, OwingSheet, Store, StoreError,
    engine::{Row, Target},
    release::RUNS_TURN,
    rows::{corrupt, optional_time, text, time, unsigned},
    sql::{ROWS_MAX, query},
};

/// Sheets that are kept; the rows of earlier ones are deleted.
pub const OWING_SHEETS_KEPT: u64 = 12;
/// Rows that are read at a time, far more than a customer has.
const LINES_READ: usize = 1000;
/// Customers of an old sheet whose rows are deleted in one transaction.
const DELETED_AT_ONCE: usize = 1000;

const COLUMNS: &str = "number, day, at, asked_by, reached, totals, booked, finished_at";

impl Store {
    /// Has a sheet made of what was owed at a moment, aged on a day, and gives its number. While one is in the
    /// making there is no second, and one of the same moment is not made again. None begins while a run that
    /// was released by then is being issued: it would miss bills, and agree with itself.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn ask_for_owing_sheet(
        &self,
        day: Date,
        at: Timestamp,
        who: &str,
    ) -> Result<OwingAsked, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn("owing-sheets").await?;
        // No run is released meanwhile.
        tx.turn(RUNS_TURN).await?;
        let rows = query(
            "SELECT number, day, at, finished_at FROM owing_sheets ORDER BY number DESC LIMIT $1",
        )
        .bind(OWING_SHEETS_KEPT)
        .fetch_all(&mut tx)
        .await?;
        let mut next = 1;
        for (place, row) in rows.iter().enumerate() {
            let number = unsigned(row, "number")?;
            if place == 0 {
                next = number + 1;
            }
            let making = optional_time(row, "finished_at")?.is_none();
            let its_day: Date = text(row, "day")?;
            // Asked for twice of today, the moments differ.
            if time(row, "at")? == at || (making && its_day == day) {
                return Ok(OwingAsked::Sheet(number));
            }
            if making {
                return Ok(OwingAsked::Busy(its_day));
            }
        }
        if let Some(run) = unissued(&mut tx, at).await? {
            return Ok(OwingAsked::Unissued(run));
        }
        let none = serde_json::to_string(&AgedTotals::default())
            .map_err(|error| StoreError::Encode(error.into()))?;
        query("INSERT INTO owing_sheets (number, day, at, asked_by, reached, totals) VALUES ($1, $2, $3, $4, '', $5)")
            .bind(next)
            .bind(day)
            .bind(at)
            .bind(who)
            .bind(none)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(OwingAsked::Sheet(next))
    }

    /// A run whose bills belong to what was owed at that moment, and are still being issued.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unissued_run(&self, at: Timestamp) -> Result<Option<RunId>, StoreError> {
        unissued(&self.pools, at).await
    }

    /// The sheets that are kept, the latest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn owing_sheets(&self) -> Result<Vec<OwingSheet>, StoreError> {
        query(format!(
            "SELECT {COLUMNS} FROM owing_sheets ORDER BY number DESC LIMIT $1"
        ))
        .bind(OWING_SHEETS_KEPT)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(sheet)
        .collect()
    }

    /// Puts down the next stretch of the sheet that is in the making, or deletes a part of an old one; `false`
    /// where there is nothing to do.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn continue_owing_sheet(&self, now: Timestamp) -> Result<bool, StoreError> {
        let open = query(format!(
            "SELECT {COLUMNS} FROM owing_sheets WHERE finished_at IS NULL ORDER BY number LIMIT 1"
        ))
        .fetch_optional(&self.pools)
        .await?;
        let Some(row) = open else {
            return self.delete_old_sheet().await;
        };
        let mut made = sheet(&row)?;
        let reached: String = row.get("reached")?;
        let after: Option<CustomerNumber> = match reached.as_str() {
            "" => None,
            _ => Some(text(&row, "reached")?),
        };
        let page = self.owing(made.at, made.day, after.as_ref()).await?;
        let Some(last) = &page.last else {
            let booked = self.customers_booked(made.at).await?;
            query("UPDATE owing_sheets SET booked = $1, finished_at = $2 WHERE number = $3 AND reached = $4 AND finished_at IS NULL")
                .bind(booked)
                .bind(now)
                .bind(made.number)
                .bind(reached)
                .execute(&self.pools)
                .await?;
            return Ok(true);
        };
        made.totals += page.totals;
        let totals = serde_json::to_string(&made.totals)
            .map_err(|error| StoreError::Encode(error.into()))?;
        let mut tx = self.begin().await?;
        let mine = query("UPDATE owing_sheets SET reached = $1, totals = $2 WHERE number = $3 AND reached = $4 AND finished_at IS NULL")
            .bind(last)
            .bind(totals)
            .bind(made.number)
            .bind(reached)
            .execute(&mut tx)
            .await?;
        if mine == 0 {
            return Ok(true);
        }
        let rows: Vec<_> = page
            .owing
            .iter()
            .flat_map(|one| classes(made.number, one))
            .collect();
        for part in rows.chunks(ROWS_MAX) {
            query("INSERT INTO owing (sheet, account, age, cents, whole, oldest) {rows}")
                .rows(part.iter().cloned())
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The customers of a class of a sheet, who owe most first. `after` is the last of the page before.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn owing_of_age(
        &self,
        sheet: u64,
        age: Age,
        after: Option<(Cents, &CustomerNumber)>,
        limit: usize,
    ) -> Result<Vec<OwingLine>, StoreError> {
        let (cents, account) = after
            .map_or((Cents::new(i64::MAX), String::new()), |(cents, account)| {
                (cents, account.to_string())
            });
        query("WITH page AS (SELECT account, cents, whole, oldest FROM owing WHERE sheet = $1 AND age = $2 AND cents <= $3 AND (cents < $3 OR account > $4) ORDER BY cents DESC, account LIMIT $5) SELECT page.account, page.cents, page.whole, page.oldest, c.body FROM page JOIN customers c ON c.number = page.account ORDER BY page.cents DESC, page.account")
            .bind(sheet)
            .bind(age as usize)
            .bind(cents)
            .bind(account)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(line)
            .collect()
    }

    /// The next customers of a sheet by number, a thousand at most, with all that they owe; none behind the last.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn owing_of_sheet(
        &self,
        sheet: u64,
        after: Option<&CustomerNumber>,
    ) -> Result<Vec<Owing>, StoreError> {
        let rows = query("SELECT account, age, cents, oldest FROM owing WHERE sheet = $1 AND account > $2 ORDER BY account, age LIMIT $3")
            .bind(sheet)
            .bind(after.map_or_else(String::new, ToString::to_string))
            .bind(LINES_READ)
            .fetch_all(&self.pools)
            .await?;
        let mut found: BTreeMap<CustomerNumber, Aged> = BTreeMap::new();
        for row in &rows {
            let aged = found.entry(text(row, "account")?).or_default();
            let age = unsigned(row, "age")?;
            let place = usize::try_from(age)
                .ok()
                .and_then(|age| aged.cents.get_mut(age));
            *place.ok_or_else(|| corrupt("age", age))? = Cents::new(row.get("cents")?);
            aged.oldest = Some(text(row, "oldest")?);
        }
        // Of the last one there may be more.
        if rows.len() == LINES_READ {
            found.pop_last();
        }
        let one = |(account, aged)| Owing { account, aged };
        Ok(found.into_iter().map(one).collect())
    }

    async fn delete_old_sheet(&self) -> Result<bool, StoreError> {
        let old = query("SELECT MIN(number) AS number FROM owing_sheets WHERE number <= (SELECT MAX(number) FROM owing_sheets) - $1")
            .bind(OWING_SHEETS_KEPT)
            .fetch_one(&self.pools)
            .await?;
        let Some(number) = old.get::<Option<i64>>("number")? else {
            return Ok(false);
        };
        let mut tx = self.begin().await?;
        let rows = query(
            "SELECT account FROM owing WHERE sheet = $1 GROUP BY account ORDER BY account LIMIT $2",
        )
        .bind(number)
        .bind(DELETED_AT_ONCE)
        .fetch_all(&mut tx)
        .await?;
        match rows.last() {
            Some(last) => {
                query("DELETE FROM owing WHERE sheet = $1 AND account <= $2")
                    .bind(number)
                    .bind(last.get::<String>("account")?)
                    .execute(&mut tx)
                    .await?
            }
            None => {
                query("DELETE FROM owing_sheets WHERE number = $1")
                    .bind(number)
                    .execute(&mut tx)
                    .await?
            }
        };
        tx.commit().await?;
        Ok(true)
    }
}

/// A row for each class in which something is open.
fn classes(sheet: u64, one: &Owing) -> Vec<[crate::sql::Value; 6]> {
    let open = (0_u64..)
        .zip(one.aged.cents)
        .filter(|(_, cents)| *cents > Cents::ZERO);
    open.map(|(age, cents)| {
        [
            sheet.into(),
            (&one.account).into(),
            age.into(),
            cents.into(),
            one.aged.sum().into(),
            one.aged.oldest.into(),
        ]
    })
    .collect()
}

fn sheet(row: &Row) -> Result<OwingSheet, StoreError> {
    let totals: String = row.get("totals")?;
    let booked: Option<i64> = row.get("booked")?;
    Ok(OwingSheet {
        number: unsigned(row, "number")?,
        day: text(row, "day")?,
        at: time(row, "at")?,
        asked_by: row.get("asked_by")?,
        totals: serde_json::from_str(&totals).map_err(|_| corrupt("totals", &totals))?,
        booked: booked.map(Cents::new),
        finished_at: optional_time(row, "finished_at")?,
    })
}

fn line(row: &Row) -> Result<OwingLine, StoreError> {
    let body: String = row.get("body")?;
    let customer: Customer =
        serde_json::from_str(&body).map_err(|_| corrupt("customer", "JSON"))?;
    Ok(OwingLine {
        account: text(row, "account")?,
        name: customer.name,
        cents: Cents::new(row.get("cents")?),
        all: Cents::new(row.get("whole")?),
        oldest: text(row, "oldest")?,
    })
}

async fn unissued(on: impl Target, at: Timestamp) -> Result<Option<RunId>, StoreError> {
    let row = query("SELECT id FROM runs WHERE state = 'released' AND issued_at <= $1 ORDER BY issued_at, id LIMIT 1")
        .bind(at)
        .fetch_optional(on)
        .await?;
    row.map(|row| text(&row, "id")).transpose()
}
