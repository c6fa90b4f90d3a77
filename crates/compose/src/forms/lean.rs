//! The same page in fewer bytes.
//!
//! The exporter writes each run of text with its own coordinate system, colour and font. Here a run says
//! what differs from the run before, and where it stands. Everything else stays as it is. That both look
//! and read alike is held by `tests/forms.rs`, pixel by pixel and word by word.

use crate::forms::{
    content::{RUN_BEGINS, Run, Token, numbers, run},
    form::{Piece, Slot},
    page::{push_short, push_shown},
};

/// What the exporter writes between colour and font of a run, and behind the font.
const BEFORE_FONT: &str = "\nBT 0 Tr";
const BEHIND_FONT: &str = " 1 0 0 -1 0 0 Tm";
/// Around the glyphs of a lean run.
const SHOWN_BEGINS: &str = " Td[(";
const SHOWN_ENDS: &str = ")]TJ ET";
const RUN_ENDS: &str = "\nET\nQ";
/// Before the corners of a box.
const BOX_BEGINS: &str = " 0 0 m ";
/// Around the number of a piece that is not constant.
const HOLE: char = '\u{1}';

/// A page being written; knows what colour and font hold outside of all `q … Q`.
#[derive(Default)]
pub(crate) struct Lean {
    pieces: Vec<Piece>,
    colour: Option<String>,
    font: Option<String>,
}

impl Lean {
    pub(crate) fn finish(self) -> Vec<Piece> {
        self.pieces
    }

    /// A mark. That an artifact is one is enough.
    pub(crate) fn head(&mut self, head: &str) {
        self.drawn(&head.replace("/Artifact<</Type/Layout>>BDC", "/Artifact BMC"));
    }

    /// A sequence that is the same on every bill.
    pub(crate) fn constant(&mut self, body: &str) {
        let parsed = run(body).and_then(|run| {
            let style = Style::of(run.style, run.tail)?;
            Some((run, style))
        });
        let Some((run, style)) = parsed else {
            return self.drawn(body);
        };
        let Run { x, y, .. } = run;
        let mut bytes = self.begin(&style);
        push_short(&mut bytes, x);
        bytes.push(b' ');
        push_short(&mut bytes, y);
        bytes.extend_from_slice(b" Td");
        let kern = |at: usize| {
            let found = run.corrections.iter().find(|(place, _)| *place == at);
            found.map(|(_, correction)| *correction)
        };
        push_shown(&mut bytes, &run.glyphs, kern);
        bytes.extend_from_slice(b"ET");
        bytes.extend_from_slice(style.tail.as_bytes());
        self.push(&bytes);
    }

