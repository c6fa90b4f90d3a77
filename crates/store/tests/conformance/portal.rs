//! What customers' pages rest on.

use kvit_billing::{Address, Customer, EnrolmentId, Language, Secret, code::TokenHash};
use kvit_store::{
    EnrolmentChannel, Event, GuardPolicy, NewEnrolment, NewSession, SessionDoor, Store, Widened,
    WiderSession,
};
use serde_json::json;

use super::world::{
    account, at, checked, checked_from, claimed, issued, number, order, release_by, result, run_id,
};

pub(crate) fn customer(n: u64, name: &str) -> Customer {
    Customer {
        number: account(n),
        name: name.to_owned(),
        address: Address {
            city: "София".to_owned(),
            ..Address::default()
        },
        eik: None,
        vat_number: None,
        phone: None,
        language: Language::Bg,
    }
}

/// Customer 1 chooses a language.
async fn chooses(store: &Store, language: Language) -> bool {
    let event = Event {
        at: at(1),
        who: "customer/0000001".to_owned(),
        what: "customer.language-chosen".to_owned(),
        subject: "customer/0000001".to_owned(),
        detail: json!({ "language": language }),
    };
    let chosen = store.set_language(&account(1), language, &event).await;
    chosen.expect("a kept choice")
}

pub(crate) async fn customers_keep_their_own_choices(store: Store) {
    let both = [customer(1, "Иван"), customer(2, "Мария")];
    store.upsert_customers(&both).await.expect("kept customers");
    assert!(chooses(&store, Language::En).await);
    assert!(!chooses(&store, Language::En).await, "it is so already");
    let told = store.events("customer/0000001", 9).await.expect("events");
    assert_eq!(told.len(), 1);
    // The same customer twice in a file: the last word counts.
    let news = [customer(1, "Иво"), customer(1, "Иван Иванов")];
    store.upsert_customers(&news).await.expect("kept customers");

    let known = store
        .customer(&account(1))
        .await
        .expect("a customer")
        .expect("the customer");
    let expected = Customer {
        language: Language::En,
        ..customer(1, "Иван Иванов")
    };
    assert_eq!((known.customer, known.code_generation), (expected, 1));
    let some = [account(1), account(2), account(3)];
    assert_eq!(
        store.known_customers(&some).await.expect("numbers").len(),
        2
    );
    assert_eq!(store.customers(&some).await.expect("customers").len(), 2);
    assert!(
        store
            .customer(&account(3))
            .await
            .expect("an answer")
            .is_none()
    );
    assert_eq!(
        store.some_customers(1).await.expect("customers")[0]
            .customer
            .number,
        account(1)
    );
    assert!(store.customers(&[]).await.expect("customers").is_empty());

    let many: Vec<_> = (0..2_500).map(|n| customer(n, "Име")).collect();
    store.upsert_customers(&many).await.expect("kept customers");
    let numbers: Vec<_> = many.into_iter().map(|customer| customer.number).collect();
    assert_eq!(
        store.customers(&numbers).await.expect("customers").len(),
        2_500
    );
}

pub(crate) async fn a_redone_chunk_has_the_same_customers(store: Store) {
    let before = customer(1, "Иван");
    store
        .upsert_customers(std::slice::from_ref(&before))
        .await
        .expect("kept customers");
    super::world::released(&store, "one", 2, 1).await;
    let first = claimed(&store, "a", 3).await.expect("the chunk");
    store
        .upsert_customers(&[customer(1, "Иван Нов"), customer(2, "Мария")])
        .await
        .expect("kept customers");
    assert!(chooses(&store, Language::En).await);
    let again = claimed(&store, "b", 63).await.expect("the chunk");
    for job in [&first, &again] {
        let known: Vec<_> = job.holders.values().map(|known| &known.customer).collect();
        assert_eq!(known, [&before], "as the first claim found them");
    }
    store
        .finish_chunk(&result(&again, "b"))
        .await
        .expect("a kept chunk");
}

