//! The square codes of a page: where something like one may be, and what it says.
//!
//! A whole page of letters and lines confuses any reader of codes, and takes it seconds. So places are looked
//! for first, in a small copy of the page: dark spots about as wide as high, once gaps of a few pixels are closed.
//! Each is cut out of the page itself and read by itself, in any direction.

use rxing::{
    Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, RXingResult, Reader,
    common::{GlobalHistogramBinarizer, HybridBinarizer},
    datamatrix::DataMatrixReader,
    qrcode::QRCodeReader,
};

use crate::{Picture, guarded};

/// The longer side of the small copy, in pixels: of an A4 page, about 100 dpi.
const SMALL_SIDE: u32 = 1_200;
/// Gaps that are closed in the small copy, in pixels, one after the other: what the page's size in millimetres is, nobody says.
const GAPS: [usize; 3] = [3, 5, 8];
/// How wide a spot is, in pixels of the small copy.
const SPOT_SIDES: std::ops::RangeInclusive<usize> = 26..=420;
/// Spots that are tried with each gap.
const SPOTS_MAX: usize = 40;
/// The side of a spot when it is read, in pixels: larger ones are made smaller.
const READ_SIDE_MAX: u32 = 640;
/// Smaller ones are made larger by whole steps.
const READ_SIDE_MIN: u32 = 160;
/// The page around a spot is brighter than ink by so much.
const CONTRAST: u32 = 24;
/// What is near enough to say what is bright there, in pixels of the small copy to each side.
const NEAR: usize = 24;

/// A code that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// What it means.
    pub meaning: T,
    /// By how many quarters, clockwise, the page is to be turned so that the code stands upright.
    pub turns: u8,
}

/// The first code on a page that `meaning` understands.
pub fn find_code<T>(
    picture: &Picture,
    mut meaning: impl FnMut(&str) -> Option<T>,
) -> Option<Found<T>> {
    let small = picture.reduced(SMALL_SIDE);
    let scale = picture.width as f32 / small.width as f32;
    let ink = ink(&small);
    let mut tried = Vec::new();
    for gap in GAPS {
        for spot in spots(&ink, small.width as usize, small.height as usize, gap) {
            if tried.iter().any(|other: &Spot| other.is_about(&spot)) {
                continue;
            }
            let cut = spot.cut(picture, scale);
            if let Some(found) = read(&cut, &mut meaning) {
                return Some(found);
            }
            tried.push(spot);
        }
    }
    None
}

/// What is darker than its surroundings.
fn ink(small: &Picture) -> Vec<bool> {
    let (w, h) = (small.width as usize, small.height as usize);
    // Sums of all levels above and to the left, with a row and a column of nothing.
    let mut sums = vec![0_u64; (w + 1) * (h + 1)];
    for y in 0..h {
        let mut row = 0;
        for x in 0..w {
            row += u64::from(small.luma[y * w + x]);
            sums[(y + 1) * (w + 1) + x + 1] = sums[y * (w + 1) + x + 1] + row;
        }
    }
    let mut ink = vec![false; w * h];
    for y in 0..h {
        let (top, bottom) = (y.saturating_sub(NEAR), (y + NEAR + 1).min(h));
        for x in 0..w {
            let (left, right) = (x.saturating_sub(NEAR), (x + NEAR + 1).min(w));
            let sum = sums[bottom * (w + 1) + right] + sums[top * (w + 1) + left]
                - sums[top * (w + 1) + right]
                - sums[bottom * (w + 1) + left];
            let pixels = ((bottom - top) * (right - left)) as u64;
            // Inside of a code about half is dark; the level that parts them lies a little below the mean.
            let level = u64::from(small.luma[y * w + x]);
            let dark = (level + u64::from(CONTRAST)) * pixels < sum;
            ink[y * w + x] = dark || level < 48;
        }
    }
    ink
}

/// A part of the small copy.
#[derive(Clone, Copy, Debug)]
struct Spot {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    pixels: usize,
}

impl Spot {
    fn sides(&self) -> (usize, usize) {
        (self.right - self.left + 1, self.bottom - self.top + 1)
    }

    /// How much of its box is dark, in hundredths.
    fn filled(&self) -> usize {
        let (w, h) = self.sides();
        100 * self.pixels / (w * h)
    }

