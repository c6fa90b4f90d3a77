//! Repetitions within what a bill adds: its reference stands on it three times, its units on every line.

/// Shorter ones save nothing.
const LENGTH_MIN: usize = 6;
pub(super) const LENGTH_MAX: usize = 258;
const TABLE_BITS: u32 = 11;
/// Places are counted over all streams; beyond so many the table is made anew.
const PLACES_MAX: u32 = u32::MAX / 2;

/// What is fresh so far in a stream, and where six bytes of it came last. Serves one stream after another, each
/// of which [`Fresh::begin`] begins.
#[derive(Default)]
pub(super) struct Fresh {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// The number of the stream's first place; what the table says of earlier ones is of another stream.
    first: u32,
    /// Numbers of places among what is fresh.
    table: Vec<u32>,
}

/// Fresh bytes between what is known.
#[derive(Clone, Copy)]
struct Piece {
    /// Where it begins in the stream, and where among what is fresh.
    start: usize,
    base: usize,
}

/// What to write of something fresh.
pub(super) enum Token<'a> {
    Literals(&'a [u8]),
    Copy { length: usize, distance: usize },
}

impl Fresh {
    /// Begins another stream.
    pub(super) fn begin(&mut self) {
        self.first += self.bytes.len() as u32;
        self.pieces.clear();
        self.bytes.clear();
        if self.table.is_empty() || self.first > PLACES_MAX {
            self.first = 1;
            self.table.clear();
            self.table.resize(1 << TABLE_BITS, 0);
        }
    }

    /// Takes bytes that begin at this place of the stream, and hands out how to write them.
    pub(super) fn take(&mut self, bytes: &[u8], start: usize, mut out: impl FnMut(Token<'_>)) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.pieces.push(Piece { start, base });
        let (mut at, mut written) = (0, 0);
        while let Some(key) = bytes.get(at..).and_then(<[u8]>::first_chunk::<LENGTH_MIN>) {
            let place = &mut self.table[slot(*key)];
            let last = place.wrapping_sub(self.first) as usize;
            *place = self.first + (base + at) as u32;
            // Most places are of other bytes, or of another stream.
            let is_same = self.bytes.get(last..last.saturating_add(LENGTH_MIN)) == Some(key);
            match is_same.then(|| self.copy(last, start + at, &bytes[at..])) {
                Some(Some((length, distance))) => {
                    out(Token::Literals(&bytes[written..at]));
                    out(Token::Copy { length, distance });
                    at += length;
                    written = at;
                }
                _ => at += 1,
            }
        }
        out(Token::Literals(&bytes[written..]));
    }

    /// How long and how far back a repetition is from that place among what is fresh, for bytes that begin at `to` in
    /// the stream; nothing where it would reach into what is known, or is too far.
    fn copy(&self, from: usize, to: usize, bytes: &[u8]) -> Option<(usize, usize)> {
        let index = self.pieces.partition_point(|piece| piece.base <= from);
        let piece = self.pieces.get(index.checked_sub(1)?)?;
        let next = self.pieces.get(index);
        let end = next.map_or(self.bytes.len(), |next| next.base);
        let both = self
            .bytes
            .get(from..end)?
            .iter()
            .zip(bytes)
            .take(LENGTH_MAX);
        let length = both.take_while(|(a, b)| a == b).count();
        let distance = to - (piece.start + from - piece.base);
        (length >= LENGTH_MIN && distance <= super::DISTANCE_MAX).then_some((length, distance))
    }
}

fn slot([a, b, c, d, e, f]: [u8; LENGTH_MIN]) -> usize {
    let word = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    // The golden ratio spreads neighbours (Knuth, volume 3, 6.4).
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TABLE_BITS)) as usize
}
