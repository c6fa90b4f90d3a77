//! Customers' sessions, and the customer numbers that each of them opens.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kvit_billing::{CustomerNumber, EnrolmentId, code::TokenHash};

use crate::{
    NewSession, PasskeyOwner, Session, SessionDoor, SessionView, Store, StoreError, Widened,
    WiderSession,
    engine::{Target, Tx},
    enrolments::turn,
    guards::CLOSED_TOLD_FOR,
    kept,
    rows::{hash, optional, text, time},
    sql::query,
};

/// Customer numbers that one session opens at most.
pub const POINTS_MAX: usize = 100;
/// Sessions, and doors, that are cleared away when one is opened, which adds one: none are left lying for long. Written
/// into the text: PostgreSQL plans for a tenth of the table where it does not know how many.
const CLEARED_MAX: usize = 25;

impl Store {
    /// Opens a session, and clears away sessions and doors whose time is over. By number and code it opens
    /// that number; by a link, every number whose bills go to the address that got the link, and those that are kept with it.
    /// `false`, and nothing done, where the code or the password has been replaced since it was shown.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open_session(&self, new: &NewSession) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let others = match &new.door {
            SessionDoor::Link(enrolment) => gained(&mut tx, enrolment).await?,
            _ => Vec::new(),
        };
        let others = others.into_iter().map(|(account, _)| account);
        let held = turns(&mut tx, others, &new.account).await?;
        if !still_opens(&mut tx, &new.account, &new.door).await? {
            return Ok(false);
        }
        insert(&mut tx, new).await?;
        if let SessionDoor::Link(enrolment) = &new.door {
            // Once more: what counts is what there is in their turns.
            for (account, own) in gained(&mut tx, enrolment).await? {
                if held.contains(&account) {
                    // A kept one is proven by nothing now.
                    let proven_at = own.as_ref().map_or(Timestamp::UNIX_EPOCH, |_| new.at);
                    insert_point(&mut tx, &new.token, &account, own.as_ref(), proven_at).await?;
                }
            }
        }
        query(format!("DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT {CLEARED_MAX})"))
            .bind(new.at)
            .execute(&mut tx)
            .await?;
        query(format!("DELETE FROM guards WHERE name IN (SELECT name FROM guards WHERE window_until <= $1 AND (blocked_until IS NULL OR blocked_until <= $2) ORDER BY window_until LIMIT {CLEARED_MAX})"))
            .bind(new.at)
            .bind(new.at - CLOSED_TOLD_FOR)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// How many numbers a link to the address of this enrolment opens, while it counts.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn enrolments_at(&self, enrolment: &EnrolmentId) -> Result<usize, StoreError> {
        Ok(gained(&self.pools, enrolment).await?.len() + 1)
    }

    /// A number was proven in the session `earlier`, one more or one of its own once again. That session ends: a
    /// new one opens it and what the earlier one had opened, for as long as that one would have lasted. Of two at
    /// once the first counts, and a code or password that has been replaced since it was shown counts no more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn widen_session(
        &self,
        earlier: &TokenHash,
        new: &WiderSession,
    ) -> Result<Widened, StoreError> {
        let mut tx = self.begin().await?;
        let opened = query("SELECT account FROM session_points WHERE token = $1")
            .bind(earlier)
            .fetch_all(&mut tx)
            .await?;
        let opened: Vec<CustomerNumber> = opened
            .iter()
            .map(|row| text(row, "account"))
            .collect::<Result<_, _>>()?;
        turns(&mut tx, opened, &new.account).await?;
        if !still_opens(&mut tx, &new.account, &new.door).await? {
            return Ok(Widened::Over);
        }
        query("INSERT INTO sessions (token, account, opened_at, expires_at, device, opened_by) SELECT $2, $3, s.opened_at, s.expires_at, $4, s.opened_by FROM sessions s WHERE s.token = $1 AND s.expires_at > $5")
            .bind(earlier)
            .bind(&new.token)
            .bind(&new.account)
            .bind(&new.device)
            .bind(new.at)
            .execute(&mut tx)
            .await?;
        let row = query("SELECT expires_at FROM sessions WHERE token = $1")
            .bind(&new.token)
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(Widened::Over);
        };
        let enrolment = match &new.door {
            SessionDoor::Link(enrolment) => Some(enrolment.clone()),
            // That a link had opened it before stays true.
            SessionDoor::Code { .. } | SessionDoor::Passkey(_) | SessionDoor::Password { .. } => {
                let row = query("SELECT p.enrolment FROM session_points p JOIN enrolments e ON e.id = p.enrolment WHERE p.token = $1 AND p.account = $2 AND e.ended_at IS NULL")
                    .bind(earlier)
                    .bind(&new.account)
                    .fetch_optional(&mut tx)
                    .await?;
                row.map(|row| text(&row, "enrolment")).transpose()?
            }
        };
        insert_point(
            &mut tx,
            &new.token,
            &new.account,
            enrolment.as_ref(),
            new.at,
        )
        .await?;
        let kept = query("INSERT INTO session_points (token, account, enrolment, proven_at) SELECT $2, p.account, p.enrolment, p.proven_at FROM session_points p WHERE p.token = $1 AND p.account <> $3")
            .bind(earlier)
            .bind(&new.token)
            .bind(&new.account)
            .execute(&mut tx)
            .await?;
        if let SessionDoor::Link(enrolment) = &new.door {
            // It proves every number whose bills go to its address.
            query("UPDATE session_points SET proven_at = $3 WHERE token = $1 AND enrolment IN (SELECT other.id FROM enrolments own JOIN enrolments other ON other.email = own.email WHERE own.id = $2 AND other.ended_at IS NULL AND other.proven_at IS NOT NULL)")
                .bind(&new.token)
                .bind(enrolment)
                .bind(new.at)
                .execute(&mut tx)
                .await?;
        }
        if kept >= POINTS_MAX as u64 {
            return Ok(Widened::TooMany);
        }
        let ended = query("DELETE FROM sessions WHERE token = $1")
            .bind(earlier)
            .execute(&mut tx)
            .await?;
        // Another press was first: what it opened is not in here.
        if ended == 0 {
            return Ok(Widened::Over);
        }
        if let Some(with) = &new.keep_with {
            kept::keep(&mut tx, &new.token, (&new.account, with), new.at).await?;
        }
        let until = time(&row, "expires_at")?;
        tx.commit().await?;
        Ok(Widened::Until(until))
    }

    /// What a session opens, while it lasts. A number that was proven by its address alone is closed once its
    /// bills go elsewhere; where that was the chosen one, the first of the others is.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn session(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let rows = query("SELECT s.account AS chosen, p.account, p.enrolment, p.proven_at FROM sessions s JOIN session_points p ON p.token = s.token LEFT JOIN enrolments e ON e.id = p.enrolment WHERE s.token = $1 AND s.expires_at > $2 AND (p.enrolment IS NULL OR e.ended_at IS NULL) ORDER BY p.account")
            .bind(token)
            .bind(now)
            .fetch_all(&self.pools)
            .await?;
        let points = rows
            .iter()
            .map(|row| text(row, "account"))
            .collect::<Result<Vec<CustomerNumber>, _>>()?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let chosen: CustomerNumber = text(row, "chosen")?;
        let place = points.iter().position(|point| *point == chosen);
        let place = place.unwrap_or_default();
        // Of this number: the session may have been opened by another.
        let proven_by: Option<String> = rows[place].get("enrolment")?;
        Ok(Some(Session {
            account: points[place].clone(),
            points,
            by_link: proven_by.is_some(),
            proven_at: time(&rows[place], "proven_at")?,
        }))
    }

    /// Turns a session to another of the numbers that it opens. `false` where it does not open it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn turn_session(
        &self,
        token: &TokenHash,
        account: &CustomerNumber,
    ) -> Result<bool, StoreError> {
        let turned = query("UPDATE sessions SET account = $2 WHERE token = $1 AND EXISTS (SELECT 1 FROM session_points p WHERE p.token = $1 AND p.account = $2)")
            .bind(token)
            .bind(account)
            .execute(&self.pools)
            .await?;
        Ok(turned == 1)
    }

    /// The sessions that open a number now, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sessions_of(
        &self,
        account: &CustomerNumber,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionView>, StoreError> {
        query("SELECT s.token, s.device, s.opened_by, s.opened_at, s.expires_at FROM session_points p JOIN sessions s ON s.token = p.token LEFT JOIN enrolments e ON e.id = p.enrolment WHERE p.account = $1 AND s.expires_at > $2 AND (p.enrolment IS NULL OR e.ended_at IS NULL) ORDER BY s.opened_at DESC LIMIT $3")
            .bind(account)
            .bind(now)
            .bind(limit)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(SessionView {
                    token: TokenHash(hash(row, "token")?),
                    // Sessions from before these were kept have neither.
                    device: row.get::<Option<String>>("device")?.unwrap_or_default(),
                    opened_by: row.get::<Option<String>>("opened_by")?.unwrap_or_default(),
                    opened_at: time(row, "opened_at")?,
                    expires_at: time(row, "expires_at")?,
                })
            })
            .collect()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_session(&self, token: &TokenHash) -> Result<(), StoreError> {
        query("DELETE FROM sessions WHERE token = $1")
            .bind(token)
            .execute(&self.pools)
            .await?;
        Ok(())
    }

    /// Ends every session that opens a number. Gives how many.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_sessions_of(&self, account: &CustomerNumber) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let closed = close_sessions(&mut tx, account).await?;
        tx.commit().await?;
        Ok(closed)
    }
}

