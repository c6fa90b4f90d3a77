//! Bank statements: any bytes are judged, with no more faults than a report holds.
#![no_main]

use kvit_billing::Currency;
use kvit_pay::statement::{FAULTS_MAX, StatementReader, StatementRules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let rules = StatementRules {
        ibans: vec!["BG80BNBG96611020345678".to_owned()],
        currency: Some(Currency::EUR),
        payouts: Vec::new(),
    };
    let mut reader = StatementReader::new(bytes, &rules);
    let transfers = reader.by_ref().count();
    let judged = reader.judged();
    assert!(judged.faults.len() <= FAULTS_MAX);
    assert!(transfers <= bytes.len());
});
