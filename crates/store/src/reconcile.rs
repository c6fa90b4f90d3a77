//! Notices that people have to look at: whose their money is, that it went back, or that nothing is to be
//! done. One person says it, another approves.

use jiff::Timestamp;
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::ledger::Entry;

use crate::{
    Allocate, Event, NoticeOutcome, NoticeRecord, Proposal, Settle, Store, StoreError,
    apply::{SYSTEM, is_customer, settle, standing_entries},
    audit::append,
    engine::{Row, Tx},
    ledger::{post, reverse},
    notices::{Found, find, optional_number, outcome},
    rows::{corrupt, optional, optional_time, text, time, unsigned},
    sql::query,
};

const COLUMNS: &str = "n.id, n.provider, n.event, n.payment, n.account, n.bills, n.amount, n.currency, n.received_at, n.repeats, n.applied_at, n.outcome, o.account AS proposed, o.amount AS proposed_amount, o.proposed_by, o.proposed_at, s.why AS settle_why, s.proposed_by AS settle_by";
const FROM: &str = "notices n LEFT JOIN proposals o ON o.notice = n.id AND o.approved_at IS NULL LEFT JOIN settlements s ON s.notice = n.id AND s.approved_at IS NULL";

impl Store {
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

    /// The notices that a person has to look at, oldest first: what waits longest is never left off.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn notices_for_people(&self, limit: usize) -> Result<Vec<NoticeRecord>, StoreError> {
        let words = NoticeOutcome::FOR_PEOPLE.map(|outcome| format!("'{}'", outcome.as_str()));
        query(format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE n.outcome IN ({}) ORDER BY n.received_at, n.id LIMIT $1",
            words.join(", ")
        ))
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// One person says whose a notice's money is, and how much it is where the payment system did not.
    /// Said again, the last one counts.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn propose_allocation(
        &self,
        notice: &str,
        account: &CustomerNumber,
        amount: Option<Cents>,
        by: &str,
        now: Timestamp,
    ) -> Result<Allocate, StoreError> {
        let mut tx = self.begin().await?;
        let Some(found) = in_turn(&mut tx, notice).await? else {
            return Ok(Allocate::NotUnmatched);
        };
        match (money(&mut tx, &found).await?, amount) {
            (Unowned::Nothing, _) => return Ok(Allocate::NotUnmatched),
            (Unowned::InBooks(known), Some(said)) if known != said => {
                return Ok(Allocate::OtherAmount(known));
            }
            (Unowned::Untold, None) => return Ok(Allocate::AmountNeeded),
            _ => {}
        }
        if !is_customer(&mut tx, account).await? {
            return Ok(Allocate::UnknownCustomer);
        }
        let said = query("INSERT INTO proposals (notice, account, proposed_by, proposed_at, amount) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (notice) DO UPDATE SET account = $2, proposed_by = $3, proposed_at = $4, amount = $5 WHERE proposals.approved_at IS NULL")
            .bind(notice)
            .bind(account)
            .bind(by)
            .bind(now)
            .bind(amount)
            .execute(&mut tx)
            .await?;
        if said == 0 {
            return Ok(Allocate::NotUnmatched);
        }
        append(
            &mut tx,
            &allocation("pay.allocate", account, notice, by, now),
        )
        .await?;
        tx.commit().await?;
        Ok(Allocate::Done)
    }

    /// Another person approves that it is this customer's, and the money goes into the customer's book.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn approve_allocation(
        &self,
        notice: &str,
        to: &CustomerNumber,
        by: &str,
        now: Timestamp,
    ) -> Result<Allocate, StoreError> {
        let mut tx = self.begin().await?;
        let Some(found) = in_turn(&mut tx, notice).await? else {
            return Ok(Allocate::NotUnmatched);
        };
        let held = money(&mut tx, &found).await?;
        if held == Unowned::Nothing {
            return Ok(Allocate::NotUnmatched);
        }
        let row = query("SELECT account, amount, proposed_by FROM proposals WHERE notice = $1 AND approved_at IS NULL")
            .bind(notice)
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(Allocate::NotProposed);
        };
        if same_person(&row.get::<String>("proposed_by")?, by) {
            return Ok(Allocate::SamePerson);
        }
        let account: CustomerNumber = text(&row, "account")?;
        if account != *to {
            return Ok(Allocate::OtherCustomer);
        }
        let said = row.get::<Option<i64>>("amount")?.map(Cents::new);
        let amount = match (held, said) {
            (Unowned::InBooks(amount), _) => amount,
            (_, Some(amount)) => {
                let entry = Entry::unmatched(&found.provider, amount);
                post(&mut tx, notice, &entry, Some(notice), SYSTEM, now).await?;
                amount
            }
            (_, None) => return Ok(Allocate::AmountNeeded),
        };
        let entry = Entry::allocation(&account, amount, Vec::new());
        let id = format!("allocation/{notice}");
        post(&mut tx, &id, &entry, Some(notice), by, now).await?;
        query("UPDATE proposals SET approved_by = $2, approved_at = $3 WHERE notice = $1")
            .bind(notice)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        // What somebody said of it before it was a customer's is no word about the customer's money.
        query("DELETE FROM settlements WHERE notice = $1 AND approved_at IS NULL")
            .bind(notice)
            .execute(&mut tx)
            .await?;
        append(
            &mut tx,
            &allocation("pay.approve", &account, notice, by, now),
        )
        .await?;
        settle(&mut tx, notice, NoticeOutcome::Allocated, now).await?;
        tx.commit().await?;
        Ok(Allocate::Done)
    }

    /// One person says that nothing is to be done about a notice, and why; another says so too, and it is
    /// off the list. Money that lies in a book is not settled by words.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn settle_notice(
        &self,
        notice: &str,
        why: Option<&str>,
        by: &str,
        now: Timestamp,
    ) -> Result<Settle, StoreError> {
        let mut tx = self.begin().await?;
        let found = in_turn(&mut tx, notice).await?;
        let Some(found) = found.filter(is_for_people) else {
            return Ok(Settle::NotForPeople);
        };
        if matches!(money(&mut tx, &found).await?, Unowned::InBooks(_)) {
            return Ok(Settle::HoldsMoney);
        }
        let said = agreed(&mut tx, notice, why, by, now).await?;
        let what = match said {
            Settle::Done => {
                // What comes after this moment is news again.
                query("UPDATE notices SET applied_at = $2, outcome = $3 WHERE id = $1")
                    .bind(notice)
                    .bind(now)
                    .bind(NoticeOutcome::Settled.as_str())
                    .execute(&mut tx)
                    .await?;
                "pay.settle"
            }
            Settle::Proposed => "pay.propose-settling",
            other => return Ok(other),
        };
        append(&mut tx, &about(what, notice, why, by, now)).await?;
        tx.commit().await?;
        Ok(said)
    }

    /// One person says that the money of a notice went back, which its payment system did not say or not
    /// clearly, and why; another says so too, and every entry that the notice made is reversed.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reverse_payment(
        &self,
        notice: &str,
        why: Option<&str>,
        by: &str,
        now: Timestamp,
    ) -> Result<Settle, StoreError> {
        let mut tx = self.begin().await?;
        let Some(found) = in_turn(&mut tx, notice).await? else {
            return Ok(Settle::NotForPeople);
        };
        let entries = standing_entries(&mut tx, notice).await?;
        let Some(outcome) = found.outcome.filter(|_| !entries.is_empty()) else {
            return Ok(Settle::NotForPeople);
        };
        let said = agreed(&mut tx, notice, why, by, now).await?;
        let what = match said {
            Settle::Done => {
                for entry in &entries {
                    reverse(&mut tx, entry, None, by, now).await?;
                }
                if outcome != NoticeOutcome::Posted {
                    settle(&mut tx, notice, NoticeOutcome::Reversed, now).await?;
                }
                "pay.reverse"
            }
            Settle::Proposed => "pay.propose-reversal",
            other => return Ok(other),
        };
        append(&mut tx, &about(what, notice, why, by, now)).await?;
        tx.commit().await?;
        Ok(said)
    }
}

