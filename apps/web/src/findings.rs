//! What is wrong with a run file or a bank statement, and what doctor finds, in words: the same for pages and the command line.

use kvit_billing::{Language, NoForm};
use kvit_pay::statement::Place;

use crate::{
    PortalError, Said,
    no_form::{self, ToldNoForm},
    texts::Texts,
};

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
    /// What to do.
    pub remedy: String,
}

/// Says findings in one language.
pub struct FindingTexts(Texts);

impl FindingTexts {
    /// The built-in texts of a language.
    ///
    /// # Errors
    /// Where they are not well-formed.
    pub fn new(language: Language) -> Result<Self, PortalError> {
        Texts::new(language, &[]).map(Self)
    }

    /// A check of a run file or a bank statement by its stable name, with the values of what does not hold to it.
    #[must_use]
    pub fn tell(&self, code: &str, found: &str, expected: &str) -> Told {
        tell(&self.0, code, found, expected)
    }

    /// Where in a bank statement.
    #[must_use]
    pub fn place(&self, place: &Place) -> String {
        self::place(&self.0, place)
    }

    /// Why a shape of bills has no form.
    #[must_use]
    pub fn no_form(&self, why: &NoForm) -> ToldNoForm {
        no_form::tell(&self.0, why)
    }

    /// What doctor says.
    #[must_use]
    pub fn check(&self, said: &[Said]) -> String {
        let one = |said: &Said| match said {
            Said::Text(name, values) => check(&self.0, name, values),
            Said::NoForm(why) => no_form::tell(&self.0, why).to_string(),
            Said::Program(words) => words.clone(),
        };
        let all: Vec<_> = said.iter().map(one).collect();
        all.join("\n")
    }
}

/// Values that decide between one and several.
const COUNTS: [&str; 3] = ["count", "people", "soon"];

/// See [`FindingTexts::check`].
pub(crate) fn check(texts: &Texts, name: &str, values: &[(&'static str, String)]) -> String {
    let key = format!("doctor-{name}");
    let values: Vec<_> = values
        .iter()
        .map(
            |(name, value)| match (COUNTS.contains(name), value.parse::<u32>()) {
                (true, Ok(count)) => (*name, count.into()),
                _ => (*name, value.as_str().into()),
            },
        )
        .collect();
    texts.get(&key, &values).unwrap_or(key)
}

/// See [`FindingTexts::tell`].
pub(crate) fn tell(texts: &Texts, code: &str, found: &str, expected: &str) -> Told {
    let values = [("found", found.into()), ("expected", expected.into())];
    let part = |part: &str| texts.get(&format!("finding-{code}-{part}"), &values);
    // Many values say what they are.
    let or = |said: Option<String>, value: &str| said.unwrap_or_else(|| value.to_owned());
    Told {
        found: or(part("found"), found),
        expected: or(part("expected"), expected),
        remedy: or(part("remedy"), ""),
    }
}

/// See [`FindingTexts::place`].
pub(crate) fn place(texts: &Texts, place: &Place) -> String {
    let said = texts.say(
        &format!("finding-place-{}", place.as_str()),
        &[("which", &place.which())],
    );
    said.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use kvit_intake::Check;
    use kvit_pay::statement;

    fn is_bulgarian(text: &str) -> bool {
        text.chars().any(|c| ('а'..='я').contains(&c))
    }

    #[test]
    fn every_check_has_its_words() {
        let (run, bank) = (Check::ALL, statement::Check::ALL);
        let names = run.iter().map(|check| check.as_str());
        let names: Vec<_> = names
            .chain(bank.iter().map(|check| check.as_str()))
            .collect();
        let once: BTreeSet<_> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "one text for each name");
        for language in [Language::Bg, Language::En] {
            let texts = FindingTexts::new(language).expect("they are well-formed");
            for name in &names {
                let told = texts.tell(name, "7", "date");
                assert!(!told.remedy.is_empty(), "{name}");
                let bulgarian = is_bulgarian(&told.remedy);
                assert_eq!(bulgarian, language == Language::Bg, "{name}");
            }
        }
    }

    #[test]
    fn all_of_a_statement_s_fault_is_said_in_words() {
        for language in [Language::Bg, Language::En] {
            let texts = FindingTexts::new(language).expect("they are well-formed");
            for check in statement::Check::ALL {
                let told = texts.tell(check.as_str(), "7", "8");
                for part in [&told.found, &told.expected, &told.remedy] {
                    assert!(!["7", "8", ""].contains(&part.as_str()), "{check:?}");
                    assert_eq!(is_bulgarian(part), language == Language::Bg, "{part}");
                }
            }
            for name in Place::NAMES {
                let key = format!("finding-place-{name}");
                assert_ne!(texts.0.say(&key, &[("which", "7")]), key);
            }
            assert!(texts.place(&Place::Entry(7, None)).ends_with(" 7"));
        }
    }

    #[test]
    fn values_are_put_into_the_words() {
        let bg = FindingTexts::new(Language::Bg).expect("they are well-formed");
        let told = bg.tell("line-net", "1000", "1100");
        assert_eq!(told.found, "1000 цента");
        assert_eq!(told.expected, "1100 цента");
        let told = bg.tell("missing", "", "date");
        assert_eq!((&*told.found, &*told.expected), ("нищо", "дата"));
        let told = bg.tell("due-date", "2026-10-01", "2026-10-31");
        assert_eq!(told.found, "2026-10-01");
        assert_eq!(told.expected, "не преди 2026-10-31");
    }
}
