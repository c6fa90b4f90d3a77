//! TOML to settings. A value of the wrong shape is noted, replaced by the default and passed over,
//! so that one reading finds them all.

use std::{collections::HashMap, ops::Range};

use kvit_web::{Kind, Phrase, Setting};
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue, Deserializer},
};

use super::{Config, Fault, Mode, pay::CONTRACT_KEYS};

/// Sections whose every key must be written: their defaults are a made-up company.
const REQUIRED: [&str; 2] = ["operator", "brand"];
/// Keys of those sections that may be left out.
const OPTIONAL: [&str; 3] = ["bic", "currency", "logo"];

/// On which line each key stands, by its path such as `mail.port`.
#[derive(Debug, Default)]
pub(super) struct Lines(HashMap<String, usize>);

impl Lines {
    /// The line of a key, or of the table that it belongs into, or the first.
    pub(super) fn of(&self, path: &str) -> usize {
        let above = std::iter::successors(Some(path), |path| Some(path.rsplit_once('.')?.0));
        let found = above.into_iter().find_map(|path| self.0.get(path));
        found.copied().unwrap_or(1)
    }
}

/// The settings as far as they can be read, and what is wrong with the rest.
pub(super) fn read(text: &str) -> (Config, Vec<Fault>, Lines) {
    let defaults = Config::default().render();
    let (whole, syntax) = DeTable::parse_recoverable(text);
    let mut faults: Vec<Fault> = syntax
        .iter()
        .map(|error| Fault {
            line: line_at(text, error.span()),
            key: String::new(),
            what: Setting::Toml.with(&[]),
            words: error.message().trim().replace('\n', ", "),
        })
        .collect();
    let mut lines = Lines::default();
    note_lines(text, "", whole.get_ref(), &mut lines);
    if !faults.is_empty() {
        return (Config::default(), faults, lines);
    }
    let Ok(fallback) = DeTable::parse(&defaults) else {
        return (Config::default(), faults, lines);
    };
    let mut table = whole;
    note_missing(table.get_mut(), fallback.get_ref(), &lines, &mut faults);
    note_moved(table.get_mut(), &lines, &mut faults);
    // Each turn removes one key, so this ends.
    loop {
        let error = match Config::deserialize(Deserializer::from(table.clone())) {
            Ok(config) => return (config, faults, lines),
            Err(error) => error,
        };
        let span = error.span();
        let path = span
            .as_ref()
            .and_then(|span| path_at(table.get_ref(), span));
        let (what, words) = plain(error.message());
        faults.push(Fault {
            line: line_at(text, span),
            key: path.as_deref().map(shown).unwrap_or_default(),
            what,
            words,
        });
        let replaced = path.is_some_and(|path| replace(table.get_mut(), fallback.get_ref(), &path));
        if !replaced {
            return (Config::default(), faults, lines);
        }
    }
}

