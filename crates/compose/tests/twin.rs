//! The twin of many kinds of bills: what it says, and that our own reader reads it back.

use jiff::{Timestamp, civil::date};
use kvit_billing::{
    Bill, BillKind, BillNumber, Cents, Currency, Language, Series,
    code::InstanceKey,
    customer::Text,
    order::{Line, VatCategory, VatLine},
};
use kvit_compose::{TwinError, twin};
use kvit_intake::{Characters, Findings, Rules, read_invoice};
use kvit_synth::{Synth, operator};
use rust_decimal::Decimal;

fn bill(i: u32, language: Language) -> Bill {
    let synth = Synth::new(7, 1000);
    let month = date(2026, 10, 1);
    let mut customer = synth.customer(i);
    customer.language = language;
    Bill {
        number: BillNumber::new(10_000_000 + u64::from(i)).expect("a number"),
        series: "main".parse::<Series>().expect("a series"),
        issued_at: "2026-11-02T08:00:00Z".parse::<Timestamp>().expect("a time"),
        issue_date: date(2026, 11, 2),
        code: InstanceKey::new(&[7; 32]).authorization_code(&customer.number, 1),
        customer,
        verify_url: "https://example.test/v/x".to_owned(),
        enrol_url: "https://example.test/e/x".to_owned(),
        order: synth.order(i, month),
    }
}

fn credit_note(i: u32) -> Bill {
    let mut note = bill(i, Language::Bg);
    let original = BillNumber::new(42).expect("a number");
    note.order = Synth::new(7, 1000).credit_note(i, date(2026, 10, 1), original, date(2026, 11, 2));
    note
}

fn text(bill: &Bill) -> String {
    let xml = twin(bill, &operator().0).expect("a twin");
    String::from_utf8(xml).expect("UTF-8")
}

/// Where `KVIT_SEALED_BILLS` names a folder, a twin stays there for `conformance/run` to judge.
fn keep(name: &str, xml: &str) {
    if let Some(folder) = std::env::var_os("KVIT_SEALED_BILLS") {
        let folder = std::path::PathBuf::from(folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(name), xml).expect("written");
    }
}

/// Reads the twin as a run file would be read.
fn read(bill: &Bill) -> kvit_intake::Invoice {
    let (operator, _) = operator();
    let rules = Rules {
        operator_ids: vec![operator.eik.clone(), operator.vat_number.clone()],
        currency: Currency::EUR,
        operator_is_placeholder: false,
        today: date(2026, 11, 2),
        shown: Characters::all(),
    };
    let mut findings = Findings::default();
    let xml = twin(bill, &operator).expect("a twin");
    let invoice = read_invoice("factur-x.xml", &xml, &rules, &mut findings);
    assert_eq!(findings.errors(), 0, "{findings:?}");
    invoice.expect("an invoice")
}

/// Puts the sums in order after a test has changed the lines.
fn summed(mut bill: Bill, vat: Vec<VatLine>) -> Bill {
    let totals = &mut bill.order.totals;
    totals.net = bill.order.lines.iter().map(|line| line.net).sum();
    totals.vat = vat.iter().map(|vat| vat.amount).sum();
    totals.gross = totals.net + totals.vat;
    (totals.prepaid, totals.rounding, totals.carried_over) = Default::default();
    totals.to_pay = totals.gross;
    bill.order.vat = vat;
    bill
}

fn line(name: &str, cents: i64, category: VatCategory, rate: i64) -> Line {
    Line {
        name: Text::same(name),
        section: kvit_billing::order::Section::Other,
        supply_point: None,
        period: None,
        quantity: Decimal::ONE,
        unit: "C62".to_owned(),
        unit_price: Cents::new(cents).to_decimal(),
        price_base: Decimal::ONE,
        net: Cents::new(cents),
        vat_category: category,
        vat_rate: Decimal::from(rate),
    }
}

