//! QR codes at the speed of a bill. For one size, error correction and mask, each module of a code is a sum
//! (exclusive or) of bits of the text: Reed–Solomon codes are linear, and the rest of the encoder moves
//! bits about. So the encoder is asked once for the code of one text of each length, and once for what each
//! bit turns over, for each size; every further code is the first one with the bits turned over in which the texts differ.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{Code, encoded};

/// A size is planned at its so-many-th code: a plan costs the encoder about as many as texts have bits that vary.
const PLAN_FROM: u32 = 30;
/// Longer texts are left to the encoder. A payment has at most 331 bytes (EPC069-12, 2.3).
const BYTES_MAX: usize = 400;

/// Modules as bits, row by row.
pub(super) type Modules = Vec<u64>;

/// What is known of codes so far.
#[derive(Default)]
pub(super) struct Plans {
    by_length: RwLock<HashMap<usize, Option<Arc<Length>>>>,
    by_side: RwLock<HashMap<usize, Arc<Size>>>,
}

/// Texts of one length.
struct Length {
    size: Arc<Size>,
    /// The first of them. Most of the others begin like it.
    first: Vec<u8>,
    /// Its code.
    modules: Modules,
}

/// Codes of one size.
struct Size {
    side: usize,
    met: AtomicU32,
    /// What each bit of a text turns over, first bit of the first byte first, once it is known.
    turned: Vec<OnceLock<Option<Modules>>>,
}

impl Plans {
    /// The code of a text, or nothing as long as there is no plan for it.
    pub(super) fn draw(&self, text: &[u8]) -> Option<Code> {
        let length = self.length(text)?;
        if length.size.met.fetch_add(1, Ordering::Relaxed) < PLAN_FROM {
            return None;
        }
        length.draw(text)
    }

    fn length(&self, text: &[u8]) -> Option<Arc<Length>> {
        let bytes = text.len();
        let known = self
            .by_length
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&bytes) {
            return found.clone();
        }
        drop(known);
        let found = self.new_length(text).map(Arc::new);
        let mut known = self
            .by_length
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.entry(bytes).or_insert(found).clone()
    }

    fn new_length(&self, first: &[u8]) -> Option<Length> {
        if first.len() > BYTES_MAX {
            return None;
        }
        let (side, modules) = modules(first)?;
        let mut known = self.by_side.write().unwrap_or_else(PoisonError::into_inner);
        let size = known.entry(side).or_insert_with(|| {
            Arc::new(Size {
                side,
                met: AtomicU32::new(0),
                turned: (0..BYTES_MAX * 8).map(|_| OnceLock::new()).collect(),
            })
        });
        Some(Length {
            size: Arc::clone(size),
            first: first.to_vec(),
            modules,
        })
    }
}

impl Length {
    fn draw(&self, text: &[u8]) -> Option<Code> {
        let mut modules = self.modules.clone();
        for (at, (byte, first)) in text.iter().zip(&self.first).enumerate() {
            let differing = byte ^ first;
            for bit in (0..8).filter(|bit| differing & (0x80 >> bit) != 0) {
                let turned = self.size.turned.get(at * 8 + bit)?;
                let turned = turned.get_or_init(|| self.turned(at, bit)).as_ref()?;
                modules.iter_mut().zip(turned).for_each(|(a, b)| *a ^= b);
            }
        }
        Some(Code::of_bits(self.size.side, &modules))
    }

    fn turned(&self, at: usize, bit: usize) -> Option<Modules> {
        let mut text = self.first.clone();
        text[at] ^= 0x80 >> bit;
        let (side, mut turned) = modules(&text)?;
        let own = turned.iter_mut().zip(&self.modules);
        own.for_each(|(a, b)| *a ^= b);
        (side == self.size.side).then_some(turned)
    }
}

/// Modules along one side, and the modules.
pub(super) fn modules(text: &[u8]) -> Option<(usize, Modules)> {
    let code = encoded(text)?;
    let count = code.size * code.size;
    let mut modules = vec![0; count.div_ceil(64)];
    for (at, module) in code.data.iter().take(count).enumerate() {
        modules[at / 64] |= u64::from(module.value()) << (at % 64);
    }
    Some((code.size, modules))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_code_is_the_encoders() {
        let plans = Plans::default();
        let mut seed = 5_u64;
        // Lengths of the same size share what bits turn over, whichever of them learned it.
        for _ in 0..20 {
            for bytes in [1, 17, 60, 61, 59, 213, 230] {
                let text: Vec<u8> = (0..bytes)
                    .map(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (seed >> 56) as u8
                    })
                    .collect();
                let theirs = encoded(&text).expect("short enough");
                let mut bits = vec![0; (theirs.size * theirs.size).div_ceil(64)];
                for at in (0..theirs.size * theirs.size).filter(|at| theirs.data[*at].value()) {
                    bits[at / 64] |= 1 << (at % 64);
                }
                let theirs = Code::of_bits(theirs.size, &bits);
                let length = plans.length(&text).expect("short enough");
                assert_eq!(length.draw(&text), Some(theirs));
            }
        }
        assert!(plans.by_side.read().expect("sound").len() < 7);
        assert!(plans.draw(&[0; BYTES_MAX + 1]).is_none());
    }
}
