//! How to write known bytes in the fewest bits: which of them repeat others, found with as much patience as a
//! form deserves, and codes that suit what a bill adds.

use rustc_hash::FxHashMap;

use super::{
    ADLER_MODULUS, Copy, DISTANCE_MAX, DISTANCES, Part, Plan, RUN_BITS, Step, Stretch,
    distance_symbol,
    fresh::{Fresh, LENGTH_MAX, Token},
    huffman,
};

const LENGTH_MIN: usize = 3;
/// Literals, the end, and lengths (RFC 1951, 3.2.5).
pub(super) const LITERALS: usize = 286;
/// So many earlier places are looked at for a repetition.
const PLACES_MAX: usize = 96;
/// Codes follow from steps and steps from codes; so many rounds come within a thousandth of the best.
const ROUNDS: usize = 2;
/// How much rarer than once in a sample is what is not in it.
const SAMPLE_WEIGHT: u32 = 24;
/// Deflate with a window of 32 KB, and the check of these two bytes (RFC 1950, 2.2).
pub(super) const ZLIB_HEAD: [u8; 2] = [0x78, 0xda];

/// A repetition that could be used: how long at most, and where from.
#[derive(Clone, Copy)]
pub(super) struct Match {
    pub(super) length: usize,
    pub(super) distance: usize,
    stretch: usize,
    at: usize,
}

/// What is written at a place.
#[derive(Clone, Copy)]
pub(super) enum Choice {
    Literal,
    Copy(Match),
}

/// The plan for known parts; nothing where there are none.
pub(super) fn plan(parts: &[Part]) -> Option<Plan> {
    let (known, starts) = known(parts);
    if known.is_empty() {
        return None;
    }
    let matches = matches(&known, &starts);
    let mut literals = vec![8; LITERALS];
    let mut distances = vec![5; DISTANCES.len()];
    let mut chosen = Vec::new();
    for _ in 0..ROUNDS {
        let each = known.iter().zip(&matches);
        chosen = each
            .map(|(bytes, matches)| choose(bytes, matches, &literals, &distances))
            .collect();
        (literals, distances) = lengths(parts, &known, &chosen);
    }
    let mut head = huffman::Bits::default();
    for byte in ZLIB_HEAD {
        head.push(byte.into(), 8);
    }
    head.append(&huffman::head(&literals, &distances, true));
    let (literals, distances) = (huffman::codes(&literals), huffman::codes(&distances));
    let both = known.iter().zip(&chosen).enumerate();
    let stretches = both.map(|(own, (bytes, chosen))| Stretch {
        length: bytes.len() as u32,
        steps: steps(own, bytes, chosen, &literals, &distances),
        sums: sums(bytes),
    });
    Some(Plan {
        stretches: stretches.collect(),
        head: head.bytes,
        head_bits: head.count,
        literals,
        distances,
    })
}

/// Known bytes, and where they began in the sample.
fn known(parts: &[Part]) -> (Vec<&[u8]>, Vec<usize>) {
    let (mut known, mut starts, mut now) = (Vec::new(), Vec::new(), 0);
    for part in parts {
        let bytes = match part {
            Part::Known(bytes) if !bytes.is_empty() => {
                known.push(bytes.as_slice());
                starts.push(now);
                bytes
            }
            Part::Known(bytes) | Part::Fresh(bytes) => bytes,
        };
        now += bytes.len();
    }
    (known, starts)
}

