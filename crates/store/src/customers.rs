//! Customers, as billing names them and as they chose.

use std::collections::HashMap;

use kvit_billing::{Customer, CustomerNumber, Language};
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use crate::{
    CustomerRecord, Store, StoreError,
    rows::{corrupt, language, small},
    runs::ROWS_MAX,
};

impl Store {
    /// Adds customers, or brings what billing knows of them up to date. Their language and their
    /// code stay: those are the customer's own choices.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn upsert_customers(&self, customers: &[Customer]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for customer in customers {
            let body = serde_json::to_string(customer).map_err(|e| StoreError::Encode(e.into()))?;
            sqlx::query("INSERT INTO customers (number, name_fold, language, body) VALUES ($1, $2, $3, $4) ON CONFLICT (number) DO UPDATE SET name_fold = excluded.name_fold, body = excluded.body")
                .bind(customer.number.as_str())
                .bind(customer.name.to_lowercase())
                .bind(customer.language.tag())
                .bind(body)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
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
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT number, language, code_generation, body FROM customers WHERE number IN (",
            );
            let mut list = query.separated(", ");
            for number in part {
                list.push_bind(number.as_str().to_owned());
            }
            list.push_unseparated(")");
            for row in query.build().fetch_all(&self.readers).await? {
                let record = customer_record(&row)?;
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
        sqlx::query("SELECT number, language, code_generation, body FROM customers ORDER BY number LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(customer_record)
            .collect()
    }

    /// The customer chose a language.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_language(
        &self,
        number: &CustomerNumber,
        chosen: Language,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE customers SET language = $2 WHERE number = $1")
            .bind(number.as_str())
            .bind(chosen.tag())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

fn customer_record(row: &SqliteRow) -> Result<CustomerRecord, StoreError> {
    let body: String = row.try_get("body")?;
    let mut customer: Customer =
        serde_json::from_str(&body).map_err(|_| corrupt("customer", "JSON"))?;
    customer.language = language(row, "language")?;
    Ok(CustomerRecord {
        customer,
        code_generation: small(row, "code_generation")?,
    })
}
