//! Workers that were taken for dead, and come back or do not.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use kvit_store::{Attempt, AttemptOutcome, Channel, DeliveryJob, DeliveryState, Finish, Store};

use super::{
    deliveries::{LEASE, claim, finish, progress},
    world::{at, claimed, issued, number, released, result, run_id},
};

pub(crate) async fn a_late_chunk_changes_nothing(store: Store) {
    released(&store, "one", 3, 1).await;
    let slow = claimed(&store, "slow", 3).await.expect("the chunk");
    let next = claimed(&store, "next", 63).await.expect("the same chunk");
    assert!(next.claim > slow.claim);

    // The slow one is first to come; its pack differs, as ECDSA signatures do.
    let mut late = result(&slow, "slow");
    late.pack.sha256 = [2; 32];
    late.pack.object = "runs/one/00000-slow.zip".to_owned();
    let answer = store.finish_chunk(&late).await.expect("an answer");
    assert_eq!(answer, Finish::Overtaken);
    assert!(store.bill(number(100)).await.expect("a bill").is_none());
    let packs = store.packs_of_run(&run_id("one")).await.expect("packs");
    assert!(packs.is_empty());

    let kept = result(&next, "next");
    let answer = store.finish_chunk(&kept).await.expect("an answer");
    assert_eq!(answer, Finish::Done);
    let answer = store.finish_chunk(&late).await.expect("an answer");
    assert_eq!(answer, Finish::Overtaken);
    // One with the very same pack hears that it is kept.
    late.pack = kept.pack.clone();
    let answer = store.finish_chunk(&late).await.expect("an answer");
    assert_eq!(answer, Finish::AlreadyDone);
    let packs = store.packs_of_run(&run_id("one")).await.expect("packs");
    assert_eq!(packs.into_iter().collect::<Vec<_>>(), [kept.pack.object]);
    let bill = store.bill(number(101)).await.expect("a bill");
    assert_eq!(bill, Some(kept.bills[1].clone()));
}

pub(crate) async fn a_late_word_does_not_send_again(store: Store) {
    issued(&store, "one", 1).await;
    let slow = claim(&store, "slow", 11, 1).await.pop().expect("the mail");
    store
        .forget_worker("slow", at(12))
        .await
        .expect("forgotten");
    let next = claim(&store, "next", 12, 1).await.pop().expect("the mail");
    finish(&store, &next, AttemptOutcome::Accepted, 13).await;
    let later = AttemptOutcome::Retry { next: at(15) };
    finish(&store, &slow, later, 14).await;
    assert!(claim(&store, "c", 999, 9).await.is_empty(), "sent is sent");
    assert_eq!(progress(&store).await.mail_sent, 1);
}

pub(crate) async fn a_late_word_does_not_queue_what_another_sends(store: Store) {
    issued(&store, "one", 1).await;
    let slow = claim(&store, "slow", 11, 1).await.pop().expect("the mail");
    store
        .forget_worker("slow", at(12))
        .await
        .expect("forgotten");
    let next = claim(&store, "next", 12, 1).await.pop().expect("the mail");
    for outcome in [
        AttemptOutcome::Retry { next: at(15) },
        AttemptOutcome::Unknown { next: at(15) },
        AttemptOutcome::Failed,
    ] {
        finish(&store, &slow, outcome, 14).await;
        assert!(
            claim(&store, "c", 999, 9).await.is_empty(),
            "it is being sent"
        );
    }
    assert_eq!(progress(&store).await.mail_queued, 1);
    finish(&store, &next, AttemptOutcome::Accepted, 16).await;
    assert_eq!(progress(&store).await.mail_sent, 1);
    let told = store.deliveries_of_bill(number(100)).await.expect("it");
    assert_eq!(told[0].trail.len(), 4, "each word is on record");
}

pub(crate) async fn a_late_acceptance_is_not_sent_again(store: Store) {
    issued(&store, "one", 2).await;
    // Heard while the mail waits: it does not go out again.
    let slow = claim(&store, "slow", 11, 1).await.pop().expect("a mail");
    store
        .forget_worker("slow", at(12))
        .await
        .expect("forgotten");
    finish(&store, &slow, AttemptOutcome::Accepted, 13).await;

    // Heard while another one sends, who then fails: nor does that.
    let slow = claim(&store, "slow", 14, 9).await.pop().expect("a mail");
    store
        .forget_worker("slow", at(15))
        .await
        .expect("forgotten");
    let next = claim(&store, "next", 16, 9).await.pop().expect("a mail");
    assert_eq!(next.id, slow.id);
    finish(&store, &slow, AttemptOutcome::Accepted, 17).await;
    let later = AttemptOutcome::Retry { next: at(19) };
    finish(&store, &next, later, 18).await;

    assert!(claim(&store, "c", 999, 9).await.is_empty());
    let now = progress(&store).await;
    assert_eq!((now.mail_sent, now.possibly_twice), (2, 2));
}