fn vat(category: VatCategory, rate: i64, base: i64, amount: i64, ground: Option<&str>) -> VatLine {
    VatLine {
        category,
        rate: Decimal::from(rate),
        base: Cents::new(base),
        amount: Cents::new(amount),
        exemption: ground.map(Text::same),
    }
}

#[test]
fn every_amount_comes_back() {
    let mut carried = 0;
    for i in 0..120 {
        for bill in [bill(i, Language::Bg), bill(i, Language::En), credit_note(i)] {
            let read = read(&bill).order;
            let (printed, found) = (&bill.order.totals, &read.totals);
            assert_eq!(found.net, printed.net);
            assert_eq!(found.vat, printed.vat);
            assert_eq!(found.gross, printed.gross);
            assert_eq!(found.rounding, printed.rounding);
            assert_eq!(found.to_pay, printed.to_pay);
            assert_eq!(found.prepaid, printed.prepaid - printed.carried_over);
            carried += u32::from(printed.carried_over != Cents::ZERO);
            assert_eq!(read.kind, bill.order.kind);
            assert_eq!(read.period, bill.order.period);
            assert_eq!(read.due_date, bill.order.due_date);
            assert_eq!(read.tax_event_date, bill.order.tax_event_date);
            assert_eq!(read.lines.len(), bill.order.lines.len());
            for (printed, found) in bill.order.lines.iter().zip(&read.lines) {
                assert_eq!(found.net, printed.net);
                assert_eq!(found.quantity, printed.quantity);
                assert_eq!(found.unit_price, printed.unit_price);
                assert_eq!(found.price_base, printed.price_base);
                assert_eq!(
                    (found.vat_category, found.vat_rate),
                    (printed.vat_category, printed.vat_rate)
                );
                assert_eq!(found.name.bg, printed.name.get(bill.customer.language));
            }
            let bases = |order: &kvit_billing::BillOrder| -> Vec<(Decimal, Cents, Cents)> {
                order
                    .vat
                    .iter()
                    .map(|vat| (vat.rate, vat.base, vat.amount))
                    .collect()
            };
            assert_eq!(bases(&read), bases(&bill.order));
        }
    }
    assert!(carried > 9, "some bills carry a balance over");
}

#[test]
fn a_note_names_what_it_corrects() {
    for i in 0..20 {
        keep(&format!("credit-{i}.xml"), &text(&credit_note(i)));
    }
    let note = credit_note(3);
    assert_eq!(note.order.kind, BillKind::CreditNote);
    let xml = text(&note);
    for piece in [
        "<ram:TypeCode>381</ram:TypeCode>",
        "<ram:InvoiceReferencedDocument><ram:IssuerAssignedID>0000000042</ram:IssuerAssignedID>",
        "<qdt:DateTimeString format=\"102\">20261102</qdt:DateTimeString>",
    ] {
        assert!(xml.contains(piece), "{piece} in {xml}");
    }
    let read = read(&note).order;
    assert_eq!(
        read.corrects.expect("an original").number.to_string(),
        "0000000042"
    );
}

