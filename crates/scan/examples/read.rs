//! Says what each page of scans says: `cargo run -p kvit-scan --example read -- FILE…`.
//! For whoever wonders why a page was not read.

#![allow(clippy::print_stdout)]

use std::{error::Error, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file)?;
        let read = kvit_scan::read_pages(&bytes, |page, picture| {
            match picture {
                Ok(picture) => {
                    let start = Instant::now();
                    let found = kvit_scan::find_code(&picture, |text| Some(text.to_owned()));
                    println!("{file} {page}: {picture:?} {found:?} {:?}", start.elapsed());
                }
                Err(fault) => println!("{file} {page}: {fault}"),
            }
            true
        });
        if let Err(fault) = read {
            println!("{file}: {fault}");
        }
    }
    Ok(())
}
