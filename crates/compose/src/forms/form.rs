//! A form: everything of a bill's PDF that is the same for its shape, ready as bytes, and what to
//! write for each bill in between.

use std::{fmt::Write, sync::Arc};

use flate2::Compression;
use kvit_billing::UnsealedPdf;
use crate::{
    ComposeError,
    forms::{glyphs::Glyphs, leaves::Leaves},
    pdf::write::{File, deflate},
};

/// Page content is compressed for every bill: the cheapest level, which costs a tenth in size.
const FILL_LEVEL: Compression = Compression::new(1);
/// A text may be so much wider than the widest that was proven to fit, in points: rounding only.
const WIDTH_TOLERANCE: f64 = 0.02;

/// Why a bill does not fit its form. It goes through Typst whole then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// A character that the form's fonts have not.
    Character,
    /// A text wider than any that was proven to fit.
    Width,
    /// Something drawn that has no extent, which the exporter leaves out.
    Empty,
    /// A leaf of another kind than the form expects.
    Kind,
}

/// One font of a form: how its text is shaped, and the numbers of its glyphs in the file.
#[derive(Debug)]
pub(crate) struct FormFont {
    pub(crate) glyphs: Arc<Glyphs>,
    /// By place in the alphabet.
    pub(crate) cids: Vec<u16>,
}

/// A text with leaves in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Words(String),
    Leaf(usize),
}

/// A coordinate that may follow a share, or the difference of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Coordinate {
    pub(crate) at: f64,
    pub(crate) slope: f64,
    pub(crate) share: Option<usize>,
    pub(crate) minus: Option<usize>,
}

/// A run of text that differs from bill to bill.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) font: usize,
    pub(crate) size: f64,
    /// Where the text is held: its left end, its middle or its right end.
    pub(crate) anchor: f64,
    /// How much of its width lies left of the anchor.
    pub(crate) before: f64,
    pub(crate) y: Coordinate,
    pub(crate) style: String,
    pub(crate) tail: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) width_max: f64,
}

/// A piece of page content.
#[derive(Debug)]
pub(crate) enum Piece {
    Constant(String),
    Slot(Box<Slot>),
    Number(Coordinate),
    Rings(usize),
}

/// A piece of an object outside the pages.
#[derive(Debug)]
pub(crate) enum ObjectPiece {
    Constant(Vec<u8>),
    /// A text string in hexadecimal UTF-16.
    Text(Vec<Part>),
}

/// A piece of the XMP packet.
#[derive(Debug)]
pub(crate) enum XmpPiece {
    Constant(String),
    Leaf(usize),
    InstanceId,
    DocumentId,
}

