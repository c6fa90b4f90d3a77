//! A stream of a form, compressed as it is written. What is the same on every bill was taken apart when the
//! form was made: which bytes repeat earlier ones, and which bits say so. A bill adds what is its own, and how far
//! back the repetitions lie by now. That is several times faster than to look for repetitions in each bill, and
//! smaller too, because there is time to find the best ones.
//!
//! The result is one zlib stream (RFC 1950) of one Deflate block (RFC 1951).

mod fresh;
mod huffman;
mod plan;

use serde::{Deserialize, Serialize};

use fresh::{Fresh, Token};
use huffman::Code;

/// What takes the content of a stream. Which bytes are known, and how often something fresh comes in between,
/// must be the same on every bill of a form; what is fresh may be anything, and nothing.
pub(crate) trait Sink {
    fn known(&mut self, bytes: &[u8]);
    fn fresh(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn known(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    fn fresh(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Bytes of a stream as they come.
enum Part {
    Known(Vec<u8>),
    Fresh(Vec<u8>),
}

/// Learns what a stream is made of, from one bill.
#[derive(Default)]
pub(crate) struct Sample {
    parts: Vec<Part>,
}

impl Sink for Sample {
    fn known(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Known(last)) => last.extend_from_slice(bytes),
            _ => self.parts.push(Part::Known(bytes.to_vec())),
        }
    }
    fn fresh(&mut self, bytes: &[u8]) {
        self.parts.push(Part::Fresh(bytes.to_vec()));
    }
}

/// How the known bytes of a stream are written, and with which codes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    stretches: Vec<Stretch>,
    /// zlib's head and that of the block, and how many bits of the last byte they take, if not all.
    head: Vec<u8>,
    head_bits: usize,
    literals: Code,
    distances: Code,
}

/// Known bytes between what is fresh.
#[derive(Debug, Serialize, Deserialize)]
struct Stretch {
    bytes: Vec<u8>,
    steps: Vec<Step>,
    /// The sum of its bytes, and the sum of these sums: what the checksum of the stream needs of it.
    sums: [u32; 2],
}

#[derive(Debug, Serialize, Deserialize)]
enum Step {
    /// Codes of literals, and how many bits they are.
    Literals(u64, u8),
    Copy(Copy),
}

/// Bytes that came before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Copy {
    /// Where they come again, in this stretch.
    to: u32,
    length: u16,
    /// Where they came from.
    stretch: u32,
    at: u32,
    /// The code of the length.
    bits: u32,
    count: u8,
}

/// Adler-32 is counted by this (RFC 1950, 9).
const ADLER_MODULUS: u32 = 65_521;
/// No repetition lies further back.
const DISTANCE_MAX: usize = 32_768;
const END_OF_BLOCK: usize = 256;
/// The longest code (RFC 1951, 3.2.7).
const BITS_MAX: u8 = 15;
/// So many bits of literals are written at once.
const LITERALS_BITS: u8 = 48;

/// First distance and number of extra bits of each distance code (RFC 1951, 3.2.5).
const fn distance_ranges() -> [(usize, u8); 30] {
    let mut ranges = [(0, 0); 30];
    let (mut symbol, mut first) = (0, 1);
    while symbol < ranges.len() {
        let bits = if symbol < 4 { 0 } else { symbol / 2 - 1 };
        ranges[symbol] = (first, bits as u8);
        first += 1 << bits;
        symbol += 1;
    }
    ranges
}
const DISTANCES: [(usize, u8); 30] = distance_ranges();

/// The code of a distance.
fn distance_symbol(distance: usize) -> usize {
    match distance {
        0..=4 => distance.saturating_sub(1),
        _ => {
            let bits = (distance - 1).ilog2() as usize;
            2 * bits + ((distance - 1) >> (bits - 1) & 1)
        }
    }
}

impl Sample {
    /// The plan, if it gives back what was shown.
    pub(crate) fn plan(self) -> Option<Plan> {
        let plan = plan::plan(&self.parts)?;
        let (mut writer, mut content) = (plan.writer(), Vec::new());
        for part in &self.parts {
            match part {
                Part::Known(bytes) => {
                    writer.known(bytes);
                    content.known(bytes);
                }
                Part::Fresh(bytes) => {
                    writer.fresh(bytes);
                    content.fresh(bytes);
                }
            }
        }
        let written = writer.finish()?;
        let mut read = vec![0; content.len()];
        let length = libdeflater::Decompressor::new().zlib_decompress(&written, &mut read);
        (length == Ok(content.len()) && read == content).then_some(plan)
    }
}

impl Plan {
    pub(crate) fn writer(&self) -> Writer<'_> {
        let mut out = self.head.clone();
        let mut pending = 0;
        if !self.head_bits.is_multiple_of(8) {
            pending = out.pop().unwrap_or_default().into();
        }
        let at = out.len();
        out.resize(at + 8 * 1024, 0);
        Writer {
            plan: self,
            out,
            at,
            pending,
            bits: (self.head_bits % 8) as u8,
            length: 0,
            sums: [1, 0],
            starts: Vec::with_capacity(self.stretches.len()),
            left: &[],
            fresh: Some(Fresh::new()),
            is_broken: false,
        }
    }
}

