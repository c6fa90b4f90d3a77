//! Scanned declarations: each page once, in one hand at a time, decided by the hand that saw it.

use jiff::Timestamp;
use kvit_billing::{EntryId, Language, Secret, StaffLogin};
use kvit_store::{
    EnrolmentChannel, EnrolmentState, Event, NewEnrolment, NewProof, NewScan, NewScanFile,
    ScanComing, ScanCounts, ScanFault, ScanHand, ScanRecord, ScanReport, ScanState, ScanUndo,
    ScanWord, Store, WantedScan, Written,
};
use serde_json::json;

use super::world::{account, at, token};

const HERE: ScanComing<'static> = ScanComing::ReadHere {
    until: Timestamp::UNIX_EPOCH,
};

fn login(name: &str) -> StaffLogin {
    name.parse().expect("a login")
}

fn entry(n: u64) -> EntryId {
    format!("{n:032x}").parse().expect("an entry id")
}

fn event(what: &str, when: Timestamp) -> Event {
    Event {
        at: when,
        who: "c.petrova".to_owned(),
        what: what.to_owned(),
        subject: "scan".to_owned(),
        detail: json!({}),
    }
}

fn scan(file: u64, page: u32) -> NewScan {
    let code = format!("KVIT1;999900017;{};4211000001", account(page.into()));
    NewScan {
        id: format!("{page:064x}"),
        file: entry(file),
        page,
        at: at(i64::from(page)),
        object: format!("scans/{page}.png"),
        bytes: 1_000,
        sha256: [7; 32],
        code: (page < 3).then(|| code.parse().expect("a code")),
        account: (page < 3).then(|| account(page.into())),
    }
}

/// A file of three pages; the third has no code.
async fn brought(store: &Store) {
    let file = NewScanFile {
        id: entry(1),
        name: "пощата.pdf".to_owned(),
        sha256: [1; 32],
        by: "c.petrova".to_owned(),
        at: at(0),
    };
    store
        .begin_scan_file(&file, HERE, &event("scans.brought", at(0)))
        .await
        .expect("begun");
    for page in 1..=3 {
        assert!(store.keep_scan(&scan(1, page)).await.expect("kept"));
    }
}

fn consent(n: u64) -> NewEnrolment {
    NewEnrolment {
        id: format!("{n:032x}").parse().expect("an id"),
        account: account(n),
        channel: EnrolmentChannel::Paper,
        email: Secret::new("ana@example.bg".to_owned()),
        language: Language::Bg,
        text_version: "4211000001".to_owned(),
        evidence: json!({ "by": "paper" }),
        at: at(100),
        proof: Some(NewProof {
            hash: token(n),
            expires: at(10_000),
        }),
    }
}

async fn next(store: &Store, who: &StaffLogin, now: i64) -> Option<ScanRecord> {
    store
        .hold_scan(who, WantedScan::Next, at(now), at(now + 600))
        .await
        .expect("asked")
}

fn hand<'a>(found: &'a ScanRecord, login: &'a StaffLogin) -> ScanHand<'a> {
    ScanHand {
        id: &found.scan.id,
        login,
        version: found.version,
    }
}

pub(crate) async fn a_page_is_known_again_and_waits_once(store: Store) {
    brought(&store).await;
    // The same page in another file, as another page.
    let file = NewScanFile {
        id: entry(2),
        name: "again.tif".to_owned(),
        sha256: [2; 32],
        by: "c.petrova".to_owned(),
        at: at(5),
    };
    let told = event("scans.brought", at(5));
    for _ in 0..2 {
        let begun = store.begin_scan_file(&file, HERE, &told).await;
        begun.expect("once");
    }
    let again = NewScan {
        file: entry(2),
        page: 9,
        ..scan(1, 2)
    };
    assert!(!store.keep_scan(&again).await.expect("asked"));
    let report = ScanReport {
        known: 1,
        faults: vec![ScanFault {
            page: Some(4),
            word: "broken".to_owned(),
        }],
        ..ScanReport::default()
    };
    store
        .finish_scan_file(&entry(2), 1, &report, at(6))
        .await
        .expect("finished");
    let files = store.scan_files(10).await.expect("files");
    assert_eq!(files.len(), 2);
    assert_eq!(files[0].report, Some(report));
    assert_eq!(files[0].finished_at, Some(at(6)));
    assert_eq!(files[1].finished_at, None, "the first one was cut off");
    assert_eq!(files[1].file.name, "пощата.pdf");
    let counts = store.scan_counts().await.expect("counts");
    assert_eq!(
        counts,
        ScanCounts {
            waiting: 3,
            aside: 0
        }
    );
    let first = store
        .scan(&scan(1, 1).id)
        .await
        .expect("asked")
        .expect("kept");
    assert_eq!(first.file_name, "пощата.pdf");
    assert_eq!(first.scan.code, scan(1, 1).code);
    assert_eq!(
        store.scans_of(&account(2), 10).await.expect("asked").len(),
        1
    );
    assert_eq!(store.events("scan", 10).await.expect("told").len(), 2);
}