    /// A sequence with something of the bill in it, as pieces that draw it as the exporter would.
    pub(crate) fn explained(&mut self, pieces: Vec<Piece>) {
        if let [Piece::Constant(begin), Piece::Slot(slot)] = pieces.as_slice()
            && begin == RUN_BEGINS.as_bytes()
            && let Some(style) = Style::of(&slot.style, &slot.tail)
        {
            let mut bytes = self.begin(&style);
            let mut between = Vec::new();
            if !slot.y.moves() {
                let place = match slot.follows_its_width() {
                    true => &mut between,
                    false => {
                        push_short(&mut bytes, slot.anchor);
                        &mut bytes
                    }
                };
                place.push(b' ');
                push_short(place, slot.y.at);
            }
            let is_placed = !slot.y.moves() && !slot.follows_its_width();
            match is_placed {
                true => bytes.extend_from_slice(SHOWN_BEGINS.as_bytes()),
                false => between.extend_from_slice(SHOWN_BEGINS.as_bytes()),
            }
            self.push(&bytes);
            self.pieces.push(Piece::Lean(Box::new(Slot {
                style: String::from_utf8_lossy(&between).into_owned(),
                tail: String::new(),
                ..(**slot).clone()
            })));
            self.push(format!("{SHOWN_ENDS}{}", style.tail).as_bytes());
            return;
        }
        let constants = pieces.iter().filter_map(|piece| match piece {
            Piece::Constant(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        });
        self.note(&constants.collect::<Vec<_>>().join(" 0 "));
        // A colour may be told in several pieces, and so may a box, whose sides are told twice.
        let (mut drawn, mut others) = (String::new(), Vec::<Piece>::new());
        for piece in pieces {
            if let Piece::Constant(bytes) = &piece {
                drawn.push_str(&String::from_utf8_lossy(bytes));
                continue;
            }
            let is_same = |other: &Piece| match (other, &piece) {
                (Piece::Number(a), Piece::Number(b)) => a == b,
                _ => false,
            };
            let known = others.iter().position(is_same);
            drawn.push_str(&format!("{HOLE}{}{HOLE}", known.unwrap_or(others.len())));
            if known.is_none() {
                others.push(piece);
            }
        }
        for (at, part) in boxed(&drawn).split(HOLE).enumerate() {
            match part.parse::<usize>().ok().and_then(|hole| others.get(hole)) {
                Some(other) if at % 2 == 1 => self.pieces.push(other.clone()),
                _ => self.push_drawn(part),
            }
        }
    }

    fn begin(&mut self, style: &Style<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.colour.as_deref() != Some(style.colour) {
            bytes.append(&mut short(style.colour));
            self.colour = Some(style.colour.to_owned());
        }
        bytes.extend_from_slice(b"\nBT");
        if self.font.as_deref() != Some(style.font) {
            bytes.extend_from_slice(style.font.as_bytes());
            self.font = Some(style.font.to_owned());
        }
        bytes.push(b' ');
        bytes
    }

    fn drawn(&mut self, text: &str) {
        // A stencil is painted in the colour that holds, which is black as the exporter leaves it.
        if text.contains(" Do") {
            self.push(b"\n0 g");
            self.colour = None;
        }
        self.note(text);
        self.push_drawn(&boxed(text));
    }

    /// Forgets colour and font where a sequence changes them or leaves the level on which they hold.
    fn note(&mut self, drawn: &str) {
        let mut depth = 0_i32;
        for word in drawn.split(|c: char| c.is_ascii_whitespace() || "[]<>()/".contains(c)) {
            match word {
                "q" => depth += 1,
                "Q" => depth -= 1,
                "cs" | "sc" | "scn" | "g" | "rg" | "k" | "gs" | "Tf" | "Tr" if depth <= 0 => {
                    (self.colour, self.font) = (None, None);
                }
                _ => {}
            }
            if depth < 0 {
                (self.colour, self.font) = (None, None);
                depth = 0;
            }
        }
        if depth != 0 {
            (self.colour, self.font) = (None, None);
        }
    }

    fn push_drawn(&mut self, drawn: &str) {
        self.push(&short(drawn));
    }

    fn push(&mut self, bytes: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Constant(last)) => last.extend_from_slice(bytes),
            _ => self.pieces.push(Piece::Constant(bytes.to_vec())),
        }
    }
}

/// Boxes by their two sides instead of their four corners (ISO 32000-2, table 58).
fn boxed(drawn: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(drawn.len()), drawn);
    while let Some((before, after)) = rest.split_once(BOX_BEGINS) {
        out.push_str(before);
        rest = match sides(after) {
            Some((width, height, behind)) => {
                out.push_str(&format!(" 0 0 {width} {height} re\n"));
                behind
            }
            None => {
                out.push_str(BOX_BEGINS);
                after
            }
        };
    }
    out.push_str(rest);
    out
}

/// The sides of the box whose corners begin a text, and what stands behind it.
fn sides(corners: &str) -> Option<(&str, &str, &str)> {
    let (width, rest) = corners.split_once(" 0 l ")?;
    let rest = rest.strip_prefix(width)?.strip_prefix(' ')?;
    let (height, rest) = rest.split_once(" l 0 ")?;
    let behind = rest.strip_prefix(height)?.strip_prefix(" l\nh\n")?;
    let are_numbers = !width.contains(' ') && !height.contains(' ');
    are_numbers.then_some((width, height, behind))
}

/// What is drawn, its numbers to five decimals and its colours in those of the device, which are the output
/// intent's (ISO 19005-3, 6.2.4.3), as the exporter's are.
fn short(drawn: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(drawn.len());
    for token in numbers(&in_device_colours(drawn)) {
        match token {
            Token::Number(_, number) => push_short(&mut bytes, number),
            Token::Words(words) => bytes.extend_from_slice(words.as_bytes()),
        }
    }
    bytes
}

