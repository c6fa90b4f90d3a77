//! Declarations that made-up customers cut off their bills, filled in by hand and sent back: drawn from the bills that were
//! issued, as a scanner of the post room would see them.

use hayro::{
    RenderCache, RenderSettings, hayro_interpret::InterpreterSettings, hayro_syntax::Pdf, render,
    vello_cpu::color::palette::css::WHITE,
};
use kvit_billing::{
    EntryId,
    ports::{Clock, Rng},
};
use kvit_flow::{read_bill, scans::sha256};
use kvit_scan::Picture;
use kvit_store::NewScanFile;

use super::{Show, steps::Step};
use crate::{
    exit::{Context, Exit, Failure},
    output::count,
    scanning::Scanning,
    wiring::{SystemClock, SystemRng},
};

/// Pixels to a millimetre: 150 dpi.
const MM: f32 = 150.0 / 25.4;
/// Declarations that wait.
pub(super) const DECLARATIONS: usize = 4;
/// Where the built-in layout has its boxes on the second page, in millimetres from the upper left.
const BOXES: (f32, f32) = (15.9, 248.2);
const BOX: f32 = 5.0;
const ROW: f32 = 7.2;
const ROW_BOXES: usize = 25;
const DATE: (f32, f32) = (15.9, 266.4);
const SIGNATURE: (f32, f32) = (82.0, 270.5);
const CODE: (f32, f32) = (172.0, 233.0);

impl Show<'_> {
    /// Some of those on paper have sent the declaration back: one by a scribble over its code, one unsigned, one
    /// whose address has a slip.
    pub(super) async fn declarations(&self) -> Result<usize, Failure> {
        let step = Step::begin(self.out, "post");
        let scanning = Scanning::open(&self.instance)?;
        let archive = self.instance.archive()?;
        let mut kept = 0;
        let on_paper = (0..self.synth.customers().min(1_000)).filter(|&i| !self.wants(i));
        for (at, i) in on_paper.take(DECLARATIONS).enumerate() {
            let account = self.synth.number(i);
            let bills = self.instance.store.bills_of(&account, None, 1).await?;
            let Some(bill) = bills.first() else {
                continue;
            };
            let pdf = read_bill(archive.as_ref(), bill)
                .await
                .failed("a bill cannot be read")?;
            let mut email = self.synth.email(i).expose().clone();
            if at == 2
                && let Some((who, _)) = email.split_once('@')
            {
                email = format!("{who}@gmial.com");
            }
            let month = self.today.strftime("%d%m%Y").to_string();
            let sent_back = move || {
                let mut sheet = Sheet::of(pdf)?;
                sheet.write(BOXES, &email);
                sheet.write_date(&month);
                if at != 1 {
                    sheet.sign(at);
                }
                if at == 3 {
                    sheet.scribble();
                }
                let picture = sheet.scanned(at);
                picture.turned([0, 2, 1, 0][at % 4]).kept().ok()
            };
            let drawn = tokio::task::spawn_blocking(sent_back).await;
            // An own layout may have no second page.
            let Some(page) = drawn.failed("a declaration cannot be drawn")? else {
                continue;
            };
            let mut id = [0; 16];
            SystemRng.fill(&mut id);
            let id: EntryId = hex::encode(id)
                .parse()
                .exits(Exit::Failed, "a file cannot be named")?;
            let file = NewScanFile {
                id,
                name: format!("scan-{:04}.jpg", at + 1),
                sha256: sha256(&page.bytes),
                by: "console:scanner".to_owned(),
                at: SystemClock.now(),
            };
            kept += scanning.read(&file, page.bytes, &|_| ()).await?.kept as usize;
        }
        step.done(&format!(
            "{} for a clerk in the console",
            count(
                kept as u64,
                "signed declaration waits",
                "signed declarations wait"
            )
        ));
        Ok(kept)
    }
}

/// A printed sheet on which somebody writes.
struct Sheet {
    picture: Picture,
    chance: u32,
}

