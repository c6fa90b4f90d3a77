//! Release: numbers for a run.

use std::collections::HashMap;

use kvit_store::{ReleaseError, RunState, Store};

use super::world::{at, checked, checked_from, number, release_by, released, run_id};

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

pub(crate) async fn a_number_is_given_once_whatever_its_series(store: Store) {
    released(&store, "one", 3, 1).await; // 100 to 102
    for (id, first) in [("below", 98), ("same", 100), ("last", 102)] {
        checked_from(&store, id, 10 * first, 3, 1).await;
        let mut into = release_by("boris");
        into.series = "other".parse().expect("a series");
        into.first_if_new = number(first);
        let refused = store.release_run(&run_id(id), &into).await;
        let error = refused.expect_err("a number of run one");
        assert!(
            matches!(&error, ReleaseError::NumbersTaken { taken_by, .. } if *taken_by == run_id("one"))
        );
        let said = error.to_string();
        assert!(
            said.contains("0000000102") && said.contains("run one"),
            "{said}"
        );
    }
    // Just below is free; the next run of that series then meets the numbers of the first.
    let mut into = release_by("boris");
    into.series = "other".parse().expect("a series");
    into.first_if_new = number(97);
    let below = store.release_run(&run_id("below"), &into).await;
    assert_eq!(below.expect("numbers").last, number(99));
    let next = store.release_run(&run_id("same"), &into).await;
    assert!(matches!(next, Err(ReleaseError::NumbersTaken { .. })));
    let main = store
        .release_run(&run_id("same"), &release_by("boris"))
        .await;
    assert_eq!(main.expect("numbers").first, number(103));
}

pub(crate) async fn an_empty_run_takes_no_number(store: Store) {
    checked(&store, "empty", 0, 1).await;
    let refused = store
        .release_run(&run_id("empty"), &release_by("boris"))
        .await;
    assert!(matches!(refused, Err(ReleaseError::Empty(..))));
    checked_from(&store, "one", 1, 1, 1).await;
    let first = store
        .release_run(&run_id("one"), &release_by("boris"))
        .await;
    assert_eq!(first.expect("numbers").first, number(100));
}
