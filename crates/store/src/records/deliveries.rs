//! Deliveries, attempts, receipts.

use jiff::Timestamp;
use kvit_billing::{
    AccessMail, AutopayMail, BillNumber, Cents, CustomerNumber, DeliveryId, EnrolmentId, Language,
    ReminderKind, Secret, StaffLogin, StaffMail, code::TokenHash,
};
use serde::Serialize;

use crate::{AutopayTold, BillRecord, EnrolmentRecord, ReaderRecord};

/// How a bill travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By e-mail.
    Email,
    /// By post.
    Paper,
}

impl Channel {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Paper => "paper",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Email, Self::Paper]
            .into_iter()
            .find(|channel| channel.as_str() == text)
    }
}

/// A bill that is to travel.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub bill: BillNumber,
    pub account: CustomerNumber,
    pub channel: Channel,
    pub email: Option<Secret<String>>,
    pub language: Language,
    pub due_at: Timestamp,
    /// Hash of the token in the confirmation link.
    pub token: Option<TokenHash>,
}

/// What a delivery carries.
#[derive(Clone, Debug)]
pub enum DeliveryWhat {
    /// A bill.
    Bill(BillRecord),
    /// The link that proves an address.
    Proof(EnrolmentRecord),
    /// That bills come to this address from now on, and from which on.
    Welcome(EnrolmentRecord),
    /// A link that signs its reader in. It works until the delivery is due.
    SignIn(EnrolmentRecord),
    /// That money came or was taken back; [`crate::Store::money_told`] says what there is to say.
    Money {
        /// Which entry in the books.
        entry: String,
    },
    /// The link that proves a reader's address.
    Invitation(ReaderRecord),
    /// A bill for a reader.
    Copy {
        /// The bill.
        bill: BillRecord,
        /// Whom it is for.
        reader: ReaderRecord,
    },
    /// That a bill is still to be paid.
    Reminder {
        /// The bill.
        bill: BillRecord,
        /// Which reminder.
        kind: ReminderKind,
        /// What was open of it at the moment of the claim; above zero.
        open: Cents,
    },
    /// Something about autopay.
    Autopay {
        /// What.
        what: AutopayMail,
        /// The mandate, and the debit where it is about one.
        told: Box<AutopayTold>,
    },
    /// How the ways into the account were changed, [`crate::ACCESS_DUE_MINUTES`] before the delivery is due.
    Access(AccessMail),
    /// How the ways in of a member of staff were changed, as long before. No customer has to do with it.
    Staff {
        /// What.
        what: StaffMail,
        /// Whose.
        login: StaffLogin,
    },
    /// That codes of customers are guessed from many places, for an administrator, seen as long before.
    Alarm,
}

/// Why a mail is not sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// The customer's bills do not come by mail any more, or not to this address; or its reader left.
    Left,
    /// The address is proven already.
    Proven,
    /// It would come too late to be of use.
    Late,
    /// The money that it tells of was taken back.
    TakenBack,
    /// The customer wants no such mails, or the operator no reminders any more; or what is announced is not done.
    Off,
    /// Nothing is open of the bill any more: it was paid or credited.
    Paid,
    /// Money for the bill is on its way.
    Ordered,
}

impl Unwanted {
    /// The word among the attempts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Proven => "proven",
            Self::Late => "late",
            Self::TakenBack => "taken-back",
            Self::Off => "off",
            Self::Paid => "paid",
            Self::Ordered => "ordered",
        }
    }
}

/// A delivery that its claimer is about to send.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DeliveryJob {
    pub id: DeliveryId,
    pub what: DeliveryWhat,
    pub account: CustomerNumber,
    pub email: Secret<String>,
    pub language: Language,
    /// Attempts, this one included: the number of this attempt, to be handed in with its end.
    pub attempts: u32,
    pub possibly_twice: bool,
    pub due_at: Timestamp,
}

/// How one attempt ended.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which attempt, as in [`DeliveryJob::attempts`].
    pub no: u32,
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: AttemptOutcome,
    /// What the mail server said.
    pub reply: String,
}

/// The possible ends of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The mail server took it.
    Accepted,
    /// Not now.
    Retry {
        /// When to try again.
        next: Timestamp,
    },
    /// Never.
    Failed,
    /// Acceptance could not be seen: to be sent again, possibly twice.
    Unknown {
        /// When to try again.
        next: Timestamp,
    },
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Waits for its time; paper waits for the printer.
    Queued,
    /// A worker has it in hand.
    Sending,
    /// Taken by the mail server; paper was handed over for printing.
    Sent,
    /// Given up.
    Failed,
    /// There was no more reason to send it.
    Withdrawn,
}

impl DeliveryState {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Sending,
            Self::Sent,
            Self::Failed,
            Self::Withdrawn,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// A delivery with all that happened to it, for those who answer a customer's question.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DeliveryRecord {
    pub id: DeliveryId,
    /// The bill it carries; none for a mail that proves an address.
    pub bill: Option<BillNumber>,
    /// The bill that it reminds of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminds: Option<BillNumber>,
    /// The bill that it brings to a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copies: Option<BillNumber>,
    pub account: CustomerNumber,
    pub channel: Channel,
    /// Where it goes. Not serialised.
    #[serde(skip)]
    pub email: Option<Secret<String>>,
    pub language: Language,
    pub due_at: Timestamp,
    pub state: DeliveryState,
    /// Times that a worker took it in hand.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    pub next_attempt_at: Option<Timestamp>,
    /// When paper was handed over for printing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handed_over_at: Option<Timestamp>,
    pub possibly_twice: bool,
    /// How each attempt ended, oldest first.
    pub trail: Vec<AttemptRecord>,
    /// What is known about its arrival, oldest first.
    pub receipts: Vec<ReceiptRecord>,
}

/// How one attempt ended, as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    /// Which attempt, from 1; 0 where it was withdrawn before the first.
    pub no: u32,
    /// When.
    pub at: Timestamp,
    /// `accepted`, `retry`, `failed`, `unknown`, or `withdrawn` where it was not sent any more.
    pub outcome: String,
    /// What the mail server said; why it was withdrawn, in a word of [`Unwanted`].
    pub reply: String,
}

/// What is known about the arrival of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiptRecord {
    /// `accepted` by the mail server, or `confirmed` by a person.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// How it came about.
    pub evidence: serde_json::Value,
}

/// A delivery as the holder of its link may see it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DeliveryView {
    pub id: DeliveryId,
    pub email: Option<Secret<String>>,
    pub bill: BillRecord,
    pub confirmed_at: Option<Timestamp>,
    pub language: Language,
}

/// What became of the press on a confirmation link.
#[derive(Clone, Debug)]
pub enum Confirm {
    /// The receipt is on record now.
    Confirmed(DeliveryView),
    /// It had been before.
    Already(DeliveryView),
    /// No such link.
    Unknown,
}

/// A link by which somebody wants to be signed in.
#[derive(Clone, Debug)]
pub struct NewSignIn {
    /// Names the mail.
    pub id: DeliveryId,
    /// Whose bills it opens.
    pub account: CustomerNumber,
    /// Hash of the token in the link.
    pub token: TokenHash,
    /// When it was asked for.
    pub at: Timestamp,
}

/// What a link that signs in is good for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// It opens, or has just opened, the bills of this customer, who is addressed in this language. The
    /// link went to the address of this enrolment.
    Open(CustomerNumber, Language, EnrolmentId),
    /// It was used, is too old, or its address does not get the bills any more; or there is none.
    Over,
}
