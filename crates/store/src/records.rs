//! What the store's verbs take and give.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillKind, BillNumber, BillOrder, Cents, ChunkNo, Currency, Customer, CustomerNumber,
    DeliveryId, EnrolmentId, Language, OrderSeq, Period, RunId, Secret, Series, code::TokenHash,
};
use serde::Serialize;

/// A hand-over that begins to be read.
#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    reason = "the names say it; they are those of the run file's header"
)]
pub struct NewRun {
    pub id: RunId,
    pub system: String,
    pub external_id: String,
    pub period: Period,
    pub currency: Currency,
    pub seller: String,
    pub file_name: String,
    pub imported_by: String,
    pub imported_at: Timestamp,
}

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub struct RunTotals {
    /// Orders.
    pub orders: u64,
    /// Chunks.
    pub chunks: u32,
    /// Sum of gross amounts, credit notes negative.
    pub sum_cents: Cents,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Being read; no other verb sees it.
    Importing,
    /// Had errors; only its report is kept.
    Rejected,
    /// Without errors; waits for release.
    Checked,
    /// Its numbers are fixed; being issued.
    Released,
    /// Every bill is issued.
    Issued,
}

impl RunState {
    /// The word in the database and on screens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Importing => "importing",
            Self::Rejected => "rejected",
            Self::Checked => "checked",
            Self::Released => "released",
            Self::Issued => "issued",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            Self::Importing,
            Self::Rejected,
            Self::Checked,
            Self::Released,
            Self::Issued,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// A run as the store knows it.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RunRecord {
    pub id: RunId,
    pub system: String,
    pub external_id: String,
    pub period: Period,
    pub currency: Currency,
    pub seller: String,
    pub file_name: String,
    pub state: RunState,
    pub imported_by: String,
    pub imported_at: Timestamp,
    pub orders: u64,
    pub chunks: u32,
    pub sum_cents: Cents,
    pub summary: Option<serde_json::Value>,
    pub report: Option<serde_json::Value>,
    pub released_by: Option<String>,
    pub issued_at: Option<Timestamp>,
    pub series: Option<Series>,
    /// First and last number of the run, from release on.
    pub numbers: Option<(BillNumber, BillNumber)>,
}

/// What makes an order unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub struct OrderKey {
    pub account: CustomerNumber,
    pub period: Period,
    pub kind: BillKind,
    pub version: u32,
}

/// The second person's word.
#[derive(Clone, Debug)]
pub struct Release {
    /// Who releases.
    pub by: String,
    /// The moment of issue of every bill of the run.
    pub at: Timestamp,
    /// Where the numbers come from.
    pub series: Series,
    /// The first number of a series that has given none yet.
    pub first_if_new: BillNumber,
}

/// The numbers of a released run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// First.
    pub first: BillNumber,
    /// Last.
    pub last: BillNumber,
    /// Moment of issue.
    pub issued_at: Timestamp,
}

/// A chunk to be made by the one who claimed it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ChunkJob {
    pub run: RunId,
    pub no: ChunkNo,
    /// Which claim of the chunk this is, to be handed in with the result.
    pub claim: u64,
    pub first_seq: OrderSeq,
    /// Number of the chunk's first bill.
    pub first_number: BillNumber,
    pub series: Series,
    pub issued_at: Timestamp,
    pub orders: Vec<BillOrder>,
}

/// A pack in the archive.
#[derive(Clone, Debug)]
pub struct PackRecord {
    /// Object name.
    pub object: String,
    /// SHA-256 of the whole pack.
    pub sha256: [u8; 32],
    /// Bytes.
    pub length: u64,
}

/// A chunk that was made: everything that its one transaction keeps.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ChunkResult {
    pub run: RunId,
    pub no: ChunkNo,
    /// As in the [`ChunkJob`].
    pub claim: u64,
    pub worker: String,
    pub pack: PackRecord,
    pub bills: Vec<BillRecord>,
    pub deliveries: Vec<NewDelivery>,
    pub at: Timestamp,
}

/// Whether a chunk's transaction had anything left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was kept now.
    Done,
    /// This very pack had been kept before; nothing changed.
    AlreadyDone,
    /// The lease ran out and another worker has the chunk, or has kept a pack of its own; nothing
    /// changed. The pack that was handed in is an orphan.
    Overtaken,
}

/// What a dead worker had in hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Chunks that may be claimed again.
    pub chunks: u64,
    /// Deliveries put back as "possibly twice".
    pub deliveries: u64,
}

