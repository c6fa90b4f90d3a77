//! What a telephone reads off the paper: the square codes that open pages, on every kind of bill, in both layouts.

#[allow(dead_code, reason = "a part of it is used")]
mod common;
#[path = "common/paper.rs"]
mod paper;

use std::fs;

use kvit_billing::{Bill, Language};
use kvit_compose::{Composer, Layout};
use kvit_pdf::{Document, Object, Value};
use kvit_scan::find_code;

/// Dots per inch: less than any printer has.
const DPI: u32 = 150;

/// Every kind, and one with as long a customer number as there is.
fn cases() -> Vec<(&'static str, Bill)> {
    let mut cases = common::cases();
    let mut long = common::bill(4, Language::En);
    long.customer.number = "BG-0123456789-ABCDEF".parse().expect("a number");
    cases.push(("long-number", long));
    cases
}

/// The code as it is typed.
fn digits(bill: &Bill) -> String {
    bill.code.printed().replace(' ', "")
}

/// The address, with this in it, that a square code of a page opens.
fn opened(pdf: &[u8], page: usize, part: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bill.pdf");
    fs::write(&file, pdf).expect("written");
    let page = paper::drawn(folder.path(), &file, page, DPI);
    let found = find_code(&page, |text| text.contains(part).then(|| text.to_owned()));
    found.map(|found| found.meaning)
}

fn pdf(composer: &Composer, bill: &Bill) -> Vec<u8> {
    composer.compose(bill).expect("a bill").bytes
}

/// Which page is the last one.
fn last(pdf: &[u8]) -> usize {
    let document = Document::load(pdf).expect("a PDF");
    document.pages().expect("pages").len()
}

#[test]
fn page_one_opens_with_number_and_code_and_the_slip_without_the_code() {
    let composer = common::composer();
    for (name, bill) in cases() {
        let pdf = pdf(&composer, &bill);
        let (code, number) = (digits(&bill), &bill.customer.number);
        let filled = format!("{}#{code}{number}", bill.verify_url);
        assert_eq!(opened(&pdf, 1, "/v/"), Some(filled), "{name}");
        let enrol = opened(&pdf, last(&pdf), "/enrol");
        assert_eq!(enrol.as_ref(), Some(&bill.enrol_url), "{name}");
        assert!(!bill.enrol_url.contains(&code), "{name}");
    }
}

#[test]
fn another_layout_s_code_has_number_and_code() {
    let composer = common::composer_of(common::water(), common::RESERVE);
    for (name, bill) in cases() {
        let pdf = pdf(&composer, &bill);
        let opened = opened(&pdf, last(&pdf), "/v/");
        assert_eq!(opened.as_ref(), Some(bill.filled_url().expose()), "{name}");
    }
}

#[test]
fn what_is_read_and_pressed_is_the_address_alone() {
    for layout in [Layout::builtin(), common::water()] {
        let bill = common::bill(3, Language::Bg);
        let pdf = pdf(&common::composer_of(layout, common::RESERVE), &bill);
        let said = texts(&Document::load(&pdf).expect("a PDF"));
        assert!(said.contains(&bill.verify_url));
        assert!(!said.contains(&format!("{}#", bill.verify_url)));
        assert!(!said.contains(&digits(&bill)));
    }
}

/// All strings of a file that are no page's text, and its streams as they are.
fn texts(document: &Document) -> String {
    let mut all = String::new();
    for object in document.objects.values() {
        match object {
            Object::Value(value) => gather(value, &mut all),
            Object::Stream(stream) => {
                let plain = stream.plain().unwrap_or_default();
                all += &String::from_utf8_lossy(&plain);
            }
        }
    }
    all
}

fn gather(value: &Value, all: &mut String) {
    match value {
        Value::Text(text) => match text.bytes.strip_prefix(b"\xfe\xff") {
            Some(wide) => {
                let wide = wide
                    .chunks_exact(2)
                    .map(|two| u16::from_be_bytes([two[0], two[1]]));
                all.extend(char::decode_utf16(wide).flatten());
            }
            None => *all += &String::from_utf8_lossy(&text.bytes),
        },
        Value::Array(items) => items.iter().for_each(|item| gather(item, all)),
        Value::Dict(dict) => dict.iter().for_each(|(_, value)| gather(value, all)),
        _ => {}
    }
}
