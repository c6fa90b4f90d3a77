//! Autopay: which bills are collected, on which day, and what is told before.
//!
//! A bill is decided about once for each mandate: the debit and the mail that announces it are one transaction, so a
//! death before it leaves the bill to whoever comes next, and after it nobody looks at it again. Nothing is collected
//! whose mail has not left in time; what is paid or turned off meanwhile is not either, which is looked at again when a file
//! is prepared, and in the transaction that approves it.

use std::sync::Arc;

use jiff::{SignedDuration, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::{Language, Operator, ports::Clock};
use kvit_pay::{
    CreditorId, Iban,
    debit::{Collector, ORDER_DAYS, bank_day, bank_days_after, pay_otherwise_until},
};
use kvit_store::{DebitTerms, NewDebit, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::ports::Checkpoints;

/// How long the mail that announces a debit may take to leave. It is planned so much earlier.
const NOTICE_LEAVES: SignedDuration = SignedDuration::from_hours(24);
/// Days from the one on which a debit is decided about to the last one for paying in another way: on the first the
/// mail may still be leaving, the second is the customer's.
const FREE_DAYS: i64 = 2;
/// Days after its last day to pay on which a bill may still be decided about: workers may have slept.
const OVERDUE_DAYS_MAX: i64 = 7;
/// What a payer reads before the bill's number, and between it and the customer's.
const WORDS: (&str, &str) = ("Сметка", "клиент");
/// Days that a debit may be without a word of the bank before a person is asked to look.
pub const SILENT_DAYS: i64 = 10;

/// How the operator collects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebitRules {
    /// Under which identifier.
    pub creditor: CreditorId,
    /// The account that gets the money.
    pub iban: Iban,
    /// Its bank's BIC; may be empty.
    pub bic: String,
    /// So many days at least before a debit its customer has been told; earlier, where they would have no whole day to
    /// pay in another way.
    pub notice_days: u8,
}

impl DebitRules {
    /// The day on which a bill is collected that is decided about `today`: its last day to pay, or as soon behind
    /// it as it can be announced, and banks are open.
    #[must_use]
    pub fn day(&self, due: Date, today: Date) -> Date {
        bank_day(due.max(self.announced_for(today)))
    }

    /// The first day for which what is announced `today` is announced in time.
    fn announced_for(&self, today: Date) -> Date {
        let mut day = today.saturating_add((i64::from(self.notice_days) + 1).days());
        let free = today.saturating_add(FREE_DAYS.days());
        while pay_otherwise_until(day) < free {
            day = day.saturating_add(1.day());
        }
        day
    }

    /// Up to which last day to pay bills are decided about `today`: tomorrow would be too late for their day.
    fn newest(&self, today: Date) -> Date {
        let tomorrow = today.saturating_add(1.day());
        self.announced_for(tomorrow).saturating_sub(1.day())
    }

    /// How a file is made `today`.
    #[must_use]
    pub fn terms(&self, operator: &Operator, today: Date) -> DebitTerms {
        DebitTerms {
            collector: Collector {
                name: operator.name.get(Language::Bg).to_owned(),
                iban: self.iban.clone(),
                bic: self.bic.clone(),
            },
            words: WORDS,
            earliest: earliest(today),
            latest: bank_days_after(today, ORDER_DAYS),
        }
    }
}

/// The first day on which the bank can collect what it gets `today`.
#[must_use]
pub fn earliest(today: Date) -> Date {
    bank_day(today.saturating_add(1.day()))
}

/// Decides about bills of customers with a mandate.
pub struct Autopay {
    /// Bills, mandates, the queue.
    pub store: Store,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// How it is collected; `None` where the operator collects nothing, or nothing more.
    pub rules: Option<DebitRules>,
    /// Where the operator sits.
    pub zone: TimeZone,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutopayReport {
    /// Debits that were announced.
    pub announced: u64,
    /// Announced ones for which it is too late.
    pub dropped: u64,
    /// Mandates that ended by their age.
    pub expired: u64,
}

impl Autopay {
    /// One round over all that is to be decided now, or until `stop` is called.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn plan(&self, stop: &CancellationToken) -> Result<AutopayReport, StoreError> {
        let mut report = AutopayReport::default();
        let now = self.clock.now();
        let today = self.zone.to_datetime(now).date();
        while !stop.is_cancelled() {
            let dropped = self.store.drop_late_debits(earliest(today), now).await? as u64;
            report.dropped += dropped;
            if dropped == 0 {
                break;
            }
        }
        while !stop.is_cancelled() {
            let expired = self.store.expire_mandates(today, now).await? as u64;
            report.expired += expired;
            if expired == 0 {
                break;
            }
        }
        if let Some(rules) = &self.rules {
            self.announce(rules, today, stop, &mut report).await?;
        }
        Ok(report)
    }

    async fn announce(
        &self,
        rules: &DebitRules,
        today: Date,
        stop: &CancellationToken,
        report: &mut AutopayReport,
    ) -> Result<(), StoreError> {
        let oldest = today.saturating_sub(OVERDUE_DAYS_MAX.days());
        let newest = rules.newest(today);
        let mut after = None;
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let (found, next) = self
                .store
                .bills_to_debit(oldest, newest, after, now)
                .await?;
            let new: Vec<NewDebit> = found
                .into_iter()
                .map(|one| NewDebit {
                    mandate: one.mandate,
                    account: one.bill.account,
                    bill: one.bill.number,
                    amount: one.open,
                    day: rules.day(one.bill.due_date, today),
                    announced_by: now + NOTICE_LEAVES,
                })
                .collect();
            self.checkpoints.reached("before-debits-announced");
            report.announced += self.store.announce_debits(&new, now).await?;
            self.checkpoints.reached("after-debits-announced");
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_bill_is_collected_when_it_is_due_and_was_announced() {
        let rules = DebitRules {
            creditor: "DE98ZZZ09999999999".parse().expect("an identifier"),
            iban: "BG80BNBG96611020345678".parse().expect("an account"),
            bic: String::new(),
            notice_days: 5,
        };
        for (due, today, day) in [
            (date(2026, 11, 25), date(2026, 11, 16), date(2026, 11, 25)),
            // Too late to be announced for its day.
            (date(2026, 11, 25), date(2026, 11, 17), date(2026, 11, 26)),
            // A Saturday.
            (date(2026, 11, 28), date(2026, 11, 16), date(2026, 11, 30)),
        ] {
            assert_eq!(rules.day(due, today), day, "{due} {today}");
        }
        // Whatever the settings and the holidays: each bill is decided about on one day, early enough for its own day
        // where it is known by then, and its customer has a whole day and the notice that the mandate speaks of.
        for notice_days in [1, 5, 14] {
            let rules = DebitRules {
                notice_days,
                ..rules.clone()
            };
            let mut today = date(2026, 11, 1);
            while today < date(2027, 4, 20) {
                let tomorrow = today.tomorrow().expect("a day");
                let mut due = rules.newest(today).tomorrow().expect("a day");
                while due <= rules.newest(tomorrow) {
                    let day = rules.day(due, tomorrow);
                    assert_eq!(day, bank_day(due), "{due}, decided about {tomorrow}");
                    let told = tomorrow.saturating_add(1.day());
                    assert!(told.saturating_add(i64::from(notice_days).days()) <= day);
                    assert!(pay_otherwise_until(day) > told, "{day}");
                    due = due.tomorrow().expect("a day");
                }
                today = tomorrow;
            }
        }
        assert_eq!(earliest(date(2026, 11, 27)), date(2026, 11, 30));
    }
}
