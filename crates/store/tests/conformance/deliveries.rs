//! Mails on their way, and what comes back.

use kvit_store::{
    Attempt, AttemptOutcome, Channel, Confirm, DeliveryJob, DeliveryState, DeliveryWhat, Event,
    RunProgress, Store,
};
use serde_json::json;

use super::world::{account, at, issued, number, run_id, token};

/// Seconds that a claim holds.
pub(crate) const LEASE: i64 = 5_000;

pub(crate) async fn claim(store: &Store, worker: &str, now: i64, limit: usize) -> Vec<DeliveryJob> {
    store
        .claim_deliveries(worker, at(now), at(now + LEASE), limit)
        .await
        .expect("a claim")
}

pub(crate) async fn finish(store: &Store, job: &DeliveryJob, outcome: AttemptOutcome, now: i64) {
    let attempt = Attempt {
        no: job.attempts,
        at: at(now),
        outcome,
        reply: "as the server said".to_owned(),
    };
    store
        .finish_delivery(&job.id, &attempt)
        .await
        .expect("a recorded attempt");
}

pub(crate) async fn progress(store: &Store) -> RunProgress {
    store.run_progress(&run_id("one")).await.expect("progress")
}

pub(crate) async fn mails_are_claimed_once(store: Store) {
    issued(&store, "one", 30).await;
    assert!(
        claim(&store, "early", 9, 100).await.is_empty(),
        "queued at 10"
    );
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let jobs = claim(&store, &format!("worker-{worker}"), 11, 2).await;
                    if jobs.is_empty() {
                        return mine;
                    }
                    assert!(jobs.len() <= 2);
                    mine.extend(jobs.into_iter().map(|job| job.id.to_string()));
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.expect("a finished worker"));
    }
    let claimed = all.len();
    all.sort();
    all.dedup();
    assert_eq!(
        (claimed, all.len()),
        (20, 20),
        "each mail once, and no paper"
    );
    let depths = store.queue_depths(at(3_601)).await.expect("depths");
    assert_eq!((depths.mails_waiting, depths.mails_overdue), (20, 20));
}

pub(crate) async fn an_attempt_decides_what_comes_next(store: Store) {
    issued(&store, "one", 1).await;
    assert_eq!(
        store.next_delivery_at().await.expect("a time"),
        Some(at(10))
    );
    let job = claim(&store, "a", 11, 9).await.pop().expect("the mail");
    let DeliveryWhat::Bill(bill) = &job.what else {
        panic!("not a bill")
    };
    assert_eq!(
        (bill.number, job.attempts, job.possibly_twice),
        (number(100), 1, false)
    );
    assert_eq!(
        (job.email.expose().as_str(), job.due_at),
        ("0000001@example.bg", at(3_600))
    );
    assert!(!format!("{job:?}").contains('@'), "an address in a log");
    let lease = store.next_delivery_at().await.expect("a time");
    assert_eq!(lease, Some(at(11 + LEASE)), "when its lease runs out");

    finish(&store, &job, AttemptOutcome::Retry { next: at(100) }, 12).await;
    assert_eq!(
        store.next_delivery_at().await.expect("a time"),
        Some(at(100))
    );
    assert!(claim(&store, "a", 99, 9).await.is_empty());
    let job = claim(&store, "a", 100, 9).await.pop().expect("the mail");
    assert_eq!((job.attempts, job.possibly_twice), (2, false));

    finish(&store, &job, AttemptOutcome::Unknown { next: at(200) }, 101).await;
    let job = claim(&store, "a", 200, 9).await.pop().expect("the mail");
    assert_eq!((job.attempts, job.possibly_twice), (3, true));

    finish(&store, &job, AttemptOutcome::Accepted, 201).await;
    assert!(claim(&store, "a", 9_999, 9).await.is_empty());
    assert_eq!(store.next_delivery_at().await.expect("a time"), None);
    let now = progress(&store).await;
    assert_eq!((now.mail_queued, now.mail_sent, now.mail_failed), (0, 1, 0));
    assert_eq!(now.possibly_twice, 1);
}

pub(crate) async fn a_forgotten_mail_is_possibly_twice(store: Store) {
    issued(&store, "one", 2).await;
    let mine = claim(&store, "a", 11, 1).await.pop().expect("a mail");
    let other = claim(&store, "b", 11, 1).await.pop().expect("a mail");
    let forgotten = store.forget_worker("a", at(12)).await.expect("forgotten");
    assert_eq!((forgotten.chunks, forgotten.deliveries), (0, 1));
    let again = claim(&store, "c", 12, 9).await.pop().expect("the mail");
    assert_eq!(again.id, mine.id);
    assert!(again.possibly_twice && again.attempts == 2);

    finish(&store, &other, AttemptOutcome::Failed, 13).await;
    assert_eq!(progress(&store).await.mail_failed, 1);
    assert_eq!(
        store
            .queue_depths(at(14))
            .await
            .expect("depths")
            .mails_failed,
        1
    );
}