pub(crate) async fn a_page_is_in_one_hand_at_a_time(store: Store) {
    brought(&store).await;
    let (ana, boris) = (login("ana"), login("boris"));
    let hers = next(&store, &ana, 10).await.expect("the first");
    assert_eq!(hers.scan.page, 1);
    // The page shown again is the same one, in the same version: what was typed is not lost.
    let again = next(&store, &ana, 20).await.expect("hers");
    assert_eq!((again.scan.page, again.version), (1, hers.version));
    let his = next(&store, &boris, 10).await.expect("the next");
    assert_eq!(his.scan.page, 2);
    let asked = store
        .hold_scan(&boris, WantedScan::This(&hers.scan.id), at(30), at(630))
        .await;
    assert!(asked.expect("asked").is_none(), "it is in her hand");
    // Two at once get two pages.
    let (third, none) = tokio::join!(
        async {
            store
                .hold_scan(&login("ivo"), WantedScan::Next, at(40), at(640))
                .await
                .expect("asked")
        },
        async {
            store
                .hold_scan(&login("eva"), WantedScan::Next, at(40), at(640))
                .await
                .expect("asked")
        },
    );
    assert_eq!(u32::from(third.is_some()) + u32::from(none.is_some()), 1);
    // Her lease runs out, he takes it, and her word changes nothing.
    let taken = store
        .hold_scan(&boris, WantedScan::This(&hers.scan.id), at(700), at(1_300))
        .await;
    let taken = taken.expect("asked").expect("free again");
    let refused = event("scan.refused", at(710));
    let word = ScanWord::Refused("no signature");
    let late = store.decide_scan(hand(&hers, &ana), word, &refused).await;
    assert_eq!(late.expect("asked"), Written::Outdated);
    let late = store
        .confirm_scan(hand(&hers, &ana), &consent(1), 0, &refused)
        .await;
    assert_eq!(late.expect("asked"), Written::Outdated);
    let done = store
        .decide_scan(hand(&taken, &boris), word, &refused)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    let twice = store
        .decide_scan(hand(&taken, &boris), word, &refused)
        .await;
    assert_eq!(twice.expect("asked"), Written::Outdated);
    let first = store
        .scan(&hers.scan.id)
        .await
        .expect("asked")
        .expect("kept");
    assert_eq!(first.state, ScanState::Refused);
    assert_eq!(first.reason.as_deref(), Some("no signature"));
    assert_eq!(first.decided.map(|(who, _)| who), Some(boris.clone()));
    // A lease that ran out does no harm while nobody else wants the page.
    let aside = event("scan.aside", at(5_000));
    let done = store
        .decide_scan(hand(&his, &boris), ScanWord::Aside("ask"), &aside)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    let waits = store.scans_in(ScanState::Aside, 10).await.expect("asked");
    assert_eq!(waits.len(), 1);
    assert_eq!(
        next(&store, &ana, 6_000).await.map(|found| found.scan.page),
        Some(3)
    );
    let put = store
        .hold_scan(
            &ana,
            WantedScan::This(&waits[0].scan.id),
            at(6_000),
            at(6_600),
        )
        .await;
    assert!(
        put.expect("asked").is_some(),
        "what is put aside is taken up by name"
    );
}

