//! Accounts that are closed or taken over: whatever the earlier holder had there ends, once.

use jiff::SignedDuration;
use kvit_billing::{AccessMail, CustomerNumber, EnrolmentId, Language, Secret};
use kvit_store::{
    AccountEnd, Channel, EnrolmentChannel, EnrolmentState, Event, NewEnrolment, NewSession,
    SessionDoor, Store,
};
use serde_json::json;

use super::world::{account, at, claimed, day, number, released, result, token};

fn event(now: i64, what: &str, whose: &CustomerNumber) -> Event {
    Event {
        at: at(now),
        who: "m.ivanova".to_owned(),
        what: what.to_owned(),
        subject: format!("customer/{whose}"),
        detail: json!({ "reason": "note of hand-over" }),
    }
}

async fn enrol(store: &Store, n: u64, whose: &CustomerNumber, given: jiff::Timestamp) {
    let id: EnrolmentId = format!("{n:032x}").parse().expect("an id");
    let new = NewEnrolment {
        id,
        account: whose.clone(),
        channel: EnrolmentChannel::Centre,
        email: Secret::new(format!("{n}@example.bg")),
        language: Language::Bg,
        text_version: "1".to_owned(),
        evidence: json!({}),
        at: given,
        proof: None,
    };
    store.enrol(&new).await.expect("a consent");
}

/// Customer 1.
async fn customer(store: &Store) -> CustomerNumber {
    let known =
        json!({ "number": account(1), "name": "Мария Петрова", "address": { "city": "Русе" } });
    let known = serde_json::from_value(known).expect("a customer");
    store.upsert_customers(&[known]).await.expect("kept");
    account(1)
}

/// A session by the code; its number is that of its token.
async fn signs_in(store: &Store, n: u64, whose: &CustomerNumber) -> bool {
    let known = store.customer(whose).await.expect("an answer");
    let new = NewSession {
        token: token(n),
        account: whose.clone(),
        door: SessionDoor::Code {
            generation: known.expect("the customer").code_generation,
        },
        device: String::new(),
        at: at(10),
        expires: at(9_000),
    };
    store.open_session(&new).await.expect("an answer")
}

async fn generation(store: &Store, whose: &CustomerNumber) -> u32 {
    let known = store.customer(whose).await.expect("an answer");
    known.expect("the customer").code_generation
}

async fn told(store: &Store, whose: &CustomerNumber) -> Vec<String> {
    let all = store.deliveries_of_customer(whose, 20).await;
    let all = all.expect("deliveries");
    let access = all
        .iter()
        .filter(|mail| mail.id.access() == Some(AccessMail::AccountEnded));
    access
        .filter_map(|mail| Some(mail.email.as_ref()?.expose().clone()))
        .collect()
}

