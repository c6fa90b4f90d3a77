//! Draws a bill of every kind, or of those named, into a folder:
//! `cargo run -p kvit-compose --example draw -- FOLDER [KIND,KIND]`.
//! For whoever changes the layout and wants to see what it does to all of them.

#![allow(clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
#[allow(dead_code)]
mod common;

use std::{error::Error, fs, path::PathBuf, time::Instant};

use kvit_billing::Language;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("name a folder to draw into")?,
    );
    let wanted = std::env::args().nth(2);
    fs::create_dir_all(&folder)?;
    let composer = common::composer().with_forms_from(1);
    for (name, mut bill) in common::cases() {
        if wanted
            .as_deref()
            .is_some_and(|wanted| !wanted.split(',').any(|one| one == name))
        {
            continue;
        }
        for language in Language::ALL {
            bill.customer.language = language;
            let start = Instant::now();
            let pdf = composer.compose(&bill)?;
            let file = folder.join(format!("{name}-{}.pdf", language.tag()));
            let whole = composer.compose_whole(&bill)?;
            fs::write(
                folder.join(format!("{name}-{}-whole.pdf", language.tag())),
                whole.bytes,
            )?;
            println!(
                "{} {} bytes {:?}",
                file.display(),
                pdf.bytes.len(),
                start.elapsed()
            );
            fs::write(file, pdf.bytes)?;
        }
        fs::write(
            folder.join(format!("{name}-sample.pdf")),
            composer.sample(&bill)?,
        )?;
    }
    println!("{:?}", composer.counts());
    if let Some(refusal) = composer.last_refusal() {
        println!("latest refusal: {refusal:?}");
    }
    Ok(())
}
