//! Passkeys of staff and of customers, with an authenticator made of software that also lies.

mod common;

use axum::http::{Method, StatusCode};
use common::{
    Browser, World,
    authenticator::{Authenticator, SEEN},
    seed,
};
use kvit_billing::Role;
use kvit_store::Event;
use serde_json::{Value, json};

const URL: &str = "http://localhost:8080";

/// What the page's script would be given at this address.
async fn asked(browser: &mut Browser, path: &str) -> Value {
    let answer = browser.post(path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_str(&answer.body).expect("JSON")
}

fn form(answer: &str) -> String {
    let answer: String = answer.bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("answer={answer}")
}

/// Adds a key to whoever is signed in.
async fn added(browser: &mut Browser, list: &str, device: &mut Authenticator) -> StatusCode {
    let asked = asked(browser, &format!("{list}/ask")).await;
    let answer = device.create(&asked);
    let form = format!("name=ключ&{}", form(&answer));
    browser.post(list, &form).await.status
}

const STAFF: &str = "/staff/sign-in/passkey";
const CUSTOMERS: &str = "/sign-in/passkey";

/// Signs in at this address; gives where it leads, or nothing.
async fn signed_in(browser: &mut Browser, at: &str, device: &mut Authenticator) -> Option<String> {
    let asked = asked(browser, &format!("{at}/ask")).await;
    let answer = browser.post(at, &form(&device.get(&asked))).await;
    match answer.status {
        StatusCode::SEE_OTHER => Some(answer.header("location").to_owned()),
        status => {
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(
                answer.body.contains("не може да се влезе тук"),
                "{}",
                answer.body
            );
            None
        }
    }
}

async fn told(world: &World, subject: &str) -> Vec<Event> {
    world.store.events(subject, 99).await.expect("a trail")
}

fn count(trail: &[Event], what: &str) -> usize {
    trail.iter().filter(|event| event.what == what).count()
}

async fn ana(world: &World) -> (Browser, Authenticator) {
    world.hire("ana", Role::Agent).await;
    let mut browser = world.browser();
    browser.sign_in_staff("ana").await;
    let mut device = Authenticator::new(URL, 1);
    let status = added(&mut browser, "/staff/passkeys", &mut device).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    (browser, device)
}

#[tokio::test]
async fn a_member_of_staff_signs_in_with_a_key_alone() {
    let world = World::opened(URL, 5, 50, true).await;
    let (mut browser, mut device) = ana(&world).await;
    let password = browser.get("/staff/password").await;
    assert!(
        password.body.contains("всички Ваши ключове"),
        "{}",
        password.body
    );
    let page = browser.get("/staff/passkeys").await;
    assert!(page.body.contains("<h3>ключ</h3>"), "{}", page.body);
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'; connect-src 'self'")
    );
    let first = browser.cookies["kvit_staff"].clone();
    let to = signed_in(&mut browser, STAFF, &mut device).await;
    assert_eq!(to.as_deref(), Some("/staff/customers"));
    // A session of its own, in place of the one before.
    assert_ne!(browser.cookies["kvit_staff"], first);
    let mut thief = world.browser();
    thief.cookies.insert("kvit_staff".to_owned(), first);
    let page = thief.get("/staff/customers").await;
    assert!(page.header("location").starts_with("/staff/sign-in"));
    let trail = told(&world, "staff/ana").await;
    let by_key =
        |event: &&Event| event.what == "staff.signed-in" && event.detail["way"] == "passkey";
    assert_eq!(trail.iter().filter(by_key).count(), 1);
    assert_eq!(count(&trail, "passkey.added"), 1);
    // Closed accounts do not open, nor keys from before a new start.
    let event = |what: &str| Event {
        at: trail[0].at,
        who: "admin".to_owned(),
        what: what.to_owned(),
        subject: "staff/ana".to_owned(),
        detail: json!({}),
    };
    let login = "ana".parse().expect("a name");
    let disabled = event("staff.disabled");
    let closed = world.store.disable_staff(&login, &disabled).await;
    assert!(closed.expect("a store"));
    assert_eq!(signed_in(&mut browser, STAFF, &mut device).await, None);
    let hash = kvit_billing::Secret::new("$argon2id$".to_owned());
    let again = event("staff.reset");
    let reset = world.store.reset_staff(&login, &hash, true, &again).await;
    reset.expect("a store");
    assert_eq!(signed_in(&mut browser, STAFF, &mut device).await, None);
}

