//! What other systems are to be told: written with the fact, once, and only where it is wanted.

use kvit_billing::{ApiName, EnrolmentId, Language, Secret};
use kvit_store::{
    Attempt, AttemptOutcome, EnrolmentChannel, Event, NewEnrolment, NewProof, Store,
    WEBHOOK_ASIDE_DAYS, WEBHOOK_LADDER_MINUTES, WebhookEvent, WebhookJob,
};
use serde_json::{Value, json};

use super::{
    concessions::{conceded, refund, with_credit, write_off},
    payers::{begun, confirmed, epay_paid, told, world as money},
    world::{account, at, claimed, issued, released, result, token},
};

fn name(text: &str) -> ApiName {
    text.parse().expect("a name")
}

fn event(now: i64, what: &str) -> Event {
    Event {
        at: at(now),
        who: "console:root".to_owned(),
        what: what.to_owned(),
        subject: "api/crm".to_owned(),
        detail: json!({}),
    }
}

async fn add(store: &Store, text: &str, events: &[WebhookEvent]) -> bool {
    let added = event(0, "api.webhook-added");
    let url = "https://crm.example/kvit";
    let added = store.add_webhook(&name(text), url, events, &added).await;
    added.expect("an answer")
}

async fn claim(store: &Store, hook: &str, now: i64) -> Vec<WebhookJob> {
    let jobs = store.claim_webhook_messages(&name(hook), at(now), 99).await;
    jobs.expect("an answer")
}

fn said(job: &WebhookJob) -> Value {
    serde_json::from_str(&job.body).expect("JSON")
}

pub(crate) async fn bills_are_told_of_where_it_is_wanted(store: Store) {
    add(&store, "other", &[WebhookEvent::PaymentBooked]).await;
    released(&store, "october", 300, 1).await;
    let job = claimed(&store, "worker", 3).await.expect("a chunk");
    assert!(add(&store, "crm", &[WebhookEvent::BillIssued]).await);
    assert!(
        !add(&store, "crm", &[WebhookEvent::BillIssued]).await,
        "taken"
    );
    let made = result(&job, "worker");
    for _ in 0..2 {
        store.finish_chunk(&made).await.expect("kept, once");
    }
    let mut jobs = claim(&store, "crm", 9_000).await;
    jobs.sort_by_key(|job| std::cmp::Reverse(job.body.len()));
    let bills: Vec<_> = jobs
        .iter()
        .map(|job| said(job)["data"]["bills"].as_array().expect("bills").len())
        .collect();
    assert_eq!(bills, [250, 50], "in parts, once");
    assert!(
        jobs.iter().all(|job| job.body.len() < 20_000),
        "as the standard asks"
    );
    let first = said(&jobs[0]);
    assert_eq!(first["type"], json!("bill.issued"));
    assert_eq!(
        first["data"]["bills"][0],
        json!({ "bill": "0000000100", "customer": "0000001" })
    );
    assert!(claim(&store, "other", 9_000).await.is_empty());
}

pub(crate) async fn each_fact_is_told_once(store: Store) {
    add(&store, "crm", &WebhookEvent::ALL).await;
    issued(&store, "october", 2).await;
    let mails = store.claim_deliveries("w", at(10), at(70), 9).await;
    let mails = mails.expect("mails");
    let accepted = Attempt {
        no: 1,
        outcome: AttemptOutcome::Accepted,
        at: at(11),
        reply: "250 ok".to_owned(),
    };
    for _ in 0..2 {
        let finished = store.finish_delivery(&mails[0].id, &accepted).await;
        finished.expect("recorded");
    }
    let id: EnrolmentId = format!("{:032x}", 7).parse().expect("an id");
    let consent = NewEnrolment {
        id,
        account: account(1),
        channel: EnrolmentChannel::Web,
        email: Secret::new("anna@example.bg".to_owned()),
        language: Language::Bg,
        text_version: "1".to_owned(),
        evidence: json!({}),
        at: at(20),
        proof: Some(NewProof {
            hash: token(700),
            expires: at(1_000),
        }),
    };
    store.enrol(&consent).await.expect("kept");
    for now in [30, 31] {
        let proven = store.prove_enrolment(&token(700), at(now), json!({})).await;
        proven.expect("an answer");
    }
    for now in [40, 41] {
        let ended = store
            .end_enrolment(&account(1), at(now), "back to paper", json!({}))
            .await;
        ended.expect("an answer");
    }
    let jobs = claim(&store, "crm", 9_000).await;
    let mut kinds: Vec<_> = jobs
        .iter()
        .map(|job| said(job)["type"].as_str().expect("a word").to_owned())
        .collect();
    kinds.sort_unstable();
    let changed = "enrolment.changed";
    assert_eq!(
        kinds,
        ["bill.delivered", "bill.issued", changed, changed, changed]
    );
    let bodies: String = jobs.iter().map(|job| job.body.as_str()).collect();
    assert!(!bodies.contains('@'), "ids only: {bodies}");
}

