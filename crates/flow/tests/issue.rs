//! The issue stage under every fault: no gap, no twin, the same numbers, the same documents.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use crate::world::{
    FIRST_NUMBER, Issued, LEASE_S, Plain, World, bills,
    faults::{DieAt, Fault, FaultyArchive, died},
    issue, one_composer,
    seal::ecdsa,
};
use kvit_billing::{
    Bill, CustomerNumber, Language, NoForm, OrderSeq, PaperUntil, UnsealedPdf,
    code::TokenPurpose,
    no_form::Why,
    ports::{Clock as _, Compose, NotComposed},
};
use kvit_flow::{IssueError, ports::Checkpoints};
use kvit_store::{Channel, ChunkResult, Event, RunState, Store};
use tokio_util::sync::CancellationToken;

/// What the run comes to when nothing goes wrong.
async fn undisturbed(customers: u32) -> Issued {
    let world = World::new(customers);
    let run = world.released("october").await;
    let report = issue(&world.issuer("worker").await).await.expect("issued");
    assert_eq!(report.bills, u64::from(customers));
    world.issued(&run).await
}

/// A new process after a death: it frees what the dead one held, and does the same again.
async fn restart(world: &World) {
    let issuer = world.issuer("worker").await;
    issuer
        .store
        .forget_worker("worker", world.clock.now())
        .await
        .expect("forgotten");
    issue(&issuer).await.expect("issued");
}

#[tokio::test]
async fn a_death_at_any_place_leaves_neither_gap_nor_twin() {
    let wanted = undisturbed(7).await;
    let mut places = Vec::new();
    for n in 1.. {
        let Some(place) = death(World::new(7), n, &wanted).await else {
            break;
        };
        places.push(place);
    }
    // Three chunks; the last claim finds none.
    for place in [
        "before-claim-chunk",
        "after-claim-chunk",
        "before-archive-write",
        "after-archive-write",
        "before-commit",
        "after-commit",
    ] {
        let times = places.iter().filter(|p| **p == place).count();
        assert!(times >= 3, "{place} was reached {times} times");
    }
}

/// As often as there are places in a chunk: a database each takes its time.
#[tokio::test]
async fn nor_does_a_death_on_postgres() {
    let wanted = undisturbed(7).await;
    for n in 1..=6 {
        let Some(world) = World::on_postgres(7) else {
            return;
        };
        let place = death(world, n, &wanted).await;
        place.expect("it died");
    }
}

/// A process that dies at the `n`-th place, and the next one, which has to make up for it. Gives the
/// name of the place, or nothing where the process came through.
async fn death(world: World, n: usize, wanted: &Issued) -> Option<&'static str> {
    let run = world.released("october").await;
    let dying = DieAt::new(n);
    let mut issuer = world.issuer("worker").await;
    issuer.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
    let ended = died(tokio::spawn(async move { issue(&issuer).await }).await);
    if let Some(report) = ended {
        assert_eq!(report.expect("issued").bills, 7);
        return None;
    }
    let place = dying.place().expect("a place");
    restart(&world).await;
    assert_eq!(world.issued(&run).await, *wanted, "died at {place}");
    Some(place)
}

