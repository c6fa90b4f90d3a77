//! TIFF, page by page: two levels (uncompressed, LZW, Deflate, CCITT Group 3 and 4), grey, colours, palettes, JPEG.

use std::io::Cursor;

use tiff::{
    ColorType,
    decoder::{Decoder, DecodingResult, Limits},
    tags::Tag,
};

use crate::{
    Fault, PAGES_MAX, PIXELS_MAX, Picture, allowed,
    fax::{self, EncodingMode, Packing},
    guarded, raster,
};

/// What a page may take while it is decoded, in bytes.
const DECODE_BYTES_MAX: usize = 4 * PIXELS_MAX as usize;
/// Lists of strips and the like, in bytes.
const LIST_BYTES_MAX: usize = 1 << 20;
/// JPEG, in `Compression` (TIFF Technical Note 2).
const JPEG: u16 = 7;
/// Rows by themselves, Group 3 and Group 4 (TIFF 6.0, sections 10 and 11).
const FAX: std::ops::RangeInclusive<u16> = 2..=4;

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

pub(crate) fn pages(
    bytes: &[u8],
    each: &mut impl FnMut(u32, Result<Picture, Fault>) -> bool,
) -> Result<u32, Fault> {
    let mut reader = guarded(|| open(bytes))?;
    for page in 1.. {
        if page > PAGES_MAX {
            return Err(Fault::TooManyPages);
        }
        let picture = guarded(|| one(&mut reader, bytes));
        if !each(page, picture) || !reader.more_images() {
            return Ok(page);
        }
        // A chain of pages that breaks off: the next page is the one that cannot be read, and the last.
        if guarded(|| reader.next_image().map_err(|_| Fault::Broken)).is_err() {
            each(page + 1, Err(Fault::Broken));
            return Ok(page + 1);
        }
    }
    Err(Fault::TooManyPages)
}

fn open(bytes: &[u8]) -> Result<Reader<'_>, Fault> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = DECODE_BYTES_MAX;
    limits.intermediate_buffer_size = DECODE_BYTES_MAX;
    limits.ifd_value_size = LIST_BYTES_MAX;
    let reader = Decoder::new(Cursor::new(bytes)).map_err(|_| Fault::Broken)?;
    Ok(reader.with_limits(limits))
}

fn one(reader: &mut Reader<'_>, bytes: &[u8]) -> Result<Picture, Fault> {
    let (width, height) = reader.dimensions().map_err(|_| Fault::Broken)?;
    allowed(width, height)?;
    let unsigned =
        |reader: &mut Reader<'_>, tag| reader.find_tag_unsigned::<u16>(tag).ok().flatten();
    let turns = match unsigned(reader, Tag::Orientation) {
        Some(3) => 2,
        Some(6) => 1,
        Some(8) => 3,
        _ => 0,
    };
    match unsigned(reader, Tag::Compression) {
        Some(JPEG) => strips_are_small(reader, bytes, (width, height))?,
        Some(fax) if FAX.contains(&fax) => {
            let luma = faxed(reader, bytes, (width, height), fax)?;
            return Ok(Picture::whole(width, height, luma)?.turned(turns));
        }
        _ => {}
    }
    let colour = reader.colortype().map_err(|_| Fault::Packing)?;
    let palette = match colour {
        ColorType::Palette(_) => Some(levels(reader)?),
        _ => None,
    };
    let image = reader.read_image().map_err(|error| match error {
        tiff::TiffError::UnsupportedError(_) => Fault::Packing,
        _ => Fault::Broken,
    })?;
    let luma = match (image, colour) {
        (DecodingResult::U8(bytes), ColorType::Gray(bits @ (1 | 2 | 4))) => {
            let top = (1_u16 << bits) - 1;
            unpacked(&bytes, width, bits, |level| u16::from(level) * 255 / top)
        }
        (DecodingResult::U8(bytes), ColorType::Palette(bits @ (1 | 2 | 4 | 8))) => {
            let palette = palette.unwrap_or_default();
            let level = |index| u16::from(palette.get(usize::from(index)).copied().unwrap_or(255));
            unpacked(&bytes, width, bits, level)
        }
        (DecodingResult::U8(bytes), ColorType::Gray(8)) => bytes,
        (DecodingResult::U16(words), ColorType::Gray(16)) => {
            words.iter().map(|word| (word >> 8) as u8).collect()
        }
        (DecodingResult::U8(bytes), ColorType::RGB(8)) => bytes.chunks_exact(3).map(grey).collect(),
        (DecodingResult::U8(bytes), ColorType::RGBA(8)) => {
            bytes.chunks_exact(4).map(grey).collect()
        }
        // The first of each three is the brightness.
        (DecodingResult::U8(bytes), ColorType::YCbCr(8)) => {
            bytes.iter().step_by(3).copied().collect()
        }
        _ => return Err(Fault::Packing),
    };
    Ok(Picture::whole(width, height, luma)?.turned(turns))
}

