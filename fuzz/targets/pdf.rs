//! PDFs: taken apart within limits, and never genuine where nobody is trusted.
#![no_main]

use jiff::Timestamp;
use kvit_pades::{State, TrustRoots, verify};
use kvit_pdf::Document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Document::load(bytes) {
        let _ = document.pages();
    }
    let verdict = verify(bytes, &TrustRoots::default(), Timestamp::UNIX_EPOCH);
    assert!(verdict.state != State::Genuine);
});
