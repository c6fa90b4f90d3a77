//! Files of a scanner, and the codes on their pages.
#![no_main]

use kvit_scan::{find_code, read_pages};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_pages(bytes, |number, page| {
        if let Ok(picture) = page {
            let _ = find_code(&picture, |text| (text.len() > 3).then_some(()));
        }
        number < 4
    });
});
