//! The mail with a link that signs its reader in.

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, DeliveryId, Language, Secret};

use super::{Draft, Envelope, MailError, Mails, masked, moment};
use crate::Message;

/// A link for somebody who has no bill with a code at hand. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct SignInMail<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The address that gets the bills.
    pub to: &'a Secret<String>,
    /// Shown all but its last three characters hidden: who finds the mail need not know it.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// Address of the page that signs in.
    pub url: &'a str,
    /// Until when that page works.
    pub expires: Timestamp,
    /// The mail's date. Must be the same each time the delivery is tried.
    pub at: Timestamp,
}

impl Mails {
    /// The mail with a link that signs its reader in.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn sign_in(&self, mail: &SignInMail<'_>) -> Result<Message, MailError> {
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
            template: "sign-in",
            subject: "sign-in-subject".to_owned(),
            language: mail.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: None,
        })
    }
}
