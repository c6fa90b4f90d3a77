//! A small operator to run the stages on: a real store, a folder of packs, a real RSA key.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

pub mod faults;
pub mod money;
pub mod post;
pub mod seal;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use kvit_archive::FolderArchive;
use kvit_billing::{
    Bill, BillNumber, Currency, EnrolmentId, PaperUntil, RunId, SealSlot, UnsealedPdf,
    code::InstanceKey,
    ports::{Clock, Compose, NotComposed},
};
use kvit_flow::{
    Hours, ImportRequest, IssueError, IssueReport, Issuer, IssuerSettings, Source,
    import::import,
    pack::run_prefix,
    ports::{Archive, Composers, NoCheckpoints, OneComposer},
    read_bill,
};
use kvit_intake::{Characters, Rules, write_ndjson};
use kvit_pades::Sealer;
use kvit_postgres::Cluster;
use kvit_store::{
    BillRecord, EnrolmentChannel, NewEnrolment, Release, RunProgress, RunState, Store,
};
use kvit_synth::Synth;
use tokio_util::sync::CancellationToken;

pub const MONTH: Date = jiff::civil::date(2026, 10, 1);
pub const FIRST_NUMBER: u64 = 4_000_000_001;
pub const LEASE_S: u64 = 600;

/// An instance on disk. What runs on it is opened anew for each "process".
pub struct World {
    folder: tempfile::TempDir,
    url: String,
    _cluster: Option<Arc<Cluster>>,
    pub synth: Synth,
    pub clock: Arc<TestClock>,
    pub sealer: Arc<Sealer>,
}

/// A clock that moves when told to.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds.cast_signed(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).expect("within range")
    }
}

/// Everything that can be seen of an issued run.
#[derive(Debug, PartialEq)]
pub struct Issued {
    pub documents: BTreeMap<BillNumber, Vec<u8>>,
    pub progress: RunProgress,
}

impl World {
    pub fn new(customers: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
        Self::at(folder, url, None, customers)
    }

