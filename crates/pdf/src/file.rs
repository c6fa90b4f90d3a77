//! A file's objects, found by its cross-reference (ISO 32000-2, 7.5).

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
};

use crate::{
    Damage, Dict, Id, Value,
    decode::decode,
    reader::{Budget, Reader},
    xref::Entry,
};

/// Values that are read of one file; 16 bytes of text count like one.
const VALUES_MAX: usize = 1_000_000;
/// Revisions of a file, each with its own cross-reference.
const SECTIONS_MAX: usize = 64;
/// What all streams of one file may unpack to, in bytes.
const UNPACKED_BYTES_MAX: usize = 32 << 20;
/// References that lead to references.
const HOPS_MAX: usize = 8;
/// Where the last `startxref` may begin, counted from the file's end in bytes.
const TAIL_BYTES: usize = 2048;

/// A PDF, opened by its cross-reference. Objects are read when they are asked for.
#[derive(Debug)]
pub struct File<'a> {
    bytes: &'a [u8],
    budget: Budget,
    unpack_left: Cell<usize>,
    pub(crate) entries: HashMap<Id, Entry>,
    trailer: Dict,
    packed: RefCell<HashMap<Id, Rc<Packed>>>,
}

/// An object stream (7.5.7): its objects by position.
#[derive(Debug)]
struct Packed {
    bytes: Vec<u8>,
    places: Vec<(Id, usize)>,
}

/// An object where it lies, and the packed bytes behind it where it is a stream.
pub(crate) type Found<'a> = (Value, Option<&'a [u8]>);

