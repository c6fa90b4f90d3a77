//! The API of the operator's own systems: who may ask for what, what it tells, and that a change is made
//! once.

mod changes;
mod codes;
#[path = "../common/mod.rs"]
mod common;
mod judge;
mod reading;

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use common::{Answer, World, seed};
use kvit_billing::{ApiName, code::Token, ports::Clock};
use kvit_store::{ApiScope, Event, EventFilter, NewApiToken};
use kvit_web::{API_OPERATIONS, API_TOKEN_PREFIX};
use serde_json::{Value, json};

const URL: &str = "http://localhost:8080";

/// Which scope what needs. A change here is a decision.
const GOLDEN: &str = "\
GET /api/v1/openapi.json: anyone
POST /api/v1/customers/search: customers:read
GET /api/v1/customers/{customer}: customers:read
GET /api/v1/customers/{customer}/enrolment: customers:read
POST /api/v1/customers/{customer}/enrolment: enrolments:write
POST /api/v1/customers/{customer}/paper: enrolments:write
GET /api/v1/customers/{customer}/history: customers:read
GET /api/v1/customers/{customer}/bills: bills:read
GET /api/v1/customers/{customer}/balance: bills:read
GET /api/v1/bills/{bill}: bills:read
GET /api/v1/bills/{bill}/pdf: bills:document
POST /api/v1/bills/{bill}/send: bills:send
POST /api/v1/codes/verify: codes:verify
";

/// A system that calls with a token.
struct Robot<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Robot<'a> {
    async fn new(world: &'a World, name: &str, scopes: &[ApiScope]) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(name.bytes().cycle()) {
            *to = from;
        }
        let token = Token::from_random(bytes);
        let name: ApiName = name.parse().expect("a name");
        let added = Event {
            at: world.clock.now(),
            who: "console:root".into(),
            what: "api.token-added".into(),
            subject: format!("api/{name}"),
            detail: json!({}),
        };
        let new = NewApiToken {
            name,
            hash: token.hash(),
            scopes: scopes.to_vec(),
            at: world.clock.now(),
            expires_at: None,
        };
        let added = world.store.add_api_token(&new, &added).await;
        assert!(added.expect("a store"), "a new name");
        let token = format!("Bearer {API_TOKEN_PREFIX}{}", token.expose());
        Self { world, token }
    }

    async fn call(&self, method: &str, path: &str, body: &str, more: &[(&str, &str)]) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let headers = [&[("authorization", self.token.as_str())], more].concat();
        let mut browser = self.world.browser();
        let body = Body::from(body.to_owned());
        browser.send(method, path, body, &headers).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", &[]).await
    }

    /// A change under a key; `version` where one is needed.
    async fn change(&self, path: &str, body: &Value, key: &str, version: Option<u64>) -> Answer {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let tag = version.map(|version| format!("\"{version}\""));
        let mut headers = vec![("idempotency-key", key)];
        headers.extend(tag.as_deref().map(|tag| ("if-match", tag)));
        self.call("POST", path, &body, &headers).await
    }
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.body))
}

/// A refusal says what it is and what to do.
fn refused(answer: &Answer, status: u16, word: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let said = body(answer);
    let kind = format!("urn:kvit:problem:{word}");
    assert_eq!(said["type"], json!(kind), "{}", answer.body);
    assert_eq!(said["status"], json!(status));
    assert!(said["detail"].as_str().is_some_and(|text| text.len() > 10));
}

async fn trail(world: &World, who: &str) -> Vec<Event> {
    let filter = EventFilter {
        who: Some(who.to_owned()),
        ..EventFilter::default()
    };
    world.store.audit(&filter, 99).await.expect("a trail")
}

fn filled(path: &str) -> String {
    path.replace("{customer}", seed::ANNA)
        .replace("{bill}", &seed::first_bill().to_string())
}

