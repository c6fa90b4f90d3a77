//! Any bytes whatever: no panic, no endless work, and never more findings than a report holds.

use std::time::{Duration, Instant};

use kvit_billing::{BillOrder, Currency, order::RunHeader};
use kvit_intake::{Characters, Findings, Format, NdjsonReader, Rules, read_invoice, sniff};
use proptest::prelude::*;

const UBL: &str = include_str!("data/bill-ubl.xml");
const CII: &str = include_str!("data/bill-cii.xml");
/// Generous for a debug build on a busy machine; the shapes below would take hours.
const TIME_MAX: Duration = Duration::from_secs(90);

fn rules() -> Rules {
    Rules {
        operator_ids: vec!["000000000".to_owned()],
        currency: Currency::EUR,
        operator_is_placeholder: true,
        today: jiff::civil::date(2026, 11, 24),
        shown: Characters::all(),
    }
}

/// Reads bytes as what they seem to be; gives the number of orders.
fn read(bytes: &[u8]) -> (usize, Findings) {
    let mut findings = Findings::default();
    let orders = match sniff(bytes) {
        Format::Ubl | Format::Cii => {
            usize::from(read_invoice("a.xml", bytes, &rules(), &mut findings).is_some())
        }
        Format::Ndjson | Format::Zip | Format::Unknown => read_lines(bytes, &mut findings),
    };
    assert!(findings.list().len() <= Findings::LIMIT);
    (orders, findings)
}

fn read_lines(bytes: &[u8], findings: &mut Findings) -> usize {
    let Some(mut reader) = NdjsonReader::open("a.ndjson", bytes, &rules(), findings) else {
        return 0;
    };
    let mut orders = 0;
    while reader.next_order(findings).is_some() {
        orders += 1;
    }
    reader.finish(findings);
    orders
}

fn header() -> String {
    let header = RunHeader {
        format: "kvit-run".to_owned(),
        format_version: 1,
        system: "a".to_owned(),
        run: "b".to_owned(),
        period: kvit_billing::Period::month_of(jiff::civil::date(2026, 10, 1)),
        seller: "000000000".to_owned(),
        currency: Currency::EUR,
        orders: 1,
        sum_cents: kvit_billing::Cents::new(1200),
    };
    serde_json::to_string(&header).expect("JSON")
}

const ORDER: &str = r#"{"account":"7","period":{"from":"2026-10-01","to":"2026-10-31"},"customer":{"number":"7","name":"Иван","address":{"city":"Русе"}},"tax_event_date":"2026-10-31","due_date":"2026-11-25","lines":[{"name":"Енергия","quantity":"100","unit":"KWH","unit_price":"0.1","net":1000,"vat_rate":"20"}],"vat":[{"rate":"20","base":1000,"amount":200}],"totals":{"net":1000,"vat":200,"gross":1200,"to_pay":1200}}"#;

