//! The days on which banks settle among each other: the calendar of the Eurosystem's T2.

use jiff::{ToSpan, civil::Date};

/// The first day on which banks settle that is not before `day`: no Saturday or Sunday, and none of the six
/// holidays of T2.
#[must_use]
pub fn bank_day(mut day: Date) -> Date {
    while !is_open(day) {
        day = day.saturating_add(1.day());
    }
    day
}

/// The day that is so many bank days behind `day`.
#[must_use]
pub fn bank_days_after(mut day: Date, count: u8) -> Date {
    for _ in 0..count {
        day = bank_day(day.saturating_add(1.day()));
    }
    day
}

/// The first day on which `day` is at most so many bank days ahead.
#[must_use]
pub fn bank_days_before(day: Date, count: u8) -> Date {
    let mut first = day;
    loop {
        let earlier = first.saturating_sub(1.day());
        if earlier == first || bank_days_after(earlier, count) < day {
            return first;
        }
        first = earlier;
    }
}

fn is_open(day: Date) -> bool {
    use jiff::civil::Weekday::{Saturday, Sunday};
    if matches!(day.weekday(), Saturday | Sunday) {
        return false;
    }
    let fixed = matches!((day.month(), day.day()), (1 | 5, 1) | (12, 25 | 26));
    let easter = easter(day.year());
    let moving = day == easter.saturating_sub(2.days()) || day == easter.saturating_add(1.day());
    !fixed && !moving
}

/// Easter Sunday of the Western churches, which T2 goes by (Meeus, Jones, Butcher).
fn easter(year: i16) -> Date {
    let year_i = i32::from(year);
    let (a, b, c) = (year_i % 19, year_i / 100, year_i % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    // Both are within a month by construction; March 22 is the earliest there is.
    let small = |n: i32| i8::try_from(n).unwrap_or(1);
    Date::new(year, small(month), small(day)).unwrap_or(Date::constant(1, 3, 22))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_is_found() {
        for day in [
            date(2024, 3, 31),
            date(2025, 4, 20),
            date(2026, 4, 5),
            date(2027, 3, 28),
            date(2038, 4, 25),
        ] {
            assert_eq!(easter(day.year()), day);
        }
    }

    #[test]
    fn weekends_and_holidays_are_passed_over() {
        for (asked, given) in [
            (date(2026, 11, 27), date(2026, 11, 27)),
            (date(2026, 11, 28), date(2026, 11, 30)),
            (date(2026, 12, 25), date(2026, 12, 28)),
            (date(2027, 1, 1), date(2027, 1, 4)),
            (date(2026, 4, 3), date(2026, 4, 7)),
            (date(2026, 5, 1), date(2026, 5, 4)),
            // A holiday of the country, and not of the banks among each other.
            (date(2027, 3, 3), date(2027, 3, 3)),
        ] {
            assert_eq!(bank_day(asked), given, "{asked}");
        }
        for (asked, given) in [
            (date(2026, 11, 27), date(2026, 12, 2)),
            (date(2026, 11, 28), date(2026, 12, 2)),
            (date(2026, 12, 23), date(2026, 12, 29)),
        ] {
            assert_eq!(bank_days_after(asked, 3), given, "{asked}");
        }
        for (asked, given) in [
            (date(2026, 11, 25), date(2026, 11, 20)),
            (date(2026, 11, 27), date(2026, 11, 24)),
            // Behind Easter, and behind Christmas.
            (date(2026, 4, 7), date(2026, 3, 31)),
            (date(2026, 12, 29), date(2026, 12, 23)),
        ] {
            assert_eq!(bank_days_before(asked, 3), given, "{asked}");
        }
    }
}
