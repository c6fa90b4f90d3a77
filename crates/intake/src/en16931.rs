//! EN 16931 invoices in UBL 2.1 and UN/CEFACT CII D16B, read as orders.

mod lines;
mod parties;
mod reader;
mod syntax;
mod xml;

use kvit_billing::{
    Address, BillKind, BillOrder, Currency, Period, customer::Text, order::Contract,
};

use crate::{
    Check, Findings, Header, Rules, Severity,
    check::{LINES_MAX, check},
    check_header,
};
use reader::{Reader, all, date, first, one_line, own_text, text};
use syntax::{CII, UBL};
pub use xml::MAX_XML;
use xml::Xml;

/// One invoice as an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Derived header.
    pub header: Header,
    /// The order.
    pub order: BillOrder,
    /// The seller as the invoice names it.
    pub seller: SellerParty,
}

/// The seller (EN 16931 BG-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SellerParty {
    /// BT-27.
    pub name: String,
    /// BT-29, BT-30.
    pub ids: Vec<String>,
    /// BT-31.
    pub vat_number: Option<String>,
    /// BG-5.
    pub address: Address,
    /// BT-84.
    pub iban: Option<String>,
    /// BT-5.
    pub currency: Currency,
}

/// Reads one invoice. `None` where a term that an order needs is missing or malformed; the
/// findings then say which.
pub fn read_invoice(
    file: &str,
    xml: &[u8],
    rules: &Rules,
    findings: &mut Findings,
) -> Option<Invoice> {
    let xml = match Xml::parse(file, xml) {
        Ok(xml) => xml,
        Err(refused) => {
            findings.push(*refused);
            return None;
        }
    };
    let root = xml.document.root_element();
    let syntax = match root.tag_name().name() {
        "Invoice" | "CreditNote" => &UBL,
        "CrossIndustryInvoice" => &CII,
        _ => {
            findings.push(Xml::strange(file, root));
            return None;
        }
    };
    let before = findings.errors();
    let invoice = Reader {
        file,
        s: syntax,
        xml: &xml,
        root,
        findings,
    }
    .invoice(rules);
    if findings.errors() > before {
        return None;
    }
    let invoice = invoice?;
    check_header(file, 0, &invoice.header, rules, findings);
    check(file, 0, &invoice.order, rules, findings, Severity::Warning);
    Some(invoice)
}

impl Reader<'_, '_, '_> {
    fn invoice(mut self, rules: &Rules) -> Option<Invoice> {
        let (s, root) = (self.s, self.root);
        let number = self.need(root, "BT-1", "number", text(root, s.number));
        let kind = self.must(root, "BT-3", "type", first(root, s.type_code), |t| {
            Some(match t {
                "380" | "384" => BillKind::Invoice,
                "381" => BillKind::CreditNote,
                "383" => BillKind::DebitNote,
                _ => return None,
            })
        });
        let issued = self.must(root, "BT-2", "date", text(root, s.issued), date);
        let due = self.read(root, "BT-9", "date", first(root, s.due), date);
        let tax_point = self.read(root, "BT-7", "date", first(root, s.tax_point), date);
        let currency = self.must(root, "BT-5", "currency", text(root, s.currency), |t| {
            t.parse::<Currency>().ok()
        });
        let notes: Vec<Text> = all(root, s.note)
            .into_iter()
            .filter_map(own_text)
            .map(|t| Text::same(one_line(&t)))
            .collect();
        let contract = text(root, s.contract);
        let stated = self.period(root, s.period, ["BT-73", "BT-74"]);
        let customer = self.customer(contract.as_deref());
        let vat = self.vat();
        let mut lines = Vec::new();
        let nodes: Vec<_> = s.lines.iter().flat_map(|path| all(root, path)).collect();
        if nodes.len() > LINES_MAX {
            let (found, most) = (nodes.len().to_string(), LINES_MAX.to_string());
            self.error(root, "BG-25", Check::TooManyLines, &found, &most);
            return None;
        }
        for node in nodes {
            lines.extend(self.line(node));
        }
        for node in all(root, s.allowance) {
            lines.extend(self.allowance(node));
        }
        let seller = currency.and_then(|c| self.seller(c));
        let totals = match (kind, currency) {
            (Some(kind), Some(currency)) => self.totals(kind, currency),
            _ => None,
        };
        let corrects = match kind {
            Some(BillKind::CreditNote | BillKind::DebitNote) => self.correction(&notes),
            _ => None,
        };
        let issued = issued?;
        let from = lines.iter().filter_map(|l| l.period).map(|p| p.from).min();
        let to = lines.iter().filter_map(|l| l.period).map(|p| p.to).max();
        let period = stated
            .or_else(|| {
                Some(Period {
                    from: from?,
                    to: to?,
                })
            })
            .unwrap_or_else(|| Period::month_of(issued));
        for line in &mut lines {
            line.period = line.period.filter(|p| *p != period);
        }
        let (number, seller, customer) = (number?, seller?, customer?);
        let ids: Vec<&String> = seller.vat_number.iter().chain(&seller.ids).collect();
        let seller_id = ids
            .iter()
            .find(|id| rules.operator_ids.contains(id))
            .or(ids.first())
            .map_or_else(|| seller.name.clone(), |id| (*id).clone());
        let order = BillOrder {
            account: customer.number.clone(),
            period,
            version: 1,
            kind: kind?,
            corrects,
            holder_since: None,
            closed_on: None,
            reference: Some(number.clone()),
            customer: Some(customer),
            tax_event_date: tax_point.unwrap_or(issued),
            due_date: due.unwrap_or(issued),
            contract: contract.map(|number| Contract {
                number: Some(number),
                tariff: None,
                ends: None,
            }),
            supply_points: self.supply_points(&lines),
            lines,
            vat,
            totals: totals?,
            history: None,
            sources: Vec::new(),
            notes,
        };
        Some(Invoice {
            header: Header {
                system: "en16931".to_owned(),
                run: number,
                period,
                seller: seller_id,
                currency: currency?,
                declared: None,
            },
            order,
            seller,
        })
    }
}
