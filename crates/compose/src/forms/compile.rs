//! A shape to a form: Typst exports it twice with probe values and once as the bill at hand, and whatever differs
//! between the exports has to be explained by a leaf. Where the bill is a special case, such as one with a bar of no
//! height, a third probe stands in for it. What cannot be explained refuses the form; nothing is guessed.

use std::{collections::BTreeMap, sync::Arc};

use kvit_billing::no_form::Why;
use kvit_pdf::{Document, Id, Object, Value};
use serde_json::Value as Json;

use crate::{
    ComposeError, Layout,
    forms::{
        content::{Chunk, RUN_BEGINS, Run, Token, chunks, numbers, run},
        form::{Coordinate, Form, FormFont, Piece, Slot},
        glyphs::Glyphs,
        lean::Lean,
        leaves::Leaves,
        probe::{LEAVES_MAX, Probe, has_leaf, leaves_in, probe, template},
        refusal::{Found, PLACES_MAX, Refusal, in_words, refused},
    },
    pdf::Additions,
};

/// How the font sizes of the alphabets that a layout draws for forms are written, and whether their figures are tabular.
const ALPHABETS: [(&str, bool); 2] = [(" 0.5 Tf", false), (" 0.4 Tf", true)];
/// Positions that differ by less than this, in points, are the same.
pub(crate) const SAME_PT: f64 = 0.02;
/// A number follows a share if it is no further off its line, in points.
const LINE_PT: f64 = 0.002;

/// The shaped alphabet of a font, by its PostScript name, whether figures are tabular, and number of glyphs.
pub(super) type FindGlyphs<'a> = dyn Fn(&str, bool, usize) -> Option<Arc<Glyphs>> + 'a;

/// A probe, and sites that may decide.
type ExportWatched<'a> = dyn Fn(&Probe, &[usize]) -> Result<Vec<u8>, ComposeError> + 'a;

/// What compiling needs from outside.
pub(crate) struct Tools<'a> {
    /// Exports data as a PDF without field.
    pub(crate) export: &'a dyn Fn(&Json) -> Result<Vec<u8>, ComposeError>,
    /// The same of a probe by the watched layout.
    pub(crate) watched: &'a ExportWatched<'a>,
    pub(crate) layout: &'a Layout,
    pub(crate) glyphs: &'a FindGlyphs<'a>,
    /// With no twin: each bill has its own.
    pub(crate) additions: Additions<'a>,
}

/// One export, taken apart.
pub(super) struct Export {
    pub(super) probe: Probe,
    pub(super) document: Document,
    pub(super) pages: Vec<Page>,
}

/// A page with its content stream.
pub(crate) struct Page {
    id: Id,
    pub(super) stream: Id,
    pub(crate) content: String,
}

/// A shape's form, and what it takes to prove it.
pub(crate) struct Compiled {
    pub(crate) form: Form,
    /// Typst's export of the bill at hand.
    pub(crate) shown: Vec<Page>,
    /// Why it takes shorter texts than usual, where it does.
    pub(crate) narrowed: Option<Refusal>,
}

/// Compiles the shape of `view`, which has an alphabet in it. Where texts as long as they may get do not
/// fit the layout, shorter ones are tried, and why is told beside the form: longer texts of its bills go
/// through Typst whole.
pub(crate) fn compile(view: &Json, tools: &Tools<'_>) -> Result<Compiled, Refusal> {
    if Leaves::of(view)?.len() > LEAVES_MAX {
        return refused(Why::TooMany, "");
    }
    let real = Export::new(Probe::itself(view), tools)?;
    // Of the shortest texts, whatever the reach.
    let short = watched(probe(view, 0, 1.0), tools)?;
    let mut first = None;
    for reach in [1.0, 0.75, 0.5] {
        match compiled(view, reach, [&short, &real], tools) {
            Ok(form) => {
                return Ok(Compiled {
                    form,
                    shown: real.pages,
                    narrowed: first,
                });
            }
            Err(Refusal::NoAlphabet) => return Err(Refusal::NoAlphabet),
            Err(refusal) => first = first.or(Some(refusal)),
        }
    }
    Err(first.unwrap_or(Refusal::NoAlphabet))
}

