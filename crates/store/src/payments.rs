//! Payments that were begun here, and what was heard of them.

use std::collections::HashSet;

use jiff::{Timestamp, civil::Date};
use kvit_billing::{BillNumber, Cents, CustomerNumber};
use kvit_pay::{PaymentState, ProviderName, state::Heard};

use crate::{
    BillRecord, Event, NewPayment, PaymentPart, PaymentRecord, PaymentView, Settle, Store,
    StoreError,
    audit::append,
    engine::{Row, Target},
    reconcile::same_person,
    rows::{corrupt, number, optional_time, small, text, time, unsigned},
    sql::query,
};

/// When a payment that is left to people is asked for next: the year 9999.
const LEFT_TO_PEOPLE: Timestamp = Timestamp::constant(253_370_764_800, 0);
const COLUMNS: &str = "p.provider, p.number, p.bill, p.account, p.bills, p.way, p.amount, p.currency, p.started_at, p.expires_at, p.code, p.polls, p.next_poll_at, p.nonce, (SELECT COUNT(*) FROM payment_parts s WHERE s.provider = p.provider AND s.number = p.number) AS parts";
/// What was heard of a payment: its notices, and what the books hold because of them. What came before
/// a payment of this number was begun is not about it.
const HEARD: &str = "(SELECT COUNT(*) FROM notices n WHERE n.provider = p.provider AND n.payment = p.number AND n.event = 'ordered' AND n.outcome <> 'unknown-payment') AS ordered,
    (SELECT COUNT(*) FROM notices n WHERE n.provider = p.provider AND n.payment = p.number AND n.event = 'declined' AND n.outcome <> 'unknown-payment') AS declined,
    (SELECT COUNT(*) FROM notices n WHERE n.provider = p.provider AND n.payment = p.number AND n.event = 'expired' AND n.outcome <> 'unknown-payment') AS expired,
    (SELECT COUNT(*) FROM notices n WHERE n.provider = p.provider AND n.payment = p.number AND n.event IN ('reversed', 'rolled-back') AND n.outcome <> 'unknown-payment') AS reversed,
    (SELECT COUNT(*) FROM notices n WHERE n.provider = p.provider AND n.payment = p.number AND n.event = 'paid' AND n.outcome IN ('other-amount', 'other-currency')) AS held,
    CAST(COALESCE((SELECT SUM(-o.cents) FROM notices n JOIN journal j ON j.notice = n.id AND COALESCE(j.reverses, '') = '' JOIN postings o ON o.entry = j.id AND o.book LIKE 'customer/%' WHERE n.provider = p.provider AND n.payment = p.number AND n.event = 'paid' AND n.outcome <> 'unknown-payment'), 0) AS BIGINT) AS paid,
    CAST(COALESCE((SELECT SUM(-o.cents) FROM notices n JOIN journal j ON j.notice = n.id AND COALESCE(j.reverses, '') = '' JOIN journal r ON r.reverses = j.id JOIN postings o ON o.entry = j.id AND o.book LIKE 'customer/%' WHERE n.provider = p.provider AND n.payment = p.number AND n.event = 'paid' AND n.outcome <> 'unknown-payment'), 0) AS BIGINT) AS back";
/// In the trail: one person says that nothing is to be done.
const PROPOSED: &str = "pay.propose-settling";
/// Numbers beyond this are not ours: they do not count for the next one.
const NUMBERS_MAX: u64 = 1_000_000_000_000_000;

impl Store {
    /// Stores the intent to pay, before the customer goes anywhere, and gives it its number: beyond all
    /// that were given or heard of, also where an older backup forgot payments.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn begin_payment(&self, new: &NewPayment) -> Result<PaymentRecord, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(&format!("payments/{}", new.provider)).await?;
        let row = query(
            "INSERT INTO payments (provider, number, bill, account, bills, way, amount, currency, started_at, expires_at, next_poll_at, nonce)
             SELECT $1, MAX(n) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $13 FROM (
                SELECT COALESCE(MAX(number), 0) AS n FROM payments WHERE provider = $1
                UNION ALL SELECT COALESCE(MAX(payment), 0) FROM notices WHERE provider = $1 AND payment < $11
                UNION ALL SELECT CAST($12 AS BIGINT)) AS numbers RETURNING number",
        )
        .bind(&new.provider)
        .bind(new.bill)
        .bind(&new.account)
        .bind(joined(&new.bills))
        .bind(&new.way)
        .bind(new.amount)
        .bind(new.currency)
        .bind(new.at)
        .bind(new.expires_at)
        .bind(new.poll_at)
        .bind(NUMBERS_MAX)
        .bind(new.first_number.saturating_sub(1))
        .bind(new.nonce.as_ref())
        .fetch_one(&mut tx)
        .await?;
        let number = unsigned(&row, "number")?;
        if !new.parts.is_empty() {
            query("INSERT INTO payment_parts (provider, number, bill, account, amount) {rows}")
                .rows(new.parts.iter().map(|part| {
                    [
                        (&new.provider).into(),
                        number.into(),
                        part.bill.into(),
                        (&part.account).into(),
                        part.amount.into(),
                    ]
                }))
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await?;
        Ok(PaymentRecord {
            provider: new.provider.clone(),
            number,
            bill: new.bill,
            account: new.account.clone(),
            bills: new.bills.clone(),
            way: new.way.clone(),
            amount: new.amount,
            currency: new.currency,
            started_at: new.at,
            expires_at: new.expires_at,
            code: None,
            polls: 0,
            next_poll_at: new.poll_at,
            nonce: new.nonce,
            together: !new.parts.is_empty(),
        })
    }

