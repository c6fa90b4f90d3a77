//! A client that asks on many connections at once, from the same machine, and how long its visits take.

use std::{
    future::Future,
    io::{Error, Result as IoResult},
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use axum::Router;
use futures::future::try_join_all;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::{
    commands::serve,
    exit::{Context, Failure},
    output::grouped,
};

/// Stands in a form, before the token that it has to bring back.
const FORM_TOKEN: &str = "name=\"form_token\" value=\"";
/// Connections that ask at once, each one question after the other.
pub(in crate::commands) const LINES: usize = 32;
/// An answer is never larger than this.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How many visits a second, and how long one takes.
#[derive(Serialize)]
pub(in crate::commands) struct Rate {
    pub(in crate::commands) answered: usize,
    pub(in crate::commands) per_s: f64,
    pub(in crate::commands) p50_us: u64,
    pub(in crate::commands) p99_us: u64,
}

/// A connection.
pub(in crate::commands) struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub(in crate::commands) struct Answer {
    pub(in crate::commands) status: u16,
    /// Its lines before the body.
    pub(in crate::commands) head: String,
    pub(in crate::commands) body: Vec<u8>,
}

/// Serves pages on an address of its own.
pub(in crate::commands) async fn listening(
    pages: Router,
    stop: &CancellationToken,
) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .failed("no address can be listened on")?;
    let address = listener.local_addr().failed("the address is not known")?;
    let stop = stop.clone();
    tokio::spawn(async move { serve::serve_until(listener, pages, &stop).await });
    Ok(address)
}

/// Visits on all lines for so long. `visit` gets a line and the number of the visit; `false` ends the line.
pub(in crate::commands) async fn measured(
    address: SocketAddr,
    lasts: Duration,
    visit: impl AsyncFn(&mut Line, usize) -> IoResult<bool>,
) -> Result<Rate, Failure> {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let line = async |_| {
        let mut line = Line::open(address).await?;
        let mut times = Vec::new();
        while begun.elapsed() < lasts {
            let asked = Instant::now();
            if !visit(&mut line, next.fetch_add(1, Ordering::Relaxed)).await? {
                break;
            }
            times.push(asked.elapsed());
        }
        Ok::<_, Error>(times)
    };
    let lines: Vec<_> = (0..LINES).map(line).collect();
    let mut times = all(lines)
        .await
        .failed("an answer is not what it should be")?;
    let seconds = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        let time = times.get(place.min(times.len().saturating_sub(1)));
        time.map_or(0, |time| {
            u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
        })
    };
    Ok(Rate {
        answered: times.len(),
        per_s: times.len() as f64 / seconds,
        p50_us: at(0.5),
        p99_us: at(0.99),
    })
}

async fn all(lines: Vec<impl Future<Output = IoResult<Vec<Duration>>>>) -> IoResult<Vec<Duration>> {
    Ok(try_join_all(lines).await?.concat())
}

impl Line {
    pub(in crate::commands) async fn open(address: SocketAddr) -> IoResult<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    pub(in crate::commands) async fn ask(&mut self, question: &[u8]) -> IoResult<Answer> {
        self.stream.write_all(question).await?;
        self.buffer.clear();
        let bad = || Error::other("it is no answer");
        loop {
            let buffer = &mut self.buffer;
            if self.stream.read_buf(buffer).await? == 0 || buffer.len() > ANSWER_BYTES_MAX {
                return Err(bad());
            }
            let Some(end) = buffer.windows(4).position(|part| part == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&buffer[..end]).map_err(|_| bad())?;
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let wanted = name.eq_ignore_ascii_case("content-length");
                wanted.then(|| value.trim().parse::<usize>().ok())?
            });
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
            let (Some(status), Some(length)) = (status, length) else {
                return Err(bad());
            };
            if buffer.len() >= end + 4 + length {
                return Ok(Answer {
                    status,
                    head: head.to_owned(),
                    body: buffer[end + 4..end + 4 + length].to_vec(),
                });
            }
        }
    }
}

impl Answer {
    /// The cookies that it sets, as a browser brings them back.
    pub(in crate::commands) fn cookies(&self) -> String {
        let set = self.head.lines().filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_one = name.eq_ignore_ascii_case("set-cookie");
            is_one.then(|| value.split(';').next().unwrap_or_default().trim())
        });
        set.collect::<Vec<_>>().join("; ")
    }
}

/// What a browser brings with each form.
pub(in crate::commands) struct Browser {
    pub(in crate::commands) cookies: String,
    token: String,
}

impl Browser {
    /// Opens a page with a form, with these cookies already there.
    pub(in crate::commands) async fn open(
        line: &mut Line,
        path: &str,
        cookies: &str,
    ) -> IoResult<Self> {
        let answer = line.ask(&get(path, cookies)).await?;
        let page = String::from_utf8_lossy(&answer.body);
        let token = page
            .split_once(FORM_TOKEN)
            .and_then(|(_, rest)| rest.split('"').next());
        let token = token.ok_or_else(|| Error::other("it has no form"))?;
        let set = answer.cookies();
        let both = [cookies, set.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty());
        Ok(Self {
            cookies: both.collect::<Vec<_>>().join("; "),
            token: token.to_owned(),
        })
    }

    pub(in crate::commands) fn form(&self, fields: &[(&str, &str)]) -> String {
        let token = [("form_token", self.token.as_str())];
        kvit_pay::params::encode(token.into_iter().chain(fields.iter().copied()))
    }
}

/// Asks; the answer must have this status and, where any are given, one of these in its body.
pub(in crate::commands) async fn answered(
    line: &mut Line,
    question: &[u8],
    status: u16,
    wanted: &[&[u8]],
) -> IoResult<bool> {
    let answer = line.ask(question).await?;
    let has = |part: &&[u8]| answer.body.windows(part.len()).any(|w| w == *part);
    if answer.status == status && (wanted.is_empty() || wanted.iter().any(has)) {
        return Ok(true);
    }
    let what = format!("status {} where {status} was awaited", answer.status);
    Err(Error::other(what))
}

/// A question without a body. `cookies` may be empty.
pub(in crate::commands) fn get(path: &str, cookies: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\ncookie: {cookies}\r\n\r\n").into_bytes()
}

/// A form that is sent.
pub(in crate::commands) fn post(path: &str, cookies: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncookie: {cookies}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} a second; half within {} µs, 99 % within {} µs",
            grouped(self.per_s.round() as u64),
            grouped(self.p50_us),
            grouped(self.p99_us)
        )
    }
}
