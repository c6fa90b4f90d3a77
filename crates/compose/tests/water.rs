//! The worked example of docs/LAYOUT.md: a layout of one's own, a tax document on one page, as fast as the built-in one.

#[allow(dead_code)]
mod common;

use common::words;
use kvit_billing::Language;
use kvit_pdf::Document;

/// More rows than one page has.
const LONG: &str = "many-lines";
/// A name that may wrap is Typst's.
const WRAPS: &str = "long-names";

#[test]
fn a_water_bill_has_one_page_a_form_and_what_the_law_asks() {
    let composer = common::composer_of(common::water(), common::RESERVE).with_forms_from(1);
    for (name, mut bill) in common::cases() {
        let before = composer.counts().whole;
        for language in Language::ALL {
            bill.customer.language = language;
            let pdf = composer.compose(&bill);
            let pdf = pdf.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(words::missing(&bill, &pdf.bytes), [""; 0], "{name}");
            let document = Document::load(&pdf.bytes).expect("a PDF");
            let pages = document.pages().expect("pages").len();
            assert!(pages == 1 || name == LONG, "{name}: {pages} pages");
        }
        let counts = composer.counts();
        assert_eq!(counts.refused, 0, "{name}: {:?}", composer.last_refusal());
        assert_eq!(counts.narrowed, 0, "{name}: {:?}", composer.last_refusal());
        assert!(
            counts.whole == before || name == WRAPS,
            "{name}: {counts:?}"
        );
    }
}