pub(crate) async fn a_mail_of_a_dead_worker_is_sent_by_another(store: Store) {
    issued(&store, "one", 1).await;
    let dead = claim(&store, "dead", 11, 1).await.pop().expect("the mail");
    let before = 11 + LEASE - 1;
    assert!(claim(&store, "b", before, 9).await.is_empty(), "still held");
    let mail = claim(&store, "b", 11 + LEASE, 9).await.pop();
    let mail = mail.expect("the same mail, on another machine");
    assert_eq!(mail.id, dead.id);
    assert_eq!((mail.attempts, mail.possibly_twice), (2, true));
    let told = store.deliveries_of_bill(number(100)).await.expect("it");
    assert_eq!(told[0].state, DeliveryState::Sending);
    assert_eq!(
        (told[0].trail[0].no, told[0].trail[0].outcome.as_str()),
        (1, "unknown")
    );
    finish(&store, &mail, AttemptOutcome::Accepted, 12 + LEASE).await;
    assert_eq!(progress(&store).await.mail_sent, 1);
}

pub(crate) async fn a_word_said_twice_counts_once(store: Store) {
    issued(&store, "one", 2).await;
    let jobs = claim(&store, "a", 11, 2).await;
    let later = AttemptOutcome::Unknown { next: at(100) };
    // The answer of the store was lost, so the worker says it again.
    for _ in 0..2 {
        finish(&store, &jobs[0], AttemptOutcome::Accepted, 12).await;
        finish(&store, &jobs[1], later, 12).await;
    }
    let now = progress(&store).await;
    assert_eq!((now.mail_sent, now.mail_queued), (1, 1));
    let again = claim(&store, "a", 100, 9).await;
    assert_eq!(again.len(), 1);
    finish(&store, &jobs[1], later, 101).await;
    assert!(claim(&store, "b", 101, 9).await.is_empty(), "it is held");
}

/// Workers that crash, dawdle and hear nothing, on a clock that runs with every claim.
struct Storm {
    store: Store,
    now: AtomicI64,
    /// How often the mail server took each mail.
    taken: Mutex<HashMap<String, u32>>,
}

impl Storm {
    const LEASE_S: i64 = 40;

    /// One worker, until nothing is left to do. `seed` makes its fate.
    async fn work(&self, worker: &str, mut seed: u64) {
        let mut dawdling: Vec<(DeliveryJob, AttemptOutcome)> = Vec::new();
        loop {
            let now = self.now.fetch_add(3, Ordering::SeqCst);
            let lease = at(now + Self::LEASE_S);
            let claim = self.store.claim_deliveries(worker, at(now), lease, 3);
            let jobs = claim.await.expect("a claim");
            if jobs.is_empty()
                && self
                    .store
                    .next_delivery_at()
                    .await
                    .expect("a time")
                    .is_none()
            {
                break;
            }
            for job in jobs {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let soon = at(now + 5);
                let outcome = match (seed >> 33) % 6 {
                    0 | 1 => AttemptOutcome::Accepted,
                    2 => AttemptOutcome::Retry { next: soon },
                    3 => AttemptOutcome::Unknown { next: soon },
                    // Dies, before or after the mail server took it.
                    4 => {
                        self.take(&job);
                        continue;
                    }
                    _ => continue,
                };
                let was_taken = match outcome {
                    AttemptOutcome::Accepted => true,
                    AttemptOutcome::Unknown { .. } => (seed >> 40).is_multiple_of(2),
                    AttemptOutcome::Retry { .. } | AttemptOutcome::Failed => false,
                };
                if was_taken {
                    self.take(&job);
                }
                if (seed >> 45).is_multiple_of(3) {
                    dawdling.push((job, outcome));
                } else {
                    self.say(&job, outcome).await;
                }
            }
            // What was put off is said when its lease may be long over.
            if (seed >> 50).is_multiple_of(4) {
                for (job, outcome) in dawdling.drain(..) {
                    self.say(&job, outcome).await;
                }
            }
        }
        for (job, outcome) in dawdling {
            self.say(&job, outcome).await;
        }
    }

    fn take(&self, job: &DeliveryJob) {
        let mut taken = self.taken.lock().expect("no worker panics");
        *taken.entry(job.id.to_string()).or_default() += 1;
    }

    async fn say(&self, job: &DeliveryJob, outcome: AttemptOutcome) {
        let attempt = Attempt {
            no: job.attempts,
            at: at(self.now.load(Ordering::SeqCst)),
            outcome,
            reply: String::new(),
        };
        let said = self.store.finish_delivery(&job.id, &attempt);
        said.await.expect("a recorded attempt");
    }
}

pub(crate) async fn whatever_befalls_workers_no_mail_is_lost_or_secretly_twice(store: Store) {
    issued(&store, "one", 60).await;
    let storm = Arc::new(Storm {
        store: store.clone(),
        now: AtomicI64::new(11),
        taken: Mutex::default(),
    });
    let workers: Vec<_> = (1..=4_u64)
        .map(|n| {
            let storm = Arc::clone(&storm);
            tokio::spawn(async move { storm.work(&format!("worker-{n}"), n).await })
        })
        .collect();
    for worker in workers {
        worker.await.expect("a finished worker");
    }
    let taken = storm.taken.lock().expect("no worker panics").clone();
    let mut twice = 0;
    for n in 100..160 {
        for mail in store.deliveries_of_bill(number(n)).await.expect("it") {
            if mail.channel == Channel::Paper {
                continue;
            }
            assert_eq!(mail.state, DeliveryState::Sent, "{mail:?}");
            let times = taken.get(mail.id.as_str()).copied().unwrap_or_default();
            assert!(times >= 1, "recorded as sent and never taken: {mail:?}");
            assert!(times == 1 || mail.possibly_twice, "{times} times: {mail:?}");
            twice += u32::from(times > 1);
        }
    }
    assert!(twice > 0, "a storm without any harm shows nothing");
}
