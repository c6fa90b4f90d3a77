//! Claims of chunks, and their one transaction.

use kvit_billing::{Cents, ChunkNo, NoForm, no_form::Why};
use kvit_store::{Finish, RunState, Store, StoreError};

use super::world::{
    at, checked, checked_from, claimed, number, release_by, released, result, run_id,
};

pub(crate) async fn four_workers_claim_each_chunk_once(store: Store) {
    released(&store, "one", 40, 20).await;
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let store = store.clone();
            tokio::spawn(async move {
                let name = format!("worker-{worker}");
                let mut mine = Vec::new();
                while let Some(job) = claimed(&store, &name, 3).await {
                    let done = store
                        .finish_chunk(&result(&job, &name))
                        .await
                        .expect("a kept chunk");
                    assert_eq!(done, Finish::Done);
                    mine.push(job.no);
                }
                mine
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.expect("a finished worker"));
    }
    all.sort();
    assert_eq!(all, (0..20).map(ChunkNo).collect::<Vec<_>>());

    let run = store
        .run(&run_id("one"))
        .await
        .expect("a run")
        .expect("the run");
    assert_eq!(run.state, RunState::Issued);
    let bills = store
        .bills_of_run(&run_id("one"), None, 100)
        .await
        .expect("bills");
    let numbers: Vec<_> = bills.iter().map(|bill| bill.number).collect();
    assert_eq!(
        numbers,
        (100..140).map(number).collect::<Vec<_>>(),
        "no gap and no twin"
    );
}

pub(crate) async fn reasons_for_no_form_are_summed_with_their_chunks(store: Store) {
    released(&store, "one", 6, 3).await;
    assert_eq!(store.latest_run_without_forms().await.expect("asked"), None);
    let because = |why, field: &str| NoForm {
        why,
        is_for_long_texts_only: false,
        page: 1,
        fields: vec![field.to_owned()],
        shown: String::new(),
        places: Vec::new(),
    };
    let (wraps, moves) = (
        because(Why::Wraps, "customer.name"),
        because(Why::Moves, "code"),
    );
    let rare: Vec<_> = (0..30)
        .map(|n| because(Why::Told, &n.to_string()))
        .collect();
    let mut last = vec![(&moves, 2), (&wraps, 1)];
    last.extend(rare.iter().map(|why| (why, 1)));
    for reasons in [vec![], vec![(&wraps, 2)], last] {
        let job = claimed(&store, "worker", 3).await.expect("a chunk");
        let mut made = result(&job, "worker");
        made.no_forms = reasons
            .into_iter()
            .map(|(why, n)| (why.clone(), n))
            .collect();
        let done = store.finish_chunk(&made).await.expect("kept");
        assert_eq!(done, Finish::Done);
        // Handed in once more, it counts no second time.
        let done = store.finish_chunk(&made).await.expect("looked at");
        assert_eq!(done, Finish::AlreadyDone);
    }
    let told = store.no_forms(&run_id("one")).await.expect("told");
    assert_eq!(told[..2], [(wraps, 3), (moves, 2)]);
    assert!(told.len() < rare.len(), "the most important ones");
    let latest = store.latest_run_without_forms().await.expect("asked");
    assert_eq!(latest, Some((run_id("one"), 35)), "also of those not told");
}

pub(crate) async fn an_expired_lease_is_claimed_again(store: Store) {
    checked(&store, "waiting", 2, 1).await;
    assert!(
        claimed(&store, "a", 3).await.is_none(),
        "a run that is not released"
    );
    store
        .release_run(&run_id("waiting"), &release_by("boris"))
        .await
        .expect("numbers");
    let first = claimed(&store, "a", 3).await.expect("the chunk");
    assert!(claimed(&store, "b", 62).await.is_none(), "held until 63");
    let again = claimed(&store, "b", 63).await.expect("the same chunk");
    assert_eq!(
        (again.no, again.first_number),
        (first.no, first.first_number)
    );
    assert_eq!((again.issued_at, &again.orders), (at(2), &first.orders));

    let other = store
        .claim_chunk(Some(&run_id("other")), "c", at(999), at(1_000))
        .await;
    assert!(
        other.expect("a claim").is_none(),
        "another run was asked for"
    );
}

pub(crate) async fn the_last_chunk_issues_the_run(store: Store) {
    released(&store, "one", 5, 2).await;
    let first = claimed(&store, "a", 3).await.expect("a chunk");
    store
        .finish_chunk(&result(&first, "a"))
        .await
        .expect("a kept chunk");
    let halfway = store.run_progress(&run_id("one")).await.expect("progress");
    assert_eq!(
        (halfway.orders, halfway.chunks, halfway.chunks_done),
        (5, 2, 1)
    );
    assert_eq!((halfway.bills, halfway.sum_cents), (3, Cents::new(3_600)));
    assert_eq!((halfway.mail_queued, halfway.paper), (2, 1));
    assert_eq!(
        store
            .queue_depths(at(20))
            .await
            .expect("depths")
            .chunks_waiting,
        1
    );
    let state = store
        .run(&run_id("one"))
        .await
        .expect("a run")
        .expect("the run")
        .state;
    assert_eq!(state, RunState::Released);

    let second = claimed(&store, "a", 4).await.expect("a chunk");
    assert_eq!((second.no, second.first_number), (ChunkNo(1), number(103)));
    store
        .finish_chunk(&result(&second, "a"))
        .await
        .expect("a kept chunk");
    let state = store
        .run(&run_id("one"))
        .await
        .expect("a run")
        .expect("the run")
        .state;
    assert_eq!(state, RunState::Issued);
    assert!(claimed(&store, "a", 999).await.is_none());
}

