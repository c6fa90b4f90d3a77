//! Another access code for a customer. Codes are derived, so a new one is the next generation, and nobody sees it
//! before it is printed on a bill.

use jiff::Timestamp;
use kvit_billing::{AccessMail, CustomerNumber};

use crate::{
    CodeChange, Event, PasskeyOwner, Store, StoreError, access_mails, audit::append, engine::Tx,
    enrolments::turn, kept, passkeys, passwords, readers, rows::small, sessions::close_sessions,
    sql::query,
};

impl Store {
    /// Makes a customer's code void, and with it what somebody may have got by it: sessions, passkeys and password end,
    /// and so do readers and what waits for the proof of an address (`ended` says how it came about). The number is
    /// kept with no other address any more. The address that is proven stays and is told by mail. `None` where no such
    /// customer has a code of this `generation`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn change_code(
        &self,
        (account, generation): (&CustomerNumber, u32),
        ended: &serde_json::Value,
        event: &Event,
    ) -> Result<Option<CodeChange>, StoreError> {
        let mut tx = self.begin().await?;
        turn(&mut tx, account).await?;
        let row = query("SELECT code_generation FROM customers WHERE number = $1")
            .bind(account)
            .fetch_optional(&mut tx)
            .await?;
        let now = row.map(|row| small(&row, "code_generation")).transpose()?;
        if now != Some(generation) {
            return Ok(None);
        }
        let by = (event.who.as_str(), event.at);
        let changed = void(&mut tx, account, ended, by).await?;
        append(&mut tx, event).await?;
        access_mails::queue(&mut tx, account, AccessMail::CodeChanged, event.at).await?;
        tx.commit().await?;
        Ok(Some(changed))
    }
}

/// Makes the code void, and what somebody may have got by it, in its customer's turn.
pub(crate) async fn void(
    tx: &mut Tx,
    account: &CustomerNumber,
    ended: &serde_json::Value,
    by: (&str, Timestamp),
) -> Result<CodeChange, StoreError> {
    // Whoever is adding a passkey or a password holds their session, and what they add is there to be removed.
    let sessions = close_sessions(tx, account).await?;
    query("UPDATE customers SET code_generation = code_generation + 1 WHERE number = $1")
        .bind(account)
        .execute(&mut *tx)
        .await?;
    let owner = PasskeyOwner::Customer(account.clone());
    let passkeys = passkeys::forget(tx, &owner).await?;
    let password = passwords::forget(tx, account).await?;
    kept::forget(tx, account).await?;
    let waiting = query("UPDATE enrolments SET ended_at = $2, ended_reason = 'new code', ended_evidence = $3 WHERE account = $1 AND ended_at IS NULL AND proven_at IS NULL")
        .bind(account)
        .bind(by.1)
        .bind(ended)
        .execute(&mut *tx)
        .await?;
    let readers = readers::remove_all(tx, account, ended, by).await?;
    Ok(CodeChange {
        sessions,
        passkeys,
        password,
        waiting,
        readers,
    })
}
