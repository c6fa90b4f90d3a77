//! Text to glyphs as Typst shapes a slot: one font, named script, kerning, no ligatures.

use std::sync::atomic::{AtomicI32, Ordering};

use rustybuzz::{Direction, Face, Feature, Language, Script, UnicodeBuffer, ttf_parser::Tag};
use typst::text::Font;

/// A pair whose kerning has not been asked for yet.
const UNKNOWN: i32 = i32::MIN;
/// A pair that is drawn by other glyphs, or at other places, than its characters are alone.
const CHANGES: i32 = i32::MIN + 1;
/// A character that is not in the alphabet.
const ABSENT: u16 = u16::MAX;

/// The shaped alphabet of one font with one kind of figures. Kerning is learned pair by pair.
pub(crate) struct Glyphs {
    font: Font,
    tabular: bool,
    language: &'static str,
    units_per_em: f64,
    /// By code point: every character of every bill is looked up.
    places: Vec<u16>,
    chars: Vec<char>,
    /// Of each character alone.
    ids: Vec<u32>,
    advances: Vec<i32>,
    pairs: Vec<AtomicI32>,
}

/// A glyph as the shaper sets it, in the font's units.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shaped {
    id: u32,
    advance: i32,
    /// Whether it is moved from where the glyphs before it end, as an accent is onto its letter.
    is_moved: bool,
}

impl Glyphs {
    /// `None` where a character takes more or less than one glyph.
    pub(crate) fn new(
        font: &Font,
        tabular: bool,
        language: &'static str,
        alphabet: &[char],
    ) -> Option<Self> {
        let mut glyphs = Self {
            font: font.clone(),
            tabular,
            language,
            units_per_em: 1000.0,
            places: places(alphabet),
            chars: alphabet.to_vec(),
            ids: Vec::new(),
            advances: Vec::new(),
            pairs: std::iter::repeat_with(|| AtomicI32::new(UNKNOWN))
                .take(alphabet.len() * alphabet.len())
                .collect(),
        };
        let face = Face::from_slice(font.data(), font.index())?;
        glyphs.units_per_em = f64::from(face.units_per_em());
        for character in alphabet {
            let shaped = glyphs.shape(&face, &character.to_string());
            let [alone] = shaped.as_slice() else {
                return None;
            };
            glyphs.ids.push(alone.id);
            glyphs.advances.push(alone.advance);
        }
        Some(glyphs)
    }

    /// The place of a character in the alphabet.
    pub(crate) fn place(&self, character: char) -> Option<usize> {
        let place = *self.places.get(character as usize)?;
        (place != ABSENT).then(|| place.into())
    }

    pub(crate) fn character(&self, place: usize) -> Option<char> {
        self.chars.get(place).copied()
    }

    /// Width of a glyph in the font's units.
    pub(crate) fn advance(&self, place: usize) -> i32 {
        self.advances.get(place).copied().unwrap_or_default()
    }

    /// By how much a glyph is wider before that other one, in the font's units. `None` where the two are not drawn
    /// side by side as each is alone (`calt`, `ccmp`, accents): no form can set such a text.
    #[inline]
    pub(crate) fn kerning(&self, left: usize, right: usize) -> Option<i32> {
        let pair = self.pairs.get(left * self.chars.len() + right)?;
        match pair.load(Ordering::Relaxed) {
            UNKNOWN => {
                let units = self.learn(left, right);
                pair.store(units.unwrap_or(CHANGES), Ordering::Relaxed);
                units
            }
            CHANGES => None,
            units => Some(units),
        }
    }

    /// The font's units in thousandths of the font size.
    pub(crate) fn thousandths(&self, units: i32) -> f64 {
        f64::from(units) / self.units_per_em * 1000.0
    }

    /// The width of a text in thousandths of the font size, where the alphabet has all of it.
    pub(crate) fn width(&self, text: &str) -> Option<f64> {
        let mut width = 0;
        let mut before = None;
        for character in text.chars() {
            let place = self.place(character)?;
            let kern = match before {
                Some(before) => self.kerning(before, place)?,
                None => 0,
            };
            width += self.advance(place) + kern;
            before = Some(place);
        }
        Some(self.thousandths(width))
    }

