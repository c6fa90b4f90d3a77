//! `kvit bench pay`: how many questions for dues and reports of payments a portal answers in a second, beside
//! a bare handler that the same client asks in the same run. Client and portal share the machine.

use std::{fmt, path::Path, thread, time::Duration};

use aws_lc_rs::hmac;
use axum::{Router, routing::get};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    client::{self, LINES, Line, Rate, answered, listening, measured},
    loaded::Loaded,
};
use crate::{
    cli::BenchLoadArgs,
    config::PayConfig,
    exit::{Context, Exit, Failure},
    files,
    output::{Output, count, grouped},
};

/// Asked before, and not counted: connections open, statements are prepared.
const WARMING: Duration = Duration::from_millis(500);
/// Different questions; they come again.
const QUESTIONS_MAX: u32 = 20_000;
/// Different reports; each counts once, so they end with this.
const REPORTS_MAX: u32 = 60_000;
/// One of these is in an answer that accepts: it owes, or it owes nothing, or it is noted.
const ACCEPTED: &[&[u8]] = &[b"\"STATUS\":\"00\"", b"\"STATUS\":\"62\""];
const SECRET: &str = "a secret of nobody's";
const SETTINGS: &str = "[providers.bench]\nkind = \"biller\"\ntitle = \"Bench\"\n[providers.bench.test]\nmerchant = \"7\"\nsecret_file = \"bench.secret\"\n";

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

pub(in crate::commands) async fn pay(
    out: &Output,
    dir: Option<&Path>,
    args: &BenchLoadArgs,
) -> Result<Exit, Failure> {
    let lasts = Duration::from_secs(args.seconds);
    let pay = toml::from_str::<PayConfig>(SETTINGS).failed("the settings cannot be read")?;
    let loaded = Loaded::new(out, dir, args, pay).await?;
    let instance = &loaded.instance;
    files::write_private(&instance.dir.join("bench.secret"), SECRET.as_bytes())
        .failed("the secret cannot be written")?;

    let stop = CancellationToken::new();
    let portal = instance.portal()?;
    let pages = kvit_web::router(portal).failed("the portal cannot open")?;
    let portal = listening(pages, &stop).await?;
    let asked = inquiries(&loaded);
    let mut line = Line::open(portal)
        .await
        .failed("the portal does not answer")?;
    let sample = line
        .ask(&asked[0])
        .await
        .failed("the portal does not answer")?;
    let sample = String::from_utf8_lossy(&sample.body).into_owned();
    let bare = Router::new().route("/", get(move || std::future::ready(sample.clone())));
    let bare = listening(bare, &stop).await?;
    let plain = client::get("/", "");
    out.note("asking");
    let bare = measured(bare, lasts, async |line, _| {
        answered(line, &plain, 200, &[]).await
    })
    .await?;
    let inquire = async |line: &mut Line, at: usize| {
        answered(line, &asked[at % asked.len()], 200, ACCEPTED).await
    };
    measured(portal, WARMING, inquire).await?;
    let inquiries = measured(portal, lasts, inquire).await?;
    let reports = reports(&loaded);
    let notices = measured(portal, lasts, async |line, at| match reports.get(at) {
        Some(report) => answered(line, report, 200, ACCEPTED).await,
        None => Ok(false),
    })
    .await?;
    stop.cancel();
    let measured = Measured {
        customers: args.customers,
        store: loaded.store_name(),
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

/// Questions for the dues of customers from all over.
fn inquiries(loaded: &Loaded) -> Vec<Vec<u8>> {
    let one = |i: u32| {
        let number = loaded.somebody(i);
        let pairs = [
            ("IDN", number.as_str()),
            ("MERCHANTID", "7"),
            ("TYPE", "CHECK"),
        ];
        client::get(&signed("init", &pairs), "")
    };
    (0..QUESTIONS_MAX.min(loaded.synth.customers()))
        .map(one)
        .collect()
}

/// Reports of payments, each another one.
fn reports(loaded: &Loaded) -> Vec<Vec<u8>> {
    let one = |i: u32| {
        let number = loaded.somebody(i);
        let transaction = format!("20261120120000{i:06}700020");
        let pairs = [
            ("DATE", "20261120120000"),
            ("IDN", number.as_str()),
            ("MERCHANTID", "7"),
            ("TID", &transaction),
            ("TOTAL", "100"),
            ("TYPE", "BILLING"),
        ];
        client::get(&signed("confirm", &pairs), "")
    };
    (0..REPORTS_MAX).map(one).collect()
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

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            ("bare", self.bare.to_string()),
            ("inquiries", self.inquiries.to_string()),
            ("notices", self.notices.to_string()),
            ("ratio", format!("{:.3}", self.ratio)),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<11} {value}")?;
        }
        Ok(())
    }
}
