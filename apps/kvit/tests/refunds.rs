//! Refunds the way it was paid, by the real process: what is unclear after a restore, what a person finds, and what
//! turns out to be otherwise.

mod common;

use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use common::{Ran, folder, run};
use kvit_billing::{BillNumber, Cents, Currency};
use kvit_pay::{MacSecret, dialects::epay::Epay, params::encode};
use kvit_store::{Concede, ConcessionKind, NewConcession, NewPayment, NoticeOutcome, Store};
use serde_json::{Value, json};

const SECRET: &str = "a secret that this test shares with itself";

struct Desk {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Desk {
    /// A demonstration, in which a customer paid 40.00 at iCard, and Ivan proposes to give 10.00 and 5.00 of it back.
    fn open() -> Self {
        let (folder, path) = folder();
        let words = ["demo", "--customers", "20", "--exit", "--dir", "demo"];
        let shown = run(&path, &[&words[..], &["--json"]].concat()).ok().json();
        let number = shown["first_number"].to_string();
        let number: BillNumber = number.trim_matches('"').parse().expect("a number");
        proposed(&path.join("demo/kvit.db"), number);
        Self {
            _folder: folder,
            path,
        }
    }

    fn pay(&self, arguments: &[&str]) -> Ran {
        let all = [&["pay"], arguments, &["--dir", "demo", "--json"]].concat();
        run(&self.path, &all)
    }

    fn done(&self, arguments: &[&str]) -> Value {
        self.pay(arguments).ok().json()
    }

    /// It is refused, and says why in these words.
    fn refused(&self, arguments: &[&str], words: &str) {
        let ran = self.pay(arguments);
        assert_eq!(ran.code, 6, "{}", ran.shown());
        assert!(ran.err.contains(words), "{}", ran.shown());
    }

    fn state(&self, number: u64) -> String {
        let listed = self.done(&["refunds"])["latest"].clone();
        let mut listed = listed.as_array().expect("a list").iter();
        let found = listed.find(|one| one["number"] == number).expect("listed");
        found["state"].as_str().expect("a state").to_owned()
    }

