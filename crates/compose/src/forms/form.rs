//! A form: everything of a bill's PDF that is the same for its shape, ready as bytes, and what to
//! write for each bill in between.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    ComposeError,
    forms::{glyphs::Glyphs, leaves::Leaves, page::push_escaped, twins::Twins},
    pdf::{
        Additions, date,
        picture::packed,
        twin::embedded_written,
        write::{File, QUICK, deflate, index},
        xmp_date,
    },
    stream::{Plan, Sample, Sink},
};
use kvit_billing::{SealSlot, UnsealedPdf};
use kvit_pdf::{Numbers, Text, Value};
use serde::{Deserialize, Serialize};

/// Why a bill does not fit its form. It goes through Typst whole then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    /// A character that the form's fonts have not.
    #[error("{0:?} is not among the characters of forms in the weight in which a text is set")]
    Character(char),
    /// A character that is drawn otherwise behind the one before it than alone.
    #[error("{0:?} is drawn otherwise behind the character before it than alone")]
    Pair(char),
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
    /// How to compress the objects and the cross-reference table, once a bill has shown them.
    pub(crate) objects_plan: Option<Plan>,
    pub(crate) table_plan: Option<Plan>,
    pub(crate) signature: u32,
    /// The first number that is free.
    pub(crate) next: u32,
    /// `/Root` and `/Info`.
    pub(crate) trailer: Vec<u8>,
    /// How many bytes its largest bill so far had.
    #[serde(skip)]
    pub(crate) room: AtomicUsize,
    /// The bytes of `file`, for whoever goes on to seal the bill.
    #[serde(skip)]
    pub(crate) beginning: OnceLock<Arc<[u8]>>,
}

/// Bytes for `/ID` in a trailer.
const TRAILER_ID_ROOM: usize = 80;

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
        let (mut file, slot) = self.all_but_table(leaves, additions, twins)?;
        let mut trailer = Vec::with_capacity(self.trailer.len() + TRAILER_ID_ROOM);
        trailer.extend_from_slice(&self.trailer);
        trailer.extend_from_slice(b"/ID");
        let ids = ["document", "instance"].map(|kind| {
            let hash = typst::utils::hash128(&(kind, id));
            Value::from(Text::literal(hash.to_be_bytes()))
        });
        Value::Array(Vec::from(ids)).write(&mut trailer, &Numbers::new());
        let (number, start) = (self.next + 1, file.begin_table(self.next + 1));
        let mut writer = self.table_plan.as_ref().map(Plan::writer);
        let planned = writer.as_mut().and_then(|writer| {
            file.table(self.file.bytes.len(), writer);
            writer.finish()
        });
        match planned {
            Some(table) => file.end_table(number, &trailer, start, table),
            None => {
                let mut table = Vec::new();
                file.table(0, &mut table);
                file.end_table(number, &trailer, start, &deflate(&table, QUICK)?);
            }
        }
        drop(writer);
        self.room.fetch_max(file.bytes.len(), Ordering::Relaxed);
        Ok(UnsealedPdf {
            bytes: file.bytes,
            beginning: Some(Arc::clone(self.beginning())),
            slot,
            no_form: None,
        })
    }

    fn beginning(&self) -> &Arc<[u8]> {
        self.beginning
            .get_or_init(|| Arc::from(self.file.bytes.as_slice()))
    }

    fn all_but_table(
        &self,
        leaves: &Leaves,
        additions: &Additions<'_>,
        twins: &Twins,
    ) -> Result<(File, SealSlot), Failed> {
        let room = self.room.load(Ordering::Relaxed);
        let mut file = self.file.begun(room);
        for page in &self.pages {
            page.write(&mut file, |sink| self.page(&page.pieces, leaves, sink))?;
        }
        for (number, dict, width, leaf) in &self.codes {
            file.stream(*number, dict, &packed(leaves.pixels(*leaf)?, *width));
        }
        let moment = xmp_date(additions.issued_at);
        self.xmp.write(&mut file, |sink| {
            xmp(&self.xmp.pieces, leaves, &moment, sink)
        })?;
        let moment = date(additions.issued_at);
        let twin = embedded_written(additions.twin, &moment);
        twins.compressed(additions.twin, |compressed| {
            file.stream(self.twin, twin.as_bytes(), compressed);
        })?;
        let told = Told::of(&self.objects, leaves, &moment)?;
        let numbers = self.objects.iter().map(|(number, _)| *number);
        compressed(
            self.objects_plan.as_ref(),
            |sink| {
                self.show_objects(&told, sink);
                Ok(())
            },
            |zlib| file.packed(self.next, numbers, told.index.len(), zlib),
        )?;
        let slot = file.signature(self.signature, additions.contents_reserve);
        Ok((file, slot))
    }

    fn show_objects(&self, told: &Told, out: &mut dyn Sink) {
        out.fresh(&told.index);
        let mut texts = told.texts();
        for (_, pieces) in &self.objects {
            for piece in pieces {
                match piece {
                    ObjectPiece::Constant(bytes) => out.known(bytes),
                    ObjectPiece::Moment | ObjectPiece::Text(_) => {
                        out.fresh(texts.next().unwrap_or_default());
                    }
                }
            }
            out.known(b"\n");
        }
    }

    /// Plans how to compress the streams, with a bill to learn from. One that does not fit teaches nothing.
    pub(crate) fn plan(&mut self, leaves: &Leaves, additions: &Additions<'_>) {
        let mut plans = Vec::with_capacity(self.pages.len());
        for page in &self.pages {
            plans.push(planned(|sink| self.page(&page.pieces, leaves, sink)));
        }
        for (page, plan) in self.pages.iter_mut().zip(plans) {
            page.plan = plan;
        }
        let moment = xmp_date(additions.issued_at);
        self.xmp.plan = planned(|sink| xmp(&self.xmp.pieces, leaves, &moment, sink));
        let told = Told::of(&self.objects, leaves, &date(additions.issued_at));
        self.objects_plan = told.ok().and_then(|told| {
            planned(|sink| {
                self.show_objects(&told, sink);
                Ok(())
            })
        });
        let shown = self.all_but_table(leaves, additions, &Twins::default());
        self.table_plan = shown.ok().and_then(|(mut file, _)| {
            file.begin_table(self.next + 1);
            planned(|sink| {
                file.table(self.file.bytes.len(), sink);
                Ok(())
            })
        });
    }
}

