//! A bill as the layout reads it (`bill.json`): every amount, date and quantity already written the
//! way the customer's language writes it, so that no layout does arithmetic or rounding.

mod make;

use std::{borrow::Cow, fmt::Display};

use kvit_billing::{
    BillKind, BillNumber,
    format::{Amount, Number, Price, ShortDate},
    order::{Section, VatCategory},
    reference::CreditorReference,
};
use serde::{Serialize, Serializer};

use crate::codes::Code;

pub(crate) use make::{Issuer, Maker};

/// Everything a layout may print. Documented for designers in `layout/prelude.typ`.
#[derive(Serialize)]
pub(crate) struct View<'a> {
    lang: &'static str,
    sample: bool,
    kind: BillKind,
    number: Shown<BillNumber>,
    issue_date: Shown<ShortDate>,
    tax_event_date: Shown<ShortDate>,
    due_date: String,
    period: String,
    corrects: Option<CorrectsView<'a>>,
    operator: &'a OperatorView,
    brand: &'a BrandView,
    customer: CustomerView<'a>,
    code: String,
    reference: Shown<CreditorReference>,
    contract: ContractView<'a>,
    /// `due`, `zero` or `credit`.
    state: &'static str,
    /// Never negative; `state` says which way it goes.
    to_pay: Shown<Amount>,
    /// How long `to_pay` is: 1 for up to 9 characters, 2 for up to 12, else 3.
    to_pay_size: u8,
    sums: Vec<SumView>,
    /// Whether no sum is negative, so that they can be drawn as parts of a whole.
    has_parts: bool,
    net: Shown<Amount>,
    vat: Vec<VatView<'a>>,
    vat_total: Shown<Amount>,
    gross: Shown<Amount>,
    /// From the total with VAT to what is to pay: what was paid in advance, rounding, what earlier bills left.
    /// An invoice has one of them at least, be it zero: a row that comes and goes would double the shapes of bills.
    steps: Vec<StepView<'a>>,
    points: Vec<PointView<'a>>,
    groups: Vec<GroupView<'a>>,
    history: Option<HistoryView<'a>>,
    sources: Vec<SourceView<'a>>,
    notes: Vec<Cow<'a, str>>,
    codes: CodesView,
    verify_url: &'a str,
    enrol_url: &'a str,
    /// The characters of compiled forms, where one is being made; nothing for a bill.
    alphabet: Option<()>,
}

#[derive(Serialize)]
struct CorrectsView<'a> {
    number: Shown<BillNumber>,
    issue_date: Shown<ShortDate>,
    ground: Cow<'a, str>,
}

#[derive(Serialize)]
struct OperatorView {
    name: String,
    short_name: String,
    eik: String,
    vat_number: String,
    address: Vec<String>,
    iban: String,
    bic: String,
    hotline: String,
    email: String,
    website: String,
    complaints: String,
    dispute_body: String,
    switching: String,
}

#[derive(Serialize)]
struct BrandView {
    primary: String,
    accent: String,
    has_logo: bool,
}

#[derive(Serialize)]
struct CustomerView<'a> {
    number: &'a str,
    name: Cow<'a, str>,
    address: Vec<Cow<'a, str>>,
    eik: Option<Cow<'a, str>>,
    vat_number: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct ContractView<'a> {
    number: Option<Cow<'a, str>>,
    tariff: Option<Cow<'a, str>>,
    ends: Option<Shown<ShortDate>>,
}

#[derive(Serialize)]
struct StepView<'a> {
    label: Cow<'a, str>,
    amount: Shown<Amount>,
}

/// The net of one section of lines.
#[derive(Serialize)]
struct SumView {
    section: Section,
    amount: Shown<Amount>,
    /// Where its part of the whole amount with VAT begins and ends, 0 to 1.
    from: f64,
    to: f64,
}

#[derive(Serialize)]
struct VatView<'a> {
    category: VatCategory,
    rate: Shown<Number>,
    base: Shown<Amount>,
    amount: Shown<Amount>,
    exemption: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct PointView<'a> {
    code: Cow<'a, str>,
    /// In one or two lines.
    address: Vec<String>,
    network: Option<Cow<'a, str>>,
    meters: Vec<MeterView<'a>>,
}

#[derive(Serialize)]
struct MeterView<'a> {
    serial: Cow<'a, str>,
    register: Option<Cow<'a, str>>,
    old: ReadingView<'a>,
    new: ReadingView<'a>,
    multiplier: Option<Shown<Number>>,
    consumption: Shown<Number>,
    unit: Cow<'a, str>,
}

#[derive(Serialize)]
struct ReadingView<'a> {
    date: Shown<ShortDate>,
    value: Shown<Number>,
    /// In words.
    source: Cow<'a, str>,
}

/// The lines of one supply point, or those of none.
#[derive(Serialize)]
struct GroupView<'a> {
    point: Option<Cow<'a, str>>,
    sections: Vec<SectionView<'a>>,
}

#[derive(Serialize)]
struct SectionView<'a> {
    section: Section,
    lines: Vec<LineView<'a>>,
}

#[derive(Serialize)]
struct LineView<'a> {
    name: Cow<'a, str>,
    period: Option<String>,
    quantity: Shown<Number>,
    unit: Cow<'a, str>,
    price: Shown<Price>,
    /// Where the price is for more than one unit: how many.
    per: Option<Shown<Number>>,
    /// What the price is for: one of the unit, or `per` of it.
    price_unit: Cow<'a, str>,
    net: Shown<Amount>,
}

#[derive(Serialize)]
struct HistoryView<'a> {
    unit: Cow<'a, str>,
    months: Vec<MonthView>,
    /// The largest quantity, at which the chart is full.
    peak: Shown<Number>,
    /// Whether the quantities are short enough to stand above each bar.
    labels: bool,
    compared: Option<ComparedView>,
}

#[derive(Serialize)]
struct MonthView {
    label: &'static str,
    year: Shown<i16>,
    /// Whether the chart names the year under this month: the first and the last, so that each month's bills
    /// have the shapes of the month before.
    shows_year: bool,
    /// The month itself and the same month a year before.
    is_marked: bool,
    quantity: Shown<Number>,
    /// 0 to 1, of the largest.
    share: f64,
}

#[derive(Serialize)]
struct ComparedView {
    /// With its sign, as `−12 %`: one text, so that more and less are one shape.
    change: String,
    month: String,
}

#[derive(Serialize)]
struct SourceView<'a> {
    name: Cow<'a, str>,
    percent: Shown<Number>,
    share: f64,
}

#[derive(Serialize)]
struct CodesView {
    payment: Option<Code>,
    verify: Code,
    enrol: Code,
    slip: Code,
}

/// A value that the layout reads as a text. Whoever reads the view writes it, where the text is wanted: a million
/// bills pass here, each with some hundred of these.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl View<'_> {
    /// The language's tag.
    pub(crate) const fn language(&self) -> &'static str {
        self.lang
    }
}
