//! What customers owe by age, in the console.

use axum::http::StatusCode;
use kvit_billing::Role;
use kvit_store::EventFilter;

use super::{
    URL,
    common::{Browser, World, pay, seed},
    now,
};

async fn make(world: &World) {
    let store = &world.store;
    while store
        .continue_owing_sheet(now(world))
        .await
        .expect("a step")
    {}
}

async fn ask(browser: &mut Browser, day: &str) -> (StatusCode, String) {
    let form = format!("day={day}");
    let answer = browser.post("/staff/receivables", &form).await;
    (answer.status, answer.header("location").to_owned())
}

#[tokio::test]
async fn a_sheet_is_made_and_opened_class_by_class() {
    let world = World::paying(URL, pay::Systems::new().pay()).await;
    seed::history(&world.store, &world.key).await;
    for (login, role) in [("vera", Role::Billing), ("odit", Role::Auditor)] {
        world.hire(login, role).await;
    }
    let mut vera = world.browser();
    vera.sign_in_staff("vera").await;
    let empty = vera.get("/staff/receivables").await;
    assert!(empty.body.contains("Още няма справки"), "{}", empty.body);
    for odd in [
        "",
        "2026-11-21",
        "2026-13-01",
        "9999-12-31",
        "-9999-01-01",
        "x",
    ] {
        let (status, _) = ask(&mut vera, odd).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{odd}");
    }
    pay::transferred(&world, "FT1", "0000000001", 420).await;
    let (status, place) = ask(&mut vera, "2026-11-20").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(place, "/staff/receivables?sheet=1");
    let making = vera.get(&place).await;
    assert!(making.body.contains("се изготвя"), "{}", making.body);
    assert_eq!(making.header("refresh").split(';').next(), Some("3"));
    // It comes again by itself, which neither the trail nor the session's rest take for an act.
    let again = "3; url=/staff/receivables?sheet=1&again";
    for address in [place.as_str(), "/staff/receivables?sheet=1&again"] {
        assert_eq!(vera.get(address).await.header("refresh"), again);
    }
    let theirs = EventFilter {
        who: Some("vera".to_owned()),
        ..EventFilter::default()
    };
    let trail = world.store.audit(&theirs, 99).await.expect("a trail");
    assert!(trail.iter().all(|event| event.what != "pay.listed"));
    let other = vera.post("/staff/receivables", "day=2026-11-19").await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(
        other.body.contains("Друга справка се изготвя"),
        "{}",
        other.body
    );
    assert!(other.body.contains("2026-11-19"), "{}", other.body);
    let unfinished = vera.get("/staff/receivables/csv?sheet=1").await;
    assert_eq!(unfinished.status, StatusCode::NOT_FOUND);
    make(&world).await;
    let page = vera.get(&place).await;
    let body = page.body.replace('\u{a0}', " ");
    for part in [
        "Без просрочие",
        "Над 90 дни",
        "Равнение с книгите",
        "4,20",
        "Няма</dd>",
        "list?sheet=1&amp;age=not_due",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    let class = odit
        .get("/staff/receivables/list?sheet=1&age=over_90")
        .await;
    assert!(class.body.contains("Мария"), "{}", class.body);
    assert!(!class.body.contains("Анна"), "{}", class.body);
    let class = odit
        .get("/staff/receivables/list?sheet=1&age=not_due")
        .await;
    assert!(
        class.body.replace('\u{a0}', " ").contains("80,00"),
        "{}",
        class.body
    );
    // The customer's page, to look at only.
    let customer = odit.get(&format!("/staff/customers/{}", seed::ANNA)).await;
    assert_eq!(customer.status, StatusCode::OK);
    assert!(customer.body.contains("80,00"), "{}", customer.body);
    for part in ["name=\"code\"", "name=\"note\"", "/staff/customers\""] {
        assert!(!customer.body.contains(part), "{part}: {}", customer.body);
    }
    let csv = odit.get("/staff/receivables/csv?sheet=1").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<_> = csv.body.lines().collect();
    assert_eq!(lines.len(), 4, "{}", csv.body);
    assert_eq!(
        lines[1],
        format!("{},80.00,0.00,0.00,0.00,0.00,80.00,2026-12-05", seed::ANNA)
    );
    for odd in [
        "list?sheet=1&age=x",
        "list?sheet=2&age=not_due",
        "list?sheet=x&age=not_due",
        "list?sheet=1&age=not_due&after=%00&after_cents=1",
        "list?sheet=1&age=not_due&after=1000001&after_cents=x",
        "csv?sheet=",
    ] {
        let answer = odit.get(&format!("/staff/receivables/{odd}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{odd}");
    }
    let seen = EventFilter {
        who: Some("odit".to_owned()),
        ..EventFilter::default()
    };
    let trail = world.store.audit(&seen, 99).await.expect("a trail");
    let count = |what: &str| trail.iter().filter(|event| event.what == what).count();
    assert_eq!((count("pay.listed"), count("customer.viewed")), (3, 1));
}

#[tokio::test]
async fn a_class_is_paged() {
    let world = World::new(URL).await;
    world.hire("odit", Role::Auditor).await;
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    seed::crowd(&world.store, &world.key, 120).await;
    ask(&mut odit, "2026-11-20").await;
    make(&world).await;
    let mut address = "/staff/receivables/list?sheet=1&age=not_due".to_owned();
    let (mut seen, mut pages) = (std::collections::BTreeSet::new(), 0);
    loop {
        let page = odit.get(&address).await;
        let links = page.body.split("href=\"/staff/customers/").skip(1);
        let new: Vec<_> = links.filter_map(|rest| rest.split('"').next()).collect();
        assert!(new.len() <= 50);
        seen.extend(new.into_iter().map(str::to_owned));
        pages += 1;
        let next = page
            .body
            .split("href=\"")
            .find(|part| part.contains("after_cents") && part.contains("Следващи"));
        let Some(next) = next else { break };
        address = next
            .split('"')
            .next()
            .expect("an address")
            .replace("&amp;", "&")
            .replace("&#x2f;", "/");
    }
    assert_eq!((seen.len(), pages), (122, 3));
}
