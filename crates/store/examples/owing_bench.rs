//! What aged receivables cost: `cargo run --release -p kvit-store --example owing_bench -- [CUSTOMERS]
//! [sqlite|postgres]`, by default 100000, on SQLite and, where it is installed, on PostgreSQL. Every customer has one
//! bill, a third of them have paid it; the others fall into all classes.

#![allow(clippy::print_stdout, reason = "prints its figures")]

use std::time::{Duration, Instant};

use jiff::{Timestamp, civil::date};
use kvit_billing::Cents;
use kvit_pay::aging::Age;
use kvit_store::Store;
use sqlx::Connection as _;

/// Customers on a page of a class.
const PAGE: usize = 50;

type Fault = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let customers = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let only = std::env::args().nth(2);
    let wanted = |engine: &str| only.as_deref().is_none_or(|only| only == engine);
    let folder = tempfile::tempdir()?;
    if wanted("sqlite") {
        let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
        let store = Store::open(&url).await?;
        let mut db = sqlx::SqliteConnection::connect(&url).await?;
        for text in fill(customers) {
            let text = text
                .replace("HASH", "zeroblob(32)")
                .replace("DAY", "date('2026-11-28', (20 - (i * 7) % 150) || ' days')");
            sqlx::query(sqlx::AssertSqlSafe(text))
                .execute(&mut db)
                .await?;
        }
        measure("SQLite", &store, customers).await?;
    }
    if wanted("postgres")
        && let Some(cluster) = kvit_postgres::shared()?
    {
        let url = cluster.create_database("owing")?;
        let store = Store::open(&url).await?;
        let mut db = sqlx::PgConnection::connect(&url).await?;
        let hash = format!("'\\x{}'::bytea", "00".repeat(32));
        for text in fill(customers) {
            let text = text.replace("HASH", &hash).replace(
                "DAY",
                "CAST(date '2026-11-28' - ((i * 7) % 150 - 20) AS TEXT)",
            );
            sqlx::query(sqlx::AssertSqlSafe(text))
                .execute(&mut db)
                .await?;
        }
        sqlx::query("VACUUM ANALYZE").execute(&mut db).await?;
        measure("PostgreSQL", &store, customers).await?;
    }
    Ok(())
}

fn fill(customers: u64) -> [String; 7] {
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {customers})"
    );
    let account = "CAST(i + 1000000 AS TEXT)";
    [
        "INSERT INTO runs (id, system, external_id, period_from, period_to, currency, seller, file_name, state, imported_by, imported_at, issued_at) VALUES ('bench', 'x', 'x', '2026-10-01', '2026-10-31', 'EUR', 'x', 'x', 'issued', 'x', 0, 0)".to_owned(),
        format!("{numbers} INSERT INTO customers (number, name_fold, language, body) SELECT {account}, 'x', 'bg', '{{\"number\":\"' || {account} || '\",\"name\":\"Ана\",\"address\":{{\"city\":\"София\"}}}}' FROM n"),
        format!("{numbers} INSERT INTO bills (number, series, run, seq, chunk, account, kind, issue_date, period_from, period_to, due_date, gross, to_pay, currency, language, pack, pack_offset, pack_length, sha256) SELECT i, 'main', 'bench', i, 0, {account}, 'invoice', '2026-11-01', '2026-10-01', '2026-10-31', DAY, 1000 + i % 9000, 1000 + i % 9000, 'EUR', 'bg', 'x', 0, 0, HASH FROM n"),
        // An entry and its postings are written together.
        "BEGIN".to_owned(),
        format!("{numbers} INSERT INTO journal (id, at, kind, who) SELECT 'p' || {account}, 1, 'payment', 'x' FROM n WHERE i % 3 = 0"),
        format!("{numbers} INSERT INTO postings (entry, line, book, cents, bills) SELECT 'p' || {account}, 1, 'bank', 1000 + i % 9000, '' FROM n WHERE i % 3 = 0 UNION ALL SELECT 'p' || {account}, 2, 'customer/' || {account}, -(1000 + i % 9000), '' FROM n WHERE i % 3 = 0"),
        "COMMIT".to_owned(),
    ]
}

async fn measure(engine: &str, store: &Store, customers: u64) -> Result<(), Fault> {
    let at: Timestamp = "2026-11-28T08:00:00Z".parse()?;
    let day = date(2026, 11, 28);
    let begun = Instant::now();
    let (mut last, mut open) = (None, Cents::ZERO);
    loop {
        let page = store.owing(at, day, last.as_ref()).await?;
        open += page.totals.all.cents;
        match page.last {
            Some(next) => last = Some(next),
            None => break,
        }
    }
    let pass = begun.elapsed();
    let begun = Instant::now();
    store.ask_for_owing_sheet(day, at, "bench").await?;
    while store.continue_owing_sheet(at).await? {}
    let made = begun.elapsed();
    let sheet = store.owing_sheets().await?.remove(0);
    assert_eq!(sheet.totals.all.cents, open, "both are the same pass");
    let (first, count) = pages(store, Age::Older, 20).await?;
    let deep = sheet.totals.ages[Age::Older as usize].customers;
    println!(
        "{engine}, {customers} customers: a pass as the command line's {:.1} s, a sheet {:.1} s; {count} pages of a class of {deep}: {:.1} ms each at worst",
        pass.as_secs_f64(),
        made.as_secs_f64(),
        first.as_secs_f64() * 1e3
    );
    Ok(())
}

/// How long the slowest of the first pages took, each behind the one before.
async fn pages(store: &Store, age: Age, most: usize) -> Result<(Duration, usize), Fault> {
    let (mut after, mut worst, mut count) = (None, Duration::ZERO, 0);
    while count < most {
        let begun = Instant::now();
        let from = after.as_ref().map(|(cents, account)| (*cents, account));
        let page = store.owing_of_age(1, age, from, PAGE).await?;
        worst = worst.max(begun.elapsed());
        let Some(last) = page.last() else { break };
        after = Some((last.cents, last.account.clone()));
        count += 1;
    }
    Ok((worst, count))
}