    fn book(&self, name: &str) -> i64 {
        let books = self.done(&["books"]);
        assert_eq!(books["sum_cents"], 0, "{books}");
        let books = books["books"].as_array().expect("books").iter();
        let found = books.filter(|book| book["book"] == name);
        found.filter_map(|book| book["cents"].as_i64()).sum()
    }
}

/// A customer pays 40.00 of a bill at iCard, as if that spoke ePay's dialect, and two parts of it are to go back.
#[tokio::main(flavor = "current_thread")]
async fn proposed(database: &Path, bill: BillNumber) {
    let url = format!("sqlite://{}", database.display());
    let store = Store::open(&url).await.expect("the store");
    let bill = store.bill(bill).await.expect("an answer").expect("a bill");
    let now = jiff::Timestamp::now();
    let new = NewPayment {
        provider: "icard".parse().expect("a name"),
        bill: bill.number,
        account: bill.account.clone(),
        bills: vec![bill.number],
        way: "card".to_owned(),
        first_number: 1,
        amount: Cents::new(4000),
        currency: Currency::EUR,
        at: now,
        expires_at: now,
        poll_at: None,
        nonce: None,
        parts: Vec::new(),
    };
    let payment = store.begin_payment(&new).await.expect("a payment");
    assert_eq!(payment.number, 1);
    let icard = Epay {
        name: new.provider,
        min: "1".to_owned(),
        secret: MacSecret::new(SECRET),
        url: String::new(),
    };
    let encoded = "SU5WT0lDRT0xOlNUQVRVUz1QQUlEOlBBWV9USU1FPTIwMjYxMTI4MTIwMDAwOlNUQU49MTIzNDU2OkJDT0RFPUExQjJDMwo=";
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let checksum = hex::encode(hmac::sign(&key, encoded.as_bytes()));
    let body = encode([("encoded", encoded), ("checksum", checksum.as_str())]);
    for line in icard.notification(body.as_bytes()).expect("a notice") {
        let notice = line.notice.expect("a notice");
        let received = store.receive_notice(&notice, now).await.expect("kept");
        assert_eq!(received.outcome, NoticeOutcome::Posted);
    }
    let notices = store.notices(1).await.expect("notices");
    for (number, cents) in [(1, 1000), (2, 500)] {
        let new = NewConcession {
            account: bill.account.clone(),
            kind: ConcessionKind::SameWay {
                provider: icard.name.clone(),
                payment: notices[0].id.to_string(),
            },
            amount: Cents::new(cents),
            why: "x".to_owned(),
            by: "ivan".to_owned(),
        };
        let said = store.propose_concession(&new, now).await;
        assert_eq!(said.expect("an answer"), Concede::Proposed(number));
    }
}

#[test]
fn what_came_of_a_refund_is_said_found_and_corrected() {
    let desk = Desk::open();
    let doubt = ["refunds", "doubt", "--as", "eva"];
    assert_eq!(desk.done(&doubt)["unclear"], json!([]));
    let customers = desk.book("customer");
    let books = || {
        let of = |name| desk.book(name);
        let customers = of("customer") - customers;
        (of("clearing/icard"), of("refunds"), customers)
    };
    assert_eq!(books(), (4000, 0, 0));
    let (first, second) = ("1", "2");
    for number in [first, second] {
        desk.done(&["refunds", "approve", number, "--as", "maria"]);
    }
    assert_eq!(books(), (4000, -1500, 1500));

    // After a restore nothing is asked for by itself: a third person says what came of each.
    let say =
        |word, number, what, by| ["refunds", word, number, what, "--because", "R7", "--as", by];
    desk.refused(&say("found", first, "--went-back", "eva"), "not asked for");
    desk.refused(
        &say("correct", first, "--went-back", "eva"),
        "not known yet",
    );
    assert_eq!(desk.done(&doubt)["unclear"], json!([1, 2]));
    assert_eq!(desk.done(&doubt)["unclear"], json!([]), "once");
    let doctor = run(&desk.path, &["doctor", "--dir", "demo"]);
    let told = "whether the money of 2 refunds went back";
    assert!(doctor.out.contains(told), "{}", doctor.shown());
    let listed = desk.done(&["refunds"]);
    assert_eq!(listed["same_way"][0]["answer"]["words"], "restored");
    assert_eq!(desk.state(1), "unclear");
    desk.refused(&["refunds", "refuse", first, "--as", "eva"], "sent already");
    for by in ["ivan", "maria"] {
        desk.refused(&say("found", first, "--went-back", by), "cannot say");
    }
    desk.done(&say("found", first, "--went-back", "eva"));
    desk.done(&say("found", second, "--not-given", "eva"));
    assert_eq!(books(), (3000, 0, 1000));
    assert_eq!(
        (desk.state(1), desk.state(2)),
        ("paid".into(), "declined".into())
    );

    // The first turns out not to be given, the second to be.
    desk.refused(
        &say("correct", first, "--went-back", "eva"),
        "say so already",
    );
    for (number, what, correction) in [(first, "--not-given", "1"), (second, "--went-back", "2")] {
        let said = desk.done(&say("correct", number, what, "eva"));
        assert_eq!(said["correction"].to_string(), correction);
    }
    assert_eq!(books(), (3000, 0, 1000), "one word is none");
    let listed = desk.done(&["refunds"]);
    assert_eq!(listed["corrections"][1]["went_back"], true, "{listed}");
    let table = run(&desk.path, &["pay", "refunds", "--dir", "demo"])
        .ok()
        .out;
    assert!(table.contains("it went back"), "{table}");
    let decide = |word, correction, by| ["refunds", word, correction, "--as", by];
    for by in ["eva", "ivan", "maria"] {
        let words = decide("approve-correction", "1", by);
        desk.refused(&words, "cannot approve the correction");
    }
    desk.done(&decide("approve-correction", "1", "petar"));
    desk.refused(&decide("approve-correction", "1", "petar"), "already");
    desk.refused(
        &decide("approve-correction", "9", "petar"),
        "no such refund or correction",
    );
    assert_eq!(books(), (4000, 0, 0));
    desk.done(&decide("refuse-correction", "2", "petar"));
    assert_eq!(books(), (4000, 0, 0));
    assert_eq!(
        (desk.state(1), desk.state(2)),
        ("declined".into(), "declined".into())
    );
    let listed = desk.done(&["refunds"]);
    assert_eq!(listed["corrections"], json!([]));
    let mut all = listed["latest"].as_array().expect("a list").iter();
    let one = all.find(|one| one["number"] == 1).expect("listed");
    assert_eq!(
        (&one["turned_out"], &one["answer"]["word"]),
        (&json!(false), &json!("done"))
    );
}
