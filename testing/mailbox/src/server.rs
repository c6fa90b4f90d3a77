//! The SMTP side (RFC 5321).

use std::{
    io,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

use crate::Shared;

const LINE_MAX: u64 = 4096;
const RECIPIENTS_MAX: usize = 100;
const IDLE_MAX: Duration = Duration::from_secs(300);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(shared.config.connections_max.max(1)));
    let mut open = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        while open.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((tcp, _)) => {
                let shared = Arc::clone(&shared);
                open.spawn(async move {
                    let _place = place;
                    let session = Session {
                        stream: BufReader::new(Box::new(tcp)),
                        shared,
                        encrypted: false,
                        logged_in: false,
                    };
                    if let Err(error) = session.run().await {
                        tracing::debug!(kind = ?error.kind(), "mailbox conversation broke off");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "mailbox cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    shared: Arc<Shared>,
    encrypted: bool,
    logged_in: bool,
}

impl Session {
    async fn run(mut self) -> io::Result<()> {
        self.say("220 mailbox ESMTP").await?;
        let mut from: Option<String> = None;
        let mut to: Vec<String> = Vec::new();
        while let Some(line) = self.line().await? {
            let verb = line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => {
                    (from, to) = (None, Vec::new());
                    self.hello().await?;
                }
                "STARTTLS" if self.shared.tls.is_some() && !self.encrypted => {
                    self.say("220 go ahead").await?;
                    (from, to) = (None, Vec::new());
                    self = self.encrypt().await?;
                }
                "AUTH" => self.login(&line).await?,
                "MAIL" if self.shared.config.require_login && !self.logged_in => {
                    self.say("530 5.7.0 Authentication required").await?;
                }
                "MAIL" => match (
                    path(&line, "FROM:"),
                    size(&line) > self.shared.config.message_max,
                ) {
                    (Some(_), true) => self.say("552 5.3.4 Message too big").await?,
                    (Some(path), false) => {
                        (from, to) = (Some(path), Vec::new());
                        self.say("250 2.1.0 ok").await?;
                    }
                    (None, _) => self.say("501 5.5.4 MAIL FROM:<address>").await?,
                },
                "RCPT" => match path(&line, "TO:") {
                    _ if from.is_none() => self.say("503 5.5.1 MAIL first").await?,
                    None => self.say("501 5.5.4 RCPT TO:<address>").await?,
                    Some(_) if to.len() >= RECIPIENTS_MAX => {
                        self.say("452 4.5.3 Too many recipients").await?
                    }
                    Some(path) => match self.refusal(&path) {
                        Some(refusal) => self.say(refusal).await?,
                        None => {
                            to.push(path);
                            self.say("250 2.1.5 ok").await?;
                        }
                    },
                },
                "DATA" if to.is_empty() => self.say("503 5.5.1 RCPT first").await?,
                "DATA" => {
                    if self.shared.config.faults.drop_at_data {
                        return Ok(());
                    }
                    let sender = from.take().unwrap_or_default();
                    if !self.message(sender, std::mem::take(&mut to)).await? {
                        return Ok(());
                    }
                }
                "RSET" => {
                    (from, to) = (None, Vec::new());
                    self.say("250 2.0.0 ok").await?;
                }
                "NOOP" => self.say("250 2.0.0 ok").await?,
                "QUIT" => return self.say("221 2.0.0 bye").await,
                _ => self.say("502 5.5.1 Unrecognized command").await?,
            }
        }
        Ok(())
    }

    async fn hello(&mut self) -> io::Result<()> {
        let mut offers = vec![
            "mailbox".to_owned(),
            format!("SIZE {}", self.shared.config.message_max),
            "8BITMIME".to_owned(),
            "PIPELINING".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            "AUTH PLAIN LOGIN".to_owned(),
        ];
        if self.shared.tls.is_some() && !self.encrypted {
            offers.push("STARTTLS".to_owned());
        }
        let last = offers.len() - 1;
        let lines: Vec<_> = offers
            .iter()
            .enumerate()
            .map(|(i, o)| format!("250{}{o}", if i == last { ' ' } else { '-' }))
            .collect();
        self.say(&lines.join("\r\n")).await
    }

    async fn encrypt(self) -> io::Result<Self> {
        let Some(tls) = self.shared.tls.clone() else {
            return Ok(self);
        };
        let stream = timeout(IDLE_MAX, tls.accept(self.stream.into_inner())).await??;
        Ok(Self {
            stream: BufReader::new(Box::new(stream)),
            encrypted: true,
            ..self
        })
    }

    async fn login(&mut self, line: &str) -> io::Result<()> {
        let words: Vec<String> = line
            .split_whitespace()
            .map(str::to_ascii_uppercase)
            .collect();
        let questions: &[&str] = match words.get(1).map(String::as_str) {
            Some("PLAIN") if words.len() > 2 => &[],
            Some("PLAIN") => &["334 "],
            Some("LOGIN") if words.len() > 2 => &["334 UGFzc3dvcmQ6"],
            Some("LOGIN") => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
            _ => return self.say("504 5.5.4 PLAIN or LOGIN").await,
        };
        for question in questions {
            self.say(question).await?;
            if self.line().await?.is_none() {
                return Ok(());
            }
        }
        self.logged_in = true;
        self.say("235 2.7.0 welcome").await
    }

    fn refusal(&self, to: &str) -> Option<&'static str> {
        let faults = &self.shared.config.faults;
        if !faults.reject_containing.is_empty() && to.contains(&faults.reject_containing) {
            return Some("550 5.1.1 No such user here");
        }
        let seen = || {
            self.shared
                .seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if faults.greylist && seen().insert(to.to_owned()) {
            return Some("450 4.2.0 Greylisted, try again later");
        }
        every(&self.shared.recipients, faults.temporary_every)
            .then_some("451 4.3.0 Try again later")
    }

    /// `false`: the connection is to be dropped.
    async fn message(&mut self, from: String, to: Vec<String>) -> io::Result<bool> {
        self.say("354 end with a dot").await?;
        let max = self.shared.config.message_max;
        let mut bytes = Vec::new();
        let mut too_big = false;
        loop {
            let mut line = Vec::new();
            // A line without end would otherwise be memory without end.
            let mut limited = (&mut self.stream).take(max as u64 + 4);
            timeout(IDLE_MAX, limited.read_until(b'\n', &mut line)).await??;
            if !line.ends_with(b"\n") {
                return Ok(false);
            }
            if line == b".\r\n" {
                break;
            }
            let line = line.strip_prefix(b".").unwrap_or(&line);
            too_big |= bytes.len() + line.len() > max;
            if !too_big {
                bytes.extend_from_slice(line);
            }
        }
        if too_big {
            self.say("552 5.3.4 Message too big").await?;
            return Ok(true);
        }
        let shared = Arc::clone(&self.shared);
        let put = tokio::task::spawn_blocking(move || shared.shelf.put(from, to, bytes)).await;
        if every(
            &self.shared.dots,
            self.shared.config.faults.drop_after_dot_every,
        ) {
            return Ok(false);
        }
        match put {
            Ok(Ok(number)) => self.say(&format!("250 2.0.0 kept as {number}")).await?,
            _ => self.say("451 4.3.0 Cannot store").await?,
        }
        Ok(true)
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        timeout(
            IDLE_MAX,
            (&mut self.stream)
                .take(LINE_MAX)
                .read_until(b'\n', &mut line),
        )
        .await??;
        Ok(line
            .ends_with(b"\n")
            .then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        self.stream
            .write_all(format!("{reply}\r\n").as_bytes())
            .await?;
        self.stream.flush().await
    }
}

fn every(counter: &std::sync::atomic::AtomicU64, n: u64) -> bool {
    n > 0 && (counter.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(n)
}

/// The address of `MAIL FROM:<address>` or `RCPT TO:<address>`.
fn path(line: &str, label: &str) -> Option<String> {
    let rest = line.get(5..)?.trim_start();
    let rest = rest
        .get(..label.len())?
        .eq_ignore_ascii_case(label)
        .then(|| &rest[label.len()..])?;
    let (path, _) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    (path.len() <= 256 && !path.contains([',', '\r', '\n'])).then(|| path.to_owned())
}

fn size(line: &str) -> usize {
    let words = line.split_whitespace();
    words
        .filter_map(|word| word.strip_prefix("SIZE=")?.parse().ok())
        .next()
        .unwrap_or(0)
}
