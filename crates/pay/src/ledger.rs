//! The books: double entry in whole cents. Every entry's postings add up to nothing, so money is
//! neither made nor lost between two books.
//!
//! What bills ask for is not posted: the bills themselves say it, once and unchangeably, and a
//! second record of it could only differ. So a customer's book holds what they paid (negative) and
//! got back (positive), and their balance is their bills plus their book.

use std::{fmt, str::FromStr};

use kvit_billing::{BillNumber, Cents, CustomerNumber};

use crate::{ProviderName, statement::BANK};

/// Where money is, or who has a claim to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Book {
    /// What a customer paid and got back.
    Customer(CustomerNumber),
    /// What a payment system collected and has not paid out yet.
    Clearing(ProviderName),
    /// Money that nobody knows yet whose it is.
    Unmatched,
    /// The operator's account.
    Bank,
    /// Money on its way back to customers.
    Refunds,
    /// Claims that were given up.
    WriteOff,
}

impl Book {
    /// Where the money is that a payment system tells of.
    #[must_use]
    pub fn of(provider: &ProviderName) -> Self {
        if provider.as_str() == BANK {
            Self::Bank
        } else {
            Self::Clearing(provider.clone())
        }
    }
}

/// Text that names no book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a book")]
pub struct BadBook(String);

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(number) => write!(f, "customer/{number}"),
            Self::Clearing(provider) => write!(f, "clearing/{provider}"),
            Self::Unmatched => f.write_str("unmatched"),
            Self::Bank => f.write_str("bank"),
            Self::Refunds => f.write_str("refunds"),
            Self::WriteOff => f.write_str("write-off"),
        }
    }
}

impl FromStr for Book {
    type Err = BadBook;
    fn from_str(text: &str) -> Result<Self, BadBook> {
        let bad = || BadBook(text.chars().take(60).collect());
        match text.split_once('/') {
            Some(("customer", number)) => number.parse().map(Self::Customer).map_err(|_| bad()),
            Some(("clearing", name)) => name.parse().map(Self::Clearing).map_err(|_| bad()),
            Some(_) => Err(bad()),
            None => match text {
                "unmatched" => Ok(Self::Unmatched),
                "bank" => Ok(Self::Bank),
                "refunds" => Ok(Self::Refunds),
                "write-off" => Ok(Self::WriteOff),
                _ => Err(bad()),
            },
        }
    }
}

/// Books that are one account for an accounting system: each by itself, those of customers together as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// Every customer's.
    Customers,
    /// One book.
    Book(Book),
}

impl Account {
    /// The first and the last name that its books may have.
    #[must_use]
    pub fn names(&self) -> (String, String) {
        match self {
            // No letter of a customer's number comes behind this one.
            Self::Customers => ("customer/".to_owned(), "customer/~".to_owned()),
            Self::Book(book) => (book.to_string(), book.to_string()),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customers => f.write_str("customer"),
            Self::Book(book) => book.fmt(f),
        }
    }
}

impl FromStr for Account {
    type Err = BadBook;
    fn from_str(text: &str) -> Result<Self, BadBook> {
        match text {
            "customer" => Ok(Self::Customers),
            book => book.parse().map(Self::Book),
        }
    }
}

/// A line of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// In which book.
    pub book: Book,
    /// Debit positive, credit negative. Never zero.
    pub cents: Cents,
    /// Which bills it is meant for, in a customer's book.
    pub bills: Vec<BillNumber>,
}

/// Postings that add up to nothing: only the functions here make them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: &'static str,
    postings: [Posting; 2],
}

impl Entry {
    /// A customer paid through a payment system, or to the operator's account.
    #[must_use]
    pub fn payment(
        provider: &ProviderName,
        account: &CustomerNumber,
        amount: Cents,
        bills: Vec<BillNumber>,
    ) -> Self {
        let to = Posting {
            book: Book::Customer(account.clone()),
            cents: -amount,
            bills,
        };
        Self::moved("payment", Book::of(provider), amount, to)
    }

    /// A payment system handed over to the operator's account what it had collected.
    #[must_use]
    pub fn payout(provider: &ProviderName, amount: Cents) -> Self {
        let from = Posting {
            book: Book::of(provider),
            cents: -amount,
            bills: Vec::new(),
        };
        Self::moved("payout", Book::Bank, amount, from)
    }

    /// Unmatched money turned out to be what a payment system had collected.
    #[must_use]
    pub fn payout_found(provider: &ProviderName, amount: Cents) -> Self {
        let from = Posting {
            book: Book::of(provider),
            cents: -amount,
            bills: Vec::new(),
        };
        Self::moved("payout", Book::Unmatched, amount, from)
    }

