//! The bill for a bookkeeping program: `factur-x.xml`, EN 16931 in the CII syntax (Factur-X, profile
//! EN 16931), with every amount as it is printed. The order of elements is the schema's.

mod check;
mod parties;
mod xml;

use std::{
    fmt::Arguments,
    hash::{Hash, Hasher},
    ops::Range,
};

use jiff::civil::Date;
use kvit_billing::{
    Bill, BillKind, Cents, Language, Operator, Period,
    format::Exact,
    order::{Line, Meter, Reading, ReadingSource, Section, SupplyPoint, VatCategory, VatLine},
};
use rust_decimal::Decimal;
use rustc_hash::FxHasher;

pub use check::TwinError;
use xml::Xml;

use crate::stream::Sink;

/// BT-24: EN 16931 itself, without additions.
const GUIDELINE: &str = "urn:cen.eu:en16931:2017";
/// UNTDID 4461: SEPA credit transfer.
const CREDIT_TRANSFER: &str = "58";
/// UNTDID 1153 in BT-18 and BT-128: the object that is invoiced.
const INVOICED_OBJECT: &str = "130";

/// A twin as it is written.
#[derive(Debug, Default)]
pub(crate) struct Twin {
    bytes: Vec<u8>,
    /// What is the bill's own, in order; the rest stands on many bills.
    own: Vec<Range<usize>>,
}

/// Writes the twin of a bill. Equal bills give equal bytes.
///
/// A credit note's amounts are positive, as printed, and what remains to pay changes its sign with
/// them. What was carried over from before has no term of its own in EN 16931: it counts as paid in
/// advance, with its sign changed (BT-113), so that BT-115 is the printed amount to pay; a note says so.
///
/// # Errors
/// Where the bill's data breaks a rule of EN 16931.
pub fn twin(bill: &Bill, operator: &Operator) -> Result<Vec<u8>, TwinError> {
    Ok(written(bill, operator)?.bytes)
}

impl Twin {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What stands on many bills: before, between and behind what is the bill's own.
    pub(crate) fn known(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.own.iter().map(|own| own.end));
        let ends = self.own.iter().map(|own| own.start);
        let both = starts.zip(ends.chain([self.bytes.len()]));
        both.map(|(start, end)| &self.bytes[start..end])
    }

    /// Shows what stands on many bills as known and what is the bill's own as fresh.
    pub(crate) fn show(&self, sink: &mut dyn Sink) {
        let own = self.own.iter().map(|own| &self.bytes[own.clone()]);
        let mut own = own.map(Some).chain([None]);
        for known in self.known() {
            sink.known(known);
            if let Some(Some(own)) = own.next() {
                sink.fresh(own);
            }
        }
    }

    /// Names all twins in which the same is known, but for what shares a name by chance.
    pub(crate) fn structure(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.known().for_each(|known| known.hash(&mut hasher));
        hasher.finish()
    }
}

/// As [`twin`].
pub(crate) fn written(bill: &Bill, operator: &Operator) -> Result<Twin, TwinError> {
    check::bill(bill)?;
    check::parties(bill, operator)?;
    let mut xml = Xml::new(8192 + 1024 * bill.order.lines.len());
    let namespaces = [
        (
            "xmlns:rsm",
            "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
        ),
        (
            "xmlns:ram",
            "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
        ),
        (
            "xmlns:udt",
            "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
        ),
        (
            "xmlns:qdt",
            "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
        ),
    ];
    xml.with("rsm:CrossIndustryInvoice", &namespaces, |xml| {
        xml.element("rsm:ExchangedDocumentContext", |xml| {
            xml.element("ram:GuidelineSpecifiedDocumentContextParameter", |xml| {
                xml.code("ram:ID", GUIDELINE);
            });
        });
        document(xml, bill, operator);
        xml.element("rsm:SupplyChainTradeTransaction", |xml| {
            let mut told = Vec::new();
            for (index, line) in bill.order.lines.iter().enumerate() {
                write_line(xml, bill, index + 1, line, &mut told);
            }
            agreement(xml, bill, operator);
            xml.element("ram:ApplicableHeaderTradeDelivery", |xml| {
                xml.element("ram:ActualDeliverySupplyChainEvent", |xml| {
                    date(
                        xml,
                        "ram:OccurrenceDateTime",
                        "udt:DateTimeString",
                        bill.order.period.to,
                    );
                });
            });
            settlement(xml, bill, operator);
        });
    });
    let (bytes, own) = xml.finish();
    Ok(Twin { bytes, own })
}

