//! Mails on their way, and what comes back.

use jiff::Timestamp;
use kvit_billing::DeliveryId;
use kvit_store::{Attempt, AttemptOutcome, Confirm, DeliveryJob, DeliveryWhat, RunProgress, Store};
use serde_json::json;

use super::world::{at, issued, number, run_id, token};

async fn claim(store: &Store, worker: &str, now: i64, limit: usize) -> Vec<DeliveryJob> {
    store
        .claim_deliveries(worker, at(now), limit)
        .await
        .expect("a claim")
}

async fn finish(store: &Store, id: &DeliveryId, outcome: AttemptOutcome, now: Timestamp) {
    let attempt = Attempt {
        at: now,
        outcome,
        reply: "250 ok".to_owned(),
    };
    store
        .finish_delivery(id, &attempt)
        .await
        .expect("a recorded attempt");
}

async fn progress(store: &Store) -> RunProgress {
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
    assert_eq!(store.next_delivery_at().await.expect("a time"), None);

    finish(
        &store,
        &job.id,
        AttemptOutcome::Retry { next: at(100) },
        at(12),
    )
    .await;
    assert_eq!(
        store.next_delivery_at().await.expect("a time"),
        Some(at(100))
    );
    assert!(claim(&store, "a", 99, 9).await.is_empty());
    let job = claim(&store, "a", 100, 9).await.pop().expect("the mail");
    assert_eq!((job.attempts, job.possibly_twice), (2, false));

    finish(
        &store,
        &job.id,
        AttemptOutcome::Unknown { next: at(200) },
        at(101),
    )
    .await;
    let job = claim(&store, "a", 200, 9).await.pop().expect("the mail");
    assert_eq!((job.attempts, job.possibly_twice), (3, true));

    finish(&store, &job.id, AttemptOutcome::Accepted, at(201)).await;
    assert!(claim(&store, "a", 9_999, 9).await.is_empty());
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

    finish(&store, &other.id, AttemptOutcome::Failed, at(13)).await;
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

pub(crate) async fn a_late_word_does_not_send_again(store: Store) {
    issued(&store, "one", 1).await;
    let job = claim(&store, "a", 11, 1).await.pop().expect("the mail");
    // The worker was taken for dead, and another one sent the mail.
    store.forget_worker("a", at(12)).await.expect("forgotten");
    claim(&store, "b", 12, 1).await.pop().expect("the mail");
    finish(&store, &job.id, AttemptOutcome::Accepted, at(13)).await;
    // Now the first one comes back with what it heard.
    let late = Attempt {
        at: at(14),
        outcome: AttemptOutcome::Retry { next: at(15) },
        reply: "451 later".to_owned(),
    };
    // Whether that is an error or passed over: what was sent stays sent.
    let _ = store.finish_delivery(&job.id, &late).await;
    assert!(
        claim(&store, "c", 999, 9).await.is_empty(),
        "a mail that was sent goes out again"
    );
    assert_eq!(progress(&store).await.mail_sent, 1);
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