    /// The same on PostgreSQL; nothing where it is missing and may be.
    pub fn on_postgres(customers: u32) -> Option<Self> {
        static COUNT: AtomicI64 = AtomicI64::new(1);
        let cluster = kvit_postgres::shared().expect("a throwaway PostgreSQL")?;
        let name = format!("world_{}", COUNT.fetch_add(1, Ordering::SeqCst));
        let url = cluster.create_database(&name).expect("a new database");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self::at(folder, url, Some(cluster), customers))
    }

    fn at(
        folder: tempfile::TempDir,
        url: String,
        cluster: Option<Arc<Cluster>>,
        customers: u32,
    ) -> Self {
        Self {
            folder,
            url,
            _cluster: cluster,
            synth: Synth::new(7, customers),
            clock: Arc::new(TestClock(AtomicI64::new(1_790_000_000))),
            sealer: seal::sealer(),
        }
    }

    pub fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.url).await.expect("a store")
    }

    pub fn archive(&self) -> Arc<dyn Archive> {
        Arc::new(FolderArchive::open(self.path().join("packs")).expect("a folder of packs"))
    }

    pub fn key() -> Arc<InstanceKey> {
        Arc::new(InstanceKey::new(&[7; 32]))
    }

    /// When reminders may be sent.
    pub fn hours() -> Hours {
        Hours {
            from: 9,
            to: 20,
            zone: TimeZone::get("Europe/Sofia").expect("a zone"),
        }
    }

    /// A process that issues: its own connections, and claims under the name `worker`.
    pub async fn issuer(&self, worker: &str) -> Issuer {
        Issuer {
            store: self.store().await,
            archive: self.archive(),
            composers: one_composer(Plain::new(&self.sealer)),
            sealer: Arc::clone(&self.sealer),
            key: Self::key(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            checkpoints: Arc::new(NoCheckpoints),
            settings: IssuerSettings {
                worker: worker.to_owned(),
                lease_s: LEASE_S,
                currency: Currency::EUR,
                public_url: "https://bills.example".to_owned(),
                time_zone: "Europe/Sofia".to_owned(),
                delivery_hours: 24,
                paper_until: PaperUntil::Proven,
            },
        }
    }

    /// A run file of the first customers' invoices.
    pub fn run_file(&self, name: &str) -> Vec<u8> {
        let header = self.synth.run_header(name, MONTH, self.synth.customers());
        let mut file = Vec::new();
        write_ndjson(&header, self.synth.orders(MONTH), &mut file).expect("written");
        file
    }

    pub fn request(&self, id: &str, sources: Vec<(&str, Vec<u8>)>) -> ImportRequest {
        ImportRequest {
            id: id.parse().expect("a run id"),
            by: "Ana".to_owned(),
            at: self.clock.now(),
            rules: Rules {
                operator_ids: vec![kvit_synth::operator().0.eik],
                currency: Currency::EUR,
                operator_is_placeholder: false,
                today: MONTH,
                shown: Characters::new(|character| character < '\u{3000}'),
            },
            sources: sources
                .into_iter()
                .map(|(name, bytes)| Source {
                    name: name.to_owned(),
                    open: Box::new(std::io::Cursor::new(bytes)),
                })
                .collect(),
            chunk_orders: 3,
        }
    }

    /// A released run of everybody, in chunks of three; every second customer is enrolled.
    pub async fn released(&self, id: &str) -> RunId {
        let store = self.store().await;
        let request = self.request(id, vec![("october.ndjson", self.run_file(id))]);
        let outcome = import(&store, request, &|_| {}).await.expect("imported");
        assert!(outcome.accepted, "{:#?}", outcome.findings.list());
        for i in (0..self.synth.customers()).step_by(2) {
            self.enrol(&store, i).await;
        }
        let release = Release {
            by: "Boris".to_owned(),
            who: "Boris".to_owned(),
            at: self.clock.now(),
            series: "main".parse().expect("a series"),
            first_if_new: BillNumber::new(FIRST_NUMBER).expect("a number"),
            base: Arc::default(),
        };
        store
            .release_run(&outcome.run, &release)
            .await
            .expect("released");
        outcome.run
    }

    pub async fn enrol(&self, store: &Store, i: u32) {
        self.enrol_again(store, i, 0).await;
    }

    /// The customer's so-many-th consent, counted from 0.
    pub async fn enrol_again(&self, store: &Store, i: u32, nth: u32) {
        let id = format!("{nth:016x}{i:016x}");
        let id: EnrolmentId = id.parse().expect("an enrolment id");
        store
            .enrol(&NewEnrolment {
                id,
                account: self.synth.number(i),
                channel: EnrolmentChannel::Centre,
                email: self.synth.email(i),
                language: self.synth.customer(i).language,
                text_version: "1".to_owned(),
                evidence: serde_json::json!({}),
                at: self.clock.now(),
                proof: None,
            })
            .await
            .expect("enrolled");
    }

    /// What came of a run that must be issued whole: every bill once, numbers without a gap,
    /// every document as its row says, one delivery each.
    pub async fn issued(&self, run: &RunId) -> Issued {
        let (store, archive) = (self.store().await, self.archive());
        let record = store.run(run).await.expect("a run").expect("the run");
        assert_eq!(record.state, RunState::Issued);
        let bills = bills(&store, run).await;
        let numbers: Vec<u64> = bills.iter().map(|bill| bill.number.get()).collect();
        let wanted: Vec<u64> =
            (FIRST_NUMBER..FIRST_NUMBER + u64::from(self.synth.customers())).collect();
        assert_eq!(numbers, wanted, "no gap and no twin");
        let mut documents = BTreeMap::new();
        for (bill, i) in bills.iter().zip(0..) {
            assert_eq!(
                bill.account,
                self.synth.number(i),
                "in the order of the file"
            );
            let document = read_bill(archive.as_ref(), bill).await.expect("a document");
            documents.insert(bill.number, document);
        }
        let kept = archive.list(&run_prefix(run)).await.expect("packs");
        let named = store.packs_of_run(run).await.expect("names of packs");
        assert_eq!(kept.into_iter().collect::<HashSet<_>>(), named, "no orphan");
        let progress = store.run_progress(run).await.expect("progress");
        let deliveries = progress.mail_queued + progress.mail_sent + progress.paper;
        assert_eq!(deliveries, bills.len() as u64, "one delivery a bill");
        Issued {
            documents,
            progress,
        }
    }
}

pub async fn bills(store: &Store, run: &RunId) -> Vec<BillRecord> {
    store.bills_of_run(run, None, 10_000).await.expect("bills")
}

/// Issues all there is.
pub async fn issue(issuer: &Issuer) -> Result<IssueReport, IssueError> {
    issuer.issue(None, &CancellationToken::new(), &|_| {}).await
}

/// The same composer for each layout.
pub fn one_composer(composer: impl Compose + 'static) -> Arc<dyn Composers> {
    Arc::new(OneComposer(Arc::new(composer)))
}

/// Composes the least that can be sealed: everything that a real document depends on, as text.
pub struct Plain {
    reserve: usize,
}

impl Plain {
    pub fn new(sealer: &Sealer) -> Self {
        Self {
            reserve: sealer.contents_reserve(),
        }
    }
}

impl Compose for Plain {
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed> {
        let mut bytes = format!("%PDF-1.7 {bill:?} {} ", bill.code.printed()).into_bytes();
        let mut place = |text: String| {
            let start = bytes.len();
            bytes.extend_from_slice(text.as_bytes());
            let place = start..bytes.len();
            bytes.push(b' ');
            place
        };
        let byte_range = place(" ".repeat(60));
        let contents = place(format!("<{}>", "0".repeat(2 * self.reserve)));
        let signing_time = place(" ".repeat(19));
        bytes.extend_from_slice(b"%%EOF");
        let slot = SealSlot {
            byte_range,
            contents,
            signing_time,
        };
        Ok(UnsealedPdf {
            bytes,
            beginning: None,
            slot,
            no_form: None,
        })
    }

    fn sample(&self, bill: &Bill) -> Result<Vec<u8>, NotComposed> {
        Ok(format!("sample {bill:?} {}", bill.code.printed()).into_bytes())
    }
}

/// So long after the world began.
pub fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}
