//! Bills of every kind that a layout has to cope with: few lines and many, notes, odd names, another
//! utility.

use jiff::civil::date;
use kvit_billing::{
    Bill, BillNumber, BillOrder, Cents, Language,
    code::InstanceKey,
    customer::Text,
    order::{BillKind, Correction, Line, Section, Totals, VatCategory, VatLine},
};
use rust_decimal::Decimal;

use crate::Synth;

/// An order of every kind that looks different from the others, with a name.
///
/// # Panics
/// Never: a thousand invented customers have one of each.
#[must_use]
pub fn all() -> Vec<(&'static str, BillOrder)> {
    let synth = Synth::new(7, 1_000);
    let month = date(2026, 10, 1);
    let find = |wanted: &dyn Fn(&BillOrder) -> bool| {
        (0..1_000)
            .map(|i| synth.order(i, month))
            .find(|order| wanted(order))
            .expect("among a thousand customers")
    };
    let household =
        find(&|o| o.supply_points.len() == 1 && o.lines.len() == 7 && o.totals.to_pay.get() > 0);
    let owing = find(&|o| o.totals.carried_over.get() > 0 && o.totals.prepaid.get() == 0);
    let two_points = find(&|o| o.supply_points.len() == 2);
    let estimated = find(&|o| !o.notes.is_empty());
    let company = find(&|o| o.customer.as_ref().is_some_and(|c| c.eik.is_some()));
    let original = BillNumber::new(4_210_998_877).expect("ten digits");
    let credit = synth.credit_note(11, month, original, date(2026, 10, 3));

    let mut debit = household.clone();
    debit.kind = BillKind::DebitNote;
    debit.corrects = Some(Correction {
        number: original,
        issue_date: date(2026, 10, 3),
        ground: Text::both("Неначислено потребление", "Consumption not charged"),
    });
    let mut in_credit = household.clone();
    in_credit.totals.carried_over = Cents::new(-50_000);
    in_credit.totals.to_pay = in_credit.totals.gross + in_credit.totals.carried_over;
    let mut zero = household.clone();
    zero.totals.carried_over = -zero.totals.gross;
    zero.totals.to_pay = Cents::ZERO;
    let mut bare = household.clone();
    bare.history = None;
    bare.supply_points.clear();
    bare.contract = None;
    bare.sources.clear();
    for line in &mut bare.lines {
        line.supply_point = None;
    }
    let mut names = household.clone();
    if let Some(customer) = &mut names.customer {
        customer.name =
            "Александра-Магдалена Константинова Хаджипетрова-Кърджалийска и сие ООД".to_owned();
        customer.address.lines = vec![
            "ж.к. „Свети Константин и Елена“, бул. „Христофор Колумб“ № 124, бл. 305, вх. „Б“"
                .to_owned(),
            "ет. 17, ап. 142".to_owned(),
        ];
    }
    let mut strange = household.clone();
    if let Some(customer) = &mut strange.customer {
        customer.name = "שלום 😀 Иван\u{202e}".to_owned();
    }
    vec![
        ("household", household.clone()),
        ("owing", owing),
        ("two-points", two_points),
        ("estimated", estimated),
        ("company", company),
        ("credit-note", credit),
        ("debit-note", debit),
        ("in-credit", in_credit),
        ("zero", zero),
        ("bare", bare),
        ("long-names", names),
        ("strange-name", strange),
        ("many-meters", long(7, 12)),
        ("many-lines", long(60, 2)),
        ("water", water(household.clone())),
        ("huge", huge(household)),
    ]
}

/// An order as an issued bill, in this language.
///
/// # Panics
/// Where the order does not name its customer.
#[must_use]
pub fn issued(mut order: BillOrder, language: Language) -> Bill {
    let mut customer = order.customer.take().expect("synth names the customer");
    customer.language = language;
    let number = BillNumber::new(4_211_000_001).expect("ten digits");
    Bill {
        number,
        series: "main".parse().expect("a series"),
        issued_at: "2026-11-02T07:30:00Z".parse().expect("a moment"),
        issue_date: date(2026, 11, 2),
        code: InstanceKey::new(&[7; 32]).authorization_code(&customer.number, 1),
        verify_url: format!(
            "https://smetki.svetulka.example/v/{number}-0123456789abcdef0123456789abcdef"
        ),
        enrol_url: format!(
            "https://smetki.svetulka.example/enrol?n={}",
            customer.number
        ),
        customer,
        order,
    }
}

