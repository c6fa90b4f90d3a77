//! Everything that happened to a bill on its way, for those who answer a customer's question.

use std::collections::HashMap;

use kvit_billing::{BillNumber, CustomerNumber};

use crate::{
    AttemptRecord, Channel, DeliveryRecord, DeliveryState, ReceiptRecord, Store, StoreError,
    engine::Row,
    rows::{corrupt, json, language, number, optional_time, small, state, text, time},
    sql::{ROWS_MAX, Value, query},
};

impl Store {
    /// The deliveries of a bill, oldest first, with what became of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn deliveries_of_bill(
        &self,
        bill: BillNumber,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        let found = query("SELECT * FROM deliveries WHERE bill = $1 ORDER BY due_at, id LIMIT $2")
            .bind(bill)
            .bind(ROWS_MAX)
            .fetch_all(&self.pools)
            .await?;
        self.with_trails(&found).await
    }

    /// A customer's last deliveries, newest first, bills and proofs of an address, with what became
    /// of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn deliveries_of_customer(
        &self,
        account: &CustomerNumber,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        let found = query(
            "SELECT * FROM deliveries WHERE account = $1 AND staff IS NULL ORDER BY due_at DESC, id DESC LIMIT $2",
        )
        .bind(account)
        .bind(limit)
        .fetch_all(&self.pools)
        .await?;
        self.with_trails(&found).await
    }

    async fn with_trails(&self, found: &[Row]) -> Result<Vec<DeliveryRecord>, StoreError> {
        let mut told = Vec::with_capacity(found.len());
        for part in found.chunks(ROWS_MAX) {
            told.extend(self.part_with_trails(part).await?);
        }
        Ok(told)
    }

    /// The same of at most 250, of whom there is at least one.
    async fn part_with_trails(&self, found: &[Row]) -> Result<Vec<DeliveryRecord>, StoreError> {
        let ids = found
            .iter()
            .map(|row| Ok([row.get::<String>("id")?.into()]))
            .collect::<Result<Vec<[Value; 1]>, StoreError>>()?;
        let mut trails: HashMap<String, Vec<AttemptRecord>> = HashMap::new();
        let attempts =
            query("SELECT * FROM attempts WHERE delivery IN ({rows}) ORDER BY no, at, outcome")
                .rows(ids.iter().cloned())
                .fetch_all(&self.pools)
                .await?;
        for row in &attempts {
            let trail = trails.entry(row.get("delivery")?).or_default();
            trail.push(attempt(row)?);
        }
        let mut receipts: HashMap<String, Vec<ReceiptRecord>> = HashMap::new();
        let came = query("SELECT * FROM receipts WHERE delivery IN ({rows}) ORDER BY at, kind")
            .rows(ids)
            .fetch_all(&self.pools)
            .await?;
        for row in &came {
            let receipts = receipts.entry(row.get("delivery")?).or_default();
            receipts.push(receipt(row)?);
        }
        found
            .iter()
            .map(|row| {
                let id: String = row.get("id")?;
                let trail = trails.remove(&id).unwrap_or_default();
                delivery(row, trail, receipts.remove(&id).unwrap_or_default())
            })
            .collect()
    }
}

fn delivery(
    row: &Row,
    trail: Vec<AttemptRecord>,
    receipts: Vec<ReceiptRecord>,
) -> Result<DeliveryRecord, StoreError> {
    let channel: String = row.get("channel")?;
    let channel = Channel::parse(&channel).ok_or_else(|| corrupt("channel", channel))?;
    let bill = |column| match row.get::<Option<i64>>(column)? {
        Some(_) => Ok::<_, StoreError>(Some(number(row, column)?)),
        None => Ok(None),
    };
    let state = state(row)?;
    let next = optional_time(row, "next_attempt_at")?;
    Ok(DeliveryRecord {
        id: text(row, "id")?,
        bill: bill("bill")?,
        reminds: bill("reminds")?,
        copies: bill("copies")?,
        account: text(row, "account")?,
        channel,
        email: row
            .get::<Option<String>>("email")?
            .map(kvit_billing::Secret::new),
        language: language(row, "language")?,
        due_at: time(row, "due_at")?,
        state,
        attempts: small(row, "attempts")?,
        next_attempt_at: next.filter(|_| state == DeliveryState::Queued),
        handed_over_at: optional_time(row, "handed_over_at")?,
        possibly_twice: row.get::<i64>("possibly_twice")? != 0,
        trail,
        receipts,
    })
}

fn attempt(row: &Row) -> Result<AttemptRecord, StoreError> {
    Ok(AttemptRecord {
        no: small(row, "no")?,
        at: time(row, "at")?,
        outcome: row.get("outcome")?,
        reply: row.get("reply")?,
    })
}

fn receipt(row: &Row) -> Result<ReceiptRecord, StoreError> {
    Ok(ReceiptRecord {
        kind: row.get("kind")?,
        at: time(row, "at")?,
        evidence: json(row, "evidence")?.unwrap_or_default(),
    })
}
