//! Scanned declarations come in: bad pages leave the good ones, each page counts once, and a death at any place leaves
//! nothing half.

use std::{io::Cursor, sync::Arc};

use crate::world::{
    World,
    faults::{DieAt, DownArchive, died},
};
use datamatrix::{DataMatrix, SymbolList};
use kvit_billing::{PaperCode, ports::Clock};
use kvit_flow::{
    ScanImport,
    ports::{Archive, Checkpoints, NoCheckpoints},
    read_scan, read_signed,
    scans::sha256,
};
use kvit_store::{
    EnrolmentChannel, Event, NewEnrolment, NewScanFile, ScanFault, ScanHand, ScanReport, ScanState,
    ScanWord, SignedSheet, Store, WantedScan, Written,
};
use tiff::encoder::{TiffEncoder, colortype};
use tokio_util::sync::CancellationToken;

const W: u32 = 620;
const H: u32 = 877;
const EIK: &str = "999900017";

/// A page, A4 at 75 dpi, with a code and some lines.
fn page(says: Option<&str>, mark: u32) -> Vec<u8> {
    let mut luma = vec![255_u8; (W * H) as usize];
    let mut fill = |x: u32, y: u32, w: u32, h: u32| {
        for row in y..y + h {
            let start = (row * W + x) as usize;
            luma[start..start + w as usize].fill(0);
        }
    };
    for line in 0..20 {
        fill(60, 60 + line * 20, 300 + mark, 3);
    }
    if let Some(says) = says {
        let code = DataMatrix::encode(says.as_bytes(), SymbolList::default().enforce_square());
        for (x, y) in code.expect("fits").bitmap().pixels() {
            let (x, y) = (
                u32::try_from(x).expect("small"),
                u32::try_from(y).expect("small"),
            );
            fill(450 + x * 4, 700 + y * 4, 4, 4);
        }
    }
    luma
}

fn code(account: u32) -> String {
    format!("KVIT1;{EIK};{account};4211000001")
}

/// A post bag: a declaration, one of another operator, one whose code nobody can read, an empty back, and the first again.
fn bag() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("begun");
    for page in [
        page(Some(&code(1_000_000_001)), 1),
        page(Some("KVIT1;111111111;1000000009;4211000001"), 2),
        page(None, 3),
        vec![255; (W * H) as usize],
        page(Some(&code(1_000_000_001)), 1),
    ] {
        encoder
            .write_image::<colortype::Gray8>(W, H, &page)
            .expect("written");
    }
    file.into_inner()
}

async fn bring(
    world: &World,
    store: &Store,
    n: u32,
    bytes: &[u8],
    checkpoints: &dyn Checkpoints,
) -> ScanReport {
    let archive = world.archive();
    importer(world, store, archive.as_ref(), checkpoints)
        .read(&file(world, n, bytes), bytes.to_vec(), &|_| ())
        .await
        .expect("read")
}

fn importer<'a>(
    world: &'a World,
    store: &'a Store,
    archive: &'a dyn Archive,
    checkpoints: &'a dyn Checkpoints,
) -> ScanImport<'a> {
    ScanImport {
        store,
        archive,
        clock: world.clock.as_ref(),
        checkpoints,
        eik: EIK.to_owned(),
        public_url: "https://bills.example.bg".to_owned(),
    }
}

fn file(world: &World, n: u32, bytes: &[u8]) -> NewScanFile {
    NewScanFile {
        id: format!("{n:032x}").parse().expect("an id"),
        name: "bag.tif".to_owned(),
        sha256: sha256(bytes),
        by: "c.petrova".to_owned(),
        at: world.clock.now(),
    }
}

