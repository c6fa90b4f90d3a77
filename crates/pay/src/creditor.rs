//! Creditor identifiers (EPC262-08): who may collect by direct debit.

use std::{fmt, str::FromStr};

use crate::iban::remainder;

/// The identifier under which banks know a creditor of direct debits, its check digits right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditorId(String);

/// Text that is no creditor identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a creditor identifier: 8 to 35 letters and digits, such as BG34ZZZ999900017")]
pub struct BadCreditorId;

impl CreditorId {
    /// The identifier without spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CreditorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CreditorId {
    type Err = BadCreditorId;

    /// Small letters and spaces are as good as any. The three characters behind the check digits are the
    /// creditor's own and take no part in them.
    fn from_str(text: &str) -> Result<Self, BadCreditorId> {
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let bytes = plain.as_bytes();
        let shape = (8..=35).contains(&bytes.len())
            && bytes
                .iter()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && bytes[..2].iter().all(u8::is_ascii_uppercase)
            && bytes[2..4].iter().all(u8::is_ascii_digit);
        if shape && remainder(&format!("{}{}", &plain[7..], &plain[..4])) == 1 {
            Ok(Self(plain))
        } else {
            Err(BadCreditorId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_checked() {
        let id: CreditorId = "de98 zzz0 9999 9999 99".parse().expect("an identifier");
        assert_eq!(id.as_str(), "DE98ZZZ09999999999");
        // The business code may be any.
        assert!("DE98ABC09999999999".parse::<CreditorId>().is_ok());
        for bad in [
            "",
            "DE99ZZZ09999999999",
            "DE98ZZZ",
            "9898ZZZ09999999999",
            "DE98ZZZ0999999999ж",
        ] {
            assert_eq!(bad.parse::<CreditorId>(), Err(BadCreditorId), "{bad}");
        }
    }
}
