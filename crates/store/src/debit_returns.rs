//! What the bank tells of debits: that the money came, that it refuses them, and that money went back.

use jiff::Timestamp;
use kvit_billing::{AutopayMail, Cents, Currency};
use kvit_pay::{
    debit::{debit_named, end_to_end, ends_mandate, file_named},
    ledger::Entry,
    statement::{Transfer, TransferKind},
};

use crate::{
    Booked, DebitRecord, DebitState, MandateEnd, NoticeOutcome, Store, StoreError,
    apply::{SYSTEM, settle},
    debits::{debit, list},
    engine::Tx,
    ledger::{post, reverse},
    mandates::{TURN, end, mandate, queue},
    notices::Found,
    sql::query,
};

impl Store {
    /// Takes in which debits the bank refuses, of a kept report. Tells for each transfer what became of it;
    /// `None` where it says no such thing. What was told before changes nothing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_debits(
        &self,
        statement: &str,
        transfers: &[Transfer],
        now: Timestamp,
    ) -> Result<Vec<Option<Booked>>, StoreError> {
        if transfers
            .iter()
            .all(|transfer| transfer.kind != TransferKind::Refused)
        {
            return Ok(vec![None; transfers.len()]);
        }
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let mut all = Vec::with_capacity(transfers.len());
        for transfer in transfers {
            all.push(match transfer.kind {
                TransferKind::Refused => Some(refuse(&mut tx, statement, transfer, now).await?),
                _ => None,
            });
        }
        tx.commit().await?;
        Ok(all)
    }
}

async fn refuse(
    tx: &mut Tx,
    statement: &str,
    said: &Transfer,
    now: Timestamp,
) -> Result<Booked, StoreError> {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let meant = match debit_named(&name(&said.end_to_end)) {
        Some(number) => debit(&mut *tx, number).await?.into_iter().collect(),
        None => of_file(tx, &name(&said.payment_file)).await?,
    };
    let (mut debits, mut cents) = (0, Cents::ZERO);
    let mut unclear = meant.is_empty();
    for debit in &meant {
        match debit.state() {
            DebitState::Ordered => {}
            DebitState::Returned if came_by(tx, debit).await?.as_deref() == Some(statement) => {}
            DebitState::Returned => {
                end_by(tx, debit, said.reason.as_deref(), now).await?;
                continue;
            }
            _ => {
                unclear = true;
                for_people(tx, debit, said.reason.as_deref(), now).await?;
                continue;
            }
        }
        debits += 1;
        cents += debit.cents();
        if debit.state() == DebitState::Ordered {
            back(tx, debit, statement, said.reason.as_deref(), now).await?;
            queue(tx, AutopayMail::Failed, debit.number, &debit.account, now).await?;
        }
    }
    Ok(if debits > 0 {
        Booked::DebitsRefused { debits, cents }
    } else if unclear {
        tracing::error!(
            statement,
            order = said.end_to_end.as_deref().or(said.payment_file.as_deref()),
            "the bank refuses a debit that is settled, was not ordered, or is unknown: ask it what it means"
        );
        Booked::As(NoticeOutcome::Contradiction)
    } else {
        Booked::Repeated
    })
}

/// By which report or notice a debit came back.
async fn came_by(tx: &mut Tx, debit: &DebitRecord) -> Result<Option<String>, StoreError> {
    let row = query("SELECT back_by FROM debits WHERE number = $1")
        .bind(debit.number)
        .fetch_one(tx)
        .await?;
    Ok(row.get("back_by")?)
}

/// The ordered debits of a file, or of a part of it, that is called so.
async fn of_file(tx: &mut Tx, name: &str) -> Result<Vec<DebitRecord>, StoreError> {
    match file_named(name) {
        None => Ok(Vec::new()),
        Some((file, None)) => {
            let which = "d.file = $1 AND d.part IS NOT NULL ORDER BY d.number";
            list(tx, which, |q| q.bind(file)).await
        }
        Some((file, Some(part))) => {
            let which = "d.file = $1 AND d.part = $2 ORDER BY d.number";
            list(tx, which, |q| q.bind(file).bind(part)).await
        }
    }
}

