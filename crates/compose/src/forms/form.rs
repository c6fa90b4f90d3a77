//! A form: everything of a bill's PDF that is the same for its shape, ready as bytes, and what to
//! write for each bill in between.

use std::{io::Write, sync::Arc};

use crate::{
    ComposeError,
    forms::{
        glyphs::Glyphs,
        leaves::Leaves,
        stream::{Plan, Sample, Sink},
        twins::Twins,
    },
    pdf::{
        Additions, date,
        picture::packed,
        twin::embedded,
        write::{File, QUICK, deflate},
        xmp_date,
    },
};
use kvit_billing::UnsealedPdf;
use kvit_pdf::Numbers;
use serde::{Deserialize, Serialize};

/// A text may be so much wider than the widest that was proven to fit, in points: rounding only.
const WIDTH_TOLERANCE: f64 = 0.02;

/// Why a bill does not fit its form. It goes through Typst whole then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    /// A character that the form's fonts have not.
    #[error("{0:?} is not among the characters of forms in the weight in which a text is set")]
    Character(char),
    /// A text wider than any that was proven to fit.
    #[error("a text is wider than any that was proven to fit")]
    Width,
    /// Something drawn that has no extent, which the exporter leaves out.
    #[error("something drawn has no extent")]
    Empty,
    /// A leaf of another kind than the form expects.
    #[error("the data is of another kind than the form expects")]
    Kind,
}

/// One font of a form: how its text is shaped, and the numbers of its glyphs in the file.
#[derive(Debug)]
pub(crate) struct FormFont {
    /// As it is called in the layout's fonts.
    pub(crate) name: String,
    /// Whether figures are of one width.
    pub(crate) tabular: bool,
    pub(crate) glyphs: Arc<Glyphs>,
    /// By place in the alphabet.
    pub(crate) cids: Vec<u16>,
}

/// A text with leaves in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    Words(String),
    Leaf(usize),
}

/// A coordinate that may follow a share, or the difference of two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Coordinate {
    pub(crate) at: f64,
    pub(crate) slope: f64,
    pub(crate) share: Option<usize>,
    pub(crate) minus: Option<usize>,
}

/// A run of text that differs from bill to bill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) font: usize,
    pub(crate) size: f64,
    /// Where the text is held: its left end, its middle or its right end.
    pub(crate) anchor: f64,
    /// How much of its width lies left of the anchor.
    pub(crate) before: f64,
    pub(crate) y: Coordinate,
    /// Between the run's place and its glyphs.
    pub(crate) style: String,
    /// Behind its glyphs.
    pub(crate) tail: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) width_max: f64,
}

/// A piece of page content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Piece {
    Constant(Vec<u8>),
    /// As the exporter writes it.
    Slot(Box<Slot>),
    /// As `lean.rs` writes it: its place, unless that is constant, and its glyphs. The rest stands around it.
    Lean(Box<Slot>),
    Number(Coordinate),
}

/// A stream that differs from bill to bill.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Content<P> {
    pub(crate) number: u32,
    pub(crate) dict: Vec<u8>,
    pub(crate) pieces: Vec<P>,
    /// How to compress it, once a bill has shown it.
    pub(crate) plan: Option<Plan>,
}

/// A piece of an object outside the pages.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ObjectPiece {
    Constant(Vec<u8>),
    /// A text string in UTF-16.
    Text(Vec<Part>),
    /// The time of issue as `pdf::date` writes it.
    Moment,
}

/// A piece of the XMP packet.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum XmpPiece {
    Constant(String),
    Leaf(usize),
    InstanceId,
    DocumentId,
    /// The time of issue as `pdf::xmp_date` writes it.
    Moment,
}

/// A compiled shape.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Form {
    #[serde(skip)]
    pub(crate) fonts: Vec<FormFont>,
    /// Header, constant streams and constant objects.
    pub(crate) file: File,
    /// Each page's stream, as `lean.rs` writes it.
    pub(crate) pages: Vec<Content<Piece>>,
    pub(crate) xmp: Content<XmpPiece>,
    /// Number, dictionary, pixels in a row and leaf of each square code's picture.
    pub(crate) codes: Vec<(u32, Vec<u8>, usize, usize)>,
    /// Number of the twin's stream.
    pub(crate) twin: u32,
    pub(crate) objects: Vec<(u32, Vec<ObjectPiece>)>,
    pub(crate) signature: u32,
    /// The first number that is free.
    pub(crate) next: u32,
    /// `/Root` and `/Info`.
    pub(crate) trailer: Vec<u8>,
    pub(crate) contents_reserve: usize,
}

