//! Customer numbers that last beyond the session in which their code was shown: they are kept with the address that the
//! session had proven, and a link to it opens them again. So long as the code stays: whoever knew it once has nothing
//! once it was changed.

use jiff::Timestamp;
use kvit_billing::{AccessMail, CustomerNumber, Secret, code::TokenHash};

use crate::{
    Event, KeptNumber, Store, StoreError, access_mails,
    audit::append,
    engine::Tx,
    rows::{text, time},
    sql::query,
};

impl Store {
    /// Which numbers are kept with an address that this session has proven, in order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn kept_in_session(
        &self,
        token: &TokenHash,
    ) -> Result<Vec<CustomerNumber>, StoreError> {
        query("SELECT DISTINCT k.account FROM kept_numbers k JOIN enrolments e ON e.email = k.email JOIN session_points p ON p.enrolment = e.id WHERE p.token = $1 AND e.ended_at IS NULL ORDER BY k.account")
            .bind(token)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| text(row, "account"))
            .collect()
    }

    /// Keeps a number no longer with the addresses that this session has proven, nor open in it where a code had
    /// opened it. `false` where it is not kept.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_number(
        &self,
        token: &TokenHash,
        account: &CustomerNumber,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let gone = query("DELETE FROM kept_numbers WHERE account = $2 AND email IN (SELECT e.email FROM session_points p JOIN enrolments e ON e.id = p.enrolment WHERE p.token = $1 AND e.ended_at IS NULL)")
            .bind(token)
            .bind(account)
            .execute(&mut tx)
            .await?;
        if gone == 0 {
            return Ok(false);
        }
        query("DELETE FROM session_points WHERE token = $1 AND account = $2 AND enrolment IS NULL")
            .bind(token)
            .bind(account)
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// With which addresses a number is kept, for its owner.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn kept_elsewhere(
        &self,
        account: &CustomerNumber,
    ) -> Result<Vec<KeptNumber>, StoreError> {
        query("SELECT k.email, k.kept_at FROM kept_numbers k JOIN customers c ON c.number = k.account AND c.code_generation = k.generation WHERE k.account = $1 ORDER BY k.kept_at, k.email")
            .bind(account)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(KeptNumber {
                    email: Secret::new(row.get("email")?),
                    kept_at: time(row, "kept_at")?,
                })
            })
            .collect()
    }

    /// Keeps a number nowhere any more. Gives how many addresses had it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_elsewhere(
        &self,
        account: &CustomerNumber,
        event: &Event,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let gone = forget(&mut tx, account).await?;
        if gone > 0 {
            append(&mut tx, event).await?;
        }
        tx.commit().await?;
        Ok(gone)
    }
}

/// Keeps a number whose code was shown with the address by which a link opened `with` in this session. The owner of the
/// number is told, where their own bills go to another address.
pub(crate) async fn keep(
    tx: &mut Tx,
    token: &TokenHash,
    (account, with): (&CustomerNumber, &CustomerNumber),
    at: Timestamp,
) -> Result<(), StoreError> {
    let kept = query("INSERT INTO kept_numbers (email, account, generation, kept_at) SELECT e.email, c.number, c.code_generation, $4 FROM session_points p JOIN enrolments e ON e.id = p.enrolment JOIN customers c ON c.number = $2 WHERE p.token = $1 AND p.account = $3 AND e.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM enrolments own WHERE own.account = c.number AND own.email = e.email AND own.ended_at IS NULL AND own.proven_at IS NOT NULL) ON CONFLICT (email, account) DO UPDATE SET generation = excluded.generation, kept_at = excluded.kept_at")
        .bind(token)
        .bind(account)
        .bind(with)
        .bind(at)
        .execute(&mut *tx)
        .await?;
    if kept > 0 {
        access_mails::queue(tx, account, AccessMail::NumberKept, at).await?;
    }
    Ok(())
}

/// Keeps a number nowhere any more. Gives how many addresses had it.
pub(crate) async fn forget(tx: &mut Tx, account: &CustomerNumber) -> Result<u64, StoreError> {
    Ok(query("DELETE FROM kept_numbers WHERE account = $1")
        .bind(account)
        .execute(tx)
        .await?)
}
