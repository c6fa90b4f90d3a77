//! `kvit pay reconcile`: what payment systems said and handed over, beside the books.

use kvit_billing::ports::Clock;
use kvit_pay::ways::PAYS_WITHIN_DAYS;
use kvit_store::{ClearingSum, ReconciledDay, days_of};
use serde_json::json;

use super::headed;
use crate::{
    cli::ReconcileArgs,
    exit::{Exit, Failure},
    output::{Output, amount},
    wiring::{Instance, SystemClock},
};

pub(super) async fn reconcile(
    out: &Output,
    instance: &Instance,
    args: &ReconcileArgs,
) -> Result<Exit, Failure> {
    let (zone, now) = (instance.time_zone()?, SystemClock.now());
    let first = args.month.unwrap_or(zone.to_datetime(now).date());
    let days = days_of(first.first_of_month(), &zone);
    let (Some((_, from, _)), Some((.., until))) = (days.first(), days.last()) else {
        let what = format!("{first} is in no calendar here");
        return Err(Failure::new(Exit::Usage, what).hint("name a nearer month with --month"));
    };
    let providers = instance.config.pay.providers.iter();
    let own: Vec<_> = providers
        .filter_map(|(name, one)| Some((name.parse().ok()?, one.pays_within_days)))
        .collect();
    let within = (PAYS_WITHIN_DAYS, own.as_slice());
    let sums = instance
        .store
        .clearing((*from, *until), within, now)
        .await?;
    let mut odd = instance.store.reconciled(&days).await?;
    odd.retain(|day| day.differing > 0);
    let month = first.strftime("%Y-%m").to_string();
    let value = json!({
        "month": month,
        "systems": sums.iter().map(sum_json).collect::<Vec<_>>(),
        "differing_days": odd.iter().map(day_json).collect::<Vec<_>>(),
    });
    out.result(&value, |out| {
        if sums.is_empty() && odd.is_empty() {
            return "no payment system collected anything yet".to_owned();
        }
        let head = [
            "system",
            "before",
            "collected",
            "returned",
            "handed over",
            "left",
            "late",
        ];
        let rows = sums.iter().map(|sum| {
            let sums = [
                sum.carried,
                sum.came,
                sum.back,
                sum.handed,
                sum.left,
                sum.late,
            ];
            let amounts = sums.into_iter().map(amount);
            [sum.provider.to_string()]
                .into_iter()
                .chain(amounts)
                .collect()
        });
        let mut text = format!("{month}\n{}", headed(out, &head, rows, &[1, 2, 3, 4, 5, 6]));
        if !odd.is_empty() {
            let head = ["day with differences", "system", "to look at", "difference"];
            let rows = odd.iter().map(|day| {
                let (count, sum) = (day.differing.to_string(), amount(day.difference()));
                vec![day.day.to_string(), day.provider.to_string(), count, sum]
            });
            text = format!("{text}\n\n{}", headed(out, &head, rows, &[2, 3]));
        }
        text
    })?;
    Ok(Exit::Done)
}

fn sum_json(sum: &ClearingSum) -> serde_json::Value {
    json!({
        "system": sum.provider,
        "before_cents": sum.carried.get(),
        "collected_cents": sum.came.get(),
        "returned_cents": sum.back.get(),
        "handed_over_cents": sum.handed.get(),
        "left_cents": sum.left.get(),
        "late_cents": sum.late.get(),
        "pays_within_days": sum.within_days,
    })
}

fn day_json(day: &ReconciledDay) -> serde_json::Value {
    json!({
        "day": day.day,
        "system": day.provider,
        "to_look_at": day.differing,
        "difference_cents": day.difference().get(),
    })
}