/// The plan for what `show` shows.
fn planned(show: impl FnOnce(&mut Sample) -> Result<(), Misfit>) -> Option<Plan> {
    let mut sample = Sample::default();
    show(&mut sample).ok()?;
    sample.plan()
}

/// Hands out what `show` shows as a zlib stream: compressed as planned, or without a plan where there is none
/// for it.
fn compressed(
    plan: Option<&Plan>,
    show: impl Fn(&mut dyn Sink) -> Result<(), Misfit>,
    out: impl FnOnce(&[u8]),
) -> Result<(), Failed> {
    if let Some(plan) = plan {
        let mut writer = plan.writer();
        show(&mut writer)?;
        if let Some(zlib) = writer.finish() {
            out(zlib);
            return Ok(());
        }
    }
    let mut content = Vec::with_capacity(32 * 1024);
    show(&mut content)?;
    out(&deflate(&content, QUICK)?);
    Ok(())
}

/// What a bill tells in the objects outside its pages.
struct Told {
    /// Of the objects in their stream.
    index: Vec<u8>,
    /// All that differs, as it is written, one after the other.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Told {
    fn of(
        objects: &[(u32, Vec<ObjectPiece>)],
        leaves: &Leaves,
        moment: &str,
    ) -> Result<Self, Misfit> {
        let (mut bytes, mut ends) = (Vec::with_capacity(4 * 1024), Vec::with_capacity(256));
        let mut lengths = Vec::with_capacity(objects.len());
        for (number, pieces) in objects {
            let (before, mut constant) = (bytes.len(), 0);
            for piece in pieces {
                match piece {
                    ObjectPiece::Constant(bytes) => {
                        constant += bytes.len();
                        continue;
                    }
                    ObjectPiece::Moment => bytes.extend_from_slice(moment.as_bytes()),
                    ObjectPiece::Text(parts) => push_text(&mut bytes, parts, leaves)?,
                }
                ends.push(bytes.len());
            }
            lengths.push((*number, constant + bytes.len() - before));
        }
        Ok(Self {
            index: index(lengths.into_iter()),
            bytes,
            ends,
        })
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        let both = begins.zip(&self.ends);
        both.map(|(from, to)| self.bytes.get(*from..*to).unwrap_or_default())
    }
}

/// A text string in UTF-16.
fn push_text(out: &mut Vec<u8>, parts: &[Part], leaves: &Leaves) -> Result<(), Misfit> {
    out.extend_from_slice(b"(\xfe\xff");
    for part in parts {
        for unit in part.text(leaves)?.encode_utf16() {
            push_escaped(out, unit);
        }
    }
    out.push(b')');
    Ok(())
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

    fn write(
        &self,
        file: &mut File,
        show: impl Fn(&mut dyn Sink) -> Result<(), Misfit>,
    ) -> Result<(), Failed> {
        compressed(self.plan.as_ref(), show, |zlib| {
            file.stream(self.number, &self.dict, zlib);
        })
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
    moment: &str,
    out: &mut dyn Sink,
) -> Result<(), Misfit> {
    for piece in pieces {
        match piece {
            XmpPiece::Constant(text) => out.known(text.as_bytes()),
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
