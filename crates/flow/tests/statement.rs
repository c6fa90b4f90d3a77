//! A bank statement's way into the books, with a death at every place of it.

use std::{io::Write, sync::Arc};

use flate2::{Compression, write::GzEncoder};

use crate::world::{
    TestClock, World, bills,
    faults::{DieAt, died},
    issue,
};
use jiff::civil::date;
use kvit_billing::{
    Cents, Currency,
    ports::{Clock, Rng},
};
use kvit_flow::{
    Poller,
    ports::{Checkpoints, NoCheckpoints},
    statement::{Outside, StatementOutcome, book_statement, check_statement, finish_statements},
};
use kvit_pay::{
    statement::{Check, StatementRules},
    ways::{NoWays, NoWire},
};
use kvit_store::{BillRecord, NewStatement, Store};
use kvit_synth::statement::{PaidBill, statement};
use tokio_util::sync::CancellationToken;

/// More than two batches.
const TRANSFERS: usize = 560;

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn rules(currency: Currency) -> StatementRules {
    let (operator, _) = kvit_synth::operator();
    StatementRules {
        ibans: vec![operator.iban],
        currency: Some(currency),
        payouts: Vec::new(),
    }
}

/// A day on which every bill is paid again and again.
fn day(bills: &[BillRecord]) -> String {
    let paid = |bill: &BillRecord| PaidBill {
        bill: bill.number,
        account: bill.account.clone(),
        payer: "Ана & Ко".to_owned(),
        cents: Cents::new(100),
    };
    let all: Vec<_> = bills.iter().map(paid).cycle().take(TRANSFERS).collect();
    statement(date(2026, 11, 27), &all)
}

/// Checks a file and books it, as the command does.
async fn bring(
    store: &Store,
    text: &str,
    clock: &TestClock,
    checkpoints: &dyn Checkpoints,
) -> StatementOutcome {
    let checked = check_statement(text.as_bytes(), &rules(Currency::EUR), &|_| ());
    let checked = checked.expect("readable");
    assert_eq!(checked.judged.faults, []);
    let outside = Outside {
        payouts: Vec::new(),
        clock,
        checkpoints,
        progress: &|_| (),
    };
    book_statement(store, "day.xml", "console:ana", checked, &outside)
        .await
        .expect("booked")
}

/// What the books hold.
async fn books(store: &Store) -> Vec<(String, i64)> {
    assert!(
        store
            .unbalanced_entries(9)
            .await
            .expect("an answer")
            .is_empty()
    );
    let books = store.books().await.expect("books");
    books
        .into_iter()
        .map(|book| (book.name, book.cents.get()))
        .collect()
}

