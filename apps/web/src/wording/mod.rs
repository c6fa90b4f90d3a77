//! Texts that the operator changes: which there are, what a changed one may hold, and how it becomes one of the
//! program's. People write plain sentences with `{words}` in braces; nothing in them is markup or a formula.

mod catalog;

use std::{collections::BTreeSet, fmt};

use kvit_billing::Language;
use kvit_mail::{Mails, builtin_texts};
use kvit_store::ChangedTexts;

use crate::{NoSample, texts};

pub use catalog::{GROUPS, Group, Part, group};

/// Signs of a text that stands in one line, such as a subject or a heading.
const LINE_SIGNS_MAX: usize = 120;
/// Signs of a paragraph.
const TEXT_SIGNS_MAX: usize = 600;
/// Parts of the keys whose texts are paragraphs; others stand in one line.
const PARAGRAPHS: [&str; 6] = ["-text", "-intro-", "-hint", "-paid", "-trouble", "-lead"];

/// Mails as other texts would make them, for looking at.
pub trait Letters: Send + Sync {
    /// The mails of this operator with these texts in place of the program's.
    ///
    /// # Errors
    /// Where a mail cannot be made with them.
    fn mails(&self, changed: &ChangedTexts) -> Result<Mails, NoSample>;
}

/// A text that can be changed, in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where it is said.
    pub part: Part,
    /// In which language.
    pub language: Language,
    /// Its key in the Fluent files.
    pub key: &'static str,
}

impl Slot {
    /// As versions call it, such as `mail/bg/greeting`.
    #[must_use]
    pub fn name(&self) -> String {
        format!(
            "{}/{}/{}",
            self.part.as_str(),
            self.language.tag(),
            self.key
        )
    }

    /// The program's own text, with its words in braces.
    #[must_use]
    pub fn own(&self) -> String {
        let file = match self.part {
            Part::Mail => builtin_texts(self.language),
            Part::Page => texts::builtin(self.language),
        };
        let line = file.lines().find_map(|line| {
            let (key, text) = line.split_once('=')?;
            (key.trim_end() == self.key).then(|| text.trim())
        });
        line.unwrap_or_default()
            .replace("{ $", "{")
            .replace(" }", "}")
    }

    /// The words in braces that it has, and that a changed one has as well.
    #[must_use]
    pub fn words(&self) -> BTreeSet<String> {
        let pieces = pieces(&self.own()).unwrap_or_default();
        let words = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Word(word) => Some(word),
            Piece::Plain(_) => None,
        });
        words.collect()
    }

    /// How many signs it may have.
    #[must_use]
    pub fn signs_max(&self) -> usize {
        let is_paragraph = PARAGRAPHS.iter().any(|part| self.key.contains(part))
            || ["why-bill", "confirm-why-bill", "payment-do"].contains(&self.key);
        if is_paragraph && !self.key.contains("subject") {
            TEXT_SIGNS_MAX
        } else {
            LINE_SIGNS_MAX
        }
    }
}

/// Every text that can be changed, in the order of the groups, both languages beside each other.
pub fn slots() -> impl Iterator<Item = Slot> {
    let each = |group: &'static Group| {
        group.keys.iter().flat_map(|key| {
            Language::ALL.map(|language| Slot {
                part: group.part,
                language,
                key,
            })
        })
    };
    GROUPS.iter().flat_map(each)
}

/// What is wrong with a changed text, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing can be changed under this name.
    NoSuchText,
    /// More signs than this.
    Long(usize),
    /// A word in braces that this text does not get; those that it gets.
    UnknownWord(String, Vec<String>),
    /// A word in braces that it lacks.
    MissingWord(String),
    /// A brace that begins or ends no word.
    Brace,
    /// A sign that nobody sees, or that turns the direction of writing.
    Sign(char),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchText => f.write_str(
                "no text of this name can be changed; `kvit texts export` writes those that can",
            ),
            Self::Long(most) => write!(f, "has more than {most} signs; shorten it"),
            Self::UnknownWord(word, known) if known.is_empty() => write!(
                f,
                "{{{word}}} is not known here; this text gets no words in braces, so leave it out"
            ),
            Self::UnknownWord(word, known) => write!(
                f,
                "{{{word}}} is not known here; this text gets {}",
                known
                    .iter()
                    .map(|one| format!("{{{one}}}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Self::MissingWord(word) => {
                write!(
                    f,
                    "{{{word}}} is missing; customers need it, so write it in its place"
                )
            }
            Self::Brace => f.write_str(
                "has a brace that stands alone; braces are for words only, such as {period}",
            ),
            Self::Sign(sign) => write!(
                f,
                "has the sign U+{:04X}, which nobody sees; type the text anew without it",
                u32::from(*sign)
            ),
        }
    }
}

