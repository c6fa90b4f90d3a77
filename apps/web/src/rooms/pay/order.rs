//! The page of one payment for bills that were chosen together: where it stands, and its bills. The address is the
//! order's own: who has it sees numbers and sums of these bills, and no person.

use std::collections::{BTreeMap, HashMap};

use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::{PaymentState, standing::Standing};
use kvit_store::{PaymentPart, PaymentView};
use minijinja::context;

use super::{
    Came,
    coming::is_coming,
    reader,
    words::{About, told},
};
use crate::{App, failure::Failure, front::Visitor, rooms::shown};

/// Whether whoever signed in did so for all of these bills.
pub(super) fn is_theirs(visitor: &Visitor, parts: &[PaymentPart]) -> bool {
    let theirs = |part: &PaymentPart| visitor.points.contains(&part.account);
    !parts.is_empty() && parts.iter().all(theirs)
}

/// Whether less is open of one of these bills than a payment would bring: who pays it now pays too much.
pub(super) async fn is_changed(
    app: &App,
    parts: &[PaymentPart],
    now: Timestamp,
) -> Result<bool, Failure> {
    let mut accounts: Vec<_> = parts.iter().map(|part| part.account.clone()).collect();
    accounts.sort();
    accounts.dedup();
    let standings = app.portal.store.standings(&accounts, now).await?;
    let is_less = |part: &PaymentPart| open_of(part, &standings) < part.amount;
    Ok(parts.iter().any(is_less))
}

fn open_of(part: &PaymentPart, standings: &HashMap<CustomerNumber, Standing>) -> Cents {
    let bill = standings.get(&part.account);
    let bill = bill.and_then(|standing| standing.bill(part.bill));
    bill.map_or(Cents::ZERO, |bill| bill.open)
}

pub(super) async fn page(
    app: &App,
    visitor: Visitor,
    order: PaymentView,
    came: &Came,
) -> Result<Response, Failure> {
    let store = &app.portal.store;
    let now = app.portal.clock.now();
    let parts = store.payment_parts(&order.payment).await?;
    let mut of: BTreeMap<&CustomerNumber, Vec<&PaymentPart>> = BTreeMap::new();
    for part in &parts {
        of.entry(&part.account).or_default().push(part);
    }
    let accounts: Vec<CustomerNumber> = of.keys().map(|account| (*account).clone()).collect();
    let standings = store.standings(&accounts, now).await?;
    let first = store.bill(order.payment.bill).await?;
    let visitor = match &first {
        Some(bill) => reader(visitor, bill),
        None => visitor,
    };
    let texts = app.pages.texts(visitor.language);
    let currency = &order.payment.currency;
    let (mut bills, mut left, mut changed) = (Vec::with_capacity(parts.len()), Cents::ZERO, false);
    for part in of.values().flat_map(|parts| parts.iter().rev()) {
        let open = open_of(part, &standings);
        changed |= open < part.amount;
        left += open;
        if let Some(bill) = store.bill(part.bill).await? {
            bills.push(context! {
                part => texts.money(part.amount, currency),
                rest => (open > Cents::ZERO && open < part.amount).then(|| texts.money(open, currency)),
                paid => open == Cents::ZERO, ..shown(app, visitor.language, &bill)
            });
        }
    }
    let standing = if left > Cents::ZERO { "open" } else { "paid" };
    let state = order.state(now);
    let notice = match (came, state) {
        (
            Came {
                nocode: Some(_), ..
            },
            _,
        ) => Some("pay-no-code"),
        (Came { back: Some(_), .. }, PaymentState::Started | PaymentState::Ordered) => {
            Some("pay-together-back")
        }
        (Came { back: Some(_), .. }, PaymentState::Declined) => Some("pay-together-declined"),
        _ => None,
    };
    let theirs = is_theirs(&visitor, &parts);
    let changed = changed && state == PaymentState::Ordered && order.payment.code.is_some();
    // Who turned back may choose again at once; without a session that leads to the door.
    let twice = state == PaymentState::Started;
    let again = standing == "open" && (twice || changed || !is_coming(&order, now));
    let ways = app.portal.pay.ways.all();
    let about = About {
        standing,
        part: None,
        changed,
        page: None,
    };
    let page = app.pages.render(
        &visitor,
        "payorder.html",
        context! {
            payment => told(app, &visitor, &ways, &order, about), amount => texts.money(order.payment.amount, currency),
            bills, standing, notice, theirs, again, twice, left => changed.then(|| texts.money(left, currency)), open => is_coming(&order, now), action => visitor.path.clone(),
        },
    )?;
    Ok(page.into_response())
}
