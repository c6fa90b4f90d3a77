//! Bills at the limits of what a run file may hold: all of it is on paper, nothing beyond its edge.

#[allow(dead_code)]
mod common;

use std::{fs, process::Command, sync::OnceLock};

use kvit_billing::{
    Bill, BillOrder, Cents, Language,
    customer::Text,
    format,
    order::{BillKind, Line},
};
use kvit_compose::Composer;
use kvit_synth::{Synth, kinds};
use rust_decimal::Decimal;

/// A4, in points.
const PAGE: (f64, f64) = (595.28, 841.89);

fn order() -> BillOrder {
    Synth::new(7, 1_000).order(2, jiff::civil::date(2026, 10, 1))
}

/// Lays each bill out whole, or fills each into a form.
fn composer(with_forms: bool) -> &'static Composer {
    static COMPOSERS: [OnceLock<Composer>; 2] = [OnceLock::new(), OnceLock::new()];
    let from = if with_forms { 1 } else { u64::MAX };
    COMPOSERS[usize::from(with_forms)].get_or_init(|| common::composer().with_forms_from(from))
}

/// Words with where they stand on their page; `None` where the tool is missing.
fn words(pdf: &[u8]) -> Option<Vec<(String, [f64; 4])>> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.pdf");
    fs::write(&file, pdf).expect("written");
    let said = Command::new("pdftotext")
        .arg("-bbox")
        .arg(&file)
        .arg("-")
        .output();
    let Ok(said) = said else {
        let required = std::env::var("KVIT_REQUIRE_ALL_TESTS").as_deref() == Ok("1");
        assert!(
            !required,
            "pdftotext is not installed, and KVIT_REQUIRE_ALL_TESTS=1"
        );
        eprintln!("SKIPPED: pdftotext is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let word = |line: &str| {
        let rest = line.trim().strip_prefix("<word ")?;
        let (place, rest) = rest.split_once('>')?;
        let sides: Vec<f64> = place
            .split('"')
            .filter_map(|part| part.parse().ok())
            .collect();
        Some((
            rest.split("</word>").next()?.to_owned(),
            sides.try_into().ok()?,
        ))
    };
    Some(said.lines().filter_map(word).collect())
}

/// Looks at a bill that was laid out whole, and at the same filled into a form.
fn both_ways(bill: &Bill, look: impl Fn(&[u8])) {
    for with_forms in [false, true] {
        look(&composer(with_forms).compose(bill).expect("composed").bytes);
    }
}

/// That each of these is on the bill, and that every word is on its page.
fn says(name: &str, bill: &Bill, wanted: &[&str]) {
    both_ways(bill, |pdf| judged(name, pdf, wanted));
}

fn judged(name: &str, pdf: &[u8], wanted: &[&str]) {
    let Some(words) = words(pdf) else {
        return;
    };
    for (word, [left, top, right, bottom]) in &words {
        let inside = *left >= 0.0 && *top >= 0.0 && *right <= PAGE.0 && *bottom <= PAGE.1;
        assert!(
            inside,
            "{name}: `{word}` is at {left} {top} {right} {bottom}"
        );
    }
    let all: String = words
        .iter()
        .map(|(word, _)| word.replace('\u{200b}', ""))
        .collect();
    for wanted in wanted {
        let squeezed: String = wanted.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(all.contains(&squeezed), "{name}: no `{wanted}`");
    }
}

fn noted(note: String) -> Bill {
    let mut order = order();
    order.notes = vec![Text::both(note.as_str(), note.as_str())];
    common::of(order, Language::Bg)
}

#[test]
fn a_note_of_ten_thousand_characters_is_on_the_bill_to_its_end() {
    let mut words: String = (0..).map(|n| format!("дума{n} ")).take(1_100).collect();
    words = words.chars().take(9_990).collect::<String>() + " КРАЙ";
    assert!(words.chars().count() <= 10_000);
    says("words", &noted(words), &["дума0", "дума500", "КРАЙ"]);
    let letters = "ж".repeat(9_996) + "КРАЙ";
    says("one word", &noted(letters), &["КРАЙ"]);
}

