//! The mails about what the operator concedes: that money is given back, that it did not arrive or is not
//! given back after all, and that a rest is given up.

use jiff::Timestamp;
use kvit_billing::{
    BillNumber, Cents, Currency, CustomerNumber, DeliveryId, Language, Secret, format,
};

use super::{Draft, Envelope, MailError, Mails, one_line};
use crate::Message;

/// What is conceded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conceded<'a> {
    /// Money is on its way to the account whose number ends so.
    Refund {
        /// The last four characters of the account number.
        iban_end: &'a str,
    },
    /// A payment system is asked to give back what was paid through it.
    SameWay {
        /// As customers read its name.
        through: &'a str,
    },
    /// It does not, or was not asked: the money is the customer's here.
    NotSameWay {
        /// As customers read its name.
        through: &'a str,
    },
    /// It did after all, where the customer was told that it does not.
    AfterAll {
        /// As customers read its name.
        through: &'a str,
    },
    /// Money that was on its way back did not arrive: it is the customer's here.
    CameBack,
    /// Money that was to go back was not sent.
    Stopped,
    /// A rest of this bill is not asked for any more.
    WriteOff {
        /// The bill.
        bill: BillNumber,
    },
}

/// Money that goes back, or is not asked for. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct ConcededMail<'a> {
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
    pub what: Conceded<'a>,
    /// How much; above zero.
    pub amount: Cents,
    /// Of all amounts.
    pub currency: Currency,
    /// What is open of all bills then.
    pub open: Cents,
    /// What is beyond all bills then.
    pub credit: Cents,
    /// Address of the page on which the oldest open bill can be paid.
    pub pay_url: Option<&'a str>,
    /// The mail's date. Must be the same each time the delivery is tried.
    pub at: Timestamp,
}

impl Mails {
    /// The mail that says what is conceded, and where the customer stands then.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn conceded(&self, mail: &ConcededMail<'_>) -> Result<Message, MailError> {
        let shown = |cents| format::amount(cents, mail.currency, mail.language);
        let above = |cents: Cents| {
            if cents > Cents::ZERO {
                shown(cents)
            } else {
                String::new()
            }
        };
        let none = String::new;
        let (case, iban, through, number) = match mail.what {
            Conceded::Refund { iban_end } => ("refund", iban_end, "", none()),
            Conceded::SameWay { through } => ("same-way", "", through, none()),
            Conceded::NotSameWay { through } => ("not-same-way", "", through, none()),
            Conceded::AfterAll { through } => ("after-all", "", through, none()),
            Conceded::CameBack => ("came-back", "", "", none()),
            Conceded::Stopped => ("stopped", "", "", none()),
            Conceded::WriteOff { bill } => ("write-off", "", "", bill.to_string()),
        };
        let values = vec![
            ("case", case.to_owned()),
            ("why", "why-payment".to_owned()),
            ("name", one_line(mail.customer_name)),
            ("customer", mail.customer_number.to_string()),
            ("amount", shown(mail.amount)),
            ("iban", one_line(iban)),
            ("through", one_line(through)),
            ("number", number),
            ("open", above(mail.open)),
            ("credit", above(mail.credit)),
            ("pay_url", mail.pay_url.unwrap_or_default().to_owned()),
        ];
        self.build(Draft {
            template: "conceded",
            subject: format!("conceded-subject-{case}"),
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
