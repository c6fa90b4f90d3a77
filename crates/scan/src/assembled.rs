//! Pages of a PDF that are put together of several pictures: strips, and backgrounds under a mask of letters. Of what a
//! page draws (ISO 32000-2, 8.2), only where pictures go and in which colour masks are filled is followed.

use std::collections::BTreeMap;

use kvit_pdf::{Dict, Document, Id, Object, Stream, Value};

use crate::{Fault, PIXELS_MAX, Picture, allowed, pdf};

/// Pictures of one page: A4 at 600 dpi in strips of 8 rows has 877.
const PICTURES_MAX: usize = 2_000;
/// Bytes that say what one page draws; what a scanner's reader of letters adds is among them.
const CONTENT_BYTES_MAX: usize = 4 << 20;
/// What is read to draw one page, and what is drawn, in pixels: colours, mask and background together.
const WORK_PIXELS_MAX: u64 = 3 * PIXELS_MAX;
/// Forms in forms.
const DEPTH_MAX: usize = 4;
/// States that are kept for later.
const STATES_MAX: usize = 64;

/// Pictures and forms that a page can name.
pub(crate) type Names<'a> = BTreeMap<&'a [u8], Id>;

/// Where a point of a picture goes: `x = a·u + c·v + e`, `y = b·u + d·v + f`.
type Matrix = [f64; 6];

/// The picture that a page's pictures make together.
///
/// # Errors
/// Where it draws none, too many, or one of them is broken.
pub(crate) fn picture(
    document: &Document,
    page: &Dict,
    resources: Option<&Dict>,
) -> Result<Picture, Fault> {
    let content = content(document, page)?;
    let mut drawing = Drawing {
        document,
        pictures: Vec::new(),
        forms: 0,
    };
    let state = State {
        matrix: [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        ink: 0,
    };
    drawing.follow(&content, resources, state, 0)?;
    Canvas::of(&drawing.pictures)?.drawn(document, &drawing.pictures)
}

fn content(document: &Document, page: &Dict) -> Result<Vec<u8>, Fault> {
    let whole = page.get("Contents").ok_or(Fault::NoPicture)?;
    let parts = match (whole, document.resolve(whole)) {
        (_, Value::Array(parts)) => parts.as_slice(),
        (whole, _) => std::slice::from_ref(whole),
    };
    let mut content = Vec::new();
    for part in parts.iter().filter_map(Value::as_reference) {
        let Some(Object::Stream(stream)) = document.objects.get(&part) else {
            continue;
        };
        content.extend(stream.plain().map_err(|_| Fault::Broken)?);
        content.push(b'\n');
        if content.len() > CONTENT_BYTES_MAX {
            return Err(Fault::NoPicture);
        }
    }
    Ok(content)
}

#[derive(Clone, Copy)]
struct State {
    matrix: Matrix,
    ink: u8,
}

struct Placed<'a> {
    stream: &'a Stream,
    size: (u32, u32),
    matrix: Matrix,
    /// What a mask is filled with.
    ink: u8,
}

struct Drawing<'a> {
    document: &'a Document,
    pictures: Vec<Placed<'a>>,
    forms: usize,
}

impl<'a> Drawing<'a> {
    fn follow(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dict>,
        mut state: State,
        depth: usize,
    ) -> Result<(), Fault> {
        let objects = pdf::objects(self.document, resources);
        let (mut kept, mut numbers, mut name) = (Vec::new(), Vec::new(), None);
        for token in Tokens(content) {
            let word = match token {
                Token::Number(number) => {
                    numbers.push(number);
                    continue;
                }
                Token::Name(found) => {
                    name = Some(found);
                    continue;
                }
                Token::Word(word) => word,
            };
            match (word, numbers.as_slice()) {
                (b"q", _) if kept.len() < STATES_MAX => kept.push(state),
                // A picture in the midst of the words is not read, and neither is what comes behind it.
                (b"q" | b"BI", _) => return Err(Fault::NoPicture),
                (b"Q", _) => state = kept.pop().unwrap_or(state),
                (b"cm", &[a, b, c, d, e, f]) => {
                    state.matrix = product([a, b, c, d, e, f], state.matrix);
                }
                (b"g" | b"sc" | b"scn", &[grey]) => state.ink = level(grey),
                (b"rg" | b"sc" | b"scn", &[red, green, blue]) => {
                    state.ink = level(0.299 * red + 0.587 * green + 0.114 * blue);
                }
                (b"k" | b"sc" | b"scn", &[c, m, y, k]) => {
                    let light = 1.0 - (0.299 * c + 0.587 * m + 0.114 * y);
                    state.ink = level(light - k);
                }
                (b"Do", _) => {
                    let id = name.and_then(|name| objects.get(name));
                    if let Some(&id) = id {
                        self.place(id, resources, state, depth)?;
                    }
                }
                _ => {}
            }
            numbers.clear();
            name = None;
        }
        Ok(())
    }

