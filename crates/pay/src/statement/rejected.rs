//! A bank's report about a file of orders (pain.002): which direct debits it refuses before any money
//! moves, one by one, a part of the file at a time, or all of it.

use jiff::civil::Date;
use kvit_billing::{Cents, Currency};

use super::{
    Statement, Transfer, TransferKind,
    fault::{Check, Place, Wrong},
    values::{date, money, reference, short},
};
use crate::debit::{debit_named, file_named};

/// What a bank writes about what it does not do.
const REFUSED: &str = "RJCT";
/// Letters of a reason: a code of four, or the bank's own.
const REASON_MAX: usize = 35;

/// A report under way.
#[derive(Debug, Default)]
pub(super) struct Report {
    id: String,
    day: Option<Date>,
    file: Option<String>,
    sum: Option<Cents>,
    all: Said,
    part: Part,
    one: One,
    /// Anything was said at all.
    told: bool,
    ones: u64,
    refused: u64,
    passed: u64,
}

/// What the bank says about something.
#[derive(Debug, Default)]
struct Said {
    status: Option<String>,
    reason: Option<String>,
}

impl Said {
    fn is_refused(&self) -> bool {
        self.status.as_deref() == Some(REFUSED)
    }

    fn take(&mut self, path: &[&str], text: &str) {
        match path {
            ["GrpSts" | "PmtInfSts" | "TxSts"] => self.status = Some(text.to_owned()),
            ["StsRsnInf", "Rsn", "Cd" | "Prtry"] if self.reason.is_none() => {
                self.reason = Some(short(text, REASON_MAX));
            }
            _ => {}
        }
    }
}

/// A part of the file.
#[derive(Debug, Default)]
struct Part {
    name: Option<String>,
    sum: Option<Cents>,
    said: Said,
}

/// An order.
#[derive(Debug, Default)]
struct One {
    name: Option<String>,
    amount: Option<Cents>,
    said: Said,
}

/// What is wrong, and where.
pub(super) type Misread = (Place, Wrong);

impl Report {
    pub(super) fn open(&mut self, path: &[&str]) {
        match path {
            ["OrgnlPmtInfAndSts"] => self.part = Part::default(),
            ["OrgnlPmtInfAndSts", "TxInfAndSts"] => self.one = One::default(),
            _ => {}
        }
    }

    pub(super) fn take(&mut self, path: &[&str], text: &str) {
        match path {
            ["GrpHdr", "MsgId"] => self.id = short(text, 40),
            ["GrpHdr", "CreDtTm"] => self.day = date(text),
            ["OrgnlGrpInfAndSts", "OrgnlMsgId"] => self.file = reference(text),
            ["OrgnlGrpInfAndSts", "OrgnlCtrlSum"] => self.sum = money(text),
            ["OrgnlGrpInfAndSts", rest @ ..] => self.all.take(rest, text),
            ["OrgnlPmtInfAndSts", "OrgnlPmtInfId"] => self.part.name = reference(text),
            ["OrgnlPmtInfAndSts", "OrgnlCtrlSum"] => self.part.sum = money(text),
            ["OrgnlPmtInfAndSts", "TxInfAndSts", "OrgnlEndToEndId"] => {
                self.one.name = reference(text);
            }
            [
                "OrgnlPmtInfAndSts",
                "TxInfAndSts",
                "OrgnlTxRef",
                "Amt",
                "InstdAmt",
            ] => {
                self.one.amount = money(text);
            }
            ["OrgnlPmtInfAndSts", "TxInfAndSts", rest @ ..] => self.one.said.take(rest, text),
            ["OrgnlPmtInfAndSts", rest @ ..] => self.part.said.take(rest, text),
            _ => {}
        }
    }

    /// An element ended, and with it what it says.
    pub(super) fn close(&mut self, path: &[&str], line: u64) -> Option<Result<Transfer, Misread>> {
        match path {
            ["OrgnlPmtInfAndSts", "TxInfAndSts"] => self.end_one(line),
            ["OrgnlPmtInfAndSts"] => {
                let part = std::mem::take(&mut self.part);
                self.told |= part.said.status.is_some();
                if !part.said.is_refused() {
                    return None;
                }
                let name = part.name.filter(|name| file_named(name).is_some());
                let Some(name) = name else {
                    return Some(Err((Place::Part, Check::ReportPart.into())));
                };
                let reason = part.said.reason.or_else(|| self.all.reason.clone());
                Some(Ok(self.refused(line, None, Some(name), part.sum, reason)))
            }
            [] => {
                self.told |= self.all.status.is_some();
                if !self.all.is_refused() {
                    return None;
                }
                let (file, sum) = (self.file.clone()?, self.sum);
                let reason = self.all.reason.clone();
                Some(Ok(self.refused(line, None, Some(file), sum, reason)))
            }
            _ => None,
        }
    }

    fn end_one(&mut self, line: u64) -> Option<Result<Transfer, Misread>> {
        let one = std::mem::take(&mut self.one);
        self.ones += 1;
        self.told |= one.said.status.is_some();
        let refused = match one.said.status {
            Some(_) => one.said.is_refused(),
            None => self.part.said.is_refused() || self.all.is_refused(),
        };
        if !refused {
            self.passed += 1;
            return None;
        }
        let place = Place::Transaction(self.ones);
        let name = one.name.filter(|name| debit_named(name).is_some());
        let Some(name) = name else {
            return Some(Err((place, Check::ReportDebit.into())));
        };
        let above = [&self.part.said.reason, &self.all.reason];
        let reason = one.said.reason.or_else(|| {
            let above = above.into_iter().flatten().next();
            above.cloned()
        });
        Some(Ok(self.refused(line, Some(name), None, one.amount, reason)))
    }

    fn refused(
        &mut self,
        line: u64,
        end_to_end: Option<String>,
        payment_file: Option<String>,
        amount: Option<Cents>,
        reason: Option<String>,
    ) -> Transfer {
        self.refused += 1;
        Transfer {
            line,
            kind: TransferKind::Refused,
            iban: String::new(),
            name: String::new(),
            batch: None,
            payment_file,
            amount: amount.unwrap_or(Cents::ZERO),
            currency: Currency::EUR,
            booked: self.day.unwrap_or(Date::MIN),
            value: None,
            party: None,
            references: Vec::new(),
            words: String::new(),
            info: String::new(),
            end_to_end,
            transaction: None,
            reason,
        }
    }

    /// All of it was read: what it says of itself, and what is wrong with it as a whole.
    pub(super) fn end(self) -> (Statement, Vec<Misread>) {
        let place = Place::Report(self.id.clone());
        let mut wrong = Vec::new();
        let mut lacks = |what: Wrong| wrong.push((place.clone(), what));
        if self.id.is_empty() {
            lacks(Check::ReportName.into());
        }
        if self.day.is_none() {
            lacks(Check::ReportDay.into());
        }
        let file = self.file.as_deref().unwrap_or_default();
        if !matches!(file_named(file), Some((_, None))) {
            lacks(match file {
                "" => Check::ReportFileMissing.into(),
                file => Wrong::found(Check::ReportFile, file),
            });
        }
        if !self.told {
            lacks(Check::ReportStatus.into());
        }
        let facts = Statement {
            id: self.id,
            from: self.day,
            to: self.day,
            entries: self.refused,
            ignored: self.passed,
            ..Statement::default()
        };
        (facts, wrong)
    }
}
