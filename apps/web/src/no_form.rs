//! Why bills are laid out one by one, in words: the same for the console and the command line.

use std::fmt;

use kvit_billing::NoForm;

use crate::texts::Texts;

/// It in the words of one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldNoForm {
    /// Page, fields of the bill, lines of the layout; may be empty.
    pub place: String,
    /// What is in the way.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// See [`crate::FindingTexts::no_form`].
pub(crate) fn tell(texts: &Texts, why: &NoForm) -> ToldNoForm {
    let key = format!("formless-{}", why.why.as_str());
    let shown = [("shown", &*why.shown)];
    let mut what = texts.say(&key, &shown);
    if why.is_for_long_texts_only {
        what = format!("{what}. {}", texts.say("formless-short", &[]));
    }
    let page =
        (why.page > 0).then(|| texts.say("formless-page", &[("page", &why.page.to_string())]));
    let places = why.places.iter().map(ToString::to_string);
    let place = page
        .into_iter()
        .chain(why.fields.iter().cloned())
        .chain(places);
    ToldNoForm {
        place: place.collect::<Vec<_>>().join(", "),
        what,
        remedy: texts.say(&format!("{key}-remedy"), &[]),
    }
}

impl fmt::Display for ToldNoForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

#[cfg(test)]
mod tests {
    use kvit_billing::{
        Language,
        no_form::{Place, Why},
    };

    use super::*;

    #[test]
    fn every_obstacle_has_its_words_and_its_place() {
        for language in Language::ALL {
            let texts = Texts::new(language, &[]).expect("they are well-formed");
            for why in Why::ALL {
                let told = tell(
                    &texts,
                    &NoForm {
                        why,
                        is_for_long_texts_only: false,
                        page: 2,
                        fields: vec!["customer.name".to_owned()],
                        shown: "{customer.name}".to_owned(),
                        places: vec![Place {
                            file: "bill.typ".to_owned(),
                            line: 7,
                            column: 3,
                        }],
                    },
                );
                let is_bulgarian = |text: &str| text.chars().any(|c| ('а'..='я').contains(&c));
                for text in [&told.what, &told.remedy] {
                    assert!(!text.starts_with("formless-"), "{text}");
                    assert_eq!(is_bulgarian(text), language == Language::Bg, "{text}");
                }
                assert!(
                    told.place.contains("2, customer.name, bill.typ:7:3"),
                    "{told}"
                );
            }
        }
    }
}
