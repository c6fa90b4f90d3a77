//! What finding due reminders costs: `cargo run --release -p kvit-store --example reminders_bench --
//! [BILLS] [sqlite|postgres]`, by default 100000, on SQLite and, where it is installed, on PostgreSQL.
//! All bills are open and due on one day, each another customer's; every fifth customer has e-bills.

#![allow(clippy::print_stdout, reason = "prints its figures")]

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, civil::date};
use kvit_billing::{DeliveryId, ReminderKind, code::TokenHash};
use kvit_store::{NewReminder, ReminderStretch, Store};
use sqlx::Connection as _;

const STRETCH: usize = 250;
const KIND: ReminderKind = ReminderKind::Before(3);
/// Stretches of which the first and the last are compared.
const SAMPLE: usize = 100;

type Fault = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let bills = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let only = std::env::args().nth(2);
    let wanted = |engine: &str| only.as_deref().is_none_or(|only| only == engine);
    let folder = tempfile::tempdir()?;
    if wanted("sqlite") {
        let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
        let store = Store::open(&url).await?;
        let mut db = sqlx::SqliteConnection::connect(&url).await?;
        for text in fill(bills) {
            sqlx::query(sqlx::AssertSqlSafe(text.replace("HASH", "zeroblob(32)")))
                .execute(&mut db)
                .await?;
        }
        measure("SQLite", &store, bills).await?;
    }
    if wanted("postgres")
        && let Some(cluster) = kvit_postgres::shared()?
    {
        let url = cluster.create_database("reminders")?;
        let store = Store::open(&url).await?;
        let mut db = sqlx::PgConnection::connect(&url).await?;
        let hash = format!("'\\x{}'::bytea", "00".repeat(32));
        for text in fill(bills) {
            sqlx::query(sqlx::AssertSqlSafe(text.replace("HASH", &hash)))
                .execute(&mut db)
                .await?;
        }
        sqlx::query("VACUUM ANALYZE").execute(&mut db).await?;
        measure("PostgreSQL", &store, bills).await?;
    }
    Ok(())
}

/// A run of so many bills, and the consents.
fn fill(bills: u64) -> [String; 3] {
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {bills})"
    );
    let account = "CAST(i + 1000000 AS TEXT)";
    [
        "INSERT INTO runs (id, system, external_id, period_from, period_to, currency, seller, file_name, state, imported_by, imported_at, issued_at) VALUES ('bench', 'x', 'x', '2026-10-01', '2026-10-31', 'EUR', 'x', 'x', 'issued', 'x', 0, 0)".to_owned(),
        format!("{numbers} INSERT INTO bills (number, series, run, seq, chunk, account, kind, issue_date, period_from, period_to, due_date, gross, to_pay, currency, language, pack, pack_offset, pack_length, sha256) SELECT i, 'main', 'bench', i, 0, {account}, 'invoice', '2026-11-01', '2026-10-01', '2026-10-31', '2026-11-25', 1200, 1200, 'EUR', 'bg', 'x', 0, 0, HASH FROM n"),
        format!("{numbers} INSERT INTO enrolments (id, account, channel, email, language, text_version, evidence, created_at, proven_at) SELECT '0000000000000000000000000' || {account}, {account}, 'web', 'x@example.bg', 'bg', '1', '{{}}', 0, 0 FROM n WHERE i % 5 = 0"),
    ]
}

async fn measure(engine: &str, store: &Store, bills: u64) -> Result<(), Fault> {
    let now: Timestamp = "2026-11-22T08:00:00Z".parse()?;
    let due = date(2026, 11, 25);
    let mut times = Vec::new();
    let begun = Instant::now();
    let mut planned = 0;
    loop {
        let began = Instant::now();
        let found = store.bills_to_remind(KIND, due, due, now, STRETCH).await?;
        let Some(stretch) = found else { break };
        let new = reminders(&stretch, now);
        store.plan_reminders(&stretch, &new, now).await?;
        planned += new.len();
        times.push(began.elapsed());
    }
    let whole = begun.elapsed();
    let began = Instant::now();
    store.bills_to_remind(KIND, due, due, now, STRETCH).await?;
    let idle = began.elapsed();
    let sample = SAMPLE.min(times.len());
    println!(
        "{engine}: {bills} open bills, {planned} reminders in {whole:.1?}; a stretch of {STRETCH} takes {} at first, {} at last; nothing to do {}",
        ms(median(&times[..sample])),
        ms(median(&times[times.len() - sample..])),
        ms(idle)
    );
    Ok(())
}

fn reminders(stretch: &ReminderStretch, now: Timestamp) -> Vec<NewReminder> {
    let one = |open: &kvit_store::OpenBill| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&open.bill.number.get().to_be_bytes());
        NewReminder {
            id: DeliveryId::reminder_of(open.bill.number, KIND),
            bill: open.bill.number,
            enrolment: open.enrolment.clone(),
            token: TokenHash(hash),
            due_at: now + SignedDuration::from_hours(36),
            missed: false,
        }
    };
    stretch.open.iter().map(one).collect()
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
