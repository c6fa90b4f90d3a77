//! The hours of the day in which reminders may reach people.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// From one full hour to another of the same day, where the operator sits.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// The first hour, 0 to 23.
    pub from: i8,
    /// The hour that does not belong to them any more; beyond `from`, 24 at most.
    pub to: i8,
    /// Where the operator sits.
    pub zone: TimeZone,
}

impl Hours {
    /// When they begin again; `None` while they last.
    #[must_use]
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let here = self.zone.to_datetime(now);
        if here.hour() < self.from {
            Some(self.begin(here.date()))
        } else if here.hour() < self.to {
            None
        } else {
            let next = here.date().tomorrow().unwrap_or(Date::MAX);
            Some(self.begin(next))
        }
    }

    /// When they begin on a day. Where clocks skip that hour, as soon as they are past it.
    #[must_use]
    pub fn begin(&self, day: Date) -> Timestamp {
        let begin = day
            .at(self.from, 0, 0, 0)
            .to_zoned_datetime(self.zone.clone());
        begin.map_or(Timestamp::MAX - SignedDuration::from_hours(48), |begin| {
            begin.timestamp()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_woken() {
        let hours = Hours {
            from: 9,
            to: 20,
            zone: TimeZone::get("Europe/Sofia").expect("a zone"),
        };
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        for (now, until) in [
            // In winter Sofia is two hours ahead, in summer three.
            ("2026-11-20T06:59:59Z", Some("2026-11-20T07:00:00Z")),
            ("2026-11-20T07:00:00Z", None),
            ("2026-11-20T17:59:59Z", None),
            ("2026-11-20T18:00:00Z", Some("2026-11-21T07:00:00Z")),
            ("2026-07-20T17:00:00Z", Some("2026-07-21T06:00:00Z")),
            // The night in which clocks go forward.
            ("2026-03-28T22:00:00Z", Some("2026-03-29T06:00:00Z")),
        ] {
            assert_eq!(hours.closed_until(at(now)), until.map(at), "{now}");
        }
        let all_day = Hours {
            from: 0,
            to: 24,
            ..hours
        };
        assert_eq!(all_day.closed_until(at("2026-11-20T23:00:00Z")), None);
    }
}