    /// About as wide as high, and filled as a square is in any direction.
    fn is_square(&self) -> bool {
        let (w, h) = self.sides();
        let sides = SPOT_SIDES.contains(&w) && SPOT_SIDES.contains(&h);
        sides && w * 3 >= h * 2 && h * 3 >= w * 2 && self.filled() >= 42
    }

    fn is_about(&self, other: &Self) -> bool {
        let near = |a: usize, b: usize| a.abs_diff(b) <= 2;
        near(self.left, other.left)
            && near(self.top, other.top)
            && near(self.right, other.right)
            && near(self.bottom, other.bottom)
    }

    /// The same part of the page, with the white that a code needs around it.
    fn cut(&self, picture: &Picture, scale: f32) -> Picture {
        let (w, h) = self.sides();
        let margin = (w.max(h) / 7).max(5);
        let large = |pixel: usize| (pixel as f32 * scale) as u32;
        let cut = picture.part(
            large(self.left.saturating_sub(margin)),
            large(self.top.saturating_sub(margin)),
            large(self.right + 1 + margin),
            large(self.bottom + 1 + margin),
        );
        let side = cut.width.max(cut.height);
        if side > READ_SIDE_MAX {
            return cut.reduced(READ_SIDE_MAX);
        }
        enlarged(cut, READ_SIDE_MIN.div_ceil(side.max(1)))
    }
}

fn enlarged(picture: Picture, times: u32) -> Picture {
    if times <= 1 {
        return picture;
    }
    let (w, h) = (picture.width as i64, picture.height as i64);
    let at = |x: i64, y: i64| {
        let (x, y) = (x.clamp(0, w - 1), y.clamp(0, h - 1));
        i64::from(picture.luma[(y * w + x) as usize])
    };
    let n = i64::from(times);
    // In halves of a new pixel, so that everything is whole: between the four levels around it.
    let between = |at: i64| {
        let place = 2 * at + 1 - n;
        (place.div_euclid(2 * n), place.rem_euclid(2 * n))
    };
    let mut luma = Vec::with_capacity((w * h * n * n) as usize);
    for y in 0..h * n {
        let (top, down) = between(y);
        for x in 0..w * n {
            let (left, along) = between(x);
            let upper = at(left, top) * (2 * n - along) + at(left + 1, top) * along;
            let lower = at(left, top + 1) * (2 * n - along) + at(left + 1, top + 1) * along;
            let level = (upper * (2 * n - down) + lower * down) / (4 * n * n);
            luma.push(level as u8);
        }
    }
    Picture {
        width: picture.width * times,
        height: picture.height * times,
        luma,
    }
}

/// The square spots of a page once gaps of `gap` pixels are closed, the fullest first.
fn spots(ink: &[bool], w: usize, h: usize, gap: usize) -> Vec<Spot> {
    let closed = widened(ink, w, h, gap);
    let mut seen = vec![false; closed.len()];
    let mut found = Vec::new();
    let mut waiting = Vec::new();
    for start in 0..closed.len() {
        if !closed[start] || seen[start] {
            continue;
        }
        let mut spot = Spot {
            left: w,
            top: h,
            right: 0,
            bottom: 0,
            pixels: 0,
        };
        seen[start] = true;
        waiting.push(start);
        while let Some(at) = waiting.pop() {
            let (x, y) = (at % w, at / w);
            spot.left = spot.left.min(x);
            spot.right = spot.right.max(x);
            spot.top = spot.top.min(y);
            spot.bottom = spot.bottom.max(y);
            spot.pixels += 1;
            let mut go = |near: bool, to: usize| {
                if near && closed[to] && !seen[to] {
                    seen[to] = true;
                    waiting.push(to);
                }
            };
            go(x > 0, at.wrapping_sub(1));
            go(x + 1 < w, (at + 1).min(closed.len() - 1));
            go(y > 0, at.wrapping_sub(w).min(closed.len() - 1));
            go(y + 1 < h, (at + w).min(closed.len() - 1));
        }
        if spot.is_square() {
            found.push(spot);
        }
    }
    found.sort_by_key(|spot| std::cmp::Reverse(spot.filled()));
    found.truncate(SPOTS_MAX);
    found
}

