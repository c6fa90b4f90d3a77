//! Verified notices: kept as they came in one transaction, applied to the books in another, each
//! once. A death between the two leaves a notice that the next start applies.

use jiff::Timestamp;
use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber};
use kvit_pay::{About, ProviderName, VerifiedNotice, ledger::Entry};

use crate::{
    Allocate, Event, NoticeOutcome, NoticeRecord, PaymentRecord, Proposal, Received, RefusedRecord,
    Store, StoreError,
    audit::append,
    engine::{Row, Tx},
    ledger::{post, reverse},
    payments::{bills, joined, payment, stop_polling},
    rows::{corrupt, optional, optional_time, text, time, unsigned},
    sql::query,
};

const COLUMNS: &str = "n.id, n.provider, n.event, n.payment, n.account, n.bills, n.amount, n.currency, n.received_at, n.repeats, n.applied_at, n.outcome, o.account AS proposed, o.proposed_by, o.proposed_at";
const FROM: &str = "notices n LEFT JOIN proposals o ON o.notice = n.id AND o.approved_at IS NULL";
/// Who writes into the books for a payment system.
const SYSTEM: &str = "kvit";

impl Store {
    /// Keeps a notice and applies it. Told again it changes nothing, and gets the first answer.
    ///
    /// # Errors
    /// Where the database fails: then it must be told again.
    pub async fn receive_notice(
        &self,
        notice: &VerifiedNotice,
        now: Timestamp,
    ) -> Result<Received, StoreError> {
        let first = self.keep_notice(notice, now).await?;
        let outcome = self.apply_notice(&notice.key(), now).await?;
        Ok(Received { first, outcome })
    }

    /// Keeps a notice as it came; says whether it is the first of its key. Nothing is lost from
    /// here on, whatever becomes of this process.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn keep_notice(
        &self,
        notice: &VerifiedNotice,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (payment, account, bills) = match notice.about() {
            About::Payment(number) => (Some(*number), None, String::new()),
            About::Customer { account, bills } => (None, Some(account), joined(bills)),
        };
        let (amount, currency) = match notice.event() {
            kvit_pay::Event::Paid { amount, currency } => (amount, currency),
            _ => (None, None),
        };
        let key = notice.key();
        let mut tx = self.begin().await?;
        let kept = query(
            "INSERT INTO notices (id, provider, event, payment, account, bills, amount, currency, received, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind(&key)
        .bind(notice.provider())
        .bind(notice.event().as_str())
        .bind(payment)
        .bind(account)
        .bind(bills)
        .bind(amount)
        .bind(currency)
        .bind(notice.received().to_vec())
        .bind(now)
        .execute(&mut tx)
        .await?;
        if kept == 0 {
            query("UPDATE notices SET repeats = repeats + 1 WHERE id = $1")
                .bind(&key)
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(kept == 1)
    }

    /// Applies a kept notice to the books, once; says what became of it.
    ///
    /// # Errors
    /// Where the database fails, or there is no such notice.
    pub async fn apply_notice(
        &self,
        key: &str,
        now: Timestamp,
    ) -> Result<NoticeOutcome, StoreError> {
        let mut tx = self.begin().await?;
        let found = found(&mut tx, key).await?;
        // Notices of one payment are applied one after the other: a reversal has to see its payment.
        let turn = match (&found.payment, &found.account) {
            (Some(number), _) => format!("payment/{}/{number}", found.provider),
            (None, account) => format!("customer/{account:?}"),
        };
        tx.turn(&turn).await?;
        // Read again: somebody may have had the turn before.
        let found = self::found(&mut tx, key).await?;
        if let Some(outcome) = found.outcome {
            return Ok(outcome);
        }
        let outcome = apply(&mut tx, &found, now).await?;
        settle(&mut tx, key, outcome, now).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Applies what a death left kept and not applied, oldest first. Gives how many. One that cannot be
    /// read is logged and holds up no other.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn apply_waiting_notices(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let rows = query(
            "SELECT id FROM notices WHERE applied_at IS NULL ORDER BY received_at, id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pools)
        .await?;
        let mut applied = 0;
        for row in &rows {
            let key: String = row.get("id")?;
            match self.apply_notice(&key, now).await {
                Ok(_) => applied += 1,
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(
                        notice = key,
                        error = &error as &dyn std::error::Error,
                        "a notice cannot be applied"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(applied)
    }

    /// Counts something that came and was not believed. `why` is one of few words of ours.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_notice(
        &self,
        provider: &ProviderName,
        why: &'static str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        query("INSERT INTO refused_notices (provider, day, why, times, last_at) VALUES ($1, $2, $3, 1, $4) ON CONFLICT (provider, day, why) DO UPDATE SET times = refused_notices.times + 1, last_at = $4")
            .bind(provider)
            .bind(now.strftime("%Y-%m-%d").to_string())
            .bind(why)
            .bind(now)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// What was not believed lately, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refused_notices(&self, limit: usize) -> Result<Vec<RefusedRecord>, StoreError> {
        query("SELECT * FROM refused_notices ORDER BY day DESC, provider, why LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(RefusedRecord {
                    provider: row.get("provider")?,
                    day: row.get("day")?,
                    why: row.get("why")?,
                    times: unsigned(row, "times")?,
                    last_at: time(row, "last_at")?,
                })
            })
            .collect()
    }

