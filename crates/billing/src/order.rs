//! What the billing system wants billed: one order becomes one bill.
//!
//! The shape is that of any metered utility. Names of tariffs and levies, units, prices and rates
//! are data of the run; nothing here knows electricity, or Bulgaria's rates.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BillNumber, Cents, Currency, Customer, CustomerNumber, Period, customer::Text};

/// The first line of a run file in Kvit's own format: who hands over what, with control totals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunHeader {
    /// Always `kvit-run`.
    pub format: String,
    /// Version of the format: 1.
    pub format_version: u32,
    /// Name of the billing system.
    pub system: String,
    /// The billing system's own name for the run; unique among its runs.
    pub run: String,
    /// What the run bills.
    pub period: Period,
    /// Company identifier (ЕИК) or VAT number of the seller: must be the configured operator's.
    pub seller: String,
    /// Currency of every amount in the file.
    pub currency: Currency,
    /// Control total: how many orders follow.
    pub orders: u64,
    /// Control total: the sum of the orders' gross amounts in cents, credit notes negative.
    pub sum_cents: Cents,
}

/// One bill, as the billing system orders it. Unique by customer number, period, kind and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BillOrder {
    /// Who is billed.
    pub account: CustomerNumber,
    /// What for.
    pub period: Period,
    /// Counts the orders of one account, period and kind, from 1.
    #[serde(default = "one")]
    pub version: u32,
    /// Invoice, credit note or debit note.
    #[serde(default)]
    pub kind: BillKind,
    /// The document that a credit or debit note corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Correction>,
    /// The billing system's own name for this order (EN 16931 BT-1 of an imported invoice).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Needed for a customer that Kvit does not know yet; otherwise brings their data up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// The first day of the party that holds the account now, where another held it before. May stay on all its later
    /// orders. With the import of the run the earlier holder's consent to e-bills, readers, autopay and code end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub holder_since: Option<Date>,
    /// The day on which the account was closed: this is its last bill. It goes where bills went; once it is issued the
    /// consent to e-bills, readers, autopay and code end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub closed_on: Option<Date>,
    /// Date of the tax event (ЗДДС art. 114(1)).
    #[schemars(with = "String", extend("format" = "date"))]
    pub tax_event_date: Date,
    /// Last day to pay without interest.
    #[schemars(with = "String", extend("format" = "date"))]
    pub due_date: Date,
    /// The contract that the supply rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// Where it was supplied, with the meters there.
    #[serde(default)]
    pub supply_points: Vec<SupplyPoint>,
    /// What is charged. At least one.
    pub lines: Vec<Line>,
    /// VAT by category and rate (EN 16931 BG-23): one entry each.
    pub vat: Vec<VatLine>,
    /// The sums.
    pub totals: Totals,
    /// Consumption of the months up to and including this one, oldest first; at most 13.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Where the energy came from; percentages add up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceShare>,
    /// Messages to the customer, a paragraph each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Text>,
}

const fn one() -> u32 {
    1
}

impl BillOrder {
    /// The gross amount as it changes what the customer owes: a credit note's is negative.
    #[must_use]
    pub fn signed_gross(&self) -> Cents {
        match self.kind {
            BillKind::CreditNote => -self.totals.gross,
            BillKind::Invoice | BillKind::DebitNote => self.totals.gross,
        }
    }

    /// What the meters at all supply points counted together, where the order tells of no months itself. Nothing where there
    /// are no meters, they count in different units, or in what is no code.
    #[must_use]
    pub fn consumed(&self) -> Option<Consumed> {
        let history = self.history.as_ref();
        if history.is_some_and(|history| !history.months.is_empty()) {
            return None;
        }
        let mut meters = self.supply_points.iter().flat_map(|point| &point.meters);
        let first = meters.next()?;
        // Orders that were staged before units were checked may have anything there.
        let coded = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !first.unit.bytes().all(coded) {
            return None;
        }
        let quantity = meters.try_fold(first.consumption, |sum, meter| {
            let same = meter.unit == first.unit;
            same.then(|| sum.checked_add(meter.consumption)).flatten()
        });
        Some(Consumed {
            quantity: quantity?,
            unit: first.unit.clone(),
        })
    }
}

/// What was consumed over the period of a bill. Written as `123.5 KWH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// How much.
    pub quantity: Decimal,
    /// UN/ECE Recommendation 20 unit code.
    pub unit: String,
}

impl fmt::Display for Consumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.quantity, self.unit)
    }
}

impl FromStr for Consumed {
    type Err = rust_decimal::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (quantity, unit) = text.split_once(' ').unwrap_or((text, ""));
        Ok(Self {
            quantity: quantity.parse()?,
            unit: unit.to_owned(),
        })
    }
}

/// The kind of tax document (EN 16931 BT-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BillKind {
    /// Фактура, type 380.
    #[default]
    Invoice,
    /// Кредитно известие, type 381: amounts are positive and reduce what is owed.
    CreditNote,
    /// Дебитно известие, type 383.
    DebitNote,
}

impl BillKind {
    /// The UNTDID 1001 code.
    #[must_use]
    pub const fn type_code(self) -> &'static str {
        match self {
            Self::Invoice => "380",
            Self::CreditNote => "381",
            Self::DebitNote => "383",
        }
    }

    /// The name in files and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit-note",
            Self::DebitNote => "debit-note",
        }
    }
}

