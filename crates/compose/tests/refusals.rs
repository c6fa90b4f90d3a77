//! What the compiler of forms cannot explain it refuses, and tells field, line and kind: a broken layout for each.

#[allow(dead_code)]
mod common;

use std::collections::BTreeMap;

use kvit_billing::{Bill, Language, NoForm, customer::Text, no_form::Why};
use kvit_compose::Layout;
use kvit_synth::kinds;

const HEAD: &str = r#"#import "prelude.typ": *
#set document(title: "Bill", author: b.operator.name)
#set text(font: "Sofia Sans", size: 9pt, lang: b.lang, fallback: false)
"#;
const PAGE: &str = r#"#set page(paper: "a4", background: alphabet)
"#;
const BODY: &str = r#"#heading(level: 1, "Bill")
#block(slot(b.number))
"#;
/// The line at which what a test adds begins.
const ADDED: usize = 7;

/// A layout of one page with these lines at its end.
fn with(lines: &str) -> String {
    [HEAD, PAGE, BODY, lines].concat()
}

fn bill() -> Bill {
    common::bill(3, Language::Bg)
}

/// Why this layout gets no form for a bill. The bill itself comes out.
fn refused_to(main: &str, bill: &Bill) -> NoForm {
    let files = BTreeMap::from([("bill.typ".to_owned(), main.as_bytes().to_vec())]);
    let layout = Layout::with_files(files).expect("well-formed");
    let composer = common::composer_of(layout, common::RESERVE).with_forms_from(1);
    let pdf = composer.compose(bill).expect("composed");
    let told = composer.last_refusal().expect("refused");
    let of_shape = pdf.no_form.map(|of_shape| of_shape.as_ref().clone());
    of_shape.unwrap_or(told)
}

fn refused(main: &str) -> NoForm {
    refused_to(main, &bill())
}

fn lines(told: &NoForm) -> Vec<(&str, usize)> {
    let places = told.places.iter();
    places.map(|place| (&*place.file, place.line)).collect()
}

#[test]
fn a_layout_without_the_alphabet_is_told_where_its_pages_are_set_up() {
    let told = refused(&[HEAD, "#set page(paper: \"a4\")\n", BODY].concat());
    assert_eq!(told.why, Why::NoAlphabet);
    assert_eq!(lines(&told), [("bill.typ", 4)]);
    let other =
        "#set page(paper: \"a4\", background: if b.alphabet != none { text(0.5pt, \"abc\") })\n";
    let told = refused(&[HEAD, other, BODY].concat());
    assert_eq!(
        (told.why, &*told.shown),
        (Why::Alphabet, "SofiaSans-Regular")
    );
}

#[test]
fn what_stands_where_another_text_puts_it_is_told_with_its_line() {
    let told = refused(&with(
        "#grid(columns: (auto, 20mm), slot(b.customer.name), slot(b.code))",
    ));
    assert_eq!((told.why, told.page), (Why::Moves, 1));
    assert_eq!(told.fields, ["code"]);
    assert_eq!(lines(&told), [("bill.typ", ADDED)]);
    // Words of the layout's own have no field, but a line.
    let told = refused(&with(
        "#grid(columns: (auto, 20mm), slot(b.customer.name))[лева]",
    ));
    assert_eq!((told.why, &*told.shown), (Why::Moves, "лева"));
    assert_eq!(lines(&told), [("bill.typ", ADDED)]);
}

#[test]
fn a_text_that_wraps_is_told_by_its_field() {
    let told = refused(&with("\n#block(width: 12mm, b.customer.name)"));
    assert_eq!((told.why, told.page), (Why::Wraps, 1));
    assert_eq!(told.fields, ["customer.name"]);
    assert_eq!(lines(&told), [("bill.typ", ADDED + 1)]);
    // Also where it stands whole elsewhere.
    let twice = "#block(slot(b.customer.name))\n#block(width: 12mm, b.customer.name)";
    let told = refused(&with(twice));
    assert_eq!(told.why, Why::Wraps);
    assert_eq!(told.fields, ["customer.name"]);
    // Where there is room for most, the form takes those.
    let told = refused(&with("#block(width: 46mm, slot(b.customer.name))"));
    assert_eq!(told.why, Why::Wraps);
    assert!(told.is_for_long_texts_only, "{told:?}");
}

#[test]
fn pages_that_follow_the_length_of_a_text_are_told() {
    let told = refused(&with("#block(width: 10mm, text(150pt, b.customer.name))"));
    assert_eq!(told.why, Why::Pages);
    assert_eq!(told.fields, ["customer.name"]);
    assert_eq!(lines(&told), [("bill.typ", ADDED)]);
}

