//! What mails that are due carry, and whether there still is a reason to send them.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use kvit_billing::{
    AutopayMail, BillNumber, Cents, CustomerNumber, DeliveryId, DeliveryKind, EnrolmentId,
    ReaderId, Secret,
};
use kvit_pay::standing::Standing;

use crate::{
    AutopayTold, BillRecord, DebitState, DeliveryJob, DeliveryWhat, EnrolmentRecord, MailTopic,
    ReaderRecord, StoreError, Unwanted, debits,
    engine::{Row, Tx},
    enrolments::{active, enrolment},
    ledger::{dues, moneys, standings},
    payments::on_their_way,
    readers::reader,
    reminders::unwanting,
    rows::{self, BILL_COLUMNS, corrupt, language, number, optional, small, text, time},
    sql::{Value, query},
};

/// A delivery that is due.
pub(crate) struct Claimable {
    pub(crate) job: DeliveryJob,
    /// The consent whose address it goes to, where a newer one took the place of that when it was queued.
    pub(crate) moved: Option<EnrolmentId>,
    /// Why it is not sent any more.
    pub(crate) unwanted: Option<Unwanted>,
}

/// What the rows of deliveries name, read in a query for each kind of thing.
#[derive(Default)]
struct Named {
    bills: HashMap<BillNumber, BillRecord>,
    enrolments: HashMap<EnrolmentId, EnrolmentRecord>,
    readers: HashMap<ReaderId, ReaderRecord>,
    /// The customers of mails that go to whatever address is theirs when they are sent.
    active: HashMap<CustomerNumber, EnrolmentRecord>,
    /// Entries that were taken back.
    reversed: HashSet<String>,
    /// Customers who want no reminders.
    silent: HashSet<CustomerNumber>,
    /// Customers who want no mails about payments that came.
    no_receipts: HashSet<CustomerNumber>,
    /// What those owe who are reminded.
    standings: HashMap<CustomerNumber, Standing>,
    /// Bills for which money is on its way.
    coming: HashSet<BillNumber>,
    /// What mails about autopay are about.
    autopay: HashMap<DeliveryId, AutopayTold>,
}

/// The contents of at most 250 rows of deliveries.
pub(crate) async fn contents(
    tx: &mut Tx,
    due: &[Row],
    now: Timestamp,
) -> Result<Vec<Claimable>, StoreError> {
    let named = named(tx, due, now).await?;
    due.iter().map(|row| claimable(row, &named, now)).collect()
}

async fn named(tx: &mut Tx, due: &[Row], now: Timestamp) -> Result<Named, StoreError> {
    let mut named = Named::default();
    let mut bills: Vec<[Value; 1]> = Vec::new();
    let mut enrolments: Vec<[Value; 1]> = Vec::new();
    let mut entries: Vec<[Value; 1]> = Vec::new();
    let mut accounts: Vec<CustomerNumber> = Vec::new();
    let mut reminded: Vec<BillNumber> = Vec::new();
    let mut paid: Vec<CustomerNumber> = Vec::new();
    let mut readers: Vec<[Value; 1]> = Vec::new();
    for row in due {
        if let Some(reader) = row.get::<Option<String>>("reader")? {
            readers.push([reader.into()]);
            accounts.push(text(row, "account")?);
            if row.get::<Option<i64>>("copies")?.is_some() {
                bills.push([number(row, "copies")?.into()]);
            }
            continue;
        }
        let id: DeliveryId = text(row, "id")?;
        if let Some((what, number)) = id.autopay() {
            accounts.push(text(row, "account")?);
            if let Some(told) = debits::told(&mut *tx, what, number).await? {
                named.autopay.insert(id, told);
            }
        } else if let Some(entry) = row.get::<Option<String>>("entry")? {
            entries.push([entry.into()]);
            if id.kind() == DeliveryKind::Paid {
                paid.push(text(row, "account")?);
            }
            accounts.push(text(row, "account")?);
        } else if row.get::<Option<i64>>("reminds")?.is_some() {
            let bill = number(row, "reminds")?;
            bills.push([bill.into()]);
            reminded.push(bill);
            accounts.push(text(row, "account")?);
        } else if let Some(bill) = row.get::<Option<i64>>("bill")? {
            bills.push([bill.into()]);
        } else if let Some(enrolment) = row.get::<Option<String>>("enrolment")? {
            enrolments.push([enrolment.into()]);
        }
    }
    if !bills.is_empty() {
        let found = query(format!(
            "SELECT {BILL_COLUMNS} FROM bills b WHERE b.number IN ({{rows}})"
        ))
        .rows(bills)
        .fetch_all(&mut *tx)
        .await?;
        for row in &found {
            let bill = rows::bill(row)?;
            named.bills.insert(bill.number, bill);
        }
    }
    if !enrolments.is_empty() {
        let found = query("SELECT * FROM enrolments WHERE id IN ({rows})")
            .rows(enrolments)
            .fetch_all(&mut *tx)
            .await?;
        for row in &found {
            let enrolment = enrolment(row)?;
            named.enrolments.insert(enrolment.id.clone(), enrolment);
        }
    }
    if !readers.is_empty() {
        let found = query("SELECT * FROM readers WHERE id IN ({rows})")
            .rows(readers)
            .fetch_all(&mut *tx)
            .await?;
        for row in &found {
            let reader = reader(row)?;
            named.readers.insert(reader.id.clone(), reader);
        }
    }
    if !entries.is_empty() {
        let found = query("SELECT reverses FROM journal WHERE reverses IN ({rows})")
            .rows(entries)
            .fetch_all(&mut *tx)
            .await?;
        for row in &found {
            named.reversed.insert(row.get("reverses")?);
        }
    }
    if !paid.is_empty() {
        named.no_receipts = unwanting(&mut *tx, &paid, MailTopic::Payments).await?;
    }
    if !accounts.is_empty() {
        named.active = active(&mut *tx, &accounts).await?;
    }
    let announced = named.autopay.values();
    let mut debited: Vec<CustomerNumber> = announced
        .filter(|told| told.debit.is_some())
        .map(|told| told.mandate.account.clone())
        .collect();
    debited.sort();
    debited.dedup();
    if !debited.is_empty() {
        let dues = dues(&mut *tx, &debited, now).await?;
        let moneys = moneys(&mut *tx, &debited, now, None).await?;
        named.standings = standings(&dues, &moneys);
    }
    if !reminded.is_empty() {
        owed(tx, &mut named, &reminded, now).await?;
    }
    Ok(named)
}

