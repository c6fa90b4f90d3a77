//! The worked example of docs/LAYOUT.md: a layout of one's own, on one page, as fast as the built-in one.

use std::{collections::BTreeMap, fs, path::Path};

use kvit_billing::Language;
use kvit_compose::{Composer, ComposerSettings, Layout};
use kvit_pdf::Document;
use kvit_synth::kinds;

fn files(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name");
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            files(&path, &format!("{name}/"), into);
        } else {
            into.insert(name, fs::read(&path).expect("a file"));
        }
    }
}

#[test]
fn a_water_bill_has_one_page_and_a_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/layouts/water");
    let mut own = BTreeMap::new();
    files(&folder, "", &mut own);
    let (operator, brand) = kvit_synth::operator();
    let composer = Composer::new(ComposerSettings {
        layout: Layout::with_files(own).expect("well-formed"),
        operator,
        brand,
        logo_svg: None,
        contents_reserve: 1_600,
    });
    let composer = composer.expect("a layout that works").with_forms_from(1);
    let wanted = [
        "water",
        "household",
        "company",
        "credit-note",
        "zero",
        "bare",
    ];
    let orders = kinds::all().into_iter();
    for (name, order) in orders.filter(|(name, _)| wanted.contains(name)) {
        for language in Language::ALL {
            let pdf = composer.compose(&kinds::issued(order.clone(), language));
            let pdf = pdf.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let document = Document::load(&pdf.bytes).expect("a PDF");
            assert_eq!(document.pages().map(|pages| pages.len()), Ok(1), "{name}");
        }
    }
    let counts = composer.counts();
    assert_eq!(counts.refused, 0, "{:?}", composer.last_refusal());
    assert_eq!(counts.narrowed, 0, "{:?}", composer.last_refusal());
    assert_eq!(counts.whole, 0, "{counts:?}");
}
