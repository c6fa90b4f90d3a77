//! What the glyphs of a font mean (`/ToUnicode`; ISO 32000-2, 9.10.3), told in ranges where the exporter tells
//! it glyph by glyph.

use std::fmt::Write;

/// A block of a CMap has at most so many entries (Adobe Technical Note 5014, 1.4.1).
const ENTRIES_MAX: usize = 100;
const HEAD: &str = "/CIDInit/ProcSet findresource begin 12 dict begin begincmap\
    /CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\
    /CMapName/U def/CMapType 2 def\n\
    1 begincodespacerange<0000><FFFF>endcodespacerange\n";
const TAIL: &str = "endcmap CMapName currentdict/CMap defineresource pop end end";

/// Consecutive glyphs with consecutive meanings.
struct Range {
    first: u16,
    last: u16,
    /// Of the first, in hexadecimal UTF-16.
    meaning: String,
    /// Of the last, where it is one unit.
    unit: Option<u16>,
}

/// The same in ranges; nothing where it is written in another way than the exporter's.
pub(super) fn lean(cmap: &str) -> Option<String> {
    let mut ranges: Vec<Range> = Vec::new();
    for (glyph, meaning) in entries(cmap)? {
        let unit = (meaning.len() == 4)
            .then(|| u16::from_str_radix(meaning, 16).ok())
            .flatten();
        // Only the last byte counts up, on either side.
        let follows = |before: u16, now: u16| {
            before.checked_add(1) == Some(now) && before & 0xff00 == now & 0xff00
        };
        match ranges.last_mut() {
            Some(range)
                if follows(range.last, glyph)
                    && range.unit.zip(unit).is_some_and(|(a, b)| follows(a, b)) =>
            {
                (range.last, range.unit) = (glyph, unit);
            }
            _ => ranges.push(Range {
                first: glyph,
                last: glyph,
                meaning: meaning.to_owned(),
                unit,
            }),
        }
    }
    let mut out = HEAD.to_owned();
    let (alone, runs): (Vec<_>, Vec<_>) =
        ranges.iter().partition(|range| range.first == range.last);
    for block in runs.chunks(ENTRIES_MAX) {
        let _ = write!(out, "{} beginbfrange", block.len());
        for Range {
            first,
            last,
            meaning,
            ..
        } in block
        {
            let _ = write!(out, "<{first:04X}><{last:04X}><{meaning}>");
        }
        out.push_str("endbfrange\n");
    }
    for block in alone.chunks(ENTRIES_MAX) {
        let _ = write!(out, "{} beginbfchar", block.len());
        for Range { first, meaning, .. } in block {
            let _ = write!(out, "<{first:04X}><{meaning}>");
        }
        out.push_str("endbfchar\n");
    }
    out.push_str(TAIL);
    Some(out)
}

/// Glyphs with their meanings, in the order of their numbers.
fn entries(cmap: &str) -> Option<Vec<(u16, &str)>> {
    let mut found = Vec::new();
    if cmap.contains("beginbfrange") {
        return None;
    }
    for block in cmap.split("beginbfchar").skip(1) {
        let (block, _) = block.split_once("endbfchar")?;
        let mut words = block.split_ascii_whitespace().map(|word| {
            let digits = word.strip_prefix('<')?.strip_suffix('>')?;
            digits
                .bytes()
                .all(|b| b.is_ascii_hexdigit())
                .then_some(digits)
        });
        while let Some(glyph) = words.next() {
            found.push((u16::from_str_radix(glyph?, 16).ok()?, words.next()??));
        }
    }
    found.sort_by_key(|(glyph, _)| *glyph);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_range() {
        let told = "3 beginbfchar\n<0001> <0041>\n<0002> <0042>\n<0003> <00660066>\nendbfchar\n\
                    3 beginbfchar\n<0004> <0430>\n<00FF> <04FF>\n<0100> <0500>\nendbfchar\n";
        let lean = lean(told).expect("as the exporter writes");
        let ranges = "1 beginbfrange<0001><0002><0041>endbfrange\n\
            4 beginbfchar<0003><00660066><0004><0430><00FF><04FF><0100><0500>endbfchar";
        assert!(lean.contains(ranges), "{lean}");
    }

    #[test]
    fn what_is_written_otherwise_stays() {
        assert_eq!(lean("1 beginbfrange <01> <02> <0041> endbfrange"), None);
        assert_eq!(lean("1 beginbfchar <01> (A) endbfchar"), None);
        assert_eq!(lean("1 beginbfchar <01> endbfchar"), None);
    }
}
