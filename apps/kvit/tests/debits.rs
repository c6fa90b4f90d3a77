//! Direct debits, by the real process, which is killed at each place and at random moments: while a file is prepared,
//! approved and written, and while what the bank says of it is booked. Nothing is collected twice, nothing is lost, and
//! the books balance.

#![cfg(unix)]

mod common;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use common::{folder, kvit, run};
use serde_json::Value;

/// Kills at random moments of each command.
const KILLS: u32 = 6;

struct Bank {
    _folder: tempfile::TempDir,
    path: PathBuf,
    /// Moments that look like chance and can be had again (xorshift).
    chance: u64,
}

impl Bank {
    /// A demonstration, in which one debit was refused and the others wait for a file.
    fn open() -> Self {
        let (folder, path) = folder();
        let demo = [
            "demo",
            "--customers",
            "20",
            "--exit",
            "--dir",
            "demo",
            "--json",
        ];
        let shown = run(&path, &demo).ok().json();
        assert_eq!(shown["autopay"]["file"], 2, "{shown}");
        let bank = Self {
            _folder: folder,
            path,
            chance: 0x9e37_79b9_7f4a_7c15,
        };
        bank.done(&["debits", "refuse", "2", "--as", "Maria"]);
        bank
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn done(&self, arguments: &[&str]) -> Value {
        let all = [&["pay"], arguments, &["--dir", "demo", "--json"]].concat();
        run(self.path(), &all).ok().json()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = kvit(self.path());
        command.args([&["pay"], arguments, &["--dir", "demo"]].concat());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn dies_at(&self, place: &str, arguments: &[&str]) {
        let mut command = self.command(arguments);
        let status = command.env("KVIT_FAULT", format!("{place}:1")).status();
        let status = status.expect("it starts");
        assert_eq!(status.code(), None, "it did not die at {place}: {status}");
    }

    /// Kills the command at some moment of its life; it may have been faster.
    fn killed(&mut self, arguments: &[&str], life: Duration) {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let moment = life.mul_f64(f64::from((self.chance >> 40) as u32) / f64::from(1_u32 << 24));
        let mut child = self.command(arguments).spawn().expect("it starts");
        thread::sleep(moment);
        // SIGKILL.
        child.kill().expect("killed, or over");
        child.wait().expect("it is over");
    }

    /// All debits, by their number, as `(state, file, cents)`.
    fn debits(&self) -> BTreeMap<u64, (String, Option<u64>, i64)> {
        let listed = self.done(&["debits"]);
        let mut all = BTreeMap::new();
        for list in ["waiting", "for_people", "latest"] {
            for one in listed[list].as_array().expect("a list") {
                let cents = one["ordered_cents"].as_i64();
                let cents = cents.or(one["announced_cents"].as_i64()).expect("a sum");
                let number = one["number"].as_u64().expect("a number");
                let state = one["state"].as_str().expect("a state").to_owned();
                all.insert(number, (state, one["file"].as_u64(), cents));
            }
        }
        all
    }

    /// The files that wait for approval.
    fn waiting(&self) -> Vec<Value> {
        let files = self.done(&["debits"])["files"].clone();
        let files = files.as_array().expect("files").iter();
        files
            .filter(|file| file["state"] == "prepared")
            .cloned()
            .collect()
    }

    fn book(&self, name: &str) -> i64 {
        let books = self.done(&["books"]);
        assert_eq!(books["sum_cents"], 0, "{books}");
        let all = books["books"].as_array().expect("books");
        let found = all.iter().find(|book| book["book"] == name);
        found.map_or(0, |book| book["cents"].as_i64().expect("a sum"))
    }

    fn in_state(&self, state: &str) -> Vec<(u64, i64)> {
        let all = self.debits().into_iter();
        let those = all.filter(|(_, (of, ..))| of == state);
        those
            .map(|(number, (_, _, cents))| (number, cents))
            .collect()
    }
}

/// How long a command lives that nobody kills.
fn life(command: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    command();
    begun.elapsed()
}

/// A notification of what moved: of each debit its money, then what is taken back of one, for `reason`, with the fee that
/// the bank takes for it.
fn notification(iban: &str, day: &str, came: &[(u64, i64)], back: Option<(u64, i64)>) -> String {
    let euro = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
    let mut entries = String::new();
    let mut entry = |direction: &str,
                     cents: i64,
                     name: &str,
                     number: u64,
                     more: &str,
                     code: &str| {
        let amount = euro(cents);
        writeln!(entries, "<Ntry><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{name}-{number}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>{code}</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>KVIT-DEBIT-{number}</EndToEndId></Refs>{more}</TxDtls></NtryDtls></Ntry>").expect("text");
    };
    for &(number, cents) in came {
        entry("CRDT", cents, "DD", number, "", "ESDD");
    }
    if let Some((number, cents)) = back {
        let reason = "<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>";
        entry("DBIT", cents, "RET", number, reason, "UPDD");
        entry("DBIT", 150, "FEE", number, "", "CHRG");
    }
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.04\"><BkToCstmrDbtCdtNtfctn><GrpHdr/>\n<Ntfctn><Id>N-{day}</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>\n{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n"
    )
}

#[test]
fn nothing_is_collected_twice_whatever_befalls_the_process() {
    let mut bank = Bank::open();
    let all: Vec<u64> = bank.debits().into_keys().collect();
    let open = bank.in_state("announced");
    assert!(!open.is_empty() && all.len() == open.len() + 1, "{open:?}");
    let sum: i64 = open.iter().map(|(_, cents)| cents).sum();

    // Prepared: a file has all of them, or none, and there is one at most.
    let prepare = ["debits", "prepare", "--as", "Ivan"];
    bank.dies_at("before-prepare-debits", &prepare);
    assert!(bank.waiting().is_empty());
    bank.dies_at("after-prepare-debits", &prepare);
    assert_eq!(bank.waiting().len(), 1);
    let refuse = |bank: &Bank| {
        for file in bank.waiting() {
            assert_eq!(file["leaves_now"]["sum_cents"], sum, "{file}");
            let number = file["file"].to_string();
            bank.done(&["debits", "refuse", &number, "--as", "Maria"]);
        }
    };
    refuse(&bank);
    let lives = life(|| {
        bank.done(&prepare);
    });
    refuse(&bank);
    for _ in 0..KILLS {
        bank.killed(&prepare, lives);
        assert!(bank.waiting().len() < 2);
        assert_eq!(bank.debits().into_keys().collect::<Vec<_>>(), all);
        refuse(&bank);
        assert_eq!(bank.in_state("announced"), open);
    }

    // Approved: it is, or waits still; its bytes stay what they are.
    let file = bank.done(&prepare)["file"].to_string();
    let number = open.len().to_string();
    let total = format!("{}.{:02}", sum / 100, sum % 100);
    let approving = |count: &str, sum: &str| {
        let words = ["debits", "approve", &file, "--as", "Maria", "--count"];
        let words = words.iter().copied().chain([count, "--sum", sum]);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    // Somebody saw other debits leave, or another sum: nothing is approved.
    for (count, sum) in [("0", total.as_str()), (&number, "0.01")] {
        let words = approving(count, sum);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let other = run(
            bank.path(),
            &[&["pay"], &words[..], &["--dir", "demo"]].concat(),
        );
        assert_eq!(other.code, 6, "{}", other.shown());
        assert_eq!(bank.waiting().len(), 1);
    }
    let approve = approving(&number, &total);
    let approve: Vec<&str> = approve.iter().map(String::as_str).collect();
    bank.dies_at("before-approve-debits", &approve);
    assert_eq!(bank.waiting().len(), 1);
    for _ in 0..KILLS {
        bank.killed(&approve, lives);
        let ordered = bank.in_state("ordered");
        assert!(ordered.is_empty() || ordered == open, "{ordered:?}");
    }
    if bank.waiting().is_empty() {
        // The kill came too late: another person's word is only good once.
        let late = run(
            bank.path(),
            &[&["pay"], &approve[..], &["--dir", "demo"]].concat(),
        );
        assert_eq!(late.code, 6, "{}", late.shown());
    } else {
        bank.dies_at("after-approve-debits", &approve);
    }
    assert_eq!(bank.in_state("ordered"), open);
    assert!(bank.waiting().is_empty());
    let nothing = run(
        bank.path(),
        &[&["pay"], &prepare[..], &["--dir", "demo"]].concat(),
    );
    assert_eq!(nothing.code, 6, "{}", nothing.shown());

    // Written: whatever lies there after a death, the next one is whole and the same.
    let mut written = Vec::new();
    for (n, place) in ["before-write-debits", "debits-fetched", ""]
        .into_iter()
        .enumerate()
    {
        let to = format!("debits-{n}.xml");
        let write = ["debits", "write", &file, "--to", &to, "--as", "Maria"];
        if place.is_empty() {
            bank.done(&write);
            written.push(fs::read_to_string(bank.path().join(&to)).expect("a file"));
        } else {
            bank.dies_at(place, &write);
            assert_eq!(fs::read(bank.path().join(&to)).expect("begun"), b"");
        }
    }
    for n in 0..KILLS {
        let to = format!("killed-{n}.xml");
        bank.killed(
            &["debits", "write", &file, "--to", &to, "--as", "Maria"],
            lives,
        );
        let again = format!("again-{n}.xml");
        bank.done(&["debits", "write", &file, "--to", &again, "--as", "Maria"]);
        written.push(fs::read_to_string(bank.path().join(again)).expect("a file"));
    }
    written.dedup();
    let [xml] = &written[..] else {
        panic!("{} of them", written.len())
    };
    for (number, _) in &open {
        let name = format!("<EndToEndId>KVIT-DEBIT-{number}</EndToEndId>");
        assert_eq!(xml.matches(&name).count(), 1, "{name}");
    }
    let total = format!("<CtrlSum>{total}</CtrlSum>");
    assert!(xml.contains(&total), "{total}");

    // The money comes, and some of it goes back; each once.
    let iban = xml
        .split("<CdtrAcct><Id><IBAN>")
        .nth(1)
        .expect("an account");
    let iban = &iban[..iban.find('<').expect("its end")];
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let back = open[0];
    let before = (bank.book("bank"), bank.book("customer"));
    let file = bank.path().join("moved.xml");
    fs::write(&file, notification(iban, &day, &open, Some(back))).expect("written");
    let bring = ["statement", "moved.xml", "--as", "Ivan"];
    let after = |bank: &Bank| {
        (
            bank.book("bank") - before.0,
            bank.book("customer") - before.1,
        )
    };
    bank.dies_at("before-keep-statement", &bring);
    bank.dies_at("after-keep-statement", &bring);
    bank.dies_at("before-book-transfers", &bring);
    assert_eq!(after(&bank), (0, 0));
    bank.dies_at("after-book-transfers", &bring);
    for _ in 0..KILLS {
        bank.killed(&bring, lives);
        bank.book("bank");
    }
    let left = sum - back.1;
    for _ in 0..2 {
        bank.done(&bring);
        assert_eq!(after(&bank), (left, -left));
        assert_eq!(bank.book("unmatched"), 0, "the fee waits for nobody");
        assert_eq!(bank.in_state("settled"), open[1..]);
        let gone: Vec<u64> = bank
            .in_state("returned")
            .into_iter()
            .map(|one| one.0)
            .collect();
        assert!(gone.contains(&back.0) && gone.len() == 2, "{gone:?}");
    }
    // Another notification of the same.
    let text = fs::read_to_string(&file).expect("there");
    fs::write(&file, text.replace("<GrpHdr/>", "<GrpHdr></GrpHdr>")).expect("written");
    bank.done(&bring);
    assert_eq!(after(&bank), (left, -left));
}
