//! What a page's content stream paints, in whichever words: glyphs with their font, place and colour, paths on the
//! paper, pictures, and the marks around them (ISO 32000-2, annex A).

use std::collections::BTreeMap;

use crate::forms::compile::SAME_PT;

/// Numbers that place nothing, such as colours and scales, are the same where they differ by less: a shade is told
/// by three decimals.
const SAME: f64 = 0.001;
/// As the exporter marks what is no content; that it is an artifact is enough.
const ARTIFACT: &str = "Artifact";

const UPRIGHT: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
type Matrix = [f64; 6];

/// One thing that is painted, or a mark.
#[derive(Debug)]
pub(crate) struct Painted {
    operator: String,
    /// From its own coordinates to the paper's.
    matrix: Matrix,
    /// What of the state shows: colours, font, pen.
    look: Vec<(&'static str, Vec<Operand>)>,
    /// What it is, where that is no path and no text.
    operands: Vec<Operand>,
    /// Of text.
    pub(crate) glyphs: Vec<u16>,
    /// By the place of the glyph that follows.
    corrections: Vec<(usize, f64)>,
    /// Of a path: its points on paper.
    path: Vec<(char, Vec<f64>)>,
    /// By which earlier paths it is cut.
    clips: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Number(f64),
    Name(String),
    Text(Vec<u8>),
    List(Vec<Operand>),
}

/// The stream does what no exported page does.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl Painted {
    /// Where it stands, in points from the left and from below.
    pub(crate) const fn at(&self) -> (f64, f64) {
        (self.matrix[4], self.matrix[5])
    }

    /// Whether both are to be seen and heard alike.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let close = |a: &f64, b: &f64| (a - b).abs() < SAME_PT;
        let scales = self.matrix[..4].iter().zip(&other.matrix[..4]);
        let places = self.matrix[4..].iter().zip(&other.matrix[4..]);
        self.operator == other.operator
            && self.glyphs == other.glyphs
            && self.clips == other.clips
            && scales.into_iter().all(|(a, b)| (a - b).abs() < SAME)
            && places.into_iter().all(|(a, b)| close(a, b))
            && all_alike(&self.operands, &other.operands)
            && is_each(&self.look, &other.look, |a, b| {
                a.0 == b.0
                    && (all_alike(&a.1, &b.1) || is_colour(&a.1, &b.1) || is_colour(&b.1, &a.1))
            })
            && is_each(&self.corrections, &other.corrections, |a, b| {
                a.0 == b.0 && close(&a.1, &b.1)
            })
            && is_each(&self.path, &other.path, |a, b| {
                a.0 == b.0 && is_each(&a.1, &b.1, close)
            })
    }
}

fn is_each<T>(a: &[T], b: &[T], are_alike: impl Fn(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_alike(a, b))
}

fn all_alike(a: &[Operand], b: &[Operand]) -> bool {
    is_each(a, b, |a, b| match (a, b) {
        (Operand::Number(a), Operand::Number(b)) => (a - b).abs() < SAME,
        (Operand::List(a), Operand::List(b)) => all_alike(a, b),
        (a, b) => a == b,
    })
}

/// Whether the second colour is the first, of the exporter's spaces, in those of the device, which are the output
/// intent's; of greys only black and white are the same in every space.
fn is_colour(named: &[Operand], device: &[Operand]) -> bool {
    let ([Operand::Name(space), a @ ..], [Operand::Name(kind), b @ ..]) = (named, device) else {
        return false;
    };
    let is_known = match a {
        [Operand::Number(grey)] => kind == "g" && (*grey == 0.0 || *grey == 1.0),
        [_, _, _] => kind == "rg",
        _ => false,
    };
    space.starts_with('c') && is_known && all_alike(a, b)
}

/// What holds for whatever is painted next.
#[derive(Clone)]
struct State {
    matrix: Matrix,
    /// By the operator that sets it; colours by `fill` and `stroke`.
    set: BTreeMap<&'static str, Vec<Operand>>,
    clips: Vec<usize>,
}

/// What shows of text and pictures, and of the two ways to paint a path.
const OF_TEXT: &[&str] = &["fill", "Tf", "Tr", "Tc", "Tw", "Tz", "Ts", "gs"];
const OF_FILL: &[&str] = &["fill", "gs"];
const OF_STROKE: &[&str] = &["stroke", "w", "J", "j", "M", "d", "gs"];
const OF_BOTH: &[&str] = &["fill", "stroke", "w", "J", "j", "M", "d", "gs"];
/// What is set by an operator of the same name.
const SETTINGS: &[&str] = &[
    "Tf", "Tr", "Tc", "Tw", "Tz", "Ts", "w", "J", "j", "M", "d", "i", "ri",
];

