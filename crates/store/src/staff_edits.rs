//! Another name or role for a member of staff, by an administrator who saw what they had.

use kvit_billing::{Role, StaffLogin, StaffMail};

use crate::{
    Event, StaffEdit, StaffEdited, StaffRecord, Store, StoreError,
    access_mails::queue_staff,
    audit::append,
    sql::query,
    staff::{end_sessions, staff_record},
};

impl Store {
    /// Gives a member of staff another name or role, if they still have what was seen. With another role their sessions end,
    /// so that nothing that they had open goes on in it, and who is no clerk any more has no centre. Where they have an address,
    /// they are told by mail. Of somebody from the identity provider only the centre can be changed here.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn edit_staff(
        &self,
        edit: &StaffEdit,
        event: &Event,
    ) -> Result<StaffEdited, StoreError> {
        let mut tx = self.begin().await?;
        // All in whose hands accounts are, in one order: two administrators who take each other's role take turns.
        let held = query("SELECT * FROM staff WHERE login = $1 OR (role = 'administrator' AND disabled_at IS NULL) ORDER BY login")
            .bind(&edit.login)
            .for_update()
            .fetch_all(&mut tx)
            .await?
            .iter()
            .map(staff_record)
            .collect::<Result<Vec<_>, _>>()?;
        let (login, wanted) = (&edit.login, &edit.wanted);
        let Some(now) = held.iter().find(|one| one.login == *login) else {
            return Ok(StaffEdited::Nobody);
        };
        if let Some(why) = refused(edit, now, &held) {
            return Ok(why);
        }
        if edit.seen == edit.wanted {
            return Ok(StaffEdited::Done);
        }
        query("UPDATE staff SET name = $2, role = $3, centre = CASE WHEN $3 = 'clerk' THEN $4 END WHERE login = $1")
            .bind(login)
            .bind(&wanted.name)
            .bind(wanted.role.as_str())
            .bind(wanted.centre.clone())
            .execute(&mut tx)
            .await?;
        append(&mut tx, event).await?;
        if wanted.role != now.role {
            end_sessions(&mut tx, login).await?;
            let told = StaffMail::RoleChanged(wanted.role);
            queue_staff(&mut tx, login, told, event.at).await?;
        }
        if wanted.name != now.name {
            queue_staff(&mut tx, login, StaffMail::Renamed, event.at).await?;
        }
        tx.commit().await?;
        Ok(StaffEdited::Done)
    }
}

/// Why it may not be, if it may not. `held` are all who may open accounts, and whose it is.
fn refused(edit: &StaffEdit, now: &StaffRecord, held: &[StaffRecord]) -> Option<StaffEdited> {
    let (seen, wanted) = (&edit.seen, &edit.wanted);
    let keeps_accounts =
        |one: &&StaffRecord| one.role == Role::Administrator && one.disabled_at.is_none();
    let may = |by: &StaffLogin| {
        held.iter()
            .filter(keeps_accounts)
            .any(|one| one.login == *by)
    };
    if !edit.by.as_ref().is_none_or(may) {
        return Some(StaffEdited::NotTheirs);
    }
    if (now.name != seen.name) || now.role != seen.role || now.centre != seen.centre {
        return Some(StaffEdited::Outdated);
    }
    let other_role = wanted.role != now.role;
    if now.identity.is_some() && (other_role || wanted.name != now.name) {
        return Some(StaffEdited::Elsewhere);
    }
    if wanted.role == Role::Clerk && wanted.centre.is_none() {
        return Some(StaffEdited::NoCentre);
    }
    if other_role && edit.by.as_ref() == Some(&now.login) {
        return Some(StaffEdited::Own);
    }
    // Who has not signed in yet may never do.
    let mut others = held
        .iter()
        .filter(keeps_accounts)
        .filter(|one| one.login != now.login && !one.temporary);
    let loses = other_role && keeps_accounts(&now) && others.next().is_none();
    loses.then_some(StaffEdited::LastAdministrator)
}
