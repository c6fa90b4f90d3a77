//! The administrator's page for the name, the role and the centre of one member of staff.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::Role;
use kvit_store::{StaffEdit, StaffEdited, StaffProfile, StaffRecord};
use minijinja::context;
use serde::Deserialize;

use super::{
    door::Officer,
    event,
    people::{HERE, fits, list_page, roles},
    render, role_name, say,
};
use crate::{App, failure::Failure, front::Visitor, gate};

/// What somebody is to be called and to be there for, and what the page had shown.
#[derive(Deserialize)]
pub(super) struct ProfileFields {
    #[serde(default)]
    name: String,
    /// Empty on the page of one's own account.
    #[serde(default)]
    role: String,
    #[serde(default)]
    seen_name: String,
    #[serde(default)]
    seen_role: String,
    #[serde(default)]
    seen_centre: String,
}

impl ProfileFields {
    fn seen(&self) -> Option<StaffProfile> {
        Some(StaffProfile {
            name: self.seen_name.clone(),
            role: Role::parse(&self.seen_role)?,
            centre: (!self.seen_centre.is_empty()).then(|| self.seen_centre.clone()),
        })
    }
}

fn profile_of(person: &StaffRecord) -> StaffProfile {
    StaffProfile {
        name: person.name.clone(),
        role: person.role,
        centre: person.centre.clone(),
    }
}

/// The page at the first press, the change at the second.
pub(super) async fn change(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    person: &StaffRecord,
    (asked, fields, centre): (bool, &ProfileFields, &str),
) -> Result<Response, Failure> {
    let now = profile_of(person);
    let show = |status, seen: &StaffProfile, typed: &StaffProfile, wrong: &[_]| {
        page(app, visitor, officer, person, (status, seen, typed, wrong))
    };
    if person.identity.is_some() {
        return elsewhere(app, visitor, officer);
    }
    if !asked {
        return show(StatusCode::OK, &now, &now, &[]);
    }
    let seen = fields.seen().ok_or(Failure::NotFound)?;
    let (name, centre) = (fields.name.trim(), centre.trim());
    let role = Role::parse(&fields.role).unwrap_or(seen.role);
    let wanted = StaffProfile {
        name: name.to_owned(),
        role,
        centre: (role == Role::Clerk && !centre.is_empty()).then(|| centre.to_owned()),
    };
    let mut wrong = Vec::new();
    if !fits(name) {
        wrong.push(("name", "staff-error-name"));
    }
    if wanted.centre.as_deref().is_some_and(|centre| !fits(centre)) {
        wrong.push(("centre", "staff-error-centre"));
    }
    if !wrong.is_empty() {
        return show(StatusCode::UNPROCESSABLE_ENTITY, &seen, &wanted, &wrong);
    }
    let edit = StaffEdit {
        login: person.login.clone(),
        by: Some(officer.login.clone()),
        seen,
        wanted,
    };
    let subject = format!("staff/{}", edit.login);
    let changed = event(app, officer, "staff.changed", subject, edit.detail());
    let (status, fault) = match app.portal.store.edit_staff(&edit, &changed).await? {
        StaffEdited::Done => {
            let notice = match edit.wanted.role == edit.seen.role {
                true => "staff-people-profile-done",
                false => "staff-people-role-done",
            };
            // Their own new name stands at the top at once.
            let mut officer = officer.clone();
            if officer.login == edit.login {
                officer.name.clone_from(&edit.wanted.name);
            }
            return list_page(app, visitor, &officer, context! { notice }).await;
        }
        StaffEdited::Nobody => return Err(Failure::NotFound),
        // Their sessions have ended with that.
        StaffEdited::NotTheirs => return Err(Failure::See("/staff/sign-in?ended".to_owned())),
        StaffEdited::Elsewhere => return elsewhere(app, visitor, officer),
        StaffEdited::Outdated => {
            let outdated = [("profile", "staff-profile-outdated")];
            let person = app.portal.store.staff_member(&edit.login).await?;
            let person = person.ok_or(Failure::NotFound)?;
            let now = profile_of(&person);
            let shown = (StatusCode::CONFLICT, &now, &now, &outdated[..]);
            return page(app, visitor, officer, &person, shown);
        }
        StaffEdited::NoCentre => (
            StatusCode::UNPROCESSABLE_ENTITY,
            ("centre", "staff-error-centre"),
        ),
        StaffEdited::Own => (StatusCode::FORBIDDEN, ("role", "staff-profile-own-role")),
        StaffEdited::LastAdministrator => (StatusCode::CONFLICT, ("role", "staff-profile-last")),
    };
    show(status, &edit.seen, &edit.wanted, &[fault])
}

type Shown<'a> = (
    StatusCode,
    &'a StaffProfile,
    &'a StaffProfile,
    &'a [(&'static str, &'static str)],
);

fn page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    person: &StaffRecord,
    (status, seen, typed, wrong): Shown<'_>,
) -> Result<Response, Failure> {
    let page = context! {
        login => person.login.as_str(), called => person.name.clone(),
        own => (person.login == officer.login).then(|| role_name(app, visitor, person.role)),
        seen => context! { name => seen.name.clone(), role => seen.role.as_str(), centre => seen.centre.clone() },
        typed => context! { name => typed.name.clone(), role => typed.role.as_str(), centre => typed.centre.clone() },
        roles => roles(app, visitor), errors => gate::faults(wrong),
    };
    let page = render(
        app,
        visitor,
        Some(officer),
        "staff/person-profile.html",
        page,
    )?;
    Ok((status, page).into_response())
}

fn elsewhere(app: &App, visitor: &Visitor, officer: &Officer) -> Result<Response, Failure> {
    let what = (
        StatusCode::CONFLICT,
        "staff-profile-elsewhere-title",
        "staff-profile-elsewhere-text",
    );
    say(app, visitor, officer, what, HERE)
}
