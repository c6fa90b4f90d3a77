//! Why a shape is refused a form, told so that a designer finds the field, the line and the remedy.

use kvit_billing::{
    NoForm,
    no_form::{Place, Why},
};
use kvit_pdf::Damage;
use serde_json::{Value, json};

use crate::{
    ComposeError, Layout,
    forms::{
        form::{Misfit, Part},
        leaves::{OPERATORS, with_leaves},
    },
    places,
};

/// So many fields, and places in the layout, are named.
const FIELDS_MAX: usize = 5;
pub(crate) const PLACES_MAX: usize = 3;
/// What stands there is told in so many characters.
const SHOWN_MAX: usize = 80;
/// Shorter texts of a bill are words that others have too, such as units.
const OWN_TEXT_MIN: usize = 4;
/// What is drawn stands no further from where the export says, in points.
const NEAR_PT: f64 = 0.5;

/// Why a shape cannot be compiled. Its bills go through Typst whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0:?}")]
    Unexplained(Box<Found>),
    #[error("the layout draws no alphabet")]
    NoAlphabet,
    #[error("a probe cannot be composed")]
    Compose(#[from] ComposeError),
}

/// What cannot be explained, as the exports show it.
#[derive(Debug)]
pub(crate) struct Found {
    why: Why,
    /// From 1; 0 for none.
    page: usize,
    shown: String,
    /// Places of leaves.
    leaves: Vec<usize>,
    /// Where it stands in the first probe's export, in points from below and the left.
    at: Option<(f64, f64)>,
    /// Where the layout does it, where that is known.
    places: Vec<Place>,
}

impl From<Damage> for Refusal {
    fn from(damage: Damage) -> Self {
        Self::Compose(damage.into())
    }
}

impl From<Found> for Refusal {
    fn from(found: Found) -> Self {
        Self::Unexplained(Box::new(found))
    }
}

pub(crate) fn refused<T>(why: Why, shown: impl Into<String>) -> Result<T, Refusal> {
    Err(Found::new(why, shown).into())
}

impl Found {
    pub(crate) fn new(why: Why, shown: impl Into<String>) -> Self {
        Self {
            why,
            page: 0,
            shown: shown.into(),
            leaves: Vec::new(),
            at: None,
            places: Vec::new(),
        }
    }

    /// On a page, counted from 0.
    pub(crate) const fn on(mut self, page: usize) -> Self {
        self.page = page + 1;
        self
    }

    pub(crate) fn of(mut self, leaves: impl IntoIterator<Item = usize>) -> Self {
        self.leaves.extend(leaves);
        self
    }

    /// In points from the left and from below.
    pub(crate) const fn standing_at(mut self, at: (f64, f64)) -> Self {
        self.at = Some(at);
        self
    }

    pub(crate) fn read_at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// The same fault at the places of another, too.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.leaves.extend(other.leaves);
        self.places.extend(other.places);
        self
    }

    /// What a sequence draws.
    pub(crate) fn drawn_by(mut self, body: &str) -> Self {
        self.at = place_of(body);
        self
    }
}

/// Where a sequence is drawn: what its first transformation moves to.
fn place_of(body: &str) -> Option<(f64, f64)> {
    let (before, _) = body.split_once(" cm")?;
    let mut last = before.rsplit(' ').map(str::parse);
    match (last.next(), last.next()) {
        (Some(Ok(y)), Some(Ok(x))) => Some((x, y)),
        _ => None,
    }
}

/// What the telling needs to know of the shape.
pub(crate) struct Told<'a> {
    /// A bill of the shape.
    pub(crate) view: &'a Value,
    pub(crate) layout: &'a Layout,
    /// What the first probe's pages draw and where the layout says so.
    pub(crate) drawn: &'a dyn Fn() -> Vec<Drawn>,
}

/// Something on a page, and the place in the layout that draws it.
pub(crate) struct Drawn {
    /// From 1.
    pub(crate) page: usize,
    /// In points from the left and from below.
    pub(crate) at: (f64, f64),
    pub(crate) place: Place,
}

impl Refusal {
    /// In the words of docs/LAYOUT.md: fields, and lines of the layout.
    pub(crate) fn told(&self, of: &Told<'_>) -> NoForm {
        match self {
            Self::Unexplained(found) => found.told(of),
            Self::NoAlphabet => {
                let mut told = told(Why::NoAlphabet);
                told.places = places::of_set_page(of.layout);
                told
            }
            Self::Compose(ComposeError::Layout(faults)) => {
                let mut told = told(Why::Fails);
                for fault in faults {
                    let message = fault.message.clone();
                    let said = without_data(message, of.view, "", &mut told.fields);
                    told.shown = said.chars().take(SHOWN_MAX).collect();
                    told.places.extend((fault.line > 0).then(|| Place {
                        file: fault.file.clone(),
                        line: fault.line,
                        column: fault.column,
                    }));
                }
                told.fields.truncate(FIELDS_MAX);
                told.places.truncate(PLACES_MAX);
                told
            }
            Self::Compose(error) => NoForm {
                shown: error.to_string(),
                ..told(Why::Engine)
            },
        }
    }
}

