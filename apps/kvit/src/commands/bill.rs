//! `kvit bill`: one bill, for those who answer a customer's question.

use kvit_billing::BillNumber;
use kvit_store::{BillRecord, Channel, DeliveryRecord, DeliveryState};
use serde_json::json;

use crate::{
    cli::BillArgs,
    exit::{Exit, Failure},
    output::{BOLD, Output, money, table},
    wiring::Instance,
};

pub(super) async fn bill(
    out: &Output,
    instance: &Instance,
    args: &BillArgs,
) -> Result<Exit, Failure> {
    let number = args.number;
    let Some(bill) = instance.store.bill(number).await? else {
        let what = format!("there is no bill {number}");
        return Err(Failure::new(Exit::Failed, what)
            .hint("numbers are as printed, ten digits; a run that is not issued has none yet"));
    };
    let corrections = instance.store.corrections_of(number).await?;
    let deliveries = instance.store.deliveries_of_bill(number).await?;
    let corrected_by: Vec<BillNumber> = corrections.iter().map(|found| found.number).collect();
    let mut value = json!({
        "bill": bill,
        "corrected_by": corrected_by,
        "deliveries": deliveries,
    });
    value["bill"]["sha256"] = json!(hex::encode(bill.sha256));
    out.result(&value, |out| {
        let mut text = format!("{}\n", out.out(&format!("Bill {number}"), BOLD));
        text.push_str(&facts(&bill, &corrected_by));
        for delivery in &deliveries {
            let title = format!("Delivery {}", delivery.id);
            text.push_str(&format!("\n{}\n{}", out.out(&title, BOLD), trail(delivery)));
        }
        text
    })?;
    Ok(Exit::Done)
}

fn facts(bill: &BillRecord, corrected_by: &[BillNumber]) -> String {
    let mut rows = vec![
        pair("kind", bill.kind.as_str()),
        pair("customer", bill.account.as_str()),
        pair("period", &bill.period.to_string()),
        pair("issued", &bill.issue_date.to_string()),
        pair("gross", &money(bill.gross, bill.currency)),
        pair("to pay", &money(bill.to_pay, bill.currency)),
        pair("due", &bill.due_date.to_string()),
        pair("run", bill.run.as_str()),
        pair("document", &format!("{}, {} bytes", bill.pack, bill.length)),
        pair("SHA-256", &hex::encode(bill.sha256)),
    ];
    if let Some(original) = bill.corrects {
        rows.push(pair("corrects", &original.to_string()));
    }
    for correction in corrected_by {
        rows.push(pair("corrected by", &correction.to_string()));
    }
    table(&rows, &[])
}

/// How it travelled. The address is not shown: who may see it asks the store.
fn trail(delivery: &DeliveryRecord) -> String {
    let channel = match delivery.channel {
        Channel::Email => "e-mail",
        Channel::Paper => "paper",
    };
    let due = second(delivery.due_at);
    let mut rows = vec![pair("channel", channel)];
    if (delivery.channel, delivery.state) == (Channel::Paper, DeliveryState::Queued) {
        // Nobody has handed it over yet.
        rows.push(pair(
            "state",
            &format!("will be printed (queued for {due})"),
        ));
    } else if (delivery.channel, delivery.state) == (Channel::Paper, DeliveryState::Sent) {
        let at = delivery.handed_over_at.map(second);
        let at = at.map_or(String::new(), |at| format!(" ({at})"));
        rows.push(pair("state", &format!("handed over for printing{at}")));
    } else {
        rows.push(pair("state", delivery.state.as_str()));
        rows.push(pair("due", &due));
    }
    if delivery.possibly_twice {
        rows.push(pair(
            "possibly twice",
            "yes: an acceptance could not be seen",
        ));
    }
    for attempt in &delivery.trail {
        let what = format!("{}: {}", attempt.outcome, attempt.reply);
        rows.push(pair(&format!("  {}", second(attempt.at)), &what));
    }
    for receipt in &delivery.receipts {
        rows.push(pair(
            &format!("  {}", second(receipt.at)),
            &format!("receipt: {}", receipt.kind),
        ));
    }
    if let (Channel::Email, Some(next)) = (delivery.channel, delivery.next_attempt_at) {
        rows.push(pair("next attempt", &second(next)));
    }
    table(&rows, &[])
}

fn pair(label: &str, text: &str) -> Vec<String> {
    vec![format!("  {label}"), text.to_owned()]
}

fn second(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
