//! The books as files, in the console.

use axum::http::StatusCode;
use kvit_billing::Role;
use kvit_store::EventFilter;

use super::{
    URL,
    common::{World, pay, seed},
};

#[tokio::test]
async fn a_book_is_fetched_and_the_same_each_time() {
    let world = World::paying(URL, pay::Systems::new().pay()).await;
    world.hire("odit", Role::Auditor).await;
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    pay::transferred(&world, "FT1", "0000000001", 420).await;
    pay::transferred(&world, "FT2", "nobody's", 1000).await;
    let today = odit
        .get("/staff/books/file?book=bank&from=2026-11-20&until=2026-11-20&format=camt")
        .await;
    assert_eq!(today.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(today.body.contains("още не е приключил"), "{}", today.body);
    world.clock.forward_hours(24);
    odit.sign_in_staff("odit").await;
    let form = odit.get("/staff/books").await;
    for part in ["clearing&#x2f;epay", "2026-10-31", "camt.053"] {
        assert!(form.body.contains(part), "{part}: {}", form.body);
    }
    let address = "/staff/books/file?book=bank&from=2026-11-20&until=2026-11-20&format=camt";
    let camt = odit.get(address).await;
    for part in [
        "<Id>KVIT/bank</Id>",
        "<Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">0.00<",
        "<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">14.20<",
        "<Ustrd>customer/1000001</Ustrd>",
        "<Ustrd>unmatched</Ustrd>",
    ] {
        assert!(camt.body.contains(part), "{part}: {}", camt.body);
    }
    assert_eq!(camt.body.matches("<Ntry>").count(), 2);
    // What comes later changes nothing of it.
    pay::transferred(&world, "FT3", "0000000001", 100).await;
    world.clock.forward(60);
    assert_eq!(odit.get(address).await.body, camt.body);
    let of = |book: &str, format: &str| {
        format!("/staff/books/file?book={book}&from=2026-11-20&until=2026-11-20&format={format}")
    };
    let customers = odit.get(&of("customer", "csv")).await;
    let lines: Vec<_> = customers.body.lines().collect();
    assert_eq!(lines.len(), 2, "{}", customers.body);
    assert!(
        lines[1].contains(&format!("customer/{},-4.20", seed::ANNA)),
        "{}",
        lines[1]
    );
    let all = odit.get(&of("", "csv")).await;
    assert_eq!(all.body.lines().count(), 5, "{}", all.body);
    for odd in [
        "",
        "book=&from=2026-11-20&until=2026-11-20&format=camt",
        "book=x&from=2026-11-20&until=2026-11-20&format=camt",
        "book=bank&from=2026-11-21&until=2026-11-20&format=camt",
        "book=bank&from=x&until=%00&format=camt",
        "book=bank&from=2026-11-20&until=9999-12-31&format=csv",
        "book=bank&from=2026-11-20&until=2026-11-20&format=pdf",
    ] {
        let answer = odit.get(&format!("/staff/books/file?{odd}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{odd}");
    }
    let seen = EventFilter {
        who: Some("odit".to_owned()),
        ..EventFilter::default()
    };
    let trail = world.store.audit(&seen, 99).await.expect("a trail");
    let fetched = trail.iter().filter(|event| event.what == "pay.exported");
    assert_eq!(fetched.count(), 4);
}
