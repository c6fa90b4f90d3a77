//! Bills of every kind, from the invented operator's customers.

pub(crate) mod words;

use std::{collections::BTreeMap, fs, path::Path};

use jiff::civil::date;
use kvit_billing::{Bill, BillOrder, Cents, Language, Operator, operator::Brand};
use kvit_compose::{Composer, ComposerSettings, Layout};
use kvit_synth::{Synth, kinds};
use rust_decimal::Decimal;

pub(crate) use kvit_synth::kinds::issued as of;

/// Room for a signature with its chain.
pub(crate) const RESERVE: usize = 4_000;

pub(crate) fn operator() -> (Operator, Brand) {
    kvit_synth::operator()
}

pub(crate) fn composer() -> Composer {
    composer_of(Layout::builtin(), RESERVE)
}

pub(crate) fn composer_of(layout: Layout, contents_reserve: usize) -> Composer {
    let (operator, brand) = operator();
    Composer::new(ComposerSettings {
        layout,
        operator,
        brand,
        logo_svg: None,
        contents_reserve,
    })
    .expect("a layout that works")
}

/// The bill of customer `i` for October 2026.
pub(crate) fn bill(i: u32, language: Language) -> Bill {
    let synth = Synth::new(7, 1_000);
    of(synth.order(i, date(2026, 10, 1)), language)
}

/// Every case that looks different from the others, with a name.
pub(crate) fn cases() -> Vec<(&'static str, Bill)> {
    let mut orders = kinds::all();
    orders.push(("rounded", rounded()));
    let named = |(name, order)| (name, of(order, Language::Bg));
    orders.into_iter().map(named).collect()
}

/// Paid in advance, rounded, owing, and with a price for a thousand units.
fn rounded() -> BillOrder {
    let mut order = Synth::new(7, 1_000).order(3, date(2026, 10, 1));
    let line = order.lines.first_mut().expect("a line");
    line.unit_price *= Decimal::ONE_THOUSAND;
    line.price_base = Decimal::ONE_THOUSAND;
    let totals = &mut order.totals;
    totals.prepaid = Cents::new(700);
    totals.rounding = Cents::new(-2);
    totals.carried_over = Cents::new(1_234);
    totals.to_pay = totals.gross - totals.prepaid + totals.rounding + totals.carried_over;
    order
}

/// The worked example of docs/LAYOUT.md.
pub(crate) fn water() -> Layout {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/layouts/water");
    let mut own = BTreeMap::new();
    files(&folder, "", &mut own);
    Layout::with_files(own).expect("well-formed")
}

fn files(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name");
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            files(&path, &format!("{name}/"), into);
        } else {
            into.insert(name, fs::read(&path).expect("a file"));
        }
    }
}
