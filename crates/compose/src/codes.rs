//! Square codes as outlines: what a phone or a scanner reads off the paper.
//!
//! A code is handed to the layout as closed polygons around its dark areas, never as single squares:
//! squares that touch show hair lines between them in most viewers.

mod plan;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use datamatrix::{DataMatrixBuilder, EncodationType, SymbolList};
use fast_qr::{ECL, Mask, Mode, QRBuilder, QRCode};
use serde::{Serialize, Serializer};

use crate::codes::plan::Planned;

/// One mask for all: to try each of the eight on every code takes longer than all the rest of a bill,
/// and readers take any.
const MASK: Mask = Mask::Diamonds;

/// A code as polygons on a grid of `size` by `size` modules, quiet zone not included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Code {
    /// Modules along one side.
    pub(crate) size: usize,
    /// Closed polygons in module units, outer ones clockwise, holes the other way round.
    pub(crate) rings: Rings,
}

/// Polygons as one list of corners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rings {
    corners: Vec<(u16, u16)>,
    /// Where each polygon ends.
    ends: Vec<usize>,
}

impl Rings {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[(u16, u16)]> {
        let mut from = 0;
        self.ends.iter().map(move |&to| {
            let ring = self.corners.get(from..to).unwrap_or_default();
            from = to;
            ring
        })
    }
}

impl Serialize for Rings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Text that is too long for its code.
#[derive(Debug, thiserror::Error)]
#[error("{length} bytes do not fit into a {kind}")]
pub struct TooLong {
    kind: &'static str,
    length: usize,
}

/// Draws square codes, and learns to draw those of a length faster once many have come.
#[derive(Default)]
pub(crate) struct Codes {
    planned: RwLock<HashMap<usize, Arc<Planned>>>,
}

impl Codes {
    /// A QR code with error correction M, as EPC069-12 asks for.
    pub(crate) fn qr(&self, text: &str) -> Result<Code, TooLong> {
        let bytes = text.as_bytes();
        let known = self
            .planned
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&bytes.len())
            .cloned();
        let planned = known.unwrap_or_else(|| {
            let mut planned = self.planned.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(planned.entry(bytes.len()).or_default())
        });
        match planned.draw(bytes) {
            Some(code) => Ok(code),
            None => encoded(bytes)
                .map(|code| outline(code.size, |x, y| code[y][x].value()))
                .ok_or(TooLong {
                    kind: "QR code",
                    length: bytes.len(),
                }),
        }
    }
}

/// As the encoder makes it.
fn encoded(bytes: &[u8]) -> Option<QRCode> {
    let mut builder = QRBuilder::new(bytes);
    builder.mode(Mode::Byte).ecl(ECL::M).mask(MASK);
    builder.build().ok()
}

/// A square Data Matrix (ECC 200).
pub(crate) fn data_matrix(text: &str) -> Result<Code, TooLong> {
    let symbols = SymbolList::default().enforce_square();
    // Numbers for the most part, which ASCII packs in pairs: to search for a better encodation is
    // slow and finds none.
    let code = DataMatrixBuilder::new()
        .with_symbol_list(symbols)
        .with_encodation_types(EncodationType::Ascii)
        .encode(text.as_bytes())
        .map_err(|_| TooLong {
            kind: "Data Matrix",
            length: text.len(),
        })?;
    let bitmap = code.bitmap();
    let size = bitmap.width();
    let mut dark = vec![false; size * size];
    for (x, y) in bitmap.pixels() {
        if let Some(module) = dark.get_mut(y * size + x) {
            *module = true;
        }
    }
    Ok(outline(size, |x, y| dark[y * size + x]))
}

/// Which way a border runs.
const RIGHT: usize = 0;
const DOWN: usize = 1;
const LEFT: usize = 2;

