//! The delivery stage against a real mail server, under every fault: no mail is lost, and none
//! arrives twice unless its delivery says so.

use std::sync::Arc;

use crate::world::{
    World,
    faults::{DieAt, died, each_death},
    post::{MAILS, Post, READER, deliver},
};
use jiff::Timestamp;
use kvit_billing::{
    EnrolmentId, Language, Role, Secret, StaffLogin, code::TokenPurpose, ports::Clock,
};
use kvit_flow::{DeliveryReport, ports::Checkpoints};
use kvit_mailbox::{Faults, Mailbox, MailboxConfig};
use kvit_store::{
    EnrolmentChannel, Event, GuardPolicy, NewEnrolment, NewProof, NewStaff, StaffEmail, Store,
};

#[tokio::test]
async fn a_death_at_any_place_loses_no_mail() {
    let places = each_death(async |dying| {
        let post = Post::new(Faults::default()).await;
        let ended = disturbed(&post, &dying).await;
        if let Some(report) = ended {
            assert_eq!(report.accepted, 4);
            post.nothing_lost("no death").await;
            assert!(post.deliveries().await.values().all(|d| !d.twice));
            return;
        }
        next_process(&post).await;
        post.nothing_lost(&format!("died at {:?}", dying.place()))
            .await;
    })
    .await;
    let all = [
        "after-delivery-recorded",
        "after-send",
        "before-send",
        "deliveries-claimed",
    ];
    assert!(places.iter().eq(&all), "{places:?}");
}

#[tokio::test]
async fn a_death_at_any_place_leaves_one_mail_for_each_payment() {
    let places = each_death(async |dying| {
        let post = Post::new(Faults::default()).await;
        deliver(&post.courier("worker").await).await.expect("bills");
        post.two_pay().await;
        if let Some(report) = disturbed(&post, &dying).await {
            assert_eq!(report.accepted, 1);
            post.nothing_lost_of(MAILS + 1, "no death").await;
            return;
        }
        // The payment system repeats itself meanwhile.
        post.two_pay().await;
        post.world.clock.forward(86_400);
        next_process(&post).await;
        let why = format!("died at {:?}", dying.place());
        post.nothing_lost_of(MAILS + 1, &why).await;
    })
    .await;
    assert!(places.contains("before-send") && places.contains("after-send"));
}

/// What one pass delivered; nothing where it died.
async fn disturbed(post: &Post, dying: &Arc<DieAt>) -> Option<DeliveryReport> {
    let mut courier = post.courier("worker").await;
    courier.checkpoints = Arc::clone(dying) as Arc<dyn Checkpoints>;
    let ended = died(tokio::spawn(async move { deliver(&courier).await }).await);
    ended.map(|report| report.expect("delivered"))
}

/// The next process: its name frees what the dead one had in hand, and it delivers.
async fn next_process(post: &Post) {
    let courier = post.courier("worker").await;
    let now = post.world.clock.now();
    let forgotten = courier.store.forget_worker("worker", now).await;
    forgotten.expect("forgotten");
    deliver(&courier).await.expect("delivered");
}

#[tokio::test]
async fn a_lost_acknowledgement_is_marked_and_sent_again() {
    let post = Post::new(Faults {
        drop_after_dot_every: 3,
        ..Faults::default()
    })
    .await;
    let courier = post.courier("worker").await;
    let first = deliver(&courier).await.expect("delivered");
    assert_eq!((first.accepted, first.unknown), (3, 1), "{first:?}");
    assert_eq!(
        deliver(&courier).await.expect("early"),
        DeliveryReport::default()
    );
    for _ in 0..5 {
        post.world.clock.forward(3600);
        deliver(&courier).await.expect("delivered");
    }
    post.nothing_lost("acknowledgements lost").await;
    let twice = post.deliveries().await.values().filter(|d| d.twice).count();
    assert_eq!(twice, 1, "the one whose acknowledgement was lost");
}

#[tokio::test]
async fn greylisting_costs_time_and_nothing_else() {
    let post = Post::new(Faults {
        greylist: true,
        ..Faults::default()
    })
    .await;
    let courier = post.courier("worker").await;
    let first = deliver(&courier).await.expect("tried");
    assert_eq!((first.accepted, first.retried), (0, 4));
    post.world.clock.forward(60);
    assert_eq!(deliver(&courier).await.expect("delivered").accepted, 4);
    post.nothing_lost("greylisted").await;
    assert!(
        post.deliveries()
            .await
            .values()
            .all(|d| !d.twice && d.attempts == 2),
        "a refusal is no doubt"
    );
}

