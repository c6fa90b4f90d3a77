//! Changes: made once under their key, whatever dies in between, and never over somebody else's.

use aws_lc_rs::digest;
use axum::http::StatusCode;
use jiff::SignedDuration;
use kvit_billing::{Language, ports::Clock};
use kvit_store::{ApiBegun, ApiRequest, ApiScope, EnrolmentState};
use serde_json::{Value, json};

use crate::{
    Answer, Robot, URL, World, body,
    common::{consent_sha256, number},
    refused, seed, trail,
};

const ENROL: &str = "/api/v1/customers/1000001/enrolment";
const PAPER: &str = "/api/v1/customers/1000001/paper";

fn consent(email: &str) -> Value {
    json!({ "email": email, "channel": "phone", "evidence": "CRM-4711" })
}

fn wish() -> Value {
    json!({ "channel": "centre", "evidence": "CRM-4712" })
}

async fn deliveries(world: &World) -> usize {
    let all = world
        .store
        .deliveries_of_customer(&number(seed::ANNA), 99)
        .await;
    all.expect("deliveries").len()
}

/// Notes a change as the API does, and dies.
async fn noted(world: &World, path: &str, body: &Value, key: &str, version: Option<u64>) {
    let tag = version.map_or_else(String::new, |version| format!("\"{version}\""));
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in ["POST", path, &tag, &body] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let asked = ApiRequest {
        token: "crm".parse().expect("a name"),
        key: key.to_owned(),
        hash: hash.finish().as_ref().try_into().expect("32 bytes"),
        at: world.clock.now(),
    };
    let lease = asked.at + SignedDuration::from_secs(60);
    let begun = world.store.begin_api_request(&asked, lease).await;
    assert_eq!(begun.expect("a store"), ApiBegun::New);
}

#[tokio::test]
async fn a_consent_is_kept_once_and_proven_by_its_link() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let before = deliveries(&world).await;
    let first = robot
        .change(ENROL, &consent("anna@gmial.com"), "k1", Some(0))
        .await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    assert_eq!(body(&first)["suggestion"], json!("anna@gmail.com"));
    let again = robot
        .change(ENROL, &consent("anna@gmial.com"), "k1", Some(0))
        .await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    assert_eq!(deliveries(&world).await, before + 1);
    let facts = world.store.enrolments_of(&number(seed::ANNA), 9).await;
    let evidence = &facts.expect("facts")[0].evidence;
    assert_eq!(evidence["text_sha256"], consent_sha256(Language::Bg));
    assert_eq!(evidence["language"], "bg");
    let other = robot
        .change(ENROL, &consent("anna@abv.bg"), "k1", Some(0))
        .await;
    refused(&other, 422, "key-reused");
    let other = robot
        .change(ENROL, &consent("anna@gmial.com"), "k1", Some(1))
        .await;
    refused(&other, 422, "key-reused");
    world.clock.forward_hours(1);
    // Somebody has changed it since: the first consent.
    let stale = robot
        .change(ENROL, &consent("anna@abv.bg"), "k2", Some(0))
        .await;
    refused(&stale, 412, "outdated");
    let stale = robot
        .change(ENROL, &consent("anna@abv.bg"), "k2", Some(0))
        .await;
    refused(&stale, 412, "outdated");
    let changed = robot
        .change(ENROL, &consent("anna@abv.bg"), "k3", Some(1))
        .await;
    assert_eq!(changed.status, StatusCode::ACCEPTED, "{}", changed.body);
    let state = world.store.enrolment_of(&number(seed::ANNA)).await;
    assert!(
        matches!(state, Ok(EnrolmentState::Pending(_))),
        "not without the proof"
    );
    let path = world.prove_path(seed::ANNA).await;
    world.browser().post(&path, "x=y").await;
    let told = body(&robot.get(ENROL).await);
    assert_eq!(
        (&told["state"], &told["email"]),
        (&json!("active"), &json!("a•••@abv.bg"))
    );
    let same = robot
        .change(ENROL, &consent("anna@abv.bg"), "k4", Some(4))
        .await;
    refused(&same, 409, "same-address");
    let told = trail(&world, "api:crm").await;
    let kept = told
        .iter()
        .filter(|event| event.what == "customer.enrolled");
    let kept: Vec<_> = kept.collect();
    assert_eq!(kept.len(), 2);
    let text = kept.iter().map(|event| event.detail.to_string());
    assert!(text.clone().all(|detail| detail.contains("CRM-4711")));
    assert!(text.into_iter().all(|detail| !detail.contains('@')));
}

#[tokio::test]
async fn a_customer_goes_back_to_paper_once() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let first = robot.change(PAPER, &wish(), "k1", Some(2)).await;
    assert_eq!(
        (first.status, body(&first)),
        (StatusCode::OK, json!({ "state": "paper" }))
    );
    assert_eq!(body(&robot.get(ENROL).await)["state"], json!("paper"));
    // They come back; the old wish, sent again, does not undo that.
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    let again = robot.change(PAPER, &wish(), "k1", Some(2)).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    assert_eq!(body(&robot.get(ENROL).await)["state"], json!("active"));
}