impl State {
    fn look(&self, of: &[&'static str]) -> Vec<(&'static str, Vec<Operand>)> {
        let black = || vec![Operand::Name("g".to_owned()), Operand::Number(0.0)];
        let default = |what: &str| match what {
            "fill" | "stroke" => black(),
            "Tr" => vec![Operand::Number(0.0)],
            _ => Vec::new(),
        };
        let one = |what: &&'static str| {
            let set = self.set.get(what).cloned();
            (*what, set.unwrap_or_else(|| default(what)))
        };
        of.iter().map(one).collect()
    }
}

/// What a content stream paints, in its order.
pub(crate) fn painted(content: &[u8]) -> Result<Vec<Painted>, Unreadable> {
    let mut page = Page {
        state: State {
            matrix: UPRIGHT,
            set: BTreeMap::new(),
            clips: Vec::new(),
        },
        outer: Vec::new(),
        line: None,
        path: Vec::new(),
        is_clip: false,
        all: Vec::new(),
    };
    let mut rest = content;
    let mut operands = Vec::new();
    while let Some(token) = token(&mut rest)? {
        match token {
            Token::Operand(operand) => operands.push(operand),
            Token::Word(operator) => page.operate(&operator, std::mem::take(&mut operands))?,
            Token::End => return Err(Unreadable),
        }
    }
    Ok(page.all)
}

struct Page {
    state: State,
    outer: Vec<State>,
    /// Where a line of text begins; nothing behind text that was shown, whose width is not known here.
    line: Option<Matrix>,
    path: Vec<(char, Vec<f64>)>,
    is_clip: bool,
    all: Vec<Painted>,
}

impl Page {
    fn operate(&mut self, operator: &str, operands: Vec<Operand>) -> Result<(), Unreadable> {
        match operator {
            "q" => self.outer.push(self.state.clone()),
            "Q" => self.state = self.outer.pop().ok_or(Unreadable)?,
            "cm" => self.state.matrix = product(matrix(&operands)?, self.state.matrix),
            "g" | "rg" | "k" => self.colour("fill", operator, operands),
            "G" | "RG" | "K" => self.colour("stroke", &operator.to_lowercase(), operands),
            "cs" => drop(self.state.set.insert("fill", operands)),
            "CS" => drop(self.state.set.insert("stroke", operands)),
            "sc" | "scn" => self.shade("fill", operands),
            "SC" | "SCN" => self.shade("stroke", operands),
            "gs" => self.state.set.entry("gs").or_default().extend(operands),
            "BT" => self.line = Some(UPRIGHT),
            "ET" => self.line = None,
            "Td" => {
                let [x, y] = numbers(&operands)?;
                let (moved, line) = ([1.0, 0.0, 0.0, 1.0, x, y], self.line.ok_or(Unreadable)?);
                self.line = Some(product(moved, line));
            }
            "Tm" => self.line = Some(matrix(&operands)?),
            "Tj" | "TJ" => self.text(&operands)?,
            "m" | "l" | "c" | "v" | "y" | "h" | "re" => self.draw(operator, &operands)?,
            "W" | "W*" => self.is_clip = true,
            "f" | "F" | "f*" => self.paint(operator, OF_FILL),
            "S" | "s" => self.paint(operator, OF_STROKE),
            "B" | "B*" | "b" | "b*" => self.paint(operator, OF_BOTH),
            "n" => self.paint(operator, &[]),
            "BDC" | "BMC" => self.mark(operands),
            "EMC" => self.push(operator, UPRIGHT, &[], operands),
            "Do" => self.push(operator, self.state.matrix, OF_FILL, operands),
            _ => match SETTINGS.iter().find(|setting| **setting == operator) {
                Some(setting) => drop(self.state.set.insert(setting, operands)),
                None => return Err(Unreadable),
            },
        }
        Ok(())
    }

    fn colour(&mut self, of: &'static str, kind: &str, shades: Vec<Operand>) {
        let mut colour = vec![Operand::Name(kind.to_owned())];
        colour.extend(shades);
        self.state.set.insert(of, colour);
    }

    fn shade(&mut self, of: &'static str, shades: Vec<Operand>) {
        let colour = self.state.set.entry(of).or_default();
        colour.truncate(1);
        colour.extend(shades);
    }

