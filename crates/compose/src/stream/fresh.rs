//! Repetitions within what a bill adds: its reference stands on it three times, its units on every line.

/// Shorter ones save nothing.
const LENGTH_MIN: usize = 6;
pub(super) const LENGTH_MAX: usize = 258;
const TABLE_BITS: u32 = 11;
const TABLE: usize = 1 << TABLE_BITS;
/// So that eight bytes can be read at each place.
const PADDING: [u8; 8] = [0; 8];
/// Places are counted over all streams; beyond so many the table is made anew.
const PLACES_MAX: u32 = u32::MAX / 2;

/// What is fresh so far in a stream, and where six bytes of it came last. Serves one stream after another, each
/// of which [`Fresh::begin`] begins.
#[derive(Default)]
pub(super) struct Fresh {
    /// What is fresh, and [`PADDING`] behind it.
    bytes: Vec<u8>,
    length: usize,
    pieces: Vec<Piece>,
    /// The number of the stream's first place; what the table says of earlier ones is of another stream.
    first: u32,
    /// Numbers of places among what is fresh. Empty before the first stream.
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
        self.first += self.length as u32;
        self.pieces.clear();
        self.length = 0;
        if self.table.is_empty() || self.first > PLACES_MAX {
            self.first = 1;
            self.table.clear();
            self.table.resize(TABLE, 0);
        }
    }

    /// Takes bytes that begin at this place of the stream, and hands out how to write them.
    pub(super) fn take(&mut self, bytes: &[u8], start: usize, mut out: impl FnMut(Token<'_>)) {
        let base = self.length;
        self.bytes.truncate(base);
        self.bytes.extend_from_slice(bytes);
        self.length = self.bytes.len();
        self.bytes.extend_from_slice(&PADDING);
        self.pieces.push(Piece { start, base });
        let (mut at, mut written) = (0, 0);
        while at + LENGTH_MIN <= bytes.len() {
            let Some((last, key)) = self.last(base + at) else {
                break;
            };
            // Most places are of other bytes, or of another stream.
            let is_same = last < base + at && six(&self.bytes, last) == Some(key);
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

    /// Where bytes with the slot of those at this place came last, unless that was in another stream, and the bytes
    /// here. Notes that they are here.
    #[inline]
    fn last(&mut self, here: usize) -> Option<(usize, u64)> {
        let key = six(&self.bytes, here)?;
        let place = self.table.first_chunk_mut::<TABLE>()?.get_mut(slot(key))?;
        let last = place.wrapping_sub(self.first) as usize;
        *place = self.first + here as u32;
        Some((last, key))
    }

    /// How long and how far back a repetition is from that place among what is fresh, for bytes that begin at `to` in
    /// the stream; nothing where it would reach into what is known, or is too far.
    fn copy(&self, from: usize, to: usize, bytes: &[u8]) -> Option<(usize, usize)> {
        let index = self.pieces.partition_point(|piece| piece.base <= from);
        let piece = self.pieces.get(index.checked_sub(1)?)?;
        let next = self.pieces.get(index);
        let end = next.map_or(self.length, |next| next.base);
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

/// [`LENGTH_MIN`] bytes at a place.
#[inline]
fn six(bytes: &[u8], at: usize) -> Option<u64> {
    let eight = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*eight) << 16)
}

#[inline]
fn slot(key: u64) -> usize {
    // The golden ratio spreads neighbours (Knuth, volume 3, 6.4).
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TABLE_BITS)) as usize
}
