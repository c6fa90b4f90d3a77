//! A page as a grid of grey levels.

use std::fmt;

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};

use crate::Fault;

/// The longest side of a picture in two levels that is kept: A4 at 300 dpi.
const BITONAL_SIDE_MAX: u32 = 3_508;
/// The longest side of a grey picture that is kept: A4 at some 210 dpi, where handwriting is read well.
const GREY_SIDE_MAX: u32 = 2_480;
/// Handwriting looks the same from here on.
const JPEG_QUALITY: u8 = 80;
/// A page with a smaller share of dark pixels is a sheet's empty back: one of so many.
const BLANK_ONE_OF: u64 = 3_000;
/// Dark enough to be ink.
const INK: u8 = 140;

/// A picture in grey levels: 0 is black, 255 is white, row by row from the top.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height` levels.
    pub luma: Vec<u8>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture {} × {}", self.width, self.height)
    }
}

/// What a picture's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PNG, without loss.
    Png,
    /// JPEG.
    Jpeg,
}

/// A picture as it is kept and shown: written here, whatever it was read from.
#[derive(Debug)]
pub struct Kept {
    /// What the bytes are.
    pub kind: Kind,
    /// The whole file.
    pub bytes: Vec<u8>,
}

impl Picture {
    /// A picture of these levels; `None` where they are not as many as its size says.
    #[must_use]
    pub fn new(width: u32, height: u32, luma: Vec<u8>) -> Option<Self> {
        let fits = luma.len() as u64 == u64::from(width) * u64::from(height);
        fits.then_some(Self {
            width,
            height,
            luma,
        })
    }

    pub(crate) fn whole(width: u32, height: u32, luma: Vec<u8>) -> Result<Self, Fault> {
        Self::new(width, height, luma).ok_or(Fault::Broken)
    }

    /// A row, from its left.
    pub(crate) fn row(&self, y: u32) -> &[u8] {
        let start = y as usize * self.width as usize;
        &self.luma[start..start + self.width as usize]
    }

    /// Whether there is nothing on it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let ink = self.luma.iter().filter(|level| **level < INK).count();
        (ink as u64) * BLANK_ONE_OF < self.luma.len() as u64
    }

    /// Turned clockwise by so many quarters.
    #[must_use]
    pub fn turned(self, quarters: u8) -> Self {
        let (w, h) = (self.width as usize, self.height as usize);
        let at = |x: usize, y: usize| self.luma[y * w + x];
        let luma = match quarters % 4 {
            0 => return self,
            1 => (0..w)
                .flat_map(|y| (0..h).map(move |x| (y, h - 1 - x)))
                .map(|(x, y)| at(x, y))
                .collect(),
            2 => self.luma.iter().rev().copied().collect(),
            _ => (0..w)
                .flat_map(|y| (0..h).map(move |x| (w - 1 - y, x)))
                .map(|(x, y)| at(x, y))
                .collect(),
        };
        let (width, height) = match quarters % 2 {
            0 => (self.width, self.height),
            _ => (self.height, self.width),
        };
        Self {
            width,
            height,
            luma,
        }
    }

    /// Made smaller by whole steps, each pixel the mean of a square, until its longer side is at most `side`.
    pub(crate) fn reduced(&self, side: u32) -> Self {
        let step = self.width.max(self.height).div_ceil(side.max(1)).max(1);
        if step == 1 {
            return self.clone();
        }
        let (width, height) = ((self.width / step).max(1), (self.height / step).max(1));
        let mut luma = Vec::with_capacity(width as usize * height as usize);
        let mut sums = vec![0_u32; width as usize];
        for y in 0..height {
            sums.fill(0);
            let (mut rows, columns) = (0, step.min(self.width));
            for below in 0..step.min(self.height - y * step) {
                rows += 1;
                let squares = self.row(y * step + below).chunks(step as usize);
                for (sum, square) in sums.iter_mut().zip(squares) {
                    *sum += square.iter().map(|level| u32::from(*level)).sum::<u32>();
                }
            }
            // A mean of bytes is a byte.
            luma.extend(sums.iter().map(|sum| (sum / (rows * columns)) as u8));
        }
        Self {
            width,
            height,
            luma,
        }
    }

    /// A part of it, cut at its edges.
    pub(crate) fn part(&self, left: u32, top: u32, right: u32, bottom: u32) -> Self {
        let (right, bottom) = (right.min(self.width), bottom.min(self.height));
        let (left, top) = (left.min(right), top.min(bottom));
        let columns = left as usize..right as usize;
        let luma = (top..bottom).flat_map(|y| self.row(y)[columns.clone()].iter().copied());
        Self {
            luma: luma.collect(),
            width: right - left,
            height: bottom - top,
        }
    }

    /// As a file that browsers show: two levels as PNG, grey as JPEG, no larger than handwriting needs.
    ///
    /// # Errors
    /// Where it cannot be written, which does not happen to a picture of a page.
    pub fn kept(&self) -> Result<Kept, Fault> {
        let bitonal = self.luma.iter().all(|level| matches!(level, 0 | 255));
        let side = if bitonal {
            BITONAL_SIDE_MAX
        } else {
            GREY_SIDE_MAX
        };
        let shown = self.reduced(side);
        let (kind, mut bytes) = (
            if bitonal && shown.width == self.width {
                Kind::Png
            } else {
                Kind::Jpeg
            },
            Vec::new(),
        );
        let colour = ExtendedColorType::L8;
        let written = match kind {
            Kind::Png => PngEncoder::new(&mut bytes).write_image(
                &shown.luma,
                shown.width,
                shown.height,
                colour,
            ),
            Kind::Jpeg => JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).write_image(
                &shown.luma,
                shown.width,
                shown.height,
                colour,
            ),
        };
        written.map_err(|_| Fault::Broken)?;
        Ok(Kept { kind, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Picture {
        // 1 2 3
        // 4 5 6
        Picture::new(3, 2, vec![1, 2, 3, 4, 5, 6]).expect("six")
    }

    #[test]
    fn a_quarter_turns_clockwise() {
        let once = letters().turned(1);
        assert_eq!((once.width, once.height), (2, 3));
        assert_eq!(once.luma, [4, 1, 5, 2, 6, 3]);
        assert_eq!(letters().turned(2).luma, [6, 5, 4, 3, 2, 1]);
        assert_eq!(letters().turned(3).luma, [3, 6, 2, 5, 1, 4]);
        assert_eq!(once.turned(3), letters());
    }

    #[test]
    fn smaller_is_the_mean_of_squares() {
        let picture = Picture::new(4, 2, vec![0, 100, 10, 10, 100, 200, 10, 10]).expect("eight");
        let half = picture.reduced(2);
        assert_eq!((half.width, half.height), (2, 1));
        assert_eq!(half.luma, [100, 10]);
        assert_eq!(picture.reduced(4), picture);
        // Long and thin: never nothing.
        let thin = Picture::new(9, 1, vec![7; 9]).expect("nine").reduced(2);
        assert_eq!((thin.width, thin.height), (1, 1));
        assert_eq!(thin.luma, [7]);
    }

    #[test]
    fn an_empty_back_is_told_from_a_written_page() {
        let mut page = Picture::new(1_000, 1_000, vec![250; 1_000_000]).expect("a page");
        assert!(page.is_blank());
        page.luma[100_000..101_000].fill(20);
        assert!(!page.is_blank());
    }
}
