//! Account numbers (ISO 13616).

use std::{fmt, str::FromStr};

/// The number of a bank account, without spaces, its check digits right.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iban(String);

/// Text that is no account number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IBAN: 15 to 34 letters and digits, such as BG80 BNBG 9661 1020 3456 78")]
pub struct BadIban;

/// How long the numbers of a country are, where customers are likely to have one.
const LENGTHS: [(&str, usize); 8] = [
    ("AT", 20),
    ("BE", 16),
    ("BG", 22),
    ("DE", 22),
    ("ES", 24),
    ("GR", 27),
    ("LT", 20),
    ("RO", 24),
];

/// Where banks take direct debits (EPC409-09).
const SEPA: [&str; 42] = [
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI",
    "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL",
    "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "SM", "VA",
];

impl Iban {
    /// The number without spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last four characters: enough for its owner to know it.
    #[must_use]
    pub fn end(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// What its owner recognises and nobody else can use: country, check digits and the last four.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{} •••• {}", &self.0[..4], self.end())
    }

    /// Whether banks of its country take direct debits.
    #[must_use]
    pub fn is_sepa(&self) -> bool {
        SEPA.contains(&&self.0[..2])
    }
}

impl fmt::Display for Iban {
    /// In groups of four, as it is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in self.0.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

impl FromStr for Iban {
    type Err = BadIban;

    /// Small letters and spaces are as good as any.
    fn from_str(text: &str) -> Result<Self, BadIban> {
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let shape = (15..=34).contains(&plain.len())
            && plain
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let (head, body) = plain
            .split_at_checked(4)
            .filter(|(head, _)| shape && is_head(head.as_bytes()))
            .ok_or(BadIban)?;
        let known = LENGTHS
            .iter()
            .find(|(country, _)| head.starts_with(country));
        if known.is_some_and(|(_, length)| plain.len() != *length) {
            return Err(BadIban);
        }
        // 1 modulo 97 once the first four are moved to the end.
        if remainder(&format!("{body}{head}")) == 1 {
            Ok(Self(plain))
        } else {
            Err(BadIban)
        }
    }
}

/// What is left modulo 97 (ISO 7064), letters as 10 to 35.
pub(crate) fn remainder(text: &str) -> u32 {
    text.chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, digit| {
            (rest * if digit > 9 { 100 } else { 10 } + digit) % 97
        })
}

/// A country and two check digits.
fn is_head(head: &[u8]) -> bool {
    head[..2].iter().all(u8::is_ascii_uppercase) && head[2..].iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_and_lengths_are_checked() {
        let iban: Iban = "bg80 bnbg 9661 1020 3456 78".parse().expect("an account");
        assert_eq!(iban.as_str(), "BG80BNBG96611020345678");
        assert_eq!(iban.to_string(), "BG80 BNBG 9661 1020 3456 78");
        assert_eq!(iban.end(), "5678");
        assert_eq!(iban.masked(), "BG80 •••• 5678");
        assert!(iban.is_sepa() && SEPA.is_sorted());
        assert!("DE89370400440532013000".parse::<Iban>().is_ok());
        for bad in [
            "",
            "BG80BNBG96611020345679",
            "BG80BNBG9661102034567",
            "8080BNBG96611020345678",
            "BG80-BNBG-9661-1020-3456-78",
            "БГ80BNBG96611020345678",
        ] {
            assert_eq!(bad.parse::<Iban>(), Err(BadIban), "{bad}");
        }
    }
}
