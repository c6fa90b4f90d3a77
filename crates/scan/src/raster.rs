//! JPEG and PNG.

use std::io::Cursor;

use image::{
    ColorType, DynamicImage, ImageDecoder, Limits,
    codecs::{jpeg::JpegDecoder, png::PngDecoder},
    metadata::Orientation,
};

use crate::{Fault, Picture, allowed, picture};

/// What a decoder may allocate for one page, in bytes: four to a pixel, and its working room.
const DECODE_BYTES_MAX: u64 = 5 * crate::PIXELS_MAX;

/// A JPEG, upright as its camera says.
pub(crate) fn jpeg(bytes: &[u8]) -> Result<Picture, Fault> {
    // Judged by its own header first: the decoder reads more than that when it is made.
    let (width, height) = jpeg_size(bytes).ok_or(Fault::Broken)?;
    allowed(width, height)?;
    decoded(JpegDecoder::new(Cursor::new(bytes)).map_err(|_| Fault::Broken)?)
}

/// A PNG.
pub(crate) fn png(bytes: &[u8]) -> Result<Picture, Fault> {
    decoded(PngDecoder::with_limits(Cursor::new(bytes), limits()).map_err(|_| Fault::Broken)?)
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    limits
}

fn decoded(mut decoder: impl ImageDecoder) -> Result<Picture, Fault> {
    let (width, height) = decoder.dimensions();
    allowed(width, height)?;
    if decoder.total_bytes() > DECODE_BYTES_MAX {
        return Err(Fault::TooManyPixels);
    }
    decoder.set_limits(limits()).map_err(|_| Fault::Broken)?;
    let upright = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| Fault::Broken)?;
    image.apply_orientation(upright);
    let (width, height) = (image.width(), image.height());
    let luma = match image.color() {
        ColorType::La8 | ColorType::La16 | ColorType::Rgba8 | ColorType::Rgba16 => image
            .into_luma_alpha8()
            .pixels()
            .map(|pixel| on_paper(pixel.0))
            .collect(),
        _ => image.into_luma8().into_raw(),
    };
    picture::Picture::whole(width, height, luma)
}

/// What is transparent shows the paper.
fn on_paper([level, alpha]: [u8; 2]) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    u8::try_from((level * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}

/// The size that the first frame of a JPEG says (ISO 10918-1, B.2.2), without decoding anything.
pub(crate) fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        rest = rest.strip_prefix(&[0xff])?;
        let (&marker, after) = rest.split_first()?;
        match marker {
            // Filling.
            0xff => continue,
            // Frames; the others of this row define tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let size = |at| {
                    Some(u32::from(u16::from_be_bytes(
                        *after.get(at..)?.first_chunk()?,
                    )))
                };
                return Some((size(5)?, size(3)?));
            }
            // Without a length.
            0x01 | 0xd0..=0xd8 => rest = after,
            // The picture begins, or ends, without a frame.
            0xd9 | 0xda => return None,
            _ => {
                let length = u16::from_be_bytes(*after.first_chunk()?);
                rest = after.get(usize::from(length)..)?;
            }
        }
    }
}