/// Notes what a required section lacks and puts the default there, so that reading goes on.
fn note_missing<'a>(
    table: &mut DeTable<'a>,
    fallback: &DeTable<'a>,
    lines: &Lines,
    faults: &mut Vec<Fault>,
) {
    for section in REQUIRED {
        let Some(default) = fallback.get(section) else {
            continue;
        };
        let Some(found) = table.get_mut(section) else {
            faults.push(Fault {
                line: 1,
                key: format!("[{section}]"),
                what: Setting::SectionMissing.with(&[]),
                words: String::new(),
            });
            continue;
        };
        let (DeValue::Table(found), DeValue::Table(default)) = (found.get_mut(), default.get_ref())
        else {
            continue;
        };
        for (key, value) in default {
            let name = key.get_ref();
            if !OPTIONAL.contains(&name.as_ref()) && !found.contains_key(name.as_ref()) {
                faults.push(Fault {
                    line: lines.of(section),
                    key: format!("[{section}] {name}"),
                    what: Setting::KeyMissing.with(&[]),
                    words: String::new(),
                });
                found.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Notes keys of a payment system that stand in its section, where they stood when test and live had no
/// tables of their own, and moves them on, so that reading goes on.
fn note_moved(table: &mut DeTable<'_>, lines: &Lines, faults: &mut Vec<Fault>) {
    let Some(providers) = inner(table, "pay").and_then(|pay| inner(pay, "providers")) else {
        return;
    };
    for (name, provider) in providers.iter_mut() {
        let name = name.get_ref();
        let DeValue::Table(section) = provider.get_mut() else {
            continue;
        };
        let live = section
            .get("live")
            .and_then(|live| live.get_ref().as_bool());
        let said = section.get("mode").and_then(|mode| mode.get_ref().as_str());
        let mode = match (live, said) {
            (Some(true), _) => Mode::Live.as_str(),
            (None, Some(said)) if said == Mode::Live.as_str() => Mode::Live.as_str(),
            _ => Mode::Test.as_str(),
        };
        let moved: Vec<_> = CONTRACT_KEYS
            .iter()
            .filter_map(|key| section.remove_entry(*key))
            .collect();
        let old = live.map(|_| "`live`".to_owned());
        let keys = moved.iter().map(|(key, _)| format!("`{}`", key.get_ref()));
        let keys: Vec<String> = old.into_iter().chain(keys).collect();
        if keys.is_empty() {
            continue;
        }
        let path = format!("pay.providers.{name}");
        faults.push(Fault {
            line: lines.of(&path),
            key: shown(&path),
            what: Setting::Moved.with(&[
                ("keys", &keys.join(", ")),
                ("mode", &mode),
                ("path", &path),
            ]),
            words: String::new(),
        });
        if live.is_some() {
            section.remove("live");
        }
        let new = |key: &'static str| Spanned::new(0..0, DeString::from(key));
        let value = |value| Spanned::new(0..0, value);
        if !section.contains_key(mode) {
            let table = moved.into_iter().collect();
            section.insert(new(mode), value(DeValue::Table(table)));
        }
        section.insert(new("mode"), value(DeValue::String(mode.into())));
    }
}

fn inner<'t, 'a>(table: &'t mut DeTable<'a>, name: &str) -> Option<&'t mut DeTable<'a>> {
    match table.get_mut(name)?.get_mut() {
        DeValue::Table(inner) => Some(inner),
        _ => None,
    }
}

/// The path of the innermost key that an error points at.
fn path_at(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
    for (key, value) in table {
        let name = key.get_ref();
        if let DeValue::Table(inner) = value.get_ref()
            && let Some(path) = path_at(inner, span)
        {
            return Some(format!("{name}.{path}"));
        }
        let within = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
        if within(key.span()) || within(value.span()) {
            return Some(name.to_string());
        }
    }
    None
}

/// Puts the default in the place of the value at `path`, or removes it where there is none.
fn replace<'a>(table: &mut DeTable<'a>, fallback: &DeTable<'a>, path: &str) -> bool {
    let Some((head, rest)) = path.split_once('.') else {
        return match fallback.get_key_value(path) {
            // What is the default already and still wrong would come again for ever.
            Some((key, value)) => {
                let again = table
                    .get(path)
                    .is_some_and(|now| now.span() == value.span());
                table.insert(key.clone(), value.clone());
                !again
            }
            None => table.remove(path).is_some(),
        };
    };
    let empty = DeTable::new();
    let inner_fallback = match fallback.get(head).map(toml::Spanned::get_ref) {
        Some(DeValue::Table(inner)) => inner,
        _ => &empty,
    };
    match table.get_mut(head).map(toml::Spanned::get_mut) {
        Some(DeValue::Table(inner)) => replace(inner, inner_fallback, rest),
        _ => false,
    }
}

fn note_lines(text: &str, prefix: &str, table: &DeTable<'_>, lines: &mut Lines) {
    for (key, value) in table {
        let path = format!("{prefix}{}", key.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            note_lines(text, &format!("{path}."), inner, lines);
        }
        lines.0.insert(path, line_at(text, Some(key.span())));
    }
}

fn line_at(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start.min(text.len()));
    1 + text.as_bytes()[..start]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

/// `mail.port` as people see it in the file.
pub(super) fn shown(path: &str) -> String {
    match path.split_once('.') {
        Some((section, key)) => format!("[{section}] {key}"),
        None => path.to_owned(),
    }
}

/// What the reader says of a value: the kind of it, or its own words where it is none of those known.
fn plain(message: &str) -> (Phrase, String) {
    let message = message.trim().replace('\n', ", ");
    let told = |what: Phrase| (what, String::new());
    if message.contains("untagged enum") {
        return told(Setting::TextExpected.with(&[]));
    }
    if message.contains("invalid socket address syntax") {
        return told(Setting::Listen.with(&[]));
    }
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if let Some((found, expected)) = message.split_once(", expected ") {
        let names =
            |kind: Setting, found: &str| kind.with(&[("found", &found), ("expected", &expected)]);
        match (quoted(found), found) {
            (Some(name), head) if head.starts_with("unknown field") => {
                return told(names(Setting::KeyUnknown, &name));
            }
            (Some(name), head) if head.starts_with("unknown variant") => {
                return told(names(Setting::Variant, &name));
            }
            (_, head) => {
                let value = ["invalid type: ", "invalid value: "];
                let value = value.iter().find_map(|head_of| head.strip_prefix(head_of));
                if let Some(value) = value {
                    return told(odd_value(value, expected));
                }
            }
        }
    }
    match (message.starts_with("missing field"), quoted(&message)) {
        (true, Some(name)) => told(Setting::FieldMissing.with(&[("found", &name)])),
        _ => (Setting::Value.with(&[]), message),
    }
}

/// `string "two days"` where a `u32` belongs: the value, and what the texts call that type.
fn odd_value(found: &str, expected: &str) -> Phrase {
    let at = found.find(['"', '`']).unwrap_or(0);
    let value = found[at..].trim_matches('`');
    let name = match expected {
        "u8" | "u16" | "string" => expected,
        "a string" => "string",
        "a sequence" => "sequence",
        "u32" | "u64" | "usize" => "whole",
        "a boolean" => "boolean",
        "socket address" => "address",
        _ => "other",
    };
    Setting::Type.with(&[("found", &value), ("expected", &name), ("shown", &expected)])
}
