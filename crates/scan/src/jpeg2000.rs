//! JPEG 2000 (ISO 15444-1), as a PDF holds it. Every number that decides how much there is to do is read off the
//! headers and judged before the decoder sees a byte; what no scanner writes is refused there.

use hayro_jpeg2000::{DecodeSettings, Image};

use crate::{Fault, Picture, allowed, tiff::grey};

/// Samples of all colours of one picture: A4 at 300 dpi in three has 26 million. The decoder holds three numbers of
/// four bytes for each.
const SAMPLES_MAX: u64 = 30_000_000;
/// Tiles of one picture.
const TILES_MAX: u64 = 1_024;
/// Times that a picture is halved.
const LEVELS_MAX: u8 = 10;
/// Layers of quality.
const LAYERS_MAX: u16 = 32;
/// Planes of bits of one sample: each costs another three passes over it.
const PLANES_MAX: u8 = 24;
/// Precincts of one picture: with the smallest that are in use, A4 at 300 dpi in three colours has some ten thousand.
const PRECINCTS_MAX: u64 = 100_000;
/// A block's sides, as powers of two, and both together (A.6.1).
const BLOCK_SIDES: std::ops::RangeInclusive<u8> = 4..=8;
const BLOCK_MAX: u8 = 12;

const SOT: u8 = 0x90;
const SOD: u8 = 0x93;

/// The picture in these bytes, a stream of code by itself or in its container.
///
/// # Errors
/// Where it is broken, too large, or uses what is not read.
pub(crate) fn picture(bytes: &[u8]) -> Result<Picture, Fault> {
    let code = code_stream(bytes)?;
    let (size, end) = judged(code)?;
    allowed(size.width, size.height)?;
    let settings = DecodeSettings {
        strict: true,
        ..DecodeSettings::default()
    };
    // What lies behind the last part was not judged.
    let mut whole = code[..end].to_vec();
    whole.extend([0xff, 0xd9]);
    let image = Image::new(&whole, &settings).map_err(|_| Fault::Broken)?;
    if (image.width(), image.height()) != (size.width, size.height) {
        return Err(Fault::Broken);
    }
    let samples = image.decode().map_err(|_| Fault::Broken)?;
    let luma = match size.colours {
        1 => samples,
        _ => samples.chunks_exact(3).map(grey).collect(),
    };
    Picture::whole(size.width, size.height, luma)
}

/// The stream of code in a file's boxes (Annex I).
fn code_stream(bytes: &[u8]) -> Result<&[u8], Fault> {
    if bytes.starts_with(&[0xff, 0x4f]) {
        return Ok(bytes);
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let (kind, inside, after) = next_box(rest).ok_or(Fault::Broken)?;
        match kind {
            b"jp2c" => return Ok(inside),
            b"jp2h" => plain_colours(inside)?,
            _ => {}
        }
        rest = after;
    }
    Err(Fault::Broken)
}

/// Refuses palettes, and colours that are neither grey nor red, green and blue.
fn plain_colours(mut boxes: &[u8]) -> Result<(), Fault> {
    while !boxes.is_empty() {
        let (kind, inside, after) = next_box(boxes).ok_or(Fault::Broken)?;
        match (kind, inside) {
            (b"pclr" | b"cmap", _) => return Err(Fault::Packing),
            // By number: sRGB or grey.
            (b"colr", [1, _, _, 0, 0, 0, 16 | 17, ..]) => {}
            (b"colr", [1, ..]) => return Err(Fault::Packing),
            _ => {}
        }
        boxes = after;
    }
    Ok(())
}

fn next_box(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    let kind = bytes.get(4..)?.first_chunk()?;
    let (begin, end) = match length {
        // To the file's end.
        0 => (8, bytes.len()),
        1 => {
            let long = u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
            (16, usize::try_from(long).ok()?)
        }
        _ => (8, length),
    };
    Some((kind, bytes.get(begin..end)?, &bytes[end..]))
}

struct Size {
    width: u32,
    height: u32,
    colours: u16,
    tile: (u32, u32),
    tiles: u64,
}

/// The size of a stream whose headers ask for no more than is given, and where its last part ends.
fn judged(code: &[u8]) -> Result<(Size, usize), Fault> {
    let mut at = Reader { code, at: 2 };
    let (0x51, siz) = at.segment()? else {
        return Err(Fault::Broken);
    };
    let size = size(siz)?;
    loop {
        match at.segment()? {
            (0x52, cod) => coding(cod, &size)?,
            (0x53, coc) => component_coding(coc, &size)?,
            (0x5c, qcd) => planes(qcd)?,
            (0x5d, qcc) => planes(qcc.get(1..).ok_or(Fault::Broken)?)?,
            // Lengths of parts, places of colours, remarks.
            (0x55 | 0x63 | 0x64, _) => {}
            (SOT, sot) => {
                at.part(sot)?;
                break;
            }
            _ => return Err(Fault::Packing),
        }
    }
    while code.get(at.at..at.at + 2) == Some(&[0xff, SOT]) {
        let (_, sot) = at.segment()?;
        at.part(sot)?;
    }
    Ok((size, at.at))
}

