//! QR codes at the speed of a bill. For one length of text, error correction and mask, each module of
//! a code is a sum (exclusive or) of bits of the text: Reed–Solomon codes are linear, and the rest
//! of the encoder moves bits about. So the encoder is asked once for the code of no bit and once for
//! that of each single bit, and every further code is the sum of those whose bits are set.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use super::{Code, encoded};

/// A length is planned at its so-many-th code: a plan costs the encoder as many as it has bits.
const PLAN_FROM: u32 = 2_000;

/// The codes of one length, planned when it begins to pay.
#[derive(Default)]
pub(super) struct Planned {
    met: AtomicU32,
    plan: OnceLock<Option<Plan>>,
}

/// Modules as bits, row by row.
type Modules = Vec<u64>;

struct Plan {
    size: usize,
    /// Of a text whose bits are all zero.
    zero: Modules,
    /// What each bit of the text turns over, first bit of the first byte first.
    bits: Vec<Modules>,
}

impl Planned {
    /// The code of a text of this length, or nothing as long as there is no plan for it.
    pub(super) fn draw(&self, text: &[u8]) -> Option<Code> {
        if self.met.fetch_add(1, Ordering::Relaxed) < PLAN_FROM {
            return None;
        }
        let plan = self.plan.get_or_init(|| Plan::new(text.len())).as_ref()?;
        Some(plan.draw(text))
    }
}

impl Plan {
    fn new(length: usize) -> Option<Self> {
        let mut text = vec![0; length];
        let (size, zero) = modules(&text)?;
        let mut bits = Vec::with_capacity(length * 8);
        for at in 0..length {
            for bit in 0..8 {
                text[at] = 0x80 >> bit;
                let (_, mut turned) = modules(&text)?;
                turned.iter_mut().zip(&zero).for_each(|(a, b)| *a ^= b);
                bits.push(turned);
            }
            text[at] = 0;
        }
        Some(Self { size, zero, bits })
    }

    fn draw(&self, text: &[u8]) -> Code {
        let mut modules = self.zero.clone();
        for (byte, bits) in text.iter().zip(self.bits.chunks_exact(8)) {
            for (bit, turned) in bits.iter().enumerate() {
                if byte & (0x80 >> bit) != 0 {
                    modules.iter_mut().zip(turned).for_each(|(a, b)| *a ^= b);
                }
            }
        }
        Code::new(self.size, |at| modules[at / 64] >> (at % 64) & 1 == 1)
    }
}

fn modules(text: &[u8]) -> Option<(usize, Modules)> {
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
        for length in [1, 17, 60] {
            let plan = Plan::new(length).expect("short enough");
            let mut seed = 5_u64;
            for _ in 0..20 {
                let text: Vec<u8> = (0..length)
                    .map(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (seed >> 56) as u8
                    })
                    .collect();
                let theirs = encoded(&text).expect("short enough");
                let theirs = Code::new(theirs.size, |at| theirs.data[at].value());
                assert_eq!(plan.draw(&text), theirs);
            }
        }
    }
}