/// An issued bill, and where its document lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct BillRecord {
    pub number: BillNumber,
    pub series: Series,
    pub run: RunId,
    pub seq: OrderSeq,
    pub chunk: ChunkNo,
    pub account: CustomerNumber,
    pub kind: BillKind,
    pub issue_date: Date,
    pub period: Period,
    pub due_date: Date,
    pub gross: Cents,
    pub to_pay: Cents,
    pub currency: Currency,
    pub language: Language,
    /// Object name of its pack.
    pub pack: String,
    /// First byte within the pack.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    pub sha256: [u8; 32],
    pub corrects: Option<BillNumber>,
}

/// A customer, and which of their codes is the valid one.
#[derive(Clone, Debug)]
pub struct CustomerRecord {
    /// The customer.
    pub customer: Customer,
    /// Counts the codes, from 1.
    pub code_generation: u32,
}

/// How an enrolment came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EnrolmentChannel {
    /// Online.
    Web,
    /// By the 24-hour line.
    Phone,
    /// At a service centre.
    Centre,
    /// With the declaration from the back of the bill.
    Paper,
}

impl EnrolmentChannel {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Phone => "phone",
            Self::Centre => "centre",
            Self::Paper => "paper",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Web, Self::Phone, Self::Centre, Self::Paper]
            .into_iter()
            .find(|channel| channel.as_str() == text)
    }
}

/// The proof that an enrolment still waits for.
#[derive(Clone, Copy, Debug)]
pub struct NewProof {
    /// Hash of the token in the link.
    pub hash: TokenHash,
    /// Until when the link works.
    pub expires: Timestamp,
}

/// A consent to e-bills.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct NewEnrolment {
    pub id: EnrolmentId,
    pub account: CustomerNumber,
    pub channel: EnrolmentChannel,
    pub email: Secret<String>,
    pub language: Language,
    /// Version of the declaration's text that was agreed to.
    pub text_version: String,
    pub evidence: serde_json::Value,
    pub at: Timestamp,
    /// Without one, the address counts as proven.
    pub proof: Option<NewProof>,
}

/// A consent as the store knows it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct EnrolmentRecord {
    pub id: EnrolmentId,
    pub account: CustomerNumber,
    pub channel: EnrolmentChannel,
    pub email: Secret<String>,
    pub language: Language,
    pub text_version: String,
    pub created_at: Timestamp,
    pub proof_expires: Option<Timestamp>,
    pub proven_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// Whether bills go to a customer by e-mail.
#[derive(Clone, Debug)]
pub enum EnrolmentState {
    /// Paper.
    None,
    /// Paper, until the address is proven.
    Pending(EnrolmentRecord),
    /// E-mail.
    Active(EnrolmentRecord),
}

/// What became of the press on a proof link.
#[derive(Clone, Debug)]
pub enum Prove {
    /// The address is proven now.
    Proved(EnrolmentRecord),
    /// It had been before.
    Already(EnrolmentRecord),
    /// The link is too old, or the enrolment has ended.
    Expired(EnrolmentRecord),
    /// No such link.
    Unknown,
}

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
    /// Taken by the mail server.
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
    pub possibly_twice: bool,
    /// How each attempt ended, oldest first.
    pub trail: Vec<AttemptRecord>,
    /// What is known about its arrival, oldest first.
    pub receipts: Vec<ReceiptRecord>,
}

/// How one attempt ended, as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    /// Which attempt, from 1.
    pub no: u32,
    /// When.
    pub at: Timestamp,
    /// `accepted`, `retry`, `failed` or `unknown`.
    pub outcome: String,
    /// What the mail server said.
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

/// How many wrong tries are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardPolicy {
    /// This many within the window close the door.
    pub max_fails: u32,
    /// Seconds over which tries are counted.
    pub window_s: u32,
    /// Seconds that the door stays closed.
    pub block_s: u32,
}

/// Whether a door is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardState {
    /// Closed until then.
    pub blocked_until: Option<Timestamp>,
}

/// Something that somebody did, for auditors.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Event {
    pub at: Timestamp,
    pub who: String,
    pub what: String,
    pub subject: String,
    pub detail: serde_json::Value,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RunProgress {
    pub orders: u64,
    pub chunks: u32,
    pub chunks_done: u32,
    pub bills: u64,
    pub sum_cents: Cents,
    pub mail_queued: u64,
    pub mail_sent: u64,
    pub mail_failed: u64,
    pub paper: u64,
    pub confirmed: u64,
    pub possibly_twice: u64,
}

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct QueueDepths {
    pub chunks_waiting: u64,
    pub mails_waiting: u64,
    pub mails_overdue: u64,
    pub mails_failed: u64,
}
