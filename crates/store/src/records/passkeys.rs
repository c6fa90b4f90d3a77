//! Passkeys, and the challenges that their owners' devices answer.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, StaffLogin, code::TokenHash};

/// Whose passkey it is. Written as the trail's subjects are: `staff/LOGIN` or `customer/NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasskeyOwner {
    /// A member of staff.
    Staff(StaffLogin),
    /// A customer.
    Customer(CustomerNumber),
}

impl fmt::Display for PasskeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staff(login) => write!(f, "staff/{login}"),
            Self::Customer(number) => write!(f, "customer/{number}"),
        }
    }
}

/// The text names nobody.
#[derive(Debug, thiserror::Error)]
#[error("not `staff/LOGIN` or `customer/NUMBER`")]
pub struct NoOwner;

impl FromStr for PasskeyOwner {
    type Err = NoOwner;

    fn from_str(text: &str) -> Result<Self, NoOwner> {
        let (kind, name) = text.split_once('/').ok_or(NoOwner)?;
        match kind {
            "staff" => name.parse().map(Self::Staff).map_err(|_| NoOwner),
            "customer" => name.parse().map(Self::Customer).map_err(|_| NoOwner),
            _ => Err(NoOwner),
        }
    }
}

/// A challenge that a browser asked for.
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// What is stored of it.
    pub hash: TokenHash,
    /// What its answer is good for, such as `sign-in staff`.
    pub purpose: String,
    /// Pseudonym of the browser, the only one that may answer.
    pub browser: String,
    /// Pseudonym of the network address, which gets only so many at a time.
    pub address: String,
    /// When.
    pub at: Timestamp,
    /// Good until then.
    pub expires: Timestamp,
}

/// A passkey.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PasskeyRecord {
    /// Credential id, up to 1,023 bytes that the authenticator chose.
    pub id: Vec<u8>,
    pub owner: PasskeyOwner,
    /// Of the owner's second factor or code, when it was added.
    pub generation: u32,
    /// COSE key, as it came.
    pub public_key: Vec<u8>,
    /// The signature counter of its latest use; always 0 where the authenticator does not count.
    pub counter: u32,
    /// As its owner calls it.
    pub name: String,
    pub created_at: Timestamp,
    pub used_at: Option<Timestamp>,
    /// When its counter went backwards: there is a copy, and it opens nothing any more.
    pub copied_at: Option<Timestamp>,
}

/// What became of a passkey that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAdded {
    /// It opens from now on.
    Done,
    /// There is one of this id.
    Known,
    /// Its owner has as many as one may have.
    TooMany,
    /// The session that asks for it has ended meanwhile, or its owner's account was closed or given a new start.
    Over,
}

/// What the use of a passkey came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyUse {
    /// It opens.
    Opens,
    /// Its counter did not go on, now or at an earlier use: there may be a copy.
    Copied,
    /// There is none of this id by now.
    Gone,
}
