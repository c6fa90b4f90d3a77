//! Into how many shapes the invented operator's bills fall: `cargo run --release -p kvit-compose --example shapes -- BILLS`.

#![allow(clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
#[allow(dead_code)]
mod common;

use std::{collections::HashMap, error::Error};

use jiff::civil::date;
use kvit_synth::Synth;

fn main() -> Result<(), Box<dyn Error>> {
    let bills: u32 = std::env::args()
        .nth(1)
        .unwrap_or_default()
        .parse()
        .unwrap_or(10_000);
    let composer = common::composer();
    let synth = Synth::new(7, bills);
    let mut seen: HashMap<String, u32> = HashMap::new();
    for i in 0..bills {
        let order = synth.order(i, date(2026, 10, 1));
        let language = order
            .customer
            .as_ref()
            .map(|c| c.language)
            .unwrap_or_default();
        *seen
            .entry(composer.shape(&common::of(order, language))?)
            .or_default() += 1;
    }
    let mut counts: Vec<(u32, String)> = seen.into_iter().map(|(a, b)| (b, a)).collect();
    counts.sort_by(|a, b| b.cmp(a));
    println!("{} shapes", counts.len());
    for top in [10, 20, 50, 100, 200, 400, 800, 1600] {
        let sum: u32 = counts.iter().take(top).map(|c| c.0).sum();
        println!("top {top}: {:.4}", f64::from(sum) / f64::from(bills));
    }
    for (n, shape) in counts.iter().take(6) {
        println!("{n} {shape}");
    }
    Ok(())
}