/// The strips of a page that is packed as a fax.
fn faxed(
    reader: &mut Reader<'_>,
    bytes: &[u8],
    (width, height): (u32, u32),
    fax: u16,
) -> Result<Vec<u8>, Fault> {
    let number = |reader: &mut Reader<'_>, tag, usual| match reader.find_tag_unsigned::<u32>(tag) {
        Ok(found) => Ok(found.unwrap_or(usual)),
        Err(_) => Err(Fault::Broken),
    };
    let one = |reader: &mut Reader<'_>, tag| number(reader, tag, 1);
    if (
        one(reader, Tag::BitsPerSample)?,
        one(reader, Tag::SamplesPerPixel)?,
    ) != (1, 1)
    {
        return Err(Fault::Packing);
    }
    // `T4Options`: the first bit says that rows follow from those above.
    let options = number(reader, Tag::Unknown(292), 0)?;
    let packing = Packing {
        mode: match fax {
            4 => EncodingMode::Group4,
            3 if options & 1 == 1 => EncodingMode::Group3_2D { k: 4 },
            _ => EncodingMode::Group3_1D,
        },
        aligned: fax == 2,
        columns: width,
    };
    let mirrored = one(reader, Tag::FillOrder)? == 2;
    // Zero is paper; some write it the other way round.
    let negative = one(reader, Tag::PhotometricInterpretation)? == 1;
    let rows_per_strip = number(reader, Tag::RowsPerStrip, height)?.clamp(1, height);
    let mut list = |tag| reader.get_tag_u64_vec(tag).map_err(|_| Fault::Packing);
    let (offsets, lengths) = (list(Tag::StripOffsets)?, list(Tag::StripByteCounts)?);
    let mut luma = Vec::with_capacity(width as usize * height as usize);
    let mut rows_left = height;
    for (offset, length) in offsets.into_iter().zip(lengths) {
        let rows = rows_per_strip.min(rows_left);
        if rows == 0 {
            break;
        }
        let start = usize::try_from(offset).map_err(|_| Fault::Broken)?;
        let length = usize::try_from(length).map_err(|_| Fault::Broken)?;
        let strip = start
            .checked_add(length)
            .and_then(|end| bytes.get(start..end));
        let strip = strip.ok_or(Fault::Broken)?;
        luma.extend(if mirrored {
            let turned: Vec<u8> = strip.iter().map(|byte| byte.reverse_bits()).collect();
            fax::unpacked(&turned, packing, rows)?
        } else {
            fax::unpacked(strip, packing, rows)?
        });
        rows_left -= rows;
    }
    if negative {
        luma.iter_mut().for_each(|level| *level = 255 - *level);
    }
    Ok(luma)
}

