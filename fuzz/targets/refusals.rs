//! A bank's report about direct debits (pain.002), whatever stands in it: no money comes of it, and no more
//! faults than a report holds.
#![no_main]

use kvit_pay::statement::{FAULTS_MAX, StatementReader, StatementRules, TransferKind};
use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] =
    b"<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\n";
const TAIL: &[u8] = b"\n</CstmrPmtStsRpt></Document>";

fuzz_target!(|bytes: &[u8]| {
    let rules = StatementRules {
        ibans: vec!["BG80BNBG96611020345678".to_owned()],
        currency: None,
        payouts: Vec::new(),
    };
    let file = [HEAD, bytes, TAIL].concat();
    let mut reader = StatementReader::new(&file[..], &rules);
    for transfer in reader.by_ref() {
        assert!(transfer.kind == TransferKind::Refused);
        assert!(transfer.notice().is_none());
    }
    let judged = reader.judged();
    assert!(judged.format.is_empty() || judged.format == "pain.002.001.10");
    assert!(judged.faults.len() <= FAULTS_MAX);
});
