//! How refunds leave: in a file for the bank, or through the payment system that was paid by, which a worker asks.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::{Cents, Language, Operator};
use kvit_pay::{
    BadIban, ProviderName,
    credit::Payer,
    dialects::{Refund, Refunded},
    ways::{Call, Provider},
};
use kvit_store::{
    ConcessionKind, ConcessionRecord, Concessions, Doubt, EnrolmentState, Exported, PaidThrough,
    Store, StoreError,
};
use tokio_util::sync::CancellationToken;

use crate::Poller;

/// What a payee reads before the customer number.
const WORDS: &str = "Върната сума, клиент";
/// Refunds that one round asks a payment system for.
const BATCH: usize = 50;
/// A payment system that left a refund unclear is asked for no other for so long, or until a person found out.
const DOUBT_REST: SignedDuration = SignedDuration::from_hours(1);
/// Whoever was held up for longer between noting and asking does not ask: people may have looked by then.
const ASK_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// No call takes so long: who asked before that and kept no answer is no more.
const ANSWER_MAX: SignedDuration = SignedDuration::from_mins(10);

/// A file of refunds cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RefundFileError {
    /// The store failed.
    #[error("the file cannot be kept")]
    Store(#[from] StoreError),
    /// The operator's account.
    #[error("the operator's account, operator.iban in kvit.toml, cannot pay")]
    Iban(#[from] BadIban),
}

/// Puts the refunds that wait into a file for the operator's bank, which is to pay `today`.
///
/// # Errors
/// Where the operator's account number is none, or the database fails. No refund is in a file then.
pub async fn make_refund_file(
    store: &Store,
    operator: &Operator,
    today: Date,
    by: &str,
    now: Timestamp,
) -> Result<Exported, RefundFileError> {
    let payer = Payer {
        name: operator.name.get(Language::Bg).to_owned(),
        iban: operator.iban.parse()?,
        bic: operator.bic.clone(),
    };
    Ok(store.export_refunds(&payer, today, WORDS, by, now).await?)
}

/// The payment system that can give money of a payment back by itself; none where it takes no refunds by wire, is
/// configured no more, or was not told of this payment as it wants it named.
#[must_use]
pub fn same_way<'a>(ways: &'a [Provider], paid: &PaidThrough) -> Option<&'a Provider> {
    let provider = ways.iter().find(|way| way.name == paid.provider)?;
    let tried = request(
        paid,
        "try",
        Cents::new(1),
        "",
        "",
        Timestamp::UNIX_EPOCH,
        [0; 16],
    );
    provider.dialect.refund(&tried).is_ok().then_some(provider)
}

/// Our name for a refund at its payment system. Never one of another installation at the same shop: the numbers of
/// payments are not given twice there.
#[must_use]
pub fn asked_as(paid: &PaidThrough, refund: u64) -> String {
    format!("refund-{}-{refund}", paid.number)
}

fn request<'a>(
    paid: &'a PaidThrough,
    name: &'a str,
    amount: Cents,
    description: &'a str,
    email: &'a str,
    now: Timestamp,
    nonce: [u8; 16],
) -> Refund<'a> {
    Refund {
        payment: paid.number,
        transaction: &paid.transaction,
        received: &paid.received,
        name,
        amount,
        description,
        email,
        now,
        nonce,
    }
}

