//! `kvit pay journal`: the journal of some days as CSV.

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::ports::Clock;
use kvit_store::EntryRecord;
use kvit_web::csv_line;
use serde_json::json;

use crate::{
    cli::JournalArgs,
    exit::{Context, Exit, Failure},
    output::{Output, count},
    wiring::{Instance, SystemClock},
};

/// Entries that are read at a time.
const PAGE: usize = 500;
const HEAD: &str = "entry,at,kind,book,amount,currency,bills,reverses,who";

pub(super) async fn journal(
    out: &Output,
    instance: &Instance,
    args: &JournalArgs,
) -> Result<Exit, Failure> {
    if args.until < args.from {
        let what = format!("{} is before {}", args.until, args.from);
        return Err(
            Failure::new(Exit::Usage, what).hint("--from names the first day, --until the last")
        );
    }
    let zone = TimeZone::get(&instance.config.issue.time_zone)
        .exits(Exit::Configuration, "[issue] time_zone does not work")?;
    let today = zone.to_datetime(SystemClock.now()).date();
    if args.until >= today {
        // An entry of today may be written after the file, and would be in no file then.
        let what = format!("{} is not over yet: entries may still come", args.until);
        return Err(Failure::new(Exit::Refused, what).hint("name a day before today with --until"));
    }
    let (from, until) = (
        start(args.from, &zone)?,
        start(args.until.saturating_add(1.day()), &zone)?,
    );
    let place = args.to.display();
    let file = File::create_new(&args.to).failed(format!("{place} cannot be made"))?;
    let mut file = BufWriter::new(file);
    let cannot = format!("{place} cannot be written");
    let currency = instance.config.operator.currency;
    writeln!(file, "{HEAD}").failed(cannot.as_str())?;
    let mut lines = 0_u64;
    let mut last: Option<(Timestamp, String)> = None;
    loop {
        let after = last.as_ref().map(|(at, id)| (*at, id.as_str()));
        let page = instance.store.postings(from, until, after, PAGE).await?;
        let Some(end) = page.last() else { break };
        last = Some((end.at, end.id.clone()));
        for posting in &page {
            writeln!(file, "{}", line(posting, currency.as_str())).failed(cannot.as_str())?;
            lines += 1;
        }
    }
    let file = file
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all()).failed(cannot)?;
    out.result(&json!({"file": args.to, "postings": lines}), |_| {
        format!("{} in {place}", count(lines, "posting", "postings"))
    })?;
    Ok(Exit::Done)
}

/// The moment at which a day begins where the operator sits.
pub(super) fn start(day: Date, zone: &TimeZone) -> Result<Timestamp, Failure> {
    zone.to_timestamp(day.at(0, 0, 0, 0))
        .failed(format!("{day} has no beginning"))
}

fn line(posting: &EntryRecord, currency: &str) -> String {
    let bills: Vec<String> = posting.bills.iter().map(ToString::to_string).collect();
    let fields = [
        posting.id.clone(),
        posting.at.to_string(),
        posting.kind.clone(),
        posting.book.to_string(),
        posting.cents.to_string(),
        currency.to_owned(),
        bills.join(" "),
        posting.reverses.clone().unwrap_or_default(),
        posting.who.clone(),
    ];
    csv_line(&fields)
}
