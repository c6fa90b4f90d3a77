//! Consents: asked for, proven, replaced, ended.

use kvit_billing::{DeliveryId, EnrolmentId, Language, PaperUntil, Secret};
use kvit_store::{
    Confirm, DeliveryWhat, EnrolmentChannel, EnrolmentState, Event, NewEnrolment, NewProof,
    NewSignIn, Prove, SIGN_IN_MINUTES, SignIn, Store,
};
use serde_json::json;

use super::world::{account, at, claimed, day, released, result, token};

fn id(n: u64) -> EnrolmentId {
    format!("{n:032x}").parse().expect("an enrolment id")
}

/// The `n`-th consent of customer 1, with the address `n@example.bg`.
async fn enrol(store: &Store, n: u64, proof: bool) {
    store
        .enrol(&NewEnrolment {
            id: id(n),
            account: account(1),
            channel: EnrolmentChannel::Web,
            email: Secret::new(format!("{n}@example.bg")),
            language: Language::En,
            text_version: "2026-1".to_owned(),
            evidence: json!({"by": "web"}),
            at: at(n.cast_signed()),
            proof: proof.then(|| NewProof {
                hash: token(n),
                expires: at(1_000),
            }),
        })
        .await
        .expect("a kept consent");
}

async fn prove(store: &Store, n: u64, now: i64) -> Prove {
    store
        .prove_enrolment(&token(n), at(now), json!({"by": "web"}))
        .await
        .expect("an answer")
}

async fn active_email(store: &Store) -> Option<String> {
    let active = store
        .active_enrolments(&[account(1), account(2)])
        .await
        .expect("enrolments");
    let state = store.enrolment_of(&account(1)).await.expect("a state");
    let email = active
        .get(&account(1))
        .map(|record| record.email.expose().clone());
    let agrees = match &state {
        EnrolmentState::Active(record) => Some(record.email.expose()) == email.as_ref(),
        EnrolmentState::Pending(_) | EnrolmentState::None => email.is_none(),
    };
    assert!(agrees && active.len() <= 1);
    email
}

pub(crate) async fn an_address_is_proven_once(store: Store) {
    enrol(&store, 1, true).await;
    let state = store.enrolment_of(&account(1)).await.expect("a state");
    assert!(matches!(state, EnrolmentState::Pending(_)));
    assert!(!format!("{state:?}").contains('@'), "an address in a log");
    assert_eq!(active_email(&store).await, None);
    let versions = store.consent_versions().await.expect("versions");
    assert!(matches!(&versions[..], [one] if one.consents == 1 && one.first == one.last));

    // The mail that asks for the proof was queued with the consent.
    let mail = store
        .claim_deliveries("a", at(1), at(60), 9)
        .await
        .expect("a claim")
        .pop()
        .expect("a mail");
    assert_eq!(mail.id.to_string(), format!("proof-{}", id(1)));
    let DeliveryWhat::Proof(record) = mail.what else {
        panic!("not a proof")
    };
    assert_eq!((record.id, record.proof_expires), (id(1), Some(at(1_000))));

    let found = store
        .enrolment_by_proof(&token(1))
        .await
        .expect("an answer")
        .expect("the consent");
    assert_eq!((found.id, found.proven_at), (id(1), None));
    assert!(
        store
            .enrolment_by_proof(&token(9))
            .await
            .expect("an answer")
            .is_none()
    );
    assert!(matches!(prove(&store, 9, 2).await, Prove::Unknown));

    assert!(matches!(prove(&store, 1, 2).await, Prove::Proved(r) if r.proven_at == Some(at(2))));
    assert!(matches!(prove(&store, 1, 3).await, Prove::Already(r) if r.proven_at == Some(at(2))));
    assert_eq!(active_email(&store).await.as_deref(), Some("1@example.bg"));

    enrol(&store, 2, true).await;
    assert!(matches!(prove(&store, 2, 1_001).await, Prove::Expired(_)));
    assert_eq!(active_email(&store).await.as_deref(), Some("1@example.bg"));
}

pub(crate) async fn a_new_address_replaces_the_old(store: Store) {
    enrol(&store, 1, true).await;
    prove(&store, 1, 5).await;
    enrol(&store, 2, true).await;
    assert_eq!(
        active_email(&store).await.as_deref(),
        Some("1@example.bg"),
        "not proven yet"
    );
    assert!(matches!(prove(&store, 2, 6).await, Prove::Proved(_)));
    assert_eq!(active_email(&store).await.as_deref(), Some("2@example.bg"));
    let old = store
        .enrolment_by_proof(&token(1))
        .await
        .expect("an answer")
        .expect("the old one");
    assert_eq!(old.ended_at, Some(at(6)));
}

