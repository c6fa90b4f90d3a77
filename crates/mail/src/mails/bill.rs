//! The mail that brings a bill.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillKind, BillNumber, Cents, Currency, CustomerNumber, DeliveryId, Language, Period, Secret,
    format, reference::CreditorReference,
};

use super::{Draft, Envelope, MailError, Mails, one_line};
use crate::{Message, mime::Attachment};

/// A bill on its way. Equal values give equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct BillMail<'a> {
    /// Names the mail: Message-ID and return path are made of it.
    pub delivery: &'a DeliveryId,
    /// The recipient.
    pub to: &'a Secret<String>,
    /// How the mail greets; may be empty.
    pub name: &'a str,
    /// Shown inside the mail only.
    pub customer_number: &'a CustomerNumber,
    /// The language of the mail.
    pub language: Language,
    /// The bill's number.
    pub number: BillNumber,
    /// Invoice, credit note or debit note.
    pub kind: BillKind,
    /// May be zero or negative: nothing is to be paid then.
    pub to_pay: Cents,
    /// The amount of a credit note.
    pub gross: Cents,
    /// Of both amounts.
    pub currency: Currency,
    /// Last day to pay.
    pub due_date: Date,
    /// What is billed.
    pub period: Period,
    /// Who gets it.
    pub recipient: BillFor<'a>,
    /// Address of the page on which this bill, and no other, can be paid.
    pub pay_url: &'a str,
    /// What the customer writes on the payment order.
    pub reference: &'a CreditorReference,
    /// The sealed document.
    pub pdf: &'a [u8],
    /// Its name; characters other than ASCII letters, digits, `.`, `-` and `_` become `_`.
    pub file_name: &'a str,
    /// The mail's date. Must be the same each time the delivery is tried.
    pub at: Timestamp,
}

/// Who gets a bill.
#[derive(Clone, Copy, Debug)]
pub enum BillFor<'a> {
    /// The customer, who confirms its receipt.
    Customer {
        /// Address of the page on which that is done.
        receipt_url: &'a str,
    },
    /// A reader whom the customer named. Whether a reader got it says nothing of the customer, so there is
    /// nothing to confirm.
    Reader {
        /// Whose bill it is.
        customer_name: &'a str,
        /// Address of the page that shows this bill, and no other.
        bill_url: &'a str,
    },
}

impl Mails {
    /// The mail that brings a bill.
    ///
    /// # Errors
    /// Where the recipient's address or a replaced template is wrong.
    pub fn bill(&self, mail: &BillMail<'_>) -> Result<Message, MailError> {
        self.build(self.bill_draft(mail))
    }

    pub(super) fn bill_draft<'a>(&self, mail: &'a BillMail<'_>) -> Draft<'a> {
        let shown = |cents| format::amount(cents, mail.currency, mail.language);
        let owed = mail.to_pay > Cents::ZERO;
        let (case, amount) = match mail.kind {
            BillKind::CreditNote => ("credit", shown(mail.gross.abs())),
            _ if !owed => ("nothing", shown(Cents::ZERO)),
            BillKind::DebitNote => ("debit", shown(mail.to_pay)),
            BillKind::Invoice => ("invoice", shown(mail.to_pay)),
        };
        let mut values = vec![
            ("case", case.to_owned()),
            ("owed", if owed { "yes" } else { "" }.to_owned()),
            ("name", one_line(mail.name)),
            ("customer", mail.customer_number.to_string()),
            ("number", mail.number.to_string()),
            ("amount", amount),
            ("to_pay", shown(mail.to_pay)),
            ("credit", shown(mail.to_pay.abs())),
            (
                "in_credit",
                if mail.to_pay.is_negative() { "yes" } else { "" }.to_owned(),
            ),
            ("due", format::date(mail.due_date, mail.language)),
            ("period", format::period(mail.period, mail.language)),
            ("pay_url", mail.pay_url.to_owned()),
            ("iban", grouped(&self.operator.iban)),
            ("reference", mail.reference.to_string()),
        ];
        let template = match mail.recipient {
            BillFor::Customer { receipt_url } => {
                values.extend([
                    ("url", receipt_url.to_owned()),
                    ("why", "why-bill".to_owned()),
                    // Beside the receipt, so that its reader needs no number and code.
                    ("paper_url", format!("{receipt_url}/paper")),
                ]);
                "bill"
            }
            BillFor::Reader {
                customer_name,
                bill_url,
            } => {
                values.extend([
                    ("holder", one_line(customer_name)),
                    ("url", bill_url.to_owned()),
                    ("why", "why-copy".to_owned()),
                    ("leave_url", format!("{bill_url}/leave")),
                ]);
                "copy"
            }
        };
        let attachment = Attachment {
            name: mail.file_name,
            mime_type: "application/pdf",
            bytes: mail.pdf,
        };
        let envelope = Envelope {
            delivery: mail.delivery,
            to: mail.to,
            at: mail.at,
        };
        Draft {
            template,
            subject: format!("{template}-subject-{case}"),
            language: mail.language,
            values,
            rows: Vec::new(),
            envelope,
            attachment: Some(attachment),
        }
    }
}

/// In groups of four with plain spaces: a phone may break the line there, and a bank takes it pasted.
fn grouped(iban: &str) -> String {
    let compact: Vec<char> = iban.chars().filter(|c| !c.is_whitespace()).collect();
    compact
        .chunks(4)
        .map(String::from_iter)
        .collect::<Vec<_>>()
        .join(" ")
}
