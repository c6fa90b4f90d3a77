//! The ways of paying that an operator offers, and the two doors through which payments reach the
//! outside.

use std::sync::Arc;

use futures::future::BoxFuture;
use kvit_billing::customer::Text;

use crate::{
    KeyError, ProviderName, Refusal,
    dialects::{
        Answer, FormPost, NoRefund, Nonce, Refund, Refunded, biller::Biller, borica::Terminal,
        epay::Epay, ipg::Shop,
    },
    statement::PayOut,
};

/// One configured payment system.
#[derive(Debug)]
pub struct Provider {
    /// In addresses, in the store and in the books.
    pub name: ProviderName,
    /// As customers read it.
    pub title: Text,
    /// What it speaks, with its keys.
    pub dialect: Dialect,
    /// What customers are offered; none where the payment system only calls us, or is out of use.
    pub offered: Vec<Way>,
    /// How what it collected comes to the operator's account; none where nothing tells.
    pub payout: Option<PayOut>,
    /// The number of the first payment there; more, where numbers were given that nobody here knows of.
    pub first_number: u64,
    /// Within how many days it hands over what it collected.
    pub pays_within_days: u32,
}

/// Within how many days a payment system hands over what it collected, where nothing else is said: a week has every
/// row of holidays but the longest.
pub const PAYS_WITHIN_DAYS: u32 = 7;

impl Provider {
    /// The address where it is reached; none where it only calls us.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match &self.dialect {
            Dialect::Epay(epay) => Some(&epay.url),
            Dialect::Ipg(shop) => Some(&shop.url),
            Dialect::Borica(terminal) => Some(&terminal.url),
            Dialect::Biller(_) => None,
        }
    }
}

/// What a payment system speaks.
#[derive(Debug)]
pub enum Dialect {
    /// ePay web checkout and the EasyPay code.
    Epay(Epay),
    /// A system that asks for dues and reports payments.
    Biller(Biller),
    /// iCard or myPOS checkout.
    Ipg(Shop),
    /// Card on the operator's own site.
    Borica(Terminal),
}

impl Dialect {
    /// Whether customers know it as paying by card, and by no name of its own.
    #[must_use]
    pub const fn takes_cards_here(&self) -> bool {
        matches!(self, Self::Borica(_))
    }

    /// Whether a payment can be asked for.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        match self {
            Self::Borica(_) => true,
            Self::Ipg(shop) => shop.is_asked(),
            Self::Epay(_) | Self::Biller(_) => false,
        }
    }

    /// The question how the payment `number` stands; `None` where it cannot be asked. `nonce` is never used
    /// twice.
    ///
    /// # Errors
    /// Where our key cannot sign.
    pub fn status(&self, number: u64, nonce: Nonce) -> Result<Option<FormPost>, KeyError> {
        match self {
            Self::Borica(terminal) => terminal.status(number, nonce).map(Some),
            Self::Ipg(shop) if shop.is_asked() => shop.status(number).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether its answers name the nonce that it was asked with.
    #[must_use]
    pub const fn names_nonces(&self) -> bool {
        matches!(self, Self::Borica(_))
    }

    /// Reads the answer to [`Dialect::status`]. `asked` is what the question and the payment were asked with; none
    /// where that was not kept.
    ///
    /// # Errors
    /// Where it is not from them as it stands.
    pub fn status_answer(
        &self,
        number: u64,
        asked: &[Nonce],
        body: &[u8],
    ) -> Result<Answer, Refusal> {
        match self {
            Self::Borica(terminal) => terminal.status_answer(number, asked, body),
            Self::Ipg(shop) => shop.status_answer(number, body),
            Self::Epay(_) | Self::Biller(_) => Err(Refusal::Nothing),
        }
    }

    /// The request that gives money of a payment back.
    ///
    /// # Errors
    /// [`NoRefund`] says why it cannot be asked for.
    pub fn refund(&self, refund: &Refund<'_>) -> Result<FormPost, NoRefund> {
        match self {
            Self::Borica(terminal) => terminal.refund(refund),
            Self::Ipg(shop) => shop.refund(refund),
            Self::Epay(_) | Self::Biller(_) => Err(NoRefund::NotHere),
        }
    }

    /// Reads the answer to [`Dialect::refund`].
    ///
    /// # Errors
    /// Where it is not from them as it stands: then nobody knows whether the money went back.
    pub fn refund_answer(&self, refund: &Refund<'_>, body: &[u8]) -> Result<Refunded, Refusal> {
        match self {
            Self::Borica(terminal) => terminal.refund_answer(refund, body),
            Self::Ipg(shop) => shop.refund_answer(refund, body),
            Self::Epay(_) | Self::Biller(_) => Err(Refusal::Nothing),
        }
    }
}

/// How a customer pays at a payment system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From an account there.
    Account,
    /// By card.
    Card,
    /// In cash, with a code.
    Cash,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Account, Self::Card, Self::Cash];

    /// The word in settings, forms and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Card => "card",
            Self::Cash => "cash",
        }
    }

    /// The way of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }
}

/// The payment systems as they are configured now. Asked anew for each use, so that a key or
/// certificate can be changed without a restart.
pub trait Ways: Send + Sync {
    /// All of them; those that customers are offered come first, in their order.
    fn all(&self) -> Arc<Vec<Provider>>;
}

/// No payment system at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWays;

impl Ways for NoWays {
    fn all(&self) -> Arc<Vec<Provider>> {
        Arc::default()
    }
}

/// A call to a payment system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Where.
    pub url: String,
    /// The form to send by POST; without one it is a GET.
    pub form: Option<String>,
}

/// Nothing was learned from a payment system.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It did not answer, or said that it is out of order (a status from 500 on).
    #[error("the other side did not answer: {0}")]
    Silent(Silence),
    /// It answered with this status, below 500 and not 200: it works, and refuses this call.
    #[error("the other side answered with status {0}")]
    Refused(u16),
}

/// Why nobody answered. Names no address and no key: they stand in the call.
#[derive(Debug, thiserror::Error)]
pub enum Silence {
    /// It took longer than anybody waits.
    #[error("it took too long")]
    Slow,
    /// It is out of order, as its status says.
    #[error("it answered with status {0}")]
    Status(u16),
    /// What it answered is too long, or broke off.
    #[error("its answer is too long or broke off")]
    Cut,
    /// Its address cannot be read.
    #[error("its address is none")]
    NoAddress,
    /// What is sent there could be read on its way.
    #[error("only https leaves this machine")]
    OpenLine,
    /// What the system says.
    #[error("{0}")]
    System(std::io::Error),
    /// What a library says.
    #[error("{0}")]
    Other(String),
}

impl NoAnswer {
    /// Whether nobody answered, so that it may be out of order.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Silent(_))
    }
}

/// How payment systems are called.
pub trait Wire: Send + Sync {
    /// The body of the answer, where its status is 200.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>>;

    /// Whether anybody answers at an address. What is answered does not count: these addresses expect a
    /// form, and may refuse what has none; only "out of order" (a status from 500 on) is no answer.
    fn reach(&self, url: String) -> BoxFuture<'_, Result<(), NoAnswer>>;
}

/// Calls nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWire;

impl Wire for NoWire {
    fn call(&self, _: Call) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>> {
        Box::pin(async {
            Err(NoAnswer::Silent(Silence::Other(
                "nobody is called".to_owned(),
            )))
        })
    }

    fn reach(&self, _: String) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(async {
            Err(NoAnswer::Silent(Silence::Other(
                "nobody is called".to_owned(),
            )))
        })
    }
}
