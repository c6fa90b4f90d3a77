//! Readers beside the customer: asked, proven, counted apart.

use jiff::SignedDuration;
use kvit_billing::{
    DeliveryId, DeliveryKind, EnrolmentId, Language, ReaderId, Secret, code::TokenHash,
};
use kvit_store::{
    AddReader, AttemptOutcome, Channel, ChunkResult, DeliveryState, DeliveryWhat, EnrolmentChannel,
    NewCopy, NewEnrolment, NewProof, NewReader, NewSession, ProveReader, ReaderAsked, ReaderEnd,
    ReaderRecord, SessionDoor, Store, Unwanted,
};
use serde_json::json;

use super::{
    deliveries::{claim, finish, progress},
    portal::customer,
    world::{account, at, claimed, number, released, result, run_id, token},
};

const LIMIT: usize = 2;

fn reader_id(n: u64) -> ReaderId {
    format!("{n:032x}").parse().expect("a reader id")
}

fn enrolment_id(n: u64) -> EnrolmentId {
    format!("{n:032x}").parse().expect("an enrolment id")
}

/// Customer `n` gets their bills by mail.
async fn enrolled(store: &Store, n: u64) {
    let new = NewEnrolment {
        id: enrolment_id(n),
        account: account(n),
        channel: EnrolmentChannel::Web,
        email: Secret::new(format!("{n}@example.bg")),
        language: Language::Bg,
        text_version: "1".to_owned(),
        evidence: json!({}),
        at: at(0),
        proof: None,
    };
    store.enrol(&new).await.expect("an enrolment");
}

pub(crate) fn new_reader(n: u64, whose: u64, email: &str, now: i64) -> NewReader {
    NewReader {
        id: reader_id(n),
        account: account(whose),
        name: "Ана".to_owned(),
        email: Secret::new(email.to_owned()),
        language: Language::En,
        evidence: json!({ "by": "web" }),
        at: at(now),
        proof: NewProof {
            hash: token(1_000 + n),
            expires: at(now) + SignedDuration::from_secs(500),
        },
    }
}

/// Customer 1 in session `n`.
async fn signed_in(store: &Store, n: u64) -> TokenHash {
    let known = store.upsert_customers(&[customer(1, "Иван")]).await;
    known.expect("a customer");
    let new = NewSession {
        token: token(n),
        account: account(1),
        door: SessionDoor::Code { generation: 1 },
        device: String::new(),
        at: at(0),
        expires: at(10_000),
    };
    store.close_session(&new.token).await.expect("an answer");
    assert!(store.open_session(&new).await.expect("an answer"));
    new.token
}

async fn add(store: &Store, n: u64, email: &str, now: i64) -> AddReader {
    let new = new_reader(n, 1, email, now);
    let session = signed_in(store, 5_000 + n).await;
    let added = store
        .add_reader(&new, ReaderAsked::InSession(&session), LIMIT, "customer")
        .await;
    added.expect("an answer")
}

async fn prove(store: &Store, n: u64, now: i64) -> ProveReader {
    let (hash, evidence) = (token(1_000 + n), json!({ "by": "web" }));
    let proved = store.prove_reader(&hash, at(now), &evidence, "reader");
    proved.await.expect("an answer")
}

async fn end(store: &Store, n: u64, whose: u64, why: ReaderEnd, now: i64) -> bool {
    let (id, whose, evidence) = (reader_id(n), account(whose), json!({}));
    let ended = store.end_reader(&id, &whose, why, &evidence, ("reader", at(now)));
    ended.await.expect("an answer")
}

async fn all(store: &Store) -> Vec<ReaderRecord> {
    store.readers_of(&account(1), 50).await.expect("readers")
}

async fn trail(store: &Store) -> Vec<String> {
    let mut events = store.events("customer/0000001", 50).await.expect("a trail");
    events.reverse();
    events.into_iter().map(|event| event.what).collect()
}

