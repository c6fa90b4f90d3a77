//! Mails that tell a customer, or a member of staff, that somebody changed how one gets into their account: queued in the transaction of
//! the change, for the address that got the bills before it, and for a while for those that got them earlier. So whoever
//! did it cannot keep it from the owner, nor stop the mails first.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{AccessMail, CustomerNumber, DeliveryId, Secret, StaffLogin, StaffMail};

use crate::{
    EnrolmentRecord, StoreError,
    engine::Tx,
    enrolments::{active, enrolment},
    sql::query,
};

/// Such a mail goes at once; so many minutes later it counts as late.
pub const ACCESS_DUE_MINUTES: i64 = 60;

/// So long after an address stopped getting the bills it is told.
const TOLD_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Queues the mail for the proven address that gets the customer's bills, and those that got them in the last 30 days.
pub(crate) async fn queue(
    tx: &mut Tx,
    account: &CustomerNumber,
    what: AccessMail,
    at: Timestamp,
) -> Result<(), StoreError> {
    for whom in owners(tx, account, at).await? {
        tell(tx, &whom, what, at).await?;
    }
    Ok(())
}

/// As [`queue`], before the bills go to `new`; that address needs no telling.
pub(crate) async fn queue_moved(
    tx: &mut Tx,
    account: &CustomerNumber,
    new: &Secret<String>,
    at: Timestamp,
) -> Result<(), StoreError> {
    for whom in owners(tx, account, at).await? {
        if whom.email != *new {
            tell(tx, &whom, AccessMail::AddressChanged, at).await?;
        }
    }
    Ok(())
}

/// One enrolment for each address. Whoever had the account before it ended, or another party took it over, is told of that and of nothing
/// later.
async fn owners(
    tx: &mut Tx,
    account: &CustomerNumber,
    at: Timestamp,
) -> Result<Vec<EnrolmentRecord>, StoreError> {
    let mut now = active(&mut *tx, std::slice::from_ref(account)).await?;
    let mut owners: Vec<_> = now.remove(account).into_iter().collect();
    let since = at.saturating_sub(TOLD_AFTER).unwrap_or(at);
    let earlier = query("SELECT * FROM enrolments WHERE account = $1 AND proven_at IS NOT NULL AND ended_at > $2 AND NOT EXISTS (SELECT 1 FROM enrolments x WHERE x.account = $1 AND x.ended_reason IN ('closed', 'moved') AND x.ended_at >= enrolments.ended_at) ORDER BY ended_at DESC, id")
        .bind(account)
        .bind(since)
        .fetch_all(tx)
        .await?;
    for row in &earlier {
        let record = enrolment(row)?;
        if owners.iter().all(|owner| owner.email != record.email) {
            owners.push(record);
        }
    }
    Ok(owners)
}

async fn tell(
    tx: &mut Tx,
    whom: &EnrolmentRecord,
    what: AccessMail,
    at: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO deliveries (id, enrolment, account, channel, email, language, due_at, state, next_attempt_at) VALUES ($1, $2, $3, 'email', $4, $5, $6, 'queued', $7) ON CONFLICT DO NOTHING")
        .bind(&DeliveryId::access_of(what, &whom.id, at))
        .bind(&whom.id)
        .bind(&whom.account)
        .bind(whom.email.expose())
        .bind(whom.language)
        .bind(at + SignedDuration::from_mins(ACCESS_DUE_MINUTES))
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stands for the customer of mails to staff.
const NO_CUSTOMER: &str = "-";

/// Queues the mail for the address that a member of staff has now, where they have one.
pub(crate) async fn queue_staff(
    tx: &mut Tx,
    login: &StaffLogin,
    what: StaffMail,
    at: Timestamp,
) -> Result<(), StoreError> {
    queue_for_staff(tx, &DeliveryId::staff_of(what, login, at), login, at).await
}

/// As [`queue_staff`], a mail of this name.
pub(crate) async fn queue_for_staff(
    tx: &mut Tx,
    id: &DeliveryId,
    login: &StaffLogin,
    at: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO deliveries (id, staff, account, channel, email, language, due_at, state, next_attempt_at) SELECT $1, s.login, $3, 'email', s.email, s.language, $4, 'queued', $5 FROM staff s WHERE s.login = $2 AND s.email IS NOT NULL ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(login)
        .bind(NO_CUSTOMER)
        .bind(at + SignedDuration::from_mins(ACCESS_DUE_MINUTES))
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}
