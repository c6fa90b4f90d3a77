//! Notices that people have to look at: whose their money is, that it went back, or that nothing is to be
//! done. One person says it, another approves.

use jiff::Timestamp;
use kvit_billing::{BillNumber, Cents, CustomerNumber};
use kvit_pay::ledger::Entry;

use crate::{
    Allocate, Claim, Event, NoticeOutcome, Settle, Store, StoreError, Word, Written,
    apply::{SYSTEM, is_customer, reverse_all, settle, standing_entries},
    audit::append,
    engine::{Row, Tx},
    ledger::post,
    notices::{Found, find},
    rows::{number, text, time},
    same_way::asked_back,
    sql::query,
};

impl Store {
    /// One person says whose a notice's money is: all of it, or a part, and how much it is where the payment
    /// system did not. Said again, the last one counts, unless somebody else said something that this
    /// person has not seen.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn propose_allocation(
        &self,
        notice: &str,
        claim: &Claim,
        word: impl Into<Word<'_>>,
        now: Timestamp,
    ) -> Result<Allocate, StoreError> {
        let word = word.into();
        let mut tx = self.begin().await?;
        let Some(found) = in_turn(&mut tx, notice).await? else {
            return Ok(Allocate::NotUnmatched);
        };
        match (money(&mut tx, &found).await?, claim.amount) {
            (Unowned::Nothing, _) => return Ok(Allocate::NotUnmatched),
            (Unowned::InBooks(rest), Some(said)) if said > rest => {
                return Ok(Allocate::OtherAmount(rest));
            }
            (Unowned::Untold, None) => return Ok(Allocate::AmountNeeded),
            _ => {}
        }
        let said = proposal(&mut tx, notice).await?;
        if !word.seen.is(said.map(|said| said.at)) {
            return Ok(Allocate::Outdated);
        }
        if !is_customer(&mut tx, &claim.account).await? {
            return Ok(Allocate::UnknownCustomer);
        }
        if let Some(bill) = claim.bill
            && !is_bill_of(&mut tx, bill, &claim.account).await?
        {
            return Ok(Allocate::OtherBill);
        }
        let said = query("INSERT INTO proposals (notice, account, proposed_by, proposed_at, amount, bill) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (notice) DO UPDATE SET account = $2, proposed_by = $3, proposed_at = $4, amount = $5, bill = $6 WHERE proposals.approved_at IS NULL")
            .bind(notice)
            .bind(&claim.account)
            .bind(word.by)
            .bind(now)
            .bind(claim.amount)
            .bind(claim.bill)
            .execute(&mut tx)
            .await?;
        if said == 0 {
            return Ok(Allocate::NotUnmatched);
        }
        let event = allocation("pay.allocate", claim, notice, word.by, now);
        append(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(Allocate::Done)
    }

    /// Another person approves that it is this customer's, and the money goes into the customer's book. Of
    /// a part the rest waits on.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn approve_allocation(
        &self,
        notice: &str,
        to: &CustomerNumber,
        word: impl Into<Word<'_>>,
        now: Timestamp,
    ) -> Result<Allocate, StoreError> {
        let word = word.into();
        let mut tx = self.begin().await?;
        let Some(found) = in_turn(&mut tx, notice).await? else {
            return Ok(Allocate::NotUnmatched);
        };
        let held = money(&mut tx, &found).await?;
        if held == Unowned::Nothing {
            return Ok(Allocate::NotUnmatched);
        }
        let said = proposal(&mut tx, notice).await?;
        if !word.seen.is(said.as_ref().map(|said| said.at)) {
            return Ok(Allocate::Outdated);
        }
        let Some(said) = said else {
            return Ok(Allocate::NotProposed);
        };
        if same_person(&said.by, word.by) {
            return Ok(Allocate::SamePerson);
        }
        let claim = said.claim;
        if claim.account != *to {
            return Ok(Allocate::OtherCustomer);
        }
        let (held, amount) = match (held, claim.amount) {
            (Unowned::InBooks(held), said) => (held, said.unwrap_or(held)),
            (_, Some(amount)) => {
                let entry = Entry::unmatched(&found.provider, amount);
                post(&mut tx, notice, &entry, Some(notice), SYSTEM, now).await?;
                (amount, amount)
            }
            (_, None) => return Ok(Allocate::AmountNeeded),
        };
        if amount > held {
            return Ok(Allocate::OtherAmount(held));
        }
        let bills = claim.bill.into_iter().collect();
        let entry = Entry::allocation(to, amount, bills);
        let id = allocation_id(&mut tx, notice).await?;
        post(&mut tx, &id, &entry, Some(notice), word.by, now).await?;
        if amount == held {
            query("UPDATE proposals SET approved_by = $2, approved_at = $3 WHERE notice = $1")
                .bind(notice)
                .bind(word.by)
                .bind(now)
                .execute(&mut tx)
                .await?;
            settle(&mut tx, notice, NoticeOutcome::Allocated, now).await?;
        } else {
            // The journal and the trail keep who said it; whose the rest is has to be said anew.
            withdraw(&mut tx, "proposals", notice).await?;
        }
        // What somebody said of it before it was a customer's is no word about the customer's money.
        withdraw(&mut tx, "settlements", notice).await?;
        let event = allocation("pay.approve", &claim, notice, word.by, now);
        append(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(Allocate::Done)
    }

    /// Somebody does not agree with whose a notice's money is said to be, or takes back their own word: nobody
    /// says anything about it any more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_allocation(
        &self,
        notice: &str,
        word: impl Into<Word<'_>>,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let word = word.into();
        let mut tx = self.begin().await?;
        in_turn(&mut tx, notice).await?;
        let said = proposal(&mut tx, notice).await?;
        let Some(said) = said.filter(|said| word.seen.is(Some(said.at))) else {
            return Ok(Written::Outdated);
        };
        withdraw(&mut tx, "proposals", notice).await?;
        let event = allocation("pay.refuse", &said.claim, notice, word.by, now);
        append(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(Written::Done)
    }

    /// The same where somebody said that nothing is to be done about a notice.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_settling(
        &self,
        notice: &str,
        word: impl Into<Word<'_>>,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let word = word.into();
        let mut tx = self.begin().await?;
        in_turn(&mut tx, notice).await?;
        let said = settling(&mut tx, notice).await?;
        if !said.is_some_and(|(at, _)| word.seen.is(Some(at))) {
            return Ok(Written::Outdated);
        }
        withdraw(&mut tx, "settlements", notice).await?;
        append(
            &mut tx,
            &about("pay.refuse-settling", notice, None, word.by, now),
        )
        .await?;
        tx.commit().await?;
        Ok(Written::Done)
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
        word: impl Into<Word<'_>>,
        now: Timestamp,
    ) -> Result<Settle, StoreError> {
        let word = word.into();
        let mut tx = self.begin().await?;
        let found = in_turn(&mut tx, notice).await?;
        let Some(found) = found.filter(is_for_people) else {
            return Ok(Settle::NotForPeople);
        };
        if matches!(money(&mut tx, &found).await?, Unowned::InBooks(_)) {
            return Ok(Settle::HoldsMoney);
        }
        let said = agreed(&mut tx, notice, why, word, now).await?;
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
        append(&mut tx, &about(what, notice, why, word.by, now)).await?;
        tx.commit().await?;
        Ok(said)
    }

    /// One person says that the money of a notice went back, which its payment system did not say or not
    /// clearly, and why; another says so too, and every entry that the notice made is reversed. Not where a refund of
    /// it was asked for at its payment system, unless that is known not to have gone.
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
        if let Some(refund) = asked_back(&mut tx, notice).await? {
            return Ok(Settle::AskedBack(refund));
        }
        let said = agreed(&mut tx, notice, why, by.into(), now).await?;
        let what = match said {
            Settle::Done => {
                reverse_all(&mut tx, &entries, None, by, now).await?;
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
    word: Word<'_>,
    now: Timestamp,
) -> Result<Settle, StoreError> {
    let said = settling(tx, notice).await?;
    if !word.seen.is(said.as_ref().map(|(at, _)| *at)) {
        return Ok(Settle::Outdated);
    }
    if said.is_some_and(|(_, by)| !same_person(&by, word.by)) {
        query("UPDATE settlements SET approved_by = $2, approved_at = $3 WHERE notice = $1")
            .bind(notice)
            .bind(word.by)
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
        .bind(word.by)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(Settle::Proposed)
}

/// When one person said that nothing is to be done, or that money went back, and who.
async fn settling(tx: &mut Tx, notice: &str) -> Result<Option<(Timestamp, String)>, StoreError> {
    let row = query("SELECT proposed_by, proposed_at FROM settlements WHERE notice = $1 AND approved_at IS NULL")
        .bind(notice)
        .fetch_optional(tx)
        .await?;
    row.map(|row| Ok((time(&row, "proposed_at")?, row.get("proposed_by")?)))
        .transpose()
}

/// Whose money one person says it is.
struct Said {
    claim: Claim,
    by: String,
    at: Timestamp,
}

async fn proposal(tx: &mut Tx, notice: &str) -> Result<Option<Said>, StoreError> {
    let row = query("SELECT account, amount, bill, proposed_by, proposed_at FROM proposals WHERE notice = $1 AND approved_at IS NULL")
        .bind(notice)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Said {
        claim: Claim {
            account: text(&row, "account")?,
            amount: row.get::<Option<i64>>("amount")?.map(Cents::new),
            bill: optional_bill(&row)?,
        },
        by: row.get("proposed_by")?,
        at: time(&row, "proposed_at")?,
    }))
}