impl<'a> File<'a> {
    /// Reads the cross-reference of all revisions.
    ///
    /// # Errors
    /// Where it is broken, or too long to be meant well.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Damage> {
        Self::open_within(bytes, VALUES_MAX)
    }

    /// As [`File::open`], with another limit on the values that are read.
    pub(crate) fn open_within(bytes: &'a [u8], values_max: usize) -> Result<Self, Damage> {
        if !bytes.starts_with(b"%PDF-") {
            return Err(Damage::new(0, "this is not a PDF"));
        }
        let mut file = Self {
            bytes,
            budget: Budget::new(values_max),
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
    #[must_use]
    pub const fn trailer(&self) -> &Dict {
        &self.trailer
    }

    /// Follows references until there is a value; a missing object is null (7.3.10), a stream its dictionary.
    ///
    /// # Errors
    /// Where an object is broken, or references lead in circles.
    pub fn resolve(&self, value: &Value) -> Result<Value, Damage> {
        let mut value = value.clone();
        for _ in 0..HOPS_MAX {
            match value {
                Value::Reference(id) => value = self.object(id)?,
                other => return Ok(other),
            }
        }
        Err(Damage::new(0, "a reference leads in circles"))
    }

    /// The dictionary under a key, or `None` where there is nothing.
    ///
    /// # Errors
    /// Where there is something else.
    pub fn dict(&self, parent: &Dict, key: &str) -> Result<Option<Dict>, Damage> {
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
    ///
    /// # Errors
    /// Where there is something else.
    pub fn array(&self, parent: &Dict, key: &str) -> Result<Vec<Value>, Damage> {
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
    #[must_use]
    pub fn lies_open(&self, id: Id) -> bool {
        matches!(self.entries.get(&id), Some(Entry::Offset(_)))
    }

    /// The numbers of all objects, in no order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        let used = |entry: &Entry| !matches!(entry, Entry::Free);
        let entries = self.entries.iter().filter(move |(_, entry)| used(entry));
        entries.map(|(id, _)| *id)
    }

    /// An object with the bytes of its stream.
    pub(crate) fn whole(&self, id: Id) -> Result<Found<'a>, Damage> {
        match self.entries.get(&id) {
            Some(Entry::Offset(at)) => {
                let (value, mut reader) = self.begin(id, *at)?;
                let Value::Dict(dict) = &value else {
                    return Ok((value, None));
                };
                let raw = match reader.keyword("stream") {
                    true => Some(self.raw(dict, reader.at)?),
                    false => None,
                };
                Ok((value, raw))
            }
            _ => Ok((self.object(id)?, None)),
        }
    }

    fn object(&self, id: Id) -> Result<Value, Damage> {
        match self.entries.get(&id) {
            None | Some(Entry::Free) => Ok(Value::Null),
            Some(Entry::Offset(at)) => Ok(self.begin(id, *at)?.0),
            Some(Entry::Packed { stream, index }) => {
                let packed = self.packed(*stream)?;
                match packed.places.get(*index) {
                    Some((found, at)) if *found == id => {
                        Reader::new(&packed.bytes, *at, &self.budget).value()
                    }
                    _ => Err(Damage::new(0, "an object stream lacks an object")),
                }
            }
        }
    }

    /// The object at a place, and a reader behind its value.
    fn begin(&self, id: Id, at: usize) -> Result<(Value, Reader<'a>), Damage> {
        let mut reader = self.reader(at);
        if reader.object_header()? != id {
            return Err(Damage::new(
                at,
                "another object lies where one was expected",
            ));
        }
        Ok((reader.value()?, reader))
    }

    fn packed(&self, id: Id) -> Result<Rc<Packed>, Damage> {
        if let Some(packed) = self.packed.borrow().get(&id) {
            return Ok(Rc::clone(packed));
        }
        let Some(Entry::Offset(at)) = self.entries.get(&id).copied() else {
            return Err(Damage::new(0, "an object stream is missing"));
        };
        let (dict, bytes) = self.stream(at)?;
        let count = |key: &str| usize::try_from(dict.integer(key).unwrap_or(-1));
        let (Ok(count), Ok(first)) = (count("N"), count("First")) else {
            return Err(Damage::new(at, "an object stream is broken"));
        };
        let mut reader = Reader::new(&bytes, 0, &self.budget);
        let mut places = Vec::new();
        for _ in 0..count {
            let number = u32::try_from(reader.unsigned()?);
            let place = usize::try_from(reader.unsigned()?).map(|place| place.checked_add(first));
            let (Ok(number), Ok(Some(place))) = (number, place) else {
                return Err(Damage::new(at, "an object stream is broken"));
            };
            places.push((Id(number), place));
        }
        let packed = Rc::new(Packed { bytes, places });
        self.packed.borrow_mut().insert(id, Rc::clone(&packed));
        Ok(packed)
    }

    /// The stream object at a place: its dictionary and its unpacked bytes.
    pub(crate) fn stream(&self, at: usize) -> Result<(Dict, Vec<u8>), Damage> {
        let mut reader = self.reader(at);
        reader.object_header()?;
        let Value::Dict(dict) = reader.value()? else {
            return Err(Damage::new(at, "a stream was expected"));
        };
        if !reader.keyword("stream") {
            return Err(Damage::new(at, "a stream was expected"));
        }
        let raw = self.raw(&dict, reader.at)?;
        let left = self.unpack_left.get();
        let plain = decode(&dict, raw, at, left)?;
        self.unpack_left.set(left - plain.len());
        Ok((dict, plain))
    }

    /// The packed bytes behind the keyword `stream`, which ends at a place (7.3.8.1).
    fn raw(&self, dict: &Dict, at: usize) -> Result<&'a [u8], Damage> {
        let start = match self.bytes.get(at..).unwrap_or_default() {
            [b'\r', b'\n', ..] => at + 2,
            [b'\n', ..] => at + 1,
            _ => return Err(Damage::new(at, "a stream does not begin")),
        };
        let length = match dict.get("Length") {
            Some(Value::Integer(length)) => Some(*length),
            Some(Value::Reference(id)) => self.length(*id)?,
            _ => None,
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        let raw = length.and_then(|length| self.bytes.get(start..start.checked_add(length)?));
        raw.ok_or(Damage::new(at, "a stream's length is wrong"))
    }

    /// A stream's length that is an object of its own. It has to lie open: one inside of an object stream
    /// could be inside of the very stream that it measures, and reading would never end.
    fn length(&self, id: Id) -> Result<Option<i64>, Damage> {
        match self.entries.get(&id) {
            Some(Entry::Offset(at)) => Ok(self.begin(id, *at)?.0.as_integer()),
            _ => Ok(None),
        }
    }

    pub(crate) fn reader(&self, at: usize) -> Reader<'a> {
        Reader::new(self.bytes, at, &self.budget)
    }
}
