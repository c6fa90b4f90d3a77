//! Invented bills that try a layout out before a run meets it: one in each language, with a little of
//! everything in it.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{Bill, BillNumber, BillOrder, Language, code::InstanceKey};

/// One bill in each language.
pub(crate) fn bills() -> impl Iterator<Item = Bill> {
    Language::ALL.into_iter().filter_map(bill)
}

fn bill(language: Language) -> Option<Bill> {
    let mut order: BillOrder = serde_json::from_str(ORDER).ok()?;
    let mut customer = order.customer.take()?;
    customer.language = language;
    Some(Bill {
        number: BillNumber::new(1)?,
        series: "probe".parse().ok()?,
        issued_at: Timestamp::UNIX_EPOCH,
        issue_date: Date::constant(1970, 1, 1),
        code: InstanceKey::new(&[0; 32]).authorization_code(&customer.number, 1),
        customer,
        verify_url: "https://kvit.example/v/0".to_owned(),
        enrol_url: "https://kvit.example/enrol".to_owned(),
        order,
    })
}

const ORDER: &str = include_str!("probe.json");

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_a_bill_in_each_language() {
        assert_eq!(super::bills().count(), 2);
    }
}
