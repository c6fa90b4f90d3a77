//! What the billing system hands over: run files and EN 16931 invoices, by their first bytes.
#![no_main]

use kvit_billing::Currency;
use kvit_intake::{Characters, Findings, Format, NdjsonReader, Rules, read_invoice, sniff};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let rules = Rules {
        operator_ids: vec!["000000000".to_owned()],
        currency: Currency::EUR,
        operator_is_placeholder: true,
        today: jiff::civil::date(2026, 11, 24),
        shown: Characters::all(),
    };
    let mut findings = Findings::default();
    match sniff(bytes) {
        Format::Ubl | Format::Cii => {
            let _ = read_invoice("a.xml", bytes, &rules, &mut findings);
        }
        Format::Ndjson | Format::Zip | Format::Unknown => {
            if let Some(mut reader) = NdjsonReader::open("a", bytes, &rules, &mut findings) {
                while reader.next_order(&mut findings).is_some() {}
                reader.finish(&mut findings);
            }
        }
    }
    assert!(findings.list().len() <= Findings::LIMIT);
});
