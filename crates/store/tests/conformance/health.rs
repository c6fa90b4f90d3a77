//! Whether payment systems answer.

use kvit_store::{HealthRecord, Store};

use super::world::at;

async fn known(store: &Store, now: i64) -> Vec<HealthRecord> {
    let known = store.providers_health(at(now)).await;
    known.expect("what is known")
}

pub(crate) async fn silence_in_a_row_puts_a_payment_system_out_of_order(store: Store) {
    let name = "epay".parse().expect("a name");
    let called = async |answered: bool, now: i64| {
        let called = store.provider_called(&name, answered, at(now)).await;
        called.expect("kept")
    };
    assert_eq!(known(&store, 0).await, []);
    // One of many looks.
    assert!(store.claim_probe(&name, at(0)).await.expect("a turn"));
    assert!(!store.claim_probe(&name, at(0)).await.expect("no turn"));
    assert!(!called(true, 0).await, "nothing new");
    assert!(!store.claim_probe(&name, at(299)).await.expect("no turn"));
    // Many silences at once are one break in the line.
    for now in [10, 11, 12, 13] {
        assert!(!called(false, now).await, "{now}");
    }
    assert_eq!(known(&store, 13).await[0].failing_since, Some(at(10)));
    // An answer in between begins the count again.
    assert!(!called(true, 20).await);
    for now in [30, 91] {
        assert!(!called(false, now).await, "{now}");
    }
    assert!(called(false, 92).await, "out of order by this");
    assert!(!called(false, 93).await, "it was before");
    assert_eq!(
        known(&store, 93).await,
        [HealthRecord {
            provider: name.clone(),
            heard_at: Some(at(20)),
            failing_since: Some(at(30)),
            out_since: Some(at(92)),
        }]
    );
    // Who took the turn and died leaves it to the next, a minute later.
    assert!(store.claim_probe(&name, at(153)).await.expect("a turn"));
    assert!(!store.claim_probe(&name, at(212)).await.expect("no turn"));
    assert!(store.claim_probe(&name, at(213)).await.expect("a turn"));
    assert!(called(true, 214).await, "in order again");
    assert_eq!(known(&store, 214).await[0].out_since, None);
    // What nobody looks at says nothing.
    for now in [300, 400, 500] {
        called(false, now).await;
    }
    assert!(known(&store, 560 + 3599).await[0].out_since.is_some());
    assert_eq!(known(&store, 560 + 3600).await, []);
}