pub(crate) async fn bills_are_listed_page_by_page(store: Store) {
    issued(&store, "one", 2).await;
    // Three more bills of customer 1.
    let orders: Vec<_> = (2..5).map(|version| order(&account(1), version)).collect();
    store
        .begin_run(&super::world::new_run("two"))
        .await
        .expect("a new run");
    let first = kvit_billing::OrderSeq(0);
    store
        .stage_chunk(
            &run_id("two"),
            at(0),
            kvit_billing::ChunkNo(0),
            first,
            &orders,
        )
        .await
        .expect("a staged chunk");
    store
        .accept_run(
            &run_id("two"),
            at(0),
            &super::world::totals(3, 1),
            &json!({}),
            at(1),
        )
        .await
        .expect("an accepted run");
    store
        .release_run(&run_id("two"), &release_by("boris"))
        .await
        .expect("numbers");
    let job = claimed(&store, "a", 3).await.expect("a chunk");
    store
        .finish_chunk(&result(&job, "a"))
        .await
        .expect("a kept chunk");

    let numbers = |bills: Vec<kvit_store::BillRecord>| -> Vec<u64> {
        bills.iter().map(|bill| bill.number.get()).collect()
    };
    let page = store.bills_of(&account(1), None, 3).await.expect("bills");
    assert_eq!(numbers(page), [104, 103, 102]);
    let page = store
        .bills_of(&account(1), Some(number(102)), 3)
        .await
        .expect("bills");
    assert_eq!(numbers(page), [100]);
    let page = store
        .bills_of_run(&run_id("two"), Some(number(102)), 1)
        .await
        .expect("bills");
    assert_eq!(numbers(page), [103]);
    let known = store
        .known_bills(&[number(100), number(999)])
        .await
        .expect("bills");
    assert_eq!(
        known.into_iter().collect::<Vec<_>>(),
        [(number(100), super::world::day("2026-11-01"))]
    );
    checked(&store, "three", 0, 1).await;
    assert!(
        store
            .bills_of_run(&run_id("three"), None, 9)
            .await
            .expect("bills")
            .is_empty()
    );
}

pub(crate) async fn a_guard_closes_and_opens(store: Store) {
    let policy = GuardPolicy {
        max_fails: 3,
        window_s: 60,
        block_s: 600,
    };
    let fail = async |now| {
        store
            .guard_fail("number/1", at(now), &policy)
            .await
            .expect("a state")
    };
    assert_eq!(fail(0).await.blocked_until, None);
    assert_eq!(fail(50).await.blocked_until, None);
    assert_eq!(fail(61).await.blocked_until, None, "a new window");
    assert_eq!(fail(62).await.blocked_until, None);
    assert_eq!(fail(63).await.blocked_until, Some(at(663)));
    let state = async |name, now| {
        store
            .guard(name, at(now))
            .await
            .expect("a state")
            .blocked_until
    };
    assert_eq!(state("number/1", 662).await, Some(at(663)));
    assert_eq!(state("number/1", 663).await, None);
    assert_eq!(state("number/2", 64).await, None);
    store.guard_clear("number/1").await.expect("cleared");
    assert_eq!(state("number/1", 64).await, None);
}

/// Codes are of customers that there are.
async fn with_codes(store: &Store, customers: &[u64]) {
    let known: Vec<_> = customers.iter().map(|n| customer(*n, "Иван")).collect();
    store.upsert_customers(&known).await.expect("customers");
}

/// Opens a session of a hundred seconds.
pub(crate) async fn opened(
    store: &Store,
    n: u64,
    whose: u64,
    door: SessionDoor,
    now: i64,
) -> TokenHash {
    let new = new_session(n, whose, door, now);
    assert!(store.open_session(&new).await.expect("an answer"));
    new.token
}

