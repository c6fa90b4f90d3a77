//! `kvit export`: a run's bills as files.

use std::fs;

use aws_lc_rs::digest::{SHA256, digest};
use kvit_billing::{BillNumber, ports::Clock as _};
use kvit_flow::read_bill;
use kvit_store::{Channel, DeliveryState, Event, RunState};
use serde_json::json;

use super::{account::at_the_console, find};
use crate::{
    cli::ExportArgs,
    exit::{Context, Exit, Failure},
    output::{GOOD, Output, count, took},
    wiring::{Instance, SystemClock},
};

/// Bills that are looked up at once.
const PAGE: usize = 1000;

pub(super) async fn export(
    out: &Output,
    instance: &Instance,
    args: &ExportArgs,
) -> Result<Exit, Failure> {
    let run = find(instance, &args.run).await?;
    if !matches!(run.state, RunState::Released | RunState::Issued) {
        let what = format!(
            "run {} is {}: it has no bills yet",
            run.id,
            run.state.as_str()
        );
        return Err(Failure::new(Exit::Refused, what)
            .hint("`kvit run preview` shows samples of a checked run"));
    }
    let to = std::path::absolute(&args.to).failed("the current folder is not known")?;
    fs::create_dir_all(&to).failed(format!("{} cannot be made", to.display()))?;
    let archive = instance.archive()?;
    let progress = out.progress("exporting", "bills", Some(run.orders));
    let (mut last, mut written, mut there, mut handed_over) = (None, 0_u64, 0_u64, 0_u64);
    loop {
        let bills = instance.store.bills_of_run(&run.id, last, PAGE).await?;
        let Some(end) = bills.last() else { break };
        last = Some(end.number);
        let mut printed = Vec::new();
        for bill in &bills {
            progress.add(1);
            if args.paper && !travels_on_paper(instance, bill.number).await? {
                continue;
            }
            let path = to.join(format!("{}.pdf", bill.number));
            let same =
                fs::read(&path).is_ok_and(|bytes| digest(&SHA256, &bytes).as_ref() == bill.sha256);
            if same {
                there += 1;
            } else {
                let pdf = read_bill(archive.as_ref(), bill)
                    .await
                    .failed("the export stopped")?;
                // Not flushed each: a file that a crash left half is seen by its hash next time.
                fs::write(&path, pdf).failed(format!("{} cannot be written", path.display()))?;
                written += 1;
            }
            printed.push(bill.number);
        }
        // Only once the files are there: a death before it exports them again.
        if args.paper {
            let now = SystemClock.now();
            let event = (handed_over == 0).then(|| Event {
                at: now,
                who: at_the_console(),
                what: "paper.handed-over".to_owned(),
                subject: format!("run/{}", run.id),
                detail: json!({ "folder": to }),
            });
            let store = &instance.store;
            handed_over += store.hand_over_paper(&printed, now, event.as_ref()).await?;
        }
    }
    let time = progress.finish();
    let value = json!({
        "run": run.id.as_str(),
        "folder": to,
        "written": written,
        "already_there": there,
        "paper_only": args.paper,
        "handed_over": handed_over,
        "complete": run.state == RunState::Issued,
    });
    out.result(&value, |out| {
        let mut text = format!(
            "{} {} to {} in {}",
            out.out("exported", GOOD),
            count(written, "bill", "bills"),
            to.display(),
            took(time)
        );
        if there > 0 {
            text.push_str(&format!("; {there} were there already"));
        }
        if run.state != RunState::Issued {
            text.push_str(&format!(
                "\nnot all of the run is issued yet: `kvit run issue {}` does it, or a running `kvit serve`;\n\
                 then give this command again for the rest",
                run.id
            ));
        }
        text
    })?;
    Ok(Exit::Done)
}

/// Whether this bill is to be printed: it goes on paper, by itself or beside a mail, or the mail was given up.
async fn travels_on_paper(instance: &Instance, bill: BillNumber) -> Result<bool, Failure> {
    let deliveries = instance.store.deliveries_of_bill(bill).await?;
    let given_up = |state| matches!(state, DeliveryState::Failed | DeliveryState::Withdrawn);
    Ok(deliveries.iter().any(|one| one.channel == Channel::Paper)
        || deliveries.iter().all(|one| given_up(one.state)))
}