/// What was said and not approved is said no more.
pub(crate) async fn withdraw(tx: &mut Tx, table: &str, notice: &str) -> Result<(), StoreError> {
    query(format!(
        "DELETE FROM {table} WHERE notice = $1 AND approved_at IS NULL"
    ))
    .bind(notice)
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) async fn is_bill_of(
    tx: &mut Tx,
    bill: BillNumber,
    account: &CustomerNumber,
) -> Result<bool, StoreError> {
    let row = query("SELECT 1 FROM bills WHERE number = $1 AND account = $2")
        .bind(bill)
        .bind(account)
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

/// Of a notice whose money goes to several customers each part has an entry of its own.
pub(crate) async fn allocation_id(tx: &mut Tx, notice: &str) -> Result<String, StoreError> {
    let row =
        query("SELECT COUNT(*) AS made FROM journal WHERE notice = $1 AND kind = 'allocation'")
            .bind(notice)
            .fetch_one(tx)
            .await?;
    Ok(match row.get::<i64>("made")? {
        0 => format!("allocation/{notice}"),
        made => format!("allocation-{}/{notice}", made + 1),
    })
}

/// For the audit trail.
fn about(what: &str, notice: &str, why: Option<&str>, by: &str, at: Timestamp) -> Event {
    Event {
        at,
        who: by.to_owned(),
        what: what.to_owned(),
        subject: format!("notice/{notice}"),
        detail: match why {
            Some(why) => serde_json::json!({ "why": why }),
            None => serde_json::json!({}),
        },
    }
}

/// For the audit trail.
fn allocation(what: &str, claim: &Claim, notice: &str, by: &str, at: Timestamp) -> Event {
    let mut detail = serde_json::json!({ "notice": notice });
    if let Some(amount) = claim.amount {
        detail["amount"] = amount.to_string().into();
    }
    if let Some(bill) = claim.bill {
        detail["bill"] = bill.to_string().into();
    }
    Event {
        at,
        who: by.to_owned(),
        what: what.to_owned(),
        subject: format!("customer/{}", claim.account),
        detail,
    }
}

/// Whether two names are one person's, at a console or signed in.
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
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
    let row = query(format!("SELECT COUNT(*) AS entries, {REST} AS rest FROM postings p JOIN journal j ON j.id = p.entry WHERE j.notice = $1 AND p.book = 'unmatched'"))
        .bind(&found.id)
        .fetch_one(tx)
        .await?;
    if row.get::<i64>("entries")? == 0 {
        return Ok(Unowned::Untold);
    }
    Ok(match row.get::<i64>("rest")? {
        0 => Unowned::Nothing,
        rest => Unowned::InBooks(Cents::new(rest)),
    })
}

/// What of a notice's money lies in the book of unmatched money, from its postings there: what came less
/// what went to customers, without what was taken back.
pub(crate) const REST: &str = "COALESCE(CAST(-SUM(CASE WHEN j.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id) THEN p.cents ELSE 0 END) AS BIGINT), 0)";

pub(crate) fn optional_bill(row: &Row) -> Result<Option<BillNumber>, StoreError> {
    match row.get::<Option<i64>>("bill")? {
        Some(_) => number(row, "bill").map(Some),
        None => Ok(None),
    }
}
