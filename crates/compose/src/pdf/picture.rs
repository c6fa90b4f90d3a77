//! Square codes as small as they can be: the exporter writes a byte for each pixel, of which each is black
//! or white.

use kvit_pdf::{Document, Object, Stream, Value};

use crate::ComposeError;

/// Writes pictures that are black and white as stencils, a bit for each pixel, through which black is painted
/// (ISO 32000-2, 8.9.6.2). Viewers enlarge stencils without softening their edges.
///
/// They stay as they are: a code's modules are as good as random, and compressing takes more than it saves.
pub(super) fn pack(document: &mut Document) -> Result<(), ComposeError> {
    for object in document.objects.values_mut() {
        let Object::Stream(stream) = object else {
            continue;
        };
        let Some(width) = width(stream) else {
            continue;
        };
        let pixels = stream.plain()?;
        if pixels.iter().all(|luma| matches!(luma, 0 | 255)) {
            for key in [
                "Type",
                "ColorSpace",
                "BitsPerComponent",
                "Interpolate",
                "Filter",
            ] {
                stream.dict.remove(key);
            }
            stream.dict.set("ImageMask", Value::Bool(true));
            stream.content = packed(&pixels, width);
        }
    }
    Ok(())
}

/// Pixels in a row of a picture with a byte for each and no mask.
pub(crate) fn width(stream: &Stream) -> Option<usize> {
    let Stream { dict, .. } = stream;
    let is_grey = dict.integer("BitsPerComponent") == Some(8) && dict.get("SMask").is_none();
    let is_picture = dict.name("Subtype") == Some(b"Image");
    let (width, height) = (dict.integer("Width")?, dict.integer("Height")?);
    let size = usize::try_from(width.checked_mul(height)?).ok()?;
    let fits = stream.plain().ok()?.len() == size;
    (is_grey && is_picture && fits)
        .then(|| usize::try_from(width).ok())
        .flatten()
}

/// A bit for each pixel, light ones set; each row begins at a byte.
pub(crate) fn packed(pixels: &[u8], width: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pixels.len() / 8 + pixels.len() / width.max(1) + 1);
    for row in pixels.chunks(width.max(1)) {
        let (eights, rest) = row.as_chunks();
        bytes.extend(eights.iter().copied().map(byte));
        if !rest.is_empty() {
            let mut eight = [0; 8];
            eight[..rest.len()].copy_from_slice(rest);
            bytes.push(byte(eight));
        }
    }
    bytes
}

/// The highest bits of eight bytes, that of the first one highest.
fn byte(pixels: [u8; 8]) -> u8 {
    let light = u64::from_le_bytes(pixels) >> 7 & 0x0101_0101_0101_0101;
    // The factor moves the bit of each byte to a place of its own in the highest byte.
    (light.wrapping_mul(0x8040_2010_0804_0201) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_begins_at_a_byte() {
        let pixels = [
            255, 0, 255, 0, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0, 0, 0, 0, 255,
        ];
        assert_eq!(packed(&pixels, 9), [0xa0, 0x80, 0x40, 0x80]);
    }
}
