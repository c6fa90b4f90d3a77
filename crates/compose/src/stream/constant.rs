//! What is the same on every bill of a form, in as few bits as it takes: the repetitions that a plan finds, and codes of its
//! own for each block.

use super::{
    ADLER_MODULUS, DISTANCES, distance_symbol, huffman,
    plan::{Choice, LITERALS, ZLIB_HEAD, choose, length_symbol, matches, sums},
};

const END_OF_BLOCK: usize = 256;
/// Codes follow from repetitions and repetitions from codes.
const ROUNDS: usize = 6;

/// One zlib stream (RFC 1950) of these blocks. They should be of different kinds: numbers, say, and words.
pub(crate) fn packed(blocks: &[&[u8]]) -> Vec<u8> {
    let mut starts = Vec::with_capacity(blocks.len());
    let mut length = 0;
    for block in blocks {
        starts.push(length);
        length += block.len();
    }
    let found = matches(blocks, &starts);
    let mut bits = huffman::Bits::default();
    for byte in ZLIB_HEAD {
        bits.push(byte.into(), 8);
    }
    for (at, (block, found)) in blocks.iter().zip(&found).enumerate() {
        let mut literals = vec![8; LITERALS];
        let mut distances = vec![5; DISTANCES.len()];
        let mut chosen = Vec::new();
        for _ in 0..ROUNDS {
            chosen = choose(block, found, &literals, &distances);
            (literals, distances) = lengths(block, &chosen);
        }
        bits.append(&huffman::head(
            &literals,
            &distances,
            at + 1 == blocks.len(),
        ));
        write(
            block,
            &chosen,
            &huffman::codes(&literals),
            &huffman::codes(&distances),
            &mut bits,
        );
    }
    let mut out = bits.bytes;
    let [a, b] = sums(&blocks.concat());
    // The sums begin with one (RFC 1950, 9), which counts in each of the second's.
    let a = (a + 1) % ADLER_MODULUS;
    let b = (b + (length % ADLER_MODULUS as usize) as u32) % ADLER_MODULUS;
    out.extend_from_slice(&(b << 16 | a).to_be_bytes());
    out
}

/// Lengths of the codes of what is written; none for what is not.
fn lengths(block: &[u8], chosen: &[Choice]) -> (Vec<u8>, Vec<u8>) {
    let (mut literals, mut distances) = (vec![0; LITERALS], vec![0; DISTANCES.len()]);
    literals[END_OF_BLOCK] = 1;
    let mut at = 0;
    for choice in chosen {
        match choice {
            Choice::Literal => {
                literals[usize::from(block[at])] += 1;
                at += 1;
            }
            Choice::Copy(found) => {
                literals[length_symbol(found.length).0] += 1;
                distances[distance_symbol(found.distance)] += 1;
                at += found.length;
            }
        }
    }
    (huffman::lengths(&literals), huffman::lengths(&distances))
}

fn write(
    block: &[u8],
    chosen: &[Choice],
    literals: &huffman::Code,
    distances: &huffman::Code,
    bits: &mut huffman::Bits,
) {
    let mut push = |(code, count): (u16, u8)| bits.push(code.into(), count);
    let mut at = 0;
    for choice in chosen {
        match choice {
            Choice::Literal => {
                push(literals[usize::from(block[at])]);
                at += 1;
            }
            Choice::Copy(found) => {
                let (symbol, extra, extra_bits) = length_symbol(found.length);
                push(literals[symbol]);
                push((extra as u16, extra_bits));
                let symbol = distance_symbol(found.distance);
                let (first, extra_bits) = DISTANCES[symbol];
                push(distances[symbol]);
                push(((found.distance - first) as u16, extra_bits));
                at += found.length;
            }
        }
    }
    push(literals[END_OF_BLOCK]);
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn constants_are_given_back(
            blocks in vec(vec(prop::sample::select(b"ab(\x00\xff".as_slice()), 0..2_000), 1..4),
        ) {
            let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
            let whole = blocks.concat();
            let mut read = vec![0; whole.len()];
            let mut reader = libdeflater::Decompressor::new();
            prop_assert_eq!(reader.zlib_decompress(&packed(&blocks), &mut read), Ok(whole.len()));
            prop_assert!(read == whole);
        }
    }
}
