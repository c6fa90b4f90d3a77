//! Refunds through the payment system that was paid by: asked for once, and what came of it.
//!
//! That it is asked is stored before anybody is, and never taken back: what a payment system does with a refund
//! that it is asked for twice is not known. So an answer that got lost, with the line or with this process, is
//! unclear until a person looks at the payment system's own pages.

use jiff::Timestamp;
use kvit_pay::{ProviderName, dialects::Refunded, ledger::Entry};

use crate::{
    Concede, ConcessionKind, ConcessionRecord, ConcessionState, Doubt, PaidThrough, RefundWord,
    Store, StoreError,
    apply::SYSTEM,
    audit::append,
    concessions::{ON_ITS_WAY, TURN, concession, list, told},
    engine::{Target, Tx},
    ledger::{post, reverse},
    notices::found,
    reconcile::same_person,
    refund_corrections::{MAY_HAVE_GONE, has_gone},
    refund_files::held,
    rows::{text, unsigned},
    sql::query,
};

impl Store {
    /// The payment behind an entry of a customer's book, as its payment system knows it; `None` where it was
    /// begun at none.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn paid_through(&self, entry: &str) -> Result<Option<PaidThrough>, StoreError> {
        paid_through(&self.pools, entry).await
    }

    /// Notes that a payment system is about to be asked for a refund; says whether the caller may. It may not
    /// where that was noted before, the refund was stopped, or a correction that waits may mean that the money went
    /// already. One whose payment was taken back or given back meanwhile ends here.
    ///
    /// # Errors
    /// Where the database fails: then nobody may ask.
    pub async fn ask_refund(&self, number: u64, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let Some(payment) = payment_of(&mut tx, number).await? else {
            return Ok(false);
        };
        // A reversal of the payment is applied before this, or finds it.
        let turn = turn_of(&mut tx, &payment).await?;
        tx.turn(&turn).await?;
        tx.turn(TURN).await?;
        let refund = concession(&mut tx, number).await?;
        let Some(refund) = refund.filter(|it| it.state() == ConcessionState::Approved) else {
            return Ok(false);
        };
        let one = std::slice::from_ref(&refund);
        let gone = !held(&mut tx, one, &has_gone()).await?.is_empty();
        // One person's word ends nothing: until another has decided, it waits.
        if !gone && !held(&mut tx, one, MAY_HAVE_GONE).await?.is_empty() {
            return Ok(false);
        }
        if gone {
            not_given(&mut tx, &refund, (RefundWord::Gone, "", None), now).await?;
        } else {
            query("UPDATE concessions SET asked_at = $2 WHERE number = $1")
                .bind(number)
                .bind(now)
                .execute(&mut tx)
                .await?;
            append(&mut tx, &told("asked", &refund, SYSTEM, now)).await?;
        }
        tx.commit().await?;
        Ok(!gone)
    }

    /// Keeps what a payment system answered, or that nobody knows; the books say it from then on. An answer that
    /// comes after the doubt is believed. `false` where it is decided already.
    ///
    /// # Errors
    /// Where the database fails: the refund becomes unclear then.
    pub async fn refund_answered(
        &self,
        number: u64,
        answer: Result<&Refunded, Doubt>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(refund) = concession(&mut tx, number).await? else {
            return Ok(false);
        };
        match (refund.state(), answer) {
            (ConcessionState::Asked | ConcessionState::Unclear, Ok(Refunded::Done(name))) => {
                let name = name.as_deref().unwrap_or_default();
                given(&mut tx, &refund, name, None, now).await?;
            }
            (ConcessionState::Asked | ConcessionState::Unclear, Ok(Refunded::Refused(why))) => {
                not_given(&mut tx, &refund, (RefundWord::Refused, why, None), now).await?;
            }
            (ConcessionState::Asked, Err(doubt)) => {
                let answer = (RefundWord::Unclear, doubt.as_str(), None);
                keep(&mut tx, &refund, answer, now).await?;
                append(&mut tx, &told("unclear", &refund, SYSTEM, now)).await?;
            }
            (ConcessionState::Paid, Ok(Refunded::Done(_)))
            | (ConcessionState::Declined, Ok(Refunded::Refused(_))) => return Ok(false),
            (state, Ok(answer)) => {
                tracing::error!(
                    refund = number,
                    state = state.as_str(),
                    given = matches!(answer, Refunded::Done(_)),
                    "a payment system's late answer is not what the books have of this refund: look at its pages, and if the books are wrong, say so with `kvit pay refunds correct`"
                );
                return Ok(false);
            }
            (_, Err(_)) => return Ok(false),
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Refunds that were asked for before a moment, and of which nothing was kept since: whoever asked is no more.
    /// They are unclear from here on; gives how many.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn doubt_refunds(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let left = list(
            &self.pools,
            "c.provider IS NOT NULL AND c.approved_at IS NOT NULL AND c.refused_at IS NULL AND c.paid_at IS NULL AND c.answer IS NULL AND c.asked_at < $1 ORDER BY c.number",
            |q| q.bind(before),
        )
        .await?;
        let mut doubted = 0;
        for refund in left {
            let kept = self.refund_answered(refund.number, Err(Doubt::Died), now);
            doubted += usize::from(kept.await?);
        }
        Ok(doubted)
    }

    /// After a backup was restored: refunds that wait for their payment system may have been asked for since that
    /// backup, so they are unclear, and none is asked for. Gives their numbers.
    ///
    /// # Errors
    /// Where the database fails: nothing is marked then.
    pub async fn doubt_waiting_refunds(
        &self,
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<u64>, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let which = format!("{ON_ITS_WAY} AND c.asked_at IS NULL ORDER BY c.number");
        let waiting = list(&mut tx, &which, |q| q).await?;
        for refund in &waiting {
            query("UPDATE concessions SET asked_at = $2 WHERE number = $1")
                .bind(refund.number)
                .bind(now)
                .execute(&mut tx)
                .await?;
            let answer = (RefundWord::Unclear, Doubt::Restored.as_str(), None);
            keep(&mut tx, refund, answer, now).await?;
            append(&mut tx, &told("unclear", refund, by, now)).await?;
        }
        tx.commit().await?;
        Ok(waiting.iter().map(|refund| refund.number).collect())
    }

    /// Whether a payment system has left a refund unclear since a moment, and nobody found out yet.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn leaves_unclear(
        &self,
        provider: &ProviderName,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = query("SELECT 1 FROM concessions WHERE provider = $1 AND answer = $2 AND answered_at > $3 LIMIT 1")
            .bind(provider)
            .bind(RefundWord::Unclear.as_str())
            .bind(since)
            .fetch_optional(&self.pools)
            .await?;
        Ok(row.is_some())
    }

    /// A person found out, on the payment system's own pages, whether the money of an unclear refund went back,
    /// and writes where they saw it; neither who proposed it nor who approved it. Where it did not, it is the customer's credit again, and two people may give
    /// it back in another way.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn clear_refund(
        &self,
        number: u64,
        went_back: bool,
        seen: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<Concede, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(refund) = concession(&mut tx, number).await? else {
            return Ok(Concede::Unknown);
        };
        if refund.state() != ConcessionState::Unclear {
            return Ok(Concede::Over);
        }
        if is_party(&refund, by) {
            return Ok(Concede::SamePerson);
        }
        if went_back {
            given(&mut tx, &refund, seen, Some(by), now).await?;
        } else {
            let answer = (RefundWord::Refused, seen, Some(by));
            not_given(&mut tx, &refund, answer, now).await?;
        }
        tx.commit().await?;
        Ok(Concede::Cleared)
    }
}

