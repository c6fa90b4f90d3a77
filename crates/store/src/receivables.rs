//! What customers owed at a moment, in one pass over them by number: nothing is held but a page.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::aging::Aged;

use crate::{
    Owing, OwingPage, Store, StoreError,
    ledger::{dues, moneys, standings},
    rows::text,
    sql::{ROWS_MAX, query},
};

impl Store {
    /// The next customers by number who had bills, and what they owed at a moment, aged on a day. A pass over all
    /// of them asks until there is no last one: three queries for each 250 customers, each by an index, so its cost
    /// grows with their bills and payments and its memory does not.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn owing(
        &self,
        at: Timestamp,
        day: Date,
        after: Option<&CustomerNumber>,
    ) -> Result<OwingPage, StoreError> {
        let after = after.map_or_else(String::new, ToString::to_string);
        let rows = query("SELECT account FROM bills WHERE account > $1 GROUP BY account ORDER BY account LIMIT $2")
            .bind(after)
            .bind(ROWS_MAX)
            .fetch_all(&self.pools)
            .await?;
        let accounts: Vec<CustomerNumber> = rows
            .iter()
            .map(|row| text(row, "account"))
            .collect::<Result<_, _>>()?;
        let Some(last) = accounts.last().cloned() else {
            return Ok(OwingPage::default());
        };
        let dues = dues(&self.pools, &accounts, at).await?;
        let moneys = moneys(&self.pools, &accounts, at, None).await?;
        let mut standings = standings(&dues, &moneys);
        let mut page = OwingPage {
            last: Some(last),
            ..OwingPage::default()
        };
        for account in accounts {
            let Some(standing) = standings.remove(&account) else {
                continue;
            };
            page.credit += standing.credit.max(Cents::ZERO);
            let aged = Aged::of(&standing, day);
            if aged.oldest.is_some() {
                page.owing.push(Owing { account, aged });
            }
        }
        Ok(page)
    }
}
