//! Files of either structure taken apart, and broken ones refused in bounded time.

use std::fmt::Write;

use kvit_pdf::{Damage, Document, File, Id, Object, Stream, Text, Value, dict};
use proptest::prelude::*;

/// A file with a cross-reference table over these objects, numbered from 1.
fn with_table(objects: &[&str]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (at, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        let _ = write!(file, "{} 0 obj\n{object}\nendobj\n", at + 1);
    }
    let (start, size) = (file.len(), objects.len() + 1);
    let _ = write!(
        file,
        "xref\n0 {size}\n{table}trailer\n<</Root 1 0 R/Size {size}>>\nstartxref\n{start}\n%%EOF\n"
    );
    file.into_bytes()
}

/// A file whose object stream 1, with this dictionary and content, holds object `2 + n` at place `n`.
fn with_streams(dict: &str, content: &str, inside: usize) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    let first = file.len();
    let _ = write!(
        file,
        "1 0 obj\n<</Type/ObjStm{dict}>>stream\n{content}\nendstream\nendobj\n"
    );
    let start = file.len();
    let mut rows = format!("00000000 01{first:04X}00 ");
    for at in 0..inside {
        let _ = write!(rows, "020001{at:02X} ");
    }
    let number = inside + 2;
    let _ = write!(rows, "01{start:04X}00");
    let digits: Vec<u8> = rows.bytes().filter(|byte| *byte != b' ').collect();
    let bytes = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(pair, 16).expect("digits")
    });
    let bytes: Vec<u8> = bytes.collect();
    let _ = write!(
        file,
        "{number} 0 obj\n<</Type/XRef/Root 2 0 R/Size {}/W[1 2 1]/Length {}>>stream\n",
        number + 1,
        bytes.len()
    );
    let mut file = file.into_bytes();
    file.extend_from_slice(&bytes);
    file.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n").as_bytes());
    file
}

const CATALOG: &str = "<</Type/Catalog/Pages 2 0 R>>";
const PAGES: &str = "<</Type/Pages/Kids[4 0 R 3 0 R]>>";
const MORE: &str = "<</Type/Pages/Kids[5 0 R 6 0 R]>>";
const PAGE: &str = "<</Type/Page/Rect[0 -.5 1. 2]/T(a\\(b\\)\\\r\nc)/U<FEFF0>>>";

#[test]
fn a_file_with_a_table_is_taken_apart() {
    let stream = "<</Length 8 0 R/Tail true>>\nstream\nBT ET\nendstream";
    let bytes = with_table(&[CATALOG, PAGES, PAGE, MORE, PAGE, PAGE, stream, "5"]);
    let mut document = Document::load(&bytes).expect("a document");
    assert_eq!(document.objects.len(), 8);
    let pages = document.pages().expect("pages");
    assert_eq!(pages, [5, 6, 3].map(Id), "in the order of the tree");
    let page = document.dict(Id(5)).expect("a page");
    let numbers = vec![
        Value::Integer(0),
        Value::Real(-0.5),
        Value::Real(1.0),
        Value::Integer(2),
    ];
    assert_eq!(page.array("Rect"), Some(numbers.as_slice()));
    assert_eq!(page.text("T"), Some(&Text::literal("a(b)c")));
    assert_eq!(
        page.text("U"),
        Some(&Text::hexadecimal([0xfe, 0xff, 0].as_slice()))
    );
    let Some(Object::Stream(stream)) = document.objects.get(&Id(7)) else {
        panic!("a stream")
    };
    assert_eq!(stream.plain(), Ok(b"BT ET".to_vec()));
    assert_eq!(stream.dict, dict! { "Tail" => Value::Bool(true) });
    assert_eq!(document.reserve(), Id(9));
    let added = document.add(Stream {
        dict: dict! {},
        content: Vec::new(),
    });
    assert_eq!(added, Id(10));
}

#[test]
fn a_file_with_streams_is_taken_apart() {
    let objects = "2 0 3 30 <</Type/Catalog/Pages 3 0 R>>\n<</Type/Pages/Kids[]>>";
    let dict = format!("/N 2/First 9/Length {}", objects.len());
    let document = Document::load(&with_streams(&dict, objects, 2)).expect("a document");
    let ids: Vec<Id> = document.objects.keys().copied().collect();
    assert_eq!(ids, [2, 3].map(Id), "without the streams that hold them");
    assert_eq!(document.pages(), Ok(Vec::new()));
    assert!(document.catalog().is_ok());
}

#[test]
fn files_that_lead_astray_are_refused() {
    let said = |bytes: &[u8]| {
        let pages = Document::load(bytes).and_then(|document| document.pages());
        pages.expect_err("refused").what
    };
    assert_eq!(said(b"plain text"), "this is not a PDF");
    let circle = with_table(&[CATALOG, "<</Kids[2 0 R]>>"]);
    assert_eq!(said(&circle), "the page tree leads in circles");
    let objects = "2 0 3 24 <</Pages 3 0 R/Kids[3 0 R]>> 9";
    let own = with_streams("/N 2/First 9/Length 3 0 R", objects, 2);
    assert_eq!(said(&own), "a stream's length is wrong");
    let greedy = "<</Length 150>>stream\nBT ET\nendstream";
    let greedy = with_table(&[CATALOG, greedy, greedy, greedy, greedy]);
    assert_eq!(said(&greedy), "streams overlap");
    let deep = format!("{}{}", "[".repeat(99), "]".repeat(99));
    assert_eq!(
        said(&with_table(&[CATALOG, &deep])),
        "values are nested too deeply"
    );
    let twice = with_table(&["<</A 1/A 2>>"]);
    assert_eq!(said(&twice), "a dictionary has a key twice");
}

#[test]
fn references_in_circles_end() {
    let bytes = with_table(&["2 0 R", "1 0 R"]);
    let file = File::open(&bytes).expect("a file");
    let looped = file.resolve(&Value::Reference(Id(1)));
    assert_eq!(looped, Err(Damage::new(0, "a reference leads in circles")));
    let document = Document::load(&bytes).expect("a document");
    assert_eq!(document.resolve(&Value::Reference(Id(1))), &Value::Null);
}

proptest! {
    #[test]
    fn any_change_leaves_a_document_or_says_what_is_wrong(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = with_table(&[CATALOG, PAGES, PAGE, MORE, PAGE, PAGE]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(document) = Document::load(&bytes) {
            let pages = document.pages().map_or(0, |pages| pages.len());
            prop_assert!(pages <= document.objects.len());
        }
    }
}
