//! Amounts, dates and periods as people of each language write them.

use jiff::civil::Date;
use kvit_billing::{Cents, Currency, Language, Period};

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
    let (group, point) = match language {
        Language::Bg => ('\u{a0}', ','),
        Language::En => (',', '.'),
    };
    let units = (cents.get().unsigned_abs() / 100).to_string();
    let mut text = String::new();
    if cents.is_negative() {
        text.push('\u{2212}');
    }
    let euro = currency == Currency::EUR;
    if language == Language::En && euro {
        text.push('€');
    }
    for (at, digit) in units.chars().enumerate() {
        if at > 0 && (units.len() - at).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    text.push(point);
    text.push_str(&format!("{:02}", cents.get().unsigned_abs() % 100));
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

fn month(day: Date, language: Language) -> &'static str {
    let months = match language {
        Language::Bg => &MONTHS_BG,
        Language::En => &MONTHS_EN,
    };
    let at = usize::try_from(day.month() - 1).unwrap_or_default();
    months.get(at).copied().unwrap_or_default()
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
