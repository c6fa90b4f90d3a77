//! XML written straight into a string: escaped, without a tree, and in the order of the calls.

use std::fmt::{Display, Write};

/// An XML document in the making. Elements are closed by the calls that opened them.
pub(super) struct Xml(String);

impl Xml {
    /// Begins a document of about so many bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity);
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self(text)
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
        self.0.push('<');
        self.0.push_str(name);
        for (key, value) in attributes {
            self.0.push(' ');
            self.0.push_str(key);
            self.0.push_str("=\"");
            self.escaped(value);
            self.0.push('"');
        }
        self.0.push('>');
        inside(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
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
            let mut text = String::new();
            let _ = write!(text, "{value}");
            xml.escaped(&text);
        });
    }

    /// An element with text, unless there is none.
    pub(super) fn leaf_if(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() {
            self.leaf(name, value);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    /// What XML 1.0 cannot hold (its production 2) becomes a replacement character.
    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\t' | '\n' => self.0.push(character),
                '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                other if other < ' ' => self.0.push('\u{fffd}'),
                other => self.0.push(other),
            }
        }
    }
}
