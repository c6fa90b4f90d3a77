//! The last act, in the real process: the link of a mail that was really sent confirms its receipt.

#![cfg(unix)]

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use common::{folder, kvit, run, service::PATIENCE};
use serde_json::Value;

/// A demonstration that goes on, ended with the test.
struct Demo {
    process: Child,
    shown: Value,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Demo {
    fn start(path: &std::path::Path) -> Self {
        let mut process = kvit(path)
            .args(["demo", "--customers", "3", "--json", "--dir", "demo"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut text = String::new();
        while !text.ends_with("\n}") {
            let line = lines.next().expect("it goes on").expect("text");
            text.push('\n');
            text.push_str(&line);
        }
        let shown = serde_json::from_str(&text).expect("JSON");
        Self { process, shown }
    }

    /// Host and port of an address that it printed.
    fn address(&self, name: &str) -> String {
        let url = self.shown[name].as_str().expect("an address");
        let rest = url.strip_prefix("http://").expect("http");
        rest.trim_end_matches('/').to_owned()
    }
}

/// One request; gives the whole answer.
fn ask(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let length = body.len();
    write!(
        stream,
        "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// What stands after `mark`, as long as it is hexadecimal.
fn hex_after<'a>(text: &'a str, mark: &str) -> &'a str {
    let rest = &text[text.find(mark).expect(mark) + mark.len()..];
    let end = rest
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(rest.len());
    &rest[..end]
}

#[test]
fn the_link_in_a_mail_confirms_its_receipt() {
    let (_folder, path) = folder();
    let mut demo = Demo::start(&path);
    let (portal, mailbox) = (demo.address("url"), demo.address("mailbox_url"));
    let mail = ask(&mailbox, "GET /mail/1/html HTTP/1.1", "");
    let link = format!("/receipt/{}", hex_after(&mail, "/receipt/"));
    assert_eq!(link.len(), "/receipt/".len() + 32, "{mail}");

    let confirmed = || {
        let runs = run(&path, &["run", "list", "--json", "--dir", "demo"])
            .ok()
            .json();
        let id = runs[0]["run"].as_str().expect("an id").to_owned();
        let show = run(&path, &["run", "show", &id, "--json", "--dir", "demo"]).ok();
        show.json()["progress"]["confirmed"].as_u64()
    };
    // Scanners open every link of a mail.
    let page = ask(&portal, &format!("GET {link} HTTP/1.1"), "");
    assert_eq!(confirmed(), Some(0), "opening the page changes nothing");
    let cookies: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
        .collect();
    let head = format!("POST {link} HTTP/1.1\r\nCookie: {}", cookies.join("; "));
    let form = format!(
        "form_token={}",
        hex_after(&page, "name=\"form_token\" value=\"")
    );
    for _ in 0..2 {
        let answer = ask(&portal, &head, &form);
        assert!(
            answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 303"),
            "{answer}"
        );
        assert_eq!(
            confirmed(),
            Some(1),
            "a second press is friendly and changes nothing"
        );
    }

    let pid = demo.process.id().to_string();
    let told = Command::new("kill").args(["-INT", &pid]).status();
    assert!(told.expect("kill is there").success());
    assert_eq!(demo.process.wait().expect("it ends").code(), Some(0));
    assert!(
        path.join("demo/kvit.toml").exists(),
        "--dir keeps everything"
    );
}