pub(crate) async fn an_old_link_cannot_undo_a_newer_address(store: Store) {
    // The first address was mistyped; somebody else has its mail.
    enrol(&store, 1, true).await;
    enrol(&store, 2, true).await;
    assert!(matches!(prove(&store, 2, 5).await, Prove::Proved(_)));
    assert!(matches!(prove(&store, 1, 6).await, Prove::Expired(_)));
    assert_eq!(active_email(&store).await.as_deref(), Some("2@example.bg"));

    // Nor after a consent that needed no proof.
    enrol(&store, 3, true).await;
    assert_eq!(waiting(&store).await, Some(id(3)), "beside the active one");
    enrol(&store, 4, false).await;
    assert!(matches!(prove(&store, 3, 7).await, Prove::Expired(_)));
    assert_eq!(active_email(&store).await.as_deref(), Some("4@example.bg"));
}

async fn waiting(store: &Store) -> Option<EnrolmentId> {
    let waiting = store.waiting_enrolment(&account(1)).await;
    waiting.expect("an answer").map(|record| record.id)
}

pub(crate) async fn a_customer_goes_back_to_paper(store: Store) {
    let none = store
        .end_enrolment(&account(1), at(1), "paper", json!({}))
        .await;
    assert!(none.expect("an answer").is_none());
    enrol(&store, 1, true).await;
    prove(&store, 1, 5).await;
    let ended = store
        .end_enrolment(&account(1), at(6), "paper", json!({}))
        .await;
    let ended = ended.expect("an answer").expect("the consent");
    assert_eq!((ended.id, ended.ended_at), (id(1), Some(at(6))));
    assert_eq!(active_email(&store).await, None);

    enrol(&store, 2, true).await;
    let ended = store
        .end_enrolment(&account(1), at(7), "paper", json!({}))
        .await;
    assert_eq!(
        ended.expect("an answer").map(|record| record.id),
        Some(id(2)),
        "a pending one"
    );
    assert!(matches!(prove(&store, 2, 8).await, Prove::Expired(_)));
    let state = store.enrolment_of(&account(1)).await.expect("a state");
    assert!(matches!(state, EnrolmentState::None));
    assert_eq!(waiting(&store).await, None);
}

pub(crate) async fn an_imported_enrolment_is_active_at_once(store: Store) {
    enrol(&store, 1, false).await;
    assert_eq!(active_email(&store).await.as_deref(), Some("1@example.bg"));
    assert!(
        store
            .claim_deliveries("a", at(99), at(160), 9)
            .await
            .expect("a claim")
            .is_empty()
    );
    enrol(&store, 2, false).await;
    assert_eq!(active_email(&store).await.as_deref(), Some("2@example.bg"));
}

pub(crate) async fn a_proof_without_reason_is_withdrawn(store: Store) {
    let claimed = async |now| -> Vec<String> {
        let jobs = store
            .claim_deliveries("a", at(now), at(now + 60), 2)
            .await
            .expect("a claim");
        jobs.into_iter().map(|job| job.id.to_string()).collect()
    };
    // Ended before its mail left, proven by an earlier copy, replaced, and one that counts.
    enrol(&store, 1, true).await;
    store
        .end_enrolment(&account(1), at(2), "paper", json!({}))
        .await
        .expect("an answer");
    enrol(&store, 3, true).await;
    prove(&store, 3, 4).await;
    enrol(&store, 5, true).await;
    enrol(&store, 6, false).await;
    enrol(&store, 7, true).await;
    // Besides, the address that was proven is told of the one that took its place.
    let first = claimed(20).await;
    let [moved, proof] = &first[..] else {
        panic!("two mails");
    };
    assert!(moved.starts_with("access-moved-"), "{moved}");
    assert_eq!(*proof, format!("proof-{}", id(7)));
    assert!(claimed(21).await.is_empty());
    let told = store
        .deliveries_of_customer(&account(1), 9)
        .await
        .expect("deliveries");
    let withdrawn = told
        .iter()
        .filter(|d| d.state == kvit_store::DeliveryState::Withdrawn)
        .count();
    // The fourth is the welcome of the one that was replaced.
    assert_eq!((told.len(), withdrawn), (6, 4));

    enrol(&store, 8, true).await;
    // Word of a change is no less true later.
    assert_eq!(
        claimed(1_001).await,
        [moved.as_str()],
        "its link would be dead"
    );
}