impl Form {
    /// The bill with these leaves. `id` names it among all documents of the operator.
    pub(crate) fn fill(
        &self,
        leaves: &Leaves,
        id: &str,
        additions: &Additions<'_>,
        twins: &Twins,
    ) -> Result<Result<UnsealedPdf, Misfit>, ComposeError> {
        match self.filled(leaves, id, additions, twins) {
            Ok(pdf) => Ok(Ok(pdf)),
            Err(Failed::Misfit(misfit)) => Ok(Err(misfit)),
            Err(Failed::Compose(error)) => Err(error),
        }
    }

    fn filled(
        &self,
        leaves: &Leaves,
        id: &str,
        additions: &Additions<'_>,
        twins: &Twins,
    ) -> Result<UnsealedPdf, Failed> {
        let mut file = self.file.clone();
        for page in &self.pages {
            let show = |sink: &mut dyn Sink| self.page(&page.pieces, leaves, sink);
            file.stream(page.number, &page.dict, &page.compressed(show)?);
        }
        for (number, dict, width, leaf) in &self.codes {
            file.stream(*number, dict, &packed(leaves.pixels(*leaf)?, *width));
        }
        let [document, instance] = ["document", "instance"].map(|kind| {
            let hash = typst::utils::hash128(&(kind, id));
            format!("{hash:032x}")
        });
        let moment = xmp_date(additions.issued_at);
        let show = |sink: &mut dyn Sink| {
            xmp(
                &self.xmp.pieces,
                leaves,
                [&document, &instance, &moment],
                sink,
            )
        };
        file.stream(self.xmp.number, &self.xmp.dict, &self.xmp.compressed(show)?);
        let twin = embedded(additions.twin, additions.issued_at);
        let twin = twin.written(&Numbers::new());
        file.stream(self.twin, &twin, &twins.compressed(additions.twin)?);
        let moment = date(additions.issued_at);
        let mut objects = Vec::with_capacity(self.objects.len());
        for (number, pieces) in &self.objects {
            objects.push((*number, object(pieces, leaves, &moment)?));
        }
        file.pack(self.next, &objects, QUICK)?;
        let slot = file.signature(self.signature, self.contents_reserve);
        let mut trailer = self.trailer.clone();
        trailer.extend_from_slice(format!("/ID[<{document}><{instance}>]").as_bytes());
        file.finish(self.next + 1, &trailer, QUICK)?;
        Ok(UnsealedPdf {
            bytes: file.bytes,
            slot,
        })
    }

    /// Plans how to compress the streams, with a bill to learn from. One that does not fit teaches nothing.
    pub(crate) fn plan(&mut self, leaves: &Leaves) {
        let mut plans = Vec::with_capacity(self.pages.len());
        for page in &self.pages {
            let mut sample = Sample::default();
            let shown = self.page(&page.pieces, leaves, &mut sample);
            plans.push(shown.ok().and_then(|()| sample.plan()));
        }
        for (page, plan) in self.pages.iter_mut().zip(plans) {
            page.plan = plan;
        }
        let mut sample = Sample::default();
        // Identifiers and moments are as good as random.
        let [id, moment] = [
            "0123456789abcdeffedcba9876543210",
            "2026-10-31T07:58:46+00:00",
        ];
        let shown = xmp(&self.xmp.pieces, leaves, [id, id, moment], &mut sample);
        self.xmp.plan = shown.ok().and_then(|()| sample.plan());
    }

    /// The content of a page.
    pub(crate) fn page(
        &self,
        pieces: &[Piece],
        leaves: &Leaves,
        out: &mut dyn Sink,
    ) -> Result<(), Misfit> {
        let mut fresh = Vec::with_capacity(512);
        for piece in pieces {
            fresh.clear();
            match piece {
                Piece::Constant(bytes) => out.known(bytes),
                Piece::Number(number) => {
                    push_short(&mut fresh, number.of(leaves)?);
                    out.fresh(&fresh);
                }
                Piece::Slot(slot) => {
                    let run = self.shaped(slot, leaves)?;
                    push_number(&mut fresh, run.x);
                    fresh.push(b' ');
                    push_number(&mut fresh, slot.y.of(leaves)?);
                    fresh.extend_from_slice(b" cm");
                    fresh.extend_from_slice(slot.style.as_bytes());
                    push_shown_plainly(&mut fresh, &run.cids, |at| run.kern(at));
                    fresh.extend_from_slice(slot.tail.as_bytes());
                    out.fresh(&fresh);
                }
                Piece::Lean(slot) => {
                    let run = self.shaped(slot, leaves)?;
                    if slot.y.moves() {
                        push_short(&mut fresh, run.x);
                        fresh.push(b' ');
                        push_short(&mut fresh, slot.y.of(leaves)?);
                        out.fresh(&fresh);
                        out.known(slot.style.as_bytes());
                    } else if slot.follows_its_width() {
                        push_short(&mut fresh, run.x);
                        out.fresh(&fresh);
                        out.known(slot.style.as_bytes());
                    }
                    fresh.clear();
                    push_glyphs(&mut fresh, &run.cids, |at| run.kern(at));
                    out.fresh(&fresh);
                }
            }
        }
        Ok(())
    }

