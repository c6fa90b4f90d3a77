//! `kvit pay journal` and `kvit pay export`: the books of some days, for the accounting system.

use std::io::{BufWriter, Write};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kvit_billing::ports::Clock;
use kvit_store::Event;
use kvit_web::books::{BadDays, BookFile, BookFormat, BookWish};
use serde_json::json;

use crate::{
    cli::{BookArgs, JournalArgs},
    commands::account::at_the_console,
    exit::{Context, Exit, Failure},
    files::new_private,
    output::{Output, count},
    wiring::{Instance, SystemClock},
};

/// The whole journal as CSV.
pub(super) async fn journal(
    out: &Output,
    instance: &Instance,
    args: &JournalArgs,
) -> Result<Exit, Failure> {
    let wish = BookWish {
        account: None,
        days: (args.from, args.until),
        format: BookFormat::Csv,
        currency: instance.config.operator.currency,
    };
    write(out, instance, args, wish).await
}

/// One book as camt.053, or as CSV.
pub(super) async fn export(
    out: &Output,
    instance: &Instance,
    args: &BookArgs,
) -> Result<Exit, Failure> {
    let format = if args.csv {
        BookFormat::Csv
    } else {
        BookFormat::Camt
    };
    let wish = BookWish {
        account: Some(args.book.clone()),
        days: (args.days.from, args.days.until),
        format,
        currency: instance.config.operator.currency,
    };
    write(out, instance, &args.days, wish).await
}

async fn write(
    out: &Output,
    instance: &Instance,
    args: &JournalArgs,
    wish: BookWish,
) -> Result<Exit, Failure> {
    let zone = instance.time_zone()?;
    let named = match &wish.account {
        Some(account) => account.to_string(),
        None => "journal".to_owned(),
    };
    let opened = BookFile::open(instance.store.clone(), &zone, SystemClock.now(), wish);
    let mut book = opened.map_err(|error| match error {
        BadDays::Turned(..) => Failure::new(Exit::Usage, error.to_string())
            .hint("--from names the first day, --until the last"),
        BadDays::NotOver(_) => {
            Failure::new(Exit::Refused, error.to_string()).hint("name an earlier day with --until")
        }
        BadDays::Odd(_) => Failure::new(Exit::Failed, error.to_string()),
    })?;
    let place = args.to.display();
    let file = new_private(&args.to).failed(format!("{place} cannot be made"))?;
    let mut file = BufWriter::new(file);
    // As in the console, before anything of it is written.
    let fetched = Event {
        at: SystemClock.now(),
        who: at_the_console(),
        what: "pay.exported".to_owned(),
        subject: "books".to_owned(),
        detail: json!({"book": named, "from": args.from, "until": args.until, "file": args.to}),
    };
    instance.store.record_event(&fetched).await?;
    let cannot = format!("{place} cannot be written");
    while let Some(part) = book.part().await? {
        file.write_all(part.as_bytes()).failed(cannot.as_str())?;
    }
    let file = file
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all()).failed(cannot)?;
    let lines = book.lines();
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
