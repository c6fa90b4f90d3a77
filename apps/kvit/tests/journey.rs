//! From nothing to bills in a mailbox, by the commands that people give.

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
};

use common::{
    folder, kvit, run,
    service::{PATIENCE, free_address, until},
};
use serde_json::Value;

/// The demonstration, in `demo` below `path`; gives what it printed.
fn demo(path: &Path, more: &[&str]) -> Value {
    let mut arguments = vec![
        "demo",
        "--customers",
        "12",
        "--exit",
        "--json",
        "--dir",
        "demo",
    ];
    arguments.extend(more);
    run(path, &arguments).ok().json()
}

#[test]
fn a_demonstration_from_nothing_to_mailboxes() {
    let (_folder, path) = folder();
    let shown = demo(&path, &["--key", "p256"]);
    assert_eq!(
        (&shown["bills"], &shown["first_number"]),
        (&12.into(), &"0000000001".into())
    );
    assert_eq!(shown["last_number"], "0000000012");
    assert_eq!(shown["mailed"], shown["enrolled"]);
    assert!(
        (1..12).contains(&shown["mailed"].as_u64().expect("a number")),
        "{shown}"
    );
    // The process said FOLDER for the folder of the test.
    for name in ["archive", "sample_pdf", "trust_root"] {
        let file = shown[name]
            .as_str()
            .expect("a path")
            .replace("FOLDER", &path.display().to_string());
        assert!(
            Path::new(&file).is_absolute() && Path::new(&file).exists(),
            "{name}: {file}"
        );
    }
    assert!(
        shown["url"]
            .as_str()
            .expect("an address")
            .starts_with("http://127.0.0.1:")
    );

    let again = run(&path, &["demo", "--exit", "--dir", "demo"]);
    assert_eq!(again.code, 6, "{}", again.shown());

    let runs = run(&path, &["run", "list", "--json", "--dir", "demo"])
        .ok()
        .json();
    let first = &runs[0];
    assert_eq!(
        (&first["state"], &first["bills"]),
        (&"issued".into(), &12.into())
    );
    assert_eq!(first["sum_cents"], shown["sum_cents"]);
    let id = first["run"].as_str().expect("an id");
    exported_bills_are_genuine(&path, id);

    let text = run(&path, &["run", "show", id, "--dir", "demo"]).ok().out;
    assert!(text.contains("issued          12 of 12"), "{text}");
    let late = run(
        &path,
        &["run", "preview", id, "--to", "samples", "--dir", "demo"],
    );
    assert_eq!(late.code, 6, "{}", late.shown());
    let twice = run(
        &path,
        &["run", "release", id, "--as", "Maria", "--dir", "demo"],
    );
    assert_eq!(twice.code, 6, "{}", twice.shown());
    // What has been billed is not billed again.
    let file = fs::read_dir(path.join("demo"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|kind| kind == "ndjson"))
        .expect("the run file stays");
    let again = run(
        &path,
        &[
            "run",
            "import",
            &file.display().to_string(),
            "--as",
            "Ivan",
            "--dir",
            "demo",
        ],
    );
    assert_eq!(again.code, 3, "{}", again.shown());
    let said = format!("this file is already run {id} (issued)");
    assert!(
        again.out.contains(&said) && again.out.lines().count() == 2,
        "{}",
        again.shown()
    );
    a_reader_that_goes_away_changes_no_exit_code(&path);
}

