//! One connection to a mail server, step by step (RFC 5321, RFC 3207, RFC 4954).

use std::{io, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use kvit_mail::{Message, Reply};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    FINAL_REPLY_MIN,
    config::{Checked, SmtpSecurity},
};

const LINE_MAX: u64 = 4096;
const LINES_MAX: usize = 100;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A step that did not succeed. `Display` is for the store: no secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Refused(Reply),
    #[error("{step}: the connection failed: {kind}")]
    Io {
        step: &'static str,
        kind: io::ErrorKind,
    },
    #[error("{0}: no answer in time")]
    Timeout(&'static str),
    #[error("{0}: the answer is no SMTP reply")]
    Garbled(&'static str),
    #[error("the server does not offer {0}")]
    NotOffered(&'static str),
    #[error("the mail has a part that cannot be sent")]
    Unsendable,
}

pub(crate) struct Conversation {
    stream: BufReader<Box<dyn Stream>>,
    timeout: Duration,
    /// What EHLO told, in capitals.
    offers: Vec<String>,
}

impl Conversation {
    /// Connects, greets, encrypts and logs in.
    pub(crate) async fn open(checked: &Checked) -> Result<Self, Failure> {
        let config = &checked.config;
        let connect = TcpStream::connect((config.host.as_str(), config.port));
        let tcp = within(checked.timeout, "connect", connect).await?;
        let _ = tcp.set_nodelay(true);
        let stream: Box<dyn Stream> = match (&checked.tls, config.security) {
            (Some(_), SmtpSecurity::Tls) => handshake(checked, Box::new(tcp)).await?,
            _ => Box::new(tcp),
        };
        let mut this = Self {
            stream: BufReader::new(stream),
            timeout: checked.timeout,
            offers: Vec::new(),
        };
        this.expect("greeting", 220, checked.timeout).await?;
        this.hello(&config.hello_name).await?;
        if config.security == SmtpSecurity::StartTls {
            if !this.offers("STARTTLS") {
                return Err(Failure::NotOffered("STARTTLS"));
            }
            this.command("STARTTLS", "STARTTLS", 220).await?;
            // Whatever came before the handshake was not protected and must not be believed.
            if !this.stream.buffer().is_empty() {
                return Err(Failure::Garbled("STARTTLS"));
            }
            this.stream = BufReader::new(handshake(checked, this.stream.into_inner()).await?);
            this.hello(&config.hello_name).await?;
        }
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            this.login(user, password.expose()).await?;
        }
        Ok(this)
    }

    pub(crate) async fn mail_from(&mut self, message: &Message) -> Result<(), Failure> {
        let size = if self.offers("SIZE") {
            format!(" SIZE={}", message.bytes.len())
        } else {
            String::new()
        };
        let line = format!("MAIL FROM:<{}>{size}", path(&message.return_path)?);
        self.command("MAIL", &line, 250).await.map(|_| ())
    }

    pub(crate) async fn rcpt_to(&mut self, to: &str) -> Result<(), Failure> {
        let line = format!("RCPT TO:<{}>", path(to)?);
        self.command("RCPT", &line, 250).await.map(|_| ())
    }

    pub(crate) async fn data(&mut self) -> Result<(), Failure> {
        self.command("DATA", "DATA", 354).await.map(|_| ())
    }

    /// Everything up to, but without, the final dot.
    pub(crate) async fn body(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let stuffed = stuff(bytes);
        let write = async {
            self.stream.write_all(&stuffed).await?;
            self.stream.flush().await
        };
        within(self.timeout, "message", write).await
    }

    /// Asks the server to take the mail, and waits for what it says.
    pub(crate) async fn final_dot(&mut self) -> Result<Reply, Failure> {
        let write = async {
            self.stream.write_all(b".\r\n").await?;
            self.stream.flush().await
        };
        within(self.timeout, "final dot", write).await?;
        self.reply("final dot", self.timeout.max(FINAL_REPLY_MIN))
            .await
            .map(|(reply, _)| reply)
    }

    pub(crate) async fn reset(&mut self) -> Result<(), Failure> {
        self.command("RSET", "RSET", 250).await.map(|_| ())
    }

    async fn hello(&mut self, name: &str) -> Result<(), Failure> {
        self.send("EHLO", &format!("EHLO {name}")).await?;
        let (reply, lines) = self.reply("EHLO", self.timeout).await?;
        if reply.code != 250 {
            return Err(Failure::Refused(reply));
        }
        let offer = |line: &String| {
            line.get(4..)
                .unwrap_or_default()
                .trim()
                .to_ascii_uppercase()
        };
        self.offers = lines.iter().skip(1).map(offer).collect();
        Ok(())
    }

    async fn login(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        let methods = self
            .offers
            .iter()
            .find_map(|offer| offer.strip_prefix("AUTH "))
            .unwrap_or_default();
        if methods.split(' ').any(|method| method == "PLAIN") {
            let token = STANDARD.encode(format!("\0{user}\0{password}"));
            self.command("AUTH", &format!("AUTH PLAIN {token}"), 235)
                .await
                .map(|_| ())
        } else if methods.split(' ').any(|method| method == "LOGIN") {
            self.command("AUTH", "AUTH LOGIN", 334).await?;
            self.command("AUTH", &STANDARD.encode(user), 334).await?;
            self.command("AUTH", &STANDARD.encode(password), 235)
                .await
                .map(|_| ())
        } else {
            Err(Failure::NotOffered("a login by PLAIN or LOGIN"))
        }
    }

    fn offers(&self, what: &str) -> bool {
        self.offers
            .iter()
            .any(|offer| offer.split(' ').next() == Some(what))
    }

    async fn command(
        &mut self,
        step: &'static str,
        line: &str,
        want: u16,
    ) -> Result<Reply, Failure> {
        self.send(step, line).await?;
        self.expect(step, want, self.timeout).await
    }

    async fn send(&mut self, step: &'static str, line: &str) -> Result<(), Failure> {
        let write = async {
            self.stream
                .write_all(format!("{line}\r\n").as_bytes())
                .await?;
            self.stream.flush().await
        };
        within(self.timeout, step, write).await
    }

    async fn expect(
        &mut self,
        step: &'static str,
        want: u16,
        wait: Duration,
    ) -> Result<Reply, Failure> {
        let (reply, _) = self.reply(step, wait).await?;
        match reply.code {
            code if code == want || (want == 250 && code == 251) => Ok(reply),
            // A success that was not asked for means that the two have lost each other.
            200..400 => Err(Failure::Garbled(step)),
            _ => Err(Failure::Refused(reply)),
        }
    }

    async fn reply(
        &mut self,
        step: &'static str,
        wait: Duration,
    ) -> Result<(Reply, Vec<String>), Failure> {
        let read = async {
            let mut lines = Vec::new();
            while lines.len() < LINES_MAX {
                let mut line = Vec::new();
                (&mut self.stream)
                    .take(LINE_MAX)
                    .read_until(b'\n', &mut line)
                    .await?;
                if !line.ends_with(b"\n") {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                let more = line.as_bytes().get(3) == Some(&b'-');
                lines.push(line);
                if !more {
                    break;
                }
            }
            Ok(lines)
        };
        let lines = within(wait, step, read).await?;
        let reply = Reply::parse(lines.iter().map(String::as_str)).ok_or(Failure::Garbled(step))?;
        Ok((reply, lines))
    }
}

async fn handshake(checked: &Checked, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, Failure> {
    let Some((client, name)) = &checked.tls else {
        return Err(Failure::NotOffered("TLS"));
    };
    let connect = TlsConnector::from(client.clone()).connect(name.clone(), stream);
    Ok(Box::new(within(checked.timeout, "TLS", connect).await?))
}

async fn within<T>(
    wait: Duration,
    step: &'static str,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    match timeout(wait, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure::Io {
            step,
            kind: error.kind(),
        }),
        Err(_) => Err(Failure::Timeout(step)),
    }
}

/// An address may not end the command that it is in.
fn path(address: &str) -> Result<&str, Failure> {
    let safe = address
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
    if safe && address.len() <= 254 {
        Ok(address)
    } else {
        Err(Failure::Unsendable)
    }
}

/// Doubles the dot at the start of a line, and ends the last line (RFC 5321, 4.5.2).
fn stuff(bytes: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(bytes.len() + bytes.len() / 64 + 2);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed
}
