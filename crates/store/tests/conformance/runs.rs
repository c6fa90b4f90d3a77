//! Staging and acceptance.

use kvit_billing::{Cents, ChunkNo, OrderSeq};
use kvit_store::{OrderKey, RunState, Store, StoreError};
use serde_json::json;

use super::world::{
    account, at, checked, checked_from, new_run, october, order, run_id, staged, totals,
};

fn key(n: u64) -> OrderKey {
    OrderKey {
        account: account(n),
        period: october(),
        kind: Default::default(),
        version: 1,
    }
}

pub(crate) async fn a_run_is_staged_and_accepted(store: Store) {
    staged(&store, "one", 1, 5, 2).await;
    assert!(
        store.seen_orders(&[key(1)]).await.expect("keys").is_empty(),
        "still importing"
    );
    store
        .accept_run(
            &run_id("one"),
            at(0),
            &totals(5, 2),
            &json!({"orders": 5}),
            at(1),
        )
        .await
        .expect("an accepted run");

    let run = store
        .run(&run_id("one"))
        .await
        .expect("a run")
        .expect("the run");
    assert_eq!(
        (run.state, run.orders, run.chunks),
        (RunState::Checked, 5, 2)
    );
    assert_eq!(run.sum_cents, Cents::new(6_000));
    assert_eq!(run.summary, Some(json!({"orders": 5})));
    assert_eq!((run.period, run.imported_at), (october(), at(0)));
    let second = store
        .staged_orders(&run_id("one"), ChunkNo(1))
        .await
        .expect("orders");
    assert_eq!(second, [order(&account(4), 1), order(&account(5), 1)]);
    let seen = store.seen_orders(&[key(1), key(6)]).await.expect("keys");
    assert_eq!(seen, [(key(1), run_id("one"))]);

    store
        .begin_run(&new_run("one"))
        .await
        .expect_err("the id of a run that went further");
    let again = store
        .accept_run(&run_id("one"), at(0), &totals(5, 2), &json!({}), at(2))
        .await;
    again.expect_err("not importing any more");

    assert!(
        store
            .previous_run(&run_id("one"))
            .await
            .expect("a run")
            .is_none()
    );
    let mut later = new_run("two");
    later.imported_at = at(100);
    store.begin_run(&later).await.expect("a new run");
    let previous = store.previous_run(&run_id("two")).await.expect("a run");
    assert_eq!(previous.map(|run| run.id), Some(run_id("one")));
}

pub(crate) async fn a_rejected_run_leaves_its_report_only(store: Store) {
    staged(&store, "bad", 1, 3, 1).await;
    let report = json!({"errors": 2});
    store
        .reject_run(&run_id("bad"), at(0), &report, at(1))
        .await
        .expect("a rejected run");

    let run = store
        .run(&run_id("bad"))
        .await
        .expect("a run")
        .expect("the run");
    assert_eq!((run.state, run.report), (RunState::Rejected, Some(report)));
    assert!(store.seen_orders(&[key(1)]).await.expect("keys").is_empty());
    store
        .staged_orders(&run_id("bad"), ChunkNo(0))
        .await
        .expect_err("nothing staged is left");
    checked(&store, "good", 3, 1).await;
}

pub(crate) async fn a_dead_import_is_cleared_by_the_next(store: Store) {
    staged(&store, "one", 1, 4, 2).await;
    checked(&store, "one", 3, 1).await;
    assert_eq!(
        store
            .run(&run_id("one"))
            .await
            .expect("a run")
            .expect("the run")
            .orders,
        3
    );

    // One that another import of the same id cleared away is not accepted with what the other has staged.
    staged(&store, "late", 20, 4, 2).await;
    staged(&store, "late", 20, 2, 2).await;
    let late = totals(4, 2);
    let refused = store
        .accept_run(&run_id("late"), at(0), &late, &json!({}), at(1))
        .await;
    assert!(matches!(refused, Err(StoreError::RunState { .. })));
    // A dead import of another id does not stand in the way either.
    staged(&store, "dead", 10, 2, 1).await;
    checked_from(&store, "alive", 10, 2, 1).await;
}

