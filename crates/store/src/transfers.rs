//! Transfers of bank statements: known by the account and the bank's reference, so that each counts once
//! however many statements have it, and given to whom their words name.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kvit_billing::{BillNumber, Currency, CustomerNumber};
use kvit_pay::{
    ProviderName, VerifiedNotice,
    ledger::Entry,
    statement::{Named, Transfer, TransferKind},
};

use crate::{
    Booked, NoticeOutcome, Store, StoreError,
    apply::{Misfit, SYSTEM, apply_kept, settle, standing_entries, undo},
    debit_returns,
    engine::Tx,
    ledger::{post, reverse},
    notices::{Found, find, found, keep, outcome},
    reconcile::{allocation_id, withdraw},
    refund_files::came_back,
    rows::{corrupt, number, text},
    sql::query,
};

impl Store {
    /// Books transfers of a kept statement, in their order: all of them or, should the database fail,
    /// none. What was booked before changes nothing. Tells what became of each.
    ///
    /// # Errors
    /// Where the database fails, or there is no such statement.
    pub async fn book_transfers(
        &self,
        statement: &str,
        notices: &[VerifiedNotice],
        now: Timestamp,
    ) -> Result<Vec<Booked>, StoreError> {
        let mut tx = self.begin().await?;
        // Before any row is touched: a statement may be in two hands.
        tx.turn(TURN).await?;
        let mut all = Vec::with_capacity(notices.len());
        for notice in notices {
            let Some(transfer) = notice.transfer() else {
                return Err(corrupt("transfer", notice.key()));
            };
            all.push(book(&mut tx, statement, notice, transfer, now).await?);
        }
        tx.commit().await?;
        Ok(all)
    }
}

/// The turn in which transfers are booked.
pub(crate) const TURN: &str = "transfers";

async fn book(
    tx: &mut Tx,
    statement: &str,
    notice: &VerifiedNotice,
    transfer: &Transfer,
    now: Timestamp,
) -> Result<Booked, StoreError> {
    if told_otherwise(tx, statement, notice, transfer, now).await? {
        return Ok(Booked::Repeated);
    }
    let kept = keep(tx, notice, now).await?;
    if kept.first {
        insert(tx, &kept.key, statement, transfer).await?;
    } else if let Some(outcome) = look_again(tx, &kept.key, transfer, now).await? {
        return Ok(Booked::As(outcome));
    } else if brought_by(tx, &kept.key).await? != statement {
        return Ok(Booked::Repeated);
    }
    let outcome = apply_kept(tx, &kept.key, Misfit::Stays, now).await?;
    Ok(Booked::As(outcome))
}

/// One statement may have the sum of an entry where another has its parts. The first counts; but a sum
/// that waits for its owner is taken back once its parts are told, because they say whose they are.
///
/// Nor is a part new that another statement has not, where that one had the same entry's parts: an entry comes
/// whole, so this is one of them under another name.
async fn told_otherwise(
    tx: &mut Tx,
    statement: &str,
    notice: &VerifiedNotice,
    transfer: &Transfer,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let same = match transfer.kind {
        TransferKind::TakenBack => "=",
        _ => "<>",
    };
    // Parts of an entry that any statement but this has.
    let parts = |entry: &str, but: &str| {
        query(format!(
            "SELECT 1 FROM transfers WHERE batch = $1 AND statement <> $2 AND kind {same} 'taken-back' LIMIT 1"
        ))
        .bind(entry.to_owned())
        .bind(but.to_owned())
    };
    let Some(batch) = &transfer.batch else {
        let told = parts(&transfer.name, "").fetch_optional(tx).await?;
        return Ok(told.is_some());
    };
    if parts(batch, "").fetch_optional(&mut *tx).await?.is_some() {
        if find(tx, &notice.key()).await?.is_some() {
            return Ok(false);
        }
        let elsewhere = parts(batch, statement).fetch_optional(tx).await?;
        return Ok(elsewhere.is_some());
    }
    let sum = format!("{}/{}/{batch}", notice.provider(), notice.event().as_str());
    let Some(sum) = find(tx, &sum).await? else {
        return Ok(false);
    };
    // A part of it that is a customer's already is another entry.
    let entries = standing_entries(tx, &sum.id).await?;
    if sum.outcome != Some(NoticeOutcome::NoOwner) || entries != [sum.id.as_str()] {
        return Ok(true);
    }
    reverse(tx, &sum.id, None, SYSTEM, now).await?;
    settle(tx, &sum.id, NoticeOutcome::Reversed, now).await?;
    Ok(false)
}

async fn insert(
    tx: &mut Tx,
    key: &str,
    statement: &str,
    transfer: &Transfer,
) -> Result<(), StoreError> {
    let payout = match &transfer.kind {
        TransferKind::Payout(provider) => Some(provider.to_string()),
        _ => None,
    };
    query("INSERT INTO transfers (notice, statement, kind, payout, iban, batch, booked, cents, party, refs, words, info, end_to_end, bank_transaction, payment_file, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)")
        .bind(key)
        .bind(statement)
        .bind(transfer.kind.as_str())
        .bind(payout)
        .bind(&transfer.iban)
        .bind(transfer.batch.clone())
        .bind(transfer.booked)
        .bind(transfer.amount)
        .bind(transfer.party.clone())
        .bind(transfer.references.join("\n"))
        .bind(&transfer.words)
        .bind(&transfer.info)
        .bind(transfer.end_to_end.clone())
        .bind(transfer.transaction.clone())
        .bind(transfer.payment_file.clone())
        .bind(transfer.reason.clone())
        .execute(tx)
        .await?;
    Ok(())
}

