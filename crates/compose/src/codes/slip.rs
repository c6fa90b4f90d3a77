//! Data Matrix codes of numbers at the speed of a bill, by the same means as `plan.rs`: a module is a sum of what each
//! codeword of the text turns over, since Reed–Solomon codes are linear. Texts that differ in their digits only, which
//! stand in pairs in codewords (ISO/IEC 16022, 5.2.3), have the code of the first of them with that turned over
//! which their numbers turn over; the encoder is asked once for each number at each place.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use super::{Code, plan::Modules};

/// So many kinds of texts are known; what comes after that is left to the encoder.
const KINDS_MAX: usize = 64;
/// Numbers of two digits.
const NUMBERS: usize = 100;

/// What is known of codes so far, by their texts with each digit replaced by a zero.
#[derive(Default)]
pub(super) struct Slips {
    kinds: RwLock<HashMap<Vec<u8>, Arc<Kind>>>,
}

/// Texts that differ in their digits only.
struct Kind {
    /// The first of them, and its code.
    first: Vec<u8>,
    side: usize,
    modules: Modules,
    /// Where its pairs of digits stand, and single ones behind them.
    places: Vec<Range<usize>>,
    /// What each number at each place turns over, once it is known.
    turned: Vec<OnceLock<Option<Modules>>>,
}

/// Modules along one side, and the modules, as the encoder makes them.
type Encoder = dyn Fn(&[u8]) -> Option<(usize, Modules)>;

impl Slips {
    /// The code of a text, or nothing where the encoder has to draw it.
    pub(super) fn draw(&self, text: &[u8], encoder: &Encoder) -> Option<Code> {
        let zeros: Vec<u8> = text.iter().map(|byte| zeroed(*byte)).collect();
        let known = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let (kind, has_room) = (known.get(&zeros).cloned(), known.len() < KINDS_MAX);
        drop(known);
        let kind = match kind {
            Some(kind) => kind,
            None if has_room => {
                let kind = Arc::new(Kind::new(text, encoder)?);
                let mut known = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(known.entry(zeros).or_insert(kind))
            }
            None => return None,
        };
        kind.draw(text, encoder)
    }
}

impl Kind {
    fn new(first: &[u8], encoder: &Encoder) -> Option<Self> {
        let (side, modules) = encoder(first)?;
        let mut places = Vec::new();
        let mut at = 0;
        for run in first.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
            let end = at + run.len();
            if run[0].is_ascii_digit() {
                places.extend((at..end).step_by(2).map(|at| at..end.min(at + 2)));
            }
            at = end;
        }
        let turned = places
            .iter()
            .flat_map(|_| (0..NUMBERS).map(|_| OnceLock::new()));
        Some(Self {
            first: first.to_vec(),
            side,
            modules,
            turned: turned.collect(),
            places,
        })
    }

    fn draw(&self, text: &[u8], encoder: &Encoder) -> Option<Code> {
        let mut modules = self.modules.clone();
        for (place, turned) in self.places.iter().zip(self.turned.chunks(NUMBERS)) {
            let digits = &text[place.clone()];
            if *digits == self.first[place.clone()] {
                continue;
            }
            let digit = |number, digit: &u8| 10 * number + usize::from(digit - b'0');
            let turned = turned[digits.iter().fold(0, digit)].get_or_init(|| {
                let mut text = self.first.clone();
                text[place.clone()].copy_from_slice(digits);
                let (side, mut turned) = encoder(&text)?;
                turned
                    .iter_mut()
                    .zip(&self.modules)
                    .for_each(|(a, b)| *a ^= b);
                (side == self.side).then_some(turned)
            });
            modules
                .iter_mut()
                .zip(turned.as_ref()?)
                .for_each(|(a, b)| *a ^= b);
        }
        Some(Code::of_bits(self.side, &modules))
    }
}

const fn zeroed(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        other => other,
    }
}