#[tokio::test]
async fn a_customer_signs_in_without_number_and_code() {
    let world = World::new(URL).await;
    let mut browser = world.browser();
    let page = browser.get("/passkeys").await;
    assert_eq!(page.header("location"), "/bills?ended");
    browser.sign_in(&world, seed::ANNA).await;
    let mut device = Authenticator::new(URL, 1);
    let status = added(&mut browser, "/passkeys", &mut device).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    browser.post("/logout", "").await;
    let to = signed_in(&mut browser, CUSTOMERS, &mut device).await;
    assert_eq!(to.as_deref(), Some("/bills"));
    let page = browser.get("/bills").await;
    assert!(page.body.contains(seed::ANNA), "{}", page.body);
    let page = browser.get("/sessions").await;
    assert!(page.body.contains("С ключ за достъп"), "{}", page.body);
    let subject = format!("customer/{}", seed::ANNA);
    let trail = told(&world, &subject).await;
    assert_eq!(count(&trail, "customer.signed-in"), 1);
    assert_eq!(trail[0].who, subject);
    // It opens nothing of staff, and no other customer has it to name or remove.
    assert_eq!(signed_in(&mut browser, STAFF, &mut device).await, None);
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    let id = hex::encode(&device.id);
    for what in ["remove", "rename"] {
        boris
            .post("/passkeys/change", &format!("what={what}&id={id}&name=x"))
            .await;
    }
    assert!(
        browser
            .get("/passkeys")
            .await
            .body
            .contains("<h3>ключ</h3>")
    );
    let renamed = format!("what=rename&id={id}&name=%3Cb%3E");
    browser.post("/passkeys/change", &renamed).await;
    let page = browser.get("/passkeys").await;
    assert!(page.body.contains("<h3>&lt;b&gt;</h3>"), "{}", page.body);
    browser
        .post("/passkeys/change", &format!("what=remove&id={id}"))
        .await;
    assert_eq!(signed_in(&mut browser, CUSTOMERS, &mut device).await, None);
    let trail = told(&world, &subject).await;
    assert_eq!(count(&trail, "passkey.removed"), 1);
}

