//! Payments without I/O: what the payment systems speak, what is believed of it, and what is owed.
//!
//! * [`aging`]: how old claims are.
//! * [`credit`]: files of credit transfers for the operator's bank.
//! * [`debit`]: files of direct debits for it, and on which days banks take them.
//! * [`dialects`]: one module for each payment system's wire format. Each turns bytes from outside
//!   into a [`VerifiedNotice`], which only verification can make, or says why not.
//! * [`ledger`]: the books' rules (double entry, postings that balance).
//! * [`standing`]: which bill is paid by what, derived from bills and money each time it is asked.
//! * [`statement`]: bank statements as transfers, and what is wrong with them.
//! * [`state`]: where one payment stands, derived from what was heard of it.
//! * [`ways`]: the configured payment systems, and the ports to the outside.
//!
//! The browser's return from a payment system proves nothing and has no type here.

pub mod aging;
pub mod amount;
pub mod book_statement;
pub mod credit;
mod creditor;
pub mod debit;
pub mod dialects;
mod iban;
mod keys;
mod latin;
pub mod ledger;
mod mac;
mod notice;
pub mod params;
pub mod standing;
pub mod state;
pub mod statement;
mod target;
mod text;
pub mod ways;

pub use creditor::{BadCreditorId, CreditorId};
pub use iban::{BadIban, Iban};
pub use keys::{KeyError, RsaSigner, RsaVerifier};
pub use latin::latin;
pub use mac::MacSecret;
pub use notice::{About, BadProviderName, Event, ProviderName, Refusal, VerifiedNotice};
pub use state::PaymentState;