fn compiled(
    view: &Json,
    reach: f64,
    [short, real]: [&Export; 2],
    tools: &Tools<'_>,
) -> Result<Form, Refusal> {
    let export = |round| Export::new(probe(view, round, reach), tools);
    let long = export(1)?;
    match harvested([short, &long, real], tools) {
        Err(Refusal::Unexplained(_)) => harvested([short, &long, &export(2)?], tools),
        harvested => harvested,
    }
}

/// The export of a probe, unless the layout decides by what its texts and shares say: all bills at hand may decide
/// alike, and the next one otherwise.
fn watched(probe: Probe, tools: &Tools<'_>) -> Result<Export, Refusal> {
    let (mut found, mut known) = (None::<Found>, Vec::new());
    while known.len() < PLACES_MAX {
        let error = match (tools.watched)(&probe, &known) {
            Ok(exported) if found.is_none() => return Export::of(probe, &exported),
            Ok(_) => break,
            Err(error) => error,
        };
        let Some((site, decision)) = tools.layout.watched().decision(&error) else {
            break;
        };
        known.push(site);
        found = Some(match found {
            Some(found) => found.and(decision),
            None => decision,
        });
    }
    match found {
        Some(found) => Err(found.into()),
        // A fault of another kind is told with the layout's own lines.
        None => Export::new(probe, tools),
    }
}

/// The form that explains these exports.
fn harvested(exports: [&Export; 3], tools: &Tools<'_>) -> Result<Form, Refusal> {
    let mut harvest = Harvest {
        exports,
        tools,
        fonts: Vec::new(),
        names: Vec::new(),
    };
    harvest.learn_fonts()?;
    let count = exports[0].pages.len();
    if exports.iter().any(|export| export.pages.len() != count) {
        let longer = harvest.gone_where_longer()?;
        return Err(Found::new(Why::Pages, "").of(longer).into());
    }
    let pages: Result<_, _> = (0..count).map(|page| harvest.page(page)).collect();
    harvest.assemble(pages?)
}

impl Export {
    fn new(probe: Probe, tools: &Tools<'_>) -> Result<Self, Refusal> {
        let exported = (tools.export)(&probe.view)?;
        Self::of(probe, &exported)
    }

    fn of(probe: Probe, exported: &[u8]) -> Result<Self, Refusal> {
        let document = Document::load(exported)?;
        let pages = pages(&document)?;
        Ok(Self {
            probe,
            document,
            pages,
        })
    }
}

pub(crate) fn pages(document: &Document) -> Result<Vec<Page>, Refusal> {
    let mut pages = Vec::new();
    for id in document.pages()? {
        let stream = document.dict(id)?.reference("Contents");
        let object = stream.and_then(|stream| document.objects.get(&stream));
        let (Some(stream), Some(Object::Stream(found))) = (stream, object) else {
            return refused(Why::Engine, "a page's content is not one stream");
        };
        let Ok(content) = String::from_utf8(found.plain()?) else {
            return refused(Why::Engine, "page content is not plain text");
        };
        pages.push(Page {
            id,
            stream,
            content,
        });
    }
    Ok(pages)
}

/// The sequences of a page but the alphabet's.
pub(crate) fn kept(content: &str) -> Vec<Chunk<'_>> {
    let mut found = chunks(content);
    let is_alphabet = |chunk: &Chunk<'_>| {
        chunk.head.contains("/Background") && chunk.body.trim().is_empty()
            || alphabet(chunk).is_some()
    };
    found.retain(|chunk| !is_alphabet(chunk));
    found
}

/// Whether the figures of an alphabet are tabular; nothing of another sequence.
fn alphabet(chunk: &Chunk<'_>) -> Option<bool> {
    let mut known = ALPHABETS.iter();
    let (_, tabular) = known.find(|(size, _)| chunk.body.contains(size))?;
    Some(*tabular)
}

pub(super) struct Harvest<'a> {
    pub(super) exports: [&'a Export; 3],
    pub(super) tools: &'a Tools<'a>,
    pub(super) fonts: Vec<FormFont>,
    /// For each font of the form: the exporter's font object and whether its figures are tabular.
    names: Vec<(Id, bool)>,
}