    fn place(
        &mut self,
        id: Id,
        resources: Option<&'a Dict>,
        mut state: State,
        depth: usize,
    ) -> Result<(), Fault> {
        let Some(Object::Stream(stream)) = self.document.objects.get(&id) else {
            return Ok(());
        };
        match stream.dict.name("Subtype") {
            Some(b"Image") => {
                let size = pdf::size(self.document, &stream.dict).ok_or(Fault::Broken)?;
                self.pictures.push(Placed {
                    stream,
                    size,
                    matrix: state.matrix,
                    ink: state.ink,
                });
            }
            Some(b"Form") if depth < DEPTH_MAX => {
                self.forms += 1;
                let matrix = stream.dict.get("Matrix");
                let matrix = matrix.map(|value| self.document.resolve(value));
                if let Some(Value::Array(numbers)) = matrix {
                    let numbers: Vec<_> = numbers.iter().filter_map(number).collect();
                    let own = numbers.try_into().map_err(|_| Fault::Broken)?;
                    state.matrix = product(own, state.matrix);
                }
                let own = pdf::as_dict(self.document, stream.dict.get("Resources"));
                let content = stream.plain().map_err(|_| Fault::Broken)?;
                if content.len() <= CONTENT_BYTES_MAX {
                    self.follow(&content, own.or(resources), state, depth + 1)?;
                }
            }
            _ => {}
        }
        // A form may be drawn by a form, and so on: each time counts.
        if self.pictures.len() + self.forms > PICTURES_MAX {
            return Err(Fault::TooManyPixels);
        }
        Ok(())
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Real(real) => Some(f64::from(*real)),
        _ => None,
    }
}

fn level(light: f64) -> u8 {
    (light.clamp(0.0, 1.0) * 255.0) as u8
}

/// First `inner`, then `outer`.
fn product(inner: Matrix, outer: Matrix) -> Matrix {
    let [a, b, c, d, e, f] = outer;
    let of = |x: f64, y: f64| (x * a + y * c, x * b + y * d);
    let (along, down, at) = (
        of(inner[0], inner[1]),
        of(inner[2], inner[3]),
        of(inner[4], inner[5]),
    );
    [along.0, along.1, down.0, down.1, at.0 + e, at.1 + f]
}

/// The smallest upright rectangle around a picture: left, bottom, right, top.
fn bounds([a, b, c, d, e, f]: Matrix) -> [f64; 4] {
    let low = |one: f64, other: f64| one.min(0.0) + other.min(0.0);
    let high = |one: f64, other: f64| one.max(0.0) + other.max(0.0);
    [e + low(a, c), f + low(b, d), e + high(a, c), f + high(b, d)]
}

struct Canvas {
    left: f64,
    top: f64,
    /// Pixels to a unit of the page.
    scale: f64,
    width: u32,
    height: u32,
}

