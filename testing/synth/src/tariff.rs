//! Prices in euro without VAT, of the order of those of 2026. Data, not law.

use kvit_billing::{customer::Text, order::Section};
use rust_decimal::Decimal;

/// What a price multiplies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Per {
    /// The energy of the supply point.
    Energy,
    /// The days of the period.
    Day,
}

/// A line of the price list.
pub(crate) struct Price {
    bg: &'static str,
    en: &'static str,
    pub(crate) section: Section,
    pub(crate) per: Per,
    /// In hundred-thousandths of a euro for `base` units.
    price: i64,
    base: i64,
}

impl Price {
    pub(crate) fn name(&self) -> Text {
        Text::both(self.bg, self.en)
    }

    pub(crate) fn unit_price(&self) -> Decimal {
        Decimal::new(self.price, 5).normalize()
    }

    pub(crate) fn base(&self) -> Decimal {
        Decimal::from(self.base)
    }
}

const fn price(
    bg: &'static str,
    en: &'static str,
    section: Section,
    per: Per,
    price: i64,
    base: i64,
) -> Price {
    Price {
        bg,
        en,
        section,
        per,
        price,
        base,
    }
}

pub(crate) const DAY: Price = price(
    "Енергия, дневна",
    "Energy, day",
    Section::Supply,
    Per::Energy,
    8_571,
    1,
);
pub(crate) const NIGHT: Price = price(
    "Енергия, нощна",
    "Energy, night",
    Section::Supply,
    Per::Energy,
    4_943,
    1,
);
pub(crate) const SINGLE: Price = price(
    "Енергия, еднотарифна",
    "Energy, single rate",
    Section::Supply,
    Per::Energy,
    8_214,
    1,
);

const ACCESS_TRANSMISSION: Price = price(
    "Достъп до електропреносната мрежа",
    "Access to the transmission grid",
    Section::Network,
    Per::Energy,
    117,
    1,
);
const TRANSMISSION: Price = price(
    "Пренос през електропреносната мрежа",
    "Transmission through the transmission grid",
    Section::Network,
    Per::Energy,
    742,
    1,
);
const ACCESS_DISTRIBUTION: Price = price(
    "Достъп до електроразпределителната мрежа",
    "Access to the distribution grid",
    Section::Network,
    Per::Energy,
    655,
    1,
);
const ACCESS_DISTRIBUTION_COMPANY: Price = price(
    "Достъп до електроразпределителната мрежа",
    "Access to the distribution grid",
    Section::Network,
    Per::Day,
    34_600,
    1,
);
const DISTRIBUTION: Price = price(
    "Пренос през електроразпределителната мрежа",
    "Transmission through the distribution grid",
    Section::Network,
    Per::Energy,
    2_274,
    1,
);
const NETWORKS: Price = price(
    "Достъп и пренос през мрежите",
    "Access to and transmission through the grids",
    Section::Network,
    Per::Energy,
    3_788,
    1,
);
const SOCIETY: Price = price(
    "Задължения към обществото",
    "Obligations to society",
    Section::Levy,
    Per::Energy,
    531,
    1,
);
const METERING: Price = price(
    "Отчитане и обслужване",
    "Metering and service",
    Section::Other,
    Per::Day,
    1_200,
    1,
);
const EXCISE: Price = price(
    "Акциз",
    "Excise duty",
    Section::Excise,
    Per::Energy,
    102_000,
    1_000,
);

/// The charges of a supply point beside its energy: of a household.
pub(crate) const HOUSEHOLD: [Price; 5] = [
    ACCESS_TRANSMISSION,
    TRANSMISSION,
    ACCESS_DISTRIBUTION,
    DISTRIBUTION,
    SOCIETY,
];
/// Of a household on the plain tariff.
pub(crate) const PLAIN: [Price; 3] = [NETWORKS, SOCIETY, METERING];
/// Of a company.
pub(crate) const COMPANY: [Price; 6] = [
    ACCESS_TRANSMISSION,
    TRANSMISSION,
    ACCESS_DISTRIBUTION_COMPANY,
    DISTRIBUTION,
    SOCIETY,
    EXCISE,
];

/// Where the energy came from: Bulgarian name, English name, tenths of a percent.
pub(crate) const SOURCES: [(&str, &str, i64); 6] = [
    ("ядрена", "nuclear", 412),
    ("въглища", "coal", 315),
    ("слънце", "solar", 124),
    ("вода", "hydro", 83),
    ("вятър", "wind", 39),
    ("други", "other", 27),
];