    /// What of a payment is for which bill, where several were chosen together: the newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payment_parts(
        &self,
        payment: &PaymentRecord,
    ) -> Result<Vec<PaymentPart>, StoreError> {
        parts(&self.pools, payment).await
    }

    /// A payment, with what was heard of it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payment_view(
        &self,
        provider: &ProviderName,
        number: u64,
    ) -> Result<Option<PaymentView>, StoreError> {
        let row = query(format!(
            "SELECT {COLUMNS}, {HEARD} FROM payments p WHERE p.provider = $1 AND p.number = $2"
        ))
        .bind(provider)
        .bind(number)
        .fetch_optional(&self.pools)
        .await?;
        row.as_ref().map(view).transpose()
    }

    /// The code with which a payment can be made in cash. The first one stays.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_payment_code(
        &self,
        provider: &ProviderName,
        number: u64,
        code: &str,
    ) -> Result<(), StoreError> {
        query("UPDATE payments SET code = $3 WHERE provider = $1 AND number = $2 AND code IS NULL")
            .bind(provider)
            .bind(number)
            .bind(code)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// One payment.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payment(
        &self,
        provider: &ProviderName,
        number: u64,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        payment(&self.pools, provider, number).await
    }

    /// The latest payment at a provider whose number ends in these digits, for payment systems
    /// that have room for no more. `modulus` is 10 to the power of how many.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payment_by_last_digits(
        &self,
        provider: &ProviderName,
        digits: u64,
        modulus: u64,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let row =
            query("SELECT COALESCE(MAX(number), 0) AS number FROM payments WHERE provider = $1")
                .bind(provider)
                .fetch_one(&self.pools)
                .await?;
        let last = unsigned(&row, "number")?;
        let above = (last % modulus + modulus - digits % modulus) % modulus;
        match last.checked_sub(above) {
            Some(number) => self.payment(provider, number).await,
            None => Ok(None),
        }
    }

    /// The payments that were begun on a bill's page, or for it and others that were chosen together, newest
    /// first, with what was heard of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payments_of_bill(
        &self,
        bill: BillNumber,
        limit: usize,
    ) -> Result<Vec<PaymentView>, StoreError> {
        query(format!("SELECT {COLUMNS}, {HEARD} FROM (SELECT * FROM payments WHERE bill = $1 UNION SELECT y.* FROM payment_parts s JOIN payments y ON y.provider = s.provider AND y.number = s.number WHERE s.bill = $1) p ORDER BY p.started_at DESC, p.number DESC LIMIT $2"))
            .bind(bill)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(view)
            .collect()
    }

    /// The payments that were begun for each of these bills, of which there are at most 250: number, customer and
    /// last day to pay. In any order, with what was heard of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payments_of_bills(
        &self,
        bills: &[(BillNumber, &CustomerNumber, Date)],
    ) -> Result<Vec<(BillNumber, PaymentView)>, StoreError> {
        if bills.is_empty() {
            return Ok(Vec::new());
        }
        begun_for(&self.pools, bills.iter().copied()).await
    }

    /// The latest payments that were begun, newest first, with what was heard of them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payments(&self, limit: usize) -> Result<Vec<PaymentView>, StoreError> {
        query(format!("SELECT {COLUMNS}, {HEARD} FROM (SELECT * FROM payments ORDER BY started_at DESC, number DESC LIMIT $1) p ORDER BY p.started_at DESC, p.number DESC"))
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(view)
            .collect()
    }

    /// Payments whose payment system has to be asked now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn payments_to_poll(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        query(format!("SELECT {COLUMNS} FROM payments p WHERE p.next_poll_at <= $1 ORDER BY p.next_poll_at LIMIT $2"))
            .bind(now)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(record)
            .collect()
    }

    /// Takes a payment's turn to be asked for, before anybody is asked; `next` is when to ask again,
    /// should nothing be learned. `false` where it is known meanwhile, or somebody else asks.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_poll(
        &self,
        payment: &PaymentRecord,
        next: Timestamp,
    ) -> Result<bool, StoreError> {
        let claimed = query("UPDATE payments SET polls = polls + 1, next_poll_at = $3 WHERE provider = $1 AND number = $2 AND polls = $4 AND next_poll_at IS NOT NULL")
            .bind(&payment.provider)
            .bind(payment.number)
            .bind(next)
            .bind(payment.polls)
            .execute(&self.pools)
            .await?;
        Ok(claimed == 1)
    }

    /// A payment is not asked for any more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn stop_polling(
        &self,
        provider: &ProviderName,
        number: u64,
    ) -> Result<(), StoreError> {
        stop_polling(&self.pools, provider, number).await
    }

    /// A payment is not asked for any more, and stays among those without an answer until people settle it
    /// or money comes.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn leave_payment(
        &self,
        provider: &ProviderName,
        number: u64,
    ) -> Result<(), StoreError> {
        query("UPDATE payments SET next_poll_at = $3 WHERE provider = $1 AND number = $2 AND next_poll_at IS NOT NULL")
            .bind(provider)
            .bind(number)
            .bind(LEFT_TO_PEOPLE)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// One person says that nothing came of a payment about which its payment system does not answer, and
    /// why; another says so too, and it is not asked for any more. Money that comes all the same counts.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn settle_payment(
        &self,
        provider: &ProviderName,
        number: u64,
        why: Option<&str>,
        by: &str,
        now: Timestamp,
    ) -> Result<Settle, StoreError> {
        let mut tx = self.begin().await?;
        tx.turn(&format!("payment/{provider}/{number}")).await?;
        let found = payment(&mut tx, provider, number).await?;
        let unanswered =
            |found: &PaymentRecord| found.next_poll_at.is_some() && found.expires_at < now;
        if !found.as_ref().is_some_and(unanswered) {
            return Ok(Settle::NotForPeople);
        }
        let subject = format!("payment/{provider}/{number}");
        // The trail keeps who said it first: nobody can change it.
        let row = query(
            "SELECT who FROM events WHERE subject = $1 AND what = $2 ORDER BY at DESC LIMIT 1",
        )
        .bind(&subject)
        .bind(PROPOSED)
        .fetch_optional(&mut tx)
        .await?;
        let other = match row {
            Some(row) => !same_person(&row.get::<String>("who")?, by),
            None => false,
        };
        let (what, said) = match (other, why) {
            (true, _) => {
                stop_polling(&mut tx, provider, number).await?;
                ("pay.settle", Settle::Done)
            }
            (false, Some(_)) => (PROPOSED, Settle::Proposed),
            (false, None) => return Ok(Settle::WhyNeeded),
        };
        let event = Event {
            at: now,
            who: by.to_owned(),
            what: what.to_owned(),
            subject,
            detail: serde_json::json!({ "why": why }),
        };
        append(&mut tx, &event).await?;
        tx.commit().await?;
        Ok(said)
    }

    /// Payments whose time was over before `ended` and that are still asked for, or left to people: nobody
    /// says what came of them. Oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unanswered_payments(
        &self,
        ended: Timestamp,
        limit: usize,
    ) -> Result<Vec<PaymentRecord>, StoreError> {
        query(format!("SELECT {COLUMNS} FROM payments p WHERE p.next_poll_at IS NOT NULL AND p.expires_at < $1 ORDER BY p.expires_at, p.provider, p.number LIMIT $2"))
            .bind(ended)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(record)
            .collect()
    }
}

