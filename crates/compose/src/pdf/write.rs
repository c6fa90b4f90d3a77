//! Writes a PDF small: every object that is no stream goes into one compressed object stream, under a
//! cross-reference stream (ISO 32000-1, 7.5.7 and 7.5.8). Only the signature dictionary stands in the
//! open, since the seal is written into it.

use std::{collections::BTreeMap, io::Write, ops::Range};

use flate2::{Compression, write::ZlibEncoder};
use kvit_billing::{SealSlot, UnsealedPdf};
use lopdf::{Dictionary, Document, Object, ObjectId, StringFormat};

use crate::ComposeError;

/// Four bytes above 127 in a comment: the file is not text (ISO 19005-3, 6.1.2).
const HEADER: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
/// Room for `[0 a b c]` with files of up to 9,999,999,999 bytes; well-formed before the seal too.
const BYTE_RANGE: &str = "[0 0 0 0]                              ";
const SIGNING_TIME: &str = "(D:19700101000000Z)";

/// The document with an open signature dictionary for the object `signature`.
pub(crate) fn unsealed(
    document: &Document,
    signature: ObjectId,
    contents_reserve: usize,
) -> Result<UnsealedPdf, ComposeError> {
    let ids: Vec<ObjectId> = document
        .objects
        .keys()
        .copied()
        .filter(|id| *id != signature)
        .collect();
    let mut file = File {
        bytes: HEADER.to_vec(),
        entries: vec![Entry::Free],
        numbers: BTreeMap::new(),
    };
    // Streams first, then what is packed; the signature, the object stream and the table come last.
    let is_stream = |id: &ObjectId| matches!(document.objects.get(id), Some(Object::Stream(_)));
    let (streams, packed): (Vec<_>, Vec<_>) = ids.into_iter().partition(is_stream);
    for id in streams.iter().chain(&packed).chain([&signature]) {
        file.number(*id);
    }
    for id in &streams {
        if let Some(Object::Stream(stream)) = document.objects.get(id) {
            file.stream(*id, &stream.dict, &stream.content);
        }
    }
    file.pack(document, &packed)?;
    let slot = file.signature(signature, contents_reserve);
    file.finish(&document.trailer)?;
    Ok(UnsealedPdf {
        bytes: file.bytes,
        slot,
    })
}

#[derive(Clone, Copy)]
enum Entry {
    Free,
    At(usize),
    Packed { stream: u32, index: u32 },
}

struct File {
    bytes: Vec<u8>,
    /// By object number.
    entries: Vec<Entry>,
    numbers: BTreeMap<ObjectId, u32>,
}

