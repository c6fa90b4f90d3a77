//! What every field is held to, and how a fault is told.

use std::fmt;

use kvit_billing::{Cents, customer::Text};
use rust_decimal::Decimal;

use super::MAX_TEXT;
use crate::{Characters, Diagnostic, Findings, Severity};

/// The largest amount, in cents.
const MAX_CENTS: i64 = 9_999_999_999;
/// The most decimals of a quantity or a price.
const MAX_SCALE: u32 = 10;

/// Holds one order against the rules.
pub(super) struct Checker<'a> {
    pub(super) file: &'a str,
    pub(super) line: u64,
    pub(super) shown: &'a Characters,
    pub(super) findings: &'a mut Findings,
}

/// A field of an entry of a list. Written out only where something is wrong with it: most orders
/// are right, and there are millions.
#[derive(Clone, Copy)]
pub(super) struct At<'a>(pub(super) &'a str, pub(super) usize, pub(super) &'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}/{}", self.0, self.1, self.2)
    }
}

/// An amount as it stands in the file.
pub(super) fn cents(amount: Cents) -> String {
    format!("{} cents", amount.get())
}

impl Checker<'_> {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        field: impl fmt::Display,
        code: &'static str,
        found: impl ToString,
        expected: impl ToString,
        remedy: &str,
    ) {
        self.findings.push(Diagnostic {
            severity,
            file: self.file.to_owned(),
            line: self.line,
            field: field.to_string(),
            code,
            found: found.to_string(),
            expected: expected.to_string(),
            remedy: remedy.to_owned(),
        });
    }

    pub(super) fn error(
        &mut self,
        field: impl fmt::Display,
        code: &'static str,
        found: impl ToString,
        expected: impl ToString,
        remedy: &str,
    ) {
        self.add(Severity::Error, field, code, found, expected, remedy);
    }

    pub(super) fn text(&mut self, field: impl fmt::Display + Copy, text: &str, max: usize) {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.error(
                field,
                "text-length",
                if text.is_empty() { "nothing" } else { "blanks" },
                format!("1 to {max} characters"),
                "fill in the text",
            );
        } else if length > max {
            self.error(
                field,
                "text-length",
                format!("{length} characters"),
                format!("1 to {max} characters"),
                "shorten the text",
            );
        }
        if text
            .chars()
            .any(|c| c.is_control() && !(c == '\n' && max == MAX_TEXT))
        {
            self.error(
                field,
                "control-character",
                "a control character",
                "printable text",
                "remove it",
            );
        }
        let odd = text
            .chars()
            .find(|c| !c.is_control() && !self.shown.has(*c));
        if let Some(odd) = odd {
            self.add(
                Severity::Warning,
                field,
                "character",
                format!("{odd} (U+{:04X})", u32::from(odd)),
                "characters that the fonts of the bill have",
                "write it otherwise, or give the layout a font that has it; the bill shows a question mark in its place",
            );
        }
    }

    pub(super) fn both(&mut self, field: impl fmt::Display + Copy, text: &Text, max: usize) {
        self.text(field, &text.bg, max);
        if let Some(en) = &text.en {
            self.text(format_args!("{field}/en"), en, max);
        }
    }

    pub(super) fn amount(&mut self, field: impl fmt::Display, amount: Cents) {
        if amount.get().unsigned_abs() > MAX_CENTS.unsigned_abs() {
            self.error(
                field,
                "amount-range",
                cents(amount),
                format!("at most {MAX_CENTS} cents either way"),
                "correct the amount",
            );
        }
    }

    pub(super) fn scale(&mut self, field: impl fmt::Display, number: Decimal) {
        if number.normalize().scale() > MAX_SCALE
            || number.abs() > Decimal::from(1_000_000_000_000_i64)
        {
            self.error(
                field,
                "number-range",
                number,
                "at most 10 decimals and 10^12",
                "round or correct the number",
            );
        }
    }
}
