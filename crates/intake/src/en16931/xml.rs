//! XML that can do no harm: no DTD, bounded in bytes and nodes, and without the shapes that cost
//! the parser the square of their size.

use std::fmt;

use roxmltree::{Document, Node, ParsingOptions};

use crate::{Check, Diagnostic};

/// The largest invoice, in bytes.
pub const MAX_XML: usize = 20 * 1024 * 1024;
/// The most nodes that are kept of an invoice.
const NODES_MAX: u32 = 2_000_000;
/// The parser compares each attribute of an element with all others of it.
const ATTRIBUTES_MAX: usize = 1_000;
/// The parser copies what is in scope wherever an element declares a name space.
const NAMESPACES_MAX: usize = 2_000;

/// A parsed document that knows its lines.
pub(super) struct Xml<'i> {
    pub(super) document: Document<'i>,
    /// Byte offsets of the line ends.
    ends: Vec<usize>,
}

impl<'i> Xml<'i> {
    pub(super) fn parse(file: &str, xml: &'i [u8]) -> Result<Self, Box<Diagnostic>> {
        let refused =
            |code, found: &dyn fmt::Display| Box::new(Diagnostic::unreadable(file, code, found));
        if xml.len() > MAX_XML {
            let mut refused = refused(Check::XmlBytes, &xml.len());
            refused.expected = MAX_XML.to_string();
            return Err(refused);
        }
        let text = std::str::from_utf8(xml)
            .map_err(|error| refused(Check::XmlUtf8, &error.valid_up_to()))?;
        // No attribute value holds a bare `<`, so a start tag ends before the next one.
        let wide = |tag: &str| tag.bytes().filter(|byte| *byte == b'=').count() > ATTRIBUTES_MAX;
        if text.split('<').any(wide) {
            return Err(refused(Check::XmlAttributes, &ATTRIBUTES_MAX));
        }
        if text.matches("xmlns").nth(NAMESPACES_MAX).is_some() {
            return Err(refused(Check::XmlNameSpaces, &NAMESPACES_MAX));
        }
        let options = ParsingOptions {
            allow_dtd: false,
            nodes_limit: NODES_MAX,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options).map_err(|error| {
            let mut refused = refused(Check::Xml, &error);
            refused.line = u64::from(error.pos().row);
            refused
        })?;
        let ends = (0..xml.len()).filter(|at| xml[*at] == b'\n').collect();
        Ok(Self { document, ends })
    }

    /// The line, from 1, on which an element begins. The parser's own answer counts from the
    /// beginning of the file each time.
    pub(super) fn line_of(&self, node: Node<'_, '_>) -> u64 {
        let start = node.range().start;
        self.ends.partition_point(|end| *end < start) as u64 + 1
    }

    /// The root is none of those that an invoice has.
    pub(super) fn strange(file: &str, root: Node<'_, '_>) -> Diagnostic {
        let name: String = root.tag_name().name().chars().take(60).collect();
        Diagnostic::unreadable(file, Check::XmlRoot, name)
    }
}
