//! One entry of a statement, from the texts in it to what moved.

use jiff::civil::Date;
use kvit_billing::{Cents, Currency};

use super::{
    StatementRules, Transfer, TransferKind, compact,
    fault::{Check, Wrong},
    transfer::named,
    values::{coin, date, money, reference, short, sign},
};
use crate::debit::debit_named;

/// The most transactions of one entry.
pub(super) const DETAILS_MAX: usize = 20_000;
/// Letters that are kept of what a payer wrote, and of what the bank adds.
const WORDS_MAX: usize = 500;
/// Letters that are kept of a name.
const NAME_MAX: usize = 140;
/// Letters that are kept of a reason: a code of four, or the bank's own.
const REASON_MAX: usize = 35;
/// Creditor references that are kept of a transaction.
const REFERENCES_MAX: usize = 10;

/// What the bank takes for its own work, by the codes of ISO 20022 (sub-families of external codes): fees and
/// commissions, taxed or not.
const FEES: [&str; 6] = ["CHRG", "FEES", "COMM", "COME", "COMI", "COMT"];

/// An entry as it stands in the file.
#[derive(Debug, Default)]
pub(super) struct RawEntry {
    pub(super) amount: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) sign: Option<String>,
    pub(super) reversal: Option<String>,
    pub(super) status: Option<String>,
    pub(super) booked: Option<String>,
    pub(super) value: Option<String>,
    pub(super) bank_ref: Option<String>,
    pub(super) number: Option<String>,
    pub(super) info: Option<String>,
    pub(super) payment_file: Option<String>,
    /// The bank's code for what it is.
    pub(super) code: Option<String>,
    pub(super) details: Vec<RawDetail>,
    /// More transactions than are read.
    pub(super) overfull: bool,
}

/// A transaction of an entry as it stands in the file.
#[derive(Debug, Default)]
pub(super) struct RawDetail {
    pub(super) bank_ref: Option<String>,
    pub(super) code: Option<String>,
    pub(super) end_to_end: Option<String>,
    pub(super) transaction: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) debtor: Option<String>,
    pub(super) debtor_iban: Option<String>,
    pub(super) ultimate_debtor: Option<String>,
    pub(super) creditor: Option<String>,
    pub(super) words: String,
    pub(super) references: Vec<String>,
    pub(super) info: Option<String>,
    /// It is the return of an earlier one.
    pub(super) returned: bool,
    /// Why.
    pub(super) reason: Option<String>,
}

impl RawDetail {
    pub(super) fn add_words(&mut self, text: &str) {
        if !self.words.is_empty() {
            self.words.push(' ');
        }
        let room = WORDS_MAX.saturating_sub(self.words.chars().count());
        // Bytes that no payer wrote and some databases refuse.
        let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        self.words.extend(clean.take(room));
    }

    pub(super) fn add_reference(&mut self, text: &str) {
        if self.references.len() < REFERENCES_MAX && !text.is_empty() {
            self.references.push(short(text, 40));
        }
    }
}

/// What an entry comes to.
pub(super) enum Came {
    /// Not booked, or of nothing.
    Ignored,
    /// Money moved: so much in sum, negative where it left the account.
    Moved(Cents, Vec<Transfer>),
}

