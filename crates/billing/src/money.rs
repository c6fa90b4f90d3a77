//! Money as integer cents. No floating point number ever holds an amount.

use std::{fmt, iter::Sum, ops, str::FromStr};

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in the minor unit (cents) of the document's currency. May be negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cents(i64);

impl Cents {
    /// Nothing owed.
    pub const ZERO: Self = Self(0);

    /// An amount of so many cents.
    #[must_use]
    pub const fn new(cents: i64) -> Self {
        Self(cents)
    }

    /// The bare number of cents, for storage and for wire formats that count minor units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` where it leaves 64 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Rounds a decimal amount of major units half away from zero to the cent, as commercial
    /// rounding does. `None` where the amount leaves 64 bits.
    #[must_use]
    pub fn round(amount: Decimal) -> Option<Self> {
        let cents = amount
            .checked_mul(Decimal::ONE_HUNDRED)?
            .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        cents.to_i64().map(Self)
    }

    /// The amount in major units with exactly two decimals, as a decimal number.
    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// Without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// Below zero: the operator owes the customer.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// `-1234.56`: a dot, two decimals, no grouping. Screens and bills format by language instead.
impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs();
        let [tens, ones] = [cents % 100 / 10, cents % 10].map(|digit| b'0' + digit as u8);
        f.write_str(if self.0 < 0 { "-" } else { "" })?;
        write!(f, "{}", cents / 100)?;
        f.write_str(str::from_utf8(&[b'.', tens, ones]).unwrap_or_default())
    }
}

/// An amount that is not a number with at most two decimals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount of money with at most two decimals, such as 12.30")]
pub struct BadAmount(String);

/// Reads `12`, `12.3` and `-12.30`. A third decimal is an error, never rounded away.
impl FromStr for Cents {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let bad = || BadAmount(text.chars().take(40).collect());
        let amount = Decimal::from_str_exact(text.trim()).map_err(|_| bad())?;
        if amount.normalize().scale() > 2 {
            return Err(bad());
        }
        Self::round(amount).ok_or_else(bad)
    }
}

impl ops::Add for Cents {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl ops::Sub for Cents {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl ops::Neg for Cents {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl ops::AddAssign for Cents {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, ops::Add::add)
    }
}

impl JsonSchema for Cents {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cents".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "integer",
            "description": "An amount in cents of the document's currency; may be negative."
        })
    }
}

/// An ISO 4217 alphabetic currency code, such as `EUR`. Only two-decimal currencies are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

/// Text that is not three capital letters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO 4217 currency code, such as EUR")]
pub struct BadCurrency(String);

impl FromStr for Currency {
    type Err = BadCurrency;
    fn from_str(text: &str) -> Result<Self, BadCurrency> {
        match text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|l| l.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(BadCurrency(text.chars().take(40).collect())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = BadCurrency;
    fn try_from(text: String) -> Result<Self, BadCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_the_same_amount() {
        for cents in [0, 1, -1, 99, 100, -12_345, i64::MAX, i64::MIN + 1] {
            let amount = Cents::new(cents);
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }

    #[test]
    fn refuses_what_would_need_rounding() {
        for text in ["12.345", "", "1e3", "abc", "1,20", "999999999999999999999"] {
            assert!(text.parse::<Cents>().is_err(), "{text}");
        }
        assert_eq!("12.300".parse(), Ok(Cents::new(1_230)));
    }

    #[test]
    fn rounds_half_away_from_zero() {
        let round = |text: &str| Cents::round(text.parse().expect("a decimal"));
        assert_eq!(round("0.005"), Some(Cents::new(1)));
        assert_eq!(round("-0.005"), Some(Cents::new(-1)));
        assert_eq!(round("0.0049"), Some(Cents::ZERO));
    }
}
