//! Refunds and write-offs: one person proposes, another approves, and then it is in the books. A proposal does
//! not change; whoever wants another makes another.

use jiff::Timestamp;
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::{
    ledger::{Book, Entry},
    standing::{Money, Standing},
};

use crate::{
    Concede, ConcessionKind, ConcessionRecord, Concessions, Deed, Event, NewConcession,
    RefundAnswer, RefundWord, Store, StoreError, WRITE_OFF_MAX,
    apply::is_customer,
    audit::append,
    engine::{Row, Target, Tx},
    ledger::{dues, moneys, post, reverse},
    payments::bills,
    reconcile::{is_bill_of, optional_bill, same_person},
    refund_corrections::{MAY_HAVE_GONE, TURNED_OUT, WAITING, may_turn_out_gone},
    rows::{corrupt, optional, optional_time, text, time, unsigned},
    same_way::paid_through,
    sql::query,
};

const COLUMNS: &str = "c.number, c.kind, c.account, c.amount, c.bill, c.payment, c.iban, c.payee, c.why, c.proposed_by, c.proposed_at, c.approved_by, c.approved_at, c.refused_by, c.refused_at, c.file, c.provider, c.asked_at, c.answer, c.answer_words, c.answered_at, c.found_by, c.paid_at, c.back_at";
/// The turn in which all of them are decided: what there is may be given back once.
pub(crate) const TURN: &str = "concessions";
/// How the entries of write-offs begin.
const WRITE_OFFS: &str = "write-off/";

