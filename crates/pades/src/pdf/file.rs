//! The cross-reference (ISO 32000-2, 7.5.4 and 7.5.8) and the objects that it leads to.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{Damage, Dict, Value, stream, value::Reader};

/// Values that one verification may read; 16 bytes of text count like one.
const VALUES_MAX: usize = 1_000_000;
/// Revisions of a file, each with its own cross-reference.
const SECTIONS_MAX: usize = 64;
/// What all streams of one file may unpack to, in bytes.
const UNPACKED_BYTES_MAX: usize = 32 << 20;
/// References that lead to references.
const HOPS_MAX: usize = 8;
/// Where the last `startxref` may begin, counted from the file's end in bytes.
const TAIL_BYTES: usize = 2048;

#[derive(Clone, Copy, Debug)]
enum Entry {
    Free,
    Offset(usize),
    Packed { stream: u32, index: usize },
}

/// A PDF, opened by its cross-reference.
pub(crate) struct File<'a> {
    bytes: &'a [u8],
    budget: &'a Cell<usize>,
    unpack_left: Cell<usize>,
    entries: HashMap<u32, Entry>,
    trailer: Dict,
    packed: RefCell<HashMap<u32, Rc<Packed>>>,
}

/// An object stream: its objects by position.
struct Packed {
    bytes: Vec<u8>,
    places: Vec<(u32, usize)>,
}

impl<'a> File<'a> {
    /// A fresh allowance for [`File::open`].
    pub(crate) const fn budget() -> Cell<usize> {
        Cell::new(VALUES_MAX)
    }

    pub(crate) fn open(bytes: &'a [u8], budget: &'a Cell<usize>) -> Result<Self, Damage> {
        if !bytes.starts_with(b"%PDF-") {
            return Err(Damage::new(0, "this is not a PDF"));
        }
        let mut file = Self {
            bytes,
            budget,
            unpack_left: Cell::new(UNPACKED_BYTES_MAX),
            entries: HashMap::new(),
            trailer: Dict::default(),
            packed: RefCell::default(),
        };
        let tail = bytes.len().saturating_sub(TAIL_BYTES);
        let last = bytes[tail..]
            .windows(9)
            .rposition(|window| window == b"startxref");
        let Some(last) = last else {
            return Err(Damage::new(bytes.len(), "the file's end is missing"));
        };
        let mut next = Some(file.reader(tail + last + 9).unsigned()?);
        let mut seen = HashSet::new();
        while let Some(offset) = next {
            let at = usize::try_from(offset).unwrap_or(usize::MAX);
            if at >= bytes.len() || !seen.insert(at) || seen.len() > SECTIONS_MAX {
                return Err(Damage::new(bytes.len(), "the cross-reference leads astray"));
            }
            let trailer = file.section(at)?;
            next = trailer
                .integer("Prev")
                .and_then(|prev| u64::try_from(prev).ok());
            if seen.len() == 1 {
                file.trailer = trailer;
            }
        }
        Ok(file)
    }

    /// The trailer of the newest revision.
    pub(crate) const fn trailer(&self) -> &Dict {
        &self.trailer
    }

    /// Follows references until there is a value; a missing object is null (7.3.10).
    pub(crate) fn resolve(&self, value: &Value) -> Result<Value, Damage> {
        let mut value = value.clone();
        for _ in 0..HOPS_MAX {
            match value {
                Value::Reference(number) => value = self.object(number)?,
                other => return Ok(other),
            }
        }
        Err(Damage::new(0, "a reference leads in circles"))
    }

