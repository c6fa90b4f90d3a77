//! Values to bytes (ISO 32000-2, 7.3).

use std::{collections::BTreeMap, io::Write};

use crate::{Dict, Id, Text, Value};

/// The numbers under which objects are written.
pub type Numbers = BTreeMap<Id, u32>;

impl Value {
    /// The value as bytes, its references by their new numbers; null where they have none.
    #[must_use]
    pub fn written(&self, numbers: &Numbers) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, numbers);
        out
    }

    /// As [`Value::written`], behind what `out` has.
    pub fn write(&self, out: &mut Vec<u8>, numbers: &Numbers) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Integer(number) => push(out, format_args!("{number}")),
            Self::Real(number) => push(out, format_args!("{number}")),
            Self::Name(name) => write_name(out, name),
            Self::Text(text) => text.write(out),
            Self::Array(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b' ');
                    }
                    item.write(out, numbers);
                }
                out.push(b']');
            }
            Self::Dict(dict) => dict.write(out, numbers),
            Self::Reference(id) => match numbers.get(id) {
                Some(number) => push(out, format_args!("{number} 0 R")),
                None => out.extend_from_slice(b"null"),
            },
        }
    }

    /// Whether it begins with a delimiter (7.2.3), and needs no space before it.
    const fn is_delimited(&self) -> bool {
        matches!(
            self,
            Self::Name(_) | Self::Text(_) | Self::Array(_) | Self::Dict(_)
        )
    }
}

impl Dict {
    /// The dictionary with its brackets as bytes, as [`Value::written`] makes them.
    #[must_use]
    pub fn written(&self, numbers: &Numbers) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, numbers);
        out
    }

    fn write(&self, out: &mut Vec<u8>, numbers: &Numbers) {
        out.extend_from_slice(b"<<");
        for (key, value) in self.iter() {
            write_name(out, key);
            if !value.is_delimited() {
                out.push(b' ');
            }
            value.write(out, numbers);
        }
        out.extend_from_slice(b">>");
    }
}

impl Text {
    fn write(&self, out: &mut Vec<u8>) {
        if self.hexadecimal {
            out.push(b'<');
            for byte in &self.bytes {
                push(out, format_args!("{byte:02X}"));
            }
            out.push(b'>');
            return;
        }
        out.push(b'(');
        for &byte in &self.bytes {
            match byte {
                b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                // A bare carriage return would be read as a line feed (7.3.4.2).
                b'\r' => out.extend_from_slice(b"\\r"),
                _ => out.push(byte),
            }
        }
        out.push(b')');
    }
}

fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for &byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(&byte) {
            out.push(byte);
        } else {
            push(out, format_args!("#{byte:02X}"));
        }
    }
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every write");
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::reader::{Budget, Reader};

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            (-1e9_f32..1e9)
                .prop_filter("a whole one comes back as an integer", |n| n.fract() != 0.0)
                .prop_map(Value::Real),
            vec(any::<u8>(), 1..9).prop_map(Value::Name),
            vec(any::<u8>(), 0..9).prop_map(|bytes| Text::literal(bytes).into()),
            vec(any::<u8>(), 0..9).prop_map(|bytes| Text::hexadecimal(bytes).into()),
            (1_u32..9).prop_map(|number| Value::Reference(Id(number))),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let entries = vec(("[A-Z #/]{1,4}", inner.clone()), 0..6);
            prop_oneof![
                vec(inner, 0..6).prop_map(Value::Array),
                entries.prop_map(|entries| {
                    let entries = entries.iter();
                    let dict: Dict = entries.map(|(k, v)| (k.as_str(), v.clone())).collect();
                    dict.into()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(value in values()) {
            let numbers = (1..9).map(|number| (Id(number), number)).collect();
            let out = value.written(&numbers);
            let read = Reader::new(&out, 0, &Budget::new(10_000)).value();
            prop_assert_eq!(read, Ok(value));
        }
    }

    #[test]
    fn references_follow_the_new_numbers() {
        let value = Value::from(vec![Id(7), Id(8)]);
        let out = value.written(&Numbers::from([(Id(7), 1)]));
        assert_eq!(out, b"[1 0 R null]");
    }
}
