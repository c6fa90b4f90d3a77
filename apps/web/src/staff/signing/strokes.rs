//! What was written on the screen: numbers, and nothing else, within limits.

use std::fmt::Write as _;

/// The field in which is written, in its own units: the page's script counts in them, whatever the screen.
pub(crate) const WIDTH: u16 = 1_000;
pub(crate) const HEIGHT: u16 = 400;
/// A long name letter by letter has 60.
pub(crate) const STROKES_MAX: usize = 200;
/// All strokes together; a signature has some hundreds.
pub(crate) const POINTS_MAX: usize = 4_000;
/// `1000,400 ` for each point.
const TEXT_BYTES_MAX: usize = POINTS_MAX * 9;
/// What is written has to reach so far in one direction, in units: a dot is no signature.
const REACH_MIN: u16 = 80;
/// All lines together, in units.
const LENGTH_MIN: f64 = 160.0;

/// A signature as it was drawn: strokes of points, each within the field.
#[derive(Debug)]
pub(crate) struct Strokes(Vec<Vec<(u16, u16)>>);

/// Why something is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoStrokes {
    /// Nothing was written.
    Empty,
    /// A dot or a tick.
    Dot,
    /// More than a signature has.
    Long,
    /// Not from our page.
    Odd,
}

impl NoStrokes {
    /// The text that says so.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Empty => "staff-error-strokes-empty",
            Self::Dot => "staff-error-strokes-dot",
            Self::Long => "staff-error-strokes-long",
            Self::Odd => "staff-error-strokes-odd",
        }
    }
}

impl Strokes {
    /// Reads `x,y x,y;x,y`: points are parted by a blank, strokes by a semicolon.
    pub(crate) fn parse(text: &str) -> Result<Self, NoStrokes> {
        if text.is_empty() {
            return Err(NoStrokes::Empty);
        }
        let count = |sign| text.bytes().filter(|byte| *byte == sign).count();
        let much = count(b';') >= STROKES_MAX || count(b',') > POINTS_MAX;
        if much || text.len() > TEXT_BYTES_MAX {
            return Err(NoStrokes::Long);
        }
        let strokes = text.split(';').map(|stroke| {
            let points = stroke.split(' ').map(point);
            points.collect::<Option<Vec<_>>>()
        });
        let strokes = strokes.collect::<Option<Vec<_>>>();
        let strokes = Self(strokes.ok_or(NoStrokes::Odd)?);
        let reach = strokes.reach(|(x, _)| x).max(strokes.reach(|(_, y)| y));
        if reach < REACH_MIN || strokes.length() < LENGTH_MIN {
            return Err(NoStrokes::Dot);
        }
        Ok(strokes)
    }

    /// As the `d` of an SVG path.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for stroke in &self.0 {
            for (at, (x, y)) in stroke.iter().enumerate() {
                let verb = if at == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{verb}{x} {y}");
            }
            if stroke.len() == 1 {
                path.push_str("h0");
            }
        }
        path
    }

    fn reach(&self, along: fn((u16, u16)) -> u16) -> u16 {
        let all = || self.0.iter().flatten().copied().map(along);
        all().max().unwrap_or(0) - all().min().unwrap_or(0)
    }

    fn length(&self) -> f64 {
        let lines = self.0.iter().flat_map(|stroke| stroke.windows(2));
        lines
            .map(|ends| {
                let along = |a: u16, b: u16| f64::from(a) - f64::from(b);
                along(ends[0].0, ends[1].0).hypot(along(ends[0].1, ends[1].1))
            })
            .sum()
    }
}

fn point(text: &str) -> Option<(u16, u16)> {
    let (x, y) = text.split_once(',')?;
    let number = |digits: &str, most: u16| {
        let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|n| plain && *n <= most)
    };
    Some((number(x, WIDTH)?, number(y, HEIGHT)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_numbers_within_its_field() {
        let strokes = Strokes::parse("0,0 1000,400 7,7;500,20").expect("a signature");
        assert_eq!(strokes.path(), "M0 0L1000 400L7 7M500 20h0");
        let why = |text: &str| Strokes::parse(text).expect_err(text);
        assert_eq!(why(""), NoStrokes::Empty);
        for dot in ["5,5", "5,5;900,300", "5,5 84,5 5,5 84,5", "5,5 85,5"] {
            assert_eq!(why(dot), NoStrokes::Dot, "{dot}");
        }
        for odd in [
            "0,0 1001,0",
            "0,0 500,401",
            "0,0 -1,0",
            "0,0 +1,0",
            "0,0 1.5,0",
            "0,0 00500,0",
            "0,0  500,0",
            "0,0 500,0;",
            "0,0 500,0\n0,0",
            "0,0 500,0,0",
            "0,0 5e2,0",
            "0,0 500,0\"/><script>alert(1)</script>",
            "data:image/png;base64,AAAA",
            "٠,٠ ٥٠٠,٠",
            ",",
            ";",
            " ",
        ] {
            assert_eq!(why(odd), NoStrokes::Odd, "{odd:?}");
        }
        let most = vec!["0,0 1000,0"; STROKES_MAX].join(";");
        assert!(Strokes::parse(&most).is_ok());
        assert_eq!(why(&format!("{most};0,0")), NoStrokes::Long);
        let most = ["1000,400", "0,0"].repeat(POINTS_MAX / 2).join(" ");
        assert!(Strokes::parse(&most).is_ok());
        assert_eq!(why(&format!("{most} 0,0")), NoStrokes::Long);
        assert_eq!(why(&"9".repeat(TEXT_BYTES_MAX + 1)), NoStrokes::Long);
    }
}