#[tokio::test]
async fn a_refusal_for_good_is_recorded_and_holds_up_no_other() {
    let post = Post::new(Faults::default()).await;
    let refused = post.world.synth.email(2).expose().clone();
    let mailbox = Mailbox::start(MailboxConfig {
        faults: Faults {
            reject_containing: refused,
            ..Faults::default()
        },
        ..MailboxConfig::default()
    })
    .await
    .expect("a mailbox");
    let post = Post { mailbox, ..post };
    let report = deliver(&post.courier("worker").await)
        .await
        .expect("delivered");
    assert_eq!((report.accepted, report.failed), (3, 1));
    assert_eq!(post.arrived().len(), 3);
    let failed = post
        .deliveries()
        .await
        .into_values()
        .filter(|d| d.state == "failed");
    assert_eq!(failed.count(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again_on_the_ladder() {
    let post = Post::new(Faults {
        drop_at_data: true,
        ..Faults::default()
    })
    .await;
    let courier = post.courier("worker").await;
    for wait in [0, 60, 300] {
        post.world.clock.forward(wait);
        assert_eq!(deliver(&courier).await.expect("tried").retried, 4);
    }
    assert_eq!(post.mailbox.count(), 0);
    let mailbox = Mailbox::start(MailboxConfig::default())
        .await
        .expect("a mailbox");
    let post = Post { mailbox, ..post };
    post.world.clock.forward(900);
    let report = deliver(&post.courier("worker").await)
        .await
        .expect("delivered");
    assert_eq!(report.accepted, 4);
    post.nothing_lost("the server came back").await;
    assert!(post.deliveries().await.values().all(|d| !d.twice));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_couriers_share_the_mails() {
    let post = Post::new(Faults::default()).await;
    let mut couriers = tokio::task::JoinSet::new();
    for worker in ["a", "b", "c"] {
        let courier = post.courier(worker).await;
        couriers.spawn(async move { deliver(&courier).await.expect("delivered").accepted });
    }
    assert_eq!(couriers.join_all().await.iter().sum::<u64>(), 4);
    post.nothing_lost("three couriers").await;
}

#[tokio::test]
async fn a_death_at_any_place_loses_no_reader_s_mail() {
    each_death(async |dying| {
        let post = Post::with_a_reader(Faults::default()).await;
        let ended = disturbed(&post, &dying).await;
        if let Some(report) = &ended {
            assert_eq!(report.accepted, 6); // The customer is told of the reader.
        } else {
            next_process(&post).await;
        }
        let why = format!("died at {:?}", dying.place());
        post.nothing_lost_of(MAILS + 2, &why).await;
    })
    .await;
}

#[tokio::test]
async fn a_reader_s_mailbox_that_refuses_touches_nobody_else() {
    let post = Post::with_a_reader(Faults::default()).await;
    let mailbox = Mailbox::start(MailboxConfig {
        faults: Faults {
            reject_containing: READER.to_owned(),
            ..Faults::default()
        },
        ..MailboxConfig::default()
    })
    .await
    .expect("a mailbox");
    let post = Post { mailbox, ..post };
    let courier = post.courier("worker").await;
    let report = deliver(&courier).await.expect("delivered");
    assert_eq!((report.accepted, report.failed), (5, 1));
    let store = post.world.store().await;
    let sheet = store.balance(&post.run).await.expect("a sheet");
    let counted = [sheet.accepted, sheet.paper, sheet.held, sheet.failed];
    assert_eq!(counted.map(|line| line.bills), [4, 4, 0, 0]);
    assert!(sheet.is_settled());
    let copies = store.copies_of_run(&post.run).await.expect("counts");
    assert_eq!((copies.failed, copies.sent), (1, 0));
}

/// Whatever dies, the address that was proven hears once, or marked twice, from which bill on it gets them.
#[tokio::test]
async fn a_death_at_any_place_loses_no_welcome() {
    each_death(async |dying| {
        let post = Post::new(Faults::default()).await;
        deliver(&post.courier("worker").await).await.expect("bills");
        let (store, now) = (post.world.store().await, post.world.clock.now());
        let id: EnrolmentId = "00000000000000000000000000000099".parse().expect("an id");
        let hash = World::key()
            .token(TokenPurpose::ProveAddress, id.as_str())
            .hash();
        let new = NewEnrolment {
            id,
            account: post.world.synth.number(1),
            channel: EnrolmentChannel::Web,
            email: Secret::new("new@example.bg".to_owned()),
            language: Language::En,
            text_version: "1".to_owned(),
            evidence: serde_json::json!({}),
            at: now,
            proof: Some(NewProof { hash, expires: now }),
        };
        store.enrol(&new).await.expect("a consent");
        let proved = store.prove_enrolment(&hash, now, serde_json::json!({}));
        proved.await.expect("proven");
        disturbed(&post, &dying).await;
        next_process(&post).await;
        post.nothing_lost_of(MAILS + 1, &format!("{:?}", dying.place()))
            .await;
        let mails = post.mailbox.messages();
        let welcome = mails.last().expect("a mail");
        let text = String::from_utf8_lossy(&welcome.bytes);
        assert!(text.contains("Message-ID: <welcome-"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_member_of_staff_is_told_of_changes() {
    let post = Post::new(Faults::default()).await;
    let courier = post.courier("worker").await;
    deliver(&courier).await.expect("bills");
    let (store, at) = (&courier.store, post.world.clock.now());
    let new = hired(store, Role::Agent, at).await;
    let reset = of_staff("staff.reset", &new.login, at);
    let reset = store.reset_staff(&new.login, &new.password, true, &reset);
    let reset = reset.await;
    assert!(reset.expect("an answer").is_some());
    let report = deliver(&courier).await.expect("delivered");
    assert_eq!((report.accepted, report.failed), (1, 0), "{report:?}");
    let mails = post.mailbox.messages();
    let mail = mails
        .iter()
        .find(|mail| mail.to == ["m.ivanova@example.bg"]);
    let text = String::from_utf8_lossy(&mail.expect("a mail").bytes).into_owned();
    assert!(
        text.contains("Your staff account was given new access"),
        "{text}"
    );
    post.nothing_lost_of(MAILS + 1, "staff").await;
}

/// Of codes that are guessed, an administrator hears once, or marked twice, whatever dies.
#[tokio::test]
async fn a_death_at_any_place_loses_no_alarm() {
    let policy = GuardPolicy {
        max_fails: 2,
        window_s: 900,
        block_s: 900,
    };
    for n in 1.. {
        let post = Post::new(Faults::default()).await;
        deliver(&post.courier("worker").await).await.expect("bills");
        let (store, now) = (post.world.store().await, post.world.clock.now());
        hired(&store, Role::Administrator, now).await;
        for _ in 0..5 {
            let counted = store.count_guess(now, &policy).await;
            counted.expect("counted");
        }
        let dying = DieAt::new(n);
        let mut courier = post.courier("worker").await;
        courier.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        let ended = died(tokio::spawn(async move { deliver(&courier).await }).await);
        let courier = post.courier("worker").await;
        let forgotten = store.forget_worker("worker", now);
        forgotten.await.expect("forgotten");
        deliver(&courier).await.expect("delivered");
        post.nothing_lost_of(MAILS + 1, &format!("{:?}", dying.place()))
            .await;
        let mails = post.mailbox.messages();
        let alarm = mails.last().expect("a mail");
        assert_eq!(alarm.to, ["m.ivanova@example.bg"]);
        let text = String::from_utf8_lossy(&alarm.bytes);
        assert!(text.contains("Message-ID: <alarm-codes-"), "{text}");
        if ended.is_some() {
            break;
        }
    }
}

/// A member of staff with an address.
async fn hired(store: &Store, role: Role, at: Timestamp) -> NewStaff {
    let login: StaffLogin = "m.ivanova".parse().expect("a sign-in name");
    let new = NewStaff {
        login: login.clone(),
        name: "Мария Иванова".to_owned(),
        role,
        centre: None,
        password: Secret::new("$argon2id$".to_owned()),
        second_factor: true,
        identity: None,
        email: Some(StaffEmail {
            address: Secret::new("m.ivanova@example.bg".to_owned()),
            language: Language::En,
        }),
        at,
    };
    let added = of_staff("staff.added", &login, at);
    let added = store.add_staff(&new, &added).await;
    assert!(added.expect("an answer"));
    new
}

fn of_staff(what: &str, login: &StaffLogin, at: Timestamp) -> Event {
    Event {
        at,
        who: "root".to_owned(),
        what: what.to_owned(),
        subject: format!("staff/{login}"),
        detail: serde_json::json!({}),
    }
}
