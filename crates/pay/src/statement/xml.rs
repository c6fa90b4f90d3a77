//! XML as a stream that can do no harm: one element at a time, bounded in bytes and depth, without a
//! document type and so without entities of its own.

use std::io::BufRead;

use quick_xml::{
    Error, Reader,
    errors::{IllFormedError, SyntaxError},
    events::Event,
};

use super::{
    budget::Budget,
    fault::{Check, Wrong},
    tag::{Root, Tag},
    values::short,
};

/// The longest tag or text, in bytes. The longest text of a statement has 500 characters.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The deepest nesting; statements have some fifteen levels.
const DEPTH_MAX: usize = 40;
/// Characters of a tag that are told.
const TAG_MAX: usize = 40;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An element begins: the last name of the path.
    Open,
    /// An element ends, still the last name of the path. Whether it held nothing but text.
    Close {
        /// See [`Xml::text`].
        leaf: bool,
    },
    /// The document is over, and was whole.
    End,
}

/// A document under way.
pub(super) struct Xml<R> {
    reader: Reader<Budget<R>>,
    buffer: Vec<u8>,
    path: Vec<&'static str>,
    text: String,
    currency: Option<String>,
    root: Option<Root>,
    leaf: bool,
    /// The last step closed an element, which leaves the path with the next one.
    closed: bool,
    /// An element that was written as `<x/>` and still has to be closed.
    empty: bool,
}

impl<R: BufRead> Xml<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            reader: Reader::from_reader(Budget::new(source)),
            buffer: Vec::new(),
            path: Vec::new(),
            text: String::new(),
            currency: None,
            root: None,
            leaf: false,
            closed: false,
            empty: false,
        }
    }

    /// The names of the open elements, the outermost first.
    pub(super) fn path(&self) -> &[&'static str] {
        &self.path
    }

    /// What stood in the element that was just closed, without space around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// Its attribute `Ccy`.
    pub(super) fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// The outermost element, once it was opened.
    pub(super) const fn root(&self) -> Option<&Root> {
        self.root.as_ref()
    }

    /// The line that was read last, from 1.
    pub(super) fn line(&self) -> u64 {
        self.reader.get_ref().line
    }

    /// Reads on to the next beginning or end of an element.
    pub(super) fn step(&mut self) -> Result<Step, Wrong> {
        if self.closed {
            self.path.pop();
            self.closed = false;
            self.leaf = false;
        }
        if self.empty {
            self.empty = false;
            return Ok(self.close());
        }
        loop {
            match self.piece()? {
                Piece::Open(tag) => return self.open(tag),
                Piece::Empty(tag) => {
                    self.empty = true;
                    return self.open(tag);
                }
                Piece::Close => return Ok(self.close()),
                Piece::Text(text) => self.push(&text)?,
                Piece::Nothing => {}
                Piece::End => {
                    return match (self.path.is_empty(), &self.root) {
                        (false, _) => Err(Check::CutOff.into()),
                        (true, None) => Err(Check::NotXml.into()),
                        (true, Some(_)) => Ok(Step::End),
                    };
                }
            }
        }
    }

    /// The next piece of the file.
    fn piece(&mut self) -> Result<Piece, Wrong> {
        self.buffer.clear();
        self.reader.get_mut().left = TOKEN_BYTES_MAX;
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(_) if self.reader.get_ref().spent => return Err(self.too_long()),
            Err(error) => return Err(self.broken(error)),
        };
        Ok(match event {
            Event::Start(tag) => Piece::Open(Tag::of(&tag, self.path.is_empty())),
            Event::Empty(tag) => Piece::Empty(Tag::of(&tag, self.path.is_empty())),
            Event::End(_) => Piece::Close,
            Event::Text(text) => Piece::Text(text.xml10_content().into_owned()),
            Event::CData(text) => Piece::Text(text.xml10_content().into_owned()),
            Event::GeneralRef(name) => {
                let letter = match name.resolve_char_ref() {
                    Ok(Some(letter)) => Some(letter),
                    Ok(None) => predefined(&name.into_inner()),
                    Err(_) => None,
                };
                let Some(letter) = letter else {
                    return Err(self.or_not_xml(Check::Entity.into()));
                };
                Piece::Text(letter.to_string())
            }
            Event::DocType(_) => return Err(Check::DocumentType.into()),
            Event::Decl(declaration) => {
                if let Some(Ok(name)) = declaration.encoding()
                    && !["utf-8", "us-ascii"].contains(&name.to_ascii_lowercase().as_str())
                {
                    return Err(Wrong::found(Check::Encoding, &name));
                }
                Piece::Nothing
            }
            Event::Comment(_) | Event::PI(_) => Piece::Nothing,
            Event::Eof => Piece::End,
        })
    }

    fn open(&mut self, tag: Tag) -> Result<Step, Wrong> {
        if self.path.len() == DEPTH_MAX {
            return Err(Wrong::from(Check::Nesting).expected(DEPTH_MAX));
        }
        if self.path.is_empty() {
            if self.root.is_some() {
                return Err(Check::DocumentSecond.into());
            }
            self.root = Some(tag.root);
        }
        self.path.push(tag.name);
        self.currency = tag.currency;
        self.text.clear();
        self.leaf = true;
        Ok(Step::Open)
    }

    /// Before the first element whatever is odd says that it is another file.
    fn or_not_xml(&self, wrong: Wrong) -> Wrong {
        match self.root {
            None => Check::NotXml.into(),
            Some(_) => wrong,
        }
    }

    fn too_long(&self) -> Wrong {
        self.or_not_xml(Wrong::from(Check::TokenLength).expected(TOKEN_BYTES_MAX))
    }

    /// What the parser says, by its kind.
    fn broken(&self, error: Error) -> Wrong {
        self.or_not_xml(match error {
            Error::Encoding(_) => Check::NotUtf8.into(),
            Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                Wrong::found(Check::EndTag, &found).expected(short(&expected, TAG_MAX))
            }
            Error::Syntax(SyntaxError::InvalidBangMarkup) => Check::IllFormed.into(),
            // The file ends before what it began.
            Error::Syntax(_) => Check::CutOff.into(),
            _ => Check::IllFormed.into(),
        })
    }

    fn close(&mut self) -> Step {
        self.closed = true;
        Step::Close { leaf: self.leaf }
    }

    fn push(&mut self, text: &str) -> Result<(), Wrong> {
        if self.path.is_empty() && !text.trim().is_empty() {
            return Err(self.or_not_xml(Check::TextOutside.into()));
        }
        if self.leaf {
            if self.text.len() + text.len() > TOKEN_BYTES_MAX {
                return Err(self.too_long());
            }
            self.text.push_str(text);
        }
        Ok(())
    }
}

