//! What the registers of a customer's meters show, at the end of any month.
//!
//! A reading is a closed formula of customer, register and month, so consecutive bills and the
//! history agree without any of them being kept.

use jiff::civil::Date;

use crate::chance::Chance;

/// Share of the year's consumption by month, January first, in millionths.
const SEASON: [i64; 12] = [
    128_000, 112_000, 96_000, 78_000, 66_000, 62_000, 68_000, 70_000, 64_000, 72_000, 84_000,
    100_000,
];
const MILLION: i64 = 1_000_000;
/// How far the weather moves the end of a month, in millionths of the year.
const WEATHER_MAX: u32 = 16_000;

/// Months since January 2015, when all meters showed nothing.
pub(crate) fn month_index(month: Date) -> i64 {
    (i64::from(month.year()) - 2015) * 12 + i64::from(month.month()) - 1
}

/// The consumption of one register, in its own units.
pub(crate) struct Register {
    /// Keys of its chance.
    pub(crate) keys: [u64; 3],
    /// Units a year.
    pub(crate) annual: i64,
    /// Every 25 months, one with a very high consumption.
    pub(crate) bursts: bool,
}

impl Register {
    /// The reading at the end of the month with this index. Never falls.
    pub(crate) fn reading(&self, month: i64) -> i64 {
        if month < 0 {
            return 0;
        }
        let year = &SEASON[..=(month % 12) as usize];
        let [a, b, c] = self.keys;
        let weather = Chance::of(&[a, b, c, month as u64]).below(WEATHER_MAX);
        let years = month / 12 * MILLION + year.iter().sum::<i64>() + i64::from(weather);
        let bursts = if self.bursts {
            (month + 15) / 25 * (MILLION * 6 / 10)
        } else {
            0
        };
        self.annual * (years + bursts) / MILLION
    }

    /// What was consumed in the month with this index.
    pub(crate) fn consumed(&self, month: i64) -> i64 {
        self.reading(month) - self.reading(month - 1)
    }
}