pub(crate) async fn finishing_twice_changes_nothing(store: Store) {
    released(&store, "one", 3, 1).await;
    let job = claimed(&store, "a", 3).await.expect("a chunk");
    assert_eq!(
        store.finish_chunk(&result(&job, "a")).await.expect("kept"),
        Finish::Done
    );
    let before = store.run_progress(&run_id("one")).await.expect("progress");
    assert_eq!(
        store.finish_chunk(&result(&job, "a")).await.expect("kept"),
        Finish::AlreadyDone
    );
    assert_eq!(
        store.run_progress(&run_id("one")).await.expect("progress"),
        before
    );
    let bill = store
        .bill(number(101))
        .await
        .expect("a bill")
        .expect("the bill");
    assert_eq!(bill, result(&job, "a").bills[1]);
}

pub(crate) async fn a_failed_finish_persists_nothing(store: Store) {
    released(&store, "one", 3, 1).await;
    let job = claimed(&store, "a", 3).await.expect("a chunk");
    // The fault lies in the last row that is written.
    let mut broken = result(&job, "a");
    let twin = broken.deliveries[0].clone();
    broken.deliveries.push(twin);
    store
        .finish_chunk(&broken)
        .await
        .expect_err("one delivery twice");

    // Nor is there a mail without an address: it would stop the queue later.
    let mut broken = result(&job, "a");
    broken.deliveries[0].email = None;
    store.finish_chunk(&broken).await.expect_err("no address");

    assert!(store.bill(number(100)).await.expect("a bill").is_none());
    let progress = store.run_progress(&run_id("one")).await.expect("progress");
    assert_eq!(
        (progress.chunks_done, progress.bills, progress.mail_queued),
        (0, 0, 0)
    );
    assert!(
        claimed(&store, "b", 4).await.is_none(),
        "the claim still holds"
    );
    assert_eq!(
        store.finish_chunk(&result(&job, "a")).await.expect("kept"),
        Finish::Done
    );
}

pub(crate) async fn a_result_that_does_not_fit_is_refused(store: Store) {
    released(&store, "one", 4, 2).await;
    claimed(&store, "a", 3).await.expect("the first chunk");
    let job = claimed(&store, "a", 3).await.expect("the second chunk");
    let right = result(&job, "a");
    let mut short = right.clone();
    short.bills.pop();
    let mut shifted = right.clone();
    shifted.bills[1].number = number(200);
    let mut swapped = right.clone();
    swapped.bills.reverse();
    for wrong in [short, shifted, swapped] {
        let refused = store.finish_chunk(&wrong).await;
        assert!(matches!(refused, Err(StoreError::Misfit { .. })));
    }
    assert_eq!(
        store.finish_chunk(&right).await.expect("kept"),
        Finish::Done
    );
}

pub(crate) async fn a_run_is_swept_once_it_is_issued(store: Store) {
    released(&store, "one", 2, 1).await;
    let unswept = async || store.unswept_runs().await.expect("runs");
    assert!(unswept().await.is_empty(), "not issued yet");
    let job = claimed(&store, "a", 3).await.expect("the chunk");
    store
        .finish_chunk(&result(&job, "a"))
        .await
        .expect("a kept chunk");
    assert_eq!(unswept().await, [run_id("one")]);
    store
        .mark_swept(&run_id("one"), at(5))
        .await
        .expect("marked");
    assert!(unswept().await.is_empty());
}

pub(crate) async fn chunks_of_a_forgotten_worker_are_free(store: Store) {
    released(&store, "one", 4, 2).await;
    claimed(&store, "a", 3).await.expect("a chunk");
    let kept = claimed(&store, "b", 3).await.expect("a chunk");
    let forgotten = store.forget_worker("a", at(4)).await.expect("forgotten");
    assert_eq!((forgotten.chunks, forgotten.deliveries), (1, 0));
    let again = claimed(&store, "c", 5).await.expect("the freed chunk");
    assert_ne!(again.no, kept.no);
    assert!(claimed(&store, "c", 5).await.is_none());
}

pub(crate) async fn a_claim_is_given_back(store: Store) {
    released(&store, "one", 3, 1).await;
    let slow = claimed(&store, "slow", 3).await.expect("the chunk");
    let give_back = async |claim| {
        store
            .give_back_chunk(&run_id("one"), slow.no, claim)
            .await
            .expect("given back");
    };
    give_back(slow.claim).await;
    let next = claimed(&store, "next", 4).await.expect("at once");
    give_back(slow.claim).await;
    assert!(claimed(&store, "c", 5).await.is_none(), "not his any more");
    let kept = store.finish_chunk(&result(&next, "next")).await;
    assert_eq!(kept.expect("kept"), Finish::Done);
    give_back(next.claim).await;
    assert!(claimed(&store, "c", 999).await.is_none(), "it is done");
}

pub(crate) async fn the_last_chunks_at_once_issue_the_run(store: Store) {
    for round in 0..8_u64 {
        let id = format!("run-{round}");
        checked_from(&store, &id, 1 + 10 * round, 2, 2).await;
        store
            .release_run(&run_id(&id), &release_by("boris"))
            .await
            .expect("numbers");
        let mut tasks = Vec::new();
        for worker in ["a", "b"] {
            let job = claimed(&store, worker, 3).await.expect("a chunk");
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let handed_in = result(&job, worker);
                store.finish_chunk(&handed_in).await.expect("a kept chunk")
            }));
        }
        for task in tasks {
            assert_eq!(task.await.expect("a finished task"), Finish::Done);
        }
        let run = store.run(&run_id(&id)).await.expect("a run");
        assert_eq!(run.expect("the run").state, RunState::Issued);
    }
}
