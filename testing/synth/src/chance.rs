//! Repeatable chance: SplitMix64 (Steele, Lea, Flood 2014), one stream per question asked.

/// A stream of numbers that follows from its keys alone.
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of these keys.
    pub(crate) fn of(keys: &[u64]) -> Self {
        let start = keys
            .iter()
            .fold(0, |state, key| Self(state ^ *key).next().rotate_left(17));
        Self(start)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `limit` − 1. The bias of the remainder does not matter here.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        (self.next() % u64::from(limit)) as u32
    }

    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u32) as usize]
    }
}
