//! What a form keeps of a document beside its pages: constant objects once, texts with leaves as templates,
//! square codes by their leaf, and the places that tell the time of issue.

use std::{
    collections::BTreeMap,
    sync::{OnceLock, atomic::AtomicUsize},
};

use kvit_billing::no_form::Why;
use kvit_pdf::{Document, Id, Object, Text, Value};

use crate::{
    forms::{
        compile::Harvest,
        form::{Content, Form, ObjectPiece, Part, Piece, XmpPiece},
        leaves::Leaves,
        probe::{has_leaf, leaves_in, template},
        refusal::{Found, Refusal, refused},
    },
    pdf::{add, date, picture, write, xmp_date},
};

impl Harvest<'_> {
    /// All objects but the page contents: equal ones go into the constant part, texts with leaves
    /// in them become templates.
    pub(super) fn assemble(mut self, lean: Vec<Vec<Piece>>) -> Result<Form, Refusal> {
        let [a, b, c] = self.exports;
        let mut document = a.document.clone();
        let signature = add(&mut document, &self.tools.additions, write::BEST)?;
        if !lean.iter().flatten().any(names_colour_space) {
            forget_colour_spaces(&mut document)?;
        }
        let numbered = write::numbers(&document, signature);
        let number = |id: &Id| numbered.get(id).copied().unwrap_or_default();
        let ids = a.pages.iter().map(|page| page.stream);
        let mut streams: BTreeMap<Id, Vec<Piece>> = ids.zip(lean).collect();
        let mut file = write::File::new();
        let (mut constant, mut objects, mut pages) = (Vec::new(), Vec::new(), Vec::new());
        let (mut xmp, mut twin, mut codes) = (None, None, Vec::new());
        let moment = date(self.tools.additions.issued_at);
        for (id, object) in &document.objects {
            let others = [b.document.objects.get(id), c.document.objects.get(id)];
            let equal = others
                .iter()
                .all(|other| *other == a.document.objects.get(id));
            match object {
                Object::Stream(stream) => {
                    let dict = stream.dict.written(&numbered);
                    let kind = stream.dict.name("Type");
                    if let Some(pieces) = streams.remove(id) {
                        pages.push(Content::new(number(id), dict, pieces));
                    } else if kind == Some(b"Metadata") {
                        let packet = write::xmp_dictionary(stream, &numbered);
                        xmp = Some(Content::new(number(id), packet, self.xmp(&stream.content)?));
                    } else if kind == Some(b"EmbeddedFile") {
                        twin = Some(number(id));
                    } else if let Some((width, leaf)) = self.code(*id) {
                        codes.push((number(id), dict, width, leaf));
                    } else if equal {
                        file.stream(number(id), &dict, &stream.content);
                    } else {
                        return refused(Why::Drawing, "");
                    }
                }
                Object::Value(value) if equal => {
                    let bytes = value.written(&numbered);
                    match dated(vec![ObjectPiece::Constant(bytes.clone())], &moment) {
                        pieces if pieces.len() == 1 => constant.push((number(id), bytes)),
                        pieces => objects.push((number(id), pieces)),
                    }
                }
                Object::Value(value) => {
                    let mut texts = Vec::new();
                    let (
                        Some(Object::Value(before)),
                        [Some(Object::Value(b)), Some(Object::Value(c))],
                    ) = (a.document.objects.get(id), others)
                    else {
                        return refused(Why::Tags, "");
                    };
                    self.texts([before, b, c], b"", &mut texts)?;
                    let mut holed = value.clone();
                    let mut next = 0;
                    hollow(&mut holed, before, b, &mut next);
                    let bytes = holed.written(&numbered);
                    objects.push((number(id), dated(pieces(&bytes, texts)?, &moment)));
                }
            }
        }
        let is_dated = |(_, pieces): &(u32, Vec<ObjectPiece>)| {
            pieces
                .iter()
                .any(|piece| matches!(piece, ObjectPiece::Moment))
        };
        if !objects.iter().any(is_dated) {
            return refused(
                Why::Engine,
                "the time of issue is not among what is known of the document",
            );
        }
        let next = u32::try_from(numbered.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        file.pack(next, &constant, write::BEST)?;
        let mut trailer = document.trailer.clone();
        trailer.remove("ID");
        let (Some(xmp), Some(twin)) = (xmp, twin) else {
            return refused(
                Why::Engine,
                "there is no XMP packet or no place for the twin",
            );
        };
        Ok(Form {
            fonts: std::mem::take(&mut self.fonts),
            file,
            pages,
            xmp,
            codes,
            twin,
            objects,
            objects_plan: None,
            table_plan: None,
            signature: number(&signature),
            next: next + 1,
            trailer: write::trailer(&trailer, &numbered),
            room: AtomicUsize::new(0),
            beginning: OnceLock::new(),
        })
    }

    /// The texts in which three objects differ, in the order in which they are written.
    fn texts(
        &self,
        objects: [&Value; 3],
        key: &[u8],
        texts: &mut Vec<Vec<Part>>,
    ) -> Result<(), Refusal> {
        if objects[0] == objects[1] && objects[0] == objects[2] {
            return Ok(());
        }
        match objects {
            [Value::Text(a), Value::Text(b), Value::Text(c)] => {
                let [a, b, c] = [a, b, c].map(|text| text_string(&text.bytes));
                let leaves = leaves_in(a.as_deref().unwrap_or_default());
                let parts = a.and_then(|text| template(&text, &self.exports[0].probe));
                let shows = |text: &Option<String>, at: usize, parts: &[Part]| {
                    let probe = &self.exports[at].probe;
                    text.as_ref().is_some_and(|text| probe.shows(text, parts))
                };
                match parts {
                    Some(parts)
                        if has_leaf(&parts) && shows(&b, 1, &parts) && shows(&c, 2, &parts) =>
                    {
                        texts.push(parts);
                        Ok(())
                    }
                    _ => Err(Found::new(Why::Told, name(key)).of(leaves).into()),
                }
            }
            [Value::Array(a), Value::Array(b), Value::Array(c)]
                if a.len() == b.len() && a.len() == c.len() =>
            {
                for ((a, b), c) in a.iter().zip(b).zip(c) {
                    self.texts([a, b, c], key, texts)?;
                }
                Ok(())
            }
            [Value::Dict(a), Value::Dict(b), Value::Dict(c)] => {
                for (key, a) in a.iter() {
                    let (Some(b), Some(c)) = (b.get(key), c.get(key)) else {
                        return refused(Why::Tags, "");
                    };
                    self.texts([a, b, c], key, texts)?;
                }
                Ok(())
            }
            // How far a drawing reaches: told to nobody but machines that reflow pages, and right
            // to the point for the probe, whose highest bar is as high as a bill's.
            numbers if key == b"BBox" && numbers.iter().all(|n| is_number(n)) => Ok(()),
            _ => refused(Why::Tags, ""),
        }
    }

    fn xmp(&self, packet: &[u8]) -> Result<Vec<XmpPiece>, Refusal> {
        let Ok(packet) = std::str::from_utf8(packet) else {
            return refused(Why::Engine, "the XMP packet is not UTF-8");
        };
        let mut marks = Vec::new();
        let moment = xmp_date(self.tools.additions.issued_at);
        marks.extend(
            packet
                .match_indices(&moment)
                .map(|(at, moment)| (at, moment.len(), XmpPiece::Moment)),
        );
        if marks.is_empty() {
            return refused(Why::Engine, "the time of issue is not in the XMP packet");
        }
        for (leaf, text) in self.exports[0].probe.texts.iter().enumerate() {
            if !text.is_empty() {
                let found = packet.match_indices(text.as_str());
                marks.extend(found.map(|(at, text)| (at, text.len(), XmpPiece::Leaf(leaf))));
            }
        }
        marks.sort_by_key(|mark| mark.0);
        let (mut pieces, mut end) = (Vec::new(), 0);
        for (at, length, piece) in marks {
            let Some(before) = packet.get(end..at) else {
                return refused(Why::Engine, "marks overlap in the XMP packet");
            };
            pieces.push(XmpPiece::Constant(before.to_owned()));
            pieces.push(piece);
            end = at + length;
        }
        pieces.push(XmpPiece::Constant(
            packet.get(end..).unwrap_or_default().to_owned(),
        ));
        Ok(pieces)
    }

    /// Width and leaf of a square code: of whose pixels the stream is a picture in each export.
    fn code(&self, id: Id) -> Option<(usize, usize)> {
        let (mut width, mut shown) = (0, Vec::new());
        for export in self.exports {
            let Some(Object::Stream(stream)) = export.document.objects.get(&id) else {
                return None;
            };
            width = picture::width(stream)?;
            shown.push(stream.plain().ok()?);
        }
        let mut all = Vec::new();
        for export in self.exports {
            all.push(Leaves::of(&export.probe.view).ok()?);
        }
        let leaf = (0..all.first()?.len()).find(|leaf| {
            let mut both = all.iter().zip(&shown);
            both.all(|(leaves, shown)| leaves.pixels(*leaf).is_ok_and(|pixels| pixels == shown))
        })?;
        Some((width, leaf))
    }
}

