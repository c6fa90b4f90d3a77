//! A form that shows some bill otherwise than Typst, which nothing saw when it was made: it is found and dropped.

#[allow(dead_code)]
mod common;

use std::{collections::BTreeMap, path::Path};

use kvit_billing::{Bill, Language, no_form::Why};
use kvit_compose::{Composer, Layout};

/// What stands behind a name shorter than a probe's: a place decides, and no comparison with a text.
const PLACED: &str = r#"#import "prelude.typ": *
#set document(title: "Bill", author: b.operator.name)
#set text(font: "Sofia Sans", size: 9pt, lang: b.lang, fallback: false)
#set page(paper: "a4", margin: 25mm, background: alphabet)
#heading(level: 1, "Bill")
#grid(columns: (auto, 20mm), slot(b.customer.name), context if here().position().x < 28mm { place(dx: 50mm)[Short] })
"#;

fn composer(folder: &Path) -> Composer {
    let files = BTreeMap::from([("bill.typ".to_owned(), PLACED.as_bytes().to_vec())]);
    let layout = Layout::with_files(files).expect("well-formed");
    let composer = common::composer_of(layout, common::RESERVE).with_forms_from(1);
    composer.with_forms_kept_in(folder, "test")
}

fn bill(name: &str) -> Bill {
    let mut bill = common::bill(3, Language::Bg);
    bill.customer.name = name.to_owned();
    bill
}

/// Whether the bill came out of its form; if not, it says why.
fn is_filled(composer: &Composer, name: &str) -> bool {
    let before = composer.counts().filled;
    let pdf = composer.compose(&bill(name)).expect("composed");
    let is_filled = composer.counts().filled > before;
    let why = pdf.no_form.map(|told| told.why);
    assert_eq!(why, (!is_filled).then_some(Why::Asks));
    is_filled
}

#[test]
fn a_form_that_shows_its_second_bill_otherwise_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = composer(folder.path());
    assert!(is_filled(&first, "Ана Попова"));
    let second = composer(folder.path());
    assert!(!is_filled(&second, "Я"));
    assert!(!is_filled(&second, "Ана Попова"), "nobody uses it again");
    let later = composer(folder.path());
    assert!(!is_filled(&later, "Ана Попова"), "nor later");
    assert_eq!((later.counts().forms, later.counts().found), (0, 0));
}

#[test]
fn a_proven_form_is_held_against_a_bill_now_and_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = composer(folder.path());
    assert!(is_filled(&first, "Ана Попова") && is_filled(&first, "Иван Петров"));
    let later = composer(folder.path()).with_every_bill_checked();
    assert!(is_filled(&later, "Мария Иванова"));
    assert!(!is_filled(&later, "Я"));
    assert!(!is_filled(&later, "Мария Иванова"));
    assert!(!is_filled(&composer(folder.path()), "Мария Иванова"));
}
