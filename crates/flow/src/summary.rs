//! What a person needs to see of a run before releasing it: counts, sums, and what stands out.

use kvit_billing::{
    BillKind, BillOrder, Cents, CustomerNumber, customer::Language, order::ReadingSource,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

/// How many outliers are kept of each kind.
const OUTLIERS_MAX: usize = 10;

/// A month counts as unusual when it is this many times that of a year before.
const UNUSUAL_TIMES: i64 = 3;

/// Counts, sums and outliers of a run, gathered while it is read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunSummary {
    /// Invoices.
    pub invoices: u64,
    /// Credit notes.
    pub credit_notes: u64,
    /// Debit notes.
    pub debit_notes: u64,
    /// Sum of net amounts, credit notes negative.
    pub net: Cents,
    /// Sum of VAT, credit notes negative.
    pub vat: Cents,
    /// Sum of gross amounts, credit notes negative.
    pub gross: Cents,
    /// Sum of what is to be paid, over bills that ask for a payment.
    pub to_pay: Cents,
    /// Bills that ask for no payment.
    pub nothing_to_pay: u64,
    /// Bills with at least one estimated reading.
    pub estimated: u64,
    /// Bills in English.
    pub english: u64,
    /// Bills whose consumption is over three times, or under a third of, the same month a year ago.
    pub unusual_count: u64,
    /// The first of those.
    pub unusual: Vec<Unusual>,
    /// The largest bills, largest first.
    pub largest: Vec<Large>,
}

/// A consumption unlike that of a year ago.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unusual {
    /// Whose.
    pub account: CustomerNumber,
    /// This month.
    pub now: Decimal,
    /// The same month a year ago.
    pub year_ago: Decimal,
}

/// A large bill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Large {
    /// Whose.
    pub account: CustomerNumber,
    /// Its gross amount.
    pub gross: Cents,
}

impl RunSummary {
    /// Takes one order into account.
    pub fn add(&mut self, order: &BillOrder) {
        let credit = order.kind == BillKind::CreditNote;
        let signed = |amount: Cents| if credit { -amount } else { amount };
        match order.kind {
            BillKind::Invoice => self.invoices += 1,
            BillKind::CreditNote => self.credit_notes += 1,
            BillKind::DebitNote => self.debit_notes += 1,
        }
        self.net += signed(order.totals.net);
        self.vat += signed(order.totals.vat);
        self.gross += order.signed_gross();
        if order.totals.to_pay > Cents::ZERO {
            self.to_pay += order.totals.to_pay;
        } else {
            self.nothing_to_pay += 1;
        }
        let estimated = |source| source == ReadingSource::Estimated;
        let meters = || order.supply_points.iter().flat_map(|point| &point.meters);
        if meters().any(|m| estimated(m.old.source) || estimated(m.new.source)) {
            self.estimated += 1;
        }
        if order
            .customer
            .as_ref()
            .is_some_and(|c| c.language == Language::En)
        {
            self.english += 1;
        }
        self.note_unusual(order);
        self.note_large(order);
    }

    /// How many orders were added.
    #[must_use]
    pub const fn orders(&self) -> u64 {
        self.invoices + self.credit_notes + self.debit_notes
    }

    fn note_unusual(&mut self, order: &BillOrder) {
        let Some(history) = &order.history else {
            return;
        };
        let [first, .., last] = history.months.as_slice() else {
            return;
        };
        let (now, year_ago) = (last.quantity, first.quantity);
        if history.months.len() != 13 || year_ago.is_zero() {
            return;
        }
        let times = Decimal::from(UNUSUAL_TIMES);
        if now > year_ago * times || now * times < year_ago {
            self.unusual_count += 1;
            if self.unusual.len() < OUTLIERS_MAX {
                self.unusual.push(Unusual {
                    account: order.account.clone(),
                    now,
                    year_ago,
                });
            }
        }
    }

    fn note_large(&mut self, order: &BillOrder) {
        let gross = order.signed_gross();
        let at = self.largest.partition_point(|large| large.gross >= gross);
        if at < OUTLIERS_MAX {
            self.largest.insert(
                at,
                Large {
                    account: order.account.clone(),
                    gross,
                },
            );
            self.largest.truncate(OUTLIERS_MAX);
        }
    }
}

/// The change from one amount to another in tenths of a percent, or `None` from nothing.
#[must_use]
pub fn change_per_mille(from: Cents, to: Cents) -> Option<i64> {
    if from == Cents::ZERO {
        return None;
    }
    let change =
        (to.to_decimal() - from.to_decimal()) * Decimal::ONE_THOUSAND / from.abs().to_decimal();
    change.round().to_i64()
}
