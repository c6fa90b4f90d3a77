//! Mails about money: each is queued in the transaction that writes its entry into the books, so that
//! no entry is without its mail and none has two. What they say is derived from the books as they
//! were at the moment of the entry, so it is the same each time a mail is tried.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::{Cents, CustomerNumber, DeliveryId, DeliveryKind};
use kvit_pay::{
    Iban,
    ledger::{Book, Entry},
    standing::{Money, Standing},
};

use crate::{
    MailTopic, MoneyPart, MoneyTold, Store, StoreError, ToldConcession,
    apply::SYSTEM,
    engine::Tx,
    enrolments::active,
    ledger::{dues, moneys},
    reconcile::optional_bill,
    reminders::unwanting,
    rows::{corrupt, optional, optional_time, text, time},
    sql::query,
};

/// What the bank booked longer ago than that is no news: a first import may bring a year of statements.
const NEWS_DAYS: i64 = 14;
/// Such a mail is due at once; this is when it counts as late.
const MONEY_DUE: SignedDuration = SignedDuration::from_hours(1);

/// Queues the mail about an entry, where it is one that a customer is told of, and their bills go to a
/// proven address. Money that lies unmatched is nobody's: it is told of once it is allocated.
pub(crate) async fn queue(
    tx: &mut Tx,
    id: &str,
    entry: &Entry,
    notice: Option<&str>,
    reverses: Option<&str>,
    who: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    // What people allocated is told of however long they took.
    let by_people = entry.kind() == "allocation" && who != SYSTEM;
    if !by_people && is_old(tx, notice, at).await? {
        return Ok(());
    }
    match told(tx, entry, reverses).await? {
        Some((account, kind)) => put(tx, id, account, kind, at).await,
        None => Ok(()),
    }
}