impl RawEntry {
    /// Reads the entry; pushes everything that is wrong, and gives what moved where nothing is.
    pub(super) fn read(
        self,
        iban: &str,
        line: u64,
        rules: &StatementRules,
        wrong: &mut Vec<Wrong>,
    ) -> Option<Came> {
        let before = wrong.len();
        match self.status.as_deref() {
            Some("BOOK") => {}
            Some(_) => return Some(Came::Ignored),
            None => wrong.push(Check::EntryStatus.into()),
        }
        let codes = (Check::EntryAmountMissing, Check::EntryAmount);
        let amount = need(self.amount.as_deref(), codes, money, wrong);
        let codes = (Check::EntryCurrencyMissing, Check::EntryCurrencyCode);
        let currency = need(self.currency.as_deref(), codes, coin, wrong);
        if let (Some(currency), Some(ours)) = (currency, rules.currency)
            && currency != ours
        {
            wrong.push(Wrong::found(Check::EntryCurrency, currency.as_str()).expected(ours));
        }
        let codes = (Check::DirectionMissing, Check::Direction);
        let credit = need(self.sign.as_deref(), codes, sign, wrong);
        let reversal = match self.reversal.as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(other) => {
                wrong.push(Wrong::found(Check::EntryReversal, other));
                false
            }
        };
        let booked = self.booked.as_deref().or(self.value.as_deref());
        let codes = (Check::BookedOnMissing, Check::BookedOn);
        let booked = need(booked, codes, date, wrong);
        let value = self.value.as_deref().and_then(date);
        if self.overfull {
            wrong.push(Wrong::from(Check::EntryTransactions).expected(DETAILS_MAX));
        }
        if wrong.len() > before {
            return None;
        }
        let (amount, currency, credit, booked) = (amount?, currency?, credit?, booked?);
        if amount == Cents::ZERO {
            return Some(Came::Ignored);
        }
        let whole = Whole {
            iban,
            line,
            amount,
            currency,
            credit,
            reversal,
            booked,
            value,
        };
        let transfers = whole.transfers(self, rules);
        if transfers
            .iter()
            .any(|transfer| transfer.name.is_empty() && transfer.kind != TransferKind::Spent)
        {
            wrong.push(Check::EntryReference.into());
            return None;
        }
        Some(Came::Moved(whole.signed(), transfers))
    }
}

/// What holds for all of an entry.
struct Whole<'a> {
    iban: &'a str,
    line: u64,
    amount: Cents,
    currency: Currency,
    credit: bool,
    reversal: bool,
    booked: Date,
    value: Option<Date>,
}

impl Whole<'_> {
    fn signed(&self) -> Cents {
        if self.credit {
            self.amount
        } else {
            -self.amount
        }
    }

    fn transfers(&self, entry: RawEntry, rules: &StatementRules) -> Vec<Transfer> {
        let own = entry.bank_ref.as_deref().and_then(reference);
        let info = entry.info.unwrap_or_default();
        let payment_file = entry.payment_file;
        let mut details = entry.details;
        for detail in &mut details {
            detail.code = detail.code.take().or_else(|| entry.code.clone());
        }
        if let Some(amounts) = self.amounts(&details) {
            let names = names(self.iban, own.as_deref(), &details);
            let batch = own.map(|own| named(self.iban, &own));
            let all = details.into_iter().zip(amounts).zip(names);
            return all
                .map(|((detail, amount), name)| Transfer {
                    batch: batch.clone(),
                    ..self.transfer(detail, amount, name, &info, rules)
                })
                .collect();
        }
        // One transaction, or several of which it is not known how much each is: then people have to
        // see whose it is.
        let detail = if details.len() == 1 {
            details.remove(0)
        } else {
            RawDetail::default()
        };
        let name = own
            .or_else(|| detail.bank_ref.as_deref().and_then(reference))
            .or_else(|| detail.transaction.as_deref().and_then(reference));
        let name = name.map(|name| named(self.iban, &name)).unwrap_or_default();
        vec![Transfer {
            payment_file,
            ..self.transfer(detail, self.amount, name, &info, rules)
        }]
    }

    /// How much each of several transactions is, where they say it and it adds up to the entry.
    fn amounts(&self, details: &[RawDetail]) -> Option<Vec<Cents>> {
        if details.len() < 2 {
            return None;
        }
        let mut sum = 0_i128;
        let mut amounts = Vec::with_capacity(details.len());
        for detail in details {
            let amount = money(detail.amount.as_deref()?)?;
            let currency = detail.currency.as_deref().and_then(coin);
            if currency.is_some_and(|currency| currency != self.currency) || amount == Cents::ZERO {
                return None;
            }
            sum += i128::from(amount.get());
            amounts.push(amount);
        }
        (sum == i128::from(self.amount.get())).then_some(amounts)
    }

    fn transfer(
        &self,
        detail: RawDetail,
        amount: Cents,
        name: String,
        entry_info: &str,
        rules: &StatementRules,
    ) -> Transfer {
        // Money of a debit that leaves goes back, also where the bank does not mark it as a return.
        let debit = detail.end_to_end.as_deref().and_then(debit_named);
        // But not what the bank takes for it, where it is no return by the bank's own mark.
        let fee = detail
            .code
            .as_deref()
            .is_some_and(|code| FEES.contains(&code));
        let gone = !self.credit && debit.is_some() && !fee;
        let taken_back = self.reversal || detail.returned || gone;
        let info = [detail.info.as_deref().unwrap_or_default(), entry_info]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let kind = match (self.credit, taken_back) {
            (true, true) => TransferKind::CameBack,
            (true, false) => payout(&detail, &info, rules),
            (false, true) => TransferKind::TakenBack,
            (false, false) => TransferKind::Spent,
        };
        // Whoever had paid gets money that is taken back.
        let party = if self.credit {
            detail.debtor.or(detail.ultimate_debtor)
        } else {
            detail.creditor.or(detail.debtor)
        };
        Transfer {
            line: self.line,
            kind,
            iban: self.iban.to_owned(),
            name,
            batch: None,
            payment_file: None,
            amount,
            currency: self.currency,
            booked: self.booked,
            value: self.value,
            party: party.map(|name| short(&name, NAME_MAX)),
            references: detail.references,
            words: detail.words,
            info: short(&info, WORDS_MAX),
            end_to_end: detail.end_to_end.as_deref().and_then(reference),
            transaction: detail.transaction.as_deref().and_then(reference),
            reason: detail.reason.map(|reason| short(&reason, REASON_MAX)),
        }
    }
}

