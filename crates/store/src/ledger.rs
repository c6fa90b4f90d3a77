//! The books, and what a customer owes by them.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use kvit_billing::{BillNumber, Cents, CustomerNumber, Language};
use kvit_pay::{
    ledger::{Account, Book, Entry, Posting},
    standing::{Due, Money, Standing},
};

use crate::{
    BookLine, BookPeriod, BookSum, CreditRecord, EntryRecord, Store, StoreError,
    engine::{Row, Target, Tx},
    money_mails,
    payments::{bills, joined},
    rows::{corrupt, language, number, text, time, unsigned},
    sql::query,
    webhooks,
};

/// What is known of a customer ($1, with the book $3) at a moment ($2): who they are, then what [`dues`] and
/// [`moneys`] read, in their order.
const ASKED: &str = "SELECT CAST(0 AS BIGINT) AS part, CAST(0 AS BIGINT) AS at, c.language AS word, c.language AS due_date, c.language AS bills, CAST(0 AS BIGINT) AS number, CAST(0 AS BIGINT) AS to_pay, CAST(0 AS BIGINT) AS carried_over, CAST(NULL AS BIGINT) AS corrects, CAST(0 AS BIGINT) AS cents, c.number AS name FROM customers c WHERE c.number = $1
    UNION ALL SELECT 1, r.issued_at, b.account, b.due_date, '', b.number, b.to_pay, b.carried_over, b.corrects, 0, '' FROM bills b CROSS JOIN runs r WHERE b.account = $1 AND r.id = b.run AND r.issued_at <= $2
    UNION ALL SELECT 2, j.at, '', '', p.bills, 0, 0, 0, NULL, p.cents, j.id FROM postings p CROSS JOIN journal j WHERE p.book = $3 AND j.id = p.entry AND j.at <= $2 AND COALESCE(j.reverses, '') = '' AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id AND r.at <= $2)
    ORDER BY part, at, number, name";