/// A JPEG inside of a TIFF has a size of its own, and the decoder believes that one: each is held to its strip or
/// tile, and all together to the page, as many strips may name the same bytes.
fn strips_are_small(
    reader: &mut Reader<'_>,
    bytes: &[u8],
    (width, height): (u32, u32),
) -> Result<(), Fault> {
    let tables = reader
        .find_tag(Tag::JPEGTables)
        .map_err(|_| Fault::Broken)?;
    if let Some(tables) = tables {
        let tables = tables.into_u8_vec().map_err(|_| Fault::Broken)?;
        only_tables(&tables).ok_or(Fault::Broken)?;
    }
    let mut list = |tag| reader.get_tag_u64_vec(tag).map_err(|_| Fault::Broken);
    let (offsets, lengths) = match list(Tag::StripOffsets) {
        Ok(offsets) => (offsets, list(Tag::StripByteCounts)?),
        Err(_) => (list(Tag::TileOffsets)?, list(Tag::TileByteCounts)?),
    };
    let pixels = |(columns, rows)| u64::from(columns) * u64::from(rows);
    let strip_max = 2 * pixels(reader.chunk_dimensions());
    // Tiles go beyond the page's edge, which is much of a small page.
    let mut left = 2 * pixels((width, height)) + (1 << 20);
    for (offset, length) in offsets.into_iter().zip(lengths) {
        let start = usize::try_from(offset).map_err(|_| Fault::Broken)?;
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let strip = bytes
            .get(start..end.min(bytes.len()))
            .ok_or(Fault::Broken)?;
        let (columns, rows) = raster::jpeg_size(strip).ok_or(Fault::Broken)?;
        allowed(columns, rows)?;
        let size = pixels((columns, rows));
        if size > strip_max {
            return Err(Fault::Broken);
        }
        left = left.checked_sub(size).ok_or(Fault::Broken)?;
    }
    Ok(())
}

/// Whether `JPEGTables`, which the decoder puts before each strip, are whole tables and nothing else: a frame or a
/// scan among them, or a segment that reaches into the strip, would be decoded instead of what was judged.
fn only_tables(tables: &[u8]) -> Option<()> {
    let mut rest = tables.strip_prefix(&[0xff, 0xd8])?;
    while rest != [0xff, 0xd9] {
        let (&marker, after) = rest.strip_prefix(&[0xff])?.split_first()?;
        // Huffman, arithmetic and quantization tables, the restart interval, applications' notes, comments.
        if !matches!(marker, 0xc4 | 0xcc | 0xdb | 0xdd | 0xe0..=0xef | 0xfe) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        rest = after.get(length.max(2)..)?;
    }
    Some(())
}

/// The grey levels of a palette (`ColorMap`: all reds, then greens, then blues, 16 bits each).
fn levels(reader: &mut Reader<'_>) -> Result<Vec<u8>, Fault> {
    let map = reader
        .get_tag_u16_vec(Tag::ColorMap)
        .map_err(|_| Fault::Broken)?;
    let third = map.len() / 3;
    let byte = |at: usize| (map[at] >> 8) as u8;
    Ok((0..third)
        .map(|at| grey(&[byte(at), byte(third + at), byte(2 * third + at)]))
        .collect())
}

/// Samples of less than a byte, or indexes: each row begins with a new byte.
pub(crate) fn unpacked(bytes: &[u8], width: u32, bits: u8, level: impl Fn(u8) -> u16) -> Vec<u8> {
    let per_byte = u32::from(8 / bits);
    let row_bytes = width.div_ceil(per_byte) as usize;
    let mask = (1_u16 << bits) - 1;
    let levels: Vec<u8> = (0..=mask)
        .map(|sample| level(sample as u8).min(255) as u8)
        .collect();
    let mut out = Vec::with_capacity(bytes.len() * per_byte as usize);
    for row in bytes.chunks_exact(row_bytes) {
        out.extend((0..width).map(|x| {
            let byte = row[(x / per_byte) as usize];
            let shift = 8 - bits - (x % per_byte) as u8 * bits;
            levels[usize::from((u16::from(byte) >> shift) & mask)]
        }));
    }
    out
}

/// How bright red, green and blue are together (ITU-R BT.601).
pub(crate) fn grey(pixel: &[u8]) -> u8 {
    let [red, green, blue, ..] = *pixel else {
        return 255;
    };
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    // At most 255,000.
    (sum / 1_000) as u8
}
