//! An instance on disk with a released run, its mail server, and the process that is killed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use jiff::{Timestamp, civil::date};
use kvit_archive::FolderArchive;
use kvit_billing::{BillNumber, EnrolmentId, RunId};
use kvit_flow::read_bill;
use kvit_intake::write_ndjson;
use kvit_mailbox::{Mailbox, MailboxConfig};
use kvit_store::{EnrolmentChannel, NewEnrolment, RunState, Store};
use kvit_synth::Synth;
use sqlx::Row;
use zip::ZipArchive;

use crate::common::{kvit, run};

/// Bills that are read from the store at once.
const PAGE: usize = 1_000;
/// Longer than anything here takes, the large test's last pass in a debug build excepted.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Numbers that look like chance and can be had again (xorshift64*).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// From 0 up to 1.
    pub(crate) fn part(&mut self) -> f64 {
        let mut x = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        f64::from((x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as u32) / f64::from(1_u32 << 24)
    }
}

pub(crate) struct Instance {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: Store,
    archive_folder: PathBuf,
    database: PathBuf,
    mailbox: Mailbox,
    run: RunId,
    bills: u64,
    enrolled: BTreeSet<String>,
}

impl Instance {
    /// A run of so many bills, released; two in five customers get e-bills.
    pub(crate) async fn released(bills: u64, chunk_orders: u64) -> Self {
        let (folder, path) = crate::common::folder();
        let mailbox = Mailbox::start(MailboxConfig {
            folder: Some(path.join("mailbox")),
            ..MailboxConfig::default()
        })
        .await
        .expect("a mailbox");
        run(&path, &["init", "--dir", "own"]).ok();
        let own = path.join("own");
        configure(&own, mailbox.smtp_addr.port(), chunk_orders);
        let settings: toml::Table = fs::read_to_string(own.join("kvit.toml"))
            .expect("settings")
            .parse()
            .expect("TOML");
        let text = |part: &str, key: &str| settings[part][key].as_str().expect("text").to_owned();
        let url = text("store", "url");
        let database = own.join(url.trim_start_matches("sqlite:").trim_start_matches("//"));
        let store = Store::open(&format!("sqlite://{}", database.display()))
            .await
            .expect("the instance's store");

        let synth = Synth::new(11, u32::try_from(bills).expect("few bills"));
        let file = path.join("october.ndjson");
        let month = date(2026, 10, 1);
        let out = BufWriter::new(File::create(&file).expect("a file"));
        let header = synth.run_header("october", month, synth.customers());
        write_ndjson(&header, synth.orders(month), out).expect("written");
        let name = file.display().to_string();
        let import = [
            "run", "import", &name, "--as", "Ana", "--json", "--dir", "own",
        ];
        let id = run(&path, &import).ok().json()["run"]
            .as_str()
            .expect("an id")
            .to_owned();
        let enrolled = enrol(&store, &synth).await;
        run(
            &path,
            &["run", "release", &id, "--as", "Boris", "--dir", "own"],
        )
        .ok();
        Self {
            _folder: folder,
            archive_folder: own.join(text("archive", "folder")),
            path,
            store,
            database,
            mailbox,
            run: id.parse().expect("a run id"),
            bills,
            enrolled,
        }
    }

