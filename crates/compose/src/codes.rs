//! Square codes: what a phone or a scanner reads off the paper.
//!
//! A code is handed to the layout as a picture of a pixel for each module: hundreds of bytes in the file,
//! where outlines take thousands, and no hair lines as between squares that touch.

mod plan;
mod slip;

use datamatrix::{DataMatrixBuilder, EncodationType, SymbolList};
use fast_qr::{ECL, Mask, Mode, QRBuilder, QRCode};
use serde::{Serialize, Serializer};

use crate::codes::{
    plan::{Modules, Plans},
    slip::Slips,
};

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
    /// Of modules as bits, row by row, dark ones set, lowest bit first.
    fn of_bits(size: usize, modules: &[u64]) -> Self {
        let mut luma = Vec::with_capacity(modules.len() * 64);
        for byte in modules.iter().flat_map(|bits| bits.to_le_bytes()) {
            luma.extend_from_slice(&eight_lumas(byte));
        }
        luma.truncate(size * size);
        Self {
            size,
            luma: Luma(luma),
        }
    }
}

/// 0 for each bit that is set, 255 for each that is not, that of the lowest bit first.
fn eight_lumas(byte: u8) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A copy of the byte for each of its bits, with that bit alone.
    let alone = (u64::from(byte) * ONES) & 0x8040_2010_0804_0201;
    // Whatever is not zero carries into its highest bit.
    let set = (alone + 0x7f * ONES) >> 7 & ONES;
    ((ONES - set) * 255).to_le_bytes()
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
    slips: Slips,
}

impl Codes {
    /// A square Data Matrix (ECC 200).
    pub(crate) fn data_matrix(&self, text: &str) -> Result<Code, TooLong> {
        let bytes = text.as_bytes();
        let encoded = || data_matrix(bytes).map(|(size, modules)| Code::of_bits(size, &modules));
        let drawn = self.slips.draw(bytes, &data_matrix);
        drawn.or_else(encoded).ok_or(TooLong {
            kind: "Data Matrix",
            length: bytes.len(),
        })
    }

    /// A QR code with error correction M, as EPC069-12 asks for.
    pub(crate) fn qr(&self, text: &str) -> Result<Code, TooLong> {
        let bytes = text.as_bytes();
        match self.plans.draw(bytes) {
            Some(code) => Ok(code),
            None => plan::modules(bytes)
                .map(|(size, modules)| Code::of_bits(size, &modules))
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

/// A square Data Matrix (ECC 200) as the encoder makes it: modules along one side, and the modules.
fn data_matrix(text: &[u8]) -> Option<(usize, Modules)> {
    let symbols = SymbolList::default().enforce_square();
    // Numbers for the most part, which ASCII packs in pairs: to search for a better encodation is
    // slow and finds none.
    let code = DataMatrixBuilder::new()
        .with_symbol_list(symbols)
        .with_encodation_types(EncodationType::Ascii)
        .encode(text)
        .ok()?;
    let bitmap = code.bitmap();
    let size = bitmap.width();
    let mut modules = vec![0; (size * size).div_ceil(64)];
    for (x, y) in bitmap.pixels() {
        let at = y * size + x;
        if let Some(bits) = modules.get_mut(at / 64) {
            *bits |= 1 << (at % 64);
        }
    }
    Some((size, modules))
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
        let code = Codes::default()
            .data_matrix("KVIT1;999900010;1000000042")
            .expect("fits");
        // Solid at the left, alternating above.
        let left = code.luma.0.chunks_exact(code.size).map(|row| row[0]);
        assert!(left.into_iter().all(|luma| luma == 0));
        assert_eq!(code.luma.0[..4], [0, 255, 0, 255]);
        assert!(Codes::default().qr(&"x".repeat(5_000)).is_err());
        assert!(Codes::default().data_matrix(&"x".repeat(5_000)).is_err());
    }

    #[test]
    fn a_slip_is_the_encoders_whatever_its_numbers() {
        let codes = Codes::default();
        let mut seed = 3_u64;
        let mut number = |digits: usize| -> String {
            let next = |_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'0' + (seed >> 40) as u8 % 10)
            };
            (0..digits).map(next).collect()
        };
        for _ in 0..200 {
            for (account, on) in [(10, 10), (7, 10), (10, 3), (13, 1)] {
                let text = format!("KVIT1;{};{};{}", number(9), number(account), number(on));
                let (size, modules) = super::data_matrix(text.as_bytes()).expect("fits");
                let theirs = Code::of_bits(size, &modules);
                assert_eq!(codes.data_matrix(&text).expect("fits"), theirs, "{text}");
            }
        }
    }
}
