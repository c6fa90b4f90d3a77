//! What a composed bill holds, judged by what others read out of it.

#[allow(dead_code)]
mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::words;
use kvit_billing::{Bill, Language};
use kvit_compose::{ComposeError, Composer, ComposerSettings, Layout};
use kvit_keys::{KeyKind, Pkcs12Key, Throwaway};
use kvit_pades::{Sealer, TrustRoots, verify};
use kvit_pdf::{Document, Object, Value};
use rust_decimal::Decimal;

/// Every so many bytes one is changed; a prime, so that all kinds of bytes are met.
const STEP: usize = 997;

#[test]
fn equal_bills_give_equal_bytes_and_others_do_not() {
    // All filled into forms, or all laid out whole.
    for form_from in [1, u64::MAX] {
        let composer = || common::composer().with_forms_from(form_from);
        let (one, other) = (composer(), composer());
        let bill = common::bill(3, Language::Bg);
        let first = one.compose(&bill).expect("composed");
        for _ in 0..3 {
            one.compose(&common::bill(4, Language::En))
                .expect("composed");
        }
        let again = one.compose(&bill).expect("composed");
        let elsewhere = other.compose(&bill).expect("composed");
        assert!(first.bytes == again.bytes && first.bytes == elsewhere.bytes);
        assert_eq!(
            (first.slot.clone(), first.slot),
            (again.slot, elsewhere.slot)
        );
        let different = one
            .compose(&common::bill(5, Language::Bg))
            .expect("composed");
        assert!(first.bytes != different.bytes);
    }
}

#[test]
fn a_chart_is_in_megawatt_hours_where_kilowatt_hours_are_too_many() {
    let composer = common::composer();
    let said = |times: i64| {
        let mut bill = common::bill(3, Language::Bg);
        let history = bill.order.history.as_mut().expect("a history");
        for month in &mut history.months {
            month.quantity = Decimal::new(215_437, 3) * Decimal::from(times);
        }
        let pdf = composer.compose_whole(&bill).expect("composed").bytes;
        words::text_of(&pdf)
    };
    let (Some(few), Some(many)) = (said(1), said(1_000)) else {
        return;
    };
    assert!(few.contains("215,437") && !few.contains("MWh"), "{few}");
    assert!(many.contains("215,4") && many.contains("MWh"), "{many}");
}

/// Headings and drawings in the order in which they are heard; drawings with their words.
fn heard(document: &Document) -> Vec<String> {
    fn walk(document: &Document, value: &Value, heard: &mut Vec<String>) {
        match document.resolve(value) {
            Value::Array(items) => items.iter().for_each(|item| walk(document, item, heard)),
            Value::Dict(element) => {
                let kind = String::from_utf8_lossy(element.name("S").unwrap_or_default());
                if kind.starts_with('H') {
                    heard.push(kind.into_owned());
                } else if kind == "Figure" {
                    let words = element.text("Alt").map_or(&[][..], |words| &words.bytes);
                    let units = words.chunks_exact(2).skip(1);
                    let units: Vec<_> = units
                        .map(|two| u16::from_be_bytes([two[0], two[1]]))
                        .collect();
                    heard.push(String::from_utf16_lossy(&units));
                }
                if let Some(children) = element.get("K") {
                    walk(document, children, heard);
                }
            }
            _ => {}
        }
    }
    let root = document.catalog().expect("a catalog").get("StructTreeRoot");
    let mut all = Vec::new();
    walk(document, root.expect("a tree"), &mut all);
    all
}

