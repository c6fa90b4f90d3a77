//! Accounts that are closed, and those that another party holds: what the earlier holder had there ends.

use std::collections::BTreeMap;

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use kvit_billing::{AccessMail, CustomerNumber};

use crate::{
    AccountEnd, Event, Store, StoreError,
    apply::SYSTEM,
    audit::{append, told},
    codes,
    engine::Tx,
    enrolments::{self, active, turn},
    mandates,
    rows::text,
    sql::{ROWS_MAX, query},
};

impl Store {
    /// Of these accounts, each with the first day of the party that holds it, those where something of an earlier holder
    /// is left to end: an earlier bill or consent, and a later day than the one that is known.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn taken_over(
        &self,
        since: &[(CustomerNumber, Date)],
    ) -> Result<Vec<(CustomerNumber, Date)>, StoreError> {
        let mut found = Vec::new();
        for part in since.chunks(ROWS_MAX) {
            let rows = query("WITH given (account, since, moment) AS ({rows}) SELECT g.account, MAX(g.since) AS since FROM given g JOIN customers c ON c.number = g.account WHERE (c.holder_since IS NULL OR c.holder_since < g.since) AND (EXISTS (SELECT 1 FROM bills b WHERE b.account = g.account AND b.period_from < g.since) OR EXISTS (SELECT 1 FROM enrolments e WHERE e.account = g.account AND e.created_at < g.moment)) GROUP BY g.account ORDER BY g.account")
                .rows(part.iter().map(|(account, day)| {
                    [account.into(), (*day).into(), moment(*day).into()]
                }))
                .fetch_all(&self.pools)
                .await?;
            for row in &rows {
                found.push((text(row, "account")?, text(row, "since")?));
            }
        }
        Ok(found)
    }

    /// Keeps since when these accounts have the party that holds them now; an earlier day than the one that is known
    /// changes nothing. A closed account that somebody holds from a later day on is open again.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn note_holders(&self, since: &[(CustomerNumber, Date)]) -> Result<(), StoreError> {
        // One order for all writers; of an account named twice, the later day counts.
        let mut last: BTreeMap<&str, (&CustomerNumber, Date)> = BTreeMap::new();
        for (account, day) in since {
            let known = last.entry(account.as_str()).or_insert((account, *day));
            known.1 = known.1.max(*day);
        }
        let rows: Vec<_> = last.into_values().collect();
        for part in rows.chunks(ROWS_MAX) {
            query("WITH given (account, since) AS ({rows}) UPDATE customers SET holder_since = given.since, closed_on = CASE WHEN closed_on < given.since THEN NULL ELSE closed_on END FROM given WHERE customers.number = given.account AND (customers.holder_since IS NULL OR customers.holder_since < given.since)")
                .rows(part.iter().map(|(account, day)| [(*account).into(), (*day).into()]))
                .execute(&self.pools)
                .await?;
        }
        Ok(())
    }

    /// The account is closed, or another party holds it: the consent ends, with readers, autopay, sessions, passkeys and
    /// password, and the code that is printed on earlier bills opens nothing any more. The address that got the bills is
    /// told. A consent that was given after the day on which another party came is theirs and stays. `generation`, where
    /// it is given, is that of the code which the caller saw. `false` where that has changed, or where it is known
    /// already, or another party came after the day on which it is closed; then nothing is done.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_account(
        &self,
        account: &CustomerNumber,
        end: AccountEnd,
        generation: Option<u32>,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if !end_in(&mut tx, account, (end, generation), event).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// A closed account is open after all. What ended stays ended: a consent is given anew. `false` where it is not closed.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reopen_account(
        &self,
        account: &CustomerNumber,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let opened = query(
            "UPDATE customers SET closed_on = NULL WHERE number = $1 AND closed_on IS NOT NULL",
        )
        .bind(account)
        .execute(&mut tx)
        .await?;
        told(tx, opened, event).await
    }
}

/// As [`Store::end_account`].
async fn end_in(
    tx: &mut Tx,
    account: &CustomerNumber,
    (end, generation): (AccountEnd, Option<u32>),
    event: &Event,
) -> Result<bool, StoreError> {
    turn(tx, account).await?;
    let noted = match end {
        AccountEnd::Closed { on } => query("UPDATE customers SET closed_on = $2 WHERE number = $1 AND closed_on IS NULL AND (holder_since IS NULL OR holder_since <= $2) AND ($3 IS NULL OR code_generation = $3)").bind(account).bind(on),
        AccountEnd::Moved { since } => query("UPDATE customers SET holder_since = $2, closed_on = NULL WHERE number = $1 AND (holder_since IS NULL OR holder_since < $2) AND ($3 IS NULL OR code_generation = $3)").bind(account).bind(since),
    };
    if noted.bind(generation).execute(&mut *tx).await? == 0 {
        return Ok(false);
    }
    let now = active(&mut *tx, std::slice::from_ref(account)).await?;
    let theirs = match end {
        AccountEnd::Closed { .. } => false,
        AccountEnd::Moved { since } => now
            .get(account)
            .is_some_and(|now| now.created_at >= moment(since)),
    };
    if !theirs {
        let how = (end.as_str(), &event.detail, AccessMail::AccountEnded);
        enrolments::end(tx, account, event.at, how).await?;
        mandates::end_of(tx, account, &event.detail, event.at).await?;
    }
    codes::void(tx, account, &event.detail, (&event.who, event.at)).await?;
    append(tx, event).await?;
    Ok(true)
}

/// Accounts whose last bill a chunk has, in its transaction.
pub(crate) async fn close_in(
    tx: &mut Tx,
    run: &str,
    closed: &[(CustomerNumber, Date)],
    at: Timestamp,
) -> Result<(), StoreError> {
    // One order for all chunks, so that two never wait for each other in a circle.
    let closed: BTreeMap<_, _> = closed
        .iter()
        .map(|(account, on)| (account.as_str(), (account, *on)))
        .collect();
    // All of them before what comes behind an account's turn, which others may hold who wait for an account.
    for (account, _) in closed.values() {
        turn(tx, account).await?;
    }
    for (account, on) in closed.into_values() {
        let event = Event {
            at,
            who: SYSTEM.to_owned(),
            what: "account.closed".to_owned(),
            subject: format!("customer/{account}"),
            detail: serde_json::json!({ "day": on, "run": run }),
        };
        end_in(tx, account, (AccountEnd::Closed { on }, None), &event).await?;
    }
    Ok(())
}

/// When a day begins, to within the hours that the operator is from Greenwich.
fn moment(day: Date) -> Timestamp {
    TimeZone::UTC
        .to_timestamp(day.to_datetime(Time::midnight()))
        .unwrap_or(Timestamp::MAX)
}
