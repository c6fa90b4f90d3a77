//! The delivery stage against a real mail server, under every fault: no mail is lost, and none
//! arrives twice unless its delivery says so.

mod world;

use std::{collections::BTreeMap, sync::Arc};

use kvit_billing::{RunId, ports::Clock};
use kvit_flow::{
    Courier, DeliveryReport,
    deliver::DeliverError,
    ports::{Checkpoints, NoCheckpoints},
};
use kvit_mail::{Mails, RetryLadder};
use kvit_mailbox::{Faults, Mailbox, MailboxConfig};
use kvit_pay::ways::NoWays;
use kvit_smtp::{SmtpConfig, SmtpMailer, SmtpSecurity};
use sqlx::Row;
use tokio_util::sync::CancellationToken;
use world::{
    World,
    faults::{DieAt, died},
    issue,
    money::reported,
};

const CUSTOMERS: u32 = 8;
/// Every second one is enrolled.
const MAILS: usize = 4;

/// A delivery as the database has it.
#[derive(Debug)]
struct Row1 {
    state: String,
    twice: bool,
    attempts: i64,
}

/// An instance with a run that is issued, and a mail server.
struct Post {
    world: World,
    run: RunId,
    mailbox: Mailbox,
}

impl Post {
    async fn new(faults: Faults) -> Self {
        let world = World::new(CUSTOMERS);
        let run = world.released("october").await;
        issue(&world.issuer("worker").await).await.expect("issued");
        let mailbox = Mailbox::start(MailboxConfig {
            faults,
            ..MailboxConfig::default()
        })
        .await
        .expect("a mailbox");
        Self {
            world,
            run,
            mailbox,
        }
    }

    /// A process that delivers.
    async fn courier(&self, worker: &str) -> Courier {
        let (operator, brand) = kvit_synth::operator();
        let url = "https://bills.example";
        let mails = Mails::new(
            operator,
            brand,
            url,
            "svetulka.example",
            "smetki@svetulka.example",
        )
        .expect("settings that work");
        let mailer = SmtpMailer::new(SmtpConfig {
            host: "127.0.0.1".to_owned(),
            port: self.mailbox.smtp_addr.port(),
            security: SmtpSecurity::Plain,
            allow_plain_remote: false,
            user: None,
            password: None,
            hello_name: "bills.example".to_owned(),
            connections: 3,
            timeout_s: 10,
            extra_root_pem: None,
        })
        .expect("settings that work");
        Courier {
            store: self.world.store().await,
            archive: self.world.archive(),
            mailer: Arc::new(mailer),
            mails: Arc::new(mails),
            ways: Arc::new(NoWays),
            key: World::key(),
            clock: Arc::clone(&self.world.clock) as _,
            checkpoints: Arc::new(NoCheckpoints),
            ladder: RetryLadder::default(),
            public_url: url.to_owned(),
            delivery_hours: 24,
            worker: worker.to_owned(),
            connections: 3,
        }
    }

    /// The first customer, who has e-bills, and the second, who has not, pay their bills.
    async fn two_pay(&self) {
        let store = self.world.store().await;
        for bill in world::bills(&store, &self.run).await.iter().take(2) {
            let cents = bill.to_pay.get();
            let tid = format!("T{}", bill.number);
            let notice = reported(&bill.account, &tid, cents, bill.number);
            let now = self.world.clock.now();
            store.receive_notice(&notice, now).await.expect("an answer");
        }
    }

    /// All deliveries by e-mail.
    async fn deliveries(&self) -> BTreeMap<String, Row1> {
        let url = format!("sqlite://{}", self.world.path().join("kvit.db").display());
        let pool = sqlx::SqlitePool::connect(&url).await.expect("the database");
        let rows = sqlx::query(
            "SELECT id, state, possibly_twice, attempts FROM deliveries WHERE channel = 'email'",
        )
        .fetch_all(&pool)
        .await
        .expect("rows");
        pool.close().await;
        rows.iter()
            .map(|row| {
                let found = Row1 {
                    state: row.get("state"),
                    twice: row.get::<i64, _>("possibly_twice") != 0,
                    attempts: row.get("attempts"),
                };
                (row.get("id"), found)
            })
            .collect()
    }