impl Store {
    /// One person proposes a refund or a write-off, of no more than there is. The same said twice by one
    /// person, while it waits, is one proposal.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn propose_concession(
        &self,
        new: &NewConcession,
        now: Timestamp,
    ) -> Result<Concede, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        if !is_customer(&mut tx, &new.account).await? {
            return Ok(Concede::UnknownCustomer);
        }
        let waiting = list(
            &mut tx,
            "c.account = $1 AND c.approved_at IS NULL AND c.refused_at IS NULL ORDER BY c.number",
            |q| q.bind(&new.account),
        )
        .await?;
        let again = waiting.iter().find(|said| {
            said.kind == new.kind
                && said.amount == new.amount
                && same_person(&said.proposed.by, &new.by)
        });
        if let Some(again) = again {
            return Ok(Concede::Proposed(again.number));
        }
        let most = match most(&mut tx, &new.account, &new.kind, &waiting).await? {
            Ok(most) => most,
            Err(refused) => return Ok(refused),
        };
        let same = waiting.iter().filter(|said| said.kind == new.kind);
        let said: Cents = same.map(|said| said.amount).sum();
        let before = said + written_off(&mut tx, &new.account, &new.kind).await?;
        if let Some(refused) = too_much(&new.kind, new.amount, most, before) {
            return Ok(refused);
        }
        let (mut bill, mut to, mut payee, mut through) = (None, None, None, None);
        match &new.kind {
            ConcessionKind::WriteOff { bill: number } => bill = Some(*number),
            ConcessionKind::Refund {
                iban, payee: name, ..
            } => {
                (to, payee) = (Some(iban), Some(name.clone()));
            }
            ConcessionKind::SameWay { provider, .. } => through = Some(provider),
        }
        let row = query("INSERT INTO concessions (number, kind, account, amount, bill, payment, iban, payee, why, proposed_by, proposed_at, provider) SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM concessions RETURNING number")
            .bind(new.kind.as_str())
            .bind(&new.account)
            .bind(new.amount)
            .bind(bill)
            .bind(new.kind.payment())
            .bind(to)
            .bind(payee)
            .bind(&new.why)
            .bind(&new.by)
            .bind(now)
            .bind(through)
            .fetch_one(&mut tx)
            .await?;
        let number = unsigned(&row, "number")?;
        let said = concession(&mut tx, number).await?;
        let said = said.ok_or_else(|| corrupt("concession", number))?;
        append(&mut tx, &told("proposed", &said, &new.by, now)).await?;
        tx.commit().await?;
        Ok(Concede::Proposed(number))
    }

    /// Another person approves: it is in the customer's book, with its mail, if there still is so much.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn approve_concession(
        &self,
        number: u64,
        by: &str,
        now: Timestamp,
    ) -> Result<Concede, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(said) = concession(&mut tx, number).await? else {
            return Ok(Concede::Unknown);
        };
        if said.approved.is_some() || said.refused.is_some() {
            return Ok(Concede::Over);
        }
        if same_person(&said.proposed.by, by) {
            return Ok(Concede::SamePerson);
        }
        let most = match most(&mut tx, &said.account, &said.kind, &[]).await? {
            Ok(most) => most,
            Err(refused) => return Ok(refused),
        };
        let before = written_off(&mut tx, &said.account, &said.kind).await?;
        if let Some(refused) = too_much(&said.kind, said.amount, most, before) {
            return Ok(refused);
        }
        let entry = match &said.kind {
            ConcessionKind::WriteOff { bill } => {
                Entry::write_off(&said.account, said.amount, vec![*bill])
            }
            ConcessionKind::Refund { .. } | ConcessionKind::SameWay { .. } => {
                let paid = match said.kind.payment() {
                    Some(payment) => paid(&mut tx, &said.account, payment).await?,
                    None => None,
                };
                let bills = paid.map(|paid| paid.bills).unwrap_or_default();
                Entry::refund(&said.account, said.amount, bills)
            }
        };
        let id = format!("{}/{number}", said.kind.as_str());
        post(&mut tx, &id, &entry, None, by, now).await?;
        query("UPDATE concessions SET entry = $2, approved_by = $3, approved_at = $4 WHERE number = $1")
            .bind(number)
            .bind(&id)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        append(&mut tx, &told("approved", &said, by, now)).await?;
        tx.commit().await?;
        Ok(Concede::Approved)
    }

    /// Somebody does not agree, or a refund is taken back that did not leave yet: then its entry is reversed.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_concession(
        &self,
        number: u64,
        by: &str,
        now: Timestamp,
    ) -> Result<Concede, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(said) = concession(&mut tx, number).await? else {
            return Ok(Concede::Unknown);
        };
        if !said.is_revocable() {
            return Ok(Concede::Over);
        }
        if said.approved.is_some() {
            let id = format!("{}/{number}", said.kind.as_str());
            reverse(&mut tx, &id, None, by, now).await?;
        }
        query("UPDATE concessions SET refused_by = $2, refused_at = $3 WHERE number = $1")
            .bind(number)
            .bind(by)
            .bind(now)
            .execute(&mut tx)
            .await?;
        append(&mut tx, &told("refused", &said, by, now)).await?;
        tx.commit().await?;
        Ok(Concede::Refused)
    }

    /// One of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn concession(&self, number: u64) -> Result<Option<ConcessionRecord>, StoreError> {
        concession(&self.pools, number).await
    }

    /// Some of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn concessions(
        &self,
        which: Concessions<'_>,
        limit: usize,
    ) -> Result<Vec<ConcessionRecord>, StoreError> {
        let on = &self.pools;
        match which {
            Concessions::Proposed => {
                list(
                    on,
                    "c.approved_at IS NULL AND c.refused_at IS NULL ORDER BY c.number LIMIT $1",
                    |q| q.bind(limit),
                )
                .await
            }
            Concessions::ToSend => {
                list(on, &format!("{TO_SEND} ORDER BY c.number LIMIT $1"), |q| {
                    q.bind(limit)
                })
                .await
            }
            Concessions::ToAsk(provider) => {
                list(on, &format!("{ON_ITS_WAY} AND c.asked_at IS NULL AND c.provider = $1 ORDER BY c.number LIMIT $2"), |q| {
                    q.bind(provider).bind(limit)
                })
                .await
            }
            Concessions::SameWay => {
                list(on, &format!("{ON_ITS_WAY} ORDER BY CASE WHEN c.answer IS NULL THEN 1 ELSE 0 END, c.number LIMIT $1"), |q| {
                    q.bind(limit)
                })
                .await
            }
            Concessions::ToCorrect => {
                list(on, "c.number IN (SELECT k.refund FROM refund_corrections k WHERE k.approved_at IS NULL AND k.refused_at IS NULL) ORDER BY c.number LIMIT $1", |q| {
                    q.bind(limit)
                })
                .await
            }
            Concessions::Latest => {
                list(on, "1 = 1 ORDER BY c.number DESC LIMIT $1", |q| {
                    q.bind(limit)
                })
                .await
            }
            Concessions::Of(account) => {
                list(on, "c.account = $1 ORDER BY c.number DESC LIMIT $2", |q| {
                    q.bind(account).bind(limit)
                })
                .await
            }
            Concessions::In(file) => {
                list(on, "c.file = $1 ORDER BY c.number LIMIT $2", |q| {
                    q.bind(file).bind(limit)
                })
                .await
            }
        }
    }

    /// The most that can be conceded now: the customer's credit, what is left of a payment, or what is open
    /// of a bill, without what waits for approval already. `None` where there is no such thing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn concedable(
        &self,
        account: &CustomerNumber,
        kind: &ConcessionKind,
    ) -> Result<Option<Cents>, StoreError> {
        let mut tx = self.begin_reading().await?;
        let waiting = list(
            &mut tx,
            "c.account = $1 AND c.approved_at IS NULL AND c.refused_at IS NULL ORDER BY c.number",
            |q| q.bind(account),
        )
        .await?;
        Ok(most(&mut tx, account, kind, &waiting).await?.ok())
    }
}