pub(crate) async fn money_in_a_customer_s_book_is_told(store: Store) {
    money(&store).await;
    add(&store, "crm", &[WebhookEvent::PaymentBooked]).await;
    begun(&store, "epay", 100).await;
    for _ in 0..2 {
        told(&store, &epay_paid(1, 7)).await;
    }
    let jobs = claim(&store, "crm", 9_000_000).await;
    let [job] = jobs.as_slice() else {
        panic!("one message: {jobs:?}")
    };
    let told = said(job);
    assert_eq!(told["type"], json!("payment.booked"));
    assert_eq!(told["data"]["bills"], json!(["0000000100"]));
    assert_eq!(told["data"]["reverses"], json!(null));
    assert_eq!(told["data"]["kind"], json!("payment"));
    let mut names: Vec<_> = told["data"].as_object().expect("data").keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["bills", "customer", "entry", "kind", "reverses"]);
}

pub(crate) async fn money_that_came_is_told_apart_from_what_goes_back(store: Store) {
    with_credit(&store).await;
    told(&store, &confirmed(&account(2), "T3", 1150, "0000000101")).await;
    add(&store, "crm", &[WebhookEvent::PaymentBooked]).await;
    conceded(&store, 1, refund(None), 300).await;
    conceded(&store, 2, write_off(101), 50).await;
    told(&store, &confirmed(&account(1), "T2", 100, "")).await;
    let jobs = claim(&store, "crm", 9_000_000).await;
    let mut kinds: Vec<_> = jobs
        .iter()
        .map(|job| {
            said(job)["data"]["kind"]
                .as_str()
                .expect("a word")
                .to_owned()
        })
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["payment", "refund", "write-off"]);
}

pub(crate) async fn a_message_that_nobody_hears_is_set_aside(store: Store) {
    add(&store, "crm", &[WebhookEvent::BillIssued]).await;
    issued(&store, "october", 1).await;
    let due = async |now| {
        let due = store.webhooks_due(at(now)).await.expect("an answer");
        due.len()
    };
    let mut now = 100;
    let mut id = None;
    for attempt in 1..=WEBHOOK_LADDER_MINUTES.len() + 1 {
        let jobs = claim(&store, "crm", now).await;
        let [job] = jobs.as_slice() else {
            panic!("one message at attempt {attempt}: {jobs:?}")
        };
        assert_eq!(job.attempt as usize, attempt);
        assert_eq!(
            *id.get_or_insert(job.id.clone()),
            job.id,
            "one id for all attempts"
        );
        assert!(
            claim(&store, "crm", now + 59).await.is_empty(),
            "somebody is at it"
        );
        let wait = WEBHOOK_LADDER_MINUTES.get(attempt - 1);
        let wait = 60 * wait.copied().unwrap_or(5);
        assert_eq!((due(now + 59).await, due(now + wait).await), (0, 1));
        let finished =
            store.finish_webhook_message(&job.id, job.attempt, Some("it answered with status 500"));
        finished.await.expect("recorded");
        // A word that comes late changes nothing.
        let late = store.finish_webhook_message(&job.id, 0, Some("it took too long"));
        late.await.expect("passed over");
        now += wait;
    }
    assert!(claim(&store, "crm", now + 9_000_000).await.is_empty());
    assert_eq!(due(now + 9_000_000).await, 0);
    let seen = async || {
        let hooks = store.webhooks().await.expect("webhooks");
        let hook = hooks.first().expect("one").clone();
        (hook.waiting, hook.aside, hook.said)
    };
    let said = Some("it answered with status 500".to_owned());
    assert_eq!(seen().await, (0, 1, said));
    let retried = event(now, "api.webhook-retried");
    let retried = store.retry_webhook(&name("crm"), &retried).await;
    assert_eq!(retried.expect("an answer"), 1);
    let jobs = claim(&store, "crm", now).await;
    assert_eq!((jobs.len(), jobs[0].attempt), (1, 1));
    let heard = store.finish_webhook_message(&jobs[0].id, 1, None);
    heard.await.expect("gone");
    assert_eq!(seen().await, (0, 0, None));
}

