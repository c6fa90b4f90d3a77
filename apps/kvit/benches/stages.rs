//! What each stage of a run takes for a bill: `cargo bench -p kvit`. On a machine that does other things too,
//! compare the stages of one run of this with each other, and with `signature`, which is arithmetic alone.

use std::{
    io::{BufReader, Cursor},
    sync::Arc,
    time::Duration,
};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::civil::{Date, date};
use kvit_billing::{Bill, ChunkNo, Language};
use kvit_compose::{Composer, ComposerSettings, Layout, twin};
use kvit_flow::pack::Packing;
use kvit_intake::{Characters, Findings, NdjsonReader, Rules, write_ndjson};
use kvit_keys::{KeyKind, Pkcs12Key, Throwaway};
use kvit_pades::{SealKey, Sealer, TrustRoots, verify};
use kvit_synth::{Synth, kinds};

const MONTH: Date = date(2026, 10, 1);
/// Bills of few shapes, so that all have forms.
const BILLS: u32 = 40;
const PASSWORD: &str = "bench";

/// Each of these in turn, for ever.
fn in_turn<'a, T>(items: &'a [T]) -> impl FnMut() -> &'a T + use<'a, T> {
    let mut all = items.iter().cycle();
    move || all.next().expect("at least one")
}

fn stages(criterion: &mut Criterion) {
    let synth = Synth::new(7, BILLS);
    let (operator, brand) = kvit_synth::operator();
    let bills: Vec<Bill> = (0..BILLS)
        .map(|i| kinds::issued(synth.order(i, MONTH), Language::Bg))
        .collect();
    let at = bills[0].issued_at;
    let throwaway = Throwaway::generate(KeyKind::Rsa2048, "Bench", at, PASSWORD).expect("a seal");
    let key = Pkcs12Key::from_bytes(&throwaway.pkcs12, PASSWORD).expect("a key");
    let key: Arc<dyn SealKey> = Arc::new(key);
    let sealer = Sealer::new(Arc::clone(&key)).expect("a sealer");
    let composer = Composer::new(ComposerSettings {
        layout: Layout::builtin(),
        operator: operator.clone(),
        brand,
        logo_svg: None,
        contents_reserve: sealer.contents_reserve(),
    })
    .expect("the built-in layout")
    .with_forms_from(1);

    let mut group = criterion.benchmark_group("a bill");
    group.throughput(Throughput::Elements(1));

    group.bench_function("signature", |bencher| {
        bencher.iter(|| key.sign(&[0x5a; 64]))
    });

    let header = synth.run_header("bench", MONTH, BILLS);
    let mut file = Vec::new();
    write_ndjson(&header, synth.orders(MONTH), &mut file).expect("written");
    let rules = Rules {
        operator_ids: vec![operator.eik.clone()],
        currency: operator.currency,
        operator_is_placeholder: true,
        today: MONTH,
        shown: Characters::all(),
    };
    group.throughput(Throughput::Elements(BILLS.into()));
    group.bench_function("read and check, 40 orders", |bencher| {
        bencher.iter(|| {
            let mut findings = Findings::default();
            let from = BufReader::new(Cursor::new(&file));
            let mut reader = NdjsonReader::open("bench", from, &rules, &mut findings)?;
            while reader.next_order(&mut findings).is_some() {}
            reader.finish(&mut findings);
            assert!(!findings.has_errors(), "{:?}", findings.list());
            Some(findings)
        });
    });

    group.throughput(Throughput::Elements(1));
    let mut bill = in_turn(&bills);
    group.bench_function("twin", |bencher| bencher.iter(|| twin(bill(), &operator)));

    let mut bill = in_turn(&bills);
    group.sample_size(10);
    group.bench_function("laid out by Typst whole", |bencher| {
        bencher.iter(|| composer.compose_whole(bill()));
    });
    group.sample_size(100);

    // Once to make the forms, and once to learn from.
    for bill in bills.iter().chain(&bills) {
        composer.compose(bill).expect("composed");
    }
    let mut bill = in_turn(&bills);
    group.bench_function("filled into its form", |bencher| {
        bencher.iter(|| composer.compose(bill()));
    });

    let composed: Vec<_> = bills
        .iter()
        .map(|bill| composer.compose(bill).expect("composed"))
        .collect();
    let mut pdf = in_turn(&composed);
    group.bench_function("sealed", |bencher| {
        bencher.iter_batched(
            || pdf().clone(),
            |pdf| sealer.seal(pdf, at),
            BatchSize::SmallInput,
        );
    });

    let sealed: Vec<_> = bills
        .iter()
        .zip(composed.clone())
        .map(|(bill, pdf)| (bill.number, sealer.seal(pdf, at).expect("sealed")))
        .collect();
    let roots = TrustRoots::from_pem(&throwaway.ca_pem).expect("a root");
    let mut one = in_turn(&sealed);
    group.bench_function("verified", |bencher| {
        bencher.iter(|| verify(one().1.bytes(), &roots, at));
    });

    let run = "2026-10-bench".parse().expect("a run");
    group.throughput(Throughput::Elements(BILLS.into()));
    group.bench_function("packed, 40 bills", |bencher| {
        bencher.iter(|| {
            let mut packing = Packing::new(&run, ChunkNo(0), sealed.len(), Vec::new());
            for (number, pdf) in &sealed {
                packing.add(*number, pdf)?;
            }
            packing.finish()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = stages
}
criterion_main!(benches);
