//! What differs between two bills of one shape, and what makes the shape.
//!
//! A bill's data (`view.rs`) is a tree. Its *leaves* are the texts, numbers and square codes that a
//! form fills in; all the rest (row counts, absent parts, empty texts, longer texts that may wrap) is the *shape*,
//! and has to be equal for a form to fit.

mod walk;

use std::{cell::Cell, sync::LazyLock};

use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::Value;

use crate::{ComposeError, forms::form::Misfit};

/// Parts of the data that no bill changes: one composer knows one operator, and what is said of it
/// follows from the language.
pub(crate) const OPERATORS: [&str; 2] = ["operator", "brand"];

/// The leaves of a bill in their fixed order, and its shape as a key.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    shape: String,
    /// The text of all leaves.
    text: String,
    /// The pixels of all square codes.
    pixels: Vec<u8>,
    all: Vec<Leaf>,
}

thread_local! {
    /// What the last bill of this thread left for the next: grown, and read by nobody.
    static ROOM: Cell<Leaves> = Cell::default();
}

/// One thing that a form fills in; texts by where they end in [`Leaves::text`].
#[derive(Clone, Copy, Debug)]
enum Leaf {
    Text {
        from: usize,
        to: usize,
    },
    /// A share of a whole, which moves or stretches something drawn.
    Share(f64),
    /// The pixels of a square code; where, in [`Leaves::pixels`].
    Pixels {
        from: usize,
        to: usize,
    },
}

/// What a leaf is, and for texts how long one may get for its form to be used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text(Limit),
    Share,
    /// A share at which a part of a whole begins or ends: never before the one in front of it.
    Part,
    Pixels,
}

/// Longer texts go through Typst whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) chars_max: usize,
    /// Whether a line may break inside it.
    pub(crate) has_spaces: bool,
}

impl Leaves {
    /// Those of a bill's data.
    pub(crate) fn of(view: &impl Serialize) -> Result<Self, ComposeError> {
        let mut leaves = ROOM.take();
        leaves.shape.clear();
        leaves.text.clear();
        leaves.pixels.clear();
        leaves.all.clear();
        walk::walk(view, &mut leaves).map_err(ComposeError::Data)?;
        Ok(leaves)
    }

    /// Leaves its memory to the next bill of this thread.
    pub(crate) fn done(self) {
        ROOM.set(self);
    }

    pub(crate) fn shape(&self) -> &str {
        &self.shape
    }

    /// Whether all that is drawn of the texts is of characters that `are_known`; addresses are only in the codes.
    pub(crate) fn are_written_with(&self, are_known: impl Fn(char) -> bool) -> bool {
        self.all.iter().all(|leaf| match leaf {
            Leaf::Text { from, to } => {
                let text = self.text.get(*from..*to).unwrap_or_default();
                text.starts_with("http") || text.chars().all(&are_known)
            }
            _ => true,
        })
    }

    /// Names what they say: equal for the same bill.
    pub(crate) fn said(&self) -> u128 {
        let shares = self.all.iter().filter_map(|leaf| match leaf {
            Leaf::Share(share) => Some(share.to_bits()),
            _ => None,
        });
        typst::utils::hash128(&(&self.text, shares.collect::<Vec<_>>()))
    }

    pub(crate) const fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn text(&self, leaf: usize) -> Result<&str, Misfit> {
        match self.all.get(leaf) {
            Some(Leaf::Text { from, to }) => self.text.get(*from..*to).ok_or(Misfit::Kind),
            _ => Err(Misfit::Kind),
        }
    }

    pub(crate) fn share(&self, leaf: usize) -> Result<f64, Misfit> {
        match self.all.get(leaf) {
            Some(Leaf::Share(share)) => Ok(*share),
            _ => Err(Misfit::Kind),
        }
    }

    /// A byte for each pixel of a square code.
    pub(crate) fn pixels(&self, leaf: usize) -> Result<&[u8], Misfit> {
        match self.all.get(leaf) {
            Some(Leaf::Pixels { from, to }) => self.pixels.get(*from..*to).ok_or(Misfit::Kind),
            _ => Err(Misfit::Kind),
        }
    }
}

