//! The table of fields in docs/LAYOUT.md is what a layout gets: it is read off the code here, and held to it.

use std::collections::BTreeMap;

use crate::forms::leaves::{OPERATORS, limit};

const VIEW: &str = include_str!("view.rs");
const CODES: &str = include_str!("codes.rs");
const DOCUMENT: &str = include_str!("../../../docs/LAYOUT.md");
/// Not for layouts: what draws the alphabet.
const OURS: &str = "alphabet";

/// The fields of each structure with their types.
fn structures() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut within = None;
    for line in VIEW.lines().chain(CODES.lines()) {
        let line = line.trim().trim_start_matches("pub(crate) ");
        if let Some(name) = line.strip_prefix("struct ") {
            within = name
                .split([' ', '<', '('])
                .next()
                .filter(|_| line.ends_with('{'));
        } else if line == "}" {
            within = None;
        } else if let (Some(name), Some((field, kind))) = (within, line.split_once(": "))
            && !line.starts_with("//")
        {
            let kind = kind.trim_end_matches(',');
            found.entry(name).or_default().push((field, kind));
        }
    }
    found
}

/// What is between the brackets of this type, if it is one.
fn inside<'a>(kind: &'a str, outer: &str) -> Option<&'a str> {
    kind.strip_prefix(outer)?
        .strip_prefix('<')?
        .strip_suffix('>')
}

/// The first columns of the table, a row for each field below `name`.
fn rows(name: &str, path: &str, rows_of: &mut Vec<String>) {
    let structures = structures();
    for (field, kind) in structures.get(name).into_iter().flatten() {
        if *field == OURS {
            continue;
        }
        let full = format!("{path}{field}");
        let (mut kind, mut absent) = match inside(kind, "Option") {
            Some(kind) => (kind, "`none`"),
            None => (*kind, ""),
        };
        let is_list = inside(kind, "Vec").is_some();
        if let Some(item) = inside(kind, "Vec") {
            (kind, absent) = (item, "empty list");
        }
        let bare = kind
            .trim_start_matches("&'static ")
            .trim_start_matches("&'a ");
        let bare = bare.trim_end_matches("<'a>");
        let is_group = structures.contains_key(bare);
        let told = match (is_group, is_list, bare) {
            (true, true, _) => "list",
            (true, false, _) => "group",
            (_, true, "String" | "Cow<'a, str>") => "list of texts",
            (.., "String" | "str" | "Cow<'a, str>") => "text",
            (.., bare) if inside(bare, "Shown").is_some() => "text",
            (.., "bool") => "yes or no",
            (.., "u8" | "usize") => "number",
            (.., "f64") => "share",
            (.., "Luma") => "bytes",
            // One of a few words.
            (.., "BillKind" | "Section" | "VatCategory") => "word",
            other => panic!("{full}: {other:?} is not known"),
        };
        let mut keys = full.rsplit('.');
        let place = (
            keys.next().unwrap_or_default(),
            keys.next().unwrap_or_default(),
        );
        let is_own = OPERATORS.iter().any(|own| full.starts_with(own));
        let fast = match limit((place.1, place.0)).filter(|_| !is_own) {
            Some(limit) => limit.chars_max.to_string(),
            None if is_own || is_group || matches!(told, "share" | "bytes") => String::new(),
            None => "form".to_owned(),
        };
        rows_of.push(format!("| `{full}` | {told} | {absent} | {fast} | "));
        if is_group {
            rows(bare, &format!("{full}."), rows_of);
        }
    }
}

#[test]
fn the_table_of_fields_is_what_a_layout_gets() {
    let mut wanted = Vec::new();
    rows("View", "", &mut wanted);
    let (_, table) = DOCUMENT.split_once("| field of `b` |").expect("the table");
    let written: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| !line.is_empty())
        .collect();
    for (written, wanted) in written.iter().zip(&wanted) {
        let meaning = written.strip_prefix(wanted.as_str());
        let meaning = meaning.unwrap_or_else(|| panic!("{written}\nis not {wanted}…"));
        assert!(meaning.len() > " |".len(), "{written}");
    }
    assert_eq!(written.len(), wanted.len());
    assert!(written.len() > 100);
}
