//! Passkeys and their challenges. A challenge is gone as soon as somebody answers it, right or wrong.

use jiff::Timestamp;
use kvit_billing::{AccessMail, CustomerNumber, StaffMail, code::TokenHash};

use crate::{
    Event, NewChallenge, PasskeyAdded, PasskeyOwner, PasskeyRecord, PasskeyUse, Store, StoreError,
    access_mails,
    audit::append,
    engine::{Row, Tx},
    passwords,
    rows::{optional_time, small, text, time},
    sessions::{self, close_sessions},
    sql::query,
};

/// So many passkeys one owner may have.
pub const PASSKEYS_OF_OWNER_MAX: usize = 10;
/// So many challenges may wait for one network address.
pub const CHALLENGES_OF_ADDRESS_MAX: u64 = 100;

impl Store {
    /// Keeps a challenge, and clears away those whose time is over. `false` where too many wait for this
    /// network address already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn ask_passkey(&self, new: &NewChallenge) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        query("DELETE FROM passkey_challenges WHERE expires_at <= $1")
            .bind(new.at)
            .execute(&mut tx)
            .await?;
        let kept = query("INSERT INTO passkey_challenges (hash, purpose, browser, address, expires_at) SELECT $1, $2, $3, $4, $5 WHERE (SELECT COUNT(*) FROM passkey_challenges WHERE address = $4) < $6")
            .bind(&new.hash)
            .bind(&new.purpose)
            .bind(&new.browser)
            .bind(&new.address)
            .bind(new.expires)
            .bind(CHALLENGES_OF_ADDRESS_MAX)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(kept == 1)
    }

    /// Uses a challenge up. Whether it was asked for by this browser, for this purpose, and not too long ago.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn use_challenge(
        &self,
        hash: &TokenHash,
        purpose: &str,
        browser: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let row = query(
            "DELETE FROM passkey_challenges WHERE hash = $1 RETURNING purpose, browser, expires_at",
        )
        .bind(hash)
        .fetch_optional(&mut tx)
        .await?;
        tx.commit().await?;
        let Some(row) = row else {
            return Ok(false);
        };
        Ok(row.get::<String>("purpose")? == purpose
            && row.get::<String>("browser")? == browser
            && time(&row, "expires_at")? > now)
    }

    /// Adds a passkey for the owner's session that asks for it. An id counts once, whoever brings it again.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_passkey(
        &self,
        new: &PasskeyRecord,
        session: &TokenHash,
        event: &Event,
    ) -> Result<PasskeyAdded, StoreError> {
        let owner = new.owner.to_string();
        let mut tx = self.begin().await?;
        tx.turn(&format!("passkeys of {owner}")).await?;
        if !held(&mut tx, new, session, event.at).await? {
            return Ok(PasskeyAdded::Over);
        }
        let had =
            query("SELECT COUNT(*) AS had FROM passkeys WHERE owner = $1 AND generation = $2")
                .bind(&owner)
                .bind(new.generation)
                .fetch_one(&mut tx)
                .await?;
        if had.get::<i64>("had")? >= PASSKEYS_OF_OWNER_MAX as i64 {
            return Ok(PasskeyAdded::TooMany);
        }
        let added = query("INSERT INTO passkeys (id, owner, generation, public_key, counter, name, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING")
            .bind(new.id.clone())
            .bind(&owner)
            .bind(new.generation)
            .bind(new.public_key.clone())
            .bind(new.counter)
            .bind(&new.name)
            .bind(new.created_at)
            .execute(&mut tx)
            .await?;
        if added == 0 {
            return Ok(PasskeyAdded::Known);
        }
        append(&mut tx, event).await?;
        let added = (AccessMail::PasskeyAdded, StaffMail::PasskeyAdded);
        tell(&mut tx, &new.owner, added, event.at).await?;
        tx.commit().await?;
        Ok(PasskeyAdded::Done)
    }

    /// The passkeys of an owner that were added in this generation, the oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn passkeys_of(
        &self,
        owner: &PasskeyOwner,
        generation: u32,
    ) -> Result<Vec<PasskeyRecord>, StoreError> {
        query("SELECT * FROM passkeys WHERE owner = $1 AND generation = $2 ORDER BY created_at, id")
            .bind(owner.to_string())
            .bind(generation)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(passkey)
            .collect()
    }

    /// The passkey of this credential id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn passkey(&self, id: &[u8]) -> Result<Option<PasskeyRecord>, StoreError> {
        let row = query("SELECT * FROM passkeys WHERE id = $1")
            .bind(id.to_vec())
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(passkey).transpose()
    }

    /// Gives a passkey another name. `false` where its owner has none of this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn rename_passkey(
        &self,
        owner: &PasskeyOwner,
        id: &[u8],
        name: &str,
    ) -> Result<bool, StoreError> {
        let changed = query("UPDATE passkeys SET name = $3 WHERE id = $1 AND owner = $2")
            .bind(id.to_vec())
            .bind(owner.to_string())
            .bind(name)
            .execute(&self.pools)
            .await?;
        Ok(changed == 1)
    }

    /// Removes a passkey. `false` where its owner has none of this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn remove_passkey(
        &self,
        owner: &PasskeyOwner,
        id: &[u8],
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let removed = query("DELETE FROM passkeys WHERE id = $1 AND owner = $2")
            .bind(id.to_vec())
            .bind(owner.to_string())
            .execute(&mut tx)
            .await?;
        if removed == 0 {
            return Ok(false);
        }
        append(&mut tx, event).await?;
        let removed = (AccessMail::PasskeyRemoved, StaffMail::PasskeyRemoved);
        tell(&mut tx, owner, removed, event.at).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes all of a customer's passkeys and their password, and ends the sessions in which their number is open, so
    /// that none of them adds another. Gives how many there were; nothing is in the trail where there was neither.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn remove_passkeys(
        &self,
        account: &CustomerNumber,
        event: &Event,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        // In the customer's turn, and first: whoever is adding a passkey holds their session until it is there to be removed.
        let ended = close_sessions(&mut tx, account).await?;
        let removed = forget(&mut tx, &PasskeyOwner::Customer(account.clone())).await?;
        let password = passwords::forget(&mut tx, account).await?;
        if removed + ended > 0 || password {
            append(&mut tx, event).await?;
        }
        if removed > 0 {
            access_mails::queue(&mut tx, account, AccessMail::PasskeyRemoved, event.at).await?;
        }
        if password {
            access_mails::queue(&mut tx, account, AccessMail::PasswordRemoved, event.at).await?;
        }
        tx.commit().await?;
        Ok(removed)
    }

    /// Moves the counter on at a use whose signature was right. A counter that does not grow says that there
    /// is a copy: the passkey opens nothing any more, and `alarm` is in the trail. Authenticators that do not
    /// count say 0 each time.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn use_passkey(
        &self,
        id: &[u8],
        counter: u32,
        alarm: &Event,
    ) -> Result<PasskeyUse, StoreError> {
        let mut tx = self.begin().await?;
        let moved = query("UPDATE passkeys SET counter = $2, used_at = $3 WHERE id = $1 AND copied_at IS NULL AND (counter < $2 OR (counter = 0 AND $2 = 0))")
            .bind(id.to_vec())
            .bind(counter)
            .bind(alarm.at)
            .execute(&mut tx)
            .await?;
        if moved == 1 {
            tx.commit().await?;
            return Ok(PasskeyUse::Opens);
        }
        let stopped =
            query("UPDATE passkeys SET copied_at = COALESCE(copied_at, $2) WHERE id = $1")
                .bind(id.to_vec())
                .bind(alarm.at)
                .execute(&mut tx)
                .await?;
        if stopped == 0 {
            return Ok(PasskeyUse::Gone);
        }
        append(&mut tx, alarm).await?;
        tx.commit().await?;
        Ok(PasskeyUse::Copied)
    }
}