/// A bill with so many lines and registers, each with a name or serial, amounts and readings of its own.
///
/// # Panics
/// Never: the invented customer's bill has a line.
#[must_use]
pub fn long(lines: usize, meters: usize) -> BillOrder {
    let synth = Synth::new(7, 1_000);
    let mut order = synth.order(2, date(2026, 10, 1));
    if let Some(point) = order.supply_points.first_mut() {
        let meter = point.meters.first().cloned();
        point.meters = meter.into_iter().cycle().take(meters).collect();
        for (n, meter) in (0_u32..).zip(&mut point.meters).skip(1) {
            meter.serial = format!("{}{n:02}", meter.serial);
            meter.old.value += Decimal::from(1_009 * n);
            meter.consumption += Decimal::from(n) * meter.multiplier;
            meter.new.value += Decimal::from(1_010 * n);
        }
    }
    let line = order.lines.first().cloned().expect("a line");
    order.lines.truncate(lines);
    while order.lines.len() < lines {
        let section = match order.lines.len() % 3 {
            0 => Section::Supply,
            1 => Section::Network,
            _ => Section::Other,
        };
        let n = order.lines.len() + 1;
        let quantity = line.quantity + Decimal::from(n);
        let net = quantity * line.unit_price / line.price_base;
        order.lines.push(Line {
            section,
            name: Text::both(format!("Начисление {n:02}"), format!("Charge {n:02}")),
            quantity,
            net: Cents::round(net).expect("small"),
            ..line.clone()
        });
    }
    sum(&mut order);
    order
}

/// A bill of another utility: cubic metres, two rates, no shares of sources.
fn water(mut order: BillOrder) -> BillOrder {
    let used = Decimal::from(9);
    order.sources.clear();
    let line = |name: &str, en: &str, section, cents: i64, rate: i64, category| Line {
        name: Text::both(name, en),
        section,
        supply_point: None,
        period: None,
        quantity: used,
        unit: "MTQ".to_owned(),
        unit_price: Decimal::new(cents, 3),
        price_base: Decimal::ONE,
        net: Cents::round(Decimal::new(cents, 3) * used).expect("small"),
        vat_category: category,
        vat_rate: Decimal::from(rate),
    };
    order.lines = vec![
        line(
            "Доставяне на вода",
            "Water supply",
            Section::Supply,
            1_337,
            20,
            VatCategory::S,
        ),
        line(
            "Отвеждане на отпадъчни води",
            "Sewerage",
            Section::Network,
            402,
            20,
            VatCategory::S,
        ),
        line(
            "Пречистване",
            "Treatment",
            Section::Network,
            331,
            9,
            VatCategory::S,
        ),
        line(
            "Обезщетение",
            "Compensation",
            Section::Other,
            200,
            0,
            VatCategory::E,
        ),
    ];
    for point in &mut order.supply_points {
        point.network = None;
        point.meters.truncate(1);
        for meter in &mut point.meters {
            meter.register = None;
            meter.unit = "MTQ".to_owned();
            meter.multiplier = Decimal::ONE;
            meter.consumption = used;
            meter.new.value = meter.old.value + used;
        }
    }
    if let Some(history) = &mut order.history {
        history.unit = "MTQ".to_owned();
        for month in &mut history.months {
            month.quantity = (month.quantity / Decimal::from(40)).round();
        }
        if let Some(last) = history.months.last_mut() {
            last.quantity = used;
        }
    }
    sum(&mut order);
    for vat in &mut order.vat {
        if vat.category == VatCategory::E {
            vat.exemption = Some(Text::both(
                "Обезщетение, чл. 26, ал. 2 от ЗДДС",
                "Compensation, art. 26(2) of the VAT Act",
            ));
        }
    }
    order
}

fn huge(mut order: BillOrder) -> BillOrder {
    let line = order.lines.first_mut().expect("a line");
    line.net = Cents::new(8_000_000_000);
    sum(&mut order);
    order
}

/// Sums lines up to totals, with VAT by rate and nothing carried over.
///
/// # Panics
/// Where an amount of VAT is beyond what can be counted.
pub fn sum(order: &mut BillOrder) {
    let mut vat: Vec<VatLine> = Vec::new();
    for line in &order.lines {
        let same = |v: &&mut VatLine| v.rate == line.vat_rate && v.category == line.vat_category;
        match vat.iter_mut().find(same) {
            Some(entry) => entry.base += line.net,
            None => vat.push(VatLine {
                category: line.vat_category,
                rate: line.vat_rate,
                base: line.net,
                amount: Cents::ZERO,
                exemption: None,
            }),
        }
    }
    for entry in &mut vat {
        let amount = entry.base.to_decimal() * entry.rate / Decimal::ONE_HUNDRED;
        entry.amount = Cents::round(amount).expect("small");
    }
    let net: Cents = order.lines.iter().map(|line| line.net).sum();
    let tax: Cents = vat.iter().map(|entry| entry.amount).sum();
    order.totals = Totals {
        net,
        vat: tax,
        gross: net + tax,
        to_pay: net + tax,
        ..Totals::default()
    };
    order.vat = vat;
}