/// The original of a credit or debit note (ЗДДС art. 115).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// Number of the original.
    pub number: BillNumber,
    /// Its date of issue.
    #[schemars(with = "String", extend("format" = "date"))]
    pub issue_date: Date,
    /// Why it is corrected.
    pub ground: Text,
}

/// The contract of supply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Its number (EN 16931 BT-12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The tariff's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tariff: Option<Text>,
    /// Last day, where the contract ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub ends: Option<Date>,
}

/// Where it was supplied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SupplyPoint {
    /// Its identification code (EN 16931 BT-18).
    pub code: String,
    /// Where it is, in a line.
    #[serde(default)]
    pub address: String,
    /// Operator of the network it hangs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Text>,
    /// Meters and their registers.
    #[serde(default)]
    pub meters: Vec<Meter>,
}

/// One register of a meter over the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Meter {
    /// Factory number.
    pub serial: String,
    /// The register's name, such as day or night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<Text>,
    /// Reading at the start.
    pub old: Reading,
    /// Reading at the end.
    pub new: Reading,
    /// Consumption = (new − old) × this.
    #[serde(default = "decimal_one")]
    #[schemars(with = "String")]
    pub multiplier: Decimal,
    /// What was consumed, in `unit`.
    #[schemars(with = "String")]
    pub consumption: Decimal,
    /// UN/ECE Recommendation 20 unit code, such as `KWH` or `MTQ`.
    pub unit: String,
}

const fn decimal_one() -> Decimal {
    Decimal::ONE
}

/// What a meter showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// When.
    #[schemars(with = "String", extend("format" = "date"))]
    pub date: Date,
    /// The figure.
    #[schemars(with = "String")]
    pub value: Decimal,
    /// How it is known.
    #[serde(default)]
    pub source: ReadingSource,
}

/// How a reading is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadingSource {
    /// Read by the operator, or by a smart meter.
    #[default]
    Measured,
    /// Worked out from earlier consumption.
    Estimated,
    /// Told by the customer.
    Customer,
}

/// One charge (EN 16931 BG-25).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What is charged.
    pub name: Text,
    /// Under which heading the bill shows it.
    #[serde(default)]
    pub section: Section,
    /// The supply point it belongs to, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply_point: Option<String>,
    /// Where it differs from the bill's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// How much; negative for a correction (EN 16931 BR-27 allows no negative price).
    #[schemars(with = "String")]
    pub quantity: Decimal,
    /// UN/ECE Recommendation 20 unit code, such as `KWH`, `MTQ`, `DAY`, `C62`.
    pub unit: String,
    /// Price of `price_base` units, without VAT. Not negative.
    #[schemars(with = "String")]
    pub unit_price: Decimal,
    /// How many units the price is for.
    #[serde(default = "decimal_one")]
    #[schemars(with = "String")]
    pub price_base: Decimal,
    /// Quantity × price ÷ base, rounded to the cent.
    pub net: Cents,
    /// VAT category.
    #[serde(default)]
    pub vat_category: VatCategory,
    /// VAT rate in percent.
    #[schemars(with = "String")]
    pub vat_rate: Decimal,
}

/// The headings under which a bill groups its lines, in their order on the bill.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// The commodity itself: energy, water, gas, heat.
    Supply,
    /// Access and transport through networks.
    Network,
    /// Levies and obligations to society.
    Levy,
    /// Excise and other taxes on the commodity.
    Excise,
    /// Anything else.
    #[default]
    Other,
}

/// EN 16931 VAT category (UNCL 5305).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum VatCategory {
    /// Standard or reduced rate.
    #[default]
    S,
    /// Zero rated.
    Z,
    /// Exempt.
    E,
    /// Reverse charge.
    AE,
    /// Outside the scope of VAT.
    O,
}

/// The VAT of one category and rate (EN 16931 BG-23).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VatLine {
    /// VAT category.
    #[serde(default)]
    pub category: VatCategory,
    /// Rate in percent.
    #[schemars(with = "String")]
    pub rate: Decimal,
    /// Taxable base: the sum of the nets with this category and rate.
    pub base: Cents,
    /// Base × rate, rounded to the cent.
    pub amount: Cents,
    /// The ground, where no VAT is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<Text>,
}

/// The sums of a bill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Sum of the lines (EN 16931 BT-106, BT-109).
    pub net: Cents,
    /// Sum of the VAT lines (BT-110).
    pub vat: Cents,
    /// Net + VAT (BT-112).
    pub gross: Cents,
    /// Paid in advance for this bill (BT-113).
    #[serde(default)]
    pub prepaid: Cents,
    /// Rounding of the amount due (BT-114).
    #[serde(default)]
    pub rounding: Cents,
    /// Owed from before; negative where the customer has a credit.
    #[serde(default)]
    pub carried_over: Cents,
    /// Gross − prepaid + rounding + carried over; for a credit note −gross in place of gross.
    /// May be negative: nothing is to be paid then.
    pub to_pay: Cents,
}

/// Consumption month by month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// UN/ECE Recommendation 20 unit code of all the quantities.
    pub unit: String,
    /// Oldest first; at most 13, so that the last can be compared with the same month a year ago.
    pub months: Vec<MonthQuantity>,
}

/// The consumption of one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonthQuantity {
    /// Its first day.
    #[schemars(with = "String", extend("format" = "date"))]
    pub month: Date,
    /// How much. Not negative.
    #[schemars(with = "String")]
    pub quantity: Decimal,
}

/// A share of the energy supplied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceShare {
    /// Such as wind or coal.
    pub name: Text,
    /// Percent.
    #[schemars(with = "String")]
    pub percent: Decimal,
}
