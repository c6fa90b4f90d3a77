//! `kvit staff`: who may sign in to the console.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{
    Role, Secret, StaffLogin,
    code::Token,
    ports::{Clock, Rng},
};
use kvit_store::{
    Event, NewStaff, NewStaffSession, StaffEdit, StaffEdited, StaffEmail, StaffProfile, StaffRecord,
};
use kvit_web::credentials;
use serde_json::{Value, json};

use super::account::at_the_console;
use crate::{
    cli::{StaffAddArgs, StaffChangeArgs, StaffCommand, StaffLoginArg, StaffResetArgs},
    exit::{Context, Exit, Failure},
    output::{BOLD, DIM, Output, table},
    wiring::{Instance, SystemClock, SystemRng},
};

pub(super) async fn command(
    out: &Output,
    instance: &Instance,
    command: StaffCommand,
) -> Result<Exit, Failure> {
    match command {
        StaffCommand::Add(args) => add(out, instance, args).await,
        StaffCommand::List => list(out, instance).await,
        StaffCommand::Change(args) => change(out, instance, args).await,
        StaffCommand::Disable(args) => disable(out, instance, &args).await,
        StaffCommand::Reset(args) => reset(out, instance, &args).await,
    }
}

async fn add(out: &Output, instance: &Instance, args: StaffAddArgs) -> Result<Exit, Failure> {
    if args.role == Role::Clerk && args.centre.is_none() {
        return Err(no_centre());
    }
    may_do_without(instance, args.without_totp)?;
    let new = NewAccount {
        login: args.login.clone(),
        name: args.name.unwrap_or_else(|| args.login.to_string()),
        role: args.role,
        centre: args.centre,
        second_factor: !args.without_totp,
        email: args.email.map(|address| StaffEmail {
            address,
            language: args.language,
        }),
    };
    let (record, password) = open_account(instance, new).await?;
    handed_out(out, instance, &record, &password)
}

/// An account to be opened.
pub(super) struct NewAccount {
    pub(super) login: StaffLogin,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) centre: Option<String>,
    pub(super) second_factor: bool,
    pub(super) email: Option<StaffEmail>,
}

/// Opens an account with a temporary password.
pub(super) async fn open_account(
    instance: &Instance,
    account: NewAccount,
) -> Result<(StaffRecord, Secret<String>), Failure> {
    let (password, hash) = new_password()?;
    let at = SystemClock.now();
    let login = account.login.clone();
    let new = NewStaff {
        login: account.login,
        name: account.name,
        role: account.role,
        centre: account.centre,
        password: hash,
        second_factor: account.second_factor,
        identity: None,
        email: account.email,
        at,
    };
    let detail = json!({ "role": new.role.as_str() });
    let added = event(at, "staff.added", &login, detail);
    if !instance.store.add_staff(&new, &added).await? {
        return Err(
            Failure::new(Exit::Refused, format!("{login} has an account"))
                .hint(format!("`kvit staff reset {login}` gives new access to it")),
        );
    }
    let record = instance.store.staff_member(&login).await?;
    let record = record.ok_or_else(|| nobody(&login))?;
    Ok((record, password))
}

/// Opens an account with a password that stays, as if its owner had chosen it.
pub(super) async fn open_lasting(
    instance: &Instance,
    account: NewAccount,
) -> Result<(StaffRecord, Secret<String>), Failure> {
    let (record, password) = open_account(instance, account).await?;
    let (login, hash) = (&record.login, &record.password);
    let changed = own_event(login, "staff.password-changed");
    let store = &instance.store;
    store
        .set_staff_password(login, hash, hash, &changed)
        .await?;
    Ok((record, password))
}

/// What somebody does with their own account.
fn own_event(login: &StaffLogin, what: &str) -> Event {
    Event {
        who: login.to_string(),
        ..event(SystemClock.now(), what, login, json!({}))
    }
}

/// How long a session of [`signed_in`] lasts.
const SHIFT: SignedDuration = SignedDuration::from_hours(8);

