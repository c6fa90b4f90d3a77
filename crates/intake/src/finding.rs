//! What is wrong with a file: where, what was found, what was expected, and what to do.

use std::{collections::HashMap, fmt};

use kvit_billing::BillOrder;
use serde::Serialize;

/// Whether a finding stops the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run cannot be imported.
    Error,
    /// A person should look, the run can go on.
    Warning,
}

kvit_billing::checks! {
    /// What an order, a line or a file is held to. Pages and the command line have a text for each, with the values
    /// of its [`Diagnostic`].
    pub enum Check {
        AlreadyARun "already-a-run",
        AmountRange "amount-range",
        AnotherHolder "another-holder",
        Character "character",
        Choice "choice",
        ClosedAndTakenOver "closed-and-taken-over",
        ClosedOn "closed-on",
        Consumption "consumption",
        ControlCharacter "control-character",
        ControlCount "control-count",
        ControlSum "control-sum",
        CorrectsMissing "corrects-missing",
        CorrectsNothing "corrects-nothing",
        CountingNumber "counting-number",
        Country "country",
        Currency "currency",
        CustomerNumber "customer-number",
        DueDate "due-date",
        DuplicateInFile "duplicate-in-file",
        Eik "eik",
        EikChecksum "eik-checksum",
        EmptyFile "empty-file",
        Exemption "exemption",
        FieldMissing "field-missing",
        FieldUnknown "field-unknown",
        Format "format",
        History "history",
        HistoryMonth "history-month",
        HistoryNegative "history-negative",
        HistoryOrder "history-order",
        HolderSince "holder-since",
        HolderUnclear "holder-unclear",
        LineNet "line-net",
        LineTooLong "line-too-long",
        Malformed "malformed",
        Missing "missing",
        Name "name",
        NegativePrice "negative-price",
        NoFile "no-file",
        NoJson "no-json",
        NoLines "no-lines",
        NumberRange "number-range",
        OriginalMissing "original-missing",
        PeriodOrder "period-order",
        PriceBase "price-base",
        ReadingDates "reading-dates",
        RegisterRollover "register-rollover",
        ReverseCharge "reverse-charge",
        SeenBefore "seen-before",
        Seller "seller",
        Sources "sources",
        SupplyPoint "supply-point",
        TaxEventDate "tax-event-date",
        TextLength "text-length",
        TextMissing "text-missing",
        ToPay "to-pay",
        TooManyLines "too-many-lines",
        TotalGross "total-gross",
        TotalNet "total-net",
        TotalVat "total-vat",
        Unit "unit",
        UnknownCustomer "unknown-customer",
        UnknownFormat "unknown-format",
        Unreadable "unreadable",
        Utf8 "utf-8",
        Value "value",
        VatAmount "vat-amount",
        VatBase "vat-base",
        VatMissing "vat-missing",
        VatNumber "vat-number",
        VatOutOfScope "vat-out-of-scope",
        VatRate "vat-rate",
        VatUnused "vat-unused",
        Version "version",
        WholeNumber "whole-number",
        Xml "xml",
        XmlAttributes "xml-attributes",
        XmlBytes "xml-bytes",
        XmlNameSpaces "xml-name-spaces",
        XmlRoot "xml-root",
        XmlUtf8 "xml-utf-8",
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it stops the import.
    pub severity: Severity,
    /// Name of the file.
    pub file: String,
    /// Line from 1; 0 is the whole file.
    pub line: u64,
    /// JSON pointer or EN 16931 term.
    pub field: String,
    /// What it does not hold to.
    pub code: Check,
    /// The value that stands there; empty where the check says it all.
    pub found: String,
    /// The value that should; empty where the check says it all.
    pub expected: String,
}

/// For logs and tests. People are told in words.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let code = self.code.as_str();
        write!(f, "{}:{}: {word} [{code}]", self.file, self.line)?;
        let parts = [&self.field, &self.found, &self.expected];
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

impl Diagnostic {
    fn about(file: &str, line: u64, order: &BillOrder, code: Check) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            field: "/account".to_owned(),
            code,
            found: format!(
                "{} {} {} {}",
                order.account,
                order.period,
                order.kind.as_str(),
                order.version
            ),
            expected: String::new(),
        }
    }

    /// A file that cannot be read at all.
    #[must_use]
    pub fn unreadable(file: &str, code: Check, found: impl fmt::Display) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 0,
            field: String::new(),
            code,
            found: found.to_string(),
            expected: String::new(),
        }
    }

    /// The same account, period, kind and version stands earlier in the file.
    #[must_use]
    pub fn duplicate_in_file(file: &str, line: u64, order: &BillOrder) -> Self {
        Self::about(file, line, order, Check::DuplicateInFile)
    }

    /// An earlier run has the order already.
    #[must_use]
    pub fn seen_before(file: &str, line: u64, order: &BillOrder, run: impl fmt::Display) -> Self {
        Self {
            expected: run.to_string(),
            ..Self::about(file, line, order, Check::SeenBefore)
        }
    }

    /// Another run has every order of the hand-over: the same file came twice.
    #[must_use]
    pub fn already_a_run(file: &str, run: impl fmt::Display) -> Self {
        Self::unreadable(file, Check::AlreadyARun, run)
    }

    /// The order brings no customer and none is stored.
    #[must_use]
    pub fn unknown_customer(file: &str, line: u64, order: &BillOrder) -> Self {
        Self {
            field: "/customer".to_owned(),
            found: order.account.to_string(),
            ..Self::about(file, line, order, Check::UnknownCustomer)
        }
    }

    /// The account's customer may be another party than the one that Kvit knows, and the order does not say so.
    #[must_use]
    pub fn holder_unclear(file: &str, line: u64, order: &BillOrder) -> Self {
        Self {
            severity: Severity::Warning,
            field: "/customer/name".to_owned(),
            found: order.account.to_string(),
            ..Self::about(file, line, order, Check::HolderUnclear)
        }
    }

    /// Another company holds the account.
    #[must_use]
    pub fn another_holder(file: &str, line: u64, order: &BillOrder) -> Self {
        Self {
            severity: Severity::Warning,
            field: "/customer/eik".to_owned(),
            found: order.account.to_string(),
            ..Self::about(file, line, order, Check::AnotherHolder)
        }
    }

    /// An account is closed and has another holder in the same run.
    #[must_use]
    pub fn closed_and_taken_over(file: &str, line: u64, order: &BillOrder) -> Self {
        Self {
            field: "/holder_since".to_owned(),
            found: order.account.to_string(),
            ..Self::about(file, line, order, Check::ClosedAndTakenOver)
        }
    }

    /// The document that a note corrects is not stored.
    #[must_use]
    pub fn original_missing(file: &str, line: u64, order: &BillOrder) -> Self {
        let original = order.corrects.as_ref();
        Self {
            field: "/corrects/number".to_owned(),
            found: original.map_or_else(|| "–".to_owned(), |c| c.number.to_string()),
            ..Self::about(file, line, order, Check::OriginalMissing)
        }
    }
}