/// Of three customers the second has paper; the third has confirmed a bill by mail, the first has not yet.
#[tokio::test]
async fn until_one_is_confirmed_a_bill_goes_both_ways_whatever_dies() {
    for n in 1..=7 {
        let world = World::new(3);
        let run = world.released("october").await;
        let url = format!("sqlite://{}", world.path().join("kvit.db").display());
        let pool = sqlx::SqlitePool::connect(&url).await.expect("the database");
        sqlx::query("UPDATE enrolments SET confirmed_at = proven_at WHERE account = $1")
            .bind(world.synth.number(2).to_string())
            .execute(&pool)
            .await
            .expect("confirmed");
        pool.close().await;
        let issuer = async || {
            let mut issuer = world.issuer("worker").await;
            issuer.settings.paper_until = PaperUntil::FirstConfirmed;
            issuer
        };
        let (dying, mut first) = (DieAt::new(n), issuer().await);
        first.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        died(tokio::spawn(async move { issue(&first).await }).await);
        let next = issuer().await;
        let forgotten = next.store.forget_worker("worker", world.clock.now());
        forgotten.await.expect("forgotten");
        issue(&next).await.expect("issued");
        let store = world.store().await;
        let mut ways = Vec::new();
        for bill in bills(&store, &run).await {
            let deliveries = store.deliveries_of_bill(bill.number).await;
            for one in deliveries.expect("deliveries") {
                let addressed = one.email.is_some();
                assert_eq!(addressed, one.channel == Channel::Email);
                ways.push((one.id.to_string(), one.channel));
            }
        }
        let at = |bill: u64, count: u16| format!("{:010}-{count}", FIRST_NUMBER + bill);
        let wanted = [
            (at(0, 1), Channel::Email),
            (at(0, 2), Channel::Paper),
            (at(1, 1), Channel::Paper),
            (at(2, 1), Channel::Email),
        ];
        assert_eq!(ways, wanted, "died at {:?}", dying.place());
        // Whatever goes both ways counts once.
        let sheet = store.balance(&run).await.expect("a sheet");
        let parts = [sheet.accepted, sheet.paper, sheet.held, sheet.failed];
        assert_eq!(parts.map(|line| line.bills), [0, 1, 2, 0]);
        let sums = parts.iter().map(|line| line.sum.get());
        assert_eq!(sums.sum::<i64>(), sheet.issued.sum.get());
        assert_eq!(sheet.issued.bills, 3);
    }
}

#[tokio::test]
async fn a_chunk_that_is_redone_gives_the_same_bills_whatever_has_changed() {
    let wanted = undisturbed(3).await;
    // With the first claim, the second place that is reached, the bills are fixed.
    for n in 2..6 {
        let world = World::new(3);
        let run = world.released("october").await;
        let dying = DieAt::new(n);
        let mut issuer = world.issuer("worker").await;
        issuer.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        let ended = died(tokio::spawn(async move { issue(&issuer).await }).await);
        assert!(ended.is_none());
        change_everything(&world.store().await, &world).await;
        restart(&world).await;
        let place = dying.place();
        assert_eq!(world.issued(&run).await, wanted, "died at {place:?}");
    }
}

