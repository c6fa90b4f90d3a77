//! What payment systems said, what bank statements say, and what the books hold because of it: by day, side by
//! side.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::Cents;
use kvit_pay::{ProviderName, statement::BANK};

use crate::{
    ClearingSum, NoticeOutcome, ReconciledDay, ReconciledNotice, Store, StoreError, Tally,
    engine::Row,
    notices::outcome,
    rows::{corrupt, text, time, unsigned},
    sql::query,
};

/// Notices of money: that it came, or went back.
const MONEY: &str = "n.event IN ('paid', 'reversed', 'rolled-back')";
/// What such a notice means: the payment that was begun, and of one that says that money went back, the notice of it.
const MEANT: &str = "LEFT JOIN payments y ON y.provider = n.provider AND y.number = n.payment LEFT JOIN notices b ON n.event = 'reversed' AND b.id = n.provider || '/paid/' || SUBSTR(n.id, LENGTH(n.provider) + 11)";
/// What the books got because of it.
const BOOKED: &str = "CAST(COALESCE((SELECT SUM(p.cents) FROM journal j JOIN postings p ON p.entry = j.id AND (p.book = 'bank' OR p.book LIKE 'clearing/%') WHERE j.notice = n.id AND CASE WHEN n.event = 'paid' THEN p.cents > 0 AND COALESCE(j.reverses, '') = '' ELSE COALESCE(j.reverses, '') <> '' END), 0) AS BIGINT)";

/// Of entries `j` and what they reverse, `o`: whether money came to a payment system by it, or what came was taken back.
const CAME: &str = "COALESCE(o.kind, j.kind) IN ('payment', 'unmatched')";
/// Whether it handed money over by it.
const HANDED: &str = "COALESCE(o.kind, j.kind) = 'payout'";
/// The books of payment systems, and their names in them.
const CLEARING: &str = "p.book >= 'clearing/' AND p.book < 'clearing0'";
const PROVIDER: &str = "SUBSTR(p.book, 10)";

/// The days of a month, with the moments between which each lies where the operator sits; those that the calendar of
/// that place does not have are left out.
#[must_use]
pub fn days_of(first: Date, zone: &TimeZone) -> Vec<(Date, Timestamp, Timestamp)> {
    let start = |day: Date| zone.to_timestamp(day.at(0, 0, 0, 0)).ok();
    (0..first.days_in_month())
        .filter_map(|no| {
            let day = first.checked_add(i64::from(no).days()).ok()?;
            Some((day, start(day)?, start(day.checked_add(1.day()).ok()?)?))
        })
        .collect()
}