#[tokio::test]
async fn a_bill_is_sent_once_more() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let path = format!("/api/v1/bills/{}/send", seed::second_bill());
    let paper = robot.change(&path, &Value::Null, "k1", None).await;
    refused(&paper, 409, "no-ebill");
    seed::enrol(&world.store, seed::BORIS, "boris@primer.bg").await;
    let kept = robot.change(&path, &Value::Null, "k1", None).await;
    refused(&kept, 409, "no-ebill");
    let sent = robot.change(&path, &Value::Null, "k2", None).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.body);
    let waits = robot.change(&path, &Value::Null, "k3", None).await;
    refused(&waits, 409, "on-its-way");
    let again = robot.change(&path, &Value::Null, "k2", None).await;
    assert_eq!((again.status, again.body), (sent.status, sent.body));
}

#[tokio::test]
async fn a_change_needs_its_key_and_its_version_and_valid_words() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let text = consent("anna@abv.bg").to_string();
    let call =
        async |body: &str, headers: &[(&str, &str)]| robot.call("POST", ENROL, body, headers).await;
    let version = ("if-match", "\"0\"");
    let key = ("idempotency-key", "k");
    refused(&call(&text, &[version]).await, 400, "no-key");
    refused(&call(&text, &[key]).await, 428, "no-version");
    let long = "k".repeat(65);
    for bad in ["", "a b", &long] {
        let answer = call(&text, &[version, ("idempotency-key", bad)]).await;
        refused(&answer, 422, "not-valid");
    }
    for bad in ["0", "*", "\"x\"", "W/\"0\"", "\"99999999999999999999\""] {
        let answer = call(&text, &[key, ("if-match", bad)]).await;
        refused(&answer, 422, "not-valid");
    }
    for bad in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"email":"x","channel":"fax","evidence":"1"}"#,
        r#"{"email":"anna@abv.bg","channel":"phone","evidence":""}"#,
        r#"{"email":"anna","channel":"phone","evidence":"1"}"#,
        r#"{"email":"anna@аbv.bg","channel":"phone","evidence":"1"}"#,
        r#"{"email":"anna@abv.bg","channel":"phone","evidence":"1","language":"de"}"#,
    ] {
        refused(&call(bad, &[key, version]).await, 422, "not-valid");
    }
    let both = r#"{"email":"anna","channel":"phone","evidence":""}"#;
    let faults = body(&call(both, &[key, version]).await);
    assert_eq!(
        faults["errors"].as_array().map(Vec::len),
        Some(2),
        "all at once"
    );
    let state = world.store.enrolment_of(&number(seed::ANNA)).await;
    assert!(
        matches!(state, Ok(EnrolmentState::None)),
        "nothing was changed"
    );
    let done = call(&text, &[key, version]).await;
    assert_eq!(done.status, StatusCode::ACCEPTED, "the key is still free");
}

#[tokio::test]
async fn a_change_that_died_before_it_was_made_is_made_once() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::BORIS, "boris@primer.bg").await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    let send = format!("/api/v1/bills/{}/send", seed::second_bill());
    let changes = [
        (ENROL, consent("anna@abv.bg"), Some(0)),
        (PAPER, wish(), Some(1)),
        (send.as_str(), Value::Null, None),
    ];
    for (n, (path, body, version)) in changes.iter().enumerate() {
        let key = format!("k{n}");
        noted(&world, path, body, &key, *version).await;
        let early = robot.change(path, body, &key, *version).await;
        refused(&early, 409, "under-way");
        assert!(early.header("retry-after").parse::<u32>().is_ok());
        world.clock.forward_hours(1);
        let made = robot.change(path, body, &key, *version).await;
        assert!(made.status.is_success(), "{path}: {}", made.body);
        let again = robot.change(path, body, &key, *version).await;
        assert_eq!((again.status, again.body), (made.status, made.body));
    }
    let told = trail(&world, "api:crm").await;
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test]
async fn a_change_that_died_after_it_was_made_is_not_made_again() {
    for n in 0..3 {
        let world = World::new(URL).await;
        seed::enrol(&world.store, seed::BORIS, "boris@primer.bg").await;
        let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
        let send = format!("/api/v1/bills/{}/send", seed::second_bill());
        let (path, what, version): (&str, Value, Option<u64>) = match n {
            0 => (ENROL, consent("anna@abv.bg"), Some(0)),
            1 => (PAPER, wish(), Some(0)),
            _ => (&send, Value::Null, None),
        };
        // The answer is lost with the process: what stays is the note, the fact and its event.
        let made = lost_answer(&world, &robot, path, &what, version).await;
        world.clock.forward_hours(1);
        let again = robot.change(path, &what, "k", version).await;
        assert_eq!(
            (again.status, &again.body),
            (made.status, &made.body),
            "{path}"
        );
        assert_eq!(trail(&world, "api:crm").await.len(), 1, "{path}");
    }
}

/// Makes a change whose answer is not kept.
async fn lost_answer(
    world: &World,
    robot: &Robot<'_>,
    path: &str,
    what: &Value,
    version: Option<u64>,
) -> Answer {
    let made = robot.change(path, what, "k", version).await;
    assert!(made.status.is_success(), "{path}: {}", made.body);
    let url = format!("sqlite://{}", world.folder.path().join("kvit.db").display());
    forget_answer(&url).await;
    made
}

async fn forget_answer(url: &str) {
    use sqlx::Connection as _;
    let mut store = sqlx::SqliteConnection::connect(url)
        .await
        .expect("the store");
    sqlx::query("UPDATE api_requests SET status = NULL, answer = NULL")
        .execute(&mut store)
        .await
        .expect("forgotten");
}
