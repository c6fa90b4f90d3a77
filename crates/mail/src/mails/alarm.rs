//! The mail that tells administrators that codes of customers are being guessed.

use jiff::Timestamp;
use kvit_billing::{DeliveryId, Language, Secret};

use super::{Draft, Envelope, MailError, Mails, moment};
use crate::Message;

/// What was seen. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct AlarmMail<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The administrator's address.
    pub to: &'a Secret<String>,
    /// The language of the mail.
    pub language: Language,
    /// So many wrong codes and passwords, at least,
    pub fails: u32,
    /// in so many minutes.
    pub minutes: u32,
    /// The console's page that tells whether it goes on.
    pub url: &'a str,
    /// When; the mail's date as well.
    pub at: Timestamp,
}

impl Mails {
    /// The mail about codes that are guessed from many places. It has nothing of any customer's.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn alarm(&self, alarm: &AlarmMail<'_>) -> Result<Message, MailError> {
        let values = vec![
            ("fails", alarm.fails.to_string()),
            ("minutes", alarm.minutes.to_string()),
            ("url", alarm.url.to_owned()),
            ("when", moment(alarm.at, alarm.language)),
            ("why", "why-staff".to_owned()),
        ];
        let envelope = Envelope {
            delivery: alarm.delivery,
            to: alarm.to,
            at: alarm.at,
        };
        self.build(Draft {
            template: "alarm",
            subject: "alarm-subject".to_owned(),
            language: alarm.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: None,
        })
    }
}
