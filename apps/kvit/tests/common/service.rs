//! The running service, and somebody of staff in front of it.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use tokio::net::TcpSocket;

use super::{kvit, run};

const BOUNDARY: &str = "----kvit-test";
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The service, ended as abruptly as by a power cut when it is dropped.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Service {
    pub(crate) fn start(path: &Path, address: &str) -> Self {
        Self::start_dying(path, address, "")
    }

    /// One that ends abruptly at a place, such as `after-keep-scan:1`.
    pub(crate) fn start_dying(path: &Path, address: &str, place: &str) -> Self {
        Self::started(path, address, place, Stdio::null())
    }

    /// One that keeps its log.
    pub(crate) fn start_logging(path: &Path, address: &str, log: Stdio) -> Self {
        Self::started(path, address, "", log)
    }

    fn started(path: &Path, address: &str, place: &str, log: Stdio) -> Self {
        let child = kvit(path)
            .arg("serve")
            .env("KVIT_FAULT", place)
            .stderr(log)
            .spawn()
            .expect("it starts");
        let mut service = Self {
            child,
            address: address.to_owned(),
        };
        until("it answers", || {
            let end = service.child.try_wait().expect("a child");
            assert!(end.is_none(), "it ended: {end:?}");
            TcpStream::connect(address).is_ok()
        });
        service
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ends(mut self) {
        until("it ends", || {
            self.child.try_wait().is_ok_and(|end| end.is_some())
        });
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Somebody of billing, signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) address: String,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) token: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) body: String,
}

impl Person {
    pub(crate) fn sign_in(service: &Service, login: &str, password: &str) -> Self {
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

    /// A password of their own in place of the temporary one.
    pub(crate) fn choose_password(&mut self, temporary: &str) {
        let own = "four+words+of+mine";
        let form = format!("old={temporary}&new={own}&again={own}");
        assert_eq!(self.post("/staff/password", &form).status, 303);
    }

    pub(crate) fn ask(&mut self, head: &str, body: &[u8]) -> std::io::Result<Answer> {
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
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
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

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), b"")
            .expect("an answer")
    }

    pub(crate) fn post(&mut self, path: &str, form: &str) -> Answer {
        let form = format!("form_token={}&{form}", self.token);
        let kind = "application/x-www-form-urlencoded";
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {}",
            form.len()
        );
        self.ask(&head, form.as_bytes()).expect("an answer")
    }

    pub(crate) fn form(&self, name: &str, file: &[u8]) -> (String, Vec<u8>) {
        self.form_to("/staff/imports/file", name, file)
    }

    pub(crate) fn form_to(&self, path: &str, name: &str, file: &[u8]) -> (String, Vec<u8>) {
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
    pub(crate) fn upload(&mut self, name: &str, file: &[u8]) -> String {
        self.upload_to("/staff/imports/file", name, file)
    }

    pub(crate) fn upload_to(&mut self, path: &str, name: &str, file: &[u8]) -> String {
        let (head, body) = self.form_to(path, name, file);
        let done = self.ask(&head, &body).expect("an answer");
        assert_eq!(done.status, 303, "{}", done.body);
        done.location
    }

    /// Where the page of an import leads, or what it says, once nothing changes there any more.
    pub(crate) fn outcome(&mut self, page: &str) -> Answer {
        let mut last = self.get(page);
        until("the import ends", || {
            last = self.get(page);
            !last.body.contains("Страницата се обновява сама")
        });
        last
    }
}

/// An address that nobody else is given as long as this test binary runs: it stays bound here, and only the
/// service listens there, as often as it starts.
pub(crate) fn free_address() -> String {
    let held = TcpSocket::new_v4().expect("a socket");
    held.set_reuseaddr(true).expect("a setting");
    let any = "127.0.0.1:0".parse().expect("an address");
    held.bind(any).expect("a port");
    let address = held.local_addr().expect("an address").to_string();
    std::mem::forget(held);
    address
}

/// An instance with an account of billing, `vera`: its address, and her password.
pub(crate) fn instance(path: &Path) -> (String, String) {
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
        .replace("chunk_orders = 500", "chunk_orders = 20");
    fs::write(&file, text).expect("written");
    (portal, hire(path, "vera", "billing"))
}

/// Adds an account without a second factor, and gives its password.
pub(crate) fn hire(path: &Path, login: &str, role: &str) -> String {
    let mut add = vec![
        "staff",
        "add",
        login,
        "--role",
        role,
        "--name",
        login,
        "--without-totp",
        "--json",
    ];
    if role == "clerk" {
        add.extend(["--centre", "Център"]);
    }
    let added = run(path, &add).ok().json();
    added["password"].as_str().expect("a password").to_owned()
}
