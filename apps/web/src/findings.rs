//! What is wrong with a run file, and what doctor finds, in words: the same for pages and the command line.

use kvit_billing::{Language, NoForm};

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

    /// A check of intake by its stable name, with the values of its diagnostic.
    #[must_use]
    pub fn tell(&self, code: &str, found: &str, expected: &str) -> Told {
        tell(&self.0, code, found, expected)
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

#[cfg(test)]
mod tests {
    use super::*;
    use kvit_intake::Check;

    #[test]
    fn every_check_has_its_words() {
        for language in [Language::Bg, Language::En] {
            let texts = FindingTexts::new(language).expect("they are well-formed");
            for check in Check::ALL {
                let told = texts.tell(check.as_str(), "7", "date");
                assert!(!told.remedy.is_empty(), "{}", check.as_str());
                let bulgarian = told.remedy.chars().any(|c| ('а'..='я').contains(&c));
                let is_bulgarian = language == Language::Bg;
                assert_eq!(bulgarian, is_bulgarian, "{}", check.as_str());
            }
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
