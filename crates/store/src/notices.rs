//! Verified notices: kept as they came in one transaction, applied to the books in another, each
//! once. A death between the two leaves a notice that the next start applies.

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillNumber, Cents, Currency, CustomerNumber};
use kvit_pay::{About, ProviderName, VerifiedNotice};

use crate::{
    NoticeOutcome, Received, Store, StoreError,
    apply::{Misfit, apply_kept},
    engine::{Row, Tx},
    payments::{bills, joined},
    rows::{corrupt, optional, optional_time, text},
    sql::query,
    transfers,
};

/// A notice that is kept.
pub(crate) struct Kept {
    /// Under which.
    pub(crate) key: String,
    pub(crate) first: bool,
}

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
        let mut tx = self.begin().await?;
        let Kept { key, first } = keep(&mut tx, notice, now).await?;
        tx.commit().await?;
        let outcome = self.apply_notice(&key, now).await?;
        Ok(Received { first, outcome })
    }

    /// The same for a payment system that gives the money back unless it hears at once that it may keep
    /// it: the notice is kept and applied together or not at all, and money that does not fit is in
    /// no book.
    ///
    /// # Errors
    /// Where the database fails: then nothing is kept, and the money goes back.
    pub async fn receive_returnable(
        &self,
        notice: &VerifiedNotice,
        now: Timestamp,
    ) -> Result<Received, StoreError> {
        let mut tx = self.begin().await?;
        // Before any row is touched, as those do who have the turn.
        tx.turn(&match notice.about() {
            About::Payment(number) => turn(notice.provider(), Some(*number), None),
            About::Customer { account, .. } => turn(notice.provider(), None, Some(account)),
            About::Nobody | About::Transfer => turn(notice.provider(), None, None),
        })
        .await?;
        let Kept { key, first } = keep(&mut tx, notice, now).await?;
        let outcome = apply_kept(&mut tx, &key, Misfit::GoesBack, now).await?;
        tx.commit().await?;
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
        let mut tx = self.begin().await?;
        let kept = keep(&mut tx, notice, now).await?;
        tx.commit().await?;
        Ok(kept.first)
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
        let outcome = apply_kept(&mut tx, key, Misfit::Stays, now).await?;
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
}

/// Keeps a notice. What was signed before is the notice that it was then. What says something else
/// under a known key is kept beside it, for people.
pub(crate) async fn keep(
    tx: &mut Tx,
    notice: &VerifiedNotice,
    now: Timestamp,
) -> Result<Kept, StoreError> {
    let provider = notice.provider();
    if let Some(signed) = notice.signed() {
        tx.turn(&format!("signed/{provider}/{signed}")).await?;
        let row = query("SELECT notice FROM signed_texts WHERE provider = $1 AND hash = $2")
            .bind(provider)
            .bind(signed)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = row {
            let key: String = row.get("notice")?;
            count_again(tx, &key).await?;
            return Ok(Kept { key, first: false });
        }
    }
    let mut key = notice.key();
    let mut first = insert(tx, &key, notice, None, now).await?;
    if !first && !found(tx, &key).await?.says(notice) {
        key = format!("{key}/differs/{}", &notice.fingerprint()[..16]);
        first = insert(tx, &key, notice, Some(NoticeOutcome::Contradiction), now).await?;
    }
    if !first {
        count_again(tx, &key).await?;
    }
    if let Some(signed) = notice.signed() {
        query("INSERT INTO signed_texts (provider, hash, notice) VALUES ($1, $2, $3)")
            .bind(provider)
            .bind(signed)
            .bind(&key)
            .execute(tx)
            .await?;
    }
    Ok(Kept { key, first })
}

/// Says whether there was none of this key.
async fn insert(
    tx: &mut Tx,
    key: &str,
    notice: &VerifiedNotice,
    outcome: Option<NoticeOutcome>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Said {
        payment,
        account,
        bills,
        amount,
        currency,
        ..
    } = Said::by(notice);
    let kept = query(
        "INSERT INTO notices (id, provider, event, payment, account, bills, amount, currency, received, received_at, applied_at, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
    )
    .bind(key)
    .bind(notice.provider())
    .bind(notice.event().as_str())
    .bind(payment)
    .bind(account.as_ref())
    .bind(joined(&bills))
    .bind(amount)
    .bind(currency)
    .bind(notice.received().to_vec())
    .bind(now)
    .bind(outcome.map(|_| now))
    .bind(outcome.map(NoticeOutcome::as_str))
    .execute(tx)
    .await?;
    Ok(kept == 1)
}

