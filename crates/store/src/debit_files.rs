//! How debits leave: in files for the bank, which one person prepares and another approves.
//!
//! A file is made and kept in the transaction that approves it, before anybody has it: a death afterwards leaves a
//! file that is fetched again, with the same bytes. What is in it counts as ordered from there on, and nothing takes it
//! out. Each debit is in one such file.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use kvit_billing::Cents;
use kvit_pay::debit::{DebitFile, DebitPart, DirectDebit, Sequence};

use crate::{
    DebitFate, DebitFileRecord, DebitPreview, DebitRecord, DebitTerms, DebitWord, Deed, Event,
    MandateRecord, PreparedDebits, Store, StoreError,
    audit::append,
    debits::{Fate, drop, fates, list},
    engine::{Row, Target, Tx},
    mandates::{TURN, mandates},
    reconcile::same_person,
    rows::{corrupt, optional, optional_time, unsigned},
    sql::{ROWS_MAX, query},
};

/// Debits in one file. More wait for the next one.
pub const DEBITS_IN_FILE_MAX: usize = 10_000;
/// A file and what came of its debits.
const FILE: &str = "f.number, f.prepared_by, f.prepared_at, f.approved_by, f.approved_at, f.refused_by, f.refused_at, f.debits, f.cents, f.iban, (SELECT MIN(d.day) FROM debits d WHERE d.file = f.number AND d.dropped_at IS NULL) AS day, (SELECT COUNT(*) FROM debits d WHERE d.file = f.number AND (d.entry IS NOT NULL OR d.back_at IS NOT NULL)) AS settled";

