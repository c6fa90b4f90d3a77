//! Fonts as small as they can be: an embedded TrueType program needs no names in it, and what is told of its
//! glyphs is told in few words.

use kvit_pdf::{Dict, Document, Object, Value};

use super::{boxes, cmap, write::deflate};
use crate::ComposeError;

/// Tables that a reader uses of a font that is addressed by glyph (ISO 32000-2, 9.9).
const USED: [&[u8; 4]; 9] = [
    b"cvt ", b"fpgm", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"prep",
];
const HEADER_BYTES: usize = 12;
const RECORD_BYTES: usize = 16;
/// Where `head` keeps what makes the whole file's sum [`WHOLE_SUM`].
const ADJUSTMENT_AT: usize = 8;
const WHOLE_SUM: u32 = 0xb1b0_afba;

/// Leaves out of embedded TrueType fonts what no reader uses, and packs them well.
pub(super) fn pack(document: &mut Document, level: i32) -> Result<(), ComposeError> {
    programs(document, level)?;
    meanings(document, level)?;
    let mut listed = Vec::new();
    for object in document.objects.values_mut() {
        let Object::Value(Value::Dict(dict)) = object else {
            continue;
        };
        if dict.name("Type") == Some(b"FontDescriptor") {
            // A list of the glyphs in the program, which PDF/A asked for in its first part only.
            listed.extend(dict.reference("CIDSet"));
            dict.remove("CIDSet");
        }
        if let Some(widths) = widths(dict) {
            dict.set("W", widths);
        }
    }
    for id in listed {
        document.objects.remove(&id);
    }
    Ok(())
}

/// The widths of a font's glyphs as lists (ISO 32000-2, 9.7.4.3), where the exporter names each glyph.
fn widths(font: &Dict) -> Option<Vec<Value>> {
    let mut known = Vec::new();
    for range in font.array("W")?.chunks(3) {
        let [first, last, width] = range else {
            return None;
        };
        for glyph in first.as_integer()?..=last.as_integer()? {
            known.push((glyph, width.clone()));
        }
    }
    let lists = known.chunk_by(|(a, _), (b, _)| a + 1 == *b);
    let list = |list: &[(i64, Value)]| {
        let widths: Vec<Value> = list.iter().map(|(_, width)| width.clone()).collect();
        [Value::Integer(list[0].0), Value::Array(widths)]
    };
    Some(lists.flat_map(list).collect())
}

/// Tells in ranges what glyphs mean.
fn meanings(document: &mut Document, level: i32) -> Result<(), ComposeError> {
    let fonts = document.objects.values().filter_map(|object| match object {
        Object::Value(Value::Dict(font)) => font.reference("ToUnicode"),
        _ => None,
    });
    for id in fonts.collect::<Vec<_>>() {
        let Some(Object::Stream(stream)) = document.objects.get_mut(&id) else {
            return Err(super::missing("table of what glyphs mean"));
        };
        let told = String::from_utf8(stream.plain()?).unwrap_or_default();
        if let Some(told) = cmap::lean(&told) {
            stream.content = deflate(told.as_bytes(), level)?;
            stream.dict.set("Filter", "FlateDecode");
            // The table says both itself.
            stream.dict.remove("Type");
            stream.dict.remove("WMode");
        }
    }
    Ok(())
}

fn programs(document: &mut Document, level: i32) -> Result<(), ComposeError> {
    let descriptors = document.objects.values().filter_map(|object| match object {
        Object::Value(Value::Dict(descriptor)) => descriptor.reference("FontFile2"),
        _ => None,
    });
    for id in descriptors.collect::<Vec<_>>() {
        let Some(Object::Stream(stream)) = document.objects.get_mut(&id) else {
            return Err(super::missing("font program"));
        };
        let program = stream.plain()?;
        let program = lean(&program).unwrap_or(program);
        let length = i64::try_from(program.len()).unwrap_or(i64::MAX);
        stream.content = deflate(&program, level)?;
        stream.dict.set("Length1", length);
        stream.dict.set("Filter", "FlateDecode");
    }
    Ok(())
}

