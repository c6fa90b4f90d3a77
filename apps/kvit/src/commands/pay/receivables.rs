//! `kvit pay receivables`: who owed how much on a day, by age.

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kvit_billing::{Cents, CustomerNumber, ports::Clock};
use kvit_pay::aging::{Age, AgedTotals, Total};
use kvit_web::{owing_head, owing_line};
use serde_json::json;

use super::{headed, journal::start};
use crate::{
    cli::ReceivablesArgs,
    exit::{Context, Exit, Failure},
    files::new_private,
    output::{BAD, Output, amount, grouped},
    wiring::{Instance, SystemClock},
};

pub(super) async fn receivables(
    out: &Output,
    instance: &Instance,
    args: &ReceivablesArgs,
) -> Result<Exit, Failure> {
    let zone = TimeZone::get(&instance.config.issue.time_zone)
        .exits(Exit::Configuration, "[issue] time_zone does not work")?;
    let now = SystemClock.now();
    let today = zone.to_datetime(now).date();
    let day = args.on.unwrap_or(today);
    if day > today {
        let what = format!("{day} is yet to come");
        return Err(Failure::new(Exit::Usage, what).hint("name today or an earlier day with --on"));
    }
    let at = moment(day, today, now, &zone)?;
    // Looked for first: what is out by now is in what follows.
    let unissued = instance.store.unissued_run(at).await?;
    if let Some(run) = &unissued {
        let text = format!(
            "run {run} is still being issued: bills of it that are not out yet are missing here"
        );
        out.note(&format!("{} {text}", out.err("note:", BAD)));
        out.note(&format!(
            "ask again once `kvit run show {run}` says that it is issued"
        ));
    }
    let mut file = match &args.to {
        Some(path) => {
            let file = new_private(path);
            let file = file.failed(format!("{} cannot be made", path.display()))?;
            Some(BufWriter::new(file))
        }
        None => None,
    };
    write(&mut file, &owing_head())?;
    let mut totals = AgedTotals::default();
    let mut last: Option<CustomerNumber> = None;
    loop {
        let page = instance.store.owing(at, day, last.as_ref()).await?;
        for one in &page.owing {
            write(&mut file, &owing_line(one))?;
        }
        totals += page.totals;
        match page.last {
            Some(next) => last = Some(next),
            None => break,
        }
    }
    let booked = instance.store.customers_booked(at).await?;
    if let Some(file) = file {
        let file = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error);
        file.and_then(|file| file.sync_all())
            .failed("the file cannot be written")?;
    }
    let by_age: Vec<_> = Age::ALL
        .iter()
        .zip(totals.ages)
        .map(|(age, total)| json!({"age": age.as_str(), "customers": total.customers, "cents": total.cents.get()}))
        .collect();
    let value = json!({"on": day, "ages": by_age, "customers": totals.all.customers, "cents": totals.all.cents.get(), "credit_cents": totals.credit.get(), "overdrawn_cents": totals.overdrawn.get(), "asked_cents": totals.asked.get(), "booked_cents": booked.get(), "unissued_run": unissued, "file": args.to});
    out.result(&value, |out| {
        let names = [
            "not due",
            "1 to 30 days",
            "31 to 60 days",
            "61 to 90 days",
            "over 90 days",
        ];
        let row = |name: &str, total: Total| {
            vec![
                name.to_owned(),
                grouped(total.customers),
                amount(total.cents),
            ]
        };
        let mut rows: Vec<_> = names
            .iter()
            .zip(totals.ages)
            .map(|(name, total)| row(name, total))
            .collect();
        rows.push(row("together", totals.all));
        let told = headed(
            out,
            &["overdue", "customers", "open"],
            rows.into_iter(),
            &[1, 2],
        );
        let beyond = match totals.overdrawn {
            Cents::ZERO => String::new(),
            overdrawn => format!(", {} given back beyond what was paid", amount(overdrawn)),
        };
        format!(
            "owed on {day}\n{told}\nand {} paid beyond the bills{beyond}\n{} in all: bills ask for {}, of which the books have {} as paid",
            amount(totals.credit),
            amount(totals.balance()),
            amount(totals.asked),
            amount(-booked),
        )
    })?;
    Ok(Exit::Done)
}

/// The end of a day that is over; now, where it is today.
fn moment(day: Date, today: Date, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failure> {
    if day == today {
        return Ok(now);
    }
    let next = start(day.saturating_add(1.day()), zone)?;
    Ok(next - jiff::SignedDuration::from_micros(1))
}

fn write(file: &mut Option<BufWriter<File>>, line: &str) -> Result<(), Failure> {
    match file {
        Some(file) => writeln!(file, "{line}").failed("the file cannot be written"),
        None => Ok(()),
    }
}
