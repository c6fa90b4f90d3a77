//! How many bytes a sealed bill has: what an archive and a million mails carry.

#[allow(dead_code)]
mod common;

use std::sync::Arc;

use jiff::civil::date;
use kvit_billing::{Bill, BillOrder, UnsealedPdf};
use kvit_compose::{Composer, Layout};
use kvit_keys::{KeyKind, Pkcs12Key, Throwaway};
use kvit_pades::{SealAlgorithm, SealKey, Sealer, SignError};
use kvit_pdf::Document;
use kvit_synth::Synth;

/// So many bills of each kind.
const BILLS: usize = 12;
/// Every so many of them are laid out whole too.
const WHOLE: usize = 6;
/// Bytes of a bill of one supply point, of two, and of one with estimated readings, on average.
const LIMITS: [usize; 3] = [36_700, 39_400, 37_700];
/// Bytes that no bill of two pages exceeds, whichever way it was made; `conformance/run` holds its bills to it too.
const TWO_PAGES_MAX: usize = 40_000;

/// A seal key with an intermediate certificate that is as long as its own.
struct Longer(Pkcs12Key, Vec<Vec<u8>>);

impl SealKey for Longer {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.1
    }

    fn algorithm(&self) -> SealAlgorithm {
        self.0.algorithm()
    }

    fn signature_bytes_max(&self) -> usize {
        self.0.signature_bytes_max()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.sign(message)
    }
}

/// Bytes of bills: their average, and the most of one with two pages.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    average: usize,
    two_pages: usize,
}

#[test]
fn sealed_bills_are_small() {
    let (operator, _) = common::operator();
    let at = "2026-11-01T00:00:00Z".parse().expect("a time");
    let made = Throwaway::generate(KeyKind::Rsa2048, &operator.name.bg, at, "p").expect("a seal");
    let key = || Pkcs12Key::from_bytes(&made.pkcs12, "p").expect("a key");
    let sealer = Sealer::new(Arc::new(key())).expect("a sealer");
    let chain = [key().certificates(), key().certificates()].concat();
    let longer = Sealer::new(Arc::new(Longer(key(), chain))).expect("a sealer");
    let composer =
        common::composer_of(Layout::builtin(), sealer.contents_reserve()).with_forms_from(1);
    let is_read = |order: &BillOrder| order.notes.is_empty();
    let points = |order: &BillOrder| order.supply_points.len();
    let sizes = |is_wanted: &dyn Fn(&BillOrder) -> bool| sizes(&composer, &sealer, is_wanted);
    let one = sizes(&|order| points(order) == 1 && is_read(order));
    let two = sizes(&|order| points(order) == 2 && is_read(order));
    let estimated = sizes(&|order| !is_read(order));
    assert_eq!(composer.counts().whole, 0, "{:?}", composer.last_refusal());
    let sizes = [one, two, estimated];
    // A signature stands in a bill as hexadecimal digits.
    let more = 2 * (longer.contents_reserve() - sealer.contents_reserve());
    eprintln!("{sizes:?} bytes; an intermediate certificate takes {more}");
    let mut limits = sizes.iter().zip(LIMITS);
    let are_small = limits.all(|(size, limit)| size.average <= limit);
    assert!(are_small, "{sizes:?} bytes, {LIMITS:?} at most");
    let largest = sizes.iter().map(|size| size.two_pages).max();
    assert!(largest <= Some(TWO_PAGES_MAX), "{sizes:?} bytes");
    assert!(one.two_pages + more <= TWO_PAGES_MAX, "{one:?}, {more}");
}

/// Of such bills of the invented operator's, in their customers' languages.
fn sizes(composer: &Composer, sealer: &Sealer, is_wanted: &dyn Fn(&BillOrder) -> bool) -> Sizes {
    let synth = Synth::new(7, 100_000);
    let orders = (0..).map(|i| synth.order(i, date(2026, 10, 1)));
    let mut sizes = Sizes::default();
    for (nth, order) in orders.filter(is_wanted).take(BILLS).enumerate() {
        let language = order.customer.as_ref().map(|customer| customer.language);
        let bill = common::of(order, language.unwrap_or_default());
        let filled = composer.compose(&bill).expect("composed");
        let size = sizes.count(sealer, &bill, filled);
        sizes.average += size;
        if nth % WHOLE == 0 {
            let whole = composer.compose_whole(&bill).expect("composed");
            sizes.count(sealer, &bill, whole);
        }
    }
    sizes.average /= BILLS;
    sizes
}

impl Sizes {
    /// Seals a bill, and says how many bytes it has.
    fn count(&mut self, sealer: &Sealer, bill: &Bill, pdf: UnsealedPdf) -> usize {
        let pages = Document::load(&pdf.bytes).and_then(|document| document.pages());
        let sealed = sealer.seal(pdf, bill.issued_at).expect("sealed");
        let size = sealed.bytes().len();
        if pages.expect("a PDF").len() == 2 {
            self.two_pages = self.two_pages.max(size);
        }
        size
    }
}
