//! A shape to a form: Typst exports it three times with probe values, and whatever differs between
//! the exports has to be explained by a leaf. What cannot be explained refuses the form; nothing is
//! guessed.

use std::{collections::BTreeMap, sync::Arc};

use lopdf::{Document, Object, ObjectId, StringFormat};
use serde_json::Value;

use crate::{
    ComposeError,
    forms::{
        content::{Chunk, RUN_BEGINS, Run, Token, chunks, numbers, run},
        form::{Coordinate, Form, FormFont, ObjectPiece, Piece, Slot, XmpPiece},
        glyphs::Glyphs,
        lean::Lean,
        leaves::Leaves,
        probe::{LEAVES_MAX, Probe, has_leaf, probes, template},
    },
    pdf::{Additions, add, date, picture, write, xmp_date},
};

/// How the font size of the alphabet that a layout draws for forms is written.
const ALPHABET_SIZE: &str = " 0.5 Tf";
/// Positions that differ by less than this, in points, are the same.
pub(crate) const SAME_PT: f64 = 0.02;
/// A number follows a share if it is no further off its line, in points.
const LINE_PT: f64 = 0.002;

/// Why a shape cannot be compiled. Its bills go through Typst whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Unexplained(String),
    #[error("the layout draws no alphabet; it needs `background: alphabet` on its pages")]
    NoAlphabet,
    #[error("a probe cannot be composed")]
    Compose(#[from] ComposeError),
}

impl From<lopdf::Error> for Refusal {
    fn from(error: lopdf::Error) -> Self {
        Self::Compose(error.into())
    }
}

impl Refusal {
    /// What it is, with its cause.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Compose(error) => format!("{self}: {error}"),
            _ => self.to_string(),
        }
    }
}

pub(crate) fn refused<T>(what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unexplained(what.into()))
}

/// By PostScript name, whether figures are tabular, and number of glyphs.
type FindGlyphs<'a> = dyn Fn(&str, bool, usize) -> Option<Arc<Glyphs>> + 'a;

/// What compiling needs from outside.
pub(crate) struct Tools<'a> {
    /// Exports data as a PDF without field.
    pub(crate) export: &'a dyn Fn(&Value) -> Result<Vec<u8>, ComposeError>,
    /// The shaped alphabet of a font.
    pub(crate) glyphs: &'a FindGlyphs<'a>,
    /// With no twin: each bill has its own.
    pub(crate) additions: Additions<'a>,
}

/// One export, taken apart.
struct Export {
    probe: Probe,
    document: Document,
    /// The pages' content streams.
    pages: Vec<(ObjectId, String)>,
}

/// Compiles the shape of `view`, which has an alphabet in it. Where texts as long as they may get do not
/// fit the layout, shorter ones are tried, and why is told beside the form: longer texts of its bills go
/// through Typst whole.
pub(crate) fn compile(view: &Value, tools: &Tools<'_>) -> Result<(Form, Option<Refusal>), Refusal> {
    let mut first = None;
    for reach in [1.0, 0.75, 0.5] {
        match compiled(view, reach, tools) {
            Ok(form) => return Ok((form, first)),
            Err(Refusal::NoAlphabet) => return Err(Refusal::NoAlphabet),
            Err(refusal) => first = first.or(Some(refusal)),
        }
    }
    Err(first.unwrap_or(Refusal::NoAlphabet))
}

fn compiled(view: &Value, reach: f64, tools: &Tools<'_>) -> Result<Form, Refusal> {
    if Leaves::of(view)?.len() > LEAVES_MAX {
        return refused("there are more than 999 leaves");
    }
    let mut exports = Vec::new();
    for probe in probes(view, reach) {
        let document = Document::load_mem(&(tools.export)(&probe.view)?)?;
        let pages = page_contents(&document)?;
        exports.push(Export {
            probe,
            document,
            pages,
        });
    }
    let [a, b, c] = exports.as_slice() else {
        return refused("there are not three exports");
    };
    let mut harvest = Harvest {
        exports: [a, b, c],
        tools,
        fonts: Vec::new(),
        names: Vec::new(),
    };
    harvest.learn_fonts()?;
    let (mut exact, mut lean) = (Vec::new(), Vec::new());
    for page in 0..a.pages.len() {
        let (as_exported, in_few) = harvest.page(page)?;
        exact.push(as_exported);
        lean.push(in_few);
    }
    harvest.assemble(exact, lean)
}