/// The faults of texts, each with the name of its text.
pub type Faults = Vec<(String, Fault)>;

/// Takes texts as people wrote them: spaces and line ends become one space, and what is empty or the program's own
/// is left out. All that is wrong at once, or what differs from the program.
///
/// # Errors
/// Every fault with the name of its text.
pub fn check(written: &ChangedTexts) -> Result<ChangedTexts, Faults> {
    let known: std::collections::BTreeMap<_, _> = slots().map(|slot| (slot.name(), slot)).collect();
    let (mut kept, mut faults) = (ChangedTexts::new(), Vec::new());
    for (name, text) in written {
        let Some(slot) = known.get(name) else {
            faults.push((name.clone(), Fault::NoSuchText));
            continue;
        };
        let text = tidy(text);
        if text.is_empty() || text == slot.own() {
            continue;
        }
        let found = faults_of(slot, &text);
        faults.extend(found.into_iter().map(|fault| (name.clone(), fault)));
        kept.insert(name.clone(), text);
    }
    if faults.is_empty() {
        Ok(kept)
    } else {
        Err(faults)
    }
}

/// What of a kept version this program can say: the rest is said in the program's own words, and named. A version
/// may have been brought to a program with other texts.
#[must_use]
pub fn usable(version: &ChangedTexts) -> (ChangedTexts, Faults) {
    let (mut good, mut left_out) = (ChangedTexts::new(), Vec::new());
    for (name, text) in version {
        match check(&[(name.clone(), text.clone())].into()) {
            Ok(kept) => good.extend(kept),
            Err(faults) => left_out.extend(faults),
        }
    }
    (good, left_out)
}

/// The changed texts of one part as Fluent files that go behind the program's, `bg.ftl` and `en.ftl`.
#[must_use]
pub fn fluent(changed: &ChangedTexts, part: Part) -> Vec<(String, String)> {
    let of = |language: Language| {
        let texts = slots().filter(|slot| slot.part == part && slot.language == language);
        let lines = texts.filter_map(|slot| {
            let text = changed.get(&slot.name())?;
            let pieces = pieces(text)?;
            let pattern: String = pieces.iter().map(Piece::as_fluent).collect();
            Some(format!("{} = {pattern}\n", slot.key))
        });
        (format!("{}.ftl", language.tag()), lines.collect::<String>())
    };
    Language::ALL
        .into_iter()
        .map(of)
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

fn faults_of(slot: &Slot, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let most = slot.signs_max();
    if text.chars().count() > most {
        faults.push(Fault::Long(most));
    }
    if let Some(sign) = text.chars().find(|sign| is_hidden(*sign)) {
        faults.push(Fault::Sign(sign));
    }
    let Some(pieces) = pieces(text) else {
        faults.push(Fault::Brace);
        return faults;
    };
    let words = slot.words();
    let used: BTreeSet<String> = pieces
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Word(word) => Some(word),
            Piece::Plain(_) => None,
        })
        .collect();
    let known: Vec<String> = words.iter().cloned().collect();
    let unknown = used.difference(&words);
    faults.extend(unknown.map(|word| Fault::UnknownWord(word.clone(), known.clone())));
    faults.extend(words.difference(&used).cloned().map(Fault::MissingWord));
    faults
}

