//! XML written straight into a string: escaped, without a tree, and in the order of the calls.

use std::{
    fmt::{Display, Write},
    ops::Range,
};

/// An XML document in the making. Elements are closed by the calls that opened them.
pub(super) struct Xml {
    text: String,
    /// What is a bill's own, in order.
    own: Vec<Range<usize>>,
    is_common: bool,
}

impl Xml {
    /// Begins a document of about so many bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity);
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self {
            text,
            own: Vec::with_capacity(128),
            is_common: false,
        }
    }

    /// Writes what stands on all bills, or on many.
    pub(super) fn common(&mut self, inside: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.is_common, true);
        inside(self);
        self.is_common = before;
    }

    /// An element that holds a text that stands on many bills.
    pub(super) fn code(&mut self, name: &str, value: impl Display) {
        self.common(|xml| xml.leaf(name, value));
    }

    /// An element with what `inside` writes.
    pub(super) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.with(name, &[], inside);
    }

    /// An element with attributes.
    pub(super) fn with(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.escaped(value);
            self.text.push('"');
        }
        self.text.push('>');
        inside(self);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// An element that holds only text.
    pub(super) fn leaf(&mut self, name: &str, value: impl Display) {
        self.leaf_with(name, &[], value);
    }

    /// An element with attributes that holds only text.
    pub(super) fn leaf_with(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        value: impl Display,
    ) {
        self.with(name, attributes, |xml| {
            let from = xml.text.len();
            let _ = write!(Escaping(xml), "{value}");
            if !xml.is_common {
                xml.own.push(from..xml.text.len());
            }
        });
    }

    /// An element with text, unless there is none.
    pub(super) fn leaf_if(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() {
            self.leaf(name, value);
        }
    }

    /// The document, and where in it a bill's own texts stand.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<Range<usize>>) {
        (self.text.into_bytes(), self.own)
    }

    /// What XML 1.0 cannot hold (its production 2) becomes a replacement character.
    fn escaped(&mut self, text: &str) {
        // Nearly all texts; the last of these bytes begins the two characters that XML cannot hold.
        let is_odd = |byte: u8| byte < b' ' || matches!(byte, b'&' | b'<' | b'>' | b'"' | 0xef);
        if !text.bytes().any(is_odd) {
            self.text.push_str(text);
            return;
        }
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\t' | '\n' => self.text.push(character),
                '\u{fffe}' | '\u{ffff}' => self.text.push('\u{fffd}'),
                other if other < ' ' => self.text.push('\u{fffd}'),
                other => self.text.push(other),
            }
        }
    }
}

/// Escapes what is written through it.
struct Escaping<'a>(&'a mut Xml);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.escaped(text);
        Ok(())
    }
}