fn told(why: Why) -> NoForm {
    NoForm {
        why,
        is_for_long_texts_only: false,
        page: 0,
        fields: Vec::new(),
        shown: String::new(),
        places: Vec::new(),
    }
}

impl Found {
    fn told(&self, of: &Told<'_>) -> NoForm {
        let names = names(of.view);
        let mut fields: Vec<String> = Vec::new();
        for name in self.leaves.iter().filter_map(|leaf| names.get(*leaf)) {
            if !fields.contains(name) {
                fields.push(name.clone());
            }
        }
        let shown = without_data(shown(&self.shown, &names), of.view, "", &mut fields);
        fields.truncate(FIELDS_MAX);
        // What the prelude draws says nothing: it draws for whoever calls it.
        let is_own = |place: &Place| place.file != places::PRELUDE;
        let drawn = self.at.and_then(|at| {
            let near = |drawn: &Drawn| {
                let (dx, dy) = (drawn.at.0 - at.0, drawn.at.1 - at.1);
                drawn.page == self.page && dx.abs() < NEAR_PT && dy.abs() < NEAR_PT
            };
            let found = (of.drawn)().into_iter().find(near);
            found.map(|drawn| drawn.place).filter(is_own)
        });
        let mut places = self.places.clone();
        places.extend(drawn);
        if places.is_empty() {
            for field in &fields {
                places.extend(places::of_field(of.layout, field));
            }
        }
        places.truncate(PLACES_MAX);
        NoForm {
            page: self.page,
            shown: shown.chars().take(SHOWN_MAX).collect(),
            fields,
            places,
            ..told(self.why)
        }
    }
}

/// A bill that does not fit its form. Whose data it is does not belong here.
pub(crate) fn misfit(misfit: Misfit) -> NoForm {
    let why = match misfit {
        Misfit::Character(_) | Misfit::Pair(_) => Why::Letters,
        Misfit::Width => Why::Long,
        Misfit::Empty => Why::Empty,
        Misfit::Kind => Why::Engine,
    };
    let shown = match misfit {
        Misfit::Character(character) | Misfit::Pair(character) => character.to_string(),
        _ => String::new(),
    };
    NoForm { shown, ..told(why) }
}

/// Stands for a leaf in what is shown: between these, its place.
const HOLE: [char; 2] = ['\u{1}', '\u{2}'];

/// Words, with leaves still as their places.
pub(crate) fn in_words(parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Words(words) => words.clone(),
        Part::Leaf(leaf) => format!("{}{leaf}{}", HOLE[0], HOLE[1]),
    };
    parts.iter().map(part).collect()
}

/// The words, with fields by name.
fn shown(words: &str, names: &[String]) -> String {
    let mut pieces = words.split(HOLE[0]);
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (leaf, rest) = piece.split_once(HOLE[1]).unwrap_or_default();
        let name = leaf.parse().ok().and_then(|leaf: usize| names.get(leaf));
        shown.push_str(&format!("{{{}}}", name.map_or("", String::as_str)));
        shown.push_str(rest);
    }
    shown
}

/// The words without what the bill's own texts say, which may be a customer's: their names are in its place.
fn without_data(shown: String, view: &Value, path: &str, fields: &mut Vec<String>) -> String {
    let is_own = |text: &str| text.chars().count() >= OWN_TEXT_MIN;
    match view {
        Value::String(text) => {
            let name = format!("{{{path}}}");
            let part = shown.trim().trim_end_matches('-');
            let told = if is_own(text) && shown.contains(text) {
                shown.replace(text, &name)
            } else if is_own(part) && text.contains(part) {
                // What wraps is drawn by parts.
                name
            } else {
                return shown;
            };
            if !fields.iter().any(|field| field == path) {
                fields.push(path.to_owned());
            }
            told
        }
        Value::Array(items) => items
            .iter()
            .fold(shown, |shown, item| without_data(shown, item, path, fields)),
        Value::Object(entries) => {
            let own = entries
                .iter()
                .filter(|(key, _)| !OPERATORS.contains(&key.as_str()));
            own.fold(shown, |shown, (key, value)| {
                without_data(shown, value, &below(path, key), fields)
            })
        }
        _ => shown,
    }
}

fn below(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// The leaves of a bill's data by name: keys from the top, without the places in lists.
pub(crate) fn names(view: &Value) -> Vec<String> {
    /// No data has it.
    const MARK: &str = "\u{1}leaf";
    fn walk(value: &Value, path: &str, names: &mut Vec<(u64, String)>) {
        match value {
            Value::Object(entries) => {
                if let Some(place) = entries.get(MARK).and_then(Value::as_u64) {
                    names.push((place, path.to_owned()));
                }
                for (key, value) in entries {
                    walk(value, &below(path, key), names);
                }
            }
            Value::Array(items) => {
                for item in items {
                    walk(item, path, names);
                }
            }
            _ => {}
        }
    }
    let marked = with_leaves(view, &mut |place, _, _| json!({ MARK: place }));
    let mut names = Vec::new();
    walk(&marked, "", &mut names);
    names.sort_unstable();
    names.into_iter().map(|(_, name)| name).collect()
}