impl Store {
    /// One person puts what is announced and due by `terms.latest` into a file. What is paid by now, or too late,
    /// is dropped.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn prepare_debits(
        &self,
        terms: &DebitTerms,
        by: &str,
        now: Timestamp,
    ) -> Result<PreparedDebits, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let waiting = list(
            &mut tx,
            "d.file IS NULL AND d.dropped_at IS NULL AND d.day <= $1 ORDER BY d.day, d.number LIMIT $2",
            |q| q.bind(terms.latest).bind(DEBITS_IN_FILE_MAX),
        )
        .await?;
        let (mut taken, mut cents) = (Vec::new(), Cents::ZERO);
        let mut prepared = PreparedDebits {
            file: None,
            held: 0,
            dropped: 0,
        };
        for part in waiting.chunks(ROWS_MAX) {
            let fates = fates(&mut tx, part, terms.earliest, now).await?;
            for debit in part {
                match fates.get(&debit.number) {
                    Some(Fate::Collect(open)) => {
                        taken.push(debit.number);
                        cents += *open;
                    }
                    Some(Fate::Drop(why)) => {
                        drop(&mut tx, debit, *why, now).await?;
                        prepared.dropped += 1;
                    }
                    Some(Fate::Hold) | None => prepared.held += 1,
                }
            }
        }
        if !taken.is_empty() {
            let row = query("INSERT INTO debit_files (number, prepared_by, prepared_at, debits, cents) SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4 FROM debit_files RETURNING number")
                .bind(by)
                .bind(now)
                .bind(taken.len())
                .bind(cents)
                .fetch_one(&mut tx)
                .await?;
            let number = unsigned(&row, "number")?;
            for part in taken.chunks(ROWS_MAX) {
                query(format!(
                    "UPDATE debits SET file = {number} WHERE number IN ({{rows}})"
                ))
                .rows(part.iter().map(|number| [(*number).into()]))
                .execute(&mut tx)
                .await?;
            }
            let detail = serde_json::json!({ "debits": taken.len(), "sum": cents.to_string() });
            append(&mut tx, &told("prepared", number, detail, by, now)).await?;
            prepared.file = one_file(&mut tx, number).await?;
        }
        tx.commit().await?;
        Ok(prepared)
    }

    /// Another person approves a file: it is made, and what is in it is ordered. What was paid or turned off
    /// since stays out, and what is too early waits. `shown` is how many debits and how much that person was shown
    /// to leave: where something else would, nothing is done.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn approve_debits(
        &self,
        number: u64,
        terms: &DebitTerms,
        shown: (Option<u64>, Option<Cents>),
        by: &str,
        now: Timestamp,
    ) -> Result<DebitWord, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(found) = one_file(&mut tx, number).await? else {
            return Ok(DebitWord::Unknown);
        };
        if !found.waits() {
            return Ok(DebitWord::Over);
        }
        if same_person(&found.prepared.by, by) {
            return Ok(DebitWord::SamePerson);
        }
        let judged = judged(&mut tx, number, terms, now).await?;
        let (mut count, mut sum) = (0, Cents::ZERO);
        for (_, fate) in &judged {
            if let Fate::Collect(cents) = fate {
                count += 1;
                sum += *cents;
            }
        }
        let other = shown.0.is_some_and(|shown| shown != count)
            || shown.1.is_some_and(|shown| shown != sum);
        if other && count > 0 {
            return Ok(DebitWord::Outdated);
        }
        let going = going(&mut tx, judged, now).await?;
        if going.is_empty() {
            // Nothing is left of it: the next one begins anew.
            close(&mut tx, number, by, now).await?;
            let detail = serde_json::json!({ "empty": true });
            append(&mut tx, &told("refused", number, detail, by, now)).await?;
            tx.commit().await?;
            return Ok(DebitWord::Empty);
        }
        let file = DebitFile {
            number,
            at: now,
            collector: terms.collector.clone(),
            parts: parts(&mut tx, going, terms).await?,
        };
        for (no, part) in (1_u64..).zip(&file.parts) {
            let sequence = part.sequence.as_str();
            for some in part.debits.chunks(ROWS_MAX) {
                query(format!("WITH ordered (number, cents) AS ({{rows}}) UPDATE debits SET part = {no}, sequence = '{sequence}', cents = ordered.cents FROM ordered WHERE debits.number = ordered.number"))
                    .rows(some.iter().map(|debit| [debit.debit.into(), debit.amount.into()]))
                    .execute(&mut tx)
                    .await?;
            }
        }
        query("UPDATE debit_files SET approved_by = $2, approved_at = $3, content = $4, iban = $5, debits = $6, cents = $7 WHERE number = $1")
            .bind(number)
            .bind(by)
            .bind(now)
            .bind(file.xml().into_bytes())
            .bind(&terms.collector.iban)
            .bind(file.count())
            .bind(file.sum())
            .execute(&mut tx)
            .await?;
        let detail = serde_json::json!({ "debits": file.count(), "sum": file.sum().to_string() });
        append(&mut tx, &told("approved", number, detail, by, now)).await?;
        tx.commit().await?;
        Ok(DebitWord::Approved)
    }

    /// Somebody does not agree to a file: what is in it waits for the next.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn refuse_debit_file(
        &self,
        number: u64,
        by: &str,
        now: Timestamp,
    ) -> Result<DebitWord, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(TURN).await?;
        let Some(found) = one_file(&mut tx, number).await? else {
            return Ok(DebitWord::Unknown);
        };
        if !found.waits() {
            return Ok(DebitWord::Over);
        }
        close(&mut tx, number, by, now).await?;
        append(
            &mut tx,
            &told("refused", number, serde_json::json!({}), by, now),
        )
        .await?;
        tx.commit().await?;
        Ok(DebitWord::Done)
    }

    /// What a file that waits would come to, were it approved now. Changes nothing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn preview_debits(
        &self,
        number: u64,
        terms: &DebitTerms,
        now: Timestamp,
    ) -> Result<DebitPreview, StoreError> {
        let mut tx = self.begin_reading().await?;
        let judged = judged(&mut tx, number, terms, now).await?;
        let fates = judged.into_iter().map(|(debit, fate)| {
            let fate = match fate {
                Fate::Collect(cents) => DebitFate::Collected(cents),
                Fate::Hold => DebitFate::Waits,
                Fate::Drop(why) => DebitFate::Dropped(why),
            };
            (debit.number, fate)
        });
        Ok(DebitPreview {
            fates: fates.collect(),
        })
    }

    /// The latest files for the bank, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn debit_files(&self, limit: usize) -> Result<Vec<DebitFileRecord>, StoreError> {
        query(format!(
            "SELECT {FILE} FROM debit_files f ORDER BY f.number DESC LIMIT $1"
        ))
        .bind(limit)
        .fetch_all(&self.pools)
        .await?
        .iter()
        .map(record)
        .collect()
    }

    /// One file for the bank.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn debit_file(&self, number: u64) -> Result<Option<DebitFileRecord>, StoreError> {
        one_file(&self.pools, number).await
    }

    /// The bytes of an approved file, the same each time. That somebody fetched them is in the trail before.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn fetch_debit_file(
        &self,
        number: u64,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row =
            query("SELECT content FROM debit_files WHERE number = $1 AND content IS NOT NULL")
                .bind(number)
                .fetch_optional(&self.pools)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let event = told("fetched", number, serde_json::json!({}), by, now);
        self.record_event(&event).await?;
        Ok(Some(row.get("content")?))
    }
}

/// What of a file is collected, each with how much. The rest leaves it.
async fn going(
    tx: &mut Tx,
    judged: Vec<(DebitRecord, Fate)>,
    now: Timestamp,
) -> Result<Vec<(DebitRecord, Cents)>, StoreError> {
    let mut going = Vec::new();
    for (debit, fate) in judged {
        match fate {
            Fate::Collect(cents) => going.push((debit, cents)),
            Fate::Drop(why) => drop(tx, &debit, why, now).await?,
            Fate::Hold => {
                query("UPDATE debits SET file = NULL WHERE number = $1")
                    .bind(debit.number)
                    .execute(&mut *tx)
                    .await?;
            }
        }
    }
    Ok(going)
}