pub(crate) async fn what_nobody_heard_is_deleted_after_a_month(store: Store) {
    add(&store, "crm", &[WebhookEvent::BillIssued]).await;
    add(&store, "slow", &[WebhookEvent::BillIssued]).await;
    add(&store, "gone", &[WebhookEvent::BillIssued]).await;
    issued(&store, "october", 1).await;
    let mut now = 100;
    for attempt in 0..=WEBHOOK_LADDER_MINUTES.len() {
        for job in claim(&store, "crm", now).await {
            let said = store.finish_webhook_message(&job.id, job.attempt, Some("no"));
            said.await.expect("recorded");
        }
        now += 60 * WEBHOOK_LADDER_MINUTES.get(attempt).copied().unwrap_or(5);
    }
    let cleared = async |days: i64| {
        let cleared = store.clear_webhook_messages(at(86_400 * days)).await;
        let cleared = cleared.expect("an answer");
        (cleared.aside, cleared.removed)
    };
    assert_eq!(cleared(29).await, (0, 0));
    let removed = event(now, "api.webhook-removed");
    let removed = store.remove_webhook(&name("gone"), &removed).await;
    assert!(removed.expect("an answer"));
    assert_eq!(cleared(29).await, (0, 1));
    assert_eq!(cleared(WEBHOOK_ASIDE_DAYS + 1).await, (1, 0));
    assert_eq!(cleared(WEBHOOK_ASIDE_DAYS + 1).await, (0, 0));
    let hooks = store.webhooks().await.expect("webhooks");
    let left: Vec<_> = hooks
        .iter()
        .map(|hook| (hook.name.as_str(), hook.waiting, hook.aside))
        .collect();
    assert_eq!(left, [("crm", 0, 0), ("slow", 1, 0)], "what waits stays");
}

pub(crate) async fn many_messages_are_tried_again_in_parts(store: Store) {
    money(&store).await;
    add(&store, "crm", &[WebhookEvent::PaymentBooked]).await;
    add(&store, "other", &[WebhookEvent::PaymentBooked]).await;
    for n in 0..260 {
        told(&store, &confirmed(&account(1), &format!("T{n}"), 100, "")).await;
    }
    let due = async |hook: &str, now| {
        let hook = name(hook);
        let jobs = store.claim_webhook_messages(&hook, at(now), 250);
        let first = jobs.await.expect("an answer");
        let jobs = store.claim_webhook_messages(&hook, at(now), 250);
        let rest = jobs.await.expect("an answer");
        let first_attempts = first.iter().chain(&rest).all(|job| job.attempt == 1);
        (first.len() + rest.len(), first_attempts)
    };
    let now = 9_000_000;
    assert_eq!(due("crm", now).await, (260, true));
    assert_eq!(due("other", now).await, (260, true));
    let retried = event(now, "api.webhook-retried");
    let retried = store.retry_webhook(&name("crm"), &retried).await;
    assert_eq!(retried.expect("an answer"), 260);
    assert_eq!(due("crm", now).await, (260, true));
    assert_eq!(due("other", now).await, (0, true), "another's wait");
}

pub(crate) async fn a_removed_webhook_is_told_nothing_more(store: Store) {
    add(&store, "crm", &[WebhookEvent::BillIssued]).await;
    issued(&store, "october", 1).await;
    let removed = event(5, "api.webhook-removed");
    assert!(
        store
            .remove_webhook(&name("crm"), &removed)
            .await
            .expect("an answer")
    );
    assert!(
        !store
            .remove_webhook(&name("crm"), &removed)
            .await
            .expect("an answer")
    );
    assert!(claim(&store, "crm", 9_000).await.is_empty());
    assert!(store.webhooks().await.expect("webhooks").is_empty());
    assert!(
        !add(&store, "crm", &WebhookEvent::ALL).await,
        "its key is its name's"
    );
}