/// A stream of one bill being compressed.
pub(crate) struct Writer<'a> {
    plan: &'a Plan,
    out: Vec<u8>,
    /// How many bytes of `out` are written.
    at: usize,
    /// Bits that do not fill a byte yet.
    pending: u64,
    bits: u8,
    /// Of the content so far.
    length: usize,
    sums: [u32; 2],
    /// Where each stretch began.
    starts: Vec<usize>,
    /// What is still to come of the latest stretch.
    left: &'a [u8],
    fresh: Option<Fresh>,
    is_broken: bool,
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
        if let Some(mut fresh) = self.fresh.take() {
            fresh.take(bytes, self.length, |token| match token {
                Token::Literals(bytes) => self.literals(bytes),
                Token::Copy { length, distance } => {
                    let (symbol, extra, extra_bits) = plan::length_symbol(length);
                    let (code, count) = self.plan.literals[symbol];
                    let bits = u64::from(code) | u64::from(extra) << count;
                    self.repeat(bits, count + extra_bits, distance);
                }
            });
            self.fresh = Some(fresh);
        }
        for byte in bytes {
            self.sums[0] += u32::from(*byte);
            self.sums[1] += self.sums[0];
            // Far from overflowing for thousands of bytes, but a text may be long.
            if self.sums[1] > u32::MAX / 2 {
                self.sums[1] %= ADLER_MODULUS;
            }
        }
        self.sums = self.sums.map(|sum| sum % ADLER_MODULUS);
        self.length += bytes.len();
    }
}

impl Writer<'_> {
    /// The compressed stream; nothing where what came was not what the plan was made for, or so much of it was
    /// fresh that repetitions are out of reach.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        if self.is_broken || !self.left.is_empty() || self.starts.len() != self.plan.stretches.len()
        {
            return None;
        }
        let (code, count) = self.plan.literals[END_OF_BLOCK];
        self.push(code.into(), count);
        if self.bits > 0 {
            self.push(0, 8 - self.bits);
        }
        self.out.truncate(self.at);
        let [a, b] = self.sums;
        self.out.extend_from_slice(&(b << 16 | a).to_be_bytes());
        Some(self.out)
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
                Step::Literals(bits, count) => self.push(*bits, *count),
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
        self.repeat(copy.bits.into(), copy.count, distance);
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
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn read(zlib: &[u8], length: usize) -> Vec<u8> {
        let mut read = vec![0; length];
        let mut reader = libdeflater::Decompressor::new();
        assert_eq!(reader.zlib_decompress(zlib, &mut read), Ok(length));
        read
    }

    fn show(sink: &mut impl Sink, known: &[Vec<u8>], fresh: &[Vec<u8>]) {
        for (known, fresh) in known.iter().zip(fresh) {
            sink.known(known);
            sink.fresh(fresh);
        }
    }

    #[test]
    fn distances_have_the_codes_of_the_standard() {
        for (distance, symbol) in [
            (1, 0),
            (4, 3),
            (5, 4),
            (6, 4),
            (7, 5),
            (24_576, 28),
            (24_577, 29),
            (32_768, 29),
        ] {
            assert_eq!(distance_symbol(distance), symbol, "{distance}");
            let (first, bits) = DISTANCES[symbol];
            assert!((first..first + (1 << bits)).contains(&distance));
        }
    }

    #[test]
    fn what_was_not_planned_for_is_not_written() {
        let mut sample = Sample::default();
        show(&mut sample, &[b"known".to_vec()], &[b"fresh".to_vec()]);
        let plan = sample.plan().expect("plannable");
        let mut writer = plan.writer();
        writer.known(b"known, and more");
        assert!(writer.finish().is_none());
        let mut writer = plan.writer();
        writer.known(b"knows");
        writer.fresh(b"");
        assert!(writer.finish().is_none());
        let mut writer = plan.writer();
        writer.known(b"kno");
        writer.fresh(b"");
        assert!(writer.finish().is_none());
        assert!(plan.writer().finish().is_none());
    }

    proptest! {
        /// Whatever is fresh, the stream gives back what went in, unless so much is that what is known is out of
        /// reach of what repeats it.
        #[test]
        fn streams_give_back_what_went_in(
            known in vec(vec(prop::sample::select(b"ab(\x00\xff".as_slice()), 1..60), 1..12),
            shown in vec(vec(any::<u8>(), 0..20), 12),
            fresh in vec(vec(any::<u8>(), 0..20), 12),
            length in prop::sample::select([0, 300, 40_000].as_slice()),
        ) {
            let mut sample = Sample::default();
            show(&mut sample, &known, &shown);
            let plan = sample.plan().expect("plannable");
            let mut fresh = fresh;
            fresh[0].resize(length, b'x');
            let (mut writer, mut content) = (plan.writer(), Vec::new());
            show(&mut writer, &known, &fresh);
            show(&mut content, &known, &fresh);
            match writer.finish() {
                Some(written) => prop_assert!(read(&written, content.len()) == content),
                None => prop_assert!(length > DISTANCE_MAX),
            }
        }
    }
}