fn document(xml: &mut Xml, bill: &Bill, operator: &Operator) {
    let language = bill.customer.language;
    let note = |xml: &mut Xml, text: &str| {
        if !text.trim().is_empty() {
            xml.element("ram:IncludedNote", |xml| xml.leaf("ram:Content", text));
        }
    };
    xml.element("rsm:ExchangedDocument", |xml| {
        xml.leaf("ram:ID", bill.number);
        xml.code("ram:TypeCode", bill.order.kind.type_code());
        date(xml, "ram:IssueDateTime", "udt:DateTimeString", bill.issue_date);
        if let Some(correction) = &bill.order.corrects {
            note(xml, correction.ground.get(language));
        }
        let carried = bill.order.totals.carried_over;
        if carried != Cents::ZERO {
            let currency = operator.currency;
            note(
                xml,
                &match language {
                    Language::Bg => format!(
                        "Салдо от предходни периоди: {carried} {currency}; отразено е с обратен знак в \
                         платената сума (BT-113)."
                    ),
                    Language::En => format!(
                        "Balance from earlier periods: {carried} {currency}; it counts, with its sign \
                         changed, in the paid amount (BT-113)."
                    ),
                },
            );
        }
        for text in &bill.order.notes {
            note(xml, text.get(language));
        }
    });
}

