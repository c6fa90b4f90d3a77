//! Who sells and who buys (EN 16931, BG-4 and BG-7).

use kvit_billing::{Address, Bill, Language, Operator};

use super::xml::Xml;

/// Electronic address scheme of Bulgarian VAT numbers (EAS).
const BULGARIAN_VAT: &str = "9926";
/// Lines of an address that EN 16931 has terms for.
const LINES: [&str; 3] = ["ram:LineOne", "ram:LineTwo", "ram:LineThree"];

/// `out_of_scope`: where nothing is subject to VAT, no VAT number may stand (BR-O-02).
pub(super) fn seller(xml: &mut Xml, bill: &Bill, operator: &Operator, out_of_scope: bool) {
    let language = bill.customer.language;
    xml.common(|xml| the_seller(xml, operator, language, out_of_scope));
}

fn the_seller(xml: &mut Xml, operator: &Operator, language: Language, out_of_scope: bool) {
    xml.element("ram:SellerTradeParty", |xml| {
        xml.leaf("ram:Name", operator.name.get(language));
        xml.element("ram:SpecifiedLegalOrganization", |xml| {
            xml.leaf("ram:ID", &operator.eik);
            xml.leaf_if("ram:TradingBusinessName", operator.short_name.get(language));
        });
        xml.element("ram:DefinedTradeContact", |xml| {
            xml.leaf("ram:PersonName", operator.short_name.get(language));
            xml.element("ram:TelephoneUniversalCommunication", |xml| {
                xml.leaf("ram:CompleteNumber", &operator.hotline);
            });
            xml.element("ram:EmailURIUniversalCommunication", |xml| {
                xml.leaf("ram:URIID", &operator.email);
            });
        });
        let address = match language {
            Language::Bg => &operator.address,
            Language::En => &operator.address_en,
        };
        postal(xml, address);
        vat(xml, Some(&operator.vat_number).filter(|_| !out_of_scope));
    });
}

pub(super) fn buyer(xml: &mut Xml, bill: &Bill, out_of_scope: bool) {
    let customer = &bill.customer;
    xml.element("ram:BuyerTradeParty", |xml| {
        xml.leaf("ram:ID", &customer.number);
        xml.leaf("ram:Name", &customer.name);
        if let Some(eik) = &customer.eik {
            xml.element("ram:SpecifiedLegalOrganization", |xml| {
                xml.leaf("ram:ID", eik)
            });
        }
        postal(xml, &customer.address);
        vat(xml, customer.vat_number.as_ref().filter(|_| !out_of_scope));
    });
}

fn postal(xml: &mut Xml, address: &Address) {
    xml.element("ram:PostalTradeAddress", |xml| {
        xml.leaf_if("ram:PostcodeCode", &address.postcode);
        let mut lines = address.lines.iter().filter(|line| !line.trim().is_empty());
        for name in &LINES[..2] {
            if let Some(line) = lines.next() {
                xml.leaf(name, line);
            }
        }
        let rest: Vec<&str> = lines.map(String::as_str).collect();
        xml.leaf_if(LINES[2], &rest.join(", "));
        xml.leaf_if("ram:CityName", &address.city);
        xml.code("ram:CountryID", &address.country);
    });
}

/// The electronic address and the VAT number, where there is one.
fn vat(xml: &mut Xml, number: Option<&String>) {
    let Some(number) = number else { return };
    if number.starts_with("BG") {
        xml.element("ram:URIUniversalCommunication", |xml| {
            xml.leaf_with("ram:URIID", &[("schemeID", BULGARIAN_VAT)], number);
        });
    }
    xml.element("ram:SpecifiedTaxRegistration", |xml| {
        xml.leaf_with("ram:ID", &[("schemeID", "VA")], number);
    });
}