impl Sheet {
    /// The second page of a bill.
    fn of(pdf: Vec<u8>) -> Option<Self> {
        let pdf = Pdf::new(pdf).ok()?;
        let page = pdf.pages().get(1)?;
        let scale = 150.0 / 72.0;
        let settings = RenderSettings {
            x_scale: scale,
            y_scale: scale,
            bg_color: WHITE,
            ..RenderSettings::default()
        };
        let drawn = render(
            page,
            &RenderCache::new(),
            &InterpreterSettings::default(),
            &settings,
        );
        let luma = drawn.data_as_u8_slice().chunks_exact(4);
        let luma = luma.map(|pixel| {
            ((u32::from(pixel[0]) + 2 * u32::from(pixel[1]) + u32::from(pixel[2])) / 4) as u8
        });
        let (width, height) = (drawn.width().into(), drawn.height().into());
        let picture = Picture::new(width, height, luma.collect())?;
        Some(Self { picture, chance: 7 })
    }

    /// From -1 to 1.
    fn shake(&mut self) -> f32 {
        self.chance = self
            .chance
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.chance >> 16) as f32 / 32_768.0 - 1.0
    }

    fn dot(&mut self, x: f32, y: f32) {
        const PEN: i64 = 2;
        let (x, y) = ((x * MM) as i64, (y * MM) as i64);
        for (dx, dy) in (-PEN..=PEN).flat_map(|dx| (-PEN..=PEN).map(move |dy| (dx, dy))) {
            let (x, y) = (x + dx, y + dy);
            let inside =
                x >= 0 && y >= 0 && x < self.picture.width.into() && y < self.picture.height.into();
            if inside && dx * dx + dy * dy <= PEN * PEN {
                let at = (y * i64::from(self.picture.width) + x) as usize;
                self.picture.luma[at] = self.picture.luma[at].min(70);
            }
        }
    }

    fn line(&mut self, from: (f32, f32), to: (f32, f32)) {
        let steps = ((to.0 - from.0).hypot(to.1 - from.1) * MM).ceil().max(1.0);
        for step in 0..=steps as usize {
            let part = step as f32 / steps;
            self.dot(
                from.0 + (to.0 - from.0) * part,
                from.1 + (to.1 - from.1) * part,
            );
        }
    }

    /// A sign in the box whose upper left corner this is.
    fn sign_of(&mut self, sign: char, (left, top): (f32, f32)) {
        for stroke in strokes(sign).split(',') {
            let mut before = None;
            for point in stroke.split_whitespace() {
                let mut digits = point.bytes().map(|digit| f32::from(digit - b'0'));
                let (Some(x), Some(y)) = (digits.next(), digits.next()) else {
                    continue;
                };
                let at = (
                    left + 1.1 + x * 0.68 + self.shake() * 0.14,
                    top + 0.7 + y * 0.54 + self.shake() * 0.14,
                );
                self.line(before.unwrap_or(at), at);
                before = Some(at);
            }
        }
    }

    fn write(&mut self, (left, top): (f32, f32), text: &str) {
        for (at, sign) in text.chars().take(2 * ROW_BOXES).enumerate() {
            let column = (at % ROW_BOXES) as f32;
            let row = (at / ROW_BOXES) as f32;
            self.sign_of(sign, (left + column * BOX, top + row * ROW));
        }
    }

    fn write_date(&mut self, digits: &str) {
        for (at, digit) in digits.chars().enumerate() {
            let gaps = [0.0, 0.0, 1.6, 1.6, 3.2, 3.2, 3.2, 3.2][at.min(7)];
            self.sign_of(digit, (DATE.0 + at as f32 * BOX + gaps, DATE.1));
        }
    }

    fn sign(&mut self, whose: usize) {
        let mut before = SIGNATURE;
        for step in 1..60 {
            let part = step as f32;
            let swing = (part * (0.55 + whose as f32 * 0.07)).sin() * (4.5 - part * 0.05);
            let at = (
                SIGNATURE.0 + part * 0.75 + self.shake() * 0.5,
                SIGNATURE.1 - 2.0 + swing,
            );
            self.line(before, at);
            before = at;
        }
    }

    /// Over the codes.
    fn scribble(&mut self) {
        let mut before = CODE;
        for step in 1..90_u8 {
            let part = f32::from(step);
            let at = (
                CODE.0 + (part * 1.9).sin() * 9.0 + self.shake() * 3.0,
                CODE.1 + part * 0.42 + (part * 2.3).cos() * 6.0,
            );
            self.line(before, at);
            before = at;
        }
    }

    /// Laid a little askew on a scanner with grey glass.
    fn scanned(mut self, at: usize) -> Picture {
        let slant = [0.012, -0.02, 0.008, -0.01][at % 4];
        let (w, h) = (self.picture.width as usize, self.picture.height as usize);
        let from = std::mem::take(&mut self.picture.luma);
        let mut luma = Vec::with_capacity(from.len());
        for y in 0..h {
            for x in 0..w {
                let sx = x as f32 + (y as f32 - h as f32 / 2.0) * slant;
                let sy = y as f32 - (x as f32 - w as f32 / 2.0) * slant;
                let inside = sx >= 0.0 && sy >= 0.0 && (sx as usize) < w && (sy as usize) < h;
                let level = if inside {
                    from[sy as usize * w + sx as usize]
                } else {
                    255
                };
                let noise = self.shake() * 7.0;
                luma.push((f32::from(level) * 0.86 + 28.0 + noise).clamp(0.0, 255.0) as u8);
            }
        }
        self.picture.luma = luma;
        self.picture
    }
}