    fn process(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::from(kvit(&self.path));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The process that does all the work until it is ended.
    fn work(&self) -> tokio::process::Child {
        self.process()
            .args(["work", "--watch", "127.0.0.1:0", "--dir", "own"])
            .kill_on_drop(true)
            .spawn()
            .expect("it starts")
    }

    /// How long a process takes from its start to its first chunk, which it issues.
    pub(crate) async fn startup(&self) -> Duration {
        let mut took = Duration::ZERO;
        // The first process makes forms, which the next ones find.
        for _ in 0..2 {
            let (before, begun) = (self.progress().await.0, Instant::now());
            let mut child = self.work();
            while self.progress().await.0 == before && before < self.bills {
                assert!(begun.elapsed() < PATIENCE, "nothing is issued");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            child.kill().await.expect("killed");
            took = begun.elapsed();
        }
        took
    }

    /// Bills issued, and mails that wait.
    async fn progress(&self) -> (u64, u64) {
        let progress = self.store.run_progress(&self.run).await.expect("progress");
        (progress.bills, progress.mail_queued)
    }

    /// Bills that are not issued yet, and mails that wait.
    pub(crate) async fn left(&self) -> u64 {
        let (bills, mails) = self.progress().await;
        self.bills - bills + mails
    }

    /// Lets a process work for so long and kills it.
    pub(crate) async fn killed_after(&self, wait: Duration) {
        let mut child = self.work();
        tokio::time::sleep(wait).await;
        let early = child.try_wait().expect("asked");
        assert!(early.is_none(), "it ended by itself: {early:?}");
        child.kill().await.expect("killed");
    }

    /// Runs a process that dies when it comes to a place.
    pub(crate) async fn dies_at(&self, place: &str) {
        let status = self
            .process()
            .env("KVIT_FAULT", format!("{place}:1"))
            .args(["work", "--exit", "--dir", "own"])
            .status()
            .await
            .expect("it starts");
        assert_eq!(status.code(), None, "it did not die at {place}: {status}");
    }

    pub(crate) async fn issue_all(&self) {
        let status = self
            .process()
            .args(["run", "issue", "--dir", "own"])
            .status()
            .await
            .expect("it starts");
        assert!(status.success(), "{status}");
    }

    /// The same command, until nothing is left.
    pub(crate) async fn finish(&self) {
        let begun = Instant::now();
        loop {
            let status = self
                .process()
                .args(["work", "--exit", "--dir", "own"])
                .status()
                .await
                .expect("it starts");
            assert!(status.success(), "{status}");
            if self.progress().await == (self.bills, 0) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not come to an end");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Everything is there, once.
    pub(crate) async fn whole(&self) {
        let numbers = self.bills_once().await;
        self.archive_once(&numbers);
        self.mails_once(&numbers).await;
    }

    /// Every bill once in the store, numbers contiguous, each document as its row says.
    async fn bills_once(&self) -> Vec<BillNumber> {
        let record = self
            .store
            .run(&self.run)
            .await
            .expect("read")
            .expect("a run");
        assert_eq!(record.state, RunState::Issued);
        let archive = FolderArchive::open(&self.archive_folder).expect("an archive");
        let mut accounts = BTreeSet::new();
        let mut numbers: Vec<BillNumber> = Vec::new();
        loop {
            let page = self
                .store
                .bills_of_run(&self.run, numbers.last().copied(), PAGE)
                .await;
            let page = page.expect("bills");
            if page.is_empty() {
                break;
            }
            for bill in page {
                read_bill(&archive, &bill)
                    .await
                    .expect("the document as issued");
                assert!(
                    accounts.insert(bill.account.clone()),
                    "{} has two",
                    bill.account
                );
                numbers.push(bill.number);
            }
        }
        let (first, _) = record.numbers.expect("released");
        let wanted: Vec<_> = (0..self.bills)
            .map(|n| first.plus(n).expect("a number"))
            .collect();
        assert_eq!(numbers, wanted, "numbers without a gap or a twin");
        numbers
    }

    /// Every bill once in the archive, and nothing else there but what a killed process had staged,
    /// which is removed when it is a day old.
    fn archive_once(&self, numbers: &[BillNumber]) {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for pack in files(&self.archive_folder) {
            let named = pack.display();
            if named.to_string().contains(".zip#") {
                continue;
            }
            assert!(
                pack.extension().is_some_and(|kind| kind == "zip"),
                "{named}"
            );
            let zip = ZipArchive::new(File::open(&pack).expect("a pack")).expect("a whole pack");
            for name in zip.file_names() {
                let name = name.expect("a name").into_owned();
                *found.entry(name).or_default() += 1;
            }
        }
        let wanted = numbers
            .iter()
            .map(|number| (format!("{number}.pdf"), 1))
            .collect();
        assert_eq!(found, wanted, "each bill once in the archive");
    }

    /// Every mail arrived; twice only where its delivery says so.
    async fn mails_once(&self, numbers: &[BillNumber]) {
        let mut arrived: HashMap<String, usize> = HashMap::new();
        for mail in self.mailbox.messages() {
            let head = String::from_utf8_lossy(&mail.bytes[..mail.bytes.len().min(4096)]);
            let id = head
                .lines()
                .find_map(|line| line.strip_prefix("Message-ID: <"))
                .and_then(|rest| rest.split_once('@'))
                .expect("a Message-ID");
            *arrived.entry(id.0.to_owned()).or_default() += 1;
        }
        let twice = self.possibly_twice().await;
        assert_eq!(
            arrived.len(),
            self.enrolled.len(),
            "one delivery a customer"
        );
        for (id, times) in &arrived {
            assert!(
                *times == 1 || twice.contains(id),
                "{id} arrived {times} times unmarked"
            );
            let number = id
                .split('-')
                .next()
                .and_then(|n| n.parse::<BillNumber>().ok());
            assert!(
                number.is_some_and(|n| numbers.binary_search(&n).is_ok()),
                "{id}"
            );
        }
        let doubled = arrived.values().filter(|times| **times > 1).count();
        let mails = arrived.len();
        eprintln!(
            "{mails} mails, {doubled} arrived twice, {} marked possibly twice",
            twice.len()
        );
    }

    async fn possibly_twice(&self) -> BTreeSet<String> {
        let url = format!("sqlite://{}", self.database.display());
        let pool = sqlx::SqlitePool::connect(&url).await.expect("the database");
        let rows =
            sqlx::query("SELECT id, state, possibly_twice FROM deliveries WHERE channel = 'email'")
                .fetch_all(&pool)
                .await
                .expect("rows");
        pool.close().await;
        let sent = rows
            .iter()
            .all(|row| row.get::<String, _>("state") == "sent");
        assert!(
            sent && rows.len() == self.enrolled.len(),
            "every mail is sent"
        );
        rows.iter()
            .filter(|row| row.get::<i64, _>("possibly_twice") != 0)
            .map(|row| row.get("id"))
            .collect()
    }
}

/// The mail server of the test, and chunks small enough that a run has many.
fn configure(own: &Path, port: u16, chunk_orders: u64) {
    let file = own.join("kvit.toml");
    let lines = fs::read_to_string(&file).expect("settings");
    let set = |line: &str| match line.split_once(" = ").map(|(key, _)| key) {
        Some("port") => format!("port = {port}"),
        Some("retry_delays_s") => format!("retry_delays_s = {:?}", [1; 20]),
        Some("chunk_orders") => format!("chunk_orders = {chunk_orders}"),
        _ => line.to_owned(),
    };
    let text: Vec<_> = lines.lines().map(set).collect();
    fs::write(&file, text.join("\n")).expect("written");
}

async fn enrol(store: &Store, synth: &Synth) -> BTreeSet<String> {
    let mut enrolled = BTreeSet::new();
    for i in (0..synth.customers()).filter(|i| synth.is_enrolled(*i)) {
        let id: EnrolmentId = format!("{i:032x}").parse().expect("an enrolment id");
        let new = NewEnrolment {
            id,
            account: synth.number(i),
            channel: EnrolmentChannel::Paper,
            email: synth.email(i),
            language: synth.customer(i).language,
            text_version: "1".to_owned(),
            evidence: serde_json::json!({}),
            at: Timestamp::UNIX_EPOCH,
            proof: None,
        };
        store.enrol(&new).await.expect("enrolled");
        enrolled.insert(synth.number(i).to_string());
    }
    enrolled
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
