//! Files of the books for the operator's accounting system: the journal of some days as CSV, or of one book as CSV
//! or camt.053. Read from the store as they are written, so nothing is held but a page.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::{Cents, Currency};
use kvit_pay::{
    book_statement::{BookEntry, BookStatement},
    ledger::Account,
};
use kvit_store::{BookLine, EntryRecord, Store, StoreError};

use crate::csv_line;

/// Entries that are read at a time.
const PAGE: usize = 500;
const HEAD: &str = "entry,at,kind,book,amount,currency,bills,reverses,who\n";

/// So long after its end a day has all of its entries.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// In which form books are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookFormat {
    /// A line for each posting.
    Csv,
    /// ISO 20022 camt.053.001.08: balance before, entries, balance after.
    Camt,
}

impl BookFormat {
    /// How a file of it is called.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Camt => "xml",
        }
    }
}

impl FromStr for BookFormat {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "csv" => Ok(Self::Csv),
            "camt" => Ok(Self::Camt),
            _ => Err(()),
        }
    }
}

/// Days of which no file is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDays {
    /// The last comes before the first.
    #[error("{1} is before {0}")]
    Turned(Date, Date),
    /// An entry of the last one may still be written, and would be in no file then.
    #[error("{0} has not been over for an hour: entries may still come")]
    NotOver(Date),
    /// It does not begin where the operator sits.
    #[error("{0} has no beginning")]
    Odd(Date),
}

/// Which file is made.
#[derive(Clone, Debug)]
pub struct BookWish {
    /// Of which books; `None` for all, which only CSV can be.
    pub account: Option<Account>,
    /// First and last day.
    pub days: (Date, Date),
    /// In which form.
    pub format: BookFormat,
    /// In what the books are kept.
    pub currency: Currency,
}

/// A file under way.
pub struct BookFile {
    store: Store,
    zone: TimeZone,
    wish: BookWish,
    from: Timestamp,
    until: Timestamp,
    /// Postings written until now.
    lines: u64,
    place: Place,
}

enum Place {
    Start,
    /// Behind this entry; with the statement where it is one.
    Behind(Option<(Timestamp, String)>, Option<BookStatement>),
    End,
}

impl BookFile {
    /// Begins a file. Nothing is read yet.
    ///
    /// # Errors
    /// Where its days are turned around, or not over for an hour by `now`.
    pub fn open(
        store: Store,
        zone: &TimeZone,
        now: Timestamp,
        wish: BookWish,
    ) -> Result<Self, BadDays> {
        let (first, last) = wish.days;
        if last < first {
            return Err(BadDays::Turned(first, last));
        }
        // What was stamped before midnight may still be on its way into the books.
        let settled = now.saturating_sub(SETTLED_AFTER).unwrap_or(now);
        if last >= zone.to_datetime(settled).date() {
            return Err(BadDays::NotOver(last));
        }
        let start = |day: Date| {
            let start = zone.to_timestamp(day.at(0, 0, 0, 0));
            start.map_err(|_| BadDays::Odd(day))
        };
        Ok(Self {
            store,
            zone: zone.clone(),
            from: start(first)?,
            until: start(last.saturating_add(1.day()))?,
            wish,
            lines: 0,
            place: Place::Start,
        })
    }

    /// Postings written until now.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The next part of the file; `None` behind the last.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn part(&mut self) -> Result<Option<String>, StoreError> {
        match std::mem::replace(&mut self.place, Place::End) {
            Place::Start => self.head().await.map(Some),
            Place::Behind(last, statement) => self.page(last, statement).await.map(Some),
            Place::End => Ok(None),
        }
    }

    async fn head(&mut self) -> Result<String, StoreError> {
        let (statement, text) = match (&self.wish.account, self.wish.format) {
            (Some(account), BookFormat::Camt) => {
                let period = self.store.book_period(account, self.from, self.until);
                let period = period.await?;
                let statement = BookStatement {
                    account: account.clone(),
                    currency: self.wish.currency,
                    days: self.wish.days,
                    opening: period.opening,
                    closing: period.opening + period.moved,
                    entries: period.postings,
                };
                let head = statement.head();
                (Some(statement), head)
            }
            _ => (None, HEAD.to_owned()),
        };
        self.place = Place::Behind(None, statement);
        Ok(text)
    }

    async fn page(
        &mut self,
        last: Option<(Timestamp, String)>,
        statement: Option<BookStatement>,
    ) -> Result<String, StoreError> {
        let after = last.as_ref().map(|(at, id)| (*at, id.as_str()));
        let (from, until) = (self.from, self.until);
        let mut text = String::new();
        let mut end = None;
        let currency = self.wish.currency;
        match &self.wish.account {
            None => {
                let page = self.store.postings(from, until, after, PAGE).await?;
                for posting in &page {
                    text.push_str(&line(posting, currency));
                }
                self.lines += page.len() as u64;
                end = page.last().map(|last| (last.at, last.id.clone())).or(end);
            }
            Some(account) => {
                let page = self.store.book_lines(account, from, until, after, PAGE);
                let page = page.await?;
                for posting in &page {
                    self.lines += 1;
                    text.push_str(&match &statement {
                        Some(statement) => self.entry(statement, posting),
                        None => line(&posting.entry, currency),
                    });
                }
                let last = page.last().map(|last| &last.entry);
                end = last.map(|last| (last.at, last.id.clone())).or(end);
            }
        }
        match (end, statement) {
            (Some(end), statement) => self.place = Place::Behind(Some(end), statement),
            (None, Some(_)) => text.push_str(BookStatement::foot()),
            (None, None) => {}
        }
        Ok(text)
    }

    fn entry(&self, statement: &BookStatement, line: &BookLine) -> String {
        let entry = &line.entry;
        statement.entry(&BookEntry {
            number: self.lines,
            id: &entry.id,
            kind: &entry.kind,
            at: self.zone.to_datetime(entry.at),
            cents: entry.cents,
            reversal: entry.reverses.is_some(),
            other: &line.other.to_string(),
            bills: &entry.bills,
        })
    }
}

fn line(posting: &EntryRecord, currency: Currency) -> String {
    let bills: Vec<String> = posting.bills.iter().map(ToString::to_string).collect();
    let cents: Cents = posting.cents;
    let fields = [
        posting.id.clone(),
        posting.at.to_string(),
        posting.kind.clone(),
        posting.book.to_string(),
        cents.to_string(),
        currency.to_string(),
        bills.join(" "),
        posting.reverses.clone().unwrap_or_default(),
        posting.who.clone(),
    ];
    csv_line(&fields) + "\n"
}