/// A compiled shape.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) fonts: Vec<FormFont>,
    /// Header, constant streams and constant objects.
    pub(crate) file: File,
    /// Number, dictionary and content of each page's stream.
    pub(crate) pages: Vec<(u32, Vec<u8>, Vec<Piece>)>,
    pub(crate) xmp: (u32, Vec<u8>, Vec<XmpPiece>),
    /// Number and dictionary of the twin's stream; its size in there stands at zero.
    pub(crate) twin: (u32, Vec<u8>),
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
        twin: &[u8],
    ) -> Result<Result<UnsealedPdf, Misfit>, ComposeError> {
        match self.filled(leaves, id, twin) {
            Ok(pdf) => Ok(Ok(pdf)),
            Err(Failed::Misfit(misfit)) => Ok(Err(misfit)),
            Err(Failed::Compose(error)) => Err(error),
        }
    }

    fn filled(&self, leaves: &Leaves, id: &str, twin: &[u8]) -> Result<UnsealedPdf, Failed> {
        let mut file = self.file.clone();
        let mut content = String::with_capacity(64 * 1024);
        for (number, dict, pieces) in &self.pages {
            content.clear();
            self.page(pieces, leaves, &mut content)?;
            file.stream(*number, dict, &deflate(content.as_bytes(), FILL_LEVEL)?);
        }
        let [document, instance] = ["document", "instance"].map(|kind| {
            let hash = typst::utils::hash128(&(kind, id));
            format!("{hash:032x}")
        });
        let (number, dict, pieces) = &self.xmp;
        let xmp = xmp(pieces, leaves, &document, &instance)?;
        file.stream(*number, dict, &deflate(xmp.as_bytes(), FILL_LEVEL)?);
        let (number, dict) = &self.twin;
        let dict = String::from_utf8_lossy(dict);
        let dict = dict.replacen("/Size 0", &format!("/Size {}", twin.len()), 1);
        file.stream(*number, dict.as_bytes(), &deflate(twin, FILL_LEVEL)?);
        let mut objects = Vec::with_capacity(self.objects.len());
        for (number, pieces) in &self.objects {
            objects.push((*number, object(pieces, leaves)?));
        }
        file.pack(self.next, &objects, FILL_LEVEL)?;
        let slot = file.signature(self.signature, self.contents_reserve);
        let mut trailer = self.trailer.clone();
        trailer.extend_from_slice(format!("/ID[<{document}><{instance}>]").as_bytes());
        file.finish(self.next + 1, &trailer, FILL_LEVEL)?;
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
        out: &mut String,
    ) -> Result<(), Misfit> {
        for piece in pieces {
            match piece {
                Piece::Constant(text) => out.push_str(text),
                Piece::Slot(slot) => self.slot(slot, leaves, out)?,
                Piece::Number(number) => push_number(out, number.of(leaves)?),
                Piece::Rings(leaf) => out.push_str(leaves.rings(*leaf)?),
            }
        }
        Ok(())
    }

    fn slot(&self, slot: &Slot, leaves: &Leaves, out: &mut String) -> Result<(), Misfit> {
        let font = self.fonts.get(slot.font).ok_or(Misfit::Kind)?;
        let mut places = Vec::with_capacity(48);
        for part in &slot.parts {
            for character in part.text(leaves)?.chars() {
                places.push(font.glyphs.place(character).ok_or(Misfit::Character)?);
            }
        }
        let mut shown = String::with_capacity(places.len() * 5 + 16);
        let mut width = 0.0;
        for (at, place) in places.iter().enumerate() {
            width += font.glyphs.advance(*place);
            let cid = font.cids.get(*place).copied().ok_or(Misfit::Character)?;
            push_hex(&mut shown, cid);
            if let Some(next) = places.get(at + 1) {
                let kerning = font.glyphs.kerning(*place, *next);
                if kerning != 0.0 {
                    width += kerning;
                    shown.push('>');
                    push_number(&mut shown, -kerning);
                    shown.push('<');
                }
            }
        }
        let width = width / 1000.0 * slot.size;
        if width > slot.width_max + WIDTH_TOLERANCE {
            return Err(Misfit::Width);
        }
        push_number(out, slot.anchor - slot.before * width);
        out.push(' ');
        push_number(out, slot.y.of(leaves)?);
        out.push_str(" cm");
        out.push_str(&slot.style);
        let (open, close) = if places.len() == 1 {
            ("<", ">Tj")
        } else {
            ("[<", ">]TJ")
        };
        out.push_str(open);
        out.push_str(&shown);
        out.push_str(close);
        out.push_str(&slot.tail);
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
    document: &str,
    instance: &str,
) -> Result<String, Misfit> {
    let mut out = String::with_capacity(5_000);
    for piece in pieces {
        match piece {
            XmpPiece::Constant(text) => out.push_str(text),
            XmpPiece::DocumentId => out.push_str(document),
            XmpPiece::InstanceId => out.push_str(instance),
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

fn object(pieces: &[ObjectPiece], leaves: &Leaves) -> Result<Vec<u8>, Misfit> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            ObjectPiece::Constant(bytes) => out.extend_from_slice(bytes),
            ObjectPiece::Text(parts) => {
                let mut hex = String::from("<FEFF");
                for part in parts {
                    for unit in part.text(leaves)?.encode_utf16() {
                        push_hex(&mut hex, unit);
                    }
                }
                hex.push('>');
                out.extend_from_slice(hex.as_bytes());
            }
        }
    }
    Ok(out)
}

#[allow(clippy::cast_possible_truncation)]
fn push_number(out: &mut String, number: f64) {
    // The exporter writes single precision; a minus before zero would only be noise.
    let number = number as f32;
    let number = if number == 0.0 { 0.0 } else { number };
    let _ = write!(out, "{number}");
}

fn push_hex(out: &mut String, value: u16) {
    for shift in [12, 8, 4, 0] {
        let digit = u32::from(value >> shift & 0xf);
        let digit = char::from_digit(digit, 16).unwrap_or('0');
        out.push(digit.to_ascii_uppercase());
    }
}
