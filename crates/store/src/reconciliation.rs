//! What payment systems said, what bank statements say, and what the books hold because of it: by day, side by
//! side.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use kvit_billing::Cents;
use kvit_pay::{ProviderName, statement::BANK};

use crate::{
    NoticeOutcome, ReconciledDay, ReconciledNotice, Store, StoreError, Tally,
    engine::Row,
    notices::outcome,
    rows::{corrupt, text, time, unsigned},
    sql::query,
};

/// A notice of money that came: what it says, and what the books got because of it. Where it says no amount,
/// what was asked for.
const SAID: &str = "COALESCE(n.amount, y.amount, 0)";
const BOOKED: &str = "CAST(COALESCE((SELECT SUM(p.cents) FROM journal j JOIN postings p ON p.entry = j.id AND p.cents > 0 AND (p.book = 'bank' OR p.book LIKE 'clearing/%') WHERE j.notice = n.id AND COALESCE(j.reverses, '') = ''), 0) AS BIGINT)";

impl Store {
    /// Each day and payment system of these days (with the moments between which each lies; at most 250, at least
    /// one) that has something. A notice counts on the day on which it came, a bank transfer on the day on which the
    /// bank booked it, and so does what a payment system handed over. Differences first, then the latest day.
    ///
    /// Reads the notices and transfers of these days, each once, by an index on their time.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reconciled(
        &self,
        days: &[(Date, Timestamp, Timestamp)],
    ) -> Result<Vec<ReconciledDay>, StoreError> {
        let mut all: BTreeMap<(Date, ProviderName), ReconciledDay> = BTreeMap::new();
        let rows = days
            .iter()
            .map(|(day, from, until)| [(*day).into(), (*from).into(), (*until).into()]);
        let noticed = query(format!("WITH days (day, since, until) AS ({{rows}}) SELECT day, provider, COUNT(*) AS said_count, CAST(SUM(said) AS BIGINT) AS said, SUM(CASE WHEN booked <> 0 THEN 1 ELSE 0 END) AS booked_count, CAST(SUM(booked) AS BIGINT) AS booked, SUM(CASE WHEN booked <> said THEN 1 ELSE 0 END) AS differing
            FROM (SELECT days.day, n.provider, {SAID} AS said, {BOOKED} AS booked FROM days JOIN notices n ON n.received_at >= days.since AND n.received_at < days.until LEFT JOIN payments y ON y.provider = n.provider AND y.number = n.payment WHERE n.event = 'paid' AND n.provider <> '{BANK}') AS each GROUP BY day, provider"))
            .rows(rows)
            .fetch_all(&self.pools)
            .await?;
        for row in &noticed {
            let one = at(&mut all, row, text(row, "provider")?)?;
            one.notices = tally(row, "said_count", "said")?;
            one.journal = tally(row, "booked_count", "booked")?;
            one.differing = unsigned(row, "differing")?;
        }
        let days: Vec<_> = days.iter().map(|(day, ..)| [(*day).into()]).collect();
        let handed = query("WITH days (day) AS ({rows}) SELECT days.day, t.payout AS provider, COUNT(*) AS count, CAST(SUM(t.cents) AS BIGINT) AS cents FROM days JOIN transfers t ON t.booked = days.day WHERE t.kind = 'payout' GROUP BY days.day, t.payout")
            .rows(days.clone())
            .fetch_all(&self.pools)
            .await?;
        for row in &handed {
            let one = at(&mut all, row, text(row, "provider")?)?;
            one.statements = tally(row, "count", "cents")?;
        }
        let bank: ProviderName = BANK.parse().map_err(|_| corrupt("provider", BANK))?;
        let booked = query(format!("WITH days (day) AS ({{rows}}) SELECT day, COUNT(*) AS said_count, CAST(SUM(said) AS BIGINT) AS said, SUM(CASE WHEN booked <> 0 THEN 1 ELSE 0 END) AS booked_count, CAST(SUM(booked) AS BIGINT) AS booked, SUM(CASE WHEN booked <> said THEN 1 ELSE 0 END) AS differing
            FROM (SELECT days.day, t.cents AS said, {BOOKED} AS booked FROM days JOIN transfers t ON t.booked = days.day JOIN notices n ON n.id = t.notice WHERE t.kind <> 'taken-back') AS each GROUP BY day"))
            .rows(days)
            .fetch_all(&self.pools)
            .await?;
        for row in &booked {
            let one = at(&mut all, row, bank.clone())?;
            one.statements = tally(row, "said_count", "said")?;
            one.journal = tally(row, "booked_count", "booked")?;
            one.differing = unsigned(row, "differing")?;
        }
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_by_key(|one| (one.differing == 0, std::cmp::Reverse(one.day)));
        Ok(all)
    }

    /// What came of a payment system on a day, or of the bank: differences first, then by time.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reconciled_notices(
        &self,
        provider: &ProviderName,
        (day, from, until): (Date, Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<ReconciledNotice>, StoreError> {
        let found = if provider.as_str() == BANK {
            query(format!("SELECT * FROM (SELECT n.id, n.received_at, n.outcome, t.cents AS said, {BOOKED} AS booked FROM transfers t JOIN notices n ON n.id = t.notice WHERE t.booked = $1 AND t.kind <> 'taken-back') AS each ORDER BY CASE WHEN booked <> said THEN 0 ELSE 1 END, id LIMIT $2"))
                .bind(day)
                .bind(limit)
        } else {
            query(format!("SELECT * FROM (SELECT n.id, n.received_at, n.outcome, {SAID} AS said, {BOOKED} AS booked FROM notices n LEFT JOIN payments y ON y.provider = n.provider AND y.number = n.payment WHERE n.received_at >= $1 AND n.received_at < $2 AND n.event = 'paid' AND n.provider = $3) AS each ORDER BY CASE WHEN booked <> said THEN 0 ELSE 1 END, received_at, id LIMIT $4"))
                .bind(from)
                .bind(until)
                .bind(provider)
                .bind(limit)
        };
        let rows = found.fetch_all(&self.pools).await?;
        rows.iter().map(notice).collect()
    }
}

fn at<'a>(
    all: &'a mut BTreeMap<(Date, ProviderName), ReconciledDay>,
    row: &Row,
    provider: ProviderName,
) -> Result<&'a mut ReconciledDay, StoreError> {
    let day: Date = text(row, "day")?;
    let new = ReconciledDay {
        day,
        provider: provider.clone(),
        notices: Tally::default(),
        statements: Tally::default(),
        journal: Tally::default(),
        differing: 0,
    };
    Ok(all.entry((day, provider)).or_insert(new))
}

fn tally(row: &Row, count: &'static str, cents: &'static str) -> Result<Tally, StoreError> {
    Ok(Tally {
        count: unsigned(row, count)?,
        cents: Cents::new(row.get(cents)?),
    })
}

fn notice(row: &Row) -> Result<ReconciledNotice, StoreError> {
    let outcome: Option<NoticeOutcome> = outcome(row)?;
    Ok(ReconciledNotice {
        id: row.get("id")?,
        received_at: time(row, "received_at")?,
        outcome,
        said: Cents::new(row.get("said")?),
        booked: Cents::new(row.get("booked")?),
    })
}