/// For each place of each stretch the repetitions that begin there, longer ones further back.
pub(super) fn matches(known: &[&[u8]], starts: &[usize]) -> Vec<Vec<Vec<Match>>> {
    let mut places: FxHashMap<[u8; LENGTH_MIN], Vec<(usize, usize)>> = FxHashMap::default();
    let mut all = Vec::with_capacity(known.len());
    for (own, bytes) in known.iter().enumerate() {
        let mut found = vec![Vec::new(); bytes.len()];
        for (to, found) in found.iter_mut().enumerate() {
            let Some(key) = bytes.get(to..).and_then(|rest| rest.first_chunk()) else {
                break;
            };
            let earlier = places.entry(*key).or_default();
            let mut longest = LENGTH_MIN - 1;
            for (stretch, at) in earlier.iter().rev().take(PLACES_MAX) {
                let (stretch, at) = (*stretch, *at);
                let distance = starts[own] + to - starts[stretch] - at;
                if distance > DISTANCE_MAX {
                    break;
                }
                if longest == LENGTH_MAX {
                    break;
                }
                // One that differs where it would have to be longer need not be looked at.
                let (before, rest) = (&known[stretch][at..], &bytes[to..]);
                let Some(next) = rest.get(longest) else { break };
                if before.get(longest) != Some(next) {
                    continue;
                }
                let both = before.iter().zip(rest).take(LENGTH_MAX);
                let length = both.take_while(|(a, b)| a == b).count();
                if length > longest {
                    longest = length;
                    found.push(Match {
                        length,
                        distance,
                        stretch,
                        at,
                    });
                }
            }
            earlier.push((own, to));
        }
        all.push(found);
    }
    all
}

/// The cheapest way through a stretch, by the lengths of codes.
pub(super) fn choose(
    bytes: &[u8],
    matches: &[Vec<Match>],
    literals: &[u8],
    distances: &[u8],
) -> Vec<Choice> {
    let bits = |length: u8| {
        u32::from(if length == 0 {
            huffman::BITS_MAX
        } else {
            length
        })
    };
    let length_cost: Vec<u32> = (0..=LENGTH_MAX)
        .map(|length| match length {
            0..LENGTH_MIN => u32::MAX / 4,
            _ => {
                let (symbol, _, extra) = length_symbol(length);
                bits(literals[symbol]) + u32::from(extra)
            }
        })
        .collect();
    let mut cost = vec![0; bytes.len() + 1];
    let mut choice = vec![Choice::Literal; bytes.len()];
    for at in (0..bytes.len()).rev() {
        cost[at] = bits(literals[usize::from(bytes[at])]) + cost[at + 1];
        let mut tried = LENGTH_MIN;
        for found in &matches[at] {
            let symbol = distance_symbol(found.distance);
            let far = bits(distances[symbol]) + u32::from(DISTANCES[symbol].1);
            for length in tried..=found.length {
                let with = length_cost[length] + far + cost[at + length];
                if with < cost[at] {
                    cost[at] = with;
                    choice[at] = Choice::Copy(Match { length, ..*found });
                }
            }
            tried = found.length + 1;
        }
    }
    taken(&choice)
}

/// The choices along the way from the first place.
fn taken(choice: &[Choice]) -> Vec<Choice> {
    let (mut at, mut taken) = (0, Vec::new());
    while let Some(chosen) = choice.get(at) {
        taken.push(*chosen);
        at += match chosen {
            Choice::Literal => 1,
            Choice::Copy(found) => found.length,
        };
    }
    taken
}

/// Lengths of codes that suit the sample, with one for every byte and distance that may come.
fn lengths(parts: &[Part], known: &[&[u8]], chosen: &[Vec<Choice>]) -> (Vec<u8>, Vec<u8>) {
    let mut literals = vec![1; LITERALS];
    let mut distances = vec![1; DISTANCES.len()];
    let (mut fresh, mut now) = (Fresh::default(), 0);
    fresh.begin();
    for part in parts {
        now += match part {
            Part::Known(bytes) => bytes.len(),
            Part::Fresh(bytes) => {
                fresh.take(bytes, now, |token| match token {
                    Token::Literals(bytes) => {
                        for byte in bytes {
                            literals[usize::from(*byte)] += SAMPLE_WEIGHT;
                        }
                    }
                    Token::Copy { length, distance } => {
                        literals[length_symbol(length).0] += SAMPLE_WEIGHT;
                        distances[distance_symbol(distance)] += SAMPLE_WEIGHT;
                    }
                });
                bytes.len()
            }
        };
    }
    for (bytes, chosen) in known.iter().zip(chosen) {
        let mut at = 0;
        for choice in chosen {
            match choice {
                Choice::Literal => {
                    literals[usize::from(bytes[at])] += SAMPLE_WEIGHT;
                    at += 1;
                }
                Choice::Copy(found) => {
                    literals[length_symbol(found.length).0] += SAMPLE_WEIGHT;
                    distances[distance_symbol(found.distance)] += SAMPLE_WEIGHT;
                    at += found.length;
                }
            }
        }
    }
    (huffman::lengths(&literals), huffman::lengths(&distances))
}

