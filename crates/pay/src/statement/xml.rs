//! XML as a stream that can do no harm: one element at a time, bounded in bytes and depth, without a
//! document type and so without entities of its own.

use std::io::BufRead;

use quick_xml::{Reader, events::Event};

use super::{
    budget::Budget,
    tag::{Root, Tag},
};

/// The longest tag or text, in bytes. The longest text of a statement has 500 characters.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The deepest nesting; statements have some fifteen levels.
const DEPTH_MAX: usize = 40;

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

/// Why the rest cannot be read.
#[derive(Debug)]
pub(super) struct Broken {
    /// What stands there.
    pub(super) found: String,
    /// What should.
    pub(super) expected: &'static str,
}

impl Broken {
    fn new(found: impl Into<String>, expected: &'static str) -> Self {
        Self {
            found: found.into(),
            expected,
        }
    }
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
    pub(super) fn step(&mut self) -> Result<Step, Broken> {
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
                        (false, _) => Err(Broken::new(
                            "the end of the file inside of an element",
                            "a whole file",
                        )),
                        (true, None) => Err(Broken::new("no XML", "a bank statement")),
                        (true, Some(_)) => Ok(Step::End),
                    };
                }
            }
        }
    }

    /// The next piece of the file.
    fn piece(&mut self) -> Result<Piece, Broken> {
        self.buffer.clear();
        self.reader.get_mut().left = TOKEN_BYTES_MAX;
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(_) if self.reader.get_ref().spent => {
                let found = format!("a tag or text of over {TOKEN_BYTES_MAX} bytes");
                return Err(Broken::new(found, "short elements"));
            }
            Err(error) => return Err(Broken::new(error.to_string(), "well-formed XML in UTF-8")),
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
                    return Err(Broken::new("an entity of its own", "plain text"));
                };
                Piece::Text(letter.to_string())
            }
            Event::DocType(_) => return Err(Broken::new("a document type (DOCTYPE)", "none")),
            Event::Decl(declaration) => {
                if let Some(Ok(name)) = declaration.encoding()
                    && !["utf-8", "us-ascii"].contains(&name.to_ascii_lowercase().as_str())
                {
                    let name: String = name.chars().take(40).collect();
                    return Err(Broken::new(format!("text in {name}"), "UTF-8"));
                }
                Piece::Nothing
            }
            Event::Comment(_) | Event::PI(_) => Piece::Nothing,
            Event::Eof => Piece::End,
        })
    }

    fn open(&mut self, tag: Tag) -> Result<Step, Broken> {
        if self.path.len() == DEPTH_MAX {
            return Err(Broken::new(
                format!("over {DEPTH_MAX} elements inside of each other"),
                "fewer",
            ));
        }
        if self.path.is_empty() {
            if self.root.is_some() {
                return Err(Broken::new("a second document behind the first", "one"));
            }
            self.root = Some(tag.root);
        }
        self.path.push(tag.name);
        self.currency = tag.currency;
        self.text.clear();
        self.leaf = true;
        Ok(Step::Open)
    }

    fn close(&mut self) -> Step {
        self.closed = true;
        Step::Close { leaf: self.leaf }
    }

    fn push(&mut self, text: &str) -> Result<(), Broken> {
        if self.path.is_empty() && !text.trim().is_empty() {
            return Err(Broken::new("text outside of the document", "XML"));
        }
        if self.leaf {
            if self.text.len() + text.len() > TOKEN_BYTES_MAX {
                let found = format!("a text of over {TOKEN_BYTES_MAX} bytes");
                return Err(Broken::new(found, "short texts"));
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

    fn steps(xml: &[u8]) -> Result<Vec<String>, Broken> {
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
        for (xml, found) in [
            (
                "<!DOCTYPE x [<!ENTITY a 'b'>]><Id>&a;</Id>",
                "document type",
            ),
            ("<Id>&a;</Id>", "entity"),
            ("<Id>x", "inside of an element"),
            ("<Id></Nm>", "ill-formed"),
            ("", "no XML"),
            (":20:STARTUMS", "outside"),
            ("<Id/><Id/>", "second"),
            (
                "<?xml version='1.0' encoding='windows-1251'?><Id/>",
                "windows-1251",
            ),
            (&deep, "inside of each other"),
            (&long, "over 16384 bytes"),
            (&wide, "over 16384 bytes"),
            (&pieces, "over 16384 bytes"),
        ] {
            let broken = steps(xml.as_bytes()).expect_err(found);
            assert!(broken.found.contains(found), "{found}: {}", broken.found);
        }
        assert!(steps(b"<Id>\xff</Id>").is_err());
    }
}
