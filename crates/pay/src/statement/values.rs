//! Values as ISO 20022 writes them, read strictly.

use jiff::civil::Date;
use kvit_billing::{Cents, Currency};

/// What banks write where they have no reference.
const NO_REFERENCE: [&str; 6] = [
    "NOTPROVIDED",
    "NONREF",
    "NOREF",
    "NOTAVAILABLE",
    "NOT PROVIDED",
    "NULL",
];

/// `22.80`, and further decimals that are zero. No sign.
pub(super) fn money(text: &str) -> Option<Cents> {
    let (units, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = (1..=13).contains(&units.len()) && (1..=5).contains(&part.len());
    if !plain || !digits(units) || !digits(part) {
        return None;
    }
    let (cents, rest) = part.split_at(part.len().min(2));
    if rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let units: i64 = units.parse().ok()?;
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    Some(Cents::new(units * 100 + cents))
}

pub(super) fn coin(text: &str) -> Option<Currency> {
    text.parse().ok()
}

/// Whether it is a credit.
pub(super) fn sign(text: &str) -> Option<bool> {
    match text {
        "CRDT" => Some(true),
        "DBIT" => Some(false),
        _ => None,
    }
}

/// `2026-11-27`, also with a time or zone behind it.
pub(super) fn date(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}

/// At most so many characters, without any that control something.
pub(super) fn short(text: &str, max: usize) -> String {
    crate::text::one_line(text.trim(), max)
}

/// A reference that says something.
pub(super) fn reference(text: &str) -> Option<String> {
    let text = text.trim();
    let empty = text.is_empty()
        || NO_REFERENCE
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text));
    (!empty).then(|| short(text, 70))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_strictly() {
        for (text, cents) in [
            ("22.80", 2280),
            ("22.8", 2280),
            ("22", 2200),
            ("0.01", 1),
            ("12.30000", 1230),
            ("9999999999999.99", 999_999_999_999_999),
        ] {
            assert_eq!(money(text), Some(Cents::new(cents)), "{text}");
        }
        for odd in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1,20",
            "12.345",
            "1e3",
            "10000000000000",
            "١",
        ] {
            assert_eq!(money(odd), None, "{odd}");
        }
    }

    #[test]
    fn no_reference_is_none() {
        assert_eq!(reference(" nonref "), None);
        assert_eq!(reference(" FT 1"), Some("FT 1".to_owned()));
    }
}
