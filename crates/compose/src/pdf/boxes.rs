//! Glyphs of a TrueType font in one box. Each glyph tells the box around its outline, and how far the box stands from
//! where the glyph begins; nothing that draws by outlines needs them tight (OpenType 1.9, `glyf` and `hmtx`). Where all
//! tell the same, they are the sixth of a font that compresses to nothing.

/// Tables by tag.
type Tables = [(&'static [u8; 4], Vec<u8>)];

/// Where a glyph and `head` tell a box, left edge first; of a glyph, its outline follows.
const GLYPH_BOX: std::ops::Range<usize> = 2..10;
const HEAD_BOX: std::ops::Range<usize> = 36..44;
/// Where `head` says whether places in `loca` take four bytes, and `hhea` how many glyphs tell their width.
const LONG_AT: usize = 50;
const WIDTHS_AT: usize = 34;

/// Puts all glyphs into the box around all of them, and takes the outline of the first away, which stands for what a
/// font lacks and is never shown. Leaves the tables as they are where the font is built otherwise.
pub(super) fn level(tables: &mut Tables) {
    let levelled = levelled(tables);
    for (tag, table) in levelled.into_iter().flatten() {
        if let Some((_, place)) = tables.iter_mut().find(|(other, _)| **other == tag) {
            *place = table;
        }
    }
}

fn levelled(tables: &Tables) -> Option<[([u8; 4], Vec<u8>); 4]> {
    let table = |tag: &[u8; 4]| {
        let found = tables.iter().find(|(other, _)| *other == tag);
        found.map(|(_, table)| table.as_slice())
    };
    let (head, hmtx) = (table(b"head")?, table(b"hmtx")?);
    let glyphs = glyphs(head, table(b"loca")?, table(b"glyf")?)?;
    let widths = usize::from(u16::try_from(number(table(b"hhea")?, WIDTHS_AT)?).ok()?);
    let mut whole: Option<[i16; 4]> = None;
    for (at, glyph) in glyphs
        .iter()
        .enumerate()
        .filter(|(_, glyph)| !glyph.is_empty())
    {
        let own = [0, 2, 4, 6].map(|edge| number(glyph, GLYPH_BOX.start + edge));
        let [Some(left), Some(bottom), Some(right), Some(top)] = own else {
            return None;
        };
        // A glyph that begins elsewhere than at its box would move.
        let bearing = match at < widths {
            true => 4 * at + 2,
            false => 4 * widths + 2 * (at - widths),
        };
        if number(hmtx, bearing)? != left {
            return None;
        }
        let [l, b, r, t] = whole.unwrap_or([left, bottom, right, top]);
        whole = Some([l.min(left), b.min(bottom), r.max(right), t.max(top)]);
    }
    let whole = whole?.map(i16::to_be_bytes);
    let mut head = head.to_vec();
    head.get_mut(HEAD_BOX)?
        .copy_from_slice(whole.as_flattened());
    let mut hmtx = hmtx.to_vec();
    let (with_widths, others) = hmtx.split_at_mut_checked(4 * widths)?;
    for metric in with_widths.chunks_exact_mut(4) {
        metric[2..].copy_from_slice(&whole[0]);
    }
    for bearing in others.chunks_exact_mut(2) {
        bearing.copy_from_slice(&whole[0]);
    }
    let (mut glyf, mut loca) = (Vec::new(), Vec::new());
    let is_long = number(&head, LONG_AT)? == 1;
    let place = |loca: &mut Vec<u8>, at: usize| match is_long {
        true => loca.extend_from_slice(&(at as u32).to_be_bytes()),
        false => loca.extend_from_slice(&((at / 2) as u16).to_be_bytes()),
    };
    for (at, glyph) in glyphs.iter().enumerate() {
        place(&mut loca, glyf.len());
        if at > 0 && !glyph.is_empty() {
            let begin = glyf.len();
            glyf.extend_from_slice(glyph);
            glyf.get_mut(begin + GLYPH_BOX.start..begin + GLYPH_BOX.end)?
                .copy_from_slice(whole.as_flattened());
        }
    }
    place(&mut loca, glyf.len());
    Some([
        (*b"head", head),
        (*b"hmtx", hmtx),
        (*b"glyf", glyf),
        (*b"loca", loca),
    ])
}

/// Each glyph's bytes, of which some have none.
fn glyphs<'a>(head: &[u8], loca: &[u8], glyf: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let places: Vec<usize> = match number(head, LONG_AT)? {
        0 => {
            let (places, []) = loca.as_chunks() else {
                return None;
            };
            places
                .iter()
                .map(|place| 2 * usize::from(u16::from_be_bytes(*place)))
                .collect()
        }
        _ => {
            let (places, []) = loca.as_chunks() else {
                return None;
            };
            places
                .iter()
                .map(|place| u32::from_be_bytes(*place) as usize)
                .collect()
        }
    };
    places
        .windows(2)
        .map(|pair| glyf.get(pair[0]..pair[1]))
        .collect()
}

fn number(table: &[u8], at: usize) -> Option<i16> {
    let bytes = table.get(at..at + 2)?;
    Some(i16::from_be_bytes(bytes.try_into().ok()?))
}