/// All that lies in the archive for scans.
async fn kept(world: &World) -> Vec<String> {
    let mut objects = world.archive().list("scans").await.expect("listed");
    objects.sort();
    objects
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_page_waits_once_and_is_told_again() {
    let world = World::new(3);
    let store = world.store().await;
    let report = bring(&world, &store, 1, &bag(), &NoCheckpoints).await;
    let right = ScanReport {
        kept: 3,
        without_code: 2,
        known: 1,
        blank: 1,
        faults: Vec::new(),
    };
    assert_eq!(report, right);
    let waiting = store.scans_in(ScanState::Waiting, 10).await.expect("pages");
    let first = waiting.iter().find(|found| found.scan.page == 1);
    let first = &first.expect("kept").scan;
    let said: PaperCode = code(1_000_000_001).parse().expect("a code");
    assert_eq!(first.account.as_ref(), Some(&said.account));
    assert_eq!(first.code.as_ref(), Some(&said));
    let picture = read_scan(world.archive().as_ref(), first).await;
    assert!(picture.expect("kept").starts_with(b"\x89PNG"));
    // Another file with the same pages.
    let again = bring(&world, &store, 2, &bag(), &NoCheckpoints).await;
    assert_eq!((again.kept, again.known, again.blank), (0, 4, 1));
    // What is in the archive was changed by hand.
    let path = world.path().join("archive").join(&first.object);
    if path.exists() {
        std::fs::write(&path, vec![0; first.bytes as usize]).expect("written");
        assert!(read_scan(world.archive().as_ref(), first).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_told_and_leaves_the_others() {
    let world = World::new(3);
    let store = world.store().await;
    let whole = bag();
    let none = bring(&world, &store, 1, b"hello", &NoCheckpoints).await;
    let fault = |page, word: &str| ScanFault {
        page,
        word: word.to_owned(),
    };
    assert_eq!(none.faults, [fault(None, "format")]);
    // Cut off within its pages: the encoder writes each page's data before its directory.
    let cut = bring(&world, &store, 2, &whole[..whole.len() / 2], &NoCheckpoints).await;
    assert!(cut.kept >= 1, "{cut:?}");
    assert_eq!(cut.faults.len(), 1, "{cut:?}");
    assert_eq!(cut.faults[0].word, "broken");
    assert!(
        store
            .scan_files(9)
            .await
            .expect("files")
            .iter()
            .all(|file| file.finished_at.is_some())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_place_leaves_nothing_half() {
    let mut places = Vec::new();
    for n in 1.. {
        let world = Arc::new(World::new(3));
        let store = world.store().await;
        let dying = DieAt::new(n);
        let task = {
            let (world, store, dying) = (Arc::clone(&world), store.clone(), Arc::clone(&dying));
            tokio::spawn(async move { bring(&world, &store, 1, &bag(), dying.as_ref()).await })
        };
        if died(task.await).is_some() {
            break;
        }
        places.push(dying.place().expect("a place"));
        // Whatever a row names is there, whole.
        for found in store.scans_in(ScanState::Waiting, 10).await.expect("pages") {
            let picture = read_scan(world.archive().as_ref(), &found.scan).await;
            assert!(picture.is_ok(), "died at {:?}", places.last());
        }
        let file = store.scan_files(9).await.expect("files").remove(0);
        assert_eq!(file.finished_at, None, "it is told that it was cut off");
        assert!(!file.stored);
        let again = bring(&world, &store, 2, &bag(), &NoCheckpoints).await;
        assert_eq!(again.kept + again.known, 4);
        let waiting = store.scan_counts().await.expect("counts").waiting;
        assert_eq!(waiting, 3, "died at {:?}", places.last());
    }
    assert_eq!(places.len(), 9, "{places:?}");
}

const HOUR: u64 = 3_600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_was_promised_is_read_whatever_dies_and_nothing_is_left() {
    let mut places = Vec::new();
    for n in 1.. {
        let world = Arc::new(World::new(3));
        let store = world.store().await;
        let dying = DieAt::new(n);
        let task = {
            let (world, store, dying) = (Arc::clone(&world), store.clone(), Arc::clone(&dying));
            tokio::spawn(async move {
                let (archive, bytes) = (world.archive(), bag());
                let import = importer(&world, &store, archive.as_ref(), dying.as_ref());
                let received = import.receive(&file(&world, 1, &bytes), bytes).await;
                received.expect("received");
                let read = import
                    .read_next("w", &CancellationToken::new())
                    .await
                    .expect("read");
                assert!(read.is_some());
            })
        };
        let ended = died(task.await).is_some();
        let place = dying.place();
        // The next process: its name frees what the dead one had, and no lease is waited for.
        let archive = world.archive();
        let next = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
        let freed = store.forget_worker("w", world.clock.now()).await;
        freed.expect("freed");
        while next
            .read_next("w", &CancellationToken::new())
            .await
            .expect("read")
            .is_some()
        {}
        let promised = !matches!(place, Some("before-keep-scans" | "after-keep-scans"));
        let files = store.scan_files(9).await.expect("files");
        assert_eq!(files.len(), usize::from(promised), "died at {place:?}");
        assert!(
            files
                .iter()
                .all(|file| file.finished_at.is_some() && !file.stored)
        );
        let pages = store.scans_in(ScanState::Waiting, 10).await.expect("pages");
        assert_eq!(
            pages.len(),
            if promised { 3 } else { 0 },
            "died at {place:?}"
        );
        // What a death left is removed a day later, and nothing that a row names.
        next.clear(90).await.expect("cleared");
        world.clock.forward(25 * HOUR);
        next.clear(90).await.expect("cleared");
        let mut named: Vec<_> = pages.iter().map(|page| page.scan.object.clone()).collect();
        named.sort();
        assert_eq!(kept(&world).await, named, "died at {place:?}");
        for page in &pages {
            read_scan(archive.as_ref(), &page.scan)
                .await
                .expect("whole");
        }
        if ended {
            break;
        }
        places.push(place.expect("a place"));
    }
    assert!(places.len() >= 14, "{places:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_ends_every_reader_is_given_up() {
    let world = World::new(3);
    let store = world.store().await;
    let archive = world.archive();
    let import = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
    let bytes = bag();
    let new = file(&world, 1, &bytes);
    import.receive(&new, bytes).await.expect("received");
    for _ in 0..5 {
        let (now, until) = (
            world.clock.now(),
            world.clock.now() + jiff::SignedDuration::from_mins(10),
        );
        let claimed = store.claim_scan_file("w", now, until).await.expect("asked");
        assert!(claimed.is_some());
        // Nobody else has it in the meantime.
        assert!(
            import
                .read_next("v", &CancellationToken::new())
                .await
                .expect("asked")
                .is_none()
        );
        world.clock.forward(700);
    }
    let (_, report) = import
        .read_next("w", &CancellationToken::new())
        .await
        .expect("asked")
        .expect("told");
    assert_eq!(
        (report.kept, report.faults[0].word.as_str()),
        (0, "given-up")
    );
    assert!(
        import
            .read_next("w", &CancellationToken::new())
            .await
            .expect("asked")
            .is_none()
    );
    // It stays, whatever is cleared away, and is read when somebody asks for it.
    world.clock.forward(25 * HOUR);
    import.clear(90).await.expect("cleared");
    assert_eq!(kept(&world).await.len(), 1);
    let told = Event {
        at: world.clock.now(),
        who: "ana".to_owned(),
        what: "scans.retried".to_owned(),
        subject: "scans".to_owned(),
        detail: serde_json::json!({}),
    };
    let waits = store.retry_scan_file(&new.id, &told).await;
    assert!(waits.expect("asked"));
    let (_, report) = import
        .read_next("w", &CancellationToken::new())
        .await
        .expect("asked")
        .expect("read");
    assert_eq!(report.kept, 3);
    let pages = kept(&world).await;
    assert_eq!(pages.len(), 3, "{pages:?}");
    // The bytes in the archive are not those that came.
    let bytes = bag();
    let new = file(&world, 2, &bytes);
    import.receive(&new, bytes.clone()).await.expect("received");
    let mut objects = kept(&world).await;
    objects.retain(|object| object.ends_with("/file"));
    let object = objects.remove(0);
    let other = vec![0; bytes.len()];
    archive.put(&object, other.into()).await.expect("put");
    let (_, report) = import
        .read_next("w", &CancellationToken::new())
        .await
        .expect("asked")
        .expect("told");
    assert_eq!(report.faults[0].word, "altered");
    assert!(kept(&world).await.contains(&object));
    // Restored from a backup.
    archive.put(&object, bytes.into()).await.expect("put");
    let waits = store.retry_scan_file(&new.id, &told).await;
    assert!(waits.expect("asked"));
    let (_, report) = import
        .read_next("w", &CancellationToken::new())
        .await
        .expect("asked")
        .expect("read");
    assert_eq!((report.kept, report.known), (0, 4));
    assert!(!kept(&world).await.contains(&object));
}

/// Has whoever reads stop in good order at a place.
struct StopAt(&'static str, CancellationToken);

impl Checkpoints for StopAt {
    fn reached(&self, name: &'static str) {
        if name == self.0 {
            self.1.cancel();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_good_order_costs_no_try() {
    let world = World::new(3);
    let store = world.store().await;
    let archive = world.archive();
    let import = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
    let bytes = bag();
    let new = file(&world, 1, &bytes);
    import.receive(&new, bytes).await.expect("received");
    let stopped = CancellationToken::new();
    stopped.cancel();
    for _ in 0..9 {
        let read = import.read_next("w", &stopped).await.expect("stopped");
        assert!(read.is_none());
        let waiting = store.scan_files(1).await.expect("files").remove(0);
        assert_eq!((waiting.finished_at, waiting.read_until), (None, None));
    }
    // In the middle of a page: what was begun may come to its end, and is known the next time.
    for place in ["before-keep-scan", "after-keep-scan", "after-name-scan"] {
        let stop = CancellationToken::new();
        let stopping = StopAt(place, stop.clone());
        let import = importer(&world, &store, archive.as_ref(), &stopping);
        import.read_next("w", &stop).await.expect("stopped");
    }
    let stop = CancellationToken::new();
    while import.read_next("w", &stop).await.expect("asked").is_some() {}
    let done = store.scan_files(1).await.expect("files").remove(0);
    let report = done.report.expect("a report");
    assert!(report.faults.is_empty(), "{report:?}");
    assert_eq!(report.kept + report.known, 4, "{report:?}");
    let pages = store.scan_counts().await.expect("counts").waiting;
    assert_eq!(pages, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_given_up_is_removed_by_a_word() {
    let world = World::new(3);
    let store = world.store().await;
    let archive = world.archive();
    let import = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
    let bytes = bag();
    let new = file(&world, 1, &bytes);
    import.receive(&new, bytes).await.expect("received");
    let told = Event {
        at: world.clock.now(),
        who: "ana".to_owned(),
        what: "scans.removed".to_owned(),
        subject: format!("scans/{}", new.id),
        detail: serde_json::json!({ "why": "scanned again" }),
    };
    let report = ScanReport::default();
    let gone = async || {
        let gone = store.remove_scan_file(&new.id, &report, &told);
        gone.await.expect("asked")
    };
    assert!(!gone().await, "it waits to be read");
    let (now, until) = (
        world.clock.now(),
        world.clock.now() + jiff::SignedDuration::from_mins(10),
    );
    let claimed = store.claim_scan_file("w", now, until).await.expect("asked");
    let claim = claimed.expect("a file").claim;
    let up = store.give_up_scan_file(&new.id, claim, &report, now);
    up.await.expect("given up");
    import.clear(90).await.expect("cleared");
    assert_eq!(kept(&world).await.len(), 1);
    assert!(gone().await);
    assert!(!gone().await, "once");
    assert!(!store.retry_scan_file(&new.id, &told).await.expect("gone"));
    import.clear(90).await.expect("cleared");
    assert_eq!(kept(&world).await, Vec::<String>::new());
    let trail = store.events(&told.subject, 9).await.expect("events");
    let words: Vec<_> = trail.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(
        words
            .iter()
            .filter(|what| **what == "scans.removed")
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_down_costs_no_try() {
    let world = World::new(3);
    let store = world.store().await;
    let archive = world.archive();
    let import = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
    let bytes = bag();
    let new = file(&world, 1, &bytes);
    import.receive(&new, bytes).await.expect("received");
    // Two hours without reads, then one in which nothing can be written.
    for (reads, rounds) in [(false, 240), (true, 120)] {
        let down = DownArchive {
            inner: world.archive(),
            reads,
        };
        let import = importer(&world, &store, &down, &NoCheckpoints);
        for _ in 0..rounds {
            assert!(
                import
                    .read_next("w", &CancellationToken::new())
                    .await
                    .is_err()
            );
            // For half a minute another file would come first.
            assert!(
                import
                    .read_next("w", &CancellationToken::new())
                    .await
                    .expect("asked")
                    .is_none()
            );
            let listed = store.scan_files(9).await.expect("files").remove(0);
            assert!(listed.stored && listed.finished_at.is_none());
            world.clock.forward(30);
        }
    }
    let (_, report) = import
        .read_next("w", &CancellationToken::new())
        .await
        .expect("asked")
        .expect("read");
    assert_eq!(report.kept, 3, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_removed_holds_up_nothing_else() {
    let world = World::new(3);
    let store = world.store().await;
    let archive = world.archive();
    for n in 1..=3 {
        let object = format!("scans/left/{n}");
        let noted = store.note_scan_object(&object, world.clock.now()).await;
        noted.expect("noted");
        archive.put(&object, vec![1].into()).await.expect("put");
    }
    world.clock.forward(25 * HOUR);
    let stuck = DownArchive {
        inner: world.archive(),
        reads: true,
    };
    let import = importer(&world, &store, &stuck, &NoCheckpoints);
    assert_eq!(import.clear(90).await.expect("cleared"), (0, 2));
    assert_eq!(kept(&world).await, ["scans/left/1"]);
    assert_eq!(import.clear(90).await.expect("cleared"), (0, 0));
    world.clock.forward(25 * HOUR);
    let import = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
    assert_eq!(import.clear(90).await.expect("cleared"), (0, 1));
    assert!(kept(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_pages_are_removed_after_their_time_and_told_as_a_sum() {
    let world = World::new(3);
    let store = world.store().await;
    bring(&world, &store, 1, &bag(), &NoCheckpoints).await;
    let login = "ana".parse().expect("a login");
    let now = world.clock.now();
    let told = Event {
        at: now,
        who: "ana".to_owned(),
        what: "scan.refused".to_owned(),
        subject: "scan".to_owned(),
        detail: serde_json::json!({}),
    };
    for word in [ScanWord::Refused("unsigned"), ScanWord::Aside("ask")] {
        let until = now + jiff::SignedDuration::from_mins(10);
        let held = store.hold_scan(&login, WantedScan::Next, now, until).await;
        let held = held.expect("asked").expect("a page");
        let hand = ScanHand {
            id: &held.scan.id,
            login: &login,
            version: held.version,
        };
        let done = store.decide_scan(hand, word, &told).await.expect("decided");
        assert_eq!(done, Written::Done);
    }
    let archive = world.archive();
    let import = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
    world.clock.forward(89 * 24 * HOUR);
    assert_eq!(import.clear(90).await.expect("cleared"), (0, 0));
    assert_eq!(kept(&world).await.len(), 3);
    world.clock.forward(2 * 24 * HOUR);
    assert_eq!(import.clear(90).await.expect("cleared"), (1, 0));
    assert_eq!(kept(&world).await.len(), 2);
    assert_eq!(import.clear(90).await.expect("cleared"), (0, 0));
    let trail = store.events("scans", 9).await.expect("events");
    assert_eq!(trail.len(), 1);
    assert_eq!(
        trail[0].detail,
        serde_json::json!({ "refused_pages": 1, "kept_days": 90 })
    );
    // The same paper once more is a new page.
    let again = bring(&world, &store, 2, &bag(), &NoCheckpoints).await;
    assert_eq!((again.kept, again.known), (1, 3));
}

/// What a customer signs on a screen is in the archive before the consent names it, and stays; what a death leaves is removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_sheet_stays_once_a_consent_names_it() {
    let mut places = Vec::new();
    for n in 1.. {
        let world = Arc::new(World::new(3));
        let store = world.store().await;
        world.released("2026-10").await;
        let dying = DieAt::new(n);
        let task = {
            let (world, store, dying) = (Arc::clone(&world), store.clone(), Arc::clone(&dying));
            tokio::spawn(async move { signed(&world, &store, 1, dying.as_ref()).await })
        };
        let ended = died(task.await).is_some();
        places.extend(dying.place());
        // The same press again, and once more after it counted.
        let given = signed(&world, &store, 2, &NoCheckpoints).await;
        assert_eq!(given == Written::Done, !ended, "died at {places:?}");
        let again = signed(&world, &store, 3, &NoCheckpoints).await;
        assert_eq!(again, Written::Outdated);
        world.clock.forward(25 * HOUR);
        let archive = world.archive();
        let next = importer(&world, &store, archive.as_ref(), &NoCheckpoints);
        next.clear(90).await.expect("cleared");
        let account = world.synth.number(1);
        let facts = store.enrolments_of(&account, 9).await.expect("facts");
        assert_eq!(facts.len(), 1, "died at {places:?}");
        let sheet = SignedSheet::of(&facts[0].evidence).expect("a sheet");
        assert_eq!(kept(&world).await, [sheet.object.as_str()]);
        let svg = read_signed(archive.as_ref(), &sheet).await.expect("whole");
        assert!(svg.starts_with(b"<svg"));
        archive
            .put(&sheet.object, b"<svg other".to_vec().into())
            .await
            .expect("put");
        assert!(read_signed(archive.as_ref(), &sheet).await.is_err());
        if ended {
            break;
        }
    }
    assert_eq!(places, ["before-keep-signed", "after-keep-signed"]);
}

/// One press on "done".
async fn signed(
    world: &World,
    store: &Store,
    attempt: u32,
    checkpoints: &dyn Checkpoints,
) -> Written {
    let archive = world.archive();
    let import = importer(world, store, archive.as_ref(), checkpoints);
    let id = format!("{:032x}", 77).parse().expect("an id");
    let attempt = format!("{attempt:032x}").parse().expect("an id");
    let svg = b"<svg signed".to_vec();
    let sheet = import.keep_signed(&id, &attempt, svg).await.expect("kept");
    let account = world.synth.number(1);
    let at = world.clock.now();
    let new = NewEnrolment {
        id,
        email: world.synth.email(1),
        language: world.synth.customer(1).language,
        channel: EnrolmentChannel::Centre,
        text_version: "1".to_owned(),
        evidence: serde_json::json!({ "sheet": sheet.evidence() }),
        at,
        proof: None,
        account: account.clone(),
    };
    let told = Event {
        at,
        who: "eva".to_owned(),
        what: "customer.enrolled".to_owned(),
        subject: format!("customer/{account}"),
        detail: serde_json::json!({}),
    };
    store.enrol_at(&new, 0, &told).await.expect("asked")
}
