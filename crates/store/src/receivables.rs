//! What customers owed at a moment, in one pass over them by number: nothing is held but a page.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::{
    aging::{Aged, AgedTotals},
    standing::Due,
};

use crate::{
    Owing, OwingPage, Store, StoreError,
    ledger::{dues, moneys, standings},
    rows::text,
    sql::{ROWS_MAX, query},
};

impl Store {
    /// The next customers by number, and what they owed at a moment, aged on a day. A pass over all
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
        let rows = query("SELECT number FROM customers WHERE number > $1 ORDER BY number LIMIT $2")
            .bind(after)
            .bind(ROWS_MAX)
            .fetch_all(&self.pools)
            .await?;
        let accounts: Vec<CustomerNumber> = rows
            .iter()
            .map(|row| text(row, "number"))
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
        let looked_at = accounts.len() as u64;
        for account in accounts {
            let Some(standing) = standings.remove(&account) else {
                continue;
            };
            let aged = Aged::of(&standing, day);
            let asked = dues.get(&account).map_or(&[][..], Vec::as_slice);
            let asked = asked.iter().map(|due: &Due| due.cents).sum();
            page.totals += AgedTotals::of(&standing, &aged, asked);
            if aged.oldest.is_some() {
                page.owing.push(Owing { account, aged });
            }
        }
        // Those without bills and money too.
        page.totals.looked_at = looked_at;
        Ok(page)
    }

    /// What customers' books held at a moment, all together: negative for what they paid. One sum over the journal.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn customers_booked(&self, at: Timestamp) -> Result<Cents, StoreError> {
        // `0` is what follows `/`.
        let row = query("SELECT CAST(COALESCE(SUM(p.cents), 0) AS BIGINT) AS cents FROM postings p JOIN journal j ON j.id = p.entry WHERE p.book >= 'customer/' AND p.book < 'customer0' AND j.at <= $1")
            .bind(at)
            .fetch_one(&self.pools)
            .await?;
        Ok(Cents::new(row.get("cents")?))
    }
}