/// Whether a person proposed or approved a refund: what came of it, another has to find out.
pub(crate) fn is_party(refund: &ConcessionRecord, by: &str) -> bool {
    let approved = refund.approved.as_ref();
    same_person(&refund.proposed.by, by)
        || approved.is_some_and(|approved| same_person(&approved.by, by))
}

/// What is known, in whose words, and who found out.
type Known<'a> = (RefundWord, &'a str, Option<&'a str>);

/// The money went back: it is out of what the payment system has to hand over.
async fn given(
    tx: &mut Tx,
    refund: &ConcessionRecord,
    words: &str,
    found_by: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ConcessionKind::SameWay { provider, .. } = &refund.kind else {
        return Ok(());
    };
    let (number, by) = (refund.number, found_by.unwrap_or(SYSTEM));
    let entry = Entry::refund_given(provider, refund.amount);
    post(tx, &format!("refund-paid/{number}"), &entry, None, by, now).await?;
    keep(tx, refund, (RefundWord::Done, words, found_by), now).await?;
    query("UPDATE concessions SET paid_at = $2 WHERE number = $1")
        .bind(number)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    append(&mut *tx, &known("given", refund, words, by, now)).await
}

/// It did not: it is the customer's again.
async fn not_given(
    tx: &mut Tx,
    refund: &ConcessionRecord,
    answer: Known<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (_, words, found_by) = answer;
    let by = found_by.unwrap_or(SYSTEM);
    reverse(tx, &format!("refund/{}", refund.number), None, by, now).await?;
    keep(tx, refund, answer, now).await?;
    query("UPDATE concessions SET refused_by = $2, refused_at = $3 WHERE number = $1")
        .bind(refund.number)
        .bind(by)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    append(&mut *tx, &known("declined", refund, words, by, now)).await
}

