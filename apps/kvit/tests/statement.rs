//! A bank statement, brought by the real process: it is booked once, whatever befalls the process.

#![cfg(unix)]

mod common;

use std::{fs, path::Path};

use common::{folder, kvit, run};
use kvit_store::{NewStatement, Store};
use serde_json::Value;

fn pay(path: &Path, arguments: &[&str]) -> Value {
    let all = [&["pay"], arguments, &["--dir", "demo", "--json"]].concat();
    run(path, &all).ok().json()
}

/// The sum of a book.
fn book(path: &Path, name: &str) -> i64 {
    let books = pay(path, &["books"]);
    assert_eq!(books["sum_cents"], 0, "{books}");
    let all = books["books"].as_array().expect("books");
    let found = all.iter().find(|book| book["book"] == name);
    found.map_or(0, |book| book["cents"].as_i64().expect("a sum"))
}

fn tally(report: &Value, name: &str) -> (u64, i64) {
    let tally = &report[name];
    (
        tally["count"].as_u64().expect("a count"),
        tally["cents"].as_i64().expect("a sum"),
    )
}

/// Keeps a statement whose bytes are none.
#[tokio::main(flavor = "current_thread")]
async fn damaged(database: &Path) {
    let url = format!("sqlite://{}", database.display());
    let store = Store::open(&url).await.expect("the store");
    let new = NewStatement {
        id: "d".repeat(64),
        file: "damaged.xml".to_owned(),
        format: "camt.053.001.08".to_owned(),
        received: vec![1, 2, 3],
        facts: Vec::new(),
        by: "console:ivan".to_owned(),
    };
    let kept = store.keep_statement(&new, jiff::Timestamp::now()).await;
    assert!(kept.expect("kept"));
}

#[test]
fn a_statement_is_booked_once_whatever_befalls_the_process() {
    let (_folder, path) = folder();
    let demo = [
        "demo",
        "--customers",
        "30",
        "--exit",
        "--dir",
        "demo",
        "--json",
    ];
    let shown = run(&path, &demo).ok().json();
    let file = shown["bank_statement"].as_str().expect("a path");
    let file = file.replace("FOLDER", &path.display().to_string());
    let bring = ["pay", "statement", &file, "--as", "ivan", "--dir", "demo"];
    let dies_at = |place: &str| {
        let status = kvit(&path)
            .env("KVIT_FAULT", format!("{place}:1"))
            .args(bring)
            .status()
            .expect("it starts");
        assert_eq!(status.code(), None, "it did not die at {place}: {status}");
    };
    // Whatever is wrong with one of two files, nothing of either is kept.
    let text = fs::read_to_string(&file).expect("there");
    let cut = path.join("cut.xml");
    fs::write(&cut, &text[..text.len() / 2]).expect("written");
    let bad = run(&path, &[&bring[..3], &["cut.xml"], &bring[3..]].concat());
    assert_eq!(bad.code, 3, "{}", bad.shown());
    assert!(bad.out.contains("cut.xml:") && bad.out.contains("Nothing is kept"));
    // The demonstration has the bank's report about its debits.
    let kept = || {
        let listed = pay(&path, &["statements"]);
        listed["statements"].as_array().expect("a list").len()
    };
    let before = kept();
    dies_at("before-keep-statement");
    assert_eq!(kept(), before);
    dies_at("after-keep-statement");
    assert!(pay(&path, &["statements"])["statements"][0]["report"].is_null());
    assert_eq!(book(&path, "bank"), 0);
    dies_at("before-book-transfers");
    assert_eq!(book(&path, "bank"), 0);
    dies_at("after-book-transfers");
    let bank = book(&path, "bank");
    assert!(bank > 0);
    assert!(pay(&path, &["statements"])["statements"][0]["report"].is_null());
    // The next one goes on; it and the one after change nothing any more.
    for _ in 0..2 {
        let done = pay(&path, &["statement", &file, "--as", "maria"]);
        let report = &done["files"][0]["report"];
        let ((matched, paid), (unmatched, held)) =
            (tally(report, "matched"), tally(report, "unmatched"));
        let (back, taken) = tally(report, "taken_back");
        assert_eq!((matched, unmatched, back), (20, 6, 1), "{report}");
        assert_eq!(tally(report, "spent").0, 1);
        assert_eq!(book(&path, "bank"), bank);
        assert_eq!(bank, paid + held - taken);
        assert_eq!(book(&path, "unmatched"), -held);
        assert_eq!(book(&path, "customer"), taken - paid);
    }
    // Another statement of the same day has the same payments.
    fs::write(&cut, text.replace("<MsgId>", "<MsgId>again ")).expect("written");
    let again = pay(&path, &["statement", "cut.xml", "--as", "ivan"]);
    assert_eq!(tally(&again["files"][0]["report"], "repeated").0, 27);
    assert_eq!(book(&path, "bank"), bank);
    // What nobody is named by has the payer's name, and two people give it away.
    let waiting = pay(&path, &["unmatched"]);
    let notice = &waiting["notices"][0];
    assert_eq!(notice["transfer"]["text"], "за тока, благодаря");
    assert!(notice["transfer"]["from"].is_string());
    let name = notice["notice"].as_str().expect("a name");
    for (verb, by) in [("allocate", "ivan"), ("approve", "maria")] {
        pay(&path, &[verb, name, "--to", "1000000000", "--as", by]);
    }
    assert_eq!(
        pay(&path, &["unmatched"])["notices"]
            .as_array()
            .map(Vec::len),
        Some(5)
    );
    // The list names both; one shows its transfers.
    let all = &pay(&path, &["statements"])["statements"];
    assert_eq!(kept(), before + 2);
    let id = all[1]["statement"].as_str().expect("an id");
    let one = pay(&path, &["statements", &id[..10]]);
    assert_eq!(one["transfers"].as_array().map(Vec::len), Some(28));
    // One of which what is kept is damaged is told with each import.
    assert_eq!(again["broken"], 0);
    damaged(&path.join("demo/kvit.db"));
    let told = run(&path, &[&bring[..], &["--json"]].concat()).ok();
    assert_eq!(told.json()["broken"], 1, "{}", told.shown());
    assert!(told.shown().contains("import the same file again"));
}