pub(crate) async fn a_confirmed_page_is_the_evidence_of_a_consent(store: Store) {
    brought(&store).await;
    let ana = login("ana");
    let found = next(&store, &ana, 10).await.expect("the first");
    let told = event("scan.confirmed", at(100));
    // Somebody enrolled the customer by telephone while the page was looked at.
    let other = NewEnrolment {
        id: format!("{:032x}", 77).parse().expect("an id"),
        channel: EnrolmentChannel::Phone,
        proof: None,
        ..consent(1)
    };
    store.enrol(&other).await.expect("enrolled");
    let late = store
        .confirm_scan(hand(&found, &ana), &consent(1), 0, &told)
        .await;
    assert_eq!(late.expect("asked"), Written::Outdated);
    assert!(
        store
            .enrolment_by_proof(&token(1))
            .await
            .expect("asked")
            .is_none()
    );
    let version = store.consent_version(&account(1)).await.expect("asked");
    let done = store
        .confirm_scan(hand(&found, &ana), &consent(1), version, &told)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    let waiting = store
        .waiting_enrolment(&account(1))
        .await
        .expect("asked")
        .expect("waits");
    assert_eq!(waiting.channel, EnrolmentChannel::Paper);
    assert_eq!(waiting.proven_at, None, "proven by the link, as everywhere");
    let kept = store
        .scan(&found.scan.id)
        .await
        .expect("asked")
        .expect("kept");
    assert_eq!(
        (kept.state, kept.enrolment),
        (ScanState::Confirmed, Some(consent(1).id))
    );
    let again = store
        .hold_scan(&ana, WantedScan::This(&found.scan.id), at(200), at(800))
        .await;
    assert!(again.expect("asked").is_none());
    // The number was typed for a page without code.
    let third = store
        .hold_scan(&ana, WantedScan::This(&scan(1, 3).id), at(200), at(800))
        .await;
    let third = third.expect("asked").expect("free");
    let done = store
        .confirm_scan(hand(&third, &ana), &consent(5), 0, &told)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    assert_eq!(
        store.scans_of(&account(5), 10).await.expect("asked").len(),
        1
    );
}

pub(crate) async fn a_decision_is_taken_back_until_the_address_is_proven(store: Store) {
    brought(&store).await;
    let ana = login("ana");
    let found = next(&store, &ana, 10).await.expect("the first");
    let told = event("scan.confirmed", at(100));
    // By mistake for another customer than the one that was read.
    let done = store
        .confirm_scan(hand(&found, &ana), &consent(2), 0, &told)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    let last = store
        .last_scan_of(&ana)
        .await
        .expect("asked")
        .expect("decided");
    let boris = login("boris");
    let undone = store.undo_scan(hand(&last, &boris), at(800), &told).await;
    assert_eq!(undone.expect("asked"), ScanUndo::Outdated, "not his");
    let undone = store.undo_scan(hand(&last, &ana), at(800), &told).await;
    assert_eq!(undone.expect("asked"), ScanUndo::Done);
    let again = store.scan(&found.scan.id).await.expect("asked");
    assert_eq!(again.expect("kept").scan.account, Some(account(1)));
    assert!(matches!(
        store.enrolment_of(&account(2)).await.expect("asked"),
        EnrolmentState::None
    ));
    let undone = store.undo_scan(hand(&last, &ana), at(800), &told).await;
    assert_eq!(undone.expect("asked"), ScanUndo::Outdated, "once");
    let mails = store
        .claim_deliveries("w", at(200), at(400), 10)
        .await
        .expect("claimed");
    assert!(mails.is_empty(), "nobody is asked for a proof any more");
    // It is in her hand again, and goes another way.
    let back = next(&store, &ana, 210).await.expect("hers");
    assert_eq!(back.scan.id, found.scan.id);
    let again = NewEnrolment {
        proof: Some(NewProof {
            hash: token(99),
            expires: at(10_000),
        }),
        id: format!("{:032x}", 99).parse().expect("an id"),
        ..consent(2)
    };
    let late = store
        .confirm_scan(hand(&back, &ana), &again, 0, &told)
        .await;
    assert_eq!(late.expect("asked"), Written::Outdated);
    let version = store.consent_version(&account(2)).await.expect("asked");
    let done = store
        .confirm_scan(hand(&back, &ana), &again, version, &told)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    // Its link was pressed: what the customer did is not taken back.
    store
        .prove_enrolment(&token(99), at(300), json!({}))
        .await
        .expect("proven");
    let last = store.last_scan_of(&ana).await.expect("asked");
    let last = last.expect("decided");
    let undone = store.undo_scan(hand(&last, &ana), at(800), &told).await;
    assert_eq!(undone.expect("asked"), ScanUndo::TooLate);
}

