//! Forms against Typst itself: the same pixels, the same words, the same structure.

#[allow(dead_code)]
mod common;
#[allow(dead_code)]
mod judge;

use std::fs;

use jiff::civil::date;
use judge::{Judged, compared, difference, run};
use kvit_billing::{Bill, Language};
use kvit_compose::{Composer, ComposerSettings, Layout};
use kvit_synth::Synth;

/// So many of the invented operator's customers, beside every special case.
const CUSTOMERS: u32 = 4;
/// Left out: what looks like another case.
const ALIKE: [&str; 5] = [
    "owing",
    "in-credit",
    "debit-note",
    "strange-name",
    "many-lines",
];

#[test]
fn filled_bills_look_and_read_as_those_of_typst() {
    let composer = common::composer().with_forms_from(1);
    let synth = Synth::new(20_261_124, 100_000);
    let invented = (0..CUSTOMERS).map(|i| {
        let language = Language::ALL[i as usize % 2];
        let order = synth.order(i * 7_919, date(2026, 1 + (i % 12) as i8, 1));
        (format!("customer {i}"), common::of(order, language))
    });
    let special = common::cases()
        .into_iter()
        .filter(|(name, _)| !ALIKE.contains(name))
        .map(|(name, bill)| (name.to_owned(), bill));
    for (name, bill) in special.chain(invented) {
        if !same_twice(&composer, &name, &bill) {
            return;
        }
    }
    let counts = composer.counts();
    let (_, household) = common::cases().swap_remove(0);
    if !same_when_issued_later(&composer, household) {
        return;
    }
    assert_eq!(composer.counts().forms, counts.forms, "the next run's form");
    assert_eq!(counts.refused, 0, "{:?}", composer.last_refusal());
    assert_eq!(counts.narrowed, 0, "{:?}", composer.last_refusal());
    // Long names, and a drawing without extent, are Typst's: two bills, composed twice.
    assert!(counts.whole <= 4, "{counts:?}");
    assert!(counts.forms < counts.filled, "{counts:?}");
}

/// What the other test relies on: a shade more is another picture.
#[test]
fn the_judge_sees_a_shade_that_nobody_would() {
    let bill = common::bill(3, Language::Bg);
    let drawn = |primary: &str| {
        let (operator, mut brand) = common::operator();
        brand.primary = primary.to_owned();
        let composer = Composer::new(ComposerSettings {
            layout: Layout::builtin(),
            operator,
            brand,
            logo_svg: None,
            contents_reserve: common::RESERVE,
        });
        let composer = composer.expect("a layout that works");
        composer.compose_whole(&bill).expect("composed").bytes
    };
    let seen = compared(&drawn("#14532d"), &drawn("#14532e"));
    let what = match seen {
        Judged::Differs(what) => what,
        Judged::NoTool => return,
        Judged::Same | Judged::Near(_) => panic!("not seen"),
    };
    assert!(what.contains("other pixels"), "{what}");
}

/// `false` where a tool is missing.
fn same_twice(composer: &Composer, name: &str, bill: &Bill) -> bool {
    match difference(composer, bill) {
        Judged::Same => true,
        Judged::Near(stray) => {
            eprintln!("{name}: {stray:?}");
            true
        }
        Judged::Differs(what) => panic!("{name}: {what}"),
        Judged::NoTool => false,
    }
}

/// A form made for one run tells the time of another. `false` where a tool is missing.
fn same_when_issued_later(composer: &Composer, mut bill: Bill) -> bool {
    bill.issued_at = "2027-01-05T23:59:01Z".parse().expect("a moment");
    let folder = tempfile::tempdir().expect("a folder");
    let mut told = Vec::new();
    for pdf in [composer.compose(&bill), composer.compose_whole(&bill)] {
        let file = folder.path().join("bill.pdf");
        fs::write(&file, pdf.expect("composed").bytes).expect("written");
        let told_of = |option: &[&str]| run("pdfinfo", option, &file, &[]);
        let (Some(info), Some(meta)) = (told_of(&["-isodates"]), told_of(&["-meta"])) else {
            return false;
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let dates = info.lines().filter(|line| line.contains("Date"));
        let dates: Vec<String> = dates.map(str::to_owned).collect();
        let meta = String::from_utf8_lossy(&meta).into_owned();
        told.push((dates, meta.matches("2027-01-05T23:59:01").count()));
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].0.len() == 2 && told[0].1 >= 2, "{told:?}");
    true
}
