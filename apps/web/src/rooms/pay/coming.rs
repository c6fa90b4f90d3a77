//! What is on its way for bills, so that nobody pays them twice.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::{BillNumber, CustomerNumber};
use kvit_pay::PaymentState;
use kvit_store::PaymentView;
use minijinja::{Value, context};

use super::{order::is_theirs, page_of};
use crate::{App, failure::Failure, front::Visitor, rooms::autopay};

/// A payment that was begun so lately may still be under way in another window.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(30);
/// Whether a payment may still bring money, so that nobody should pay again.
pub(super) fn is_coming(view: &PaymentView, now: Timestamp) -> bool {
    match view.state(now) {
        PaymentState::Ordered | PaymentState::Held => true,
        PaymentState::Started => now.duration_since(view.payment.started_at) < UNDER_WAY,
        _ => false,
    }
}

/// Open bills that are looked through at once for what is on its way.
pub(in crate::rooms) const OPEN_MAX: usize = 250;

/// Bills, each with its customer and last day to pay.
pub(in crate::rooms) type Open<'a> = (BillNumber, &'a CustomerNumber, Date);

/// What is on its way for these open bills of at most [`OPEN_MAX`], a sentence for each that has something: a payment, or the bank
/// collects it.
pub(in crate::rooms) async fn coming(
    app: &App,
    visitor: &Visitor,
    open: &[Open<'_>],
) -> Result<HashMap<BillNumber, String>, Failure> {
    let texts = app.pages.texts(visitor.language);
    let zone = &app.portal.time_zone;
    let now = app.portal.clock.now();
    let mut found = HashMap::new();
    let mut accounts: Vec<_> = open.iter().map(|(_, account, _)| *account).collect();
    accounts.dedup();
    for account in accounts {
        for (bill, debit) in autopay::coming(app, account).await? {
            let day = texts.date(debit.day);
            found.insert(bill, texts.say("bills-coming-debit", &[("day", &day)]));
        }
    }
    let mut payments = app.portal.store.payments_of_bills(open).await?;
    payments.retain(|(_, view)| is_coming(view, now));
    // The last word counts: what is known best, and of those the newest.
    payments.sort_by_key(|(_, view)| {
        let known = view.state(now) != PaymentState::Started;
        (known, view.payment.started_at, view.payment.number)
    });
    for (bill, view) in payments {
        let when = texts.moment(view.payment.started_at, zone);
        let until = texts.moment(view.payment.expires_at, zone);
        let key = match view.state(now) {
            PaymentState::Held => "bills-coming-held",
            PaymentState::Ordered if view.payment.code.is_some() => "bills-coming-cash",
            PaymentState::Ordered => "bills-coming-ordered",
            _ => "bills-coming-started",
        };
        found.insert(bill, texts.say(key, &[("when", &when), ("until", &until)]));
    }
    Ok(found)
}

/// The codes for cash that were given for these open bills and others at once, where all of them are the visitor's.
pub(super) async fn codes(
    app: &App,
    visitor: &Visitor,
    open: &[Open<'_>],
) -> Result<Vec<Value>, Failure> {
    let texts = app.pages.texts(visitor.language);
    let store = &app.portal.store;
    let now = app.portal.clock.now();
    let mut orders = BTreeMap::new();
    for (_, view) in store.payments_of_bills(open).await? {
        let payment = &view.payment;
        let waits = payment.together && payment.code.is_some();
        if waits && view.state(now) == PaymentState::Ordered {
            orders.insert((payment.started_at, payment.number), view.payment);
        }
    }
    let mut codes = Vec::new();
    for payment in orders.into_values() {
        if is_theirs(visitor, &store.payment_parts(&payment).await?) {
            codes.push(context! {
                page => page_of(app, &payment), count => payment.bills.len(),
                amount => texts.money(payment.amount, &payment.currency),
                until => texts.moment(payment.expires_at, &app.portal.time_zone),
            });
        }
    }
    Ok(codes)
}
