//! The mail that asks whether an address is the customer's.

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, DeliveryId, Language, Secret};

use super::{Draft, Envelope, MailError, Mails, masked, moment};
use crate::Message;

/// A mail that asks whether an address is the customer's. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct ProofMail<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The address to be proven.
    pub to: &'a Secret<String>,
    /// Shown all but its last three characters hidden: the address may be a stranger's.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// Address of the page that proves it.
    pub prove_url: &'a str,
    /// Until when that page works.
    pub expires: Timestamp,
    /// The mail's date. Must be the same each time the delivery is tried.
    pub at: Timestamp,
}

impl Mails {
    /// The mail that asks for the proof of an address.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn prove_address(&self, mail: &ProofMail<'_>) -> Result<Message, MailError> {
        let values = vec![
            ("customer", masked(mail.customer_number.as_str())),
            ("url", mail.prove_url.to_owned()),
            ("expires", moment(mail.expires, mail.language)),
        ];
        let envelope = Envelope {
            delivery: mail.delivery,
            to: mail.to,
            at: mail.at,
        };
        self.build(Draft {
            template: "proof",
            subject: "proof-subject".to_owned(),
            language: mail.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: None,
        })
    }
}
