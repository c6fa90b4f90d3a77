//! Streams as they were before they were packed (ISO 32000-2, 7.4): Flate or nothing, with PNG predictors.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::{Damage, Dict, Value};

/// Undoes `/Filter` and `/DecodeParms`; `limit` bounds the result, in bytes.
pub(crate) fn decode(dict: &Dict, raw: &[u8], at: usize, limit: usize) -> Result<Vec<u8>, Damage> {
    match single(dict.get("Filter")) {
        None | Some(Value::Null) if raw.len() <= limit => return Ok(raw.to_vec()),
        Some(Value::Name(name)) if name == b"FlateDecode" => {}
        _ => {
            return Err(Damage::new(
                at,
                "a stream is packed in a way that is not read here",
            ));
        }
    }
    let mut plain = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = ZlibDecoder::new(raw).take(bound).read_to_end(&mut plain);
    if read.is_err() {
        return Err(Damage::new(at, "a stream cannot be unpacked"));
    }
    if plain.len() > limit {
        return Err(Damage::new(at, "a stream unpacks to too much"));
    }
    match single(dict.get("DecodeParms")) {
        Some(Value::Dict(parms)) => unpredict(parms, plain, at),
        _ => Ok(plain),
    }
}

/// A filter may be written alone or as a list of one.
fn single(value: Option<&Value>) -> Option<&Value> {
    match value {
        Some(Value::Array(items)) if items.len() == 1 => items.first(),
        other => other,
    }
}

/// PNG's row filters (ISO 32000-2, 7.4.4.4), one byte a column.
fn unpredict(parms: &Dict, plain: Vec<u8>, at: usize) -> Result<Vec<u8>, Damage> {
    match parms.integer("Predictor").unwrap_or(1) {
        1 => return Ok(plain),
        10..=15 => {}
        _ => return Err(Damage::new(at, "a stream's predictor is not read here")),
    }
    let bytes_only = parms.integer("Colors").unwrap_or(1) == 1
        && parms.integer("BitsPerComponent").unwrap_or(8) == 8;
    let columns = usize::try_from(parms.integer("Columns").unwrap_or(1)).unwrap_or(0);
    if !bytes_only || !(1..=1024).contains(&columns) || !plain.len().is_multiple_of(columns + 1) {
        return Err(Damage::new(at, "a stream's rows do not come out even"));
    }
    let mut out = Vec::with_capacity(plain.len());
    let mut above = vec![0_u8; columns];
    for row in plain.chunks_exact(columns + 1) {
        let mut now = Vec::with_capacity(columns);
        for (column, byte) in row[1..].iter().enumerate() {
            let up = above[column];
            let (left, corner) = match column.checked_sub(1) {
                Some(before) => (now[before], above[before]),
                None => (0, 0),
            };
            let guess = match row[0] {
                0 => 0,
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => return Err(Damage::new(at, "a stream's row filter is unknown")),
            };
            now.push(byte.wrapping_add(guess));
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