    /// The text of a slot as glyphs.
    fn shaped(&self, slot: &Slot, leaves: &Leaves) -> Result<Shaped<'_>, Misfit> {
        let font = self.fonts.get(slot.font).ok_or(Misfit::Kind)?;
        let (mut places, mut cids) = (Vec::with_capacity(48), Vec::with_capacity(48));
        for part in &slot.parts {
            for character in part.text(leaves)?.chars() {
                let place = font
                    .glyphs
                    .place(character)
                    .ok_or(Misfit::Character(character))?;
                cids.push(
                    font.cids
                        .get(place)
                        .copied()
                        .ok_or(Misfit::Character(character))?,
                );
                places.push(place);
            }
        }
        let mut run = Shaped {
            glyphs: &font.glyphs,
            places,
            cids,
            x: 0.0,
        };
        let mut width = 0.0;
        for (at, place) in run.places.iter().enumerate() {
            width += font.glyphs.advance(*place) - run.kern(at).unwrap_or(0.0);
        }
        let width = width / 1000.0 * slot.size;
        if width > slot.width_max + WIDTH_TOLERANCE {
            return Err(Misfit::Width);
        }
        run.x = slot.anchor - slot.before * width;
        Ok(run)
    }
}

/// A text as glyphs.
struct Shaped<'a> {
    glyphs: &'a Glyphs,
    /// Of the characters in the alphabet.
    places: Vec<usize>,
    cids: Vec<u16>,
    x: f64,
}

impl Shaped<'_> {
    /// The correction before the glyph at a place, in thousandths to the left.
    fn kern(&self, at: usize) -> Option<f64> {
        let (left, right) = (self.places.get(at.checked_sub(1)?)?, self.places.get(at)?);
        let kerning = self.glyphs.kerning(*left, *right);
        (kerning != 0.0).then_some(-kerning)
    }
}

impl Slot {
    /// Whether its place depends on how wide its text is.
    pub(crate) fn follows_its_width(&self) -> bool {
        self.before != 0.0
    }
}

impl<P> Content<P> {
    pub(crate) const fn new(number: u32, dict: Vec<u8>, pieces: Vec<P>) -> Self {
        Self {
            number,
            dict,
            pieces,
            plan: None,
        }
    }

    /// What `show` shows, compressed as planned, or without a plan where there is none for it.
    fn compressed(
        &self,
        show: impl Fn(&mut dyn Sink) -> Result<(), Misfit>,
    ) -> Result<Vec<u8>, Failed> {
        if let Some(plan) = &self.plan {
            let mut writer = plan.writer();
            show(&mut writer)?;
            if let Some(compressed) = writer.finish() {
                return Ok(compressed);
            }
        }
        let mut content = Vec::with_capacity(32 * 1024);
        show(&mut content)?;
        Ok(deflate(&content, QUICK)?)
    }
}

enum Failed {
    Misfit(Misfit),
    Compose(ComposeError),
}

impl From<Misfit> for Failed {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}

impl From<ComposeError> for Failed {
    fn from(error: ComposeError) -> Self {
        Self::Compose(error)
    }
}

impl Part {
    pub(crate) fn text<'a>(&'a self, leaves: &'a Leaves) -> Result<&'a str, Misfit> {
        match self {
            Self::Words(words) => Ok(words),
            Self::Leaf(leaf) => leaves.text(*leaf),
        }
    }
}

impl Coordinate {
    pub(crate) const fn moves(&self) -> bool {
        self.share.is_some()
    }

    pub(crate) fn of(&self, leaves: &Leaves) -> Result<f64, Misfit> {
        let share = |leaf: Option<usize>| leaf.map_or(Ok(0.0), |leaf| leaves.share(leaf));
        let (share, minus) = (share(self.share)?, share(self.minus)?);
        if self.minus.is_some() && share <= minus {
            return Err(Misfit::Empty);
        }
        Ok(self.at + self.slope * (share - minus))
    }
}

