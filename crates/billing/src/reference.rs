//! Payment references: the ISO 11649 creditor reference and the EPC069-12 quick response code.

use std::fmt;

use crate::{BillNumber, Cents, Operator, customer::Language};

/// An ISO 11649 creditor reference: `RF`, two check digits, the bill number. One per bill.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreditorReference(String);

impl CreditorReference {
    /// The reference of a bill.
    #[must_use]
    pub fn of(bill: BillNumber) -> Self {
        let body = bill.to_string();
        let check = 98 - mod97(&[&body, "RF00"]);
        Self(format!("RF{check:02}{body}"))
    }

    /// The reference, if `text` has the right form and check digits. Spaces are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let well_formed = (5..=25).contains(&compact.len())
            && compact.starts_with("RF")
            && compact
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        let (head, body) = compact.split_at_checked(4)?;
        (well_formed && mod97(&[body, head]) == 1).then(|| Self(compact.clone()))
    }

    /// The bill that it names, where it is of the form that [`Self::of`] gives.
    #[must_use]
    pub fn bill(&self) -> Option<BillNumber> {
        let bill = self.0.get(4..)?.parse().ok()?;
        (Self::of(bill) == *self).then_some(bill)
    }

    /// Without spaces, as payment orders carry it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In groups of four, as people read it.
impl fmt::Display for CreditorReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_str();
        while let Some((four, others)) = rest
            .split_at_checked(4)
            .filter(|(_, others)| !others.is_empty())
        {
            f.write_str(four)?;
            f.write_str(" ")?;
            rest = others;
        }
        f.write_str(rest)
    }
}

/// ISO 7064 mod 97-10 over letters (A = 10 … Z = 35) and digits of texts one behind the other.
fn mod97(texts: &[&str]) -> u32 {
    let characters = texts.iter().flat_map(|text| text.chars());
    characters
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, digit| {
            let shift = if digit > 9 { 100 } else { 10 };
            (rest * shift + digit) % 97
        })
}

/// Whom payment QR codes pay (EPC069-12, version 002), which is the same on all bills of an operator.
#[derive(Clone, Debug)]
pub struct Payee(String);

impl Payee {
    /// The operator, if it bills in euro: the code knows no other currency.
    #[must_use]
    pub fn of(operator: &Operator) -> Option<Self> {
        let name: String = operator.name.get(Language::En).chars().take(70).collect();
        let iban: String = operator
            .iban
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        let payee = format!("BCD\n002\n1\nSCT\n{}\n{name}\n{iban}", operator.bic);
        (operator.currency == crate::Currency::EUR).then_some(Self(payee))
    }

    /// The content of the code that pays a bill, or `None` where nothing is to be paid or the amount is beyond what
    /// the code may carry (0.01 to 999,999,999.99).
    ///
    /// At most 331 bytes; to be drawn with error correction M, version 13 at most.
    #[must_use]
    pub fn payment(&self, to_pay: Cents, reference: &CreditorReference) -> Option<String> {
        let payable = (1..=99_999_999_999).contains(&to_pay.get());
        let text = payable.then(|| format!("{}\nEUR{to_pay}\n\n{}", self.0, reference.as_str()));
        text.filter(|text| text.len() <= 331)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_references_are_valid() {
        for text in ["RF451234512345", "RF68AB2G5", "RF45 1234 5123 45"] {
            assert!(CreditorReference::parse(text).is_some(), "{text}");
        }
        let other = CreditorReference::parse("RF68AB2G5").expect("valid");
        assert_eq!(other.bill(), None, "it names no bill");
        for text in [
            "RF461234512345",
            "RF",
            "",
            "RF68AB2G6",
            "XX68AB2G5",
            "RF68ab2g5",
            "RF6ж8AB2G5",
        ] {
            assert!(CreditorReference::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn each_bill_has_its_own_valid_reference() {
        for number in [1, 42, 9_999_999_999] {
            let made = CreditorReference::of(BillNumber::new(number).expect("in range"));
            assert_eq!(made.bill(), BillNumber::new(number));
            assert_eq!(CreditorReference::parse(made.as_str()), Some(made));
        }
    }
}
