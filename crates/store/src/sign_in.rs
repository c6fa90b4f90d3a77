//! Links that sign a customer in, sent to the address that gets the bills. A link is a mail like the
//! others; that it was used is a receipt of it, so it opens once.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{CustomerNumber, DeliveryId, DeliveryKind, code::TokenHash};

use crate::{
    EnrolmentState, NewSignIn, SignIn, Store, StoreError,
    engine::Target,
    receipts::add_receipt,
    rows::{language, text},
    sql::query,
};

/// How long a link that signs in works, in minutes: long enough for a mail server that lets a stranger
/// wait, too short for a mailbox that somebody looks into later.
pub const SIGN_IN_MINUTES: i64 = 30;

impl Store {
    /// Queues the mail with the link, if the customer's bills go to a proven address. `false` where they
    /// do not.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn ask_sign_in(&self, new: &NewSignIn) -> Result<bool, StoreError> {
        let EnrolmentState::Active(enrolment) = self.enrolment_of(&new.account).await? else {
            return Ok(false);
        };
        query("INSERT INTO deliveries (id, enrolment, account, channel, email, language, due_at, token, state, next_attempt_at) VALUES ($1, $2, $3, 'email', $4, $5, $6, $7, 'queued', $8)")
            .bind(&new.id)
            .bind(&enrolment.id)
            .bind(&new.account)
            .bind(enrolment.email.expose())
            .bind(enrolment.language)
            .bind(new.at + SignedDuration::from_mins(SIGN_IN_MINUTES))
            .bind(&new.token)
            .bind(new.at)
            .execute(&self.pools)
            .await?;
        Ok(true)
    }

    /// What a link is good for. Looking changes nothing: mail scanners look at every link.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sign_in_link(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<SignIn, StoreError> {
        let found = link(&self.pools, token, now).await?;
        Ok(found.map_or(SignIn::Over, |(_, sign_in)| sign_in))
    }

    /// Uses a link up.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn use_sign_in(
        &self,
        token: &TokenHash,
        now: Timestamp,
        evidence: &serde_json::Value,
    ) -> Result<SignIn, StoreError> {
        let mut tx = self.begin().await?;
        let Some((id, sign_in)) = link(&mut tx, token, now).await? else {
            return Ok(SignIn::Over);
        };
        if !add_receipt(&mut tx, &id, "used", now, evidence).await? {
            // Another press came between.
            return Ok(SignIn::Over);
        }
        tx.commit().await?;
        Ok(sign_in)
    }
}

async fn link(
    on: impl Target,
    token: &TokenHash,
    now: Timestamp,
) -> Result<Option<(DeliveryId, SignIn)>, StoreError> {
    let row = query("SELECT d.id, d.account, d.language, d.enrolment FROM deliveries d JOIN enrolments e ON e.id = d.enrolment LEFT JOIN receipts r ON r.delivery = d.id AND r.kind = 'used' WHERE d.token = $1 AND d.due_at > $2 AND e.ended_at IS NULL AND r.at IS NULL")
        .bind(token)
        .bind(now)
        .fetch_optional(on)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let id: DeliveryId = text(&row, "id")?;
    let account: CustomerNumber = text(&row, "account")?;
    let open = SignIn::Open(
        account,
        language(&row, "language")?,
        text(&row, "enrolment")?,
    );
    Ok((id.kind() == DeliveryKind::SignIn).then_some((id, open)))
}