pub(crate) async fn an_uploaded_file_is_read_by_its_latest_claim(store: Store) {
    let object = "scans/1/file";
    store.note_scan_object(object, at(0)).await.expect("noted");
    store.note_scan_object(object, at(1)).await.expect("again");
    let loose = |until| store.loose_scan_objects(at(until));
    assert!(loose(0).await.expect("asked").is_empty());
    assert_eq!(loose(1).await.expect("asked"), [object]);
    let told = event("scans.brought", at(2));
    for n in [1, 2] {
        let file = NewScanFile {
            id: entry(n),
            name: "a.pdf".to_owned(),
            sha256: [3; 32],
            by: "c.petrova".to_owned(),
            at: at(2 + i64::try_from(n).expect("small")),
        };
        let coming = ScanComing::Stored { object, bytes: 77 };
        let begun = store.begin_scan_file(&file, coming, &told).await;
        begun.expect("begun");
    }
    assert!(loose(9).await.expect("asked").is_empty(), "it has a row");
    assert_eq!(store.scan_files_waiting().await.expect("asked"), 2);
    let files = store.scan_files(9).await.expect("files");
    assert!(
        files
            .iter()
            .all(|file| file.stored && file.read_until.is_none())
    );
    let claim = |worker: &'static str, now| store.claim_scan_file(worker, at(now), at(now + 600));
    let first = claim("v", 10).await.expect("asked").expect("the oldest");
    assert_eq!((first.file.id, first.bytes, first.claim), (entry(1), 77, 1));
    let other = claim("w", 10).await.expect("asked").expect("the other");
    assert_eq!(other.file.id, entry(2));
    assert!(
        claim("w", 11).await.expect("asked").is_none(),
        "both are read"
    );
    let (v, w) = tokio::join!(claim("v", 700), claim("w", 700));
    let two = [v, w].map(|job| job.expect("asked").expect("one each"));
    assert_ne!(two[0].file.id, two[1].file.id);
    assert!(two.iter().all(|job| job.claim == 2));
    // Who was taken for dead changes nothing.
    let report = ScanReport::default();
    let late = store.prolong_scan_file(&entry(1), 1, at(9_000)).await;
    assert!(!late.expect("asked"));
    let late = store.finish_scan_file(&entry(1), 1, &report, at(701)).await;
    assert!(!late.expect("asked"));
    let right = store.prolong_scan_file(&entry(1), 2, at(9_000)).await;
    assert!(right.expect("asked"));
    // A dead worker's are free at once.
    let mut freed = 0;
    for worker in ["v", "w"] {
        let forgotten = store.forget_worker(worker, at(702)).await;
        freed += forgotten.expect("freed").scans;
    }
    assert_eq!(freed, 2);
    let again = claim("x", 703).await.expect("asked").expect("free");
    assert_eq!((again.file.id, again.claim), (entry(1), 3));
    let done = store.finish_scan_file(&entry(1), 3, &report, at(704)).await;
    assert!(done.expect("asked"));
    let twice = store.finish_scan_file(&entry(1), 3, &report, at(704)).await;
    assert!(!twice.expect("asked"));
    assert_eq!(loose(704).await.expect("asked"), [object], "to be removed");
    store.forget_scan_object(object).await.expect("removed");
    assert!(loose(704).await.expect("asked").is_empty());
    assert_eq!(store.scan_files_waiting().await.expect("asked"), 1);
    let free = claim("x", 705).await.expect("asked").expect("the other");
    assert_eq!(free.file.id, entry(2));
}

pub(crate) async fn a_file_that_is_given_up_is_kept_and_tried_again(store: Store) {
    let told = event("scans.brought", at(1));
    let file = NewScanFile {
        id: entry(1),
        name: "a.pdf".to_owned(),
        sha256: [3; 32],
        by: "c.petrova".to_owned(),
        at: at(1),
    };
    let object = "scans/1/file";
    let coming = ScanComing::Stored { object, bytes: 77 };
    let begun = store.begin_scan_file(&file, coming, &told).await;
    begun.expect("begun");
    let claim = |now| store.claim_scan_file("v", at(now), at(now + 600));
    let first = claim(10).await.expect("asked").expect("waits");
    assert_eq!((first.claim, first.tries), (1, 1));
    // Given back: no try, in nobody's hand, and free from then on. Late words of an old claim change nothing.
    for _ in 0..2 {
        let back = store.give_back_scan_file(&entry(1), 1, at(40)).await;
        back.expect("given back");
        assert!(claim(39).await.expect("asked").is_none());
        let listed = store.scan_files(9).await.expect("files").remove(0);
        assert!(listed.stored && listed.read_until.is_none());
    }
    let second = claim(40).await.expect("asked").expect("free");
    assert_eq!((second.claim, second.tries), (2, 1));
    let third = claim(700).await.expect("asked").expect("the lease ran out");
    assert_eq!((third.claim, third.tries), (3, 2));
    let late = store.give_back_scan_file(&entry(1), 2, at(701)).await;
    late.expect("asked");
    assert!(claim(702).await.expect("asked").is_none(), "the third's");
    let report = ScanReport::default();
    for stale in [2, 3] {
        let up = store.give_up_scan_file(&file.id, stale, &report, at(703));
        up.await.expect("given up");
        let listed = store.scan_files(9).await.expect("files").remove(0);
        assert_eq!(listed.finished_at.is_some(), stale == 3);
        assert!(listed.stored, "it stays in the archive");
    }
    assert!(claim(9_000).await.expect("asked").is_none());
    assert_eq!(store.scan_files_waiting().await.expect("asked"), 0);
    let loose = store.loose_scan_objects(at(9_000)).await;
    assert!(loose.expect("asked").is_empty());
    // Newer ones hide it from nobody.
    let newer = NewScanFile {
        id: entry(3),
        at: at(9_000),
        ..file.clone()
    };
    let until = at(9_500);
    let told = event("scans.brought", at(9_000));
    let begun = store.begin_scan_file(&newer, ScanComing::ReadHere { until }, &told);
    begun.await.expect("begun");
    let listed = store.scan_files(1).await.expect("files").remove(0);
    assert_eq!(listed.file.id, entry(1));
    let found = store.scan_file(&entry(3)).await.expect("asked");
    assert!(found.is_some_and(|found| !found.stored));
    assert!(store.scan_file(&entry(4)).await.expect("asked").is_none());
    let told = event("scans.retried", at(9_001));
    assert!(!store.retry_scan_file(&entry(2), &told).await.expect("none"));
    for first in [true, false] {
        let waits = store.retry_scan_file(&entry(1), &told).await;
        assert_eq!(waits.expect("asked"), first);
    }
    let again = claim(9_002).await.expect("asked").expect("waits again");
    assert_eq!(
        (again.claim, again.tries, again.object.as_str()),
        (4, 1, object)
    );
}

