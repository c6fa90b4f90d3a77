//! The issued document.

use jiff::{Timestamp, civil::Date};

use crate::{
    AuthorizationCode, BillNumber, BillOrder, Customer, Secret, Series,
    reference::CreditorReference,
};

/// A bill: an order with its number, its time of issue and its holder. Everything that compose
/// prints, and nothing else, so that equal bills give equal bytes.
#[derive(Clone, Debug)]
pub struct Bill {
    /// Its number.
    pub number: BillNumber,
    /// The series of the number.
    pub series: Series,
    /// The moment fixed at release, the same for all bills of a run.
    pub issued_at: Timestamp,
    /// Its day where the operator sits: the date of issue on the document.
    pub issue_date: Date,
    /// Whose it is, as they were when the bill's chunk was first taken up.
    pub customer: Customer,
    /// Printed for the customer to act online.
    pub code: AuthorizationCode,
    /// Address of the page that says whether this bill is genuine, as people read it.
    pub verify_url: String,
    /// Address that enrols this customer, with the number filled in.
    pub enrol_url: String,
    /// What is billed.
    pub order: BillOrder,
}

impl Bill {
    /// What the customer writes on the payment order.
    #[must_use]
    pub fn reference(&self) -> CreditorReference {
        CreditorReference::of(self.number)
    }

    /// What the square code on the first page opens: the address that verifies the bill, and behind its `#` the code's
    /// eight digits and the customer number, which no browser sends to anybody. `apps/web/assets/filled.js` reads them.
    #[must_use]
    pub fn filled_url(&self) -> Secret<String> {
        let (url, code, number) = (&self.verify_url, self.code.digits(), &self.customer.number);
        Secret::new(format!("{url}#{code}{number}"))
    }
}
