//! Published EN 16931 energy bills come in whole: from the file to the staged order.

use crate::world::World;
use kvit_billing::{Cents, ChunkNo};
use kvit_flow::{ImportOutcome, import::import};
use kvit_store::{RunState, Store};

/// File, gross amount, what is to be paid; whether it is the bill of the file before.
const SAMPLES: [(&str, i64, i64, bool); 6] = [
    ("CII_example8.xml", 109_978, 109_978, false),
    ("ubl-tc434-example8.xml", 109_978, 109_978, true),
    ("BIS_Billing_30-Elhandel.xml", 79_249, 79_200, false),
    ("BIS_Billing_30-Elnat.xml", 195_299, 195_300, false),
    ("03.04a-INVOICE_ubl.xml", 4_183_662, 199_762, false),
    ("03.04a-INVOICE_uncefact.xml", 4_183_662, 199_762, true),
];

async fn come_in(world: &World, store: &Store, id: &str, name: &str, xml: &[u8]) -> ImportOutcome {
    let mut request = world.request(id, vec![(name, xml.to_vec())]);
    // Their sellers are not ours, and two of them bill in kronor.
    request.rules.operator_is_placeholder = true;
    import(store, request, &|_| {}).await.expect("judged")
}

#[tokio::test]
async fn samples_come_in_with_their_amounts_and_each_bill_once() {
    let folder = std::env::var("KVIT_EN16931_SAMPLES").unwrap_or_default();
    if folder.is_empty() {
        eprintln!("SKIPPED: KVIT_EN16931_SAMPLES names no folder");
        return;
    }
    let together = World::new(0);
    let one_store = together.store().await;
    for ((name, gross, to_pay, twin), i) in SAMPLES.into_iter().zip(0..) {
        let xml = std::fs::read(format!("{folder}/{name}")).expect(name);
        let id = format!("sample-{i}");

        let world = World::new(0);
        let store = world.store().await;
        let outcome = come_in(&world, &store, &id, name, &xml).await;
        assert!(outcome.accepted, "{name}: {:#?}", outcome.findings.list());
        let odd = |f: &&kvit_intake::Diagnostic| {
            f.code == kvit_intake::Check::LineNet && name.contains("example8")
        };
        let odd: Vec<_> = outcome.findings.list().iter().filter(odd).collect();
        assert!(odd.is_empty(), "repeated prices are read: {odd:#?}");
        assert_eq!((outcome.orders, outcome.sum.get()), (1, gross), "{name}");
        let run = store.run(&outcome.run).await.expect("read").expect("kept");
        assert_eq!(
            (run.state, run.sum_cents),
            (RunState::Checked, Cents::new(gross))
        );
        let orders = store
            .staged_orders(&outcome.run, ChunkNo(0))
            .await
            .expect("staged");
        assert_eq!(orders[0].totals.to_pay.get(), to_pay, "{name}");
        let known = store.customer(&orders[0].account).await.expect("read");
        assert!(known.is_some(), "{name}: the buyer is a customer now");

        // In one store the second syntax of a bill is what it is: the same bill again.
        let again = come_in(&together, &one_store, &id, name, &xml).await;
        let codes: Vec<_> = again
            .findings
            .list()
            .iter()
            .filter(|f| f.severity == kvit_intake::Severity::Error)
            .map(|f| f.code)
            .collect();
        assert_eq!(again.accepted, !twin, "{name}");
        assert_eq!(
            codes,
            if twin {
                vec![kvit_intake::Check::AlreadyARun]
            } else {
                vec![]
            },
            "{name}"
        );
    }
}
