//! How old claims are: what is open of bills, by the days since their last day to pay.

use std::ops::AddAssign;

use jiff::civil::Date;
use kvit_billing::Cents;
use serde::{Deserialize, Serialize};

use crate::standing::Standing;

/// How long a claim is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Its last day to pay is not over.
    NotDue,
    /// 1 to 30 days.
    Days30,
    /// 31 to 60 days.
    Days60,
    /// 61 to 90 days.
    Days90,
    /// More than 90 days.
    Older,
}

impl Age {
    /// All of them, youngest first.
    pub const ALL: [Self; 5] = [
        Self::NotDue,
        Self::Days30,
        Self::Days60,
        Self::Days90,
        Self::Older,
    ];

    /// The age of a claim on a day.
    #[must_use]
    pub fn of(due: Date, day: Date) -> Self {
        match due.until(day).map_or(0, |span| span.get_days()) {
            ..=0 => Self::NotDue,
            1..=30 => Self::Days30,
            31..=60 => Self::Days60,
            61..=90 => Self::Days90,
            _ => Self::Older,
        }
    }

    /// The age that [`Age::as_str`] names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|age| age.as_str() == text)
    }

    /// The word for it, for machines and heads of columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDue => "not_due",
            Self::Days30 => "days_1_30",
            Self::Days60 => "days_31_60",
            Self::Days90 => "days_61_90",
            Self::Older => "over_90",
        }
    }
}

/// What somebody owes, by age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aged {
    /// In the order of [`Age::ALL`].
    pub cents: [Cents; 5],
    /// The earliest last day to pay of what is open.
    pub oldest: Option<Date>,
}

impl Aged {
    /// What is open of a standing on a day.
    #[must_use]
    pub fn of(standing: &Standing, day: Date) -> Self {
        let mut aged = Self::default();
        for bill in standing.bills.iter().filter(|bill| bill.open > Cents::ZERO) {
            aged.cents[Age::of(bill.due_date, day) as usize] += bill.open;
            let oldest = aged.oldest.unwrap_or(bill.due_date);
            aged.oldest = Some(oldest.min(bill.due_date));
        }
        aged
    }

    /// All of it.
    #[must_use]
    pub fn sum(&self) -> Cents {
        self.cents.iter().copied().sum()
    }
}

/// What is open, and of how many customers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// So many owe it.
    pub customers: u64,
    /// In cents.
    pub cents: Cents,
}

/// What many customers owe by age, and what that is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgedTotals {
    /// Customers who were looked at, whether they owe or not.
    pub looked_at: u64,
    /// In the order of [`Age::ALL`].
    pub ages: [Total; 5],
    /// All that is open.
    pub all: Total,
    /// What customers have beyond their bills.
    pub credit: Cents,
    /// What customers got back beyond all that they ever paid: they owe it, though no bill says so.
    pub overdrawn: Cents,
    /// What all their bills ask for, credit notes taken off.
    pub asked: Cents,
}

impl AgedTotals {
    /// One customer's part, whose bills ask for so much.
    #[must_use]
    pub fn of(standing: &Standing, aged: &Aged, asked: Cents) -> Self {
        let total = |cents: Cents| Total {
            customers: u64::from(cents > Cents::ZERO),
            cents,
        };
        Self {
            looked_at: 1,
            ages: aged.cents.map(total),
            all: total(aged.sum()),
            credit: standing.credit.max(Cents::ZERO),
            overdrawn: (-standing.credit).max(Cents::ZERO),
            asked,
        }
    }

    /// What customers owe in all. It ties to the books: what bills ask for plus what customers' books hold.
    #[must_use]
    pub fn balance(&self) -> Cents {
        self.all.cents + self.overdrawn - self.credit
    }
}

impl AddAssign for AgedTotals {
    fn add_assign(&mut self, other: Self) {
        let ages = self.ages.iter_mut().chain([&mut self.all]);
        for (mine, its) in ages.zip(other.ages.into_iter().chain([other.all])) {
            mine.customers += its.customers;
            mine.cents += its.cents;
        }
        self.looked_at += other.looked_at;
        self.credit += other.credit;
        self.overdrawn += other.overdrawn;
        self.asked += other.asked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_ages_by_days() {
        let day: Date = "2026-11-28".parse().expect("a day");
        for (due, age) in [
            ("2026-12-31", Age::NotDue),
            ("2026-11-28", Age::NotDue),
            ("2026-11-27", Age::Days30),
            ("2026-10-29", Age::Days30),
            ("2026-10-28", Age::Days60),
            ("2026-09-29", Age::Days60),
            ("2026-09-28", Age::Days90),
            ("2026-08-30", Age::Days90),
            ("2026-08-29", Age::Older),
            ("2016-01-01", Age::Older),
        ] {
            assert_eq!(Age::of(due.parse().expect("a day"), day), age, "{due}");
        }
    }
}
