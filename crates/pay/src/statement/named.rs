//! What a payer's words name: creditor references, and numbers that may be a bill's or a customer's.

use kvit_billing::{BillNumber, CustomerNumber, reference::CreditorReference};

/// The most that is looked up for one transfer.
const NAMES_MAX: usize = 20;
/// A number shorter than this in a text may be anything: a month, a flat, a sum.
const CUSTOMER_LETTERS_MIN: usize = 6;
/// Letters of a creditor reference of ours: `RF`, two check digits, ten digits.
const REFERENCE_LETTERS: usize = 14;

/// What a transfer names. That there is such a bill or customer is not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Bills by creditor reference, which has check digits.
    pub referenced: Vec<BillNumber>,
    /// Bills by their ten digits in the payer's text.
    pub bills: Vec<BillNumber>,
    /// Customers by their number in the payer's text.
    pub customers: Vec<CustomerNumber>,
}

impl Named {
    /// `references` stand in the field for them, `words` is what the payer wrote, `info` what the bank
    /// adds. Numbers without check digits count in the payer's words only.
    #[must_use]
    pub fn of(references: &[String], words: &str, info: &str) -> Self {
        let mut named = Self::default();
        for text in references.iter().map(String::as_str).chain([words, info]) {
            named.find_references(text);
        }
        for word in words
            .split(|c: char| !c.is_alphanumeric() && c != '-')
            .filter(|word| !word.is_empty())
        {
            named.take(word);
            // `INV-0000000042`, `1000042-11/2026`: the parts may be meant.
            if word.contains('-') {
                word.split('-').for_each(|part| named.take(part));
            }
        }
        named
    }

    /// References may be written in groups of four, and in small letters.
    fn find_references(&mut self, text: &str) {
        let letters: Vec<char> = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        for at in 0..letters.len().saturating_sub(REFERENCE_LETTERS - 1) {
            let part = &letters[at..at + REFERENCE_LETTERS];
            if !part.starts_with(&['R', 'F']) {
                continue;
            }
            let part: String = part.iter().collect();
            let bill = CreditorReference::parse(&part).and_then(|reference| reference.bill());
            if let Some(bill) = bill {
                push(&mut self.referenced, bill);
            }
        }
    }

    fn take(&mut self, word: &str) {
        if let Ok(bill) = word.parse() {
            push(&mut self.bills, bill);
        }
        let numbered = word.bytes().any(|byte| byte.is_ascii_digit());
        if numbered
            && word.len() >= CUSTOMER_LETTERS_MIN
            && let Ok(customer) = word.parse()
        {
            push(&mut self.customers, customer);
        }
    }
}

fn push<T: PartialEq>(to: &mut Vec<T>, what: T) {
    if to.len() < NAMES_MAX && !to.contains(&what) {
        to.push(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(number: u64) -> BillNumber {
        BillNumber::new(number).expect("a number")
    }

    #[test]
    fn references_are_found_however_they_are_written() {
        let reference = CreditorReference::of(bill(42));
        let plain = reference.as_str();
        for text in [
            plain.to_owned(),
            reference.to_string(),
            format!("сметка {plain}, ноември"),
            format!("Invoice/{}", plain.to_lowercase()),
            format!("XRF{plain}1"),
        ] {
            let named = Named::of(&[], &text, "");
            assert_eq!(named.referenced, [bill(42)], "{text}");
            let named = Named::of(std::slice::from_ref(&text), "", "");
            assert_eq!(named.referenced, [bill(42)], "{text}");
        }
        // One digit is wrong.
        let wrong = plain.replace("42", "43");
        assert!(Named::of(&[], &wrong, "").referenced.is_empty());
        // Somebody else's reference, of another length.
        assert!(
            Named::of(&["RF68AB2G5".to_owned()], "", "")
                .referenced
                .is_empty()
        );
    }

    #[test]
    fn numbers_count_in_the_words_of_the_payer() {
        let named = Named::of(
            &[],
            "ф-ра 0000000042/11.2026, кл. № 1000042-А",
            "9999999999",
        );
        assert_eq!(named.bills, [bill(42)]);
        let customers: Vec<_> = named.customers.iter().map(CustomerNumber::as_str).collect();
        assert_eq!(customers, ["0000000042", "1000042"]);
        assert!(named.referenced.is_empty());
        // Eleven digits are no bill, and a word without a digit no customer.
        let named = Named::of(&[], "01234567890 electricity", "");
        assert!(named.bills.is_empty());
        assert_eq!(named.customers.len(), 1);
    }

    #[test]
    fn endless_words_are_looked_up_in_part() {
        let words: String = (0..1000).map(|n| format!("{n:010} ")).collect();
        let named = Named::of(&[], &words, "");
        assert_eq!(named.bills.len(), NAMES_MAX);
        assert_eq!(named.customers.len(), NAMES_MAX);
    }
}
