//! Bills as a printer would draw them.

use std::{fs, path::Path, process::Command};

use kvit_scan::{Picture, read_pages};

/// A page of a PDF, as pdftoppm draws it.
pub(crate) fn drawn(folder: &Path, pdf: &Path, page: usize, dpi: u32) -> Picture {
    let (page, dpi) = (page.to_string(), dpi.to_string());
    let to = folder.join(format!("{page}-{dpi}"));
    let done = Command::new("pdftoppm")
        .args(["-gray", "-png", "-singlefile"])
        .args(["-f", &page, "-l", &page, "-r", &dpi])
        .args([pdf, &to])
        .status()
        .expect("pdftoppm (poppler-utils) is needed here");
    assert!(done.success());
    let png = fs::read(to.with_extension("png")).expect("drawn");
    let mut drawn = None;
    read_pages(&png, |_, picture| {
        drawn = picture.ok();
        true
    })
    .expect("a PNG");
    drawn.expect("one page")
}
