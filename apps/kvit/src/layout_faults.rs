//! Faults of layouts by stable names, as the console says them in either language: Kvit's own, and those that Typst
//! tells most often. What else Typst says stays in its words.

use kvit_compose::{Check, ComposeError, Diagnostic};
use kvit_web::{FindingTexts, Kind, LayoutCheck, LayoutFault, Phrase, Reason};

use crate::causes;

/// The faults that an error tells of; those of one kind of bill name it where they have no place.
pub(crate) fn of(error: &ComposeError, kind: &str) -> Vec<LayoutFault> {
    if let ComposeError::Layout(found) = error {
        return found.iter().map(one).collect();
    }
    let mut causes = causes::of(error).into_iter();
    let first = causes.next().unwrap_or_default();
    let known = first.known.unwrap_or_else(|| LayoutCheck::Typst.with(&[]));
    let words = [first.foreign]
        .into_iter()
        .chain(causes.map(|cause| cause.foreign));
    let words = words.filter(|words| !words.is_empty()).collect();
    vec![LayoutFault {
        words,
        ..at(kind, known)
    }]
}

/// A fault of a file as a whole.
pub(crate) fn at(file: &str, known: Phrase) -> LayoutFault {
    LayoutFault {
        file: file.to_owned(),
        line: 0,
        column: 0,
        known,
        words: Vec::new(),
    }
}

/// The same with what a library says of it.
pub(crate) fn saying(file: &str, known: LayoutCheck, words: impl ToString) -> LayoutFault {
    LayoutFault {
        words: vec![words.to_string()],
        ..at(file, known.with(&[]))
    }
}

/// An error in English on one line.
pub(crate) fn in_words(words: &FindingTexts, error: &ComposeError) -> String {
    let reason = Reason {
        causes: causes::of(error),
        ..Reason::default()
    };
    let told = words.reason(&reason).causes;
    let told: Vec<_> = told.iter().map(ToString::to_string).collect();
    told.join("; ")
}

/// A diagnostic of the composer.
pub(crate) fn one(found: &Diagnostic) -> LayoutFault {
    let value = found.message.as_str();
    let own = found.code.map(|code| match code {
        Check::FileName => (LayoutCheck::FileName.with(&[]), Some(value)),
        Check::FilesMax => (LayoutCheck::FilesMax.with(&[("max", &value)]), None),
        Check::NameTaken => (LayoutCheck::NameTaken.with(&[]), None),
        Check::NotAFont => (LayoutCheck::NotAFont.with(&[]), None),
        Check::NotUtf8 => (LayoutCheck::NotUtf8.with(&[]), None),
    });
    let (known, words) = own.unwrap_or_else(|| match typst(value) {
        Some(known) => (known, None),
        None => (LayoutCheck::Typst.with(&[]), Some(value)),
    });
    let words = words.into_iter().map(str::to_owned);
    LayoutFault {
        file: found.file.clone(),
        line: found.line,
        column: found.column,
        known,
        words: words.chain(found.hints.iter().cloned()).collect(),
    }
}

/// What Typst says most often.
fn typst(message: &str) -> Option<Phrase> {
    let named = [
        ("unknown variable: ", LayoutCheck::VariableUnknown),
        ("unknown font family: ", LayoutCheck::FontUnknown),
        ("missing argument: ", LayoutCheck::ArgumentMissing),
        ("unexpected argument: ", LayoutCheck::ArgumentOdd),
        ("dictionary does not contain key ", LayoutCheck::KeyMissing),
    ];
    for (head, kind) in named {
        if let Some(name) = message.strip_prefix(head) {
            // What follows a name is a sentence of its own.
            let name = name.split(" and ").next().unwrap_or(name).trim();
            return Some(kind.with(&[("name", &name)]));
        }
    }
    if let Some(what) = message.strip_prefix("unclosed ") {
        let word = match what {
            "delimiter" | "string" | "label" => what,
            _ => "other",
        };
        return Some(LayoutCheck::Unclosed.with(&[("what", &word), ("shown", &what)]));
    }
    if let Some((expected, found)) = message
        .strip_prefix("expected ")
        .and_then(|rest| rest.split_once(", found "))
    {
        let values: [(_, &dyn std::fmt::Display); 2] = [("expected", &expected), ("found", &found)];
        return Some(LayoutCheck::Expected.with(&values));
    }
    if let Some((_, path)) = message.split_once("file not found (searched at ") {
        let name = path.trim_end_matches(')');
        return Some(LayoutCheck::FileMissing.with(&[("name", &name)]));
    }
    if message.starts_with("maximum ") && message.ends_with(" depth exceeded") {
        return Some(LayoutCheck::Depth.with(&[]));
    }
    (message == "cannot divide by zero").then(|| LayoutCheck::Zero.with(&[]))
}

#[cfg(test)]
mod tests {
    use kvit_billing::Language;

    use super::*;

    fn told(message: &str, language: Language) -> String {
        let words = FindingTexts::new(language).expect("well-formed");
        let found = Diagnostic {
            is_warning: false,
            file: "bill.typ".to_owned(),
            line: 7,
            column: 2,
            code: None,
            message: message.to_owned(),
            hints: Vec::new(),
        };
        words.layout_fault(&one(&found)).to_string()
    }

    #[test]
    fn what_typst_often_says_is_said_in_both_languages() {
        for (message, en, bg) in [
            (
                "unknown variable: hed",
                "unknown variable: hed",
                "непознато име „hed“",
            ),
            (
                "unknown font family: sofia",
                "unknown font family: sofia",
                "непознат шрифт „sofia“",
            ),
            (
                "unclosed delimiter",
                "unclosed delimiter",
                "незатворена скоба",
            ),
            (
                "expected content, found integer",
                "expected content, found integer",
                "очаква се „content“, намерено е „integer“",
            ),
            (
                "dictionary does not contain key \"tax\" and no default value was specified",
                "dictionary does not contain key \"tax\"",
                "в данните няма ключ \"tax\"",
            ),
            (
                "file not found (searched at /a.svg)",
                "file not found: /a.svg",
                "липсва файлът /a.svg",
            ),
            (
                "maximum function call depth exceeded",
                "functions, or parts of the page, go too deep",
                "функции или части на страницата влизат твърде дълбоко",
            ),
            (
                "cannot divide by zero",
                "cannot divide by zero",
                "деление на нула",
            ),
            (
                "the character `#` is not valid in code",
                "Typst does not take what stands here; correct the line\n  the character",
                "Typst не приема това, което стои тук; поправете реда\n  the character",
            ),
        ] {
            for (language, said) in [(Language::En, en), (Language::Bg, bg)] {
                let told = told(message, language);
                let said = format!("bill.typ:7:2: {said}");
                assert!(told.starts_with(&said), "{told}\n{said}");
            }
        }
    }
}
