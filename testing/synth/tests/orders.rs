//! The orders add up, agree with each other and look like those of people.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::{Date, date};
use kvit_billing::{BillNumber, BillOrder, Cents, Language, order::ReadingSource};
use kvit_synth::{Synth, operator};
use rust_decimal::{Decimal, RoundingStrategy};

const OCTOBER: Date = date(2026, 10, 1);

/// Cents of an amount in euro, worked out apart from the code under test.
fn cents(amount: Decimal) -> i64 {
    (amount * Decimal::from(100))
        .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
        .try_into()
        .expect("fits")
}

fn check(order: &BillOrder) {
    let who = &order.account;
    assert!((4..=16).contains(&order.lines.len()), "{who}: lines");
    let mut bases: BTreeMap<Decimal, i64> = BTreeMap::new();
    let mut energy = Decimal::ZERO;
    for line in &order.lines {
        let net = cents(line.quantity * line.unit_price / line.price_base);
        assert_eq!(line.net.get(), net, "{who}: {}", line.name.bg);
        *bases.entry(line.vat_rate).or_default() += net;
        if line.name.bg.starts_with("Енергия") {
            energy += line.quantity;
        }
    }
    assert_eq!(order.vat.len(), bases.len());
    for vat in &order.vat {
        let base = bases[&vat.rate];
        assert_eq!(vat.base.get(), base);
        assert_eq!(
            vat.amount.get(),
            cents(Decimal::new(base, 2) * vat.rate / Decimal::from(100))
        );
    }
    let totals = &order.totals;
    let vat: i64 = order.vat.iter().map(|v| v.amount.get()).sum();
    assert_eq!(totals.net.get(), bases.values().sum::<i64>());
    assert_eq!(totals.vat.get(), vat);
    assert_eq!(totals.gross.get(), totals.net.get() + vat);
    let owed = order.signed_gross().get() - totals.prepaid.get()
        + totals.rounding.get()
        + totals.carried_over.get();
    assert_eq!(totals.to_pay.get(), owed);

    let meters: Vec<_> = order.supply_points.iter().flat_map(|p| &p.meters).collect();
    assert!((1..=4).contains(&meters.len()), "{who}: meters");
    let mut consumed = Decimal::ZERO;
    for meter in meters {
        let turned = (meter.new.value - meter.old.value) * meter.multiplier;
        assert_eq!(meter.consumption, turned);
        assert!(turned.is_sign_positive());
        consumed += turned;
    }
    assert_eq!(energy, consumed, "{who}: billed is what was metered");
    let months = &order.history.as_ref().expect("a history").months;
    assert_eq!(months.len(), 13);
    assert_eq!(months[12].quantity, consumed);
    assert_eq!(months[12].month, order.period.from);
    let shares: Decimal = order.sources.iter().map(|s| s.percent).sum();
    assert_eq!(shares, Decimal::from(100));
}

#[test]
fn two_thousand_orders_add_up() {
    let synth = Synth::new(7, 2_000);
    let mut lines = HashSet::new();
    for order in synth.orders(OCTOBER) {
        check(&order);
        lines.insert(order.lines.len());
    }
    assert!(lines.contains(&4) && lines.contains(&16), "{lines:?}");
}

#[test]
fn the_header_carries_the_control_totals() {
    let synth = Synth::new(7, 50);
    let header = synth.run_header("2026-10", OCTOBER, 50);
    let sum: Cents = synth.orders(OCTOBER).map(|o| o.signed_gross()).sum();
    assert_eq!((header.orders, header.sum_cents), (50, sum));
    assert_eq!(header.seller, operator().0.eik);
}

#[test]
fn months_follow_each_other() {
    let synth = Synth::new(7, 200);
    for i in 0..200 {
        let (before, after) = (synth.order(i, date(2026, 9, 12)), synth.order(i, OCTOBER));
        for (old, new) in before.supply_points.iter().zip(&after.supply_points) {
            for (old, new) in old.meters.iter().zip(&new.meters) {
                assert_eq!(old.new, new.old);
            }
        }
        let months = |order: &BillOrder| order.history.clone().expect("a history").months;
        assert_eq!(months(&before)[1..], months(&after)[..12]);
    }
}

#[test]
fn a_credit_note_takes_back_the_invoice() {
    let number = BillNumber::new(42).expect("in range");
    let note = Synth::new(7, 9).credit_note(3, OCTOBER, number, date(2026, 11, 5));
    check(&note);
    assert!(note.signed_gross().is_negative());
    assert_eq!(note.corrects.expect("an original").number, number);
}

#[test]
fn the_same_seed_gives_the_same_and_another_gives_other() {
    let order = |seed| Synth::new(seed, 9).order(4, OCTOBER);
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

#[test]
fn customers_look_like_those_of_an_operator() {
    let synth = Synth::new(7, 2_000);
    let customers: Vec<_> = (0..2_000).map(|i| synth.customer(i)).collect();
    let of = |wanted: fn(&kvit_billing::Customer) -> bool| {
        customers.iter().filter(|c| wanted(c)).count()
    };
    assert!((100..240).contains(&of(|c| c.eik.is_some())));
    assert!((70..180).contains(&of(|c| c.language == Language::En)));
    let enrolled = (0..2_000).filter(|i| synth.is_enrolled(*i)).count();
    assert!((650..950).contains(&enrolled), "{enrolled}");
    let emails: HashSet<_> = (0..2_000)
        .map(|i| synth.email(i).expose().clone())
        .collect();
    assert_eq!(emails.len(), 2_000);
    for email in &emails {
        assert!(email.is_ascii() && email.contains("@example."), "{email}");
    }
    for customer in customers.iter().filter(|c| c.eik.is_none()) {
        let words: Vec<_> = customer.name.split(' ').collect();
        if let ([_, father, family], Language::Bg) = (words.as_slice(), customer.language) {
            assert_eq!(father.ends_with('а'), family.ends_with('а'), "{words:?}");
        }
    }
    let estimated = synth
        .orders(OCTOBER)
        .filter(|o| o.supply_points[0].meters[0].new.source == ReadingSource::Estimated)
        .count();
    assert!((60..200).contains(&estimated), "{estimated}");
}