/// Ends every session that opens a number, in its turn: one that is being opened or widened has ended before, or is there.
pub(crate) async fn close_sessions(
    tx: &mut Tx,
    account: &CustomerNumber,
) -> Result<u64, StoreError> {
    turn(tx, account).await?;
    Ok(query("DELETE FROM sessions WHERE token IN (SELECT p.token FROM session_points p WHERE p.account = $1)")
        .bind(account)
        .execute(tx)
        .await?)
}

/// Whether this session lasts and opens the number, as [`Store::session`] has it. Until the transaction ends nobody else ends it.
pub(crate) async fn held(
    tx: &mut Tx,
    account: &CustomerNumber,
    session: &TokenHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let held = query("UPDATE sessions SET opened_at = opened_at WHERE token = $1 AND expires_at > $3 AND EXISTS (SELECT 1 FROM session_points p LEFT JOIN enrolments e ON e.id = p.enrolment WHERE p.token = $1 AND p.account = $2 AND (p.enrolment IS NULL OR e.ended_at IS NULL))")
        .bind(session)
        .bind(account)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(held == 1)
}

/// Waits for the turn of each number that a session is about to open, and gives them. Whoever replaces a code or password
/// waits for the end of the transaction, and then ends the session as well. In order, so that no two wait for each other.
async fn turns(
    tx: &mut Tx,
    others: impl IntoIterator<Item = CustomerNumber>,
    account: &CustomerNumber,
) -> Result<BTreeSet<CustomerNumber>, StoreError> {
    let mut all: BTreeSet<_> = others.into_iter().collect();
    all.insert(account.clone());
    for account in &all {
        turn(tx, account).await?;
    }
    Ok(all)
}