/// The same data with other leaves: `change` gets the place of each in the order of [`Leaves`].
pub(crate) fn with_leaves(
    view: &Value,
    change: &mut impl FnMut(usize, Kind, &Value) -> Value,
) -> Value {
    let mut next = 0;
    rebuilt(view, ("", ""), &mut next, change)
}

fn rebuilt(
    value: &Value,
    place: (&str, &str),
    next: &mut usize,
    change: &mut impl FnMut(usize, Kind, &Value) -> Value,
) -> Value {
    let kind = match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(_) => limit(place).map(Kind::Text),
        Value::Number(_) if is_part(place) => Some(Kind::Part),
        Value::Number(_) => is_share(place).then_some(Kind::Share),
        Value::Array(_) => is_pixels(place).then_some(Kind::Pixels),
        _ => None,
    };
    if let Some(kind) = kind {
        let changed = change(*next, kind, value);
        *next += 1;
        return changed;
    }
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| {
                let value = match OPERATORS.contains(&key.as_str()) {
                    true => value.clone(),
                    false => rebuilt(value, (place.1, key), next, change),
                };
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

/// Whether a number in this place, named by its parent's key and its own, is a leaf.
fn is_share(place: (&str, &str)) -> bool {
    place.1 == "share" || is_part(place)
}

/// Whether it is where a part of a whole begins or ends.
fn is_part(place: (&str, &str)) -> bool {
    matches!(place, ("sums", "from" | "to"))
}

fn is_pixels(place: (&str, &str)) -> bool {
    place.1 == "luma"
}

/// The limit of a text in this place, if it is a leaf.
pub(crate) fn limit(place: (&str, &str)) -> Option<Limit> {
    static BY_PLACE: LazyLock<FxHashMap<(&str, &str), Limit>> = LazyLock::new(|| {
        let places = LIMITS.iter();
        let limits = places.flat_map(|(parents, keys, chars_max, has_spaces)| {
            let limit = Limit {
                chars_max: *chars_max,
                has_spaces: *has_spaces,
            };
            let keys = keys.split(' ');
            keys.flat_map(move |key| parents.split('|').map(move |parent| ((parent, key), limit)))
        });
        limits.collect()
    });
    BY_PLACE.get(&place).copied()
}

/// The texts that are leaves: their parents' keys (`|` between them) and their own, how many characters they have
/// at most, and whether a line may break inside.
const LIMITS: &[(&str, &str, usize, bool)] = &[
    ("|corrects", "number", 12, false),
    ("", "issue_date tax_event_date", 14, false),
    ("", "due_date", 18, true),
    ("", "period", 34, true),
    ("", "code", 12, false),
    ("", "reference", 20, true),
    ("", "to_pay net vat_total gross", 14, false),
    ("", "verify_url enrol_url", 120, false),
    ("customer", "number", 12, false),
    ("customer", "name", 36, true),
    ("customer", "address", 45, true),
    ("customer", "eik vat_number", 14, false),
    ("contract", "number", 16, false),
    ("contract", "ends", 14, false),
    ("corrects", "issue_date", 14, false),
    ("steps", "label", 32, true),
    ("sums|vat|steps", "amount", 14, false),
    ("vat", "base", 14, false),
    ("lines", "net", 14, false),
    ("points", "code", 22, false),
    ("groups", "point", 22, false),
    ("points", "address", 49, true),
    ("meters", "serial", 16, false),
    ("meters", "register", 14, true),
    ("meters", "consumption", 11, false),
    ("old|new", "value", 11, false),
    ("lines", "quantity", 10, false),
    ("meters|lines", "unit", 4, false),
    ("lines", "price_unit", 4, false),
    ("lines", "per", 6, false),
    ("old|new", "date", 11, false),
    ("old|new", "source", 13, true),
    ("lines", "name", 46, true),
    ("lines", "period", 29, true),
    ("lines", "price", 9, false),
    ("months", "label year", 4, false),
    ("months", "quantity", 7, false),
    ("history", "unit", 6, false),
    ("history", "peak", 7, false),
    ("compared", "change", 8, false),
    ("compared", "month", 18, true),
];
