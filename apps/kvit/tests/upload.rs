//! Run files that are uploaded in the console of the real service: checked in the background, cleared away
//! after a kill, and never released by who brought them.

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use common::{folder, kvit, run};
use jiff::civil::date;
use kvit_synth::Synth;

const BOUNDARY: &str = "----kvit-test";
const PATIENCE: Duration = Duration::from_secs(120);
/// So many that a reader can be met at work.
const ORDERS: u32 = 3_000;

/// The service, ended as abruptly as by a power cut when it is dropped.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(path: &Path, address: &str) -> Self {
        let child = kvit(path)
            .arg("serve")
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let service = Self {
            child,
            address: address.to_owned(),
        };
        until("it answers", || TcpStream::connect(address).is_ok());
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Somebody of billing, signed in.
#[derive(Clone)]
struct Person {
    address: String,
    cookies: BTreeMap<String, String>,
    token: String,
}

struct Answer {
    status: u16,
    location: String,
    body: String,
}

impl Person {
    fn sign_in(service: &Service, login: &str, password: &str) -> Self {
        let mut person = Self {
            address: service.address.clone(),
            cookies: BTreeMap::new(),
            token: String::new(),
        };
        let page = person.get("/staff/sign-in").body;
        let mark = "name=\"form_token\" value=\"";
        let at = page.find(mark).expect("a form") + mark.len();
        person.token = page[at..at + 32].to_owned();
        let done = person.post(
            "/staff/sign-in",
            &format!("login={login}&password={password}"),
        );
        assert_eq!(done.status, 303, "{}", done.body);
        person
    }

    fn ask(&mut self, head: &str, body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        write!(
            stream,
            "{head}\r\nHost: {}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
            self.address,
            cookies.join("; ")
        )?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let mut location = String::new();
        for line in head.lines() {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            match name {
                "location" => value.clone_into(&mut location),
                "set-cookie" => {
                    let pair = value.split(';').next().expect("a pair");
                    let (name, value) = pair.split_once('=').expect("a pair");
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        Ok(Answer {
            status: head[9..12].parse().expect("a status"),
            location,
            body: body.to_owned(),
        })
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), b"")
            .expect("an answer")
    }

    fn post(&mut self, path: &str, form: &str) -> Answer {
        let form = format!("form_token={}&{form}", self.token);
        let kind = "application/x-www-form-urlencoded";
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {}",
            form.len()
        );
        self.ask(&head, form.as_bytes()).expect("an answer")
    }

    fn form(&self, name: &str, file: &[u8]) -> (String, Vec<u8>) {
        self.form_to("/staff/imports/file", name, file)
    }

    fn form_to(&self, path: &str, name: &str, file: &[u8]) -> (String, Vec<u8>) {
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{}\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n",
            self.token
        )
        .into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}",
            body.len()
        );
        (head, body)
    }

    /// Uploads a file, and gives the address of its page.
    fn upload(&mut self, name: &str, file: &[u8]) -> String {
        self.upload_to("/staff/imports/file", name, file)
    }

    fn upload_to(&mut self, path: &str, name: &str, file: &[u8]) -> String {
        let (head, body) = self.form_to(path, name, file);
        let done = self.ask(&head, &body).expect("an answer");
        assert_eq!(done.status, 303, "{}", done.body);
        done.location
    }

    /// Where the page of an import leads, or what it says, once nothing changes there any more.
    fn outcome(&mut self, page: &str) -> Answer {
        let mut last = self.get(page);
        until("the import ends", || {
            last = self.get(page);
            !last.body.contains("Страницата се обновява сама")
        });
        last
    }
}

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

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// An instance with an account of billing, and the password of it.
fn instance(path: &Path) -> (String, String) {
    run(path, &["init", "--key", "p256"]).ok();
    let (portal, watch) = (free_address(), free_address());
    let file = path.join("kvit.toml");
    let text = fs::read_to_string(&file)
        .expect("there")
        .replace(
            "listen = \"127.0.0.1:8480\"",
            &format!("listen = \"{portal}\""),
        )
        .replace(
            "listen = \"127.0.0.1:9464\"",
            &format!("listen = \"{watch}\""),
        )
        .replace("http://127.0.0.1:8480", &format!("http://{portal}"))
        .replace("chunk_orders = 1000", "chunk_orders = 20");
    fs::write(&file, text).expect("written");
    let added = run(
        path,
        &[
            "staff",
            "add",
            "vera",
            "--role",
            "billing",
            "--name",
            "Вера",
            "--without-totp",
            "--json",
        ],
    );
    let password = added.ok().json()["password"]
        .as_str()
        .expect("a password")
        .to_owned();
    (portal, password)
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
    let own = "four+words+of+mine";
    let form = format!("old={temporary}&new={own}&again={own}");
    assert_eq!(vera.post("/staff/password", &form).status, 303);
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
            && read.contains(" от 3\u{a0}000")
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
    let form = format!("old={temporary}&new=four+words+of+mine&again=four+words+of+mine");
    assert_eq!(vera.post("/staff/password", &form).status, 303);

    let wrong = statement(&iban, "113.00").replace("FT1", "");
    let page = vera.upload_to(PATH, "грешен.xml", wrong.as_bytes());
    let told = vera.outcome(&page);
    for part in ["Нищо от файла не е записано", "entry 1", "AcctSvcrRef"] {
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