/// Control signs, separators of lines and paragraphs, signs of format, and all that may be left out of what is seen
/// (Unicode's `Cf`, `Zl`, `Zp` and `Default_Ignorable_Code_Point`): they would let a text look like another one.
fn is_hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(sign,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// One space for each row of spaces, tabs and line ends; those that do not break stay.
fn tidy(text: &str) -> String {
    let parts = text.split([' ', '\t', '\r', '\n']);
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    /// A word in braces.
    Word(String),
}

impl Piece {
    /// Plain words as a string of Fluent's, in which nothing but a quote and a backslash means anything.
    fn as_fluent(&self) -> String {
        match self {
            Self::Plain(text) => {
                let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
                format!("{{ \"{quoted}\" }}")
            }
            Self::Word(word) => format!("{{ ${word} }}"),
        }
    }
}

/// Takes a text apart; `None` where a brace begins or ends no word.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((plain, after)) = rest.split_once('{') {
        let (word, left) = after.split_once('}')?;
        let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if plain.contains('}') || !is_word {
            return None;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain.to_owned()));
        }
        pieces.push(Piece::Word(word.to_owned()));
        rest = left;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest.to_owned()));
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, text: &str) -> ChangedTexts {
        [(name.to_owned(), text.to_owned())].into()
    }

    #[test]
    fn signs_that_nobody_sees_are_refused_and_letters_are_not() {
        let ends = [
            '\u{0}',
            '\u{9f}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{206f}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e0000}',
            '\u{e0001}',
            '\u{e007f}',
            '\u{e01ef}',
        ];
        for sign in ends {
            assert!(is_hidden(sign), "{sign:?}");
        }
        let seen = "Ѝ ѝ „“ – — № € \u{a0}\u{202f} a\u{300} é 1 ½ 😀";
        assert_eq!(seen.chars().find(|sign| is_hidden(*sign)), None);
    }

    #[test]
    fn every_text_is_there_whole_and_fits_its_own_bounds() {
        for slot in slots() {
            let own = slot.own();
            assert!(
                !own.is_empty(),
                "{}: no plain text of one line",
                slot.name()
            );
            assert!(!own.contains('$') && !own.contains("->"), "{own}");
            assert_eq!(faults_of(&slot, &own), [], "{}", slot.name());
            assert_eq!(tidy(&own), own);
        }
        let mut names: Vec<_> = slots().map(|slot| slot.name()).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "each once");
        for group in GROUPS {
            assert!(!group.samples.is_empty());
        }
    }

    #[test]
    fn what_is_empty_or_the_program_s_own_is_no_change() {
        let own = slots().map(|slot| (slot.name(), slot.own())).collect();
        assert_eq!(check(&own), Ok(ChangedTexts::new()));
        assert_eq!(
            check(&one("mail/bg/greeting", "  \r\n ")),
            Ok(ChangedTexts::new())
        );
        let kept = check(&one("mail/bg/greeting", " Добър\r\n  ден! ")).expect("good");
        assert_eq!(kept["mail/bg/greeting"], "Добър ден!");
    }

    #[test]
    fn each_fault_is_told_with_its_text() {
        let subject = "mail/bg/reminder-subject-after";
        for (name, text, fault) in [
            ("mail/bg/consent", "да", Fault::NoSuchText),
            ("mail/de/greeting", "Guten Tag!", Fault::NoSuchText),
            (
                subject,
                "Сметката не е платена",
                Fault::MissingWord("period".into()),
            ),
            (
                subject,
                "За {period}: {sum}",
                Fault::UnknownWord("sum".into(), vec!["period".into()]),
            ),
            (subject, "За {period", Fault::Brace),
            (subject, "За {period}}", Fault::Brace),
            (subject, "За {period} {}", Fault::Brace),
            (subject, "За {period} { $period }", Fault::Brace),
            (subject, "За {period}\u{202e}", Fault::Sign('\u{202e}')),
            (subject, "За {period}\u{7}", Fault::Sign('\u{7}')),
            (
                subject,
                &format!("{{period}}{}", "а".repeat(200)),
                Fault::Long(120),
            ),
        ] {
            let faults = check(&one(name, text)).expect_err(text);
            assert_eq!(faults, [(name.to_owned(), fault)], "{text}");
        }
        let mut two = one(subject, "{sum}");
        two.extend(one("mail/en/greeting", "Hello {name}"));
        assert_eq!(check(&two).expect_err("three").len(), 3, "all at once");
    }

    #[test]
    fn nothing_in_a_text_is_a_formula_of_fluent() {
        let hostile = r#"\u0041 "x" { $y } -term [*] .a = b # <b>"#.replace("{ $y }", "{name}");
        let changed = check(&one("mail/bg/greeting-named", &hostile)).expect("words only");
        let files = fluent(&changed, Part::Mail);
        assert_eq!(files.len(), 1);
        let bundle = texts::Texts::new(
            Language::Bg,
            &[(
                "bg.ftl".to_owned(),
                files[0].1.replace("greeting-named", "home-title"),
            )],
        );
        // The page gives no name, so the pages refuse it: it is a value, and the rest is words.
        assert!(bundle.is_err());
        let plain = hostile.replace("{name}", "");
        let changed = check(&one("page/bg/home-title", &plain)).expect("words only");
        let own = texts::Texts::new(Language::Bg, &fluent(&changed, Part::Page));
        let said = own.expect("it reads").say("home-title", &[]);
        assert_eq!(said, tidy(&plain), "letter by letter");
    }
}