/// Opens an account, and a session of its owner's, for what the program does in the console by itself. Gives the session's
/// cookie, as a portal without https knows it. Nobody is going to sign in by the account's password.
pub(super) async fn signed_in(instance: &Instance, account: NewAccount) -> Result<String, Failure> {
    let (record, _) = open_lasting(instance, account).await?;
    let (login, at) = (record.login, SystemClock.now());
    let store = &instance.store;
    let mut random = [0; 16];
    SystemRng.fill(&mut random);
    let token = Token::from_random(random);
    let new = NewStaffSession {
        token: token.hash(),
        login: login.clone(),
        proven_at: at,
        expires: at + SHIFT,
        device: String::new(),
        opened_by: "own-password".to_owned(),
    };
    store
        .open_staff_session(&new, &own_event(&login, "staff.signed-in"))
        .await?;
    Ok(format!("kvit_staff={}", token.expose()))
}

async fn list(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let people = instance.store.staff().await?;
    let value: Vec<Value> = people.iter().map(as_json).collect();
    out.result(&value, |out| {
        if people.is_empty() {
            return "no accounts yet; `kvit staff add LOGIN --role administrator` opens the first"
                .to_owned();
        }
        let head = [
            "login",
            "role",
            "name",
            "centre",
            "second factor",
            "e-mail",
            "state",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(people.iter().map(|person| {
            vec![
                person.login.to_string(),
                person.role.as_str().to_owned(),
                person.name.clone(),
                person.centre.clone().unwrap_or_default(),
                if person.second_factor { "yes" } else { "no" }.to_owned(),
                address(person).unwrap_or_default(),
                state(person).to_owned(),
            ]
        }));
        let text = table(&rows, &[]);
        match text.split_once('\n') {
            Some((head, rest)) => format!("{}\n{rest}", out.out(head, DIM)),
            None => text,
        }
    })?;
    Ok(Exit::Done)
}

fn address(person: &StaffRecord) -> Option<String> {
    let email = person.email.as_ref()?;
    Some(email.address.expose().clone())
}

const fn state(person: &StaffRecord) -> &'static str {
    match (&person.disabled_at, person.temporary) {
        (Some(_), _) => "disabled",
        (None, true) => "waits for the first sign-in",
        (None, false) => "open",
    }
}

fn as_json(person: &StaffRecord) -> Value {
    json!({
        "login": person.login.as_str(),
        "name": person.name,
        "role": person.role,
        "centre": person.centre,
        "second_factor": person.second_factor,
        "email": address(person),
        "temporary_password": person.temporary,
        "disabled_at": person.disabled_at,
    })
}

async fn change(out: &Output, instance: &Instance, args: StaffChangeArgs) -> Result<Exit, Failure> {
    if args.name.is_none() && args.role.is_none() && args.centre.is_none() {
        return Err(Failure::new(Exit::Usage, "there is nothing to change")
            .hint("say what with --name, --role or --centre"));
    }
    let (store, login) = (&instance.store, &args.login);
    let now = store.staff_member(login).await?;
    let now = now.ok_or_else(|| nobody(login))?;
    let role = args.role.unwrap_or(now.role);
    if args.centre.is_some() && role != Role::Clerk {
        return Err(
            Failure::new(Exit::Usage, "only a clerk works at a service centre")
                .hint("leave --centre away, or say --role clerk"),
        );
    }
    let centre = args.centre.or_else(|| now.centre.clone());
    let edit = StaffEdit {
        login: login.clone(),
        by: None,
        seen: StaffProfile {
            name: now.name.clone(),
            role: now.role,
            centre: now.centre,
        },
        wanted: StaffProfile {
            name: args.name.unwrap_or(now.name),
            role,
            centre: centre.filter(|_| role == Role::Clerk),
        },
    };
    let changed = event(SystemClock.now(), "staff.changed", login, edit.detail());
    let refused = |what: String| Failure::new(Exit::Refused, what);
    match store.edit_staff(&edit, &changed).await? {
        StaffEdited::Done => {}
        StaffEdited::Nobody => return Err(nobody(login)),
        StaffEdited::NoCentre => return Err(no_centre()),
        StaffEdited::Elsewhere => {
            let what = format!("name and role of {login} come from the identity provider");
            return Err(refused(what).hint("change them there; they count from the next sign-in"));
        }
        StaffEdited::LastAdministrator => {
            let what = format!("{login} is the last administrator who has ever signed in");
            return Err(refused(what)
                .hint("give somebody else the role first, and wait until they have signed in"));
        }
        StaffEdited::Outdated | StaffEdited::NotTheirs | StaffEdited::Own => {
            let what = format!("{login} was changed by somebody else meanwhile");
            return Err(refused(what).hint("look at `kvit staff list`, then give it again"));
        }
    }
    let record = store.staff_member(login).await?;
    let record = record.ok_or_else(|| nobody(login))?;
    out.result(&as_json(&record), |_| {
        let ended = match edit.wanted.role == edit.seen.role {
            true => "",
            false => "; all sessions have ended",
        };
        let role = record.role.as_str();
        match &record.centre {
            Some(centre) => format!("{login} is {} ({role}, {centre}){ended}", record.name),
            None => format!("{login} is {} ({role}){ended}", record.name),
        }
    })?;
    Ok(Exit::Done)
}

