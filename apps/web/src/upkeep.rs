//! How the instance is kept, as the console shows it: certificates, what doctor finds, and own texts.

use futures::future::BoxFuture;
use jiff::Timestamp;
use kvit_billing::NoForm;

use crate::{Reason, wording};

/// Looks at the instance, off the threads that serve pages. Says nothing that is secret.
pub trait Upkeep: Send + Sync {
    /// The certificates that this instance stands on, as their files are now. A file that cannot be read is
    /// what doctor tells of.
    fn certificates(&self) -> BoxFuture<'static, Vec<CertificateFacts>>;

    /// Texts, templates and style sheets of the operator's that go before the built-in ones, as their files are
    /// now.
    fn own_texts(&self) -> BoxFuture<'static, Vec<OwnText>>;

    /// Begins the checks of `kvit doctor`, unless they are under way.
    fn look(&self);

    /// What the latest checks found.
    fn looked(&self) -> Looked;
}

/// What a certificate is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateUse {
    /// Seals bills.
    Seal,
    /// Vouches for the seal's, and goes into each bill.
    SealChain,
    /// Is trusted when seals are verified.
    TrustRoot,
    /// Verifies what this payment system signs.
    PaymentSystem(String),
    /// Is trusted when mail is handed over.
    MailServer,
}

/// A certificate without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct CertificateFacts {
    pub used_for: CertificateUse,
    pub subject: String,
    pub issuer: String,
    /// In hexadecimal.
    pub serial: String,
    pub algorithm: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

/// So many days before its end a certificate is warned of.
pub const CERTIFICATE_WARN_DAYS: i64 = 60;

impl CertificateFacts {
    /// Whole days from `now` to its end; negative once it is over.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        let left = self.not_after.as_second() - now.as_second();
        left.div_euclid(24 * 60 * 60)
    }
}

/// A file of the operator's in place of a built-in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnText {
    /// Folder and name, such as `mails/bg.ftl`.
    pub file: String,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// When it was written, where the file system says so.
    pub changed: Option<Timestamp>,
}

/// How a part of the instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Fine.
    Ok,
    /// Works, and should be looked at.
    Warning,
    /// Does not work.
    Broken,
}

/// What doctor says of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which part, such as `seal`.
    pub part: &'static str,
    /// How it is.
    pub health: Health,
    /// What there is to say, each on lines of its own.
    pub said: Vec<Said>,
}

/// A part of what doctor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A text that pages and the command line have, with its values: `doctor-` and this name.
    Text(&'static str, Vec<(&'static str, String)>),
    /// Why bills were laid out one by one.
    NoForm(NoForm),
    /// A version of the texts has one that is not said: which version, which text, and why.
    LeftOut(u32, String, wording::Fault),
    /// Why it does not work.
    Reason(Reason),
}

/// Checks of the instance.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// When the latest were done.
    pub at: Option<Timestamp>,
    /// What they found.
    pub findings: Vec<Finding>,
    /// Whether others are under way.
    pub under_way: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_negative_after_the_end() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let facts = CertificateFacts {
            used_for: CertificateUse::Seal,
            subject: String::new(),
            issuer: String::new(),
            serial: String::new(),
            algorithm: String::new(),
            not_before: at("2026-01-01T00:00:00Z"),
            not_after: at("2026-12-31T12:00:00Z"),
        };
        for (now, left) in [
            ("2026-12-01T12:00:00Z", 30),
            ("2026-12-01T12:00:01Z", 29),
            ("2026-12-31T12:00:00Z", 0),
            ("2026-12-31T12:00:01Z", -1),
        ] {
            assert_eq!(facts.days_left(at(now)), left, "{now}");
        }
    }
}