/// Money came to the account that is a debit's, or all of a part's or file's that the bank booked as one sum, with or
/// without those that it had refused. `None` where it is no such money: then it is looked for as any other.
pub(crate) async fn received(
    tx: &mut Tx,
    found: &Found,
    now: Timestamp,
) -> Result<Option<NoticeOutcome>, StoreError> {
    let row = query("SELECT end_to_end, payment_file FROM transfers WHERE notice = $1")
        .bind(&found.id)
        .fetch_one(&mut *tx)
        .await?;
    let name: Option<String> = row.get("end_to_end")?;
    let file: Option<String> = row.get("payment_file")?;
    let one = name.as_deref().and_then(debit_named);
    let file = file.filter(|file| file_named(file).is_some());
    if (one.is_none() && file.is_none()) || found.said.currency != Some(Currency::EUR) {
        return Ok(None);
    }
    tx.turn(TURN).await?;
    let waits = |debit: &DebitRecord| debit.ordered.is_some() && debit.entry.is_none();
    if let Some(number) = one {
        let debit = debit(&mut *tx, number).await?;
        let is_it = |debit: &DebitRecord| waits(debit) && Some(debit.cents()) == found.said.amount;
        let Some(debit) = debit.filter(is_it) else {
            // It came twice, or is another sum: for people.
            return Ok(Some(nobodys(tx, found, now).await?));
        };
        settle_one(tx, found, &debit, &found.id, now).await?;
        return Ok(Some(NoticeOutcome::Posted));
    }
    let mut all = of_file(tx, &file.unwrap_or_default()).await?;
    all.retain(waits);
    let sum = |all: &[DebitRecord]| Some(all.iter().map(DebitRecord::cents).sum::<Cents>());
    if sum(&all) != found.said.amount {
        all.retain(|debit| debit.back_at.is_none());
    }
    if all.is_empty() || sum(&all) != found.said.amount {
        return Ok(Some(nobodys(tx, found, now).await?));
    }
    for debit in &all {
        settle_one(tx, found, debit, &format!("debit/{}", debit.number), now).await?;
    }
    Ok(Some(NoticeOutcome::Posted))
}

/// Money of debits that fits none: people have to see whose it is.
async fn nobodys(tx: &mut Tx, found: &Found, now: Timestamp) -> Result<NoticeOutcome, StoreError> {
    let amount = found.said.amount.unwrap_or(Cents::ZERO);
    let entry = Entry::unmatched(&found.provider, amount);
    post(tx, &found.id, &entry, Some(&found.id), SYSTEM, now).await?;
    Ok(NoticeOutcome::NoOwner)
}