/// Whether two people say something about a notice: the first is stored, with why.
async fn agreed(
    tx: &mut Tx,
    notice: &str,
    why: Option<&str>,
    by: &str,
    now: Timestamp,
) -> Result<Settle, StoreError> {
    let row =
        query("SELECT proposed_by FROM settlements WHERE notice = $1 AND approved_at IS NULL")
            .bind(notice)
            .fetch_optional(&mut *tx)
            .await?;
    let other = match row {
        Some(row) => !same_person(&row.get::<String>("proposed_by")?, by),
        None => false,
    };
    if other {
        query("UPDATE settlements SET approved_by = $2, approved_at = $3 WHERE notice = $1")
            .bind(notice)
            .bind(by)
            .bind(now)
            .execute(tx)
            .await?;
        return Ok(Settle::Done);
    }
    let Some(why) = why else {
        return Ok(Settle::WhyNeeded);
    };
    query("INSERT INTO settlements (notice, why, proposed_by, proposed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (notice) DO UPDATE SET why = $2, proposed_by = $3, proposed_at = $4, approved_by = NULL, approved_at = NULL")
        .bind(notice)
        .bind(why)
        .bind(by)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(Settle::Proposed)
}

/// For the audit trail.
fn about(what: &str, notice: &str, why: Option<&str>, by: &str, at: Timestamp) -> Event {
    Event {
        at,
        who: by.to_owned(),
        what: what.to_owned(),
        subject: format!("notice/{notice}"),
        detail: serde_json::json!({ "why": why }),
    }
}

