//! Deliveries that are due leave as mail, each with its intent stored first.
//!
//! Claiming a delivery stores that it is about to be sent. A death after that leaves it claimed;
//! the next start, or any worker once the lease has run out, puts it back in the queue marked
//! "possibly twice", because nobody can tell whether the mail server had taken it. The mail's bytes and Message-ID are the same each time,
//! so mailboxes that know duplicates show it once.

mod letters;

use std::{ops::AddAssign, sync::Arc};

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use kvit_billing::{PaperUntil, code::InstanceKey, ports::Clock};
use kvit_mail::{Outcome, RetryLadder};
use kvit_pay::ways::Ways;
use kvit_store::{
    Attempt, AttemptOutcome, DeliveryJob, DeliveryWhat, ReminderDoor, Store, StoreError,
};
use tokio_util::sync::CancellationToken;

use crate::{
    hours::Hours,
    ports::{Archive, Checkpoints, MailTexts, Mailer},
};

/// Deliveries claimed at once, for each line of conversations. A death marks at most so many a line
/// "possibly twice".
const CLAIMS_PER_LINE: usize = 2;
/// How long a claim holds: longer than the conversations of one claim can take. Behind it the
/// worker is taken for dead.
const LEASE_S: i64 = 3_600;
/// A delivery whose mail cannot be built is looked at again after so long.
const BUILD_RETRY_S: i64 = 900;

/// Sends what is due.
pub struct Courier {
    /// The queue.
    pub store: Store,
    /// Where the documents are.
    pub archive: Arc<dyn Archive>,
    /// How mail leaves.
    pub mailer: Arc<dyn Mailer>,
    /// Builds the mails in the texts that count.
    pub mails: Arc<dyn MailTexts>,
    /// Names the payment systems for customers.
    pub ways: Arc<dyn Ways>,
    /// Derives the tokens of the links.
    pub key: Arc<InstanceKey>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// When to try again.
    pub ladder: RetryLadder,
    /// When reminders may be sent; `None` where the operator sends none.
    pub reminder_hours: Option<Hours>,
    /// Base address of the portal, without a slash at the end.
    pub public_url: String,
    /// A bill is due in the mailbox so many hours after issue.
    pub delivery_hours: u32,
    /// Until when e-bills come on paper too.
    pub paper_until: PaperUntil,
    /// Name of this worker; claims carry it.
    pub worker: String,
    /// Conversations at once.
    pub connections: usize,
}

/// How the attempts of one pass ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Taken by the mail server.
    pub accepted: u64,
    /// To be tried again.
    pub retried: u64,
    /// Given up.
    pub failed: u64,
    /// Acceptance could not be seen.
    pub unknown: u64,
}

impl AddAssign for DeliveryReport {
    fn add_assign(&mut self, more: Self) {
        self.accepted += more.accepted;
        self.retried += more.retried;
        self.failed += more.failed;
        self.unknown += more.unknown;
    }
}

/// Delivering stopped. The queue is intact.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The store failed.
    #[error("the store failed while delivering")]
    Store(#[from] StoreError),
}

impl Courier {
    /// Sends everything that is due now, until the queue is empty or `stop` is called.
    ///
    /// # Errors
    /// Where the store fails. What a mail server says is never an error: it is recorded.
    pub async fn deliver(&self, stop: &CancellationToken) -> Result<DeliveryReport, DeliverError> {
        let lines = (0..self.connections.max(1)).map(|_| self.deliver_in_line(stop));
        let mut report = DeliveryReport::default();
        for line in try_join_all(lines).await? {
            report += line;
        }
        Ok(report)
    }

    /// One conversation after the other, so that a slow one holds up nothing but its own line.
    async fn deliver_in_line(
        &self,
        stop: &CancellationToken,
    ) -> Result<DeliveryReport, DeliverError> {
        let mut report = DeliveryReport::default();
        while !stop.is_cancelled() {
            let jobs = self.claim().await?;
            if jobs.is_empty() {
                break;
            }
            for job in jobs {
                match self.deliver_one(job).await? {
                    Some(AttemptOutcome::Accepted) => report.accepted += 1,
                    Some(AttemptOutcome::Retry { .. }) => report.retried += 1,
                    Some(AttemptOutcome::Failed) => report.failed += 1,
                    Some(AttemptOutcome::Unknown { .. }) => report.unknown += 1,
                    None => {}
                }
            }
        }
        Ok(report)
    }

    /// Takes the next mails that are due.
    async fn claim(&self) -> Result<Vec<DeliveryJob>, DeliverError> {
        self.mails.look().await;
        let now = self.clock.now();
        let lease_until = now + SignedDuration::from_secs(LEASE_S);
        let jobs = self
            .store
            .claim_deliveries(&self.worker, now, lease_until, CLAIMS_PER_LINE)
            .await?;
        self.checkpoints.reached("deliveries-claimed");
        Ok(jobs)
    }

    /// `None` where there was nothing to send any more.
    async fn deliver_one(&self, job: DeliveryJob) -> Result<Option<AttemptOutcome>, DeliverError> {
        // Between the claim and this moment the customer may have paid, or the day has ended.
        let job = match job.what {
            DeliveryWhat::Reminder { .. } => {
                let (now, door) = self.reminder_door();
                match self.store.recheck_reminder(&job, door, now).await? {
                    Some(job) => job,
                    None => return Ok(None),
                }
            }
            _ => job,
        };
        let (outcome, reply) = match self.build(&job).await {
            Ok(message) => {
                self.checkpoints.reached("before-send");
                let outcome = self.mailer.send(&message).await;
                self.checkpoints.reached("after-send");
                self.judge(&job, outcome)
            }
            Err(error) => {
                tracing::error!(delivery = %job.id, error = &error as &dyn std::error::Error, "mail not built");
                let next = self.clock.now() + SignedDuration::from_secs(BUILD_RETRY_S);
                (AttemptOutcome::Retry { next }, format!("not sent: {error}"))
            }
        };
        let attempt = Attempt {
            no: job.attempts,
            at: self.clock.now(),
            outcome,
            reply,
        };
        self.store.finish_delivery(&job.id, &attempt).await?;
        self.checkpoints.reached("after-delivery-recorded");
        Ok(Some(attempt.outcome))
    }

    fn reminder_door(&self) -> (Timestamp, ReminderDoor) {
        let now = self.clock.now();
        let hours = self.reminder_hours.as_ref();
        let door = hours.map_or(ReminderDoor::Shut, |hours| {
            let until = hours.closed_until(now);
            until.map_or(ReminderDoor::Open, ReminderDoor::Until)
        });
        (now, door)
    }

    fn judge(&self, job: &DeliveryJob, outcome: Outcome) -> (AttemptOutcome, String) {
        let next = self
            .ladder
            .next(job.attempts)
            .and_then(|delay| SignedDuration::try_from(delay).ok())
            .map(|delay| self.clock.now() + delay);
        match outcome {
            Outcome::Accepted { reply } => (AttemptOutcome::Accepted, reply),
            Outcome::Permanent { reply } => (AttemptOutcome::Failed, reply),
            Outcome::Temporary { reply } => (
                next.map_or(AttemptOutcome::Failed, |next| AttemptOutcome::Retry {
                    next,
                }),
                reply,
            ),
            Outcome::Unknown { reply } => (
                next.map_or(AttemptOutcome::Failed, |next| AttemptOutcome::Unknown {
                    next,
                }),
                reply,
            ),
        }
    }
}
