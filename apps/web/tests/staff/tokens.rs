//! Tokens of the API, given out and revoked by an administrator.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use kvit_billing::Role;
use kvit_store::Event;

use super::{
    URL,
    common::{Browser, World, log::Log, seed},
    two,
};

const FORM: &str = "name=crm-2026&scope=customers%3Aread&scope=bills%3Aread&until=";

/// What follows `kvit_` on a page, where there is one.
fn shown(body: &str) -> Option<&str> {
    let after = body.split_once("<dd class=\"mono\">kvit_")?.1;
    after.split('<').next()
}

async fn asks(world: &World, token: &str, path: &str) -> StatusCode {
    let bearer = format!("Bearer kvit_{token}");
    let headers = [("authorization", bearer.as_str())];
    let mut robot = world.browser();
    let answer = robot.send(Method::GET, path, Body::empty(), &headers).await;
    answer.status
}

async fn trail(world: &World, name: &str) -> Vec<Event> {
    let events = world.store.events(&format!("api/{name}"), 99).await;
    events.expect("a trail")
}

#[tokio::test]
async fn a_token_is_shown_once_and_opens_the_api_until_it_is_revoked() {
    let log = Log::begin(tracing::Level::DEBUG);
    let world = World::new(URL).await;
    let [mut ada, mut eva] = two(&world, Role::Administrator, ["ada", "eva"]).await;
    let empty = ada.get("/staff/tokens").await.body;
    assert!(empty.contains("Още никоя система няма токен"), "{empty}");

    let made = ada.post("/staff/tokens", FORM).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(made.header("cache-control"), "no-store");
    let token = shown(&made.body).expect("a token").to_owned();
    assert!(
        made.body.contains("localhost:8080&#x2f;api&#x2f;v1"),
        "{}",
        made.body
    );
    let customer = format!("/api/v1/customers/{}", seed::ANNA);
    assert_eq!(asks(&world, &token, &customer).await, StatusCode::OK);
    world.clock.forward(1);
    let others = "/api/v1/bills/0000000001/pdf";
    assert_eq!(asks(&world, &token, others).await, StatusCode::FORBIDDEN);

    let list = ada.get("/staff/tokens").await.body;
    for part in [
        "crm-2026",
        "customers:read",
        "от ada",
        "Ползван за последно",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert!(!list.contains(&token) && !log.text().contains(&token));

    // Both have the page open, and one of them is second.
    for browser in [&mut ada, &mut eva] {
        let asked = browser.get("/staff/tokens/crm-2026").await;
        assert!(asked.body.contains("Отменяне на токен?"), "{}", asked.body);
    }
    assert_eq!(asks(&world, &token, &customer).await, StatusCode::OK);
    world.clock.forward(1);
    let done = ada.post("/staff/tokens/crm-2026", "").await;
    assert_eq!(done.header("location"), "/staff/tokens?done=revoked");
    assert_eq!(
        asks(&world, &token, &customer).await,
        StatusCode::UNAUTHORIZED
    );
    let late = eva.post("/staff/tokens/crm-2026", "").await;
    assert_eq!(late.header("location"), "/staff/tokens?done=already");
    let late = eva.get("/staff/tokens/crm-2026").await;
    assert_eq!(late.header("location"), "/staff/tokens?done=already");
    let list = eva.get("/staff/tokens?done=already").await.body;
    assert!(
        list.contains("вече беше отменен") && list.contains("от ada"),
        "{list}"
    );
    assert!(!list.contains("href=\"/staff/tokens/crm-2026\""), "{list}");

    let told = trail(&world, "crm-2026").await;
    let told: Vec<_> = told
        .iter()
        .map(|event| (event.what.as_str(), event.who.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("api.token-revoked", "ada"),
            ("api.refused", "api:crm-2026"),
            ("api.token-added", "ada")
        ]
    );
    let unknown = ada.post("/staff/tokens/nobody", "").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_gives_one_token_out() {
    let world = World::new(URL).await;
    let [mut ada, mut eva] = two(&world, Role::Administrator, ["ada", "eva"]).await;
    let made = ada.post("/staff/tokens", FORM).await;
    let token = shown(&made.body).expect("a token");
    for browser in [&mut ada, &mut eva] {
        let again = browser.post("/staff/tokens", FORM).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.body.contains("Токен с това име вече е издаван"));
        assert_eq!(shown(&again.body), None, "not shown again");
        assert!(
            again.body.contains("value=\"crm-2026\""),
            "what was typed stays"
        );
    }
    assert_eq!(trail(&world, "crm-2026").await.len(), 1);
    let customer = format!("/api/v1/customers/{}", seed::ANNA);
    assert_eq!(asks(&world, token, &customer).await, StatusCode::OK);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_said_at_once() {
    let world = World::new(URL).await;
    let [mut ada, _] = two(&world, Role::Administrator, ["ada", "eva"]).await;
    for (form, fields) in [
        ("name=c&until=soon", &["#name", "#scope", "#until"][..]),
        ("name=crm&scope=bills%3Aread&scope=all&until=", &["#scope"]),
        ("name=crm&scope=bills%3Aread&until=2020-01-01", &["#until"]),
        ("name=%D1%86%D1%80%D0%BC&scope=bills%3Aread", &["#name"]),
    ] {
        let wrong = ada.post("/staff/tokens", form).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        for field in ["#name", "#scope", "#until"] {
            let said = wrong.body.contains(&format!("href=\"{field}\""));
            assert_eq!(said, fields.contains(&field), "{form}: {field}");
        }
    }
    assert!(
        world
            .store
            .api_tokens()
            .await
            .expect("an answer")
            .is_empty()
    );
}

#[tokio::test]
async fn a_token_works_through_its_last_day() {
    let world = World::new(URL).await;
    let [mut ada, _] = two(&world, Role::Administrator, ["ada", "eva"]).await;
    let today = super::now(&world).to_string();
    let form = format!("{FORM}{}", &today[..10]);
    let made = ada.post("/staff/tokens", &form).await;
    let token = shown(&made.body).expect("a token").to_owned();
    let customer = format!("/api/v1/customers/{}", seed::ANNA);
    assert_eq!(asks(&world, &token, &customer).await, StatusCode::OK);
    world.clock.forward_hours(24);
    assert_eq!(
        asks(&world, &token, &customer).await,
        StatusCode::UNAUTHORIZED
    );
    ada.sign_in_staff("ada").await;
    let list = ada.get("/staff/tokens").await.body;
    assert!(list.contains("1 токен, който вече не работи"), "{list}");
}

#[tokio::test]
async fn nobody_gives_tokens_out_at_a_screen_that_was_left() {
    let world = World::new(URL).await;
    let [mut ada, mut eva] = two(&world, Role::Administrator, ["ada", "eva"]).await;
    eva.post("/staff/tokens", FORM).await;
    let left = async |ada: &mut Browser, path: &str, form: &str| {
        let answer = ada.post(path, form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer.header("location").to_owned()
    };
    world.clock.forward(16 * 60);
    let page = ada.get("/staff/tokens").await.body;
    assert!(page.contains("потвърдете, че сте Вие") && page.contains("crm-2026"));
    assert!(!page.contains("name=\"scope\""), "{page}");
    let other = FORM.replace("crm-2026", "ivr");
    let to = left(&mut ada, "/staff/tokens", &other).await;
    assert_eq!(to, "/staff/sign-in?again&next=/staff/tokens");
    let to = left(&mut ada, "/staff/tokens/crm-2026", "").await;
    assert_eq!(to, "/staff/sign-in?again&next=/staff/tokens/crm-2026");
    let asked = ada.get("/staff/tokens/crm-2026").await;
    assert_eq!(asked.header("location"), to);
    let all = world.store.api_tokens().await.expect("an answer");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].token.revoked_at, None);
}
