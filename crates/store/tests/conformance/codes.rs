//! Another code for a customer, and what ends with the old one.

use kvit_billing::{AccessMail, Secret};
use kvit_store::{
    AddReader, CodeChange, EnrolmentState, Event, NewEnrolment, NewProof, NewSession, PasskeyAdded,
    PasskeyOwner, PasskeyRecord, ReaderAsked, SessionDoor, Store, Widened, WiderSession,
};
use serde_json::json;

use super::{
    portal::{customer, enrolled, opened, wider_session},
    world::{account, at, token},
};

fn event(now: i64, what: &str) -> Event {
    Event {
        at: at(now),
        who: "ana".to_owned(),
        what: what.to_owned(),
        subject: format!("customer/{}", account(1)),
        detail: json!({}),
    }
}

/// Whoever showed the old code or password, and is let in when another counts.
pub(crate) async fn what_was_replaced_opens_nothing(store: Store) {
    let known = store.upsert_customers(&[customer(1, "Иван")]).await;
    known.expect("a customer");
    let open = async |n: u64, door: SessionDoor| {
        let new = NewSession {
            token: token(n),
            account: account(1),
            door,
            device: String::new(),
            at: at(0),
            expires: at(1_000),
        };
        store.open_session(&new).await.expect("an answer")
    };
    let by_code = |generation| SessionDoor::Code { generation };
    let by_password = |set_at| SessionDoor::Password { set_at: at(set_at) };
    assert!(open(1, by_code(1)).await);
    assert!(!open(2, by_password(5)).await, "there is none");
    let mine = account(1);
    for (now, hash) in [(5, "first"), (6, "second")] {
        let (hash, set) = (Secret::new(hash.to_owned()), event(now, "password.set"));
        let set = store
            .set_customer_password(&mine, &token(1), &hash, &set)
            .await;
        assert!(set.expect("an answer"));
    }
    assert!(!open(2, by_password(5)).await);
    assert!(open(2, by_password(6)).await);
    let again = async |earlier: u64, door| {
        let wider = WiderSession {
            token: token(3),
            account: account(1),
            door,
            keep_with: None,
            device: String::new(),
            at: at(7),
        };
        let widened = store.widen_session(&token(earlier), &wider).await;
        widened.expect("an answer")
    };
    assert_eq!(again(2, by_password(5)).await, Widened::Over);
    let (evidence, changed) = (json!({}), event(10, "customer.code-changed"));
    let change = store.change_code((&mine, 1), &evidence, &changed).await;
    let change = change.expect("an answer").expect("a customer");
    assert_eq!(change.sessions, 2);
    assert!(!open(4, by_code(1)).await);
    assert!(!open(4, by_password(6)).await, "it ended with the code");
    assert!(open(4, by_code(2)).await);
    assert_eq!(again(4, by_code(1)).await, Widened::Over);
    assert_eq!(again(4, by_code(2)).await, Widened::Until(at(1_000)));
}

/// A link opened the session, and the bills go elsewhere since: what comes late from it keeps no way in.
pub(crate) async fn where_bills_went_before_nothing_is_kept(store: Store) {
    let known = store.upsert_customers(&[customer(1, "Иван")]).await;
    known.expect("a customer");
    let before = enrolled(&store, 1, "before@example.bg").await;
    let linked = opened(&store, 1, 1, SessionDoor::Link(before), 1).await;
    let by_code = opened(&store, 2, 1, SessionDoor::Code { generation: 1 }, 1).await;
    let moved = NewEnrolment {
        id: format!("{:032x}", 2).parse().expect("an id"),
        email: Secret::new("now@example.bg".to_owned()),
        ..new_enrolment()
    };
    let moved = store.enrol_in(&by_code, &moved).await;
    assert!(moved.expect("an answer"));
    for (session, kept) in [(&linked, false), (&by_code, true)] {
        let found = store.session(session, at(10)).await.expect("an answer");
        assert_eq!(found.is_some(), kept);
        let key = PasskeyRecord {
            id: vec![u8::from(kept)],
            owner: PasskeyOwner::Customer(account(1)),
            generation: 1,
            public_key: vec![4],
            counter: 0,
            name: String::new(),
            created_at: at(10),
            used_at: None,
            copied_at: None,
        };
        let told = event(10, "passkey.added");
        let added = store.add_passkey(&key, session, &told).await;
        let added = added.expect("an answer");
        assert_eq!(matches!(added, PasskeyAdded::Done), kept);
        let other = NewEnrolment {
            id: format!("{:032x}", 3).parse().expect("an id"),
            email: Secret::new("before@example.bg".to_owned()),
            proof: Some(NewProof {
                hash: token(77),
                expires: at(900),
            }),
            at: at(10),
            ..new_enrolment()
        };
        let other = store.enrol_in(session, &other).await;
        assert_eq!(other.expect("an answer"), kept);
        let hash = Secret::new("$argon2id$x".to_owned());
        let set = event(11, "password.set");
        let set = store
            .set_customer_password(&account(1), session, &hash, &set)
            .await;
        assert_eq!(set.expect("an answer"), kept);
    }
}

