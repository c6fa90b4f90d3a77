//! Accounts of staff and their sessions.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{Role, Secret, StaffLogin, StaffMail, code::TokenHash};

use crate::{
    Event, NewStaff, NewStaffSession, PasskeyOwner, StaffEmail, StaffProfile, StaffRecord,
    StaffSessionView, Store, StoreError,
    access_mails::queue_staff,
    audit::{append, told},
    engine::{Row, Tx},
    passkeys,
    rows::{corrupt, hash, language, optional_time, small, text, time, unsigned},
    sql::{ROWS_MAX, query},
};

/// A session is marked as used once in so many seconds, not at every page.
const SEEN_STEP_S: i64 = 60;

impl Store {
    /// Adds an account. `false` where there is one of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_staff(&self, new: &NewStaff, event: &Event) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let added = query("INSERT INTO staff (login, name, role, centre, password, temporary, second_factor, created_at, identity, email, language) VALUES ($1, $2, $3, $4, $5, $8, $6, $7, $9, $10, $11) ON CONFLICT DO NOTHING")
            .bind(&new.login)
            .bind(&new.name)
            .bind(new.role.as_str())
            .bind(new.centre.clone())
            .bind(new.password.expose())
            .bind(new.second_factor)
            .bind(new.at)
            .bind(new.identity.is_none())
            .bind(new.identity.clone())
            .bind(new.email.as_ref().map(|email| email.address.expose().clone()))
            .bind(new.email.as_ref().map(|email| email.language))
            .execute(&mut tx)
            .await?;
        told(tx, added, event).await
    }

    /// All accounts by name, those that are disabled last.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staff(&self) -> Result<Vec<StaffRecord>, StoreError> {
        query("SELECT * FROM staff ORDER BY disabled_at IS NOT NULL, login")
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(staff_record)
            .collect()
    }

    /// One account.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staff_member(
        &self,
        login: &StaffLogin,
    ) -> Result<Option<StaffRecord>, StoreError> {
        let row = query("SELECT * FROM staff WHERE login = $1")
            .bind(login)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(staff_record).transpose()
    }

    /// When the account was last given a start with a temporary password, as the trail says; nothing where
    /// the trail does not.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staff_started_at(
        &self,
        login: &StaffLogin,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = query("SELECT at FROM events WHERE subject = $1 AND what IN ('staff.added', 'staff.reset') ORDER BY at DESC LIMIT 1")
            .bind(format!("staff/{login}"))
            .fetch_optional(&self.pools)
            .await?;
        row.map(|row| time(&row, "at")).transpose()
    }

    /// The account of who is called `identity` at the identity provider.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staff_by_identity(
        &self,
        identity: &str,
    ) -> Result<Option<StaffRecord>, StoreError> {
        let row = query("SELECT * FROM staff WHERE identity = $1")
            .bind(identity)
            .fetch_optional(&self.pools)
            .await?;
        row.as_ref().map(staff_record).transpose()
    }

    /// Gives an account that nobody has used yet to who has this identity, and takes its password out of use.
    /// `false` where there is none such of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn link_staff(
        &self,
        login: &StaffLogin,
        (identity, profile): (&str, &StaffProfile),
        password: &Secret<String>,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let linked = query("UPDATE staff SET identity = $2, password = $3, name = $4, role = $5, centre = CASE WHEN $5 = 'clerk' THEN COALESCE($6, centre) END, temporary = 0 WHERE login = $1 AND temporary = 1 AND identity IS NULL AND disabled_at IS NULL")
            .bind(login)
            .bind(identity)
            .bind(password.expose())
            .bind(&profile.name)
            .bind(profile.role.as_str())
            .bind(profile.centre.clone())
            .execute(&mut tx)
            .await?;
        if linked == 0 {
            return Ok(false);
        }
        // Whoever had begun to use it by its temporary password.
        end_sessions(&mut tx, login).await?;
        append(&mut tx, event).await?;
        queue_staff(&mut tx, login, StaffMail::Linked, event.at).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Brings an account up to date with what the identity provider says: a clerk of whom it names no centre keeps the
    /// one that is known. The trail is told where the role changes.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn update_staff(
        &self,
        login: &StaffLogin,
        profile: &StaffProfile,
        changed: &Event,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let other = query("UPDATE staff SET role = $2 WHERE login = $1 AND role <> $2")
            .bind(login)
            .bind(profile.role.as_str())
            .execute(&mut tx)
            .await?;
        if other > 0 {
            append(&mut tx, changed).await?;
        }
        query("UPDATE staff SET name = $2, centre = CASE WHEN role = 'clerk' THEN COALESCE($3, centre) END WHERE login = $1")
            .bind(login)
            .bind(&profile.name)
            .bind(profile.centre.clone())
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Notes at which service centre a clerk works. `false` where there is no clerk of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_staff_centre(
        &self,
        login: &StaffLogin,
        centre: &str,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed = query("UPDATE staff SET centre = $2 WHERE login = $1 AND role = 'clerk'")
            .bind(login)
            .bind(centre)
            .execute(&mut tx)
            .await?;
        told(tx, changed, event).await
    }

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_staff_sessions(
        &self,
        login: &StaffLogin,
        event: &Event,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        end_sessions(&mut tx, login).await?;
        append(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// Closes an account and its sessions at once. `false` where there is no open one of this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn disable_staff(
        &self,
        login: &StaffLogin,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed =
            query("UPDATE staff SET disabled_at = $2 WHERE login = $1 AND disabled_at IS NULL")
                .bind(login)
                .bind(event.at)
                .execute(&mut tx)
                .await?;
        if changed == 0 {
            return Ok(false);
        }
        end_sessions(&mut tx, login).await?;
        append(&mut tx, event).await?;
        queue_staff(&mut tx, login, StaffMail::Closed, event.at).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Gives an account, open again if it was disabled, a temporary password and a new secret of the
    /// second factor; its sessions end, and it is no longer tied to the identity provider. Gives what it is now; nothing where there is none.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reset_staff(
        &self,
        login: &StaffLogin,
        password: &Secret<String>,
        second_factor: bool,
        event: &Event,
    ) -> Result<Option<StaffRecord>, StoreError> {
        let mut tx = self.begin().await?;
        // Also where none is asked for now: the generation never comes back, or an old secret would.
        query("UPDATE staff SET password = $2, temporary = 1, second_factor = $3, totp_generation = totp_generation + 1, totp_step = 0, disabled_at = NULL, identity = NULL WHERE login = $1")
            .bind(login)
            .bind(password.expose())
            .bind(second_factor)
            .execute(&mut tx)
            .await?;
        let row = query("SELECT * FROM staff WHERE login = $1")
            .bind(login)
            .fetch_optional(&mut tx)
            .await?;
        let Some(record) = row.as_ref().map(staff_record).transpose()? else {
            return Ok(None);
        };
        end_sessions(&mut tx, login).await?;
        append(&mut tx, event).await?;
        queue_staff(&mut tx, login, StaffMail::Restarted, event.at).await?;
        tx.commit().await?;
        Ok(Some(record))
    }

    /// Notes where a member of staff is told of changes to how they sign in, or that nowhere. The address until now is told. `false`
    /// where there is no such account.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_staff_email(
        &self,
        login: &StaffLogin,
        email: Option<&StaffEmail>,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let address = email.map(|email| email.address.expose().clone());
        let row = query("SELECT email, language FROM staff WHERE login = $1")
            .bind(login)
            .for_update()
            .fetch_optional(&mut tx)
            .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        let language = email.map(|email| email.language.tag());
        let spoken: Option<String> = row.get("language")?;
        let moved = row.get::<Option<String>>("email")? != address;
        if moved {
            queue_staff(&mut tx, login, StaffMail::AddressChanged, event.at).await?;
        }
        if moved || spoken.as_deref() != language {
            append(&mut tx, event).await?;
        }
        query("UPDATE staff SET email = $2, language = $3 WHERE login = $1")
            .bind(login)
            .bind(address)
            .bind(language)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A member of staff chose a password of their own in place of `old`; all their sessions end, and all their
    /// passkeys go, so that nobody who was at their screen keeps a way in.
    /// `false`, and nothing changed, where the account was closed or has another password by now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_staff_password(
        &self,
        login: &StaffLogin,
        old: &Secret<String>,
        new: &Secret<String>,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let changed = query("UPDATE staff SET password = $3, temporary = 0 WHERE login = $1 AND password = $2 AND disabled_at IS NULL")
            .bind(login)
            .bind(old.expose())
            .bind(new.expose())
            .execute(&mut tx)
            .await?;
        if changed == 0 {
            return Ok(false);
        }
        end_sessions(&mut tx, login).await?;
        passkeys::forget(&mut tx, &PasskeyOwner::Staff(login.clone())).await?;
        append(&mut tx, event).await?;
        queue_staff(&mut tx, login, StaffMail::PasswordSet, event.at).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Uses up a time step of the second factor. `false` where it, or a later one, was used before: a
    /// code that somebody overheard opens nothing (RFC 6238, 5.2).
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn use_totp_step(&self, login: &StaffLogin, step: u64) -> Result<bool, StoreError> {
        let changed = query("UPDATE staff SET totp_step = $2 WHERE login = $1 AND totp_step < $2")
            .bind(login)
            .bind(step)
            .execute(&self.pools)
            .await?;
        Ok(changed == 1)
    }

    /// Opens a session, and clears away those whose time is over.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open_staff_session(
        &self,
        new: &NewStaffSession,
        event: &Event,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        query("DELETE FROM staff_sessions WHERE expires_at <= $1")
            .bind(event.at)
            .execute(&mut tx)
            .await?;
        query("INSERT INTO staff_sessions (token, login, opened_at, seen_at, expires_at, proven_at, device, opened_by) VALUES ($1, $2, $3, $3, $4, $5, $6, $7)")
            .bind(&new.token)
            .bind(&new.login)
            .bind(event.at)
            .bind(new.expires)
            .bind(new.proven_at)
            .bind(&new.device)
            .bind(&new.opened_by)
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// Where a member of staff is signed in now, the latest first: sessions that last and were used within `idle`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staff_sessions_of(
        &self,
        login: &StaffLogin,
        now: Timestamp,
        idle: SignedDuration,
    ) -> Result<Vec<StaffSessionView>, StoreError> {
        query("SELECT * FROM staff_sessions WHERE login = $1 AND expires_at > $2 AND seen_at > $3 ORDER BY opened_at DESC LIMIT $4")
            .bind(login)
            .bind(now)
            .bind(now - idle)
            .bind(ROWS_MAX)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| {
                Ok(StaffSessionView {
                    token: TokenHash(hash(row, "token")?),
                    device: row.get::<Option<String>>("device")?.unwrap_or_default(),
                    opened_by: row.get::<Option<String>>("opened_by")?.unwrap_or_default(),
                    opened_at: time(row, "opened_at")?,
                    seen_at: time(row, "seen_at")?,
                })
            })
            .collect()
    }

    /// In how many places each member of staff is signed in now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staff_sessions_open(
        &self,
        now: Timestamp,
        idle: SignedDuration,
    ) -> Result<HashMap<StaffLogin, u64>, StoreError> {
        query("SELECT login, COUNT(*) AS sessions FROM staff_sessions WHERE expires_at > $1 AND seen_at > $2 GROUP BY login")
            .bind(now)
            .bind(now - idle)
            .fetch_all(&self.pools)
            .await?
            .iter()
            .map(|row| Ok((text(row, "login")?, unsigned(row, "sessions")?)))
            .collect()
    }

    /// Ends these sessions of a member of staff, at most 250.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_some_staff_sessions(
        &self,
        login: &StaffLogin,
        tokens: &[TokenHash],
        event: &Event,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        query("DELETE FROM staff_sessions WHERE (token, login) IN ({rows})")
            .rows(tokens.iter().map(|token| [token.into(), login.into()]))
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// Whose session it is, and when they last proved who they are, while it lasts, was used within `idle`, and the
    /// account is open. Asking for it marks it as used, unless a page came again by itself (`by_itself`).
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn staff_session(
        &self,
        token: &TokenHash,
        now: Timestamp,
        idle: SignedDuration,
        by_itself: bool,
    ) -> Result<Option<(StaffRecord, Timestamp)>, StoreError> {
        let row = query("SELECT s.*, t.seen_at, t.proven_at FROM staff_sessions t JOIN staff s ON s.login = t.login WHERE t.token = $1 AND t.expires_at > $2 AND t.seen_at > $3 AND s.disabled_at IS NULL")
            .bind(token)
            .bind(now)
            .bind(now - idle)
            .fetch_optional(&self.pools)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if !by_itself && now.duration_since(time(&row, "seen_at")?).as_secs() >= SEEN_STEP_S {
            query("UPDATE staff_sessions SET seen_at = $2 WHERE token = $1 AND seen_at < $2")
                .bind(token)
                .bind(now)
                .execute(&self.pools)
                .await?;
        }
        Ok(Some((staff_record(&row)?, time(&row, "proven_at")?)))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_staff_session(&self, token: &TokenHash) -> Result<(), StoreError> {
        query("DELETE FROM staff_sessions WHERE token = $1")
            .bind(token)
            .execute(&self.pools)
            .await?;
        Ok(())
    }
}

pub(crate) async fn end_sessions(tx: &mut Tx, login: &StaffLogin) -> Result<(), StoreError> {
    query("DELETE FROM staff_sessions WHERE login = $1")
        .bind(login)
        .execute(tx)
        .await?;
    Ok(())
}

pub(crate) fn staff_record(row: &Row) -> Result<StaffRecord, StoreError> {
    let role: String = row.get("role")?;
    Ok(StaffRecord {
        login: text(row, "login")?,
        name: row.get("name")?,
        role: Role::parse(&role).ok_or_else(|| corrupt("role", role))?,
        centre: row.get("centre")?,
        password: Secret::new(row.get("password")?),
        temporary: row.get::<i64>("temporary")? != 0,
        second_factor: row.get::<i64>("second_factor")? != 0,
        totp_generation: small(row, "totp_generation")?,
        identity: row.get("identity")?,
        email: match row.get::<Option<String>>("email")? {
            Some(address) => Some(StaffEmail {
                address: Secret::new(address),
                language: language(row, "language")?,
            }),
            None => None,
        },
        created_at: time(row, "created_at")?,
        disabled_at: optional_time(row, "disabled_at")?,
    })
}