#[test]
fn a_square_code_is_heard_behind_the_heading_that_introduces_it() {
    let mut bill = common::bill(3, Language::Bg);
    bill.order.totals.to_pay = bill.order.totals.gross;
    for layout in [Layout::builtin(), common::water()] {
        let composer = common::composer_of(layout, common::RESERVE).with_forms_from(1);
        for pdf in [composer.compose(&bill), composer.compose_whole(&bill)] {
            let pdf = pdf.expect("composed");
            let heard = heard(&Document::load(&pdf.bytes).expect("a PDF"));
            let at = |words: &str| heard.iter().position(|one| one.starts_with(words));
            let pay = at("Квадратен код за плащане").expect("a code for paying");
            let verify = at("Квадратен код, който отваря страницата за проверка").expect("a code");
            // Between the two the next part may begin, and no heading of the first comes late.
            assert!(pay < verify, "{heard:?}");
            assert_eq!(heard[pay - 1], "H2", "{heard:?}");
            assert!(!heard[pay..verify].contains(&"H2".to_owned()), "{heard:?}");
        }
    }
}

#[test]
fn every_kind_of_bill_says_what_it_must() {
    let composer = common::composer();
    for (name, mut bill) in common::cases() {
        for language in Language::ALL {
            bill.customer.language = language;
            let pdf = composer.compose(&bill);
            let pdf = pdf.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(words::missing(&bill, &pdf.bytes), [""; 0], "{name}");
        }
    }
}

/// Page breaks fall on every kind of row, with the sample mark laid across open tables.
#[test]
fn bills_of_any_length_compose() {
    let composer = common::composer();
    for (lines, meters) in [
        (1, 0),
        (17, 3),
        (26, 12),
        (35, 2),
        (43, 1),
        (48, 2),
        (60, 12),
    ] {
        let bill = common::of(kvit_synth::kinds::long(lines, meters), Language::Bg);
        let pdf = composer.compose(&bill);
        pdf.unwrap_or_else(|error| panic!("{lines} lines, {meters} meters: {error}"));
        let sample = composer.sample(&bill);
        sample.unwrap_or_else(|error| panic!("{lines} lines, {meters} meters: {error}"));
    }
}

/// Both layouts, every kind, both languages, each laid out whole by Typst and filled into its form. Where `KVIT_SEALED_BILLS`
/// names a folder, all stay there with their trust root, for `conformance/run` to judge.
#[test]
fn a_sealed_bill_is_accepted_and_a_changed_one_is_not() {
    let (operator, _) = common::operator();
    let at = "2026-11-01T00:00:00Z".parse().expect("a time");
    let made = Throwaway::generate(KeyKind::P256, &operator.name.bg, at, "p").expect("a seal");
    let key = Pkcs12Key::from_bytes(&made.pkcs12, "p").expect("a key");
    let sealer = Sealer::new(Arc::new(key)).expect("a sealer");
    let roots = TrustRoots::from_pem(&made.ca_pem).expect("roots");
    let temporary = tempfile::tempdir().expect("a folder");
    let kept = std::env::var_os("KVIT_SEALED_BILLS").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path());
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("roots.pem"), &made.ca_pem).expect("written");
    for (layout, files) in [("own", Layout::builtin()), ("water", common::water())] {
        let composer = common::composer_of(files, sealer.contents_reserve()).with_forms_from(1);
        for (kind, mut bill) in common::cases() {
            for language in Language::ALL {
                bill.customer.language = language;
                let whole = composer.compose_whole(&bill).expect("composed");
                let filled = composer.compose(&bill).expect("composed");
                for (way, pdf) in [("whole", whole), ("filled", filled)] {
                    let name = format!("{layout}-{kind}-{}-{way}", language.tag());
                    let sealed = sealer.seal(pdf, bill.issued_at).expect("sealed");
                    let file = folder.join(format!("{name}.pdf"));
                    fs::write(&file, sealed.bytes()).expect("written");
                    let verdict = verify(sealed.bytes(), &roots, bill.issued_at);
                    assert!(verdict.accepted, "{name}: {verdict}");
                    if layout == "own" && language == Language::Bg && way == "filled" {
                        judged_by_tools(&name, &file);
                        no_byte_may_change(&name, sealed.into_bytes(), &roots, &bill);
                    }
                }
            }
        }
        assert!(composer.counts().filled > 0, "{:?}", composer.counts());
    }
}

