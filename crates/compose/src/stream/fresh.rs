//! Repetitions within what a bill adds: its reference stands on it three times, its units on every line.

/// Shorter ones save nothing.
const LENGTH_MIN: usize = 6;
pub(super) const LENGTH_MAX: usize = 258;
const TABLE_BITS: u32 = 11;
/// Pieces are counted over all streams; beyond so many the table is made anew.
const PIECES_MAX: u32 = u32::MAX / 2;

/// What is fresh so far in a stream, and where six bytes of it came last. Serves one stream after another, each
/// of which [`Fresh::begin`] begins.
#[derive(Default)]
pub(super) struct Fresh {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// The number of the stream's first piece; what the table says of earlier ones is of another stream.
    first: u32,
    table: Vec<Place>,
}

/// Fresh bytes between what is known.
#[derive(Clone, Copy)]
struct Piece {
    /// Where it begins in the stream, and where among what is fresh.
    start: usize,
    base: usize,
    /// Where it ends among what is fresh.
    end: usize,
}

/// Number of a piece, counted from 1, and where among what is fresh.
#[derive(Clone, Copy, Default)]
struct Place {
    piece: u32,
    at: u32,
}

/// What to write of something fresh.
pub(super) enum Token<'a> {
    Literals(&'a [u8]),
    Copy { length: usize, distance: usize },
}

impl Fresh {
    /// Begins another stream.
    pub(super) fn begin(&mut self) {
        self.first += self.pieces.len() as u32;
        self.pieces.clear();
        self.bytes.clear();
        if self.table.is_empty() || self.first > PIECES_MAX {
            self.first = 1;
            self.table.clear();
            self.table.resize(1 << TABLE_BITS, Place::default());
        }
    }

    /// Takes bytes that begin at this place of the stream, and hands out how to write them.
    pub(super) fn take(&mut self, bytes: &[u8], start: usize, mut out: impl FnMut(Token<'_>)) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let piece = self.first + self.pieces.len() as u32;
        self.pieces.push(Piece {
            start,
            base,
            end: self.bytes.len(),
        });
        let (mut at, mut written) = (0, 0);
        while let Some(key) = bytes.get(at..).and_then(<[u8]>::first_chunk::<LENGTH_MIN>) {
            let place = &mut self.table[slot(*key)];
            let last = *place;
            *place = Place {
                piece,
                at: (base + at) as u32,
            };
            let earlier = last.piece.checked_sub(self.first);
            let earlier = earlier.and_then(|index| self.pieces.get(index as usize));
            let Some(Piece {
                start: from,
                base: before,
                end,
            }) = earlier.copied()
            else {
                at += 1;
                continue;
            };
            let last = last.at as usize;
            let both = self.bytes[last..end].iter().zip(&bytes[at..]);
            let both = both.take(LENGTH_MAX);
            let length = both.take_while(|(a, b)| a == b).count();
            let distance = start + at - (from + last - before);
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
