//! Billing runs in the console.

use axum::http::StatusCode;
use kvit_store::Role;

use super::{
    URL,
    common::{Browser, World, seed},
    now,
};

#[tokio::test]
async fn a_second_person_releases_and_a_balanced_run_is_closed() {
    let world = World::new(URL).await;
    seed::waiting(&world.store, "2026-11-b2", "vera").await;
    for login in ["vera", "boyan"] {
        world.hire(login, Role::Billing).await;
    }
    let mut vera = world.browser();
    vera.sign_in_staff("vera").await;
    let path = "/staff/runs/2026-11-b2";
    let page = vera.get(path).await;
    assert!(
        page.body.contains("друг трябва да го провери"),
        "{}",
        page.body
    );
    for part in ["Най-големите сметки", "2026-10-a1", "1000001", "–4,3"] {
        assert!(page.body.contains(part), "{part}");
    }
    let own = vera.post(&format!("{path}/release"), "").await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    assert!(own.body.contains("Вие сте го внесли"));
    let mut boyan = world.browser();
    boyan.sign_in_staff("boyan").await;
    assert!(boyan.get(path).await.body.contains("Разрешавам"));
    let done = boyan.post(&format!("{path}/release"), "").await;
    assert!(done.header("location").ends_with("done=released"));
    let again = boyan.post(&format!("{path}/release"), "").await;
    assert!(again.body.contains("вече не чака разрешение"));
    let run = world.store.run(&"2026-11-b2".parse().expect("an id")).await;
    let run = run.expect("a store").expect("the run");
    assert_eq!(run.released_by.as_deref(), Some("boyan"));
    let page = boyan.get(path).await;
    assert!(page.body.contains("Издадени 0 от 2") && page.body.contains("Следи на живо"));
    assert_eq!(page.header("refresh"), "", "only for who asked for it");
    assert_eq!(
        boyan.get(&format!("{path}?follow")).await.header("refresh"),
        "5"
    );

    let october = "/staff/runs/2026-10-a1";
    let early = boyan.post(&format!("{october}/close"), "").await;
    assert!(
        early.header("location").ends_with("done=open"),
        "Anna's mail is on its way"
    );
    seed::deliver_all(&world.store, now(&world)).await;
    let page = boyan.get(october).await;
    // Boris' bill has no delivery in this world, so it is held for ever.
    assert!(page.body.contains("Още на път") && !page.body.contains("Приключи пуска"));
    let trail = world
        .store
        .events("run/2026-11-b2", 20)
        .await
        .expect("a trail");
    let released = trail.iter().filter(|event| event.what == "run.released");
    assert_eq!(
        released.map(|event| event.who.as_str()).collect::<Vec<_>>(),
        ["boyan"]
    );
    assert!(page_names_nobody(&mut boyan, path).await);
    // What stands out names customers, so a look at it is on record; one that is followed is one look.
    let looks = trail.iter().filter(|event| event.what == "run.viewed");
    assert_eq!(looks.count(), 3);
}

/// Whether a run's page that comes again by itself shows no customer.
async fn page_names_nobody(browser: &mut Browser, path: &str) -> bool {
    let page = browser.get(&format!("{path}?follow")).await;
    !page.body.contains("1000001") && !page.body.contains("Най-големите сметки")
}

#[tokio::test]
async fn a_rejected_run_says_where_and_what_to_do() {
    let world = World::new(URL).await;
    seed::rejected(&world.store, "2026-11-bad").await;
    world.hire("boyan", Role::Billing).await;
    let mut boyan = world.browser();
    boyan.sign_in_staff("boyan").await;
    let page = boyan.get("/staff/runs/2026-11-bad").await;
    for part in [
        "Отхвърлен",
        "run.ndjson:7",
        "totals&#x2f;gross",
        "&lt;b&gt;12.00",
        "send the sum of the lines",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(!page.body.contains("Разрешавам"));
    let trail = world.store.events("run/2026-11-bad", 9).await;
    let looks = trail.expect("a trail").into_iter().map(|event| event.what);
    assert_eq!(looks.collect::<Vec<_>>(), ["run.viewed"]);
    assert_eq!(
        boyan.get("/staff/runs/none").await.status,
        StatusCode::NOT_FOUND
    );
}
