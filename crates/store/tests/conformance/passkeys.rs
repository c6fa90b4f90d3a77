//! Passkeys: challenges that count once, ids that count once, counters that only go on.

use kvit_billing::{Language, Role, Secret, StaffLogin, StaffMail, code::TokenHash};
use kvit_store::{
    CHALLENGES_OF_ADDRESS_MAX, Event, NewChallenge, NewSession, NewStaff, PASSKEYS_OF_OWNER_MAX,
    PasskeyAdded, PasskeyOwner, PasskeyRecord, PasskeyUse, SessionDoor, StaffEmail, Store,
};
use serde_json::json;

use super::{
    portal::customer,
    world::{account, at, token},
};

fn event(what: &str, owner: &PasskeyOwner) -> Event {
    Event {
        at: at(50),
        who: owner.to_string(),
        what: what.to_owned(),
        subject: owner.to_string(),
        detail: json!({}),
    }
}

fn passkey(n: u8, owner: &PasskeyOwner, generation: u32) -> PasskeyRecord {
    PasskeyRecord {
        id: vec![n; 20],
        owner: owner.clone(),
        generation,
        public_key: vec![1, 2, 3],
        counter: 0,
        name: "телефон".to_owned(),
        created_at: at(i64::from(n)),
        used_at: None,
        copied_at: None,
    }
}

fn ana() -> PasskeyOwner {
    "staff/ana".parse().expect("an owner")
}

/// Ana is hired and signed in with the token 1, a customer with the token 2.
async fn signed_in(store: &Store) {
    let new = NewStaff {
        login: "ana".parse().expect("a name"),
        name: "Ана".to_owned(),
        role: Role::Agent,
        centre: None,
        password: Secret::new("$argon2id$ana".to_owned()),
        second_factor: true,
        identity: None,
        email: Some(StaffEmail {
            address: Secret::new("ana@example.bg".to_owned()),
            language: Language::Bg,
        }),
        at: at(0),
    };
    let hired = store.add_staff(&new, &event("staff.added", &ana())).await;
    assert!(hired.expect("an answer"));
    let opened = event("staff.signed-in", &ana());
    let opened = store
        .open_staff_session(&super::staff::session(1, "ana", 1, 1_000), &opened)
        .await;
    opened.expect("a session");
    let known = store.upsert_customers(&[customer(1, "Иван")]).await;
    known.expect("a customer");
    let new = NewSession {
        token: token(2),
        account: account(1),
        door: SessionDoor::Code { generation: 1 },
        device: String::new(),
        at: at(0),
        expires: at(1_000),
    };
    assert!(store.open_session(&new).await.expect("an answer"));
}

fn session(owner: &PasskeyOwner) -> TokenHash {
    match owner {
        PasskeyOwner::Staff(_) => token(1),
        PasskeyOwner::Customer(_) => token(2),
    }
}