impl Store {
    /// What a customer owed at a moment: the bills that were issued by then, and the money that was
    /// in the books by then.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn standing(
        &self,
        account: &CustomerNumber,
        at: Timestamp,
    ) -> Result<Standing, StoreError> {
        let mut found = self.standings(std::slice::from_ref(account), at).await?;
        Ok(found.remove(account).unwrap_or_default())
    }

    /// The same of each of these customers, of whom there are at most 250. Who has neither bills nor money is left out.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn standings(
        &self,
        accounts: &[CustomerNumber],
        at: Timestamp,
    ) -> Result<HashMap<CustomerNumber, Standing>, StoreError> {
        let dues = dues(&self.pools, accounts, at).await?;
        let moneys = moneys(&self.pools, accounts, at, None).await?;
        Ok(standings(&dues, &moneys))
    }

    /// A customer's language and what they owed at a moment, as [`Store::standing`] derives it; `None` where there is
    /// no such customer. One statement for payment systems that ask for dues, each of which is handed to another
    /// thread or process and back.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn dues_of(
        &self,
        account: &CustomerNumber,
        at: Timestamp,
    ) -> Result<Option<(Language, Standing)>, StoreError> {
        let rows = query(ASKED)
            .bind(account)
            .bind(at)
            .bind(&Book::Customer(account.clone()))
            .fetch_all(&self.pools)
            .await?;
        let (mut known, mut dues, mut moneys) = (None, Vec::new(), Vec::new());
        for row in &rows {
            match row.get::<i64>("part")? {
                0 => known = Some(language(row, "word")?),
                1 => dues.push(due(row, dues.is_empty())?),
                _ => moneys.push(money(row)?),
            }
        }
        Ok(known.map(|language| (language, Standing::of(&dues, &moneys))))
    }

    /// What each book holds; customers are one sum. Together they are nothing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn books(&self) -> Result<Vec<BookSum>, StoreError> {
        query("SELECT CASE WHEN book LIKE 'customer/%' THEN 'customer' ELSE book END AS name, CAST(SUM(cents) AS BIGINT) AS cents FROM postings GROUP BY 1 ORDER BY 1")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok(BookSum { name: row.get("name")?, cents: Cents::new(row.get("cents")?) }))
            .collect()
    }

    /// Customers who paid more than all their bills ask for, by number. Reads what every customer paid
    /// who ever did: for a look once a day, not for a page.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn credits(&self, limit: usize) -> Result<Vec<CreditRecord>, StoreError> {
        // As in [`due`], what a customer's first bill carries over counts too.
        query("SELECT account, cents FROM (
                SELECT m.account, m.held
                    + COALESCE((SELECT CAST(SUM(b.to_pay - b.carried_over) AS BIGINT) FROM bills b WHERE b.account = m.account), 0)
                    + COALESCE((SELECT f.carried_over FROM bills f JOIN runs r ON r.id = f.run WHERE f.account = m.account ORDER BY r.issued_at, f.number LIMIT 1), 0) AS cents
                FROM (SELECT SUBSTR(book, 10) AS account, CAST(SUM(cents) AS BIGINT) AS held FROM postings WHERE book LIKE 'customer/%' GROUP BY book HAVING SUM(cents) < 0) m
            ) c WHERE cents < 0 ORDER BY account LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(CreditRecord {
                    account: text(row, "account")?,
                    cents: Cents::new(row.get("cents")?).abs(),
                })
            })
            .collect()
    }

    /// Entries whose postings do not add up to nothing. There are none, unless somebody wrote into
    /// the database by hand.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unbalanced_entries(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        query("SELECT j.id FROM journal j LEFT JOIN postings p ON p.entry = j.id GROUP BY j.id HAVING COALESCE(SUM(p.cents), 1) <> 0 ORDER BY j.id LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok(row.get("id")?))
            .collect()
    }

    /// The postings from `from` on and before `until`, oldest first, the two of an entry one after
    /// the other. `after` is the last entry of the page before; a page has `entries` entries at most.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn postings(
        &self,
        from: Timestamp,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        entries: usize,
    ) -> Result<Vec<EntryRecord>, StoreError> {
        let (at, id) = after.unwrap_or((from, ""));
        query("SELECT j.id, j.at, j.kind, j.reverses, j.who, p.book, p.cents, p.bills FROM journal j JOIN postings p ON p.entry = j.id WHERE j.at >= $1 AND j.at < $2 AND (j.at > $1 OR j.id > $3) ORDER BY j.at, j.id, p.line LIMIT $4")
            .bind(at)
            .bind(until)
            .bind(id)
            .bind(entries * 2)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(entry)
            .collect()
    }

    /// What an account held before `from`, and what moved from then on and before `until`. One pass over all its
    /// postings.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn book_period(
        &self,
        account: &Account,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<BookPeriod, StoreError> {
        let (first, last) = account.names();
        let row = query("SELECT CAST(COALESCE(SUM(CASE WHEN j.at < $3 THEN p.cents ELSE 0 END), 0) AS BIGINT) AS opening, CAST(COALESCE(SUM(CASE WHEN j.at >= $3 THEN p.cents ELSE 0 END), 0) AS BIGINT) AS moved, CAST(COALESCE(SUM(CASE WHEN j.at >= $3 THEN 1 ELSE 0 END), 0) AS BIGINT) AS moves FROM postings p JOIN journal j ON j.id = p.entry WHERE p.book >= $1 AND p.book <= $2 AND j.at < $4")
            .bind(first)
            .bind(last)
            .bind(from)
            .bind(until)
            .fetch_one(&self.pools)
            .await?;
        Ok(BookPeriod {
            opening: Cents::new(row.get("opening")?),
            moved: Cents::new(row.get("moved")?),
            postings: unsigned(&row, "moves")?,
        })
    }

    /// The postings of an account from `from` on and before `until`, oldest first. `after` is the last entry of the
    /// page before. Reads the journal of these days by its index, whatever the account.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn book_lines(
        &self,
        account: &Account,
        from: Timestamp,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<BookLine>, StoreError> {
        let (at, id) = after.unwrap_or((from, ""));
        let (first, last) = account.names();
        // SQLite reads in the order of CROSS JOIN.
        query("SELECT j.id, j.at, j.kind, j.reverses, j.who, p.book, p.cents, p.bills, o.book AS other FROM journal j CROSS JOIN postings p CROSS JOIN postings o WHERE j.at >= $1 AND j.at < $2 AND (j.at > $1 OR j.id > $3) AND p.entry = j.id AND p.book >= $4 AND p.book <= $5 AND o.entry = j.id AND o.line <> p.line ORDER BY j.at, j.id LIMIT $6")
            .bind(at)
            .bind(until)
            .bind(id)
            .bind(first)
            .bind(last)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok(BookLine { entry: entry(row)?, other: text(row, "other")? }))
            .collect()
    }

    /// The latest entries of a customer's book, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn entries_of(
        &self,
        account: &CustomerNumber,
        limit: usize,
    ) -> Result<Vec<EntryRecord>, StoreError> {
        query("SELECT j.id, j.at, j.kind, j.reverses, j.who, p.book, p.cents, p.bills, (SELECT CAST(SUM(-o.cents) AS BIGINT) FROM journal s JOIN postings o ON o.entry = s.id AND o.book LIKE 'customer/%' WHERE s.notice = j.notice AND s.kind = 'payment' AND j.kind = 'payment') AS whole FROM postings p JOIN journal j ON j.id = p.entry WHERE p.book = $1 ORDER BY j.at DESC, j.id LIMIT $2")
            .bind(&Book::Customer(account.clone()))
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                let own = entry(row)?;
                let whole = row.get::<Option<i64>>("whole")?.map(Cents::new);
                Ok(EntryRecord { whole: whole.filter(|whole| *whole != -own.cents), ..own })
            })
            .collect()
    }
}

