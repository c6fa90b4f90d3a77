//! Writes a PDF small: every object that is no stream goes into one compressed object stream, under a
//! cross-reference stream (ISO 32000-2, 7.5.7 and 7.5.8). Only the signature dictionary stands in the
//! open, since the seal is written into it.

use std::{cell::RefCell, io::Write, ops::Range};

use kvit_billing::{SealSlot, UnsealedPdf};
use kvit_pdf::{Dict, Document, Id, Numbers, Object, Stream};
use libdeflater::{CompressionLvl, Compressor};
use serde::{Deserialize, Serialize};

use crate::{
    ComposeError,
    stream::{Sink, packed},
};

/// Bytes of an entry of the cross-reference stream: kind, place, place within.
const XREF_COLUMNS: usize = 7;
/// Four bytes above 127 in a comment: the file is not text (ISO 19005-3, 6.1.2).
const HEADER: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
/// Room for `[0 a b c]` with files of up to 99,999,999 bytes; well-formed before the seal too.
const BYTE_RANGE: &str = "[0 0 0 0]                     ";
const SIGNING_TIME: &str = "(D:19700101000000Z)";

/// The document with an open signature dictionary for the object `signature`.
pub(crate) fn unsealed(
    document: &Document,
    signature: Id,
    contents_reserve: usize,
) -> Result<UnsealedPdf, ComposeError> {
    let numbers = numbers(document, signature);
    let mut file = File::new();
    let mut packed = Vec::new();
    for (id, object) in &document.objects {
        let Some(&number) = numbers.get(id).filter(|_| *id != signature) else {
            continue;
        };
        match object {
            // PDF/A-1 alone wants this packet uncompressed.
            Object::Stream(stream) if is_plain_xmp(stream) => {
                let dict = xmp_dictionary(stream, &numbers);
                file.stream(number, &dict, &deflate(&stream.content, GOOD)?);
            }
            Object::Stream(stream) => {
                let dict = stream.dict.written(&numbers);
                file.stream(number, &dict, &stream.content);
            }
            Object::Value(value) => packed.push((number, value.written(&numbers))),
        }
    }
    let next = u32::try_from(numbers.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    file.pack(next, &packed, GOOD)?;
    let signature = numbers.get(&signature).copied().unwrap_or_default();
    let slot = file.signature(signature, contents_reserve);
    file.finish(next + 1, &trailer(&document.trailer, &numbers), GOOD)?;
    Ok(UnsealedPdf {
        bytes: file.bytes,
        beginning: None,
        slot,
        no_form: None,
    })
}

/// New numbers from 1: streams first, then what can be packed, the signature last.
pub(crate) fn numbers(document: &Document, signature: Id) -> Numbers {
    let is_stream = |id: &Id| matches!(document.objects.get(id), Some(Object::Stream(_)));
    let ids = document
        .objects
        .keys()
        .copied()
        .filter(|id| *id != signature);
    let (streams, packed): (Vec<_>, Vec<_>) = ids.partition(is_stream);
    let ordered = streams.into_iter().chain(packed).chain([signature]);
    ordered.zip(1..).collect()
}

/// The dictionary of the XMP packet, which is going to be compressed.
pub(crate) fn xmp_dictionary(stream: &Stream, numbers: &Numbers) -> Vec<u8> {
    let mut dict = stream.dict.clone();
    dict.set("Filter", "FlateDecode");
    dict.written(numbers)
}

fn is_plain_xmp(stream: &Stream) -> bool {
    stream.dict.name("Type") == Some(b"Metadata") && stream.dict.get("Filter").is_none()
}

/// What a trailer keeps: `/Root`, `/Info` and `/ID`, without its brackets.
pub(crate) fn trailer(trailer: &Dict, numbers: &Numbers) -> Vec<u8> {
    let mut kept = Vec::new();
    for key in ["Root", "Info", "ID"] {
        if let Some(value) = trailer.get(key) {
            kept.extend_from_slice(format!("/{key} ").as_bytes());
            kept.append(&mut value.written(numbers));
        }
    }
    kept
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Entry {
    Free,
    At(usize),
    Packed { stream: u32, index: usize },
}

/// A PDF that is being written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    /// By object number.
    entries: Vec<Entry>,
}

impl File {
    pub(crate) fn new() -> Self {
        Self {
            bytes: HEADER.to_vec(),
            entries: vec![Entry::Free],
        }
    }

    /// The same to go on with, with room for so many bytes in all.
    pub(crate) fn begun(&self, room: usize) -> Self {
        let mut bytes = Vec::with_capacity(room.max(self.bytes.len()));
        bytes.extend_from_slice(&self.bytes);
        Self {
            bytes,
            entries: self.entries.clone(),
        }
    }

    fn set(&mut self, number: u32, entry: Entry) {
        let at = number as usize;
        if self.entries.len() <= at {
            self.entries.resize(at + 1, Entry::Free);
        }
        if let Some(place) = self.entries.get_mut(at) {
            *place = entry;
        }
    }

    fn begin(&mut self, number: u32) {
        self.set(number, Entry::At(self.bytes.len()));
        self.push(format_args!("{number} 0 obj\n"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Memory takes every write.
        let _ = self.bytes.write_fmt(text);
    }

    /// Writes a stream; `dict` has its brackets but no length.
    pub(crate) fn stream(&mut self, number: u32, dict: &[u8], content: &[u8]) {
        self.begin(number);
        let open = dict.strip_suffix(b">>").unwrap_or(dict);
        self.bytes.extend_from_slice(open);
        self.push(format_args!("/Length {}>>stream\n", content.len()));
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }

    /// Writes objects into one compressed stream of the number `stream`.
    pub(crate) fn pack(
        &mut self,
        stream: u32,
        objects: &[(u32, Vec<u8>)],
        level: i32,
    ) -> Result<(), ComposeError> {
        let lengths = objects.iter().map(|(number, bytes)| (*number, bytes.len()));
        let index = index(lengths);
        let mut content = Vec::new();
        for (_, object) in objects {
            content.extend_from_slice(object);
            content.push(b'\n');
        }
        let numbers = objects.iter().map(|(number, _)| *number);
        let compressed = match level {
            BEST => packed(&[&index, &content]),
            _ => deflate(&[index.as_slice(), &content].concat(), level)?,
        };
        self.packed(stream, numbers, index.len(), &compressed);
        Ok(())
    }

    /// Writes the stream of the number `stream` with these objects in it: their [`index`], which takes `first`
    /// bytes, and each of them with a line feed behind it, as one zlib stream.
    pub(crate) fn packed(
        &mut self,
        stream: u32,
        objects: impl ExactSizeIterator<Item = u32>,
        first: usize,
        compressed: &[u8],
    ) {
        let dict = format!(
            "<</Type/ObjStm/N {}/First {first}/Filter/FlateDecode>>",
            objects.len()
        );
        for (index, number) in objects.enumerate() {
            self.set(number, Entry::Packed { stream, index });
        }
        self.stream(stream, dict.as_bytes(), compressed);
    }

    /// Writes the open signature dictionary.
    pub(crate) fn signature(&mut self, number: u32, contents_reserve: usize) -> SealSlot {
        self.begin(number);
        let bytes = &mut self.bytes;
        let place = |bytes: &mut Vec<u8>, before: &str, value: &str| -> Range<usize> {
            bytes.extend_from_slice(before.as_bytes());
            let start = bytes.len();
            bytes.extend_from_slice(value.as_bytes());
            start..bytes.len()
        };
        let byte_range = place(
            bytes,
            "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange ",
            BYTE_RANGE,
        );
        let opened = place(bytes, "/Contents ", "<");
        bytes.resize(bytes.len() + 2 * contents_reserve, b'0');
        bytes.push(b'>');
        let contents = opened.start..bytes.len();
        let signing_time = place(bytes, "/M ", SIGNING_TIME);
        // No DigestMethod beside the transform (ISO 19005-3, 6.1.12).
        bytes.extend_from_slice(
            b"/Reference[<</TransformMethod/DocMDP/TransformParams<</P 1/V/1.2>>>>]>>\nendobj\n",
        );
        SealSlot {
            byte_range,
            contents,
            signing_time,
        }
    }

    /// Writes the cross-reference stream, which carries `trailer` too, and the end.
    pub(crate) fn finish(
        &mut self,
        number: u32,
        trailer: &[u8],
        level: i32,
    ) -> Result<(), ComposeError> {
        let start = self.begin_table(number);
        let mut table = Vec::with_capacity(self.entries.len() * (XREF_COLUMNS + 1));
        self.table(0, &mut table);
        self.end_table(number, trailer, start, &deflate(&table, level)?);
        Ok(())
    }

    /// The cross-reference stream of this number begins here.
    pub(crate) fn begin_table(&mut self, number: u32) -> usize {
        let start = self.bytes.len();
        self.set(number, Entry::At(start));
        start
    }

    /// Hands out the rows of the cross-reference table, each as its difference from the one above (PNG's "Up"): most
    /// differ in one byte. Known are those that do not tell a place behind so many bytes.
    pub(crate) fn table(&self, constant: usize, out: &mut dyn Sink) {
        let mut above = [0; XREF_COLUMNS];
        let mut follows_known = true;
        for entry in &self.entries {
            let (kind, first, second) = match *entry {
                Entry::Free => (0, 0, 0xffff),
                Entry::At(at) => (1, u32::try_from(at).unwrap_or(u32::MAX), 0),
                Entry::Packed { stream, index } => (2, stream, index),
            };
            let [a, b, c, d] = first.to_be_bytes();
            let [e, f] = u16::try_from(second).unwrap_or(u16::MAX).to_be_bytes();
            let row = [kind, a, b, c, d, e, f];
            let mut written = [2; XREF_COLUMNS + 1];
            for ((written, now), above) in written[1..].iter_mut().zip(row).zip(above) {
                *written = now.wrapping_sub(above);
            }
            let is_known = !matches!(entry, Entry::At(at) if *at >= constant);
            match is_known && follows_known {
                true => out.known(&written),
                false => out.fresh(&written),
            }
            follows_known = is_known;
            above = row;
        }
    }

    /// Writes the cross-reference stream that begins here, with its table as a zlib stream.
    pub(crate) fn end_table(
        &mut self,
        number: u32,
        trailer: &[u8],
        start: usize,
        compressed: &[u8],
    ) {
        let size = self.entries.len();
        let mut dict = Vec::with_capacity(trailer.len() + 128);
        let _ = write!(dict, "<</Type/XRef/Size {size}/W[1 4 2]");
        dict.extend_from_slice(trailer);
        let _ = write!(
            dict,
            "/Filter/FlateDecode/DecodeParms<</Columns {XREF_COLUMNS}/Predictor 12>>>>"
        );
        self.stream(number, &dict, compressed);
        self.push(format_args!("startxref\n{start}\n%%EOF\n"));
    }
}

/// What stands before objects in their stream: the number of each, and where it begins behind this index, for
/// objects of these numbers and lengths that a line feed follows (ISO 32000-2, 7.5.7).
pub(crate) fn index(objects: impl Iterator<Item = (u32, usize)>) -> Vec<u8> {
    let (mut index, mut at) = (Vec::with_capacity(12 * objects.size_hint().0), 0);
    for (number, length) in objects {
        let _ = write!(index, "{number} {at} ");
        at += length + 1;
    }
    index
}

/// What is compressed for every bill: higher levels take twice as long for a twentieth of the size.
pub(crate) const QUICK: i32 = 1;
/// For a bill that is laid out whole: the best level costs it a tenth of its time for a fiftieth of its size.
pub(crate) const GOOD: i32 = 9;
/// For what is written once for all bills of a form.
pub(crate) const BEST: i32 = 12;

/// Compresses for a `/FlateDecode` stream.
pub(crate) fn deflate(bytes: &[u8], level: i32) -> Result<Vec<u8>, ComposeError> {
    thread_local! {
        // To set a compressor up takes longer than to compress a small stream.
        static COMPRESSOR: RefCell<Compressor> = RefCell::new(compressor(QUICK));
    }
    let finish = |compressor: &mut Compressor| {
        let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
        let length = compressor
            .zlib_compress(bytes, &mut out)
            .map_err(|error| ComposeError::Field(error.to_string()))?;
        out.truncate(length);
        Ok(out)
    };
    match level {
        QUICK => COMPRESSOR.with_borrow_mut(finish),
        level => finish(&mut compressor(level)),
    }
}

/// Levels go from 1 to 12.
fn compressor(level: i32) -> Compressor {
    Compressor::new(CompressionLvl::new(level).unwrap_or_default())
}
