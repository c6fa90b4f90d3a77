//! Run files that are uploaded in the console of the real service: checked in the background, cleared away
//! after a kill, and never released by who brought them.

mod common;

use std::{
    fs,
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
};

use common::{
    folder, run,
    service::{Person, Service, instance, until},
};
use jiff::civil::date;
use kvit_synth::Synth;

/// So many that a reader can be met at work.
const ORDERS: u32 = 10_000;

/// What lies in the folder of uploads, besides locks.
fn left(path: &Path) -> Vec<PathBuf> {
    let Ok(folders) = fs::read_dir(path.join("uploads")) else {
        return Vec::new();
    };
    let folders = folders.map(|entry| entry.expect("an entry").path());
    folders
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.ends_with("lock"))
        .collect()
}

fn folders(path: &Path) -> usize {
    fs::read_dir(path.join("uploads")).map_or(0, |entries| {
        let entries = entries.map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_dir()).count()
    })
}

fn run_file(orders: u32) -> Vec<u8> {
    let (synth, month) = (Synth::new(7, orders), date(2026, 10, 1));
    let header = synth.run_header("2026-10", month, orders);
    let mut file = Vec::new();
    kvit_intake::write_ndjson(&header, synth.orders(month), &mut file).expect("written");
    file
}

#[test]
fn an_uploaded_run_is_checked_and_a_kill_leaves_nothing_stuck() {
    let (_folder, path) = folder();
    let (address, temporary) = instance(&path);
    let service = Service::start(&path, &address);
    let mut vera = Person::sign_in(&service, "vera", &temporary);
    vera.choose_password(&temporary);
    let file = run_file(ORDERS);

    // One that breaks off leaves nothing behind.
    let (head, body) = vera.form("run.ndjson", &file);
    let mut stream = TcpStream::connect(&address).expect("a connection");
    let cookie = format!(
        "kvit_staff={}; kvit_form={}",
        vera.cookies["kvit_staff"], vera.cookies["kvit_form"]
    );
    write!(
        stream,
        "{head}\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n"
    )
    .expect("sent");
    stream.write_all(&body[..body.len() / 2]).expect("sent");
    until("it comes in", || left(&path).len() == 1);
    drop(stream);
    until("it is given up", || left(&path).is_empty());

    let page = vera.upload("../../октомври.ndjson", &file);
    until("it is being read", || {
        let read = vera.get(&page).body;
        read.contains("октомври.ndjson")
            && read.contains(" от 10\u{a0}000")
            && !read.contains(": 0 от")
    });
    drop(service);
    assert_eq!((left(&path).len(), folders(&path)), (1, 1));

    let service = Service::start(&path, &address);
    until("leftovers are cleared away", || folders(&path) == 0);
    let gone = vera.get(&page);
    assert_eq!(gone.status, 404);
    assert!(
        gone.body.contains("качете същия файл отново"),
        "{}",
        gone.body
    );
    assert!(
        run(&path, &["run", "list", "--json"])
            .ok()
            .json()
            .as_array()
            .expect("runs")
            .is_empty()
    );
    // The same one again clears the rest of the first away; two at once are one run.
    let mut other = vera.clone();
    let twin = file.clone();
    let second = std::thread::spawn(move || {
        let page = other.upload("the same.ndjson", &twin);
        other.outcome(&page)
    });
    let page = vera.upload("октомври.ndjson", &file);
    let ends = [vera.outcome(&page), second.join().expect("an end")];
    let checked: Vec<_> = ends.iter().filter(|end| end.status == 303).collect();
    assert_eq!(checked.len(), 1, "{}{}", ends[0].body, ends[1].body);
    assert!(ends.iter().any(|end| end.body.contains("вече са в пуск")));
    let shown = vera.get(&checked[0].location);
    assert!(
        shown.body.contains("Вие сте внесли този пуск"),
        "{}",
        shown.body
    );
    assert!(left(&path).is_empty());
    // The command line knows who brought it, and that it is there already.
    let runs = run(&path, &["run", "list", "--json"]).ok().json();
    let good = runs
        .as_array()
        .expect("runs")
        .iter()
        .find(|run| run["state"] == "checked");
    let good = good.expect("a checked run");
    assert_eq!(
        (&good["imported_by"], &good["bills"]),
        (&"vera".into(), &ORDERS.into())
    );
    let id = good["run"].as_str().expect("an id");
    let same = run(&path, &["run", "release", id, "--as", "Vera"]);
    assert_eq!(same.code, 6, "{}", same.shown());
    fs::write(path.join("again.ndjson"), &file).expect("written");
    let again = run(&path, &["run", "import", "again.ndjson", "--as", "ivan"]);
    assert_eq!(again.code, 3, "{}", again.shown());
    assert!(
        again
            .out
            .contains(&format!("this file is already run {id}")),
        "{}",
        again.shown()
    );
    // What the command line brought is not released by the same person in the console.
    fs::write(path.join("next.ndjson"), next_month()).expect("written");
    let next = run(
        &path,
        &["run", "import", "next.ndjson", "--as", "Vera", "--json"],
    )
    .ok()
    .json();
    let release = format!(
        "/staff/runs/{}/release",
        next["run"].as_str().expect("an id")
    );
    let refused = vera.post(&release, "");
    assert_eq!(refused.status, 409, "{}", refused.body);

    // What is no run file is rejected with its place; a sample of a good one is a PDF.
    let bad = vera.upload("notes.txt", b"hello\n");
    let rejected = vera.outcome(&bad);
    assert_eq!(rejected.status, 303, "{}", rejected.body);
    let why = vera.get(&rejected.location).body;
    assert!(
        why.contains("notes.txt") && why.contains("Защо е отхвърлен"),
        "{why}"
    );
    let sample = vera.get(&format!("/staff/runs/{id}/samples/0"));
    assert_eq!(sample.status, 200, "{}", sample.body);
    assert!(sample.body.starts_with("%PDF-1.7"));
    let beyond = vera.get(&format!("/staff/runs/{id}/samples/{ORDERS}"));
    assert_eq!(beyond.status, 404);
    drop(service);
}

