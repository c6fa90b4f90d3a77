//! What is wrong with a line of JSON, in words for the people who export it.

use serde_json::{Value, error::Category};

/// The longest value that is repeated in a report, in characters.
const VALUE_MAX: usize = 60;

/// The parts of a finding.
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) remedy: &'static str,
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
            found: format!("no JSON: {said} (column {})", error.column()),
            expected: "one JSON object a line".to_owned(),
            remedy: "export the line again",
        };
    }
    if let Some(name) = said
        .strip_prefix("missing field `")
        .and_then(|s| s.strip_suffix('`'))
    {
        return Fault {
            field: format!("{path}/{name}"),
            found: "nothing".to_owned(),
            expected: "a value, as `kvit schema` says".to_owned(),
            remedy: "send the field",
        };
    }
    if let Some((name, known)) = said
        .strip_prefix("unknown field ")
        .and_then(|s| s.split_once(", expected "))
    {
        return Fault {
            field: path,
            found: format!("the unknown field {name}"),
            expected: known.to_owned(),
            remedy: "correct the name, or leave the field out",
        };
    }
    let expected = match said.split_once(", expected ") {
        Some((_, "i64")) => "a whole number".to_owned(),
        Some((_, "u32" | "u64")) => "a whole number from 0".to_owned(),
        Some((_, what)) => what.to_owned(),
        None => format!("a valid value ({said})"),
    };
    Fault {
        found: value_at(text, &path).unwrap_or_else(|| "another value".to_owned()),
        field: path,
        expected,
        remedy: "correct the export of this field",
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