#[test]
fn names_of_two_hundred_characters_stay_on_the_page() {
    for (name, text) in [
        ("one word", "Щ".repeat(200)),
        ("right to left", "שלום ".repeat(40).trim().to_owned()),
        ("beyond fonts", "😀".repeat(200)),
        ("marks", "а\u{301}\u{302}\u{303}".repeat(50)),
        (
            "turned around",
            format!("\u{202e}{}\u{202c}", "Иван ".repeat(39).trim()),
        ),
    ] {
        let mut order = order();
        if let Some(customer) = &mut order.customer {
            customer.name.clone_from(&text);
            customer.address.lines = vec![text.clone(), text.clone()];
        }
        for line in &mut order.lines {
            line.name = Text::both(text.as_str(), text.as_str());
        }
        for point in order
            .supply_points
            .iter_mut()
            .flat_map(|point| &mut point.meters)
        {
            point.serial = "9".repeat(60);
        }
        let bill = common::of(order, Language::Bg);
        says(
            name,
            &bill,
            &[&bill.number.to_string(), &bill.code.printed()],
        );
    }
}

fn lines_of(cents: &[i64]) -> BillOrder {
    let mut order = order();
    let line = order.lines.first().cloned().expect("a line");
    let of = |cents: &i64| Line {
        net: Cents::new(*cents),
        // A price is never below zero (EN 16931, BR-27); the quantity may be.
        quantity: Decimal::from(cents.signum()),
        price_base: Decimal::ONE,
        unit_price: Decimal::new(cents.abs(), 2),
        ..line.clone()
    };
    order.lines = cents.iter().map(of).collect();
    kinds::sum(&mut order);
    order
}

#[test]
fn amounts_of_nothing_below_it_and_of_ten_digits_are_on_the_bill() {
    let (operator, _) = common::operator();
    // With VAT of a fifth, the largest of these is 99,999,999.98.
    for cents in [
        vec![0],
        vec![0, 0, 0],
        vec![5_000, -5_000],
        vec![-1],
        vec![8_333_333_332],
        vec![-8_333_333_332],
        vec![4_166_666_666; 2],
    ] {
        for language in Language::ALL {
            let order = lines_of(&cents);
            let totals = order.totals.clone();
            let money = |cents| format::amount(cents, operator.currency, language);
            let bill = common::of(order, language);
            let wanted = [
                money(totals.net),
                money(totals.vat),
                money(totals.gross),
                money(totals.to_pay.abs()),
            ];
            let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
            says(&format!("{cents:?}"), &bill, &wanted);
        }
    }
    let mut largest = lines_of(&[8_333_333_332]);
    largest.totals.carried_over = Cents::new(9_999_999_999);
    largest.totals.to_pay = largest.totals.gross + largest.totals.carried_over;
    let to_pay = format::amount(largest.totals.to_pay, operator.currency, Language::Bg);
    says("both", &common::of(largest, Language::Bg), &[&to_pay]);
}

#[test]
fn bills_without_meters_chart_or_points_and_with_many_stay_on_the_page() {
    for (lines, meters) in [(1, 0), (60, 0), (60, 12), (7, 12)] {
        let mut order = kinds::long(lines, meters);
        order.history = None;
        assert_eq!(order.kind, BillKind::Invoice);
        let bill = common::of(order, Language::Bg);
        let name = format!("{lines} lines, {meters} meters");
        both_ways(&bill, |pdf| {
            judged(&name, pdf, &[&bill.number.to_string()]);
            has_each_row(&name, &bill, pdf);
        });
    }
}

/// Each charge and each register, once, in the order of its section or its point.
fn has_each_row(name: &str, bill: &Bill, pdf: &[u8]) {
    let Some(text) = common::words::text_of(pdf) else {
        return;
    };
    let rows = common::words::rows(bill);
    let places = common::words::places(&rows, &text);
    for (row, place) in rows.iter().zip(&places) {
        assert!(place.is_some(), "{name}: no row {row:?} in {text}");
    }
    let (lines, meters) = places.split_at(bill.order.lines.len());
    let mut lines: Vec<_> = bill.order.lines.iter().zip(lines).collect();
    lines.sort_by_key(|(line, _)| line.section);
    let lines = lines.into_iter().map(|(_, place)| place);
    assert!(
        lines.is_sorted() && meters.is_sorted(),
        "{name}: {places:?}"
    );
}

/// What the test above relies on: rows that say the same are two, and a lost one is missed.
#[test]
fn a_lost_row_is_noticed() {
    let rows = ["1", "1", "2"].map(|net| vec!["Такса".to_owned(), net.to_owned()]);
    let places = |text| common::words::places(&rows, text);
    assert!(places("Такса1Такса1Такса2").iter().all(Option::is_some));
    assert_eq!(places("Такса1Такса2")[1], None);
    assert_eq!(places("Такса1Такса1Такса")[2], None);
}
