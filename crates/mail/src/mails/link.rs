//! Mails that are there for their link: it proves an address, or signs its reader in.

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, DeliveryId, Language, Secret};

use super::{Draft, Envelope, MailError, Mails, masked, moment};
use crate::Message;

/// A mail with a link that works for a while. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct LinkMail<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The address to be proven, or the one that gets the bills.
    pub to: &'a Secret<String>,
    /// Shown all but its last three characters hidden: who reads the mail may be a stranger.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// Address of the page that it opens.
    pub url: &'a str,
    /// Until when that page works.
    pub expires: Timestamp,
    /// The mail's date. Must be the same each time the delivery is tried.
    pub at: Timestamp,
}

impl Mails {
    /// The mail that asks whether an address is the customer's.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn prove_address(&self, mail: &LinkMail<'_>) -> Result<Message, MailError> {
        self.link(mail, "proof", "proof-subject")
    }

    /// The mail that signs in somebody who has no bill with a code at hand.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn sign_in(&self, mail: &LinkMail<'_>) -> Result<Message, MailError> {
        self.link(mail, "sign-in", "sign-in-subject")
    }

    /// The mail that asks whether somebody wants to read a customer's bills.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn invitation(&self, mail: &LinkMail<'_>) -> Result<Message, MailError> {
        self.link(mail, "invitation", "invitation-subject")
    }

    fn link(
        &self,
        mail: &LinkMail<'_>,
        template: &'static str,
        subject: &str,
    ) -> Result<Message, MailError> {
        let values = vec![
            ("customer", masked(mail.customer_number.as_str())),
            ("url", mail.url.to_owned()),
            ("expires", moment(mail.expires, mail.language)),
        ];
        let envelope = Envelope {
            delivery: mail.delivery,
            to: mail.to,
            at: mail.at,
        };
        self.build(Draft {
            template,
            subject: subject.to_owned(),
            language: mail.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: None,
        })
    }
}