/// A piece of the file, with nothing borrowed from it.
enum Piece {
    Open(Tag),
    /// `<x/>`.
    Empty(Tag),
    Close,
    Text(String),
    Nothing,
    End,
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(xml: &[u8]) -> Result<Vec<String>, Wrong> {
        let mut reader = Xml::new(xml);
        let mut all = Vec::new();
        loop {
            match reader.step()? {
                Step::Open => {}
                Step::Close { leaf: true } => {
                    all.push(format!("{}={}", reader.path().join("/"), reader.text()));
                }
                Step::Close { leaf: false } => {}
                Step::End => return Ok(all),
            }
        }
    }

    #[test]
    fn names_are_found() {
        let xml = b"<?xml version='1.0' encoding='UTF-8'?>\n<a:Document xmlns:a='x'><Stmt><Id>1 &amp; 2&#x20;</Id><New/></Stmt></a:Document>\n";
        let found = steps(xml).expect("XML");
        assert_eq!(found, ["Document/Stmt/Id=1 & 2", "Document/Stmt/?="]);
    }

    #[test]
    fn what_could_do_harm_ends_the_reading() {
        let deep = "<x>".repeat(DEPTH_MAX + 1);
        let long = format!("<Id>{}</Id>", "x".repeat(TOKEN_BYTES_MAX + 1));
        let wide = format!("<Id {}/>", "a='1' ".repeat(TOKEN_BYTES_MAX));
        let pieces = format!("<Id>{}</Id>", "x&amp;".repeat(TOKEN_BYTES_MAX));
        for (xml, code) in [
            (
                "<!DOCTYPE x [<!ENTITY a 'b'>]><Id>&a;</Id>",
                Check::DocumentType,
            ),
            ("<Id>&a;</Id>", Check::Entity),
            ("<Id>x", Check::CutOff),
            ("<Id></Nm>", Check::EndTag),
            ("</Id>", Check::NotXml),
            ("<Id></Id></Nm>", Check::IllFormed),
            ("<Id><!-- x", Check::CutOff),
            ("<Id><!x", Check::IllFormed),
            ("", Check::NotXml),
            (":20:STARTUMS", Check::NotXml),
            ("<Id/>x", Check::TextOutside),
            ("<Id/><Id/>", Check::DocumentSecond),
            (
                "<?xml version='1.0' encoding='windows-1251'?><Id/>",
                Check::Encoding,
            ),
            (&deep, Check::Nesting),
            (&long, Check::TokenLength),
            (&wide, Check::NotXml),
            (&format!("<x>{wide}"), Check::TokenLength),
            (&pieces, Check::TokenLength),
        ] {
            let wrong = steps(xml.as_bytes()).expect_err(code.as_str());
            assert_eq!(wrong.code, code, "{wrong:?}");
        }
        let wrong = steps(b"<Id>\xff</Id>").expect_err("no UTF-8");
        assert_eq!(wrong.code, Check::NotUtf8, "{wrong:?}");
    }
}
