//! A form: everything of a bill's PDF that is the same for its shape, ready as bytes, and what to
//! write for each bill in between.

use std::{io::Write, sync::Arc};

use crate::{
    ComposeError,
    forms::{glyphs::Glyphs, leaves::Leaves},
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
    pub(crate) tail: String,
    /// Whether it is written as `lean.rs` does, and not as the exporter.
    pub(crate) is_lean: bool,
    pub(crate) parts: Vec<Part>,
    pub(crate) width_max: f64,
}

/// A piece of page content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Piece {
    Constant(Vec<u8>),
    Slot(Box<Slot>),
    Number(Coordinate),
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
    /// What each page's stream shows, as the exporter writes it: what is proven.
    #[serde(skip)]
    pub(crate) exact: Vec<Vec<Piece>>,
    /// Number, dictionary and content of each page's stream, as `lean.rs` writes it.
    pub(crate) pages: Vec<(u32, Vec<u8>, Vec<Piece>)>,
    pub(crate) xmp: (u32, Vec<u8>, Vec<XmpPiece>),
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
    ) -> Result<Result<UnsealedPdf, Misfit>, ComposeError> {
        match self.filled(leaves, id, additions) {
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
    ) -> Result<UnsealedPdf, Failed> {
        let mut file = self.file.clone();
        let mut content = Vec::with_capacity(48 * 1024);
        for (number, dict, pieces) in &self.pages {
            content.clear();
            self.page(pieces, leaves, &mut content)?;
            file.stream(*number, dict, &deflate(&content, QUICK)?);
        }
        for (number, dict, width, leaf) in &self.codes {
            let packed = packed(leaves.pixels(*leaf)?, *width);
            file.stream(*number, dict, &deflate(&packed, QUICK)?);
        }
        let [document, instance] = ["document", "instance"].map(|kind| {
            let hash = typst::utils::hash128(&(kind, id));
            format!("{hash:032x}")
        });
        let (number, dict, pieces) = &self.xmp;
        let moment = xmp_date(additions.issued_at);
        let xmp = xmp(pieces, leaves, [&document, &instance, &moment])?;
        file.stream(*number, dict, &deflate(xmp.as_bytes(), QUICK)?);
        let twin = embedded(additions.twin, additions.issued_at, QUICK)?;
        let dict = twin.dict.written(&Numbers::new());
        file.stream(self.twin, &dict, &twin.content);
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

    /// The content of a page.
    pub(crate) fn page(
        &self,
        pieces: &[Piece],
        leaves: &Leaves,
        out: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        for piece in pieces {
            match piece {
                Piece::Constant(bytes) => out.extend_from_slice(bytes),
                Piece::Slot(slot) => self.slot(slot, leaves, out)?,
                Piece::Number(number) => push_number(out, number.of(leaves)?),
            }
        }
        Ok(())
    }

    fn slot(&self, slot: &Slot, leaves: &Leaves, out: &mut Vec<u8>) -> Result<(), Misfit> {
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
        let kern = |at: usize| -> Option<f64> {
            let (left, right) = (places.get(at.checked_sub(1)?)?, places.get(at)?);
            let kerning = font.glyphs.kerning(*left, *right);
            (kerning != 0.0).then_some(-kerning)
        };
        let mut width = 0.0;
        for (at, place) in places.iter().enumerate() {
            width += font.glyphs.advance(*place) - kern(at).unwrap_or(0.0);
        }
        let width = width / 1000.0 * slot.size;
        if width > slot.width_max + WIDTH_TOLERANCE {
            return Err(Misfit::Width);
        }
        push_number(out, slot.anchor - slot.before * width);
        out.push(b' ');
        push_number(out, slot.y.of(leaves)?);
        if slot.is_lean {
            out.extend_from_slice(b" Td");
            push_shown(out, &cids, kern);
        } else {
            out.extend_from_slice(b" cm");
            out.extend_from_slice(slot.style.as_bytes());
            push_shown_plainly(out, &cids, kern);
        }
        out.extend_from_slice(slot.tail.as_bytes());
        Ok(())
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
) -> Result<String, Misfit> {
    let mut out = String::with_capacity(5_000);
    for piece in pieces {
        match piece {
            XmpPiece::Constant(text) => out.push_str(text),
            XmpPiece::DocumentId => out.push_str(document),
            XmpPiece::InstanceId => out.push_str(instance),
            XmpPiece::Moment => out.push_str(moment),
            XmpPiece::Leaf(leaf) => {
                for character in Part::Leaf(*leaf).text(leaves)?.chars() {
                    match character {
                        '&' => out.push_str("&amp;"),
                        '<' => out.push_str("&lt;"),
                        '>' => out.push_str("&gt;"),
                        other => out.push(other),
                    }
                }
            }
        }
    }
    Ok(out)
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
    for (at, cid) in cids.iter().enumerate() {
        if let Some(correction) = kern(at) {
            out.push(b')');
            // A hundredth of a thousandth of the size is far below what anything can show.
            push_number(out, (correction * 100.0).round() / 100.0);
            out.push(b'(');
        }
        push_escaped(out, *cid);
    }
    out.extend_from_slice(b")]TJ ");
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

fn push_hex(out: &mut Vec<u8>, value: u16) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[usize::from(value >> shift & 0xf)]);
    }
}