    /// A payment system, or the operator's account, has money of which it is not known whose it is.
    #[must_use]
    pub fn unmatched(provider: &ProviderName, amount: Cents) -> Self {
        let to = Posting {
            book: Book::Unmatched,
            cents: -amount,
            bills: Vec::new(),
        };
        Self::moved("unmatched", Book::of(provider), amount, to)
    }

    /// Unmatched money found its customer.
    #[must_use]
    pub fn allocation(account: &CustomerNumber, amount: Cents, bills: Vec<BillNumber>) -> Self {
        let to = Posting {
            book: Book::Customer(account.clone()),
            cents: -amount,
            bills,
        };
        Self::moved("allocation", Book::Unmatched, amount, to)
    }

    /// A customer gets money back: it is on its way. What they paid for bills with it is owed again.
    #[must_use]
    pub fn refund(account: &CustomerNumber, amount: Cents, bills: Vec<BillNumber>) -> Self {
        let from = Posting {
            book: Book::Refunds,
            cents: -amount,
            bills: Vec::new(),
        };
        let mut entry = Self::moved("refund", Book::Customer(account.clone()), amount, from);
        entry.postings[0].bills = bills;
        entry
    }

    /// Money on its way back to a customer left the operator's account.
    #[must_use]
    pub fn refund_paid(amount: Cents) -> Self {
        let from = Posting {
            book: Book::Bank,
            cents: -amount,
            bills: Vec::new(),
        };
        Self::moved("refund-paid", Book::Refunds, amount, from)
    }

    /// Money on its way back to a customer was given back by a payment system, out of what it had collected.
    #[must_use]
    pub fn refund_given(provider: &ProviderName, amount: Cents) -> Self {
        let from = Posting {
            book: Book::of(provider),
            cents: -amount,
            bills: Vec::new(),
        };
        Self::moved("refund-paid", Book::Refunds, amount, from)
    }

    /// Money that had been sent to a customer came back to the operator's account.
    #[must_use]
    pub fn refund_came_back(amount: Cents) -> Self {
        let to = Posting {
            book: Book::Refunds,
            cents: -amount,
            bills: Vec::new(),
        };
        Self::moved("refund-came-back", Book::Bank, amount, to)
    }

    /// The operator gives up a claim.
    #[must_use]
    pub fn write_off(account: &CustomerNumber, amount: Cents, bills: Vec<BillNumber>) -> Self {
        let to = Posting {
            book: Book::Customer(account.clone()),
            cents: -amount,
            bills,
        };
        Self::moved("write-off", Book::WriteOff, amount, to)
    }

    /// Takes another entry back.
    #[must_use]
    pub fn reversal(postings: [Posting; 2]) -> Self {
        let turned = postings.map(|posting| Posting {
            cents: -posting.cents,
            ..posting
        });
        Self {
            kind: "reversal",
            postings: turned,
        }
    }

    fn moved(kind: &'static str, debit: Book, amount: Cents, credit: Posting) -> Self {
        let debit = Posting {
            book: debit,
            cents: amount,
            bills: Vec::new(),
        };
        Self {
            kind,
            postings: [debit, credit],
        }
    }

    /// The word under which the store keeps it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its lines.
    #[must_use]
    pub const fn postings(&self) -> &[Posting; 2] {
        &self.postings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_balances_and_every_book_has_a_name() {
        let provider: ProviderName = "epay".parse().expect("a name");
        let account: CustomerNumber = "1000001".parse().expect("a number");
        let amount = Cents::new(1234);
        let payment = Entry::payment(&provider, &account, amount, Vec::new());
        for entry in [
            Entry::reversal(payment.postings().clone()),
            payment,
            Entry::unmatched(&provider, amount),
            Entry::payout(&provider, amount),
            Entry::payout_found(&provider, amount),
            Entry::allocation(&account, amount, Vec::new()),
            Entry::refund(&account, amount, Vec::new()),
            Entry::refund_paid(amount),
            Entry::refund_given(&provider, amount),
            Entry::refund_came_back(amount),
            Entry::write_off(&account, amount, Vec::new()),
        ] {
            let sum: Cents = entry.postings().iter().map(|posting| posting.cents).sum();
            assert_eq!(sum, Cents::ZERO, "{}", entry.kind());
            for posting in entry.postings() {
                assert_eq!(posting.book.to_string().parse(), Ok(posting.book.clone()));
            }
        }
        assert!("bank/x".parse::<Book>().is_err());
    }
}