impl Canvas {
    /// Room for all of them, at the resolution of the one with the most pixels.
    fn of(pictures: &[Placed<'_>]) -> Result<Self, Fault> {
        let pixels = |one: &Placed<'_>| u64::from(one.size.0) * u64::from(one.size.1);
        let finest = pictures.iter().max_by_key(|one| pixels(one));
        let finest = finest.ok_or(Fault::NoPicture)?;
        let [a, b, c, d, ..] = finest.matrix;
        let scale =
            (f64::from(finest.size.0) / a.hypot(b)).max(f64::from(finest.size.1) / c.hypot(d));
        let all = pictures.iter().map(|one| bounds(one.matrix));
        let whole = all.reduce(|one, other| {
            [
                one[0].min(other[0]),
                one[1].min(other[1]),
                one[2].max(other[2]),
                one[3].max(other[3]),
            ]
        });
        let [left, bottom, right, top] = whole.ok_or(Fault::NoPicture)?;
        // What is beyond any number of pixels, or no number, is refused here.
        let side = |length: f64| match (length * scale).round() {
            pixels if pixels.is_finite() => Ok(pixels.min(f64::from(u32::MAX)) as u32),
            _ => Err(Fault::Broken),
        };
        let (width, height) = (side(right - left)?, side(top - bottom)?);
        allowed(width, height)?;
        Ok(Self {
            left,
            top,
            scale,
            width,
            height,
        })
    }

    fn drawn(&self, document: &Document, pictures: &[Placed<'_>]) -> Result<Picture, Fault> {
        let mut left = WORK_PIXELS_MAX;
        let mut page = vec![255; self.width as usize * self.height as usize];
        for placed in pictures {
            let (columns, rows) = self.window(placed.matrix);
            let drawn = columns.len() as u64 * rows.len() as u64;
            let pixels = u64::from(placed.size.0) * u64::from(placed.size.1);
            let mask = ["SMask", "Mask"].into_iter().find_map(|key| {
                let id = placed.stream.dict.reference(key)?;
                match document.objects.get(&id) {
                    Some(Object::Stream(stream)) => Some((key, stream)),
                    _ => None,
                }
            });
            let masked = match mask {
                Some((_, stream)) => pdf::size(document, &stream.dict).ok_or(Fault::Broken)?,
                None => (0, 0),
            };
            let work = drawn + pixels + u64::from(masked.0) * u64::from(masked.1);
            left = left.checked_sub(work).ok_or(Fault::TooManyPixels)?;
            let picture = pdf::decoded(document, placed.stream)?;
            let mask = match mask {
                // One tells how much is seen, the other what is not.
                Some((key, stream)) => Some((key == "SMask", pdf::decoded(document, stream)?)),
                None => None,
            };
            let is_mask = placed.stream.dict.get("ImageMask") == Some(&Value::Bool(true));
            for y in rows {
                for x in columns.clone() {
                    let Some(at) = self.inside(placed.matrix, x, y) else {
                        continue;
                    };
                    let level = sample(&picture, at);
                    let (level, seen) = match (&mask, is_mask) {
                        (_, true) => (placed.ink, 255 - level),
                        (Some((true, mask)), _) => (level, sample(mask, at)),
                        (Some((false, mask)), _) => (level, 255 - sample(mask, at)),
                        (None, _) => (level, 255),
                    };
                    let under = &mut page[y as usize * self.width as usize + x as usize];
                    let (over, beneath) = (u32::from(level), u32::from(*under));
                    let seen = u32::from(seen);
                    // A mean of two bytes is a byte.
                    *under = ((over * seen + beneath * (255 - seen)) / 255) as u8;
                }
            }
        }
        Picture::whole(self.width, self.height, page)
    }

    /// The columns and rows that a picture may touch.
    fn window(&self, matrix: Matrix) -> (std::ops::Range<u32>, std::ops::Range<u32>) {
        let [left, bottom, right, top] = bounds(matrix);
        // Casts of what is out of range give the nearest that is in it.
        let column = |x: f64| ((x - self.left) * self.scale).max(0.0) as u32;
        let row = |y: f64| ((self.top - y) * self.scale).max(0.0) as u32;
        let columns = column(left)..column(right).saturating_add(1).min(self.width);
        let rows = row(top)..row(bottom).saturating_add(1).min(self.height);
        (columns, rows)
    }

    /// Where in a picture the middle of a pixel lies, from its upper left, each side taken as one.
    fn inside(&self, [a, b, c, d, e, f]: Matrix, x: u32, y: u32) -> Option<(f64, f64)> {
        let x = self.left + (f64::from(x) + 0.5) / self.scale - e;
        let y = self.top - (f64::from(y) + 0.5) / self.scale - f;
        let area = a * d - b * c;
        let (u, v) = ((x * d - y * c) / area, (y * a - x * b) / area);
        let within = |at: f64| (0.0..1.0).contains(&at);
        (within(u) && v > 0.0 && v <= 1.0).then_some((u, 1.0 - v))
    }
}

fn sample(picture: &Picture, (u, v): (f64, f64)) -> u8 {
    let at = |part: f64, side: u32| ((part * f64::from(side)) as u32).min(side - 1);
    let (x, y) = (at(u, picture.width), at(v, picture.height));
    picture.luma[y as usize * picture.width as usize + x as usize]
}

enum Token<'a> {
    Number(f64),
    Name(&'a [u8]),
    Word(&'a [u8]),
}

/// What a page draws, without strings, lists and remarks (7.8.2).
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (&first, rest) = self.0.split_first()?;
            match first {
                b'%' => {
                    let line = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                    self.0 = &rest[line.unwrap_or(rest.len())..];
                }
                b'(' => self.0 = behind_string(rest),
                b'<' if rest.first() != Some(&b'<') => {
                    let end = rest.iter().position(|byte| *byte == b'>');
                    self.0 = &rest[end.unwrap_or(rest.len())..];
                }
                b'/' => return Some(Token::Name(self.regular(rest))),
                _ if is_regular(first) => {
                    let word = self.regular(self.0);
                    let number = std::str::from_utf8(word).ok();
                    let number = number.and_then(|word| word.parse::<f64>().ok());
                    // A word such as `inf` or `nan` is none.
                    return Some(match number.filter(|_| !first.is_ascii_alphabetic()) {
                        Some(number) => Token::Number(number),
                        None => Token::Word(word),
                    });
                }
                _ => self.0 = rest,
            }
        }
    }
}

impl<'a> Tokens<'a> {
    fn regular(&mut self, from: &'a [u8]) -> &'a [u8] {
        let end = from.iter().position(|byte| !is_regular(*byte));
        let (word, rest) = from.split_at(end.unwrap_or(from.len()));
        self.0 = rest;
        word
    }
}

const fn is_regular(byte: u8) -> bool {
    !byte.is_ascii_whitespace()
        && !matches!(
            byte,
            0 | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
        )
}

/// What follows a string whose parenthesis was opened (7.3.4.2).
fn behind_string(bytes: &[u8]) -> &[u8] {
    let (mut at, mut open) = (0, 1);
    while open > 0 && at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    bytes.get(at..).unwrap_or_default()
}