#[test]
fn a_text_that_is_not_the_data_as_it_is_is_told() {
    let told = refused(&with("#slot(upper(b.customer.name))"));
    assert_eq!(told.why, Why::Altered);
    assert_eq!(told.fields, ["customer.name"]);
    assert_eq!(lines(&told), [("bill.typ", ADDED)]);
    let told = refused(&with(
        "#figure-of(upper(b.customer.name), rect(width: 1cm))",
    ));
    assert_eq!((told.why, &*told.shown), (Why::Told, "Alt"));
    assert_eq!(told.fields, ["customer.name"]);
    assert_eq!(lines(&told), [("bill.typ", ADDED)]);
}

#[test]
fn a_drawing_that_follows_no_straight_line_is_told_with_its_line() {
    let bent = "#let sum = b.sums.first()\n#pdf.artifact(rect(width: 1cm + sum.to * sum.to * 5cm))";
    let told = refused(&with(bent));
    assert_eq!((told.why, told.page), (Why::Drawing, 1));
    assert_eq!(lines(&told), [("bill.typ", ADDED + 1)]);
}

/// None of these is so on a probe or on this bill.
#[test]
fn what_a_text_decides_is_told_also_where_no_bill_shows_it() {
    for (decides, field) in [
        ("#if b.vat_total == \"0,00 €\" [None]", "vat_total"),
        (
            "#if b.customer.number.starts-with(\"9\") [Odd]",
            "customer.number",
        ),
        ("#if b.customer.number.len() > 90 [Long]", "customer.number"),
        ("#if \"ООД\" in b.customer.name [Company]", "customer.name"),
        (
            "#if b.customer.number in (\"1\", \"2\") [First]",
            "customer.number",
        ),
        ("#if b.customer.name > \"яяя\" [Last]", "customer.name"),
        (
            "#if (\"1\", \"2\").contains(b.customer.number) [First]",
            "customer.number",
        ),
        (
            "#(\"1\": [First]).at(b.customer.number, default: [])",
            "customer.number",
        ),
        ("#b.customer.address.dedup().len()", "customer.address"),
        (
            "#b.sums.sorted(key: sum => sum.amount).len()",
            "sums.amount",
        ),
        ("#if [#b.customer.name] == [Odd] [Odd]", "customer.name"),
        ("#if measure(slot(b.code)).width < 1mm [Narrow]", "code"),
        // By way of a variable, a function, and what is drawn.
        (
            "#let is-odd(name) = name == \"x\";#let name = b.customer.name;#if is-odd(name) [Odd]",
            "customer.name",
        ),
        (
            "#show strong: it => if it.body == [x] [y] else { it };#strong(slot(b.code))",
            "code",
        ),
    ] {
        let decides = match decides.contains("measure") {
            true => decides.replace("#if", "#context if"),
            false => decides.to_owned(),
        };
        let told = refused(&with(&decides));
        assert_eq!(
            (told.why, &*told.fields),
            (Why::Asks, &[field.to_owned()][..]),
            "{decides}"
        );
        assert_eq!(lines(&told), [("bill.typ", ADDED)], "{decides}");
    }
}

#[test]
fn a_part_of_a_text_is_told_also_where_no_bill_shows_it() {
    for part in [
        "#b.customer.name.replace(\"ООД\", \"\")",
        "#b.customer.name.split(\"/\").first()",
        "#b.customer.name.trim(\"x\")",
        "#for letter in b.customer.name { letter }",
    ] {
        let told = refused(&with(part));
        assert_eq!(told.why, Why::Altered, "{part}");
        assert_eq!(told.fields, ["customer.name"], "{part}");
        assert_eq!(&*told.shown, "{customer.name}", "{part}");
    }
    let told = refused(&with("#show \"ООД\": strong"));
    assert_eq!(
        (told.why, lines(&told)),
        (Why::Asks, vec![("bill.typ", ADDED)])
    );
}

#[test]
fn a_share_that_decides_is_told() {
    for decides in [
        "#if b.sums.first().to == 1 { heading(level: 2)[All] }",
        "#pdf.artifact(rect(width: calc.max(b.sums.first().to, 0.01) * 1cm))",
    ] {
        let told = refused(&with(decides));
        assert_eq!(
            (told.why, &*told.fields),
            (Why::Drawing, &["sums.to".to_owned()][..])
        );
        assert_eq!(lines(&told), [("bill.typ", ADDED)]);
    }
}

#[test]
fn all_places_where_texts_decide_come_at_once() {
    let two = "#if b.code == \"x\" [x]\n#slot(b.code)\n#if b.reference == \"x\" [x]";
    let told = refused(&with(two));
    assert_eq!(told.fields, ["code", "reference"]);
    assert_eq!(lines(&told), [("bill.typ", ADDED), ("bill.typ", ADDED + 2)]);
}

