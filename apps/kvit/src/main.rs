//! The command line of Kvit. The words of each command are in `cli`, what it does in `commands`,
//! who stands behind each port in `wiring`.

mod booking;
mod cli;
mod commands;
mod config;
mod exit;
mod faults;
mod files;
mod handover;
mod importing;
mod output;
mod scanning;
mod uploads;
mod watch;
mod ways;
mod wiring;
mod workers;

use std::process::ExitCode;

use clap::Parser;
use exit::Context;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let out = output::Output::new(&cli.global);
    log(matches!(
        cli.command,
        cli::Command::Serve(_) | cli::Command::Work(_)
    ));
    let result = tokio::runtime::Runtime::new()
        .failed("the program cannot start its threads")
        .and_then(|runtime| runtime.block_on(commands::run(cli, &out)));
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => {
            out.failure(&failure);
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}

/// Events go to stderr: those of a service from `info` on, of a single command from `warn` on.
fn log(service: bool) {
    let usual = if service { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("KVIT_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let events = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false);
    if std::env::var_os("KVIT_LOG_FORMAT").is_some_and(|format| format == "json") {
        events.json().init();
    } else {
        events.init();
    }
}