/// Whether this session of the owner's lasts, in the generation of the new passkey. Until the transaction ends
/// nobody else ends the session, and so nobody gives the owner a new start or closes the account.
async fn held(
    tx: &mut Tx,
    new: &PasskeyRecord,
    session: &TokenHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match &new.owner {
        PasskeyOwner::Staff(login) => {
            let held = query("UPDATE staff_sessions SET seen_at = seen_at WHERE token = $1 AND login = $2 AND expires_at > $3 AND EXISTS (SELECT 1 FROM staff s WHERE s.login = $2 AND s.totp_generation = $4 AND s.disabled_at IS NULL)")
                .bind(session)
                .bind(login)
                .bind(now)
                .bind(new.generation)
                .execute(tx)
                .await?;
            Ok(held == 1)
        }
        PasskeyOwner::Customer(number) => {
            if !sessions::held(tx, number, session, now).await? {
                return Ok(false);
            }
            let same = query("SELECT 1 FROM customers WHERE number = $1 AND code_generation = $2")
                .bind(number)
                .bind(new.generation)
                .fetch_optional(tx)
                .await?;
            Ok(same.is_some())
        }
    }
}

/// The owner is told by mail, a customer or a member of staff in words of their own.
async fn tell(
    tx: &mut Tx,
    owner: &PasskeyOwner,
    (customer, staff): (AccessMail, StaffMail),
    at: Timestamp,
) -> Result<(), StoreError> {
    match owner {
        PasskeyOwner::Customer(account) => access_mails::queue(tx, account, customer, at).await,
        PasskeyOwner::Staff(login) => access_mails::queue_staff(tx, login, staff, at).await,
    }
}

/// Removes all passkeys of an owner. Gives how many.
pub(crate) async fn forget(tx: &mut Tx, owner: &PasskeyOwner) -> Result<u64, StoreError> {
    Ok(query("DELETE FROM passkeys WHERE owner = $1")
        .bind(owner.to_string())
        .execute(tx)
        .await?)
}

fn passkey(row: &Row) -> Result<PasskeyRecord, StoreError> {
    Ok(PasskeyRecord {
        id: row.get("id")?,
        owner: text(row, "owner")?,
        generation: small(row, "generation")?,
        public_key: row.get("public_key")?,
        counter: small(row, "counter")?,
        name: row.get("name")?,
        created_at: time(row, "created_at")?,
        used_at: optional_time(row, "used_at")?,
        copied_at: optional_time(row, "copied_at")?,
    })
}
