//! Kvit's own run file: one JSON object a line, the header first. Read with bounded memory.

use std::io::{self, BufRead, Read, Write};

use kvit_billing::{BillOrder, order::RunHeader};
use serde::de::DeserializeOwned;

use crate::json::explain;
use crate::{
    Check, ControlTotals, Diagnostic, Findings, Header, Rules, Severity, check_header, check_order,
};

/// The longest line that is read, in bytes.
pub const LINE_LIMIT: usize = 1024 * 1024;

/// Reads a run file order by order.
#[derive(Debug)]
pub struct NdjsonReader<R> {
    lines: Lines<R>,
    header: Header,
    header_line: u64,
    rules: Rules,
    orders: u64,
    sum: i128,
    faulty: bool,
}

impl<R: BufRead> NdjsonReader<R> {
    /// Reads the header; `None`, with findings, where there is no usable one.
    pub fn open(file: &str, reader: R, rules: &Rules, findings: &mut Findings) -> Option<Self> {
        let mut lines = Lines {
            file: file.to_owned(),
            reader,
            line: 0,
            ended: false,
        };
        let text = match lines.next(findings) {
            Next::Line(text) => text,
            Next::Faulty => return None,
            Next::End => {
                lines.fault(findings, 0, "", Check::EmptyFile, "", "");
                return None;
            }
        };
        let line = lines.line;
        let raw: RunHeader = lines.parse(&text, findings)?;
        if raw.format != "kvit-run" || raw.format_version != 1 {
            lines.fault(
                findings,
                line,
                "/format",
                Check::Format,
                format!("{} {}", raw.format, raw.format_version),
                "",
            );
            return None;
        }
        let header = Header {
            system: raw.system,
            run: raw.run,
            period: raw.period,
            seller: raw.seller,
            currency: raw.currency,
            declared: Some(ControlTotals {
                orders: raw.orders,
                sum_cents: raw.sum_cents,
            }),
        };
        for (field, value) in [("/system", &header.system), ("/run", &header.run)] {
            if value.trim().is_empty()
                || value.chars().count() > 200
                || value.chars().any(char::is_control)
            {
                lines.fault(
                    findings,
                    line,
                    field,
                    Check::Name,
                    value.chars().count(),
                    "",
                );
            }
        }
        check_header(file, line, &header, rules, findings);
        Some(Self {
            lines,
            header,
            header_line: line,
            rules: rules.clone(),
            orders: 0,
            sum: 0,
            faulty: false,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next faultless order with its line. Faulty ones leave all their findings and are skipped.
    pub fn next_order(&mut self, findings: &mut Findings) -> Option<(u64, BillOrder)> {
        loop {
            let text = match self.lines.next(findings) {
                Next::End => return None,
                Next::Faulty => {
                    self.orders += 1;
                    self.faulty = true;
                    continue;
                }
                Next::Line(text) => text,
            };
            self.orders += 1;
            let Some(order) = self.lines.parse::<BillOrder>(&text, findings) else {
                self.faulty = true;
                continue;
            };
            let sign = if order.kind == kvit_billing::BillKind::CreditNote {
                -1
            } else {
                1
            };
            self.sum += sign * i128::from(order.totals.gross.get());
            let before = findings.errors();
            check_order(
                &self.lines.file,
                self.lines.line,
                &order,
                &self.rules,
                findings,
            );
            if findings.errors() == before {
                return Some((self.lines.line, order));
            }
        }
    }

    /// Compares the control totals. The sum is compared only where every line could be read.
    pub fn finish(self, findings: &mut Findings) {
        let Some(declared) = self.header.declared else {
            return;
        };
        if declared.orders != self.orders {
            self.lines.fault(
                findings,
                self.header_line,
                "/orders",
                Check::ControlCount,
                self.orders,
                declared.orders,
            );
        }
        if !self.faulty && i128::from(declared.sum_cents.get()) != self.sum {
            self.lines.fault(
                findings,
                self.header_line,
                "/sum_cents",
                Check::ControlSum,
                self.sum,
                declared.sum_cents.get(),
            );
        }
    }
}

enum Next {
    Line(String),
    Faulty,
    End,
}

#[derive(Debug)]
struct Lines<R> {
    file: String,
    reader: R,
    line: u64,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self, findings: &mut Findings) -> Next {
        loop {
            if self.ended {
                return Next::End;
            }
            let mut bytes = Vec::new();
            let read = self
                .reader
                .by_ref()
                .take(LINE_LIMIT as u64 + 1)
                .read_until(b'\n', &mut bytes);
            if read.is_ok() && bytes.is_empty() {
                self.ended = true;
                return Next::End;
            }
            self.line += 1;
            if let Err(error) = read {
                self.ended = true;
                self.fault(findings, self.line, "", Check::Unreadable, error, "");
                return Next::Faulty;
            }
            if bytes.len() > LINE_LIMIT {
                if bytes.last() != Some(&b'\n') && self.skip_line().is_err() {
                    self.ended = true;
                }
                self.fault(findings, self.line, "", Check::LineTooLong, "", LINE_LIMIT);
                return Next::Faulty;
            }
            if self.line == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            let text = String::from_utf8(bytes);
            if let Err(error) = &text {
                let at = error.utf8_error().valid_up_to() + 1;
                self.fault(findings, self.line, "", Check::Utf8, at, "");
                return Next::Faulty;
            }
            if let Ok(text) = text
                && !text.trim().is_empty()
            {
                return Next::Line(text);
            }
        }
    }

    /// Passes over the rest of an overlong line without keeping it.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn parse<T: DeserializeOwned>(&self, text: &str, findings: &mut Findings) -> Option<T> {
        // Keeping track of the path costs a third of the time: only faulty lines are read again.
        if let Ok(value) = serde_json::from_str(text) {
            return Some(value);
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let (path, error) = match serde_path_to_error::deserialize(&mut json) {
            Ok(value) => match json.end() {
                Ok(()) => return Some(value),
                Err(error) => (String::new(), error),
            },
            Err(error) => (pointer(error.path()), error.into_inner()),
        };
        let fault = explain(text, path, &error);
        self.fault(
            findings,
            self.line,
            &fault.field,
            fault.code,
            fault.found,
            fault.expected,
        );
        None
    }

    fn fault(
        &self,
        findings: &mut Findings,
        line: u64,
        field: &str,
        code: Check,
        found: impl ToString,
        expected: impl ToString,
    ) {
        findings.push(Diagnostic {
            severity: Severity::Error,
            file: self.file.clone(),
            line,
            field: field.to_owned(),
            code,
            found: found.to_string(),
            expected: expected.to_string(),
        });
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{key}"),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}

/// The JSON schema of a run file's lines.
#[must_use]
pub fn schema() -> serde_json::Value {
    serde_json::json!({
        "header": schemars::schema_for!(RunHeader),
        "order": schemars::schema_for!(BillOrder),
    })
}

/// Writes a run file.
///
/// # Errors
/// Those of `out`.
pub fn write_ndjson(
    header: &RunHeader,
    orders: impl Iterator<Item = BillOrder>,
    mut out: impl Write,
) -> io::Result<()> {
    serde_json::to_writer(&mut out, header)?;
    out.write_all(b"\n")?;
    for order in orders {
        serde_json::to_writer(&mut out, &order)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