async fn brought_by(tx: &mut Tx, key: &str) -> Result<String, StoreError> {
    let row = query("SELECT statement FROM transfers WHERE notice = $1")
        .bind(key)
        .fetch_one(tx)
        .await?;
    Ok(row.get("statement")?)
}

/// Money came to the operator's account.
pub(crate) async fn received(
    tx: &mut Tx,
    found: &Found,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    let row = query("SELECT kind, payout, refs, words, info FROM transfers WHERE notice = $1")
        .bind(&found.id)
        .fetch_one(&mut *tx)
        .await?;
    let amount = found.said.amount.ok_or_else(|| corrupt("amount", "none"))?;
    let kind: String = row.get("kind")?;
    if kind == TransferKind::CameBack.as_str()
        && let Some(outcome) = came_back(tx, found, now).await?
    {
        return Ok(outcome);
    }
    if kind == TransferKind::Payment.as_str()
        && let Some(outcome) = debit_returns::received(tx, found, now).await?
    {
        return Ok(outcome);
    }
    let owner = match kind.as_str() {
        "payout" => Owner::System(text(&row, "payout")?),
        "payment" => {
            let refs: String = row.get("refs")?;
            let refs: Vec<String> = refs.lines().map(str::to_owned).collect();
            let (words, info): (String, String) = (row.get("words")?, row.get("info")?);
            customer(tx, &Named::of(&refs, &words, &info), found.said.currency).await?
        }
        _ => Owner::Nobody,
    };
    let (entry, outcome) = match owner {
        Owner::Customer(account, bills) => {
            let entry = Entry::payment(&found.provider, &account, amount, bills);
            (entry, NoticeOutcome::Posted)
        }
        Owner::System(system) => (Entry::payout(&system, amount), NoticeOutcome::Posted),
        Owner::Nobody => {
            let entry = Entry::unmatched(&found.provider, amount);
            (entry, NoticeOutcome::NoOwner)
        }
    };
    post(tx, &found.id, &entry, Some(&found.id), SYSTEM, now).await?;
    Ok(outcome)
}

/// A transfer that waits for people is told again: this statement may say more, or there is a bill, a payment
/// system or a payment now that there was not. What people gave to somebody, in whole or in part, stays.
async fn look_again(
    tx: &mut Tx,
    key: &str,
    transfer: &Transfer,
    now: Timestamp,
) -> Result<Option<NoticeOutcome>, StoreError> {
    let found = found(tx, key).await?;
    if found.outcome == Some(NoticeOutcome::UnclearReturn) {
        if seen_to(tx, key).await? {
            return Ok(None);
        }
        let outcome = taken_back(tx, &found, now).await?;
        settle(tx, key, outcome, now).await?;
        return Ok((outcome == NoticeOutcome::Reversed).then_some(outcome));
    }
    if found.outcome != Some(NoticeOutcome::NoOwner) || standing_entries(tx, key).await? != [key] {
        return Ok(None);
    }
    let row = query("SELECT kind FROM transfers WHERE notice = $1")
        .bind(key)
        .fetch_one(&mut *tx)
        .await?;
    if row.get::<String>("kind")? != TransferKind::Payment.as_str() {
        return Ok(None);
    }
    let Transfer {
        references,
        words,
        info,
        ..
    } = transfer;
    if !references.is_empty() || !words.is_empty() {
        query("UPDATE transfers SET party = COALESCE($2, party), refs = $3, words = $4, info = $5 WHERE notice = $1")
            .bind(key)
            .bind(transfer.party.clone())
            .bind(references.join("\n"))
            .bind(words)
            .bind(info)
            .execute(&mut *tx)
            .await?;
    }
    let owner = match &transfer.kind {
        TransferKind::Payout(system) => Owner::System(system.clone()),
        TransferKind::Payment => {
            let named = Named::of(references, words, info);
            customer(tx, &named, Some(transfer.currency)).await?
        }
        TransferKind::CameBack
        | TransferKind::TakenBack
        | TransferKind::Spent
        | TransferKind::Refused => Owner::Nobody,
    };
    let (id, entry, outcome) = match owner {
        Owner::Nobody => return Ok(None),
        Owner::Customer(account, bills) => {
            let entry = Entry::allocation(&account, transfer.amount, bills);
            let id = allocation_id(tx, key).await?;
            (id, entry, NoticeOutcome::Allocated)
        }
        Owner::System(system) => {
            query("UPDATE transfers SET kind = 'payout', payout = $2 WHERE notice = $1")
                .bind(key)
                .bind(&system)
                .execute(&mut *tx)
                .await?;
            let entry = Entry::payout_found(&system, transfer.amount);
            (format!("payout/{key}"), entry, NoticeOutcome::Posted)
        }
    };
    post(tx, &id, &entry, Some(key), SYSTEM, now).await?;
    for words in ["proposals", "settlements"] {
        withdraw(tx, words, key).await?;
    }
    settle(tx, key, outcome, now).await?;
    Ok(Some(outcome))
}