pub(crate) fn page_contents(document: &Document) -> Result<Vec<(ObjectId, String)>, Refusal> {
    let mut pages = Vec::new();
    for page in document.page_iter() {
        let id = document
            .get_dictionary(page)?
            .get(b"Contents")?
            .as_reference()?;
        let content = document.get_object(id)?.as_stream()?.get_plain_content()?;
        match String::from_utf8(content) {
            Ok(content) => pages.push((id, content)),
            Err(_) => return refused("page content is not plain text"),
        }
    }
    Ok(pages)
}

/// The sequences of a page but the alphabet's.
pub(crate) fn kept(content: &str) -> Vec<Chunk<'_>> {
    let mut found = chunks(content);
    let is_alphabet = |chunk: &Chunk<'_>| {
        chunk.head.contains("/Background") && chunk.body.trim().is_empty()
            || chunk.body.contains(ALPHABET_SIZE)
    };
    found.retain(|chunk| !is_alphabet(chunk));
    found
}

struct Harvest<'a> {
    exports: [&'a Export; 3],
    tools: &'a Tools<'a>,
    fonts: Vec<FormFont>,
    /// For each font of the form: the exporter's font object and whether its figures are tabular.
    names: Vec<(ObjectId, bool)>,
}

impl Harvest<'_> {
    /// Reads the numbers of the glyphs off the alphabets: first with the font's own figures, then
    /// with tabular ones, font by font.
    fn learn_fonts(&mut self) -> Result<(), Refusal> {
        let export = self.exports[0];
        let Some((_, content)) = export.pages.first() else {
            return refused("there is no page");
        };
        let mut seen: BTreeMap<ObjectId, usize> = BTreeMap::new();
        let drawn = chunks(content);
        for chunk in drawn
            .iter()
            .filter(|chunk| chunk.body.contains(ALPHABET_SIZE))
        {
            let Some(run) = run(chunk.body) else {
                return refused("the alphabet is not drawn as plain runs");
            };
            let font = self.font_object(0, run.font)?;
            let times = seen.entry(font).or_default();
            *times += 1;
            let tabular = *times == 2;
            let name = self.font_name(font)?;
            let count = run.glyphs.len();
            let Some(glyphs) = (self.tools.glyphs)(&name, tabular, count) else {
                return refused(format!("{name} has no alphabet of {count} glyphs"));
            };
            self.fonts.push(FormFont {
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

    fn font_object(&self, page: usize, name: &str) -> Result<ObjectId, Refusal> {
        let document = &self.exports[0].document;
        let Some(page) = document.page_iter().nth(page) else {
            return refused("there is no such page");
        };
        let resources = document
            .get_dictionary(page)?
            .get_deref(b"Resources", document)?;
        let fonts = resources.as_dict()?.get_deref(b"Font", document)?;
        Ok(fonts.as_dict()?.get(name.as_bytes())?.as_reference()?)
    }

    fn font_name(&self, font: ObjectId) -> Result<String, Refusal> {
        let font = self.exports[0].document.get_dictionary(font)?;
        let name = String::from_utf8_lossy(font.get(b"BaseFont")?.as_name()?).into_owned();
        let bare = name.split_once('+').map_or(name.as_str(), |(_, bare)| bare);
        Ok(bare.trim_end_matches("-Identity-H").to_owned())
    }

    /// The pieces of a page, as the exporter writes them and as few bytes.
    fn page(&self, page: usize) -> Result<(Vec<Piece>, Vec<Piece>), Refusal> {
        let mut contents = Vec::new();
        for export in self.exports {
            match export.pages.get(page) {
                Some((_, content)) => contents.push(kept(content)),
                None => return refused("the number of pages follows the length of texts"),
            }
        }
        let [a, b, c] = contents.as_slice() else {
            return refused("there are not three exports");
        };
        if a.len() != b.len() || a.len() != c.len() {
            return refused(format!(
                "page {}: {}, {} and {} sequences; some text wraps or vanishes",
                page + 1,
                a.len(),
                b.len(),
                c.len()
            ));
        }
        let (mut pieces, mut lean) = (Vec::new(), Lean::default());
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            if a.head != b.head || a.head != c.head {
                return refused(format!("page {}: a mark differs: {}", page + 1, a.head));
            }
            push(&mut pieces, a.head.as_bytes());
            lean.head(a.head);
            if a.body == b.body && a.body == c.body {
                push(&mut pieces, a.body.as_bytes());
                lean.constant(a.body);
                continue;
            }
            let bodies = [a.body, b.body, c.body];
            let explained = match self.slot(page, bodies)? {
                Some(slot) => Some(slot),
                None => self.drawn(bodies),
            };
            match explained {
                Some(found) => {
                    for piece in &found {
                        match piece {
                            Piece::Constant(bytes) => push(&mut pieces, bytes),
                            other => pieces.push(other.clone()),
                        }
                    }
                    lean.explained(found);
                }
                None => {
                    let shown = self.described(page, bodies)?;
                    return refused(format!("page {}: cannot explain {shown}", page + 1));
                }
            }
        }
        Ok((pieces, lean.finish()))
    }

    /// What a sequence shows in each export, for whoever changes the layout.
    fn described(&self, page: usize, bodies: [&str; 3]) -> Result<String, Refusal> {
        let mut shown = Vec::new();
        for body in bodies {
            let Some(run) = run(body) else {
                let begin: String = body.trim().chars().take(80).collect();
                return Ok(format!("a drawing: {begin}"));
            };
            let object = self.font_object(page, run.font)?;
            let fonts = self.fonts.iter().zip(&self.names);
            let text = fonts
                .filter(|(_, (name, _))| *name == object)
                .find_map(|(font, _)| decoded(font, &run.glyphs))
                .unwrap_or_else(|| "characters outside the alphabet".to_owned());
            shown.push(format!("\"{text}\" at {} {}", run.x, run.y));
        }
        Ok(format!(
            "a text whose place follows more than its own width: {}",
            shown.join(", ")
        ))
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
            .all(|(text, at)| template(text, &self.exports[at].probe).as_ref() == Some(&parts));
        if !agree || !has_leaf(&parts) {
            return None;
        }
        let size = runs[0].size;
        let mut widths = [0.0; 3];
        for (width, text) in widths.iter_mut().zip([&a, &b, &c]) {
            *width = form_font.glyphs.width(text)? / 1000.0 * size;
        }
        let before = [0.0, 0.5, 1.0].into_iter().find(|before| {
            let anchors = [0, 1, 2].map(|i| runs[i].x + before * widths[i]);
            anchors
                .iter()
                .all(|anchor| (anchor - anchors[0]).abs() < SAME_PT)
        })?;
        Some(Slot {
            font,
            size,
            anchor: runs[0].x + before * widths[0],
            before,
            y: self.coordinate(runs.map(|run| run.y))?,
            style: runs[0].style.to_owned(),
            tail: runs[0].tail.to_owned(),
            is_lean: false,
            parts,
            width_max: widths.into_iter().fold(0.0, f64::max),
        })
    }

    /// Width and leaf of a square code: of whose pixels the stream is a picture in each export.
    fn code(&self, id: ObjectId) -> Option<(usize, usize)> {
        let (mut width, mut shown) = (0, Vec::new());
        for export in self.exports {
            let stream = export.document.get_object(id).ok()?.as_stream().ok()?;
            width = picture::width(stream)?;
            shown.push(stream.decompressed_content().ok()?);
        }
        let mut all = Vec::new();
        for export in self.exports {
            all.push(Leaves::of(&export.probe.view).ok()?);
        }
        let leaf = (0..all.first()?.len()).find(|leaf| {
            let mut both = all.iter().zip(&shown);
            both.all(|(leaves, shown)| leaves.pixels(*leaf).is_ok_and(|pixels| pixels == shown))
        })?;
        Some((width, leaf))
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
        // The best of all, since a wrong share may pass through three points by chance.
        let count = shares[0].len();
        let alone = (0..count).filter_map(|share| fit(share, None));
        let apart = (1..count).filter_map(|share| fit(share, Some(share - 1)));
        let best = alone.chain(apart).min_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, coordinate)| coordinate)
    }

    /// All objects but the page contents: equal ones go into the constant part, texts with leaves
    /// in them become templates.
    fn assemble(mut self, exact: Vec<Vec<Piece>>, lean: Vec<Vec<Piece>>) -> Result<Form, Refusal> {
        let [a, b, c] = self.exports;
        let mut document = a.document.clone();
        let signature = add(&mut document, &self.tools.additions)?;
        let numbered = write::numbers(&document, signature);
        let number = |id: &ObjectId| numbered.get(id).copied().unwrap_or_default();
        let streams: BTreeMap<ObjectId, Vec<Piece>> =
            a.pages.iter().map(|(id, _)| *id).zip(lean).collect();
        let mut file = write::File::new();
        let (mut constant, mut objects, mut pages) = (Vec::new(), Vec::new(), Vec::new());
        let (mut xmp, mut twin, mut codes) = (None, None, Vec::new());
        let mut streams = streams;
        let moment = date(self.tools.additions.issued_at);
        for (id, object) in &document.objects {
            let others = [b.document.objects.get(id), c.document.objects.get(id)];
            let equal = others
                .iter()
                .all(|other| *other == a.document.objects.get(id));
            match object {
                Object::Stream(stream) => {
                    let dict = write::stream_dictionary(stream, &numbered);
                    if let Some(pieces) = streams.remove(id) {
                        pages.push((number(id), dict, pieces));
                    } else if stream.dict.has_type(b"Metadata") {
                        let packet = write::xmp_dictionary(stream, &numbered);
                        xmp = Some((number(id), packet, self.xmp(&stream.content)?));
                    } else if stream.dict.has_type(b"EmbeddedFile") {
                        twin = Some(number(id));
                    } else if let Some((width, leaf)) = self.code(*id) {
                        codes.push((number(id), dict, width, leaf));
                    } else if equal {
                        file.stream(number(id), &dict, &stream.content);
                    } else {
                        return refused(format!("the stream {} differs", id.0));
                    }
                }
                object if equal => {
                    let bytes = write::serialised(object, &numbered);
                    match around(&bytes, moment.as_bytes()) {
                        Some(pieces) => objects.push((number(id), pieces)),
                        None => constant.push((number(id), bytes)),
                    }
                }
                object => {
                    let mut texts = Vec::new();
                    let [Some(before), Some(b), Some(c)] =
                        [a.document.objects.get(id), others[0], others[1]]
                    else {
                        return refused(format!("object {} is not in every export", id.0));
                    };
                    self.texts([before, b, c], b"", &mut texts)?;
                    let mut holed = object.clone();
                    let mut next = 0;
                    hollow(&mut holed, before, b, &mut next);
                    let bytes = write::serialised(&holed, &numbered);
                    let mut found = Vec::new();
                    for piece in pieces(&bytes, texts)? {
                        match piece {
                            ObjectPiece::Constant(bytes) => match around(&bytes, moment.as_bytes())
                            {
                                Some(dated) => found.extend(dated),
                                None => found.push(ObjectPiece::Constant(bytes)),
                            },
                            other => found.push(other),
                        }
                    }
                    objects.push((number(id), found));
                }
            }
        }
        let is_dated = |(_, pieces): &(u32, Vec<ObjectPiece>)| {
            pieces
                .iter()
                .any(|piece| matches!(piece, ObjectPiece::Moment))
        };
        if !objects.iter().any(is_dated) {
            return refused("the time of issue is not among what is known of the document");
        }
        let next = u32::try_from(numbered.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        file.pack(next, &constant, write::BEST)?;
        let mut trailer = document.trailer.clone();
        trailer.remove(b"ID");
        let (Some(xmp), Some(twin)) = (xmp, twin) else {
            return refused("there is no XMP packet or no place for the twin");
        };
        Ok(Form {
            fonts: std::mem::take(&mut self.fonts),
            file,
            exact,
            pages,
            xmp,
            codes,
            twin,
            objects,
            signature: number(&signature),
            next: next + 1,
            trailer: write::trailer(&trailer, &numbered),
            contents_reserve: self.tools.additions.contents_reserve,
        })
    }

    /// The texts in which three objects differ, in the order in which they are written.
    fn texts(
        &self,
        objects: [&Object; 3],
        key: &[u8],
        texts: &mut Vec<Vec<crate::forms::form::Part>>,
    ) -> Result<(), Refusal> {
        if objects[0] == objects[1] && objects[0] == objects[2] {
            return Ok(());
        }
        match objects {
            [
                Object::String(a, _),
                Object::String(b, _),
                Object::String(c, _),
            ] => {
                let mut found = Vec::new();
                for (bytes, export) in [a, b, c].into_iter().zip(self.exports) {
                    found.push(text_string(bytes).and_then(|text| template(&text, &export.probe)));
                }
                match found.first() {
                    Some(Some(parts))
                        if has_leaf(parts) && found.iter().all(|f| *f == found[0]) =>
                    {
                        texts.push(parts.clone());
                        Ok(())
                    }
                    _ => refused(format!("a text differs under /{}", name(key))),
                }
            }
            [Object::Array(a), Object::Array(b), Object::Array(c)]
                if a.len() == b.len() && a.len() == c.len() =>
            {
                for ((a, b), c) in a.iter().zip(b).zip(c) {
                    self.texts([a, b, c], key, texts)?;
                }
                Ok(())
            }
            [
                Object::Dictionary(a),
                Object::Dictionary(b),
                Object::Dictionary(c),
            ] => {
                for (key, a) in a {
                    let (Ok(b), Ok(c)) = (b.get(key), c.get(key)) else {
                        return refused(format!("/{} is not in every export", name(key)));
                    };
                    self.texts([a, b, c], key, texts)?;
                }
                Ok(())
            }
            // How far a drawing reaches: told to nobody but machines that reflow pages, and right
            // to the point for the probe, whose highest bar is as high as a bill's.
            [a, b, c] if key == b"BBox" && [a, b, c].iter().all(|n| n.as_float().is_ok()) => Ok(()),
            [Object::Array(a), Object::Array(b), Object::Array(c)] => refused(format!(
                "lists of {}, {} and {} entries under /{}; some text wraps or vanishes: {objects:?}",
                a.len(),
                b.len(),
                c.len(),
                name(key)
            )),
            _ => refused(format!("/{} differs: {objects:?}", name(key))),
        }
    }

    fn xmp(&self, packet: &[u8]) -> Result<Vec<XmpPiece>, Refusal> {
        let Ok(packet) = std::str::from_utf8(packet) else {
            return refused("the XMP packet is not UTF-8");
        };
        let ids = self.exports[0].document.trailer.get(b"ID")?.as_array()?;
        let mut marks = Vec::new();
        for (id, piece) in ids
            .iter()
            .zip([|| XmpPiece::DocumentId, || XmpPiece::InstanceId])
        {
            let id = String::from_utf8_lossy(id.as_str()?).into_owned();
            marks.extend(
                packet
                    .match_indices(&id)
                    .map(|(at, id)| (at, id.len(), piece())),
            );
        }
        let moment = xmp_date(self.tools.additions.issued_at);
        let before = marks.len();
        marks.extend(
            packet
                .match_indices(&moment)
                .map(|(at, moment)| (at, moment.len(), XmpPiece::Moment)),
        );
        if marks.len() == before {
            return refused("the time of issue is not in the XMP packet");
        }
        for (leaf, text) in self.exports[0].probe.texts.iter().enumerate() {
            if !text.is_empty() {
                let found = packet.match_indices(text.as_str());
                marks.extend(found.map(|(at, text)| (at, text.len(), XmpPiece::Leaf(leaf))));
            }
        }
        marks.sort_by_key(|mark| mark.0);
        let (mut pieces, mut end) = (Vec::new(), 0);
        for (at, length, piece) in marks {
            let Some(before) = packet.get(end..at) else {
                return refused("marks overlap in the XMP packet");
            };
            pieces.push(XmpPiece::Constant(before.to_owned()));
            pieces.push(piece);
            end = at + length;
        }
        pieces.push(XmpPiece::Constant(
            packet.get(end..).unwrap_or_default().to_owned(),
        ));
        Ok(pieces)
    }
}

fn push(pieces: &mut Vec<Piece>, bytes: &[u8]) {
    match pieces.last_mut() {
        Some(Piece::Constant(last)) => last.extend_from_slice(bytes),
        _ => pieces.push(Piece::Constant(bytes.to_vec())),
    }
}

fn decoded(font: &FormFont, glyphs: &[u16]) -> Option<String> {
    glyphs
        .iter()
        .map(|cid| {
            let place = font.cids.iter().position(|known| known == cid)?;
            font.glyphs.character(place)
        })
        .collect()
}

/// A text string of a PDF, UTF-16 or plain ASCII.
fn text_string(bytes: &[u8]) -> Option<String> {
    match bytes.strip_prefix(&[0xfe, 0xff]) {
        Some(utf16) => {
            let units = utf16
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        None => bytes
            .is_ascii()
            .then(|| String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn name(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// Stands for a text until it is written.
fn hole(at: usize) -> Vec<u8> {
    format!("\u{1}kvit-hole-{at:06}\u{1}").into_bytes()
}

/// Puts holes where `object`, whose original is `a`, differs from `b`.
fn hollow(object: &mut Object, a: &Object, b: &Object, next: &mut usize) {
    match (object, a, b) {
        (Object::Array(items), Object::Array(a), Object::Array(b)) => {
            for ((item, a), b) in items.iter_mut().zip(a).zip(b) {
                hollow(item, a, b, next);
            }
        }
        (Object::Dictionary(dict), Object::Dictionary(a), Object::Dictionary(b)) => {
            for (key, item) in dict.iter_mut() {
                if let (Ok(a), Ok(b)) = (a.get(key), b.get(key)) {
                    hollow(item, a, b, next);
                }
            }
        }
        (Object::String(bytes, format), a, b) if a != b => {
            *bytes = hole(*next);
            *format = StringFormat::Hexadecimal;
            *next += 1;
        }
        _ => {}
    }
}

/// An object's bytes, cut where they tell the time of issue, if they do.
fn around(bytes: &[u8], moment: &[u8]) -> Option<Vec<ObjectPiece>> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest
        .windows(moment.len())
        .position(|window| window == moment)
    {
        pieces.push(ObjectPiece::Constant(rest[..at].to_vec()));
        pieces.push(ObjectPiece::Moment);
        rest = &rest[at + moment.len()..];
    }
    let is_dated = !pieces.is_empty();
    pieces.push(ObjectPiece::Constant(rest.to_vec()));
    is_dated.then_some(pieces)
}

/// An object's bytes, cut at its holes.
fn pieces(
    bytes: &[u8],
    texts: Vec<Vec<crate::forms::form::Part>>,
) -> Result<Vec<ObjectPiece>, Refusal> {
    let mut found = Vec::new();
    let mut rest = bytes;
    for (at, parts) in texts.into_iter().enumerate() {
        let hex: String = hole(at).iter().map(|byte| format!("{byte:02X}")).collect();
        let mark = format!("<{hex}>");
        let start = rest
            .windows(mark.len())
            .position(|window| window == mark.as_bytes());
        let Some(start) = start else {
            return refused("a text that differs is not written where it was found");
        };
        found.push(ObjectPiece::Constant(rest[..start].to_vec()));
        found.push(ObjectPiece::Text(parts));
        rest = &rest[start + mark.len()..];
    }
    found.push(ObjectPiece::Constant(rest.to_vec()));
    Ok(found)
}