/// The other numbers that a link to the address of this enrolment opens: whose bills go there, each with the consent that
/// says so, and then those that are kept with it.
async fn gained(
    on: impl Target,
    enrolment: &EnrolmentId,
) -> Result<Vec<(CustomerNumber, Option<EnrolmentId>)>, StoreError> {
    query("SELECT account, enrolment FROM (SELECT other.account, other.id AS enrolment FROM enrolments own JOIN enrolments other ON other.email = own.email AND other.account <> own.account WHERE own.id = $1 AND own.ended_at IS NULL AND own.proven_at IS NOT NULL AND other.ended_at IS NULL AND other.proven_at IS NOT NULL UNION ALL SELECT k.account, NULL FROM enrolments own JOIN kept_numbers k ON k.email = own.email JOIN customers c ON c.number = k.account AND c.code_generation = k.generation WHERE own.id = $1 AND own.ended_at IS NULL AND own.proven_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM enrolments e WHERE e.account = k.account AND e.email = own.email AND e.ended_at IS NULL AND e.proven_at IS NOT NULL)) AS opened ORDER BY CASE WHEN enrolment IS NULL THEN 1 ELSE 0 END, account LIMIT $2")
        .bind(enrolment)
        .bind(POINTS_MAX - 1)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| Ok((text(row, "account")?, optional(row, "enrolment")?)))
        .collect()
}

/// Whether what was shown at a customer's door, whose turn is held, opens it still.
async fn still_opens(
    tx: &mut Tx,
    account: &CustomerNumber,
    door: &SessionDoor,
) -> Result<bool, StoreError> {
    let shown = match door {
        SessionDoor::Code { generation } => {
            query("SELECT 1 FROM customers WHERE number = $1 AND code_generation = $2")
                .bind(account)
                .bind(*generation)
        }
        SessionDoor::Password { set_at } => {
            query("SELECT 1 FROM customer_passwords WHERE account = $1 AND set_at = $2")
                .bind(account)
                .bind(*set_at)
        }
        SessionDoor::Passkey(id) => {
            query("SELECT 1 FROM passkeys WHERE owner = $1 AND id = $2 AND copied_at IS NULL")
                .bind(PasskeyOwner::Customer(account.clone()).to_string())
                .bind(id.clone())
        }
        SessionDoor::Link(_) => return Ok(true),
    };
    Ok(shown.fetch_optional(tx).await?.is_some())
}

async fn insert(tx: &mut Tx, new: &NewSession) -> Result<(), StoreError> {
    let enrolment = match &new.door {
        SessionDoor::Link(enrolment) => Some(enrolment),
        SessionDoor::Code { .. } | SessionDoor::Passkey(_) | SessionDoor::Password { .. } => None,
    };
    query("INSERT INTO sessions (token, account, opened_at, expires_at, device, opened_by) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(&new.token)
        .bind(&new.account)
        .bind(new.at)
        .bind(new.expires)
        .bind(&new.device)
        .bind(new.door.as_str())
        .execute(&mut *tx)
        .await?;
    insert_point(tx, &new.token, &new.account, enrolment, new.at).await
}

/// A number that a session opens; by a link, while its bills go to the address of that enrolment.
async fn insert_point(
    tx: &mut Tx,
    token: &TokenHash,
    account: &CustomerNumber,
    enrolment: Option<&EnrolmentId>,
    proven_at: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO session_points (token, account, enrolment, proven_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(token)
    .bind(account)
    .bind(enrolment)
    .bind(proven_at)
    .execute(tx)
    .await?;
    Ok(())
}