fn xmp(
    pieces: &[XmpPiece],
    leaves: &Leaves,
    [document, instance, moment]: [&str; 3],
    out: &mut dyn Sink,
) -> Result<(), Misfit> {
    for piece in pieces {
        match piece {
            XmpPiece::Constant(text) => out.known(text.as_bytes()),
            XmpPiece::DocumentId => out.fresh(document.as_bytes()),
            XmpPiece::InstanceId => out.fresh(instance.as_bytes()),
            XmpPiece::Moment => out.fresh(moment.as_bytes()),
            XmpPiece::Leaf(leaf) => {
                let mut escaped = String::new();
                for character in Part::Leaf(*leaf).text(leaves)?.chars() {
                    match character {
                        '&' => escaped.push_str("&amp;"),
                        '<' => escaped.push_str("&lt;"),
                        '>' => escaped.push_str("&gt;"),
                        other => escaped.push(other),
                    }
                }
                out.fresh(escaped.as_bytes());
            }
        }
    }
    Ok(())
}

fn object(pieces: &[ObjectPiece], leaves: &Leaves, moment: &str) -> Result<Vec<u8>, Misfit> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            ObjectPiece::Constant(bytes) => out.extend_from_slice(bytes),
            ObjectPiece::Moment => out.extend_from_slice(moment.as_bytes()),
            ObjectPiece::Text(parts) => {
                out.extend_from_slice(b"(\xfe\xff");
                for part in parts {
                    for unit in part.text(leaves)?.encode_utf16() {
                        push_escaped(&mut out, unit);
                    }
                }
                out.push(b')');
            }
        }
    }
    Ok(out)
}

/// Shows glyphs in as few bytes as possible. `kern` is the correction before the glyph at a place, in
/// thousandths to the left.
pub(crate) fn push_shown(out: &mut Vec<u8>, cids: &[u16], kern: impl Fn(usize) -> Option<f64>) {
    out.extend_from_slice(b"[(");
    push_glyphs(out, cids, kern);
    out.extend_from_slice(b")]TJ ");
}

fn push_glyphs(out: &mut Vec<u8>, cids: &[u16], kern: impl Fn(usize) -> Option<f64>) {
    for (at, cid) in cids.iter().enumerate() {
        if let Some(correction) = kern(at) {
            out.push(b')');
            // A hundredth of a thousandth of the size is far below what anything can show.
            push_short(out, (correction * 100.0).round() / 100.0);
            out.push(b'(');
        }
        push_escaped(out, *cid);
    }
}

/// Two bytes of a string in parentheses.
fn push_escaped(out: &mut Vec<u8>, unit: u16) {
    for byte in unit.to_be_bytes() {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            // A bare carriage return would be read as a line feed (ISO 32000-2, 7.3.4.2).
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(byte),
        }
    }
}

/// Shows glyphs so that page content stays plain text, which is easier to take apart.
fn push_shown_plainly(out: &mut Vec<u8>, cids: &[u16], kern: impl Fn(usize) -> Option<f64>) {
    out.extend_from_slice(b"[<");
    for (at, cid) in cids.iter().enumerate() {
        if let Some(correction) = kern(at) {
            out.push(b'>');
            push_number(out, correction);
            out.push(b'<');
        }
        push_hex(out, *cid);
    }
    out.extend_from_slice(b">]TJ");
}

#[allow(clippy::cast_possible_truncation)]
fn push_number(out: &mut Vec<u8>, number: f64) {
    // The exporter writes single precision; a minus before zero would only be noise.
    let number = number as f32;
    let number = if number == 0.0 { 0.0 } else { number };
    let _ = write!(out, "{number}");
}

/// A number to five decimals, which is as exact as the exporter's single precision is on a page of paper.
pub(crate) fn push_short(out: &mut Vec<u8>, number: f64) {
    let parts = (number * 100_000.0).round() as i64;
    if parts < 0 {
        out.push(b'-');
    }
    let (whole, mut rest) = (parts.abs() / 100_000, parts.abs() % 100_000);
    let _ = write!(out, "{whole}");
    if rest == 0 {
        return;
    }
    out.push(b'.');
    while rest > 0 {
        out.push(b'0' + (rest / 10_000) as u8);
        rest = rest % 10_000 * 10;
    }
}

fn push_hex(out: &mut Vec<u8>, value: u16) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[usize::from(value >> shift & 0xf)]);
    }
}