pub(crate) async fn refused_pages_are_cleared_and_evidence_stays(store: Store) {
    brought(&store).await;
    let ana = login("ana");
    let told = event("scan", at(100));
    let found = next(&store, &ana, 10).await.expect("the first");
    let done = store
        .confirm_scan(hand(&found, &ana), &consent(1), 0, &told)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    for _ in 0..2 {
        let found = next(&store, &ana, 20).await.expect("the next");
        let word = ScanWord::Refused("unsigned");
        let done = store.decide_scan(hand(&found, &ana), word, &told).await;
        assert_eq!(done.expect("asked"), Written::Done);
    }
    let clear = |before| {
        store.clear_refused_scans(at(before), at(200), |pages| Event {
            detail: json!({ "pages": pages }),
            ..event("scans.cleared", at(200))
        })
    };
    assert!(clear(99).await.expect("asked").is_empty());
    let gone = clear(100).await.expect("cleared");
    assert_eq!(gone, ["scans/2.png", "scans/3.png"]);
    assert_eq!(
        store.loose_scan_objects(at(200)).await.expect("asked"),
        gone
    );
    assert!(clear(100).await.expect("asked").is_empty());
    let events = store.events("scan", 9).await.expect("events");
    let sums: Vec<_> = events
        .iter()
        .filter(|event| event.what == "scans.cleared")
        .collect();
    assert_eq!(sums.len(), 1);
    assert_eq!(sums[0].detail, json!({ "pages": 2 }));
    let evidence = store.scan(&found.scan.id).await.expect("asked");
    assert_eq!(evidence.expect("kept").state, ScanState::Confirmed);
    assert!(store.last_scan_of(&ana).await.expect("asked").is_some());
}

pub(crate) async fn the_next_page_is_the_oldest_that_nobody_has(store: Store) {
    brought(&store).await;
    for page in (4..=60).rev() {
        assert!(store.keep_scan(&scan(1, page)).await.expect("kept"));
    }
    let clerks: Vec<_> = (0..20).map(|n| login(&format!("clerk{n}"))).collect();
    for (n, clerk) in (1..).zip(&clerks) {
        let found = next(&store, clerk, 100).await.expect("a page");
        assert_eq!(found.scan.page, n, "in the order in which they came");
    }
    // One's own comes first, also where an older one is free again.
    let told = event("scan.aside", at(110));
    let first = next(&store, &clerks[0], 110).await.expect("hers");
    assert_eq!(first.scan.page, 1);
    let word = ScanWord::Aside("later");
    let done = store
        .decide_scan(hand(&first, &clerks[0]), word, &told)
        .await;
    assert_eq!(done.expect("asked"), Written::Done);
    assert_eq!(
        next(&store, &clerks[0], 120).await.expect("new").scan.page,
        21
    );
    let late = next(&store, &clerks[5], 800).await.expect("the oldest");
    assert_eq!(late.scan.page, 2, "their leases ran out");
    assert_eq!(
        next(&store, &clerks[6], 801).await.expect("next").scan.page,
        3
    );
    assert_eq!(
        next(&store, &clerks[5], 802).await.expect("his").scan.page,
        2
    );
}