pub(crate) async fn a_passkey_needs_the_session_that_asks_for_it(store: Store) {
    signed_in(&store).await;
    let (ana, customer) = (ana(), PasskeyOwner::Customer(account(1)));
    let login: StaffLogin = "ana".parse().expect("a name");
    let add = async |n, owner: &PasskeyOwner, generation, session| {
        let added = event("passkey.added", owner);
        let (new, session) = (passkey(n, owner, generation), token(session));
        let added = store.add_passkey(&new, &session, &added).await;
        added.expect("an answer")
    };
    let left = async |owner: &PasskeyOwner, generation| {
        let found = store.passkeys_of(owner, generation).await;
        found.expect("passkeys").len()
    };
    assert_eq!(add(1, &ana, 1, 2).await, PasskeyAdded::Over, "another's");
    assert_eq!(add(1, &ana, 2, 1).await, PasskeyAdded::Over, "no such one");
    assert_eq!(add(1, &ana, 1, 1).await, PasskeyAdded::Done);
    let removed = event("passkey.removed", &ana);
    let id = passkey(1, &ana, 1).id;
    let gone = store.remove_passkey(&ana, &id, &removed).await;
    assert!(gone.expect("an answer"));
    let mails = store.claim_deliveries("w", at(1_000), at(2_000), 9).await;
    let mails = mails.expect("mails").into_iter();
    let mut told: Vec<_> = mails.filter_map(|job| job.id.staff()).collect();
    told.sort();
    assert_eq!(told, [StaffMail::PasskeyAdded, StaffMail::PasskeyRemoved]);
    assert_eq!(add(1, &ana, 1, 1).await, PasskeyAdded::Done);
    // One's own new password ends sessions and passkeys.
    let old = store.staff_member(&login).await.expect("an answer");
    let old = old.expect("an account").password;
    let new = Secret::new("$argon2id$new".to_owned());
    let changed = event("staff.password-changed", &ana);
    let set = store.set_staff_password(&login, &old, &new, &changed).await;
    assert!(set.expect("an answer"));
    assert_eq!(left(&ana, 1).await, 0);
    assert_eq!(add(1, &ana, 1, 1).await, PasskeyAdded::Over);
    // So does a new start; what was asked before it adds nothing to the new generation.
    let opened = event("staff.signed-in", &ana);
    let opened = store
        .open_staff_session(&super::staff::session(3, "ana", 1, 1_000), &opened)
        .await;
    opened.expect("a session");
    let reset = event("staff.reset", &ana);
    let reset = store.reset_staff(&login, &new, true, &reset).await;
    reset.expect("an answer");
    for generation in [1, 2] {
        assert_eq!(add(1, &ana, generation, 3).await, PasskeyAdded::Over);
    }

    assert_eq!(add(5, &customer, 1, 2).await, PasskeyAdded::Done);
    assert_eq!(add(6, &customer, 1, 2).await, PasskeyAdded::Done);
    let removed = async || {
        let removed = event("passkeys.removed", &customer);
        let removed = store.remove_passkeys(&account(1), &removed).await;
        removed.expect("an answer")
    };
    assert_eq!(removed().await, 2);
    assert_eq!(left(&customer, 1).await, 0);
    assert_eq!(add(7, &customer, 1, 2).await, PasskeyAdded::Over);
    assert_eq!(removed().await, 0);
    let told = store.events(&customer.to_string(), 99).await;
    let told = told.expect("events");
    let told = told.iter().filter(|event| event.what == "passkeys.removed");
    assert_eq!(told.count(), 1, "nothing was there the second time");
}

pub(crate) async fn a_challenge_is_answered_once_by_who_asked(store: Store) {
    let ask = async |n, address: &str, now| {
        let new = NewChallenge {
            hash: token(n),
            purpose: "sign-in staff".to_owned(),
            browser: "b1".to_owned(),
            address: address.to_owned(),
            at: at(now),
            expires: at(now + 300),
        };
        store.ask_passkey(&new).await.expect("an answer")
    };
    let answer = async |n, purpose: &str, browser: &str, now| {
        let used = store
            .use_challenge(&token(n), purpose, browser, at(now))
            .await;
        used.expect("an answer")
    };
    for n in 1..=5 {
        assert!(ask(n, "a", 0).await);
    }
    assert!(answer(1, "sign-in staff", "b1", 299).await);
    assert!(
        !answer(1, "sign-in staff", "b1", 299).await,
        "a second time"
    );
    assert!(!answer(2, "sign-in staff", "b1", 300).await, "too late");
    assert!(!answer(3, "sign-in customer", "b1", 1).await);
    assert!(!answer(3, "sign-in staff", "b1", 1).await, "used up");
    assert!(
        !answer(4, "sign-in staff", "b2", 1).await,
        "another browser"
    );
    assert!(!answer(99, "sign-in staff", "b1", 1).await, "never asked");
    // One still waits.
    for n in 0..CHALLENGES_OF_ADDRESS_MAX - 1 {
        assert!(ask(100 + n, "a", 1).await);
    }
    assert!(!ask(900, "a", 2).await, "enough");
    assert!(ask(901, "b", 2).await, "another address");
    assert!(ask(902, "a", 400).await, "those are over");
}

