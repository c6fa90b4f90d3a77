//! Page content as Typst's exporter writes it: a row of marked sequences, each a run of text or
//! something drawn.

/// A sequence: what marks it (with whatever stands before the mark), and what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    pub(crate) head: &'a str,
    pub(crate) body: &'a str,
}

/// The sequences of a page in their order; where one holds several runs or drawings, a chunk each.
/// Glyphs are two bytes each, so that no operator's name can stand inside a string.
pub(crate) fn chunks(content: &str) -> Vec<Chunk<'_>> {
    let mut found = Vec::new();
    for piece in content.split_inclusive("EMC") {
        let marks = ["BDC", "BMC"].map(|mark| piece.rfind(mark).map(|at| at + mark.len()));
        let end = marks.into_iter().flatten().max().unwrap_or(0);
        let (mut head, mut body) = piece.split_at(end);
        while let Some(next) = body.get(1..).and_then(|rest| rest.find(RUN_BEGINS)) {
            let (first, rest) = body.split_at(next + 1);
            found.push(Chunk { head, body: first });
            (head, body) = ("", rest);
        }
        found.push(Chunk { head, body });
    }
    found
}

/// A run of text: `q 1 0 0 -1 x y cm … BT 0 Tr/f 9 Tf 1 0 0 -1 0 0 Tm[…]TJ ET Q`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run<'a> {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// From behind the position up to the glyphs: colour, font, size.
    pub(crate) style: &'a str,
    pub(crate) font: &'a str,
    pub(crate) size: f64,
    pub(crate) glyphs: Vec<u16>,
    /// Corrections between glyphs, by the place of the glyph that follows.
    pub(crate) corrections: Vec<(usize, f64)>,
    /// From behind the glyphs to the end.
    pub(crate) tail: &'a str,
}

pub(crate) const RUN_BEGINS: &str = "\nq 1 0 0 -1 ";

/// The run of text that a sequence shows, if it is one and nothing else.
pub(crate) fn run(body: &str) -> Option<Run<'_>> {
    let rest = body.strip_prefix(RUN_BEGINS)?;
    let (position, rest) = rest.split_once(" cm")?;
    let (x, y) = position.split_once(' ')?;
    let end = rest.find("Tm")? + 2;
    let (style, rest) = rest.split_at(end);
    let (name, _) = style.split_once(" Tf")?;
    let (_, name) = name.rsplit_once('/')?;
    let (font, size) = name.split_once(' ')?;
    let (shown, tail) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once("]TJ")?,
        None => rest.split_once("Tj")?,
    };
    if tail.contains("BT") {
        return None;
    }
    let (mut glyphs, mut corrections) = (Vec::new(), Vec::new());
    let mut rest = shown;
    while !rest.is_empty() {
        if let Some(hex) = rest.strip_prefix('<') {
            let (hex, after) = hex.split_once('>')?;
            for at in (0..hex.len()).step_by(4) {
                glyphs.push(u16::from_str_radix(hex.get(at..at + 4)?, 16).ok()?);
            }
            rest = after;
        } else if let Some(literal) = rest.strip_prefix('(') {
            let (bytes, after) = unescaped(literal)?;
            let pairs = bytes.chunks_exact(2);
            glyphs.extend(pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
            rest = after;
        } else {
            let end = rest.find(['<', '(']).unwrap_or(rest.len());
            let (number, after) = rest.split_at(end);
            corrections.push((glyphs.len(), number.trim().parse().ok()?));
            rest = after;
        }
    }
    Some(Run {
        x: x.parse().ok()?,
        y: y.parse().ok()?,
        style,
        font,
        size: size.parse().ok()?,
        glyphs,
        corrections,
        tail,
    })
}

/// The bytes of a literal string, from behind its bracket, and what follows it.
fn unescaped(literal: &str) -> Option<(Vec<u8>, &str)> {
    let (mut bytes, mut depth) = (Vec::new(), 0_usize);
    let mut rest = literal;
    loop {
        let first = rest.chars().next()?;
        rest = &rest[first.len_utf8()..];
        // Brackets in pairs need no escape (ISO 32000-2, 7.3.4.2).
        match first {
            '(' => depth += 1,
            ')' if depth == 0 => return Some((bytes, rest)),
            ')' => depth -= 1,
            _ => {}
        }
        match first {
            '\\' => {
                let escape = rest.chars().next()?;
                if escape.is_digit(8) {
                    let digits = rest.get(..3)?;
                    bytes.push(u8::from_str_radix(digits, 8).ok()?);
                    rest = &rest[3..];
                    continue;
                }
                bytes.push(match escape {
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'b' => 8,
                    'f' => 12,
                    other => u8::try_from(other).ok()?,
                });
                rest = &rest[escape.len_utf8()..];
            }
            other => bytes.push(u8::try_from(other).ok()?),
        }
    }
}

/// Text cut at its numbers: what stands between them, and they themselves.
pub(crate) fn numbers(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let blank = |c: char| c.is_ascii_whitespace();
        let start = rest.find(|c| !blank(c)).unwrap_or(rest.len());
        let (between, word) = rest.split_at(start);
        if !between.is_empty() {
            tokens.push(Token::Words(between));
        }
        let end = word.find(blank).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        match word.parse::<f64>() {
            Ok(number) => tokens.push(Token::Number(word, number)),
            Err(_) if word.is_empty() => {}
            Err(_) => tokens.push(Token::Words(word)),
        }
        rest = after;
    }
    tokens
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Words(&'a str),
    Number(&'a str, f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_runs_and_numbers_come_apart() {
        let content = "/Artifact BMC\nq 1 0 0 -1 4 5 cm/c0 cs 0 scn 0 0 m 8.5 0 l\nS\nQ\nEMC/Span<</MCID 0>>BDC\nq 1 0 0 -1 88.44 764.8 cm/c0 cs 0.07 scn\nBT 0 Tr/f0 19 Tf 1 0 0 -1 0 0 Tm[<00010002>6<0005>]TJ\nET\nQ\nEMC";
        let found = chunks(content);
        assert_eq!(found.len(), 2);
        let whole: String = found.iter().flat_map(|c| [c.head, c.body]).collect();
        assert_eq!(whole, content);
        assert!(run(found[0].body).is_none());
        let run = run(found[1].body).expect("a run");
        assert_eq!(
            (run.x, run.y, run.font, run.size),
            (88.44, 764.8, "f0", 19.0)
        );
        assert_eq!(run.glyphs, [1, 2, 5]);
        assert_eq!(run.corrections, [(2, 6.0)]);
        assert_eq!(run.tail, "\nET\nQ\nEMC");
        let drawn = numbers(found[0].body);
        let values = drawn
            .iter()
            .filter(|t| matches!(t, Token::Number(..)))
            .count();
        assert_eq!(values, 11);
    }
}
