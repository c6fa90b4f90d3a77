//! Amounts as payment systems write them, read strictly: what is not plainly money is an error.

use kvit_billing::Cents;

/// The largest amount that is believed: ten million. More is a fault, or an attack.
pub const AMOUNT_MAX: Cents = Cents::new(1_000_000_000);

/// Text that is not an amount of money above zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    /// Not digits with a dot and up to two decimals (or, for minor units, digits alone).
    #[error("`{0}` is not an amount of money")]
    Form(String),
    /// Nothing.
    #[error("the amount is zero")]
    Zero,
    /// More than [`AMOUNT_MAX`].
    #[error("the amount is beyond ten million")]
    TooLarge,
}

/// Reads `22.80`, `22.8` or `22`: digits, and up to two decimals behind a dot. No sign, no
/// exponent, no spaces, no grouping; never zero.
///
/// # Errors
/// [`BadAmount`] says what is wrong.
pub fn decimal(text: &str) -> Result<Cents, BadAmount> {
    let (units, cents) = text.split_once('.').unwrap_or((text, "00"));
    let whole = digits(units, text)?;
    let part = digits(cents, text)?;
    let part = match cents.len() {
        1 => part * 10,
        2 => part,
        _ => return Err(form(text)),
    };
    believed(whole.saturating_mul(100).saturating_add(part))
}

/// Reads `2280`: a whole number of cents, never zero.
///
/// # Errors
/// [`BadAmount`] says what is wrong.
pub fn minor(text: &str) -> Result<Cents, BadAmount> {
    believed(digits(text, text)?)
}

fn digits(part: &str, whole: &str) -> Result<i64, BadAmount> {
    let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain {
        return Err(form(whole));
    }
    // Only the length can be wrong now.
    part.parse().map_err(|_| BadAmount::TooLarge)
}

fn believed(cents: i64) -> Result<Cents, BadAmount> {
    match cents {
        0 => Err(BadAmount::Zero),
        cents if cents > AMOUNT_MAX.get() => Err(BadAmount::TooLarge),
        cents => Ok(Cents::new(cents)),
    }
}

fn form(text: &str) -> BadAmount {
    BadAmount::Form(text.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_strictly() {
        assert_eq!(decimal("22.80"), Ok(Cents::new(2280)));
        assert_eq!(decimal("22.8"), Ok(Cents::new(2280)));
        assert_eq!(decimal("22"), Ok(Cents::new(2200)));
        assert_eq!(decimal("0.01"), Ok(Cents::new(1)));
        assert_eq!(minor("8000"), Ok(Cents::new(8000)));
        for odd in [
            "",
            "0",
            "0.00",
            "-1",
            "+1",
            "1e9",
            "12.345",
            "12.",
            ".5",
            "1,20",
            " 1",
            "1 000",
            "0x10",
            "١٢",
            "NaN",
            "99999999999999999999",
            "10000000.01",
        ] {
            assert!(decimal(odd).is_err(), "{odd}");
        }
        for odd in ["", "0", "-5", "12.34", "1e3", "99999999999999999999999"] {
            assert!(minor(odd).is_err(), "{odd}");
        }
    }
}
