//! The page of one payment for bills that were chosen together: where it stands, and its bills. The address is the
//! order's own: who has it sees numbers and sums of these bills, and no person.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::PaymentState;
use kvit_store::{PaymentPart, PaymentView};
use minijinja::context;

use super::{Came, coming::is_coming, reader, words::told};
use crate::{App, failure::Failure, front::Visitor, rooms::shown};

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
    let (mut bills, mut left) = (Vec::with_capacity(parts.len()), Cents::ZERO);
    for part in of.values().flat_map(|parts| parts.iter().rev()) {
        let open = standings.get(&part.account);
        let open = open.and_then(|standing| standing.bill(part.bill));
        let open = open.map_or(Cents::ZERO, |bill| bill.open);
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
    // Whoever signed in for these bills may go on choosing.
    let theirs = accounts
        .iter()
        .all(|account| visitor.points.contains(account));
    let again = theirs && standing == "open" && !is_coming(&order, now);
    let ways = app.portal.pay.ways.all();
    let page = app.pages.render(
        &visitor,
        "payorder.html",
        context! {
            payment => told(app, &visitor, &ways, &order, standing), amount => texts.money(order.payment.amount, currency),
            bills, standing, notice, theirs, again, open => is_coming(&order, now), action => visitor.path.clone(),
        },
    )?;
    Ok(page.into_response())
}
