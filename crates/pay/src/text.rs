//! Windows-1251, in which some payment systems still answer.

/// 0x80 to 0xBF; from 0xC0 on the letters А to я follow in order. U+FFFD stands for the one place
/// that the code page leaves empty.
const HIGH: [char; 64] = [
    'Ђ', 'Ѓ', '‚', 'ѓ', '„', '…', '†', '‡', '€', '‰', 'Љ', '‹', 'Њ', 'Ќ', 'Ћ', 'Џ', 'ђ', '‘', '’',
    '“', '”', '•', '–', '—', '\u{fffd}', '™', 'љ', '›', 'њ', 'ќ', 'ћ', 'џ', '\u{a0}', 'Ў', 'ў',
    'Ј', '¤', 'Ґ', '¦', '§', 'Ё', '©', 'Є', '«', '¬', '\u{ad}', '®', 'Ї', '°', '±', 'І', 'і', 'ґ',
    'µ', '¶', '·', 'ё', '№', 'є', '»', 'ј', 'Ѕ', 'ѕ', 'ї',
];

/// Reads Windows-1251.
pub(crate) fn from_cp1251(bytes: &[u8]) -> String {
    let letter = |byte: u8| match byte {
        0..=0x7f => char::from(byte),
        0x80..=0xbf => HIGH[usize::from(byte - 0x80)],
        0xc0.. => char::from_u32(u32::from(byte - 0xc0) + u32::from('А')).unwrap_or('\u{fffd}'),
    };
    bytes.iter().map(|byte| letter(*byte)).collect()
}

/// At most so many characters, cut at the end; line ends become spaces.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_page_is_read() {
        let bytes = [0xc3, 0xf0, 0xe5, 0xf8, 0xea, 0xe0, 0x20, 0xb9, 0x31, 0xff];
        assert_eq!(from_cp1251(&bytes), "Грешка №1я");
    }
}