/// The money of a debit is in the books. Money counts more than words: what the bank had refused and then paid is
/// paid, and a person looks at it. Where the statement that says that it went back was brought before, it goes back.
async fn settle_one(
    tx: &mut Tx,
    found: &Found,
    debit: &DebitRecord,
    entry: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let bills = vec![debit.bill];
    let payment = Entry::payment(&found.provider, &debit.account, debit.cents(), bills);
    post(tx, entry, &payment, Some(&found.id), SYSTEM, now).await?;
    let contradicts = debit.back_at.is_some();
    query("UPDATE debits SET entry = $2, back_at = NULL, back_by = NULL, for_people = CASE WHEN $3 = 1 THEN 1 ELSE for_people END, seen_by = CASE WHEN $3 = 1 THEN NULL ELSE seen_by END, seen_at = CASE WHEN $3 = 1 THEN NULL ELSE seen_at END WHERE number = $1")
        .bind(debit.number)
        .bind(entry)
        .bind(contradicts)
        .execute(&mut *tx)
        .await?;
    let row = query("SELECT n.id, t.reason FROM transfers t JOIN notices n ON n.id = t.notice WHERE t.end_to_end = $1 AND t.kind = 'taken-back' AND t.cents = $2 AND n.outcome = $3 ORDER BY n.id LIMIT 1")
        .bind(end_to_end(debit.number))
        .bind(debit.cents())
        .bind(NoticeOutcome::UnclearReturn.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(row) = row {
        let (by, reason): (String, Option<String>) = (row.get("id")?, row.get("reason")?);
        reverse(tx, entry, Some(&by), SYSTEM, now).await?;
        back(tx, debit, &by, reason.as_deref(), now).await?;
        settle(tx, &by, NoticeOutcome::Reversed, now).await?;
    }
    Ok(())
}

/// The bank took money back that is a debit's in the books: the bill is owed again. `None` where it is no such
/// money, another sum, or may be another credit of that name: then people see to it. A reason that ends the mandate
/// ends it all the same.
pub(crate) async fn taken_back(
    tx: &mut Tx,
    found: &Found,
    now: Timestamp,
) -> Result<Option<NoticeOutcome>, StoreError> {
    let row = query("SELECT end_to_end, reason FROM transfers WHERE notice = $1")
        .bind(&found.id)
        .fetch_one(&mut *tx)
        .await?;
    let name: Option<String> = row.get("end_to_end")?;
    let reason: Option<String> = row.get("reason")?;
    let Some(number) = name.as_deref().and_then(debit_named) else {
        return Ok(None);
    };
    tx.turn(TURN).await?;
    let Some(debit) = debit(&mut *tx, number).await? else {
        return Ok(None);
    };
    let fits = match &debit.entry {
        Some(entry) if Some(debit.cents()) == found.said.amount => {
            is_alone(tx, &debit, entry).await?
        }
        _ => false,
    };
    let (Some(entry), true) = (&debit.entry, fits) else {
        if debit.ordered.is_some() && reason.as_deref().is_some_and(ends_mandate) {
            for_people(tx, &debit, reason.as_deref(), now).await?;
        }
        return Ok(None);
    };
    reverse(tx, entry, Some(&found.id), SYSTEM, now).await?;
    back(tx, &debit, &found.id, reason.as_deref(), now).await?;
    Ok(Some(NoticeOutcome::Reversed))
}

/// Whether a debit's entry stands, and no other credit of that sum has its name: else a return may mean the other.
async fn is_alone(tx: &mut Tx, debit: &DebitRecord, entry: &str) -> Result<bool, StoreError> {
    let reversed = query("SELECT 1 FROM journal WHERE reverses = $1")
        .bind(entry)
        .fetch_optional(&mut *tx)
        .await?;
    let another = query("SELECT 1 FROM transfers WHERE end_to_end = $1 AND kind = $2 AND cents = $3 AND notice <> $4 LIMIT 1")
        .bind(end_to_end(debit.number))
        .bind(TransferKind::Payment.as_str())
        .bind(debit.cents())
        .bind(entry)
        .fetch_optional(tx)
        .await?;
    Ok(reversed.is_none() && another.is_none())
}

/// A debit was refused or went back. Its mandate ends where the reason says so; else a person sees to it.
async fn back(
    tx: &mut Tx,
    debit: &DebitRecord,
    by: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ends = reason.is_some_and(ends_mandate);
    query("UPDATE debits SET back_at = $2, back_by = $3, reason = $4, for_people = CASE WHEN $5 = 1 THEN for_people ELSE 1 END, seen_by = CASE WHEN $5 = 1 THEN seen_by ELSE NULL END, seen_at = CASE WHEN $5 = 1 THEN seen_at ELSE NULL END WHERE number = $1")
        .bind(debit.number)
        .bind(now)
        .bind(by)
        .bind(reason)
        .bind(ends)
        .execute(&mut *tx)
        .await?;
    end_by(tx, debit, reason, now).await
}

/// Ends the mandate of an ordered debit where the bank's reason says so; does nothing where it has ended.
async fn end_by(
    tx: &mut Tx,
    debit: &DebitRecord,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if debit.ordered.is_some()
        && reason.is_some_and(ends_mandate)
        && let Some(mandate) = mandate(&mut *tx, debit.mandate).await?
    {
        end(tx, &mandate, MandateEnd::Bank, None, now).await?;
    }
    Ok(())
}

/// A person has to see what the bank means, also where one saw to the debit before.
async fn for_people(
    tx: &mut Tx,
    debit: &DebitRecord,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE debits SET for_people = 1, seen_by = NULL, seen_at = NULL, reason = COALESCE(reason, $2) WHERE number = $1")
        .bind(debit.number)
        .bind(reason)
        .execute(&mut *tx)
        .await?;
    end_by(tx, debit, reason, now).await
}
