//! How many bytes a sealed bill has: what an archive and a million mails carry.

#[allow(dead_code)]
mod common;

use std::sync::Arc;

use jiff::civil::date;
use kvit_billing::BillOrder;
use kvit_compose::{Composer, Layout};
use kvit_keys::{KeyKind, Pkcs12Key, Throwaway};
use kvit_pades::Sealer;
use kvit_synth::Synth;

/// So many bills of each kind.
const BILLS: usize = 12;
/// Bytes of a bill of one supply point, of two, and of one with estimated readings, on average.
const LIMITS: [usize; 3] = [36_700, 39_400, 37_700];

#[test]
fn sealed_bills_are_small() {
    let (operator, _) = common::operator();
    let at = "2026-11-01T00:00:00Z".parse().expect("a time");
    let made = Throwaway::generate(KeyKind::Rsa2048, &operator.name.bg, at, "p").expect("a seal");
    let key = Pkcs12Key::from_bytes(&made.pkcs12, "p").expect("a key");
    let sealer = Sealer::new(Arc::new(key)).expect("a sealer");
    let composer =
        common::composer_of(Layout::builtin(), sealer.contents_reserve()).with_forms_from(1);
    let is_read = |order: &BillOrder| order.notes.is_empty();
    let points = |order: &BillOrder| order.supply_points.len();
    let average = |is_wanted: &dyn Fn(&BillOrder) -> bool| average(&composer, &sealer, is_wanted);
    let one = average(&|order| points(order) == 1 && is_read(order));
    let two = average(&|order| points(order) == 2 && is_read(order));
    let estimated = average(&|order| !is_read(order));
    assert_eq!(composer.counts().whole, 0, "{:?}", composer.last_refusal());
    let sizes = [one, two, estimated];
    eprintln!("{sizes:?} bytes");
    let are_small = sizes.iter().zip(LIMITS).all(|(size, limit)| *size <= limit);
    assert!(are_small, "{sizes:?} bytes, {LIMITS:?} at most");
}

/// Bytes of such a bill of the invented operator's, in its customer's language.
fn average(composer: &Composer, sealer: &Sealer, is_wanted: &dyn Fn(&BillOrder) -> bool) -> usize {
    let synth = Synth::new(7, 100_000);
    let orders = (0..).map(|i| synth.order(i, date(2026, 10, 1)));
    let sizes = orders.filter(is_wanted).take(BILLS).map(|order| {
        let language = order.customer.as_ref().map(|customer| customer.language);
        let bill = common::of(order, language.unwrap_or_default());
        let pdf = composer.compose(&bill).expect("composed");
        let sealed = sealer.seal(pdf, bill.issued_at).expect("sealed");
        sealed.bytes().len()
    });
    sizes.sum::<usize>() / BILLS
}
