//! Customers, as billing names them and as they chose.

use std::collections::{BTreeMap, HashMap};

use kvit_billing::{Customer, CustomerNumber, Language};

use crate::{
    CustomerRecord, Event, Store, StoreError,
    audit::append,
    engine::{Row, Tx},
    enrolments::turn,
    rows::{corrupt, language, optional, small},
    search::index,
    sql::{ROWS_MAX, Value, query},
};

impl Store {
    /// Adds customers, or brings what billing knows of them up to date. Their language and their
    /// code stay: those are the customer's own choices.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn upsert_customers(&self, customers: &[Customer]) -> Result<(), StoreError> {
        // One order for all writers, so that two imports never wait for each other in a circle; of
        // a customer named twice, the last word counts.
        let last: BTreeMap<_, _> = customers.iter().map(|c| (c.number.as_str(), c)).collect();
        let rows = last
            .values()
            .map(|customer| customer_values(customer))
            .collect::<Result<Vec<_>, _>>()?;
        let mut tx = self.begin().await?;
        for part in rows.chunks(ROWS_MAX) {
            query("INSERT INTO customers (number, name_fold, language, body) {rows} ON CONFLICT (number) DO UPDATE SET name_fold = excluded.name_fold, body = excluded.body")
                .rows(part.iter().cloned())
                .execute(&mut tx)
                .await?;
        }
        index(&mut tx, last.into_values()).await?;
        tx.commit().await?;
        self.look_at_grown_tables().await;
        Ok(())
    }

    /// Those of these customers that exist.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn customers(
        &self,
        numbers: &[CustomerNumber],
    ) -> Result<HashMap<CustomerNumber, CustomerRecord>, StoreError> {
        let mut found = HashMap::with_capacity(numbers.len());
        for part in numbers.chunks(ROWS_MAX) {
            let rows = query("SELECT number, language, code_generation, password_changes, closed_on, holder_since, body FROM customers WHERE number IN ({rows})")
                .rows(part.iter().map(|number| [number.into()]))
                .fetch_all(&self.pools)
                .await?;
            for row in &rows {
                let record = customer_record(row)?;
                found.insert(record.customer.number.clone(), record);
            }
        }
        Ok(found)
    }

    /// One customer.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn customer(
        &self,
        number: &CustomerNumber,
    ) -> Result<Option<CustomerRecord>, StoreError> {
        Ok(self
            .customers(std::slice::from_ref(number))
            .await?
            .remove(number))
    }

    /// The first customers by number.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn some_customers(&self, limit: u32) -> Result<Vec<CustomerRecord>, StoreError> {
        query("SELECT number, language, code_generation, password_changes, closed_on, holder_since, body FROM customers ORDER BY number LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(customer_record)
            .collect()
    }

    /// The customer chose the language of bills, mails and pages; the mails of a consent that stands follow. `false`, and
    /// nothing noted, where all of it was so already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_language(
        &self,
        number: &CustomerNumber,
        chosen: Language,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, number).await?;
        let speaks = speaks(&mut tx, number, chosen).await?;
        let mails = query("UPDATE enrolments SET language = $2 WHERE account = $1 AND ended_at IS NULL AND language <> $2")
            .bind(number)
            .bind(chosen)
            .execute(&mut tx)
            .await?;
        if !speaks && mails == 0 {
            return Ok(false);
        }
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Whether this is another language than the customer had.
pub(crate) async fn speaks(
    tx: &mut Tx,
    number: &CustomerNumber,
    chosen: Language,
) -> Result<bool, StoreError> {
    let changed = query("UPDATE customers SET language = $2 WHERE number = $1 AND language <> $2")
        .bind(number)
        .bind(chosen)
        .execute(tx)
        .await?;
    Ok(changed == 1)
}

fn customer_values(customer: &Customer) -> Result<[Value; 4], StoreError> {
    let body = serde_json::to_string(customer).map_err(|e| StoreError::Encode(e.into()))?;
    Ok([
        (&customer.number).into(),
        customer.name.to_lowercase().into(),
        customer.language.into(),
        body.into(),
    ])
}

pub(crate) fn customer_record(row: &Row) -> Result<CustomerRecord, StoreError> {
    let body: String = row.get("body")?;
    let mut customer: Customer =
        serde_json::from_str(&body).map_err(|_| corrupt("customer", "JSON"))?;
    customer.language = language(row, "language")?;
    Ok(CustomerRecord {
        customer,
        code_generation: small(row, "code_generation")?,
        password_changes: small(row, "password_changes")?,
        closed_on: optional(row, "closed_on")?,
        holder_since: optional(row, "holder_since")?,
    })
}
