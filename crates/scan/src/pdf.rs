//! The pictures of a scanner's PDF: one to a page, or several that make one (`assembled.rs`). Nothing else of a PDF is
//! looked at, so what it would do, open or run is never even read.

use std::{borrow::Cow, collections::BTreeSet, io::Read};

use flate2::read::ZlibDecoder;
use kvit_pdf::{Dict, Document, Id, Object, Stream, Value};

use crate::{
    Fault, PAGES_MAX, Picture, allowed,
    assembled::{self, Names},
    fax::{self, EncodingMode, Packing},
    guarded, jbig2, jpeg2000, raster,
    tiff::{grey, unpacked},
};

/// Values of one file, however large it is: a scanner's page has a few dozen.
const VALUES_MAX: usize = 200_000;
/// How far up a page inherits from (7.7.3.4).
const PARENTS_MAX: usize = 32;
/// A stream may be packed twice: scanners put Flate around a JPEG.
const FILTERS_MAX: usize = 2;

pub(crate) fn pages(
    bytes: &[u8],
    each: &mut impl FnMut(u32, Result<Picture, Fault>) -> bool,
) -> Result<u32, Fault> {
    let document = guarded(|| Document::load_within(bytes, VALUES_MAX).map_err(|_| Fault::Broken))?;
    let pages = document.pages().map_err(|_| Fault::Broken)?;
    if pages.is_empty() {
        return Err(Fault::NoPicture);
    }
    for (page, id) in (1..).zip(&pages) {
        if page > PAGES_MAX {
            return Err(Fault::TooManyPages);
        }
        if !each(page, guarded(|| one(&document, *id))) {
            return Ok(page);
        }
    }
    Ok(u32::try_from(pages.len()).unwrap_or(PAGES_MAX))
}

fn one(document: &Document, page: Id) -> Result<Picture, Fault> {
    let page = document.dict(page).map_err(|_| Fault::Broken)?;
    let resources = as_dict(document, inherited(document, page, "Resources"));
    let objects = objects(document, resources);
    let ids: BTreeSet<Id> = objects.into_values().collect();
    let drawn: Vec<_> = ids
        .iter()
        .filter_map(|id| match document.objects.get(id) {
            Some(Object::Stream(stream)) => Some((stream.dict.name("Subtype")?, stream)),
            _ => None,
        })
        .filter(|(kind, _)| matches!(*kind, b"Image" | b"Form"))
        .collect();
    let picture = match drawn.as_slice() {
        [] => return Err(Fault::NoPicture),
        // Where it goes does not matter: it is the page.
        [(b"Image", stream)] => decoded(document, stream)?,
        _ => assembled::picture(document, page, resources)?,
    };
    let turn = inherited(document, page, "Rotate").map(|value| document.resolve(value));
    let quarters = match turn {
        Some(Value::Integer(degrees)) => degrees.rem_euclid(360) / 90,
        _ => 0,
    };
    Ok(picture.turned(quarters as u8))
}

/// A dictionary that is there, or that a reference leads to.
pub(crate) fn as_dict<'a>(document: &'a Document, value: Option<&'a Value>) -> Option<&'a Dict> {
    match document.resolve(value?) {
        Value::Dict(dict) => Some(dict),
        _ => None,
    }
}

/// What a page can draw by a name.
pub(crate) fn objects<'a>(document: &'a Document, resources: Option<&'a Dict>) -> Names<'a> {
    let named = as_dict(document, resources.and_then(|found| found.get("XObject")));
    let named = named.into_iter().flat_map(Dict::iter);
    named
        .filter_map(|(name, value)| Some((name, value.as_reference()?)))
        .collect()
}

fn inherited<'a>(document: &'a Document, page: &'a Dict, key: &str) -> Option<&'a Value> {
    let mut node = page;
    for _ in 0..PARENTS_MAX {
        if let Some(value) = node.get(key) {
            return Some(value);
        }
        node = document.dict(node.reference("Parent")?).ok()?;
    }
    None
}

pub(crate) fn size(document: &Document, dict: &Dict) -> Option<(u32, u32)> {
    let side = |key| match document.resolve(dict.get(key)?) {
        Value::Integer(pixels) => u32::try_from(*pixels).ok(),
        _ => None,
    };
    Some((side("Width")?, side("Height")?))
}

