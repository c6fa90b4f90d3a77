//! `[reminders]`: when customers are reminded of bills that are not paid.

use kvit_billing::ReminderKind;
use serde::Deserialize;

/// Which reminders there are, and at what time of day.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RemindersConfig {
    pub(crate) on: bool,
    /// Days before the last day to pay.
    pub(crate) before_days: Vec<u8>,
    /// Days after it.
    pub(crate) after_days: Vec<u8>,
    /// The hours of the day, from the first to before the second.
    pub(crate) from_hour: u8,
    pub(crate) to_hour: u8,
}

impl Default for RemindersConfig {
    fn default() -> Self {
        Self {
            on: false,
            before_days: vec![3],
            after_days: vec![5],
            from_hour: 9,
            to_hour: 20,
        }
    }
}

impl RemindersConfig {
    /// The reminders of a bill; none where they are off.
    pub(crate) fn kinds(&self) -> Vec<ReminderKind> {
        if !self.on {
            return Vec::new();
        }
        let before = self.before_days.iter().copied().map(ReminderKind::Before);
        let after = self.after_days.iter().copied().map(ReminderKind::After);
        before.chain(after).collect()
    }
}