/// How a sign is written: strokes of points, each a column from 0 to 4 and a row from 0 to 9.
const fn strokes(sign: char) -> &'static str {
    match sign {
        'a' => "43 13 04 06 17 37 46, 43 47",
        'b' => "00 07 37 46 44 33 03",
        'c' => "43 13 04 06 17 47",
        'd' => "40 47 17 06 04 13 43",
        'e' => "05 45 44 33 13 04 06 17 47",
        'f' => "40 20 11 17, 03 33",
        'g' => "43 13 04 06 17 47, 43 48 39 09",
        'h' => "00 07, 04 13 33 44 47",
        'i' => "23 27, 21 21",
        'j' => "33 38 29 09, 31 31",
        'k' => "00 07, 43 05 47",
        'l' => "10 16 27 37",
        'm' => "03 07, 04 13 24 27, 24 33 44 47",
        'n' => "03 07, 04 13 33 44 47",
        'o' => "13 04 06 17 37 46 44 33 13",
        'p' => "03 09, 03 33 44 46 37 07",
        'q' => "43 49, 43 13 04 06 17 47",
        'r' => "03 07, 05 13 33",
        's' => "43 13 04 15 35 46 37 07",
        't' => "10 16 27 37, 03 33",
        'u' => "03 06 17 37 46, 43 47",
        'v' => "03 27 43",
        'w' => "03 17 24 37 43",
        'x' => "03 47, 43 07",
        'y' => "03 27, 43 27 09",
        'z' => "03 43 07 47",
        '0' => "10 01 06 17 37 46 41 30 10",
        '1' => "02 20 27",
        '2' => "01 10 30 41 43 07 47",
        '3' => "00 40 23 44 46 37 07",
        '4' => "30 05 45, 33 37",
        '5' => "40 00 03 33 44 46 37 07",
        '6' => "40 13 05 06 17 37 46 45 34 14",
        '7' => "00 40 17",
        '8' => "13 02 01 10 30 41 42 33 13 04 06 17 37 46 44 33",
        '9' => "43 12 01 10 30 41 45 17",
        '@' => "35 25 14 23 33 36 45 43 31 11 02 06 18 38",
        '.' => "26 27",
        '_' => "07 47",
        _ => "05 45",
    }
}
