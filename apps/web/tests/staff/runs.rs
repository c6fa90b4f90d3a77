//! Billing runs in the console.

use axum::http::StatusCode;
use kvit_billing::{DeliveryId, Language, LayoutNo, Role};
use kvit_store::{Channel, ChooseLayout, Event, LayoutChosen, NewDelivery, NewLayout, Written};

use super::{
    URL,
    common::{Browser, World, number, seed},
    hidden, now,
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
        format!("5; url={path}?follow&again")
    );

    let owing = boyan.post("/staff/receivables", "day=2026-11-20").await;
    assert_eq!(owing.status, StatusCode::CONFLICT, "bills would be missing");
    let to = "<a href=\"/staff/runs/2026-11-b2\">";
    assert!(owing.body.contains(to), "{}", owing.body);

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
        "&lt;b&gt;1200 цента",
        "поправете нея или редовете: тя е техният сбор",
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

#[tokio::test]
async fn bills_are_looked_at_before_they_are_released() {
    let world = World::new(URL).await;
    seed::waiting(&world.store, "2026-11-b2", "vera").await;
    world.hire("boyan", Role::Billing).await;
    world.hire("odit", Role::Auditor).await;
    let mut boyan = world.browser();
    boyan.sign_in_staff("boyan").await;
    let path = "/staff/runs/2026-11-b2";
    let page = boyan.get(path).await;
    for part in [
        "Вижте сметките",
        "href=\"/staff/runs/2026-11-b2/samples/0\"",
        "href=\"/staff/runs/2026-11-b2/samples/1\"",
        "Образец на сметката на клиент 1000002",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let sample = boyan.get(&format!("{path}/samples/1")).await;
    assert_eq!(sample.status, StatusCode::OK);
    assert_eq!(sample.header("content-type"), "application/pdf");
    assert_eq!(
        sample.header("content-disposition"),
        "inline; filename=\"sample-1000002.pdf\""
    );
    assert_eq!(sample.header("cache-control"), "no-store");
    assert!(sample.body.starts_with("%PDF-"));
    let trail = world.store.events("customer/1000002", 9).await;
    let trail = trail.expect("a trail");
    assert_eq!(
        (trail[0].who.as_str(), trail[0].what.as_str()),
        ("boyan", "run.sampled")
    );
    assert_eq!(trail[0].detail["run"], "2026-11-b2");
    for (place, status, said) in [
        ("2", StatusCode::NOT_FOUND, ""),
        ("99999999999999999999", StatusCode::BAD_REQUEST, ""),
        ("-1", StatusCode::BAD_REQUEST, ""),
        ("7", StatusCode::SERVICE_UNAVAILABLE, "Машината е заета"),
        (
            "8",
            StatusCode::INTERNAL_SERVER_ERROR,
            "не може да се оформи",
        ),
    ] {
        let answer = boyan.get(&format!("{path}/samples/{place}")).await;
        assert_eq!(answer.status, status, "{place}");
        assert!(answer.body.contains(said), "{place}: {}", answer.body);
    }
    // The one that takes for ever keeps its place; there is another one, and then none.
    assert_eq!(
        boyan.get(&format!("{path}/samples/0")).await.status,
        StatusCode::OK
    );
    boyan.get(&format!("{path}/samples/7")).await;
    let busy = boyan.get(&format!("{path}/samples/0")).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    let issued = boyan.get("/staff/runs/2026-10-a1/samples/0").await;
    assert_eq!(issued.status, StatusCode::CONFLICT);
    assert!(
        !boyan
            .get("/staff/runs/2026-10-a1")
            .await
            .body
            .contains("/samples/")
    );
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    let page = odit.get(path).await;
    assert!(page.body.contains("1000002") && !page.body.contains("/samples/"));
    let refused = odit.get(&format!("{path}/samples/0")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_rest_of_a_run_gets_another_layout_by_a_second_person() {
    let world = World::new(URL).await;
    seed::waiting(&world.store, "2026-11-b2", "vera").await;
    for login in ["vera", "boyan"] {
        world.hire(login, Role::Billing).await;
    }
    let (mut vera, mut boyan) = (world.browser(), world.browser());
    vera.sign_in_staff("vera").await;
    boyan.sign_in_staff("boyan").await;
    let path = "/staff/runs/2026-11-b2";
    let early = vera.post(&format!("{path}/layout"), "seen=0").await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    boyan.post(&format!("{path}/release"), "").await;
    let page = vera.get(path).await.body;
    assert!(page.contains("Вграденото оформление") && !page.contains("/layout\""));
    let same = vera.post(&format!("{path}/layout"), "seen=0").await;
    assert!(same.body.contains("вече е с оформлението"), "{}", same.body);

    let at = now(&world);
    let new = NewLayout {
        name: "есен.zip".to_owned(),
        files: [("bill.typ".to_owned(), b"one".to_vec())].into(),
        base: Default::default(),
        report: serde_json::json!({}),
        by: "ana".to_owned(),
        who: "ana".to_owned(),
        at,
    };
    let (layout, _) = world.store.bring_layout(&new).await.expect("kept");
    let word = ChooseLayout {
        layout,
        seen: LayoutNo::BUILTIN,
        by: "petar".to_owned(),
        who: "petar".to_owned(),
        at,
    };
    let chosen = world.store.choose_layout(&word).await;
    assert_eq!(chosen.expect("an answer"), LayoutChosen::Done);
    let page = boyan.get(path).await.body;
    assert!(
        page.contains("Вие сте разрешили този пуск") && !page.contains("/layout\""),
        "{page}"
    );
    let own = boyan.post(&format!("{path}/layout"), "seen=1").await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    let late = vera.post(&format!("{path}/layout"), "seen=0").await;
    assert!(late.body.contains("Междувременно"), "{}", late.body);
    let page = vera.get(path).await.body;
    assert!(page.contains("Издай останалите с „Версия 1“"), "{page}");
    let seen = hidden(&page, "seen");
    let done = vera
        .post(&format!("{path}/layout"), &format!("seen={seen}"))
        .await;
    assert!(done.header("location").ends_with("done=relaid"));
    let run = world.store.run(&"2026-11-b2".parse().expect("an id")).await;
    let layout_of = run.expect("a store").expect("the run").layout;
    assert_eq!(layout_of.map(|layout| layout.no), Some(layout));
    let trail = world.store.events("run/2026-11-b2", 20).await;
    let trail = trail.expect("a trail");
    let told = trail.iter().find(|event| event.what == "run.relaid");
    assert_eq!(told.expect("on record").who, "vera");
}

#[tokio::test]
async fn a_run_with_bills_to_be_printed_is_closed_by_who_says_so() {
    let world = World::new(URL).await;
    world.hire("boyan", Role::Billing).await;
    let mut boyan = world.browser();
    boyan.sign_in_staff("boyan").await;
    seed::deliver_all(&world.store, now(&world)).await;
    let bill = seed::second_bill();
    let paper = NewDelivery {
        id: DeliveryId::of(bill, 1),
        bill,
        account: number(seed::BORIS),
        channel: Channel::Paper,
        email: None,
        language: Language::Bg,
        due_at: now(&world),
        token: None,
    };
    let told = Event {
        at: now(&world),
        who: "kvit".to_owned(),
        what: "bill.sent-again".to_owned(),
        subject: "customer/1000002".to_owned(),
        detail: serde_json::json!({}),
    };
    let queued = world.store.send_again(&paper, &told).await;
    assert_eq!(queued.expect("an answer"), Written::Done);
    let october = "/staff/runs/2026-10-a1";
    let page = boyan.get(october).await.body;
    for part in [
        "На хартия, чакат печат",
        "1 сметка още не е предадена за печат",
        "kvit export 2026-10-a1 --to",
        "name=\"unprinted\" value=\"1\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let early = boyan.post(&format!("{october}/close"), "").await;
    assert!(early.header("location").ends_with("done=unprinted"));
    let page = boyan.get(early.header("location")).await.body;
    assert!(page.contains("Предайте ги или отбележете"), "{page}");
    let closed = boyan.post(&format!("{october}/close"), "unprinted=1").await;
    assert!(closed.header("location").ends_with("done=closed"));
    let page = boyan.get(october).await.body;
    assert!(!page.contains("kvit export"), "closed is closed: {page}");
    let trail = world.store.events("run/2026-10-a1", 9).await;
    let trail = trail.expect("a trail");
    let closed = trail.iter().find(|event| event.what == "run.closed");
    assert_eq!(closed.expect("on record").detail["unprinted"], 1);
}
