//! The command line.

mod config;

use std::{error::Error, io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use config::Config;
use kvit_billing::{BillNumber, RunId};
use kvit_store::{Release, RunRecord, Store};

/// E-bills of a utility: runs of bill orders become sealed, delivered, confirmed bills.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Folder of the instance.
    #[arg(long, global = true, default_value = ".")]
    dir: PathBuf,
    /// Print the result for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Look at runs and release them.
    #[command(subcommand)]
    Run(RunVerb),
    /// Print the JSON Schema of a run file's lines.
    Schema,
}

#[derive(Subcommand)]
enum RunVerb {
    /// List the runs, newest first.
    List,
    /// Release a checked run; fixes its numbers and its time of issue.
    Release {
        /// The run.
        run: RunId,
        /// Who releases; not the one who imported.
        #[arg(long = "as")]
        by: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match act(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(because) = cause {
                eprintln!("  because {because}");
                cause = because.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn act(cli: Cli) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let Verb::Run(verb) = cli.verb else {
        writeln!(out, "{:#}", kvit_intake::schema())?;
        return Ok(());
    };
    let config = Config::read(&cli.dir)?;
    let store = Store::open(&config.store_url(&cli.dir)).await?;
    match verb {
        RunVerb::List => {
            let runs = store.runs(1000).await?;
            if cli.json {
                let list: Vec<_> = runs.iter().map(as_json).collect();
                writeln!(out, "{:#}", serde_json::Value::from(list))?;
            } else {
                for run in runs {
                    let (state, sum) = (run.state.as_str(), run.sum_cents);
                    writeln!(out, "{}  {state}  {} bills  {sum}", run.id, run.orders)?;
                }
            }
        }
        RunVerb::Release { run, by } => {
            let release = Release {
                by,
                at: jiff::Timestamp::now(),
                series: config.issue.series.parse()?,
                first_if_new: BillNumber::new(config.issue.first_number)
                    .ok_or("[issue] first_number has more than ten digits, or is 0")?,
            };
            let released = store.release_run(&run, &release).await?;
            let (first, last) = (released.first.to_string(), released.last.to_string());
            if cli.json {
                let numbers = serde_json::json!({"run": run.as_str(), "first_number": first, "last_number": last});
                writeln!(out, "{numbers:#}")?;
            } else {
                writeln!(out, "run {run} is released: bills {first} to {last}")?;
            }
        }
    }
    Ok(())
}

fn as_json(run: &RunRecord) -> serde_json::Value {
    serde_json::json!({
        "run": run.id.as_str(),
        "state": run.state.as_str(),
        "bills": run.orders,
        "sum_cents": run.sum_cents.get(),
    })
}