#[tokio::test]
async fn each_scope_opens_its_operations_and_no_other() {
    let list: String = API_OPERATIONS
        .iter()
        .map(|one| {
            let scope = one.scope.map_or("anyone", ApiScope::as_str);
            format!("{} {}: {scope}\n", one.method, one.path)
        })
        .collect();
    assert_eq!(list, GOLDEN);
    let world = World::new(URL).await;
    for one in API_OPERATIONS {
        let path = filled(one.path);
        let method = Method::from_bytes(one.method.as_bytes()).expect("a method");
        let mut browser = world.browser();
        let answer = browser.send(method, &path, Body::empty(), &[]).await;
        match one.scope {
            Some(_) => {
                refused(&answer, 401, "no-token");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
            None => assert_eq!(answer.status, StatusCode::OK),
        }
    }
    for scope in ApiScope::ALL {
        let name = scope.as_str().replace(':', "-");
        let robot = Robot::new(&world, &name, &[scope]).await;
        for one in API_OPERATIONS {
            let answer = robot.call(one.method, &filled(one.path), "", &[]).await;
            if one.scope.is_some_and(|needed| needed != scope) {
                refused(&answer, 403, "no-scope");
            } else {
                let at = format!("{} {}: {}", one.method, one.path, answer.body);
                assert!(
                    !matches!(answer.status.as_u16(), 401 | 403 | 404 | 405 | 500..),
                    "{at}"
                );
            }
        }
        let told = trail(&world, &format!("api:{name}")).await;
        assert!(told.iter().any(|event| event.what == "api.refused"));
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_works_no_more_at_once() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &[ApiScope::CustomersRead]).await;
    let path = filled("/api/v1/customers/{customer}");
    assert_eq!(robot.get(&path).await.status, StatusCode::OK);
    let revoked = Event {
        at: world.clock.now(),
        who: "console:root".into(),
        what: "api.token-revoked".into(),
        subject: "api/crm".into(),
        detail: json!({}),
    };
    let name = "crm".parse().expect("a name");
    let done = world.store.revoke_api_token(&name, &revoked).await;
    assert!(done.expect("a store"));
    refused(&robot.get(&path).await, 401, "no-token");
    for sent in ["", "Bearer", "Bearer kvit_", "Basic YTpi", "Bearer kvit_zz"] {
        let other = Robot {
            world: &world,
            token: sent.to_owned(),
        };
        refused(&other.get(&path).await, 401, "no-token");
    }
}

#[tokio::test]
async fn who_calls_too_often_waits() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &[ApiScope::CustomersRead]).await;
    let other = Robot::new(&world, "ivr", &[ApiScope::CustomersRead]).await;
    // Refused before anything is looked up, so that the test is quick.
    let path = "/api/v1/customers/1000001/bills";
    for _ in 0..600 {
        assert_eq!(robot.get(path).await.status, StatusCode::FORBIDDEN);
    }
    let answer = robot.get(path).await;
    refused(&answer, 429, "too-many");
    let wait: u32 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    refused(&other.get(path).await, 403, "no-scope");
    world.clock.forward_hours(1);
    refused(&robot.get(path).await, 403, "no-scope");
}

#[tokio::test]
async fn calls_count_over_all_processes() {
    let world = World::new(URL).await;
    let beside = world.beside().await;
    let here = Robot::new(&world, "crm", &[ApiScope::CustomersRead]).await;
    let there = Robot {
        world: &beside,
        token: here.token.clone(),
    };
    let path = "/api/v1/customers/1000001/bills";
    let mut made = 0;
    for _ in 0..310 {
        for robot in [&here, &there] {
            let status = robot.get(path).await.status;
            made += u32::from(status == StatusCode::FORBIDDEN);
            assert!(status == StatusCode::FORBIDDEN || status == StatusCode::TOO_MANY_REQUESTS);
        }
    }
    // One may have some over when the other has none left, and never is there one too many.
    assert!((596..=600).contains(&made), "{made}");
    for robot in [&here, &there] {
        refused(&robot.get(path).await, 429, "too-many");
    }
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    for path in [
        "/api/v1/customers/9999999",
        "/api/v1/customers/%00",
        "/api/v1/bills/0000099999",
        "/api/v1/bills/1",
        "/api/v1/nothing",
        "/api/v2/customers/1000001",
    ] {
        refused(&robot.get(path).await, 404, "not-found");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/v1/customers/1000001", "GET"),
        ("PUT", "/api/v1/customers/1000001/enrolment", "GET, POST"),
        ("GET", "/api/v1/codes/verify", "POST"),
    ] {
        let answer = robot.call(method, path, "", &[]).await;
        refused(&answer, 405, "no-method");
        assert_eq!(answer.header("allow"), allow);
    }
    let long = "x".repeat(20_000);
    let path = "/api/v1/customers/search";
    let answer = robot.call("POST", path, &long, &[]).await;
    refused(&answer, 413, "too-large");
    let bad = r#"{"phone":"0888","name":"x"}"#;
    let answer = robot.call("POST", path, bad, &[]).await;
    refused(&answer, 422, "not-valid");
    assert!(
        answer.body.contains("unknown field `name`"),
        "{}",
        answer.body
    );
}

/// `docs/openapi.json` is what the code says. `KVIT_BLESS=1` writes it anew.
#[test]
fn the_document_in_the_docs_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let mut wanted = serde_json::to_string_pretty(&kvit_web::openapi()).expect("JSON");
    wanted.push('\n');
    if std::env::var_os("KVIT_BLESS").is_some() {
        std::fs::write(path, &wanted).expect("written");
    }
    let kept = std::fs::read_to_string(path).expect("the document in the docs");
    assert!(
        kept == wanted,
        "the API has changed: run the test with KVIT_BLESS=1 and read the difference"
    );
}

#[tokio::test]
async fn whoever_asks_for_what_is_not_there_leaves_a_trace() {
    let world = World::new(URL).await;
    let robot = Robot::new(&world, "crm", &ApiScope::ALL).await;
    for path in ["/api/v1/customers/9999999", "/api/v1/bills/0000099999/pdf"] {
        refused(&robot.get(path).await, 404, "not-found");
        let told = trail(&world, "api:crm").await;
        let missed = told
            .iter()
            .filter(|event| event.what == "api.not-found" && event.detail["path"] == json!(path));
        assert_eq!(missed.count(), 1, "{path}");
    }
}
