//! What customers' pages rest on.

use kvit_billing::{Address, Customer, Language};
use kvit_store::{Event, GuardPolicy, Store};
use serde_json::json;

use super::world::{
    account, at, checked, checked_from, claimed, issued, number, order, release_by, result, run_id,
};

fn customer(n: u64, name: &str) -> Customer {
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

pub(crate) async fn customers_keep_their_own_choices(store: Store) {
    let both = [customer(1, "Иван"), customer(2, "Мария")];
    store.upsert_customers(&both).await.expect("kept customers");
    store
        .set_language(&account(1), Language::En)
        .await
        .expect("a kept choice");
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
    store
        .set_language(&account(1), Language::En)
        .await
        .expect("a kept choice");
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
        .stage_chunk(&run_id("two"), kvit_billing::ChunkNo(0), first, &orders)
        .await
        .expect("a staged chunk");
    store
        .accept_run(
            &run_id("two"),
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

pub(crate) async fn a_session_ends(store: Store) {
    let (mine, other) = (super::world::token(1), super::world::token(2));
    for hash in [&mine, &other] {
        store
            .open_session(hash, &account(1), at(0), at(100))
            .await
            .expect("a session");
    }
    let whose = async |hash, now| store.session(hash, at(now)).await.expect("an answer");
    assert_eq!(whose(&mine, 99).await, Some(account(1)));
    assert_eq!(whose(&mine, 100).await, None);
    store.close_session(&mine).await.expect("closed");
    assert_eq!(whose(&mine, 1).await, None);
    assert_eq!(whose(&other, 1).await, Some(account(1)));
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
