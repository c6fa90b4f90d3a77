//! E-mail addresses that customers give us.

use std::{fmt, sync::LazyLock};

use serde::Deserialize;

/// An address that mail can be sent to: `local@domain`, ASCII, the domain in lower case and, where
/// it was written in other letters, in its `xn--` form. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// Why a text is not an address. None of the variants holds the text: it is personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("the e-mail address is empty")]
    Empty,
    /// Beyond RFC 5321, 4.5.3.1: 254 in all, 64 before the @.
    #[error("the e-mail address is too long")]
    TooLong,
    /// Not exactly one @.
    #[error("an e-mail address has one @")]
    At,
    /// A part before the @ that is empty, has a stray dot, or a character that is not allowed.
    #[error("the part before the @ may have Latin letters, digits and . _ + - only")]
    Local,
    /// No dot, an empty label, or a character that no domain has.
    #[error("the part after the @ is not a domain such as example.bg")]
    Domain,
    /// Letters of two scripts in one label, which look like another domain.
    #[error(
        "the part after the @ mixes Latin letters with Cyrillic or Greek ones that look the same; type it again in one alphabet"
    )]
    Mixed,
}

const LENGTH_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

impl EmailAddress {
    /// The address in `text`; white space around it is passed over. Quoted local parts, comments
    /// and address literals are refused: no customer has them, and mistakes look like them.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > LENGTH_MAX {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(AddressError::At)?;
        if domain.contains('@') {
            return Err(AddressError::At);
        }
        if local.len() > LOCAL_MAX {
            return Err(AddressError::TooLong);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        if !local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(allowed))
        {
            return Err(AddressError::Local);
        }
        let domain = domain_name(domain).ok_or(AddressError::Domain)?;
        let (letters, _) = idna::domain_to_unicode(&domain);
        if letters.split('.').any(mixes_scripts) {
            return Err(AddressError::Mixed);
        }
        let text = format!("{local}@{domain}");
        if text.len() > LENGTH_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self {
            text,
            at: local.len(),
        })
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part after the @.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// With most of the local part hidden, to be shown back to its owner: `i•••@abv.bg`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{}•••@{}", &self.text[..1], self.domain())
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[e-mail address]")
    }
}

/// Whether letters of more than one of the scripts that look alike stand in a label. Registries refuse such names, but a
/// keyboard makes them at once.
fn mixes_scripts(label: &str) -> bool {
    let script = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some("Latin"),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some("Greek"),
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{a640}'..='\u{a69f}' => {
            Some("Cyrillic")
        }
        _ => None,
    };
    let mut scripts = label.chars().filter_map(script);
    let first = scripts.next();
    scripts.any(|script| Some(script) != first)
}

/// A domain of two labels or more in its ASCII form.
pub(crate) fn domain_name(text: &str) -> Option<String> {
    let domain = idna::domain_to_ascii_strict(text).ok()?;
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let (_, top) = domain.rsplit_once('.')?;
    let top_is_a_name = top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit());
    (top_is_a_name && domain.split('.').all(label)).then_some(domain)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Domains {
    common: Vec<String>,
    real: Vec<String>,
    mistyped: std::collections::BTreeMap<String, String>,
}

static DOMAINS: LazyLock<Domains> =
    LazyLock::new(|| toml::from_str(include_str!("../data/domains.toml")).unwrap_or_default());

/// The address that was likely meant, where the domain looks like a mistyped common one:
/// `ivan@gmial.com` gives `ivan@gmail.com`. A question to ask, never a refusal. Also takes texts
/// that are no valid address yet, such as `ivan@gmail`.
#[must_use]
pub fn typo_hint(text: &str) -> Option<String> {
    let (local, domain) = text.trim().split_once('@')?;
    let domain = domain.to_lowercase();
    let domain = domain.trim_end_matches(['.', ',']).replace([',', ' '], ".");
    let meant = meant_domain(&domain)?;
    (!local.is_empty() && local.len() <= LOCAL_MAX && text.trim() != format!("{local}@{meant}"))
        .then(|| format!("{local}@{meant}"))
}

fn meant_domain(domain: &str) -> Option<&'static str> {
    let known = &*DOMAINS;
    if known.real.iter().any(|real| real == domain) {
        return None;
    }
    if let Some(right) = known.mistyped.get(domain) {
        return Some(right);
    }
    let common = known.common.iter().map(String::as_str);
    if let Some(same) = common.clone().find(|common| *common == domain) {
        return Some(same);
    }
    if domain.len() > 40 {
        return None;
    }
    let close = common
        .filter(|common| common.len() > 6)
        .find(|common| one_slip(domain, common));
    // Of a short domain, only swapped letters are certain enough: a changed one names another firm.
    close.or_else(|| {
        known
            .common
            .iter()
            .map(String::as_str)
            .find(|common| swapped(domain, common))
    })
}

