//! A change of the API in the real process, which dies on either side of the fact: it is made once.

mod common;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Stdio,
};

use common::{
    folder, kvit, run,
    service::{PATIENCE, Service, instance, until},
};
use jiff::civil::date;
use kvit_synth::Synth;
use sqlx::Connection;

/// Sends a consent under a key; nothing where the service died over it.
fn enrol(address: &str, token: &str, customer: &str) -> Option<(u16, String)> {
    let body = r#"{"email":"ivan@example.bg","channel":"phone","evidence":"CRM-1"}"#;
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let request = format!(
        "POST /api/v1/customers/{customer}/enrolment HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k-1\r\nIf-Match: \"0\"\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    // A process that is gone may also reset the line.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.get(9..12)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some((status, body.to_owned()))
}

/// What the store says: consents, mails that ask for their proof, and entries of the trail.
fn facts(path: &Path) -> (i64, i64, i64) {
    let count = |what: &str| -> i64 { ask(path, &format!("SELECT COUNT(*) FROM {what}")) };
    (
        count("enrolments"),
        count("deliveries WHERE id LIKE 'proof-%'"),
        count("events WHERE what = 'customer.enrolled'"),
    )
}

fn ask(path: &Path, text: &str) -> i64 {
    let url = format!("sqlite://{}", path.join("kvit.db").display());
    let text = text.to_owned();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut db = sqlx::SqliteConnection::connect(&url)
            .await
            .expect("a store");
        let found = sqlx::query_scalar(sqlx::AssertSqlSafe(text))
            .fetch_optional(&mut db)
            .await;
        found.expect("an answer").unwrap_or_default()
    })
}

#[test]
fn a_death_on_either_side_of_a_change_makes_it_once() {
    for (place, left) in [
        ("before-api-change", (0, 0, 0)),
        ("after-api-change", (1, 1, 1)),
    ] {
        let (_folder, path) = folder();
        let (address, _) = instance(&path);
        let (synth, month) = (Synth::new(7, 1), date(2026, 10, 1));
        let header = synth.run_header("2026-10", month, 1);
        let file = fs::File::create(path.join("run.ndjson")).expect("a file");
        kvit_intake::write_ndjson(&header, synth.orders(month), file).expect("written");
        run(&path, &["run", "import", "run.ndjson", "--as", "Ivan"]).ok();
        let customer = synth.number(0).to_string();
        let add = [
            "api",
            "token",
            "add",
            "crm",
            "--scope",
            "enrolments:write",
            "--json",
        ];
        let added = run(&path, &add).ok().json();
        let token = added["token"].as_str().expect("a token").to_owned();

        let mut doomed = kvit(&path)
            .arg("serve")
            .env("KVIT_FAULT", format!("{place}:1"))
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        until("it answers", || TcpStream::connect(&address).is_ok());
        assert_eq!(enrol(&address, &token, &customer), None, "{place}");
        assert!(!doomed.wait().expect("ended").success(), "{place}");
        assert_eq!(facts(&path), left, "{place}");

        let service = Service::start(&path, &address);
        let early = enrol(&address, &token, &customer).expect("an answer");
        assert_eq!(
            early.0, 409,
            "{place}: somebody may still be at it: {}",
            early.1
        );
        // Six minutes later.
        ask(&path, "UPDATE api_requests SET lease_until = 0 RETURNING 1");
        let made = enrol(&address, &token, &customer).expect("an answer");
        assert_eq!(made.0, 202, "{place}: {}", made.1);
        assert_eq!(facts(&path), (1, 1, 1), "{place}");
        let again = enrol(&address, &token, &customer).expect("an answer");
        assert_eq!((again, facts(&path)), (made, (1, 1, 1)), "{place}");
        drop(service);
    }
}