#[tokio::test]
async fn a_failing_archive_stops_the_stage_and_the_same_command_resumes() {
    let wanted = undisturbed(7).await;
    for fault in [Fault::Before, Fault::Torn, Fault::After] {
        for at in 1..=3 {
            let world = World::new(7);
            let run = world.released("october").await;
            let mut issuer = world.issuer("worker").await;
            issuer.archive =
                FaultyArchive::new(world.archive(), &world.path().join("packs"), fault, at);
            let error = issue(&issuer).await.expect_err("the archive fails");
            assert!(matches!(error, IssueError::Archive(_)), "{error:?}");
            // The same process, at once: the claims were given back.
            issue(&issuer).await.expect("issued");
            assert_eq!(world.issued(&run).await, wanted, "{fault:?} at {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_share_the_chunks() {
    workers_share(World::new(31)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_share_the_chunks_on_postgres() {
    if let Some(world) = World::on_postgres(31) {
        workers_share(world).await;
    }
}

async fn workers_share(world: World) {
    let wanted = undisturbed(31).await;
    let run = world.released("october").await;
    let mut workers = tokio::task::JoinSet::new();
    for name in ["a", "b", "b", "c"] {
        let issuer = world.issuer(name).await;
        workers.spawn(async move { issue(&issuer).await.expect("issued") });
    }
    let all = workers.join_all().await;
    assert_eq!(all.iter().map(|r| r.bills).sum::<u64>(), 31);
    assert_eq!(all.iter().map(|r| r.chunks).sum::<u64>(), 11);
    assert_eq!(world.issued(&run).await, wanted);
}

/// Holds the process up at one place until it is let go.
struct HoldAt {
    place: &'static str,
    reached: mpsc::SyncSender<()>,
    go: std::sync::Mutex<mpsc::Receiver<()>>,
    times: AtomicUsize,
}

impl Checkpoints for HoldAt {
    fn reached(&self, name: &'static str) {
        if name == self.place && self.times.fetch_add(1, Ordering::SeqCst) == 0 {
            self.reached.send(()).expect("the test waits");
            self.go
                .lock()
                .expect("one holder")
                .recv()
                .expect("the test lets go");
        }
    }
}

/// One worker is held up at `place` for longer than its lease; another issues everything; with
/// `change`, customers change in between, and no two seals are alike.
async fn overtaken(place: &'static str, change: bool) {
    let mut world = World::new(5);
    if change {
        world.sealer = ecdsa();
    }
    let run = world.released("october").await;
    let (reached, was_reached) = mpsc::sync_channel(1);
    let (let_go, go) = mpsc::sync_channel(1);
    let mut late = world.issuer("late").await;
    late.checkpoints = Arc::new(HoldAt {
        place,
        reached,
        go: std::sync::Mutex::new(go),
        times: AtomicUsize::new(0),
    });
    let late = tokio::spawn(async move { issue(&late).await });
    tokio::task::block_in_place(|| was_reached.recv()).expect("held up");
    world.clock.forward(LEASE_S + 1);
    let other = world.issuer("other").await;
    if change {
        change_everything(&other.store, &world).await;
    }
    issue(&other).await.expect("issued");
    let before = world.issued(&run).await;
    let_go.send(()).expect("held up still");
    let report = late.await.expect("no panic").expect("no failure");
    assert_eq!(report.bills, 0, "everything was issued by the other");
    assert_eq!(world.issued(&run).await, before, "what is issued stays");
}

/// Whatever a customer or an operator may change between two tries of a chunk.
async fn change_everything(store: &Store, world: &World) {
    for i in 0..world.synth.customers() {
        let account = world.synth.number(i);
        let known = world.synth.customer(i);
        let other = match known.language {
            Language::Bg => Language::En,
            Language::En => Language::Bg,
        };
        let chosen = Event {
            at: world.clock.now(),
            who: "ana".to_owned(),
            what: "customer.language-chosen".to_owned(),
            subject: format!("customer/{account}"),
            detail: serde_json::json!({}),
        };
        let set = store.set_language(&account, other, &chosen);
        assert!(set.await.expect("set"));
        let mut moved = known;
        moved.name.push_str(" Нов");
        store.upsert_customers(&[moved]).await.expect("kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_runs_out_costs_work_and_no_bill() {
    for place in [
        "after-claim-chunk",
        "before-archive-write",
        "after-archive-write",
        "before-commit",
    ] {
        for change in [false, true] {
            overtaken(place, change).await;
        }
    }
}

/// Refuses one customer's bill.
struct Refusing {
    plain: Plain,
    account: CustomerNumber,
}

impl Compose for Refusing {
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed> {
        if bill.customer.number == self.account {
            return Err(NotComposed("a name of 5,000 letters".into()));
        }
        self.plain.compose(bill)
    }

    fn sample(&self, bill: &Bill) -> Result<Vec<u8>, NotComposed> {
        self.plain.sample(bill)
    }
}

#[tokio::test]
async fn a_bill_that_cannot_be_composed_holds_up_its_chunk_only() {
    let wanted = undisturbed(7).await;
    let world = World::new(7);
    let run = world.released("october").await;
    let mut issuer = world.issuer("worker").await;
    issuer.composers = one_composer(Refusing {
        plain: Plain::new(&world.sealer),
        account: world.synth.number(1),
    });
    let error = issue(&issuer).await.expect_err("one chunk fails");
    let IssueError::Chunks {
        failed, no, source, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((*failed, no.0), (1, 0));
    let account = world.synth.number(1);
    assert_eq!(
        source.to_string(),
        format!("the bill of customer {account} could not be composed")
    );
    assert_eq!(bills(&issuer.store, &run).await.len(), 4, "the other two");
    let state = issuer.store.run(&run).await.expect("read").expect("a run");
    assert_eq!(state.state, RunState::Released);

    let again = issue(&issuer).await.expect("the chunk rests");
    assert_eq!(again.bills, 0);
    world.clock.forward(LEASE_S + 1);
    issuer.composers = one_composer(Plain::new(&world.sealer));
    issue(&issuer).await.expect("issued");
    assert_eq!(world.issued(&run).await, wanted);
}

/// A layout that gives one customer's shape no form.
struct Formless {
    plain: Plain,
    account: CustomerNumber,
}

fn no_form() -> NoForm {
    NoForm {
        why: Why::Wraps,
        is_for_long_texts_only: false,
        page: 1,
        fields: vec!["customer.name".to_owned()],
        shown: String::new(),
        places: Vec::new(),
    }
}

impl Compose for Formless {
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed> {
        let mut pdf = self.plain.compose(bill)?;
        let is_whole = bill.customer.number == self.account;
        pdf.no_form = is_whole.then(|| Arc::new(no_form()));
        Ok(pdf)
    }

    fn sample(&self, bill: &Bill) -> Result<Vec<u8>, NotComposed> {
        self.plain.sample(bill)
    }
}

#[tokio::test]
async fn why_bills_had_no_form_is_kept_with_them_once_whatever_dies() {
    for n in 1.. {
        let world = World::new(7);
        let run = world.released("october").await;
        let formless = || {
            one_composer(Formless {
                plain: Plain::new(&world.sealer),
                account: world.synth.number(1),
            })
        };
        let mut issuer = world.issuer("worker").await;
        issuer.checkpoints = DieAt::new(n);
        issuer.composers = formless();
        let ended = died(tokio::spawn(async move { issue(&issuer).await }).await);
        world.clock.forward(LEASE_S + 1);
        let mut issuer = world.issuer("another").await;
        issuer.composers = formless();
        issue(&issuer).await.expect("issued");
        let told = issuer.store.no_forms(&run).await.expect("told");
        assert_eq!(told, [(no_form(), 1)], "{n}");
        if ended.is_some() {
            break;
        }
    }
}

/// Calls for a stop while its second chunk is composed.
struct Stopping {
    plain: Plain,
    left: AtomicUsize,
    stop: CancellationToken,
}

impl Compose for Stopping {
    fn compose(&self, bill: &Bill) -> Result<UnsealedPdf, NotComposed> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.stop.cancel();
        }
        self.plain.compose(bill)
    }

    fn sample(&self, bill: &Bill) -> Result<Vec<u8>, NotComposed> {
        self.plain.sample(bill)
    }
}

#[tokio::test]
async fn a_stop_ends_between_two_bills_and_frees_the_chunk() {
    let wanted = undisturbed(9).await;
    for bill in 1..=9 {
        let world = World::new(9);
        let run = world.released("october").await;
        let stop = CancellationToken::new();
        let mut issuer = world.issuer("worker").await;
        issuer.composers = one_composer(Stopping {
            plain: Plain::new(&world.sealer),
            left: AtomicUsize::new(bill),
            stop: stop.clone(),
        });
        issuer.issue(None, &stop, &|_| {}).await.expect("stopped");
        issue(&issuer).await.expect("issued");
        assert_eq!(world.issued(&run).await, wanted, "stopped at bill {bill}");
    }
}

#[tokio::test]
async fn progress_adds_up_and_previews_are_marked() {
    let world = World::new(7);
    let run = world.released("october").await;
    let issuer = world.issuer("worker").await;
    let samples = issuer.preview(&run, 5).await.expect("samples");
    let whose: Vec<_> = samples.iter().map(|s| s.account.to_string()).collect();
    let wanted: Vec<_> = (0..5).map(|i| world.synth.number(i).to_string()).collect();
    assert_eq!(whose, wanted);
    let one = issuer.sample(&run, OrderSeq(4)).await.expect("a sample");
    assert_eq!(one.map(|s| s.account), Some(samples[4].account.clone()));
    for beyond in [7, u64::MAX] {
        let none = issuer.sample(&run, OrderSeq(beyond)).await;
        assert!(none.expect("an answer").is_none());
    }
    for sample in &samples {
        let text = String::from_utf8_lossy(&sample.pdf);
        assert!(text.starts_with("sample "));
        // Nobody can use what a sample shows.
        let code = issuer.key.authorization_code(&sample.account, 1).printed();
        let link = issuer.key.token(TokenPurpose::Verify, "0000000001");
        assert!(!text.contains(&code) && !text.contains(link.expose()));
    }

    let heard = AtomicUsize::new(0);
    let count = |kept: &ChunkResult| {
        heard.fetch_add(kept.bills.len(), Ordering::SeqCst);
    };
    let report = issuer
        .issue(Some(&run), &CancellationToken::new(), &count)
        .await
        .expect("issued");
    assert_eq!((report.bills, report.chunks), (7, 3));
    assert_eq!(heard.into_inner(), 7);
}
