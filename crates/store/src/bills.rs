//! Issued bills, looked up.

use kvit_billing::{BillNumber, CustomerNumber, RunId};

use crate::{
    BillRecord, Store, StoreError,
    rows::{self, BILL_COLUMNS, int},
};

impl Store {
    /// One bill.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bill(&self, number: BillNumber) -> Result<Option<BillRecord>, StoreError> {
        let query = format!("SELECT {BILL_COLUMNS} FROM bills b WHERE b.number = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(int(number.get()))
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(rows::bill).transpose()
    }

    /// A customer's bills, newest first, those before `before`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bills_of(
        &self,
        account: &CustomerNumber,
        before: Option<BillNumber>,
        limit: usize,
    ) -> Result<Vec<BillRecord>, StoreError> {
        let query = format!(
            "SELECT {BILL_COLUMNS} FROM bills b WHERE b.account = $1 AND b.number < $2 ORDER BY b.number DESC LIMIT $3"
        );
        sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(account.as_str())
            .bind(before.map_or(i64::MAX, |n| int(n.get())))
            .bind(int(limit as u64))
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(rows::bill)
            .collect()
    }

    /// A run's bills in the order of their numbers, those after `after`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bills_of_run(
        &self,
        run: &RunId,
        after: Option<BillNumber>,
        limit: usize,
    ) -> Result<Vec<BillRecord>, StoreError> {
        let query = format!(
            "SELECT {BILL_COLUMNS} FROM bills b JOIN runs r ON r.id = b.run WHERE b.run = $1 AND b.seq > $2 - r.first_number ORDER BY b.seq LIMIT $3"
        );
        sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(run.as_str())
            .bind(after.map_or(0, |n| int(n.get())))
            .bind(int(limit as u64))
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(rows::bill)
            .collect()
    }
}
