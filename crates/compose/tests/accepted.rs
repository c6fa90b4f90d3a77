//! Whatever an import accepts has a valid twin: the two sets of rules are written apart, and here each order that
//! breaks some of them, or none, is held against both. Without Typst, so thousands take seconds.
//! `KVIT_ACCEPTED_ORDERS` says how many are tried.

#[allow(dead_code)]
mod common;

use std::cell::Cell;

use jiff::{ToSpan, civil::date};
use kvit_billing::{
    BillOrder, Cents, Currency, Language, Period,
    customer::Text,
    order::{BillKind, VatCategory, VatLine},
};
use kvit_compose::twin;
use kvit_intake::{Characters, Findings, Rules, check_order, read_invoice};
use kvit_synth::kinds;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{TestError, TestRunner},
};
use rust_decimal::Decimal;

/// Orders tried unless told otherwise.
const ORDERS: u32 = 2_000;
/// So many of the accepted stay in `KVIT_SEALED_BILLS`, for `conformance/run` to judge.
const KEPT: u32 = 12;

/// One field that may be as it should be or not.
#[derive(Clone, Debug)]
enum Change {
    Country(&'static str),
    VatNumber(Option<&'static str>),
    Eik(Option<&'static str>),
    Name(String),
    Address(Vec<String>),
    LineName(usize, Text),
    Unit(usize, &'static str),
    MeterUnit(&'static str),
    Serial(String),
    /// Quantity, price and for how many.
    Price(usize, Decimal, Decimal, Decimal),
    Vat(usize, VatCategory, Decimal),
    LinePeriod(usize, i32),
    Point(usize, Option<String>),
    Lines(usize),
    Contract(Text),
    Note(Text),
    Kind(BillKind),
    NotCorrecting,
    Steps([i64; 3]),
    /// Of a line's VAT: the ground.
    Ground(usize, Option<Text>),
    /// Instead of what the parts make.
    Off(Sum, i64),
    VatTwice,
    VatLost,
}

#[derive(Clone, Copy, Debug)]
enum Sum {
    LineNet,
    Base,
    Amount,
    Net,
    Vat,
    Gross,
    ToPay,
}

const COUNTRIES: &[&str] = &["BG", "DE", "GR", "XI", "1A", "EL", "XX", "bg", "UK", ""];
const VAT_NUMBERS: &[Option<&str>] = &[
    None,
    Some("BG123456789"),
    Some("EL123"),
    Some("XI9"),
    Some("GR123"),
    Some("ZZ1"),
    Some("123"),
    Some("bg1"),
    Some("BG"),
    Some(""),
];
const EIKS: &[Option<&str>] = &[None, Some("123456789"), Some("1234"), Some("")];
const UNITS: &[&str] = &["KWH", "MTQ", "C62", "DAY", "XPK", "kWh", "ZZZ", ""];
const RATES: &[&str] = &["20", "20.00", "9", "0", "0.0", "-0", "100", "101", "-9"];
const NUMBERS: &[&str] = &[
    "1",
    "0",
    "-0",
    "-3",
    "0.5",
    "1000",
    "12.3456789",
    "0.00000000001",
    "1234567",
    "1000000000001",
];
const LINE: std::ops::Range<usize> = 0..8;

fn decimal(of: &'static [&'static str]) -> impl Strategy<Value = Decimal> {
    select(of).prop_map(|text| text.parse().expect("a number"))
}

fn words() -> impl Strategy<Value = String> {
    let odd = [
        "",
        " ",
        "\u{a0}",
        "а\nб",
        "\u{1}",
        "\u{ffff}",
        "„А & Б“ <x>",
        "ש 😀",
        "]]>",
        "\u{85}",
    ];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        "[A-Za-zА-я .-]{1,40}"
    ]
}

fn text() -> impl Strategy<Value = Text> {
    (words(), prop::option::of(words())).prop_map(|(bg, en)| Text { bg, en })
}

fn change() -> impl Strategy<Value = Change> {
    use VatCategory::{AE, E, O, S, Z};
    let kinds = [BillKind::Invoice, BillKind::CreditNote, BillKind::DebitNote];
    let sums = [
        Sum::LineNet,
        Sum::Base,
        Sum::Amount,
        Sum::Net,
        Sum::Vat,
        Sum::Gross,
        Sum::ToPay,
    ];
    let categories = [(S, "20"), (S, "9"), (Z, "0"), (E, "0"), (AE, "0"), (O, "0")];
    let fit =
        select(categories.to_vec()).prop_map(|(of, rate)| (of, rate.parse().expect("a rate")));
    let any = (select(vec![S, Z, E, AE, O]), decimal(RATES));
    let ground = prop::option::weighted(0.8, text());
    prop_oneof![
        select(COUNTRIES).prop_map(Change::Country),
        select(VAT_NUMBERS).prop_map(Change::VatNumber),
        select(EIKS).prop_map(Change::Eik),
        words().prop_map(Change::Name),
        vec(words(), 0..5).prop_map(Change::Address),
        (LINE, text()).prop_map(|(line, name)| Change::LineName(line, name)),
        (LINE, select(UNITS)).prop_map(|(line, unit)| Change::Unit(line, unit)),
        select(UNITS).prop_map(Change::MeterUnit),
        words().prop_map(Change::Serial),
        (LINE, decimal(NUMBERS), decimal(NUMBERS), decimal(NUMBERS))
            .prop_map(|(line, of, price, base)| Change::Price(line, of, price, base)),
        (LINE, fit).prop_map(|(line, (of, rate))| Change::Vat(line, of, rate)),
        (LINE, any).prop_map(|(line, (of, rate))| Change::Vat(line, of, rate)),
        (LINE, -2..40_i32).prop_map(|(line, days)| Change::LinePeriod(line, days)),
        (LINE, prop::option::of(words())).prop_map(|(line, code)| Change::Point(line, code)),
        (0..12_usize).prop_map(Change::Lines),
        text().prop_map(Change::Contract),
        text().prop_map(Change::Note),
        select(kinds.to_vec()).prop_map(Change::Kind),
        Just(Change::NotCorrecting),
        [-90_000..90_000_i64, -2..3_i64, -90_000..90_000_i64].prop_map(Change::Steps),
        (LINE, ground).prop_map(|(line, ground)| Change::Ground(line, ground)),
        (select(sums.to_vec()), -2..3_i64).prop_map(|(sum, by)| Change::Off(sum, by)),
        Just(Change::VatTwice),
        Just(Change::VatLost),
    ]
}

/// What has to be there before the sums are made.
fn changed(order: &mut BillOrder, change: &Change) {
    let lines = order.lines.len().max(1);
    let line = |at: &usize| at % lines;
    let customer = order.customer.as_mut().expect("synth names the customer");
    match change.clone() {
        Change::Country(country) => customer.address.country = country.to_owned(),
        Change::VatNumber(number) => customer.vat_number = number.map(str::to_owned),
        Change::Eik(eik) => customer.eik = eik.map(str::to_owned),
        Change::Name(name) => customer.name = name,
        Change::Address(mut lines) => {
            customer.address.postcode = lines.pop().unwrap_or_default();
            customer.address.lines = lines;
        }
        Change::LineName(at, name) => order.lines[line(&at)].name = name,
        Change::Unit(at, unit) => order.lines[line(&at)].unit = unit.to_owned(),
        Change::MeterUnit(unit) => {
            let meters = order.supply_points.iter_mut().flat_map(|p| &mut p.meters);
            meters.for_each(|meter| meter.unit = unit.to_owned());
        }
        Change::Serial(serial) => {
            let meters = order.supply_points.iter_mut().flat_map(|p| &mut p.meters);
            meters.for_each(|meter| meter.serial.clone_from(&serial));
        }
        Change::Price(at, quantity, price, base) => {
            let line = &mut order.lines[line(&at)];
            (line.quantity, line.unit_price, line.price_base) = (quantity, price, base);
        }
        Change::Vat(at, category, rate) => {
            let line = &mut order.lines[line(&at)];
            (line.vat_category, line.vat_rate) = (category, rate);
        }
        Change::LinePeriod(at, days) => {
            let (from, days) = (order.period.from, days.days());
            let to = from.checked_add(days).expect("a day");
            order.lines[line(&at)].period = Some(Period { from, to });
        }
        Change::Point(at, code) => order.lines[line(&at)].supply_point = code,
        Change::Contract(text) => {
            if let Some(contract) = &mut order.contract {
                contract.number = Some(text.bg.clone());
                contract.tariff = Some(text);
            }
        }
        Change::Note(note) => order.notes.push(note),
        Change::Kind(kind) => order.kind = kind,
        Change::NotCorrecting => order.corrects = None,
        Change::Lines(_)
        | Change::Steps(_)
        | Change::Ground(..)
        | Change::Off(..)
        | Change::VatTwice
        | Change::VatLost => {}
    }
}

/// Sums that follow from the parts, then what was changed about them.
fn summed(order: &mut BillOrder, changes: &[Change]) {
    let grounds: Vec<VatLine> = std::mem::take(&mut order.vat);
    for line in &mut order.lines {
        let net = line.quantity.checked_mul(line.unit_price);
        let net = net.and_then(|net| net.checked_div(line.price_base));
        line.net = net.and_then(Cents::round).unwrap_or(line.net);
    }
    kinds::sum(order);
    for vat in &mut order.vat {
        let old = grounds.iter().find(|old| old.category == vat.category);
        let ground = Text::both("чл. 47 от ЗДДС", "art. 47 of the VAT Act");
        let ground = old.and_then(|old| old.exemption.clone()).or(Some(ground));
        vat.exemption = ground.filter(|_| vat.category != VatCategory::S);
    }
    for change in changes {
        let vats = order.vat.len().max(1);
        let totals = &mut order.totals;
        match change {
            Change::Steps([prepaid, rounding, carried]) => {
                let steps = [prepaid, rounding, carried].map(|cents| Cents::new(*cents));
                [totals.prepaid, totals.rounding, totals.carried_over] = steps;
            }
            Change::Ground(at, ground) => {
                let vat = order.vat.get_mut(at % vats);
                vat.into_iter()
                    .for_each(|vat| vat.exemption.clone_from(ground));
            }
            Change::VatTwice => order.vat.extend(order.vat.first().cloned()),
            Change::VatLost => drop(order.vat.pop()),
            _ => {}
        }
    }
    let gross = order.signed_gross();
    let totals = &mut order.totals;
    totals.to_pay = gross - totals.prepaid + totals.rounding + totals.carried_over;
    for change in changes {
        let Change::Off(sum, by) = change else {
            continue;
        };
        let (line, vat, totals) = (
            order.lines.first_mut(),
            order.vat.first_mut(),
            &mut order.totals,
        );
        let of = match sum {
            Sum::LineNet => line.map(|line| &mut line.net),
            Sum::Base => vat.map(|vat| &mut vat.base),
            Sum::Amount => vat.map(|vat| &mut vat.amount),
            Sum::Net => Some(&mut totals.net),
            Sum::Vat => Some(&mut totals.vat),
            Sum::Gross => Some(&mut totals.gross),
            Sum::ToPay => Some(&mut totals.to_pay),
        };
        of.into_iter().for_each(|of| *of += Cents::new(*by));
    }
}

fn rules() -> Rules {
    let (operator, _) = common::operator();
    Rules {
        operator_ids: vec![operator.eik, operator.vat_number],
        currency: Currency::EUR,
        operator_is_placeholder: false,
        today: date(2026, 11, 2),
        shown: Characters::all(),
    }
}

#[test]
fn what_an_import_accepts_has_a_valid_twin() {
    let wanted = std::env::var("KVIT_ACCEPTED_ORDERS").ok();
    let cases = wanted.map_or(ORDERS, |orders| orders.parse().expect("a number of orders"));
    let (operator, _) = common::operator();
    let (rules, kinds) = (rules(), kinds::all());
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let made = (0..kinds.len(), vec(change(), 0..5));
    let tried = runner.run(&made, |(kind, changes)| {
        let mut order = kinds[kind].1.clone();
        for change in &changes {
            if let Change::Lines(lines) = change {
                order.lines = order.lines.iter().cycle().take(*lines).cloned().collect();
            }
        }
        if !order.lines.is_empty() {
            changes
                .iter()
                .for_each(|change| changed(&mut order, change));
        }
        summed(&mut order, &changes);
        let mut findings = Findings::default();
        check_order("a.ndjson", 1, &order, &rules, &mut findings);
        if findings.errors() > 0 {
            refused.set(refused.get() + 1);
            return Ok(());
        }
        accepted.set(accepted.get() + 1);
        for language in Language::ALL {
            let twin = twin(&common::of(order.clone(), language), &operator);
            let twin = twin.map_err(|error| TestCaseError::fail(error.to_string()))?;
            // Our own reader of invoices has rules of its own, and finds nothing either.
            let mut findings = Findings::default();
            read_invoice("factur-x.xml", &twin, &rules, &mut findings);
            prop_assert_eq!(findings.errors(), 0, "{:?}", findings.list());
            if accepted.get() <= KEPT && language == Language::Bg {
                keep(accepted.get(), &twin);
            }
        }
        Ok(())
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(why, (kind, changes))) => {
            panic!("{why}: {} with {changes:?}", kinds[kind].0)
        }
        Err(error) => panic!("{error}"),
    }
    eprintln!("{} accepted, {} refused", accepted.get(), refused.get());
    let least = cases / 10;
    assert!(accepted.get() > least && refused.get() > least);
}

fn keep(nth: u32, twin: &[u8]) {
    if let Some(folder) = std::env::var_os("KVIT_SEALED_BILLS") {
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = std::path::Path::new(&folder).join(format!("accepted-{nth}.xml"));
        std::fs::write(file, twin).expect("written");
    }
}
