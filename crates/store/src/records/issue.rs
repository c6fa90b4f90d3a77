//! Chunks and the bills that come of them.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, civil::Date};
use kvit_billing::{
    BillKind, BillNumber, BillOrder, Cents, ChunkNo, Currency, CustomerNumber, Language, NoForm,
    OrderSeq, Period, RunId, RunLayout, Series, order::Consumed,
};
use serde::Serialize;

use crate::{CustomerRecord, NewCopy, NewDelivery};

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
    /// The layout that the whole run has.
    pub layout: RunLayout,
    pub orders: Vec<BillOrder>,
    /// The customers of the orders as the first claim found them: those of them that the store
    /// knows. The same for every later claim, whatever has changed since.
    pub holders: HashMap<CustomerNumber, CustomerRecord>,
}

/// A pack in the archive.
#[derive(Clone, Debug)]
pub struct PackRecord {
    /// Object name.
    pub object: String,
    /// SHA-256 of the SHA-256 of its bills, in their order.
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
    /// The mails to readers.
    pub copies: Vec<NewCopy>,
    /// Accounts whose last bill is among them, with the day on which they were closed.
    pub closed: Vec<(CustomerNumber, Date)>,
    /// Why bills among them were laid out one by one, and how many for each reason.
    pub no_forms: BTreeMap<NoForm, u64>,
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
    /// Files of scans that may be claimed again.
    pub scans: u64,
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
    /// The part of `to_pay` that earlier bills asked for; negative where they left a credit.
    pub carried_over: Cents,
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
    /// What the meters counted, of bills whose orders tell of no months.
    #[serde(skip)]
    pub consumed: Option<Consumed>,
}