/// A text with a few of its bytes changed, added or cut out.
fn mutated(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..4_u8, any::<u8>());
    prop::collection::vec(edit, 1..6).prop_map(move |edits| {
        let mut bytes = text.as_bytes().to_vec();
        for (place, kind, byte) in edits {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => {
                    bytes.remove(at);
                }
                _ => bytes[at] = b'0' + byte % 10,
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let (orders, findings) = read(&bytes);
        prop_assert!(orders == 0 && findings.has_errors());
    }

    #[test]
    fn any_line_after_a_good_header_is_judged(line in mutated(ORDER)) {
        let mut bytes = header().into_bytes();
        bytes.push(b'\n');
        bytes.extend(line);
        let (orders, findings) = read(&bytes);
        // What is let through is an order whose sums hold.
        prop_assert!(orders > 0 || findings.has_errors());
    }

    #[test]
    fn any_header_is_judged(text in "\\PC{0,300}") {
        read(format!("{{{text}\n{ORDER}").as_bytes());
    }

    #[test]
    fn any_ubl_is_judged(bytes in mutated(UBL)) {
        read(&bytes);
    }

    #[test]
    fn any_cii_is_judged(bytes in mutated(CII)) {
        read(&bytes);
    }
}

#[test]
fn the_untouched_ones_come_in() {
    let lines = format!("{}\n{ORDER}\n", header());
    for text in [UBL, CII, &lines] {
        let (orders, findings) = read(text.as_bytes());
        assert_eq!(orders, 1, "{:#?}", findings.list());
    }
}

/// A meter's unit is kept with the bill: PostgreSQL takes no NUL.
#[test]
fn a_meter_counts_in_a_code() {
    const METER: &str = r#","supply_points":[{"code":"1","address":"Русе","meters":[{"serial":"7","unit":"KWH","consumption":"1","old":{"date":"2026-09-30","value":"1"},"new":{"date":"2026-10-31","value":"2"}}]}]}"#;
    for (unit, good) in [
        ("KWH", true),
        ("", false),
        ("K\\u0000", false),
        ("kWh", false),
    ] {
        let order = ORDER.strip_suffix('}').expect("an object").to_owned() + METER;
        let (lines, meters) = order.split_at(order.len() - METER.len());
        let meters = meters.replace("KWH", unit);
        let order = [lines, &meters].concat();
        let (_, findings) = read(format!("{}\n{order}\n", header()).as_bytes());
        let told = findings.list().iter();
        let told: Vec<_> = told
            .map(|one| (one.code.as_str(), one.field.as_str()))
            .collect();
        let fault = [("unit", "/supply_points/0/meters/0/unit")];
        assert_eq!(told, if good { &fault[..0] } else { &fault }, "{unit}");
        let staged: BillOrder = serde_json::from_str(&order).expect("an order");
        let kept = staged.consumed();
        assert!(
            kept.is_none_or(|kept| !kept.unit.contains('\0')),
            "{unit:?}"
        );
    }
}

fn ubl(inside: &str) -> String {
    let space = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
    format!("<Invoice xmlns=\"{space}\">{inside}</Invoice>")
}

#[test]
fn bombs_are_refused_in_time() {
    let many = |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<String>();
    let attributes = many(500_000, &|i| format!(" a{i}=\"\""));
    let declared = many(900, &|i| format!(" xmlns:a{i}=\"u\""));
    let bombs = [
        (
            "a billion laughs",
            "<!DOCTYPE Invoice [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]>".to_owned()
                + &ubl("&b;"),
        ),
        (
            "an entity from outside",
            "<!DOCTYPE Invoice [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>".to_owned()
                + &ubl("&a;"),
        ),
        ("a wide element", ubl(&format!("<b{attributes}/>"))),
        (
            "many name spaces",
            ubl(&format!(
                "<b{declared}>{}</b>",
                "<c xmlns=\"q\"/>".repeat(400_000)
            )),
        ),
        (
            "a deep tree",
            ubl(&("<a>".repeat(500_000) + &"</a>".repeat(500_000))),
        ),
        ("many nodes", ubl(&"<a/>".repeat(3_000_000))),
        (
            "many faulty lines",
            ubl(&"<InvoiceLine/>\n".repeat(300_000)),
        ),
        (
            "a long text",
            ubl(&format!("<Note>{}</Note>", "=".repeat(19_000_000))),
        ),
        ("beyond the limit", ubl(&" ".repeat(21 * 1024 * 1024))),
    ];
    for (name, xml) in bombs {
        let started = Instant::now();
        let (orders, findings) = read(xml.as_bytes());
        assert!(orders == 0 && findings.has_errors(), "{name}");
        let took = started.elapsed();
        assert!(took < TIME_MAX, "{name} took {took:?}");
    }
}

#[test]
fn json_bombs_are_refused_in_time() {
    for (name, line) in [
        ("deep", "[".repeat(500_000)),
        (
            "deep in a field",
            format!("{{\"lines\":{}", "[".repeat(500_000)),
        ),
        (
            "a long number",
            format!("{{\"version\":1{}}}", "0".repeat(900_000)),
        ),
        ("a huge exponent", "{\"version\":1e999999999}".to_owned()),
        (
            "many lines of a bill",
            ORDER.replace(
                "\"lines\":[",
                &format!("\"lines\":[{}", "{},".repeat(300_000)),
            ),
        ),
        (
            "a decimal beyond all",
            ORDER.replace("\"100\"", &format!("\"1{}\"", "0".repeat(5_000))),
        ),
    ] {
        let started = Instant::now();
        let (orders, findings) = read(format!("{}\n{line}\n", header()).as_bytes());
        assert!(orders == 0 && findings.has_errors(), "{name}");
        assert!(started.elapsed() < TIME_MAX, "{name}");
    }
}