async fn disable(out: &Output, instance: &Instance, args: &StaffLoginArg) -> Result<Exit, Failure> {
    let login = &args.login;
    let disabled = event(SystemClock.now(), "staff.disabled", login, json!({}));
    if !instance.store.disable_staff(login, &disabled).await? {
        return Err(nobody(login));
    }
    out.result(
        &json!({ "login": login.as_str(), "disabled": true }),
        |_| format!("{login} is disabled, and all sessions have ended"),
    )?;
    Ok(Exit::Done)
}

async fn reset(out: &Output, instance: &Instance, args: &StaffResetArgs) -> Result<Exit, Failure> {
    may_do_without(instance, args.without_totp)?;
    let (password, hash) = new_password()?;
    let login = &args.login;
    let reset = event(SystemClock.now(), "staff.reset", login, json!({}));
    let record = instance
        .store
        .reset_staff(login, &hash, !args.without_totp, &reset)
        .await?
        .ok_or_else(|| nobody(login))?;
    handed_out(out, instance, &record, &password)
}

/// A real operator's console opens with two factors only, so no account is made that could not sign in.
fn may_do_without(instance: &Instance, without: bool) -> Result<(), Failure> {
    if without && !instance.config.placeholder {
        return Err(Failure::new(
            Exit::Refused,
            "a real operator's staff sign in with two factors",
        )
        .hint("leave --without-totp away; it is for trials with `placeholder = true`"));
    }
    Ok(())
}

fn new_password() -> Result<(Secret<String>, Secret<String>), Failure> {
    let password = credentials::temporary_password(&SystemRng);
    let hash = credentials::hash_password(password.expose(), &SystemRng)
        .failed("a password cannot be made")?;
    Ok((password, hash))
}

fn handed_out(
    out: &Output,
    instance: &Instance,
    record: &StaffRecord,
    password: &Secret<String>,
) -> Result<Exit, Failure> {
    let login = &record.login;
    let secret = instance.key()?.totp_secret(login, record.totp_generation);
    let address = record
        .second_factor
        .then(|| credentials::totp_address(&secret, login));
    let url = format!("{}/staff", instance.config.portal.public_url);
    let mut value = as_json(record);
    value["password"] = json!(password.expose());
    value["totp"] = json!(address);
    value["url"] = json!(url);
    out.result(&value, |out| {
        let pair = |label: &str, text: &str| vec![format!("  {label}"), text.to_owned()];
        let mut rows = vec![
            pair("sign in at", &url),
            pair("login", login.as_str()),
            pair("password", password.expose()),
        ];
        if let Some(address) = &address {
            rows.push(pair("app key", &credentials::totp_secret_text(&secret)));
            rows.push(pair("app link", address));
        }
        format!(
            "{}\n{}\nShown only now. The password is temporary: it is replaced at the first sign-in, within {} days.\n",
            out.out(&format!("Hand these to {}", record.name), BOLD),
            table(&rows, &[]),
            credentials::TEMPORARY_DAYS
        )
    })?;
    Ok(Exit::Done)
}

fn no_centre() -> Failure {
    Failure::new(Exit::Usage, "a clerk works at a service centre")
        .hint("name it with --centre NAME")
}

fn nobody(login: &StaffLogin) -> Failure {
    Failure::new(Exit::Failed, format!("{login} has no open account"))
        .hint("`kvit staff list` names them")
}

fn event(at: Timestamp, what: &str, login: &StaffLogin, detail: Value) -> Event {
    Event {
        at,
        who: at_the_console(),
        what: what.to_owned(),
        subject: format!("staff/{login}"),
        detail,
    }
}
