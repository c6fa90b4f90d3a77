//! Scanned declarations that came in.

use jiff::{SignedDuration, Timestamp};
use kvit_billing::{EntryId, ports::Clock};
use kvit_scan::Picture;
use kvit_store::{Event, NewScan, NewScanFile, ScanComing, ScanFault, ScanReport};
use serde_json::json;

use super::{World, number};

fn now(world: &World) -> Timestamp {
    world.clock.now()
}

/// A page of so many that a file brought, for a customer where its code was read.
pub(crate) async fn brought(world: &World, page: u32, customer: Option<&str>) -> String {
    let file: EntryId = format!("{:032x}", 7).parse().expect("an id");
    let new = NewScanFile {
        id: file.clone(),
        name: "поща <27>.pdf".to_owned(),
        sha256: [1; 32],
        by: "console:ivan".to_owned(),
        at: now(world),
    };
    let told = Event {
        at: now(world),
        who: "console:ivan".to_owned(),
        what: "scans.brought".to_owned(),
        subject: format!("scans/{file}"),
        detail: json!({ "file": new.name }),
    };
    world
        .store
        .begin_scan_file(
            &new,
            ScanComing::ReadHere {
                until: now(world) + SignedDuration::from_mins(10),
            },
            &told,
        )
        .await
        .expect("begun");
    let object = format!("scans/{page}.png");
    let kept = Picture::new(600, 848, drawn(page))
        .expect("a page")
        .kept()
        .expect("written");
    let code = customer.map(|customer| format!("KVIT1;999900010;{customer};0000000001"));
    let scan = NewScan {
        id: format!("{page:064x}"),
        file,
        page,
        at: now(world) + SignedDuration::from_secs(page.into()),
        object: object.clone(),
        bytes: kept.bytes.len() as u64,
        sha256: [2; 32],
        code: code.map(|code| code.parse().expect("a code")),
        account: customer.map(number),
    };
    world
        .shelf
        .pictures
        .lock()
        .expect("not poisoned")
        .insert(object, kept.bytes);
    assert!(world.store.keep_scan(&scan).await.expect("kept"));
    scan.id
}

/// An uploaded file that could not be read.
pub(crate) async fn given_up(world: &World) {
    let file: EntryId = format!("{:032x}", 9).parse().expect("an id");
    let new = NewScanFile {
        id: file.clone(),
        name: "център-русе-03.tif".to_owned(),
        sha256: [3; 32],
        by: "petya".to_owned(),
        at: now(world),
    };
    let told = Event {
        at: now(world),
        who: "petya".to_owned(),
        what: "scans.brought".to_owned(),
        subject: format!("scans/{file}"),
        detail: json!({ "file": new.name }),
    };
    let store = &world.store;
    let stored = ScanComing::Stored {
        object: "scans/9/file",
        bytes: 7,
    };
    let begun = store.begin_scan_file(&new, stored, &told).await;
    begun.expect("begun");
    let claimed = store.claim_scan_file("w", now(world), now(world)).await;
    let claim = claimed.expect("asked").expect("it waits").claim;
    let report = ScanReport {
        faults: vec![ScanFault {
            page: None,
            word: "given-up".to_owned(),
        }],
        ..ScanReport::default()
    };
    let up = store.give_up_scan_file(&file, claim, &report, now(world));
    up.await.expect("given up");
}

/// Something like a slip at the foot of a sheet.
fn drawn(page: u32) -> Vec<u8> {
    let mut luma = vec![255_u8; 600 * 848];
    let mut line = |x: usize, y: usize, w: usize, h: usize| {
        for row in y..y + h {
            luma[row * 600 + x..row * 600 + x + w].fill(40);
        }
    };
    for at in 0..30 {
        line(
            60,
            60 + at * 16,
            300 + (at * 37 + page as usize * 11) % 170,
            5,
        );
    }
    for cell in 0..20 {
        line(60 + cell * 20, 700, 20, 1);
        line(60 + cell * 20, 720, 20, 1);
        line(60 + cell * 20, 700, 1, 20);
    }
    luma
}
