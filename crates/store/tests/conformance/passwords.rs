//! Passwords of customers.

use kvit_billing::{Secret, code::TokenHash};
use kvit_store::{Event, NewSession, SessionDoor, Store};
use serde_json::json;

use super::{
    portal::{customer, enrolled},
    world::{account, at, token},
};

fn event(now: i64) -> Event {
    Event {
        at: at(now),
        who: "customer".to_owned(),
        what: "password.set".to_owned(),
        subject: format!("customer/{}", account(1)),
        detail: json!({}),
    }
}

fn hash(text: &str) -> Secret<String> {
    Secret::new(format!("$argon2id${text}"))
}

/// Session `n` of customer `whose`.
async fn opened(store: &Store, n: u64, whose: u64) -> TokenHash {
    let new = NewSession {
        token: token(n),
        account: account(whose),
        door: SessionDoor::Code { generation: 1 },
        device: String::new(),
        at: at(0),
        expires: at(1_000),
    };
    assert!(store.open_session(&new).await.expect("an answer"));
    new.token
}

pub(crate) async fn a_password_is_set_in_its_own_session(store: Store) {
    let known = [customer(1, "Иван"), customer(2, "Мария")];
    store.upsert_customers(&known).await.expect("customers");
    let [mine, elsewhere, hers] = [
        opened(&store, 1, 1).await,
        opened(&store, 2, 1).await,
        opened(&store, 3, 2).await,
    ];
    let set = async |session: &TokenHash, text: &str, now| {
        store
            .set_customer_password(&account(1), session, &hash(text), &event(now))
            .await
            .expect("an answer")
    };
    let kept = async || {
        let kept = store.customer_password(&account(1)).await;
        let kept = kept.expect("an answer");
        kept.map(|kept| (kept.hash.expose().clone(), kept.set_at))
    };
    assert!(!set(&hers, "hers", 1).await, "another's session");
    assert!(!set(&token(9), "none", 1).await);
    assert!(!set(&mine, "late", 1_000).await, "it is over");
    assert_eq!(kept().await, None);
    assert!(set(&mine, "one", 2).await);
    assert_eq!(kept().await, Some(("$argon2id$one".to_owned(), at(2))));
    let open = async |session: &TokenHash| {
        let found = store.session(session, at(3)).await;
        found.expect("an answer").is_some()
    };
    assert!(open(&mine).await && open(&hers).await && !open(&elsewhere).await);
    assert!(set(&mine, "two", 4).await);
    assert_eq!(kept().await, Some(("$argon2id$two".to_owned(), at(4))));
    let remove = async |session: &TokenHash, now| {
        store
            .remove_customer_password(&account(1), session, &event(now))
            .await
            .expect("an answer")
    };
    let changes = async || {
        let known = store.customer(&account(1)).await.expect("an answer");
        known.expect("a customer").password_changes
    };
    let before = changes().await;
    assert!(!remove(&hers, 5).await, "another's session");
    assert!(!remove(&elsewhere, 5).await, "it was ended");
    assert!(remove(&mine, 5).await);
    assert!(!remove(&mine, 6).await, "there is none any more");
    assert_eq!(kept().await, None);
    assert_eq!((before, changes().await), (2, 3));
    store.upsert_customers(&known).await.expect("customers");
    assert_eq!(changes().await, 3, "an import leaves it alone");
    let subject = event(0).subject;
    let trail = store.events(&subject, 9).await.expect("a trail");
    assert_eq!(trail.len(), 3);
}

pub(crate) async fn an_address_has_the_password_that_was_set_last(store: Store) {
    let known = [1, 2, 3].map(|n| customer(n, "Иван"));
    store.upsert_customers(&known).await.expect("customers");
    for (n, email) in [
        (1, "one@example.bg"),
        (2, "one@example.bg"),
        (3, "two@example.bg"),
    ] {
        enrolled(&store, n, email).await;
        let session = opened(&store, n, n).await;
        let set = store
            .set_customer_password(
                &account(n),
                &session,
                &hash(&n.to_string()),
                &event(10 - n.cast_signed()),
            )
            .await;
        assert!(set.expect("an answer"));
    }
    let at_address = async |email: &str| {
        let found = store.password_at(&Secret::new(email.to_owned())).await;
        found.expect("an answer").map(|found| found.account)
    };
    assert_eq!(at_address("one@example.bg").await, Some(account(1)));
    assert_eq!(at_address("two@example.bg").await, Some(account(3)));
    assert_eq!(at_address("three@example.bg").await, None);
    // Its bills go elsewhere.
    store
        .end_enrolment(&account(1), at(20), "paper", json!({}))
        .await
        .expect("an end");
    assert_eq!(at_address("one@example.bg").await, Some(account(2)));
}
