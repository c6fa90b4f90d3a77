//! Payments that nobody called us about are asked for, until they are known, or their time is over and
//! their payment system says that nothing came of them. Silence never ends the asking: money may be
//! there. One that stays ordered is left to people a week after its end. Notices and bank statements that a death left kept and not applied are applied.

use std::{collections::HashSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kvit_billing::ports::{Clock, Rng};
use kvit_pay::{
    Event, ProviderName,
    dialects::Answer,
    ways::{Call, Dialect, NoAnswer, Provider, Ways, Wire},
};
use kvit_store::{PaymentRecord, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    ports::{Checkpoints, NoCheckpoints},
    statement,
};

/// Notices and payments that one round deals with.
const BATCH: usize = 100;
/// Minutes until a payment is asked for again, by how often it was; the last ones go on.
const LADDER_MINUTES: [i64; 6] = [2, 5, 15, 60, 180, 360];
/// A statement that was kept so long ago and is not done was left by a death: whoever imports one books it
/// meanwhile.
const STATEMENT_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// An answer may come a little after the payment's time is over; it is asked for once more then.
const AFTER_END: SignedDuration = SignedDuration::from_mins(30);
/// What is still ordered so long after its end will hardly be more: people look, and it is not asked for any
/// more.
const ORDERED_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

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
    /// Where tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
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
    /// Refunds that payment systems were asked for.
    pub refunds: usize,
}

impl Poller {
    /// One round over what is due now, or until `stop` is called.
    ///
    /// # Errors
    /// Where the store fails. A payment system that does not answer is only counted, and left alone for
    /// the rest of the round.
    pub async fn poll(&self, stop: &CancellationToken) -> Result<PollReport, StoreError> {
        let now = self.clock.now();
        let mut report = PollReport {
            applied: self.store.apply_waiting_notices(now, BATCH).await?,
            ..PollReport::default()
        };
        let ways = self.ways.all();
        let mut mute = HashSet::new();
        for payment in self.store.payments_to_poll(now, BATCH).await? {
            if stop.is_cancelled() {
                break;
            }
            let named = |provider: &&Provider| provider.name == payment.provider;
            let provider = ways.iter().find(named);
            let silent = match provider.map(|provider| &provider.dialect) {
                _ if mute.contains(&payment.provider) => continue,
                Some(dialect) if dialect.is_asked() => {
                    self.ask(dialect, &payment, &mut report).await?
                }
                // It is configured no more: should it come back, its payments are asked for.
                _ => self
                    .claim(&payment, &mut report)
                    .await?
                    .map(|_| Silence::Here),
            };
            report.silent += usize::from(silent.is_some());
            if silent == Some(Silence::There) {
                mute.insert(payment.provider);
            }
        }
        report.refunds = self.give_back(&ways, &mut mute, stop).await?;
        self.look_after(&ways).await?;
        // Last, so that a statement in trouble holds up no payment.
        self.finish_statements(&ways, now).await?;
        Ok(report)
    }

    /// Looks whether those payment systems answer that customers are offered, where no call has told lately.
    async fn look_after(&self, ways: &[Provider]) -> Result<(), StoreError> {
        for provider in ways.iter().filter(|provider| !provider.offered.is_empty()) {
            let Some(url) = provider.url() else { continue };
            let now = self.clock.now();
            if self.store.claim_probe(&provider.name, now).await? {
                let reached = self.wire.reach(url.to_owned()).await;
                self.heard(&provider.name, &reached).await?;
            }
        }
        Ok(())
    }

    /// Keeps whether a payment system answered: one that refuses a call did.
    pub(crate) async fn heard<T>(
        &self,
        provider: &ProviderName,
        answer: &Result<T, NoAnswer>,
    ) -> Result<(), StoreError> {
        let answered = !answer.as_ref().is_err_and(NoAnswer::is_silence);
        let now = self.clock.now();
        if self.store.provider_called(provider, answered, now).await? {
            if answered {
                tracing::warn!(provider = %provider, "a payment system answers again; customers are offered it");
            } else {
                tracing::error!(provider = %provider, "a payment system is out of order; customers are not offered it until it answers");
            }
        }
        Ok(())
    }