/// Where in the stream it is read.
struct Reader<'a> {
    code: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A marker and what belongs to it.
    fn segment(&mut self) -> Result<(u8, &'a [u8]), Fault> {
        let rest = self.code.get(self.at..).ok_or(Fault::Broken)?;
        let [0xff, marker, high, low, ..] = *rest else {
            return Err(Fault::Broken);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let inside = rest.get(4..2 + length).ok_or(Fault::Broken)?;
        self.at += 2 + length;
        Ok((marker, inside))
    }

    /// The rest of a tile's part behind its first segment (A.4.2): the whole of it has to be there.
    fn part(&mut self, sot: &[u8]) -> Result<(), Fault> {
        let [_, _, a, b, c, d, _, _] = *sot else {
            return Err(Fault::Broken);
        };
        let begin = self.at - 12;
        let end = match u32::from_be_bytes([a, b, c, d]) {
            // To the end, but for the two bytes that say so.
            0 => self.code.len().checked_sub(2).ok_or(Fault::Broken)?,
            length => begin + length as usize,
        };
        if end > self.code.len() {
            return Err(Fault::Broken);
        }
        loop {
            if self.code.get(self.at..self.at + 2) == Some(&[0xff, SOD]) {
                break;
            }
            match self.segment()? {
                (0x5c, qcd) => planes(qcd)?,
                (0x5d, qcc) => planes(qcc.get(1..).ok_or(Fault::Broken)?)?,
                (0x58 | 0x64, _) => {}
                _ => return Err(Fault::Packing),
            }
        }
        if self.at + 2 > end {
            return Err(Fault::Broken);
        }
        self.at = end;
        Ok(())
    }
}

/// Image and tiles (A.5.1).
fn size(siz: &[u8]) -> Result<Size, Fault> {
    let number = |at: usize| {
        let bytes = siz.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().map(u32::from_be_bytes).ok_or(Fault::Broken)
    };
    let (width, height) = (number(2)?, number(6)?);
    let (tile_width, tile_height) = (number(18)?, number(22)?);
    allowed(width, height)?;
    let colours = siz.get(34..36).ok_or(Fault::Broken)?;
    let colours = u16::from_be_bytes([colours[0], colours[1]]);
    let components = siz.get(36..).ok_or(Fault::Broken)?;
    if components.len() != 3 * usize::from(colours) || tile_width == 0 || tile_height == 0 {
        return Err(Fault::Broken);
    }
    // Offsets, thinned or signed colours, more than eight bits, inks.
    let offset = siz[10..18].iter().chain(&siz[26..34]).any(|byte| *byte > 0);
    let plain = components
        .chunks(3)
        .all(|one| one[0] < 8 && one[1..] == [1, 1]);
    if offset || !plain || !matches!(colours, 1 | 3) {
        return Err(Fault::Packing);
    }
    let tiles = u64::from(width.div_ceil(tile_width)) * u64::from(height.div_ceil(tile_height));
    if tiles > TILES_MAX {
        return Err(Fault::Packing);
    }
    if u64::from(width) * u64::from(height) * u64::from(colours) > SAMPLES_MAX {
        return Err(Fault::TooManyPixels);
    }
    Ok(Size {
        width,
        height,
        colours,
        tile: (tile_width.min(width), tile_height.min(height)),
        tiles,
    })
}

/// How everything is coded (A.6.1).
fn coding(cod: &[u8], size: &Size) -> Result<(), Fault> {
    let [style, _, high, low, _, parameters @ ..] = cod else {
        return Err(Fault::Broken);
    };
    if u16::from_be_bytes([*high, *low]) > LAYERS_MAX {
        return Err(Fault::Packing);
    }
    blocks(*style, parameters, size)
}

/// How one colour is coded (A.6.2).
fn component_coding(coc: &[u8], size: &Size) -> Result<(), Fault> {
    let [_, style, parameters @ ..] = coc else {
        return Err(Fault::Broken);
    };
    blocks(*style, parameters, size)
}

fn blocks(style: u8, parameters: &[u8], size: &Size) -> Result<(), Fault> {
    let [levels, across, down, _, _, precincts @ ..] = parameters else {
        return Err(Fault::Broken);
    };
    let own = style & 1 == 1;
    let expected = if own { usize::from(*levels) + 1 } else { 0 };
    if precincts.len() != expected {
        return Err(Fault::Broken);
    }
    // Two less than the power is written.
    let (across, down) = (across.saturating_add(2), down.saturating_add(2));
    let sides = [across, down].iter().all(|side| BLOCK_SIDES.contains(side));
    if *levels > LEVELS_MAX || !sides || across + down > BLOCK_MAX {
        return Err(Fault::Packing);
    }
    // The smallest resolution comes first; each tile begins in the midst of a precinct at worst.
    let each = (0..).zip(precincts).map(|(resolution, sides)| {
        let along = |side: u32, power: u8| {
            let side = side.div_ceil(1 << (levels - resolution));
            u64::from(side.div_ceil(1 << power)) + 1
        };
        along(size.tile.0, sides & 15) * along(size.tile.1, sides >> 4)
    });
    if each.sum::<u64>() * size.tiles * u64::from(size.colours) > PRECINCTS_MAX {
        return Err(Fault::Packing);
    }
    Ok(())
}

/// How many planes of bits there are at most (A.6.4, E.1).
fn planes(quantization: &[u8]) -> Result<(), Fault> {
    let (style, steps) = quantization.split_first().ok_or(Fault::Broken)?;
    let exponents: Vec<u8> = match style & 31 {
        0 => steps.iter().map(|step| step >> 3).collect(),
        1 if steps.len() == 2 => vec![steps[0] >> 3],
        2 if steps.len().is_multiple_of(2) => steps.chunks(2).map(|step| step[0] >> 3).collect(),
        _ => return Err(Fault::Broken),
    };
    let most = exponents.into_iter().max().ok_or(Fault::Broken)?;
    if (most + (style >> 5)).saturating_sub(1) > PLANES_MAX {
        return Err(Fault::Packing);
    }
    Ok(())
}
