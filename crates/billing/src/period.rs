//! The time that a bill is for.

use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A span of whole days, both ends included.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first day.
    #[schemars(with = "String", extend("format" = "date"))]
    pub from: Date,
    /// The last day.
    #[schemars(with = "String", extend("format" = "date"))]
    pub to: Date,
}

impl Period {
    /// The whole of the month that `day` is in.
    #[must_use]
    pub fn month_of(day: Date) -> Self {
        Self {
            from: day.first_of_month(),
            to: day.last_of_month(),
        }
    }

    /// The last day is not before the first.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.from <= self.to
    }
}

/// `2026-10-01/2026-10-31`, an ISO 8601 interval.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.from, self.to)
    }
}