pub(crate) async fn payment(
    on: impl Target,
    provider: &ProviderName,
    number: u64,
) -> Result<Option<PaymentRecord>, StoreError> {
    let row = query(format!(
        "SELECT {COLUMNS} FROM payments p WHERE p.provider = $1 AND p.number = $2"
    ))
    .bind(provider)
    .bind(number)
    .fetch_optional(on)
    .await?;
    row.as_ref().map(record).transpose()
}

/// Of at most 250 bills, at least one, those for which money is on its way: ordered, or here and looked
/// into.
pub(crate) async fn on_their_way(
    on: impl Target,
    bills: &[&BillRecord],
    now: Timestamp,
) -> Result<HashSet<BillNumber>, StoreError> {
    let asked = bills
        .iter()
        .map(|bill| (bill.number, &bill.account, bill.due_date));
    let on_its_way =
        |view: &PaymentView| matches!(view.state(now), PaymentState::Ordered | PaymentState::Held);
    Ok(begun_for(on, asked)
        .await?
        .into_iter()
        .filter(|(_, view)| on_its_way(view))
        .map(|(bill, _)| bill)
        .collect())
}

/// What of a payment is for which bill, the newest first: credit pays the oldest that is open, so that one takes what the
/// others leave, and none of it moves to a bill that was not chosen.
pub(crate) async fn parts(
    on: impl Target,
    payment: &PaymentRecord,
) -> Result<Vec<PaymentPart>, StoreError> {
    query("SELECT s.bill, s.account, s.amount FROM payment_parts s JOIN bills b ON b.number = s.bill WHERE s.provider = $1 AND s.number = $2 ORDER BY b.due_date DESC, s.bill DESC")
        .bind(&payment.provider)
        .bind(payment.number)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| {
            Ok(PaymentPart {
                bill: number(row, "bill")?,
                account: text(row, "account")?,
                amount: Cents::new(row.get("amount")?),
            })
        })
        .collect()
}

