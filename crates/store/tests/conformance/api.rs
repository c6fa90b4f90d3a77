//! What the API rests on: tokens, and changes that are made once under a key.

use kvit_billing::{ApiName, Customer, code::TokenHash};
use kvit_store::{
    API_KEY_DAYS, ApiAnswer, ApiBegun, ApiRequest, ApiScope, Event, NewApiToken, Store,
};
use serde_json::json;

use super::world::{at, token};

fn name(text: &str) -> ApiName {
    text.parse().expect("a name")
}

fn event(now: i64, what: &str, subject: &str, detail: serde_json::Value) -> Event {
    Event {
        at: at(now),
        who: "api:crm".to_owned(),
        what: what.to_owned(),
        subject: subject.to_owned(),
        detail,
    }
}

async fn add(store: &Store, text: &str, hash: TokenHash, until: Option<i64>) -> bool {
    let new = NewApiToken {
        name: name(text),
        hash,
        scopes: vec![ApiScope::BillsRead, ApiScope::CodesVerify],
        at: at(0),
        expires_at: until.map(at),
    };
    let added = Event {
        who: "console:root".to_owned(),
        ..event(0, "api.token-added", &format!("api/{text}"), json!({}))
    };
    store.add_api_token(&new, &added).await.expect("an answer")
}

pub(crate) async fn a_token_works_until_it_is_revoked_or_over(store: Store) {
    assert!(add(&store, "crm", token(1), None).await);
    assert!(add(&store, "ivr", token(2), Some(100)).await);
    assert!(!add(&store, "crm", token(3), None).await, "taken");
    let works = async |n, now| {
        let found = store.api_token(&token(n), at(now)).await;
        found.expect("an answer").map(|found| found.name)
    };
    assert_eq!(works(1, 5_000).await, Some(name("crm")));
    assert_eq!(works(2, 99).await, Some(name("ivr")));
    assert_eq!(works(2, 100).await, None, "its day is over");
    assert_eq!(works(3, 0).await, None, "never kept");
    let revoked = event(50, "api.token-revoked", "api/crm", json!({}));
    assert!(
        store
            .revoke_api_token(&name("crm"), &revoked)
            .await
            .expect("an answer")
    );
    assert!(
        !store
            .revoke_api_token(&name("crm"), &revoked)
            .await
            .expect("an answer")
    );
    assert_eq!(works(1, 51).await, None);
    assert!(
        !add(&store, "crm", token(4), None).await,
        "a name is one token for good"
    );
    let all = store.api_tokens().await.expect("an answer");
    let names: Vec<_> = all.iter().map(|one| one.token.name.as_str()).collect();
    assert_eq!(names, ["ivr", "crm"]);
    let scopes = &all[0].token.scopes;
    assert_eq!(*scopes, [ApiScope::BillsRead, ApiScope::CodesVerify]);
    let trail = store.events("api/crm", 9).await.expect("a trail");
    let told: Vec<_> = trail.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(told, ["api.token-revoked", "api.token-added"]);
}

pub(crate) async fn the_trail_tells_who_gave_a_token_out_and_when_it_was_used(store: Store) {
    assert!(add(&store, "crm", token(1), None).await);
    assert!(add(&store, "ivr", token(2), None).await);
    let by = |who: &str, now, what, subject| Event {
        who: who.to_owned(),
        ..event(now, what, subject, json!({}))
    };
    let revoked = by("admin", 70, "api.token-revoked", "api/ivr");
    let done = store.revoke_api_token(&name("ivr"), &revoked).await;
    assert!(done.expect("an answer"));
    for (who, at) in [("api:crm", 50), ("api:crm", 60), ("api:ivr", 65)] {
        let looked = by(who, at, "customer.viewed", "customer/1000001");
        store.record_event(&looked).await.expect("kept");
    }
    add(&store, "new", token(3), None).await;
    let known = async |text: &str| {
        let found = store.api_token_called(&name(text)).await;
        let found = found.expect("an answer")?;
        Some((found.added_by, found.revoked_by, found.used_at))
    };
    let who = |who: &str| Some(who.to_owned());
    assert_eq!(
        known("ivr").await,
        Some((who("console:root"), who("admin"), Some(at(65))))
    );
    assert_eq!(
        known("crm").await,
        Some((who("console:root"), None, Some(at(60))))
    );
    assert_eq!(known("new").await, Some((who("console:root"), None, None)));
    assert_eq!(known("none").await, None);
    let all = store.api_tokens().await.expect("an answer");
    let all = all.iter().map(|one| (one.token.name.as_str(), one.used_at));
    assert_eq!(
        all.collect::<Vec<_>>(),
        [("crm", Some(at(60))), ("new", None), ("ivr", Some(at(65)))]
    );
}

fn asked(key: &str, hash: u8, now: i64) -> ApiRequest {
    ApiRequest {
        token: name("crm"),
        key: key.to_owned(),
        hash: [hash; 32],
        at: at(now),
    }
}

