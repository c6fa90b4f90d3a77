//! Runs, and how far they have come.

use std::sync::Arc;

use jiff::Timestamp;
use kvit_billing::{
    BillKind, BillNumber, Cents, Currency, CustomerNumber, Period, RunId, RunLayout, Series,
};
use serde::{Deserialize, Serialize};

use crate::LayoutFiles;

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
    /// How its bills look, from release on.
    pub layout: Option<RunLayout>,
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
    /// Who it is for the audit trail: the same, or the machine's account that said so.
    pub who: String,
    /// The moment of issue of every bill of the run.
    pub at: Timestamp,
    /// Where the numbers come from.
    pub series: Series,
    /// The first number of a series that has given none yet.
    pub first_if_new: BillNumber,
    /// The layout files of the program that releases: what the run is issued with where no version counts.
    pub base: Arc<LayoutFiles>,
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
    /// Refunds through payment systems of which nobody knows whether the money went back.
    pub refunds_unclear: u64,
    /// Bank statements that are not in the books, as what is kept of them breaks off.
    pub statements_broken: u64,
}

/// A line of a balance sheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceLine {
    /// How many bills.
    pub bills: u64,
    /// Sum of their gross amounts, credit notes negative.
    pub sum: Cents,
}

/// Where the bills of a run are: issued = accepted + paper + held + failed. What was printed is not known: that it was handed
/// over for printing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceSheet {
    /// What the billing system ordered.
    pub ordered: BalanceLine,
    /// What was issued of it.
    pub issued: BalanceLine,
    /// Taken by the recipient's mail server.
    pub accepted: BalanceLine,
    /// On paper only, or in place of a mail that was given up.
    pub paper: BalanceLine,
    /// Of these, what has not been handed over for printing.
    #[serde(default)]
    pub unprinted: BalanceLine,
    /// Of the others, those that go on paper as well, and whose paper has not been handed over.
    #[serde(default)]
    pub beside: BalanceLine,
    /// Not out yet.
    pub held: BalanceLine,
    /// Given up; to be printed.
    pub failed: BalanceLine,
}

impl BalanceSheet {
    /// Whether everything that was ordered is issued, and nothing of it is on its way any more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.issued == self.ordered && self.held.bills == 0
    }

    /// How many bills are still to be printed: on paper, beside a mail, or in place of one that was given up.
    #[must_use]
    pub const fn to_print(&self) -> u64 {
        self.unprinted.bills + self.beside.bills + self.failed.bills
    }
}

/// That a run was closed.
#[derive(Clone, Debug)]
pub struct RunClosing {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The sheet as it was.
    pub sheet: BalanceSheet,
}

/// What became of closing a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It is closed, now or before.
    Closed,
    /// Something of it is not out yet; nothing was written.
    Open,
    /// More bills are to be printed than whoever closes it knows of; nothing was written.
    Unprinted,
}
