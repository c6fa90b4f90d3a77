//! How fast, and in how much memory, a large run file comes in.
//!
//! `cargo run --release -p kvit-flow --example import_bench -- 2000000`
//!
//! Makes the run file and the store in a temporary folder, imports, and prints one line.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    time::Instant,
};

use jiff::civil::date;
use kvit_billing::Currency;
use kvit_flow::{ImportRequest, Source, import::import};
use kvit_intake::{Characters, Rules, write_ndjson};
use kvit_store::Store;
use kvit_synth::Synth;

type AnyError = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let orders: u32 = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 200_000,
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("october.ndjson");
    let month = date(2026, 10, 1);
    let synth = Synth::new(7, orders);
    let mut file = BufWriter::new(File::create(&path)?);
    let header = synth.run_header("october", month, orders);
    write_ndjson(&header, synth.orders(month), &mut file)?;
    file.flush()?;
    let megabytes = fs::metadata(&path)?.len() / 1_000_000;

    let url = format!("sqlite://{}", folder.path().join("kvit.db").display());
    let store = Store::open(&url).await?;
    let started = Instant::now();
    let request = ImportRequest {
        id: "october".parse()?,
        by: "Ana".to_owned(),
        at: jiff::Timestamp::now(),
        rules: Rules {
            operator_ids: vec![kvit_synth::operator().0.eik],
            currency: Currency::EUR,
            operator_is_placeholder: false,
            today: month,
            shown: Characters::all(),
        },
        sources: vec![Source {
            name: "october.ndjson".to_owned(),
            open: Box::new(File::open(&path)?),
        }],
        chunk_orders: 1_000,
    };
    let outcome = import(&store, request, &|_| {}).await?;
    let seconds = started.elapsed().as_secs_f64();
    if !outcome.accepted {
        return Err(format!("rejected: {:?}", outcome.findings.list().first()).into());
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{orders} orders, {megabytes} MB in {seconds:.1} s: {:.0} orders/s; peak memory {} MB",
        f64::from(orders) / seconds,
        peak_kilobytes()? / 1_000
    )?;
    Ok(())
}

/// The most memory that this process had at once (Linux).
fn peak_kilobytes() -> Result<u64, AnyError> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