pub(crate) async fn a_change_is_made_once_under_its_key(store: Store) {
    add(&store, "crm", token(1), None).await;
    let begin = async |key, hash, now| {
        let begun = store
            .begin_api_request(&asked(key, hash, now), at(now + 60))
            .await;
        begun.expect("an answer")
    };
    assert_eq!(begin("a", 1, 0).await, ApiBegun::New);
    assert_eq!(begin("a", 1, 59).await, ApiBegun::UnderWay(at(60)));
    assert_eq!(begin("a", 2, 59).await, ApiBegun::Other);
    assert_eq!(begin("b", 2, 59).await, ApiBegun::New);
    assert_eq!(
        begin("a", 1, 60).await,
        ApiBegun::Again(at(0)),
        "nobody makes it"
    );
    assert_eq!(begin("a", 1, 61).await, ApiBegun::UnderWay(at(120)));
    let answer = |status| ApiAnswer {
        status,
        body: format!("{{\"status\":{status}}}"),
    };
    for status in [202, 409] {
        let ended = store
            .end_api_request(&asked("a", 1, 62), &answer(status))
            .await;
        ended.expect("kept");
    }
    assert_eq!(begin("a", 1, 500).await, ApiBegun::Answered(answer(202)));
    assert_eq!(begin("a", 2, 500).await, ApiBegun::Other);
    let later = API_KEY_DAYS * 24 * 3600 + 1;
    assert_eq!(begin("a", 2, later).await, ApiBegun::New, "forgotten");
    let at_once = (0..8).map(|_| begin("c", 1, later));
    let mut new = 0;
    for begun in futures_at_once(at_once).await {
        new += i32::from(begun == ApiBegun::New);
    }
    assert_eq!(new, 1);
}

async fn futures_at_once<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (one, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = one.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

pub(crate) async fn the_trail_tells_whether_a_change_was_made(store: Store) {
    let told = async |key: &str, since| {
        let found = store
            .event_of_request("api:crm", "customer/1", key, at(since))
            .await;
        found.expect("an answer").map(|event| event.what)
    };
    let done = event(
        1_000,
        "customer.to-paper",
        "customer/1",
        json!({ "request": "a" }),
    );
    store.record_event(&done).await.expect("kept");
    let other = event(
        1_000,
        "customer.to-paper",
        "customer/2",
        json!({ "request": "b" }),
    );
    store.record_event(&other).await.expect("kept");
    assert_eq!(told("a", 1_000).await.as_deref(), Some("customer.to-paper"));
    assert_eq!(told("b", 1_000).await, None, "another customer's");
    assert_eq!(told("a", 2_000).await, None, "long before");
}

pub(crate) async fn a_telephone_number_is_found_however_it_is_written(store: Store) {
    let person = |number: &str, phone: &str| -> Customer {
        serde_json::from_value(json!({
            "number": number, "name": "Анна", "address": { "city": "София" }, "phone": phone,
        }))
        .expect("a customer")
    };
    let people = [
        person("1", "0888 123 456"),
        person("2", "+359 888 123456"),
        person("3", "00359 2 0888123456"),
        person("4", "0888 123 457"),
    ];
    store.upsert_customers(&people).await.expect("kept");
    for typed in ["0888123456", "+359888123456", "00359 888 123-456"] {
        let found = store.customers_by_phone(typed, 9).await.expect("an answer");
        let mut numbers: Vec<_> = found
            .iter()
            .map(|one| one.customer.number.as_str())
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, ["1", "2"], "{typed}");
    }
    for typed in ["", "12", "888123456"] {
        let found = store.customers_by_phone(typed, 9).await.expect("an answer");
        assert!(found.is_empty(), "{typed}");
    }
}

pub(crate) async fn calls_count_over_all_machines(store: Store) {
    const MOST: u32 = 100;
    let token: ApiName = "robot".parse().expect("a name");
    let other: ApiName = "crm".parse().expect("a name");
    let take = async |minute| {
        let taken = store.take_api_calls(&token, minute, MOST).await;
        taken.expect("an answer")
    };
    // Machines that take at once get each call once, fewer at a time the fewer are left.
    let mut batches = Vec::new();
    loop {
        let three = tokio::join!(take(7), take(7), take(7));
        batches.extend([three.0, three.1, three.2]);
        if batches.contains(&0) {
            break;
        }
    }
    assert_eq!(batches.iter().sum::<u32>(), MOST, "{batches:?}");
    assert_eq!(batches.iter().max(), Some(&12), "{batches:?}");
    assert_eq!(take(7).await, 0);
    let others = store.take_api_calls(&other, 7, MOST).await;
    assert_eq!(others.expect("an answer"), 12, "a token's own");
    assert_eq!(take(8).await, 12, "another minute");
    let behind = take(7).await;
    assert_eq!(behind, 11, "a clock that is behind begins no minute anew");
    // A clock that is far ahead shuts nobody out.
    let mut fast = 0;
    loop {
        match take(500_000).await {
            0 => break,
            taken => fast += taken,
        }
    }
    assert_eq!(fast, MOST);
    assert_eq!(take(9).await, 12, "the others go by their own clocks");
    assert_eq!(take(9).await, 11);
}
