//! The mails about money: that it came, and that it was taken back.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillNumber, Cents, Currency, CustomerNumber, DeliveryId, Language, Period, Secret, format,
};
use minijinja::Value;

use super::{Draft, Envelope, MailError, Mails, moment, one_line};
use crate::Message;

/// Where the money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyDirection {
    /// From the customer: it is in the books.
    Came,
    /// Back: it was in the books, and is not any more.
    TakenBack,
}

/// A bill that money pays, or paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidBill {
    /// Whose it is: told where a payment was for bills of several.
    pub customer: CustomerNumber,
    /// Its number.
    pub number: BillNumber,
    /// What it bills.
    pub period: Period,
    /// How much of the money is, or was, its.
    pub part: Cents,
    /// What is open of it then.
    pub open: Cents,
}

/// Through what a payment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidBy<'a> {
    /// A bank card on the operator's own site.
    Card,
    /// A payment system that customers know by this name.
    Through(&'a str),
}

/// Money that came or was taken back. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct PaymentMail<'a> {
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
    /// Whether it came or went.
    pub direction: MoneyDirection,
    /// How much; above zero.
    pub amount: Cents,
    /// Of all amounts.
    pub currency: Currency,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// Through what; where that has no name for customers, the mail leaves it out.
    pub way: Option<PaidBy<'a>>,
    /// Of a bank transfer, the day on which the bank booked it: told instead of moment and way.
    pub booked: Option<Date>,
    /// The bills that it pays, oldest first; none where all of it is credit.
    pub bills: &'a [PaidBill],
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
    /// The mail that says that money came, or that it was taken back and what to do then.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn payment(&self, mail: &PaymentMail<'_>) -> Result<Message, MailError> {
        self.build(payment_draft(mail))
    }
}

pub(super) fn payment_draft<'a>(mail: &'a PaymentMail<'_>) -> Draft<'a> {
    let shown = |cents| format::amount(cents, mail.currency, mail.language);
    let case = match mail.direction {
        MoneyDirection::Came => "paid",
        MoneyDirection::TakenBack => "back",
    };
    let above = |cents: Cents| {
        if cents > Cents::ZERO {
            shown(cents)
        } else {
            String::new()
        }
    };
    let several = mail
        .bills
        .iter()
        .any(|bill| bill.customer != *mail.customer_number);
    let values = vec![
        ("several", if several { "yes" } else { "" }.to_owned()),
        ("case", case.to_owned()),
        ("why", "why-payment".to_owned()),
        ("name", one_line(mail.customer_name)),
        ("customer", mail.customer_number.to_string()),
        ("amount", shown(mail.amount)),
        (
            "when",
            match mail.booked {
                Some(day) => format::date(day, mail.language),
                None => moment(mail.paid_at, mail.language),
            },
        ),
        ("bank", mail.booked.map_or("", |_| "yes").to_owned()),
        (
            "way",
            match mail.way {
                Some(PaidBy::Through(title)) => one_line(title),
                Some(PaidBy::Card) | None => String::new(),
            },
        ),
        (
            "card",
            match mail.way {
                Some(PaidBy::Card) => "yes".to_owned(),
                Some(PaidBy::Through(_)) | None => String::new(),
            },
        ),
        ("open", above(mail.open)),
        ("credit", above(mail.credit)),
        ("pay_url", mail.pay_url.unwrap_or_default().to_owned()),
    ];
    let row = |bill: &PaidBill| {
        Value::from_pairs([
            ("number", bill.number.to_string()),
            ("customer", bill.customer.to_string()),
            ("period", format::period(bill.period, mail.language)),
            ("part", shown(bill.part)),
            ("rest", above(bill.open)),
        ])
    };
    Draft {
        template: "payment",
        subject: format!("payment-subject-{case}"),
        language: mail.language,
        values,
        rows: mail.bills.iter().map(row).collect(),
        envelope: Envelope {
            delivery: mail.delivery,
            to: mail.to,
            at: mail.at,
        },
        attachment: None,
    }
}