fn no_byte_may_change(name: &str, mut sealed: Vec<u8>, roots: &TrustRoots, bill: &Bill) {
    for at in (0..sealed.len()).step_by(STEP) {
        sealed[at] ^= 1;
        let verdict = verify(&sealed, roots, bill.issued_at);
        assert!(!verdict.accepted, "{name}, byte {at}: {verdict}");
        sealed[at] ^= 1;
    }
}

fn judged_by_tools(name: &str, file: &Path) {
    if let Some((said, _)) = words::run("qpdf", &["--check"], file) {
        let clean = said.contains("No syntax or stream encoding errors");
        assert!(clean, "{name}: {said}");
    }
    if let Some((said, _)) = words::run("pdfsig", &["-nocert"], file) {
        for wanted in [
            "Signature is Valid.",
            "Total document signed",
            "ETSI.CAdES.detached",
        ] {
            assert!(said.contains(wanted), "{name}: no `{wanted}` in {said}");
        }
    }
}

#[test]
fn the_field_is_what_pdf_a_and_pdf_ua_ask_for() {
    let pdf = common::composer()
        .compose(&common::bill(3, Language::Bg))
        .expect("composed");
    let document = Document::load(&pdf.bytes).expect("a PDF");
    let catalog = document.catalog().expect("a catalog");
    let form = catalog.dict("AcroForm").expect("a form");
    assert!(form.get("NeedAppearances").is_none());
    let Some([Value::Reference(id)]) = form.array("Fields") else {
        panic!("one field")
    };
    let field = document.dict(*id).expect("a field");
    assert_eq!(field.integer("F"), Some(132));
    assert!(field.get("TU").is_some());
    let key = field.integer("StructParent").expect("a key");
    let root = catalog.reference("StructTreeRoot").expect("a tree");
    let root = document.dict(root).expect("a tree");
    let tree = root.dict("ParentTree").expect("a parent tree");
    let numbers = tree.array("Nums").expect("numbers");
    let at = numbers.iter().position(|n| n.as_integer() == Some(key));
    let element = numbers[at.expect("the key") + 1].as_reference();
    let element = document.dict(element.expect("an element"));
    let element = element.expect("an element");
    assert_eq!(element.name("S"), Some(&b"Form"[..]));
    let object = element.dict("K").expect("an OBJR");
    assert_eq!(object.reference("Obj"), Some(*id));
    let page = field.reference("P").expect("a page");
    let page = document.dict(page).expect("a page");
    assert_eq!(page.name("Tabs"), Some(&b"S"[..]));
    let perms = catalog.dict("Perms").expect("permissions");
    assert_eq!(perms.iter().count(), 1, "DocMDP and nothing else");
}