pub(crate) async fn a_reader_is_asked_and_proves(store: Store) {
    let nobody = add(&store, 1, "a@example.bg", 0).await;
    assert!(matches!(nobody, AddReader::NoEbill), "paper has no readers");
    enrolled(&store, 1).await;
    let own = add(&store, 1, "1@example.bg", 0).await;
    assert!(matches!(own, AddReader::Already), "the customer's own");
    assert!(matches!(
        add(&store, 1, "a@example.bg", 0).await,
        AddReader::Added
    ));
    let jobs = claim(&store, "w", 1, 9).await;
    let [mail] = jobs.as_slice() else {
        panic!("one mail asks for the proof")
    };
    assert_eq!(mail.id, DeliveryId::invitation_of(&reader_id(1)));
    assert_eq!(mail.email.expose(), "a@example.bg");
    assert!(matches!(&mail.what, DeliveryWhat::Invitation(reader) if reader.name == "Ана"));
    assert!(!format!("{mail:?}").contains('@'), "an address in a log");
    finish(&store, mail, AttemptOutcome::Accepted, 2).await;

    assert!(
        store
            .active_readers(&[account(1)])
            .await
            .expect("none")
            .is_empty()
    );
    assert!(matches!(prove(&store, 9, 3).await, ProveReader::Unknown));
    assert!(matches!(prove(&store, 1, 3).await, ProveReader::Proved(_)));
    assert!(matches!(prove(&store, 1, 4).await, ProveReader::Already(_)));
    let again = add(&store, 2, "a@example.bg", 5).await;
    assert!(matches!(again, AddReader::Already));
    let active = store.active_readers(&[account(1), account(2)]).await;
    assert_eq!(active.expect("readers")[&account(1)].len(), 1);

    assert!(!end(&store, 1, 2, ReaderEnd::Removed, 6).await, "another's");
    assert!(end(&store, 1, 1, ReaderEnd::Left, 6).await);
    assert!(!end(&store, 1, 1, ReaderEnd::Left, 7).await, "once");
    let left = &all(&store).await[0];
    assert_eq!(left.ended_at, Some(at(6)));
    assert_eq!(left.ended_reason.as_deref(), Some("left"));
    assert!(matches!(prove(&store, 1, 8).await, ProveReader::Expired(_)));
    assert_eq!(
        trail(&store).await,
        ["reader.added", "reader.proven", "reader.left"]
    );
}

pub(crate) async fn a_reader_is_asked_for_at_a_desk_once(store: Store) {
    enrolled(&store, 1).await;
    let evidence = json!({ "by": "phone", "agent": "ana", "reference": "C-17", "contact": "c" });
    let ask = async |n, email: &str, seen| {
        let new = NewReader {
            evidence: evidence.clone(),
            ..new_reader(n, 1, email, 5)
        };
        let added = store.add_reader(&new, ReaderAsked::AtDesk(seen), LIMIT, "ana");
        added.await.expect("an answer")
    };
    let version = async || store.readers_version(&account(1)).await.expect("a version");
    let seen = version().await;
    let asked = ask(1, "a@example.bg", seen).await;
    assert!(matches!(asked, AddReader::Added));
    // A page from before that, of a colleague's, writes nothing.
    let stale = ask(2, "b@example.bg", seen).await;
    assert!(matches!(stale, AddReader::Outdated));
    assert_eq!(all(&store).await.len(), 1);
    assert!(matches!(prove(&store, 1, 6).await, ProveReader::Proved(_)));
    let proven = version().await;
    let again = ask(3, "a@example.bg", proven).await;
    assert!(matches!(again, AddReader::Already));
    let (id, whose) = (reader_id(1), account(1));
    let why = ReaderEnd::Removed;
    let removed = store.end_reader(&id, &whose, why, &evidence, ("ana", at(7)));
    assert!(removed.await.expect("an answer"));
    assert!(version().await > proven && proven > seen);
    let known = store.reader_facts_of(&whose, 9).await.expect("readers");
    let known = &known[0];
    assert_eq!((&known.record.id, &known.evidence), (&id, &evidence));
    assert_eq!(known.ended_evidence.as_ref(), Some(&evidence));
    let events = store.events("customer/0000001", 50).await.expect("a trail");
    for what in ["reader.added", "reader.removed"] {
        let event = events.iter().find(|event| event.what == what);
        let event = event.expect("it is told");
        assert_eq!(event.who, "ana");
        assert_eq!(event.detail["channel"], "phone");
        assert_eq!(event.detail["reference"], "C-17");
    }
    // Another consent is another record.
    let before = version().await;
    let ended = store.end_enrolment(&whose, at(8), "paper", json!({}));
    ended.await.expect("an end").expect("the enrolment");
    let late = ask(4, "b@example.bg", before).await;
    assert!(matches!(late, AddReader::Outdated));
    let now = version().await;
    let none = ask(4, "b@example.bg", now).await;
    assert!(matches!(none, AddReader::NoEbill));
}

