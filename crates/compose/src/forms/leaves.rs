//! What differs between two bills of one shape, and what makes the shape.
//!
//! A bill's data (`view.rs`) is a tree. Its *leaves* are the texts, numbers and square codes that a
//! form fills in; all the rest (row counts, absent parts, names of tariffs and units, dates of the
//! run) is the *shape*, and has to be equal for a form to fit.

use serde_json::Value;

/// One thing that a form fills in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaf<'a> {
    Text(&'a str),
    /// A share of a whole, which moves or stretches something drawn.
    Share(f64),
    /// The polygons of a square code.
    Rings(&'a Value),
}

/// How long a text may get for its form to be used: longer ones go through Typst whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) chars_max: usize,
    /// Whether a line may break inside it.
    pub(crate) has_spaces: bool,
}

/// The leaves in their fixed order, and the shape as a key.
pub(crate) fn leaves<'a>(view: &'a Value, shape: &mut String) -> Vec<Leaf<'a>> {
    let mut found = Vec::with_capacity(160);
    collect(view, ("", ""), shape, &mut |_, leaf| found.push(leaf));
    found
}

/// The limits of the leaves, in the same order; `None` for those that are no text.
pub(crate) fn limits(view: &Value) -> Vec<Option<Limit>> {
    let mut found = Vec::new();
    collect(view, ("", ""), &mut String::new(), &mut |place, _| {
        found.push(limit(place));
    });
    found
}

/// The same data with other leaves: `change` gets the place of each in the order of [`leaves`].
pub(crate) fn with_leaves(view: &Value, change: &mut impl FnMut(usize, &Value) -> Value) -> Value {
    let mut next = 0;
    rebuilt(view, ("", ""), &mut next, change)
}

fn collect<'a>(
    value: &'a Value,
    place: (&str, &str),
    shape: &mut String,
    found: &mut impl FnMut((&str, &str), Leaf<'a>),
) {
    if let Some(leaf) = leaf(value, place) {
        shape.push('_');
        found(place, leaf);
        return;
    }
    match value {
        Value::Object(entries) => {
            shape.push('{');
            for (key, value) in entries {
                collect(value, (place.1, key), shape, found);
                shape.push(',');
            }
            shape.push('}');
        }
        Value::Array(items) => {
            shape.push('[');
            for item in items {
                collect(item, place, shape, found);
                shape.push(',');
            }
            shape.push(']');
        }
        Value::String(text) => {
            shape.push('"');
            shape.push_str(text);
            shape.push('"');
        }
        Value::Bool(true) => shape.push('+'),
        Value::Bool(false) => shape.push('-'),
        Value::Null => shape.push('0'),
        other => shape.push_str(&other.to_string()),
    }
}

fn rebuilt(
    value: &Value,
    place: (&str, &str),
    next: &mut usize,
    change: &mut impl FnMut(usize, &Value) -> Value,
) -> Value {
    if leaf(value, place).is_some() {
        let changed = change(*next, value);
        *next += 1;
        return changed;
    }
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| {
                let value = rebuilt(value, (place.1, key), next, change);
                (key.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => {
            let items = items.iter();
            Value::Array(
                items
                    .map(|item| rebuilt(item, place, next, change))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// Whether a value in this place, named by its parent's key and its own, is a leaf.
fn leaf<'a>(value: &'a Value, place: (&str, &str)) -> Option<Leaf<'a>> {
    match (value, place) {
        (Value::String(text), place) if limit(place).is_some() => Some(Leaf::Text(text)),
        (Value::Number(share), (_, "share") | ("sums", "from" | "to")) => {
            share.as_f64().map(Leaf::Share)
        }
        (rings, (_, "rings")) => Some(Leaf::Rings(rings)),
        _ => None,
    }
}

/// The texts that are leaves, by their parent's key and their own.
fn limit(place: (&str, &str)) -> Option<Limit> {
    let (chars_max, has_spaces) = match place {
        ("" | "corrects", "number") => (12, false),
        ("", "code") => (12, false),
        ("", "reference") => (20, true),
        (
            "",
            "to_pay" | "net" | "vat_total" | "gross" | "prepaid" | "rounding" | "carried_over",
        ) => (14, false),
        ("", "verify_url" | "enrol_url") => (120, false),
        ("customer", "number") => (12, false),
        ("customer", "name") => (36, true),
        ("customer", "address") => (42, true),
        ("customer", "eik" | "vat_number") => (14, false),
        ("contract", "number") => (16, false),
        ("contract", "ends") => (14, false),
        ("corrects", "issue_date") => (14, false),
        ("sums" | "vat", "amount") | ("vat", "base") | ("lines", "net") => (14, false),
        ("points", "code") | ("groups", "point") => (22, false),
        ("points", "address") => (38, true),
        ("meters", "serial") => (16, false),
        ("meters", "consumption") | ("old" | "new", "value") | ("lines", "quantity") => (11, false),
        ("lines", "price") => (10, false),
        ("months", "quantity") | ("history", "peak") => (7, false),
        ("compared", "change") => (9, false),
        _ => return None,
    };
    Some(Limit {
        chars_max,
        has_spaces,
    })
}
