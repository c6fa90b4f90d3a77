//! Which of a bill's reminders one is.

use std::{fmt, str::FromStr};

use jiff::{ToSpan, civil::Date};

/// A reminder that a bill is to be paid. A bill gets each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReminderKind {
    /// So many days before the last day to pay.
    Before(u8),
    /// So many days after it.
    After(u8),
}

/// Text that names no reminder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a reminder such as before-3")]
pub struct BadReminder(String);

impl ReminderKind {
    /// The day on which a bill with this last day to pay gets it.
    #[must_use]
    pub fn day_of(self, due: Date) -> Date {
        match self {
            Self::Before(days) => due.saturating_sub(i64::from(days).days()),
            Self::After(days) => due.saturating_add(i64::from(days).days()),
        }
    }

    /// The last day to pay of the bills that get it on this day.
    #[must_use]
    pub fn due_on(self, day: Date) -> Date {
        match self {
            Self::Before(days) => day.saturating_add(i64::from(days).days()),
            Self::After(days) => day.saturating_sub(i64::from(days).days()),
        }
    }
}

impl fmt::Display for ReminderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(days) => write!(f, "before-{days}"),
            Self::After(days) => write!(f, "after-{days}"),
        }
    }
}

impl FromStr for ReminderKind {
    type Err = BadReminder;
    fn from_str(text: &str) -> Result<Self, BadReminder> {
        let bad = || BadReminder(text.chars().take(60).collect());
        let (word, days) = text.split_once('-').ok_or_else(bad)?;
        let days = days.parse().map_err(|_| bad())?;
        match word {
            "before" => Ok(Self::Before(days)),
            "after" => Ok(Self::After(days)),
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_reminder_has_its_day_and_its_name() {
        let due = date(2026, 11, 30);
        for (kind, name, day) in [
            (ReminderKind::Before(3), "before-3", date(2026, 11, 27)),
            (ReminderKind::After(5), "after-5", date(2026, 12, 5)),
        ] {
            assert_eq!((kind.day_of(due), kind.due_on(day)), (day, due));
            assert_eq!((kind.to_string().as_str(), name.parse()), (name, Ok(kind)));
        }
        for text in ["before", "before-300", "during-3", "after-x"] {
            assert!(text.parse::<ReminderKind>().is_err(), "{text}");
        }
    }
}
