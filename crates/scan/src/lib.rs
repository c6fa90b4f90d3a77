//! Scanned pages: pictures out of the bytes of a PDF, TIFF, JPEG or PNG that may be meant badly, and the
//! square code on each.
//!
//! Sizes are read and judged before anything is decoded, one page is held at a time, and a fault of one page
//! leaves the others. What comes out is a grid of grey levels; nothing of the file's own bytes goes on.

mod assembled;
mod code;
mod fault;
mod fax;
mod jbig2;
mod jpeg2000;
mod pdf;
mod picture;
mod raster;
mod tiff;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use code::{Found, find_code};
pub use fault::Fault;
pub use picture::{Kept, Kind, Picture};

/// Pages of one file that are looked at.
pub const PAGES_MAX: u32 = 1_000;
/// Pixels of one page: A4 at 600 dpi has 35 million.
pub const PIXELS_MAX: u64 = 40_000_000;
/// The longest side of a page, in pixels.
pub const SIDE_MAX: u32 = 15_000;
/// The largest file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 200_000_000;

/// Reads a file page by page. `each` gets the page's number, counted from 1, and its picture or what is wrong with
/// it; where it gives `false`, reading ends. Gives how many pages there were.
///
/// # Errors
/// Where the file as a whole is none that can be read, or has too many pages.
pub fn read_pages(
    bytes: &[u8],
    mut each: impl FnMut(u32, Result<Picture, Fault>) -> bool,
) -> Result<u32, Fault> {
    if bytes.is_empty() {
        return Err(Fault::Empty);
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Fault::FileTooLarge);
    }
    // By its first bytes alone: what else a file may pass for elsewhere is never tried.
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => pdf::pages(bytes, &mut each),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => tiff::pages(bytes, &mut each),
        [0xff, 0xd8, 0xff, ..] => {
            each(1, guarded(|| raster::jpeg(bytes)));
            Ok(1)
        }
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => {
            each(1, guarded(|| raster::png(bytes)));
            Ok(1)
        }
        _ => Err(Fault::UnknownFormat),
    }
}

/// A decoder that panics over odd bytes has read nothing, and the next page is another matter.
fn guarded<T>(decode: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Fault::Broken))
}

/// Refuses a page by its size, before anything of it is decoded.
fn allowed(width: u32, height: u32) -> Result<(), Fault> {
    if width == 0 || height == 0 {
        return Err(Fault::Broken);
    }
    let pixels = u64::from(width) * u64::from(height);
    if width > SIDE_MAX || height > SIDE_MAX || pixels > PIXELS_MAX {
        return Err(Fault::TooManyPixels);
    }
    Ok(())
}