fn new_session(n: u64, whose: u64, door: SessionDoor, now: i64) -> NewSession {
    NewSession {
        token: super::world::token(n),
        account: account(whose),
        door,
        device: "Firefox, Linux".to_owned(),
        at: at(now),
        expires: at(now + 100),
    }
}

pub(crate) fn wider_session(n: u64, whose: u64, now: i64) -> WiderSession {
    WiderSession {
        token: super::world::token(n),
        account: account(whose),
        door: SessionDoor::Code { generation: 1 },
        keep_with: None,
        device: "Firefox, Linux".to_owned(),
        at: at(now),
    }
}

/// Customer `n` gets bills at this address, proven.
pub(crate) async fn enrolled(store: &Store, n: u64, email: &str) -> EnrolmentId {
    let id: EnrolmentId = format!("{n:032x}").parse().expect("an id");
    let new = NewEnrolment {
        id: id.clone(),
        account: account(n),
        channel: EnrolmentChannel::Web,
        email: Secret::new(email.to_owned()),
        language: Language::Bg,
        text_version: "1".to_owned(),
        evidence: json!({}),
        at: at(0),
        proof: None,
    };
    store.enrol(&new).await.expect("an enrolment");
    id
}

pub(crate) async fn a_session_ends(store: Store) {
    with_codes(&store, &[1]).await;
    let mine = opened(&store, 1, 1, SessionDoor::Code { generation: 1 }, 0).await;
    let other = opened(&store, 2, 1, SessionDoor::Code { generation: 1 }, 0).await;
    let whose = async |hash, now| {
        let found = store.session(hash, at(now)).await.expect("an answer");
        found.map(|session| session.account)
    };
    assert_eq!(whose(&mine, 99).await, Some(account(1)));
    assert_eq!(whose(&mine, 100).await, None);
    store.close_session(&mine).await.expect("closed");
    assert_eq!(whose(&mine, 1).await, None);
    assert_eq!(whose(&other, 1).await, Some(account(1)));
}

pub(crate) async fn a_link_opens_what_goes_to_its_address(store: Store) {
    with_codes(&store, &[1]).await;
    let first = enrolled(&store, 1, "one@example.bg").await;
    enrolled(&store, 2, "one@example.bg").await;
    enrolled(&store, 3, "two@example.bg").await;
    enrolled(&store, 4, "one@example.bg").await;
    store
        .end_enrolment(&account(4), at(1), "paper", json!({}))
        .await
        .expect("an end");
    let points = async |token: &TokenHash| {
        let found = store.session(token, at(50)).await.expect("an answer");
        found.expect("it lasts").points
    };
    let once_more = async |earlier: &TokenHash, n, door| {
        let new = WiderSession {
            door,
            ..wider_session(n, 1, 20)
        };
        let widened = store.widen_session(earlier, &new).await;
        assert!(matches!(widened, Ok(Widened::Until(_))));
        let found = store.session(&new.token, at(50)).await.expect("an answer");
        assert!(found.expect("it lasts").by_link);
        new.token
    };
    // A proof by the link is one of all that goes to its address; by the code, of the number alone.
    let earlier = opened(&store, 11, 1, SessionDoor::Link(first.clone()), 2).await;
    let earlier = once_more(&earlier, 12, SessionDoor::Link(first.clone())).await;
    let late = opened(&store, 13, 1, SessionDoor::Link(first.clone()), 2).await;
    let late = once_more(&late, 14, SessionDoor::Code { generation: 1 }).await;
    for (token, proven) in [(earlier, at(20)), (late, at(2))] {
        store
            .turn_session(&token, &account(2))
            .await
            .expect("turned");
        let found = store.session(&token, at(50)).await.expect("an answer");
        assert_eq!(found.expect("it lasts").proven_at, proven);
        store.close_session(&token).await.expect("closed");
    }
    let by_code = opened(&store, 1, 1, SessionDoor::Code { generation: 1 }, 2).await;
    assert_eq!(
        points(&by_code).await,
        [account(1)],
        "a code proves no address"
    );
    let by_link = opened(&store, 2, 1, SessionDoor::Link(first.clone()), 2).await;
    assert_eq!(points(&by_link).await, [account(1), account(2)]);
    assert!(
        !store
            .turn_session(&by_link, &account(3))
            .await
            .expect("an answer")
    );
    assert!(
        !store
            .turn_session(&by_code, &account(2))
            .await
            .expect("an answer")
    );
    assert!(
        store
            .turn_session(&by_link, &account(2))
            .await
            .expect("an answer")
    );
    let session = store.session(&by_link, at(50)).await.expect("an answer");
    assert_eq!(session.expect("it lasts").account, account(2));
    // The other one's bills go elsewhere from now on.
    store
        .end_enrolment(&account(2), at(3), "paper", json!({}))
        .await
        .expect("an end");
    let session = store.session(&by_link, at(50)).await.expect("an answer");
    let session = session.expect("the one it was opened by stays");
    assert!(session.by_link);
    assert_eq!(
        (session.account, session.points),
        (account(1), vec![account(1)])
    );
    // So do those of the one that it was opened by, and it is over.
    store
        .end_enrolment(&account(1), at(4), "paper", json!({}))
        .await
        .expect("an end");
    let session = store.session(&by_link, at(50)).await.expect("an answer");
    assert_eq!(session, None);
    let seen = store.sessions_of(&account(1), at(50), 9).await;
    assert_eq!(seen.expect("sessions").len(), 1, "the one by code");
    // A link whose address gets bills no more opens nothing.
    enrolled(&store, 5, "one@example.bg").await;
    let late = opened(&store, 3, 1, SessionDoor::Link(first), 5).await;
    let session = store.session(&late, at(50)).await.expect("an answer");
    assert_eq!(session, None);
}

