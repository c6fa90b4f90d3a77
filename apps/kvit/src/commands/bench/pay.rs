//! `kvit bench pay`: how many questions for dues and reports of payments a portal answers in a second, beside
//! a bare handler that the same client asks in the same run. Client and portal share the machine.

use std::{
    fmt,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use axum::{Router, routing::get};
use jiff::Timestamp;
use kvit_billing::{Currency, CustomerNumber, Language, OrderSeq, RunId};
use kvit_store::{BillRecord, ChunkJob, ChunkResult, PackRecord};
use kvit_synth::Synth;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::{SEED, prepared};
use crate::{
    cli::{BenchPayArgs, KeyChoice},
    commands::{init, serve},
    config::{Config, PayConfig},
    exit::{Context, Exit, Failure},
    files,
    output::{Output, count, grouped},
    wiring::Instance,
};

/// How long each kind is asked.
const MEASURED: Duration = Duration::from_secs(6);
/// Asked before, and not counted: connections open, statements are prepared.
const WARMING: Duration = Duration::from_millis(500);
/// Connections that ask at once, each one question after the other.
const LINES: usize = 32;
/// Different questions; they come again.
const QUESTIONS_MAX: u32 = 20_000;
/// Different reports; each counts once, so they end with this.
const REPORTS_MAX: u32 = 60_000;
const SECRET: &str = "a secret of nobody's";
const SETTINGS: &str = "[providers.bench]\nkind = \"biller\"\ntitle = \"Bench\"\nmerchant = \"7\"\nsecret_file = \"bench.secret\"\n";
/// An answer is never larger than this.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Until when a chunk is ours: nobody else works here.
const LEASE: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

#[derive(Serialize)]
struct Measured {
    customers: u32,
    store: &'static str,
    threads: usize,
    lines: usize,
    /// A handler that only answers, with as many bytes as an answer to a question has.
    bare: Rate,
    inquiries: Rate,
    notices: Rate,
    /// Inquiries as a share of what the bare handler answers.
    ratio: f64,
}

#[derive(Serialize)]
struct Rate {
    answered: usize,
    per_s: f64,
    p50_us: u64,
    p99_us: u64,
}

pub(in crate::commands) async fn pay(
    out: &Output,
    dir: Option<&Path>,
    args: &BenchPayArgs,
) -> Result<Exit, Failure> {
    let temporary = tempfile::Builder::new()
        .prefix("kvit-bench-")
        .tempdir()
        .failed("a temporary folder cannot be made")?;
    let folder = dir.map_or_else(|| temporary.path().to_owned(), Path::to_owned);
    let mut config = Config::default();
    if let Some(store) = &args.store {
        config.store.url.clone_from(store);
    }
    config.pay = toml::from_str::<PayConfig>(SETTINGS).failed("the settings cannot be read")?;
    let instance = init::create(&folder, &config, KeyChoice::P256).await?;
    files::write_private(&instance.dir.join("bench.secret"), SECRET.as_bytes())
        .failed("the secret cannot be written")?;
    out.note("loading customers and their bills");
    let run = prepared(out, &instance, args.customers, 1).await?;
    issued(&instance, &run).await?;

    let stop = CancellationToken::new();
    let portal = instance.portal()?;
    let pages = kvit_web::router(portal).failed("the portal cannot open")?;
    let portal = listening(pages, &stop).await?;
    let synth = Synth::new(SEED, args.customers);
    let asked = inquiries(&synth);
    let sample = once(portal, &asked[0]).await?;
    let bare = Router::new().route("/", get(move || std::future::ready(sample.clone())));
    let bare = listening(bare, &stop).await?;
    let plain = vec![request("/")];
    out.note("asking");
    let bare = measured(bare, &plain, true, MEASURED).await?;
    measured(portal, &asked, true, WARMING).await?;
    let inquiries = measured(portal, &asked, true, MEASURED).await?;
    let notices = measured(portal, &reports(&synth), false, MEASURED).await?;
    stop.cancel();
    let measured = Measured {
        customers: args.customers,
        store: match &args.store {
            Some(url) if url.starts_with("postgres") => "PostgreSQL",
            _ => "SQLite",
        },
        threads: thread::available_parallelism().map_or(1, usize::from),
        lines: LINES,
        ratio: inquiries.per_s / bare.per_s,
        bare,
        inquiries,
        notices,
    };
    out.result(&measured, |_| measured.to_string())?;
    Ok(Exit::Done)
}

/// Keeps the bills of a released run without making their documents: nobody reads them here.
async fn issued(instance: &Instance, run: &RunId) -> Result<(), Failure> {
    let store = &instance.store;
    let what = "the bills cannot be kept";
    loop {
        let now = Timestamp::now();
        let job = store.claim_chunk(Some(run), "bench", now, now + LEASE);
        let Some(job) = job.await.failed(what)? else {
            return Ok(());
        };
        let made = made(&job).ok_or_else(|| Failure::new(Exit::Failed, what))?;
        store.finish_chunk(&made).await.failed(what)?;
    }
}

fn made(job: &ChunkJob) -> Option<ChunkResult> {
    let object = format!("runs/{}/{}-0123456789abcdef.zip", job.run, job.no);
    let issue_date = jiff::tz::TimeZone::UTC.to_datetime(job.issued_at).date();
    let bill = |(place, order): (u64, &kvit_billing::BillOrder)| {
        Some(BillRecord {
            number: job.first_number.plus(place)?,
            series: job.series.clone(),
            run: job.run.clone(),
            seq: OrderSeq(job.first_seq.0 + place),
            chunk: job.no,
            account: order.account.clone(),
            kind: order.kind,
            issue_date,
            period: order.period,
            due_date: order.due_date,
            gross: order.totals.gross,
            to_pay: order.totals.to_pay,
            carried_over: order.totals.carried_over,
            currency: Currency::EUR,
            language: Language::Bg,
            pack: object.clone(),
            offset: place,
            length: 1,
            sha256: [9; 32],
            corrects: None,
        })
    };
    let bills = (0..)
        .zip(&job.orders)
        .map(bill)
        .collect::<Option<Vec<_>>>()?;
    Some(ChunkResult {
        run: job.run.clone(),
        no: job.no,
        claim: job.claim,
        worker: "bench".to_owned(),
        pack: PackRecord {
            object,
            sha256: [1; 32],
            length: bills.len() as u64,
        },
        bills,
        deliveries: Vec::new(),
        at: job.issued_at,
    })
}

/// Serves pages on an address of its own.
async fn listening(pages: Router, stop: &CancellationToken) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .failed("no address can be listened on")?;
    let address = listener.local_addr().failed("the address is not known")?;
    let stop = stop.clone();
    tokio::spawn(async move { serve::serve_until(listener, pages, &stop).await });
    Ok(address)
}

