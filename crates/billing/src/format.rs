//! Amounts, dates and periods as people of each language write them.

use std::fmt::{Display, Formatter, Result};

use crate::{Cents, Currency, Language, Period};
use jiff::civil::Date;
use rust_decimal::Decimal;

const MONTHS_BG: [&str; 12] = [
    "януари",
    "февруари",
    "март",
    "април",
    "май",
    "юни",
    "юли",
    "август",
    "септември",
    "октомври",
    "ноември",
    "декември",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `1 234,56 €` in Bulgarian, `€1,234.56` in English. Spaces within an amount never break a line.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// How much.
    pub cents: Cents,
    /// Of what.
    pub currency: Currency,
    /// As whom.
    pub language: Language,
}

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let cents = self.cents.get();
        let amount = Digits {
            is_negative: cents < 0,
            digits: cents.unsigned_abs().into(),
            scale: 2,
        };
        amount.with_currency(f, self.currency, self.language)
    }
}

/// As [`Amount`], written.
#[must_use]
pub fn amount(cents: Cents, currency: Currency, language: Language) -> String {
    Amount {
        cents,
        currency,
        language,
    }
    .to_string()
}

/// A decimal number with all its digits: `1 234,5` in Bulgarian, `1,234.5` in English.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Which.
    pub value: Decimal,
    /// As whom.
    pub language: Language,
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let number = Digits::of(self.value);
        number.sign(f)?;
        number.write(f, separators(self.language))
    }
}

/// The price of a unit, with all its digits: `0,08571 €` in Bulgarian, `€0.08571` in English.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    /// How much.
    pub value: Decimal,
    /// Of what.
    pub currency: Currency,
    /// As whom.
    pub language: Language,
}

impl Display for Price {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        Digits::of(self.value).with_currency(f, self.currency, self.language)
    }
}

/// A decimal number as data for programs: a point, no groups, and no zeros that say nothing at its end.
#[derive(Clone, Copy, Debug)]
pub struct Exact(pub Decimal);

impl Display for Exact {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut number = Digits::of(self.0);
        while number.scale > 0 && number.digits.is_multiple_of(10) {
            number.digits /= 10;
            number.scale -= 1;
        }
        if number.is_negative {
            f.write_str("-")?;
        }
        number.write(f, ["", "."])
    }
}

/// `20.11.2026 г.` in Bulgarian, `20 November 2026` in English.
#[must_use]
pub fn date(day: Date, language: Language) -> String {
    match language {
        Language::Bg => format!("{}\u{a0}г.", ShortDate { day, language }),
        Language::En => format!("{} {} {:04}", day.day(), month(day, language), day.year()),
    }
}

/// `октомври 2026 г.` for a whole month, else both ends.
#[must_use]
pub fn period(period: Period, language: Language) -> String {
    if period == Period::month_of(period.from) {
        let year = match language {
            Language::Bg => "\u{a0}г.",
            Language::En => "",
        };
        return format!(
            "{} {}{year}",
            month(period.from, language),
            period.from.year()
        );
    }
    format!(
        "{} – {}",
        date(period.from, language),
        date(period.to, language)
    )
}

/// `20 ноември 2026 г.` in Bulgarian, `20 November 2026` in English.
#[must_use]
pub fn long_date(day: Date, language: Language) -> String {
    let year = match language {
        Language::Bg => "\u{a0}г.",
        Language::En => "",
    };
    format!(
        "{}\u{a0}{} {:04}{year}",
        day.day(),
        month(day, language),
        day.year()
    )
}

/// `20.11.2026` in Bulgarian, `20 Nov 2026` in English: for columns.
#[derive(Clone, Copy, Debug)]
pub struct ShortDate {
    /// Which.
    pub day: Date,
    /// As whom.
    pub language: Language,
}

impl Display for ShortDate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { day, language } = *self;
        match language {
            Language::Bg => {
                let (year, month) = (day.year().unsigned_abs(), day.month().unsigned_abs());
                let two = |number: u8| [b'0' + number / 10, b'0' + number % 10];
                let [a, b] = two(day.day().unsigned_abs());
                let [c, d] = two(month);
                let [e, g] = two((year / 100) as u8);
                let [h, i] = two((year % 100) as u8);
                f.write_str(ascii(&[a, b, b'.', c, d, b'.', e, g, h, i]))
            }
            Language::En => write!(
                f,
                "{}\u{a0}{}\u{a0}{:04}",
                day.day(),
                short_month(day, language),
                day.year()
            ),
        }
    }
}

/// The first three letters of a month's name, as charts and columns use them.
#[must_use]
pub fn short_month(day: Date, language: Language) -> &'static str {
    let name = month(day, language);
    let end = name.char_indices().nth(3).map_or(name.len(), |(at, _)| at);
    &name[..end]
}

/// A month's name, in the case that a date asks for.
#[must_use]
pub fn month(day: Date, language: Language) -> &'static str {
    let months = match language {
        Language::Bg => &MONTHS_BG,
        Language::En => &MONTHS_EN,
    };
    let at = usize::try_from(day.month() - 1).unwrap_or_default();
    months.get(at).copied().unwrap_or_default()
}

const fn separators(language: Language) -> [&'static str; 2] {
    match language {
        Language::Bg => ["\u{a0}", ","],
        Language::En => [",", "."],
    }
}