#[test]
fn several_rates_and_grounds() {
    let mut several = bill(1, Language::Bg);
    several.order.lines = vec![
        line("Енергия", 10_000, VatCategory::S, 20),
        line("Книга", 1_000, VatCategory::S, 9),
        line("Застраховка", 500, VatCategory::E, 0),
        line("Връщане", -1_000, VatCategory::S, 20),
    ];
    several.order.lines[3].unit_price = Decimal::TEN;
    several.order.lines[3].quantity = -Decimal::ONE;
    let several = summed(
        several,
        vec![
            vat(VatCategory::S, 20, 9_000, 1_800, None),
            vat(VatCategory::S, 9, 1_000, 90, None),
            vat(VatCategory::E, 0, 500, 0, Some("чл. 47 от ЗДДС")),
        ],
    );
    let xml = text(&several);
    assert!(xml.contains("<ram:ExemptionReason>чл. 47 от ЗДДС</ram:ExemptionReason>"));
    assert_eq!(xml.matches("<ram:TaxPointDate>").count(), 1, "CII-SR-461");
    keep("several-rates.xml", &xml);
    let read = read(&several).order;
    assert_eq!(read.vat, several.order.vat);

    let mut outside = bill(2, Language::En);
    outside.order.lines = vec![line("Deposit", 5_000, VatCategory::O, 0)];
    let outside = summed(
        outside,
        vec![vat(
            VatCategory::O,
            0,
            5_000,
            0,
            Some("Outside the scope of VAT"),
        )],
    );
    let xml = text(&outside);
    assert!(
        !xml.contains("RateApplicablePercent") && !xml.contains("schemeID=\"VA\""),
        "{xml}"
    );
    keep("outside.xml", &xml);

    let mut reversed = bill(2, Language::Bg);
    reversed.customer.vat_number = Some("BG987654321".to_owned());
    reversed.order.lines = vec![line("Енергия", 5_000, VatCategory::AE, 0)];
    let ground = Some("чл. 163а от ЗДДС");
    let reversed = summed(reversed, vec![vat(VatCategory::AE, 0, 5_000, 0, ground)]);
    keep("reversed.xml", &text(&reversed));

    let mut zero = bill(2, Language::Bg);
    zero.order.lines = vec![line("Износ", 5_000, VatCategory::Z, 0)];
    let zero = summed(
        zero,
        vec![vat(VatCategory::Z, 0, 5_000, 0, Some("чл. 28 от ЗДДС"))],
    );
    let xml = text(&zero);
    assert!(!xml.contains("ExemptionReason"), "BR-Z-10: {xml}");
    keep("zero-rated.xml", &xml);
}

#[test]
fn texts_are_escaped_and_bytes_repeat() {
    let mut odd = bill(5, Language::Bg);
    odd.customer.name = "„А & Б“ <ООД> \"x\" \u{1}\u{ffff} שלום 🙂".to_owned();
    let xml = text(&odd);
    assert!(xml.contains("„А &amp; Б“ &lt;ООД&gt; &quot;x&quot; \u{fffd}\u{fffd} שלום 🙂"));
    assert_eq!(xml, text(&odd));
    keep("odd-texts.xml", &xml);
}

#[test]
fn data_without_a_valid_twin_is_named() {
    let (operator, _) = operator();
    let refused = |change: &dyn Fn(&mut Bill)| {
        let mut bill = bill(1, Language::Bg);
        change(&mut bill);
        twin(&bill, &operator).expect_err("refused")
    };
    assert_eq!(
        refused(&|bill| bill.order.lines.clear()),
        TwinError::NoLines
    );
    assert!(matches!(
        refused(&|bill| bill.order.totals.net += Cents::new(1)),
        TwinError::Sum { term: "BT-109", .. }
    ));
    assert!(matches!(
        refused(&|bill| bill.order.lines[0].unit_price = -Decimal::ONE),
        TwinError::NegativePrice { line: 1 }
    ));
    assert!(matches!(
        refused(&|bill| bill.order.lines[0].vat_rate = Decimal::ONE),
        TwinError::Vat { .. }
    ));
    assert!(matches!(
        refused(&|bill| bill.customer.address.country = "Bulgaria".to_owned()),
        TwinError::Country(_)
    ));
    assert!(matches!(
        refused(&|bill| bill.customer.address.country = "XX".to_owned()),
        TwinError::Country(_)
    ));
    for number in ["123", "ZZ1"] {
        assert!(matches!(
            refused(&|bill| bill.customer.vat_number = Some(number.to_owned())),
            TwinError::VatNumber(_)
        ));
    }
    assert!(matches!(
        refused(&|bill| bill.order.lines[0].unit = "ZZZ".to_owned()),
        TwinError::Unit { line: 1, .. }
    ));
    assert!(matches!(
        refused(&|bill| bill.customer.name.clear()),
        TwinError::NoName("customer")
    ));
}
