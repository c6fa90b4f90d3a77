//! An instance with a run that is issued, and a mail server.

use std::{collections::BTreeMap, sync::Arc};

use jiff::SignedDuration;
use kvit_billing::{
    Language, PaperUntil, ReaderId, RunId, Secret,
    code::{TokenHash, TokenPurpose},
    ports::Clock,
};
use kvit_flow::{
    Courier, DeliveryReport,
    deliver::DeliverError,
    ports::{NoCheckpoints, SameTexts},
};
use kvit_mail::{Mails, RetryLadder};
use kvit_mailbox::{Faults, Mailbox, MailboxConfig};
use kvit_pay::ways::NoWays;
use kvit_smtp::{SmtpConfig, SmtpMailer, SmtpSecurity};
use kvit_store::{AddReader, NewProof, NewReader, NewSession, ReaderAsked, SessionDoor};
use sqlx::Row;
use tokio_util::sync::CancellationToken;

use super::{World, bills, issue, money::reported};

const CUSTOMERS: u32 = 8;
/// Every second one is enrolled.
pub const MAILS: usize = 4;

/// Where a reader's mails go.
pub const READER: &str = "reader@svetulka.example";

/// A delivery as the database has it.
#[derive(Debug)]
pub struct Row1 {
    pub state: String,
    pub twice: bool,
    pub attempts: i64,
}

/// An instance with a run that is issued, and a mail server.
pub struct Post {
    pub world: World,
    pub run: RunId,
    pub mailbox: Mailbox,
}

impl Post {
    pub async fn new(faults: Faults) -> Self {
        let world = World::new(CUSTOMERS);
        let run = world.released("october").await;
        Self::issued(world, run, faults).await
    }

    /// The same, and the first customer's bills go to a reader as well, who has proven the address.
    pub async fn with_a_reader(faults: Faults) -> Self {
        let world = World::new(CUSTOMERS);
        let run = world.released("october").await;
        let store = world.store().await;
        let now = world.clock.now();
        let id: ReaderId = "00000000000000000000000000000042".parse().expect("an id");
        let account = world.synth.customer(0).number;
        let proof = World::key().token(TokenPurpose::ProveReader, id.as_str());
        let new = NewReader {
            id,
            account,
            name: String::new(),
            email: Secret::new(READER.to_owned()),
            language: Language::Bg,
            evidence: serde_json::json!({}),
            at: now,
            proof: NewProof {
                hash: proof.hash(),
                expires: now + SignedDuration::from_hours(1),
            },
        };
        let session = NewSession {
            token: TokenHash([7; 32]),
            account: new.account.clone(),
            door: SessionDoor::Code { generation: 1 },
            device: String::new(),
            at: now,
            expires: now + SignedDuration::from_hours(1),
        };
        assert!(store.open_session(&session).await.expect("an answer"));
        let added = store.add_reader(&new, ReaderAsked::InSession(&session.token), 5, "customer");
        assert!(matches!(added.await, Ok(AddReader::Added)));
        let (hash, evidence) = (proof.hash(), serde_json::json!({}));
        let proven = store.prove_reader(&hash, now, &evidence, "reader");
        proven.await.expect("proven");
        Self::issued(world, run, faults).await
    }

    async fn issued(world: World, run: RunId, faults: Faults) -> Self {
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
    pub async fn courier(&self, worker: &str) -> Courier {
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
            mails: Arc::new(SameTexts(Arc::new(mails))),
            ways: Arc::new(NoWays),
            key: World::key(),
            clock: Arc::clone(&self.world.clock) as _,
            checkpoints: Arc::new(NoCheckpoints),
            ladder: RetryLadder::default(),
            reminder_hours: Some(World::hours()),
            public_url: url.to_owned(),
            delivery_hours: 24,
            paper_until: PaperUntil::FirstConfirmed,
            worker: worker.to_owned(),
            connections: 3,
        }
    }

    /// The first customer, who has e-bills, and the second, who has not, pay their bills.
    pub async fn two_pay(&self) {
        let store = self.world.store().await;
        for bill in bills(&store, &self.run).await.iter().take(2) {
            let cents = bill.to_pay.get();
            let tid = format!("T{}", bill.number);
            let notice = reported(&bill.account, &tid, cents, bill.number);
            let now = self.world.clock.now();
            store.receive_notice(&notice, now).await.expect("an answer");
        }
    }

    /// All deliveries by e-mail.
    pub async fn deliveries(&self) -> BTreeMap<String, Row1> {
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
    pub fn arrived(&self) -> BTreeMap<String, usize> {
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
    pub async fn nothing_lost(&self, why: &str) {
        self.nothing_lost_of(MAILS, why).await;
    }

    /// The same of so many mails, bills and others.
    pub async fn nothing_lost_of(&self, mails: usize, why: &str) {
        let (mut deliveries, arrived) = (self.deliveries().await, self.arrived());
        // An address that is proven already is not asked.
        deliveries.retain(|_, delivery| delivery.state != "withdrawn");
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

pub async fn deliver(courier: &Courier) -> Result<DeliveryReport, DeliverError> {
    courier.deliver(&CancellationToken::new()).await
}
