//! What the program says: results on stdout, everything else on stderr. On a terminal long work
//! has a bar, elsewhere a plain line now and then.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::{
    ColorChoice,
    builder::styling::{AnsiColor, Style},
};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use kvit_billing::{Cents, Currency};
use serde::Serialize;

use crate::{
    cli::Global,
    exit::{Context, Failure},
};

/// A plain progress line is printed at most this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const LINK: Style = AnsiColor::Cyan.on_default();

/// Where results and messages go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    colour_out: bool,
    colour_err: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let colour = |terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                terminal && wanted
            }
        };
        Self {
            json: global.json,
            colour_out: colour(io::stdout().is_terminal()),
            colour_err: colour(io::stderr().is_terminal()),
        }
    }

    /// The result: one value for machines, or `text` for people. A reader of a pipe that went away
    /// has read enough: the exit code still says what came of the command.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce(&Self) -> String,
    ) -> Result<(), Failure> {
        let text = if self.json {
            serde_json::to_string_pretty(value).failed("the result is not JSON")?
        } else {
            text(self)
        };
        let mut out = io::stdout().lock();
        let text = text.trim_end_matches('\n');
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).failed("the result cannot be written")
            }
            _ => Ok(()),
        }
    }

    /// A remark for the person at the terminal.
    #[allow(clippy::unused_self, reason = "the one door to stderr")]
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        let text = failure
            .to_string()
            .replace("\nhint:", &format!("\n{}", self.err("hint:", BOLD)));
        self.note(&format!("{} {text}", self.err("error:", BAD)));
    }

    /// Styled for stdout, where colour is wanted.
    pub(crate) fn out(&self, text: &str, style: Style) -> String {
        styled(text, style, self.colour_out)
    }

    /// Styled for stderr, where colour is wanted.
    pub(crate) fn err(&self, text: &str, style: Style) -> String {
        styled(text, style, self.colour_err)
    }

    /// Long work begins: `what` is under way, `total` of `unit` are to come where known.
    pub(crate) fn progress(&self, what: &str, unit: &'static str, total: Option<u64>) -> Progress {
        Progress::new(what, unit, total, self.colour_err)
    }
}

fn styled(text: &str, style: Style, colour: bool) -> String {
    if colour {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// Long work under way.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    unit: &'static str,
    total: Option<u64>,
    done: AtomicU64,
    started: Instant,
    bar: Option<ProgressBar>,
    said: Mutex<Instant>,
}

impl Progress {
    fn new(what: &str, unit: &'static str, total: Option<u64>, colour: bool) -> Self {
        let bar = io::stderr()
            .is_terminal()
            .then(|| bar(what, unit, total, colour));
        Self {
            what: what.to_owned(),
            unit,
            total,
            done: AtomicU64::new(0),
            started: Instant::now(),
            bar,
            said: Mutex::new(Instant::now()),
        }
    }

    /// So many are done in all.
    pub(crate) fn set(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.show(done);
    }

    /// So many more are done.
    pub(crate) fn add(&self, more: u64) {
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        self.show(done);
    }

    /// The work is over; the bar goes away. Gives how long it took.
    pub(crate) fn finish(&self) -> Duration {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.started.elapsed()
    }

    fn show(&self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= PLAIN_EVERY {
            *said = Instant::now();
            let of = self.total.map(|total| format!(" of {}", grouped(total)));
            let line = format!(
                "{}: {}{} {}",
                self.what,
                grouped(done),
                of.unwrap_or_default(),
                self.unit
            );
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}

fn bar(what: &str, unit: &str, total: Option<u64>, colour: bool) -> ProgressBar {
    let (bar, form) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "  {msg:<11} {bar:32} {human_pos}/{human_len} UNIT  {rate} {left}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "  {msg:<11} {spinner} {human_pos} UNIT  {rate}",
        ),
    };
    let quiet = if colour { ".dim" } else { "" };
    let form = form
        .replace("UNIT", unit)
        .replace("{rate}", &format!("{{rate{quiet}}}"))
        .replace("{left}", &format!("{{eta:>4{quiet}}}"));
    let style = ProgressStyle::with_template(&form)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{:.0}/s", state.per_sec());
        });
    bar.set_style(style.progress_chars("━╸─"));
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// `12345678` as `12,345,678`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `-1,234.56`.
pub(crate) fn amount(cents: Cents) -> String {
    let sign = if cents.is_negative() { "-" } else { "" };
    let cents = cents.get().unsigned_abs();
    format!("{sign}{}.{:02}", grouped(cents / 100), cents % 100)
}

/// `1,234.56 EUR`.
pub(crate) fn money(cents: Cents, currency: Currency) -> String {
    format!("{} {currency}", amount(cents))
}

/// `1 bill`, `2 bills`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

/// `0.8 s`, `75 s`, `12 min`.
pub(crate) fn took(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{} s", time.as_secs()),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Rows in aligned columns. `right` tells the columns that are aligned to the right.
pub(crate) fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if at == 0 { "" } else { "  " };
            if right.contains(&at) {
                line.push_str(&format!("{gap}{cell:>width$}"));
            } else {
                line.push_str(&format!("{gap}{cell:<width$}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(amount(Cents::new(-123_456)), "-1,234.56");
        assert_eq!(count(1, "bill", "bills"), "1 bill");
    }

    #[test]
    fn tables_are_aligned_by_letters_not_bytes() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(
            table(&[row("Светулка", "1"), row("ab", "100")], &[1]),
            "Светулка    1\nab        100\n"
        );
    }
}
