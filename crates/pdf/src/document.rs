//! A whole file in memory, to be changed and written anew.

use std::collections::{BTreeMap, HashSet};

use crate::{Damage, Dict, File, Id, Value, decode::decode};

/// Values that are read of a small file; of a larger one, as many as it has bytes.
const VALUES_MIN: usize = 1_000_000;
/// What one stream may unpack to, in bytes.
const PLAIN_BYTES_MAX: usize = 32 << 20;
/// References that lead to references.
const HOPS_MAX: usize = 8;

/// All objects of a file, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Object streams and cross-reference streams are not among them.
    pub objects: BTreeMap<Id, Object>,
    /// Of the newest revision.
    pub trailer: Dict,
    reserved: u32,
}

/// An indirect object (7.3.10).
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// Anything but a stream.
    Value(Value),
    /// A stream.
    Stream(Stream),
}

/// A stream (7.3.8).
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Says everything about it but its `/Length`.
    pub dict: Dict,
    /// Packed as the dictionary's `/Filter` says.
    pub content: Vec<u8>,
}

impl Stream {
    /// The unpacked content.
    ///
    /// # Errors
    /// Where it is packed in another way than Flate, or unpacks to more than 32 MiB.
    pub fn plain(&self) -> Result<Vec<u8>, Damage> {
        decode(&self.dict, &self.content, 0, PLAIN_BYTES_MAX)
    }
}

impl Document {
    /// Takes a file apart.
    ///
    /// # Errors
    /// Where it is no PDF, or any object of it is broken.
    pub fn load(bytes: &[u8]) -> Result<Self, Damage> {
        Self::load_within(bytes, bytes.len().max(VALUES_MIN))
    }

    /// As [`Document::load`], of at most so many values, for files that anybody may have made.
    ///
    /// # Errors
    /// As there, and where the file holds more.
    pub fn load_within(bytes: &[u8], values_max: usize) -> Result<Self, Damage> {
        let file = File::open_within(bytes, values_max)?;
        let mut document = Self {
            trailer: file.trailer().clone(),
            ..Self::default()
        };
        if document.trailer.get("Encrypt").is_some() {
            return Err(Damage::new(0, "the file is encrypted"));
        }
        let mut streams_left = bytes.len();
        for id in file.ids() {
            let object = match file.whole(id)? {
                (Value::Dict(dict), Some(_)) if is_structure(&dict) => continue,
                (Value::Dict(mut dict), Some(content)) => {
                    dict.remove("Length");
                    // Otherwise a small file could have its bytes copied thousands of times.
                    let left = streams_left.checked_sub(content.len());
                    streams_left = left.ok_or(Damage::new(0, "streams overlap"))?;
                    let content = content.to_vec();
                    Object::Stream(Stream { dict, content })
                }
                (value, _) => Object::Value(value),
            };
            document.reserved = document.reserved.max(id.0);
            document.objects.insert(id, object);
        }
        Ok(document)
    }

    /// A number that no object has or had.
    pub fn reserve(&mut self) -> Id {
        self.reserved = self.reserved.saturating_add(1);
        Id(self.reserved)
    }

    /// Adds an object under a new number.
    pub fn add(&mut self, object: impl Into<Object>) -> Id {
        let id = self.reserve();
        self.objects.insert(id, object.into());
        id
    }

    /// Takes out what nothing refers to any more, neither the trailer nor what it leads to.
    pub fn sweep(&mut self) {
        let (mut found, mut waiting) = (Vec::new(), Vec::new());
        references(&Value::Dict(self.trailer.clone()), &mut waiting);
        let mut seen = HashSet::new();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.objects.get(&id) {
                Some(Object::Value(value)) => references(value, &mut found),
                Some(Object::Stream(stream)) => {
                    stream
                        .dict
                        .iter()
                        .for_each(|(_, value)| references(value, &mut found));
                }
                None => {}
            }
            waiting.append(&mut found);
        }
        self.objects.retain(|id, _| seen.contains(id));
    }

    /// Follows references until there is a value, which is null where they lead nowhere or too far.
    #[must_use]
    pub fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..HOPS_MAX {
            value = match value {
                Value::Reference(id) => match self.objects.get(id) {
                    Some(Object::Value(value)) => value,
                    _ => return &Value::Null,
                },
                found => return found,
            };
        }
        &Value::Null
    }

    /// The dictionary that an object is.
    ///
    /// # Errors
    /// Where it is something else, or missing.
    pub fn dict(&self, id: Id) -> Result<&Dict, Damage> {
        match self.objects.get(&id) {
            Some(Object::Value(Value::Dict(dict))) => Ok(dict),
            _ => Err(NO_DICT),
        }
    }

    /// The dictionary that an object is, to be changed.
    ///
    /// # Errors
    /// As for [`Document::dict`].
    pub fn dict_mut(&mut self, id: Id) -> Result<&mut Dict, Damage> {
        match self.objects.get_mut(&id) {
            Some(Object::Value(Value::Dict(dict))) => Ok(dict),
            _ => Err(NO_DICT),
        }
    }

    /// The catalog (7.7.2).
    ///
    /// # Errors
    /// Where the trailer leads to none.
    pub fn catalog(&self) -> Result<&Dict, Damage> {
        self.dict(self.root()?)
    }

    /// The catalog, to be changed.
    ///
    /// # Errors
    /// As for [`Document::catalog`].
    pub fn catalog_mut(&mut self) -> Result<&mut Dict, Damage> {
        self.dict_mut(self.root()?)
    }

    fn root(&self) -> Result<Id, Damage> {
        let root = self.trailer.reference("Root");
        root.ok_or(Damage::new(0, "the catalog is missing"))
    }

    /// The pages in the order in which they are shown (7.7.3).
    ///
    /// # Errors
    /// Where the page tree is broken or leads in circles.
    pub fn pages(&self) -> Result<Vec<Id>, Damage> {
        let top = self.catalog()?.reference("Pages");
        let mut waiting = vec![top.ok_or(Damage::new(0, "the page tree is missing"))?];
        let (mut pages, mut seen) = (Vec::new(), HashSet::new());
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                return Err(Damage::new(0, "the page tree leads in circles"));
            }
            match self.dict(id)?.get("Kids").map(|kids| self.resolve(kids)) {
                Some(Value::Array(kids)) => {
                    waiting.extend(kids.iter().rev().filter_map(Value::as_reference));
                }
                _ => pages.push(id),
            }
        }
        Ok(pages)
    }
}

const NO_DICT: Damage = Damage::new(0, "a dictionary was expected");

/// Whether a stream holds the file together and says nothing itself (7.5.7 and 7.5.8).
fn is_structure(dict: &Dict) -> bool {
    matches!(dict.name("Type"), Some(b"ObjStm" | b"XRef"))
}

impl From<Dict> for Object {
    fn from(dict: Dict) -> Self {
        Self::Value(dict.into())
    }
}

impl From<Stream> for Object {
    fn from(stream: Stream) -> Self {
        Self::Stream(stream)
    }
}

fn references(value: &Value, out: &mut Vec<Id>) {
    match value {
        Value::Reference(id) => out.push(*id),
        Value::Array(items) => items.iter().for_each(|item| references(item, out)),
        Value::Dict(dict) => dict.iter().for_each(|(_, value)| references(value, out)),
        _ => {}
    }
}
