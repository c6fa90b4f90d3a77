//! One movement of money on the operator's account.

use jiff::civil::Date;
use kvit_billing::{Cents, Currency};
use serde::{Deserialize, Serialize};

use super::BANK;
use crate::{About, Event, ProviderName, VerifiedNotice};

/// What a transfer is to the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferKind {
    /// Somebody paid.
    Payment,
    /// A payment system handed over what it collected.
    Payout(ProviderName),
    /// Money that the operator had sent came back: in no case a customer's payment.
    CameBack,
    /// Money that had been paid in was taken back.
    TakenBack,
    /// The operator paid somebody, or the bank took a fee: none of the customers' money.
    Spent,
    /// A direct debit that its bank refused before any money moved, or all those of a file or its part.
    Refused,
}

impl TransferKind {
    /// The word under which the store keeps it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Payout(_) => "payout",
            Self::CameBack => "came-back",
            Self::TakenBack => "taken-back",
            Self::Spent => "spent",
            Self::Refused => "refused",
        }
    }
}

/// One movement of money: an entry of a statement, or one transaction of an entry that has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The line at which its entry ends; not a part of what it says.
    #[serde(skip)]
    pub line: u64,
    /// What it is.
    pub kind: TransferKind,
    /// The operator's account.
    pub iban: String,
    /// The account and the bank's reference; the same in each statement and notification that has it.
    /// Of what is [`TransferKind::Spent`] that of its entry; empty where the bank gave none.
    pub name: String,
    /// The name of the entry, where that has several transactions.
    pub batch: Option<String>,
    /// The file of the operator's orders, or the part of one, that all of it belongs to; not a part of what it
    /// says.
    #[serde(skip)]
    pub payment_file: Option<String>,
    /// How much; always above zero.
    pub amount: Cents,
    /// In what.
    pub currency: Currency,
    /// When it was booked.
    pub booked: Date,
    /// From when it bears interest.
    pub value: Option<Date>,
    /// Who paid, or was paid.
    pub party: Option<String>,
    /// Creditor references (ISO 11649 or the bank's own), as they stand there.
    pub references: Vec<String>,
    /// What the payer wrote.
    pub words: String,
    /// What the bank adds.
    pub info: String,
    /// The payer's name for it.
    pub end_to_end: Option<String>,
    /// The banks' name for it.
    pub transaction: Option<String>,
    /// Why it was returned or refused, as the bank's code; not a part of what it says.
    #[serde(skip)]
    pub reason: Option<String>,
}

impl Transfer {
    /// What it tells the books. `None` where it is none of the customers' money.
    ///
    /// A payment is kept under its account and reference, so whichever statement brings it first
    /// counts, and the others repeat it.
    #[must_use]
    pub fn notice(self) -> Option<VerifiedNotice> {
        let event = match self.kind {
            TransferKind::Payment | TransferKind::Payout(_) | TransferKind::CameBack => {
                Event::Paid {
                    amount: Some(self.amount),
                    currency: Some(self.currency),
                }
            }
            TransferKind::TakenBack => Event::Reversed,
            TransferKind::Spent | TransferKind::Refused => return None,
        };
        let provider: ProviderName = BANK.parse().ok()?;
        let received = serde_json::to_vec(&self).ok()?;
        let name = self.name.clone();
        let notice = VerifiedNotice::new(&provider, name, About::Transfer, event, &received);
        Some(notice.of_transfer(self))
    }

    /// The sum, negative where it left the account.
    #[must_use]
    pub fn signed(&self) -> Cents {
        match self.kind {
            TransferKind::Payment | TransferKind::Payout(_) | TransferKind::CameBack => self.amount,
            TransferKind::TakenBack | TransferKind::Spent => -self.amount,
            TransferKind::Refused => Cents::ZERO,
        }
    }
}

/// Letters of a reference that are kept as they are; others are written as their bytes, so that a name is
/// one word on a command line, and `/` and `~` stay ours.
pub(super) fn named(iban: &str, reference: &str) -> String {
    let mut name = format!("{iban}/");
    for byte in reference.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_' | b'+' => {
                name.push(char::from(byte));
            }
            byte => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_one_word() {
        assert_eq!(super::named("BG1", "A b/~1"), "BG1/A%20b%2F%7E1");
    }
}
