//! A stream of a form, compressed as it is written. What is the same on every bill was taken apart when the
//! form was made: which bytes repeat earlier ones, and which bits say so. A bill adds what is its own, and how far
//! back the repetitions lie by now. That is several times faster than to look for repetitions in each bill, and
//! smaller too, because there is time to find the best ones.
//!
//! The result is one zlib stream (RFC 1950) of one Deflate block (RFC 1951).

mod constant;
mod fresh;
mod huffman;
mod plan;
mod writer;

use serde::{Deserialize, Serialize};

pub(crate) use constant::packed;
use huffman::Code;

/// What takes the content of a stream. Which bytes are known, and how often something fresh comes in between,
/// must be the same as in the sample that a plan was made from; what is fresh may be anything, and nothing.
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
    length: u32,
    steps: Vec<Step>,
    /// The sum of its bytes, and the sum of these sums: what the checksum of the stream needs of it.
    sums: [u32; 2],
}

#[derive(Debug, Serialize, Deserialize)]
enum Step {
    /// Codes that are the same on every bill, and how many bits they are: literals, and repetitions with nothing
    /// fresh in between.
    Run(u64, u8),
    Copy(Copy),
}

/// Bytes that came before something fresh.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Copy {
    /// The one they came from.
    stretch: u32,
    /// How much further from the beginning of its stretch they come again.
    further: i32,
    /// The code of the length.
    bits: u32,
    count: u8,
}

/// Longer content is left to the library: repetitions lie too far apart in it, and a plan takes too much.
const CONTENT_MAX: usize = 128 * 1024;
/// Adler-32 is counted by this (RFC 1950, 9).
const ADLER_MODULUS: u32 = 65_521;
/// No repetition lies further back.
const DISTANCE_MAX: usize = 32_768;
/// So many bits are written at once: as many as 64 hold with seven that wait for their byte to be full.
const RUN_BITS: u8 = 56;

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
#[inline]
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
    /// The plan, if it gives back what was shown, and that was not too much to plan for.
    pub(crate) fn plan(self) -> Option<Plan> {
        let lengths = self.parts.iter().map(|part| match part {
            Part::Known(bytes) | Part::Fresh(bytes) => bytes.len(),
        });
        if lengths.sum::<usize>() > CONTENT_MAX {
            return None;
        }
        let plan = plan::plan(&self.parts)?;
        plan.gives_back(&self.parts).then_some(plan)
    }
}

impl Plan {
    fn gives_back(&self, parts: &[Part]) -> bool {
        let (mut writer, mut content) = (self.writer(), Vec::new());
        for part in parts {
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
        let mut read = vec![0; content.len()];
        let mut reader = libdeflater::Decompressor::new();
        let read_back = |written: &[u8]| {
            reader.zlib_decompress(written, &mut read) == Ok(content.len()) && read == content
        };
        writer.finish().is_some_and(read_back)
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
            known in vec(vec(prop::sample::select(b"ab(\x00\xff".as_slice()), 1..300), 1..12),
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
                Some(written) => prop_assert!(read(written, content.len()) == content),
                None => prop_assert!(length > DISTANCE_MAX),
            }
        }
    }
}
