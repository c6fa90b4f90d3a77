//! What is written on a page of a form: constant bytes, texts shaped from a bill's leaves, numbers that follow
//! shares.

use std::{cell::Cell, io::Write};

use crate::{
    forms::{
        form::{Form, Misfit, Piece, Slot},
        leaves::Leaves,
    },
    stream::Sink,
};

/// A text may be so much wider than the widest that was proven to fit, in points: rounding only.
const WIDTH_TOLERANCE: f64 = 0.02;

thread_local! {
    /// What the last page of this thread left for the next: vectors, grown and without content.
    static ROOM: Cell<Room> = Cell::default();
}

/// What a page is written with.
#[derive(Default)]
struct Room {
    fresh: Vec<u8>,
    /// A text's glyphs, as they are shown.
    glyphs: Vec<u8>,
}

impl Form {
    /// The content of a page.
    pub(crate) fn page(
        &self,
        pieces: &[Piece],
        leaves: &Leaves,
        out: &mut dyn Sink,
    ) -> Result<(), Misfit> {
        let mut room = ROOM.take();
        let written = self.page_in(&mut room, pieces, leaves, out);
        ROOM.set(room);
        written
    }

    fn page_in(
        &self,
        room: &mut Room,
        pieces: &[Piece],
        leaves: &Leaves,
        out: &mut dyn Sink,
    ) -> Result<(), Misfit> {
        let Room { fresh, glyphs } = room;
        for piece in pieces {
            fresh.clear();
            glyphs.clear();
            match piece {
                Piece::Constant(bytes) => out.known(bytes),
                Piece::Number(number) => {
                    push_short(fresh, number.of(leaves)?);
                    out.fresh(fresh);
                }
                Piece::Slot(slot) => {
                    let x = self.shaped(slot, leaves, |cid, correction| {
                        push_plainly(glyphs, cid, correction);
                    })?;
                    push_number(fresh, x);
                    fresh.push(b' ');
                    push_number(fresh, slot.y.of(leaves)?);
                    fresh.extend_from_slice(b" cm");
                    fresh.extend_from_slice(slot.style.as_bytes());
                    fresh.extend_from_slice(b"[<");
                    fresh.extend_from_slice(glyphs);
                    fresh.extend_from_slice(b">]TJ");
                    fresh.extend_from_slice(slot.tail.as_bytes());
                    out.fresh(fresh);
                }
                Piece::Lean(slot) => {
                    let x = self.shaped(slot, leaves, |cid, correction| {
                        push_glyph(glyphs, cid, correction);
                    })?;
                    if slot.y.moves() {
                        push_short(fresh, x);
                        fresh.push(b' ');
                        push_short(fresh, slot.y.of(leaves)?);
                        out.fresh(fresh);
                        out.known(slot.style.as_bytes());
                    } else if slot.follows_its_width() {
                        push_short(fresh, x);
                        out.fresh(fresh);
                        out.known(slot.style.as_bytes());
                    }
                    out.fresh(glyphs);
                }
            }
        }
        Ok(())
    }

    /// Where the text of a slot begins. Each of its glyphs goes to `glyph`, with the correction before it, in
    /// thousandths to the left, where it has one.
    #[inline]
    fn shaped(
        &self,
        slot: &Slot,
        leaves: &Leaves,
        mut glyph: impl FnMut(u16, Option<f64>),
    ) -> Result<f64, Misfit> {
        let font = self.fonts.get(slot.font).ok_or(Misfit::Kind)?;
        let glyphs = &*font.glyphs;
        let (mut width, mut before) = (0, None);
        for part in &slot.parts {
            for character in part.text(leaves)?.chars() {
                let found = glyphs.place(character);
                let found = found.and_then(|place| Some((place, *font.cids.get(place)?)));
                let (place, cid) = found.ok_or(Misfit::Character(character))?;
                // Most pairs have none.
                let kern = match before {
                    Some(before) => glyphs
                        .kerning(before, place)
                        .ok_or(Misfit::Pair(character))?,
                    None => 0,
                };
                width += glyphs.advance(place) + kern;
                before = Some(place);
                glyph(cid, (kern != 0).then(|| -glyphs.thousandths(kern)));
            }
        }
        let width = glyphs.thousandths(width) / 1000.0 * slot.size;
        if width > slot.width_max + WIDTH_TOLERANCE {
            return Err(Misfit::Width);
        }
        Ok(slot.anchor - slot.before * width)
    }
}