/// Refunds that wait for a file.
pub(crate) const TO_SEND: &str = "c.approved_at IS NOT NULL AND c.refused_at IS NULL AND c.file IS NULL AND c.kind = 'refund' AND c.provider IS NULL";
/// Refunds through payment systems that are not over.
pub(crate) const ON_ITS_WAY: &str = "c.provider IS NOT NULL AND c.approved_at IS NOT NULL AND c.refused_at IS NULL AND c.paid_at IS NULL";

/// The most of this kind that there is; `waiting` is proposed already. Whatever is in the books counts, also
/// where the clock of another machine is ahead.
async fn most(
    tx: &mut Tx,
    account: &CustomerNumber,
    kind: &ConcessionKind,
    waiting: &[ConcessionRecord],
) -> Result<Result<Cents, Concede>, StoreError> {
    let accounts = std::slice::from_ref(account);
    let dues = dues(&mut *tx, accounts, Timestamp::MAX)
        .await?
        .remove(account);
    let dues = dues.unwrap_or_default();
    let moneys = moneys(&mut *tx, accounts, Timestamp::MAX, None)
        .await?
        .remove(account);
    let moneys = moneys.unwrap_or_default();
    let sum = |of: &dyn Fn(&ConcessionKind) -> bool| -> Cents {
        let of = waiting.iter().filter(|said| of(&said.kind));
        of.map(|said| said.amount).sum()
    };
    let plain = |moneys: &[&(String, Money)]| -> Vec<Money> {
        moneys.iter().map(|(_, money)| money.clone()).collect()
    };
    let all: Vec<_> = moneys.iter().collect();
    // What was written off was never paid: should a payment make it credit, it stays here.
    let paid_in: Vec<_> = moneys
        .iter()
        .filter(|(id, _)| !id.starts_with(WRITE_OFFS))
        .collect();
    // What may turn out to be gone is not there to be given again.
    let refunds = sum(&ConcessionKind::is_refund) + may_turn_out_gone(tx, account).await?;
    Ok(match kind {
        ConcessionKind::WriteOff { bill } => {
            if !is_bill_of(tx, *bill, account).await? {
                return Ok(Err(Concede::OtherBill));
            }
            let standing = Standing::of(&dues, &plain(&all));
            let open = standing.bill(*bill).map_or(Cents::ZERO, |bill| bill.open);
            let same = sum(&|kind| *kind == ConcessionKind::WriteOff { bill: *bill });
            Ok(positive(open - same))
        }
        ConcessionKind::Refund { payment: None, .. } => {
            let credit = Standing::of(&dues, &plain(&paid_in)).credit;
            Ok(positive(credit - refunds))
        }
        ConcessionKind::Refund {
            payment: Some(payment),
            ..
        }
        | ConcessionKind::SameWay { payment, .. } => {
            let Some(paid) = paid(tx, account, payment).await? else {
                return Ok(Err(Concede::OtherPayment));
            };
            if let ConcessionKind::SameWay { provider, .. } = kind {
                let through = paid_through(&mut *tx, payment).await?;
                if through.is_none_or(|through| through.provider != *provider) {
                    return Ok(Err(Concede::OtherPayment));
                }
            }
            let said = sum(&|kind| kind.payment() == Some(payment));
            let left = paid.cents - back_of(tx, payment).await? - said;
            // Whatever was given back as credit is not there any more.
            let held: Cents = paid_in.iter().map(|(_, money)| money.cents).sum();
            Ok(positive(left.min(held - refunds)))
        }
    })
}

