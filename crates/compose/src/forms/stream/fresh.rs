//! Repetitions within what a bill adds: its reference stands on it three times, its units on every line.

/// Shorter ones save nothing.
const LENGTH_MIN: usize = 6;
pub(super) const LENGTH_MAX: usize = 258;
const TABLE_BITS: u32 = 11;

/// What is fresh so far, and where six bytes of it came last.
pub(super) struct Fresh {
    bytes: Vec<u8>,
    table: Vec<Place>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// Among what is fresh, and in the stream.
    at: u32,
    in_stream: u32,
    /// Where, among what is fresh, something known comes next; zero where there is no such place.
    end: u32,
}

/// What to write of something fresh.
pub(super) enum Token<'a> {
    Literals(&'a [u8]),
    Copy { length: usize, distance: usize },
}

impl Fresh {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(8 * 1024),
            table: vec![Place::default(); 1 << TABLE_BITS],
        }
    }

    /// Takes bytes that begin at this place of the stream, and hands out how to write them.
    pub(super) fn take(&mut self, bytes: &[u8], start: usize, mut out: impl FnMut(Token<'_>)) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len();
        let (mut at, mut written) = (0, 0);
        while let Some(key) = bytes.get(at..).and_then(<[u8]>::first_chunk::<LENGTH_MIN>) {
            let place = &mut self.table[slot(*key)];
            let last = *place;
            *place = Place {
                at: (base + at) as u32,
                in_stream: (start + at) as u32,
                end: end as u32,
            };
            let earlier = &self.bytes[last.at as usize..last.end as usize];
            let both = earlier.iter().zip(&bytes[at..]).take(LENGTH_MAX);
            let length = both.take_while(|(a, b)| a == b).count();
            let distance = start + at - last.in_stream as usize;
            if length < LENGTH_MIN || distance > super::DISTANCE_MAX {
                at += 1;
                continue;
            }
            out(Token::Literals(&bytes[written..at]));
            out(Token::Copy { length, distance });
            at += length;
            written = at;
        }
        out(Token::Literals(&bytes[written..]));
    }
}

fn slot([a, b, c, d, e, f]: [u8; LENGTH_MIN]) -> usize {
    let word = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    // The golden ratio spreads neighbours (Knuth, volume 3, 6.4).
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TABLE_BITS)) as usize
}