#[tokio::test]
async fn a_challenge_is_answered_once_in_time_and_by_its_browser() {
    let world = World::new(URL).await;
    let (mut browser, mut device) = ana(&world).await;
    let ask = format!("{STAFF}/ask");
    let refused = async |browser: &mut Browser, answer: &str| {
        let answer = browser.post(STAFF, &form(answer)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    };
    // A second time, though the counter is not looked at.
    device.counter = 7;
    let first = device.get(&asked(&mut browser, &ask).await);
    let opened = browser.post(STAFF, &form(&first)).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER);
    refused(&mut browser, &first).await;
    // From another browser, which uses it up; too late; one that was never given.
    let caught = device.get(&asked(&mut browser, &ask).await);
    refused(&mut world.browser(), &caught).await;
    refused(&mut browser, &caught).await;
    let late = device.get(&asked(&mut browser, &ask).await);
    world.clock.forward(5 * 60);
    refused(&mut browser, &late).await;
    let made_up = json!({ "challenge": common::authenticator::base64url(&[b'a'; 32]) });
    refused(&mut browser, &device.get(&made_up)).await;
    // For the other site, and for another act.
    let of_customers = asked(&mut browser, &format!("{CUSTOMERS}/ask")).await;
    refused(&mut browser, &device.get(&of_customers)).await;
    let for_adding = asked(&mut browser, "/staff/passkeys/ask").await;
    refused(&mut browser, &device.get(&for_adding)).await;
    let mut other = Authenticator::new(URL, 2);
    let for_signing = asked(&mut browser, &ask).await;
    let with_user = json!({ "challenge": for_signing["challenge"], "user": { "id": "eA" } });
    let answer = browser
        .post("/staff/passkeys", &form(&other.create(&with_user)))
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Ключът не беше добавен"));
    // Nobody can have us keep them without end.
    let mut flood = world.browser();
    let token = flood.get("/").await.form_token();
    let token = format!("form_token={token}");
    let mut statuses = Vec::new();
    for _ in 0..=kvit_store::CHALLENGES_OF_ADDRESS_MAX {
        let answer = flood.ask(Method::POST, &ask, &token, &[]).await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
}

#[tokio::test]
async fn a_liar_opens_nothing() {
    let world = World::new(URL).await;
    let (mut browser, mut device) = ana(&world).await;
    type Lie = fn(&mut Authenticator);
    let lies: [Lie; 5] = [
        |device| device.origin = "https://evil.example".to_owned(),
        |device| device.rp = "evil.example".to_owned(),
        |device| device.flags = 0b001,
        |device| device.user = "AAAA".to_owned(),
        |device| device.id = vec![9; 32],
    ];
    for lie in lies {
        let (user, id) = (device.user.clone(), device.id.clone());
        lie(&mut device);
        assert_eq!(signed_in(&mut browser, STAFF, &mut device).await, None);
        (device.user, device.id, device.flags) = (user, id, SEEN);
        (device.origin, device.rp) = (URL.to_owned(), "localhost".to_owned());
    }
    // The same name and handle, another key.
    let mut forged = Authenticator::new(URL, 1);
    forged.user.clone_from(&device.user);
    forged.counter = 99;
    assert_eq!(signed_in(&mut browser, STAFF, &mut forged).await, None);
    for answer in ["", "{}", "[]", "null", "{\"id\":\"\"}", "\u{0}"] {
        let answer = browser.post(STAFF, &form(answer)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let trail = told(&world, "staff/ana").await;
    assert_eq!(count(&trail, "passkey.copied"), 0);
    assert!(signed_in(&mut browser, STAFF, &mut device).await.is_some());
}

#[tokio::test]
async fn a_copied_key_is_an_alarm_and_opens_nothing_more() {
    let world = World::new(URL).await;
    let (mut browser, mut device) = ana(&world).await;
    device.counter = 5;
    assert!(signed_in(&mut browser, STAFF, &mut device).await.is_some());
    device.counter = 5;
    assert_eq!(signed_in(&mut browser, STAFF, &mut device).await, None);
    device.counter = 99;
    assert_eq!(signed_in(&mut browser, STAFF, &mut device).await, None);
    let trail = told(&world, "staff/ana").await;
    assert_eq!(count(&trail, "passkey.copied"), 2);
    let page = browser.get("/staff/passkeys").await;
    assert!(
        page.body.contains("може да има негово копие"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn an_id_is_one_owner_s_and_there_are_ten() {
    let world = World::new(URL).await;
    let (mut browser, _) = ana(&world).await;
    let list = "/staff/passkeys";
    let mut same = Authenticator::new(URL, 1);
    let again = added(&mut browser, list, &mut same).await;
    assert_eq!(again, StatusCode::UNPROCESSABLE_ENTITY);
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let taken = added(&mut anna, "/passkeys", &mut same).await;
    assert_eq!(taken, StatusCode::UNPROCESSABLE_ENTITY);
    for id in 2..=10 {
        let mut device = Authenticator::new(URL, id);
        let status = added(&mut browser, list, &mut device).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
    }
    let mut device = Authenticator::new(URL, 11);
    let eleventh = added(&mut browser, list, &mut device).await;
    assert_eq!(eleventh, StatusCode::UNPROCESSABLE_ENTITY);
    let known = asked(&mut browser, "/staff/passkeys/ask").await;
    assert_eq!(known["known"].as_array().map(Vec::len), Some(10));
    let long = format!("name={}&answer=x", "x".repeat(61));
    let named = browser.post(list, &long).await;
    assert!(named.body.contains("до 60 знака"), "{}", named.body);
}

#[tokio::test]
async fn where_browsers_have_no_passkeys_the_pages_say_nothing_of_them() {
    for url in ["http://127.0.0.1:8080", "http://bills.example.bg"] {
        let world = World::new(url).await;
        let mut browser = world.browser();
        for path in ["/", "/bills", "/sign-in", "/staff/sign-in"] {
            let page = browser.get(path).await;
            assert!(!page.body.contains("passkey"), "{url}{path}");
            let policy = page.header("content-security-policy");
            assert!(!policy.contains("script-src"), "{url}{path}");
        }
        let ask = browser.post("/sign-in/passkey/ask", "").await;
        assert_eq!(ask.status, StatusCode::NOT_FOUND);
        browser.sign_in(&world, seed::ANNA).await;
        let list = browser.get("/passkeys").await;
        assert_eq!(list.status, StatusCode::NOT_FOUND);
    }
}
