//! Receipts: what comes back from the one who got a bill.

use jiff::Timestamp;
use kvit_billing::{DeliveryId, Secret, code::TokenHash};

use crate::{
    Confirm, DeliveryView, Store, StoreError, WebhookEvent,
    engine::{Target, Tx},
    enrolments,
    rows::{self, BILL_COLUMNS, language, optional_time, text},
    sql::query,
    webhooks,
};

impl Store {
    /// What the holder of a confirmation link may see.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn delivery_by_token(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<DeliveryView>, StoreError> {
        view(&self.pools, hash).await
    }

    /// Records the receipt. The first press counts; later ones change nothing. The first under a consent, with a bill at
    /// its address, is noted with the consent too: paper stops with it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn confirm_receipt(
        &self,
        hash: &TokenHash,
        at: Timestamp,
        evidence: serde_json::Value,
    ) -> Result<Confirm, StoreError> {
        let mut tx = self.begin().await?;
        let Some(mut found) = view(&mut tx, hash).await? else {
            return Ok(Confirm::Unknown);
        };
        if found.confirmed_at.is_some() {
            return Ok(Confirm::Already(found));
        }
        if !add_receipt(&mut tx, &found.id, "confirmed", at, &evidence).await? {
            // Another press came between.
            let again = view(&mut tx, hash).await?;
            return Ok(again.map_or(Confirm::Unknown, Confirm::Already));
        }
        let bill = &found.bill;
        if let Some(email) = &found.email {
            enrolments::confirmed(&mut tx, &bill.account, email, at).await?;
        }
        let data = serde_json::json!({
            "bill": bill.number, "customer": bill.account, "delivery": found.id,
        });
        let event = WebhookEvent::BillConfirmed;
        webhooks::tell(&mut tx, event, found.id.as_str(), data, at).await?;
        tx.commit().await?;
        found.confirmed_at = Some(at);
        Ok(Confirm::Confirmed(found))
    }
}

async fn view(on: impl Target, hash: &TokenHash) -> Result<Option<DeliveryView>, StoreError> {
    let row = query(format!(
        "SELECT d.id, d.email, d.language, c.at AS confirmed_at, {BILL_COLUMNS} FROM deliveries d JOIN bills b ON b.number = d.bill LEFT JOIN receipts c ON c.delivery = d.id AND c.kind = 'confirmed' WHERE d.token = $1"
    ))
    .bind(hash)
    .fetch_optional(on)
    .await?;
    row.map(|row| {
        Ok(DeliveryView {
            id: text(&row, "id")?,
            email: row.get::<Option<String>>("email")?.map(Secret::new),
            bill: rows::bill(&row)?,
            confirmed_at: optional_time(&row, "confirmed_at")?,
            language: language(&row, "language")?,
        })
    })
    .transpose()
}

/// Whether this receipt is the first of its kind.
pub(crate) async fn add_receipt(
    tx: &mut Tx,
    id: &DeliveryId,
    kind: &str,
    at: Timestamp,
    evidence: &serde_json::Value,
) -> Result<bool, StoreError> {
    let added = query("INSERT INTO receipts (delivery, kind, at, evidence) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(kind)
        .bind(at)
        .bind(evidence)
        .execute(tx)
        .await?;
    Ok(added == 1)
}