impl Store {
    /// The entries of a customer's book that name a bill and come from no payment that [`Store::payments_of_bill`]
    /// tells of, newest first: what billers reported, and what was paid along with another bill.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn other_money_of_bill(
        &self,
        account: &CustomerNumber,
        bill: BillNumber,
        limit: usize,
    ) -> Result<Vec<EntryRecord>, StoreError> {
        query("SELECT j.id, j.at, j.kind, j.reverses, j.who, p.book, p.cents, p.bills FROM postings p JOIN journal j ON j.id = p.entry LEFT JOIN notices n ON n.id = j.notice LEFT JOIN payments y ON y.provider = n.provider AND y.number = n.payment WHERE p.book = $1 AND p.bills LIKE $2 AND (y.bill IS NULL OR y.bill <> $3) AND NOT EXISTS (SELECT 1 FROM payment_parts s WHERE s.provider = y.provider AND s.number = y.number AND s.bill = $3) ORDER BY j.at DESC, j.id LIMIT $4")
            .bind(&Book::Customer(account.clone()))
            .bind(format!("%{bill}%"))
            .bind(bill)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(entry)
            .collect()
    }
}

/// What the bills of at most 250 customers, at least one, ask for that were issued by then, in the
/// order of their issue.
pub(crate) async fn dues(
    on: impl Target,
    accounts: &[CustomerNumber],
    at: Timestamp,
) -> Result<HashMap<CustomerNumber, Vec<Due>>, StoreError> {
    let rows = query("WITH asked (account, at) AS ({rows}) SELECT b.account, b.number, b.due_date, b.to_pay, b.carried_over, b.corrects FROM asked JOIN bills b ON b.account = asked.account JOIN runs r ON r.id = b.run WHERE r.issued_at <= asked.at ORDER BY r.issued_at, b.number")
        .rows(accounts.iter().map(|account| [account.into(), at.into()]))
        .fetch_all(on)
        .await?;
    let mut dues: HashMap<_, Vec<Due>> = HashMap::new();
    for row in &rows {
        let of: &mut Vec<Due> = dues.entry(text(row, "account")?).or_default();
        of.push(due(row, of.is_empty())?);
    }
    Ok(dues)
}

/// Money of customers, with its entries' names.
pub(crate) type Moneys = HashMap<CustomerNumber, Vec<(String, Money)>>;

/// The money in the books of at most 250 customers, at least one, that counted then: what was not taken
/// back by then, and `also` that.
pub(crate) async fn moneys(
    on: impl Target,
    accounts: &[CustomerNumber],
    at: Timestamp,
    also: Option<&str>,
) -> Result<Moneys, StoreError> {
    let asked = accounts.iter().map(|account| {
        let book = Book::Customer(account.clone());
        [(&book).into(), at.into(), also.unwrap_or_default().into()]
    });
    let rows = query("WITH asked (book, at, also) AS ({rows}) SELECT j.id, p.book, p.cents, p.bills FROM asked JOIN postings p ON p.book = asked.book JOIN journal j ON j.id = p.entry WHERE j.at <= asked.at AND COALESCE(j.reverses, '') = '' AND (j.id = asked.also OR NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id AND r.at <= asked.at)) ORDER BY j.at, j.id")
        .rows(asked)
        .fetch_all(on)
        .await?;
    let mut moneys = Moneys::new();
    for row in &rows {
        let book: Book = text(row, "book")?;
        if let Book::Customer(account) = book {
            let of = moneys.entry(account).or_default();
            of.push((row.get("id")?, money(row)?));
        }
    }
    Ok(moneys)
}

/// The standings of the customers who have bills or money.
pub(crate) fn standings(
    dues: &HashMap<CustomerNumber, Vec<Due>>,
    moneys: &Moneys,
) -> HashMap<CustomerNumber, Standing> {
    let known: HashSet<_> = dues.keys().chain(moneys.keys()).collect();
    let one = |account: &CustomerNumber| {
        let money = moneys.get(account).into_iter().flatten();
        let money: Vec<Money> = money.map(|(_, money)| money.clone()).collect();
        let dues = dues.get(account).map_or(&[][..], Vec::as_slice);
        (account.clone(), Standing::of(dues, &money))
    };
    known.into_iter().map(one).collect()
}