/// Questions for the dues of customers from all over.
fn inquiries(synth: &Synth) -> Vec<Vec<u8>> {
    let customers = synth.customers();
    let one = |i: u32| {
        let number = somebody(synth, i, customers);
        let pairs = [
            ("IDN", number.as_str()),
            ("MERCHANTID", "7"),
            ("TYPE", "CHECK"),
        ];
        request(&signed("init", &pairs))
    };
    (0..QUESTIONS_MAX.min(customers)).map(one).collect()
}

/// Reports of payments, each another one.
fn reports(synth: &Synth) -> Vec<Vec<u8>> {
    let customers = synth.customers();
    let one = |i: u32| {
        let number = somebody(synth, i, customers);
        let transaction = format!("20261120120000{i:06}700020");
        let pairs = [
            ("DATE", "20261120120000"),
            ("IDN", number.as_str()),
            ("MERCHANTID", "7"),
            ("TID", &transaction),
            ("TOTAL", "100"),
            ("TYPE", "BILLING"),
        ];
        request(&signed("confirm", &pairs))
    };
    (0..REPORTS_MAX).map(one).collect()
}

/// Neighbours in the list are no neighbours in the store.
fn somebody(synth: &Synth, i: u32, customers: u32) -> CustomerNumber {
    synth.number(i.wrapping_mul(2_654_435_761) % customers)
}

