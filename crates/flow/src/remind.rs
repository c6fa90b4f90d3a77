//! Reminders of bills that are still open: which are due now is found by the bills' last day to pay,
//! a stretch at a time, and each is decided once.
//!
//! A stretch is decided in one transaction: its mails are queued, and the place up to which was decided
//! moves on. A death before it leaves the stretch to whoever comes next; after it nobody looks at these
//! bills again. That nothing is reminded of that was paid meanwhile is checked again when the mail is
//! claimed, and right before it is sent.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ToSpan};
use kvit_billing::{
    DeliveryId, ReminderKind,
    code::{InstanceKey, TokenPurpose},
    ports::Clock,
};
use kvit_store::{NewReminder, OpenBill, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{hours::Hours, ports::Checkpoints};

/// Bills looked at in one transaction.
const BATCH: usize = 250;
/// Reminders that wait in the queue at most, so that a bill, or the link of somebody who wants to sign in,
/// never stands behind all of a day's.
const WAITING_MAX: usize = 500;
/// How long a reminder is of use: to the evening of the next day. Then it is left out.
const LASTS: SignedDuration = SignedDuration::from_hours(36);
/// Days after which even that a reminder was left out is not written down.
const MISSED_DAYS_MAX: i64 = 14;

/// Plans reminders.
pub struct Reminders {
    /// Bills, customers, the queue.
    pub store: Store,
    /// Derives the tokens of the links.
    pub key: Arc<InstanceKey>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// Which there are; none where the operator sends none.
    pub kinds: Vec<ReminderKind>,
    /// When they may be sent.
    pub hours: Hours,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReminderReport {
    /// Queued.
    pub planned: u64,
    /// Left out, because their moment had long passed.
    pub missed: u64,
}

impl Reminders {
    /// One round over what is due now, or until `stop` is called. Ends early when enough waits in the
    /// queue.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn plan(&self, stop: &CancellationToken) -> Result<ReminderReport, StoreError> {
        let mut report = ReminderReport::default();
        for kind in &self.kinds {
            while !stop.is_cancelled() && self.plan_some(*kind, &mut report).await? {}
        }
        Ok(report)
    }

    /// Decides the next stretch; `false` where there is nothing more to do now.
    async fn plan_some(
        &self,
        kind: ReminderKind,
        report: &mut ReminderReport,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if self.hours.closed_until(now).is_some() {
            return Ok(false);
        }
        let today = self.hours.zone.to_datetime(now).date();
        let newest = kind.due_on(today);
        let oldest = newest.saturating_sub(MISSED_DAYS_MAX.days());
        if self.store.reminders_waiting(WAITING_MAX, now).await? >= WAITING_MAX {
            return Ok(false);
        }
        let stretch = self
            .store
            .bills_to_remind(kind, oldest, newest, now, BATCH)
            .await?;
        let Some(stretch) = stretch else {
            return Ok(false);
        };
        // A bill that was issued on the day of its reminder, or later, is no older than that.
        let fresh = |open: &&OpenBill| open.bill.issue_date < kind.day_of(open.bill.due_date);
        let new: Vec<NewReminder> = stretch
            .open
            .iter()
            .filter(fresh)
            .map(|open| self.reminder(kind, open, now))
            .collect();
        self.checkpoints.reached("before-reminders-planned");
        if self.store.plan_reminders(&stretch, &new, now).await? {
            let missed = new.iter().filter(|reminder| reminder.missed).count() as u64;
            report.missed += missed;
            report.planned += new.len() as u64 - missed;
        }
        self.checkpoints.reached("after-reminders-planned");
        Ok(true)
    }

    fn reminder(&self, kind: ReminderKind, open: &OpenBill, now: Timestamp) -> NewReminder {
        let id = DeliveryId::reminder_of(open.bill.number, kind);
        let token = self.key.token(TokenPurpose::Reminders, id.as_str()).hash();
        let due_at = self.hours.begin(kind.day_of(open.bill.due_date)) + LASTS;
        NewReminder {
            id,
            bill: open.bill.number,
            enrolment: open.enrolment.clone(),
            token,
            due_at,
            missed: now > due_at,
        }
    }
}

/// The date of a reminder's mail, the same each time it is tried: when its hours began.
pub(crate) fn date_of(due_at: Timestamp) -> Timestamp {
    due_at - LASTS
}