/// What there is to know of bills of which somebody is to be reminded.
async fn owed(
    tx: &mut Tx,
    named: &mut Named,
    reminded: &[BillNumber],
    now: Timestamp,
) -> Result<(), StoreError> {
    let bills: Vec<&BillRecord> = reminded
        .iter()
        .filter_map(|number| named.bills.get(number))
        .collect();
    let mut accounts: Vec<_> = bills.iter().map(|bill| bill.account.clone()).collect();
    accounts.sort();
    accounts.dedup();
    if accounts.is_empty() {
        return Ok(());
    }
    let dues = dues(&mut *tx, &accounts, now).await?;
    let moneys = moneys(&mut *tx, &accounts, now, None).await?;
    named.coming = on_their_way(&mut *tx, &bills, now).await?;
    named
        .coming
        .extend(debits::coming(&mut *tx, &bills, now).await?);
    named.standings.extend(standings(&dues, &moneys));
    named.silent = unwanting(tx, &accounts, MailTopic::Reminders).await?;
    Ok(())
}

fn claimable(row: &Row, named: &Named, now: Timestamp) -> Result<Claimable, StoreError> {
    let id: DeliveryId = text(row, "id")?;
    let missing = || corrupt("content of delivery", &id);
    let account: CustomerNumber = text(row, "account")?;
    let enrolment = optional::<EnrolmentId>(row, "enrolment")?;
    let due_at = time(row, "due_at")?;
    // A bill, a link that proves or signs in, and word of a change, are for one address.
    let follows = matches!(
        id.kind(),
        DeliveryKind::Paid
            | DeliveryKind::TakenBack
            | DeliveryKind::Conceded
            | DeliveryKind::Reminder
            | DeliveryKind::Autopay
    );
    let active = named.active.get(&account).filter(|_| follows);
    let queued_for = (Secret::new(row.get("email")?), language(row, "language")?);
    let (email, language) = active.map_or(queued_for, |now| (now.email.clone(), now.language));
    let moved = active
        .map(|now| now.id.clone())
        .filter(|now| enrolment.as_ref() != Some(now));
    let (what, unwanted) = match id.kind() {
        DeliveryKind::Bill => {
            let bill = named.bills.get(&number(row, "bill")?);
            (DeliveryWhat::Bill(bill.cloned().ok_or_else(missing)?), None)
        }
        DeliveryKind::Proof | DeliveryKind::SignIn | DeliveryKind::Welcome => {
            let found = enrolment.as_ref().and_then(|id| named.enrolments.get(id));
            let found = found.cloned().ok_or_else(missing)?;
            let ended = found.ended_at.map(|_| Unwanted::Left);
            match id.kind() {
                DeliveryKind::Proof => {
                    let unwanted = proof_unwanted(&found, now);
                    (DeliveryWhat::Proof(found), unwanted)
                }
                DeliveryKind::Welcome => (DeliveryWhat::Welcome(found), ended),
                // A link that would be dead when it arrives is not sent.
                _ => {
                    let late = (due_at < now).then_some(Unwanted::Late);
                    (DeliveryWhat::SignIn(found), ended.or(late))
                }
            }
        }
        DeliveryKind::Paid | DeliveryKind::TakenBack | DeliveryKind::Conceded => {
            let entry: String = row.get::<Option<String>>("entry")?.ok_or_else(missing)?;
            let unwanted = match active {
                None => Some(Unwanted::Left),
                // That it was taken back has a mail of its own.
                Some(_) if named.reversed.contains(&entry) => Some(Unwanted::TakenBack),
                Some(_)
                    if id.kind() == DeliveryKind::Paid && named.no_receipts.contains(&account) =>
                {
                    Some(Unwanted::Off)
                }
                Some(_) => None,
            };
            (DeliveryWhat::Money { entry }, unwanted)
        }
        DeliveryKind::Invitation | DeliveryKind::Copy => {
            let reader = optional::<ReaderId>(row, "reader")?;
            let reader = reader.and_then(|id| named.readers.get(&id)).cloned();
            let reader = reader.ok_or_else(missing)?;
            let gone = reader.ended_at.is_some() || !named.active.contains_key(&account);
            let left = gone.then_some(Unwanted::Left);
            if id.kind() == DeliveryKind::Copy {
                let bill = named.bills.get(&number(row, "copies")?);
                let bill = bill.cloned().ok_or_else(missing)?;
                (DeliveryWhat::Copy { bill, reader }, left)
            } else {
                let proven = reader.proven_at.map(|_| Unwanted::Proven);
                let dead = (reader.proof_expires < now).then_some(Unwanted::Late);
                (DeliveryWhat::Invitation(reader), left.or(proven).or(dead))
            }
        }
        DeliveryKind::Reminder => {
            let bill = named.bills.get(&number(row, "reminds")?);
            let bill = bill.cloned().ok_or_else(missing)?;
            let kind = id.reminder().ok_or_else(missing)?;
            let owed = named
                .standings
                .get(&account)
                .and_then(|standing| standing.bill(bill.number));
            let open = owed.map_or(Cents::ZERO, |owed| owed.open);
            let unwanted = if active.is_none() {
                Some(Unwanted::Left)
            } else if named.silent.contains(&account) {
                Some(Unwanted::Off)
            } else if open <= Cents::ZERO {
                Some(Unwanted::Paid)
            } else if named.coming.contains(&bill.number) {
                Some(Unwanted::Ordered)
            } else {
                (due_at < now).then_some(Unwanted::Late)
            };
            (DeliveryWhat::Reminder { bill, kind, open }, unwanted)
        }
        DeliveryKind::Autopay => {
            let (what, _) = id.autopay().ok_or_else(missing)?;
            let told = named.autopay.get(&id).cloned().ok_or_else(missing)?;
            let unwanted = match active {
                None => Some(Unwanted::Left),
                Some(_) => autopay_unwanted(what, &told, named, due_at < now),
            };
            let told = Box::new(told);
            (DeliveryWhat::Autopay { what, told }, unwanted)
        }
        // Who does it cannot call it back, by whatever else they change.
        DeliveryKind::Access => {
            let what = id.access().ok_or_else(missing)?;
            (DeliveryWhat::Access(what), None)
        }
        DeliveryKind::Staff => {
            let what = id.staff().ok_or_else(missing)?;
            let login = text(row, "staff")?;
            (DeliveryWhat::Staff { what, login }, None)
        }
        DeliveryKind::Alarm => (DeliveryWhat::Alarm, None),
    };
    Ok(Claimable {
        job: DeliveryJob {
            what,
            account,
            email,
            language,
            attempts: small(row, "attempts")?,
            possibly_twice: row.get::<i64>("possibly_twice")? != 0,
            due_at,
            id,
        },
        moved,
        unwanted,
    })
}