fn positive(cents: Cents) -> Cents {
    cents.max(Cents::ZERO)
}

/// `before` is what is written off of the same bill, or waits to be.
fn too_much(kind: &ConcessionKind, amount: Cents, most: Cents, before: Cents) -> Option<Concede> {
    let write_off = matches!(kind, ConcessionKind::WriteOff { .. });
    if amount <= Cents::ZERO || amount > most {
        Some(Concede::TooMuch(most))
    } else if write_off && before + amount > WRITE_OFF_MAX {
        Some(Concede::NotSmall)
    } else {
        None
    }
}

/// What was written off of the bill of a write-off, in all proposals that were approved.
async fn written_off(
    tx: &mut Tx,
    account: &CustomerNumber,
    kind: &ConcessionKind,
) -> Result<Cents, StoreError> {
    let ConcessionKind::WriteOff { bill } = kind else {
        return Ok(Cents::ZERO);
    };
    let row = query("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS already FROM concessions WHERE account = $1 AND bill = $2 AND approved_at IS NOT NULL AND refused_at IS NULL")
        .bind(account)
        .bind(*bill)
        .fetch_one(tx)
        .await?;
    Ok(Cents::new(row.get("already")?))
}

/// A payment in a customer's book that stands there.
pub(crate) async fn paid(
    tx: &mut Tx,
    account: &CustomerNumber,
    entry: &str,
) -> Result<Option<Money>, StoreError> {
    let row = query("SELECT p.cents, p.bills FROM journal j JOIN postings p ON p.entry = j.id AND p.book = $2 WHERE j.id = $1 AND j.kind IN ('payment', 'allocation') AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id)")
        .bind(entry)
        .bind(&Book::Customer(account.clone()))
        .fetch_optional(tx)
        .await?;
    row.map(|row| {
        Ok(Money {
            cents: -Cents::new(row.get("cents")?),
            bills: bills(&row)?,
        })
    })
    .transpose()
}

/// How much of a payment is given back, or on its way.
async fn back_of(tx: &mut Tx, payment: &str) -> Result<Cents, StoreError> {
    let row = query(format!("SELECT CAST(COALESCE(SUM(c.amount), 0) AS BIGINT) AS back FROM concessions c WHERE c.payment = $1 AND c.approved_at IS NOT NULL AND c.back_at IS NULL AND {MAY_HAVE_GONE}"))
        .bind(payment)
        .fetch_one(tx)
        .await?;
    Ok(Cents::new(row.get("back")?))
}

pub(crate) async fn concession(
    on: impl Target,
    number: u64,
) -> Result<Option<ConcessionRecord>, StoreError> {
    Ok(list(on, "c.number = $1", |q| q.bind(number)).await?.pop())
}

