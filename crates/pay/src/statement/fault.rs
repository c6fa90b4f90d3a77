//! What is wrong with a file of statements: where, what it does not hold to, and the values.

use std::fmt;

use super::values::short;

/// The longest value that is told, in characters.
const VALUE_MAX: usize = 40;

kvit_billing::checks! {
    /// What a file, a statement, an entry or a report is held to. Pages and the command line have a text for each,
    /// with the values of its [`Fault`].
    pub enum Check {
        AccountMissing "account-missing",
        AccountOther "account-other",
        BalanceCurrency "balance-currency",
        BalanceIncomplete "balance-incomplete",
        BalancesMissing "balances-missing",
        BookedOn "booked-on",
        BookedOnMissing "booked-on-missing",
        CutOff "cut-off",
        Direction "direction",
        DirectionMissing "direction-missing",
        DocumentOther "document-other",
        DocumentSecond "document-second",
        DocumentType "document-type",
        Encoding "encoding",
        EndTag "end-tag",
        Entity "entity",
        EntriesSum "entries-sum",
        EntryAmount "entry-amount",
        EntryAmountMissing "entry-amount-missing",
        EntryCurrency "entry-currency",
        EntryCurrencyCode "entry-currency-code",
        EntryCurrencyMissing "entry-currency-missing",
        EntryReference "entry-reference",
        EntryReversal "entry-reversal",
        EntryStatus "entry-status",
        EntryTransactions "entry-transactions",
        IllFormed "ill-formed",
        MessageOther "message-other",
        Nesting "nesting",
        NoStatement "no-statement",
        NotUtf8 "not-utf-8",
        NotXml "not-xml",
        ReportDay "report-day",
        ReportDebit "report-debit",
        ReportFile "report-file",
        ReportFileMissing "report-file-missing",
        ReportName "report-name",
        ReportPart "report-part",
        ReportStatus "report-status",
        StatementName "statement-name",
        TextOutside "text-outside",
        TokenLength "token-length",
    }
}

/// Where in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// All of it.
    File,
    /// A statement, by the bank's name for it, which may be empty.
    Statement(String),
    /// An entry of a statement: which one, from 1, and the bank's number for it.
    Entry(u64, Option<String>),
    /// A report, by the bank's name for it, which may be empty.
    Report(String),
    /// A part of the file of orders that a report is about.
    Part,
    /// An order of a report: which one, from 1.
    Transaction(u64),
}

impl Place {
    /// The stable names of all kinds.
    pub const NAMES: [&str; 6] = [
        "file",
        "statement",
        "entry",
        "report",
        "part",
        "transaction",
    ];

    /// The stable name of its kind, for texts.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Statement(_) => "statement",
            Self::Entry(..) => "entry",
            Self::Report(_) => "report",
            Self::Part => "part",
            Self::Transaction(_) => "transaction",
        }
    }

    /// Which one; empty where there is only one, or where it has no name.
    #[must_use]
    pub fn which(&self) -> String {
        match self {
            Self::File | Self::Part => String::new(),
            Self::Statement(name) | Self::Report(name) => name.clone(),
            Self::Entry(count, None) | Self::Transaction(count) => count.to_string(),
            Self::Entry(count, Some(number)) => format!("{count} ({number})"),
        }
    }
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line on which it was noticed, from 1.
    pub line: u64,
    /// Where.
    pub place: Place,
    /// What it does not hold to.
    pub code: Check,
    /// The value that stands there; empty where the check says it all.
    pub found: String,
    /// The value that should; empty where the check says it all.
    pub expected: String,
}

/// For logs and tests. People are told in words.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, place) = (self.code.as_str(), self.place.as_str());
        write!(f, "line {}: {place}", self.line)?;
        let which = self.place.which();
        if !which.is_empty() {
            write!(f, " {which}")?;
        }
        write!(f, ": [{code}]")?;
        let values = [&self.found, &self.expected];
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            write!(f, " {value}")?;
        }
        Ok(())
    }
}

/// A fault, before anybody says where it stands.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) code: Check,
    pub(super) found: String,
    pub(super) expected: String,
}

impl From<Check> for Wrong {
    fn from(code: Check) -> Self {
        Self {
            code,
            found: String::new(),
            expected: String::new(),
        }
    }
}

impl Wrong {
    /// With what stands there, of which no more is told than helps.
    pub(super) fn found(code: Check, found: &str) -> Self {
        Self {
            found: short(found, VALUE_MAX),
            ..code.into()
        }
    }

    /// With what should stand there too.
    pub(super) fn expected(self, expected: impl fmt::Display) -> Self {
        Self {
            expected: expected.to_string(),
            ..self
        }
    }

    pub(super) fn at(self, line: u64, place: Place) -> Fault {
        let Self {
            code,
            found,
            expected,
        } = self;
        Fault {
            line,
            place,
            code,
            found,
            expected,
        }
    }
}