impl Store {
    /// What each payment system collected, gave back and handed over from `from` on and before `until`, what it held before
    /// and holds then, and what of that it should have handed over by now: what came more than so many days before `now`,
    /// `within` or those of its name. What is handed over is what came first. Differences first, then by name.
    ///
    /// Reads their books' index as a whole, and the journal from the earliest of these moments on.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn clearing(
        &self,
        (from, until): (Timestamp, Timestamp),
        within: (u32, &[(ProviderName, u32)]),
        now: Timestamp,
    ) -> Result<Vec<ClearingSum>, StoreError> {
        let held = query(format!("SELECT {PROVIDER} AS provider, CAST(SUM(p.cents) AS BIGINT) AS cents FROM postings p WHERE {CLEARING} GROUP BY p.book"))
            .fetch_all(&self.pools)
            .await?;
        let mut all = Vec::with_capacity(held.len());
        for row in &held {
            let provider: ProviderName = text(row, "provider")?;
            let (usual, own) = within;
            let days = own.iter().find(|(name, _)| *name == provider);
            let days = days.map_or(usual, |(_, days)| *days);
            let before = until.min(now - SignedDuration::from_hours(24 * i64::from(days)));
            all.push((provider, days, before, Cents::new(row.get("cents")?)));
        }
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let since = all.iter().map(|(_, _, before, _)| *before).min();
        let since = since.map_or(from, |since| since.min(from));
        let asked = all.iter().map(|(provider, _, before, _)| {
            let book = format!("clearing/{provider}");
            [
                book.into(),
                since.into(),
                from.into(),
                until.into(),
                (*before).into(),
            ]
        });
        let sum = |when: &str, name: &str| {
            format!("CAST(SUM(CASE WHEN {when} THEN p.cents ELSE 0 END) AS BIGINT) AS {name}")
        };
        let then = "j.at >= a.since AND j.at < a.until";
        // SQLite reads in the order of CROSS JOIN: the journal by its time.
        let moved = query(format!(
            "WITH asked (book, earliest, since, until, before) AS ({{rows}}) SELECT {PROVIDER} AS provider, {}, {}, {}, {}, {} FROM (SELECT MIN(earliest) AS earliest FROM asked) e CROSS JOIN journal j CROSS JOIN postings p JOIN asked a ON a.book = p.book LEFT JOIN journal o ON o.id = j.reverses WHERE j.at >= e.earliest AND p.entry = j.id AND {CLEARING} GROUP BY p.book",
            sum("j.at >= a.since", "since"),
            sum("j.at >= a.until", "beyond"),
            sum(&format!("{then} AND {CAME} AND COALESCE(j.reverses, '') = ''"), "came"),
            sum(&format!("{then} AND {HANDED}"), "handed"),
            sum(&format!("{CAME} AND COALESCE(o.at, j.at) >= a.before"), "recent"),
        ))
        .rows(asked)
        .fetch_all(&self.pools)
        .await?;
        let mut moves: BTreeMap<ProviderName, [Cents; 5]> = BTreeMap::new();
        for row in &moved {
            let mut sums = [Cents::ZERO; 5];
            for (sum, name) in sums
                .iter_mut()
                .zip(["since", "beyond", "came", "handed", "recent"])
            {
                *sum = Cents::new(row.get(name)?);
            }
            moves.insert(text(row, "provider")?, sums);
        }
        let mut all: Vec<_> = all
            .into_iter()
            .map(|(provider, within_days, _, holds)| {
                let sums = moves.get(&provider).copied();
                let [since, beyond, came, handed, recent] = sums.unwrap_or_default();
                let (carried, left) = (holds - since, holds - beyond);
                let late = holds - recent;
                ClearingSum {
                    carried,
                    came,
                    back: left - carried - came - handed,
                    handed,
                    left,
                    // More than it ever collected is wrong at once.
                    late: if late > Cents::ZERO {
                        late
                    } else {
                        holds.min(Cents::ZERO)
                    },
                    within_days,
                    provider,
                }
            })
            .collect();
        all.sort_by_key(|one| one.late == Cents::ZERO);
        Ok(all)
    }

    /// Each day and payment system of these days (with the moments between which each lies; at most 250, at least
    /// one) that has something. A notice counts on the day on which it came, a bank transfer on the day on which the
    /// bank booked it, and so does what a payment system handed over; what was taken back or given back counts on the day
    /// on which the books have it, of the bank on that of the bank. Differences first, then the latest day.
    ///
    /// Reads the notices and transfers of these days, each once, by an index on their time.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reconciled(
        &self,
        days: &[(Date, Timestamp, Timestamp)],
    ) -> Result<Vec<ReconciledDay>, StoreError> {
        let (mut all, said) = (BTreeMap::new(), said());
        let rows = days
            .iter()
            .map(|(day, from, until)| [(*day).into(), (*from).into(), (*until).into()]);
        let noticed = query(format!("WITH days (day, since, until) AS ({{rows}}) SELECT day, provider, SUM(paid) AS said_count, CAST(SUM(said * paid) AS BIGINT) AS said, SUM(CASE WHEN booked > 0 THEN 1 ELSE 0 END) AS booked_count, CAST(SUM(booked * paid) AS BIGINT) AS booked, SUM(CASE WHEN booked <> said THEN 1 ELSE 0 END) AS differing
            FROM (SELECT days.day, n.provider, CASE WHEN n.event = 'paid' THEN 1 ELSE 0 END AS paid, {said} AS said, {BOOKED} AS booked FROM days JOIN notices n ON n.received_at >= days.since AND n.received_at < days.until {MEANT} WHERE {MONEY} AND n.provider <> '{BANK}') AS each GROUP BY day, provider"))
            .rows(rows.clone())
            .fetch_all(&self.pools)
            .await?;
        for row in &noticed {
            let one = at(&mut all, row, text(row, "provider")?)?;
            one.notices = tally(row, "said_count", "said")?;
            one.journal = tally(row, "booked_count", "booked")?;
            one.differing = unsigned(row, "differing")?;
        }
        let went = query(format!("WITH days (day, since, until) AS ({{rows}}) SELECT days.day, {PROVIDER} AS provider, COUNT(*) AS count, CAST(SUM(p.cents) AS BIGINT) AS cents FROM days CROSS JOIN journal j CROSS JOIN postings p LEFT JOIN journal o ON o.id = j.reverses WHERE j.at >= days.since AND j.at < days.until AND p.entry = j.id AND {CLEARING} AND NOT ({CAME} AND COALESCE(j.reverses, '') = '') AND NOT {HANDED} GROUP BY days.day, p.book"))
            .rows(rows)
            .fetch_all(&self.pools)
            .await?;
        for row in &went {
            let one = at(&mut all, row, text(row, "provider")?)?;
            one.back = tally(row, "count", "cents")?;
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
        let booked = query(format!("WITH days (day) AS ({{rows}}) SELECT day, SUM(paid) AS said_count, CAST(SUM(said * paid) AS BIGINT) AS said, SUM(CASE WHEN booked > 0 THEN 1 ELSE 0 END) AS booked_count, CAST(SUM(booked * paid) AS BIGINT) AS booked, SUM(CASE WHEN booked <> said THEN 1 ELSE 0 END) AS differing
            FROM (SELECT days.day, CASE WHEN n.event = 'paid' THEN 1 ELSE 0 END AS paid, {said} AS said, {BOOKED} AS booked FROM days JOIN transfers t ON t.booked = days.day JOIN notices n ON n.id = t.notice {MEANT}) AS each GROUP BY day"))
            .rows(days.clone())
            .fetch_all(&self.pools)
            .await?;
        for row in &booked {
            let one = at(&mut all, row, bank.clone())?;
            one.statements = tally(row, "said_count", "said")?;
            one.journal = tally(row, "booked_count", "booked")?;
            one.differing = unsigned(row, "differing")?;
        }
        // What the bank took back, and refunds that left the account.
        let went = query("WITH days (day) AS ({rows}) SELECT day, COUNT(*) AS count, CAST(SUM(cents) AS BIGINT) AS cents FROM (SELECT days.day, -t.cents AS cents FROM days JOIN transfers t ON t.booked = days.day WHERE t.kind = 'taken-back' UNION ALL SELECT days.day, -c.amount FROM days JOIN concessions c ON c.paid_day = days.day) AS each GROUP BY day")
            .rows(days)
            .fetch_all(&self.pools)
            .await?;
        for row in &went {
            let one = at(&mut all, row, bank.clone())?;
            one.back = tally(row, "count", "cents")?;
        }
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_by_key(|one| (one.differing == 0, Reverse(one.day)));
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
        let said = said();
        let found = if provider.as_str() == BANK {
            query(format!("SELECT * FROM (SELECT n.id, n.received_at, n.outcome, {said} AS said, {BOOKED} AS booked FROM transfers t JOIN notices n ON n.id = t.notice {MEANT} WHERE t.booked = $1) AS each ORDER BY CASE WHEN booked <> said THEN 0 ELSE 1 END, id LIMIT $2"))
                .bind(day)
                .bind(limit)
        } else {
            query(format!("SELECT * FROM (SELECT n.id, n.received_at, n.outcome, {said} AS said, {BOOKED} AS booked FROM notices n {MEANT} WHERE n.received_at >= $1 AND n.received_at < $2 AND {MONEY} AND n.provider = $3) AS each ORDER BY CASE WHEN booked <> said THEN 0 ELSE 1 END, received_at, id LIMIT $4"))
                .bind(from)
                .bind(until)
                .bind(provider)
                .bind(limit)
        };
        let rows = found.fetch_all(&self.pools).await?;
        rows.iter().map(notice).collect()
    }
}

/// How much it says; where it says no amount, what was asked for. That money went back is said by those that people have
/// to look at, or that wait; of the others it is in the books, or there was none.
fn said() -> String {
    format!(
        "CASE WHEN n.event = 'paid' THEN COALESCE(n.amount, y.amount, 0) WHEN n.outcome IS NULL OR n.outcome IN ('contradiction', 'unclear-return') THEN -COALESCE(n.amount, b.amount, y.amount, 0) ELSE {BOOKED} END"
    )
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
        back: Tally::default(),
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
