//! Another name or role for a member of staff.

use jiff::SignedDuration;
use kvit_billing::{Language, Role, Secret, StaffLogin, StaffMail};
use kvit_store::{DeliveryWhat, StaffEdit, StaffEdited, StaffEmail, StaffProfile, Store};
use serde_json::json;

use super::{
    staff::{add, event, login, session},
    world::{at, token},
};

/// An account whose owner has signed in.
async fn used(store: &Store, name: &str, role: Role) {
    assert!(add(store, name, role).await);
    let (old, own) = ("$argon2id$", "$argon2id$own");
    let (old, own) = (Secret::new(old.to_owned()), Secret::new(own.to_owned()));
    let changed = event(1, "staff.password-changed", &format!("staff/{name}"));
    let name = login(name);
    let set = store.set_staff_password(&name, &old, &own, &changed).await;
    assert!(set.expect("an answer"));
}

async fn profile(store: &Store, name: &str) -> StaffProfile {
    let found = store.staff_member(&login(name)).await.expect("an answer");
    let found = found.expect("an account");
    StaffProfile {
        name: found.name,
        role: found.role,
        centre: found.centre,
    }
}

async fn made(store: &Store, edit: &StaffEdit, now: i64) -> StaffEdited {
    let subject = format!("staff/{}", edit.login);
    let mut changed = event(now, "staff.changed", &subject);
    changed.detail = edit.detail();
    let made = store.edit_staff(edit, &changed).await;
    made.expect("an answer")
}

/// What `by` asks for, having seen what there is.
async fn edit(store: &Store, name: &str, by: Option<&str>, role: Role) -> StaffEdit {
    let seen = profile(store, name).await;
    StaffEdit {
        login: login(name),
        by: by.map(login),
        wanted: StaffProfile {
            role,
            ..seen.clone()
        },
        seen,
    }
}

pub(crate) async fn a_name_and_a_role_are_changed_by_an_administrator(store: Store) {
    used(&store, "ada", Role::Administrator).await;
    used(&store, "ana", Role::Agent).await;
    let ana = login("ana");
    let email = StaffEmail {
        address: Secret::new("ana@example.bg".to_owned()),
        language: Language::Bg,
    };
    let noted = event(2, "staff.email-changed", "staff/ana");
    let noted = store.set_staff_email(&ana, Some(&email), &noted).await;
    assert!(noted.expect("an answer"));
    let signed_in = event(3, "staff.signed-in", "staff/ana");
    let opened = session(1, "ana", 3, 5_000);
    let opened = store.open_staff_session(&opened, &signed_in).await;
    opened.expect("a session");
    let is_in = async |now| {
        let idle = SignedDuration::from_secs(5_000);
        let found = store.staff_session(&token(1), at(now), idle, false).await;
        found.expect("an answer").is_some()
    };
    let told = async |now| {
        let jobs = store.claim_deliveries("w", at(now), at(9_000), 9).await;
        let jobs = jobs.expect("mails").into_iter();
        let told = jobs.map(|job| match job.what {
            DeliveryWhat::Staff { what, login } if login == ana => what,
            what => panic!("{what:?}"),
        });
        told.collect::<Vec<_>>()
    };

    let mut name = edit(&store, "ana", Some("ada"), Role::Agent).await;
    name.wanted.name = "Ана Димитрова".to_owned();
    assert_eq!(made(&store, &name, 10).await, StaffEdited::Done);
    assert_eq!(told(11).await, [StaffMail::Renamed]);
    assert!(is_in(12).await, "a name opens nothing");

    // Another administrator has the page of before.
    assert_eq!(made(&store, &name, 13).await, StaffEdited::Outdated);
    let late = edit(&store, "ana", None, Role::Auditor).await;

    let mut clerk = edit(&store, "ana", Some("ada"), Role::Clerk).await;
    assert_eq!(made(&store, &clerk, 14).await, StaffEdited::NoCentre);
    clerk.wanted.centre = Some("София".to_owned());
    assert_eq!(made(&store, &clerk, 15).await, StaffEdited::Done);
    assert_eq!(profile(&store, "ana").await, clerk.wanted);
    assert_eq!(told(16).await, [StaffMail::RoleChanged(Role::Clerk)]);
    assert!(!is_in(17).await, "nothing goes on in the other role");
    assert_eq!(made(&store, &late, 18).await, StaffEdited::Outdated);

    // The same again changes nothing, and is told to nobody.
    let same = edit(&store, "ana", Some("ada"), Role::Clerk).await;
    assert_eq!(made(&store, &same, 19).await, StaffEdited::Done);
    let agent = edit(&store, "ana", None, Role::Agent).await;
    assert_eq!(made(&store, &agent, 20).await, StaffEdited::Done);
    assert_eq!(
        profile(&store, "ana").await.centre,
        None,
        "no clerk any more"
    );
    assert_eq!(told(21).await, [StaffMail::RoleChanged(Role::Agent)]);
    let nobody = StaffEdit {
        login: login("nobody"),
        ..agent
    };
    assert_eq!(made(&store, &nobody, 22).await, StaffEdited::Nobody);

    let trail = store.events("staff/ana", 99).await.expect("events");
    let changes = trail.iter().filter(|event| event.what == "staff.changed");
    let changes: Vec<_> = changes.map(|event| event.detail.clone()).collect();
    let all = [
        json!({ "role_before": "clerk", "role": "agent", "centre_before": "София", "centre": null }),
        json!({ "role_before": "agent", "role": "clerk", "centre_before": null, "centre": "София" }),
        json!({ "name_before": "Мария Иванова", "name": "Ана Димитрова" }),
    ];
    assert_eq!(changes, all);
}

