//! The mail that reminds of a bill.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillNumber, Cents, Currency, CustomerNumber, DeliveryId, Language, Period, ReminderKind,
    Secret, format, reference::CreditorReference,
};

use super::{Draft, Envelope, MailError, Mails, one_line};
use crate::Message;

/// A bill that is still to be paid, before its last day to pay or after it. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct ReminderMail<'a> {
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
    /// Before or after.
    pub kind: ReminderKind,
    /// The bill's number.
    pub number: BillNumber,
    /// What is billed.
    pub period: Period,
    /// What is still open of it; above zero.
    pub open: Cents,
    /// Of the amount.
    pub currency: Currency,
    /// Last day to pay.
    pub due_date: Date,
    /// What the customer writes on a payment order.
    pub reference: &'a CreditorReference,
    /// Address of the page on which this bill, and no other, can be paid.
    pub pay_url: &'a str,
    /// Address of the page on which one press ends reminders.
    pub stop_url: &'a str,
    /// The mail's date. Must be the same each time the delivery is tried.
    pub at: Timestamp,
}

impl Mails {
    /// The mail that reminds of a bill.
    ///
    /// # Errors
    /// As [`Mails::bill`].
    pub fn reminder(&self, mail: &ReminderMail<'_>) -> Result<Message, MailError> {
        self.build(reminder_draft(mail))
    }
}

pub(super) fn reminder_draft<'a>(mail: &'a ReminderMail<'_>) -> Draft<'a> {
    let case = match mail.kind {
        ReminderKind::Before(_) => "before",
        ReminderKind::After(_) => "after",
    };
    let values = vec![
        ("case", case.to_owned()),
        ("why", "why-reminder".to_owned()),
        ("name", one_line(mail.customer_name)),
        ("customer", mail.customer_number.to_string()),
        ("number", mail.number.to_string()),
        (
            "amount",
            format::amount(mail.open, mail.currency, mail.language),
        ),
        ("due", format::date(mail.due_date, mail.language)),
        ("period", format::period(mail.period, mail.language)),
        ("reference", mail.reference.to_string()),
        ("pay_url", mail.pay_url.to_owned()),
        ("stop_url", mail.stop_url.to_owned()),
    ];
    Draft {
        template: "reminder",
        subject: format!("reminder-subject-{case}"),
        language: mail.language,
        values,
        rows: Vec::new(),
        envelope: Envelope {
            delivery: mail.delivery,
            to: mail.to,
            at: mail.at,
        },
        attachment: None,
    }
}