    /// The latest notices, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notices(&self, limit: usize) -> Result<Vec<NoticeRecord>, StoreError> {
        query(format!(
            "SELECT {COLUMNS} FROM {FROM} ORDER BY n.received_at DESC, n.id LIMIT $1"
        ))
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// The notices that a person has to look at, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notices_for_people(&self, limit: usize) -> Result<Vec<NoticeRecord>, StoreError> {
        query(format!("SELECT {COLUMNS} FROM {FROM} WHERE n.outcome IN ($2, $3, $4, $5, $6) ORDER BY n.received_at DESC, n.id LIMIT $1"))
            .bind(limit)
            .bind(NoticeOutcome::FOR_PEOPLE[0].as_str())
            .bind(NoticeOutcome::FOR_PEOPLE[1].as_str())
            .bind(NoticeOutcome::FOR_PEOPLE[2].as_str())
            .bind(NoticeOutcome::FOR_PEOPLE[3].as_str())
            .bind(NoticeOutcome::FOR_PEOPLE[4].as_str())
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(record)
            .collect()
    }

    /// One person says whose unmatched money is. Said again, the last one counts.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn propose_allocation(
        &self,
        notice: &str,
        account: &CustomerNumber,
        by: &str,
        now: Timestamp,
    ) -> Result<Allocate, StoreError> {
        let mut tx = self.begin().await?;
        if unmatched(&mut tx, notice).await?.is_none() {
            return Ok(Allocate::NotUnmatched);
        }
        if !is_customer(&mut tx, account).await? {
            return Ok(Allocate::UnknownCustomer);
        }
        query("INSERT INTO proposals (notice, account, proposed_by, proposed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (notice) DO UPDATE SET account = $2, proposed_by = $3, proposed_at = $4 WHERE proposals.approved_at IS NULL")
            .bind(notice)
            .bind(account)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        append(&mut tx, &done("pay.allocate", account, notice, by, now)).await?;
        tx.commit().await?;
        Ok(Allocate::Done)
    }

    /// Another person approves, and the money goes into the customer's book.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn approve_allocation(
        &self,
        notice: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<Allocate, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(&format!("allocation/{notice}")).await?;
        let Some(amount) = unmatched(&mut tx, notice).await? else {
            return Ok(Allocate::NotUnmatched);
        };
        let row = query("SELECT account, proposed_by FROM proposals WHERE notice = $1")
            .bind(notice)
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(Allocate::NotProposed);
        };
        if row.get::<String>("proposed_by")? == by {
            return Ok(Allocate::SamePerson);
        }
        let account: CustomerNumber = text(&row, "account")?;
        let entry = Entry::allocation(&account, amount, Vec::new());
        post(
            &mut tx,
            &format!("allocation/{notice}"),
            &entry,
            Some(notice),
            by,
            now,
        )
        .await?;
        query("UPDATE proposals SET approved_by = $2, approved_at = $3 WHERE notice = $1")
            .bind(notice)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        append(&mut tx, &done("pay.approve", &account, notice, by, now)).await?;
        settle(&mut tx, notice, NoticeOutcome::Allocated, now).await?;
        tx.commit().await?;
        Ok(Allocate::Done)
    }
}

