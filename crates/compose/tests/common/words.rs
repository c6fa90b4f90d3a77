//! What is written on a bill, and what has to be.

use std::{fs, path::Path, process::Command};

use kvit_billing::{Bill, BillKind, Language, format};
use kvit_compose::Layout;
use rust_decimal::Decimal;

/// What ЗДДС art. 114 and 115, and a customer with the bill in hand, ask for. docs/standards/vat-act.md goes by it.
pub(crate) fn wanted(bill: &Bill) -> Vec<String> {
    let (operator, _) = super::operator();
    let layout = Layout::builtin();
    let language = bill.customer.language;
    let order = &bill.order;
    let customer = &bill.customer;
    let totals = &order.totals;
    let money = |cents| format::amount(cents, operator.currency, language);
    let title = match (order.kind, language) {
        (BillKind::Invoice, Language::Bg) => "Фактура",
        (BillKind::CreditNote, Language::Bg) => "Кредитно известие",
        (BillKind::DebitNote, Language::Bg) => "Дебитно известие",
        (BillKind::Invoice, Language::En) => "Invoice",
        (BillKind::CreditNote, Language::En) => "Credit note",
        (BillKind::DebitNote, Language::En) => "Debit note",
    };
    let address = match language {
        Language::Bg => &operator.address,
        Language::En => &operator.address_en,
    };
    let mut wanted = vec![
        title.to_owned(),
        bill.number.to_string(),
        customer.number.to_string(),
        bill.code.printed(),
        format::short_date(bill.issue_date, language),
        format::short_date(order.tax_event_date, language),
        operator.name.get(language).to_owned(),
        address.city.clone(),
        operator.eik.clone(),
        operator.vat_number.clone(),
        money(totals.net),
        money(totals.vat),
        money(totals.gross),
        money(totals.to_pay.abs()),
        operator.hotline.clone(),
        customer.address.city.clone(),
    ];
    wanted.extend(address.lines.iter().cloned());
    wanted.extend(
        [&customer.eik, &customer.vat_number]
            .into_iter()
            .flatten()
            .cloned(),
    );
    // A long name takes more lines than one, and may be broken at a hyphen.
    let words = [&customer.name]
        .into_iter()
        .chain(&customer.address.lines)
        .flat_map(|text| text.split([' ', '-']))
        .filter(|word| word.chars().all(|c| layout.can_print(c)));
    wanted.extend(words.map(str::to_owned));
    if totals.to_pay.get() > 0 {
        wanted.push(format::long_date(order.due_date, language));
        wanted.push(bill.reference().to_string());
    }
    // Each step between the total and what is to pay.
    for step in [-totals.prepaid, totals.rounding, totals.carried_over] {
        if step.get() != 0 {
            wanted.push(money(step));
        }
    }
    for line in &order.lines {
        wanted.push(line.name.get(language).to_owned());
        wanted.push(money(line.net));
        wanted.push(format::number(line.quantity, language));
        let base = line.price_base.normalize();
        let base = Some(base).filter(|base| *base != Decimal::ONE);
        let base = base.map_or(String::new(), |base| format::number(base, language));
        let price = format::price(line.unit_price, operator.currency, language);
        wanted.push(format!("{price}/{base}"));
    }
    for meter in order.supply_points.iter().flat_map(|point| &point.meters) {
        wanted.push(meter.serial.clone());
        wanted.push(format::number(meter.old.value, language));
        wanted.push(format::number(meter.new.value, language));
    }
    for vat in &order.vat {
        wanted.push(money(vat.base));
        wanted.push(money(vat.amount));
        let ground = vat.exemption.as_ref();
        wanted.extend(ground.map(|ground| ground.get(language).to_owned()));
    }
    if let Some(original) = &order.corrects {
        wanted.push(original.number.to_string());
        wanted.push(format::short_date(original.issue_date, language));
        wanted.push(original.ground.get(language).to_owned());
    }
    wanted
}

/// What of [`wanted`] a bill does not say; nothing where there is no tool to read it.
pub(crate) fn missing(bill: &Bill, pdf: &[u8]) -> Vec<String> {
    let Some(text) = text_of(pdf) else {
        return Vec::new();
    };
    let mut wanted = wanted(bill);
    wanted.retain(|one| !text.contains(&squeezed(one)));
    wanted
}

/// The text as pdftotext reads it, without spaces.
pub(crate) fn text_of(pdf: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (folder.path().join("a.pdf"), folder.path().join("a.txt"));
    fs::write(&file, pdf).expect("written");
    run("pdftotext", &["-enc", "UTF-8"], &file)?;
    Some(squeezed(&fs::read_to_string(out).expect("text")))
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What a tool says of a file, or `None` where it is not installed.
pub(crate) fn run(tool: &str, options: &[&str], file: &Path) -> Option<(String, bool)> {
    match Command::new(tool).args(options).arg(file).output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Some((
                String::from_utf8_lossy(&said).into_owned(),
                output.status.success(),
            ))
        }
        Err(_) => {
            assert!(
                std::env::var("KVIT_REQUIRE_ALL_TESTS").as_deref() != Ok("1"),
                "{tool} is not installed, and KVIT_REQUIRE_ALL_TESTS=1"
            );
            eprintln!("SKIPPED: {tool} is not installed");
            None
        }
    }
}
