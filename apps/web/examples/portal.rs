//! The portal with invented customers, to look at it: `cargo run -p kvit-web --example portal [PORT]`.

#![allow(clippy::print_stdout, reason = "says where to look")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{World, seed};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .as_deref()
        .unwrap_or("8099")
        .parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let (world, url) = World::served_on(listener).await;
    seed::history(&world.store, &world.key).await;
    println!("{url}");
    for customer in [seed::ANNA, seed::BORIS, seed::MARIA] {
        println!("customer {customer}, code {}", world.code(customer));
    }
    println!("confirm a receipt: {url}{}", world.receipt_path());
    println!(
        "genuine or not:    {url}{}",
        world.verify_path(seed::first_bill())
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}
