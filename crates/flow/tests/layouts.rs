//! A run keeps one layout from release to end, and one that cannot be used costs its own run and no other.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use crate::world::{Plain, World, issue};
use futures::{FutureExt, future::BoxFuture};
use kvit_billing::{
    Bill, LayoutNo, OrderSeq, RunLayout, UnsealedPdf,
    ports::{Compose, NotComposed},
};
use kvit_flow::{
    IssueError,
    ports::{Composers, NoComposer},
};
use kvit_store::{ChooseLayout, ChunkResult, LayoutChosen, NewLayout, RunState, Store, StoreError};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Has a composer for each layout but one, and knows which laid out each bill.
#[derive(Clone)]
struct Layouts {
    plain: Arc<Plain>,
    broken: Option<LayoutNo>,
    /// So often the store does not give the files.
    failing: Arc<AtomicU32>,
    seen: Arc<Mutex<BTreeMap<String, LayoutNo>>>,
}

struct One {
    layout: LayoutNo,
    of: Layouts,
}

impl Compose for One {
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed> {
        let mut seen = self.of.seen.lock().expect("not poisoned");
        seen.insert(bill.number.to_string(), self.layout);
        self.of.plain.compose(bill)
    }

    fn sample(&self, _: &Bill) -> Result<Vec<u8>, NotComposed> {
        Ok(format!("layout {}", self.layout).into_bytes())
    }
}

impl Composers for Layouts {
    fn composer(
        &self,
        RunLayout { no: layout, .. }: RunLayout,
    ) -> BoxFuture<'_, Result<Arc<dyn Compose>, NoComposer>> {
        let left = |n: u32| n.checked_sub(1);
        let made = if self.failing.fetch_update(SeqCst, SeqCst, left).is_ok() {
            Err(NoComposer::Store(StoreError::Encode(
                std::io::Error::other("the connection was cut"),
            )))
        } else if self.broken == Some(layout) {
            Err(NoComposer::Unusable {
                layout,
                source: "bill.typ:1:1: unknown variable".into(),
            })
        } else {
            let of = self.clone();
            Ok(Arc::new(One { layout, of }) as Arc<dyn Compose>)
        };
        std::future::ready(made).boxed()
    }
}

async fn chosen(store: &Store, text: &str, seen: u32) {
    let at = "2026-10-01T00:00:00Z".parse().expect("a time");
    let new = NewLayout {
        name: text.to_owned(),
        files: BTreeMap::from([("bill.typ".to_owned(), text.into())]),
        base: Arc::default(),
        report: json!({}),
        by: "Ana".to_owned(),
        who: "Ana".to_owned(),
        at,
    };
    let (layout, _) = store.bring_layout(&new).await.expect("kept");
    let word = ChooseLayout {
        layout,
        seen: LayoutNo(seen),
        by: "Boris".to_owned(),
        who: "Boris".to_owned(),
        at,
    };
    let done = store.choose_layout(&word).await.expect("an answer");
    assert_eq!(done, LayoutChosen::Done);
}

#[tokio::test]
async fn a_new_layout_counts_for_runs_that_are_released_after_it() {
    let world = World::new(7);
    let run = world.released("october").await;
    let mut issuer = world.issuer("worker").await;
    let layouts = Layouts {
        plain: Arc::new(Plain::new(&world.sealer)),
        broken: None,
        failing: Arc::default(),
        seen: Arc::default(),
    };
    issuer.composers = Arc::new(layouts.clone());
    let (store, stop) = (issuer.store.clone(), CancellationToken::new());
    // After the first chunk another layout counts, and the run goes on with its own.
    let first = |_: &ChunkResult| stop.cancel();
    issuer.issue(None, &stop, &first).await.expect("stopped");
    let done = layouts.seen.lock().expect("not poisoned").len();
    assert!((1..7).contains(&done), "{done}");
    chosen(&store, "one", 0).await;
    let sample = issuer.sample(&run, OrderSeq(0)).await;
    let sample = sample.expect("drawn").expect("a sample");
    assert_eq!(sample.pdf, b"layout 0", "as it is issued");
    issue(&issuer).await.expect("issued");
    let seen = layouts.seen.lock().expect("not poisoned").clone();
    assert!(seen.len() == 7 && seen.values().all(|layout| layout.0 == 0));
}

#[tokio::test]
async fn a_layout_that_cannot_be_used_holds_up_its_own_run_only() {
    let world = World::new(3);
    let store = world.store().await;
    chosen(&store, "one", 0).await;
    let broken = world.released("october").await;
    chosen(&store, "two", 1).await;
    let mut issuer = world.issuer("worker").await;
    issuer.composers = Arc::new(Layouts {
        plain: Arc::new(Plain::new(&world.sealer)),
        broken: Some(LayoutNo(1)),
        failing: Arc::default(),
        seen: Arc::default(),
    });
    let error = issue(&issuer).await.expect_err("its layout is broken");
    let IssueError::Chunks { run, source, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*run, broken);
    assert_eq!(source.to_string(), "layout 1 cannot be used");
    let state = store.run(&broken).await.expect("read").expect("a run");
    assert_eq!(
        (state.state, state.layout.map(|layout| layout.no)),
        (RunState::Released, Some(LayoutNo(1)))
    );
}

#[tokio::test]
async fn a_store_that_fails_is_no_fault_of_the_layout() {
    let world = World::new(3);
    let run = world.released("october").await;
    let mut issuer = world.issuer("worker").await;
    issuer.composers = Arc::new(Layouts {
        plain: Arc::new(Plain::new(&world.sealer)),
        broken: None,
        failing: Arc::new(AtomicU32::new(1)),
        seen: Arc::default(),
    });
    let error = issue(&issuer).await.expect_err("the store failed");
    assert!(matches!(error, IssueError::Store(_)), "{error:?}");
    // The claim was given back: nothing waits for a lease.
    issue(&issuer).await.expect("issued");
    let record = issuer.store.run(&run).await.expect("read").expect("a run");
    assert_eq!(record.state, RunState::Issued);
}
