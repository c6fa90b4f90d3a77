//! Terms out of elements: what is missing or malformed becomes a finding with its line.

use jiff::civil::Date;
use kvit_billing::{Address, Cents, CustomerNumber, Period, order::VatCategory};
use roxmltree::Node;
use rust_decimal::Decimal;

use super::{syntax::Syntax, xml::Xml};
use crate::{Check, Diagnostic, Findings, Severity};

/// The longest customer number.
const MAX_ACCOUNT: usize = 20;

/// Reads one invoice; its methods each read a part.
pub(super) struct Reader<'a, 'i, 'f> {
    pub(super) file: &'f str,
    pub(super) s: &'static Syntax,
    pub(super) xml: &'a Xml<'i>,
    pub(super) root: Node<'a, 'i>,
    pub(super) findings: &'f mut Findings,
}

impl Reader<'_, '_, '_> {
    /// `wanted` is a word that the texts of [`Check::Missing`] and [`Check::Malformed`] know.
    pub(super) fn error(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        code: Check,
        found: &str,
        wanted: &str,
    ) {
        let line = self.xml.line_of(near);
        self.findings.push(Diagnostic {
            severity: Severity::Error,
            file: self.file.to_owned(),
            line,
            field: term.to_owned(),
            code,
            found: found.chars().take(60).collect(),
            expected: wanted.to_owned(),
        });
    }

    pub(super) fn need<T>(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        wanted: &str,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() {
            self.error(near, term, Check::Missing, "", wanted);
        }
        value
    }

    /// Reads a text where it is there: an error where it cannot be read.
    pub(super) fn read<T>(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        wanted: &str,
        found: Option<String>,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let found = found?;
        let value = parse(&found);
        if value.is_none() {
            self.error(near, term, Check::Malformed, &found, wanted);
        }
        value
    }

    /// As [`Self::read`], and an error too where nothing is there.
    pub(super) fn must<T>(
        &mut self,
        near: Node<'_, '_>,
        term: &str,
        wanted: &str,
        found: Option<String>,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let found = self.need(near, term, wanted, found);
        self.read(near, term, wanted, found, parse)
    }

    pub(super) fn amount(&mut self, near: Node<'_, '_>, term: &str, path: &str) -> Option<Cents> {
        self.must(near, term, "amount", text(near, path), |t| t.parse().ok())
    }

    pub(super) fn optional_amount(&mut self, near: Node<'_, '_>, term: &str, path: &str) -> Cents {
        self.read(near, term, "amount", text(near, path), |t| t.parse().ok())
            .unwrap_or_default()
    }

    pub(super) fn period(
        &mut self,
        near: Node<'_, '_>,
        path: &str,
        terms: [&str; 2],
    ) -> Option<Period> {
        let s = self.s;
        let span = all(near, path).into_iter().next()?;
        let from = self.read(span, terms[0], "date", text(span, s.from), date);
        let to = self.read(span, terms[1], "date", text(span, s.to), date);
        Some(Period {
            from: from?,
            to: to?,
        })
    }

    pub(super) fn address(&self, node: Node<'_, '_>) -> Address {
        let s = self.s;
        let mut lines: Vec<String> = Vec::new();
        for path in s.address_lines {
            lines.extend(text(node, path).map(|t| one_line(&t)));
        }
        Address {
            lines,
            postcode: text(node, s.postcode).unwrap_or_default(),
            city: one_line(&text(node, s.city).unwrap_or_default()),
            country: text(node, s.country).unwrap_or_else(|| "BG".to_owned()),
        }
    }

    pub(super) fn party_address(&self, party: Node<'_, '_>) -> Address {
        all(party, self.s.party_address)
            .first()
            .map_or_else(Address::default, |node| self.address(*node))
    }

    pub(super) fn vat_number(&self, party: Node<'_, '_>) -> Option<String> {
        let s = self.s;
        all(party, s.tax_number).into_iter().find_map(|n| {
            let scheme = all(n, s.tax_number_id)
                .first()
                .and_then(|id| id.attribute("schemeID"));
            let is_vat = text(n, "TaxScheme/ID").as_deref() == Some("VAT") || scheme == Some("VA");
            is_vat.then(|| text(n, s.tax_number_id)).flatten()
        })
    }

    /// Category and rate of a tax element.
    pub(super) fn tax(
        &mut self,
        near: Node<'_, '_>,
        within: &str,
        terms: [&str; 2],
    ) -> Option<(VatCategory, Decimal)> {
        let s = self.s;
        let node = all(near, within).into_iter().find(|n| {
            // other taxes may stand beside VAT
            first(*n, &["TaxScheme/ID", "TypeCode"]).is_none_or(|t| t == "VAT")
        });
        let node = self.need(near, terms[0], "vat", node)?;
        let category = self.must(near, terms[0], "category", text(node, s.category), |t| {
            Some(match t {
                "S" => VatCategory::S,
                "Z" => VatCategory::Z,
                "E" => VatCategory::E,
                "AE" => VatCategory::AE,
                "O" => VatCategory::O,
                _ => return None,
            })
        })?;
        let rate = text(node, s.rate);
        if rate.is_none() && category != VatCategory::S {
            return Some((category, Decimal::ZERO));
        }
        let rate = self.must(near, terms[1], "rate", rate, |t| {
            Decimal::from_str_exact(t).ok()
        })?;
        Some((category, rate.normalize()))
    }

    /// The code of a supply point among document references: those of type 130.
    pub(super) fn point(&self, node: Node<'_, '_>, path: &str) -> Option<String> {
        let s = self.s;
        all(node, path)
            .into_iter()
            .filter(|n| text(*n, s.reference_type).as_deref() == Some("130"))
            .find_map(|n| text(n, s.reference_id))
    }
}

/// All elements at a path of local names; the empty path is the element itself.
pub(super) fn all<'a, 'i>(node: Node<'a, 'i>, path: &str) -> Vec<Node<'a, 'i>> {
    let mut found = vec![node];
    for name in path.split('/').filter(|name| !name.is_empty()) {
        found = found
            .iter()
            .flat_map(Node::children)
            .filter(|n| n.is_element() && n.tag_name().name() == name)
            .collect();
    }
    found
}

/// The element's own text without outer blanks, if there is any.
pub(super) fn own_text(node: Node<'_, '_>) -> Option<String> {
    let text: String = node
        .children()
        .filter(Node::is_text)
        .filter_map(|n| n.text())
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The first text at a path.
pub(super) fn text(node: Node<'_, '_>, path: &str) -> Option<String> {
    all(node, path).into_iter().find_map(own_text)
}

/// The first text at any of the paths.
pub(super) fn first(node: Node<'_, '_>, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| text(node, path))
}

/// On one line: runs of blanks become one, other control characters go.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !c.is_control()).collect())
        .collect();
    words.join(" ")
}

/// `2026-10-31`, with or without a zone, or `20261031`.
pub(super) fn date(text: &str) -> Option<Date> {
    let digits = |range| {
        text.get(range)
            .filter(|t: &&str| t.bytes().all(|b| b.is_ascii_digit()))
    };
    let (year, month, day) = if text.as_bytes().get(4) == Some(&b'-') {
        (digits(0..4)?, digits(5..7)?, digits(8..10)?)
    } else if text.len() == 8 {
        (digits(0..4)?, digits(4..6)?, digits(6..8)?)
    } else {
        return None;
    };
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// What may stand in a customer number, cut to its length.
pub(super) fn account(text: &str) -> Option<CustomerNumber> {
    let kept: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(MAX_ACCOUNT)
        .collect();
    kept.parse().ok()
}
