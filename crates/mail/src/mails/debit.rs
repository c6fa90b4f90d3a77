//! The mails about autopay: that it is on or off, that a bill will be collected, and that it was not.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillNumber, Cents, Currency, CustomerNumber, DeliveryId, Language, Period, Secret, format,
};

use super::{Draft, Envelope, MailError, Mails, one_line};
use crate::Message;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebitCase<'a> {
    /// A mandate was given.
    On,
    /// The customer ended it.
    Off,
    /// Their bank said that it is of no use.
    OffByBank,
    /// It was not used for three years.
    Expired,
    /// A bill will be collected.
    Notice {
        /// The bill.
        bill: DebitedBill,
        /// On which day.
        day: Date,
        /// Who pays in another way by then is not debited.
        until: Date,
    },
    /// The customer's bank did not pay.
    Refused {
        /// The bill.
        bill: DebitedBill,
        /// Address of the page on which it can be paid.
        pay_url: &'a str,
    },
    /// The operator missed the day.
    Missed {
        /// The bill.
        bill: DebitedBill,
        /// Address of the page on which it can be paid.
        pay_url: &'a str,
    },
}

/// A bill that is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebitedBill {
    /// Its number.
    pub number: BillNumber,
    /// What it bills.
    pub period: Period,
    /// How much is collected; above zero.
    pub amount: Cents,
    /// In what.
    pub currency: Currency,
}

/// Something about autopay. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct DebitMail<'a> {
    /// Names the mail.
    pub delivery: &'a DeliveryId,
    /// The recipient.
    pub to: &'a Secret<String>,
    /// How the mail greets; may be empty.
    pub customer_name: &'a str,
    /// Shown inside the mail only.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// What it tells.
    pub case: DebitCase<'a>,
    /// The account, masked.
    pub iban: &'a str,
    /// Whose it is.
    pub holder: &'a str,
    /// The reference of the mandate.
    pub reference: &'a str,
    /// The creditor identifier.
    pub creditor: &'a str,
    /// The mail's date. Must be the same each time the delivery is tried.
    pub at: Timestamp,
}

impl Mails {
    /// A mail about autopay.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn debit(&self, mail: &DebitMail<'_>) -> Result<Message, MailError> {
        let (case, bill, day, pay_url) = match mail.case {
            DebitCase::On => ("on", None, None, ""),
            DebitCase::Off => ("off", None, None, ""),
            DebitCase::OffByBank => ("bank", None, None, ""),
            DebitCase::Expired => ("expired", None, None, ""),
            DebitCase::Notice { bill, day, .. } => ("notice", Some(bill), Some(day), ""),
            DebitCase::Refused { bill, pay_url } => ("refused", Some(bill), None, pay_url),
            DebitCase::Missed { bill, pay_url } => ("missed", Some(bill), None, pay_url),
        };
        let of_bill = |text: &dyn Fn(DebitedBill) -> String| bill.map(text).unwrap_or_default();
        let until = match mail.case {
            DebitCase::Notice { until, .. } => format::date(until, mail.language),
            _ => String::new(),
        };
        let values = vec![
            ("case", case.to_owned()),
            ("why", "why-payment".to_owned()),
            ("name", one_line(mail.customer_name)),
            ("customer", mail.customer_number.to_string()),
            ("number", of_bill(&|bill| bill.number.to_string())),
            (
                "period",
                of_bill(&|bill| format::period(bill.period, mail.language)),
            ),
            (
                "amount",
                of_bill(&|bill| format::amount(bill.amount, bill.currency, mail.language)),
            ),
            (
                "when",
                day.map(|day| format::date(day, mail.language))
                    .unwrap_or_default(),
            ),
            ("until", until),
            ("iban", mail.iban.to_owned()),
            ("holder", one_line(mail.holder)),
            ("reference", mail.reference.to_owned()),
            ("creditor", mail.creditor.to_owned()),
            ("pay_url", pay_url.to_owned()),
        ];
        self.build(Draft {
            template: "debit",
            subject: format!("debit-subject-{case}"),
            language: mail.language,
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
