//! What is collected by mandates: announced once, then in a file or dropped, then settled or returned.

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::{AutopayMail, BillNumber, Cents, DeliveryId};

use crate::{
    AutopayTold, BillRecord, DebitCandidate, DebitRecord, DebitWord, Debits, Deed, DeliveryState,
    Dropped, Event, NewDebit, Store, StoreError,
    audit::append,
    engine::{Row, Target, Tx},
    enrolments::active,
    ledger::{dues, moneys, standings},
    mandates::{TURN, mandate, queue},
    payments::on_their_way,
    rows::{self, BILL_COLUMNS, corrupt, number, optional, optional_time, text, time, unsigned},
    sql::{ROWS_MAX, query},
};

const COLUMNS: &str = "d.number, d.mandate, d.account, d.bill, d.amount, d.day, d.announced_at, d.dropped_at, d.dropped_why, d.file, d.part, d.cents, d.entry, d.back_at, d.reason, d.for_people, d.seen_by, d.seen_at";
/// After so many days without a word of the bank a debit counts as not coming any more.
const SILENT_DAYS: i64 = 10;

/// Up to which bill the next stretch of candidates begins: its last day to pay and its number.
pub type DebitPlace = (Date, u64);

impl Store {
    /// Bills that can be collected and are undecided, by their last day to pay, from `oldest` to `newest` and
    /// behind `after`; at most 250 are looked at. With the place at which the next stretch begins, `None` where
    /// this was the last.
    ///
    /// A bill whose day had passed when the mandate was given is not among them, nor one for which other money
    /// is on its way, nor any of a customer whom no mail reaches.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bills_to_debit(
        &self,
        oldest: Date,
        newest: Date,
        after: Option<DebitPlace>,
        now: Timestamp,
    ) -> Result<(Vec<DebitCandidate>, Option<DebitPlace>), StoreError> {
        let (day, last) = after.unwrap_or((Date::MIN, 0));
        let found = query(format!("SELECT m.number AS mandate, {BILL_COLUMNS} FROM mandates m JOIN bills b ON b.account = m.account AND b.due_date >= $1 AND b.due_date <= $2 AND b.due_date >= m.day WHERE m.ended_at IS NULL AND b.currency = 'EUR' AND b.to_pay > 0 AND (b.due_date, b.number) > ($3, $4) AND NOT EXISTS (SELECT 1 FROM debits d WHERE d.mandate = m.number AND d.bill = b.number) ORDER BY b.due_date, b.number LIMIT $5"))
            .bind(oldest)
            .bind(newest)
            .bind(day)
            .bind(last)
            .bind(ROWS_MAX)
            .fetch_all(&self.pools)
            .await?;
        let mut pairs = Vec::with_capacity(found.len());
        for row in &found {
            pairs.push((unsigned(row, "mandate")?, rows::bill(row)?));
        }
        let next = pairs
            .last()
            .filter(|_| pairs.len() == ROWS_MAX)
            .map(|(_, bill)| (bill.due_date, bill.number.get()));
        let mut candidates = Vec::new();
        if !pairs.is_empty() {
            let bills: Vec<&BillRecord> = pairs.iter().map(|(_, bill)| bill).collect();
            let mut accounts: Vec<_> = bills.iter().map(|bill| bill.account.clone()).collect();
            accounts.sort();
            accounts.dedup();
            let reached = active(&self.pools, &accounts).await?;
            let dues = dues(&self.pools, &accounts, now).await?;
            let moneys = moneys(&self.pools, &accounts, now, None).await?;
            let standings = standings(&dues, &moneys);
            let mut coming = on_their_way(&self.pools, &bills, now).await?;
            coming.extend(self::coming(&self.pools, &bills, now).await?);
            for (mandate, bill) in pairs {
                let standing = standings.get(&bill.account);
                let owed = standing.and_then(|standing| standing.bill(bill.number));
                let open = owed.map_or(Cents::ZERO, |owed| owed.open);
                let reached = reached.contains_key(&bill.account);
                if reached && open > Cents::ZERO && !coming.contains(&bill.number) {
                    candidates.push(DebitCandidate {
                        mandate,
                        bill,
                        open,
                    });
                }
            }
        }
        Ok((candidates, next))
    }

    /// Announces debits, at most 250: each is stored together with the mail that tells its customer. What was
    /// announced before, or whose mandate ended meanwhile, is passed over. Gives how many are new.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn announce_debits(
        &self,
        new: &[NewDebit],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if new.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let mut standing: HashSet<u64> = HashSet::new();
        let rows =
            query("SELECT number FROM mandates WHERE ended_at IS NULL AND number IN ({rows})")
                .rows(new.iter().map(|new| [new.mandate.into()]))
                .fetch_all(&mut tx)
                .await?;
        for row in &rows {
            standing.insert(unsigned(row, "number")?);
        }
        let accounts: Vec<_> = new.iter().map(|new| new.account.clone()).collect();
        let reached = active(&mut tx, &accounts).await?;
        let row = query("SELECT COALESCE(MAX(number), 0) AS last FROM debits")
            .fetch_one(&mut tx)
            .await?;
        let mut last = unsigned(&row, "last")?;
        let mut announced = 0;
        for new in new.iter().filter(|new| standing.contains(&new.mandate)) {
            let Some(enrolment) = reached.get(&new.account) else {
                continue;
            };
            let number = last + 1;
            let written = query("INSERT INTO debits (number, mandate, account, bill, amount, day, announced_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING")
                .bind(number)
                .bind(new.mandate)
                .bind(&new.account)
                .bind(new.bill)
                .bind(new.amount)
                .bind(new.day)
                .bind(now)
                .execute(&mut tx)
                .await?;
            if written == 0 {
                continue;
            }
            (last, announced) = (number, announced + 1);
            query("INSERT INTO deliveries (id, enrolment, account, channel, email, language, due_at, state, next_attempt_at) VALUES ($1, $2, $3, 'email', $4, $5, $6, 'queued', $7)")
                .bind(&DeliveryId::autopay_of(AutopayMail::Notice, number))
                .bind(&enrolment.id)
                .bind(&new.account)
                .bind(enrolment.email.expose())
                .bind(enrolment.language)
                .bind(new.announced_by)
                .bind(now)
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(announced)
    }

    /// Drops what no file had in time for its day, with the mail that says so. Gives how many; where that is
    /// 250, there may be more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn drop_late_debits(
        &self,
        earliest: Date,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        const LATE: &str = "d.part IS NULL AND d.dropped_at IS NULL AND d.day < $1 ORDER BY d.day, d.number LIMIT $2";
        let late = list(&self.pools, LATE, |q| q.bind(earliest).bind(ROWS_MAX)).await?;
        if late.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let late = list(&mut tx, LATE, |q| q.bind(earliest).bind(ROWS_MAX)).await?;
        let mut dropped = 0;
        if !late.is_empty() {
            let fates = fates(&mut tx, &late, earliest, now).await?;
            for debit in &late {
                if let Some(Fate::Drop(why)) = fates.get(&debit.number) {
                    drop(&mut tx, debit, *why, now).await?;
                    dropped += 1;
                }
            }
        }
        tx.commit().await?;
        Ok(dropped)
    }

    /// One debit.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn debit(&self, number: u64) -> Result<Option<DebitRecord>, StoreError> {
        debit(&self.pools, number).await
    }

    /// Some of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn debits(
        &self,
        which: Debits<'_>,
        limit: usize,
    ) -> Result<Vec<DebitRecord>, StoreError> {
        let on = &self.pools;
        match which {
            Debits::Waiting => {
                list(
                    on,
                    "d.part IS NULL AND d.dropped_at IS NULL ORDER BY d.day, d.number LIMIT $1",
                    |q| q.bind(limit),
                )
                .await
            }
            Debits::ForPeople(before) => {
                list(
                    on,
                    "(d.for_people = 1 AND d.seen_at IS NULL) OR (d.part IS NOT NULL AND d.entry IS NULL AND d.back_at IS NULL AND d.seen_at IS NULL AND d.day < $1) ORDER BY d.number LIMIT $2",
                    |q| q.bind(before).bind(limit),
                )
                .await
            }
            Debits::Latest => {
                list(on, "1 = 1 ORDER BY d.number DESC LIMIT $1", |q| {
                    q.bind(limit)
                })
                .await
            }
            Debits::Of(account) => {
                list(on, "d.account = $1 ORDER BY d.number DESC LIMIT $2", |q| {
                    q.bind(account).bind(limit)
                })
                .await
            }
            Debits::OfBill(bill) => {
                list(on, "d.bill = $1 ORDER BY d.number DESC LIMIT $2", |q| {
                    q.bind(bill).bind(limit)
                })
                .await
            }
            Debits::In(file) => {
                list(on, "d.file = $1 ORDER BY d.number LIMIT $2", |q| {
                    q.bind(file).bind(limit)
                })
                .await
            }
        }
    }

    /// A person saw to a debit that was waiting for one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn see_debit(
        &self,
        number: u64,
        why: &str,
        by: &str,
        silent_before: Date,
        now: Timestamp,
    ) -> Result<DebitWord, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(found) = debit(&mut tx, number).await? else {
            return Ok(DebitWord::Unknown);
        };
        let silent = found.state() == crate::DebitState::Ordered && found.day < silent_before;
        if found.seen.is_some() || !(found.for_people || silent) {
            return Ok(DebitWord::Over);
        }
        query("UPDATE debits SET seen_by = $2, seen_at = $3 WHERE number = $1")
            .bind(number)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        let event = Event {
            at: now,
            who: by.to_owned(),
            what: "debit.seen".to_owned(),
            subject: format!("customer/{}", found.account),
            detail: serde_json::json!({ "debit": number, "why": why }),
        };
        append(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(DebitWord::Done)
    }
}

