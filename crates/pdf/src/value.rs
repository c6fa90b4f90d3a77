//! PDF's values (ISO 32000-2, 7.3) but for streams, which are never inside of another value.

use std::ops::Range;

/// An object's number (7.3.10). Generations are not told apart: a cross-reference leads to one object of
/// each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u32);

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing; also what a reference to a missing object means.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a point, in the precision that writers of PDF keep.
    Real(f32),
    /// A name, unescaped and without its slash.
    Name(Vec<u8>),
    /// A string.
    Text(Text),
    /// An array.
    Array(Vec<Value>),
    /// A dictionary.
    Dict(Dict),
    /// Stands for another object.
    Reference(Id),
}

/// A string (7.3.4). Two are equal when they say the same in the same notation, wherever they were read.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its bytes, unescaped.
    pub bytes: Vec<u8>,
    /// Whether it is written as hexadecimal digits.
    pub hexadecimal: bool,
    /// Where it was read, delimiters included; empty where it was not.
    pub span: Range<usize>,
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.hexadecimal == other.hexadecimal
    }
}

impl Text {
    /// A string to be written in parentheses.
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            hexadecimal: false,
            span: 0..0,
        }
    }

    /// A string to be written as hexadecimal digits.
    pub fn hexadecimal(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            hexadecimal: true,
            ..Self::literal(bytes)
        }
    }
}

/// A dictionary (7.3.7), its keys in the order in which they were written or set. None occurs twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dict(pub(crate) Vec<(Vec<u8>, Value)>);

impl Dict {
    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key.as_ref())?;
        Some(value)
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: impl AsRef<[u8]>) -> Option<&mut Value> {
        let mut entries = self.0.iter_mut();
        let (_, value) = entries.find(|(name, _)| name == key.as_ref())?;
        Some(value)
    }

    /// Puts a value under a key, in place of the one before if there is one.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        match self.get_mut(key) {
            Some(place) => *place = value.into(),
            None => self.0.push((key.into(), value.into())),
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(name, _)| name == key.as_bytes())?;
        Some(self.0.remove(at).1)
    }

    /// All keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Value)> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value))
    }

    /// All keys with their values, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&[u8], &mut Value)> {
        self.0
            .iter_mut()
            .map(|(key, value)| (key.as_slice(), value))
    }

    /// The whole number under a key.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_integer()
    }

    /// The name under a key.
    #[must_use]
    pub fn name(&self, key: &str) -> Option<&[u8]> {
        match self.get(key)? {
            Value::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The string under a key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&Text> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The array under a key.
    #[must_use]
    pub fn array(&self, key: &str) -> Option<&[Value]> {
        match self.get(key)? {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The dictionary under a key.
    #[must_use]
    pub fn dict(&self, key: &str) -> Option<&Self> {
        match self.get(key)? {
            Value::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The object that the value under a key refers to.
    #[must_use]
    pub fn reference(&self, key: &str) -> Option<Id> {
        self.get(key)?.as_reference()
    }
}

impl Value {
    /// The whole number that this is.
    #[must_use]
    pub const fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The object that this refers to.
    #[must_use]
    pub const fn as_reference(&self) -> Option<Id> {
        match self {
            Self::Reference(id) => Some(*id),
            _ => None,
        }
    }
}

/// Writes a dictionary down: `dict! { "Type" => "Annot", "F" => 132 }`. Plain strings are names.
#[macro_export]
macro_rules! dict {
    ($($key:literal => $value:expr),* $(,)?) => {
        $crate::Dict::from_iter([$(($key, $crate::Value::from($value))),*])
    };
}

impl<'a> FromIterator<(&'a str, Value)> for Dict {
    fn from_iter<I: IntoIterator<Item = (&'a str, Value)>>(entries: I) -> Self {
        let mut dict = Self::default();
        for (key, value) in entries {
            dict.set(key, value);
        }
        dict
    }
}

impl From<&str> for Value {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Self::Dict(dict)
    }
}

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        Self::Reference(id)
    }
}
