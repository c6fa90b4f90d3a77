//! Bytes to values (ISO 32000-2, 7.2 and 7.3).

use std::{cell::Cell, rc::Rc};

use crate::{Damage, Dict, Id, Text, Value};

/// Arrays and dictionaries within each other.
const DEPTH_MAX: usize = 32;
/// Bytes that count as much as a value, against the budget.
const BYTES_PER_VALUE: usize = 16;
/// Digits of a number.
const DIGITS_MAX: usize = 18;

/// How many values may still be read, over all readers of one file: it bounds time and memory whatever the
/// file says.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Rc<Cell<usize>>);

impl Budget {
    pub(crate) fn new(values: usize) -> Self {
        Self(Rc::new(Cell::new(values)))
    }

    /// Bytes cost too, or a file could have the same long string read again and again.
    fn charge(&self, bytes: usize) {
        let left = self.0.get().saturating_sub(bytes / BYTES_PER_VALUE);
        self.0.set(left);
    }

    fn spend(&self, at: usize) -> Result<(), Damage> {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.unwrap_or(0));
        let left = left.ok_or(Damage::new(at, "the file holds too much to look through"));
        left.map(|_| ())
    }
}

/// Reads values from bytes, one behind the other.
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    pub(crate) at: usize,
    budget: Budget,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8], at: usize, budget: &Budget) -> Self {
        Self {
            input,
            at,
            budget: budget.clone(),
        }
    }

    pub(crate) fn value(&mut self) -> Result<Value, Damage> {
        self.nested(0)
    }

    /// Consumes a keyword if it comes next.
    pub(crate) fn keyword(&mut self, word: &str) -> bool {
        self.space();
        let here = self.input.get(self.at..).unwrap_or_default();
        let found = here.starts_with(word.as_bytes())
            && here.get(word.len()).is_none_or(|next| !is_regular(*next));
        if found {
            self.at += word.len();
        }
        found
    }

    /// An integer without a sign.
    pub(crate) fn unsigned(&mut self) -> Result<u64, Damage> {
        self.budget.spend(self.at)?;
        self.space();
        let start = self.at;
        let digits = self.run(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > DIGITS_MAX {
            return Err(Damage::new(start, "a number was expected"));
        }
        Ok(digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    }

    /// `number generation obj`, whose number is given back.
    pub(crate) fn object_header(&mut self) -> Result<Id, Damage> {
        let start = self.at;
        let number = u32::try_from(self.unsigned()?);
        self.unsigned()?;
        match number {
            Ok(number) if self.keyword("obj") => Ok(Id(number)),
            _ => Err(Damage::new(start, "an object was expected")),
        }
    }

    fn nested(&mut self, depth: usize) -> Result<Value, Damage> {
        self.budget.spend(self.at)?;
        self.space();
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(Damage::new(start, "values are nested too deeply"));
        }
        match (self.peek(0), self.peek(1)) {
            (Some(b'<'), Some(b'<')) => self.dict(depth),
            (Some(b'<'), _) => self.hexadecimal(),
            (Some(b'('), _) => self.literal(),
            (Some(b'['), _) => self.array(depth),
            (Some(b'/'), _) => self.name().map(Value::Name),
            (Some(b'+' | b'-' | b'.' | b'0'..=b'9'), _) => self.number(),
            _ => {
                for (word, value) in [
                    ("null", Value::Null),
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                ] {
                    if self.keyword(word) {
                        return Ok(value);
                    }
                }
                Err(Damage::new(start, "a value was expected"))
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Value, Damage> {
        self.at += 2;
        let mut entries: Vec<(Vec<u8>, Value)> = Vec::new();
        loop {
            self.space();
            let start = self.at;
            match (self.peek(0), self.peek(1)) {
                (Some(b'>'), Some(b'>')) => break self.at += 2,
                (Some(b'/'), _) => {
                    let key = self.name()?;
                    entries.push((key, self.nested(depth + 1)?));
                }
                _ => return Err(Damage::new(start, "a dictionary is broken")),
            }
        }
        let mut keys: Vec<&[u8]> = entries.iter().map(|(key, _)| key.as_slice()).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Damage::new(self.at, "a dictionary has a key twice"));
        }
        Ok(Value::Dict(Dict(entries)))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Damage> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            if self.peek(0) == Some(b']') {
                self.at += 1;
                return Ok(Value::Array(items));
            }
            items.push(self.nested(depth + 1)?);
        }
    }

    /// A number, or the reference that a number begins.
    fn number(&mut self) -> Result<Value, Damage> {
        let start = self.at;
        let written = self.run(|byte| matches!(byte, b'+' | b'-' | b'.') || byte.is_ascii_digit());
        let text = std::str::from_utf8(written).unwrap_or_default();
        let Ok(number) = text.parse::<i64>() else {
            return match text.parse::<f32>() {
                Ok(number) if number.is_finite() => Ok(Value::Real(number)),
                _ => Err(Damage::new(start, "a number is broken")),
            };
        };
        let after = self.at;
        let plain = written.iter().all(u8::is_ascii_digit);
        if let (true, Ok(number)) = (plain, u32::try_from(number)) {
            self.space();
            let generation = self.run(|byte| byte.is_ascii_digit());
            if (1..=5).contains(&generation.len()) && self.keyword("R") {
                return Ok(Value::Reference(Id(number)));
            }
            self.at = after;
        }
        Ok(Value::Integer(number))
    }

    fn name(&mut self) -> Result<Vec<u8>, Damage> {
        let start = self.at;
        self.at += 1;
        let written = self.run(is_regular);
        let mut name = Vec::with_capacity(written.len());
        let mut rest = written;
        while let [first, tail @ ..] = rest {
            rest = tail;
            if *first != b'#' {
                name.push(*first);
                continue;
            }
            let [high, low, tail @ ..] = tail else {
                return Err(Damage::new(start, "a name is broken"));
            };
            let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
                return Err(Damage::new(start, "a name is broken"));
            };
            name.push(high << 4 | low);
            rest = tail;
        }
        Ok(name)
    }

    fn hexadecimal(&mut self) -> Result<Value, Damage> {
        let start = self.at;
        self.at += 1;
        let written = self.run(|byte| byte.is_ascii_hexdigit() || is_space(byte));
        let end = self.at + 1;
        if self.peek(0) != Some(b'>') {
            return Err(Damage::new(start, "a hexadecimal string is broken"));
        }
        self.at = end;
        let digits: Vec<u8> = written.iter().copied().filter_map(digit).collect();
        // A missing last digit is zero (7.3.4.3).
        let byte = |pair: &[u8]| pair[0] << 4 | pair.get(1).copied().unwrap_or(0);
        Ok(Value::Text(Text {
            bytes: digits.chunks(2).map(byte).collect(),
            span: start..end,
            hexadecimal: true,
        }))
    }

    fn literal(&mut self) -> Result<Value, Damage> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut open = 0_usize;
        loop {
            let Some(byte) = self.peek(0) else {
                return Err(Damage::new(start, "a string does not end"));
            };
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => open -= 1,
                _ => {}
            }
            match byte {
                b'(' if open == 1 => {}
                b')' if open == 0 => break,
                b'\\' => self.escape(&mut bytes),
                // However a line ends, it is read as a line feed (7.3.4.2).
                b'\r' => {
                    self.at += usize::from(self.peek(0) == Some(b'\n'));
                    bytes.push(b'\n');
                }
                other => bytes.push(other),
            }
        }
        self.budget.charge(self.at - start);
        Ok(Value::Text(Text {
            bytes,
            span: start..self.at,
            hexadecimal: false,
        }))
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let octal = |byte: Option<u8>| byte.filter(|b| (b'0'..=b'7').contains(b)).map(|b| b - b'0');
        let Some(byte) = self.peek(0) else { return };
        self.at += 1;
        match byte {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'\n' => {}
            b'\r' => self.at += usize::from(self.peek(0) == Some(b'\n')),
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(next) = octal(self.peek(0)) else {
                        break;
                    };
                    code = code * 8 + u32::from(next);
                    self.at += 1;
                }
                bytes.push(code.to_le_bytes()[0]);
            }
            other => bytes.push(other),
        }
    }

    /// White space and comments.
    pub(crate) fn space(&mut self) {
        loop {
            self.run(is_space);
            if self.peek(0) != Some(b'%') {
                return;
            }
            self.run(|byte| !matches!(byte, b'\r' | b'\n'));
        }
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| !belongs(*byte))
            .unwrap_or(rest.len());
        self.at += length;
        self.budget.charge(length);
        &rest[..length]
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.input.get(self.at.checked_add(ahead)?).copied()
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

const fn is_regular(byte: u8) -> bool {
    !is_space(byte)
        && !matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
        )
}
