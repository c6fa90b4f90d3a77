//! Parameters of a query or a form (`application/x-www-form-urlencoded`), in the order in which
//! they came, and read strictly: a name that comes twice is a fault, not a choice.

use std::fmt::Write as _;

/// The longest form or query that is read, in bytes.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// The most parameters of one request.
pub const PARAMETERS_MAX: usize = 200;

/// A form or query that is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadParams {
    /// Longer than [`FORM_BYTES_MAX`].
    #[error("the request is longer than {FORM_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`PARAMETERS_MAX`].
    #[error("the request has more than {PARAMETERS_MAX} parameters")]
    TooMany,
    /// A name that comes twice.
    #[error("the parameter `{0}` comes twice")]
    Twice(String),
    /// `%` without two hexadecimal digits.
    #[error("a parameter is not percent-encoded as it should be")]
    Encoding,
    /// Bytes that are not UTF-8, such as Windows-1251.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
}

/// What came, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query or a form's body.
    ///
    /// # Errors
    /// [`BadParams`] says what is wrong.
    pub fn parse(raw: &[u8]) -> Result<Self, BadParams> {
        if raw.len() > FORM_BYTES_MAX {
            return Err(BadParams::TooLong);
        }
        let mut found: Vec<(String, String)> = Vec::new();
        for pair in raw
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            if found.len() == PARAMETERS_MAX {
                return Err(BadParams::TooMany);
            }
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
            let name = decoded(name)?;
            if found.iter().any(|(known, _)| *known == name) {
                return Err(BadParams::Twice(name.chars().take(40).collect()));
            }
            found.push((name, decoded(value)?));
        }
        Ok(Self(found))
    }

    /// The value of a name; letters' case counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// All, in the order in which they came.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

fn decoded(raw: &[u8]) -> Result<String, BadParams> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let byte = rest.next().ok_or(BadParams::Encoding)?;
                    let value = char::from(*byte).to_digit(16).ok_or(BadParams::Encoding)?;
                    u8::try_from(value).map_err(|_| BadParams::Encoding)
                };
                digit()? << 4 | digit()?
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| BadParams::NotUtf8)
}

/// Writes parameters as a query or a form's body.
#[must_use]
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        push(&mut text, name);
        text.push('=');
        push(&mut text, value);
    }
    text
}

fn push(to: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                to.push(char::from(byte));
            }
            byte => {
                // A string takes whatever is written to it.
                let _ = write!(to, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_twins_are_refused() {
        let params = Params::parse(b"b=2&a=%D1%8F+x&&c").expect("a form");
        assert_eq!(params.get("a"), Some("я x"));
        assert_eq!(params.get("c"), Some(""));
        assert_eq!(params.get("A"), None);
        assert_eq!(params.pairs()[0], ("b".to_owned(), "2".to_owned()));
        assert_eq!(
            Params::parse(b"a=1&a=1"),
            Err(BadParams::Twice("a".to_owned()))
        );
    }

    #[test]
    fn what_is_not_a_form_is_refused() {
        assert_eq!(Params::parse(b"a=%E"), Err(BadParams::Encoding));
        assert_eq!(Params::parse(b"a=%+1"), Err(BadParams::Encoding));
        // "я" in Windows-1251.
        assert_eq!(Params::parse(b"a=%FF"), Err(BadParams::NotUtf8));
        assert_eq!(
            Params::parse(&[b'a'; FORM_BYTES_MAX + 1]),
            Err(BadParams::TooLong)
        );
        let many: String = (0..=PARAMETERS_MAX).map(|n| format!("{n}=&")).collect();
        assert_eq!(Params::parse(many.as_bytes()), Err(BadParams::TooMany));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let pairs = [("a b", "c&d=e+f%"), ("я", "€")];
        let read = Params::parse(encode(pairs).as_bytes()).expect("a form");
        let read: Vec<_> = read
            .pairs()
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(read, pairs);
    }
}