pub(crate) async fn another_holder_gets_nothing_of_the_earlier_one_s(store: Store) {
    let whose = customer(&store).await;
    released(&store, "one", 1, 1).await;
    let job = claimed(&store, "w", 3).await.expect("a chunk");
    store.finish_chunk(&result(&job, "w")).await.expect("kept");
    enrol(&store, 1, &whose, at(5)).await;
    assert!(signs_in(&store, 50, &whose).await);
    let before = generation(&store, &whose).await;
    // Longer than anybody has bills or a consent there, nothing ends.
    let early = [(whose.clone(), day("2020-01-01"))];
    assert_eq!(store.taken_over(&early).await.expect("an answer"), []);
    store.note_holders(&early).await.expect("noted");
    assert_eq!(generation(&store, &whose).await, before);
    // A later holder, named twice and again in the next run.
    let later = day("2027-01-10");
    let since = [(whose.clone(), later), (whose.clone(), day("2027-01-01"))];
    let found = store.taken_over(&since).await.expect("an answer");
    assert_eq!(found, [(whose.clone(), later)]);
    let moved = event(20, "account.moved", &whose);
    let end = AccountEnd::Moved { since: later };
    for first in [true, false] {
        let ended = store.end_account(&whose, end, None, &moved).await;
        assert_eq!(ended.expect("an answer"), first);
    }
    store.note_holders(&since).await.expect("noted");
    assert_eq!(store.taken_over(&since).await.expect("an answer"), []);
    let state = store.enrolment_of(&whose).await.expect("a state");
    assert!(matches!(state, EnrolmentState::None));
    let facts = store.enrolments_of(&whose, 9).await.expect("consents");
    assert_eq!(facts[0].ended_reason.as_deref(), Some("moved"));
    assert_eq!(facts[0].ended_evidence.as_ref(), Some(&moved.detail));
    assert_eq!(generation(&store, &whose).await, before + 1, "once");
    let open = store.session(&token(50), at(21)).await.expect("an answer");
    assert!(open.is_none(), "the session is over");
    assert_eq!(told(&store, &whose).await, ["1@example.bg"]);
    let known = store.customer(&whose).await.expect("an answer");
    assert_eq!(known.expect("known").holder_since, Some(later));
    let subject = format!("customer/{whose}");
    let events = store.events(&subject, 9).await.expect("events");
    assert_eq!(events.iter().filter(|e| e.what == moved.what).count(), 1);
    // The old bill is still there, and the link in its mail finds it.
    let found = store.delivery_by_token(&token(100)).await;
    assert!(found.expect("an answer").is_some());

    // What the new holder gave is theirs, also where billing tells of them later only.
    let next = day("2027-03-01");
    let theirs = at(0) + SignedDuration::from_hours(24 * 365);
    enrol(&store, 2, &whose, theirs).await;
    let end = AccountEnd::Moved { since: next };
    let moved = event(30, "account.moved", &whose);
    let ended = store.end_account(&whose, end, None, &moved).await;
    assert!(ended.expect("an answer"));
    let state = store.enrolment_of(&whose).await.expect("a state");
    assert!(matches!(state, EnrolmentState::Active(_)));
    assert_eq!(told(&store, &whose).await, ["1@example.bg"], "no other");

    // The earlier holder's last bill, issued late, closes nothing of theirs.
    let on = day("2027-02-28");
    let closed = event(40, "account.closed", &whose);
    let late = store.end_account(&whose, AccountEnd::Closed { on }, None, &closed);
    assert!(!late.await.expect("an answer"));
    let state = store.enrolment_of(&whose).await.expect("a state");
    assert!(matches!(state, EnrolmentState::Active(_)));
    // Nor does the earlier holder hear of what they change.
    enrol(&store, 3, &whose, theirs + SignedDuration::from_hours(1)).await;
    let all = store.deliveries_of_customer(&whose, 20).await;
    let all = all.expect("deliveries");
    let heard: Vec<_> = all
        .iter()
        .filter(|mail| mail.id.access() == Some(AccessMail::AddressChanged))
        .filter_map(|mail| Some(mail.email.as_ref()?.expose().as_str()))
        .collect();
    assert_eq!(heard, ["2@example.bg"]);
    // Their bills are those of their time.
    let all = store.bills_of(&whose, None, 9).await.expect("bills");
    let theirs = store.bills_of_holder(&whose, 9).await.expect("bills");
    assert_eq!((all.len(), theirs.len()), (1, 0));
}

pub(crate) async fn the_last_bill_goes_where_bills_went_and_closes_the_account(store: Store) {
    let whose = customer(&store).await;
    released(&store, "one", 1, 1).await;
    enrol(&store, 1, &whose, at(1)).await;
    assert!(signs_in(&store, 50, &whose).await);
    let before = generation(&store, &whose).await;
    let job = claimed(&store, "w", 3).await.expect("a chunk");
    let mut chunk = result(&job, "w");
    let on = day("2026-10-31");
    chunk.closed = vec![(whose.clone(), on)];
    store.finish_chunk(&chunk).await.expect("kept");
    // A worker that comes late closes nothing again.
    store.finish_chunk(&chunk).await.expect("an answer");
    let deliveries = store.deliveries_of_bill(number(100)).await;
    let deliveries = deliveries.expect("deliveries");
    assert!(deliveries.iter().all(|one| one.channel == Channel::Email));
    let known = store.customer(&whose).await.expect("an answer");
    let known = known.expect("known");
    assert_eq!(known.closed_on, Some(on));
    assert_eq!(known.code_generation, before + 1);
    let facts = store.enrolments_of(&whose, 9).await.expect("consents");
    assert_eq!(facts[0].ended_reason.as_deref(), Some("closed"));
    assert_eq!(told(&store, &whose).await, ["1@example.bg"]);
    let jobs = store.claim_deliveries("w", at(9_000), at(9_060), 9).await;
    let bills = jobs.expect("mails");
    let bill = bills
        .iter()
        .find(|job| job.id.to_string() == "0000000100-1");
    assert!(bill.is_some(), "the mail with the last bill still goes");

    // By hand: what the page showed has to be so still.
    let seen = Some(known.code_generation);
    let closed = event(40, "account.closed", &whose);
    let end = AccountEnd::Closed { on };
    let again = store.end_account(&whose, end, seen, &closed).await;
    assert!(!again.expect("an answer"), "closed already");
    let opened = event(41, "account.reopened", &whose);
    for first in [true, false] {
        let answer = store.reopen_account(&whose, &opened).await;
        assert_eq!(answer.expect("an answer"), first);
    }
    let outdated = store.end_account(&whose, end, Some(before), &closed).await;
    assert!(!outdated.expect("an answer"), "the code is another by now");
    let closed = store.end_account(&whose, end, seen, &closed).await;
    assert!(closed.expect("an answer"));
    // A later holder opens it.
    let since = [(whose.clone(), day("2026-12-01"))];
    store.note_holders(&since).await.expect("noted");
    let known = store.customer(&whose).await.expect("an answer");
    assert_eq!(known.expect("known").closed_on, None);
}