/// `digits` divided by ten to the power of `scale`.
#[derive(Clone, Copy)]
struct Digits {
    is_negative: bool,
    digits: u128,
    scale: usize,
}

impl Digits {
    fn of(value: Decimal) -> Self {
        Self {
            is_negative: value.is_sign_negative() && !value.is_zero(),
            digits: value.mantissa().unsigned_abs(),
            scale: value.scale() as usize,
        }
    }

    fn with_currency(
        self,
        f: &mut Formatter<'_>,
        currency: Currency,
        language: Language,
    ) -> Result {
        self.sign(f)?;
        let is_euro = currency == Currency::EUR;
        if language == Language::En && is_euro {
            f.write_str("€")?;
        }
        self.write(f, separators(language))?;
        match (language, is_euro) {
            (Language::Bg, true) => f.write_str("\u{a0}€"),
            (Language::En, true) => Ok(()),
            (_, false) => {
                f.write_str("\u{a0}")?;
                f.write_str(currency.as_str())
            }
        }
    }

    fn sign(self, f: &mut Formatter<'_>) -> Result {
        f.write_str(if self.is_negative { "\u{2212}" } else { "" })
    }

    fn write(self, f: &mut Formatter<'_>, [group, point]: [&str; 2]) -> Result {
        // A decimal has 29 at most, and a zero before its point.
        let mut all = [b'0'; 40];
        let (mut digits, mut first) = (self.digits, all.len());
        while digits > 0 {
            // Hardly any number is longer, and shorter ones are divided much faster.
            let (rest, digit) = match u64::try_from(digits) {
                Ok(short) => (u128::from(short / 10), (short % 10) as u8),
                Err(_) => (digits / 10, (digits % 10) as u8),
            };
            first -= 1;
            all[first] = b'0' + digit;
            digits = rest;
        }
        let ends = all.len() - self.scale;
        let (whole, decimals) = ascii(&all).split_at(ends);
        let mut from = first.min(ends - 1);
        if !group.is_empty() {
            while ends - from > 3 {
                let to = ends - (ends - from - 1) / 3 * 3;
                f.write_str(&whole[from..to])?;
                f.write_str(group)?;
                from = to;
            }
        }
        f.write_str(&whole[from..])?;
        if self.scale > 0 {
            f.write_str(point)?;
            f.write_str(decimals)?;
        }
        Ok(())
    }
}

fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as day;

    use super::*;

    #[test]
    fn amounts_follow_the_language() {
        let shown = |cents, language| amount(Cents::new(cents), Currency::EUR, language);
        assert_eq!(shown(123_456, Language::Bg), "1\u{a0}234,56\u{a0}€");
        assert_eq!(shown(123_456, Language::En), "€1,234.56");
        assert_eq!(shown(-5, Language::Bg), "\u{2212}0,05\u{a0}€");
        assert_eq!(shown(100_000_000, Language::En), "€1,000,000.00");
        let usd = "USD".parse().expect("a currency");
        assert_eq!(
            amount(Cents::new(99_900), usd, Language::En),
            "999.00\u{a0}USD"
        );
    }

    #[test]
    fn numbers_keep_their_digits() {
        let shown = |text: &str, language| {
            let value = text.parse().expect("a decimal");
            Number { value, language }.to_string()
        };
        assert_eq!(shown("0.08571", Language::Bg), "0,08571");
        assert_eq!(shown("-12345.60", Language::En), "\u{2212}12,345.60");
        assert_eq!(shown("0", Language::Bg), "0");
        assert_eq!(short_month(day(2026, 5, 1), Language::Bg), "май");
        assert_eq!(
            ShortDate {
                day: day(2026, 9, 1),
                language: Language::En
            }
            .to_string(),
            "1\u{a0}Sep\u{a0}2026"
        );
    }

    #[test]
    fn a_price_is_signed_as_an_amount_is() {
        let shown = |language| {
            let price = Price {
                value: Decimal::new(-85_710, 6),
                currency: Currency::EUR,
                language,
            };
            price.to_string()
        };
        assert_eq!(shown(Language::Bg), "\u{2212}0,085710\u{a0}€");
        assert_eq!(shown(Language::En), "\u{2212}€0.085710");
    }

    #[test]
    fn programs_get_a_point_and_no_idle_zeros() {
        let shown = |text: &str| Exact(text.parse().expect("a decimal")).to_string();
        for (text, exact) in [
            ("0.085710", "0.08571"),
            ("-12345.60", "-12345.6"),
            ("1200", "1200"),
            ("1200.000", "1200"),
            ("-0.00", "0"),
            ("0", "0"),
            (
                "79228162514264337593543950335",
                "79228162514264337593543950335",
            ),
        ] {
            assert_eq!(shown(text), exact);
            let theirs: Decimal = text.parse().expect("a decimal");
            assert_eq!(theirs.normalize().to_string(), exact);
        }
    }

    #[test]
    fn whole_months_have_names() {
        let october = Period::month_of(day(2026, 10, 5));
        assert_eq!(period(october, Language::Bg), "октомври 2026\u{a0}г.");
        assert_eq!(period(october, Language::En), "October 2026");
        let odd = Period {
            from: day(2026, 10, 3),
            to: day(2026, 11, 2),
        };
        assert_eq!(
            period(odd, Language::En),
            "3 October 2026 – 2 November 2026"
        );
    }
}
