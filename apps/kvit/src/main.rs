//! The command line of Kvit. The words of each command are in `cli`, what it does in `commands`,
//! who stands behind each port in `wiring`.

mod booking;
mod causes;
mod cli;
mod commands;
mod composers;
mod config;
mod exit;
mod faults;
mod files;
mod handover;
mod importing;
mod layout_faults;
mod layouts;
mod output;
mod scanning;
mod texts;
mod trial;
mod upkeep;
mod uploads;
mod watch;
mod ways;
mod wiring;
mod workers;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use exit::Context;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    kvit_arenas::no_more_than_cores();
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
        .with_writer(|| OneLine(io::stderr()))
        .with_target(false)
        .with_ansi(false);
    if std::env::var_os("KVIT_LOG_FORMAT").is_some_and(|format| format == "json") {
        events.json().init();
    } else {
        events.init();
    }
}

/// Writes each event as one line, whatever its values hold: nobody's words pass for an event of ours, or
/// steer the terminal of who reads them.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    /// An event comes whole, with the end of its line.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = String::with_capacity(text.len() + 1);
        for sign in text.chars() {
            match sign {
                '\n' => line.push_str(" | "),
                // As JSON has it, which leaves some of them as they are.
                sign if sign.is_control() => line.push_str(&format!("\\u{:04x}", u32::from(sign))),
                sign => line.push(sign),
            }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let kept = Kept::default();
        let to = kept.clone();
        let events = tracing_subscriber::fmt()
            .with_writer(move || OneLine(to.clone()))
            .with_ansi(false);
        let hostile = "no\n2026-11-28T00:00:00Z  INFO all is well\r\x1b[2J\u{9b}1m";
        let tell = || tracing::error!(error = %hostile, "сметка \u{a0}7 {hostile}");
        let told = || {
            let bytes = std::mem::take(&mut *kept.0.lock().unwrap_or_else(PoisonError::into_inner));
            let text = String::from_utf8(bytes).expect("text");
            assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
            assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
            text
        };
        let of_json = kept.clone();
        let json = tracing_subscriber::fmt()
            .json()
            .with_writer(move || OneLine(of_json.clone()))
            .finish();
        tracing::subscriber::with_default(events.finish(), tell);
        let line = told();
        assert!(line.contains("сметка \u{a0}7 no | 2026"), "{line}");
        let utc = line
            .split(' ')
            .next()
            .and_then(|at| at.parse::<jiff::Timestamp>().ok());
        assert!(utc.is_some(), "{line}");
        tracing::subscriber::with_default(json, tell);
        let line: serde_json::Value = serde_json::from_str(&told()).expect("JSON");
        assert_eq!(line["fields"]["error"], hostile);
    }
}