pub(crate) async fn a_passkey_is_added_once_and_is_its_owner_s(store: Store) {
    signed_in(&store).await;
    let (ana, customer) = (ana(), PasskeyOwner::Customer(account(1)));
    let add = async |record: &PasskeyRecord| {
        let added = event("passkey.added", &record.owner);
        let session = session(&record.owner);
        let added = store.add_passkey(record, &session, &added).await;
        added.expect("an answer")
    };
    assert_eq!(add(&passkey(1, &ana, 1)).await, PasskeyAdded::Done);
    assert_eq!(add(&passkey(1, &ana, 1)).await, PasskeyAdded::Known);
    assert_eq!(add(&passkey(1, &customer, 1)).await, PasskeyAdded::Known);
    for n in 2..=PASSKEYS_OF_OWNER_MAX {
        let n = u8::try_from(n).expect("few");
        assert_eq!(add(&passkey(n, &ana, 1)).await, PasskeyAdded::Done);
    }
    assert_eq!(add(&passkey(99, &ana, 1)).await, PasskeyAdded::TooMany);
    assert_eq!(add(&passkey(99, &customer, 1)).await, PasskeyAdded::Done);
    let of = async |owner: &PasskeyOwner, generation| {
        let found = store.passkeys_of(owner, generation).await;
        found.expect("passkeys")
    };
    assert_eq!(of(&ana, 1).await.len(), PASSKEYS_OF_OWNER_MAX);
    assert!(of(&ana, 2).await.is_empty(), "a new start voids them");
    let found = of(&customer, 1).await;
    assert_eq!(
        (found[0].id.as_slice(), found[0].public_key.as_slice()),
        (&[99; 20][..], &[1, 2, 3][..])
    );
    let mine = [1; 20];
    let renamed = async |owner| store.rename_passkey(owner, &mine, "ключ").await;
    assert!(!renamed(&customer).await.expect("an answer"), "not theirs");
    assert!(renamed(&ana).await.expect("an answer"));
    let gone = async |owner| {
        let removed = event("passkey.removed", owner);
        let removed = store.remove_passkey(owner, &mine, &removed).await;
        removed.expect("an answer")
    };
    assert!(!gone(&customer).await);
    let found = store.passkey(&mine).await.expect("an answer");
    assert_eq!(found.expect("still there").name, "ключ");
    assert!(gone(&ana).await);
    assert!(!gone(&ana).await);
    assert!(store.passkey(&mine).await.expect("an answer").is_none());
    let told = store.events("staff/ana", 99).await.expect("events");
    let told = told.iter().filter(|e| e.what.starts_with("passkey."));
    assert_eq!(
        told.count(),
        PASSKEYS_OF_OWNER_MAX + 1,
        "what was done, once"
    );
}

pub(crate) async fn a_counter_that_does_not_go_on_is_an_alarm(store: Store) {
    signed_in(&store).await;
    let ana = ana();
    let alarm = event("passkey.copied", &ana);
    for n in [1, 2] {
        let added = event("passkey.added", &ana);
        let added = store
            .add_passkey(&passkey(n, &ana, 1), &token(1), &added)
            .await;
        assert_eq!(added.expect("an answer"), PasskeyAdded::Done);
    }
    let used = async |n: u8, counter| {
        let used = store.use_passkey(&[n; 20], counter, &alarm).await;
        used.expect("an answer")
    };
    // One that does not count, and one that does.
    for _ in 0..2 {
        assert_eq!(used(1, 0).await, PasskeyUse::Opens);
    }
    for counter in [1, 5, u32::MAX - 1] {
        assert_eq!(used(2, counter).await, PasskeyUse::Opens);
    }
    assert_eq!(used(3, 1).await, PasskeyUse::Gone);
    let alarms = async || {
        let told = store.events("staff/ana", 99).await.expect("events");
        told.iter().filter(|e| e.what == "passkey.copied").count()
    };
    assert_eq!(alarms().await, 0);
    assert_eq!(used(2, u32::MAX - 1).await, PasskeyUse::Copied);
    assert_eq!(
        used(2, u32::MAX).await,
        PasskeyUse::Copied,
        "nothing opens after"
    );
    assert_eq!(alarms().await, 2);
    assert_eq!(used(1, 0).await, PasskeyUse::Opens, "the other one does");
    let record = store.passkey(&[2; 20]).await.expect("an answer");
    assert_eq!(record.expect("kept").copied_at, Some(at(50)));
}