/// For the audit trail.
fn done(what: &str, account: &CustomerNumber, notice: &str, by: &str, at: Timestamp) -> Event {
    Event {
        at,
        who: by.to_owned(),
        what: what.to_owned(),
        subject: format!("customer/{account}"),
        detail: serde_json::json!({ "notice": notice }),
    }
}

/// A notice as it is applied.
struct Found {
    id: String,
    provider: ProviderName,
    event: String,
    payment: Option<u64>,
    account: Option<CustomerNumber>,
    bills: Vec<BillNumber>,
    amount: Option<Cents>,
    currency: Option<Currency>,
    outcome: Option<NoticeOutcome>,
}

async fn found(tx: &mut Tx, key: &str) -> Result<Found, StoreError> {
    let row = query("SELECT * FROM notices WHERE id = $1")
        .bind(key)
        .fetch_one(tx)
        .await?;
    Ok(Found {
        id: row.get("id")?,
        provider: text(&row, "provider")?,
        event: row.get("event")?,
        payment: optional_number(&row)?,
        account: optional(&row, "account")?,
        bills: bills(&row)?,
        amount: row.get::<Option<i64>>("amount")?.map(Cents::new),
        currency: optional(&row, "currency")?,
        outcome: outcome(&row)?,
    })
}

async fn apply(tx: &mut Tx, found: &Found, now: Timestamp) -> Result<NoticeOutcome, StoreError> {
    let begun = match found.payment {
        Some(number) => payment(&mut *tx, &found.provider, number).await?,
        None => None,
    };
    match found.event.as_str() {
        "paid" => paid(tx, found, begun, now).await,
        "reversed" => take_back(tx, found, now).await,
        "ordered" if begun.is_some() => Ok(NoticeOutcome::Noted),
        "declined" | "expired" if begun.is_some() => {
            let number = found.payment.unwrap_or_default();
            stop_polling(&mut *tx, &found.provider, number).await?;
            let settled = !standing_entries(tx, &found.provider, number)
                .await?
                .is_empty();
            Ok(if settled {
                NoticeOutcome::Contradiction
            } else {
                NoticeOutcome::Noted
            })
        }
        "ordered" | "declined" | "expired" => Ok(NoticeOutcome::UnknownPayment),
        other => Err(corrupt("event", other)),
    }
}

/// Money came.
async fn paid(
    tx: &mut Tx,
    found: &Found,
    begun: Option<PaymentRecord>,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    let (account, bills, amount) = match (&found.account, begun) {
        (Some(account), _) => {
            if !is_customer(tx, account).await? {
                return Ok(NoticeOutcome::UnknownCustomer);
            }
            let amount = found.amount.ok_or_else(|| corrupt("amount", "none"))?;
            (account.clone(), found.bills.clone(), amount)
        }
        (None, Some(begun)) => {
            stop_polling(&mut *tx, &found.provider, begun.number).await?;
            if found
                .currency
                .is_some_and(|currency| currency != begun.currency)
            {
                return Ok(NoticeOutcome::OtherCurrency);
            }
            match found.amount {
                Some(amount) if amount != begun.amount => {
                    aside(tx, found, amount, now).await?;
                    return Ok(NoticeOutcome::OtherAmount);
                }
                _ => (begun.account, begun.bills, begun.amount),
            }
        }
        (None, None) => {
            // Where the payment system leaves the amount to us, there is none to put aside.
            if let Some(amount) = found.amount {
                aside(tx, found, amount, now).await?;
            }
            return Ok(NoticeOutcome::UnknownPayment);
        }
    };
    let entry = Entry::payment(&found.provider, &account, amount, bills);
    post(tx, &found.id, &entry, Some(&found.id), SYSTEM, now).await?;
    // It may have been taken back before it was heard of.
    if let Some(number) = found.payment {
        let rows = query("SELECT id FROM notices WHERE provider = $1 AND payment = $2 AND event = 'reversed' AND outcome = $3")
            .bind(&found.provider)
            .bind(number)
            .bind(NoticeOutcome::NothingToReverse.as_str())
            .fetch_all(&mut *tx)
            .await?;
        if let Some(row) = rows.first() {
            let reversal: String = row.get("id")?;
            reverse(tx, &found.id, Some(&reversal), SYSTEM, now).await?;
            settle(tx, &reversal, NoticeOutcome::Reversed, now).await?;
        }
    }
    Ok(NoticeOutcome::Posted)
}

