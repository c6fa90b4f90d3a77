//! The square code on a paper declaration: whose it is, and what it was printed on.

use std::{fmt, str::FromStr};

use crate::CustomerNumber;

/// What comes first in a code of this kind.
const KIND: &str = "KVIT1";
/// Codes are short; what is longer was made by somebody else.
const BYTES_MAX: usize = 120;

/// `KVIT1;EIK;CUSTOMER;ON`. It proves nothing: whoever signs the paper does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperCode {
    /// Of the operator to whom consent is given.
    pub eik: String,
    /// Who consents.
    pub account: CustomerNumber,
    /// The number of the bill on whose back it is; of a declaration by itself, the version of its text.
    pub on: String,
}

/// The text is no such code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no code of a declaration, such as KVIT1;999900017;1000000002;4211000001")]
pub struct NoPaperCode;

impl fmt::Display for PaperCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND};{};{};{}", self.eik, self.account, self.on)
    }
}

impl FromStr for PaperCode {
    type Err = NoPaperCode;

    fn from_str(text: &str) -> Result<Self, NoPaperCode> {
        let plain = text.len() <= BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        let mut parts = text.split(';');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let code = match (next(), next(), next(), next()) {
            (Some(KIND), Some(eik), Some(account), Some(on)) if plain => Self {
                eik: eik.to_owned(),
                account: account.parse().map_err(|_| NoPaperCode)?,
                on: on.to_owned(),
            },
            _ => return Err(NoPaperCode),
        };
        match parts.next() {
            None => Ok(code),
            Some(_) => Err(NoPaperCode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_whose_it_is() {
        let text = "KVIT1;999900017;1000000002;4211000001";
        let code: PaperCode = text.parse().expect("a code");
        assert_eq!(code.account.as_str(), "1000000002");
        assert_eq!(code.to_string(), text);
        for odd in [
            "",
            "KVIT1",
            "KVIT2;999900017;1000000002;4211000001",
            "KVIT1;;1000000002;4211000001",
            "KVIT1;999900017;;4211000001",
            "KVIT1;999900017;1000000002;",
            "KVIT1;999900017;1000000002;4211000001;more",
            "KVIT1;999900017;<b>;4211000001",
            "KVIT1;999900017;1000000002;42\n11",
            "https://kvit.example/enrol?n=1000000002",
        ] {
            assert_eq!(odd.parse::<PaperCode>(), Err(NoPaperCode), "{odd:?}");
        }
        let long = format!("KVIT1;9;1000000002;{}", "9".repeat(200));
        assert!(long.parse::<PaperCode>().is_err());
    }
}
