//! Upkeep. Layouts: brought by one administrator, made to count by another, and back by one press.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use kvit_billing::{LayoutNo, Role};
use kvit_store::NewLayout;
use kvit_web::{ImportState, Kind, LayoutCheck, LayoutFault};

use super::{
    URL,
    common::{Answer, Browser, World, layout_report, words::english_in},
    hidden, imports, now, two,
};

async fn desk() -> (World, Browser, Browser) {
    let world = World::new(URL).await;
    let [ana, boris] = two(&world, Role::Administrator, ["ana", "boris"]).await;
    (world, ana, boris)
}

async fn brought(world: &World, text: &str) -> LayoutNo {
    let new = NewLayout {
        base: Default::default(),
        name: "есен.zip".to_owned(),
        files: BTreeMap::from([("bill.typ".to_owned(), text.into())]),
        report: layout_report(),
        by: "ana".to_owned(),
        who: "ana".to_owned(),
        at: now(world),
    };
    world.store.bring_layout(&new).await.expect("kept").0
}

async fn press(browser: &mut Browser, no: u32, seen: &str) -> Answer {
    let path = format!("/staff/layouts/{no}");
    browser.post(&path, &format!("seen={seen}")).await
}

#[tokio::test]
async fn a_version_counts_once_another_administrator_says_so() {
    let (world, mut ana, mut boris) = desk().await;
    let page = ana.get("/staff/layouts").await;
    assert!(page.body.contains("Вграденото оформление"), "{}", page.body);
    let builtin = ana.get("/staff/layouts/0").await;
    assert!(
        builtin.body.contains("По готова форма")
            && builtin.body.contains("customer.name, bill.typ:72:6"),
        "{}",
        builtin.body
    );
    assert_eq!(brought(&world, "one").await.0, 1);
    let page = ana.get("/staff/layouts/1").await;
    assert!(
        page.body.contains("друг администратор трябва") && !page.body.contains("Одобрявам"),
        "{}",
        page.body
    );
    let own = press(&mut ana, 1, "0").await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    let page = boris.get("/staff/layouts/1").await;
    assert!(page.body.contains("Одобрявам") && page.body.contains("есен.zip"));
    assert!(page.body.contains("<strong>нов</strong>"), "{}", page.body);
    let seen = hidden(&page.body, "seen");
    let done = press(&mut boris, 1, &seen).await;
    assert_eq!(done.header("location"), "/staff/layouts?done=chosen");
    assert_eq!(world.store.current_layout().await.expect("read").0, 1);

    // Who brought it takes it back, and brings it back, by one press each.
    let stale = press(&mut ana, 0, "0").await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.body);
    press(&mut ana, 0, "1").await;
    assert_eq!(world.store.current_layout().await.expect("read").0, 0);
    press(&mut ana, 1, "0").await;
    assert_eq!(world.store.current_layout().await.expect("read").0, 1);
    let gone = boris.get("/staff/layouts/7").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);

    world.hire("auditor", Role::Auditor).await;
    let mut auditor = world.browser();
    auditor.sign_in_staff("auditor").await;
    let page = auditor.get("/staff/layouts").await;
    assert!(page.body.contains("Версия 1") && !page.body.contains("multipart"));
    let sample = auditor.get("/staff/layouts/1/samples/household-bg").await;
    assert_eq!(sample.header("content-type"), "application/pdf");
    let none = auditor.get("/staff/layouts/1/samples/gas-bg").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_second_person_sees_what_differs_and_reads_the_files() {
    let (world, mut ana, mut boris) = desk().await;
    brought(&world, "one").await;
    press(&mut boris, 1, "0").await;
    brought(&world, "two <script>").await;
    let page = boris.get("/staff/layouts/2").await.body;
    let (link, changed) = ("/staff/layouts/2/files/0", "<strong>променен</strong>");
    assert!(page.contains(link) && page.contains(changed), "{page}");
    let file = boris.get(link).await;
    assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(file.body, "two <script>");
    for nothing in ["/staff/layouts/2/files/1", "/staff/layouts/0/files/0"] {
        let gone = boris.get(nothing).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{nothing}");
    }
    let trail = world.store.events("layout/2", 9).await.expect("a trail");
    let fetched = trail.iter().find(|event| event.what == "layout.fetched");
    let fetched = fetched.expect("on record");
    assert_eq!(
        (fetched.who.as_str(), &fetched.detail["file"]),
        ("boris", &"bill.typ".into())
    );
    // Two steps back is no step back: Ana brought the first, and does not bring it back alone.
    press(&mut boris, 2, "1").await;
    world
        .store
        .bring_layout(&NewLayout {
            base: Default::default(),
            name: "зима.zip".to_owned(),
            files: BTreeMap::from([("bill.typ".to_owned(), b"three".to_vec())]),
            report: layout_report(),
            by: "ana".to_owned(),
            who: "ana".to_owned(),
            at: now(&world),
        })
        .await
        .expect("kept");
    assert_eq!(
        world.store.current_layout().await.expect("read").0,
        1,
        "2 does not work"
    );
    press(&mut boris, 3, "1").await;
    press(&mut boris, 0, "3").await;
    let page = ana.get("/staff/layouts/1").await.body;
    assert!(page.contains("друг администратор трябва"), "{page}");
    let alone = press(&mut ana, 1, "0").await;
    assert_eq!(alone.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn one_that_does_not_work_never_takes_the_place_of_one_that_does() {
    let (world, _, mut boris) = desk().await;
    brought(&world, "one").await;
    press(&mut boris, 1, "0").await;
    // Checked by an earlier program, and no layout to this one.
    assert_eq!(brought(&world, "two").await.0, 2);
    let refused = press(&mut boris, 2, "1").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body.contains("Досегашната продължава да важи"),
        "{}",
        refused.body
    );
    assert_eq!(world.store.current_layout().await.expect("read").0, 1);
    let sample = boris.get("/staff/layouts/2/samples/household-bg").await;
    assert_eq!(sample.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_upload_is_followed_to_its_version_or_its_faults() {
    let (world, mut ana, _) = desk().await;
    let sent = imports::upload_to(&mut ana, "/staff/layouts/file", "есен.zip", b"PK").await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let own = sent.header("location").to_owned();
    assert!(own.starts_with("/staff/layouts/file/"), "{own}");
    world.shelf.set(ImportState::Reading {
        orders: 3,
        promised: Some(32),
    });
    let page = ana.get(&own).await;
    assert!(
        page.body.contains("Опитани сметки: 3 от 32"),
        "{}",
        page.body
    );
    let fault = |file: &str, line| LayoutFault {
        file: file.to_owned(),
        line,
        column: 2,
        known: LayoutCheck::VariableUnknown.with(&[("name", &"hed")]),
        words: vec!["write <head>".to_owned()],
    };
    let mut faults = vec![fault("bill.typ", 163), fault("texts/en.toml", 4)];
    // Each of them, as if all came of one layout.
    let values = [
        "kind", "mib", "all", "max", "found", "expected", "name", "seconds", "status", "what",
        "shown",
    ];
    let values = values.map(|name| (name, &"17" as &dyn std::fmt::Display));
    faults.extend(LayoutCheck::ALL.iter().map(|check| LayoutFault {
        known: check.with(&values),
        words: Vec::new(),
        ..fault("bill.typ", 7)
    }));
    world.shelf.set(ImportState::LayoutFaulty(faults));
    let page = ana.get(&own).await;
    assert!(
        page.body.contains("bill.typ:163:2")
            && page.body.contains("en.toml:4:2")
            && page.body.contains("непознато име „hed“")
            && page.body.contains("lang=\"en\">write &lt;head&gt;"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("layout-"), "{}", page.body);
    assert_eq!(english_in(&page.body), Vec::<String>::new());
    world.shelf.set(ImportState::Brought {
        layout: brought(&world, "one").await,
        first: true,
    });
    let to = ana.get(&own).await.header("location").to_owned();
    assert_eq!(to, "/staff/layouts/1?done=brought");
    let empty = imports::upload_to(&mut ana, "/staff/layouts/file", "", b"").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("Изберете файл с оформление"));
    let trail = world
        .store
        .audit(&Default::default(), 20)
        .await
        .expect("a trail");
    assert!(trail.iter().any(|event| event.what == "layout.uploaded"));
}

#[tokio::test]
async fn certificates_are_shown_with_their_ends_and_checks_with_what_to_do() {
    let (_world, mut ana, _) = desk().await;
    let page = ana.get("/staff/keys").await.body;
    for part in [
        "сертификатът изтича след дни: 30",
        "(Стар корен): сертификатът е изтекъл на",
        "5f3a9c21d0e84b77a1c2",
        "Платежна система borica",
        "За преглед: 3",
        "archive не може да се пише",
        "дискът е пълен",
        "освободете място",
        "mail.example:25 не отговаря",
        "Дословно от системата:",
        "lang=\"en\">migration 7 was previously applied but is missing",
        "kvit.toml се чете",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(english_in(&page), Vec::<String>::new());
    let again = ana.post("/staff/keys", "").await;
    assert_eq!(again.header("location"), "/staff/keys");
}

#[tokio::test]
async fn the_declaration_is_shown_in_both_languages_with_its_versions() {
    let (_world, mut ana, _) = desk().await;
    let page = ana.get("/staff/texts").await.body;
    for part in [
        "Декларация, редакция",
        "Съгласявам се",
        "I agree",
        "bg.ftl",
        "abababab",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
