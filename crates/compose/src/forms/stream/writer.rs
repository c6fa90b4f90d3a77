//! Writes one bill's stream by a plan.

use super::{
    ADLER_MODULUS, BITS_MAX, Copy, DISTANCE_MAX, DISTANCES, LITERALS_BITS, Plan, Sink, Step,
    distance_symbol,
    fresh::{Fresh, Token},
    plan,
};

const END_OF_BLOCK: usize = 256;
/// Bytes set aside for a compressed stream at first.
const FIRST_ROOM: usize = 8 * 1024;

/// A stream of one bill being compressed.
pub(crate) struct Writer<'a> {
    plan: &'a Plan,
    codes: Codes<'a>,
    /// Of the content so far.
    length: usize,
    sums: [u32; 2],
    /// Where each stretch began.
    starts: Vec<usize>,
    /// What is still to come of the latest stretch.
    left: &'a [u8],
    fresh: Fresh,
    is_broken: bool,
}

impl Plan {
    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer {
            plan: self,
            codes: Codes::new(self),
            length: 0,
            sums: [1, 0],
            starts: Vec::with_capacity(self.stretches.len()),
            left: &[],
            fresh: Fresh::new(),
            is_broken: false,
        }
    }
}

impl Sink for Writer<'_> {
    fn known(&mut self, bytes: &[u8]) {
        if self.left.is_empty() && !bytes.is_empty() {
            self.stretch();
        }
        match self.left.strip_prefix(bytes) {
            Some(left) => self.left = left,
            None => self.is_broken = true,
        }
    }

    fn fresh(&mut self, bytes: &[u8]) {
        self.is_broken |= !self.left.is_empty();
        let codes = &mut self.codes;
        self.fresh.take(bytes, self.length, |token| match token {
            Token::Literals(bytes) => codes.literals(bytes),
            Token::Copy { length, distance } => codes.fresh_copy(length, distance),
        });
        for byte in bytes {
            self.sums[0] += u32::from(*byte);
            self.sums[1] += self.sums[0];
            // Far from overflowing for thousands of bytes, but a text may be long.
            if self.sums[1] > u32::MAX / 2 {
                self.sums = self.sums.map(|sum| sum % ADLER_MODULUS);
            }
        }
        self.sums = self.sums.map(|sum| sum % ADLER_MODULUS);
        self.length += bytes.len();
    }
}

impl Writer<'_> {
    /// The compressed stream; nothing where what came was not what the plan was made for, or so much of it was
    /// fresh that repetitions are out of reach.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        if self.is_broken || !self.left.is_empty() || self.starts.len() != self.plan.stretches.len()
        {
            return None;
        }
        let mut out = self.codes.finish();
        let [a, b] = self.sums;
        out.extend_from_slice(&(b << 16 | a).to_be_bytes());
        Some(out)
    }

    /// Writes the next known bytes, all at once.
    fn stretch(&mut self) {
        let Some(stretch) = self.plan.stretches.get(self.starts.len()) else {
            self.is_broken = true;
            return;
        };
        self.starts.push(self.length);
        for step in &stretch.steps {
            match step {
                Step::Literals(bits, count) => self.codes.push(*bits, *count),
                Step::Copy(copy) => self.copy(copy),
            }
        }
        let [a, b] = self.sums.map(u64::from);
        let [sum, sums] = stretch.sums.map(u64::from);
        let length = stretch.bytes.len();
        let modulus = u64::from(ADLER_MODULUS);
        let b = (b + length as u64 * a + sums) % modulus;
        self.sums = [((a + sum) % modulus) as u32, b as u32];
        self.length += length;
        self.left = &stretch.bytes;
    }

    fn copy(&mut self, copy: &Copy) {
        let (stretch, at) = (copy.stretch as usize, copy.at as usize);
        let distance = self.length + copy.to as usize - self.starts[stretch] - at;
        if distance > DISTANCE_MAX {
            self.is_broken = true;
            return;
        }
        self.codes.repeat(copy.bits.into(), copy.count, distance);
    }
}

/// Codes of a plan, bit by bit.
struct Codes<'a> {
    plan: &'a Plan,
    out: Vec<u8>,
    /// How many bytes of `out` are written.
    at: usize,
    /// Bits that do not fill a byte yet.
    pending: u64,
    bits: u8,
}

impl<'a> Codes<'a> {
    /// Behind the head of a stream.
    fn new(plan: &'a Plan) -> Self {
        let mut out = plan.head.clone();
        let bits = (plan.head_bits % 8) as u8;
        let pending = match bits {
            0 => 0,
            _ => out.pop().unwrap_or_default().into(),
        };
        let at = out.len();
        out.resize(at + FIRST_ROOM, 0);
        Self {
            plan,
            out,
            at,
            pending,
            bits,
        }
    }

    fn literals(&mut self, bytes: &[u8]) {
        let (mut bits, mut count) = (0, 0);
        for byte in bytes {
            let (code, length) = self.plan.literals[usize::from(*byte)];
            bits |= u64::from(code) << count;
            count += length;
            if count > LITERALS_BITS - BITS_MAX {
                self.push(bits, count);
                (bits, count) = (0, 0);
            }
        }
        self.push(bits, count);
    }

    fn fresh_copy(&mut self, length: usize, distance: usize) {
        let (symbol, extra, extra_bits) = plan::length_symbol(length);
        let (code, count) = self.plan.literals[symbol];
        let bits = u64::from(code) | u64::from(extra) << count;
        self.repeat(bits, count + extra_bits, distance);
    }

    /// The code of a length, which takes `count` bits, and that of a distance.
    fn repeat(&mut self, bits: u64, count: u8, distance: usize) {
        let symbol = distance_symbol(distance);
        let (first, extra_bits) = DISTANCES[symbol];
        let (code, code_bits) = self.plan.distances[symbol];
        let extra = (distance - first) as u64;
        let rest = u64::from(code) | extra << code_bits;
        self.push(bits | rest << count, count + code_bits + extra_bits);
    }

    /// Writes up to 56 bits.
    fn push(&mut self, bits: u64, count: u8) {
        self.pending |= bits << self.bits;
        self.bits += count;
        if self.out.len() < self.at + 8 {
            self.out.resize(2 * self.out.len() + 8, 0);
        }
        self.out[self.at..self.at + 8].copy_from_slice(&self.pending.to_le_bytes());
        let whole = self.bits / 8;
        self.at += usize::from(whole);
        self.pending >>= whole * 8;
        self.bits %= 8;
    }

    /// Ends the block, and fills the last byte.
    fn finish(mut self) -> Vec<u8> {
        let (code, count) = self.plan.literals[END_OF_BLOCK];
        self.push(code.into(), count);
        if self.bits > 0 {
            self.push(0, 8 - self.bits);
        }
        self.out.truncate(self.at);
        self.out
    }
}
