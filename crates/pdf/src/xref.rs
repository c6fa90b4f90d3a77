//! The cross-reference: where each object lies (ISO 32000-2, 7.5.4 and 7.5.8).

use crate::{Damage, Dict, File, Id, Value};

/// Where an object lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    Free,
    /// Openly, at a byte of the file.
    Offset(usize),
    /// In an object stream, at a position.
    Packed {
        stream: Id,
        index: usize,
    },
}

impl File<'_> {
    /// Reads the section at a place, of either kind, and gives its trailer.
    pub(crate) fn section(&mut self, at: usize) -> Result<Dict, Damage> {
        let mut reader = self.reader(at);
        if !reader.keyword("xref") {
            return self.stream_section(at);
        }
        while !reader.keyword("trailer") {
            let first = reader.unsigned()?;
            let count = reader.unsigned()?;
            for step in 0..count {
                let offset = usize::try_from(reader.unsigned()?).unwrap_or(usize::MAX);
                reader.unsigned()?;
                let entry = if reader.keyword("n") {
                    Entry::Offset(offset)
                } else if reader.keyword("f") {
                    Entry::Free
                } else {
                    return Err(Damage::new(reader.at, "the cross-reference is broken"));
                };
                // The newest revision comes first and wins.
                let number = first.checked_add(step).and_then(|n| u32::try_from(n).ok());
                let number = number.ok_or(Damage::new(at, "the cross-reference is broken"))?;
                self.entries.entry(Id(number)).or_insert(entry);
            }
        }
        let Value::Dict(trailer) = reader.value()? else {
            return Err(Damage::new(reader.at, "the trailer is missing"));
        };
        if let Some(hybrid) = trailer.integer("XRefStm") {
            self.stream_section(usize::try_from(hybrid).unwrap_or(usize::MAX))?;
        }
        Ok(trailer)
    }

    fn stream_section(&mut self, at: usize) -> Result<Dict, Damage> {
        let broken = Damage::new(at, "the cross-reference is broken");
        let (dict, rows) = self.stream(at)?;
        if dict.name("Type") != Some(b"XRef") {
            return Err(broken);
        }
        let widths = dict.array("W").and_then(numbers).ok_or(broken)?;
        let [kind, second, third] = widths[..] else {
            return Err(broken);
        };
        let width = kind + second + third;
        if width == 0 || widths.iter().any(|width| *width > 8) {
            return Err(broken);
        }
        let index = match (dict.get("Index"), dict.get("Size")) {
            (Some(_), _) => dict.array("Index").and_then(numbers),
            (None, Some(size)) => numbers(&[Value::Integer(0), size.clone()]),
            (None, None) => None,
        };
        let index = index.ok_or(broken)?;
        let mut rows = rows.chunks_exact(width);
        for range in index.chunks(2) {
            let [first, count] = *range else {
                return Err(broken);
            };
            for step in 0..count {
                let row = rows.next().ok_or(broken)?;
                let entry = entry(row, kind, second).ok_or(broken)?;
                let number = first.checked_add(step).and_then(|n| u32::try_from(n).ok());
                self.entries
                    .entry(Id(number.ok_or(broken)?))
                    .or_insert(entry);
            }
        }
        Ok(dict)
    }
}

/// One row of a cross-reference stream (7.5.8.3).
fn entry(row: &[u8], kind: usize, second: usize) -> Option<Entry> {
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (kind_bytes, rest) = row.split_at(kind);
    let (second, third) = rest.split_at(second);
    // Without a type field, every entry is in use.
    let kind = if kind == 0 { 1 } else { number(kind_bytes) };
    Some(match kind {
        0 => Entry::Free,
        1 => Entry::Offset(usize::try_from(number(second)).ok()?),
        2 => Entry::Packed {
            stream: Id(u32::try_from(number(second)).ok()?),
            index: usize::try_from(number(third)).ok()?,
        },
        _ => return None,
    })
}

/// An array of whole numbers that are not negative.
fn numbers(items: &[Value]) -> Option<Vec<usize>> {
    let number = |item: &Value| usize::try_from(item.as_integer()?).ok();
    items.iter().map(number).collect()
}
