//! What every field is held to, and how a fault is told.

use std::fmt;

use kvit_billing::{Cents, customer::Text};
use rust_decimal::Decimal;

use super::MAX_TEXT;
use crate::{Characters, Check, Diagnostic, Findings, Severity};

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

impl Checker<'_> {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        field: impl fmt::Display,
        code: Check,
        found: impl ToString,
        expected: impl ToString,
    ) {
        self.findings.push(Diagnostic {
            severity,
            file: self.file.to_owned(),
            line: self.line,
            field: field.to_string(),
            code,
            found: found.to_string(),
            expected: expected.to_string(),
        });
    }

    pub(super) fn error(
        &mut self,
        field: impl fmt::Display,
        code: Check,
        found: impl ToString,
        expected: impl ToString,
    ) {
        self.add(Severity::Error, field, code, found, expected);
    }

    pub(super) fn text(&mut self, field: impl fmt::Display + Copy, text: &str, max: usize) {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.error(field, Check::TextMissing, "", max);
        } else if length > max {
            self.error(field, Check::TextLength, length, max);
        }
        if text
            .chars()
            .any(|c| c.is_control() && !(c == '\n' && max == MAX_TEXT))
        {
            self.error(field, Check::ControlCharacter, "", "");
        }
        let odd = text
            .chars()
            .find(|c| !c.is_control() && !self.shown.has(*c));
        if let Some(odd) = odd {
            self.add(
                Severity::Warning,
                field,
                Check::Character,
                format!("{odd} (U+{:04X})", u32::from(odd)),
                "",
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
            self.error(field, Check::AmountRange, amount.get(), MAX_CENTS);
        }
    }

    pub(super) fn scale(&mut self, field: impl fmt::Display, number: Decimal) {
        if number.normalize().scale() > MAX_SCALE
            || number.abs() > Decimal::from(1_000_000_000_000_i64)
        {
            self.error(field, Check::NumberRange, number, "");
        }
    }
}
