//! A file of statements as one transfer after the other, and what is wrong with it.

use std::{
    collections::{HashMap, VecDeque},
    io::BufRead,
};

use kvit_billing::Cents;

use super::{
    Judged, Statement, StatementRules, Transfer, TransferKind, compact,
    entry::{Came, DETAILS_MAX, RawDetail, RawEntry},
    fault::{Check, Place, Wrong},
    rejected::Report,
    tag::Root,
    values::{coin, date, money, short, sign},
    xml::{Step, Xml},
};

/// The name space of all messages, before their name.
const SPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";
/// The versions of statements and notifications that are read.
const VERSIONS: std::ops::RangeInclusive<u8> = 2..=13;
/// The same of reports about orders.
const REPORT_VERSIONS: std::ops::RangeInclusive<u8> = 3..=14;

/// Reads a file of statements: an iterator over its transfers, in their order. What is in a faulty
/// entry is left out. Memory holds one entry.
pub struct StatementReader<'a, R> {
    xml: Xml<R>,
    rules: &'a StatementRules,
    judged: Judged,
    /// Whether balances belong to the message: camt.053.
    balanced: bool,
    statement: Option<Open>,
    entry: RawEntry,
    /// The report about direct debits that the file is.
    report: Option<Report>,
    ready: VecDeque<Transfer>,
    over: bool,
    ended: bool,
}

/// A statement under way.
#[derive(Default)]
pub(super) struct Open {
    pub(super) facts: Statement,
    pub(super) balance: RawBalance,
    /// Opening and closing by their codes, the interim ones last.
    opening: Option<Cents>,
    interim: Vec<Cents>,
    sum: i128,
    /// Entries, with those that are passed over.
    count: u64,
    /// An entry is left out, so the sum means nothing.
    faulty: bool,
    /// How often a name came, to tell apart what the bank gave one reference.
    names: HashMap<String, u32>,
}

#[derive(Default)]
pub(super) struct RawBalance {
    pub(super) code: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) sign: Option<String>,
    pub(super) day: Option<String>,
}

impl<'a, R: BufRead> StatementReader<'a, R> {
    /// Reads from `source`.
    pub fn new(source: R, rules: &'a StatementRules) -> Self {
        Self {
            xml: Xml::new(source),
            rules,
            judged: Judged::default(),
            balanced: false,
            statement: None,
            entry: RawEntry::default(),
            report: None,
            ready: VecDeque::new(),
            over: false,
            ended: false,
        }
    }

    /// Whether the file was read to its end. Where it was not, no transfer comes any more all the same.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// What the file is and what is wrong with it. Whatever was not read yet is read.
    #[must_use]
    pub fn judged(mut self) -> Judged {
        while self.next().is_some() {}
        self.judged
    }

    fn step(&mut self) {
        match self.xml.step() {
            Ok(Step::Open) => self.open(),
            Ok(Step::Close { leaf }) => self.close(leaf),
            Ok(Step::End) => {
                self.over = true;
                self.ended = true;
                if self.judged.statements.is_empty() && self.judged.faults_counted == 0 {
                    self.fault(Place::File, Check::NoStatement.into());
                }
            }
            Err(broken) => self.stop(broken),
        }
    }