    /// Books what a death left of a bank statement.
    async fn finish_statements(&self, ways: &[Provider], now: Timestamp) -> Result<(), StoreError> {
        let outside = statement::Outside {
            payouts: statement::payouts(ways),
            clock: self.clock.as_ref(),
            checkpoints: &NoCheckpoints,
            progress: &|_| (),
        };
        let before = now - STATEMENT_AFTER;
        statement::finish_statements(&self.store, before, &outside).await?;
        Ok(())
    }

    /// Asks for one payment and does what the answer says. The next time is stored before anybody is
    /// asked, so that neither a death nor a notice that comes meanwhile is undone by an answer.
    async fn ask(
        &self,
        dialect: &Dialect,
        payment: &PaymentRecord,
        report: &mut PollReport,
    ) -> Result<Option<Silence>, StoreError> {
        let Some(now) = self.claim(payment, report).await? else {
            return Ok(None);
        };
        let (provider, number) = (&payment.provider, payment.number);
        let answer = match self.answer(dialect, payment).await? {
            Ok(answer) => answer,
            Err(silence) => return Ok(Some(silence)),
        };
        match answer {
            Answer::Notice(notice) => {
                let received = self.store.receive_notice(&notice, self.clock.now()).await?;
                tracing::info!(provider = %provider, payment = number, first = received.first, outcome = received.outcome.as_str(), "a payment was asked for");
                report.learned += 1;
                // It was the last word, whether it was new or known already; but for "ordered".
                if notice.event() != Event::Ordered {
                    self.store.stop_polling(provider, number).await?;
                } else if now >= payment.expires_at + ORDERED_MAX {
                    tracing::warn!(provider = %provider, payment = number, "a payment is still only ordered a week after its end; it is not asked for any more, and people settle it");
                    self.store.leave_payment(provider, number).await?;
                }
            }
            Answer::InProgress | Answer::NotFound if now >= payment.expires_at + AFTER_END => {
                self.store.stop_polling(provider, number).await?;
            }
            Answer::InProgress | Answer::NotFound => {}
        }
        Ok(None)
    }

    /// Takes a payment's turn; gives the moment, or `None` where somebody else has it.
    async fn claim(
        &self,
        payment: &PaymentRecord,
        report: &mut PollReport,
    ) -> Result<Option<Timestamp>, StoreError> {
        let now = self.clock.now();
        let claimed = self.store.claim_poll(payment, next(payment, now)).await?;
        report.asked += usize::from(claimed);
        Ok(claimed.then_some(now))
    }

    async fn answer(
        &self,
        dialect: &Dialect,
        payment: &PaymentRecord,
    ) -> Result<Result<Answer, Silence>, StoreError> {
        let (provider, number) = (&payment.provider, payment.number);
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        let request = match dialect.status(number, nonce) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(Err(Silence::Here)),
            Err(error) => {
                tracing::error!(provider = %provider, error = %error, "a payment cannot be asked for");
                return Ok(Err(Silence::Here));
            }
        };
        let call = Call {
            form: Some(request.body()),
            url: request.url,
        };
        let answer = self.wire.call(call).await;
        self.heard(provider, &answer).await?;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(provider = %provider, error = %error, "no answer about a payment");
                let silence = if error.is_silence() {
                    Silence::There
                } else {
                    Silence::Here
                };
                return Ok(Err(silence));
            }
        };
        let asked: Vec<_> = payment
            .nonce
            .iter()
            .flat_map(|of_it| [nonce, *of_it])
            .collect();
        Ok(dialect.status_answer(number, &asked, &answer).map_err(|refused| {
            tracing::warn!(provider = %provider, payment = number, why = refused.word(), "an answer about a payment is not believed");
            Silence::Here
        }))
    }
}

/// Why nothing was learned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// This payment cannot be asked for, its question is refused, or its answer is not believed.
    Here,
    /// The payment system cannot be reached.
    There,
}

/// When a payment is asked for again, should nothing be learned now.
fn next(payment: &PaymentRecord, now: Timestamp) -> Timestamp {
    let step = usize::try_from(payment.polls).unwrap_or(usize::MAX);
    let minutes = LADDER_MINUTES[step.min(LADDER_MINUTES.len() - 1)];
    let next = now + SignedDuration::from_mins(minutes);
    let end = payment.expires_at + AFTER_END;
    if now < end { next.min(end) } else { next }
}