    fn push(
        &mut self,
        operator: &str,
        matrix: Matrix,
        look: &[&'static str],
        operands: Vec<Operand>,
    ) {
        self.all.push(Painted {
            operator: operator.to_owned(),
            matrix,
            look: self.state.look(look),
            operands,
            glyphs: Vec::new(),
            corrections: Vec::new(),
            path: Vec::new(),
            clips: self.state.clips.clone(),
        });
    }

    fn mark(&mut self, mut operands: Vec<Operand>) {
        let name = |name: &str| Operand::Name(name.to_owned());
        let layout = Operand::List(vec![name("Type"), name("Layout")]);
        if operands.first() == Some(&name(ARTIFACT)) && operands.get(1) == Some(&layout) {
            operands.truncate(1);
        }
        self.push("BDC", UPRIGHT, &[], operands);
    }

    fn text(&mut self, operands: &[Operand]) -> Result<(), Unreadable> {
        let place = product(self.line.take().ok_or(Unreadable)?, self.state.matrix);
        let (mut glyphs, mut corrections) = (Vec::new(), Vec::new());
        let shown = match operands {
            [Operand::List(shown)] => shown,
            shown => shown,
        };
        for part in shown {
            match part {
                Operand::Text(bytes) => {
                    let pairs = bytes.chunks_exact(2);
                    glyphs.extend(pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
                }
                Operand::Number(correction) => corrections.push((glyphs.len(), *correction)),
                _ => return Err(Unreadable),
            }
        }
        self.push("TJ", place, OF_TEXT, Vec::new());
        if let Some(text) = self.all.last_mut() {
            (text.glyphs, text.corrections) = (glyphs, corrections);
        }
        Ok(())
    }

    fn draw(&mut self, operator: &str, operands: &[Operand]) -> Result<(), Unreadable> {
        if operator == "re" {
            let [x, y, width, height] = numbers(operands)?;
            let (right, top) = (x + width, y + height);
            self.point('m', &[x, y]);
            for corner in [[right, y], [right, top], [x, top]] {
                self.point('l', &corner);
            }
            self.point('h', &[]);
            return Ok(());
        }
        let points: Option<Vec<f64>> = operands.iter().map(number).collect();
        let kind = operator.chars().next().ok_or(Unreadable)?;
        self.point(kind, &points.ok_or(Unreadable)?);
        Ok(())
    }

    fn point(&mut self, kind: char, points: &[f64]) {
        let matrix = self.state.matrix;
        let on_paper = points.chunks_exact(2).flat_map(|point| {
            let [_, _, _, _, x, y] = product([1.0, 0.0, 0.0, 1.0, point[0], point[1]], matrix);
            [x, y]
        });
        self.path.push((kind, on_paper.collect()));
    }

    fn paint(&mut self, operator: &str, look: &[&'static str]) {
        self.push(operator, self.state.matrix, look, Vec::new());
        if let Some(painted) = self.all.last_mut() {
            painted.path = std::mem::take(&mut self.path);
        }
        if std::mem::take(&mut self.is_clip) {
            self.state.clips.push(self.all.len());
        }
    }
}

/// What is in the first's coordinates, in the second's.
fn product(a: Matrix, b: Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

const fn number(operand: &Operand) -> Option<f64> {
    match operand {
        Operand::Number(number) => Some(*number),
        _ => None,
    }
}

fn numbers<const N: usize>(operands: &[Operand]) -> Result<[f64; N], Unreadable> {
    let numbers: Option<Vec<f64>> = operands.iter().map(number).collect();
    let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
    numbers.ok_or(Unreadable)
}

fn matrix(operands: &[Operand]) -> Result<Matrix, Unreadable> {
    numbers(operands)
}

enum Token {
    Operand(Operand),
    Word(String),
    /// Of a list or dictionary.
    End,
}

/// The next token, taken off the front.
fn token(rest: &mut &[u8]) -> Result<Option<Token>, Unreadable> {
    *rest = rest.trim_ascii_start();
    let operand = match rest {
        [] => return Ok(None),
        [b'<', b'<', after @ ..] | [b'[', after @ ..] => {
            *rest = after;
            list(rest)?
        }
        [b'>', b'>', after @ ..] | [b']', after @ ..] => {
            *rest = after;
            return Ok(Some(Token::End));
        }
        [b'<', after @ ..] => {
            *rest = after;
            hexadecimal(rest)?
        }
        [b'(', after @ ..] => {
            *rest = after;
            literal(rest)?
        }
        [b'/', after @ ..] => {
            *rest = after;
            Operand::Name(word(rest))
        }
        _ => {
            let word = word(rest);
            match word.parse() {
                Ok(number) => Operand::Number(number),
                Err(_) if word.is_empty() => return Err(Unreadable),
                Err(_) => return Ok(Some(Token::Word(word))),
            }
        }
    };
    Ok(Some(Token::Operand(operand)))
}

fn list(rest: &mut &[u8]) -> Result<Operand, Unreadable> {
    let mut items = Vec::new();
    loop {
        match token(rest)?.ok_or(Unreadable)? {
            Token::Operand(item) => items.push(item),
            // Such as `true`.
            Token::Word(word) => items.push(Operand::Name(word)),
            Token::End => return Ok(Operand::List(items)),
        }
    }
}

fn word(rest: &mut &[u8]) -> String {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"()<>[]/%".contains(byte);
    let end = rest.iter().position(is_end).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    String::from_utf8_lossy(word).into_owned()
}

fn hexadecimal(rest: &mut &[u8]) -> Result<Operand, Unreadable> {
    let end = rest
        .iter()
        .position(|byte| *byte == b'>')
        .ok_or(Unreadable)?;
    let (digits, after) = rest.split_at(end);
    *rest = &after[1..];
    let digits = digits.iter().filter(|byte| !byte.is_ascii_whitespace());
    let digits: Option<Vec<u32>> = digits.map(|byte| char::from(*byte).to_digit(16)).collect();
    let digits = digits.ok_or(Unreadable)?;
    let bytes = digits.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u8::try_from(pair[0] << 4 | low).unwrap_or_default()
    });
    Ok(Operand::Text(bytes.collect()))
}

/// A string, from behind its bracket (ISO 32000-2, 7.3.4.2).
fn literal(rest: &mut &[u8]) -> Result<Operand, Unreadable> {
    let (mut bytes, mut depth) = (Vec::new(), 0_usize);
    loop {
        let (first, after) = rest.split_first().ok_or(Unreadable)?;
        *rest = after;
        match first {
            b')' if depth == 0 => return Ok(Operand::Text(bytes)),
            b'\\' => {
                bytes.push(escaped(rest)?);
                continue;
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        bytes.push(*first);
    }
}

fn escaped(rest: &mut &[u8]) -> Result<u8, Unreadable> {
    let (first, after) = rest.split_first().ok_or(Unreadable)?;
    if first.is_ascii_digit() {
        let digits = rest
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        *rest = rest.get(3..).ok_or(Unreadable)?;
        return byte.ok_or(Unreadable);
    }
    *rest = after;
    Ok(match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        other => *other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the exporter writes it.
    const EXPORTED: &str = "/Artifact<</Type/Layout>>BDC\nq 1 0 0 -1 4 5 cm/c0 cs 0.33725 0.5 0 scn 0 0 m 8.5 0 l 8.5 2 l 0 2 l\nh\nf\nQ\nEMC/Span<</MCID 0>>BDC\nq 1 0 0 -1 88.44 764.8 cm/c1 cs 0 scn\nBT 0 Tr/f0 19 Tf 1 0 0 -1 0 0 Tm[<00010002>6<0005>]TJ\nET\nQ\nEMC";
    /// The same in fewer bytes.
    const LEAN: &str = "/Artifact BMC\nq 1 0 0 -1 4 5 cm 0.337 0.5 0 rg 0 0 8.5 2 re\nf\nQ\nEMC/Span<</MCID 0>>BDC 0 g\nBT/f0 19 Tf 88.44 764.8 Td[(\0\u{1}\0\u{2})6(\0\u{5})]TJ ET\nEMC";

    fn are_alike(a: &str, b: &str) -> bool {
        let [a, b] = [a, b].map(|content| painted(content.as_bytes()).expect("readable"));
        is_each(&a, &b, Painted::is_like)
    }

    #[test]
    fn other_words_paint_the_same() {
        assert!(are_alike(EXPORTED, LEAN));
    }

    #[test]
    fn what_shows_otherwise_is_another() {
        for (said, other) in [
            ("0.337 0.5", "0.347 0.5"),
            ("0 g\n", "1 g\n"),
            ("/f0 19", "/f1 19"),
            ("/f0 19", "/f0 18.9"),
            ("88.44", "88.49"),
            ("0 0 8.5", "0 0.1 8.5"),
            (")6(", ")7("),
            ("\u{5}", "\u{6}"),
            ("\nf\n", "\nf*\n"),
            ("/MCID 0", "/MCID 1"),
            ("/Artifact", "/Other"),
            ("re\nf", "re\nW n 0 0 8.5 2 re\nf"),
            (" 764.8 Td", " 764.8 Td 0.1 Tc"),
        ] {
            assert!(LEAN.contains(said), "{said}");
            assert!(
                !are_alike(EXPORTED, &LEAN.replace(said, other)),
                "{said} {other}"
            );
        }
    }
}