/// A session is opened, or goes on, with numbers that it does not stand on, while the code of one of them is changed.
pub(crate) async fn a_new_code_ends_what_is_opened_at_that_moment(store: Store) {
    let known = [1, 2, 3].map(|n| customer(n, "Иван"));
    store.upsert_customers(&known).await.expect("customers");
    let mine = enrolled(&store, 1, "one@example.bg").await;
    let whose = account(2);
    for round in 0..40_u32 {
        let (generation, own) = (round + 1, u64::from(round) * 10);
        let door = SessionDoor::Code { generation };
        let change = async || {
            let changed = event(20, "customer.code-changed");
            let evidence = json!({});
            let change = store.change_code((&whose, generation), &evidence, &changed);
            assert!(change.await.expect("an answer").is_some());
        };
        let earlier = match round % 2 {
            0 => {
                // Kept with the address that the link goes to.
                let earlier = opened(&store, own, 1, SessionDoor::Link(mine.clone()), 10).await;
                let keep = WiderSession {
                    keep_with: Some(account(1)),
                    door,
                    ..wider_session(own + 1, 2, 11)
                };
                let widened = store.widen_session(&earlier, &keep).await;
                assert!(matches!(widened, Ok(Widened::Until(_))));
                let link = SessionDoor::Link(mine.clone());
                tokio::join!(change(), opened(&store, own + 2, 1, link, 12)).1
            }
            _ => {
                // Opened by its own code, and another one is added.
                let earlier = opened(&store, own, 2, door, 10).await;
                let wider = wider_session(own + 1, 3, 11);
                let (widened, ()) = tokio::join!(store.widen_session(&earlier, &wider), change());
                widened.expect("an answer");
                wider.token
            }
        };
        let session = store.session(&earlier, at(20)).await.expect("an answer");
        let points = session.map(|session| session.points).unwrap_or_default();
        assert!(!points.contains(&whose), "{round}: {points:?}");
        let left = store.sessions_of(&whose, at(20), 9).await;
        assert!(left.expect("sessions").is_empty(), "{round}");
    }
}

pub(crate) async fn a_new_code_ends_what_the_old_one_opened(store: Store) {
    let known = [customer(1, "Иван"), customer(2, "Мария")];
    store.upsert_customers(&known).await.expect("customers");
    let proven_address = enrolled(&store, 1, "one@example.bg").await;
    for (n, whose) in [(1, 1), (2, 1), (3, 2)] {
        let new = NewSession {
            token: token(n),
            account: account(whose),
            door: SessionDoor::Code { generation: 1 },
            device: String::new(),
            at: at(0),
            expires: at(1_000),
        };
        assert!(store.open_session(&new).await.expect("an answer"));
    }
    let set = event(1, "password.set");
    let hash = Secret::new("$argon2id$x".to_owned());
    let set = store
        .set_customer_password(&account(1), &token(1), &hash, &set)
        .await;
    assert!(set.expect("an answer"));
    // Somebody asked for the bills at their own address, and for a reader, with the old code.
    let asked = NewEnrolment {
        id: format!("{:032x}", 77).parse().expect("an id"),
        email: Secret::new("thief@example.bg".to_owned()),
        proof: Some(NewProof {
            hash: token(77),
            expires: at(900),
        }),
        ..new_enrolment()
    };
    store.enrol(&asked).await.expect("asked");
    let reader = super::readers::new_reader(1, 1, "thief@example.bg", 6);
    let added = store
        .add_reader(&reader, ReaderAsked::InSession(&token(1)), 5, "customer")
        .await;
    assert!(matches!(added, Ok(AddReader::Added)));
    // One who reads already would get the new code with the next bill.
    let friend = super::readers::new_reader(2, 1, "friend@example.bg", 6);
    let added = store
        .add_reader(&friend, ReaderAsked::InSession(&token(1)), 5, "customer")
        .await;
    assert!(matches!(added, Ok(AddReader::Added)));
    let pressed = json!({});
    let proven = store.prove_reader(&friend.proof.hash, at(7), &pressed, "reader");
    let proven = proven.await.expect("an answer");
    assert!(matches!(proven, kvit_store::ProveReader::Proved(_)));

    let changed = event(10, "customer.code-changed");
    let evidence = json!({ "by": "phone" });
    let unknown = store
        .change_code((&account(9), 1), &evidence, &changed)
        .await;
    assert_eq!(unknown.expect("an answer"), None);
    let whose = account(1);
    let stale = store.change_code((&whose, 2), &evidence, &changed).await;
    assert_eq!(stale.expect("an answer"), None, "another was seen");
    let ended = store
        .change_code((&account(1), 1), &evidence, &changed)
        .await;
    let all = CodeChange {
        sessions: 1,
        passkeys: 0,
        password: true,
        waiting: 1,
        readers: 2,
    };
    assert_eq!(
        ended.expect("an answer"),
        Some(all),
        "the other session ended before"
    );
    let generation = async |n| {
        let known = store.customer(&account(n)).await.expect("an answer");
        known.expect("a customer").code_generation
    };
    assert_eq!((generation(1).await, generation(2).await), (2, 1));
    for (n, open) in [(1, false), (2, false), (3, true)] {
        let session = store.session(&token(n), at(11)).await;
        assert_eq!(session.expect("an answer").is_some(), open, "{n}");
    }
    // Nor does what was asked in its session, and comes late, name anybody.
    let reader = super::readers::new_reader(3, 1, "late@example.bg", 11);
    let (limit, ended) = (5, token(1));
    let late = store
        .add_reader(&reader, ReaderAsked::InSession(&ended), limit, "customer")
        .await;
    assert!(matches!(late, Ok(AddReader::Over)));
    let late = NewEnrolment {
        id: format!("{:032x}", 78).parse().expect("an id"),
        ..asked.clone()
    };
    let late = store.enrol_in(&ended, &late).await;
    assert!(!late.expect("an answer"));
    let other = NewEnrolment {
        id: format!("{:032x}", 79).parse().expect("an id"),
        account: account(2),
        proof: None,
        ..asked.clone()
    };
    let other = store.enrol_in(&token(3), &other).await;
    assert!(other.expect("an answer"), "of another number");
    let late = store.prove_enrolment(&token(77), at(12), json!({})).await;
    assert!(matches!(late, Ok(kvit_store::Prove::Expired(_))));
    let state = store.enrolment_of(&account(1)).await.expect("an answer");
    assert!(matches!(state, EnrolmentState::Active(record) if record.id == proven_address));
    let mails = store.deliveries_of_customer(&account(1), 99).await;
    let mails = mails.expect("mails");
    let told: Vec<_> = mails.iter().filter_map(|mail| mail.id.access()).collect();
    assert!(told.contains(&AccessMail::CodeChanged));
    assert!(told.contains(&AccessMail::ReaderProven));
    let readers = store.active_readers(&[account(1)]).await;
    assert!(readers.expect("readers").is_empty());
    // An import leaves the generation alone.
    store.upsert_customers(&known).await.expect("customers");
    assert_eq!(generation(1).await, 2);
}

