//! `kvit deliver`: every mail that is due.

use serde_json::json;

use super::issue;
use crate::{
    exit::{Context, Exit, Failure},
    output::{GOOD, Output, count, grouped, took},
    wiring::Instance,
    workers,
};

pub(super) async fn deliver(out: &Output, instance: &Instance) -> Result<Exit, Failure> {
    let stop = workers::stop_on_signal();
    let slot = workers::take_slot(instance).await?;
    let courier = instance.courier(&slot.name)?;
    let now = jiff::Timestamp::now();
    let before = instance.store.queue_depths(now).await?.mails_waiting;
    let progress = out.progress("sending", "mails", Some(before));
    let sending = courier.deliver(&stop);
    let watching = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            if let Ok(depths) = instance.store.queue_depths(now).await {
                progress.set(before.saturating_sub(depths.mails_waiting));
            }
        }
    };
    let done = tokio::select! {
        done = sending => done,
        () = watching => return Ok(Exit::Failed),
    };
    let time = progress.finish();
    let report = done.failed("delivery stopped").map_err(|failure| {
        failure.hint("the queue is intact; the same command goes on with the rest")
    })?;
    let waiting = instance.store.queue_depths(now).await?.mails_waiting;
    let value = json!({
        "accepted": report.accepted,
        "retried": report.retried,
        "failed": report.failed,
        "unknown": report.unknown,
        "waiting": waiting,
    });
    out.result(&value, |out| {
        let mut text = format!(
            "{} {} in {}",
            out.out("sent", GOOD),
            count(report.accepted, "mail", "mails"),
            took(time)
        );
        for (number, meaning) in [
            (report.retried, "refused for now; they are tried again"),
            (
                report.failed,
                "refused for good; these customers need paper",
            ),
            (
                report.unknown,
                "sent without an answer; tried again, possibly twice",
            ),
        ] {
            if number > 0 {
                text.push_str(&format!("\n  {} {meaning}", grouped(number)));
            }
        }
        if waiting > 0 {
            let mails = count(waiting, "mail waits", "mails wait");
            text.push_str(&format!("\n  {mails} for a later attempt"));
        }
        text
    })?;
    Ok(issue::ended(&stop, waiting))
}
