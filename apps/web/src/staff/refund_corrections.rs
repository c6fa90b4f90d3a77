//! A refund through its payment system turned out otherwise than the books have it: one says so, a third approves.

use kvit_billing::Role;
use kvit_store::{Concede, ConcessionRecord, Deed, same_person};
use minijinja::{Value, context};

use super::door::Officer;
use crate::{App, failure::Failure, front::Visitor};

/// What a refund's page shows of them, and what may be said: `party` proposed or approved the refund.
pub(crate) async fn shown(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    one: &ConcessionRecord,
    party: bool,
) -> Result<Value, Failure> {
    let (texts, zone) = (app.pages.texts(visitor.language), &app.portal.time_zone);
    let deed =
        |deed: &Deed| context! { who => deed.by.clone(), when => texts.moment(deed.at, zone) };
    let all = app.portal.store.refund_corrections(one.number).await?;
    let waits = all.iter().find(|said| one.correction == Some(said.number));
    let mine = waits.is_some_and(|said| same_person(&said.said.by, officer.login.as_str()));
    let rows: Vec<_> = all
        .iter()
        .map(|said| {
            context! {
                went => said.went_back, seen => said.seen.clone(), said => deed(&said.said),
                approved => said.approved.as_ref().map(deed), refused => said.refused.as_ref().map(deed),
            }
        })
        .collect();
    let billing = officer.role == Role::Billing;
    let turned = one.may_turn_out().filter(|_| billing && waits.is_none());
    let decides = waits
        .filter(|_| billing)
        .map(|said| said.number.to_string());
    Ok(context! { rows, turned, decides, mine, party })
}

/// A word about a correction, which names the one that its speaker saw.
pub(crate) async fn decide(
    app: &App,
    one: &ConcessionRecord,
    correction: u64,
    act: &str,
    by: &str,
) -> Result<&'static str, Failure> {
    let (store, now) = (&app.portal.store, app.portal.clock.now());
    let of_it = store.refund_corrections(one.number).await?;
    if !of_it.iter().any(|said| said.number == correction) {
        return Err(Failure::NotFound);
    }
    let said = match act {
        "correct" => store.approve_refund_correction(correction, by, now).await?,
        _ => store.refuse_refund_correction(correction, by, now).await?,
    };
    Ok(match said {
        Concede::Approved => "corrected",
        Concede::Refused => "upheld",
        // Its button is not shown to them.
        Concede::SamePerson => return Err(Failure::NotFound),
        Concede::OtherPayment => "taken-back",
        _ => {
            // A second press finds what the first one did.
            let of_it = store.refund_corrections(one.number).await?;
            let said = of_it.into_iter().find(|said| said.number == correction);
            let mine =
                |deed: &Option<Deed>| deed.as_ref().is_some_and(|deed| same_person(&deed.by, by));
            match said {
                Some(said) if act == "correct" && mine(&said.approved) => "corrected",
                Some(said) if act == "uphold" && mine(&said.refused) => "upheld",
                _ => "outdated",
            }
        }
    })
}