async fn keep(
    tx: &mut Tx,
    refund: &ConcessionRecord,
    (word, words, found_by): Known<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE concessions SET answer = $2, answer_words = $3, answered_at = $4, found_by = $5 WHERE number = $1")
        .bind(refund.number)
        .bind(word.as_str())
        .bind(words)
        .bind(now)
        .bind(found_by)
        .execute(tx)
        .await?;
    Ok(())
}

fn known(
    deed: &str,
    refund: &ConcessionRecord,
    words: &str,
    by: &str,
    now: Timestamp,
) -> crate::Event {
    let mut event = told(deed, refund, by, now);
    event.detail["words"] = words.into();
    event
}

async fn payment_of(tx: &mut Tx, number: u64) -> Result<Option<String>, StoreError> {
    let row = query("SELECT payment FROM concessions WHERE number = $1 AND provider IS NOT NULL")
        .bind(number)
        .fetch_optional(tx)
        .await?;
    Ok(match row {
        Some(row) => row.get("payment")?,
        None => None,
    })
}

/// The turn of the notice that made the entry of a payment.
pub(crate) async fn turn_of(tx: &mut Tx, entry: &str) -> Result<String, StoreError> {
    let row = query("SELECT notice FROM journal WHERE id = $1")
        .bind(entry)
        .fetch_one(&mut *tx)
        .await?;
    let notice: String = row.get("notice")?;
    Ok(found(tx, &notice).await?.turn())
}

/// The refund by which money that a notice brought was asked back from its payment system, and may have gone. A
/// reversal of that payment may be the same money: people look at it.
pub(crate) async fn asked_back(tx: &mut Tx, notice: &str) -> Result<Option<u64>, StoreError> {
    let row = query(format!("SELECT c.number FROM journal j JOIN concessions c ON c.payment = j.id WHERE j.notice = $1 AND c.asked_at IS NOT NULL AND {MAY_HAVE_GONE} ORDER BY c.number LIMIT 1"))
        .bind(notice)
        .fetch_optional(tx)
        .await?;
    row.map(|row| unsigned(&row, "number")).transpose()
}

pub(crate) async fn paid_through(
    on: impl Target,
    entry: &str,
) -> Result<Option<PaidThrough>, StoreError> {
    let row = query("SELECT n.id, n.provider, n.payment, n.received FROM journal j JOIN notices n ON n.id = j.notice WHERE j.id = $1 AND j.kind = 'payment' AND n.event = 'paid' AND n.payment IS NOT NULL")
        .bind(entry)
        .fetch_optional(on)
        .await?;
    row.map(|row| {
        let id: String = row.get("id")?;
        Ok(PaidThrough {
            provider: text(&row, "provider")?,
            number: unsigned(&row, "payment")?,
            transaction: id.splitn(3, '/').nth(2).unwrap_or_default().to_owned(),
            received: row.get("received")?,
        })
    })
    .transpose()
}
