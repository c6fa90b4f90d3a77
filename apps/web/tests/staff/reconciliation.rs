//! Notices, statements and the books side by side, in the console.

use axum::http::StatusCode;
use kvit_billing::Role;

use super::{
    URL,
    common::{World, pay},
};

#[tokio::test]
async fn a_difference_comes_first_and_opens_its_list() {
    let world = World::paying(URL, pay::Systems::new().pay()).await;
    world.hire("odit", Role::Auditor).await;
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    let empty = odit.get("/staff/reconciliation").await;
    assert!(empty.body.contains("Няма постъпления"), "{}", empty.body);
    pay::transferred(&world, "FT1", "0000000001", 8420).await;
    let query = pay::ebg(&[
        ("IDN", "7777777"),
        ("MERCHANTID", "7"),
        ("TID", "T1"),
        ("DATE", "20261120110000"),
        ("TOTAL", "4250"),
        ("TYPE", "DEPOSIT"),
    ]);
    world
        .browser()
        .get(&format!("/pay/ebg/confirm?{query}"))
        .await;
    let page = odit.get("/staff/reconciliation?month=2026-11").await;
    let body = page.body.replace('\u{a0}', " ");
    for part in [
        "Банков превод",
        "84,20",
        "ebg",
        "42,50",
        "20 ноември 2026",
        "Няма плащания без отговор",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let csv = odit.get("/staff/reconciliation/csv?month=2026-11").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<_> = csv.body.lines().collect();
    assert_eq!(
        lines[1],
        "2026-11-20,bank,0,0.00,1,84.20,1,84.20,0,0.00,0,0.00"
    );
    assert_eq!(
        lines[2],
        "2026-11-20,ebg,1,42.50,0,0.00,1,42.50,0,0.00,0,0.00"
    );
    // What is not handed over for more than a week is a difference, in the months that follow too.
    assert!(!body.contains("не са предадени"), "{body}");
    world.clock.forward_hours(8 * 24);
    for month in ["2026-11", "2026-12"] {
        odit.sign_in_staff("odit").await;
        let page = format!("/staff/reconciliation?month={month}");
        let body = odit.get(&page).await.body.replace('\u{a0}', " ");
        let late = "Повече от 7 дни не са предадени 42,50 €";
        assert!(body.contains(late), "{month}: {body}");
    }
    let day = odit
        .get("/staff/reconciliation/day?system=ebg&day=2026-11-20")
        .await;
    for part in [
        "ebg&#x2f;paid&#x2f;T1",
        "Няма такъв клиент",
        "notice?notice=ebg",
    ] {
        assert!(day.body.contains(part), "{part}: {}", day.body);
    }
    for odd in [
        "month=",
        "month=2026-13",
        "month=9999-12",
        "month=-9999-01",
        "month=x",
    ] {
        let answer = odit.get(&format!("/staff/reconciliation?{odd}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{odd}");
    }
    for odd in ["", "system=%00&day=2026-11-20", "system=ebg&day=x"] {
        let answer = odit.get(&format!("/staff/reconciliation/day?{odd}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{odd}");
    }
}
