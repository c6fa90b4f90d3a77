//! As much of CBOR (RFC 8949) as authenticators write: whole numbers, bytes, text, lists and maps of a definite
//! length, in their shortest form (CTAP 2.1, 8). Everything else is refused.

/// What is still to be read. Every step takes from the front, or gives nothing.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const MAP: u8 = 5;

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    /// The number that follows the head of an item of this kind.
    fn head(&mut self, kind: u8) -> Option<u64> {
        let first = self.byte()?;
        if first >> 5 != kind {
            return None;
        }
        let (count, least) = match first & 0x1f {
            short @ 0..=23 => return Some(u64::from(short)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return None,
        };
        let number = self
            .take(count)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        (number >= least).then_some(number)
    }

    fn sized(&mut self, kind: u8) -> Option<&'a [u8]> {
        let count = self.head(kind)?;
        self.take(usize::try_from(count).ok()?)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        self.sized(BYTES)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.sized(TEXT)?).ok()
    }

    /// How many pairs follow.
    pub(super) fn map(&mut self) -> Option<u64> {
        self.head(MAP)
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        match self.0.first()? >> 5 {
            UNSIGNED => i64::try_from(self.head(UNSIGNED)?).ok(),
            _ => Some(-1 - i64::try_from(self.head(NEGATIVE)?).ok()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn numbers_are_read_in_their_shortest_form_only() {
        for (bytes, number) in [
            (&[0x00][..], Some(0)),
            (&[0x17], Some(23)),
            (&[0x18, 0x18], Some(24)),
            (&[0x18, 0x17], None),
            (&[0x19, 0x01, 0x00], Some(256)),
            (&[0x19, 0x00, 0xff], None),
            (&[0x26], Some(-7)),
            (&[0x39, 0x01, 0x00], Some(-257)),
            (
                &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                None,
            ),
            (&[0x18], None),
            (&[0x1c], None),
            (&[0x1f], None),
            (&[0x40], None),
            (&[], None),
        ] {
            assert_eq!(Reader(bytes).int(), number, "{bytes:?}");
        }
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        for bytes in [
            &[0x43, 1, 2][..],
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x5f, 0x41, 1, 0xff],
            &[0x63, b'a'],
        ] {
            assert!(Reader(bytes).bytes().is_none(), "{bytes:?}");
            assert!(Reader(bytes).text().is_none(), "{bytes:?}");
        }
        assert_eq!(Reader(&[0x42, 1, 2, 3]).bytes(), Some(&[1, 2][..]));
        assert_eq!(Reader(&[0x62, 0xc3, 0x28]).text(), None, "no UTF-8");
    }
}
