//! When a delivery that failed for now is tried again.

use std::time::Duration;

use serde::Deserialize;

/// At most so many steps.
pub const STEPS_MAX: usize = 100;
/// A step has at most so many seconds.
pub const STEP_MAX_S: u64 = 7 * 24 * 3600;

/// The waits between the attempts of one delivery, in seconds. After the last it is given up.
///
/// In TOML: `delays_s = [60, 300, 900]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryLadder {
    delays_s: Vec<u64>,
}

/// A ladder that nobody can climb.
#[derive(Debug, thiserror::Error)]
pub enum LadderError {
    /// Not TOML of the right shape.
    #[error("the retry ladder is not of the form `delays_s = [60, 300]`")]
    Form(#[source] Box<toml::de::Error>),
    /// Too many steps, or a step of no time or of more than a week.
    #[error("a retry ladder has 1 to {STEPS_MAX} delays, each of 1 to {STEP_MAX_S} seconds")]
    Range,
}

impl RetryLadder {
    /// The ladder of these delays, in seconds.
    ///
    /// # Errors
    /// Where there is no delay or more than 100, or one is not 1 second to a week.
    pub fn new(delays_s: Vec<u64>) -> Result<Self, LadderError> {
        let fits = (1..=STEPS_MAX).contains(&delays_s.len())
            && delays_s
                .iter()
                .all(|delay| (1..=STEP_MAX_S).contains(delay));
        if fits {
            Ok(Self { delays_s })
        } else {
            Err(LadderError::Range)
        }
    }

    /// The ladder of a TOML text.
    ///
    /// # Errors
    /// As [`RetryLadder::new`], and where the text is not of the right shape.
    pub fn from_toml(text: &str) -> Result<Self, LadderError> {
        let read: Self =
            toml::from_str(text).map_err(|error| LadderError::Form(Box::new(error)))?;
        Self::new(read.delays_s)
    }

    /// How long to wait after the attempt of this number (from 1), or `None` to give up.
    #[must_use]
    pub fn next(&self, attempt: u32) -> Option<Duration> {
        let step = usize::try_from(attempt.saturating_sub(1)).ok()?;
        self.delays_s.get(step).copied().map(Duration::from_secs)
    }
}

/// A minute, five, a quarter of an hour, then hours, for a little more than a day in all:
/// greylisting takes minutes, a full mailbox or a server under repair hours.
impl Default for RetryLadder {
    fn default() -> Self {
        let mut delays_s = vec![60, 300, 900, 3600, 3600];
        delays_s.extend([3 * 3600; 8]);
        Self { delays_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_goes_on_for_more_than_a_day_and_then_gives_up() {
        let ladder = RetryLadder::default();
        let waits: Vec<_> = (1..).map_while(|attempt| ladder.next(attempt)).collect();
        assert_eq!(waits.first(), Some(&Duration::from_secs(60)));
        assert!(waits.iter().sum::<Duration>() > Duration::from_secs(24 * 3600));
        assert!(waits.is_sorted());
        assert_eq!(ladder.next(u32::MAX), None);
    }

    #[test]
    fn ladders_are_checked() {
        assert_eq!(
            RetryLadder::from_toml("delays_s = [5]")
                .expect("valid")
                .next(1),
            Some(Duration::from_secs(5))
        );
        for text in [
            "delays_s = []",
            "delays_s = [0]",
            "delays_s = [604801]",
            "delay = [1]",
            "",
            "x",
        ] {
            assert!(RetryLadder::from_toml(text).is_err(), "{text}");
        }
    }
}
