//! Scanned declarations, brought by the real process: each page once, whatever befalls the process.

#![cfg(unix)]

mod common;

use std::{fs, path::Path};

use common::{folder, kvit, run};
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
fn eik(path: &Path) -> String {
    let text = fs::read_to_string(path.join("one/kvit.toml")).expect("made");
    let line = text.lines().find(|line| line.starts_with("eik"));
    let value = line.and_then(|line| line.split('"').nth(1));
    value.expect("the operator has a number").to_owned()
}

#[test]
fn scans_come_in_once_whatever_befalls_the_process() {
    let (_folder, path) = folder();
    run(&path, &["init", "--dir", "one"]).ok();
    let eik = eik(&path);
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
    // Two pictures are in the archive for each page at most: one, as their names follow from what they are.
    let mut found = 0;
    let mut folders = vec![path.join("one/archive/scans")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("there") {
            let entry = entry.expect("an entry").path();
            if entry.is_dir() {
                folders.push(entry);
            } else {
                found += 1;
            }
        }
    }
    assert_eq!(found, 3);
}