impl Poller {
    /// Asks payment systems for the refunds that wait, each once in its life; gives how many. One that does not
    /// answer a look is not asked, and gets `mute`; one that leaves a refund unclear is asked for no other.
    pub(crate) async fn give_back(
        &self,
        ways: &[Provider],
        mute: &mut HashSet<ProviderName>,
        stop: &CancellationToken,
    ) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let doubted = self.store.doubt_refunds(now - ANSWER_MAX, now).await?;
        if doubted > 0 {
            tracing::error!(
                refunds = doubted,
                "nobody knows whether these went back: look at the payment system's pages, then say so at /staff/refunds"
            );
        }
        let mut asked = 0;
        for way in ways {
            asked += self.give_back_through(way, mute, stop).await?;
        }
        Ok(asked)
    }

    async fn give_back_through(
        &self,
        way: &Provider,
        mute: &mut HashSet<ProviderName>,
        stop: &CancellationToken,
    ) -> Result<usize, StoreError> {
        let mut asked = 0;
        let (provider, Some(url)) = (&way.name, way.url()) else {
            return Ok(asked);
        };
        let waiting = Concessions::ToAsk(provider);
        for refund in self.store.concessions(waiting, BATCH).await? {
            // Each question without an answer is work for people.
            let since = self.clock.now() - DOUBT_REST;
            let rests =
                mute.contains(provider) || self.store.leaves_unclear(provider, since).await?;
            if rests || stop.is_cancelled() {
                break;
            }
            let ConcessionKind::SameWay { payment, .. } = &refund.kind else {
                continue;
            };
            // So what is out of order is not asked.
            let reached = self.wire.reach(url.to_owned()).await;
            self.heard(provider, &reached).await?;
            if let Err(error) = reached {
                tracing::warn!(provider = %provider, error = %error, "refunds wait for their payment system");
                mute.insert(provider.clone());
                break;
            }
            if let Some(paid) = self.store.paid_through(payment).await? {
                asked += usize::from(self.give(way, &refund, &paid).await?);
            }
        }
        Ok(asked)
    }

    /// Asks for one. What is sent is made before it is noted that it was asked for: what cannot be signed waits.
    async fn give(
        &self,
        way: &Provider,
        refund: &ConcessionRecord,
        paid: &PaidThrough,
    ) -> Result<bool, StoreError> {
        let mut nonce = [0; 16];
        self.rng.fill(&mut nonce);
        let name = asked_as(paid, refund.number);
        let enrolment = self.store.enrolment_of(&refund.account).await?;
        let email = match &enrolment {
            EnrolmentState::Active(record) => record.email.expose().as_str(),
            _ => "",
        };
        let words = format!("{WORDS} {}", refund.account);
        let now = self.clock.now();
        let request = request(paid, &name, refund.amount, &words, email, now, nonce);
        let form = match way.dialect.refund(&request) {
            Ok(form) => form,
            Err(error) => {
                tracing::error!(provider = %way.name, refund = refund.number, error = &error as &dyn std::error::Error, "a refund cannot be asked for");
                return Ok(false);
            }
        };
        self.checkpoints.reached("before-ask-refund");
        if !self.store.ask_refund(refund.number, now).await? {
            return Ok(false);
        }
        // From here on it is never asked again: a death leaves it unclear.
        self.checkpoints.reached("refund-noted");
        let later = self.clock.now();
        if later.duration_since(now) > ASK_WITHIN {
            tracing::error!(provider = %way.name, refund = refund.number, "whoever wanted to ask for a refund was held up, and did not ask");
            let doubt = Err(Doubt::Died);
            self.store
                .refund_answered(refund.number, doubt, later)
                .await?;
            return Ok(false);
        }
        let call = Call {
            form: Some(form.body()),
            url: form.url,
        };
        let answer = self.wire.call(call).await;
        self.checkpoints.reached("refund-asked");
        let heard: Result<Refunded, Doubt> = match &answer {
            Ok(body) => way.dialect.refund_answer(&request, body).map_err(|why| {
                tracing::warn!(provider = %way.name, refund = refund.number, why = why.word(), "an answer about a refund is not believed");
                Doubt::Unbelieved
            }),
            Err(error) => {
                tracing::warn!(provider = %way.name, refund = refund.number, error = %error, "no answer about a refund");
                Err(Doubt::Silent)
            }
        };
        let told = heard.as_ref().map_err(|doubt| *doubt);
        let kept = self
            .store
            .refund_answered(refund.number, told, self.clock.now());
        kept.await?;
        self.checkpoints.reached("refund-answered");
        self.heard(&way.name, &answer).await?;
        Ok(true)
    }
}
