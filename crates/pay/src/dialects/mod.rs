//! The payment systems' wire formats, one a module. All pure: they take and give text and bytes.

use jiff::Timestamp;
use kvit_billing::Cents;

use crate::{
    KeyError, Refusal, VerifiedNotice,
    params::{BadParams, FORM_BYTES_MAX},
};

pub mod biller;
pub mod borica;
pub mod epay;
pub mod ipg;

/// What a payment system answered to the question how a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Something to keep.
    Notice(VerifiedNotice),
    /// Nothing is certain yet: ask again.
    InProgress,
    /// It knows nothing of such a payment, or nothing came of it.
    NotFound,
}

/// Bytes of chance that are never used twice, with which BORICA is asked. Its answers name them, and so which
/// question they answer.
pub type Nonce = [u8; 16];

/// Money of a payment that is to go back to who paid.
#[derive(Clone, Copy, Debug)]
pub struct Refund<'a> {
    /// Our number of the payment.
    pub payment: u64,
    /// The payment system's name for it, as its notice has it.
    pub transaction: &'a str,
    /// The notice of the payment as it came: it may hold further names of it.
    pub received: &'a [u8],
    /// Our own name for this refund, at most 50 letters, digits and dashes; never used for another one, and
    /// asked for once: what a payment system does with a name that it knows is not written down anywhere.
    pub name: &'a str,
    /// How much of it, in euro.
    pub amount: Cents,
    /// Why, for the customer's bank.
    pub description: &'a str,
    /// The customer's address, where it is known.
    pub email: &'a str,
    /// Now.
    pub now: Timestamp,
    /// Never used twice.
    pub nonce: Nonce,
}

/// What a payment system said to a [`Refund`]. Without a believed answer nobody knows whether the money
/// went back: ask people, not again under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunded {
    /// The money goes back; under their name, where they gave one.
    Done(Option<String>),
    /// It does not, and why, in their words: a code, then a text.
    Refused(String),
}

/// A refund that cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum NoRefund {
    /// They take none by wire: use their own pages.
    #[error("this payment system takes no refunds by wire; give the money back on its own pages")]
    NotHere,
    /// What was kept of the payment does not name it as they want it.
    #[error("the notice of the payment does not hold `{0}`, which a refund has to name")]
    Unnamed(&'static str),
    /// Our key cannot sign.
    #[error("it cannot be signed")]
    Key(#[from] KeyError),
}

/// An object of JSON in the order in which it came.
pub(crate) fn object(body: &[u8]) -> Result<serde_json::Map<String, serde_json::Value>, Refusal> {
    if body.len() > FORM_BYTES_MAX {
        return Err(Refusal::Params(BadParams::TooLong));
    }
    serde_json::from_slice(body).map_err(|_| Refusal::Malformed("answer"))
}

/// What a customer's browser carries to a payment system: a form that is sent by POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormPost {
    /// Where it goes.
    pub url: String,
    /// Its fields, in the order in which they must be sent.
    pub fields: Vec<(&'static str, String)>,
}

impl FormPost {
    /// The fields as a form's body.
    #[must_use]
    pub fn body(&self) -> String {
        crate::params::encode(
            self.fields
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        )
    }
}
