//! What scanners and telephones do to a page.

#![allow(dead_code, reason = "each test takes what it needs")]

use kvit_scan::Picture;

/// A source of even chance that gives the same each time.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// About the normal distribution, with a deviation of one.
    fn bell(&mut self) -> f64 {
        let sum: f64 = (0..6).map(|_| (self.next() >> 40) as f64).sum();
        (sum / f64::from(1 << 24) - 3.0) * std::f64::consts::SQRT_2
    }
}

fn each(picture: &Picture, mut level: impl FnMut(f64) -> f64) -> Picture {
    let luma = picture
        .luma
        .iter()
        .map(|old| level(f64::from(*old)).clamp(0.0, 255.0) as u8);
    Picture::new(picture.width, picture.height, luma.collect()).expect("as many as before")
}

/// Laid askew by so many degrees, on white.
pub(crate) fn skewed(picture: &Picture, degrees: f64) -> Picture {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (w, h) = (f64::from(picture.width), f64::from(picture.height));
    let width = (w * cos.abs() + h * sin.abs()).ceil() as u32;
    let height = (w * sin.abs() + h * cos.abs()).ceil() as u32;
    let at = |x: i64, y: i64| {
        let inside =
            x >= 0 && y >= 0 && x < i64::from(picture.width) && y < i64::from(picture.height);
        if inside {
            f64::from(picture.luma[(y * i64::from(picture.width) + x) as usize])
        } else {
            255.0
        }
    };
    let mut luma = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (
                f64::from(x) - f64::from(width) / 2.0,
                f64::from(y) - f64::from(height) / 2.0,
            );
            let (x, y) = (x * cos + y * sin + w / 2.0, y * cos - x * sin + h / 2.0);
            let (left, top) = (x.floor(), y.floor());
            let (along, down) = (x - left, y - top);
            let (left, top) = (left as i64, top as i64);
            let upper = at(left, top) * (1.0 - along) + at(left + 1, top) * along;
            let lower = at(left, top + 1) * (1.0 - along) + at(left + 1, top + 1) * along;
            luma.push((upper * (1.0 - down) + lower * down) as u8);
        }
    }
    Picture::new(width, height, luma).expect("as many as its size says")
}

/// Grey paper and noise.
pub(crate) fn noisy(picture: &Picture, seed: u64) -> Picture {
    let mut chance = Chance::new(seed);
    each(picture, |level| level * 0.8 + 30.0 + 24.0 * chance.bell())
}

/// Black and white, with specks.
pub(crate) fn bitonal(picture: &Picture, seed: u64) -> Picture {
    let mut chance = Chance::new(seed);
    each(picture, |level| {
        if level + 40.0 * chance.bell() > 128.0 {
            255.0
        } else {
            0.0
        }
    })
}

/// A printer at the end of its ink.
pub(crate) fn pale(picture: &Picture, seed: u64) -> Picture {
    let mut chance = Chance::new(seed);
    each(picture, |level| {
        235.0 - (255.0 - level) * 0.4 + 6.0 * chance.bell()
    })
}

/// Out of focus, by a square of so many pixels.
pub(crate) fn blurred(picture: &Picture, side: usize) -> Picture {
    let (w, h) = (picture.width as usize, picture.height as usize);
    let pass = |luma: &[u8], step: usize, count: usize, line: usize, lines: usize| {
        let mut out = vec![0; luma.len()];
        for at_line in 0..lines {
            for at in 0..count {
                let near = at.saturating_sub(side / 2)..(at + side / 2 + 1).min(count);
                let many = near.len();
                let sum: usize = near
                    .map(|near| usize::from(luma[at_line * line + near * step]))
                    .sum();
                out[at_line * line + at * step] = (sum / many) as u8;
            }
        }
        out
    };
    let along = pass(&picture.luma, 1, w, w, h);
    let both = pass(&along, w, h, 1, w);
    Picture::new(picture.width, picture.height, both).expect("as many as before")
}
