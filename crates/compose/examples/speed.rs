//! How many bills a second of its processor one thread composes, by forms and by Typst whole:
//! `cargo run --release -p kvit-compose --example speed -- BILLS`.

#![allow(clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
#[allow(dead_code)]
mod common;

use std::{error::Error, time::Instant};

use jiff::civil::date;
use kvit_billing::{Bill, Language};
use kvit_compose::{ComposeError, Composer};
use kvit_synth::Synth;

/// Bills that Typst lays out whole, to compare with.
const WHOLE: u32 = 20;
/// What is learned once, of square codes and twins, is learned by so many.
const LEARNED_FROM: u32 = 100;
/// All bills are filled so many times.
const ROUNDS: u32 = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let bills: u32 = std::env::args()
        .nth(1)
        .unwrap_or_default()
        .parse()
        .unwrap_or(5_000);
    let composer = common::composer().with_forms_from(1);
    let synth = Synth::new(7, bills);
    let bill = |i: u32| common::of(synth.order(i, date(2026, 10, 1)), Language::Bg);
    let start = Instant::now();
    for i in 0..WHOLE.min(bills) {
        composer.compose_whole(&bill(i))?;
    }
    let whole = f64::from(WHOLE.min(bills)) / start.elapsed().as_secs_f64();
    // Once to make the forms, once to measure.
    for i in 0..bills {
        composer.compose(&bill(i))?;
        if let Some(refusal) = composer.last_refusal() {
            println!("refused: {refusal:?}");
        }
    }
    for i in 0..LEARNED_FROM {
        composer.compose(&bill(i % bills))?;
    }
    let before = composer.counts();
    println!("forms made: {before:?}");
    let all: Vec<_> = (0..bills).map(bill).collect();
    let (start, mut bytes) = (processor_seconds(), 0);
    for _ in 0..ROUNDS {
        bytes += filled_bytes(&composer, &all)?;
    }
    let filled = f64::from(bills * ROUNDS) / (processor_seconds() - start);
    println!(
        "Typst whole {whole:.1} bills/s, with forms {filled:.0} bills/s, {} bytes a bill, {:?}",
        bytes / all.len() / ROUNDS as usize,
        composer.counts()
    );
    if let Some(refusal) = composer.last_refusal() {
        println!("latest refusal: {refusal:?}");
    }
    Ok(())
}

/// Fills each bill into its form, and tells how many bytes they have. A function of its own, so that instructions of
/// filling alone can be counted: `valgrind --tool=callgrind --toggle-collect='*filled_bytes*'`.
#[inline(never)]
fn filled_bytes(composer: &Composer, bills: &[Bill]) -> Result<usize, ComposeError> {
    let mut bytes = 0;
    for bill in bills {
        bytes += composer.compose(bill)?.bytes.len();
    }
    Ok(bytes)
}

/// Processor time of this thread so far (Linux): machines are busy with other work too.
fn processor_seconds() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|first| first.parse().ok());
    nanos.unwrap_or(0_u64) as f64 / 1e9
}
