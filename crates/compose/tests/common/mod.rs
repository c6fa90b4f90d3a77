//! Bills of every kind, from the invented operator's customers.

use jiff::civil::date;
use kvit_billing::{Bill, Language, Operator, operator::Brand};
use kvit_compose::{Composer, ComposerSettings, Layout};
use kvit_synth::{Synth, kinds};

pub(crate) use kvit_synth::kinds::issued as of;

/// Room for a signature with its chain.
pub(crate) const RESERVE: usize = 4_000;

pub(crate) fn operator() -> (Operator, Brand) {
    kvit_synth::operator()
}

pub(crate) fn composer() -> Composer {
    let (operator, brand) = operator();
    Composer::new(ComposerSettings {
        layout: Layout::builtin(),
        operator,
        brand,
        logo_svg: None,
        contents_reserve: RESERVE,
    })
    .expect("the embedded layout")
}

/// The bill of customer `i` for October 2026.
pub(crate) fn bill(i: u32, language: Language) -> Bill {
    let synth = Synth::new(7, 1_000);
    of(synth.order(i, date(2026, 10, 1)), language)
}

/// Every case that looks different from the others, with a name.
pub(crate) fn cases() -> Vec<(&'static str, Bill)> {
    let named = |(name, order)| (name, of(order, Language::Bg));
    kinds::all().into_iter().map(named).collect()
}
