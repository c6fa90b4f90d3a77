//! Passwords of customers: one for each customer number that wants one, beside its code.

use kvit_billing::{AccessMail, CustomerNumber, Secret, code::TokenHash};

use crate::{
    CustomerPassword, Event, Store, StoreError, access_mails,
    audit::append,
    engine::{Row, Tx},
    enrolments::turn,
    rows::{text, time},
    sessions::held,
    sql::query,
};

impl Store {
    /// The password of a customer number, where it has one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn customer_password(
        &self,
        account: &CustomerNumber,
    ) -> Result<Option<CustomerPassword>, StoreError> {
        let row = query("SELECT * FROM customer_passwords WHERE account = $1")
            .bind(account)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(password).transpose()
    }

    /// Of the customer numbers whose bills go to this address, the password that was set last.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn password_at(
        &self,
        email: &Secret<String>,
    ) -> Result<Option<CustomerPassword>, StoreError> {
        let row = query("SELECT p.* FROM customer_passwords p JOIN enrolments e ON e.account = p.account WHERE e.email = $1 AND e.ended_at IS NULL AND e.proven_at IS NOT NULL ORDER BY p.set_at DESC, p.account LIMIT 1")
            .bind(email.expose())
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(password).transpose()
    }

    /// Sets a customer number's password, first or anew, in a session that opens it. All others that do end, and the
    /// owner is told by mail. `false`, and nothing changed, where the session has ended meanwhile.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_customer_password(
        &self,
        account: &CustomerNumber,
        session: &TokenHash,
        hash: &Secret<String>,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, account).await?;
        if !held(&mut tx, account, session, event.at).await? {
            return Ok(false);
        }
        query("INSERT INTO customer_passwords (account, hash, set_at) VALUES ($1, $2, $3) ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at")
            .bind(account)
            .bind(hash.expose())
            .bind(event.at)
            .execute(&mut tx)
            .await?;
        changed(&mut tx, account).await?;
        query("DELETE FROM sessions WHERE token <> $2 AND token IN (SELECT p.token FROM session_points p WHERE p.account = $1)")
            .bind(account)
            .bind(session)
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        access_mails::queue(&mut tx, account, AccessMail::PasswordSet, event.at).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a customer number's password away, as this session of it asks; its owner is told by mail. `false` where it
    /// has none, or the session is over.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn remove_customer_password(
        &self,
        account: &CustomerNumber,
        session: &TokenHash,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, account).await?;
        if !held(&mut tx, account, session, event.at).await? || !forget(&mut tx, account).await? {
            return Ok(false);
        }
        append(&mut tx, event).await?;
        access_mails::queue(&mut tx, account, AccessMail::PasswordRemoved, event.at).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Takes the password away. Whether there was one.
pub(crate) async fn forget(tx: &mut Tx, account: &CustomerNumber) -> Result<bool, StoreError> {
    let gone = query("DELETE FROM customer_passwords WHERE account = $1")
        .bind(account)
        .execute(&mut *tx)
        .await?;
    if gone == 1 {
        changed(tx, account).await?;
    }
    Ok(gone == 1)
}

/// Counts the change, so that nothing that was derived before comes back.
async fn changed(tx: &mut Tx, account: &CustomerNumber) -> Result<(), StoreError> {
    query("UPDATE customers SET password_changes = password_changes + 1 WHERE number = $1")
        .bind(account)
        .execute(tx)
        .await?;
    Ok(())
}

fn password(row: &Row) -> Result<CustomerPassword, StoreError> {
    Ok(CustomerPassword {
        account: text(row, "account")?,
        hash: Secret::new(row.get("hash")?),
        set_at: time(row, "set_at")?,
    })
}
