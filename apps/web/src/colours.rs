//! The operator's two colours, made readable: whatever the brand is, text and buttons keep the
//! contrast that WCAG 2.2 AA asks for (1.4.3, 1.4.11), in light and in dark.

use kvit_billing::operator::Brand;

use crate::PortalError;

/// Above the 4.5 of WCAG 1.4.3, so that tints and thin letters pass too.
const CONTRAST_MIN: f64 = 5.5;
const STEP: f64 = 0.02;

const WHITE: Rgb = Rgb([255; 3]);
/// Grounds of the style sheet: the page, the card, and what is written on dark buttons.
const LIGHT: [Rgb; 2] = [Rgb([0xfa, 0xf7, 0xf1]), WHITE];
const DARK: [Rgb; 2] = [Rgb([0x17, 0x15, 0x12]), Rgb([0x21, 0x1e, 0x1a])];
const DARK_INK: Rgb = Rgb([0x14, 0x12, 0x0f]);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Rgb([u8; 3]);

/// The custom properties that go in front of the style sheet.
///
/// # Errors
/// [`PortalError::Colour`] names what is not `#rrggbb`.
pub(crate) fn properties(brand: &Brand) -> Result<String, PortalError> {
    let primary = Rgb::parse(&brand.primary)?;
    let accent = Rgb::parse(&brand.accent)?;
    let light = theme(primary, accent, LIGHT, -STEP, WHITE, 0.14);
    let dark = theme(primary, accent, DARK, STEP, DARK_INK, 0.12);
    Ok(format!(
        ":root{{--brand:{};--accent:{};{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n",
        brand.primary, brand.accent,
    ))
}

/// `--action` is the primary colour, made darker or lighter by `step` until it can be read on every
/// ground of the theme and `written` can be read on it. `part` of the accent makes the tint.
fn theme(
    primary: Rgb,
    accent: Rgb,
    grounds: [Rgb; 2],
    step: f64,
    written: Rgb,
    part: f64,
) -> String {
    let tint = accent.mixed(grounds[0], 1.0 - part);
    let readable = |colour: &Rgb| {
        let on_grounds = grounds.iter().chain([&tint, &written]);
        on_grounds
            .into_iter()
            .all(|ground| colour.contrast(*ground) >= CONTRAST_MIN)
    };
    let steps = (0..=50).map(|times| primary.lighter(step * f64::from(times)));
    let end = primary.lighter(step.signum());
    let action = steps.into_iter().find(readable).unwrap_or(end);
    let hover = action.lighter(step * 3.0);
    format!("--action:{action};--action-hover:{hover};--on-action:{written};--tint:{tint}")
}

/// What WCAG 1.4.3 asks of text.
const TEXT_CONTRAST_MIN: f64 = 4.5;
/// Text on the accent, in the layouts that come with Kvit.
const BILL_INK: Rgb = Rgb([0x17, 0x20, 0x1b]);
/// How much white is in the bill's tinted grounds.
const BILL_TINT: f64 = 0.93;

/// A colour of the brand on which, or in which, the bill's text is hard to read. Pages make theirs readable themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct PaleColour {
    /// `primary` or `accent`, as in `kvit.toml`.
    pub key: &'static str,
    /// As it is set.
    pub colour: String,
    /// The contrast of the worst text, rounded down to a tenth.
    pub ratio: f64,
    /// One of the same hue that will do.
    pub better: String,
}