impl File {
    fn number(&mut self, id: ObjectId) {
        let number = self.next_number();
        self.numbers.insert(id, number);
        self.entries.push(Entry::Free);
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    fn begin(&mut self, number: u32) {
        let at = Entry::At(self.bytes.len());
        match self.entries.get_mut(number as usize) {
            Some(entry) => *entry = at,
            None => self.entries.push(at),
        }
        self.bytes
            .extend_from_slice(format!("{number} 0 obj\n").as_bytes());
    }

    fn stream(&mut self, id: ObjectId, dict: &Dictionary, content: &[u8]) {
        let number = self.numbers.get(&id).copied().unwrap_or_default();
        let mut head = Vec::new();
        let length = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let mut dict = dict.clone();
        dict.set("Length", length);
        write_dictionary(&mut head, &dict, &self.numbers);
        self.raw_stream(number, &head, content);
    }

    fn raw_stream(&mut self, number: u32, dict: &[u8], content: &[u8]) {
        self.begin(number);
        self.bytes.extend_from_slice(dict);
        self.bytes.extend_from_slice(b"\nstream\n");
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }

    fn pack(&mut self, document: &Document, ids: &[ObjectId]) -> Result<(), ComposeError> {
        let stream = self.next_number();
        let (mut index, mut body) = (Vec::new(), Vec::new());
        for (place, id) in ids.iter().enumerate() {
            let Some(object) = document.objects.get(id) else {
                continue;
            };
            let number = self.numbers.get(id).copied().unwrap_or_default();
            let _ = write!(index, "{number} {} ", body.len());
            write_object(&mut body, object, &self.numbers);
            body.push(b'\n');
            if let Some(entry) = self.entries.get_mut(number as usize) {
                let index = u32::try_from(place).unwrap_or(u32::MAX);
                *entry = Entry::Packed { stream, index };
            }
        }
        let first = index.len();
        index.append(&mut body);
        let packed = deflate(&index)?;
        let dict = format!(
            "<</Type/ObjStm/N {}/First {first}/Length {}/Filter/FlateDecode>>",
            ids.len(),
            packed.len()
        );
        self.raw_stream(stream, dict.as_bytes(), &packed);
        Ok(())
    }

    fn signature(&mut self, id: ObjectId, contents_reserve: usize) -> SealSlot {
        let number = self.numbers.get(&id).copied().unwrap_or_default();
        self.begin(number);
        let bytes = &mut self.bytes;
        let mut place = |before: &str, value: &str| -> Range<usize> {
            bytes.extend_from_slice(before.as_bytes());
            let start = bytes.len();
            bytes.extend_from_slice(value.as_bytes());
            start..bytes.len()
        };
        let byte_range = place(
            "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange ",
            BYTE_RANGE,
        );
        let zeros = "0".repeat(2 * contents_reserve);
        let contents = place("/Contents ", &format!("<{zeros}>"));
        let signing_time = place("/M ", SIGNING_TIME);
        // No DigestMethod beside the transform (ISO 19005-3, 6.1.12).
        place(
            "/Reference[<</Type/SigRef/TransformMethod/DocMDP\
             /TransformParams<</Type/TransformParams/P 1/V/1.2>>>>]>>\nendobj\n",
            "",
        );
        SealSlot {
            byte_range,
            contents,
            signing_time,
        }
    }

    fn finish(&mut self, trailer: &Dictionary) -> Result<(), ComposeError> {
        let start = self.bytes.len();
        let number = self.next_number();
        self.entries.push(Entry::At(start));
        let mut table = Vec::with_capacity(self.entries.len() * 7);
        for entry in &self.entries {
            let (kind, first, second) = match *entry {
                Entry::Free => (0, 0, 0xffff),
                Entry::At(at) => (1, u32::try_from(at).unwrap_or(u32::MAX), 0),
                Entry::Packed { stream, index } => (2, stream, index),
            };
            table.push(kind);
            table.extend_from_slice(&first.to_be_bytes());
            table.extend_from_slice(&u16::try_from(second).unwrap_or(u16::MAX).to_be_bytes());
        }
        let packed = deflate(&table)?;
        let mut dict = Dictionary::new();
        dict.set("Type", "XRef");
        dict.set("Size", i64::from(number) + 1);
        dict.set("W", [1, 4, 2].map(Object::Integer).to_vec());
        for key in ["Root", "Info", "ID"] {
            if let Ok(value) = trailer.get(key.as_bytes()) {
                dict.set(key, value.clone());
            }
        }
        dict.set("Filter", "FlateDecode");
        dict.set("Length", i64::try_from(packed.len()).unwrap_or(i64::MAX));
        let mut head = Vec::new();
        write_dictionary(&mut head, &dict, &self.numbers);
        self.raw_stream(number, &head, &packed);
        self.bytes
            .extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        Ok(())
    }
}

pub(super) fn deflate(bytes: &[u8]) -> Result<Vec<u8>, ComposeError> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|error| ComposeError::Field(error.to_string()))
}

fn write_object(out: &mut Vec<u8>, object: &Object, numbers: &BTreeMap<ObjectId, u32>) {
    match object {
        Object::Null | Object::Stream(_) => out.extend_from_slice(b"null"),
        Object::Boolean(true) => out.extend_from_slice(b"true"),
        Object::Boolean(false) => out.extend_from_slice(b"false"),
        Object::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Object::Real(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Object::Name(name) => write_name(out, name),
        Object::String(bytes, format) => write_string(out, bytes, *format),
        Object::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                write_object(out, item, numbers);
            }
            out.push(b']');
        }
        Object::Dictionary(dict) => write_dictionary(out, dict, numbers),
        Object::Reference(id) => match numbers.get(id) {
            Some(number) => out.extend_from_slice(format!("{number} 0 R").as_bytes()),
            None => out.extend_from_slice(b"null"),
        },
    }
}

fn write_dictionary(out: &mut Vec<u8>, dict: &Dictionary, numbers: &BTreeMap<ObjectId, u32>) {
    out.extend_from_slice(b"<<");
    for (key, value) in dict {
        write_name(out, key);
        let delimited = matches!(
            value,
            Object::Name(_) | Object::String(..) | Object::Array(_) | Object::Dictionary(_)
        );
        if !delimited {
            out.push(b' ');
        }
        write_object(out, value, numbers);
    }
    out.extend_from_slice(b">>");
}

fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for &byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("#{byte:02X}").as_bytes());
        }
    }
}

fn write_string(out: &mut Vec<u8>, bytes: &[u8], format: StringFormat) {
    if format == StringFormat::Hexadecimal {
        out.push(b'<');
        for byte in bytes {
            out.extend_from_slice(format!("{byte:02X}").as_bytes());
        }
        out.push(b'>');
        return;
    }
    out.push(b'(');
    for &byte in bytes {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            // A bare carriage return would be read as a line feed (ISO 32000-1, 7.3.4.2).
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(byte),
        }
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_names_survive_their_delimiters() {
        let mut out = Vec::new();
        write_string(&mut out, b"a(b)\\c\r\n", StringFormat::Literal);
        write_name(&mut out, b"A B#");
        assert_eq!(out, b"(a\\(b\\)\\\\c\\r\n)/A#20B#23");
    }
}
