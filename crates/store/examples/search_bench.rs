//! How fast staff find a customer: `cargo run --release -p kvit-store --example search_bench --
//! [CUSTOMERS] [sqlite|postgres]`, by default 100000, on SQLite and, where it is installed, on PostgreSQL.

#![allow(clippy::print_stdout, reason = "prints its figures")]

use std::time::{Duration, Instant};

use kvit_billing::Customer;
use kvit_store::Store;
use kvit_synth::Synth;
use sqlx::Connection as _;

const BATCH: u32 = 1_000;
const TRIES: u32 = 20;
const LIMIT: u32 = 21;
/// Telephone numbers that may be given out, more than there are customers.
const PHONES: u32 = 10_000_000;

type Fault = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let count = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let only = std::env::args().nth(2);
    let wanted = |engine: &str| only.as_deref().is_none_or(|only| only == engine);
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite://{}", folder.path().join("kvit.db").display());
    if wanted("sqlite") {
        measure("SQLite", &file, count).await?;
    }
    if !wanted("postgres") {
        return Ok(());
    }
    if let Some(cluster) = kvit_postgres::shared()? {
        let url = cluster.create_database("search")?;
        measure("PostgreSQL", &url, count).await?;
    }
    Ok(())
}

async fn measure(engine: &str, url: &str, count: u32) -> Result<(), Fault> {
    let store = Store::open(url).await?;
    let synth = Synth::new(7, count);
    let begun = Instant::now();
    for first in (0..count).step_by(BATCH as usize) {
        let batch: Vec<_> = (first..count.min(first + BATCH))
            .map(|i| Customer {
                phone: Some(phone(i)),
                ..synth.customer(i)
            })
            .collect();
        store.upsert_customers(&batch).await?;
    }
    println!("{engine}: {count} customers in {:.0?}", begun.elapsed());
    if engine == "PostgreSQL" {
        // The server does it by itself, a minute after so many rows were added.
        let mut db = sqlx::PgConnection::connect(url).await?;
        sqlx::query("VACUUM ANALYZE customer_search")
            .execute(&mut db)
            .await?;
    }
    let someone = synth.customer(count / 2);
    let words: Vec<_> = someone.name.split_whitespace().collect();
    let (first, last) = (words[0], words[words.len() - 1]);
    let street = someone.address.lines.first().cloned().unwrap_or_default();
    let city = &someone.address.city;
    for (what, wanted) in [
        ("number", someone.number.to_string()),
        ("end of a number", someone.number.as_str()[4..].to_owned()),
        ("telephone number", phone(count / 2)),
        ("telephone number of nobody", phone(PHONES - 1)),
        ("whole name", someone.name.clone()),
        ("last name", last.to_owned()),
        ("first name, very common", first.to_owned()),
        ("name and street", format!("{last} {street}")),
        ("name and city", format!("{first} {city}")),
        ("address", format!("{city} {street}")),
        ("nobody", "никойтакъв".to_owned()),
        (
            "two common things that never meet",
            format!("{first} {last} нямаулица"),
        ),
    ] {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..TRIES {
            let begun = Instant::now();
            found = store
                .find_customers(&wanted, LIMIT)
                .await?
                .map_or(0, |all| all.len());
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let (p50, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "  {what}: {found} found, {} at p50, {} at worst",
            ms(p50),
            ms(worst)
        );
    }
    Ok(())
}

/// The telephone number of customer `i`: invented, and each another's.
fn phone(i: u32) -> String {
    let spread = u64::from(i) * 7_654_321 % u64::from(PHONES);
    format!("099 {spread:07}")
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