pub(crate) async fn addresses_proven_at_once_leave_one(store: Store) {
    for n in 1..=4 {
        enrol(&store, n, true).await;
    }
    let presses: Vec<_> = (1..=4_u64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { prove(&store, n, 10).await })
        })
        .collect();
    for press in presses {
        press.await.expect("a finished task");
    }
    let active = active_email(&store).await;
    assert_eq!(active.as_deref(), Some("4@example.bg"), "the newest wish");
}

pub(crate) async fn a_link_signs_in_once_and_only_from_the_address_of_the_bills(store: Store) {
    let ask = async |n: u64, now: i64| {
        let entry = format!("{n:032x}").parse().expect("an entry id");
        let new = NewSignIn {
            id: DeliveryId::sign_in_of(&entry),
            account: account(1),
            token: token(n),
            at: at(now),
        };
        store.ask_sign_in(&new).await.expect("an answer")
    };
    let look = async |n, now| {
        store
            .sign_in_link(&token(n), at(now))
            .await
            .expect("an answer")
    };
    let press = async |n, now| {
        let evidence = json!({"by": "web"});
        store
            .use_sign_in(&token(n), at(now), &evidence)
            .await
            .expect("an answer")
    };
    assert!(!ask(90, 0).await, "on paper");
    enrol(&store, 1, true).await;
    assert!(!ask(91, 2).await, "not proven yet");
    prove(&store, 1, 3).await;
    assert_eq!(
        look(1, 4).await,
        SignIn::Over,
        "the link of a proof is none"
    );
    assert!(ask(92, 10).await && ask(93, 10).await && ask(94, 10).await);
    let active = store.active_enrolments(&[account(1)]).await;
    let enrolment = active.expect("enrolments")[&account(1)].id.clone();
    let open = SignIn::Open(account(1), Language::En, enrolment);
    for _ in 0..2 {
        assert_eq!(look(92, 11).await, open, "looking changes nothing");
    }
    let jobs = store
        .claim_deliveries("w", at(12), at(72), 9)
        .await
        .expect("mails");
    let links = jobs
        .iter()
        .filter(|job| matches!(job.what, DeliveryWhat::SignIn(_)));
    assert_eq!(
        (links.count(), jobs.len()),
        (3, 4),
        "besides, the welcome; the proof was withdrawn"
    );
    assert_eq!(press(92, 12).await, open);
    assert_eq!(press(92, 13).await, SignIn::Over, "once");
    assert_eq!(look(92, 13).await, SignIn::Over);
    let late = 10 + SIGN_IN_MINUTES * 60;
    assert_eq!(look(93, late - 1).await, open);
    assert_eq!(press(93, late).await, SignIn::Over, "too late");
    enrol(&store, 20, false).await;
    assert_eq!(
        press(94, 30).await,
        SignIn::Over,
        "the address is another one now"
    );
    assert!(ask(95, 40).await);
    let jobs = store
        .claim_deliveries("w", at(40 + late), at(99_999), 9)
        .await;
    let waits = jobs
        .expect("mails")
        .into_iter()
        .filter(|job| job.due_at == at(40 + late - 10));
    assert_eq!(waits.count(), 0, "no dead link is sent");
}

/// Paper stops with the first bill that is confirmed under the consent, at its address.
pub(crate) async fn the_first_confirmed_bill_is_kept_with_the_consent(store: Store) {
    let confirmed = async |n| {
        let record = store.enrolment_by_proof(&token(n)).await;
        let record = record.expect("an answer").expect("the consent");
        (
            record.confirmed_at,
            record.also_on_paper(PaperUntil::FirstConfirmed),
            record.also_on_paper(PaperUntil::Proven),
        )
    };
    released(&store, "one", 2, 1).await;
    let job = claimed(&store, "w", 3).await.expect("a chunk");
    let mut chunk = result(&job, "w");
    // Both bills go to customer 1, as it were: the first to the address of the first consent.
    for (n, delivery) in (1..).zip(&mut chunk.deliveries) {
        delivery.account = account(1);
        delivery.email = Some(Secret::new(format!("{n}@example.bg")));
    }
    for bill in &mut chunk.bills {
        bill.account = account(1);
    }
    store.finish_chunk(&chunk).await.expect("kept");
    let confirm = async |bill, now| {
        let hash = token(bill);
        let said = store.confirm_receipt(&hash, at(now), json!({})).await;
        assert!(!matches!(said.expect("an answer"), Confirm::Unknown));
    };
    enrol(&store, 1, true).await;
    prove(&store, 1, 5).await;
    assert_eq!(confirmed(1).await, (None, true, false));
    confirm(101, 6).await;
    assert_eq!(confirmed(1).await.0, None, "it went to another address");
    confirm(100, 7).await;
    assert_eq!(confirmed(1).await, (Some(at(7)), false, false));
    confirm(100, 8).await;
    assert_eq!(confirmed(1).await.0, Some(at(7)), "the first counts");
    // Another address has to show by itself that bills arrive there.
    enrol(&store, 2, true).await;
    assert_eq!(confirmed(2).await.0, None);
    prove(&store, 2, 9).await;
    assert_eq!(confirmed(2).await, (None, true, false));
}