/// What to write for the stretch of the number `own`.
fn steps(
    own: usize,
    bytes: &[u8],
    chosen: &[Choice],
    literals: &huffman::Code,
    distances: &huffman::Code,
) -> Vec<Step> {
    let (mut steps, mut at) = (Vec::new(), 0);
    let run = |steps: &mut Vec<Step>, bits: u64, length: u8| match steps.last_mut() {
        Some(Step::Run(before, count)) if *count + length <= RUN_BITS => {
            *before |= bits << *count;
            *count += length;
        }
        _ => steps.push(Step::Run(bits, length)),
    };
    for choice in chosen {
        match choice {
            Choice::Literal => {
                let (code, length) = literals[usize::from(bytes[at])];
                run(&mut steps, code.into(), length);
                at += 1;
            }
            Choice::Copy(found) => {
                let (symbol, extra, extra_bits) = length_symbol(found.length);
                let (code, length) = literals[symbol];
                let (bits, count) = (u32::from(code) | extra << length, length + extra_bits);
                if found.stretch == own {
                    let (far, far_count) = distance_bits(distances, at - found.at);
                    run(&mut steps, bits.into(), count);
                    run(&mut steps, far, far_count);
                } else {
                    steps.push(Step::Copy(Copy {
                        stretch: found.stretch as u32,
                        further: at as i32 - found.at as i32,
                        bits,
                        count,
                    }));
                }
                at += found.length;
            }
        }
    }
    steps
}

/// The code of a distance with what is told beside it, and how many bits they are.
fn distance_bits(distances: &huffman::Code, distance: usize) -> (u64, u8) {
    let symbol = distance_symbol(distance);
    let (first, extra_bits) = DISTANCES[symbol];
    let (code, code_bits) = distances[symbol];
    let extra = (distance - first) as u64;
    (u64::from(code) | extra << code_bits, code_bits + extra_bits)
}

/// The code of a length, what is told beside it, and in how many bits.
pub(super) fn length_symbol(length: usize) -> (usize, u32, u8) {
    let above = length - LENGTH_MIN;
    match above {
        0..8 => (257 + above, 0, 0),
        255 => (285, 0, 0),
        _ => {
            let bits = above.ilog2() as usize - 2;
            let symbol = 257 + 4 * bits + (above >> bits);
            let extra = above & ((1 << bits) - 1);
            (symbol, extra as u32, bits as u8)
        }
    }
}

pub(super) fn sums(bytes: &[u8]) -> [u32; 2] {
    let mut sums = [0; 2];
    for byte in bytes {
        sums[0] = (sums[0] + u32::from(*byte)) % ADLER_MODULUS;
        sums[1] = (sums[1] + sums[0]) % ADLER_MODULUS;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_codes_of_the_standard() {
        for (length, told) in [
            (3, (257, 0, 0)),
            (10, (264, 0, 0)),
            (11, (265, 0, 1)),
            (12, (265, 1, 1)),
            (13, (266, 0, 1)),
            (19, (269, 0, 2)),
            (227, (284, 0, 5)),
            (257, (284, 30, 5)),
            (258, (285, 0, 0)),
        ] {
            assert_eq!(length_symbol(length), told, "{length}");
        }
    }
}