/// BG-25. `told` are the supply points whose meters an earlier line has told already.
fn write_line<'a>(
    xml: &mut Xml,
    bill: &'a Bill,
    number: usize,
    line: &'a Line,
    told: &mut Vec<&'a str>,
) {
    let language = bill.customer.language;
    let points = &bill.order.supply_points;
    let point = match (&line.supply_point, points.as_slice()) {
        (Some(code), _) => points.iter().find(|point| point.code == *code),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    xml.element("ram:IncludedSupplyChainTradeLineItem", |xml| {
        xml.element("ram:AssociatedDocumentLineDocument", |xml| {
            xml.code("ram:LineID", number)
        });
        xml.element("ram:SpecifiedTradeProduct", |xml| {
            xml.leaf("ram:Name", line.name.get(language));
            if let Some(point) = point.filter(|point| {
                line.section == Section::Supply && !told.contains(&point.code.as_str())
            }) {
                told.push(&point.code);
                attributes(xml, bill, point);
            }
        });
        xml.element("ram:SpecifiedLineTradeAgreement", |xml| {
            xml.element("ram:NetPriceProductTradePrice", |xml| {
                xml.leaf("ram:ChargeAmount", Exact(line.unit_price));
                if line.price_base != Decimal::ONE {
                    let unit = [("unitCode", line.unit.as_str())];
                    xml.leaf_with("ram:BasisQuantity", &unit, Exact(line.price_base));
                }
            });
        });
        xml.element("ram:SpecifiedLineTradeDelivery", |xml| {
            let unit = [("unitCode", line.unit.as_str())];
            xml.leaf_with("ram:BilledQuantity", &unit, Exact(line.quantity));
        });
        xml.element("ram:SpecifiedLineTradeSettlement", |xml| {
            xml.element("ram:ApplicableTradeTax", |xml| {
                xml.code("ram:TypeCode", "VAT");
                xml.code("ram:CategoryCode", code(line.vat_category));
                rate(xml, line.vat_category, line.vat_rate);
            });
            if let Some(own) = line.period {
                period(xml, own);
            }
            xml.element("ram:SpecifiedTradeSettlementLineMonetarySummation", |xml| {
                xml.leaf("ram:LineTotalAmount", line.net);
            });
            if let Some(point) = point.filter(|_| points.len() > 1) {
                object(xml, &point.code);
            }
        });
    });
}

/// BG-32: the tariff and what the meters showed.
fn attributes(xml: &mut Xml, bill: &Bill, point: &SupplyPoint) {
    let language = bill.customer.language;
    let mut tell = |name: Arguments<'_>, value: Arguments<'_>| {
        xml.element("ram:ApplicableProductCharacteristic", |xml| {
            xml.leaf("ram:Description", name);
            xml.leaf("ram:Value", value);
        });
    };
    let word = |bg: &'static str, en: &'static str| match language {
        Language::Bg => bg,
        Language::En => en,
    };
    let tariff = bill
        .order
        .contract
        .as_ref()
        .and_then(|contract| contract.tariff.as_ref());
    if let Some(tariff) = tariff
        .map(|tariff| tariff.get(language))
        .filter(|text| !text.is_empty())
    {
        let name = word("Тарифа", "Tariff");
        tell(format_args!("{name}"), format_args!("{tariff}"));
    }
    for meter in &point.meters {
        let Meter {
            serial,
            register,
            old,
            new,
            consumption,
            unit,
            ..
        } = meter;
        let register = register
            .as_ref()
            .map_or(String::new(), |name| format!(", {}", name.get(language)));
        let meter = format!("{} {serial}{register}", word("Измервателен уред", "Meter"));
        let reading = |reading: &Reading| {
            let source = match reading.source {
                ReadingSource::Measured => word("отчетено", "measured"),
                ReadingSource::Estimated => word("прогнозно", "estimated"),
                ReadingSource::Customer => word("самоотчет", "told by the customer"),
            };
            (reading.date, Exact(reading.value), source)
        };
        let (old_name, new_name) = (
            word("старо показание", "old reading"),
            word("ново показание", "new reading"),
        );
        for (name, (date, value, source)) in [(old_name, reading(old)), (new_name, reading(new))] {
            tell(
                format_args!("{meter}: {name}"),
                format_args!("{date} {value} ({source})"),
            );
        }
        let name = word("количество", "consumption");
        let consumption = Exact(*consumption);
        tell(
            format_args!("{meter}: {name}"),
            format_args!("{consumption} {unit}"),
        );
    }
}

fn agreement(xml: &mut Xml, bill: &Bill, operator: &Operator) {
    xml.element("ram:ApplicableHeaderTradeAgreement", |xml| {
        let out_of_scope = bill
            .order
            .vat
            .iter()
            .any(|vat| vat.category == VatCategory::O);
        parties::seller(xml, bill, operator, out_of_scope);
        parties::buyer(xml, bill, out_of_scope);
        let contract = bill
            .order
            .contract
            .as_ref()
            .and_then(|contract| contract.number.as_ref());
        if let Some(number) = contract {
            xml.element("ram:ContractReferencedDocument", |xml| {
                xml.leaf("ram:IssuerAssignedID", number);
            });
        }
        if let [only] = bill.order.supply_points.as_slice() {
            object(xml, &only.code);
        }
    });
}

fn settlement(xml: &mut Xml, bill: &Bill, operator: &Operator) {
    let order = &bill.order;
    let language = bill.customer.language;
    xml.element("ram:ApplicableHeaderTradeSettlement", |xml| {
        xml.leaf("ram:PaymentReference", bill.reference().as_str());
        xml.code("ram:InvoiceCurrencyCode", operator.currency);
        xml.element("ram:SpecifiedTradeSettlementPaymentMeans", |xml| {
            xml.code("ram:TypeCode", CREDIT_TRANSFER);
            xml.element("ram:PayeePartyCreditorFinancialAccount", |xml| {
                xml.code("ram:IBANID", operator.iban.replace(' ', ""));
            });
            if !operator.bic.trim().is_empty() {
                xml.element("ram:PayeeSpecifiedCreditorFinancialInstitution", |xml| {
                    xml.code("ram:BICID", operator.bic.trim());
                });
            }
        });
        for (place, vat) in order.vat.iter().enumerate() {
            xml.element("ram:ApplicableTradeTax", |xml| {
                xml.leaf("ram:CalculatedAmount", vat.amount);
                xml.code("ram:TypeCode", "VAT");
                // Categories S and Z must not give a ground (BR-S-10, BR-Z-10).
                if !matches!(vat.category, VatCategory::S | VatCategory::Z) {
                    xml.leaf_if("ram:ExemptionReason", ground(vat, language));
                }
                xml.leaf("ram:BasisAmount", vat.base);
                xml.code("ram:CategoryCode", code(vat.category));
                // BT-7 is one for the whole document (CII-SR-461).
                if place == 0 {
                    date(
                        xml,
                        "ram:TaxPointDate",
                        "udt:DateString",
                        order.tax_event_date,
                    );
                }
                rate(xml, vat.category, vat.rate);
            });
        }
        period(xml, order.period);
        xml.element("ram:SpecifiedTradePaymentTerms", |xml| {
            date(
                xml,
                "ram:DueDateDateTime",
                "udt:DateTimeString",
                order.due_date,
            );
        });
        sums(xml, bill, operator);
        if let Some(original) = &order.corrects {
            xml.element("ram:InvoiceReferencedDocument", |xml| {
                xml.leaf("ram:IssuerAssignedID", original.number);
                date(
                    xml,
                    "ram:FormattedIssueDateTime",
                    "qdt:DateTimeString",
                    original.issue_date,
                );
            });
        }
    });
}

/// BG-22. In a credit note whatever changes the balance changes its sign.
fn sums(xml: &mut Xml, bill: &Bill, operator: &Operator) {
    let totals = &bill.order.totals;
    let signed = |amount: Cents| match bill.order.kind {
        BillKind::CreditNote => -amount,
        BillKind::Invoice | BillKind::DebitNote => amount,
    };
    xml.element(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        |xml| {
            xml.leaf("ram:LineTotalAmount", totals.net);
            xml.leaf("ram:TaxBasisTotalAmount", totals.net);
            let currency = [("currencyID", operator.currency.as_str())];
            xml.leaf_with("ram:TaxTotalAmount", &currency, totals.vat);
            if totals.rounding != Cents::ZERO {
                xml.leaf("ram:RoundingAmount", signed(totals.rounding));
            }
            xml.leaf("ram:GrandTotalAmount", totals.gross);
            let paid = totals.prepaid - totals.carried_over;
            if paid != Cents::ZERO {
                xml.leaf("ram:TotalPrepaidAmount", signed(paid));
            }
            xml.leaf("ram:DuePayableAmount", signed(totals.to_pay));
        },
    );
}

fn object(xml: &mut Xml, code: &str) {
    xml.element("ram:AdditionalReferencedDocument", |xml| {
        xml.leaf("ram:IssuerAssignedID", code);
        xml.code("ram:TypeCode", INVOICED_OBJECT);
    });
}

fn period(xml: &mut Xml, period: Period) {
    xml.element("ram:BillingSpecifiedPeriod", |xml| {
        date(xml, "ram:StartDateTime", "udt:DateTimeString", period.from);
        date(xml, "ram:EndDateTime", "udt:DateTimeString", period.to);
    });
}

/// A date in UNTDID 2379 format 102.
fn date(xml: &mut Xml, name: &str, inner: &str, date: Date) {
    xml.element(name, |xml| {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let digits = format_args!("{year:04}{month:02}{day:02}");
        xml.leaf_with(inner, &[("format", "102")], digits);
    });
}

/// Outside of VAT there is no rate, not even zero (BR-O-05).
fn rate(xml: &mut Xml, category: VatCategory, rate: Decimal) {
    if category != VatCategory::O {
        xml.code("ram:RateApplicablePercent", Exact(rate));
    }
}

fn ground(vat: &VatLine, language: Language) -> &str {
    vat.exemption
        .as_ref()
        .map_or("", |ground| ground.get(language))
        .trim()
}

const fn code(category: VatCategory) -> &'static str {
    match category {
        VatCategory::S => "S",
        VatCategory::Z => "Z",
        VatCategory::E => "E",
        VatCategory::AE => "AE",
        VatCategory::O => "O",
    }
}