/// Those of a brand; none of what is no colour.
#[must_use]
pub fn pale_colours(brand: &Brand) -> Vec<PaleColour> {
    let on_primary = |colour: Rgb| {
        let tint = colour.mixed(WHITE, BILL_TINT);
        colour.contrast(WHITE).min(colour.contrast(tint))
    };
    let on_accent = |colour: Rgb| colour.contrast(BILL_INK);
    [
        judged("primary", &brand.primary, -STEP, on_primary),
        judged("accent", &brand.accent, STEP, on_accent),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn judged(
    key: &'static str,
    set: &str,
    step: f64,
    contrast: impl Fn(Rgb) -> f64,
) -> Option<PaleColour> {
    let colour = Rgb::parse(set).ok()?;
    let ratio = contrast(colour);
    if ratio >= TEXT_CONTRAST_MIN {
        return None;
    }
    let steps = (0..=50).map(|times| colour.lighter(step * f64::from(times)));
    let better = steps
        .into_iter()
        .find(|colour| contrast(*colour) >= TEXT_CONTRAST_MIN);
    Some(PaleColour {
        key,
        colour: set.to_owned(),
        ratio: (ratio * 10.0).floor() / 10.0,
        better: better
            .unwrap_or_else(|| colour.lighter(step.signum()))
            .to_string(),
    })
}

impl Rgb {
    fn parse(text: &str) -> Result<Self, PortalError> {
        let wrong = || PortalError::Colour(text.to_owned());
        let digits = text.strip_prefix('#').ok_or_else(wrong)?;
        let mut rgb = [0; 3];
        hex::decode_to_slice(digits, &mut rgb).map_err(|_| wrong())?;
        Ok(Self(rgb))
    }

    /// This colour with `part` (0 to 1) of another.
    fn mixed(self, other: Self, part: f64) -> Self {
        let channel = |at: usize| {
            let mixed = f64::from(self.0[at]) * (1.0 - part) + f64::from(other.0[at]) * part;
            // Between two bytes, so it is one.
            mixed.round() as u8
        };
        Self([channel(0), channel(1), channel(2)])
    }

    /// The same hue with `by` (-1 to 1) added to its lightness (HSL).
    fn lighter(self, by: f64) -> Self {
        if by == 0.0 {
            return self;
        }
        let [r, g, b] = self.0.map(|byte| f64::from(byte) / 255.0);
        let (max, min) = (r.max(g).max(b), r.min(g).min(b));
        let (spread, lightness) = (max - min, f64::midpoint(max, min));
        let hue = match spread {
            0.0 => 0.0,
            _ if max == r => ((g - b) / spread).rem_euclid(6.0),
            _ if max == g => (b - r) / spread + 2.0,
            _ => (r - g) / spread + 4.0,
        };
        let saturation = match spread {
            0.0 => 0.0,
            _ => spread / (1.0 - (2.0 * lightness - 1.0).abs()),
        };
        let lightness = (lightness + by).clamp(0.0, 1.0);
        let reach = saturation * lightness.min(1.0 - lightness);
        // Each channel is the same curve, a third of the circle on.
        let channel = |offset: f64| {
            let k = (offset + hue * 2.0).rem_euclid(12.0);
            let value = lightness - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
            // Between 0 and 1, so it is a byte.
            (value * 255.0).round() as u8
        };
        Self([channel(0.0), channel(8.0), channel(4.0)])
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

impl std::fmt::Display for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_on_which_a_bill_is_hard_to_read_are_told_with_one_that_will_do() {
        let brand = |primary: &str, accent: &str| Brand {
            primary: primary.to_owned(),
            accent: accent.to_owned(),
            logo: String::new(),
        };
        let own = brand("#14532d", "#f2b705");
        assert_eq!(pale_colours(&own), []);
        let found = pale_colours(&brand("#ffcc00", "#14532d"));
        let told: Vec<_> = found.iter().map(|one| (one.key, one.ratio)).collect();
        assert_eq!(told, [("primary", 1.4), ("accent", 1.8)]);
        for one in found {
            let mut better = own.clone();
            match one.key {
                "primary" => better.primary = one.better,
                _ => better.accent = one.better,
            }
            assert_eq!(pale_colours(&better), []);
        }
        // A hair below is below, and is not told as 4.5.
        let grey = pale_colours(&brand("#787878", &own.accent));
        assert_eq!(grey.len(), 1);
        assert!(grey[0].ratio < 4.5, "{grey:?}");
    }

    fn value(css: &str, name: &str) -> Vec<Rgb> {
        let mark = format!("{name}:");
        css.split(&mark)
            .skip(1)
            .map(|rest| Rgb::parse(&rest[..7]).expect("a colour"))
            .collect()
    }

    #[test]
    fn any_brand_can_be_read_in_light_and_dark() {
        for primary in [
            "#14532d", "#ffee00", "#000000", "#ffffff", "#e30613", "#808080",
        ] {
            for accent in ["#f59e0b", "#000000", "#ffffff", "#00ffff"] {
                let brand = Brand {
                    primary: primary.into(),
                    accent: accent.into(),
                    logo: String::new(),
                };
                let css = properties(&brand).expect("colours");
                let actions = value(&css, "--action");
                let written = value(&css, "--on-action");
                let tints = value(&css, "--tint");
                for (theme, grounds) in [LIGHT, DARK].iter().enumerate() {
                    for ground in grounds.iter().chain([&written[theme], &tints[theme]]) {
                        let contrast = actions[theme].contrast(*ground);
                        assert!(contrast >= 4.5, "{primary} {accent} {theme}: {contrast}");
                    }
                }
            }
        }
    }

    #[test]
    fn lightness_keeps_the_hue() {
        let green = Rgb([0x14, 0x53, 0x2d]);
        assert_eq!(green.lighter(0.000_001), green);
        assert_eq!(green.lighter(1.0), WHITE);
        assert_eq!(green.lighter(-1.0), Rgb([0; 3]));
        assert_eq!(Rgb([255, 0, 0]).lighter(0.25), Rgb([255, 128, 128]));
    }

    #[test]
    fn a_readable_brand_stays_as_it_is_and_other_texts_are_refused() {
        let mut brand = Brand {
            primary: "#14532d".into(),
            accent: "#f59e0b".into(),
            logo: String::new(),
        };
        let css = properties(&brand).expect("colours");
        assert!(css.contains("--action:#14532d;"), "{css}");
        for wrong in ["14532d", "#14532", "#14532dff", "green", "#14532g"] {
            brand.primary = wrong.into();
            assert!(
                matches!(properties(&brand), Err(PortalError::Colour(_))),
                "{wrong}"
            );
        }
    }
}
