//! The code on a page is found whatever lies around it and however the page went through the scanner.

#[path = "scanner/mod.rs"]
mod scanner;

use datamatrix::{DataMatrix, SymbolList};
use kvit_scan::{Picture, find_code, read_pages};

const SAYS: &str = "KVIT1;999900017;1000000002;4211000001";
/// A4 in modules of a Data Matrix that is 14 mm wide with 22 of them and their white.
const A4: (u32, u32) = (330, 467);

/// A sheet with lines of what looks like letters, boxes, and a code at its lower right; so many pixels to a module.
fn page(module: u32) -> Picture {
    let (width, height) = (A4.0 * module, A4.1 * module);
    let mut luma = vec![255_u8; (width * height) as usize];
    let mut fill = |x: u32, y: u32, w: u32, h: u32| {
        for row in y..y + h {
            let start = (row * width + x) as usize;
            luma[start..start + w as usize].fill(15);
        }
    };
    for line in 0..40 {
        for letter in 0..110 {
            if (letter * 7 + line * 3) % 6 != 0 {
                let height = 3 + (letter + line) % 3;
                fill(
                    (15 + letter * 2) * module,
                    (30 + line * 8) * module,
                    module,
                    height * module,
                );
            }
        }
    }
    for cell in 0..25 {
        let (x, y) = ((15 + cell * 8) * module, 390 * module);
        fill(x, y, 8 * module, 1);
        fill(x, y + 8 * module, 8 * module, 1);
        fill(x, y, 1, 8 * module);
    }
    let code =
        DataMatrix::encode(SAYS.as_bytes(), SymbolList::default().enforce_square()).expect("fits");
    for (x, y) in code.bitmap().pixels() {
        let (x, y) = (
            u32::try_from(x).expect("small"),
            u32::try_from(y).expect("small"),
        );
        fill((290 + x) * module, (400 + y) * module, module, module);
    }
    Picture::new(width, height, luma).expect("as many as its size says")
}

fn says(picture: &Picture) -> Option<(String, u8)> {
    find_code(picture, |text| {
        text.starts_with("KVIT1;").then(|| text.to_owned())
    })
    .map(|found| (found.meaning, found.turns))
}

#[test]
fn a_code_is_read_in_any_direction_and_tells_where_up_is() {
    for module in [4, 8] {
        let page = page(module);
        for quarters in 0..4_u8 {
            let turned = page.clone().turned(quarters);
            assert_eq!(
                says(&turned),
                Some((SAYS.to_owned(), (4 - quarters) % 4)),
                "{module} {quarters}"
            );
        }
    }
}

#[test]
fn a_code_is_read_through_noise_and_askew() {
    let page = page(5);
    for (at, degrees) in [0.0, 1.3, -2.5, 4.0, -6.0, 88.5, 183.0, 268.0]
        .into_iter()
        .enumerate()
    {
        let askew = scanner::skewed(&page, degrees);
        let seed = at as u64;
        for (how, scan) in [
            ("noisy", scanner::noisy(&askew, seed)),
            ("bitonal", scanner::bitonal(&askew, seed)),
            ("pale", scanner::pale(&askew, seed)),
            ("blurred", scanner::blurred(&askew, 3)),
        ] {
            assert!(says(&scan).is_some(), "{how} at {degrees}°");
        }
    }
}

/// The square code of an invented bill, drawn by poppler at 200 dots an inch.
const HIDDEN: &[u8] = include_bytes!("files/qr-hidden.png");

#[test]
fn a_code_that_its_rows_hide_is_read_from_the_side() {
    let mut drawn = None;
    read_pages(HIDDEN, |_, picture| {
        drawn = picture.ok();
        true
    })
    .expect("a PNG");
    let drawn = drawn.expect("one page");
    for quarters in 0..4_u8 {
        let found = find_code(&drawn.clone().turned(quarters), |text| {
            text.contains("/v/0000000039-").then_some(())
        });
        assert_eq!(found.map(|found| found.turns), Some((4 - quarters) % 4));
    }
}

#[test]
fn what_is_not_ours_is_passed_over() {
    let page = page(4);
    let mut seen = Vec::new();
    let none = find_code(&page, |text| {
        seen.push(text.to_owned());
        None::<()>
    });
    assert!(none.is_none());
    assert!(seen.iter().any(|text| text == SAYS));
    let white = Picture::new(2_000, 2_000, vec![255; 4_000_000]).expect("a page");
    assert_eq!(says(&white), None);
    // Nothing but noise, and a page of one pixel.
    let noise = scanner::bitonal(
        &Picture::new(1_200, 1_200, vec![128; 1_440_000]).expect("a page"),
        7,
    );
    assert_eq!(says(&noise), None);
    assert_eq!(says(&Picture::new(1, 1, vec![0]).expect("one")), None);
}
