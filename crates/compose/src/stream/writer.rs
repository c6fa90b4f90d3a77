//! Writes one bill's stream by a plan.

use std::cell::Cell;

use super::{
    ADLER_MODULUS, Copy, DISTANCE_MAX, DISTANCES, Plan, RUN_BITS, Sink, Step, distance_symbol,
    fresh::{Fresh, Token},
    plan,
};

/// A code for each, before the end of the block and the lengths.
const BYTES: usize = 256;
const END_OF_BLOCK: usize = 256;
/// So many bytes of 255 are summed before 32 bits overflow (RFC 1950, 9), rounded down.
const SUMS_UNCUT: usize = 4_096;
/// Bytes set aside for a compressed stream at first.
const FIRST_ROOM: usize = 16 * 1024;

thread_local! {
    /// What the last stream of this thread left for the next: its vectors, grown and without content.
    static ROOM: Cell<Room> = Cell::default();
}

/// What a writer works with.
#[derive(Default)]
struct Room {
    fresh: Fresh,
    /// Where each stretch began.
    starts: Vec<usize>,
    out: Vec<u8>,
}

/// A stream of one bill being compressed.
pub(crate) struct Writer<'a> {
    plan: &'a Plan,
    codes: Codes<'a>,
    /// Of the content so far.
    length: usize,
    sums: [u32; 2],
    /// Where each stretch began.
    starts: Vec<usize>,
    /// How many bytes of the latest stretch are still to come.
    left: usize,
    fresh: Fresh,
    is_broken: bool,
}

impl Plan {
    pub(crate) fn writer(&self) -> Writer<'_> {
        let Room {
            mut fresh,
            mut starts,
            out,
        } = ROOM.take();
        fresh.begin();
        starts.clear();
        Writer {
            plan: self,
            codes: Codes::new(self, out),
            length: 0,
            sums: [1, 0],
            starts,
            left: 0,
            fresh,
            is_broken: false,
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        ROOM.set(Room {
            fresh: std::mem::take(&mut self.fresh),
            starts: std::mem::take(&mut self.starts),
            out: std::mem::take(&mut self.codes.out),
        });
    }
}

impl Sink for Writer<'_> {
    /// Only how many bytes they are is looked at.
    fn known(&mut self, bytes: &[u8]) {
        if self.left == 0 && !bytes.is_empty() {
            self.stretch();
        }
        match self.left.checked_sub(bytes.len()) {
            Some(left) => self.left = left,
            None => self.is_broken = true,
        }
    }

    fn fresh(&mut self, bytes: &[u8]) {
        self.is_broken |= self.left > 0;
        let codes = &mut self.codes;
        self.fresh.take(bytes, self.length, |token| match token {
            Token::Literals(bytes) => codes.literals(bytes),
            Token::Copy { length, distance } => codes.fresh_copy(length, distance),
        });
        for bytes in bytes.chunks(SUMS_UNCUT) {
            self.sums = summed(self.sums, bytes).map(|sum| sum % ADLER_MODULUS);
        }
        self.length += bytes.len();
    }
}

impl Writer<'_> {
    /// The compressed stream; nothing where what came was not of the lengths that the plan was made for, or so
    /// much of it was fresh that repetitions are out of reach.
    pub(crate) fn finish(&mut self) -> Option<&[u8]> {
        if self.is_broken || self.left > 0 || self.starts.len() != self.plan.stretches.len() {
            return None;
        }
        let [a, b] = self.sums;
        Some(self.codes.finish(b << 16 | a))
    }

    /// Writes the next known bytes, all at once.
    fn stretch(&mut self) {
        let plan = self.plan;
        let Some(stretch) = plan.stretches.get(self.starts.len()) else {
            self.is_broken = true;
            return;
        };
        self.starts.push(self.length);
        for step in &stretch.steps {
            match step {
                Step::Run(bits, count) => self.codes.push(*bits, *count),
                Step::Copy(copy) => self.copy(copy),
            }
        }
        let [a, b] = self.sums.map(u64::from);
        let [sum, sums] = stretch.sums.map(u64::from);
        let length = stretch.length as usize;
        let modulus = u64::from(ADLER_MODULUS);
        let b = (b + length as u64 * a + sums) % modulus;
        self.sums = [((a + sum) % modulus) as u32, b as u32];
        self.length += length;
        self.left = length;
    }

    fn copy(&mut self, copy: &Copy) {
        let apart = self.length - self.starts[copy.stretch as usize];
        let distance = apart.wrapping_add_signed(copy.further as isize);
        if distance > DISTANCE_MAX {
            self.is_broken = true;
            return;
        }
        self.codes.repeat(copy.bits.into(), copy.count, distance);
    }
}