/// What becomes of a debit that waits, as things stand.
pub(crate) enum Fate {
    /// So much is collected.
    Collect(Cents),
    /// Not now: the mail that announces it, or other money for the bill, is on its way.
    Hold,
    Drop(Dropped),
}

/// The fates of at most 250 debits that wait, at least one. `earliest` is the first day on which the bank can
/// still collect.
pub(crate) async fn fates(
    tx: &mut Tx,
    debits: &[DebitRecord],
    earliest: Date,
    now: Timestamp,
) -> Result<HashMap<u64, Fate>, StoreError> {
    let mut accounts: Vec<_> = debits.iter().map(|debit| debit.account.clone()).collect();
    accounts.sort();
    accounts.dedup();
    // Whatever is in the books counts, also where the clock of another machine is ahead.
    let dues = dues(&mut *tx, &accounts, Timestamp::MAX).await?;
    let moneys = moneys(&mut *tx, &accounts, Timestamp::MAX, None).await?;
    let standings = standings(&dues, &moneys);
    let found = query(format!(
        "SELECT {BILL_COLUMNS} FROM bills b WHERE b.number IN ({{rows}})"
    ))
    .rows(debits.iter().map(|debit| [debit.bill.into()]))
    .fetch_all(&mut *tx)
    .await?;
    let bills = found
        .iter()
        .map(rows::bill)
        .collect::<Result<Vec<_>, _>>()?;
    let bills: Vec<&BillRecord> = bills.iter().collect();
    let coming = on_their_way(&mut *tx, &bills, now).await?;
    let ids = debits
        .iter()
        .map(|debit| DeliveryId::autopay_of(AutopayMail::Notice, debit.number));
    let mut notices: HashMap<String, DeliveryState> = HashMap::new();
    let found = query("SELECT id, state FROM deliveries WHERE id IN ({rows})")
        .rows(ids.map(|id| [(&id).into()]))
        .fetch_all(tx)
        .await?;
    for row in &found {
        notices.insert(row.get("id")?, rows::state(row)?);
    }
    let fate = |debit: &DebitRecord| {
        let standing = standings.get(&debit.account);
        let owed = standing.and_then(|standing| standing.bill(debit.bill));
        let open = owed.map_or(Cents::ZERO, |owed| owed.open);
        let id = DeliveryId::autopay_of(AutopayMail::Notice, debit.number);
        let notice = notices.get(id.as_str());
        let sent = notice == Some(&DeliveryState::Sent);
        let on_its_way = matches!(notice, Some(DeliveryState::Queued | DeliveryState::Sending));
        if open <= Cents::ZERO {
            Fate::Drop(Dropped::Paid)
        } else if !sent && (!on_its_way || debit.day < earliest) {
            Fate::Drop(Dropped::Unannounced)
        } else if debit.day < earliest {
            Fate::Drop(Dropped::Late)
        } else if !sent || coming.contains(&debit.bill) {
            Fate::Hold
        } else {
            Fate::Collect(open.min(debit.amount))
        }
    };
    Ok(debits
        .iter()
        .map(|debit| (debit.number, fate(debit)))
        .collect())
}