pub(crate) async fn readers_are_few(store: Store) {
    enrolled(&store, 1).await;
    for n in [1, 2] {
        let added = add(&store, n, &format!("{n}@primer.bg"), 0).await;
        assert!(matches!(added, AddReader::Added));
    }
    let third = add(&store, 3, "3@primer.bg", 1).await;
    assert!(matches!(third, AddReader::Full));
    // Asked anew, the same one takes no other's place; the first link is dead.
    let anew = add(&store, 4, "2@primer.bg", 2).await;
    assert!(matches!(anew, AddReader::Added));
    assert!(matches!(prove(&store, 2, 3).await, ProveReader::Expired(_)));
    assert!(matches!(prove(&store, 4, 3).await, ProveReader::Proved(_)));
    // Whoever did not answer in time makes room.
    let later = add(&store, 5, "3@primer.bg", 501).await;
    assert!(matches!(later, AddReader::Added));
    assert!(matches!(
        prove(&store, 1, 502).await,
        ProveReader::Expired(_)
    ));
    let open = all(&store).await;
    let open = open.iter().filter(|reader| reader.ended_at.is_none());
    assert_eq!(open.count(), LIMIT);
    // Presses at once are as many as may be.
    let (one, two) = tokio::join!(
        add(&store, 6, "6@primer.bg", 503),
        add(&store, 7, "7@primer.bg", 503)
    );
    assert!(matches!((one, two), (AddReader::Full, AddReader::Full)));
}

/// Of run `one`, whose customers 1 and on are enrolled, a copy for reader 1 of customer 1.
async fn issued_with_a_copy(store: &Store, orders: u64) -> ChunkResult {
    enrolled(store, 1).await;
    add(store, 1, "a@example.bg", 0).await;
    prove(store, 1, 1).await;
    released(store, "one", orders, 1).await;
    let job = claimed(store, "worker", 3).await.expect("a chunk");
    let mut made = result(&job, "worker");
    let bill = made.bills[0].number;
    made.copies = vec![NewCopy {
        id: DeliveryId::copy_of(bill, &reader_id(1)),
        bill,
        reader: reader_id(1),
        enrolment: enrolment_id(1),
        account: account(1),
        email: Secret::new("a@example.bg".to_owned()),
        language: Language::En,
        due_at: at(3_600),
        token: token(5_000),
    }];
    store.finish_chunk(&made).await.expect("a kept chunk");
    made
}