/// Whether a payment system hands over what it collected. Text tells only where the bank names no
/// account of the payer: what a customer wrote must not decide.
fn payout(detail: &RawDetail, info: &str, rules: &StatementRules) -> TransferKind {
    let from = detail.debtor_iban.as_deref().map(compact);
    let said = [&detail.words, info].map(|text| text.to_lowercase());
    let found = rules.payouts.iter().find(|payout| match &from {
        Some(from) => payout.ibans.iter().any(|iban| compact(iban) == *from),
        None => {
            let text = payout.text.trim().to_lowercase();
            !text.is_empty() && said.iter().any(|said| said.contains(&text))
        }
    });
    found.map_or(TransferKind::Payment, |payout| {
        TransferKind::Payout(payout.provider.clone())
    })
}

/// The names of several transactions: their own references where each has one, else their places in
/// the entry. Empty where there is neither.
fn names(iban: &str, entry: Option<&str>, details: &[RawDetail]) -> Vec<String> {
    let own: Vec<Option<String>> = details
        .iter()
        .map(|detail| detail.bank_ref.as_deref().and_then(reference))
        .collect();
    let mut distinct: Vec<_> = own
        .iter()
        .flatten()
        .map(String::as_str)
        .chain(entry)
        .collect();
    distinct.sort_unstable();
    distinct.dedup();
    let whole = distinct.len() == details.len() + usize::from(entry.is_some());
    let place = |at: usize| match entry {
        Some(entry) => format!("{}/{}", named(iban, entry), at + 1),
        None => String::new(),
    };
    (0..details.len())
        .map(|at| match &own[at] {
            Some(own) if whole => named(iban, own),
            _ => place(at),
        })
        .collect()
}

/// A value that has to be there: what is wrong where it is not, and where it is not one.
fn need<T>(
    text: Option<&str>,
    (missing, odd): (Check, Check),
    read: fn(&str) -> Option<T>,
    wrong: &mut Vec<Wrong>,
) -> Option<T> {
    let value = text.and_then(read);
    if value.is_none() {
        wrong.push(match text {
            Some(text) => Wrong::found(odd, text),
            None => missing.into(),
        });
    }
    value
}
