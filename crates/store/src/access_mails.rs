//! Mails that tell a customer that somebody changed how one gets into their account: queued in the transaction of
//! the change, for the address that gets the bills before it. So whoever did it cannot keep it from the owner.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{AccessMail, CustomerNumber, DeliveryId};

use crate::{StoreError, engine::Tx, enrolments::active, sql::query};

/// Such a mail goes at once; so many minutes later it counts as late.
pub const ACCESS_DUE_MINUTES: i64 = 60;

/// Queues the mail, where the customer's bills go to a proven address.
pub(crate) async fn queue(
    tx: &mut Tx,
    account: &CustomerNumber,
    what: AccessMail,
    at: Timestamp,
) -> Result<(), StoreError> {
    let active = active(&mut *tx, std::slice::from_ref(account)).await?;
    let Some(enrolment) = active.get(account) else {
        return Ok(());
    };
    query("INSERT INTO deliveries (id, enrolment, account, channel, email, language, due_at, state, next_attempt_at) VALUES ($1, $2, $3, 'email', $4, $5, $6, 'queued', $7) ON CONFLICT DO NOTHING")
        .bind(&DeliveryId::access_of(what, account, at))
        .bind(&enrolment.id)
        .bind(account)
        .bind(enrolment.email.expose())
        .bind(enrolment.language)
        .bind(at + SignedDuration::from_mins(ACCESS_DUE_MINUTES))
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}