    fn open(&mut self) {
        if self.judged.format.is_empty() {
            let root = self.xml.root().cloned().unwrap_or_default();
            match format(&root) {
                Some((format, message)) => {
                    self.judged.format = format;
                    self.balanced = message == Message::Statement;
                    self.report = (message == Message::Report).then(Report::default);
                }
                None => self.stop(strange(&root)),
            }
            return;
        }
        if let Some(report) = &mut self.report {
            if let ["Document", _, rest @ ..] = self.xml.path() {
                report.open(rest);
            }
            return;
        }
        match self.xml.path() {
            ["Document", _, "Stmt" | "Ntfctn"] => {
                // Twelve in one file are a year; names are told apart within one.
                self.statement = Some(Open::default());
            }
            ["Document", _, _, "Ntry"] => self.entry = RawEntry::default(),
            ["Document", _, _, "Ntry", "NtryDtls", "TxDtls"] => {
                if self.entry.details.len() < DETAILS_MAX {
                    self.entry.details.push(RawDetail::default());
                } else {
                    self.entry.overfull = true;
                }
            }
            ["Document", _, _, "Ntry", "NtryDtls", "TxDtls", "RtrInf"] => {
                if let Some(detail) = self.entry.details.last_mut() {
                    detail.returned = true;
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, leaf: bool) {
        if self.report.is_some() {
            return self.close_in_report(leaf);
        }
        let path = self.xml.path();
        match path {
            ["Document", _, "Stmt" | "Ntfctn"] => self.end_statement(),
            ["Document", _, _, "Ntry"] => self.end_entry(),
            ["Document", _, _, "Bal"] => self.end_balance(),
            ["Document", _, "Stmt" | "Ntfctn", rest @ ..] if leaf => {
                let text = self.xml.text();
                let currency = self.xml.currency();
                match rest {
                    ["Ntry", rest @ ..] => self.entry.take(rest, text, currency),
                    rest => {
                        if let Some(open) = &mut self.statement {
                            open.take(rest, text, currency);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn close_in_report(&mut self, leaf: bool) {
        let (Some(report), ["Document", message, rest @ ..]) = (&mut self.report, self.xml.path())
        else {
            return;
        };
        if leaf {
            report.take(rest, self.xml.text());
        }
        let said = report.close(rest, self.xml.line());
        if rest.is_empty() && *message == "CstmrPmtStsRpt" {
            let (facts, wrong) = std::mem::take(report).end();
            self.judged.statements.push(facts);
            for (place, wrong) in wrong {
                self.fault(place, wrong);
            }
        }
        match said {
            Some(Ok(transfer)) => self.ready.push_back(transfer),
            Some(Err((place, wrong))) => self.fault(place, wrong),
            None => {}
        }
    }

    fn end_balance(&mut self) {
        let Some(open) = &mut self.statement else {
            return;
        };
        let balance = std::mem::take(&mut open.balance);
        let read = |text: &Option<String>| text.as_deref().and_then(money);
        let credit = balance.sign.as_deref().and_then(sign);
        let (Some(amount), Some(credit)) = (read(&balance.amount), credit) else {
            self.fault_here(Check::BalanceIncomplete.into());
            return;
        };
        let amount = if credit { amount } else { -amount };
        let day = balance.day.as_deref().and_then(date);
        match balance.code.as_deref() {
            Some("OPBD" | "PRCD") if open.opening.is_none() => {
                open.opening = Some(amount);
                open.facts.from = open.facts.from.or(day);
            }
            Some("CLBD") => {
                open.facts.closing = Some(amount);
                open.facts.to = open.facts.to.or(day);
            }
            // Where a statement is cut into files, those in the middle have interim balances.
            Some("ITBD") => open.interim.push(amount),
            _ => return,
        }
        let found = balance.currency.as_deref().and_then(coin);
        if let (Some(found), Some(ours)) = (found, self.rules.currency)
            && found != ours
        {
            self.fault_here(Wrong::found(Check::BalanceCurrency, found.as_str()).expected(ours));
        }
    }

    fn end_entry(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        let Some(open) = &mut self.statement else {
            return;
        };
        open.count += 1;
        let number = entry.number.as_deref().map(|number| short(number, 40));
        let place = Place::Entry(open.count, number);
        let mut wrong = Vec::new();
        let line = self.xml.line();
        let came = entry.read(&open.facts.iban, line, self.rules, &mut wrong);
        match came {
            Some(Came::Ignored) => open.facts.ignored += 1,
            Some(Came::Moved(sum, transfers)) => {
                open.facts.entries += 1;
                open.sum += i128::from(sum.get());
                for transfer in transfers {
                    self.ready.push_back(open.told_apart(transfer));
                }
            }
            None => open.faulty = true,
        }
        for wrong in wrong {
            self.fault(place.clone(), wrong);
        }
    }

    fn end_statement(&mut self) {
        let Some(mut open) = self.statement.take() else {
            return;
        };
        let mut interim = open.interim.into_iter();
        open.facts.opening = open.opening.or_else(|| interim.next());
        open.facts.closing = open.facts.closing.or_else(|| interim.next_back());
        let Statement {
            id,
            iban,
            opening,
            closing,
            ..
        } = &open.facts;
        let place = Place::Statement(id.clone());
        let mut faults: Vec<Wrong> = Vec::new();
        if id.is_empty() {
            faults.push(Check::StatementName.into());
        }
        let ours = self.rules.ibans.iter().any(|own| compact(own) == *iban);
        if !ours {
            let own: Vec<String> = self.rules.ibans.iter().map(|iban| compact(iban)).collect();
            let found = match iban.as_str() {
                "" => Check::AccountMissing.into(),
                iban => Wrong::found(Check::AccountOther, iban),
            };
            faults.push(found.expected(own.join(", ")));
        }
        if self.balanced && !open.faulty {
            match (opening, closing) {
                (Some(opening), Some(closing)) => {
                    let moved = i128::from(closing.get()) - i128::from(opening.get());
                    if moved != open.sum {
                        let expected = format!("{} ({opening} → {closing})", plain(moved));
                        let found = Wrong::found(Check::EntriesSum, &plain(open.sum));
                        faults.push(found.expected(expected));
                    }
                }
                _ => faults.push(Check::BalancesMissing.into()),
            }
        }
        for wrong in faults {
            self.fault(place.clone(), wrong);
        }
        self.judged.statements.push(open.facts);
    }

    /// A fault at the statement that is under way.
    fn fault_here(&mut self, wrong: Wrong) {
        let id = self.statement.as_ref().map(|open| open.facts.id.clone());
        self.fault(Place::Statement(id.unwrap_or_default()), wrong);
    }

    fn fault(&mut self, place: Place, wrong: Wrong) {
        self.judged.fault(wrong.at(self.xml.line(), place));
    }

    /// A fault behind which nothing can be read.
    fn stop(&mut self, wrong: Wrong) {
        self.fault(Place::File, wrong);
        self.over = true;
    }
}

impl<R: BufRead> Iterator for StatementReader<'_, R> {
    type Item = Transfer;

    fn next(&mut self) -> Option<Transfer> {
        loop {
            if let Some(transfer) = self.ready.pop_front() {
                return Some(transfer);
            }
            if self.over {
                return None;
            }
            self.step();
        }
    }
}

impl Open {
    /// Some banks give several payments of a day one reference: the second is told apart by its count. The
    /// operator's own payments are named by their entry, so that its sum and its parts have one name, and told
    /// apart where what the operator called them is the same too.
    fn told_apart(&mut self, mut transfer: Transfer) -> Transfer {
        let among = if transfer.kind == TransferKind::Spent {
            if let Some(entry) = &transfer.batch {
                transfer.name.clone_from(entry);
            }
            let ours = [&transfer.end_to_end, &transfer.payment_file];
            ours.map(|name| name.as_deref().unwrap_or_default())
                .join("/")
        } else {
            (transfer.kind == TransferKind::TakenBack).to_string()
        };
        let count = self
            .names
            .entry(format!("{among}/{}", transfer.name))
            .or_default();
        *count += 1;
        if *count > 1 {
            transfer.name = format!("{}~{count}", transfer.name);
        }
        transfer
    }
}

/// The messages that are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    /// With balances.
    Statement,
    /// Without.
    Notification,
    /// About orders, without an account.
    Report,
}

/// The message, where it is one of those that are read.
fn format(root: &Root) -> Option<(String, Message)> {
    let name = root.space.strip_prefix(SPACE)?;
    let (message, version) = name.rsplit_once('.')?;
    let (message, versions) = match message {
        "camt.053.001" => (Message::Statement, VERSIONS),
        "camt.054.001" => (Message::Notification, VERSIONS),
        "pain.002.001" => (Message::Report, REPORT_VERSIONS),
        _ => return None,
    };
    let digits = version.len() == 2 && version.bytes().all(|byte| byte.is_ascii_digit());
    let known = digits && versions.contains(&version.parse().ok()?);
    (known && root.name == "Document").then(|| (name.to_owned(), message))
}

/// Another file.
fn strange(root: &Root) -> Wrong {
    match root.space.strip_prefix(SPACE) {
        Some(message) if root.name == "Document" => Wrong::found(Check::MessageOther, message),
        _ => Wrong::found(Check::DocumentOther, &root.name),
    }
}

/// Cents of any size as an amount.
fn plain(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}