    /// How often the mail server has each delivery's mail; copies must have the same bytes.
    fn arrived(&self) -> BTreeMap<String, usize> {
        let mut arrived: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for mail in self.mailbox.messages() {
            let text = String::from_utf8_lossy(&mail.bytes).into_owned();
            let id = text
                .lines()
                .find_map(|line| line.strip_prefix("Message-ID: <"))
                .and_then(|rest| rest.split_once('@'))
                .expect("a Message-ID");
            arrived.entry(id.0.to_owned()).or_default().push(mail.bytes);
        }
        arrived
            .into_iter()
            .map(|(id, copies)| {
                assert!(copies.iter().all(|copy| *copy == copies[0]), "{id}");
                (id, copies.len())
            })
            .collect()
    }

    /// Every mail with a bill arrived, once unless its delivery says "possibly twice".
    async fn nothing_lost(&self, why: &str) {
        self.nothing_lost_of(MAILS, why).await;
    }

    /// The same of so many mails, bills and others.
    async fn nothing_lost_of(&self, mails: usize, why: &str) {
        let (deliveries, arrived) = (self.deliveries().await, self.arrived());
        assert_eq!(deliveries.len(), mails, "{why}");
        for (id, delivery) in &deliveries {
            assert_eq!(delivery.state, "sent", "{why}: {id} {delivery:?}");
            match arrived.get(id) {
                Some(1) => {}
                Some(2) if delivery.twice => {}
                times => panic!("{why}: {id} arrived {times:?} times, {delivery:?}"),
            }
        }
        let progress = self.world.store().await.run_progress(&self.run).await;
        let progress = progress.expect("progress");
        assert_eq!((progress.mail_sent, progress.mail_queued), (4, 0), "{why}");
    }
}

async fn deliver(courier: &Courier) -> Result<DeliveryReport, DeliverError> {
    courier.deliver(&CancellationToken::new()).await
}

#[tokio::test]
async fn a_death_at_any_place_loses_no_mail() {
    let mut places = Vec::new();
    for n in 1.. {
        let post = Post::new(Faults::default()).await;
        let dying = DieAt::new(n);
        let mut courier = post.courier("worker").await;
        courier.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        let ended = died(tokio::spawn(async move { deliver(&courier).await }).await);
        if let Some(report) = ended {
            assert_eq!(report.expect("delivered").accepted, 4);
            post.nothing_lost("no death").await;
            assert!(post.deliveries().await.values().all(|d| !d.twice));
            break;
        }
        let place = dying.place().expect("a place");
        places.push(place);
        let courier = post.courier("worker").await;
        courier
            .store
            .forget_worker("worker", post.world.clock.now())
            .await
            .expect("forgotten");
        deliver(&courier).await.expect("delivered");
        post.nothing_lost(&format!("died at {n}, {place}")).await;
    }
    for place in [
        "deliveries-claimed",
        "before-send",
        "after-send",
        "after-delivery-recorded",
    ] {
        assert!(places.contains(&place), "{place} was never reached");
    }
}

#[tokio::test]
async fn a_death_at_any_place_leaves_one_mail_for_each_payment() {
    let mut places = Vec::new();
    for n in 1.. {
        let post = Post::new(Faults::default()).await;
        deliver(&post.courier("worker").await).await.expect("bills");
        post.two_pay().await;
        let dying = DieAt::new(n);
        let mut courier = post.courier("worker").await;
        courier.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        let ended = died(tokio::spawn(async move { deliver(&courier).await }).await);
        if let Some(report) = ended {
            assert_eq!(report.expect("delivered").accepted, 1);
            post.nothing_lost_of(MAILS + 1, "no death").await;
            break;
        }
        places.push(dying.place().expect("a place"));
        let courier = post.courier("worker").await;
        courier
            .store
            .forget_worker("worker", post.world.clock.now())
            .await
            .expect("forgotten");
        // The payment system repeats itself meanwhile.
        post.two_pay().await;
        post.world.clock.forward(86_400);
        deliver(&courier).await.expect("delivered");
        let why = format!("died at {n}, {:?}", places.last());
        post.nothing_lost_of(MAILS + 1, &why).await;
    }
    assert!(places.contains(&"before-send") && places.contains(&"after-send"));
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