/// The payments that were begun for these bills, at least one. A payment is begun for a bill, and may pay older
/// ones of the customer along; or it has a part for each bill.
async fn begun_for<'a>(
    on: impl Target,
    bills: impl Iterator<Item = (BillNumber, &'a CustomerNumber, Date)>,
) -> Result<Vec<(BillNumber, PaymentView)>, StoreError> {
    let asked = bills.map(|(bill, account, due)| [bill.into(), account.into(), due.into()]);
    let rows = query(format!("WITH asked (bill, account, due) AS ({{rows}}) SELECT asked.bill AS asked, {COLUMNS}, {HEARD} FROM asked JOIN bills o ON o.account = asked.account AND o.due_date >= asked.due JOIN payments p ON p.bill = o.number WHERE NOT EXISTS (SELECT 1 FROM payment_parts s WHERE s.provider = p.provider AND s.number = p.number) UNION ALL SELECT asked.bill AS asked, {COLUMNS}, {HEARD} FROM asked JOIN payment_parts t ON t.bill = asked.bill JOIN payments p ON p.provider = t.provider AND p.number = t.number"))
        .rows(asked)
        .fetch_all(on)
        .await?;
    let mut begun = Vec::new();
    for row in &rows {
        let (bill, view) = (number(row, "asked")?, view(row)?);
        if view.payment.bills.contains(&bill) {
            begun.push((bill, view));
        }
    }
    Ok(begun)
}

/// A payment that something final is known of is not asked for any more.
pub(crate) async fn stop_polling(
    on: impl Target,
    provider: &ProviderName,
    number: u64,
) -> Result<(), StoreError> {
    query("UPDATE payments SET next_poll_at = NULL WHERE provider = $1 AND number = $2 AND next_poll_at IS NOT NULL")
        .bind(provider)
        .bind(number)
        .execute(on)
        .await?;
    Ok(())
}

fn view(row: &Row) -> Result<PaymentView, StoreError> {
    let payment = record(row)?;
    let is = |column| Ok::<_, StoreError>(row.get::<i64>(column)? != 0);
    let heard = Heard {
        expires_at: payment.expires_at,
        ordered: is("ordered")? || payment.code.is_some(),
        declined: is("declined")?,
        expired: is("expired")?,
        asked: payment.next_poll_at.is_some(),
        reversed: is("reversed")?,
        held: is("held")?,
        paid: Cents::new(row.get("paid")?),
        back: Cents::new(row.get("back")?),
    };
    Ok(PaymentView { payment, heard })
}

fn record(row: &Row) -> Result<PaymentRecord, StoreError> {
    Ok(PaymentRecord {
        provider: text(row, "provider")?,
        number: unsigned(row, "number")?,
        bill: number(row, "bill")?,
        account: text(row, "account")?,
        bills: bills(row)?,
        way: row.get("way")?,
        amount: Cents::new(row.get("amount")?),
        currency: text(row, "currency")?,
        started_at: time(row, "started_at")?,
        expires_at: time(row, "expires_at")?,
        code: row.get("code")?,
        polls: small(row, "polls")?,
        next_poll_at: optional_time(row, "next_poll_at")?,
        nonce: match row.get::<Option<Vec<u8>>>("nonce")? {
            Some(bytes) => Some(
                bytes[..]
                    .try_into()
                    .map_err(|_| corrupt("nonce", bytes.len()))?,
            ),
            None => None,
        },
        together: row.get::<i64>("parts")? > 0,
    })
}

/// Numbers of bills as one text.
pub(crate) fn joined(bills: &[BillNumber]) -> String {
    let texts: Vec<_> = bills.iter().map(ToString::to_string).collect();
    texts.join(",")
}

/// The column `bills`.
pub(crate) fn bills(row: &Row) -> Result<Vec<BillNumber>, StoreError> {
    let value: String = row.get("bills")?;
    let names = value.split(',').filter(|name| !name.is_empty());
    names
        .map(|name| name.parse().map_err(|_| corrupt("bills", &value)))
        .collect()
}
