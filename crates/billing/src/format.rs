//! Amounts, dates and periods as people of each language write them.

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
#[must_use]
pub fn amount(cents: Cents, currency: Currency, language: Language) -> String {
    let (group, point) = separators(language);
    let mut text = String::with_capacity(NUMBER_ROOM);
    if cents.is_negative() {
        text.push('\u{2212}');
    }
    let euro = currency == Currency::EUR;
    if language == Language::En && euro {
        text.push('€');
    }
    push_number(
        &mut text,
        cents.get().unsigned_abs().into(),
        2,
        [group, point],
    );
    match (language, euro) {
        (Language::Bg, true) => text.push_str("\u{a0}€"),
        (Language::En, true) => {}
        (_, false) => text.push_str(&format!("\u{a0}{currency}")),
    }
    text
}

/// `20.11.2026 г.` in Bulgarian, `20 November 2026` in English.
#[must_use]
pub fn date(day: Date, language: Language) -> String {
    match language {
        Language::Bg => format!(
            "{:02}.{:02}.{:04}\u{a0}г.",
            day.day(),
            day.month(),
            day.year()
        ),
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
#[must_use]
pub fn short_date(day: Date, language: Language) -> String {
    match language {
        Language::Bg => format!("{:02}.{:02}.{:04}", day.day(), day.month(), day.year()),
        Language::En => format!(
            "{}\u{a0}{}\u{a0}{:04}",
            day.day(),
            short_month(day, language),
            day.year()
        ),
    }
}

/// A decimal number with all its digits: `1 234,5` in Bulgarian, `1,234.5` in English.
#[must_use]
pub fn number(value: Decimal, language: Language) -> String {
    let (group, point) = separators(language);
    let mut text = String::with_capacity(NUMBER_ROOM);
    if value.is_sign_negative() && !value.is_zero() {
        text.push('\u{2212}');
    }
    let digits = value.mantissa().unsigned_abs();
    push_number(&mut text, digits, value.scale() as usize, [group, point]);
    text
}

/// The price of a unit, with all its digits: `0,08571 €` in Bulgarian, `€0.08571` in English.
#[must_use]
pub fn price(value: Decimal, currency: Currency, language: Language) -> String {
    let mut text = number(value, language);
    match (language, currency == Currency::EUR) {
        (Language::Bg, true) => text.push_str("\u{a0}€"),
        (Language::En, true) => text.insert(0, '€'),
        (_, false) => text.push_str(&format!("\u{a0}{currency}")),
    }
    text
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

/// Bytes that hardly any number exceeds.
const NUMBER_ROOM: usize = 24;

const fn separators(language: Language) -> (char, char) {
    match language {
        Language::Bg => ('\u{a0}', ','),
        Language::En => (',', '.'),
    }
}

/// Writes `digits` divided by ten to the power of `scale`, its last `scale` digits behind the point.
fn push_number(text: &mut String, mut digits: u128, scale: usize, [group, point]: [char; 2]) {
    // Last digit first; a decimal has 29 at most, and a zero before its point.
    let mut reversed = [b'0'; 40];
    let mut count = 0;
    while digits > 0 {
        // Hardly any number is longer, and shorter ones are divided much faster.
        let (rest, digit) = match u64::try_from(digits) {
            Ok(short) => (u128::from(short / 10), (short % 10) as u8),
            Err(_) => (digits / 10, (digits % 10) as u8),
        };
        reversed[count] = b'0' + digit;
        (digits, count) = (rest, count + 1);
    }
    for at in (0..count.max(scale + 1)).rev() {
        text.push(reversed[at].into());
        if at == scale && scale > 0 {
            text.push(point);
        } else if at > scale && (at - scale).is_multiple_of(3) {
            text.push(group);
        }
    }
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
        let shown = |text: &str, language| number(text.parse().expect("a decimal"), language);
        assert_eq!(shown("0.08571", Language::Bg), "0,08571");
        assert_eq!(shown("-12345.60", Language::En), "\u{2212}12,345.60");
        assert_eq!(shown("0", Language::Bg), "0");
        assert_eq!(short_month(day(2026, 5, 1), Language::Bg), "май");
        assert_eq!(
            short_date(day(2026, 9, 1), Language::En),
            "1\u{a0}Sep\u{a0}2026"
        );
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