pub(crate) async fn an_order_counts_once(store: Store) {
    // Two imports of the same orders at once: both pass the look-up, one is accepted.
    staged(&store, "one", 1, 3, 1).await;
    staged(&store, "two", 3, 3, 1).await;
    store
        .accept_run(&run_id("one"), at(0), &totals(3, 1), &json!({}), at(1))
        .await
        .expect("the first is accepted");
    store
        .accept_run(&run_id("two"), at(0), &totals(3, 1), &json!({}), at(1))
        .await
        .expect_err("customer 3 is billed already");
    let two = store
        .run(&run_id("two"))
        .await
        .expect("a run")
        .expect("the run");
    assert_eq!(two.state, RunState::Importing);

    store.begin_run(&new_run("three")).await.expect("a new run");
    let twins = [order(&account(50), 1), order(&account(50), 1)];
    store
        .stage_chunk(&run_id("three"), at(0), ChunkNo(0), OrderSeq(0), &twins)
        .await
        .expect_err("the same order twice in a run");
}

pub(crate) async fn imports_at_once_never_both_count(store: Store) {
    for round in 0..5_u64 {
        let names = ["a", "b"].map(|side| format!("{side}-{round}"));
        for name in &names {
            staged(&store, name, 1 + 10 * round, 3, 1).await;
        }
        let accepts = names.map(|name| {
            let store = store.clone();
            tokio::spawn(async move {
                let at = at(1);
                let totals = totals(3, 1);
                store
                    .accept_run(&run_id(&name), super::world::at(0), &totals, &json!({}), at)
                    .await
            })
        });
        let mut accepted = 0;
        for accept in accepts {
            accepted += u32::from(accept.await.expect("a finished task").is_ok());
        }
        assert_eq!(accepted, 1, "both hold the same orders");
    }
}

pub(crate) async fn many_orders_are_looked_up_at_once(store: Store) {
    checked(&store, "one", 2_500, 3).await;
    let keys: Vec<_> = (1..=5_000).map(key).collect();
    let mut seen = store.seen_orders(&keys).await.expect("keys");
    seen.sort_by(|(a, _), (b, _)| a.account.cmp(&b.account));
    assert_eq!(seen.len(), 2_500);
    assert_eq!(seen[0], (key(1), run_id("one")));
    assert!(store.seen_orders(&[]).await.expect("keys").is_empty());
    assert!(store.known_bills(&[]).await.expect("bills").is_empty());
    let none = store.known_customers(&[]).await.expect("customers");
    assert!(none.is_empty());
}

pub(crate) async fn only_the_latest_import_of_a_run_counts(store: Store) {
    let one = run_id("one");
    let stage = |begun, no: u32, account_no| {
        let orders = [order(&account(account_no), 1)];
        let (store, one) = (&store, &one);
        async move {
            let (no, first) = (ChunkNo(no), OrderSeq(no.into()));
            store.stage_chunk(one, at(begun), no, first, &orders).await
        }
    };
    store.begin_run(&new_run("one")).await.expect("begun");
    stage(0, 0, 1).await.expect("staged");
    // Another machine begins it anew, with other orders.
    let mut anew = new_run("one");
    anew.imported_at = at(50);
    store.begin_run(&anew).await.expect("begun anew");
    stage(0, 1, 2).await.expect_err("another import has it");
    stage(50, 0, 3).await.expect("staged");
    let report = json!({ "errors": 1 });
    store
        .keep_warnings(&one, at(0), &report)
        .await
        .expect("nothing");
    let rejected = store.reject_run(&one, at(0), &report, at(60)).await;
    rejected.expect("nothing");
    // As many orders as it had staged, and not its own.
    let (sums, summary) = (totals(1, 1), json!({}));
    let accepted = store.accept_run(&one, at(0), &sums, &summary, at(61)).await;
    accepted.expect_err("another import has it");
    let accepted = store
        .accept_run(&one, at(50), &sums, &summary, at(62))
        .await;
    accepted.expect("accepted");
    let run = store.run(&one).await.expect("asked").expect("a run");
    assert_eq!((run.state, run.report), (RunState::Checked, None));
    let orders = store.staged_orders(&one, ChunkNo(0)).await.expect("orders");
    assert_eq!(orders, [order(&account(3), 1)]);
}
