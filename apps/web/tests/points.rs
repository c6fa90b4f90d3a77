//! All customer numbers of one person: by a link, by codes, and no further.

mod common;

use axum::http::{Method, StatusCode};
use common::{Browser, World, number, seed};
use kvit_billing::{DeliveryKind, code::TokenPurpose};
use kvit_store::EnrolmentState;

const URL: &str = "http://localhost:8080";
const SHARED: &str = "semeystvo@primer.bg";

/// Anna and Maria get their bills at one address, Boris at another.
async fn family() -> World {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    for (who, email) in [
        (seed::ANNA, SHARED),
        (seed::MARIA, SHARED),
        (seed::BORIS, "boris@primer.bg"),
    ] {
        seed::enrol(&world.store, who, email).await;
    }
    world
}

async fn add(browser: &mut Browser, number: &str, code: &str) -> common::Answer {
    let form = format!("number={number}&code={}", code.replace(' ', "+"));
    browser.post("/points/add", &form).await
}

#[tokio::test]
async fn a_link_shows_every_number_of_its_address() {
    let world = family().await;
    let mut anna = world.browser();
    let path = world.sign_in_path(&mut anna, seed::ANNA).await;
    let opened = anna.post(&path, "").await;
    assert_eq!(opened.header("location"), "/points");
    let page = anna.get("/points").await;
    assert!(page.body.contains(seed::ANNA) && page.body.contains(seed::MARIA));
    assert!(!page.body.contains(seed::BORIS), "{}", page.body);
    assert!(page.body.contains("За плащане по всички номера"));
    assert!(page.body.contains("84,20\u{a0}€") && page.body.contains("Последна сметка: октомври"));
    assert!(
        anna.get("/bills")
            .await
            .body
            .contains("Всички мои номера (2)")
    );

    // Forms of before do not act on the number that is looked at now.
    let old = anna.get("/bills").await.form_token();
    let turned = anna
        .post("/points", &format!("number={}", seed::MARIA))
        .await;
    assert_eq!(turned.header("location"), "/bills");
    assert!(
        anna.get("/bills")
            .await
            .body
            .contains("Клиентски номер 1000003")
    );
    let form = format!("form_token={old}&wanted=off");
    let refused = anna.ask(Method::POST, "/reminders", &form, &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("беше за друг клиентски номер"));
    // A bill of either is theirs, one of Boris' is unknown.
    assert_eq!(
        anna.get("/bills/0000000001.pdf").await.status,
        StatusCode::OK
    );
    assert_eq!(
        anna.get("/bills/0000000002.pdf").await.status,
        StatusCode::NOT_FOUND
    );
    for other in [seed::BORIS, "7777777", "x\"><script>"] {
        let form = format!("number={}", other.replace(['"', '<', '>'], "%22"));
        assert_eq!(
            anna.post("/points", &form).await.header("location"),
            "/points"
        );
        assert!(
            anna.get("/bills")
                .await
                .body
                .contains("Клиентски номер 1000003")
        );
    }
    // A press for Maria, who left meanwhile, does not act on Anna, to whom the session falls back.
    let old = anna.get("/paper").await.form_token();
    seed::enrol(&world.store, seed::MARIA, "maria@primer.bg").await;
    let page = anna.get("/points").await;
    assert!(!page.body.contains(seed::MARIA) && page.body.contains(seed::ANNA));
    let form = format!("form_token={old}");
    let refused = anna.ask(Method::POST, "/paper", &form, &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let state = world.store.enrolment_of(&number(seed::ANNA)).await;
    assert!(matches!(state, Ok(EnrolmentState::Active(_))));
    // Her own bills go elsewhere: what the link opened is closed.
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    let page = anna.get("/points").await;
    assert_eq!(page.header("location"), "/bills?ended");
}

#[tokio::test]
async fn a_second_press_of_back_to_paper_ends_no_other_number() {
    let world = family().await;
    let mut anna = world.browser();
    let path = world.sign_in_path(&mut anna, seed::ANNA).await;
    anna.post(&path, "").await;
    let form = format!("form_token={}", anna.get("/paper").await.form_token());
    let done = anna.ask(Method::POST, "/paper", &form, &[]).await;
    assert_eq!(done.status, StatusCode::OK);
    let again = anna.ask(Method::POST, "/paper", &form, &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    let state = world.store.enrolment_of(&number(seed::MARIA)).await;
    assert!(matches!(state, Ok(EnrolmentState::Active(_))));
}

#[tokio::test]
async fn a_code_opens_one_number_and_another_code_adds_its_own() {
    let world = family().await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let page = anna.get("/points").await;
    assert!(page.body.contains(seed::ANNA) && !page.body.contains(seed::MARIA));
    assert!(anna.get("/bills").await.body.contains("Добави друг номер"));
    let before = anna.cookies["kvit_session"].clone();
    // An unknown number and a wrong code look alike.
    let known = add(&mut anna, seed::BORIS, "00000000").await;
    let unknown = add(&mut anna, "7777777", "00000000").await;
    assert_eq!(known.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(known.body.replace(seed::BORIS, "7777777"), unknown.body);
    let hostile = add(&mut anna, "%22%3E%3Cscript%3E", "1").await;
    assert!(
        hostile.body.contains("&quot;&gt;&lt;script&gt;"),
        "{}",
        hostile.body
    );
    assert_eq!(anna.cookies["kvit_session"], before);

    let added = add(&mut anna, seed::BORIS, &world.code(seed::BORIS)).await;
    assert_eq!(added.header("location"), "/points", "{}", added.body);
    assert_ne!(anna.cookies["kvit_session"], before, "a session of its own");
    let mut thief = world.browser();
    thief.cookies.insert("kvit_session".into(), before);
    assert_eq!(
        thief.get("/points").await.header("location"),
        "/bills?ended"
    );
    let page = anna.get("/points").await;
    assert!(page.body.contains(seed::ANNA) && page.body.contains(seed::BORIS));
    assert!(
        page.body.contains("140,30\u{a0}€"),
        "the sum of both: {}",
        page.body
    );
    assert!(
        anna.get("/bills")
            .await
            .body
            .contains("Клиентски номер 1000002")
    );
    anna.post("/logout", "").await;
    assert_eq!(anna.get("/points").await.header("location"), "/bills?ended");
}

#[tokio::test]
async fn guessing_codes_is_limited_here_too() {
    let world = family().await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let mut last = StatusCode::OK;
    for _guess in 0..6 {
        last = add(&mut anna, seed::BORIS, "00000000").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let right = add(&mut anna, seed::BORIS, &world.code(seed::BORIS)).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    let mut stranger = world.browser();
    let closed = add(&mut stranger, seed::BORIS, &world.code(seed::BORIS)).await;
    assert_eq!(closed.header("location"), "/bills?ended");
}

#[tokio::test]
async fn sessions_are_seen_and_ended_everywhere() {
    let world = family().await;
    let mut phone = world.browser();
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1";
    let token = phone.get("/").await.form_token();
    let code = world.code(seed::ANNA).replace(' ', "+");
    let form = format!("form_token={token}&number={}&code={code}", seed::ANNA);
    phone
        .ask(Method::POST, "/bill/check", &form, &[("user-agent", agent)])
        .await;
    let mut desk = world.browser();
    let path = world.sign_in_path(&mut desk, seed::MARIA).await;
    desk.post(&path, "").await;
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;

    let page = phone.get("/sessions").await;
    assert!(page.body.contains("Safari, iPhone") && page.body.contains("Непознато устройство"));
    assert!(page.body.contains("С връзка по имейл") && page.body.contains("С номер и код"));
    assert_eq!(page.body.matches("Това устройство").count(), 1);
    assert_eq!(boris.get("/sessions").await.body.matches("<h2>").count(), 1);
    let foreign = phone.ask(Method::POST, "/sessions/end", "x=y", &[]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let ended = phone.post("/sessions/end", "").await;
    assert_eq!(ended.header("location"), "/?left");
    for browser in [&mut phone, &mut desk] {
        assert_eq!(
            browser.get("/sessions").await.header("location"),
            "/bills?ended"
        );
    }
    assert_eq!(boris.get("/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn consumption_is_told_beside_the_year_before() {
    let world = family().await;
    let mut maria = world.browser();
    maria.sign_in(&world, seed::MARIA).await;
    let page = maria.get("/usage").await;
    assert_eq!(page.body.matches("<rect").count(), 24);
    // 180 + 3 × 61 + 4 × 9, and 9 more a year before.
    for part in [
        "<td class=\"num\">399</td>",
        "<td class=\"num\">408</td>",
        "\u{2013}2,2\u{a0}%",
        "кВтч",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("style="));
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    assert!(anna.get("/usage").await.body.contains("Още няма данни"));
    // Bills without months tell of their own.
    seed::metered(&world.store, &world.key).await;
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    let page = boris.get("/usage").await;
    assert_eq!(page.body.matches("<rect").count(), 24);
    for (month, now, then) in [
        ("юли", "–", "–"),
        ("август", "307", "–"),
        ("септември", "507", "107"),
    ] {
        let row = page.body.split("<th scope=\"row\">");
        let row = row.skip(1).find(|row| row.starts_with(month));
        let row = row.unwrap_or_else(|| panic!("{month}: {}", page.body));
        let mut cells = row.split("<td class=\"num\">").skip(1);
        for wanted in [now, then] {
            let cell = cells.next().expect("a cell");
            assert!(cell.starts_with(&format!("{wanted}<")), "{month}: {row}");
        }
    }
}

#[tokio::test]
async fn what_is_kept_comes_as_a_file_to_its_owner_only() {
    let world = family().await;
    assert_eq!(
        world.browser().get("/my-data").await.header("location"),
        "/bills?ended"
    );
    let mut by_code = world.browser();
    by_code.sign_in(&world, seed::ANNA).await;
    let file = by_code.get("/my-data").await;
    assert_eq!(file.header("content-type"), "application/json");
    assert!(file.header("content-disposition").contains("1000001.json"));
    let told: serde_json::Value = serde_json::from_str(&file.body).expect("JSON");
    assert_eq!(told["customer"]["name"], "Анна");
    assert_eq!(told["bills"].as_array().expect("bills").len(), 1);
    assert_eq!(
        told["bills"][0]["pdf"],
        "http://localhost:8080/bills/0000000001.pdf"
    );
    assert_eq!(told["enrolments"][0]["email"], "s•••@primer.bg");
    for foreign in [SHARED, seed::BORIS, seed::MARIA, "anna@primer.bg"] {
        assert!(!file.body.contains(foreign), "{foreign}");
    }
    // Who came by the address itself sees it.
    let mut by_link = world.browser();
    let path = world.sign_in_path(&mut by_link, seed::ANNA).await;
    by_link.post(&path, "").await;
    let file = by_link.get("/my-data").await;
    assert!(file.body.contains(SHARED) && !file.body.contains(seed::MARIA));
    let code = world.code(seed::ANNA);
    assert!(!file.body.contains(&code) && !file.body.contains(&code.replace(' ', "")));
    // That of a number which was added by its code is not.
    add(&mut by_link, seed::BORIS, &world.code(seed::BORIS)).await;
    let file = by_link.get("/my-data").await;
    assert!(file.body.contains("b•••@primer.bg") && !file.body.contains("boris@primer.bg"));
}

#[tokio::test]
async fn the_answer_to_a_link_tells_nothing_of_other_numbers() {
    let world = family().await;
    let mut browser = world.browser();
    let [shared, alone] = [seed::ANNA, seed::BORIS].map(|who| format!("number={who}"));
    let shared = browser.post("/sign-in", &shared).await;
    let alone = browser.post("/sign-in", &alone).await;
    assert_eq!(shared.body.replace(seed::ANNA, seed::BORIS), alone.body);
    // Each asks for one mail, at its own address.
    for who in [seed::ANNA, seed::MARIA] {
        let mails = world.store.deliveries_of_customer(&number(who), 50).await;
        let links = mails.expect("a store");
        let links = links
            .iter()
            .filter(|mail| mail.id.kind() == DeliveryKind::SignIn);
        assert!(links.count() <= usize::from(who == seed::ANNA));
    }
    let path = world.sign_in_path(&mut browser, seed::ANNA).await;
    let page = browser.get(&path).await;
    assert!(!page.body.contains(seed::MARIA), "not before the button");
    let others = "и за всички други номера";
    assert!(page.body.contains(others), "{}", page.body);
    let path = world.sign_in_path(&mut browser, seed::BORIS).await;
    let page = browser.get(&path).await;
    assert!(!page.body.contains(others), "{}", page.body);
    let token = world.key.token(TokenPurpose::SignIn, "signin-x");
    let forged = browser
        .post(&format!("/sign-in/{}", token.expose()), "")
        .await;
    assert_eq!(forged.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_number_that_was_added_lasts_and_can_be_removed() {
    let world = family().await;
    let mut anna = world.browser();
    let path = world.sign_in_path(&mut anna, seed::ANNA).await;
    anna.post(&path, "").await;
    let page = anna.get("/points/add").await;
    assert!(page.body.contains("name=\"keep\""), "{}", page.body);
    let code = world.code(seed::BORIS).replace(' ', "+");
    let form = format!("number={}&code={code}&keep=1", seed::BORIS);
    anna.post("/points/add", &form).await;
    anna.post("/logout", "").await;
    world.clock.forward(60);
    let path = world.sign_in_path(&mut anna, seed::ANNA).await;
    anna.post(&path, "").await;
    let page = anna.get("/points").await;
    assert!(page.body.contains(seed::BORIS), "{}", page.body);
    assert!(page.body.contains("Запомнен е с Вашия имейл"));
    // It is looked at, but what changes its ways in asks for its own code.
    anna.post("/points", &format!("number={}", seed::BORIS))
        .await;
    let enrol = anna.get("/enrol").await;
    assert_eq!(enrol.header("location"), "/again?to=enrol");
    // Boris sees that, and ends it.
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    let page = boris.get("/sessions").await;
    assert!(
        page.body.contains("Номерът е добавен и при друг"),
        "{}",
        page.body
    );
    let token = page.form_token();
    let form = format!("form_token={token}");
    let end = boris
        .ask(Method::POST, "/sessions/forget", &form, &[])
        .await;
    assert_eq!(end.header("location"), "/sessions");
    assert!(
        !boris
            .get("/sessions")
            .await
            .body
            .contains("добавен и при друг")
    );
    world.clock.forward(60);
    let path = world.sign_in_path(&mut anna, seed::ANNA).await;
    anna.post(&path, "").await;
    assert!(!anna.get("/points").await.body.contains(seed::BORIS));
}