/// For the audit trail.
fn allocation(
    what: &str,
    account: &CustomerNumber,
    notice: &str,
    by: &str,
    at: Timestamp,
) -> Event {
    Event {
        at,
        who: by.to_owned(),
        what: what.to_owned(),
        subject: format!("customer/{account}"),
        detail: serde_json::json!({ "notice": notice }),
    }
}

/// Whether two names are one person's, at a console or signed in.
pub(crate) fn same_person(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let name = name.trim().to_lowercase();
        let bare = name
            .strip_prefix("console:")
            .map(|name| name.trim().to_owned());
        bare.unwrap_or(name)
    };
    plain(one) == plain(other)
}

/// A notice, in its turn: a reversal of it waits, or has come.
async fn in_turn(tx: &mut Tx, notice: &str) -> Result<Option<Found>, StoreError> {
    let Some(found) = find(tx, notice).await? else {
        return Ok(None);
    };
    tx.turn(&found.turn()).await?;
    find(tx, notice).await
}

fn is_for_people(found: &Found) -> bool {
    found
        .outcome
        .is_some_and(|outcome| NoticeOutcome::FOR_PEOPLE.contains(&outcome))
}

/// Money of a notice that is nobody's yet.
#[derive(PartialEq, Eq)]
enum Unowned {
    /// None, or not any more.
    Nothing,
    /// So much of it lies in the book of unmatched money.
    InBooks(Cents),
    /// It came, and a person has to say how much.
    Untold,
}

async fn money(tx: &mut Tx, found: &Found) -> Result<Unowned, StoreError> {
    let goes_back = found.outcome == Some(NoticeOutcome::Returned);
    if found.event != "paid" || !is_for_people(found) || goes_back {
        return Ok(Unowned::Nothing);
    }
    let row = query("SELECT p.cents, (SELECT COUNT(*) FROM journal r WHERE r.reverses = p.entry) AS reversed FROM postings p WHERE p.entry = $1 AND p.book = 'unmatched'")
        .bind(&found.id)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else {
        return Ok(Unowned::Untold);
    };
    Ok(match row.get::<i64>("reversed")? {
        0 => Unowned::InBooks(-Cents::new(row.get("cents")?)),
        _ => Unowned::Nothing,
    })
}

fn record(row: &Row) -> Result<NoticeRecord, StoreError> {
    let proposal = match optional(row, "proposed")? {
        Some(account) => Some(Proposal {
            account,
            amount: row.get::<Option<i64>>("proposed_amount")?.map(Cents::new),
            by: row.get("proposed_by")?,
            at: optional_time(row, "proposed_at")?.ok_or_else(|| corrupt("proposed_at", "none"))?,
        }),
        None => None,
    };
    let settling = match row.get::<Option<String>>("settle_why")? {
        Some(why) => Some((why, row.get("settle_by")?)),
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
        settling,
    })
}