fn in_device_colours(drawn: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(drawn.len()), drawn);
    while let Some(at) = rest.find('/') {
        let (before, named) = rest.split_at(at);
        out.push_str(before);
        match device_colour(named) {
            Some((colour, behind)) => {
                // What stands before may be a word, here or in the piece before.
                if !out.ends_with(|c: char| c.is_ascii_whitespace()) {
                    out.push(' ');
                }
                out.push_str(&colour);
                rest = behind;
            }
            None => {
                out.push('/');
                rest = &named[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The colour that begins a text, and what stands behind it: `/c0 cs 0.1 0.2 0.3 scn` is `0.1 0.2 0.3 rg`. Of
/// greys only black and white are the same in every space.
fn device_colour(text: &str) -> Option<(String, &str)> {
    let (end, shades, operators) = [(" scn", " cs ", ["g", "rg"]), (" SCN", " CS ", ["G", "RG"])]
        .into_iter()
        .find_map(|(end, begin, operators)| {
            let (colour, _) = text.split_once(end)?;
            let (name, shades) = colour.split_once(begin)?;
            let is_plain = name.starts_with("/c") && !name.contains(' ');
            is_plain.then_some((colour.len() + end.len(), shades, operators))
        })?;
    let numbers: Vec<f64> = shades
        .split(' ')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let operator = match numbers.as_slice() {
        [grey] if *grey == 0.0 || *grey == 1.0 => operators[0],
        [_, _, _] => operators[1],
        _ => return None,
    };
    let shades: Vec<String> = numbers.into_iter().map(shade).collect();
    Some((format!("{} {operator}", shades.join(" ")), &text[end..]))
}

/// One of 256 shades is told by three decimals.
fn shade(exact: f64) -> String {
    let steps = exact * 255.0;
    match (steps - steps.round()).abs() < 0.01 {
        true => ((exact * 1000.0).round() / 1000.0).to_string(),
        false => exact.to_string(),
    }
}

/// How a run looks, where it looks in no other way than by one colour and one font.
struct Style<'a> {
    /// Such as `/c0 cs 0.1 0.2 0.3 scn`.
    colour: &'a str,
    /// Such as `/f1 9 Tf`.
    font: &'a str,
    /// From behind the run.
    tail: &'a str,
}

impl<'a> Style<'a> {
    fn of(style: &'a str, tail: &'a str) -> Option<Self> {
        let (colour, rest) = style.split_once(BEFORE_FONT)?;
        let font = rest.strip_suffix(BEHIND_FONT)?;
        let tail = tail.strip_prefix(RUN_ENDS)?;
        let is_colour = colour.starts_with('/') && colour.ends_with(" scn");
        let is_plain = is_colour && colour.matches('/').count() == 1 && font.ends_with(" Tf");
        is_plain.then_some(Self { colour, font, tail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_told_by_their_sides() {
        for (drawn, told) in [
            (
                "cm 0 0 m 8.5 0 l 8.5 2 l 0 2 l\nh\nf\nQ",
                "cm 0 0 8.5 2 re\nf\nQ",
            ),
            (
                "rg 0 0 m \u{1}0\u{1} 0 l \u{1}0\u{1} 2 l 0 2 l\nh\nf",
                "rg 0 0 \u{1}0\u{1} 2 re\nf",
            ),
            ("cm 0 0 m 8.5 0 l\nS", "cm 0 0 m 8.5 0 l\nS"),
            (
                "cm 0 0 m 8 0 l 8 2 l 1 2 l\nh\nf",
                "cm 0 0 m 8 0 l 8 2 l 1 2 l\nh\nf",
            ),
        ] {
            assert_eq!(boxed(drawn), told);
        }
    }

    #[test]
    fn colours_are_those_of_the_device() {
        for (drawn, told) in [
            ("/c0 cs 0.5 0.25 0 scn", " 0.5 0.25 0 rg"),
            ("cm/c1 CS 1 SCN 2.8 w", "cm 1 G 2.8 w"),
            ("/c0 cs 0.33725 0.5 0.06274 scn", " 0.337 0.5 0.063 rg"),
            ("/c1 cs 0.5 scn", "/c1 cs 0.5 scn"),
            ("/Pattern cs /p0 scn", "/Pattern cs /p0 scn"),
            (
                "/x0 Do /c0 cs 1 1 1 scn /f0 9 Tf",
                "/x0 Do 1 1 1 rg /f0 9 Tf",
            ),
        ] {
            assert_eq!(String::from_utf8_lossy(&short(drawn)), told);
        }
    }
}