/// A debit is not made. Whoever was told of it is told of that too, unless it was their own doing.
pub(crate) async fn drop(
    tx: &mut Tx,
    debit: &DebitRecord,
    why: Dropped,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE debits SET dropped_at = $2, dropped_why = $3 WHERE number = $1 AND part IS NULL AND dropped_at IS NULL")
        .bind(debit.number)
        .bind(now)
        .bind(why.as_str())
        .execute(&mut *tx)
        .await?;
    if why == Dropped::Late {
        queue(tx, AutopayMail::Failed, debit.number, &debit.account, now).await?;
    }
    Ok(())
}

/// Of at most 250 bills, at least one, those that are going to be collected.
pub(crate) async fn coming(
    on: impl Target,
    bills: &[&BillRecord],
    now: Timestamp,
) -> Result<HashSet<BillNumber>, StoreError> {
    let today = TimeZone::UTC.to_datetime(now).date();
    let since = today.saturating_sub(SILENT_DAYS.days());
    query("WITH asked (bill, since) AS ({rows}) SELECT asked.bill AS asked FROM asked JOIN debits d ON d.bill = asked.bill WHERE d.dropped_at IS NULL AND d.back_at IS NULL AND d.entry IS NULL AND d.day >= asked.since")
        .rows(bills.iter().map(|bill| [bill.number.into(), since.into()]))
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| number(row, "asked"))
        .collect()
}

