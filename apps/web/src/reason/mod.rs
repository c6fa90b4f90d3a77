//! Why something does not work, in words: the same for the console and the command line. What this program knows is
//! a text in both languages; what another one said (the system, a database, Typst) stays in its words, behind it.

mod kinds;

use std::fmt;

pub use kinds::{Because, Fails, Kind, LayoutCheck, Setting};
use serde::{Deserialize, Serialize};

use crate::{findings::value, texts::Texts};

/// A text that pages and the command line have, by its whole name, with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phrase {
    /// Such as `fails-store-missing`. The text of this name and `-remedy`, where there is one, says what to do.
    pub name: String,
    /// Its values by their names.
    pub values: Vec<(String, String)>,
}

/// Why something does not work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What does not.
    pub what: Phrase,
    /// Why, the nearest first.
    pub causes: Vec<Cause>,
    /// Whoever hears it does already what its remedy says.
    pub is_without_remedy: bool,
}

/// Why something does not work: what this program knows of it, what another one said, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Where, such as `kvit.toml:12: [mail] port`; may be empty.
    pub place: String,
    /// What is known of it.
    pub known: Option<Phrase>,
    /// In English; may be empty.
    pub foreign: String,
}

/// A reason in the words of one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldReason {
    /// What does not work.
    pub what: String,
    /// Why.
    pub causes: Vec<ToldCause>,
    /// What to do; may be empty.
    pub remedy: String,
}

/// A cause in the words of one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldCause {
    /// Where; may be empty.
    pub place: String,
    /// What is known of it, with what to do; may be empty.
    pub known: String,
    /// What another program said, in English; may be empty.
    pub foreign: String,
}

/// A phrase with its values; where it has a remedy, that one too.
pub(crate) fn say(texts: &Texts, phrase: &Phrase) -> (String, Option<String>) {
    let values: Vec<_> = phrase
        .values
        .iter()
        .map(|(name, text)| (name.as_str(), value(name, text)))
        .collect();
    let remedy = texts.get(&format!("{}-remedy", phrase.name), &values);
    let said = texts.get(&phrase.name, &values);
    (said.unwrap_or_else(|| phrase.name.clone()), remedy)
}

/// See [`crate::FindingTexts::reason`].
pub(crate) fn tell(texts: &Texts, reason: &Reason) -> ToldReason {
    let (what, remedy) = say(texts, &reason.what);
    ToldReason {
        what,
        causes: reason.causes.iter().map(|one| cause(texts, one)).collect(),
        remedy: remedy
            .filter(|_| !reason.is_without_remedy)
            .unwrap_or_default(),
    }
}

fn cause(texts: &Texts, cause: &Cause) -> ToldCause {
    let known = cause.known.as_ref().map(|known| match say(texts, known) {
        (said, Some(remedy)) => format!("{said}; {remedy}"),
        (said, None) => said,
    });
    ToldCause {
        place: cause.place.clone(),
        known: known.unwrap_or_default(),
        foreign: cause.foreign.clone(),
    }
}

/// Where, what is known, and what another program said.
impl fmt::Display for ToldCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        match (self.known.as_str(), self.foreign.as_str()) {
            (known, "") => f.write_str(known),
            ("", foreign) => f.write_str(foreign),
            (known, foreign) => write!(f, "{known} ({foreign})"),
        }
    }
}

/// Each cause on a line of its own, the remedy last.
impl fmt::Display for ToldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for cause in &self.causes {
            let because = match cause.place.as_str() {
                "" => "because ",
                _ => "",
            };
            write!(f, "\n  {because}{cause}")?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\nhint: {}", self.remedy)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kvit_billing::Language;

    use super::*;
    use crate::texts::builtin;

    /// All kinds, by the names of their texts.
    fn names() -> Vec<String> {
        fn of<K: Kind>(all: &[K]) -> impl Iterator<Item = String> {
            all.iter().map(|kind| kind.with(&[]).name)
        }
        let fails = of(Fails::ALL).chain(of(Because::ALL));
        let settings = fails.chain(of(Setting::ALL));
        settings.chain(of(LayoutCheck::ALL)).collect()
    }

    #[test]
    fn every_kind_has_its_words_and_no_others_are_there() {
        let names = names();
        for language in Language::ALL {
            let texts = Texts::new(language, &[]).expect("well-formed");
            let source = builtin(language);
            for name in &names {
                let begins = |line: &str| line.starts_with(&format!("{name} = "));
                assert!(source.lines().any(begins), "{name}");
                let values = crate::texts::values_asked(source);
                for key in [name.clone(), format!("{name}-remedy")] {
                    let Some(asked) = values.get(key.as_str()) else {
                        continue;
                    };
                    let values: Vec<_> = asked.iter().map(|of| (*of, "7".into())).collect();
                    let said = texts.get(&key, &values).expect("these are its values");
                    let is_bulgarian = said.chars().any(|c| ('а'..='я').contains(&c));
                    assert_eq!(is_bulgarian, language == Language::Bg, "{key}: {said}");
                }
            }
            let names: BTreeSet<_> = names.iter().map(String::as_str).collect();
            let orphans = source.lines().filter_map(|line| {
                let (key, _) = line.split_once(" = ")?;
                let (family, _) = key.split_once('-')?;
                let is_ours = ["fails", "cause", "setting", "layout"].contains(&family);
                is_ours.then(|| key.trim_end_matches("-remedy"))
            });
            let orphans: Vec<_> = orphans.filter(|key| !names.contains(key)).collect();
            assert!(orphans.is_empty(), "{orphans:?}");
        }
    }

    #[test]
    fn causes_stand_by_themselves_and_the_remedy_last() {
        let texts = Texts::new(Language::En, &[]).expect("well-formed");
        let mut reason = Reason {
            what: Fails::StoreMissing.with(&[("file", &"kvit.db")]),
            causes: vec![
                Cause {
                    known: Some(Because::NotFound.with(&[])),
                    ..Cause::default()
                },
                Cause {
                    place: "kvit.toml:3".to_owned(),
                    foreign: "odd".to_owned(),
                    ..Cause::default()
                },
            ],
            is_without_remedy: false,
        };
        let told = tell(&texts, &reason).to_string();
        let (what, remedy) = told.split_once("\nhint: ").expect("a remedy");
        assert_eq!(
            what,
            "the store kvit.db is not there\n  because there is no such file or folder\n  kvit.toml:3: odd"
        );
        assert!(
            remedy.starts_with("restore it from your backup"),
            "{remedy}"
        );
        reason.is_without_remedy = true;
        assert_eq!(tell(&texts, &reason).remedy, "");
    }
}