/// Walks along the borders of the dark areas, dark always at the right hand.
fn outline(size: usize, dark: impl Fn(usize, usize) -> bool) -> Code {
    // With a light margin of one, so that each border has two sides.
    let wide = size + 2;
    let mut modules = vec![false; wide * wide];
    for y in 0..size {
        for x in 0..size {
            modules[(y + 1) * wide + x + 1] = dark(x, y);
        }
    }
    // Borders that leave each grid point, by direction; a dark module below a border to the right
    // makes it a border, and so on around.
    let points = size + 1;
    let mut leaving = vec![[false; 4]; points * points];
    for (y, row) in leaving.chunks_exact_mut(points).enumerate() {
        for (x, point) in row.iter_mut().enumerate() {
            let (above, below) = (y * wide + x, (y + 1) * wide + x);
            let (nw, ne) = (modules[above], modules[above + 1]);
            let (sw, se) = (modules[below], modules[below + 1]);
            *point = [se && !ne, sw && !se, nw && !sw, ne && !nw];
        }
    }
    let mut rings = Rings::default();
    for start in 0..points * points {
        while let Some(first) = (0..4).find(|&way| leaving[start][way]) {
            walk(&mut leaving, points, start, first, &mut rings.corners);
            rings.ends.push(rings.corners.len());
        }
    }
    Code { size, rings }
}

fn walk(
    leaving: &mut [[bool; 4]],
    points: usize,
    start: usize,
    first: usize,
    corners: &mut Vec<(u16, u16)>,
) {
    let (mut at, mut way, mut before) = (start, first, None);
    loop {
        // No corner where the border goes straight on.
        if before != Some(way) {
            let part = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
            corners.push((part(at % points), part(at / points)));
        }
        before = Some(way);
        leaving[at][way] = false;
        at = match way {
            RIGHT => at + 1,
            DOWN => at + points,
            LEFT => at - 1,
            _ => at - points,
        };
        if at == start && !leaving[at][(way + 1) % 4] {
            break;
        }
        // Where two dark modules touch at a corner only, turning right keeps them apart.
        let next = [(way + 1) % 4, way, (way + 3) % 4]
            .into_iter()
            .find(|&next| leaving[at][next]);
        match next {
            Some(next) => way = next,
            None => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills the rings again by the even-odd rule.
    fn filled(code: &Code) -> Vec<bool> {
        let inside = |x: usize, y: usize| {
            let (x, y) = (x as u16, y as u16);
            let crossings = code
                .rings
                .iter()
                .flat_map(|ring| {
                    ring.iter()
                        .zip(ring.iter().cycle().skip(1))
                        .filter(|(a, b)| a.0 == b.0 && a.0 > x)
                        .filter(|(a, b)| (a.1.min(b.1)..a.1.max(b.1)).contains(&y))
                })
                .count();
            crossings % 2 == 1
        };
        (0..code.size * code.size)
            .map(|i| inside(i % code.size, i / code.size))
            .collect()
    }

    #[test]
    fn outlines_enclose_exactly_the_dark_modules() {
        let codes = Codes::default();
        let text = "BCD\n002\n1\nSCT\nKVTBBGSF\nEnergo\nBG00\nEUR12.30\n\nRF00";
        let code = codes.qr(text).expect("fits");
        let raw = encoded(text.as_bytes()).expect("fits");
        let modules: Vec<bool> = raw.data[..raw.size * raw.size]
            .iter()
            .map(|module| module.value())
            .collect();
        assert_eq!(filled(&code), modules);

        let code = data_matrix("KVIT1;999900010;1000000042").expect("fits");
        let raw = DataMatrixBuilder::new()
            .with_symbol_list(SymbolList::default().enforce_square())
            .with_encodation_types(EncodationType::Ascii)
            .encode(b"KVIT1;999900010;1000000042")
            .expect("fits");
        let dark: Vec<(usize, usize)> = raw.bitmap().pixels().collect();
        let modules: Vec<bool> = (0..code.size * code.size)
            .map(|i| dark.contains(&(i % code.size, i / code.size)))
            .collect();
        assert_eq!(filled(&code), modules);
    }

    #[test]
    fn corners_are_corners() {
        let square = outline(2, |_, _| true);
        let corners: &[(u16, u16)] = &[(0, 0), (2, 0), (2, 2), (0, 2)];
        assert!(square.rings.iter().eq([corners]));
        let diagonal = outline(2, |x, y| x == y);
        assert_eq!(diagonal.rings.iter().count(), 2);
        assert!(Codes::default().qr(&"x".repeat(5_000)).is_err());
    }
}
