//! What a payment system said, once it is believed.

use std::{fmt, str::FromStr};

use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber};
use serde::{Deserialize, Serialize};

use crate::{amount::BadAmount, params::BadParams, statement::Transfer};

/// The name of one configured payment system, such as `epay`: part of addresses, of keys in the
/// store and of account names. Up to 20 lower-case letters, digits and dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName(String);

/// Text that cannot name a payment system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a payment system: up to 20 lower-case letters, digits and dashes")]
pub struct BadProviderName(String);

impl ProviderName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderName {
    type Err = BadProviderName;
    fn from_str(text: &str) -> Result<Self, BadProviderName> {
        let ok = (1..=20).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if ok {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadProviderName(text.chars().take(40).collect()))
        }
    }
}

impl TryFrom<String> for ProviderName {
    type Error = BadProviderName;
    fn try_from(text: String) -> Result<Self, BadProviderName> {
        text.parse()
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a notice speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A payment that was begun here, by the number that we gave it at this payment system.
    Payment(u64),
    /// A customer, and the bills that were paid; where none is named, the oldest.
    Customer {
        /// Whom the payment system named.
        account: CustomerNumber,
        /// Which bills.
        bills: Vec<BillNumber>,
    },
    /// Somebody whose number is none of ours.
    Nobody,
    /// Whoever the words of a bank transfer name: [`VerifiedNotice::transfer`].
    Transfer,
}

/// What happened, in the words of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The customer ordered it; the money is not certain yet.
    Ordered,
    /// The payment system has the money.
    Paid {
        /// How much; where the payment system does not say, what was asked for.
        amount: Option<Cents>,
        /// In what; where it does not say, the operator's.
        currency: Option<Currency>,
    },
    /// It was refused; nothing was paid.
    Declined,
    /// Its time ran out; nothing was paid.
    Expired,
    /// Money that was reported as paid was given back; `transaction` is that of the payment.
    Reversed,
    /// Money of an order was given back, and it is not said of which payment; `transaction` is the
    /// order.
    RolledBack,
}

impl Event {
    /// The word under which the store keeps it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Paid { .. } => "paid",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Reversed => "reversed",
            Self::RolledBack => "rolled-back",
        }
    }
}

/// A notice whose signature was checked, or that a statement of the operator's own account holds. Only
/// the dialects and [`Transfer::notice`] make one; holding it is the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedNotice {
    provider: ProviderName,
    transaction: String,
    about: About,
    event: Event,
    received: Vec<u8>,
    signed: Option<String>,
    transfer: Option<Box<Transfer>>,
}

impl VerifiedNotice {
    pub(crate) fn new(
        provider: &ProviderName,
        transaction: String,
        about: About,
        event: Event,
        received: &[u8],
    ) -> Self {
        Self {
            provider: provider.clone(),
            transaction,
            about,
            event,
            received: received.to_vec(),
            signed: None,
            transfer: None,
        }
    }

    /// With the bank transfer that it speaks of.
    pub(crate) fn of_transfer(mut self, transfer: Transfer) -> Self {
        self.transfer = Some(Box::new(transfer));
        self
    }

    /// With what was signed, where that does not say which value is which.
    pub(crate) fn signed_over(mut self, text: &str) -> Self {
        self.signed = Some(sha256(text.as_bytes()));
        self
    }

    /// Which payment system said it.
    #[must_use]
    pub const fn provider(&self) -> &ProviderName {
        &self.provider
    }

    /// The payment system's own name for the transaction. Equal for all repetitions of a notice.
    #[must_use]
    pub fn transaction(&self) -> &str {
        &self.transaction
    }

    /// Under which it is kept: each provider, event and transaction once.
    #[must_use]
    pub fn key(&self) -> String {
        format!(
            "{}/{}/{}",
            self.provider,
            self.event.as_str(),
            self.transaction
        )
    }

    /// What it speaks of.
    #[must_use]
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// What happened.
    #[must_use]
    pub const fn event(&self) -> Event {
        self.event
    }

    /// The bank transfer that it speaks of.
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        self.transfer.as_deref()
    }

    /// The bytes as they came, to be kept as evidence; of a transfer, whose statement is kept as it came,
    /// what was read there.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// SHA-256 in hex of the bytes as they came.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        sha256(&self.received)
    }

    /// SHA-256 in hex of what was signed, where a signature covers values and not their names: what is
    /// cut into values another way has the same, and is no other notice.
    #[must_use]
    pub fn signed(&self) -> Option<&str> {
        self.signed.as_deref()
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

/// Why something from outside is not believed. The text may go back to the sender: it says nothing
/// that only we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a form or query that is read.
    #[error("{0}")]
    Params(#[from] BadParams),
    /// A parameter that is needed.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A parameter that has not its form.
    #[error("`{0}` is not what it should be")]
    Malformed(&'static str),
    /// An amount that is none.
    #[error("{0}")]
    Amount(#[from] BadAmount),
    /// The checksum or signature is another's, or of other data.
    #[error("the checksum or signature does not fit")]
    Signature,
    /// Signed, but for another merchant, terminal or shop.
    #[error("it is for another merchant")]
    Stranger,
    /// Signed, but too long ago or for the future.
    #[error("its time is too far from now")]
    Skewed,
    /// Signed, but an answer to another question than was asked.
    #[error("it answers another question")]
    Nonce,
    /// Signed, but says nothing that can be acted upon.
    #[error("the answer says nothing about the payment")]
    Nothing,
}

impl Refusal {
    /// A short stable word for logs and statistics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Params(_) => "form",
            Self::Missing(_) => "missing",
            Self::Malformed(_) => "malformed",
            Self::Amount(_) => "amount",
            Self::Signature => "signature",
            Self::Stranger => "stranger",
            Self::Skewed => "skewed",
            Self::Nonce => "nonce",
            Self::Nothing => "nothing",
        }
    }
}