/// Writes an entry. Its id is made of what caused it, so that it cannot be written twice.
pub(crate) async fn post(
    tx: &mut Tx,
    id: &str,
    entry: &Entry,
    notice: Option<&str>,
    who: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    write(tx, id, entry, notice, None, who, at).await
}

/// Takes an entry back by one of the same amounts the other way, and gives that one's id.
pub(crate) async fn reverse(
    tx: &mut Tx,
    id: &str,
    notice: Option<&str>,
    who: &str,
    at: Timestamp,
) -> Result<String, StoreError> {
    let rows = query("SELECT book, cents, bills FROM postings WHERE entry = $1 ORDER BY line")
        .bind(id)
        .fetch_all(&mut *tx)
        .await?;
    let postings = rows
        .iter()
        .map(|row| {
            Ok(Posting {
                book: text(row, "book")?,
                cents: Cents::new(row.get("cents")?),
                bills: bills(row)?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let postings: [Posting; 2] = postings.try_into().map_err(|_| corrupt("entry", id))?;
    let entry = Entry::reversal(postings);
    let reversal = format!("reversal/{id}");
    write(tx, &reversal, &entry, notice, Some(id), who, at).await?;
    Ok(reversal)
}

async fn write(
    tx: &mut Tx,
    id: &str,
    entry: &Entry,
    notice: Option<&str>,
    reverses: Option<&str>,
    who: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO journal (id, at, kind, notice, reverses, who) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(at)
    .bind(entry.kind())
    .bind(notice)
    .bind(reverses)
    .bind(who)
    .execute(&mut *tx)
    .await?;
    query("INSERT INTO postings (entry, line, book, cents, bills) {rows}")
        .rows((1_u64..).zip(entry.postings()).map(|(line, posting)| {
            [
                id.into(),
                line.into(),
                (&posting.book).into(),
                posting.cents.into(),
                joined(&posting.bills).into(),
            ]
        }))
        .execute(&mut *tx)
        .await?;
    webhooks::booked(tx, id, entry, reverses, at).await?;
    // The same transaction: whatever dies, money in a customer's book has its mail, and one only.
    money_mails::queue(tx, id, entry, notice, reverses, who, at).await
}

/// What a bill asks for by itself. What a customer's first bill carries over was owed before any
/// bill that is known here, so it counts with that one; later bills carry over what earlier ones
/// asked for.
fn due(row: &Row, first: bool) -> Result<Due, StoreError> {
    let to_pay = Cents::new(row.get("to_pay")?);
    let carried = Cents::new(row.get("carried_over")?);
    let corrects: Option<i64> = row.get("corrects")?;
    Ok(Due {
        number: number(row, "number")?,
        due_date: text(row, "due_date")?,
        cents: if first { to_pay } else { to_pay - carried },
        corrects: match corrects {
            Some(_) => Some(number(row, "corrects")?),
            None => None,
        },
    })
}

fn money(row: &Row) -> Result<Money, StoreError> {
    Ok(Money {
        cents: -Cents::new(row.get("cents")?),
        bills: bills(row)?,
    })
}

pub(crate) fn entry(row: &Row) -> Result<EntryRecord, StoreError> {
    Ok(EntryRecord {
        id: row.get("id")?,
        at: time(row, "at")?,
        kind: row.get("kind")?,
        book: text(row, "book")?,
        cents: Cents::new(row.get("cents")?),
        bills: bills(row)?,
        reverses: row.get("reverses")?,
        who: row.get("who")?,
        whole: None,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// Nearly every entry reverses nothing, and SQLite takes a search of a unique index for one row, also where it
    /// looks for NULL: a query that says `reverses IS NULL` reads the whole journal there. COALESCE keeps that index
    /// out of it.
    #[test]
    fn no_query_looks_for_entries_that_reverse_nothing_by_an_index() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for file in fs::read_dir(folder).expect("the sources") {
            let path = file.expect("an entry").path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            // Within a CASE it only chooses what is summed.
            let parts: Vec<_> = text.split("reverses IS NULL").collect();
            let (_, before) = parts.split_last().expect("one at least");
            let bad = before
                .iter()
                .filter(|part| part.ends_with("j.") && !part.ends_with("CASE WHEN j."));
            assert_eq!(bad.count(), 0, "{}", path.display());
        }
    }
}