#[test]
fn each_charge_is_told_with_its_own_column_and_its_section() {
    let bill = common::bill(3, Language::Bg);
    let whole = common::composer().compose_whole(&bill).expect("composed");
    let filled = common::composer().with_forms_from(1).compose(&bill);
    for pdf in [whole, filled.expect("composed")] {
        let document = Document::load(&pdf.bytes).expect("a PDF");
        let dict = |of: &Value| match document.objects.get(&of.as_reference()?)? {
            Object::Value(Value::Dict(dict)) => Some(dict),
            _ => None,
        };
        let headers = |cell: &Value| {
            let attributes = dict(cell)?.array("A")?.iter();
            let mut lists = attributes.filter_map(|attribute| match attribute {
                Value::Dict(attribute) => attribute.array("Headers"),
                _ => None,
            });
            lists.next()
        };
        let rows = document.objects.values().filter_map(|object| match object {
            Object::Value(Value::Dict(row)) if row.name("S") == Some(b"TR") => row.array("K"),
            _ => None,
        });
        // Only those that cells name have a name.
        let named = |row: &&[Value]| {
            row.iter()
                .all(|cell| dict(cell).is_some_and(|cell| cell.get("ID").is_some()))
        };
        let (heads, rows): (Vec<_>, Vec<_>) = rows.partition(named);
        let name = |cell: &Value| dict(cell).and_then(|cell| cell.get("ID"));
        let (columns, sections): (Vec<_>, Vec<_>) =
            heads.into_iter().partition(|row| row.len() == 4);
        let (columns, sections) = (columns.concat(), sections.concat());
        assert!(sections.iter().all(|section| headers(section).is_none()));
        let mut told = BTreeSet::new();
        let mut charges = 0;
        for row in rows {
            if row.iter().all(|cell| headers(cell).is_none()) {
                continue;
            }
            charges += 1;
            assert_eq!(row.len(), columns.len());
            for (cell, column) in row.iter().zip(&columns) {
                let Some([own, section]) = headers(cell) else {
                    panic!("{cell:?}");
                };
                assert_eq!(Some(own), name(column));
                told.insert(sections.iter().position(|one| name(one) == Some(section)));
            }
        }
        assert_eq!(charges, bill.order.lines.len());
        assert_eq!(told, BTreeSet::from([Some(0), Some(1), Some(2)]));
    }
}

#[test]
fn samples_say_so_in_both_languages() {
    let composer = common::composer();
    let sample = composer
        .sample(&common::bill(3, Language::En))
        .expect("composed");
    if let Some(text) = words::text_of(&sample) {
        assert!(text.contains("Нееданъчендокумент") && text.contains("Notataxdocument"));
    }
}

#[test]
fn a_broken_layout_is_refused_with_its_place() {
    let with = |name: &str, text: &str| -> Result<Composer, ComposeError> {
        let (operator, brand) = common::operator();
        Composer::new(ComposerSettings {
            layout: Layout::with_files(BTreeMap::from([(name.to_owned(), text.into())]))?,
            operator,
            brand,
            logo_svg: None,
            contents_reserve: common::RESERVE,
        })
    };
    let said = |result: Result<Composer, ComposeError>| result.expect_err("refused").to_string();
    let fault = said(with(
        "bill.typ",
        "#set document(title: \"a\")\n\n#nowhere\n",
    ));
    assert!(
        fault.contains("bill.typ:3:2: unknown variable: nowhere"),
        "{fault}"
    );
    let fault = said(with(
        "bill.typ",
        "#set document(title: \"a\")\n#text(font: \"Comic\")[a]",
    ));
    assert!(
        fault.contains("bill.typ:2:") && fault.contains("unknown font family"),
        "{fault}"
    );
    let fault = said(with("texts/bg.toml", "[kind\n"));
    assert!(fault.contains("texts/bg.toml:1:"), "{fault}");
    let fault = said(with("bill.json", "{}"));
    assert!(fault.contains("bill.json"), "{fault}");
    let fault = said(with("fonts/a.ttf", "no font"));
    assert!(fault.contains("fonts/a.ttf"), "{fault}");
}

#[test]
fn colours_and_logos_are_checked() {
    let with = |primary: &str, logo: Option<&[u8]>| {
        let (operator, mut brand) = common::operator();
        brand.primary = primary.to_owned();
        Composer::new(ComposerSettings {
            layout: Layout::builtin(),
            operator,
            brand,
            logo_svg: logo.map(<[u8]>::to_vec),
            contents_reserve: common::RESERVE,
        })
    };
    assert!(matches!(with("green", None), Err(ComposeError::Colour(_))));
    assert!(matches!(
        with("#14532d", Some(b"\x89PNG")),
        Err(ComposeError::Logo)
    ));
    let logo = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 10"><rect width="30" height="10" fill="#14532d"/></svg>"##;
    with("#14532d", Some(logo)).expect("a logo");
}