/// A mandate is confirmed while it stands, and a debit is announced in time, while it is going to be made.
fn autopay_unwanted(
    what: AutopayMail,
    told: &AutopayTold,
    named: &Named,
    late: bool,
) -> Option<Unwanted> {
    let off = told.mandate.ended.is_some();
    match (what, &told.debit) {
        (AutopayMail::On, _) => off.then_some(Unwanted::Off),
        (AutopayMail::Notice, Some((debit, _))) => {
            let standing = named.standings.get(&debit.account);
            let owed = standing.and_then(|standing| standing.bill(debit.bill));
            if off || !debit.state().is_coming() {
                Some(Unwanted::Off)
            } else if owed.is_none_or(|owed| owed.open <= Cents::ZERO) {
                Some(Unwanted::Paid)
            } else {
                late.then_some(Unwanted::Late)
            }
        }
        (AutopayMail::Failed, Some((debit, _))) => {
            // The bank paid after all.
            let settled = debit.state() == DebitState::Settled;
            settled.then_some(Unwanted::Paid)
        }
        _ => None,
    }
}

/// A proof is asked for once: not after the address was proven, nor when the consent has ended or the
/// link in the mail would be dead.
fn proof_unwanted(enrolment: &EnrolmentRecord, now: Timestamp) -> Option<Unwanted> {
    let dead = enrolment.proof_expires.is_some_and(|end| end < now);
    match (enrolment.ended_at, enrolment.proven_at) {
        (Some(_), _) => Some(Unwanted::Left),
        (None, Some(_)) => Some(Unwanted::Proven),
        (None, None) => dead.then_some(Unwanted::Late),
    }
}
