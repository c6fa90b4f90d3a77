//! The real process dies, again and again, at places and at moments that nobody chose; afterwards
//! every bill is there once, in the store and in the archive, and every mail arrived once unless
//! its delivery says "possibly twice".
//!
//! By itself the test of random kills is small. The large one, 20,000 bills and 100 kills in a
//! release build, is the same test with these: `KVIT_KILL_BILLS=20000 KVIT_KILLS=100` and
//! `KVIT_BIN=target/release/kvit`.

#![cfg(unix)]

mod common;
mod killed;

use std::time::Instant;

use killed::{Chance, Instance};

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_it_loses_nothing_and_does_nothing_twice() {
    let bills = setting("KVIT_KILL_BILLS", 48);
    let kills = setting("KVIT_KILLS", 8);
    let seed = setting("KVIT_KILL_SEED", u64::from(std::process::id()));
    eprintln!("{bills} bills, {kills} kills, KVIT_KILL_SEED={seed}");
    let instance = Instance::released(bills, (bills / 200).max(4)).await;
    // How long a process may live at most: so long that the work is done about when the kills are.
    let mut window = instance.startup().await.mul_f64(1.5);
    let longest = window * 3;
    let mut chance = Chance(seed);
    let mut idle = 0;
    let begun = Instant::now();
    let mut left = instance.left().await;
    for kill in 0..kills {
        instance.killed_after(window.mul_f64(chance.part())).await;
        let before = std::mem::replace(&mut left, instance.left().await);
        idle += u64::from(left == 0);
        let is_much = before.saturating_sub(left) > before / (kills - kill);
        window = longest.min(window.mul_f64(if is_much { 0.8 } else { 1.25 }));
    }
    eprintln!(
        "{kills} kills in {:.0} s, {idle} of them when all was done",
        begun.elapsed().as_secs_f64()
    );
    instance.finish().await;
    instance.whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_at_each_place_it_loses_nothing_and_does_nothing_twice() {
    let instance = Instance::released(30, 2).await;
    // Issuing comes first; none of these gets it further than two chunks of the fifteen.
    for place in [
        "before-claim-chunk",
        "after-claim-chunk",
        "before-archive-write",
        "after-archive-write",
        "before-commit",
        "after-commit",
    ] {
        instance.dies_at(place).await;
    }
    instance.issue_all().await;
    for place in [
        "deliveries-claimed",
        "before-send",
        "after-send",
        "after-delivery-recorded",
    ] {
        instance.dies_at(place).await;
    }
    instance.finish().await;
    instance.whole().await;
}
