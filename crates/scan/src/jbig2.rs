//! Two levels packed by JBIG2 (ITU-T T.88), as a PDF holds them: pictures that are kept dot by dot.
//!
//! JBIG2 may also draw a page with letters out of a dictionary. That is not read: encoders that do so have put one digit
//! in the place of another that looks like it, which is no evidence of what was on the paper; and what a dictionary takes
//! to unpack cannot be told before.

use hayro_jbig2::{Decoder, Image};

use crate::{Fault, Picture, allowed};

/// Parts of one picture: a scanner that sends bands of 8 rows has not half as many.
const SEGMENTS_MAX: usize = 10_000;
/// Bytes before a region's own data: its size, its place and how it is laid over the page (7.4.1).
const REGION_BYTES: usize = 17;
/// A length that is told behind the data (7.2.7).
const UNKNOWN: u32 = u32::MAX;

/// The picture in these bytes, with what other pictures share with it.
///
/// # Errors
/// Where it is broken, too large, or made of letters.
pub(crate) fn picture(bytes: &[u8], globals: Option<&[u8]>) -> Result<Picture, Fault> {
    let mut regions = Regions::default();
    regions.walk(globals.unwrap_or_default())?;
    regions.walk(bytes)?;
    let image = Image::new_embedded(bytes, globals).map_err(|_| Fault::Broken)?;
    let (width, height) = (image.width(), image.height());
    allowed(width, height)?;
    let page_pixels = u64::from(width) * u64::from(height);
    // Regions lie beside each other; a few may be drawn twice.
    if regions.pixels > 2 * page_pixels + (1 << 20) {
        return Err(Fault::TooManyPixels);
    }
    let mut page = Page {
        luma: Vec::with_capacity(page_pixels as usize),
    };
    image.decode(&mut page).map_err(|_| Fault::Broken)?;
    Picture::whole(width, height, page.luma)
}

struct Page {
    luma: Vec<u8>,
}

impl Page {
    fn push(&mut self, black: bool, count: usize) {
        let end = self.luma.len() + count;
        self.luma.resize(end, if black { 0 } else { 255 });
    }
}

impl Decoder for Page {
    fn push_pixel(&mut self, black: bool) {
        self.push(black, 1);
    }

    fn push_pixel_chunk(&mut self, black: bool, chunk_count: u32) {
        self.push(black, 8 * chunk_count as usize);
    }

    fn next_line(&mut self) {}
}

/// What is asked for, read off the segments' heads before anything is decoded.
#[derive(Default)]
struct Regions {
    segments: usize,
    pixels: u64,
}

impl Regions {
    fn walk(&mut self, mut rest: &[u8]) -> Result<(), Fault> {
        while !rest.is_empty() {
            self.segments += 1;
            if self.segments > SEGMENTS_MAX {
                return Err(Fault::Packing);
            }
            let (kind, length, data) = head(rest).ok_or(Fault::Broken)?;
            let length = match (kind, length) {
                (38, UNKNOWN) => open_length(data).ok_or(Fault::Broken)?,
                (_, length) => length as usize,
            };
            let data = data.split_at_checked(length).ok_or(Fault::Broken)?;
            match kind {
                // Generic regions, later referred to or at once on the page.
                36 | 38 | 39 => {
                    let side = |at: usize| be32(data.0.get(at..REGION_BYTES)?);
                    let (width, height) = side(0).zip(side(4)).ok_or(Fault::Broken)?;
                    allowed(width, height)?;
                    self.pixels += u64::from(width) * u64::from(height);
                }
                // The page, its end, the end of a stripe, of the file; profiles and remarks.
                48 | 49 | 50 | 51 | 52 | 62 => {}
                _ => return Err(Fault::Packing),
            }
            rest = data.1;
        }
        Ok(())
    }
}

/// A segment's kind, its length, and what follows its head (7.2).
fn head(bytes: &[u8]) -> Option<(u8, u32, &[u8])> {
    let number = be32(bytes)?;
    let (&flags, rest) = bytes.get(4..)?.split_first()?;
    let (&count, short) = rest.split_first()?;
    let (referred, rest) = match count >> 5 {
        referred @ 0..=4 => (usize::from(referred), short),
        7 => {
            let referred = (be32(rest)? & 0x1fff_ffff) as usize;
            (referred, rest.get(4 + (referred + 1).div_ceil(8)..)?)
        }
        _ => return None,
    };
    let number_bytes = match number {
        0..=256 => 1,
        257..=65_536 => 2,
        _ => 4,
    };
    let page_bytes = if flags & 0x40 == 0 { 1 } else { 4 };
    let rest = rest.get(referred * number_bytes + page_bytes..)?;
    Some((flags & 0x3f, be32(rest)?, &rest[4..]))
}

/// Where a region ends whose length is told behind it: after two bytes that do not occur inside of it, and four that
/// count its rows.
fn open_length(data: &[u8]) -> Option<usize> {
    let end = if data.get(REGION_BYTES)? & 1 == 0 {
        [0xff, 0xac]
    } else {
        [0, 0]
    };
    let begin = REGION_BYTES + 1;
    let found = data.get(begin..)?.windows(6).position(|at| at[..2] == end);
    Some(begin + found? + 6)
}

fn be32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().copied().map(u32::from_be_bytes)
}