/// The picture of one stream, dark where it says that it is dark.
pub(crate) fn decoded(document: &Document, stream: &Stream) -> Result<Picture, Fault> {
    let dict = &stream.dict;
    let (width, height) = size(document, dict).ok_or(Fault::Broken)?;
    allowed(width, height)?;
    let list = |key| match dict.get(key).map(|value| document.resolve(value)) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().map(|item| document.resolve(item)).collect(),
        Some(one) => vec![one],
    };
    let light_is_dark = inverted(document, dict);
    let right = |picture| {
        if light_is_dark {
            negative(picture)
        } else {
            picture
        }
    };
    let (filters, parms) = (list("Filter"), list("DecodeParms"));
    if filters.len() > FILTERS_MAX {
        return Err(Fault::Packing);
    }
    let samples = Samples::of(document, dict);
    // A stream around another is never longer than the picture would be without any.
    let room = samples
        .as_ref()
        .map_or(4 * width as usize * height as usize, |samples| {
            (samples.row_bytes(width) + 1) * height as usize
        });
    let mut bytes = Cow::Borrowed(stream.content.as_slice());
    for (at, filter) in filters.iter().enumerate() {
        let parms = match parms.get(at) {
            Some(Value::Dict(dict)) => Some(dict),
            _ => None,
        };
        let Value::Name(filter) = filter else {
            return Err(Fault::Broken);
        };
        let last = at + 1 == filters.len();
        match filter.as_slice() {
            b"FlateDecode" | b"Fl" => {
                let mut plain = inflated(&bytes, room)?;
                let predictor = parms
                    .and_then(|parms| parms.integer("Predictor"))
                    .unwrap_or(1);
                if predictor > 1 {
                    let samples = samples.as_ref().ok_or(Fault::Packing)?;
                    plain = unpredicted(plain, predictor, samples, width)?;
                }
                bytes = Cow::Owned(plain);
            }
            b"DCTDecode" | b"DCT" if last => return Ok(right(raster::jpeg(&bytes)?)),
            b"JPXDecode" if last => return Ok(right(jpeg2000::picture(&bytes)?)),
            b"JBIG2Decode" if last => {
                let globals = parms.and_then(|parms| parms.reference("JBIG2Globals"));
                let globals = match globals.and_then(|id| document.objects.get(&id)) {
                    Some(Object::Stream(stream)) => {
                        Some(stream.plain().map_err(|_| Fault::Broken)?)
                    }
                    _ => None,
                };
                return Ok(right(jbig2::picture(&bytes, globals.as_deref())?));
            }
            b"CCITTFaxDecode" | b"CCF" if last => {
                let (picture, ink_is_1) = faxed(&bytes, parms, height)?;
                return Ok(right(if ink_is_1 { negative(picture) } else { picture }));
            }
            _ => return Err(Fault::Packing),
        }
    }
    let samples = samples.ok_or(Fault::Packing)?;
    let expected = samples.row_bytes(width) * height as usize;
    let bytes = bytes.get(..expected).ok_or(Fault::Broken)?;
    let picture = Picture::whole(width, height, samples.levels(bytes, width))?;
    Ok(right(picture))
}

/// What is packed by CCITT Group 3 or 4, and whether its ink is written as ones (7.4.6).
fn faxed(packed: &[u8], parms: Option<&Dict>, rows: u32) -> Result<(Picture, bool), Fault> {
    let integer = |key| parms.and_then(|parms| parms.integer(key));
    let holds = |key| parms.and_then(|parms| parms.get(key)) == Some(&Value::Bool(true));
    let columns = u32::try_from(integer("Columns").unwrap_or(1728)).map_err(|_| Fault::Broken)?;
    allowed(columns, rows)?;
    let mode = match integer("K").unwrap_or(0) {
        ..0 => EncodingMode::Group4,
        0 => EncodingMode::Group3_1D,
        k => EncodingMode::Group3_2D {
            k: u32::try_from(k).map_err(|_| Fault::Broken)?,
        },
    };
    let packing = Packing {
        mode,
        aligned: holds("EncodedByteAlign"),
        columns,
    };
    let luma = fax::unpacked(packed, packing, rows)?;
    Ok((Picture::whole(columns, rows, luma)?, holds("BlackIs1")))
}

/// Whether `/Decode` says that light is dark.
fn inverted(document: &Document, dict: &Dict) -> bool {
    match dict.get("Decode").map(|value| document.resolve(value)) {
        Some(Value::Array(items)) => matches!(items.first(), Some(Value::Integer(1))),
        _ => false,
    }
}

fn negative(mut picture: Picture) -> Picture {
    picture
        .luma
        .iter_mut()
        .for_each(|level| *level = 255 - *level);
    picture
}

fn inflated(packed: &[u8], room: usize) -> Result<Vec<u8>, Fault> {
    let mut plain = Vec::new();
    let bound = (room as u64).saturating_add(1);
    let read = ZlibDecoder::new(packed).take(bound).read_to_end(&mut plain);
    if read.is_err() || plain.len() > room {
        return Err(Fault::Broken);
    }
    Ok(plain)
}

