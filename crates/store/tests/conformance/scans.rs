//! Scanned declarations: each page once, in one hand at a time, decided by the hand that saw it.

use jiff::Timestamp;
use kvit_billing::{EntryId, Language, Secret, StaffLogin};
use kvit_store::{
    EnrolmentChannel, EnrolmentState, Event, NewEnrolment, NewProof, NewScan, NewScanFile,
    ScanCounts, ScanFault, ScanHand, ScanRecord, ScanReport, ScanState, ScanUndo, ScanWord, Store,
    WantedScan, Written,
};
use serde_json::json;

use super::world::{account, at, token};

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
        .begin_scan_file(&file, &event("scans.brought", at(0)))
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
    store.begin_scan_file(&file, &told).await.expect("begun");
    store.begin_scan_file(&file, &told).await.expect("once");
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
        .finish_scan_file(&entry(2), &report, at(6))
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