fn names_colour_space(piece: &Piece) -> bool {
    match piece {
        Piece::Constant(bytes) => bytes
            .windows(4)
            .any(|four| matches!(four, b" cs " | b" CS ")),
        _ => false,
    }
}

/// Takes the colour spaces of pages out, with profiles that nothing else needs.
fn forget_colour_spaces(document: &mut Document) -> Result<(), Refusal> {
    for page in document.pages()? {
        let resources = match document.dict(page)?.reference("Resources") {
            Some(resources) => document.dict_mut(resources)?,
            None => match document.dict_mut(page)?.get_mut("Resources") {
                Some(Value::Dict(resources)) => resources,
                _ => continue,
            },
        };
        resources.remove("ColorSpace");
    }
    document.sweep();
    Ok(())
}

/// A text string of a PDF, UTF-16 or plain ASCII.
fn text_string(bytes: &[u8]) -> Option<String> {
    match bytes.strip_prefix(&[0xfe, 0xff]) {
        Some(utf16) => {
            let units = utf16
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        None => bytes
            .is_ascii()
            .then(|| String::from_utf8_lossy(bytes).into_owned()),
    }
}

const fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Real(_))
}

fn name(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// Stands for a text until it is written.
fn hole(at: usize) -> Vec<u8> {
    format!("\u{1}kvit-hole-{at:06}\u{1}").into_bytes()
}

/// Puts holes where `object`, whose original is `a`, differs from `b`.
fn hollow(value: &mut Value, a: &Value, b: &Value, next: &mut usize) {
    match (value, a, b) {
        (Value::Array(items), Value::Array(a), Value::Array(b)) => {
            for ((item, a), b) in items.iter_mut().zip(a).zip(b) {
                hollow(item, a, b, next);
            }
        }
        (Value::Dict(dict), Value::Dict(a), Value::Dict(b)) => {
            for (key, item) in dict.iter_mut() {
                if let (Some(a), Some(b)) = (a.get(key), b.get(key)) {
                    hollow(item, a, b, next);
                }
            }
        }
        (Value::Text(text), a, b) if a != b => {
            *text = Text::hexadecimal(hole(*next));
            *next += 1;
        }
        _ => {}
    }
}

/// The same pieces, cut where they tell the time of issue.
fn dated(pieces: Vec<ObjectPiece>, moment: &str) -> Vec<ObjectPiece> {
    let mut found = Vec::new();
    for piece in pieces {
        let ObjectPiece::Constant(bytes) = &piece else {
            found.push(piece);
            continue;
        };
        let mut rest = bytes.as_slice();
        while let Some(at) = rest
            .windows(moment.len())
            .position(|window| window == moment.as_bytes())
        {
            found.push(ObjectPiece::Constant(rest[..at].to_vec()));
            found.push(ObjectPiece::Moment);
            rest = &rest[at + moment.len()..];
        }
        found.push(ObjectPiece::Constant(rest.to_vec()));
    }
    found
}

/// An object's bytes, cut at its holes.
fn pieces(bytes: &[u8], texts: Vec<Vec<Part>>) -> Result<Vec<ObjectPiece>, Refusal> {
    let mut found = Vec::new();
    let mut rest = bytes;
    for (at, parts) in texts.into_iter().enumerate() {
        let hex: String = hole(at).iter().map(|byte| format!("{byte:02X}")).collect();
        let mark = format!("<{hex}>");
        let start = rest
            .windows(mark.len())
            .position(|window| window == mark.as_bytes());
        let Some(start) = start else {
            return refused(
                Why::Engine,
                "a text that differs is not written where it was found",
            );
        };
        found.push(ObjectPiece::Constant(rest[..start].to_vec()));
        found.push(ObjectPiece::Text(parts));
        rest = &rest[start + mark.len()..];
    }
    found.push(ObjectPiece::Constant(rest.to_vec()));
    Ok(found)
}