    /// The dictionary under a key, or `None` where there is nothing.
    pub(crate) fn dict(&self, parent: &Dict, key: &str) -> Result<Option<Dict>, Damage> {
        match parent
            .get(key)
            .map(|value| self.resolve(value))
            .transpose()?
        {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Dict(dict)) => Ok(Some(dict)),
            Some(_) => Err(Damage::new(0, "a dictionary was expected")),
        }
    }

    /// The array under a key; empty where there is nothing.
    pub(crate) fn array(&self, parent: &Dict, key: &str) -> Result<Vec<Value>, Damage> {
        match parent
            .get(key)
            .map(|value| self.resolve(value))
            .transpose()?
        {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Damage::new(0, "an array was expected")),
        }
    }

    /// Whether an object lies openly in the file, so that the places of its strings are places of the
    /// file.
    pub(crate) fn lies_open(&self, number: u32) -> bool {
        matches!(self.entries.get(&number), Some(Entry::Offset(_)))
    }

    fn object(&self, number: u32) -> Result<Value, Damage> {
        match self.entries.get(&number) {
            None | Some(Entry::Free) => Ok(Value::Null),
            Some(Entry::Offset(at)) => {
                let mut reader = self.reader(*at);
                if reader.object_header()? != number {
                    return Err(Damage::new(
                        *at,
                        "another object lies where one was expected",
                    ));
                }
                reader.value()
            }
            Some(Entry::Packed { stream, index }) => {
                let packed = self.packed(*stream)?;
                match packed.places.get(*index) {
                    Some((found, at)) if *found == number => {
                        Reader::new(&packed.bytes, *at, self.budget).value()
                    }
                    _ => Err(Damage::new(0, "an object stream lacks an object")),
                }
            }
        }
    }

    fn packed(&self, number: u32) -> Result<Rc<Packed>, Damage> {
        if let Some(packed) = self.packed.borrow().get(&number) {
            return Ok(Rc::clone(packed));
        }
        let Some(Entry::Offset(at)) = self.entries.get(&number).copied() else {
            return Err(Damage::new(0, "an object stream is missing"));
        };
        let (dict, bytes) = self.stream(at)?;
        let count = |key: &str| usize::try_from(dict.integer(key).unwrap_or(-1));
        let (Ok(count), Ok(first)) = (count("N"), count("First")) else {
            return Err(Damage::new(at, "an object stream is broken"));
        };
        let mut reader = Reader::new(&bytes, 0, self.budget);
        let mut places = Vec::new();
        for _ in 0..count {
            let number = u32::try_from(reader.unsigned()?);
            let place = usize::try_from(reader.unsigned()?).map(|place| place.checked_add(first));
            let (Ok(number), Ok(Some(place))) = (number, place) else {
                return Err(Damage::new(at, "an object stream is broken"));
            };
            places.push((number, place));
        }
        let packed = Rc::new(Packed { bytes, places });
        self.packed.borrow_mut().insert(number, Rc::clone(&packed));
        Ok(packed)
    }

    /// The stream object at a place: its dictionary and its unpacked bytes.
    fn stream(&self, at: usize) -> Result<(Dict, Vec<u8>), Damage> {
        let mut reader = self.reader(at);
        reader.object_header()?;
        let Value::Dict(dict) = reader.value()? else {
            return Err(Damage::new(at, "a stream was expected"));
        };
        if !reader.keyword("stream") {
            return Err(Damage::new(at, "a stream was expected"));
        }
        let rest = self.bytes.get(reader.at..).unwrap_or_default();
        let start = match rest {
            [b'\r', b'\n', ..] => reader.at + 2,
            [b'\n', ..] => reader.at + 1,
            _ => return Err(Damage::new(reader.at, "a stream does not begin")),
        };
        let length = dict
            .get("Length")
            .map(|length| self.resolve(length))
            .transpose()?;
        let raw = match length {
            Some(Value::Integer(length)) => usize::try_from(length)
                .ok()
                .and_then(|length| self.bytes.get(start..start.checked_add(length)?)),
            _ => None,
        };
        let Some(raw) = raw else {
            return Err(Damage::new(at, "a stream's length is wrong"));
        };
        let left = self.unpack_left.get();
        let plain = stream::decode(&dict, raw, at, left)?;
        self.unpack_left.set(left - plain.len());
        Ok((dict, plain))
    }

    fn section(&mut self, at: usize) -> Result<Dict, Damage> {
        let mut reader = self.reader(at);
        if !reader.keyword("xref") {
            return self.stream_section(at);
        }
        while !reader.keyword("trailer") {
            let first = reader.unsigned()?;
            let count = reader.unsigned()?;
            for step in 0..count {
                let offset = usize::try_from(reader.unsigned()?).unwrap_or(usize::MAX);
                reader.unsigned()?;
                let entry = if reader.keyword("n") {
                    Entry::Offset(offset)
                } else if reader.keyword("f") {
                    Entry::Free
                } else {
                    return Err(Damage::new(reader.at, "the cross-reference is broken"));
                };
                // The newest revision comes first and wins.
                let number = first.checked_add(step).and_then(|n| u32::try_from(n).ok());
                let number = number.ok_or(Damage::new(at, "the cross-reference is broken"))?;
                self.entries.entry(number).or_insert(entry);
            }
        }
        let Value::Dict(trailer) = reader.value()? else {
            return Err(Damage::new(reader.at, "the trailer is missing"));
        };
        if let Some(hybrid) = trailer.integer("XRefStm") {
            self.stream_section(usize::try_from(hybrid).unwrap_or(usize::MAX))?;
        }
        Ok(trailer)
    }

    fn stream_section(&mut self, at: usize) -> Result<Dict, Damage> {
        let broken = Damage::new(at, "the cross-reference is broken");
        let (dict, rows) = self.stream(at)?;
        if dict.name("Type") != Some(b"XRef") {
            return Err(broken);
        }
        let widths = numbers(dict.get("W")).ok_or(broken)?;
        let [kind, second, third] = widths[..] else {
            return Err(broken);
        };
        let width = kind + second + third;
        if width == 0 || widths.iter().any(|width| *width > 8) {
            return Err(broken);
        }
        let index = match dict.get("Index") {
            Some(index) => numbers(Some(index)).ok_or(broken)?,
            None => {
                let size = dict
                    .integer("Size")
                    .and_then(|size| usize::try_from(size).ok());
                vec![0, size.ok_or(broken)?]
            }
        };
        let mut rows = rows.chunks_exact(width);
        for range in index.chunks(2) {
            let [first, count] = *range else {
                return Err(broken);
            };
            for step in 0..count {
                let row = rows.next().ok_or(broken)?;
                let entry = entry(row, kind, second).ok_or(broken)?;
                let number = first.checked_add(step).and_then(|n| u32::try_from(n).ok());
                self.entries.entry(number.ok_or(broken)?).or_insert(entry);
            }
        }
        Ok(dict)
    }

    fn reader(&self, at: usize) -> Reader<'a> {
        Reader::new(self.bytes, at, self.budget)
    }
}

/// One row of a cross-reference stream (7.5.8.3).
fn entry(row: &[u8], kind: usize, second: usize) -> Option<Entry> {
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (kind_bytes, rest) = row.split_at(kind);
    let (second, third) = rest.split_at(second);
    // Without a type field, every entry is in use.
    let kind = if kind == 0 { 1 } else { number(kind_bytes) };
    Some(match kind {
        0 => Entry::Free,
        1 => Entry::Offset(usize::try_from(number(second)).ok()?),
        2 => Entry::Packed {
            stream: u32::try_from(number(second)).ok()?,
            index: usize::try_from(number(third)).ok()?,
        },
        _ => return None,
    })
}

fn numbers(value: Option<&Value>) -> Option<Vec<usize>> {
    let Some(Value::Array(items)) = value else {
        return None;
    };
    items
        .iter()
        .map(|item| match item {
            Value::Integer(number) => usize::try_from(*number).ok(),
            _ => None,
        })
        .collect()
}