async fn count_again(tx: &mut Tx, key: &str) -> Result<(), StoreError> {
    query("UPDATE notices SET repeats = repeats + 1 WHERE id = $1")
        .bind(key)
        .execute(tx)
        .await?;
    Ok(())
}

/// What a notice says.
#[derive(PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) payment: Option<u64>,
    pub(crate) account: Option<CustomerNumber>,
    pub(crate) bills: Vec<BillNumber>,
    pub(crate) amount: Option<Cents>,
    pub(crate) currency: Option<Currency>,
    /// Of a bank transfer.
    pub(crate) booked: Option<Date>,
}

impl Said {
    fn by(notice: &VerifiedNotice) -> Self {
        let (payment, account, bills) = match notice.about() {
            About::Payment(number) => (Some(*number), None, Vec::new()),
            About::Customer { account, bills } => (None, Some(account.clone()), bills.clone()),
            About::Nobody | About::Transfer => (None, None, Vec::new()),
        };
        let (amount, currency) = match (notice.event(), notice.transfer()) {
            (kvit_pay::Event::Paid { amount, currency }, _) => (amount, currency),
            (_, Some(transfer)) => (Some(transfer.amount), Some(transfer.currency)),
            _ => (None, None),
        };
        Self {
            payment,
            account,
            bills,
            amount,
            currency,
            booked: notice.transfer().map(|transfer| transfer.booked),
        }
    }
}

/// A notice as the store has it.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) provider: ProviderName,
    pub(crate) event: String,
    pub(crate) said: Said,
    /// The banks' own name for a transfer, where the statement has it.
    bank_transaction: Option<String>,
    pub(crate) applied_at: Option<Timestamp>,
    pub(crate) outcome: Option<NoticeOutcome>,
}

impl Found {
    fn says(&self, notice: &VerifiedNotice) -> bool {
        let named = notice
            .transfer()
            .and_then(|transfer| transfer.transaction.as_ref());
        let is_another = self
            .bank_transaction
            .as_ref()
            .zip(named)
            .is_some_and(|(ours, theirs)| ours != theirs);
        !is_another && self.said == Said::by(notice)
    }

    /// The payment system's own name for the transaction.
    pub(crate) fn transaction(&self) -> &str {
        self.id.splitn(3, '/').nth(2).unwrap_or_default()
    }

    /// Whether a bank statement brought it.
    pub(crate) const fn is_transfer(&self) -> bool {
        self.said.booked.is_some()
    }

    /// Notices of one payment are applied one after the other: a reversal has to see its payment.
    pub(crate) fn turn(&self) -> String {
        if self.is_transfer() {
            return transfers::TURN.to_owned();
        }
        turn(
            &self.provider,
            self.said.payment,
            self.said.account.as_ref(),
        )
    }
}

fn turn(provider: &ProviderName, payment: Option<u64>, account: Option<&CustomerNumber>) -> String {
    match payment {
        Some(number) => format!("payment/{provider}/{number}"),
        None => format!("customer/{}", account.map_or("", CustomerNumber::as_str)),
    }
}

pub(crate) async fn found(tx: &mut Tx, key: &str) -> Result<Found, StoreError> {
    find(tx, key)
        .await?
        .ok_or_else(|| sqlx::Error::RowNotFound.into())
}

pub(crate) async fn find(tx: &mut Tx, key: &str) -> Result<Option<Found>, StoreError> {
    let row = query("SELECT n.*, t.booked, t.bank_transaction FROM notices n LEFT JOIN transfers t ON t.notice = n.id WHERE n.id = $1")
        .bind(key)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Found {
        id: row.get("id")?,
        provider: text(&row, "provider")?,
        event: row.get("event")?,
        said: Said {
            payment: optional_number(&row)?,
            account: optional(&row, "account")?,
            bills: bills(&row)?,
            amount: row.get::<Option<i64>>("amount")?.map(Cents::new),
            currency: optional(&row, "currency")?,
            booked: optional(&row, "booked")?,
        },
        bank_transaction: row.get("bank_transaction")?,
        applied_at: optional_time(&row, "applied_at")?,
        outcome: outcome(&row)?,
    }))
}

pub(crate) fn outcome(row: &Row) -> Result<Option<NoticeOutcome>, StoreError> {
    let value: Option<String> = row.get("outcome")?;
    value
        .map(|value| NoticeOutcome::parse(&value).ok_or_else(|| corrupt("outcome", value)))
        .transpose()
}

pub(crate) fn optional_number(row: &Row) -> Result<Option<u64>, StoreError> {
    let value: Option<i64> = row.get("payment")?;
    value
        .map(|value| u64::try_from(value).map_err(|_| corrupt("payment", value)))
        .transpose()
}
