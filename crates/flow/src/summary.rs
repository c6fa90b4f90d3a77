//! What a person needs to see of a run before releasing it: counts, sums, and what stands out.

use kvit_billing::{
    BillKind, BillOrder, Cents, CustomerNumber, OrderSeq, customer::Language, order::ReadingSource,
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
    /// The first bill of each sort. Runs from before these were kept have none.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// A sort of bill, to look at one of each before a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// An invoice that asks for money, by readings alone.
    Invoice,
    /// One with an estimated reading.
    Estimated,
    /// One that asks for no payment.
    NothingToPay,
    /// A credit note.
    CreditNote,
    /// A debit note.
    DebitNote,
}

impl Sort {
    /// All of them, in the order in which they are looked at.
    pub const ALL: [Self; 5] = [
        Self::Invoice,
        Self::Estimated,
        Self::NothingToPay,
        Self::CreditNote,
        Self::DebitNote,
    ];
}

/// The first bill of a sort.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Example {
    /// Of which.
    pub sort: Sort,
    /// Whose.
    pub account: CustomerNumber,
    /// Its place in the run.
    pub seq: OrderSeq,
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
    /// Its place in the run.
    #[serde(default)]
    pub seq: Option<OrderSeq>,
}

/// A large bill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Large {
    /// Whose.
    pub account: CustomerNumber,
    /// Its gross amount.
    pub gross: Cents,
    /// Its place in the run.
    #[serde(default)]
    pub seq: Option<OrderSeq>,
}

impl RunSummary {
    /// Takes the next order into account.
    pub fn add(&mut self, order: &BillOrder) {
        let seq = OrderSeq(self.orders());
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
        let is_estimated = meters().any(|m| estimated(m.old.source) || estimated(m.new.source));
        if is_estimated {
            self.estimated += 1;
        }
        if order
            .customer
            .as_ref()
            .is_some_and(|c| c.language == Language::En)
        {
            self.english += 1;
        }
        self.note_unusual(order, seq);
        self.note_large(order, seq);
        let sort = match order.kind {
            BillKind::CreditNote => Sort::CreditNote,
            BillKind::DebitNote => Sort::DebitNote,
            BillKind::Invoice if order.totals.to_pay <= Cents::ZERO => Sort::NothingToPay,
            BillKind::Invoice if is_estimated => Sort::Estimated,
            BillKind::Invoice => Sort::Invoice,
        };
        if !self.examples.iter().any(|example| example.sort == sort) {
            self.examples.push(Example {
                sort,
                account: order.account.clone(),
                seq,
            });
        }
    }

    /// How many orders were added.
    #[must_use]
    pub const fn orders(&self) -> u64 {
        self.invoices + self.credit_notes + self.debit_notes
    }

    fn note_unusual(&mut self, order: &BillOrder, seq: OrderSeq) {
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
                    seq: Some(seq),
                });
            }
        }
    }

    fn note_large(&mut self, order: &BillOrder, seq: OrderSeq) {
        let gross = order.signed_gross();
        let at = self.largest.partition_point(|large| large.gross >= gross);
        if at < OUTLIERS_MAX {
            self.largest.insert(
                at,
                Large {
                    account: order.account.clone(),
                    gross,
                    seq: Some(seq),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_outliers_know_their_place() {
        let order = |n: u64, kind: &str, cents: i64| -> BillOrder {
            serde_json::from_value(serde_json::json!({
                "account": n.to_string(), "period": {"from": "2026-10-01", "to": "2026-10-31"}, "kind": kind,
                "tax_event_date": "2026-10-31", "due_date": "2026-12-05", "lines": [], "vat": [],
                "totals": {"net": cents, "vat": 0, "gross": cents, "to_pay": cents},
            }))
            .expect("an order")
        };
        let mut summary = RunSummary::default();
        for (at, (kind, cents)) in [
            ("invoice", 0),
            ("invoice", 100),
            ("credit-note", 50),
            ("invoice", 900),
            ("debit-note", 70),
            ("invoice", 0),
        ]
        .into_iter()
        .enumerate()
        {
            summary.add(&order(1000 + at as u64, kind, cents));
        }
        let examples: Vec<_> = summary
            .examples
            .iter()
            .map(|one| (one.sort, one.seq.0, one.account.as_str()))
            .collect();
        assert_eq!(
            examples,
            [
                (Sort::NothingToPay, 0, "1000"),
                (Sort::Invoice, 1, "1001"),
                (Sort::CreditNote, 2, "1002"),
                (Sort::DebitNote, 4, "1004"),
            ]
        );
        assert_eq!(summary.largest[0].seq, Some(OrderSeq(3)));
        // Runs from before these were kept are still read.
        let mut old = serde_json::to_value(&summary).expect("JSON");
        let fields = old.as_object_mut().expect("an object");
        fields.remove("examples");
        for large in fields["largest"].as_array_mut().expect("a list") {
            large.as_object_mut().expect("an object").remove("seq");
        }
        let old: RunSummary = serde_json::from_value(old).expect("a summary");
        assert!(old.examples.is_empty() && old.largest[0].seq.is_none());
    }
}