/// The debits in a file that waits, by their day, and what becomes of each as things stand.
async fn judged(
    tx: &mut Tx,
    number: u64,
    terms: &DebitTerms,
    now: Timestamp,
) -> Result<Vec<(DebitRecord, Fate)>, StoreError> {
    let all = list(
        &mut *tx,
        "d.file = $1 AND d.part IS NULL AND d.dropped_at IS NULL ORDER BY d.day, d.number",
        |q| q.bind(number),
    )
    .await?;
    let mut judged = Vec::with_capacity(all.len());
    for part in all.chunks(ROWS_MAX) {
        let mut fates = fates(tx, part, terms.earliest, now).await?;
        for debit in part {
            let fate = match fates.remove(&debit.number) {
                // The notice promises that nothing is ordered so early.
                Some(Fate::Collect(_)) if debit.day > terms.latest => Fate::Hold,
                fate => fate.unwrap_or(Fate::Hold),
            };
            judged.push((debit.clone(), fate));
        }
    }
    Ok(judged)
}

/// Debits as the bank wants them together: by day, sequence and creditor. The first by a mandate is one that
/// has none before it that the bank took; one that was refused before money moved does not count.
async fn parts(
    tx: &mut Tx,
    going: Vec<(DebitRecord, Cents)>,
    terms: &DebitTerms,
) -> Result<Vec<DebitPart>, StoreError> {
    let mut by_number: HashMap<u64, MandateRecord> = HashMap::new();
    let mut used: HashSet<u64> = HashSet::new();
    for some in going.chunks(ROWS_MAX) {
        let numbers: Vec<u64> = some.iter().map(|(debit, _)| debit.mandate).collect();
        for mandate in mandates(&mut *tx, &numbers).await? {
            by_number.insert(mandate.number, mandate);
        }
        let rows = query("SELECT DISTINCT d.mandate FROM debits d WHERE d.mandate IN ({rows}) AND d.part IS NOT NULL AND (d.entry IS NOT NULL OR d.back_at IS NULL)")
            .rows(numbers.iter().map(|number| [(*number).into()]))
            .fetch_all(&mut *tx)
            .await?;
        for row in &rows {
            used.insert(unsigned(row, "mandate")?);
        }
    }
    let mut parts: BTreeMap<_, Vec<DirectDebit>> = BTreeMap::new();
    for (debit, cents) in going {
        let mandate = by_number.get(&debit.mandate);
        let mandate = mandate.ok_or_else(|| corrupt("mandate", debit.mandate))?;
        let sequence = if used.insert(mandate.number) {
            Sequence::First
        } else {
            Sequence::Recurring
        };
        let (bill, customer) = terms.words;
        let (number, account) = (debit.bill, &debit.account);
        let key = (debit.day, sequence, mandate.creditor.clone());
        parts.entry(key).or_default().push(DirectDebit {
            debit: debit.number,
            amount: cents,
            mandate: mandate.number,
            signed: mandate.day,
            holder: mandate.holder.clone(),
            iban: mandate.iban.clone(),
            words: format!("{bill} {number}, {customer} {account}"),
        });
    }
    let part = |((day, sequence, creditor), debits)| DebitPart {
        day,
        sequence,
        creditor,
        debits,
    };
    Ok(parts.into_iter().map(part).collect())
}

/// A file is not made: what is in it waits for the next.
async fn close(tx: &mut Tx, number: u64, by: &str, now: Timestamp) -> Result<(), StoreError> {
    query("UPDATE debits SET file = NULL WHERE file = $1")
        .bind(number)
        .execute(&mut *tx)
        .await?;
    query("UPDATE debit_files SET refused_by = $2, refused_at = $3 WHERE number = $1")
        .bind(number)
        .bind(by)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

fn told(deed: &str, number: u64, detail: serde_json::Value, by: &str, at: Timestamp) -> Event {
    Event {
        at,
        who: by.to_owned(),
        what: format!("debit.{deed}"),
        subject: format!("debit-file/{number}"),
        detail,
    }
}

async fn one_file(on: impl Target, number: u64) -> Result<Option<DebitFileRecord>, StoreError> {
    let row = query(format!(
        "SELECT {FILE} FROM debit_files f WHERE f.number = $1"
    ))
    .bind(number)
    .fetch_optional(on)
    .await?;
    row.as_ref().map(record).transpose()
}

fn record(row: &Row) -> Result<DebitFileRecord, StoreError> {
    let deed = |by, at| -> Result<Option<Deed>, StoreError> {
        let by: Option<String> = row.get(by)?;
        let at = optional_time(row, at)?;
        Ok(by.zip(at).map(|(by, at)| Deed { by, at }))
    };
    let prepared = deed("prepared_by", "prepared_at")?;
    Ok(DebitFileRecord {
        number: unsigned(row, "number")?,
        prepared: prepared.ok_or_else(|| corrupt("prepared_by", "none"))?,
        approved: deed("approved_by", "approved_at")?,
        refused: deed("refused_by", "refused_at")?,
        debits: unsigned(row, "debits")?,
        cents: Cents::new(row.get("cents")?),
        iban: optional(row, "iban")?,
        day: optional::<Date>(row, "day")?,
        settled: unsigned(row, "settled")?,
    })
}