pub(crate) async fn nobody_raises_themselves_and_one_administrator_stays(store: Store) {
    used(&store, "ada", Role::Administrator).await;
    used(&store, "ana", Role::Agent).await;
    let own = edit(&store, "ana", Some("ana"), Role::Administrator).await;
    assert_eq!(made(&store, &own, 10).await, StaffEdited::NotTheirs);
    let own = edit(&store, "ada", Some("ada"), Role::Billing).await;
    assert_eq!(made(&store, &own, 11).await, StaffEdited::Own);
    let mut own = edit(&store, "ada", Some("ada"), Role::Administrator).await;
    own.wanted.name = "Ада Петрова".to_owned();
    assert_eq!(made(&store, &own, 12).await, StaffEdited::Done, "the name");

    // A second one counts once they have signed in.
    assert!(add(&store, "eva", Role::Administrator).await);
    let last = edit(&store, "ada", None, Role::Billing).await;
    assert_eq!(
        made(&store, &last, 13).await,
        StaffEdited::LastAdministrator
    );
    let raised = edit(&store, "ana", Some("ada"), Role::Administrator).await;
    assert_eq!(made(&store, &raised, 14).await, StaffEdited::Done);

    // Both at once: each takes the other's role.
    let one = edit(&store, "ada", Some("ana"), Role::Agent).await;
    let other = edit(&store, "ana", Some("ada"), Role::Agent).await;
    let (one, other) = tokio::join!(made(&store, &one, 15), made(&store, &other, 15));
    let mut came = [one, other];
    came.sort_by_key(|came| *came != StaffEdited::Done);
    assert_eq!(came, [StaffEdited::Done, StaffEdited::NotTheirs]);
    let left: Vec<StaffLogin> = store
        .staff()
        .await
        .expect("accounts")
        .into_iter()
        .filter(|one| one.role == Role::Administrator && !one.temporary)
        .map(|one| one.login)
        .collect();
    let [left] = &left[..] else {
        panic!("{left:?}");
    };
    let last = edit(&store, left.as_str(), None, Role::Agent).await;
    assert_eq!(
        made(&store, &last, 16).await,
        StaffEdited::LastAdministrator
    );
    let closed = event(17, "staff.disabled", "staff/eva");
    let closed = store.disable_staff(&login("eva"), &closed).await;
    assert!(closed.expect("an answer"));
    let closed = edit(&store, "ana", Some("eva"), Role::Auditor).await;
    assert_eq!(made(&store, &closed, 18).await, StaffEdited::NotTheirs);
}

/// Whoever signs in there has name and role from there.
pub(crate) async fn what_the_identity_provider_says_is_not_changed_here(store: Store) {
    used(&store, "ada", Role::Administrator).await;
    assert!(add(&store, "ana", Role::Clerk).await);
    let said = profile(&store, "ana").await;
    let nobodys = Secret::new("$argon2id$nobody".to_owned());
    let linked = event(2, "staff.linked", "staff/ana");
    let who = ("https://id.example 7", &said);
    let linked = store
        .link_staff(&login("ana"), who, &nobodys, &linked)
        .await;
    assert!(linked.expect("an answer"));
    let role = edit(&store, "ana", Some("ada"), Role::Billing).await;
    let mut name = edit(&store, "ana", None, Role::Clerk).await;
    name.wanted.name = "Ана Димитрова".to_owned();
    for one in [&role, &name] {
        assert_eq!(made(&store, one, 10).await, StaffEdited::Elsewhere);
    }
    assert_eq!(profile(&store, "ana").await, said);
    let mut centre = edit(&store, "ana", None, Role::Clerk).await;
    centre.wanted.centre = Some("Варна".to_owned());
    assert_eq!(made(&store, &centre, 11).await, StaffEdited::Done);
}
