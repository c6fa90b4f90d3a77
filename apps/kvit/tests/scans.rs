//! Scanned declarations, brought by the real process: each page once, whatever befalls the process.

#![cfg(unix)]

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use common::{
    folder, kvit, run,
    service::{Person, Service, hire, instance, until},
};
use datamatrix::{DataMatrix, SymbolList};
use kvit_scan::Picture;

const W: u32 = 620;
const H: u32 = 877;

/// A declaration, A4 at 75 dpi.
fn page(says: &str) -> Vec<u8> {
    let mut luma = vec![255_u8; (W * H) as usize];
    let code = DataMatrix::encode(says.as_bytes(), SymbolList::default().enforce_square());
    for (x, y) in code.expect("fits").bitmap().pixels() {
        for at in 0..16 {
            let (x, y) = (450 + x * 4 + at % 4, 700 + y * 4 + at / 4);
            luma[y * W as usize + x] = 0;
        }
    }
    let page = Picture::new(W, H, luma).expect("a page");
    page.kept().expect("written").bytes
}

/// The operator's number in the configuration.
fn eik(instance: &Path) -> String {
    let text = fs::read_to_string(instance.join("kvit.toml")).expect("made");
    let line = text.lines().find(|line| line.starts_with("eik"));
    let value = line.and_then(|line| line.split('"').nth(1));
    value.expect("the operator has a number").to_owned()
}

#[test]
fn scans_come_in_once_whatever_befalls_the_process() {
    let (_folder, path) = folder();
    run(&path, &["init", "--dir", "one"]).ok();
    let eik = eik(&path.join("one"));
    let said = |n: u32| format!("KVIT1;{eik};{n};4211000001");
    fs::write(path.join("a.png"), page(&said(1_000_001))).expect("written");
    fs::write(path.join("b.png"), page(&said(1_000_002))).expect("written");
    fs::write(path.join("c.png"), page("KVIT1;1;1000003;1")).expect("written");
    fs::write(path.join("bad.jpg"), [0xff, 0xd8, 0xff, 0, 1]).expect("written");
    fs::write(path.join("note.txt"), "hello").expect("written");
    let bring = [
        "scans", "import", "a.png", "b.png", "--as", "ivan", "--dir", "one",
    ];
    for place in ["before-keep-scan", "after-keep-scan", "after-name-scan"] {
        let status = kvit(&path)
            .env("KVIT_FAULT", format!("{place}:1"))
            .args(bring)
            .status()
            .expect("it starts");
        assert_eq!(status.code(), None, "it did not die at {place}: {status}");
    }
    let told = run(&path, &[&bring[..], &["--json"]].concat()).ok().json();
    // The last death was behind the first page's row.
    assert_eq!(told[0]["report"]["known"], 1, "{told}");
    assert_eq!(told[1]["report"]["kept"], 1, "{told}");
    let again = run(&path, &[&bring[..], &["--json"]].concat()).ok().json();
    assert_eq!(again[1]["report"]["known"], 1, "{again}");
    let bad = [
        "scans", "import", "bad.jpg", "note.txt", "c.png", "--as", "ivan", "--dir", "one",
    ];
    insta::assert_snapshot!("scans-in-part", run(&path, &bad).shown());
    let missing = [
        "scans", "import", "none.pdf", "--as", "ivan", "--dir", "one",
    ];
    insta::assert_snapshot!("scans-missing", run(&path, &missing).shown());
    // One picture for each page, and the one that the second death left, which is removed a day later.
    assert_eq!(pictures(&path.join("one")).len(), 4);
}

/// The objects that lie in the archive for scans.
fn pictures(instance: &Path) -> BTreeSet<String> {
    let archive = instance.join("archive");
    let mut found = BTreeSet::new();
    let mut folders = vec![archive.join("scans")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("there") {
            let entry = entry.expect("an entry").path();
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let object = entry.strip_prefix(&archive).expect("within");
                found.insert(object.to_str().expect("a name").to_owned());
            }
        }
    }
    found
}