/// Each dark pixel as a square around it: along rows first, then along columns.
fn widened(ink: &[bool], w: usize, h: usize, gap: usize) -> Vec<bool> {
    let half = gap.div_ceil(2);
    let mut rows = vec![false; ink.len()];
    for y in 0..h {
        for x in 0..w {
            if ink[y * w + x] {
                rows[y * w + x.saturating_sub(half)..=y * w + (x + half).min(w - 1)].fill(true);
            }
        }
    }
    let mut out = rows.clone();
    for y in 0..h {
        for near in y.saturating_sub(half)..=(y + half).min(h - 1) {
            for x in 0..w {
                out[y * w + x] |= rows[near * w + x];
            }
        }
    }
    out
}

/// Reads a spot as it is, then without its specks, then from the side: a QR code is looked for row by row, and what its
/// modules happen to say may look like one of its corners in a row.
fn read<T>(cut: &Picture, meaning: &mut impl FnMut(&str) -> Option<T>) -> Option<Found<T>> {
    // A reader that panics has found nothing.
    let result = |kind: Code, picture: &Picture, sharp| {
        guarded(|| Ok(kind.read(picture, sharp))).ok().flatten()
    };
    let mut understood = |result: Option<RXingResult>, turned: u8| {
        let result = result?;
        let meaning = meaning(result.getText())?;
        Some(Found {
            meaning,
            turns: (turns(&result) + turned) % 4,
        })
    };
    for clean in [false, true] {
        let picture = if clean { smoothed(cut) } else { cut.clone() };
        for sharp in [true, false] {
            for kind in [Code::DataMatrix, Code::Qr] {
                if let Some(found) = understood(result(kind, &picture, sharp), 0) {
                    return Some(found);
                }
            }
        }
    }
    let side = cut.clone().turned(1);
    [true, false]
        .into_iter()
        .find_map(|sharp| understood(result(Code::Qr, &side, sharp), 1))
}

#[derive(Clone, Copy)]
enum Code {
    DataMatrix,
    Qr,
}

impl Code {
    fn read(self, picture: &Picture, sharp: bool) -> Option<RXingResult> {
        let source =
            Luma8LuminanceSource::new(picture.luma.clone(), picture.width, picture.height).ok()?;
        if sharp {
            self.decode(GlobalHistogramBinarizer::new(source))
        } else {
            self.decode(HybridBinarizer::new(source))
        }
    }

    fn decode<B: Binarizer>(self, binarizer: B) -> Option<RXingResult> {
        let mut bitmap = BinaryBitmap::new(binarizer);
        let hints = DecodeHints {
            TryHarder: Some(true),
            ..DecodeHints::default()
        };
        match self {
            Self::DataMatrix => DataMatrixReader.decode_with_hints(&mut bitmap, &hints).ok(),
            Self::Qr => QRCodeReader.decode_with_hints(&mut bitmap, &hints).ok(),
        }
    }
}

/// Each pixel as the middle of the nine around it: specks go, edges stay.
fn smoothed(picture: &Picture) -> Picture {
    let (w, h) = (picture.width as usize, picture.height as usize);
    let mut luma = picture.luma.clone();
    let mut nine = [0_u8; 9];
    for y in 1..h.saturating_sub(1) {
        for x in 1..w.saturating_sub(1) {
            for (row, three) in nine.chunks_exact_mut(3).enumerate() {
                let start = (y + row - 1) * w + x - 1;
                three.copy_from_slice(&picture.luma[start..start + 3]);
            }
            nine.sort_unstable();
            luma[y * w + x] = nine[4];
        }
    }
    Picture { luma, ..*picture }
}

/// How far a code lies from upright, by the line between two of its corners.
fn turns(result: &RXingResult) -> u8 {
    let points = result.getPoints();
    let [first, second, ..] = points else {
        return 0;
    };
    let (x, y) = (second.x - first.x, second.y - first.y);
    let (along, down) = match result.getBarcodeFormat() {
        // From the lower left corner to the upper left one.
        rxing::BarcodeFormat::QR_CODE => (-y, x),
        // From the upper left corner to the next.
        _ => (x, y),
    };
    match (along.abs() >= down.abs(), along > 0.0, down > 0.0) {
        (true, true, _) => 0,
        (true, false, _) => 2,
        (false, _, true) => 3,
        (false, _, false) => 1,
    }
}
