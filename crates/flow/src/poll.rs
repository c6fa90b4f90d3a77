//! Payments that nobody called us about are asked for, until they are known or their time is over;
//! and notices that a death left kept and not applied are applied.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kvit_billing::ports::{Clock, Rng};
use kvit_pay::{
    VerifiedNotice,
    dialects::borica::Answer,
    ways::{Call, Dialect, Ways, Wire},
};
use kvit_store::{PaymentRecord, Store, StoreError};

/// Notices and payments that one round deals with.
const BATCH: usize = 100;
/// Minutes until a payment is asked for again, by how often it was.
const LADDER_MINUTES: [i64; 6] = [2, 5, 15, 60, 180, 360];
/// An answer may come a little after the payment's time is over; it is asked for once more then.
const AFTER_END: SignedDuration = SignedDuration::from_mins(30);

/// Asks payment systems.
pub struct Poller {
    /// Payments, notices, the books.
    pub store: Store,
    /// The configured payment systems.
    pub ways: Arc<dyn Ways>,
    /// Calls them.
    pub wire: Arc<dyn Wire>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes nonces.
    pub rng: Arc<dyn Rng>,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollReport {
    /// Notices that had waited for being applied.
    pub applied: usize,
    /// Payments asked for.
    pub asked: usize,
    /// Of these, those of which something was learned.
    pub learned: usize,
    /// Of these, those whose payment system gave no answer that can be believed.
    pub silent: usize,
}

impl Poller {
    /// One round over what is due now.
    ///
    /// # Errors
    /// Where the store fails. A payment system that does not answer is only counted.
    pub async fn poll(&self) -> Result<PollReport, StoreError> {
        let now = self.clock.now();
        let mut report = PollReport {
            applied: self.store.apply_waiting_notices(now, BATCH).await?,
            ..PollReport::default()
        };
        for payment in self.store.payments_to_poll(now, BATCH).await? {
            report.asked += 1;
            match self.ask(&payment).await {
                Some(Answer::Notice(notice)) => {
                    report.learned += 1;
                    self.keep(&payment, &notice, now).await?;
                }
                Some(Answer::InProgress | Answer::NotFound) => self.later(&payment, now).await?,
                None => {
                    report.silent += 1;
                    self.later(&payment, now).await?;
                }
            }
        }
        Ok(report)
    }

    /// `None` where there is no answer that can be believed.
    async fn ask(&self, payment: &PaymentRecord) -> Option<Answer> {
        let ways = self.ways.all();
        let provider = ways
            .iter()
            .find(|provider| provider.name == payment.provider)?;
        let Dialect::Borica(terminal) = &provider.dialect else {
            return None;
        };
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        let request = terminal.status(payment.number, nonce).ok()?;
        let call = Call {
            form: Some(request.body()),
            url: request.url,
        };
        let answer = match self.wire.call(call).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(provider = %payment.provider, error = %error, "no answer about a payment");
                return None;
            }
        };
        match terminal.status_answer(payment.number, &answer) {
            Ok(answer) => Some(answer),
            Err(refused) => {
                tracing::warn!(provider = %payment.provider, why = refused.word(), "an answer about a payment is not believed");
                None
            }
        }
    }

    async fn keep(
        &self,
        payment: &PaymentRecord,
        notice: &VerifiedNotice,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let received = self.store.receive_notice(notice, now).await?;
        tracing::info!(provider = %payment.provider, payment = payment.number, outcome = received.outcome.as_str(), "a payment was asked for");
        // A final word stops the asking in the store; should it not have, the ladder goes on.
        Ok(())
    }

    async fn later(&self, payment: &PaymentRecord, now: Timestamp) -> Result<(), StoreError> {
        let step = usize::try_from(payment.polls).unwrap_or(usize::MAX);
        let minutes = LADDER_MINUTES[step.min(LADDER_MINUTES.len() - 1)];
        let end = payment.expires_at + AFTER_END;
        let next = (now < end).then(|| (now + SignedDuration::from_mins(minutes)).min(end));
        self.store
            .payment_polled(&payment.provider, payment.number, next)
            .await
    }
}
