//! Workers that were taken for dead, and come back or do not.

use kvit_store::{AttemptOutcome, DeliveryState, Finish, Store};

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