/// How a picture's samples mean grey (8.9.5.2).
struct Samples {
    bits: u8,
    colours: u8,
    palette: Option<Vec<u8>>,
}

impl Samples {
    fn of(document: &Document, dict: &Dict) -> Option<Self> {
        let mask = dict.get("ImageMask") == Some(&Value::Bool(true));
        let bits = match dict.integer("BitsPerComponent") {
            _ if mask => 1,
            Some(bits @ (1 | 2 | 4 | 8)) => bits as u8,
            _ => return None,
        };
        if mask {
            return Some(Self {
                bits,
                colours: 1,
                palette: None,
            });
        }
        let space = document.resolve(dict.get("ColorSpace")?);
        if let Value::Array(items) = space
            && let [Value::Name(name), base, _, table] = items.as_slice()
            && name == b"Indexed"
        {
            let base = colours(document, document.resolve(base))?;
            let table = match (document.resolve(table), table) {
                (Value::Text(text), _) => text.bytes.clone(),
                (_, Value::Reference(id)) => match document.objects.get(id)? {
                    Object::Stream(stream) => stream.plain().ok()?,
                    Object::Value(_) => return None,
                },
                _ => return None,
            };
            let palette = match base {
                1 => table,
                3 => table.chunks_exact(3).map(grey).collect(),
                _ => return None,
            };
            return Some(Self {
                bits,
                colours: 1,
                palette: Some(palette),
            });
        }
        let colours = colours(document, space)?;
        (colours == 1 || bits == 8).then_some(Self {
            bits,
            colours,
            palette: None,
        })
    }

    fn row_bytes(&self, width: u32) -> usize {
        (width as usize * usize::from(self.colours) * usize::from(self.bits)).div_ceil(8)
    }

    fn levels(&self, bytes: &[u8], width: u32) -> Vec<u8> {
        match (&self.palette, self.colours) {
            (Some(palette), _) => unpacked(bytes, width, self.bits, |index| {
                u16::from(palette.get(usize::from(index)).copied().unwrap_or(255))
            }),
            (None, 1) => {
                let top = (1_u16 << self.bits) - 1;
                unpacked(bytes, width, self.bits, |level| {
                    u16::from(level) * 255 / top
                })
            }
            (None, _) => bytes.chunks_exact(3).map(grey).collect(),
        }
    }
}

/// 1 for grey, 3 for red, green and blue.
fn colours(document: &Document, space: &Value) -> Option<u8> {
    match space {
        Value::Name(name) => match name.as_slice() {
            b"DeviceGray" | b"CalGray" | b"G" => Some(1),
            b"DeviceRGB" | b"CalRGB" | b"RGB" => Some(3),
            _ => None,
        },
        Value::Array(items) => match items.as_slice() {
            [Value::Name(name), Value::Reference(profile)] if name == b"ICCBased" => {
                let Some(Object::Stream(profile)) = document.objects.get(profile) else {
                    return None;
                };
                match profile.dict.integer("N") {
                    Some(colours @ (1 | 3)) => Some(colours as u8),
                    _ => None,
                }
            }
            [Value::Name(name), ..] => match name.as_slice() {
                b"CalGray" => Some(1),
                b"CalRGB" => Some(3),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Undoes PNG's row filters (7.4.4.4), which is what scanners use where they use any.
fn unpredicted(
    bytes: Vec<u8>,
    predictor: i64,
    samples: &Samples,
    width: u32,
) -> Result<Vec<u8>, Fault> {
    if !(10..=15).contains(&predictor) {
        return Err(Fault::Packing);
    }
    let row_bytes = samples.row_bytes(width);
    let back = (usize::from(samples.colours) * usize::from(samples.bits)).div_ceil(8);
    let mut out = Vec::with_capacity(bytes.len());
    let mut above = vec![0_u8; row_bytes];
    for row in bytes.chunks_exact(row_bytes + 1) {
        let mut now = row[1..].to_vec();
        for at in 0..row_bytes {
            let left = if at < back { 0 } else { now[at - back] };
            let corner = if at < back { 0 } else { above[at - back] };
            let guess = match row[0] {
                0 => 0,
                1 => left,
                2 => above[at],
                3 => u8::midpoint(left, above[at]),
                4 => paeth(left, above[at], corner),
                _ => return Err(Fault::Broken),
            };
            now[at] = now[at].wrapping_add(guess);
        }
        out.extend_from_slice(&now);
        above = now;
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |value: u8| (estimate - i16::from(value)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}
