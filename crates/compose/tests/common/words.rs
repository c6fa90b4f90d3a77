//! What is written on a bill, and what has to be.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use kvit_billing::{
    Bill, BillKind, Language,
    format::{self, Number, Price, ShortDate},
};
use kvit_compose::Layout;
use rust_decimal::Decimal;

/// What may stand in a row beside what it must say: dates, units, the register, how it was read.
const BESIDE_MAX: usize = 160;

/// What ЗДДС art. 114 and 115, and a customer with the bill in hand, ask for. docs/standards/vat-act.md goes by it.
pub(crate) fn wanted(bill: &Bill) -> Vec<String> {
    let (operator, _) = super::operator();
    let layout = Layout::builtin();
    let language = bill.customer.language;
    let order = &bill.order;
    let customer = &bill.customer;
    let totals = &order.totals;
    let money = |cents| format::amount(cents, operator.currency, language);
    let short = |day| ShortDate { day, language }.to_string();
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
        short(bill.issue_date),
        short(order.tax_event_date),
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
    for vat in &order.vat {
        wanted.push(money(vat.base));
        wanted.push(money(vat.amount));
        let ground = vat.exemption.as_ref();
        wanted.extend(ground.map(|ground| ground.get(language).to_owned()));
    }
    if let Some(original) = &order.corrects {
        wanted.push(original.number.to_string());
        wanted.push(short(original.issue_date));
        wanted.push(original.ground.get(language).to_owned());
    }
    wanted
}

/// What each charge and each register says in its row, in the order of the bill.
pub(crate) fn rows(bill: &Bill) -> Vec<Vec<String>> {
    let (operator, _) = super::operator();
    let language = bill.customer.language;
    let number = |value| Number { value, language }.to_string();
    let currency = operator.currency;
    let lines = bill.order.lines.iter().map(|line| {
        let base = line.price_base.normalize();
        let base = Some(base).filter(|base| *base != Decimal::ONE);
        let base = base.map_or(String::new(), number);
        let price = Price {
            value: line.unit_price,
            currency,
            language,
        };
        vec![
            line.name.get(language).to_owned(),
            number(line.quantity),
            format!("{price}/{base}"),
            format::amount(line.net, currency, language),
        ]
    });
    let points = bill.order.supply_points.iter();
    let meters = points.flat_map(|point| &point.meters).map(|meter| {
        let values = [meter.old.value, meter.new.value, meter.consumption];
        let values = values.map(number);
        [meter.serial.clone()].into_iter().chain(values).collect()
    });
    lines.chain(meters).collect()
}

/// Where in the text each row stands, none of them twice; `None` for one that is lost.
pub(crate) fn places(rows: &[Vec<String>], text: &str) -> Vec<Option<usize>> {
    let mut taken = BTreeSet::new();
    let place = |row: &Vec<String>| {
        let row: Vec<String> = row.iter().map(|part| squeezed(part)).collect();
        let long = row.iter().map(String::len).sum::<usize>() + BESIDE_MAX;
        let is_row = |at: usize| {
            let mut rest = &text[at..text.floor_char_boundary(at + long)];
            row.iter().all(|part| {
                let found = rest.split_once(part.as_str());
                rest = found.map_or("", |(_, behind)| behind);
                found.is_some()
            })
        };
        let starts = text.match_indices(&row[0]).map(|(at, _)| at);
        let place = starts
            .filter(|at| !taken.contains(at))
            .find(|at| is_row(*at));
        taken.extend(place);
        place
    };
    rows.iter().map(place).collect()
}

/// What of [`wanted`] and of [`rows`] a bill does not say; nothing where there is no tool to read it.
pub(crate) fn missing(bill: &Bill, pdf: &[u8]) -> Vec<String> {
    let Some(text) = text_of(pdf) else {
        return Vec::new();
    };
    let mut wanted = wanted(bill);
    wanted.retain(|one| !text.contains(&squeezed(one)));
    let rows = rows(bill);
    let lost = rows.iter().zip(places(&rows, &text));
    let lost = lost.filter(|(_, place)| place.is_none());
    wanted.extend(lost.map(|(row, _)| row.join(" | ")));
    wanted
}

/// The text as pdftotext reads it, row by row, without spaces.
pub(crate) fn text_of(pdf: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (folder.path().join("a.pdf"), folder.path().join("a.txt"));
    fs::write(&file, pdf).expect("written");
    run("pdftotext", &["-raw", "-enc", "UTF-8"], &file)?;
    Some(squeezed(&fs::read_to_string(out).expect("text")))
}

fn squeezed(text: &str) -> String {
    let is_seen = |c: &char| !c.is_whitespace() && *c != '\u{200b}';
    text.chars().filter(is_seen).collect()
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