/// As in `kvit verify … | head -0`.
#[cfg(unix)]
fn a_reader_that_goes_away_changes_no_exit_code(path: &Path) {
    for (arguments, code) in [
        (&["verify", "demo/sample.pdf"][..], 4),
        (&["verify", "demo/sample.pdf", "--dir", "demo"], 0),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = kvit(path)
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[cfg(not(unix))]
fn a_reader_that_goes_away_changes_no_exit_code(_: &Path) {}

fn exported_bills_are_genuine(path: &Path, id: &str) {
    let export = ["export", id, "--to", "pdfs", "--dir", "demo", "--json"];
    assert_eq!(run(path, &export).ok().json()["written"], 12);
    assert_eq!(run(path, &export).ok().json()["already_there"], 12);
    let paper = [
        "export", id, "--to", "print", "--paper", "--dir", "demo", "--json",
    ];
    let printed = run(path, &paper).ok().json();
    // Who has e-bills has not confirmed any yet.
    let counted =
        |printed: &Value| [&printed["written"], &printed["handed_over"]].map(Value::as_u64);
    assert_eq!(counted(&printed), [Some(12); 2]);
    let printed = run(path, &paper).ok().json();
    assert_eq!(counted(&printed), [Some(0); 2]);
    let bill = run(path, &["bill", "0000000001", "--dir", "demo"]).ok();
    assert!(bill.out.contains("accepted: "), "{}", bill.shown());
    let file = path.join("pdfs/0000000003.pdf");
    let verify = |more: &[&str]| {
        let mut arguments = vec!["verify", "pdfs/0000000003.pdf"];
        arguments.extend(more);
        run(path, &arguments)
    };
    assert_eq!(verify(&["--dir", "demo"]).code, 0);
    assert_eq!(verify(&["--roots", "demo/ca.pem"]).code, 0);
    assert_eq!(verify(&[]).code, 4, "nobody is trusted");
    let mut bytes = fs::read(&file).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).expect("written");
    let verdict = verify(&["--dir", "demo", "--json"]);
    assert_eq!(
        (verdict.code, &verdict.json()[0]["accepted"]),
        (4, &false.into())
    );
}

#[test]
fn two_people_and_one_run() {
    let (_folder, path) = folder();
    demo(&path, &[]);
    run(&path, &["init", "--dir", "own"]).ok();
    // The invented operator's run is this instance's too: both are made up.
    let file = fs::read_dir(path.join("demo"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|kind| kind == "ndjson"))
        .expect("a run file")
        .display()
        .to_string();
    let done = run(
        &path,
        &[
            "run", "import", &file, "--as", "Ivan", "--dir", "own", "--json",
        ],
    )
    .ok();
    let id = done.json()["run"].as_str().expect("an id").to_owned();
    let early = run(&path, &["export", &id, "--to", "pdfs", "--dir", "own"]);
    assert_eq!(early.code, 6, "{}", early.shown());
    let early = run(&path, &["run", "issue", &id, "--dir", "own"]);
    assert_eq!(early.code, 6, "{}", early.shown());

    run(&path, &["layout", "export", "--dir", "own"]).ok();
    let samples = run(
        &path,
        &[
            "run", "preview", &id, "-n", "2", "--to", "samples", "--dir", "own",
        ],
    )
    .ok();
    assert!(samples.out.starts_with("2 samples"), "{}", samples.shown());
    assert_eq!(
        fs::read_dir(path.join("samples"))
            .expect("a folder")
            .count(),
        2
    );

    let same = run(
        &path,
        &["run", "release", &id, "--as", " ivan ", "--dir", "own"],
    );
    assert_eq!(same.code, 6, "{}", same.shown());
    run(
        &path,
        &["run", "release", &id, "--as", "Maria", "--dir", "own"],
    )
    .ok();
    // Who owes what is asked while the run is being issued: what is missing is told.
    let owed = ["pay", "receivables", "--dir", "own"];
    let early = run(&path, &owed).ok();
    let said = format!("run {id} is still being issued");
    assert!(early.shown().contains(&said), "{}", early.shown());
    let early = run(&path, &[&owed[..], &["--json"]].concat()).ok().json();
    assert_eq!(early["unissued_run"], id.as_str());
    let work = run(&path, &["work", "--exit", "--json", "--dir", "own"])
        .ok()
        .json();
    assert_eq!(
        (&work["bills"], &work["chunks_waiting"]),
        (&12.into(), &0.into())
    );
    let owed = run(&path, &[&owed[..], &["--json"]].concat()).ok().json();
    assert_eq!(owed["unissued_run"], serde_json::Value::Null);
    assert_eq!(
        run(&path, &["deliver", "--json", "--dir", "own"])
            .ok()
            .json()["accepted"],
        0
    );
    let doctor = run(&path, &["doctor", "--json", "--dir", "own"])
        .ok()
        .json();
    assert!(
        doctor.as_array().is_some_and(|looks| looks.len() > 8),
        "{doctor}"
    );
}

/// A service that is ended when the test is.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(unix)]
#[test]
fn the_service_answers_and_stops_cleanly() {
    let (_folder, path) = folder();
    run(&path, &["init"]).ok();
    let file = path.join("kvit.toml");
    let (portal, watch) = (free_address(), free_address());
    let text = fs::read_to_string(&file)
        .expect("there")
        .replace(
            "listen = \"127.0.0.1:8480\"",
            &format!("listen = \"{portal}\""),
        )
        .replace(
            "listen = \"127.0.0.1:9464\"",
            &format!("listen = \"{watch}\""),
        );
    fs::write(&file, text).expect("written");
    let mut service = Service(
        kvit(&path)
            .arg("serve")
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts"),
    );
    let errors = BufReader::new(service.0.stderr.take().expect("piped"));
    let reader =
        std::thread::spawn(move || errors.lines().map_while(Result::ok).collect::<Vec<_>>());
    until("it gets ready", || get(&watch, "/health/ready").is_ok());
    assert!(
        get(&watch, "/health/live")
            .expect("answers")
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        get(&watch, "/metrics")
            .expect("answers")
            .contains("\nkvit_store_up 1\n")
    );
    let home = get(&portal, "/").expect("answers");
    assert!(home.starts_with("HTTP/1.1 200"), "{home}");
    let pid = service.0.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(killed.expect("kill is there").success());
    let status = service.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let said = reader.join().expect("read").join("\n");
    assert!(said.contains("stopped"), "{said}");
}
