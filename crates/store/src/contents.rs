//! What mails that are due carry, and whether there still is a reason to send them.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use kvit_billing::{BillNumber, CustomerNumber, DeliveryId, DeliveryKind, EnrolmentId, Secret};

use crate::{
    BillRecord, DeliveryJob, DeliveryWhat, EnrolmentRecord, StoreError, Unwanted,
    engine::{Row, Tx},
    enrolments::{active, enrolment},
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
    /// The customers of mails that go to whatever address is theirs when they are sent.
    active: HashMap<CustomerNumber, EnrolmentRecord>,
    /// Entries that were taken back.
    reversed: HashSet<String>,
}

/// The contents of at most 250 rows of deliveries.
pub(crate) async fn contents(
    tx: &mut Tx,
    due: &[Row],
    now: Timestamp,
) -> Result<Vec<Claimable>, StoreError> {
    let named = named(tx, due).await?;
    due.iter().map(|row| claimable(row, &named, now)).collect()
}

async fn named(tx: &mut Tx, due: &[Row]) -> Result<Named, StoreError> {
    let mut named = Named::default();
    let mut bills: Vec<[Value; 1]> = Vec::new();
    let mut enrolments: Vec<[Value; 1]> = Vec::new();
    let mut entries: Vec<[Value; 1]> = Vec::new();
    let mut accounts: Vec<CustomerNumber> = Vec::new();
    for row in due {
        if let Some(entry) = row.get::<Option<String>>("entry")? {
            entries.push([entry.into()]);
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
    if !entries.is_empty() {
        let found = query("SELECT reverses FROM journal WHERE reverses IN ({rows})")
            .rows(entries)
            .fetch_all(&mut *tx)
            .await?;
        for row in &found {
            named.reversed.insert(row.get("reverses")?);
        }
    }
    if !accounts.is_empty() {
        named.active = active(tx, &accounts).await?;
    }
    Ok(named)
}

fn claimable(row: &Row, named: &Named, now: Timestamp) -> Result<Claimable, StoreError> {
    let id: DeliveryId = text(row, "id")?;
    let missing = || corrupt("content of delivery", &id);
    let account: CustomerNumber = text(row, "account")?;
    let enrolment = optional::<EnrolmentId>(row, "enrolment")?;
    let due_at = time(row, "due_at")?;
    let mut to = (Secret::new(row.get("email")?), language(row, "language")?);
    let mut moved = None;
    let (what, unwanted) = match id.kind() {
        DeliveryKind::Bill => {
            let bill = named.bills.get(&number(row, "bill")?);
            (DeliveryWhat::Bill(bill.cloned().ok_or_else(missing)?), None)
        }
        DeliveryKind::Proof | DeliveryKind::SignIn => {
            let found = enrolment.as_ref().and_then(|id| named.enrolments.get(id));
            let found = found.cloned().ok_or_else(missing)?;
            if id.kind() == DeliveryKind::Proof {
                let unwanted = proof_unwanted(&found, now);
                (DeliveryWhat::Proof(found), unwanted)
            } else {
                // A link that would be dead when it arrives is not sent.
                let ended = found.ended_at.map(|_| Unwanted::Left);
                let late = (due_at < now).then_some(Unwanted::Late);
                (DeliveryWhat::SignIn(found), ended.or(late))
            }
        }
        DeliveryKind::Paid | DeliveryKind::TakenBack => {
            let entry: String = row.get::<Option<String>>("entry")?.ok_or_else(missing)?;
            let active = named.active.get(&account);
            if let Some(active) = active {
                to = (active.email.clone(), active.language);
                moved = Some(&active.id).filter(|now| enrolment.as_ref() != Some(now));
            }
            let unwanted = match active {
                None => Some(Unwanted::Left),
                // That it was taken back has a mail of its own.
                Some(_) if named.reversed.contains(&entry) => Some(Unwanted::TakenBack),
                Some(_) => None,
            };
            (DeliveryWhat::Money { entry }, unwanted)
        }
    };
    let (email, language) = to;
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
        moved: moved.cloned(),
        unwanted,
    })
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
