//! The mail that tells a customer that somebody changed how one gets into their account.

use jiff::Timestamp;
use kvit_billing::{AccessMail, CustomerNumber, DeliveryId, Language, Secret};

use super::{Draft, Envelope, MailError, Mails, masked, moment};
use crate::Message;

/// What was changed. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct AccessChange<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The address that got the bills before the change.
    pub to: &'a Secret<String>,
    /// Shown all but its last three characters hidden: who reads the mail may be a stranger.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// What.
    pub what: AccessMail,
    /// When; the mail's date as well.
    pub at: Timestamp,
}

impl Mails {
    /// The mail about a change of the ways in. It has no link but to the portal: who gets it is to look, not to sign in by it.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn access(&self, change: &AccessChange<'_>) -> Result<Message, MailError> {
        let values = vec![
            ("customer", masked(change.customer_number.as_str())),
            ("what", change.what.as_str().to_owned()),
            ("when", moment(change.at, change.language)),
            ("why", "why-access".to_owned()),
        ];
        let envelope = Envelope {
            delivery: change.delivery,
            to: change.to,
            at: change.at,
        };
        self.build(Draft {
            template: "access",
            subject: format!("access-subject-{}", change.what.as_str()),
            language: change.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: None,
        })
    }
}