/// Puts the mail about an entry into the queue, where this customer's bills go to a proven address.
async fn put(
    tx: &mut Tx,
    id: &str,
    account: CustomerNumber,
    kind: DeliveryKind,
    at: Timestamp,
) -> Result<(), StoreError> {
    let accounts = [account];
    let active = active(&mut *tx, &accounts).await?;
    let [account] = &accounts;
    let Some(enrolment) = active.get(account) else {
        return Ok(());
    };
    query("INSERT INTO deliveries (id, enrolment, entry, account, channel, email, language, due_at, state, next_attempt_at) VALUES ($1, $2, $3, $4, 'email', $5, $6, $7, 'queued', $8)")
        .bind(&DeliveryId::money_of(kind, id))
        .bind(&enrolment.id)
        .bind(id)
        .bind(account)
        .bind(enrolment.email.expose())
        .bind(enrolment.language)
        .bind(at + MONEY_DUE)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether a bank transfer was booked so long ago that its payer need not be told.
async fn is_old(tx: &mut Tx, notice: Option<&str>, at: Timestamp) -> Result<bool, StoreError> {
    let Some(notice) = notice else {
        return Ok(false);
    };
    let row = query("SELECT booked FROM transfers WHERE notice = $1")
        .bind(notice)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let booked: Date = text(&row, "booked")?;
    let today = TimeZone::UTC.to_datetime(at).date();
    Ok(booked < today.saturating_sub(NEWS_DAYS.days()))
}

/// Who is told of an entry, and what: that they paid, that what they paid was taken back, or what the
/// operator gives back or gives up.
async fn told(
    tx: &mut Tx,
    entry: &Entry,
    reverses: Option<&str>,
) -> Result<Option<(CustomerNumber, DeliveryKind)>, StoreError> {
    let customer = entry
        .postings()
        .iter()
        .find_map(|posting| match &posting.book {
            Book::Customer(account) => Some(account.clone()),
            _ => None,
        });
    let Some(account) = customer else {
        return Ok(None);
    };
    let kind = match reverses {
        None => match entry.kind() {
            "refund" | "write-off" => Some(DeliveryKind::Conceded),
            kind => is_payment(kind).then_some(DeliveryKind::Paid),
        },
        Some(original) => {
            let row = query("SELECT kind FROM journal WHERE id = $1")
                .bind(original)
                .fetch_one(tx)
                .await?;
            match row.get::<String>("kind")?.as_str() {
                "refund" => Some(DeliveryKind::Conceded),
                kind => is_payment(kind).then_some(DeliveryKind::TakenBack),
            }
        }
    };
    Ok(kind.map(|kind| (account, kind)))
}

fn is_payment(kind: &str) -> bool {
    matches!(kind, "payment" | "allocation")
}

/// One payment for bills of several customers is told once to each address, with all the bills whose mails go there:
/// of the mails that were just queued about its entries, each address keeps one of a customer who wants such mails.
pub(crate) async fn one_for_an_address(tx: &mut Tx, entries: &[String]) -> Result<(), StoreError> {
    if entries.len() < 2 {
        return Ok(());
    }
    let rows = query("SELECT d.id, d.account, d.email FROM deliveries d JOIN journal j ON j.id = d.entry JOIN journal b ON b.id = COALESCE(j.reverses, j.id) WHERE d.entry IN ({rows}) AND b.kind = 'payment' ORDER BY d.account")
        .rows(entries.iter().map(|entry| [entry.into()]))
        .fetch_all(&mut *tx)
        .await?;
    let mut queued: Vec<(DeliveryId, CustomerNumber, String)> = Vec::with_capacity(rows.len());
    for row in &rows {
        queued.push((text(row, "id")?, text(row, "account")?, row.get("email")?));
    }
    let accounts: Vec<_> = queued
        .iter()
        .map(|(_, account, _)| account.clone())
        .collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let silent = unwanting(&mut *tx, &accounts, MailTopic::Payments).await?;
    let mut told = HashSet::new();
    for (id, account, email) in queued {
        // What will be withdrawn tells nobody; that money went back is told to everybody.
        let withdrawn = id.kind() == DeliveryKind::Paid && silent.contains(&account);
        if !withdrawn && !told.insert(email) {
            query("DELETE FROM deliveries WHERE id = $1")
                .bind(&id)
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(())
}

/// A mail about one of these entries may have been to tell of other customers' bills too. Where it does not any more, since
/// it is withdrawn, or it or they go to another address by now, they get a mail of their own.
pub(crate) async fn tell_apart(
    tx: &mut Tx,
    entries: &[&str],
    now: Timestamp,
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows = query("SELECT DISTINCT t.id, b.notice AS shared, SUBSTR(p.book, 10) AS whose, CAST(CASE WHEN e.reverses IS NULL THEN 0 ELSE 1 END AS BIGINT) AS back FROM journal e JOIN journal b ON b.id = COALESCE(e.reverses, e.id) JOIN journal s ON s.notice = b.notice AND s.kind = 'payment' JOIN journal t ON t.id = CASE WHEN e.reverses IS NULL THEN s.id ELSE 'reversal/' || s.id END JOIN postings p ON p.entry = s.id AND p.book LIKE 'customer/%' JOIN enrolments m ON m.account = SUBSTR(p.book, 10) AND m.proven_at <= e.at AND (m.ended_at IS NULL OR m.ended_at > e.at) JOIN enrolments n ON n.account = m.account AND n.proven_at IS NOT NULL AND n.ended_at IS NULL WHERE e.id IN ({rows}) AND b.kind = 'payment' AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.entry = t.id) AND NOT EXISTS (SELECT 1 FROM journal k JOIN deliveries d ON d.entry = CASE WHEN e.reverses IS NULL THEN k.id ELSE 'reversal/' || k.id END WHERE k.notice = b.notice AND k.kind = 'payment' AND d.state <> 'withdrawn' AND d.email = n.email AND n.proven_at <= e.at) ORDER BY shared, whose")
        .rows(entries.iter().map(|entry| [(*entry).into()]))
        .fetch_all(&mut *tx)
        .await?;
    let mut apart: BTreeMap<(String, i64), Vec<String>> = BTreeMap::new();
    for row in &rows {
        let (id, back): (String, i64) = (row.get("id")?, row.get("back")?);
        let kind = match back {
            0 => DeliveryKind::Paid,
            _ => DeliveryKind::TakenBack,
        };
        put(tx, &id, text(row, "whose")?, kind, now).await?;
        apart
            .entry((row.get("shared")?, back))
            .or_default()
            .push(id);
    }
    for entries in apart.values() {
        one_for_an_address(tx, entries).await?;
    }
    Ok(())
}

impl Store {
    /// What the mail about an entry says: how much, when, through what, for which bills, and what was
    /// open then; of a payment for bills of several customers, about all those whose mails went to the same address.
    /// `None` where no customer's book has such an entry.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn money_told(&self, entry: &str) -> Result<Option<MoneyTold>, StoreError> {
        let Some(mut told) = self.told_of(entry).await? else {
            return Ok(None);
        };
        let rows = query("SELECT t.id FROM journal e JOIN journal b ON b.id = COALESCE(e.reverses, e.id) JOIN deliveries d ON d.entry = e.id JOIN journal s ON s.notice = b.notice AND s.id <> b.id AND s.kind = 'payment' JOIN journal t ON t.id = CASE WHEN e.reverses IS NULL THEN s.id ELSE 'reversal/' || s.id END JOIN postings p ON p.entry = s.id AND p.book LIKE 'customer/%' WHERE e.id = $1 AND b.kind = 'payment' AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.entry = t.id) AND EXISTS (SELECT 1 FROM enrolments n WHERE n.account = SUBSTR(p.book, 10) AND n.email = d.email AND n.proven_at <= e.at AND (n.ended_at IS NULL OR n.ended_at > e.at)) ORDER BY p.book")
            .bind(entry)
            .fetch_all(&self.pools)
            .await?;
        for row in &rows {
            let along: String = row.get("id")?;
            if let Some(along) = self.told_of(&along).await? {
                told.cents += along.cents;
                told.bills.extend(along.bills);
                told.open += along.open;
                told.credit += along.credit;
                told.oldest_open = told.oldest_open.or(along.oldest_open);
            }
        }
        Ok(Some(told))
    }

    async fn told_of(&self, entry: &str) -> Result<Option<MoneyTold>, StoreError> {
        let row = query("SELECT j.at, o.id AS original, p.book, p.cents, n.provider, COALESCE(n.received_at, o.at, j.at) AS paid_at, t.booked, c.number, c.iban, c.provider AS same_way, c.bill, c.refused_at, k.number AS correction FROM journal j JOIN postings p ON p.entry = j.id AND p.book LIKE 'customer/%' LEFT JOIN journal o ON o.id = j.reverses LEFT JOIN notices n ON n.id = COALESCE(o.notice, j.notice) LEFT JOIN transfers t ON t.notice = n.id LEFT JOIN refund_corrections k ON k.entry = COALESCE(o.id, j.id) LEFT JOIN concessions c ON c.entry = COALESCE('refund/' || CAST(k.refund AS TEXT), o.id, j.id) WHERE j.id = $1")
            .bind(entry)
            .fetch_optional(&self.pools)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let book: String = row.get("book")?;
        let Ok(Book::Customer(account)) = book.parse() else {
            return Err(corrupt("book", book));
        };
        let at = time(&row, "at")?;
        let original: Option<String> = row.get("original")?;
        let taken_back = original.is_some();
        let conceded = match row.get::<Option<i64>>("number")? {
            Some(_) => Some(ToldConcession {
                iban_end: optional::<Iban>(&row, "iban")?.map(|iban| iban.end().to_owned()),
                same_way: optional(&row, "same_way")?,
                after_all: !taken_back && row.get::<Option<i64>>("correction")?.is_some(),
                stopped: taken_back && optional_time(&row, "refused_at")?.is_some(),
                bill: optional_bill(&row)?,
            }),
            None => None,
        };
        let money = original.as_deref().unwrap_or(entry);
        let accounts = std::slice::from_ref(&account);
        let mut dues = dues(&self.pools, accounts, at).await?;
        let mut all = moneys(&self.pools, accounts, at, Some(money)).await?;
        let dues = dues.remove(&account).unwrap_or_default();
        let mut all = all.remove(&account).unwrap_or_default();
        // Of what was booked at the same moment, each mail tells what came before its own.
        if !taken_back && let Some(at) = all.iter().position(|(id, _)| id == money) {
            all.truncate(at + 1);
        }
        let but_it: Vec<Money> = all
            .iter()
            .filter(|(id, _)| id != money)
            .map(|(_, money)| money.clone())
            .collect();
        let all: Vec<Money> = all.into_iter().map(|(_, money)| money).collect();
        let (with, without) = (Standing::of(&dues, &all), Standing::of(&dues, &but_it));
        let then = if taken_back { &without } else { &with };
        let mut bills = Vec::new();
        for (paid, unpaid) in with.bills.iter().zip(&without.bills) {
            // More money never makes a bill less paid.
            let part = unpaid.open - paid.open;
            if part > Cents::ZERO
                && let Some(bill) = self.bill(paid.number).await?
            {
                let open = if taken_back { unpaid.open } else { paid.open };
                bills.push(MoneyPart { bill, part, open });
            }
        }
        Ok(Some(MoneyTold {
            taken_back,
            conceded,
            cents: Cents::new(row.get("cents")?).abs(),
            provider: optional(&row, "provider")?,
            paid_at: time(&row, "paid_at")?,
            booked: optional(&row, "booked")?,
            at,
            bills,
            open: then.open(),
            credit: then.credit,
            oldest_open: then
                .bills
                .iter()
                .find(|bill| bill.open > Cents::ZERO)
                .map(|bill| bill.number),
            account,
        }))
    }
}