pub(crate) async fn list(
    on: impl Target,
    which: &str,
    bind: impl FnOnce(crate::sql::Query) -> crate::sql::Query,
) -> Result<Vec<ConcessionRecord>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS}, {TURNED_OUT} AS turned_out, {WAITING} AS correction FROM concessions c WHERE {which}"
    );
    let rows = bind(query(text)).fetch_all(on).await?;
    rows.iter().map(record).collect()
}

fn record(row: &Row) -> Result<ConcessionRecord, StoreError> {
    let kind: String = row.get("kind")?;
    let kind = match kind.as_str() {
        "refund" if row.get::<Option<String>>("provider")?.is_some() => ConcessionKind::SameWay {
            provider: text(row, "provider")?,
            payment: text(row, "payment")?,
        },
        "refund" => ConcessionKind::Refund {
            iban: text(row, "iban")?,
            payee: row.get("payee")?,
            payment: row.get("payment")?,
        },
        "write-off" => ConcessionKind::WriteOff {
            bill: optional_bill(row)?.ok_or_else(|| corrupt("bill", "none"))?,
        },
        _ => return Err(corrupt("kind", kind)),
    };
    let deed = |by, at| -> Result<Option<Deed>, StoreError> {
        let by: Option<String> = optional(row, by)?;
        let at = optional_time(row, at)?;
        Ok(by.zip(at).map(|(by, at)| Deed { by, at }))
    };
    let file: Option<i64> = row.get("file")?;
    Ok(ConcessionRecord {
        number: unsigned(row, "number")?,
        account: text(row, "account")?,
        kind,
        amount: Cents::new(row.get("amount")?),
        why: row.get("why")?,
        proposed: Deed {
            by: row.get("proposed_by")?,
            at: time(row, "proposed_at")?,
        },
        approved: deed("approved_by", "approved_at")?,
        refused: deed("refused_by", "refused_at")?,
        file: file.map(|_| unsigned(row, "file")).transpose()?,
        asked_at: optional_time(row, "asked_at")?,
        answer: answer(row)?,
        paid_at: optional_time(row, "paid_at")?,
        back_at: optional_time(row, "back_at")?,
        turned_out: row
            .get::<Option<i64>>("turned_out")?
            .map(|went_back| went_back != 0),
        correction: match row.get::<Option<i64>>("correction")? {
            Some(_) => Some(unsigned(row, "correction")?),
            None => None,
        },
    })
}

fn answer(row: &Row) -> Result<Option<RefundAnswer>, StoreError> {
    let word: Option<String> = row.get("answer")?;
    let at = optional_time(row, "answered_at")?;
    let Some((word, at)) = word.zip(at) else {
        return Ok(None);
    };
    let known = RefundWord::ALL.into_iter().find(|one| one.as_str() == word);
    Ok(Some(RefundAnswer {
        word: known.ok_or_else(|| corrupt("answer", word))?,
        words: row.get("answer_words")?,
        at,
        found_by: row.get("found_by")?,
    }))
}

/// For the audit trail.
pub(crate) fn told(deed: &str, said: &ConcessionRecord, by: &str, at: Timestamp) -> Event {
    let mut detail = serde_json::json!({
        "number": said.number, "amount": said.amount.to_string(), "why": said.why,
    });
    match &said.kind {
        ConcessionKind::Refund { iban, .. } => detail["iban_end"] = iban.end().into(),
        ConcessionKind::SameWay { provider, .. } => detail["provider"] = provider.as_str().into(),
        ConcessionKind::WriteOff { bill } => detail["bill"] = bill.to_string().into(),
    }
    if let Some(payment) = said.kind.payment() {
        detail["payment"] = payment.into();
    }
    Event {
        at,
        who: by.to_owned(),
        what: format!("{}.{deed}", said.kind.as_str()),
        subject: format!("customer/{}", said.account),
        detail,
    }
}
