//! An invented operator, its customers and their believable bills, for the demo and for tests.
//!
//! Everything follows from a seed: customer `i` and any month's order of theirs are worked out
//! when asked, in constant time, and nothing is kept. Consecutive months agree with each other:
//! the new reading of one is the old reading of the next.

mod chance;
mod consumption;
pub mod kinds;
mod numbers;
mod operator;
mod orders;
mod people;
pub mod statement;
mod tariff;

use jiff::civil::Date;
use kvit_billing::{
    BillNumber, BillOrder, Cents, Currency, Customer, CustomerNumber, Period, Secret,
    order::RunHeader,
};

pub use operator::operator;

/// The customers of the invented operator.
#[derive(Clone, Copy, Debug)]
pub struct Synth {
    seed: u64,
    customers: u32,
}

impl Synth {
    /// So many customers, numbered from 0 here and from 1000000000 on their bills.
    #[must_use]
    pub const fn new(seed: u64, customers: u32) -> Self {
        Self { seed, customers }
    }

    /// How many customers there are.
    #[must_use]
    pub const fn customers(&self) -> u32 {
        self.customers
    }

    /// The customer in place `i`, from 0.
    #[must_use]
    pub fn customer(&self, i: u32) -> Customer {
        people::profile(self.seed, i).customer
    }

    /// That customer's number.
    #[must_use]
    pub fn number(&self, i: u32) -> CustomerNumber {
        people::number(i)
    }

    /// Whether that customer gets e-bills: about two in five do.
    #[must_use]
    pub fn is_enrolled(&self, i: u32) -> bool {
        people::profile(self.seed, i).enrolled
    }

    /// That customer's e-mail address, in a domain that RFC 2606 sets aside. Unique.
    #[must_use]
    pub fn email(&self, i: u32) -> Secret<String> {
        Secret::new(people::profile(self.seed, i).email)
    }

    /// That customer's invoice of the month that `month` lies in. Meters count from 2015.
    #[must_use]
    pub fn order(&self, i: u32, month: Date) -> BillOrder {
        orders::order(self.seed, i, &people::profile(self.seed, i), month)
    }

    /// The invoices of all customers, in the order of their numbers.
    pub fn orders(&self, month: Date) -> impl Iterator<Item = BillOrder> + use<> {
        let synth = *self;
        (0..self.customers).map(move |i| synth.order(i, month))
    }

    /// The credit note that takes back the whole invoice of that customer and month, which was
    /// issued with this number on this day.
    #[must_use]
    pub fn credit_note(
        &self,
        i: u32,
        month: Date,
        original: BillNumber,
        issue_date: Date,
    ) -> BillOrder {
        orders::credit(self.order(i, month), original, issue_date)
    }

    /// The header of a run file with the first `orders` invoices of a month. Works each of them
    /// out once, for the control total.
    #[must_use]
    pub fn run_header(&self, run: &str, month: Date, orders: u32) -> RunHeader {
        let sum_cents: Cents = (0..orders)
            .map(|i| self.order(i, month).signed_gross())
            .sum();
        RunHeader {
            format: "kvit-run".to_owned(),
            format_version: 1,
            system: "synth".to_owned(),
            run: run.to_owned(),
            period: Period::month_of(month),
            seller: operator().0.eik,
            currency: Currency::EUR,
            orders: u64::from(orders),
            sum_cents,
        }
    }
}
