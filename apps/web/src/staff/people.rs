//! The administrator's page: who has an account.

use axum::{
    Extension, Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kvit_billing::{Language, Role, Secret, StaffLogin};
use kvit_mail::EmailAddress;
use kvit_store::{NewStaff, StaffEmail, StaffRecord};
use minijinja::{Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{
    door::{self, Officer, first, fresh, must_be_fresh},
    event,
    person::{self, ProfileFields},
    render, role_name,
};
use crate::{App, credentials, failure::Failure, front::Visitor, gate};

/// The longest name of a person or a centre, in characters.
const NAME_CHARS_MAX: usize = 100;
pub(super) const HERE: &str = "/staff/people";

pub(crate) async fn list(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
) -> Result<Response, Failure> {
    list_page(&app, &visitor, &officer, context! {}).await
}

pub(super) async fn list_page(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    more: Value,
) -> Result<Response, Failure> {
    let texts = app.pages.texts(visitor.language);
    let date =
        |at: jiff::Timestamp| texts.date(at.to_zoned_datetime(app.portal.time_zone.clone()).date());
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let open = store.staff_sessions_open(now, door::idle()).await?;
    let people: Vec<_> = app
        .portal
        .store
        .staff()
        .await?
        .iter()
        .map(|person| {
            context! {
                login => person.login.as_str(), name => person.name.clone(),
                role => role_name(app, visitor, person.role), centre => person.centre.clone(),
                clerk => person.role == Role::Clerk, elsewhere => person.identity.is_some(),
                factor => person.second_factor, fresh => person.temporary,
                since => date(person.created_at), disabled => person.disabled_at.map(date),
                email => person.email.as_ref().map(|email| email.address.expose().clone()),
                sessions => open.get(&person.login).copied().unwrap_or_default(),
                me => person.login == officer.login,
            }
        })
        .collect();
    let roles = roles(app, visitor);
    let (fresh, first) = (fresh(app, officer), first(HERE));
    // Whoever opens accounts hears of attacks first.
    let guessed = store.guessed_until(now).await?.map(|until| {
        let key = match until > now {
            true => "staff-guessing-now",
            false => "staff-guessing-was",
        };
        let until = texts.moment(until, &app.portal.time_zone);
        texts.say(key, &[("until", &until)])
    });
    let page = context! { people, roles, fresh, first, guessed, ..more };
    render(app, visitor, Some(officer), "staff/people.html", page)
}

/// All roles, as a form offers them.
pub(super) fn roles(app: &App, visitor: &Visitor) -> Vec<Value> {
    Role::ALL
        .iter()
        .map(|role| context! { id => role.as_str(), name => role_name(app, visitor, *role) })
        .collect()
}

#[derive(Deserialize)]
pub(crate) struct NewForm {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    centre: String,
    #[serde(flatten)]
    email: EmailFields,
}

/// Where somebody is told of changes to how they sign in.
#[derive(Deserialize)]
pub(crate) struct EmailFields {
    #[serde(default)]
    email: String,
    /// The language of what they are told.
    #[serde(default)]
    language: String,
}

impl EmailFields {
    /// Nothing where the field is empty.
    fn read(&self) -> Result<Option<StaffEmail>, (&'static str, &'static str)> {
        if self.email.trim().is_empty() {
            return Ok(None);
        }
        let address = EmailAddress::parse(&self.email).map_err(gate::email_fault)?;
        Ok(Some(StaffEmail {
            address: Secret::new(address.as_str().to_owned()),
            language: Language::from_tag(&self.language).unwrap_or(Language::Bg),
        }))
    }
}

pub(crate) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Form(form): Form<NewForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    must_be_fresh(&app, &officer, HERE)?;
    let (name, centre) = (form.name.trim(), form.centre.trim());
    let mut wrong = Vec::new();
    let login = form.login.trim().to_lowercase().parse::<StaffLogin>();
    if login.is_err() {
        wrong.push(("login", "staff-error-login"));
    }
    if !fits(name) {
        wrong.push(("name", "staff-error-name"));
    }
    let role = Role::parse(&form.role);
    if role.is_none() {
        wrong.push(("role", "staff-error-role"));
    }
    if role == Some(Role::Clerk) && !fits(centre) {
        wrong.push(("centre", "staff-error-centre"));
    }
    let email = form.email.read();
    if let Err(fault) = email {
        wrong.push(fault);
    }
    if let (true, Ok(login), Some(role), Ok(email)) = (wrong.is_empty(), login, role, email) {
        let (password, hash) = new_password(&app).await?;
        let at = app.portal.clock.now();
        let new = NewStaff {
            login,
            name: name.to_owned(),
            role,
            centre: (role == Role::Clerk).then(|| centre.to_owned()),
            password: hash,
            second_factor: true,
            identity: None,
            email,
            at,
        };
        let subject = format!("staff/{}", new.login);
        let detail = json!({ "role": role.as_str() });
        let added = event(&app, &officer, "staff.added", subject, detail);
        if app.portal.store.add_staff(&new, &added).await? {
            let made = app.portal.store.staff_member(&new.login).await?;
            return handed_out(&app, &visitor, &officer, made.as_ref(), &password);
        }
        wrong.push(("login", "staff-error-taken"));
    }
    let errors = gate::faults(&wrong);
    let EmailFields { email, language } = &form.email;
    let typed = context! { login => form.login, name, role => form.role, centre, email, language };
    let page = list_page(&app, &visitor, &officer, context! { errors, typed }).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct ChangeForm {
    #[serde(default)]
    form_token: String,
    /// `disable`, `reset`, `end`, `profile`, `email` or `centre`.
    #[serde(default)]
    what: String,
    /// Said on the page that asks whether it is meant, or which address.
    #[serde(default)]
    sure: String,
    #[serde(default)]
    centre: String,
    #[serde(flatten)]
    profile: ProfileFields,
    #[serde(flatten)]
    email: EmailFields,
}

/// Ends the sessions of a colleague, closes their account, or gives them a new start: at the second press, since each ends
/// their sessions at once. Or gives anybody another name, and others another role; or notes another address of anybody's, whose
/// earlier one is told, or the centre of a clerk.
pub(crate) async fn change(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    Path(login): Path<String>,
    Form(form): Form<ChangeForm>,
) -> Result<Response, Failure> {
    visitor.own_form(&form.form_token)?;
    must_be_fresh(&app, &officer, HERE)?;
    let login: StaffLogin = login.parse().map_err(|_| Failure::NotFound)?;
    let store = &app.portal.store;
    let subject = format!("staff/{login}");
    if form.what == "email" {
        return change_email(&app, &visitor, &officer, &login, form).await;
    }
    if form.what == "profile" {
        let person = store.staff_member(&login).await?;
        let person = person.ok_or(Failure::NotFound)?;
        let asked = (form.sure == "1", &form.profile, form.centre.as_str());
        return person::change(&app, &visitor, &officer, &person, asked).await;
    }
    if form.what == "centre" {
        return change_centre(&app, &visitor, &officer, &login, form).await;
    }
    // Whoever locks themselves out leaves nobody to let them in.
    if login == officer.login {
        return Err(Failure::NotFound);
    }
    match form.what.as_str() {
        "disable" | "reset" | "end" if form.sure != "1" => {
            let person = store.staff_member(&login).await?;
            let person = person.ok_or(Failure::NotFound)?;
            let page = context! { what => form.what, name => person.name, login => login.as_str() };
            render(&app, &visitor, Some(&officer), "staff/sure.html", page)
        }
        "disable" => {
            let disabled = event(&app, &officer, "staff.disabled", subject, json!({}));
            store.disable_staff(&login, &disabled).await?;
            list_page(
                &app,
                &visitor,
                &officer,
                context! { notice => "staff-people-disabled" },
            )
            .await
        }
        "end" => {
            let ended = event(&app, &officer, "staff.sessions-ended", subject, json!({}));
            store.end_staff_sessions(&login, &ended).await?;
            let said = context! { notice => "staff-people-ended" };
            list_page(&app, &visitor, &officer, said).await
        }
        "reset" => {
            let (password, hash) = new_password(&app).await?;
            let reset = event(&app, &officer, "staff.reset", subject, json!({}));
            let record = store.reset_staff(&login, &hash, true, &reset).await?;
            handed_out(&app, &visitor, &officer, record.as_ref(), &password)
        }
        _ => Err(Failure::NotFound),
    }
}

/// Whether it can be the name of a person or a centre.
pub(super) fn fits(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

async fn change_centre(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    login: &StaffLogin,
    form: ChangeForm,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let person = store.staff_member(login).await?;
    let person = person.filter(|person| person.role == Role::Clerk);
    let person = person.ok_or(Failure::NotFound)?;
    let (asked, centre) = (form.sure == "1", form.centre.trim());
    if asked && fits(centre) {
        let (subject, detail) = (format!("staff/{login}"), json!({ "centre": centre }));
        let changed = event(app, officer, "staff.centre-changed", subject, detail);
        if !store.set_staff_centre(login, centre, &changed).await? {
            return Err(Failure::NotFound);
        }
        let said = context! { notice => "staff-people-centre-done" };
        return list_page(app, visitor, officer, said).await;
    }
    let wrong = asked.then_some(("centre", "staff-error-centre"));
    let known = person.centre.unwrap_or_default();
    let centre = if asked { centre.to_owned() } else { known };
    let errors = gate::faults(wrong.as_slice());
    let page = context! { name => person.name, login => login.as_str(), centre, errors };
    let page = render(
        app,
        visitor,
        Some(officer),
        "staff/person-centre.html",
        page,
    )?;
    Ok(match asked {
        false => page,
        true => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
    })
}

async fn change_email(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    login: &StaffLogin,
    form: ChangeForm,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let person = store.staff_member(login).await?;
    let person = person.ok_or(Failure::NotFound)?;
    let asked = form.sure == "1";
    let wrong = match form.email.read() {
        Ok(email) if asked => {
            let subject = format!("staff/{login}");
            let changed = event(app, officer, "staff.email-changed", subject, json!({}));
            store
                .set_staff_email(login, email.as_ref(), &changed)
                .await?;
            let said = context! { notice => "staff-people-email-done" };
            return list_page(app, visitor, officer, said).await;
        }
        Err(fault) if asked => vec![fault],
        _ => Vec::new(),
    };
    let now = person.email.map(|email| {
        let address = email.address.expose().clone();
        (address, email.language.tag().to_owned())
    });
    let (email, language) = match asked {
        true => (form.email.email, form.email.language),
        false => now.unwrap_or_default(),
    };
    let page = context! { name => person.name, login => login.as_str(), email, language, errors => gate::faults(&wrong) };
    let page = render(app, visitor, Some(officer), "staff/person-email.html", page)?;
    Ok(match wrong.is_empty() {
        true => page,
        false => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
    })
}

async fn new_password(app: &App) -> Result<(Secret<String>, Secret<String>), Failure> {
    let rng = std::sync::Arc::clone(&app.portal.rng);
    let password = credentials::temporary_password(rng.as_ref());
    let plain = password.clone();
    let hash = app
        .hashing
        .run(move || credentials::hash_password(plain.expose(), rng.as_ref()))
        .await?;
    Ok((password, hash))
}

/// What the owner of an account gets from the administrator, shown once.
fn handed_out(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    record: Option<&StaffRecord>,
    password: &Secret<String>,
) -> Result<Response, Failure> {
    let record = record.ok_or(Failure::NotFound)?;
    let secret = app
        .portal
        .key
        .totp_secret(&record.login, record.totp_generation);
    let page = context! {
        login => record.login.as_str(), name => record.name.clone(), password => password.expose().clone(),
        secret => credentials::totp_secret_text(&secret), days => credentials::TEMPORARY_DAYS,
    };
    render(app, visitor, Some(officer), "staff/handed-out.html", page)
}