/// Whose a transfer's money is.
enum Owner {
    Customer(CustomerNumber, Vec<BillNumber>),
    /// A payment system, which hands over what it collected.
    System(ProviderName),
    Nobody,
}

/// The customer whose all of it is that a transfer names: by creditor reference, else by numbers.
async fn customer(
    tx: &mut Tx,
    named: &Named,
    currency: Option<Currency>,
) -> Result<Owner, StoreError> {
    let (mut accounts, mut bills) = bills_of(tx, &named.referenced, currency).await?;
    if accounts.is_empty() {
        (accounts, bills) = bills_of(tx, &named.bills, currency).await?;
        if !named.customers.is_empty() {
            let rows = query("SELECT number FROM customers WHERE number IN ({rows})")
                .rows(named.customers.iter().map(|number| [number.into()]))
                .fetch_all(tx)
                .await?;
            for row in &rows {
                accounts.insert(text(row, "number")?);
            }
        }
    }
    let one = accounts.pop_first().filter(|_| accounts.is_empty());
    Ok(one.map_or(Owner::Nobody, |account| Owner::Customer(account, bills)))
}

/// Those of these bills that there are, and whose they are.
async fn bills_of(
    tx: &mut Tx,
    wanted: &[BillNumber],
    currency: Option<Currency>,
) -> Result<(BTreeSet<CustomerNumber>, Vec<BillNumber>), StoreError> {
    let (mut accounts, mut bills) = (BTreeSet::new(), Vec::new());
    if wanted.is_empty() {
        return Ok((accounts, bills));
    }
    let rows = query(
        "SELECT number, account, currency FROM bills WHERE number IN ({rows}) ORDER BY number",
    )
    .rows(wanted.iter().map(|number| [(*number).into()]))
    .fetch_all(tx)
    .await?;
    for row in &rows {
        if Some(text::<Currency>(row, "currency")?) == currency {
            accounts.insert(text(row, "account")?);
            bills.push(number(row, "number")?);
        }
    }
    Ok((accounts, bills))
}

/// Whether people took one of the payments back that an unclear return may mean, since it came: what is left
/// must not be taken back as well.
async fn seen_to(tx: &mut Tx, key: &str) -> Result<bool, StoreError> {
    let row = query(format!("SELECT 1 FROM transfers b JOIN notices n ON n.id = b.notice JOIN transfers t ON {MEANT} JOIN journal j ON j.notice = t.notice AND COALESCE(j.reverses, '') = '' JOIN journal r ON r.reverses = j.id WHERE b.notice = $1 AND r.at >= n.received_at LIMIT 1"))
        .bind(key)
        .bind(paid_as(key))
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

/// The payment `t` that a return `b` may mean. Other names of the banks for it say that it is another.
const MEANT: &str = "t.iban = b.iban AND t.cents = b.cents AND t.kind = 'payment' AND ((t.end_to_end = b.end_to_end AND (t.bank_transaction IS NULL OR b.bank_transaction IS NULL OR t.bank_transaction = b.bank_transaction)) OR t.bank_transaction = b.bank_transaction OR t.notice = $2)";

/// The payment of the name that a return has.
fn paid_as(key: &str) -> String {
    let mut parts = key.splitn(3, '/');
    let (provider, name) = (
        parts.next().unwrap_or_default(),
        parts.nth(1).unwrap_or_default(),
    );
    format!("{provider}/paid/{name}")
}

/// The bank took a payment back: the one of the same amount that stands in the books and that it
/// names, by the reference that both have or by the payer's or the banks' name for it. Where
/// that is none or may be one of several, people have to see to it.
pub(crate) async fn taken_back(
    tx: &mut Tx,
    found: &Found,
    now: Timestamp,
) -> Result<NoticeOutcome, StoreError> {
    if let Some(outcome) = debit_returns::taken_back(tx, found, now).await? {
        return Ok(outcome);
    }
    let rows = query(format!("SELECT n.id, n.outcome FROM transfers b JOIN transfers t ON {MEANT} JOIN notices n ON n.id = t.notice WHERE b.notice = $1 AND EXISTS (SELECT 1 FROM journal j WHERE j.notice = n.id AND COALESCE(j.reverses, '') = '' AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id)) ORDER BY n.id LIMIT 9"))
        .bind(&found.id)
        .bind(paid_as(&found.id))
        .fetch_all(&mut *tx)
        .await?;
    let mut paid = Vec::new();
    for row in &rows {
        paid.push((row.get::<String>("id")?, outcome(row)?));
    }
    match paid.as_slice() {
        [(id, Some(outcome))] => {
            undo(tx, id, *outcome, &found.id, now).await?;
            Ok(NoticeOutcome::Reversed)
        }
        _ => Ok(NoticeOutcome::UnclearReturn),
    }
}