pub(crate) async fn a_session_grows_by_a_code(store: Store) {
    with_codes(&store, &[1, 2, 3, 4]).await;
    let first = opened(&store, 1, 1, SessionDoor::Code { generation: 1 }, 0).await;
    let widen = async |earlier: &TokenHash, n, whose, now| {
        let new = wider_session(n, whose, now);
        let widened = store.widen_session(earlier, &new).await.expect("an answer");
        (new.token, widened)
    };
    let session = async |token: &TokenHash, now| {
        let found = store.session(token, at(now)).await.expect("an answer");
        found.map(|session| (session.account, session.points))
    };
    let (wider, widened) = widen(&first, 2, 2, 10).await;
    assert_eq!(widened, Widened::Until(at(100)), "no longer than before");
    assert_eq!(session(&first, 20).await, None, "rotated");
    let proven = async |token: &TokenHash| {
        let found = store.session(token, at(20)).await.expect("an answer");
        found.expect("it lasts").proven_at
    };
    assert_eq!(
        proven(&wider).await,
        at(10),
        "of the number that was proven"
    );
    store
        .turn_session(&wider, &account(1))
        .await
        .expect("turned");
    assert_eq!(proven(&wider).await, at(0), "and of no other");
    store
        .turn_session(&wider, &account(2))
        .await
        .expect("turned");
    let both = vec![account(1), account(2)];
    assert_eq!(session(&wider, 20).await, Some((account(2), both.clone())));
    // One's own number again prolongs nothing.
    let (same, widened) = widen(&wider, 3, 1, 60).await;
    assert_eq!(widened, Widened::Until(at(100)));
    assert_eq!(session(&same, 99).await, Some((account(1), both.clone())));
    assert_eq!(session(&same, 100).await, None);
    // Two presses: the second comes to a session that is no more, and leaves none behind.
    for (earlier, now) in [(&wider, 70), (&same, 500)] {
        let (late, widened) = widen(earlier, 4, 3, now).await;
        assert_eq!(widened, Widened::Over);
        assert_eq!(session(&late, now).await, None);
    }
    let (one, two) = tokio::join!(widen(&same, 5, 3, 70), widen(&same, 6, 4, 70));
    let first = [&one, &two]
        .into_iter()
        .filter(|(_, what)| *what != Widened::Over);
    let [(token, _)] = first.collect::<Vec<_>>()[..] else {
        panic!("one of two: {one:?}, {two:?}");
    };
    assert_eq!(session(token, 80).await.expect("it lasts").1.len(), 3);
    let seen = store.sessions_of(&account(1), at(80), 9).await;
    let seen = seen.expect("sessions");
    assert_eq!(seen.len(), 1, "none is left over");
    assert_eq!((seen[0].opened_at, seen[0].expires_at), (at(0), at(100)));

    let late = opened(&store, 7, 3, SessionDoor::Code { generation: 1 }, 500).await;
    let elsewhere = opened(&store, 8, 3, SessionDoor::Code { generation: 1 }, 501).await;
    let seen = store
        .sessions_of(&account(3), at(502), 9)
        .await
        .expect("sessions");
    let seen: Vec<_> = seen
        .iter()
        .map(|one| (&one.token, one.device.as_str()))
        .collect();
    assert_eq!(
        seen,
        [(&elsewhere, "Firefox, Linux"), (&late, "Firefox, Linux")]
    );
    assert_eq!(
        store.close_sessions_of(&account(3)).await.expect("closed"),
        2
    );
    for token in [&elsewhere, &late] {
        assert_eq!(
            store.session(token, at(502)).await.expect("an answer"),
            None
        );
    }
}