async fn shop() -> (World, Store, String) {
    let world = World::new(5);
    let run = world.released("october").await;
    issue(&world.issuer("worker").await).await.expect("issued");
    let store = world.store().await;
    let text = day(&bills(&store, &run).await);
    (world, store, text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_place_leaves_the_same_books() {
    let (world, store, text) = shop().await;
    let done = bring(&store, &text, &world.clock, &NoCheckpoints).await;
    assert!(done.first);
    let report = done.record.report.expect("done");
    // One of five says nothing that helps; ePay's hand-over was not set up.
    assert_eq!((report.matched.count, report.unmatched.count), (448, 113));
    let right = books(&store).await;
    let mut places = Vec::new();
    for n in 1.. {
        let (world, store, text) = shop().await;
        let dying = DieAt::new(n);
        let task = {
            let (store, text, clock) = (store.clone(), text.clone(), Arc::clone(&world.clock));
            let dying = Arc::clone(&dying);
            tokio::spawn(async move { bring(&store, &text, &clock, dying.as_ref()).await })
        };
        if died(task.await).is_some() {
            break;
        }
        places.push(dying.place().expect("a place"));
        let kept = !store.statements(9).await.expect("statements").is_empty();
        assert_eq!(kept, n > 1, "only the first death is before it is kept");
        if n % 2 == 0 {
            // A worker goes on, once nobody can be at it any more.
            let poller = Poller {
                store: store.clone(),
                ways: Arc::new(NoWays),
                wire: Arc::new(NoWire),
                clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
                rng: Arc::new(Zeros),
                checkpoints: Arc::new(NoCheckpoints),
            };
            let stop = CancellationToken::new();
            world.clock.forward(60);
            poller.poll(&stop).await.expect("a round");
            assert!(
                store.statements(9).await.expect("statements")[0]
                    .report
                    .is_none()
            );
            world.clock.forward(600);
            poller.poll(&stop).await.expect("a round");
        } else {
            bring(&store, &text, &world.clock, &NoCheckpoints).await;
        }
        let record = store.statements(9).await.expect("statements").remove(0);
        assert_eq!(
            record.report,
            Some(report),
            "died at {n}, {:?}",
            places.last()
        );
        assert_eq!(
            books(&store).await,
            right,
            "died at {n}, {:?}",
            places.last()
        );
    }
    let last = [
        "before-keep-statement",
        "after-keep-statement",
        "before-book-transfers",
    ];
    assert_eq!(places[..3], last);
    assert_eq!(places.len(), 2 + 4 * TRANSFERS.div_ceil(250));
}

#[test]
fn a_statement_with_a_fault_is_judged_and_no_more() {
    let text = day(&[]).replace("<Cd>BOOK</Cd>", "<Cd>BOOKED</Cd>");
    let checked = check_statement(text.as_bytes(), &rules(Currency::EUR), &|_| ());
    let judged = checked.expect("readable").judged;
    assert_eq!(judged.faults[0].code, Check::EntriesSum);
    let dollars = "USD".parse().expect("a currency");
    let checked = check_statement(day(&[]).as_bytes(), &rules(dollars), &|_| ());
    assert!(checked.expect("readable").judged.faults_counted > 2);
}

/// A source that breaks off.
struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk"))
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_fault_of_the_bank() {
    let said = check_statement(Broken, &rules(Currency::EUR), &|_| ());
    let Err(error) = said else {
        panic!("it was read");
    };
    assert_eq!(error.to_string(), "the disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_and_breaks_off_is_not_done_and_holds_up_no_other() {
    let (world, store, text) = shop().await;
    let checked = check_statement(text.as_bytes(), &rules(Currency::EUR), &|_| ());
    let judged = checked.expect("readable").judged;
    let packed = |bytes: &[u8]| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(bytes).expect("packed");
        packer.finish().expect("packed")
    };
    let whole = packed(text.as_bytes());
    let broken = [
        ("a", packed(&text.as_bytes()[..text.len() / 2])),
        ("b", whole[..whole.len() / 2].to_vec()),
    ];
    // So many that they fill what is looked at together: the whole one gets its turn all the same.
    let many: Vec<_> = (0..100)
        .map(|n| (format!("d{n:063}"), broken[0].1.clone()))
        .collect();
    let few = broken.map(|(name, received)| (name.repeat(64), received));
    let last = [("c".repeat(64), whole)];
    for (id, received) in few.into_iter().chain(many).chain(last) {
        let new = NewStatement {
            id,
            file: "day.xml".to_owned(),
            format: judged.format.clone(),
            received,
            facts: judged.statements.clone(),
            by: "console:ana".to_owned(),
        };
        let kept = store.keep_statement(&new, world.clock.now()).await;
        assert!(kept.expect("kept"));
        world.clock.forward(1);
    }
    let outside = Outside {
        payouts: Vec::new(),
        clock: world.clock.as_ref(),
        checkpoints: &NoCheckpoints,
        progress: &|_| (),
    };
    // Each is left alone for longer, time after time.
    let mut times = 0;
    for (minutes, read) in [(0, true), (9, false), (1, true), (59, false), (1, true)] {
        world.clock.forward(minutes * 60);
        let done = finish_statements(&store, world.clock.now(), &outside).await;
        let first = times == 0;
        assert_eq!(
            done.expect("an answer"),
            usize::from(first),
            "the whole one"
        );
        times += u64::from(read);
        for record in store.statements(200).await.expect("statements") {
            let whole = record.id.starts_with('c');
            assert_eq!(record.report.is_some(), whole);
            assert_eq!(record.broke_off, if whole { 0 } else { times });
        }
    }
    // Brought again, one that broke off is whole, and gets its turn at once.
    let again = NewStatement {
        id: "b".repeat(64),
        file: "day.xml".to_owned(),
        format: judged.format,
        received: packed(text.as_bytes()),
        facts: judged.statements,
        by: "console:ana".to_owned(),
    };
    let kept = store.keep_statement(&again, world.clock.now()).await;
    assert!(!kept.expect("kept"), "it is known");
    let done = finish_statements(&store, world.clock.now(), &outside).await;
    assert_eq!(done.expect("an answer"), 1);
}