/// The address of a signed question; `pairs` are in the order of their names.
fn signed(verb: &str, pairs: &[(&str, &str)]) -> String {
    let text: String = pairs
        .iter()
        .map(|(name, value)| format!("{name}{value}\n"))
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let checksum = hex::encode(hmac::sign(&key, text.as_bytes()));
    let pairs = pairs
        .iter()
        .copied()
        .chain([("CHECKSUM", checksum.as_str())]);
    format!("/pay/bench/{verb}?{}", kvit_pay::params::encode(pairs))
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes()
}

/// One question on a connection of its own: what an answer looks like.
async fn once(address: SocketAddr, question: &[u8]) -> Result<String, Failure> {
    let what = "the portal does not answer";
    let mut line = TcpStream::connect(address).await.failed(what)?;
    let mut buffer = Vec::new();
    let body = ask(&mut line, question, &mut buffer).await.failed(what)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Asks on all lines for so long; with `again`, from the beginning where the questions end.
async fn measured(
    address: SocketAddr,
    questions: &[Vec<u8>],
    again: bool,
    lasts: Duration,
) -> Result<Rate, Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let questions: Arc<[Vec<u8>]> = questions.into();
    let begun = Instant::now();
    let lines: Vec<_> = (0..LINES)
        .map(|_| {
            let (next, questions) = (Arc::clone(&next), Arc::clone(&questions));
            tokio::spawn(async move {
                let mut line = TcpStream::connect(address).await?;
                line.set_nodelay(true)?;
                let (mut times, mut buffer) = (Vec::new(), Vec::new());
                while begun.elapsed() < lasts {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= questions.len() && !again {
                        break;
                    }
                    let asked = Instant::now();
                    let body =
                        ask(&mut line, &questions[at % questions.len()], &mut buffer).await?;
                    times.push(asked.elapsed());
                    let good = [&b"\"STATUS\":\"00\""[..], b"\"STATUS\":\"62\""];
                    if !good
                        .iter()
                        .any(|good| body.windows(good.len()).any(|w| w == *good))
                    {
                        return Err(std::io::Error::other("it was refused"));
                    }
                }
                Ok::<_, std::io::Error>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for line in lines {
        let line = line.await.failed("a line broke")?;
        times.extend(line.failed("an answer is none")?);
    }
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

/// Asks, and gives the body of the answer, which has to be a good one.
async fn ask(
    line: &mut TcpStream,
    question: &[u8],
    buffer: &mut Vec<u8>,
) -> std::io::Result<Vec<u8>> {
    line.write_all(question).await?;
    buffer.clear();
    let bad = || std::io::Error::other("the answer is not what it should be");
    loop {
        if line.read_buf(buffer).await? == 0 || buffer.len() > ANSWER_BYTES_MAX {
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
        let (true, Some(length)) = (head.starts_with("HTTP/1.1 200"), length) else {
            return Err(bad());
        };
        if buffer.len() >= end + 4 + length {
            return Ok(buffer[end + 4..end + 4 + length].to_vec());
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |rate: &Rate| {
            format!(
                "{} a second; half within {} µs, 99 % within {} µs",
                grouped(rate.per_s.round() as u64),
                grouped(rate.p50_us),
                grouped(rate.p99_us)
            )
        };
        let rows = [
            (
                "customers",
                format!("{} in {}", grouped(u64::from(self.customers)), self.store),
            ),
            (
                "asked on",
                format!(
                    "{}, with {} beside the portal",
                    count(self.lines as u64, "connection", "connections"),
                    count(self.threads as u64, "core", "cores")
                ),
            ),
            ("bare", rate(&self.bare)),
            ("inquiries", rate(&self.inquiries)),
            ("notices", rate(&self.notices)),
            ("ratio", format!("{:.3}", self.ratio)),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<11} {value}")?;
        }
        Ok(())
    }
}