pub(crate) async fn a_session_opens_so_many_numbers(store: Store) {
    with_codes(&store, &[900]).await;
    let mut first = None;
    for n in 1..=kvit_store::POINTS_MAX as u64 + 5 {
        let id = enrolled(&store, n, "many@example.bg").await;
        first.get_or_insert(id);
    }
    let door = SessionDoor::Link(first.expect("an enrolment"));
    let full = opened(&store, 1, 1, door, 1).await;
    let session = store.session(&full, at(2)).await.expect("an answer");
    assert_eq!(
        session.expect("it lasts").points.len(),
        kvit_store::POINTS_MAX
    );
    let more = wider_session(2, 900, 2);
    let widened = store.widen_session(&full, &more).await;
    assert_eq!(widened.expect("an answer"), Widened::TooMany);
    assert_eq!(
        store.session(&more.token, at(2)).await.expect("an answer"),
        None
    );
    assert!(
        store
            .session(&full, at(2))
            .await
            .expect("an answer")
            .is_some()
    );
}

pub(crate) async fn events_are_read_newest_first(store: Store) {
    for n in 1..4 {
        let event = Event {
            at: at(n),
            who: "ana".to_owned(),
            what: "release".to_owned(),
            subject: if n == 2 { "run/2" } else { "run/1" }.to_owned(),
            detail: json!({"n": n}),
        };
        store.record_event(&event).await.expect("a kept event");
    }
    let seen = store.events("run/1", 9).await.expect("events");
    assert_eq!(
        seen.iter().map(|event| event.at).collect::<Vec<_>>(),
        [at(3), at(1)]
    );
    assert_eq!(seen[0].detail, json!({"n": 3}));
    assert_eq!(store.events("run/1", 1).await.expect("events").len(), 1);
}

pub(crate) async fn a_bill_names_its_corrections(store: Store) {
    issued(&store, "one", 1).await;
    let none = store.corrections_of(number(100)).await;
    assert!(none.expect("bills").is_empty());
    checked_from(&store, "two", 10, 1, 1).await;
    store
        .release_run(&run_id("two"), &release_by("boris"))
        .await
        .expect("numbers");
    let job = claimed(&store, "a", 3).await.expect("a chunk");
    let mut credit = result(&job, "a");
    credit.bills[0].corrects = Some(number(100));
    store.finish_chunk(&credit).await.expect("a kept chunk");
    let found = store.corrections_of(number(100)).await.expect("bills");
    assert_eq!(found, credit.bills);
}
