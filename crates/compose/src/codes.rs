//! Square codes: what a phone or a scanner reads off the paper.
//!
//! A code is handed to the layout as a picture of a pixel for each module: hundreds of bytes in the file,
//! where outlines take thousands, and no hair lines as between squares that touch.

mod plan;

use datamatrix::{DataMatrixBuilder, EncodationType, SymbolList};
use fast_qr::{ECL, Mask, Mode, QRBuilder, QRCode};
use serde::{Serialize, Serializer};

use crate::codes::plan::Plans;

/// One mask for all: to try each of the eight on every code takes longer than all the rest of a bill,
/// and readers take any.
const MASK: Mask = Mask::Diamonds;

/// A code of `size` by `size` modules, quiet zone not included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Code {
    /// Modules along one side.
    pub(crate) size: usize,
    pub(crate) luma: Luma,
}

/// A byte for each module, row by row from the top: 0 is dark, 255 is light.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Luma(Vec<u8>);

impl Serialize for Luma {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl Code {
    fn new(size: usize, is_dark: impl Fn(usize) -> bool) -> Self {
        let luma = |at| if is_dark(at) { 0 } else { 255 };
        Self {
            size,
            luma: Luma((0..size * size).map(luma).collect()),
        }
    }
}

/// Text that is too long for its code.
#[derive(Debug, thiserror::Error)]
#[error("{length} bytes do not fit into a {kind}")]
pub struct TooLong {
    kind: &'static str,
    length: usize,
}

/// Draws square codes, and learns to draw those of a size faster once many have come.
#[derive(Default)]
pub(crate) struct Codes {
    plans: Plans,
}

impl Codes {
    /// A QR code with error correction M, as EPC069-12 asks for.
    pub(crate) fn qr(&self, text: &str) -> Result<Code, TooLong> {
        let bytes = text.as_bytes();
        match self.plans.draw(bytes) {
            Some(code) => Ok(code),
            None => encoded(bytes)
                .map(|code| Code::new(code.size, |at| code.data[at].value()))
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
    Ok(Code::new(size, |at| dark[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dark_module_is_a_zero() {
        let code = Codes::default().qr("Kvit").expect("fits");
        // A finder: seven dark modules, then a light one.
        assert_eq!(code.luma.0[..8], [0, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!(code.luma.0.len(), code.size * code.size);
        let code = data_matrix("KVIT1;999900010;1000000042").expect("fits");
        // Solid at the left, alternating above.
        let left = code.luma.0.chunks_exact(code.size).map(|row| row[0]);
        assert!(left.into_iter().all(|luma| luma == 0));
        assert_eq!(code.luma.0[..4], [0, 255, 0, 255]);
        assert!(Codes::default().qr(&"x".repeat(5_000)).is_err());
    }
}
