//! The declaration on a bill, printed, signed and scanned: its code is read.

#[allow(dead_code, reason = "one kind of bill is enough")]
mod common;
#[path = "common/paper.rs"]
mod paper;
#[path = "../../scan/tests/scanner/mod.rs"]
mod scanner;

use std::{fs, path::Path};

use kvit_billing::{Language, declaration::PaperCode};
use kvit_scan::{Picture, find_code};

/// The page with the declaration.
fn drawn(folder: &Path, pdf: &Path, dpi: u32) -> Picture {
    paper::drawn(folder, pdf, 2, dpi)
}

fn code(picture: &Picture) -> Option<PaperCode> {
    Some(find_code(picture, |text| text.parse().ok())?.meaning)
}

#[test]
fn the_code_of_a_declaration_survives_printing_and_scanning() {
    let folder = tempfile::tempdir().expect("a folder");
    let bill = common::bill(3, Language::Bg);
    let pdf = folder.path().join("bill.pdf");
    fs::write(
        &pdf,
        common::composer().compose(&bill).expect("a bill").bytes,
    )
    .expect("written");
    let said = PaperCode {
        eik: common::operator().0.eik,
        account: bill.customer.number.clone(),
        on: bill.number.to_string(),
    };
    for (dpi, angles) in [
        (150, [0.0, -3.0, 181.0].as_slice()),
        (200, &[-1.5, 92.0]),
        (300, &[4.0, 271.0]),
        (600, &[1.0]),
    ] {
        let page = drawn(folder.path(), &pdf, dpi);
        for (at, degrees) in angles.iter().enumerate() {
            let askew = scanner::skewed(&page, *degrees);
            let seed = at as u64;
            for (how, scan) in [
                ("clean", askew.clone()),
                ("noisy", scanner::noisy(&askew, seed)),
                ("bitonal", scanner::bitonal(&askew, seed)),
                ("pale", scanner::pale(&askew, seed)),
                (
                    "blurred",
                    scanner::blurred(&askew, if dpi < 300 { 3 } else { 5 }),
                ),
            ] {
                assert_eq!(
                    code(&scan).as_ref(),
                    Some(&said),
                    "{how} at {degrees}°, {dpi} dpi"
                );
            }
        }
    }
}

#[test]
fn the_slip_alone_is_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    let bill = common::bill(5, Language::En);
    let pdf = folder.path().join("bill.pdf");
    fs::write(
        &pdf,
        common::composer().compose(&bill).expect("a bill").bytes,
    )
    .expect("written");
    let page = drawn(folder.path(), &pdf, 200);
    // Cut off with scissors: the lower third of the sheet.
    let from = (page.height * 2 / 3 * page.width) as usize;
    let slip = page.luma[from..].to_vec();
    let rows = u32::try_from(slip.len()).expect("a page") / page.width;
    let slip = Picture::new(page.width, rows, slip).expect("whole rows");
    for quarters in 0..4 {
        let found = code(&slip.clone().turned(quarters)).expect("read");
        assert_eq!(found.account, bill.customer.number);
    }
}