/// What is proven says from which bill on it counts, and the address hears it once.
pub(crate) async fn a_proven_address_is_told_from_which_bill_on(store: Store) {
    let mails = async |now| {
        let mails = store.claim_deliveries("w", at(now), at(now + 60), 9).await;
        let mails = mails.expect("a claim").into_iter();
        let welcomes: Vec<_> = mails
            .filter_map(|mail| match mail.what {
                DeliveryWhat::Welcome(record) => Some((mail.id, mail.email, record.bills_from)),
                _ => None,
            })
            .collect();
        welcomes
    };
    enrol(&store, 1, true).await;
    let Prove::Proved(record) = prove(&store, 1, 2).await else {
        panic!("not proven");
    };
    assert_eq!(record.bills_from, None, "there is no bill yet");
    assert!(matches!(prove(&store, 1, 3).await, Prove::Already(_)));
    let told = mails(4).await;
    let address = |n: u64| Secret::new(format!("{n}@example.bg"));
    let first = (DeliveryId::welcome_of(&id(1)), address(1), None);
    assert_eq!(told, [first]);

    released(&store, "one", 1, 1).await;
    let job = claimed(&store, "w", 5).await.expect("a chunk");
    store.finish_chunk(&result(&job, "w")).await.expect("kept");
    enrol(&store, 2, true).await;
    let Prove::Proved(record) = prove(&store, 2, 6).await else {
        panic!("not proven");
    };
    let november = Some(day("2026-11-01"));
    assert_eq!(record.bills_from, november);
    let told = mails(7).await;
    assert_eq!(
        told,
        [(DeliveryId::welcome_of(&id(2)), address(2), november)]
    );
    // Without a link that proves it, an address counts from the same day on; nobody pressed anything.
    enrol(&store, 8, false).await;
    let state = store.enrolment_of(&account(1)).await.expect("a state");
    assert!(matches!(state, EnrolmentState::Active(r) if r.bills_from == november));
    // Who is back on paper before the mail has left is not told any more.
    enrol(&store, 9, true).await;
    prove(&store, 9, 20).await;
    let whose = account(1);
    let ended = store.end_enrolment(&whose, at(21), "paper", json!({}));
    ended.await.expect("ended");
    assert_eq!(mails(22).await, []);
}

/// Whoever consents on an English page gets English bills and mails; a choice afterwards changes both.
pub(crate) async fn bills_and_mails_speak_the_language_of_the_consent(store: Store) {
    let known = json!({ "number": account(1), "name": "Мария", "address": { "city": "Русе" } });
    let known = serde_json::from_value(known).expect("a customer");
    store.upsert_customers(&[known]).await.expect("kept");
    let spoken = async || {
        let known = store.customer(&account(1)).await.expect("an answer");
        let state = store.enrolment_of(&account(1)).await.expect("a state");
        let (EnrolmentState::Active(mails) | EnrolmentState::Pending(mails)) = state else {
            panic!("no consent");
        };
        (known.expect("known").customer.language, mails.language)
    };
    enrol(&store, 1, true).await;
    assert_eq!(spoken().await, (Language::Bg, Language::En), "not proven");
    prove(&store, 1, 2).await;
    assert_eq!(spoken().await, (Language::En, Language::En));
    let event = Event {
        at: at(3),
        who: "ana".to_owned(),
        what: "customer.language-chosen".to_owned(),
        subject: "customer/0000001".to_owned(),
        detail: json!({}),
    };
    let whose = account(1);
    let chosen = store.set_language(&whose, Language::Bg, &event).await;
    assert!(chosen.expect("an answer"));
    assert_eq!(spoken().await, (Language::Bg, Language::Bg));
}
