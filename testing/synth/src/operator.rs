//! The invented operator.

use kvit_billing::{Address, Currency, Operator, customer::Text, operator::Brand};

use crate::numbers;

/// An electricity supplier that does not exist, with valid check digits, and its brand.
#[must_use]
pub fn operator() -> (Operator, Brand) {
    let eik = numbers::eik(99_990_001);
    let address = |street: &str, city: &str| Address {
        lines: vec![street.to_owned()],
        postcode: "1000".to_owned(),
        city: city.to_owned(),
        country: "BG".to_owned(),
    };
    let operator = Operator {
        name: Text::both("„Енерго Светулка“ АД", "Energo Svetulka AD"),
        short_name: Text::both("Светулка", "Svetulka"),
        vat_number: format!("BG{eik}"),
        eik,
        address: address("ул. „Измислена“ № 1", "София"),
        address_en: address("1 Izmislena Street", "Sofia"),
        iban: numbers::iban("KVTB", "000010", "00000001"),
        bic: "KVTBBGSF".to_owned(),
        currency: Currency::EUR,
        hotline: "0700 00 000".to_owned(),
        email: "klienti@svetulka.example".to_owned(),
        website: "https://svetulka.example".to_owned(),
        complaints: Text::both(
            "Ако не сте съгласни с нещо по сметката, обадете ни се или ни пишете – отговаряме до 14 дни.",
            "If you disagree with anything on this bill, call or write to us; we answer within 14 days.",
        ),
        dispute_body: Text::both(
            "Ако не приемате отговора ни, можете да се обърнете към Комисията за енергийно и водно регулиране, dker.bg.",
            "If our answer does not satisfy you, you may turn to the Energy and Water Regulatory Commission, dker.bg.",
        ),
        switching: Text::both(
            "Можете да смените доставчика си безплатно – подайте заявление до новия, той урежда останалото.",
            "You may change your supplier free of charge: apply to the new one, who arranges the rest.",
        ),
    };
    let brand = Brand {
        primary: "#14532d".to_owned(),
        accent: "#f2b705".to_owned(),
        logo: String::new(),
    };
    (operator, brand)
}
