//! Reminders, and what customers say about them.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillNumber, CustomerNumber, DeliveryId, Language, ReminderKind, Secret, code::TokenHash,
};

use serde::Serialize;

use crate::{BillRecord, EnrolmentRecord};

/// Mails that a customer may do without. What the law asks for, and what costs money when it is missed, is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTopic {
    /// That a bill is still to be paid.
    Reminders,
    /// That money came.
    Payments,
}

impl MailTopic {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Reminders, Self::Payments];

    /// The word in the database and in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reminders => "reminders",
            Self::Payments => "payments",
        }
    }

    /// The topic of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}

/// Bills about which one kind of reminder is decided together.
#[derive(Clone, Debug)]
pub struct ReminderStretch {
    /// Which reminder.
    pub kind: ReminderKind,
    /// Up to which bill was decided before, as last day to pay and number.
    pub before: Option<(Date, i64)>,
    /// Up to which bill this stretch goes.
    pub after: (Date, i64),
    /// Those of them that are open, that no money is on its way for, and whose customers get mail and
    /// want reminders.
    pub open: Vec<OpenBill>,
}

/// A bill of which its customer may be reminded.
#[derive(Clone, Debug)]
pub struct OpenBill {
    /// The bill.
    pub bill: BillRecord,
    /// Where its customer's mail goes.
    pub enrolment: EnrolmentRecord,
}

/// A reminder that was decided.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewReminder {
    pub id: DeliveryId,
    pub bill: BillNumber,
    pub enrolment: EnrolmentRecord,
    /// Hash of the token in the link that ends reminders.
    pub token: TokenHash,
    /// Later it is of no use.
    pub due_at: Timestamp,
    /// It is that late already: only that is written down.
    pub missed: bool,
}

/// Whether a reminder may be sent at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReminderDoor {
    /// Yes.
    Open,
    /// Not before then.
    Until(Timestamp),
    /// The operator sends none any more.
    Shut,
}

/// A reminder as the holder of its link may see it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ReminderLink {
    pub id: DeliveryId,
    pub account: CustomerNumber,
    pub email: Secret<String>,
    pub language: Language,
}

/// What a customer said about reminders.
#[derive(Clone, Debug)]
pub struct MailChoice {
    /// About which mails.
    pub about: MailTopic,
    /// Whether they are wanted.
    pub wanted: bool,
    /// When.
    pub at: Timestamp,
    /// How it came about.
    pub evidence: serde_json::Value,
}
