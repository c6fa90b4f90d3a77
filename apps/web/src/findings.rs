//! What is wrong with a run file or a bank statement, and what doctor finds, in words: the same for pages and the command line.

use kvit_billing::{Language, NoForm};
use kvit_pay::statement::Place;

use fluent_bundle::FluentValue;

use crate::{
    LayoutFault, PortalError, Reason, Said,
    layouts::{self, ToldLayoutFault},
    no_form::{self, ToldNoForm},
    reason::{self, ToldReason},
    staff::texts::fault_text,
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

    /// What is wrong with a layout.
    #[must_use]
    pub fn layout_fault(&self, fault: &LayoutFault) -> ToldLayoutFault {
        layouts::tell(&self.0, fault)
    }

    /// Why something does not work.
    #[must_use]
    pub fn reason(&self, reason: &Reason) -> ToldReason {
        reason::tell(&self.0, reason)
    }

    /// What doctor says.
    #[must_use]
    pub fn check(&self, said: &[Said]) -> String {
        let one = |said: &Said| match said {
            Said::Reason(reason) => self.reason(reason).to_string(),
            said => check(&self.0, said),
        };
        let all: Vec<_> = said.iter().map(one).collect();
        all.join("\n")
    }
}

/// Values that decide between one and several.
const COUNTS: [&str; 3] = ["count", "people", "soon"];

/// A value as texts take it: a number where it decides between one and several.
pub(crate) fn value<'a>(name: &str, value: &'a str) -> FluentValue<'a> {
    match (COUNTS.contains(&name), value.parse::<u32>()) {
        (true, Ok(count)) => count.into(),
        _ => value.into(),
    }
}

/// See [`FindingTexts::check`]. What is said of a reason is only what does not work.
pub(crate) fn check(texts: &Texts, said: &Said) -> String {
    match said {
        Said::Text(name, values) => doctor(texts, name, values),
        Said::NoForm(why) => no_form::tell(texts, why).to_string(),
        Said::LeftOut(no, text, fault) => {
            let fault = fault_text(texts, fault);
            let values = [
                ("no", no.to_string()),
                ("name", text.clone()),
                ("fault", fault),
            ];
            doctor(texts, "mails-left-out", &values)
        }
        Said::Reason(reason) => reason::tell(texts, reason).what,
    }
}

fn doctor(texts: &Texts, name: &str, values: &[(&'static str, String)]) -> String {
    let key = format!("doctor-{name}");
    let values: Vec<_> = values
        .iter()
        .map(|(name, text)| (*name, value(name, text)))
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