pub(crate) async fn a_copy_is_counted_apart(store: Store) {
    issued_with_a_copy(&store, 3).await;
    let counts = async || store.copies_of_run(&run_id("one")).await.expect("counts");
    assert_eq!((counts().await.waiting, counts().await.sent), (1, 0));
    let before = progress(&store).await;
    assert_eq!((before.mail_queued, before.paper), (2, 1));
    let mut copy = None;
    for job in claim(&store, "w", 11, 9).await {
        match job.id.kind() {
            DeliveryKind::Copy => copy = Some(job),
            DeliveryKind::Bill => finish(&store, &job, AttemptOutcome::Accepted, 12).await,
            // The customer is told of their new reader.
            DeliveryKind::Access => {}
            _ => panic!("the address is proven already"),
        }
    }
    // The reader's mailbox refuses for good.
    let copy = copy.expect("the copy");
    assert_eq!(copy.email.expose(), "a@example.bg");
    assert!(matches!(&copy.what, DeliveryWhat::Copy { bill, .. } if bill.number == number(100)));
    finish(&store, &copy, AttemptOutcome::Failed, 13).await;
    assert_eq!(counts().await.failed, 1);
    let after = progress(&store).await;
    assert_eq!((after.mail_sent, after.mail_failed), (2, 0));
    let sheet = store.balance(&run_id("one")).await.expect("a sheet");
    let counted = [sheet.accepted, sheet.paper, sheet.held, sheet.failed];
    assert_eq!(counted.map(|line| line.bills), [2, 1, 0, 0]);
    assert_eq!(sheet.issued.bills, 3);
    // No paper, and the enrolment goes on.
    let of_bill = store.deliveries_of_bill(number(100)).await.expect("them");
    assert!(of_bill.iter().all(|one| one.channel == Channel::Email) && of_bill.len() == 1);
    let active = store.active_enrolments(&[account(1)]).await;
    assert_eq!(active.expect("enrolments").len(), 1);
    let told = store.deliveries_of_customer(&account(1), 9).await;
    let told = told.expect("them");
    let told = told.iter().find(|one| one.copies == Some(number(100)));
    assert_eq!(told.expect("it is told").state, DeliveryState::Failed);
}

pub(crate) async fn a_copy_s_link_confirms_nothing(store: Store) {
    issued_with_a_copy(&store, 1).await;
    let copy = store.copy_by_token(&token(5_000)).await.expect("an answer");
    let copy = copy.expect("the copy");
    assert_eq!(
        (copy.bill.number, copy.reader.id),
        (number(100), reader_id(1))
    );
    assert!(
        store
            .delivery_by_token(&token(5_000))
            .await
            .expect("an answer")
            .is_none()
    );
    let pressed = store
        .confirm_receipt(&token(5_000), at(20), json!({}))
        .await;
    assert!(matches!(
        pressed.expect("an answer"),
        kvit_store::Confirm::Unknown
    ));
    let customer_s = store.copy_by_token(&token(100)).await;
    assert!(customer_s.expect("an answer").is_none());
}

pub(crate) async fn who_left_gets_no_copy(store: Store) {
    issued_with_a_copy(&store, 1).await;
    end(&store, 1, 1, ReaderEnd::Left, 5).await;
    let jobs = claim(&store, "w", 11, 9).await;
    assert!(jobs.iter().all(|job| job.id.kind() != DeliveryKind::Copy));
    let told = store.deliveries_of_customer(&account(1), 9).await;
    let told = told.expect("deliveries");
    let copy = told.iter().find(|one| one.copies.is_some()).expect("it");
    assert_eq!(copy.state, DeliveryState::Withdrawn);
    assert_eq!(copy.trail[0].reply, Unwanted::Left.as_str());
    let counts = store.copies_of_run(&run_id("one")).await.expect("counts");
    assert_eq!((counts.waiting, counts.withdrawn), (0, 1));
}

pub(crate) async fn paper_ends_the_readers(store: Store) {
    enrolled(&store, 1).await;
    add(&store, 1, "a@example.bg", 0).await;
    prove(&store, 1, 1).await;
    // Another address of the customer's leaves them.
    let moved = NewEnrolment {
        id: enrolment_id(77),
        account: account(1),
        channel: EnrolmentChannel::Phone,
        email: Secret::new("new@example.bg".to_owned()),
        language: Language::Bg,
        text_version: "1".to_owned(),
        evidence: json!({}),
        at: at(2),
        proof: None,
    };
    store.enrol(&moved).await.expect("another address");
    assert_eq!(all(&store).await[0].ended_at, None);
    let whose = account(1);
    let ended = store.end_enrolment(&whose, at(3), "paper", json!({}));
    ended.await.expect("an end").expect("the enrolment");
    let reader = &all(&store).await[0];
    assert_eq!(reader.ended_reason.as_deref(), Some("paper"));
    assert_eq!(
        trail(&store).await.last().map(String::as_str),
        Some("reader.removed")
    );
    assert!(
        store
            .active_readers(&[account(1)])
            .await
            .expect("none")
            .is_empty()
    );
}