impl Harvest<'_> {
    /// Reads the numbers of the glyphs off the alphabets.
    fn learn_fonts(&mut self) -> Result<(), Refusal> {
        let export = self.exports[0];
        let Some(first) = export.pages.first() else {
            return refused(Why::Engine, "there is no page");
        };
        let drawn = chunks(&first.content);
        let alphabets = drawn
            .iter()
            .filter_map(|chunk| Some((chunk, alphabet(chunk)?)));
        for (chunk, tabular) in alphabets {
            let Some(run) = run(chunk.body) else {
                return refused(Why::Alphabet, "");
            };
            let font = self.font_object(0, run.font)?;
            let name = self.font_name(font)?;
            let count = run.glyphs.len();
            let Some(glyphs) = (self.tools.glyphs)(&name, tabular, count) else {
                return refused(Why::Alphabet, name);
            };
            self.fonts.push(FormFont {
                name: name.clone(),
                tabular,
                glyphs,
                cids: run.glyphs,
            });
            self.names.push((font, tabular));
        }
        if self.fonts.is_empty() {
            return Err(Refusal::NoAlphabet);
        }
        Ok(())
    }

    fn font_object(&self, page: usize, name: &str) -> Result<Id, Refusal> {
        let Export {
            document, pages, ..
        } = self.exports[0];
        let Some(page) = pages.get(page) else {
            return refused(Why::Engine, "there is no such page");
        };
        let mut dict = document.dict(page.id)?;
        for key in ["Resources", "Font"] {
            match dict.get(key).map(|value| document.resolve(value)) {
                Some(Value::Dict(inner)) => dict = inner,
                _ => return refused(Why::Engine, format!("a page has no /{key}")),
            }
        }
        match dict.reference(name) {
            Some(font) => Ok(font),
            None => refused(Why::Engine, format!("a page has no font /{name}")),
        }
    }

    fn font_name(&self, font: Id) -> Result<String, Refusal> {
        let Some(name) = self.exports[0].document.dict(font)?.name("BaseFont") else {
            return refused(Why::Engine, "a font has no name");
        };
        let name = String::from_utf8_lossy(name);
        let bare = name.split_once('+').map_or(&*name, |(_, bare)| bare);
        Ok(bare.trim_end_matches("-Identity-H").to_owned())
    }

    /// The pieces of a page, in few bytes.
    fn page(&self, page: usize) -> Result<Vec<Piece>, Refusal> {
        let mut contents = Vec::new();
        for export in self.exports {
            match export.pages.get(page) {
                Some(page) => contents.push(kept(&page.content)),
                None => return refused(Why::Engine, "there is no such page"),
            }
        }
        let [a, b, c] = contents.as_slice() else {
            return refused(Why::Engine, "there are not three exports");
        };
        if a.len() != b.len() || a.len() != c.len() {
            let longer = self.gone_where_longer()?;
            let why = match longer.is_empty() {
                true => Why::Tags,
                false => Why::Wraps,
            };
            return Err(Found::new(why, "").on(page).of(longer).into());
        }
        let mut lean = Lean::default();
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            if a.head != b.head || a.head != c.head {
                let found = Found::new(Why::Tags, "").on(page).drawn_by(a.body);
                return Err(found.of(self.leaves_of(page, a.body)?).into());
            }
            lean.head(a.head);
            if a.body == b.body && a.body == c.body {
                lean.constant(a.body);
                continue;
            }
            let bodies = [a.body, b.body, c.body];
            let explained = match self.slot(page, bodies)? {
                Some(slot) => Some(slot),
                None => self.drawn(bodies),
            };
            match explained {
                Some(found) => lean.explained(found),
                None => return Err(self.described(page, bodies)?.into()),
            }
        }
        Ok(lean.finish())
    }

    /// What cannot be explained of a sequence, for whoever changes the layout. What the bill at hand says stays out of it.
    fn described(&self, page: usize, bodies: [&str; 3]) -> Result<Found, Refusal> {
        let mut shown = Vec::new();
        for body in bodies {
            shown.push(self.text_of(page, body)?);
        }
        let [Some(a), Some(b), _] = shown.as_slice() else {
            return Ok(Found::new(Why::Drawing, "").on(page).drawn_by(bodies[0]));
        };
        let parts = template(a, &self.exports[0].probe).unwrap_or_default();
        let is_shown = has_leaf(&parts) && self.exports[1].probe.shows(b, &parts);
        let why = match a == b || is_shown {
            true => Why::Moves,
            false => Why::Altered,
        };
        let words = in_words(&parts);
        Ok(Found::new(why, words)
            .on(page)
            .of(leaves_in(a))
            .drawn_by(bodies[0]))
    }

    /// The text that a sequence of any export draws, if it is one; fonts have the same names in all.
    fn text_of(&self, page: usize, body: &str) -> Result<Option<String>, Refusal> {
        let Some(run) = run(body) else {
            return Ok(None);
        };
        let object = self.font_object(page, run.font)?;
        let fonts = self.fonts.iter().zip(&self.names);
        let mut same = fonts.filter(|(_, (name, _))| *name == object);
        let Some((font, _)) = same.next() else {
            return Ok(Some(String::new()));
        };
        let text = run.glyphs.iter().map(|cid| {
            let place = font.cids.iter().position(|known| known == cid);
            let known = place.and_then(|place| font.glyphs.character(place));
            known.unwrap_or(char::REPLACEMENT_CHARACTER)
        });
        Ok(Some(text.collect()))
    }

    fn leaves_of(&self, page: usize, body: &str) -> Result<Vec<usize>, Refusal> {
        let text = self.text_of(page, body)?.unwrap_or_default();
        Ok(leaves_in(&text))
    }

    /// Leaves that stand whole less often where their texts are long.
    fn gone_where_longer(&self) -> Result<Vec<usize>, Refusal> {
        let mut whole = [BTreeMap::new(), BTreeMap::new()];
        for (export, whole) in self.exports.iter().zip(&mut whole) {
            // Fonts are looked up on pages of the first.
            let known = export.pages.iter().take(self.exports[0].pages.len());
            for (page, shown) in known.enumerate() {
                for chunk in kept(&shown.content) {
                    let text = self.text_of(page, chunk.body)?.unwrap_or_default();
                    for leaf in leaves_in(&text) {
                        let probe = export.probe.texts.get(leaf);
                        if probe.is_some_and(|probe| text.contains(probe)) {
                            *whole.entry(leaf).or_insert(0) += 1;
                        }
                    }
                }
            }
        }
        let [short, long] = whole;
        let is_gone = |(leaf, times): &(&usize, &usize)| long.get(*leaf).is_none_or(|l| l < *times);
        Ok(short
            .iter()
            .filter(is_gone)
            .map(|(leaf, _)| *leaf)
            .collect())
    }

    fn slot(&self, page: usize, bodies: [&str; 3]) -> Result<Option<Vec<Piece>>, Refusal> {
        let (Some(a), Some(b), Some(c)) = (run(bodies[0]), run(bodies[1]), run(bodies[2])) else {
            return Ok(None);
        };
        let runs = [&a, &b, &c];
        if runs
            .iter()
            .any(|run| run.style != a.style || run.tail != a.tail)
        {
            return Ok(None);
        }
        let object = self.font_object(page, a.font)?;
        let candidates = (0..self.names.len()).filter(|at| self.names[*at].0 == object);
        for font in candidates {
            if let Some(slot) = self.slot_in(font, runs) {
                return Ok(Some(vec![
                    Piece::Constant(RUN_BEGINS.as_bytes().to_vec()),
                    Piece::Slot(Box::new(slot)),
                ]));
            }
        }
        Ok(None)
    }

    fn slot_in(&self, font: usize, runs: [&Run<'_>; 3]) -> Option<Slot> {
        let form_font = self.fonts.get(font)?;
        let texts = runs.map(|run| decoded(form_font, &run.glyphs));
        let [Some(a), Some(b), Some(c)] = texts else {
            return None;
        };
        let parts = template(&a, &self.exports[0].probe)?;
        let agree = [(&b, 1), (&c, 2)]
            .into_iter()
            .all(|(text, at)| self.exports[at].probe.shows(text, &parts));
        if !agree || !has_leaf(&parts) {
            return None;
        }
        let size = runs[0].size;
        let mut widths = [0.0; 3];
        for (width, text) in widths.iter_mut().zip([&a, &b, &c]) {
            *width = form_font.glyphs.width(text)? / 1000.0 * size;
        }
        let (before, anchors) = [0.0, 0.5, 1.0].into_iter().find_map(|before| {
            let anchors = [0, 1, 2].map(|i| runs[i].x + before * widths[i]);
            let are_one = anchors
                .iter()
                .all(|anchor| (anchor - anchors[0]).abs() < SAME_PT);
            are_one.then_some((before, anchors))
        })?;
        Some(Slot {
            font,
            size,
            // The exporter rounds each place to single precision.
            anchor: anchors.iter().sum::<f64>() / 3.0,
            before,
            y: self.coordinate(runs.map(|run| run.y))?,
            style: runs[0].style.to_owned(),
            tail: runs[0].tail.to_owned(),
            parts,
            width_max: widths.into_iter().fold(0.0, f64::max),
        })
    }

    /// Something drawn whose numbers follow shares.
    fn drawn(&self, bodies: [&str; 3]) -> Option<Vec<Piece>> {
        let [a, b, c] = bodies.map(numbers);
        if a.len() != b.len() || a.len() != c.len() {
            return None;
        }
        let mut pieces = Vec::new();
        for ((a, b), c) in a.iter().zip(&b).zip(&c) {
            match (a, b, c) {
                (Token::Number(text, a), Token::Number(_, b), Token::Number(_, c)) => {
                    if a == b && a == c {
                        pieces.push(Piece::Constant(text.as_bytes().to_vec()));
                    } else {
                        pieces.push(Piece::Number(self.coordinate([*a, *b, *c])?));
                    }
                }
                (Token::Words(a), Token::Words(b), Token::Words(c)) if a == b && a == c => {
                    pieces.push(Piece::Constant(a.as_bytes().to_vec()));
                }
                _ => return None,
            }
        }
        Some(pieces)
    }

    /// A number as a straight line over one share, or over the difference of two that follow each
    /// other.
    fn coordinate(&self, values: [f64; 3]) -> Option<Coordinate> {
        if values
            .iter()
            .all(|value| (value - values[0]).abs() < LINE_PT)
        {
            return Some(Coordinate {
                at: values[0],
                slope: 0.0,
                share: None,
                minus: None,
            });
        }
        let shares = self.exports.map(|export| &export.probe.shares);
        let fit = |share: usize, minus: Option<usize>| -> Option<(f64, Coordinate)> {
            let mut at = [0.0; 3];
            for (place, shares) in at.iter_mut().zip(shares) {
                *place = (*shares.get(share)?)?
                    - minus.map_or(Some(0.0), |minus| shares.get(minus).copied().flatten())?;
            }
            let slope = (values[1] - values[0]) / (at[1] - at[0]);
            let off = (values[0] + slope * (at[2] - at[0]) - values[2]).abs();
            (off < LINE_PT).then_some((
                off,
                Coordinate {
                    at: values[0] - slope * at[0],
                    slope,
                    share: Some(share),
                    minus,
                },
            ))
        };
        // A wrong share may pass through three points by chance: then it takes the bill at hand to prove the best of
        // all, and it cannot do so if one of the points is its own.
        let count = shares[0].len();
        let alone = (0..count).filter_map(|share| fit(share, None));
        let apart = (1..count).filter_map(|share| fit(share, Some(share - 1)));
        let mut fitting: Vec<_> = alone.chain(apart).collect();
        if fitting.len() > 1 && self.exports[2].probe.is_real {
            return None;
        }
        fitting.sort_by(|a, b| a.0.total_cmp(&b.0));
        fitting.first().map(|(_, coordinate)| *coordinate)
    }
}

pub(crate) fn decoded(font: &FormFont, glyphs: &[u16]) -> Option<String> {
    glyphs
        .iter()
        .map(|cid| {
            let place = font.cids.iter().position(|known| known == cid)?;
            font.glyphs.character(place)
        })
        .collect()
}