/// The font with only the tables that are used (OpenType 1.9, "Organization of an OpenType font"), or
/// nothing where it is no such font.
fn lean(program: &[u8]) -> Option<Vec<u8>> {
    let count = usize::from(u16::from_be_bytes(program.get(4..6)?.try_into().ok()?));
    let records = program.get(HEADER_BYTES..HEADER_BYTES + count * RECORD_BYTES)?;
    let mut tables = Vec::new();
    for record in records.chunks_exact(RECORD_BYTES) {
        let number = |at: usize| Some(u32::from_be_bytes(record.get(at..at + 4)?.try_into().ok()?));
        let (tag, from) = (&record[..4], usize::try_from(number(8)?).ok()?);
        let to = from.checked_add(usize::try_from(number(12)?).ok()?)?;
        if let Some(used) = USED.iter().find(|used| **used == tag) {
            tables.push((*used, program.get(from..to)?.to_vec()));
        }
    }
    boxes::level(&mut tables);
    let kept = u16::try_from(tables.len()).ok()?;
    let steps = kept.checked_ilog2()?;
    let (range, selector) = (16 << steps, u16::try_from(steps).ok()?);
    let mut out = program.get(..4)?.to_vec();
    for number in [kept, range, selector, kept * 16 - range] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    let mut at = HEADER_BYTES + tables.len() * RECORD_BYTES;
    let (mut body, mut adjusted) = (Vec::new(), None);
    for (tag, mut table) in tables {
        if tag == b"head" {
            table.get_mut(ADJUSTMENT_AT..ADJUSTMENT_AT + 4)?.fill(0);
            adjusted = Some(at + ADJUSTMENT_AT);
        }
        let length = u32::try_from(table.len()).ok()?;
        table.resize(table.len().next_multiple_of(4), 0);
        out.extend_from_slice(tag);
        for number in [sum(&table), u32::try_from(at).ok()?, length] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        at += table.len();
        body.append(&mut table);
    }
    out.append(&mut body);
    let adjustment = WHOLE_SUM.wrapping_sub(sum(&out));
    let place = out.get_mut(adjusted?..adjusted? + 4)?;
    place.copy_from_slice(&adjustment.to_be_bytes());
    Some(out)
}

/// The sum of a table whose length is a multiple of four, as big-endian numbers.
fn sum(table: &[u8]) -> u32 {
    let words = table.chunks_exact(4);
    let words = words.map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    words.fold(0, u32::wrapping_add)
}

#[cfg(test)]
mod tests {
    use kvit_pdf::dict;
    use rustybuzz::ttf_parser::{Face, GlyphId, OutlineBuilder};

    use super::*;
    use crate::Layout;

    #[test]
    fn widths_are_lists_of_neighbours() {
        let numbers = |numbers: &[i64]| numbers.iter().copied().map(Value::Integer).collect();
        let list = |list: &[i64]| Value::Array(numbers(list));
        let font = dict! { "W" => list(&[0, 0, 596, 1, 3, 210, 7, 7, 500]) };
        let expected = vec![
            0.into(),
            list(&[596, 210, 210, 210]),
            7.into(),
            list(&[500]),
        ];
        assert_eq!(widths(&font), Some(expected));
        assert_eq!(
            widths(&dict! { "W" => vec![Value::Integer(0), list(&[596])] }),
            None
        );
    }

    #[test]
    fn a_lean_font_adds_up_and_draws_the_same() {
        let layout = Layout::builtin();
        let font = layout.font("SofiaSans-Regular").expect("embedded");
        let ours = lean(font.data()).expect("a TrueType font");
        assert!(ours.len() < font.data().len());
        assert_eq!(sum(&ours), WHOLE_SUM);
        let [ours, theirs] =
            [&ours, font.data().as_slice()].map(|program| Face::parse(program, 0).expect("a font"));
        assert_eq!(ours.number_of_glyphs(), theirs.number_of_glyphs());
        assert_eq!(drawn(&ours, 0), "");
        for glyph in 1..theirs.number_of_glyphs() {
            assert_eq!(drawn(&ours, glyph), drawn(&theirs, glyph), "{glyph}");
            let advance = |face: &Face<'_>| face.glyph_hor_advance(GlyphId(glyph));
            assert_eq!(advance(&ours), advance(&theirs), "{glyph}");
        }
        assert_eq!(lean(b"OTTO"), None);
    }

    /// The outline of a glyph, in words.
    fn drawn(face: &Face<'_>, glyph: u16) -> String {
        struct Pen(String);
        impl OutlineBuilder for Pen {
            fn move_to(&mut self, x: f32, y: f32) {
                self.0 += &format!("m {x} {y} ");
            }
            fn line_to(&mut self, x: f32, y: f32) {
                self.0 += &format!("l {x} {y} ");
            }
            fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
                self.0 += &format!("q {x1} {y1} {x} {y} ");
            }
            fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
                self.0 += &format!("c {x1} {y1} {x2} {y2} {x} {y} ");
            }
            fn close(&mut self) {
                self.0.push('z');
            }
        }
        let mut pen = Pen(String::new());
        face.outline_glyph(GlyphId(glyph), &mut pen);
        pen.0
    }
}