fn next_month() -> Vec<u8> {
    let (synth, month) = (Synth::new(7, 3), date(2026, 11, 1));
    let header = synth.run_header("2026-11", month, 3);
    let mut file = Vec::new();
    kvit_intake::write_ndjson(&header, synth.orders(month), &mut file).expect("written");
    file
}

/// A statement with one payment of nobody known, as the bank of this account would give it.
fn statement(iban: &str, closing: &str) -> String {
    let balance = |code: &str, amount: &str| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-27</Dt></Dt></Bal>"
        )
    };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><Stmt><Id>S1</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{}{}<Ntry><Amt Ccy=\"EUR\">12.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-27</Dt></BookgDt><AcctSvcrRef>FT1</AcctSvcrRef></Ntry></Stmt></BkToCstmrStmt></Document>",
        balance("OPBD", "100.00"),
        balance("CLBD", closing)
    )
}

#[test]
fn an_uploaded_statement_is_judged_whole_and_counts_once() {
    const PATH: &str = "/staff/statements/file";
    let (_folder, path) = folder();
    let (address, temporary) = instance(&path);
    let settings = fs::read_to_string(path.join("kvit.toml")).expect("there");
    let mark = "\niban = \"";
    let at = settings.find(mark).expect("an account") + mark.len();
    let iban = settings[at..]
        .split('"')
        .next()
        .expect("text")
        .replace(' ', "");
    let service = Service::start(&path, &address);
    let mut vera = Person::sign_in(&service, "vera", &temporary);
    vera.choose_password(&temporary);

    let wrong = statement(&iban, "113.00").replace("FT1", "");
    let page = vera.upload_to(PATH, "грешен.xml", wrong.as_bytes());
    let told = vera.outcome(&page);
    for part in ["Нищо от файла не е записано", "запис 1", "AcctSvcrRef"]
    {
        assert!(told.body.contains(part), "{part}: {}", told.body);
    }
    assert!(
        vera.get("/staff/statements")
            .body
            .contains("Още няма внесени извлечения")
    );
    let right = statement(&iban, "112.00");
    for (name, said) in [("ден.xml", "booked"), ("пак.xml", "known")] {
        let page = vera.upload_to(PATH, name, right.as_bytes());
        let end = vera.outcome(&page);
        assert!(
            end.location.ends_with(&format!("?done={said}")),
            "{}",
            end.location
        );
        let shown = vera.get(&end.location).body.replace('\u{a0}', " ");
        for part in ["ден.xml", "Неразпознати, чакат служител", "12,00", &iban]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    assert!(left(&path).is_empty());
    let books = run(&path, &["pay", "books", "--json"]).ok().json();
    assert_eq!(books["books"][0]["cents"], 1200, "{books}");
}
