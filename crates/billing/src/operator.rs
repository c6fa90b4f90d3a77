//! The utility that runs Kvit, as its bills and pages show it.

use serde::{Deserialize, Serialize};

use crate::{Address, Currency, customer::Text};

/// The seller of every bill (EN 16931 BG-4), with what bills and pages say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Legal name.
    pub name: Text,
    /// Name as people say it, for headings and mails.
    pub short_name: Text,
    /// Company identifier (ЕИК).
    pub eik: String,
    /// VAT number with country prefix.
    pub vat_number: String,
    /// Registered address, in Bulgarian.
    pub address: Address,
    /// Registered address, in English letters.
    pub address_en: Address,
    /// Account that bills are paid to.
    pub iban: String,
    /// Its bank's BIC; may be empty within the euro area.
    #[serde(default)]
    pub bic: String,
    /// Currency of all bills.
    #[serde(default = "euro")]
    pub currency: Currency,
    /// Telephone line that answers day and night.
    pub hotline: String,
    /// Address for questions.
    pub email: String,
    /// The company's own site.
    pub website: String,
    /// How to complain to the operator, in a sentence.
    pub complaints: Text,
    /// The body that settles disputes, with its contact.
    pub dispute_body: Text,
    /// How to change supplier, in a sentence (Directive (EU) 2019/944, Annex I).
    pub switching: Text,
}

fn euro() -> Currency {
    Currency::EUR
}

/// Colours and logo of bills, pages and mails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Main colour, `#rrggbb`, dark enough for white text on it.
    pub primary: String,
    /// Second colour, `#rrggbb`, for highlights.
    pub accent: String,
    /// Path of an SVG logo, relative to the instance folder; empty for the built-in mark.
    #[serde(default)]
    pub logo: String,
}
