//! Staging, acceptance, release.

use std::collections::HashMap;

use kvit_billing::{Cents, ChunkNo, OrderSeq};
use kvit_store::{OrderKey, ReleaseError, RunState, Store};
use serde_json::json;

use super::world::{
    account, at, checked, checked_from, new_run, number, october, order, release_by, released,
    run_id, staged, totals,
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
        .accept_run(&run_id("one"), &totals(5, 2), &json!({"orders": 5}), at(1))
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
        .accept_run(&run_id("one"), &totals(5, 2), &json!({}), at(2))
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
        .reject_run(&run_id("bad"), &report, at(1))
        .await
        .expect("a rejected run");

    let run = store
        .run(&run_id("bad"))
        .await
        .expect("a run")
        .expect("the run");
    assert_eq!((run.state, run.report), (RunState::Rejected, Some(report)));
    assert!(store.seen_orders(&[key(1)]).await.expect("keys").is_empty());
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

    // A dead import of another id does not stand in the way either.
    staged(&store, "dead", 10, 2, 1).await;
    checked_from(&store, "alive", 10, 2, 1).await;
}

pub(crate) async fn an_order_counts_once(store: Store) {
    // Two imports of the same orders at once: both pass the look-up, one is accepted.
    staged(&store, "one", 1, 3, 1).await;
    staged(&store, "two", 3, 3, 1).await;
    store
        .accept_run(&run_id("one"), &totals(3, 1), &json!({}), at(1))
        .await
        .expect("the first is accepted");
    store
        .accept_run(&run_id("two"), &totals(3, 1), &json!({}), at(1))
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
        .stage_chunk(&run_id("three"), ChunkNo(0), OrderSeq(0), &twins)
        .await
        .expect_err("the same order twice in a run");
}

pub(crate) async fn release_needs_a_second_person(store: Store) {
    let unknown = store
        .release_run(&run_id("none"), &release_by("boris"))
        .await;
    assert!(matches!(unknown, Err(ReleaseError::NotFound(..))));
    checked(&store, "one", 3, 1).await;
    let same = store.release_run(&run_id("one"), &release_by("ana")).await;
    assert!(matches!(same, Err(ReleaseError::SamePerson(..))));

    let released = store
        .release_run(&run_id("one"), &release_by("boris"))
        .await
        .expect("numbers");
    assert_eq!((released.first, released.last), (number(100), number(102)));
    let run = store
        .run(&run_id("one"))
        .await
        .expect("a run")
        .expect("the run");
    assert_eq!(run.state, RunState::Released);
    assert_eq!(run.numbers, Some((number(100), number(102))));
    assert_eq!(
        (run.released_by.as_deref(), run.issued_at),
        (Some("boris"), Some(at(2)))
    );
}

pub(crate) async fn a_run_is_released_once(store: Store) {
    checked(&store, "one", 3, 1).await;
    let mut outcomes = Vec::new();
    for task in [0, 1].map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .release_run(&run_id("one"), &release_by("boris"))
                .await
        })
    }) {
        outcomes.push(task.await.expect("a finished task"));
    }
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(
        outcomes
            .iter()
            .any(|o| matches!(o, Err(ReleaseError::WrongState(..))))
    );
}

pub(crate) async fn releases_at_once_get_adjacent_ranges(store: Store) {
    for run in 0..6_u64 {
        checked_from(&store, &format!("run-{run}"), 1 + 10 * run, 3 + run, 1).await;
    }
    let tasks: Vec<_> = (0..6_u64)
        .map(|run| {
            let store = store.clone();
            tokio::spawn(async move {
                let id = run_id(&format!("run-{run}"));
                let range = store
                    .release_run(&id, &release_by("boris"))
                    .await
                    .expect("numbers");
                (range.first.get(), (range.last.get(), 3 + run))
            })
        })
        .collect();
    let mut ranges = HashMap::new();
    for task in tasks {
        ranges.extend([task.await.expect("a finished task")]);
    }
    let mut next = 100;
    for _ in 0..6 {
        let (last, orders) = ranges.remove(&next).expect("no gap and no overlap");
        assert_eq!(last - next + 1, orders);
        next = last + 1;
    }
}

pub(crate) async fn a_failed_release_persists_nothing(store: Store) {
    released(&store, "one", 3, 1).await;
    checked_from(&store, "two", 10, 3, 1).await;
    let mut last = release_by("boris");
    last.series = "short".parse().expect("a series");
    last.first_if_new = number(9_999_999_998);
    let refused = store.release_run(&run_id("two"), &last).await;
    assert!(matches!(refused, Err(ReleaseError::SeriesExhausted(..))));

    let run = store
        .run(&run_id("two"))
        .await
        .expect("a run")
        .expect("the run");
    assert_eq!((run.state, run.numbers), (RunState::Checked, None));
    // The series did not move either: another first number is still heard.
    last.first_if_new = number(5_000);
    let heard = store
        .release_run(&run_id("two"), &last)
        .await
        .expect("numbers");
    assert_eq!(heard.first, number(5_000));
}