/// The findings of an import: the first [`Findings::LIMIT`] are kept, all are counted.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: Vec<Diagnostic>,
    errors: u64,
    warnings: u64,
}

impl Findings {
    /// How many are kept.
    pub const LIMIT: usize = 1000;

    /// Counts it, and keeps it below the limit.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if self.list.len() < Self::LIMIT {
            self.list.push(diagnostic);
        }
    }

    /// Adds what another reader found; counts add up, and the limit holds for both together.
    pub fn extend(&mut self, other: Self) {
        let room = Self::LIMIT.saturating_sub(self.list.len());
        self.list.extend(other.list.into_iter().take(room));
        self.errors += other.errors;
        self.warnings += other.warnings;
    }

    /// Puts the kept ones into the order in which a person meets them: file by file, line by line.
    pub fn sort(&mut self) {
        let mut files: HashMap<String, usize> = HashMap::new();
        for diagnostic in &self.list {
            let next = files.len();
            files.entry(diagnostic.file.clone()).or_insert(next);
        }
        self.list
            .sort_by_key(|diagnostic| (files.get(&diagnostic.file).copied(), diagnostic.line));
    }

    /// Number of errors.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// Number of warnings.
    #[must_use]
    pub const fn warnings(&self) -> u64 {
        self.warnings
    }

    /// The kept ones, in order.
    #[must_use]
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// The run cannot be imported.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }
}
