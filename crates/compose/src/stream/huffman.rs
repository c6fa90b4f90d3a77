//! Codes of a Deflate block (RFC 1951, 3.2.2 and 3.2.7): their lengths from how often symbols come, and how
//! a block tells them.

/// The longest code of a literal, a length or a distance: a bit less than there may be (RFC 1951, 3.2.7), so that four
/// literals are written at once.
pub(super) const BITS_MAX: u8 = 14;
/// The longest code of a length of a code.
const SMALL_BITS_MAX: u8 = 7;
/// In which order a block tells the lengths of the codes that tell lengths.
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// A code by symbol: its bits as they are written, first bit lowest, and how many.
pub(super) type Code = Vec<(u16, u8)>;

/// Bits in the order in which they are written.
#[derive(Default)]
pub(super) struct Bits {
    pub(super) bytes: Vec<u8>,
    pub(super) count: usize,
}

impl Bits {
    pub(super) fn push(&mut self, bits: u64, count: u8) {
        for at in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(bits >> at & 1 == 1) << (self.count % 8);
            }
            self.count += 1;
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        for at in 0..other.count {
            self.push((other.bytes[at / 8] >> (at % 8) & 1).into(), 1);
        }
    }
}

/// Lengths of the codes of symbols that come so often; none for what never comes.
pub(super) fn lengths(frequencies: &[u32]) -> Vec<u8> {
    limited(frequencies, BITS_MAX)
}

fn limited(frequencies: &[u32], bits_max: u8) -> Vec<u8> {
    let mut weights = frequencies.to_vec();
    loop {
        let lengths = unlimited(&weights);
        if lengths.iter().all(|length| *length <= bits_max) {
            return lengths;
        }
        // What is rare is made less so, until no code is too long.
        for weight in weights.iter_mut().filter(|weight| **weight > 0) {
            *weight = *weight / 2 + 1;
        }
    }
}

fn unlimited(weights: &[u32]) -> Vec<u8> {
    let mut lengths = vec![0; weights.len()];
    // A tree: its weight and the symbols in it.
    let mut trees: Vec<(u64, Vec<usize>)> = weights
        .iter()
        .enumerate()
        .filter(|(_, weight)| **weight > 0)
        .map(|(symbol, weight)| (u64::from(*weight), vec![symbol]))
        .collect();
    if let [(_, only)] = trees.as_slice() {
        lengths[only[0]] = 1;
        return lengths;
    }
    trees.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    while let (Some((a, mut symbols)), Some((b, others))) = (trees.pop(), trees.pop()) {
        symbols.extend(others);
        for symbol in &symbols {
            lengths[*symbol] += 1;
        }
        let weight = a + b;
        let at = trees.partition_point(|(other, _)| *other > weight);
        trees.insert(at, (weight, symbols));
        if trees.len() == 1 {
            break;
        }
    }
    lengths
}

/// The codes of these lengths.
pub(super) fn codes(lengths: &[u8]) -> Code {
    let mut codes = vec![(0, 0); lengths.len()];
    let mut next = 0_u16;
    for length in 1..=BITS_MAX {
        next <<= 1;
        let symbols = lengths.iter().enumerate();
        for (symbol, _) in symbols.filter(|(_, own)| **own == length) {
            codes[symbol] = (next.reverse_bits() >> (16 - length), length);
            next += 1;
        }
    }
    codes
}

/// The beginning of a block with codes of its own, of these lengths.
pub(super) fn head(literals: &[u8], distances: &[u8], is_last: bool) -> Bits {
    let told = in_runs(&[literals, distances].concat());
    let mut frequencies = [0; ORDER.len()];
    for (symbol, ..) in &told {
        frequencies[*symbol] += 1;
    }
    let small = limited(&frequencies, SMALL_BITS_MAX);
    let codes = codes(&small);
    let last = ORDER.iter().rposition(|symbol| small[*symbol] > 0);
    let count = last.map_or(4, |last| (last + 1).max(4));
    let mut bits = Bits::default();
    bits.push(is_last.into(), 1);
    bits.push(2, 2);
    bits.push(literals.len() as u64 - 257, 5);
    bits.push(distances.len() as u64 - 1, 5);
    bits.push(count as u64 - 4, 4);
    for symbol in &ORDER[..count] {
        bits.push(small[*symbol].into(), 3);
    }
    for (symbol, extra, extra_bits) in told {
        let (code, length) = codes[symbol];
        bits.push(code.into(), length);
        bits.push(extra, extra_bits);
    }
    bits
}

/// Lengths as symbols, each with what is told beside it and in how many bits.
fn in_runs(lengths: &[u8]) -> Vec<(usize, u64, u8)> {
    let mut told = Vec::new();
    for run in lengths.chunk_by(|a, b| a == b) {
        let (length, mut left) = (run[0], run.len());
        if length != 0 {
            told.push((length.into(), 0, 0));
            left -= 1;
        }
        while left > 0 {
            let (symbol, least, extra_bits, most) = match (length, left) {
                (0, 11..) => (18, 11, 7, 138),
                (0, 3..) => (17, 3, 3, 10),
                (1.., 3..) => (16, 3, 2, 6),
                _ => {
                    told.push((length.into(), 0, 0));
                    left -= 1;
                    continue;
                }
            };
            let taken = left.min(most);
            told.push((symbol, (taken - least) as u64, extra_bits));
            left -= taken;
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_complete_and_limited() {
        // Weights of which each is the sum of those before make the deepest tree.
        let mut weights = vec![1, 1];
        while weights.len() < 40 {
            weights.push(weights[weights.len() - 1] + weights[weights.len() - 2]);
        }
        let lengths = lengths(&weights);
        assert!(lengths.iter().all(|length| (1..=BITS_MAX).contains(length)));
        let room: u32 = lengths.iter().map(|length| 1 << (BITS_MAX - length)).sum();
        assert_eq!(room, 1 << BITS_MAX);
        assert_eq!(unlimited(&[0, 7, 0]), [0, 1, 0]);
    }
}
