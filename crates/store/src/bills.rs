//! Issued bills, looked up.

use kvit_billing::{BillNumber, CustomerNumber, RunId};

use crate::{
    BillRecord, Store, StoreError,
    rows::{self, BILL_COLUMNS},
    sql::query,
};

impl Store {
    /// One bill.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bill(&self, number: BillNumber) -> Result<Option<BillRecord>, StoreError> {
        let text = format!("SELECT {BILL_COLUMNS} FROM bills b WHERE b.number = $1");
        let row = query(text).bind(number).fetch_optional(&self.pools).await?;
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
        self.listed("", account, before, limit).await
    }

    /// As [`Store::bills_of`], of the party that has the account now: what an earlier one had there is none of its business.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn bills_of_holder(
        &self,
        account: &CustomerNumber,
        limit: usize,
    ) -> Result<Vec<BillRecord>, StoreError> {
        let theirs = " AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.number = b.account AND c.holder_since > b.period_to)";
        self.listed(theirs, account, None, limit).await
    }

    async fn listed(
        &self,
        narrower: &str,
        account: &CustomerNumber,
        before: Option<BillNumber>,
        limit: usize,
    ) -> Result<Vec<BillRecord>, StoreError> {
        query(format!("SELECT {BILL_COLUMNS} FROM bills b WHERE b.account = $1 AND b.number < $2{narrower} ORDER BY b.number DESC LIMIT $3"))
            .bind(account)
            .bind(before.map_or(i64::MAX, |n| n.get().cast_signed()))
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(rows::bill)
            .collect()
    }

    /// The bills that correct a bill, oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn corrections_of(&self, number: BillNumber) -> Result<Vec<BillRecord>, StoreError> {
        let text =
            format!("SELECT {BILL_COLUMNS} FROM bills b WHERE b.corrects = $1 ORDER BY b.number");
        query(text)
            .bind(number)
            .fetch_all(&self.pools)
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
        let text = format!(
            "SELECT {BILL_COLUMNS} FROM bills b JOIN runs r ON r.id = b.run WHERE b.run = $1 AND b.seq > $2 - r.first_number ORDER BY b.seq LIMIT $3"
        );
        query(text)
            .bind(run)
            .bind(after.map_or(0, |n| n.get().cast_signed()))
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(rows::bill)
            .collect()
    }
}
