//! What is wrong with a line of JSON, in words for the people who export it.

use serde_json::{Value, error::Category};

use crate::Check;

/// The longest value that is repeated in a report, in characters.
const VALUE_MAX: usize = 60;

/// The parts of a finding.
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) code: Check,
    pub(crate) found: String,
    pub(crate) expected: String,
}

/// Puts the JSON reader's complaint about the field at `path` of the line `text` into a finding.
pub(crate) fn explain(text: &str, path: String, error: &serde_json::Error) -> Fault {
    // The reader knows the one line only, so its line number would mislead.
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = said.strip_suffix(&place).unwrap_or(&said);
    if error.classify() != Category::Data {
        return Fault {
            field: String::new(),
            code: Check::NoJson,
            found: error.column().to_string(),
            expected: String::new(),
        };
    }
    if let Some(name) = said
        .strip_prefix("missing field `")
        .and_then(|s| s.strip_suffix('`'))
    {
        return Fault {
            field: format!("{path}/{name}"),
            code: Check::FieldMissing,
            found: String::new(),
            expected: String::new(),
        };
    }
    if let Some((name, known)) = said
        .strip_prefix("unknown field ")
        .and_then(|s| s.split_once(", expected "))
    {
        return Fault {
            field: path,
            code: Check::FieldUnknown,
            found: name.to_owned(),
            expected: known.trim_start_matches("one of ").to_owned(),
        };
    }
    let (code, expected) = match said.split_once(", expected ") {
        Some((_, "i64")) => (Check::WholeNumber, ""),
        Some((_, "u32" | "u64")) => (Check::CountingNumber, ""),
        Some((_, what)) => match what.strip_prefix("one of ") {
            Some(known) => (Check::Choice, known),
            None => (Check::Value, what),
        },
        None => (Check::Value, said),
    };
    Fault {
        found: value_at(text, &path).unwrap_or_else(|| "…".to_owned()),
        field: path,
        code,
        expected: expected.to_owned(),
    }
}

/// The value itself, as it stands in the line.
fn value_at(text: &str, path: &str) -> Option<String> {
    // It may be a person's number in the wrong place, which no report repeats.
    if path.ends_with("/eik") {
        return None;
    }
    let line: Value = serde_json::from_str(text).ok()?;
    let value = line.pointer(path)?.to_string();
    Some(if value.chars().count() > VALUE_MAX {
        value.chars().take(VALUE_MAX).chain("…".chars()).collect()
    } else {
        value
    })
}