#[test]
fn an_uploaded_file_that_was_answered_for_is_read_after_a_kill() {
    let (_folder, path) = folder();
    let (address, _) = instance(&path);
    let eik = eik(&path);
    let scan = |n: u32| page(&format!("KVIT1;{eik};{n};4211000001"));
    let temporary = hire(&path, "petya", "clerk");
    let service = Service::start_dying(&path, &address, "after-keep-scan:1");
    let mut petya = Person::sign_in(&service, "petya", &temporary);
    petya.choose_password(&temporary);
    // It ends while the first page is read, which may be before the answer is out.
    let (head, body) = petya.form_to("/staff/scans/file", "first.png", &scan(1));
    let _ = petya.ask(&head, &body);
    service.ends();
    // It ends before it can answer: nothing was promised.
    let service = Service::start_dying(&path, &address, "after-keep-scans:1");
    until("the next process reads the first one", || {
        petya.get("/staff/scans").body.contains("Чакат страници: 1")
    });
    let (head, body) = petya.form_to("/staff/scans/file", "second.png", &scan(2));
    assert!(petya.ask(&head, &body).is_err());
    service.ends();
    // The row is there, and the answer does not come: it is read all the same.
    let service = Service::start_dying(&path, &address, "after-name-scans:1");
    let (head, body) = petya.form_to("/staff/scans/file", "third.png", &scan(3));
    assert!(petya.ask(&head, &body).is_err());
    service.ends();
    // A kill right after the answer.
    let service = Service::start(&path, &address);
    assert_eq!(
        petya.upload_to("/staff/scans/file", "fourth.png", &scan(4)),
        "/staff/scans?done=brought"
    );
    drop(service);
    let service = Service::start(&path, &address);
    let mut room = String::new();
    until("three pages wait", || {
        room = petya.get("/staff/scans").body;
        room.contains("Чакат страници: 3") && !room.contains("чака реда си")
    });
    for (name, listed) in [
        ("first", true),
        ("second", false),
        ("third", true),
        ("fourth", true),
    ] {
        assert_eq!(
            room.contains(&format!("{name}.png")),
            listed,
            "{name}: {room}"
        );
    }
    assert!(!room.contains("Качете файла отново"), "{room}");
    drop(service);
    // Three pages have their pictures; whatever else the deaths left is noted, and removed a day later.
    let (named, noted) = known(&path.join("kvit.db"));
    let lies = pictures(&path);
    assert_eq!(named.len(), 3);
    assert!(named.is_subset(&lies), "{named:?} of {lies:?}");
    let known = named.union(&noted).cloned().collect();
    assert!(lies.is_subset(&known), "{lies:?} of {known:?}");
    // The second death left its file at the least.
    assert!(lies.len() > named.len(), "{lies:?}");
}

/// The objects that pages name, and those that are noted for removal.
#[tokio::main(flavor = "current_thread")]
async fn known(database: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let url = format!("sqlite://{}", database.display());
    let pool = sqlx::SqlitePool::connect(&url).await.expect("the database");
    let objects = async |table: &str| {
        let sql = format!("SELECT object FROM {table}");
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&pool);
        BTreeSet::from_iter(rows.await.expect("objects"))
    };
    (objects("scans").await, objects("scan_objects").await)
}

#[test]
fn the_demonstration_has_a_declaration_that_was_signed_on_a_screen() {
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
    let number = shown["signed_on_screen"].as_str().expect("somebody signed");
    let sheets: Vec<_> = fs::read_dir(path.join("demo/archive/scans/signed"))
        .expect("a folder")
        .collect();
    let [Ok(sheet)] = &sheets[..] else {
        panic!("{sheets:?}");
    };
    let svg = fs::read_to_string(sheet.path()).expect("a sheet");
    assert!(svg.contains(number) && svg.contains("<path d="), "{svg}");
}