    #[cold]
    fn learn(&self, left: usize, right: usize) -> Option<i32> {
        let pair: String = [*self.chars.get(left)?, *self.chars.get(right)?]
            .iter()
            .collect();
        let shaped = self.shape(&self.face()?, &pair);
        let [first, second] = shaped.as_slice() else {
            return None;
        };
        let is_alone = |shaped: &Shaped, place: usize| {
            self.ids.get(place) == Some(&shaped.id) && !shaped.is_moved
        };
        let keeps = is_alone(first, left)
            && is_alone(second, right)
            && self.advances.get(right) == Some(&second.advance);
        let advance = self.advances.get(left)?;
        keeps.then_some(first.advance - advance)
    }

    fn face(&self) -> Option<Face<'_>> {
        Face::from_slice(self.font.data(), self.font.index())
    }

    fn shape(&self, face: &Face<'_>, text: &str) -> Vec<Shaped> {
        let mut features = vec![
            Feature::new(Tag::from_bytes(b"liga"), 0, ..),
            Feature::new(Tag::from_bytes(b"clig"), 0, ..),
        ];
        if self.tabular {
            features.push(Feature::new(Tag::from_bytes(b"tnum"), 1, ..));
        }
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        if let Ok(language) = self.language.parse::<Language>() {
            buffer.set_language(language);
        }
        if let Some(script) = Script::from_iso15924_tag(Tag::from_bytes(b"cyrl")) {
            buffer.set_script(script);
        }
        buffer.set_direction(Direction::LeftToRight);
        let shaped = rustybuzz::shape(face, &features, buffer);
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
        glyphs
            .map(|(glyph, position)| Shaped {
                id: glyph.glyph_id,
                advance: position.x_advance,
                is_moved: position.x_offset != 0 || position.y_offset != 0,
            })
            .collect()
    }
}

/// Each character's place in the alphabet.
fn places(alphabet: &[char]) -> Vec<u16> {
    let last = alphabet.iter().max().map_or(0, |last| *last as usize);
    let mut places = vec![ABSENT; last + 1];
    for (place, character) in (0..ABSENT).zip(alphabet) {
        places[*character as usize] = place;
    }
    places
}

impl std::fmt::Debug for Glyphs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Glyphs")
            .field("font", &self.font)
            .field("tabular", &self.tabular)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;

    /// Pair by pair gives what the shaper gives for a whole text.
    #[test]
    fn kerning_by_pairs_is_the_kerning_of_the_whole() {
        let layout = Layout::builtin();
        let alphabet: Vec<char> = "0123456789 .,-ABCTVWYАБВГДТУЪавгдтуъёя„“".chars().collect();
        for name in ["SofiaSans-Regular", "SofiaSans-Bold", "SofiaSans-ExtraBold"] {
            for tabular in [false, true] {
                let font = layout.font(name).expect("embedded");
                let alphabet: Vec<char> = alphabet
                    .iter()
                    .copied()
                    .filter(|c| layout.can_print(*c))
                    .collect();
                let glyphs = Glyphs::new(font, tabular, "bg", &alphabet).expect("one glyph each");
                let mut seed = 7_usize;
                for _ in 0..400 {
                    let text: String = (0..9)
                        .map(|_| {
                            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            alphabet[(seed >> 33) % alphabet.len()]
                        })
                        .collect();
                    let face = glyphs.face().expect("a face");
                    let whole: i32 = glyphs
                        .shape(&face, &text)
                        .iter()
                        .map(|one| one.advance)
                        .sum();
                    let whole = f64::from(whole) / glyphs.units_per_em * 1000.0;
                    let ours = glyphs.width(&text).expect("in the alphabet");
                    assert!((whole - ours).abs() < 1e-6, "{name} {text}: {whole} {ours}");
                }
            }
        }
    }

    /// An accent that sits on a letter, or makes another letter of it, is not drawn as it is alone.
    #[test]
    fn a_pair_that_changes_glyphs_is_no_pair() {
        let layout = Layout::builtin();
        let alphabet = ['А', 'Т', 'а', 'о', 'и', 'a', '\u{300}', '\u{301}'];
        assert!(alphabet.iter().all(|c| layout.can_print(*c)));
        let font = layout.font("SofiaSans-Regular").expect("embedded");
        let glyphs = Glyphs::new(font, false, "bg", &alphabet).expect("one glyph each");
        for changed in ["а\u{301}", "и\u{300}", "a\u{301}", "Тоо\u{300}"] {
            assert_eq!(glyphs.width(changed), None, "{changed}");
        }
        let kerned = glyphs.width("АТ").expect("as it is alone");
        let apart = glyphs.width("А").zip(glyphs.width("Т"));
        let (a, t) = apart.expect("in the alphabet");
        assert!(kerned < a + t, "{kerned} {a} {t}");
    }
}