/// Whether one letter too many, too few, wrong, or two swapped make `a` of `b`.
fn one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a_rest, b_rest) = (&a[start..], &b[start..]);
    let after = |rest: &[char]| rest.get(1..).map(<[char]>::to_vec);
    match (a_rest, b_rest) {
        ([], []) => false,
        _ => {
            after(a_rest).as_deref() == Some(b_rest)
                || after(b_rest).as_deref() == Some(a_rest)
                || (after(a_rest).is_some() && after(a_rest) == after(b_rest))
                || is_swap(a_rest, b_rest)
        }
    }
}

fn swapped(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    is_swap(&a[start..], &b[start..])
}

fn is_swap(a: &[char], b: &[char]) -> bool {
    matches!((a, b), ([x, y, a_tail @ ..], [p, q, b_tail @ ..]) if x == q && y == p && a_tail == b_tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_people_have() {
        for text in [
            "ivan@abv.bg",
            " Ivan.Petrov+bill@Example.CO.uk ",
            "o'neil_1@mail-2.bg",
            "a@b.bg",
        ] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
        let address = EmailAddress::parse("Ivan@ПРИМЕР.бг").expect("an IDN");
        assert_eq!(address.as_str(), "Ivan@xn--e1afmkfd.xn--90ae");
        assert_eq!(
            EmailAddress::parse("ivan@abv.bg").expect("valid").masked(),
            "i•••@abv.bg"
        );
        assert_eq!(format!("{address:?}"), "[e-mail address]");
    }

    #[test]
    fn texts_that_are_no_address() {
        use AddressError::{At, Domain, Empty, Local, Mixed, TooLong};
        let long = format!("{}@abv.bg", "a".repeat(65));
        for (text, error) in [
            ("", Empty),
            ("ivan", At),
            ("a@b@abv.bg", At),
            ("@abv.bg", Local),
            ("a..b@abv.bg", Local),
            (".a@abv.bg", Local),
            ("иван@abv.bg", Local),
            ("a b@abv.bg", Local),
            ("\"a\"@abv.bg", Local),
            ("a\r\nBcc: x@abv.bg", Local),
            ("a@abv.bg\r\nBcc: x.bg", Domain),
            ("a@localhost", Domain),
            ("a@-x.bg", Domain),
            ("a@x..bg", Domain),
            ("a@[127.0.0.1]", Domain),
            ("a@127.0.0.1", Domain),
            ("a@abv.bg>", Domain),
            // A Cyrillic а, and the same in its form for machines; a Greek ο; a Cyrillic ԁ, which is not of Bulgarian.
            ("a@\u{430}bv.bg", Mixed),
            ("a@xn--bv-6kc.bg", Mixed),
            ("a@gmail.c\u{3bf}m", Mixed),
            ("a@\u{501}ir.bg", Mixed),
            (&long, TooLong),
        ] {
            assert_eq!(EmailAddress::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn mistyped_domains_are_noticed_and_real_ones_left_alone() {
        for (typed, meant) in [
            ("i@gmial.com", "i@gmail.com"),
            ("i@gmail.con", "i@gmail.com"),
            ("i@gamil.com", "i@gmail.com"),
            ("i@abv.gb", "i@abv.bg"),
            ("i@avb.bg", "i@abv.bg"),
            ("i@yaho.com", "i@yahoo.com"),
            ("i@gmail", "i@gmail.com"),
            ("i@hotmial.com", "i@hotmail.com"),
            ("i@mial.bg", "i@mail.bg"),
            ("i@abv,bg", "i@abv.bg"),
            ("i@outlok.com", "i@outlook.com"),
        ] {
            assert_eq!(typo_hint(typed).as_deref(), Some(meant), "{typed}");
        }
        for fine in [
            "i@gmail.com",
            "i@abv.bg",
            "i@mail.com",
            "i@mail.ru",
            "i@gmx.net",
            "i@firma.bg",
            "i@dab.bg",
            "i",
        ] {
            assert_eq!(typo_hint(fine), None, "{fine}");
        }
        assert!(!DOMAINS.common.is_empty());
    }
}