/// What a mail about autopay is about.
pub(crate) async fn told(
    tx: &mut Tx,
    what: AutopayMail,
    about: u64,
) -> Result<Option<AutopayTold>, StoreError> {
    let about_mandate = matches!(what, AutopayMail::On | AutopayMail::Off);
    let debit = match about_mandate {
        true => None,
        false => match debit(&mut *tx, about).await? {
            Some(debit) => Some(debit),
            None => return Ok(None),
        },
    };
    let number = debit.as_ref().map_or(about, |debit| debit.mandate);
    let Some(mandate) = mandate(&mut *tx, number).await? else {
        return Ok(None);
    };
    let debit = match debit {
        None => None,
        Some(debit) => {
            let row = query(format!(
                "SELECT {BILL_COLUMNS} FROM bills b WHERE b.number = $1"
            ))
            .bind(debit.bill)
            .fetch_one(tx)
            .await?;
            Some((debit, rows::bill(&row)?))
        }
    };
    Ok(Some(AutopayTold { mandate, debit }))
}

pub(crate) async fn debit(on: impl Target, number: u64) -> Result<Option<DebitRecord>, StoreError> {
    Ok(list(on, "d.number = $1", |q| q.bind(number)).await?.pop())
}

pub(crate) async fn list(
    on: impl Target,
    which: &str,
    bind: impl FnOnce(crate::sql::Query) -> crate::sql::Query,
) -> Result<Vec<DebitRecord>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM debits d WHERE {which}");
    let rows = bind(query(text)).fetch_all(on).await?;
    rows.iter().map(record).collect()
}

fn record(row: &Row) -> Result<DebitRecord, StoreError> {
    let why: Option<String> = row.get("dropped_why")?;
    let why = why
        .map(|why| Dropped::parse(&why).ok_or_else(|| corrupt("dropped_why", why)))
        .transpose()?;
    let file: Option<i64> = row.get("file")?;
    let part: Option<i64> = row.get("part")?;
    let cents: Option<i64> = row.get("cents")?;
    let by: Option<String> = row.get("seen_by")?;
    Ok(DebitRecord {
        number: unsigned(row, "number")?,
        mandate: unsigned(row, "mandate")?,
        account: text(row, "account")?,
        bill: number(row, "bill")?,
        amount: Cents::new(row.get("amount")?),
        day: text(row, "day")?,
        announced_at: time(row, "announced_at")?,
        dropped: optional_time(row, "dropped_at")?.zip(why),
        file: file.map(|_| unsigned(row, "file")).transpose()?,
        ordered: part.and(cents).map(Cents::new),
        entry: row.get("entry")?,
        back_at: optional_time(row, "back_at")?,
        reason: optional(row, "reason")?,
        for_people: row.get::<i64>("for_people")? != 0,
        seen: by
            .zip(optional_time(row, "seen_at")?)
            .map(|(by, at)| Deed { by, at }),
    })
}