async fn aside(
    tx: &mut Tx,
    found: &Found,
    amount: Cents,
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = Entry::unmatched(&found.provider, amount);
    post(tx, &found.id, &entry, Some(&found.id), SYSTEM, now).await
}

/// Money goes back.
async fn take_back(
    tx: &mut Tx,
    found: &Found,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    let Some(number) = found.payment else {
        return Ok(NoticeOutcome::NothingToReverse);
    };
    stop_polling(&mut *tx, &found.provider, number).await?;
    let entries = standing_entries(tx, &found.provider, number).await?;
    for entry in &entries {
        reverse(tx, entry, Some(&found.id), SYSTEM, now).await?;
    }
    Ok(if entries.is_empty() {
        NoticeOutcome::NothingToReverse
    } else {
        NoticeOutcome::Reversed
    })
}

/// The entries that notices of a payment made, and that were not taken back.
async fn standing_entries(
    tx: &mut Tx,
    provider: &ProviderName,
    number: u64,
) -> Result<Vec<String>, StoreError> {
    query("SELECT j.id FROM notices n JOIN journal j ON j.id = n.id WHERE n.provider = $1 AND n.payment = $2 AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id) ORDER BY j.id")
        .bind(provider)
        .bind(number)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| Ok(row.get("id")?))
        .collect()
}

async fn is_customer(tx: &mut Tx, account: &CustomerNumber) -> Result<bool, StoreError> {
    let row = query("SELECT 1 FROM customers WHERE number = $1")
        .bind(account)
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

/// How much of a notice's money lies in the book of unmatched money, if it does.
async fn unmatched(tx: &mut Tx, notice: &str) -> Result<Option<Cents>, StoreError> {
    let row = query("SELECT n.outcome, p.cents FROM notices n JOIN postings p ON p.entry = n.id AND p.book = 'unmatched' WHERE n.id = $1 AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = n.id)")
        .bind(notice)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    if outcome(&row)? == Some(NoticeOutcome::Allocated) {
        return Ok(None);
    }
    Ok(Some(-Cents::new(row.get("cents")?)))
}

async fn settle(
    tx: &mut Tx,
    key: &str,
    outcome: NoticeOutcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE notices SET applied_at = COALESCE(applied_at, $2), outcome = $3 WHERE id = $1")
        .bind(key)
        .bind(now)
        .bind(outcome.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

fn outcome(row: &Row) -> Result<Option<NoticeOutcome>, StoreError> {
    let value: Option<String> = row.get("outcome")?;
    value
        .map(|value| NoticeOutcome::parse(&value).ok_or_else(|| corrupt("outcome", value)))
        .transpose()
}

fn optional_number(row: &Row) -> Result<Option<u64>, StoreError> {
    let value: Option<i64> = row.get("payment")?;
    value
        .map(|value| u64::try_from(value).map_err(|_| corrupt("payment", value)))
        .transpose()
}

fn record(row: &Row) -> Result<NoticeRecord, StoreError> {
    let proposal = match optional(row, "proposed")? {
        Some(account) => Some(Proposal {
            account,
            by: row.get("proposed_by")?,
            at: optional_time(row, "proposed_at")?.ok_or_else(|| corrupt("proposed_at", "none"))?,
        }),
        None => None,
    };
    Ok(NoticeRecord {
        id: row.get("id")?,
        provider: text(row, "provider")?,
        event: row.get("event")?,
        payment: optional_number(row)?,
        account: optional(row, "account")?,
        amount: row.get::<Option<i64>>("amount")?.map(Cents::new),
        currency: optional(row, "currency")?,
        received_at: time(row, "received_at")?,
        repeats: unsigned(row, "repeats")?,
        outcome: outcome(row)?,
        proposal,
    })
}