/// The sum of bytes, and the sum of these sums, going on from others; up to [`SUMS_UNCUT`] bytes.
fn summed([mut a, mut b]: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    /// Every other byte.
    const APART: u64 = 0x00ff_00ff_00ff_00ff;
    let (eights, rest) = bytes.as_chunks();
    for eight in eights {
        let word = u64::from_le_bytes(*eight);
        let (even, odd) = (word & APART, word >> 8 & APART);
        // The highest two bytes of such a product are a sum of all four, each as often as the factor says.
        let sum = |four: u64, often: u64| (four.wrapping_mul(often) >> 48) as u32;
        b += 8 * a + sum(even, 0x0008_0006_0004_0002) + sum(odd, 0x0007_0005_0003_0001);
        a += sum(even + odd, 0x0001_0001_0001_0001);
    }
    for byte in rest {
        a += u32::from(*byte);
        b += a;
    }
    [a, b]
}

/// The code of distances from `first` on.
#[derive(Clone, Copy, Default)]
struct Far {
    first: u32,
    code: u32,
    bits: u8,
    /// With what is told beside it.
    all_bits: u8,
}

/// Codes of a plan, bit by bit.
struct Codes<'a> {
    plan: &'a Plan,
    /// A power of two, so that no number of a code is outside.
    distances: [Far; 32],
    out: Vec<u8>,
    /// How many bytes of `out` are written.
    at: usize,
    /// Bits that do not fill a byte yet.
    pending: u64,
    bits: u8,
}

impl<'a> Codes<'a> {
    /// Behind the head of a stream.
    fn new(plan: &'a Plan, mut out: Vec<u8>) -> Self {
        let bits = (plan.head_bits % 8) as u8;
        let at = plan.head.len() - usize::from(bits > 0);
        if out.len() < at + FIRST_ROOM {
            out.resize(at + FIRST_ROOM, 0);
        }
        out[..at].copy_from_slice(&plan.head[..at]);
        let mut distances = [Far::default(); 32];
        let known = DISTANCES.iter().zip(&plan.distances);
        for (far, ((first, extra), (code, bits))) in distances.iter_mut().zip(known) {
            *far = Far {
                first: *first as u32,
                code: u32::from(*code),
                bits: *bits,
                all_bits: bits + extra,
            };
        }
        Self {
            plan,
            distances,
            out,
            at,
            pending: plan.head.get(at).copied().unwrap_or_default().into(),
            bits,
        }
    }

    fn literals(&mut self, bytes: &[u8]) {
        let Some(codes) = self.plan.literals.first_chunk::<BYTES>() else {
            return;
        };
        // As many at once as may be pushed.
        let (mut bits, mut count) = (0, 0);
        for byte in bytes {
            let (code, length) = codes[usize::from(*byte)];
            if count + length > RUN_BITS {
                self.push(bits, count);
                (bits, count) = (0, 0);
            }
            bits |= u64::from(code) << count;
            count += length;
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
    #[inline]
    fn repeat(&mut self, bits: u64, count: u8, distance: usize) {
        let far = self.distances[distance_symbol(distance) % 32];
        let rest = far.code | (distance as u32 - far.first) << far.bits;
        self.push(bits | u64::from(rest) << count, count + far.all_bits);
    }

    /// Writes up to [`RUN_BITS`] bits.
    #[inline]
    fn push(&mut self, bits: u64, count: u8) {
        self.pending |= bits << self.bits;
        self.bits += count;
        let pending = self.pending.to_le_bytes();
        match self.out.get_mut(self.at..self.at + 8) {
            Some(place) => place.copy_from_slice(&pending),
            None => self.grow(&pending),
        }
        let whole = self.bits / 8;
        self.at += usize::from(whole);
        // Up to 63 bits: what is left of them is less than a byte.
        self.pending >>= whole * 8;
        self.bits %= 8;
    }

    #[cold]
    fn grow(&mut self, pending: &[u8; 8]) {
        self.out.resize(2 * self.out.len() + 8, 0);
        self.out[self.at..self.at + 8].copy_from_slice(pending);
    }

    /// Ends the block, fills the last byte, and adds the checksum.
    fn finish(&mut self, checksum: u32) -> &[u8] {
        let (code, count) = self.plan.literals[END_OF_BLOCK];
        self.push(code.into(), count);
        if self.bits > 0 {
            self.push(0, 8 - self.bits);
        }
        self.push(checksum.swap_bytes().into(), 32);
        &self.out[..self.at]
    }
}