/// Whoever has number and code goes back to paper first, and takes the account over then.
pub(crate) async fn whoever_got_the_bills_is_told_also_after_them(store: Store) {
    let known = [customer(1, "Иван")];
    store.upsert_customers(&known).await.expect("customers");
    enrolled(&store, 1, "owner@example.bg").await;
    let told = async || {
        let mails = store.deliveries_of_customer(&account(1), 99).await;
        let told = mails.expect("mails").into_iter().filter_map(|mail| {
            let to = mail.email.expect("an address").expose().clone();
            mail.id.access().map(|what| (what.as_str(), to))
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    };
    let whose = account(1);
    let ended = store.end_enrolment(&whose, at(10), "back to paper", json!({}));
    ended.await.expect("an end").expect("the enrolment");
    let owner = |what| (what, "owner@example.bg".to_owned());
    assert_eq!(told().await, [owner("paper")]);
    let again = store.end_enrolment(&whose, at(11), "back to paper", json!({}));
    assert!(again.await.expect("an answer").is_none());

    let thief = NewEnrolment {
        id: format!("{:032x}", 2).parse().expect("an id"),
        email: Secret::new("thief@example.bg".to_owned()),
        at: at(20),
        ..new_enrolment()
    };
    store.enrol(&thief).await.expect("the thief's address");
    assert_eq!(told().await, [owner("moved"), owner("paper")]);
    let changed = event(30, "customer.code-changed");
    let changed = store.change_code((&whose, 1), &json!({}), &changed).await;
    assert!(changed.expect("an answer").is_some());
    let both = ["owner@example.bg", "thief@example.bg"].map(|to| ("code", to.to_owned()));
    let [code, of_thief] = both;
    let all = [code, of_thief, owner("moved"), owner("paper")];
    assert_eq!(told().await, all);
    // A month later it is the other address alone.
    let late = event(30 + 31 * 86_400, "customer.code-changed");
    let changed = store.change_code((&whose, 2), &json!({}), &late).await;
    assert!(changed.expect("an answer").is_some());
    let late = told().await;
    assert_eq!(late.iter().filter(|(what, _)| *what == "code").count(), 3);
    assert_eq!(
        late.iter()
            .filter(|(_, to)| to.starts_with("owner"))
            .count(),
        3
    );
}

fn new_enrolment() -> NewEnrolment {
    NewEnrolment {
        id: format!("{:032x}", 1).parse().expect("an id"),
        account: account(1),
        channel: kvit_store::EnrolmentChannel::Web,
        email: Secret::new(String::new()),
        language: kvit_billing::Language::Bg,
        text_version: "1".to_owned(),
        evidence: json!({}),
        at: at(5),
        proof: None,
    }
}