#[test]
fn what_belongs_to_the_shape_may_decide() {
    let free = r#"#if b.state == "due" [#b.state.len()]
#if b.customer.eik != none and b.customer.address != () [#b.customer.address.len()]
#for point in b.points { if point.code != "" { block(slot(point.code)) } }
#let rows = ()
#{ rows.push(b.code); rows.at(0) = b.reference }
#if "code" in b and b.keys().contains("code") and rows.len() not in (2, 3) [#rows.len()]
#let (_, last) = b.sums.sorted(key: sum => sum.section).map(sum => (sum.section, sum.amount)).last()
#block(slot(put("{code}, {reference}", code: b.code, reference: b.reference)))
#show heading: it => strong(it.body)
"#;
    let files = BTreeMap::from([("bill.typ".to_owned(), with(free).into_bytes())]);
    let layout = Layout::with_files(files).expect("well-formed");
    let composer = common::composer_of(layout, common::RESERVE).with_forms_from(1);
    composer.compose(&bill()).expect("composed");
    assert_eq!(composer.last_refusal(), None);
    assert_eq!(composer.counts().filled, 1);
}

#[test]
fn a_layout_that_fails_on_other_texts_is_told_with_its_line() {
    let told = refused(&with("#let number = int(b.customer.number)"));
    assert_eq!(told.why, Why::Fails);
    assert!(told.shown.contains("invalid digits"), "{told:?}");
    assert_eq!(lines(&told), [("bill.typ", ADDED)]);
}

#[test]
fn more_data_than_can_be_told_apart_is_told() {
    let mut bill = bill();
    let lines = bill.order.lines.iter().cycle().take(180);
    bill.order.lines = lines.cloned().collect();
    kinds::sum(&mut bill.order);
    assert_eq!(refused_to(&with(""), &bill).why, Why::TooMany);
}

#[test]
fn a_bill_that_does_not_fit_its_form_is_told_and_its_shape_is_not() {
    let mut bill = bill();
    let bold = with("#text(weight: 700, slot(b.customer.name))");
    bill.customer.name = "Qq".to_owned();
    let told = refused_to(&bold, &bill);
    assert_eq!((told.why, &*told.shown), (Why::Letters, "Q"));
}

#[test]
fn only_what_is_too_wide_is_laid_out_for_want_of_width_also_after_a_restart() {
    let bold = "#text(weight: 700, slot(b.customer.name))";
    let lines = format!("#block(width: 46mm, slot(b.customer.name))\n#block[{bold}]");
    // Without the number, which is as long on each bill.
    let narrow = [HEAD, PAGE, "#heading(level: 1, \"Bill\")\n", &lines].concat();
    let folder = tempfile::tempdir().expect("a folder");
    let started = || {
        let files = BTreeMap::from([("bill.typ".to_owned(), narrow.as_bytes().to_vec())]);
        let layout = Layout::with_files(files).expect("well-formed");
        let composer = common::composer_of(layout, common::RESERVE).with_forms_from(1);
        composer.with_forms_kept_in(folder.path(), "test")
    };
    let named = |name: &str| {
        let mut bill = bill();
        bill.customer.name = name.to_owned();
        bill
    };
    let short = named("ана");
    let other = named("яна");
    let long = named(&"александрина ".repeat(5));
    // That weight has small letters.
    let odd = named("АНА");
    for found in [0, 1] {
        let composer = started();
        let reason = |bill| composer.compose(bill).expect("composed").no_form;
        assert_eq!((reason(&short), reason(&other)), (None, None));
        assert_eq!(composer.counts().found, found);
        let told = reason(&long).expect("a reason");
        assert_eq!(
            (told.why, &told.is_for_long_texts_only),
            (Why::Wraps, &true)
        );
        assert_eq!(reason(&odd), None, "it is not its width");
        assert_eq!(composer.counts().filled, 2);
    }
}

#[test]
fn nothing_of_a_note_is_told_where_it_is_drawn_by_parts() {
    // A note is as it is in its form, unlike a name by itself.
    let name = "Александрина Константинова Хаджидимитрова-Караиванова Златева";
    assert!(name.chars().count() >= 60);
    let mut bill = bill();
    bill.order.notes = vec![Text {
        bg: format!("{name}: лично"),
        en: None,
    }];
    let note = "#grid(columns: (auto, 40mm), slot(b.customer.number), b.notes.first())";
    let told = refused_to(&with(note), &bill);
    assert_eq!((told.why, &*told.shown), (Why::Moves, "{notes}"));
    assert_eq!(told.fields, ["notes"]);
    assert_eq!(lines(&told), [("bill.typ", ADDED)]);
    // Nor in the engine's own words.
    let pixels = "b.codes.slip.luma.slice(20).all(pixel => pixel == 255)";
    let fails = format!("#if {pixels} {{ panic(b.notes.first()) }}");
    let told = refused_to(&with(&fails), &bill);
    assert_eq!(told.why, Why::Fails);
    assert!(told.shown.contains("{notes}"), "{told:?}");
    assert!(!told.shown.contains("Александрина"), "{told:?}");
}
