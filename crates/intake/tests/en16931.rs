//! EN 16931 invoices come in with their amounts, and hostile XML with a finding.

use kvit_billing::{Cents, Currency};
use kvit_intake::{Characters, Findings, Invoice, Rules, read_invoice};

fn read(name: &str, xml: &[u8]) -> (Option<Invoice>, Findings) {
    let rules = Rules {
        operator_ids: vec!["000000000".to_owned()],
        currency: Currency::EUR,
        operator_is_placeholder: true,
        today: jiff::civil::date(2026, 11, 24),
        shown: Characters::all(),
    };
    let mut findings = Findings::default();
    let invoice = read_invoice(name, xml, &rules, &mut findings);
    (invoice, findings)
}

fn good(name: &str, xml: &[u8]) -> Invoice {
    let (invoice, findings) = read(name, xml);
    assert!(!findings.has_errors(), "{name}: {:#?}", findings.list());
    invoice.expect(name)
}

#[test]
fn both_syntaxes_give_the_same_order() {
    let ubl = good("ubl", include_bytes!("data/bill-ubl.xml"));
    let cii = good("cii", include_bytes!("data/bill-cii.xml"));
    assert_eq!(ubl, cii);
    assert_eq!(ubl.order.account.as_str(), "AB1007");
    assert_eq!(ubl.order.totals.to_pay, Cents::new(2_000));
    assert_eq!(ubl.order.lines[1].net, Cents::new(-100));
    assert_eq!(ubl.order.supply_points[0].code, "32Z000000000001A");
}

#[test]
fn samples_keep_their_amounts() {
    let folder = std::env::var("KVIT_EN16931_SAMPLES").unwrap_or_default();
    if folder.is_empty() {
        eprintln!("SKIPPED: KVIT_EN16931_SAMPLES names no folder");
        return;
    }
    for (name, amounts) in [
        ("CII_example8.xml", [90_891, 19_087, 109_978, 109_978]),
        ("ubl-tc434-example8.xml", [90_891, 19_087, 109_978, 109_978]),
        (
            "BIS_Billing_30-Elhandel.xml",
            [64_399, 14_850, 79_249, 79_200],
        ),
        (
            "BIS_Billing_30-Elnat.xml",
            [156_239, 39_060, 195_299, 195_300],
        ),
        (
            "03.04a-INVOICE_ubl.xml",
            [3_515_682, 667_980, 4_183_662, 199_762],
        ),
        (
            "03.04a-INVOICE_uncefact.xml",
            [3_515_682, 667_980, 4_183_662, 199_762],
        ),
    ] {
        let xml = std::fs::read(format!("{folder}/{name}")).expect(name);
        let t = good(name, &xml).order.totals;
        let found = [t.net, t.vat, t.gross, t.to_pay].map(Cents::get);
        assert_eq!(found, amounts, "{name}");
    }
}

#[test]
fn hostile_xml_is_a_finding() {
    let ubl = include_bytes!("data/bill-ubl.xml");
    let dtd = b"<!DOCTYPE a [<!ENTITY b 'c'>]><Invoice>&b;</Invoice>".to_vec();
    let deep = format!(
        "<Invoice>{}{}</Invoice>",
        "<a>".repeat(100_000),
        "</a>".repeat(100_000)
    );
    for xml in [
        dtd,
        deep.into_bytes(),
        b"<Invoice/>".to_vec(),
        vec![0xff],
        Vec::new(),
    ] {
        let (invoice, findings) = read("hostile", &xml);
        assert!(invoice.is_none() && findings.has_errors());
    }
    for end in (0..ubl.len() - 20).step_by(37) {
        let (invoice, findings) = read("cut", &ubl[..end]);
        assert!(invoice.is_none() && findings.has_errors());
    }
}

#[test]
fn a_missing_term_is_named() {
    let xml =
        include_str!("data/bill-ubl.xml").replace("<b:IssueDate>2026-11-03</b:IssueDate>", "");
    let (invoice, findings) = read("missing", xml.as_bytes());
    assert!(invoice.is_none());
    assert!(findings.list().iter().any(|d| d.field == "BT-2"));
}

#[test]
fn a_price_repeated_as_its_base_is_put_right() {
    let cii = include_str!("data/bill-cii.xml");
    // 200 kWh at 1.20 a dozen: the base is 12, and says 1.20.
    let price = "<ChargeAmount>0.10</ChargeAmount>";
    assert!(cii.contains(price));
    let odd = "<ChargeAmount>1.20</ChargeAmount><BasisQuantity>1.20</BasisQuantity>";
    let (invoice, findings) = read("odd", cii.replacen(price, odd, 1).as_bytes());
    let told = findings
        .list()
        .iter()
        .filter(|f| f.code == kvit_intake::Check::LineNet);
    assert_eq!(told.count(), 0, "{:#?}", findings.list());
    let line = &invoice.expect("an invoice").order.lines[0];
    assert_eq!(line.price_base.to_string(), "12");
}
