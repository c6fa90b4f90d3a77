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
    /// Stable name of the check.
    pub code: &'static str,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{}: {word} [{}] ", self.file, self.line, self.code)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(
            f,
            "found {}, expected {}; {}",
            self.found, self.expected, self.remedy
        )
    }
}

impl Diagnostic {
    fn about(file: &str, line: u64, order: &BillOrder, code: &'static str) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            field: "/account".to_owned(),
            code,
            found: format!(
                "{} {} {} version {}",
                order.account,
                order.period,
                order.kind.as_str(),
                order.version
            ),
            expected: String::new(),
            remedy: String::new(),
        }
    }

    /// A file that cannot be read at all.
    #[must_use]
    pub fn unreadable(file: &str, found: &str, expected: &str) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 0,
            field: String::new(),
            code: "unreadable",
            found: found.to_owned(),
            expected: expected.to_owned(),
            remedy: "send the right file".to_owned(),
        }
    }

    /// The same account, period, kind and version stands earlier in the file.
    #[must_use]
    pub fn duplicate_in_file(file: &str, line: u64, order: &BillOrder) -> Self {
        Self {
            expected: "one such order in a run".to_owned(),
            remedy: "remove one of the two, or give the second a higher version".to_owned(),
            ..Self::about(file, line, order, "duplicate-in-file")
        }
    }

    /// An earlier run has the order already.
    #[must_use]
    pub fn seen_before(file: &str, line: u64, order: &BillOrder, run: impl fmt::Display) -> Self {
        Self {
            expected: format!("an order that no other run holds; run `{run}` has it"),
            remedy: "remove it; a wrong bill is corrected by a credit or debit note. Only a second bill for the same period on purpose takes a higher version".to_owned(),
            ..Self::about(file, line, order, "seen-before")
        }
    }

    /// Another run has every order of the hand-over: the same file came twice.
    #[must_use]
    pub fn already_a_run(file: &str, run: impl fmt::Display) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 0,
            field: String::new(),
            code: "already-a-run",
            found: format!("the orders of run {run}, all of them"),
            expected: "orders that no run holds".to_owned(),
            remedy: "go on with that run; nothing has to be imported again".to_owned(),
        }
    }

    /// The order brings no customer and none is stored.
    #[must_use]
    pub fn unknown_customer(file: &str, line: u64, order: &BillOrder) -> Self {
        Self {
            field: "/customer".to_owned(),
            found: format!("nothing, and nobody is known as {}", order.account),
            expected: "a known account, or its customer".to_owned(),
            remedy: "send the customer with the account's first order".to_owned(),
            ..Self::about(file, line, order, "unknown-customer")
        }
    }

    /// The document that a note corrects is not stored.
    #[must_use]
    pub fn original_missing(file: &str, line: u64, order: &BillOrder) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            field: "/corrects/number".to_owned(),
            code: "original-missing",
            found: order
                .corrects
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), |c| c.number.to_string()),
            expected: "number of an issued bill".to_owned(),
            remedy: "correct the number of the original".to_owned(),
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