impl Slot {
    /// Whether its place depends on how wide its text is.
    pub(crate) fn follows_its_width(&self) -> bool {
        self.before != 0.0
    }
}

/// Shows glyphs in as few bytes as possible. `kern` is the correction before the glyph at a place, in
/// thousandths to the left.
pub(crate) fn push_shown(out: &mut Vec<u8>, cids: &[u16], kern: impl Fn(usize) -> Option<f64>) {
    out.extend_from_slice(b"[(");
    for (at, cid) in cids.iter().enumerate() {
        push_glyph(out, *cid, kern(at));
    }
    out.extend_from_slice(b")]TJ ");
}

/// A glyph in parentheses, and the correction before it.
#[inline]
fn push_glyph(out: &mut Vec<u8>, cid: u16, correction: Option<f64>) {
    if let Some(correction) = correction {
        out.push(b')');
        // A hundredth of a thousandth of the size is far below what anything can show.
        push_short(out, (correction * 100.0).round() / 100.0);
        out.push(b'(');
    }
    push_escaped(out, cid);
}

/// Two bytes of a string in parentheses.
#[inline]
pub(crate) fn push_escaped(out: &mut Vec<u8>, unit: u16) {
    let bytes = unit.to_be_bytes();
    match is_special(bytes[0]) | is_special(bytes[1]) {
        false => out.extend_from_slice(&bytes),
        true => push_escapes(out, bytes),
    }
}

#[cold]
fn push_escapes(out: &mut Vec<u8>, bytes: [u8; 2]) {
    for byte in bytes {
        match byte {
            // A bare carriage return would be read as a line feed (ISO 32000-2, 7.3.4.2).
            b'\r' => out.extend_from_slice(b"\\r"),
            byte if is_special(byte) => out.extend_from_slice(&[b'\\', byte]),
            byte => out.push(byte),
        }
    }
}

const fn is_special(byte: u8) -> bool {
    const SPECIAL: [bool; 256] = {
        let mut special = [false; 256];
        special[b'(' as usize] = true;
        special[b')' as usize] = true;
        special[b'\\' as usize] = true;
        special[b'\r' as usize] = true;
        special
    };
    SPECIAL[byte as usize]
}

/// A glyph so that page content stays plain text, which is easier to take apart.
fn push_plainly(out: &mut Vec<u8>, cid: u16, correction: Option<f64>) {
    if let Some(correction) = correction {
        out.push(b'>');
        push_number(out, correction);
        out.push(b'<');
    }
    push_hex(out, cid);
}

#[allow(clippy::cast_possible_truncation)]
fn push_number(out: &mut Vec<u8>, number: f64) {
    // The exporter writes single precision; a minus before zero would only be noise.
    let number = number as f32;
    let number = if number == 0.0 { 0.0 } else { number };
    let _ = write!(out, "{number}");
}

/// A number to five decimals, which is as exact as the exporter's single precision is on a page of paper.
pub(crate) fn push_short(out: &mut Vec<u8>, number: f64) {
    let parts = (number * 100_000.0).round() as i64;
    if parts < 0 {
        out.push(b'-');
    }
    let (whole, mut rest) = (parts.abs() / 100_000, parts.abs() % 100_000);
    // Places on paper have at most three digits before the point.
    match whole {
        0..10 => out.push(b'0' + whole as u8),
        10..1_000 => {
            if whole >= 100 {
                out.push(b'0' + (whole / 100) as u8);
            }
            out.extend_from_slice(&[b'0' + (whole / 10 % 10) as u8, b'0' + (whole % 10) as u8]);
        }
        _ => drop(write!(out, "{whole}")),
    }
    if rest == 0 {
        return;
    }
    out.push(b'.');
    while rest > 0 {
        out.push(b'0' + (rest / 10_000) as u8);
        rest = rest % 10_000 * 10;
    }
}

fn push_hex(out: &mut Vec<u8>, value: u16) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[usize::from(value >> shift & 0xf)]);
    }
}
