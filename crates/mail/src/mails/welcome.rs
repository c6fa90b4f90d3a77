//! The mail that tells an address from which bill on it gets them.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{CustomerNumber, DeliveryId, Language, Secret, format};

use super::{Draft, Envelope, MailError, Mails, masked, moment};
use crate::Message;

/// A consent that counts from now on. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct WelcomeMail<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The address that was proven.
    pub to: &'a Secret<String>,
    /// Shown all but its last three characters hidden.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// The first day that no bill had covered; none where there had been no bill.
    pub bills_from: Option<Date>,
    /// Whether bills come on paper too, until the first one is confirmed.
    pub paper_too: bool,
    /// Address of the page that leads back to paper.
    pub paper_url: &'a str,
    /// When the address was proven; the mail's date as well.
    pub at: Timestamp,
}

impl Mails {
    /// The mail that begins a consent.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn welcome(&self, mail: &WelcomeMail<'_>) -> Result<Message, MailError> {
        let language = mail.language;
        let (first, from) = match mail.bills_from {
            Some(day) => ("dated", format::date(day, language)),
            None => ("any", String::new()),
        };
        let paper_too = if mail.paper_too { "yes" } else { "no" };
        let values = vec![
            ("customer", masked(mail.customer_number.as_str())),
            ("when", moment(mail.at, language)),
            ("first", first.to_owned()),
            ("from", from),
            ("paper_too", paper_too.to_owned()),
            ("paper_url", mail.paper_url.to_owned()),
            ("why", "why-bill".to_owned()),
        ];
        self.build(Draft {
            template: "welcome",
            subject: "welcome-subject".to_owned(),
            language,
            values,
            rows: Vec::new(),
            envelope: Envelope {
                delivery: mail.delivery,
                to: mail.to,
                at: mail.at,
            },
            attachment: None,
        })
    }
}