pub(crate) async fn a_receipt_is_confirmed_once(store: Store) {
    issued(&store, "one", 2).await;
    let unknown = store
        .confirm_receipt(&token(1), at(20), json!({}))
        .await
        .expect("an answer");
    assert!(matches!(unknown, Confirm::Unknown));
    let view = store
        .delivery_by_token(&token(100))
        .await
        .expect("a view")
        .expect("the delivery");
    assert_eq!((view.bill.number, view.confirmed_at), (number(100), None));

    let first = store
        .confirm_receipt(&token(100), at(20), json!({"by": "web"}))
        .await;
    let Confirm::Confirmed(view) = first.expect("an answer") else {
        panic!("not confirmed")
    };
    assert_eq!(view.confirmed_at, Some(at(20)));
    let second = store.confirm_receipt(&token(100), at(30), json!({})).await;
    let Confirm::Already(view) = second.expect("an answer") else {
        panic!("confirmed twice")
    };
    assert_eq!(view.confirmed_at, Some(at(20)), "the first press counts");
    assert_eq!(progress(&store).await.confirmed, 1);
}

pub(crate) async fn presses_at_once_count_once(store: Store) {
    issued(&store, "one", 1).await;
    let presses: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .confirm_receipt(&token(100), at(20 + n), json!({}))
                    .await
                    .expect("an answer")
            })
        })
        .collect();
    let mut first = 0;
    for press in presses {
        match press.await.expect("a finished task") {
            Confirm::Confirmed(_) => first += 1,
            Confirm::Already(view) => assert!(view.confirmed_at.is_some()),
            Confirm::Unknown => panic!("the link is known"),
        }
    }
    assert_eq!((first, progress(&store).await.confirmed), (1, 1));
}

pub(crate) async fn a_bill_tells_what_happened_to_it(store: Store) {
    issued(&store, "one", 3).await;
    let mut jobs = claim(&store, "a", 11, 1).await;
    let job = jobs.pop().expect("the first mail");
    let later = AttemptOutcome::Retry { next: at(100) };
    finish(&store, &job, later, 12).await;
    let waiting = store.deliveries_of_bill(number(100)).await.expect("it");
    assert_eq!(waiting[0].next_attempt_at, Some(at(100)));
    let job = claim(&store, "a", 100, 9)
        .await
        .into_iter()
        .find(|again| again.id == job.id)
        .expect("the same mail");
    finish(&store, &job, AttemptOutcome::Accepted, 101).await;
    store
        .confirm_receipt(&token(100), at(200), json!({"by": "web"}))
        .await
        .expect("an answer");

    let told = store.deliveries_of_bill(number(100)).await.expect("it");
    let [delivery] = told.as_slice() else {
        panic!("one delivery")
    };
    assert_eq!(
        (delivery.bill, delivery.channel),
        (Some(number(100)), Channel::Email)
    );
    assert_eq!(
        (delivery.state, delivery.attempts, delivery.next_attempt_at),
        (DeliveryState::Sent, 2, None)
    );
    let trail: Vec<_> = delivery
        .trail
        .iter()
        .map(|attempt| (attempt.no, attempt.at, attempt.outcome.as_str()))
        .collect();
    assert_eq!(trail, [(1, at(12), "retry"), (2, at(101), "accepted")]);
    let receipts: Vec<_> = delivery
        .receipts
        .iter()
        .map(|receipt| (receipt.kind.as_str(), receipt.at))
        .collect();
    assert_eq!(receipts, [("accepted", at(101)), ("confirmed", at(200))]);
    assert_eq!(delivery.receipts[1].evidence, json!({"by": "web"}));
    let shown = format!("{delivery:?}{}", json!(delivery));
    assert!(!shown.contains('@'), "an address in a log");

    let paper = store
        .deliveries_of_customer(&account(3), 9)
        .await
        .expect("it");
    assert_eq!((paper.len(), paper[0].channel), (1, Channel::Paper));
    assert_eq!(paper[0].state, DeliveryState::Queued);
    let bill = paper[0].bill.expect("a bill");
    assert_eq!(paper[0].handed_over_at, None);
    for (handed, now, what) in [(1, at(300), "now"), (0, at(400), "already")] {
        let event = Event {
            at: now,
            who: "console:ana".to_owned(),
            what: "paper.handed-over".to_owned(),
            subject: "run/one".to_owned(),
            detail: json!({}),
        };
        let over = store
            .hand_over_paper(&[bill, number(999)], now, Some(&event))
            .await;
        assert_eq!(over.expect("noted"), handed, "{what}");
    }
    let paper = store.deliveries_of_bill(bill).await.expect("it");
    assert_eq!(paper[0].state, DeliveryState::Sent);
    assert_eq!(paper[0].handed_over_at, Some(at(300)));
    let told = store.events("run/one", 9).await.expect("the trail");
    let told = told
        .iter()
        .filter(|event| event.what == "paper.handed-over");
    let told: Vec<_> = told.map(|event| event.at).collect();
    assert_eq!(told, [at(300)], "nothing more was handed over");
    let none = store.deliveries_of_bill(number(999)).await;
    assert!(none.expect("nothing").is_empty());
}
