//! A password beside the code: set after a fresh proof, good for its number and its address, and no help to guessers.

mod common;

use axum::http::{Method, StatusCode};
use common::{
    Answer, Browser, World,
    seed::{self, ANNA, MARIA},
};
use kvit_billing::AccessMail;
use kvit_store::{EnrolmentState, PasskeyOwner};

const URL: &str = "http://localhost:8080";
const GOOD: &str = "три+котки+на+покрива";
const OTHER: &str = "пет+кучета+на+двора";

async fn world() -> World {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    world
}

async fn set(browser: &mut Browser, password: &str) -> Answer {
    let form = format!("new={password}&repeated={password}");
    browser.post_from("/password", "/password", &form).await
}

async fn sign_in(browser: &mut Browser, who: &str, password: &str) -> Answer {
    let who = who.replace('@', "%40");
    let form = format!("who={who}&password={password}");
    browser.post("/sign-in/password", &form).await
}

async fn email_of(world: &World, customer: &str) -> String {
    let state = world.store.enrolment_of(&common::number(customer)).await;
    match state.expect("an answer") {
        EnrolmentState::Active(record) => record.email.expose().clone(),
        state => panic!("{state:?}"),
    }
}

async fn told(world: &World, customer: &str) -> Vec<AccessMail> {
    let number = common::number(customer);
    let mails = world.store.deliveries_of_customer(&number, 99).await;
    let mails = mails.expect("mails");
    mails.iter().filter_map(|mail| mail.id.access()).collect()
}

#[tokio::test]
async fn a_customer_sets_a_password_and_signs_in_with_it() {
    let world = world().await;
    let email = email_of(&world, MARIA).await;
    let mut elsewhere = world.browser();
    elsewhere.sign_in(&world, MARIA).await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    for (password, why) in [
        ("котка", "от 8 до 200 знака"),
        ("Sunshine1987", "се отгатва лесно"),
        ("parola2026", "се отгатва лесно"),
        (&format!("x{MARIA}yz"), "клиентският Ви номер"),
    ] {
        let page = set(&mut browser, password).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert!(page.body.contains(why), "{}", page.body);
    }
    let form = format!("new={GOOD}&repeated={OTHER}");
    let differs = browser.post_from("/password", "/password", &form).await;
    assert!(differs.body.contains("не са еднакви"), "{}", differs.body);
    assert!(told(&world, MARIA).await.is_empty());
    let done = set(&mut browser, GOOD).await;
    assert_eq!(done.header("location"), "/password?done=set");
    assert_eq!(told(&world, MARIA).await, [AccessMail::PasswordSet]);
    assert!(elsewhere.get("/bills").await.body.contains("id=\"code\""));
    assert!(browser.get("/bills").await.body.contains(MARIA));

    for who in [MARIA, &email, &format!(" {MARIA} ")] {
        let mut fresh = world.browser();
        let page = sign_in(&mut fresh, who, GOOD).await;
        assert_eq!(page.header("location"), "/bills", "{who}");
        assert!(fresh.get("/sessions").await.body.contains("С парола"));
    }
    let mut wrong = world.browser();
    let page = sign_in(&mut wrong, MARIA, OTHER).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    // A proof for what changes the ways in, too.
    world.clock.forward(11 * 60);
    assert!(
        browser
            .get("/password")
            .await
            .body
            .contains("again?to=password")
    );
    let again = "/again?to=password";
    let form = format!("to=password&password={OTHER}");
    let page = browser.post_from(again, "/again/password", &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = format!("to=password&password={GOOD}");
    let page = browser.post_from(again, "/again/password", &form).await;
    assert_eq!(page.header("location"), "/password");
    set(&mut browser, OTHER).await;
    let mut fresh = world.browser();
    let old = sign_in(&mut fresh, MARIA, GOOD).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
    let new = sign_in(&mut fresh, MARIA, OTHER).await;
    assert_eq!(new.status, StatusCode::SEE_OTHER);
    let done = browser.post_from("/password", "/password/remove", "").await;
    assert_eq!(done.header("location"), "/password?done=removed");
    assert!(
        told(&world, MARIA)
            .await
            .contains(&AccessMail::PasswordRemoved)
    );
    let gone = sign_in(&mut world.browser(), MARIA, OTHER).await;
    assert_eq!(gone.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn whoever_has_no_password_looks_like_whoever_has() {
    let world = world().await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    set(&mut browser, GOOD).await;
    let email = email_of(&world, MARIA).await;
    let said = async |who: &str| {
        let mut stranger = world.browser();
        let page = sign_in(&mut stranger, who, OTHER).await;
        let who = who.replace('@', "&#x40;");
        // What a page has of the browser, and of what was typed.
        let token = page.form_token();
        let body = page.body.replace(&token, "").replace(&who, "");
        (page.status, body.replace(&who.replace("&#x40;", "@"), ""))
    };
    let known = said(MARIA).await;
    assert_eq!(known.0, StatusCode::UNPROCESSABLE_ENTITY);
    for who in [ANNA, "9999999", &email, "nobody@primer.bg"] {
        assert_eq!(said(who).await, known, "{who}");
    }
    for who in ["", "<b>", "no@", "@primer.bg"] {
        let mut stranger = world.browser();
        let page = sign_in(&mut stranger, who, OTHER).await;
        assert!(page.body.contains("Въведете клиентския си номер"), "{who}");
    }
}

#[tokio::test]
async fn passwords_are_guessed_no_more_often_than_codes() {
    let world = World::with_limits(URL, 5, 12).await;
    seed::history(&world.store, &world.key).await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    set(&mut browser, GOOD).await;
    let email = email_of(&world, MARIA).await;
    let mut stranger = world.browser();
    // Of one number the same counter, whichever is tried.
    for _ in 0..3 {
        sign_in(&mut stranger, MARIA, OTHER).await;
    }
    let form = format!("number={MARIA}&code=00000000");
    stranger.post("/bill/check", &form).await;
    let locked = stranger.post("/bill/check", &form).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    let locked = sign_in(&mut stranger, MARIA, GOOD).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    // An address has one of its own, known or not: a lock tells nothing.
    for who in [&*email, "nobody@primer.bg"] {
        let mut stranger = world.browser();
        let page = sign_in(&mut stranger, who, OTHER).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{who}");
    }
    for _ in 0..4 {
        sign_in(&mut stranger, "nobody@primer.bg", OTHER).await;
    }
    let locked = sign_in(&mut stranger, "nobody@primer.bg", OTHER).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    // Of a network one for all.
    let locked = sign_in(&mut stranger, ANNA, OTHER).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
}

/// Whoever knows a customer's address or number fails on purpose.
#[tokio::test]
async fn tries_from_elsewhere_keep_no_owner_out() {
    const LOCKED: StatusCode = StatusCode::TOO_MANY_REQUESTS;
    let world = World::with_limits(URL, 2, 1_000).await;
    seed::history(&world.store, &world.key).await;
    let mut browser = world.browser_from(1);
    browser.sign_in(&world, MARIA).await;
    let mut before = world.browser_from(5);
    let mark = browser.cookies["kvit_known"].clone();
    before.cookies.insert("kvit_known".into(), mark);
    set(&mut browser, GOOD).await;
    browser.post("/logout", "").await;
    let email = email_of(&world, MARIA).await;
    // From one network both are held back, and nobody else is.
    let mut stranger = world.browser_from(99);
    for who in [&*email, MARIA, "nobody@primer.bg"] {
        let tries = [(); 3].map(|()| who);
        let mut said = Vec::new();
        for who in tries {
            said.push(sign_in(&mut stranger, who, OTHER).await.status);
        }
        assert_eq!(said[1..], [LOCKED, LOCKED], "{who}");
        let page = sign_in(&mut stranger, who, GOOD).await;
        assert_eq!(page.status, LOCKED, "{who}");
        assert!(page.body.contains("href=\"/sign-in\""), "a link opens");
    }
    for who in [&*email, MARIA] {
        let mut elsewhere = world.browser_from(2);
        let page = sign_in(&mut elsewhere, who, GOOD).await;
        assert_eq!(page.header("location"), "/bills", "{who}");
    }
    // From many places the name is closed, for whoever it is; a browser that was let in before goes on.
    for network in 100..120 {
        for who in [&*email, MARIA, "nobody@primer.bg"] {
            sign_in(&mut world.browser_from(network), who, OTHER).await;
        }
    }
    for who in [&*email, MARIA, "nobody@primer.bg"] {
        let page = sign_in(&mut world.browser_from(2), who, GOOD).await;
        assert_eq!(page.status, LOCKED, "{who}");
    }
    let mark = browser.cookies["kvit_known"].clone();
    // Of no address: a mark would say whose it is.
    for who in [&*email, "nobody@primer.bg"] {
        let page = sign_in(&mut browser, who, GOOD).await;
        assert_eq!(page.status, LOCKED, "{who}");
    }
    let page = sign_in(&mut browser, MARIA, GOOD).await;
    assert_eq!(page.header("location"), "/bills");
    // A link by mail opens, and makes a browser that is known.
    let mut linked = world.browser_from(3);
    let path = world.sign_in_path(&mut linked, MARIA).await;
    linked.post(&path, "").await;
    let page = sign_in(&mut linked, MARIA, GOOD).await;
    assert_eq!(page.header("location"), "/bills");
    // The mark guesses no more than its own few, and ends with the password.
    let mut thief = world.browser_from(4);
    thief.cookies.insert("kvit_known".into(), mark.clone());
    sign_in(&mut thief, MARIA, OTHER).await;
    let page = sign_in(&mut thief, MARIA, OTHER).await;
    assert_eq!(page.status, LOCKED);
    world.clock.forward(1);
    let done = set(&mut browser, OTHER).await;
    assert_eq!(done.header("location"), "/password?done=set");
    assert_ne!(browser.cookies["kvit_known"], mark);
    let page = sign_in(&mut linked, MARIA, OTHER).await;
    assert_eq!(page.status, LOCKED, "it knew the password of before");
    let page = sign_in(&mut browser, MARIA, OTHER).await;
    assert_eq!(page.header("location"), "/bills");
    // Without a password no mark of before one comes back, and the browser that took it away is known.
    let code = world.code(MARIA).replace(' ', "+");
    let form = format!("number={MARIA}&code={code}");
    let done = browser.post_from("/password", "/password/remove", "").await;
    assert_eq!(done.header("location"), "/password?done=removed");
    browser.post("/logout", "").await;
    for (browser, status) in [
        (&mut before, LOCKED),
        (&mut linked, LOCKED),
        (&mut browser, StatusCode::SEE_OTHER),
    ] {
        let page = browser.post("/bill/check", &form).await;
        assert_eq!(page.status, status);
    }
}

/// Whoever knows a number asks for links without end.
#[tokio::test]
async fn links_that_others_ask_for_keep_no_owner_out() {
    const LOCKED: StatusCode = StatusCode::TOO_MANY_REQUESTS;
    let world = World::with_limits(URL, 2, 1_000).await;
    seed::history(&world.store, &world.key).await;
    let ask = async |network: u8| {
        let form = format!("number={MARIA}");
        world.browser_from(network).post("/sign-in", &form).await
    };
    for _ in 0..2 {
        assert_eq!(ask(99).await.status, StatusCode::OK);
    }
    let locked = ask(99).await;
    assert_eq!(locked.status, LOCKED);
    assert!(
        locked.body.contains("вече сме Ви изпратили връзка"),
        "{}",
        locked.body
    );
    let mut owner = world.browser_from(2);
    let path = world.sign_in_path(&mut owner, MARIA).await;
    assert_eq!(owner.post(&path, "").await.status, StatusCode::SEE_OTHER);
    // From all together four times as many.
    for network in 100..105 {
        assert_eq!(ask(network).await.status, StatusCode::OK);
    }
    assert_eq!(ask(105).await.status, LOCKED);
}

#[tokio::test]
async fn an_address_that_nobody_has_takes_as_long() {
    let world = World::with_limits(URL, 1, u32::MAX).await;
    seed::history(&world.store, &world.key).await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    set(&mut browser, GOOD).await;
    let email = email_of(&world, MARIA).await.replace('@', "%40");
    // Closed, so that no hashing hides what else differs, and with a mark to look at.
    let mut stranger = world.browser_from(1);
    stranger.cookies.insert("kvit_known".into(), "x-y".into());
    let token = stranger.get("/").await.form_token();
    common::times::take_as_long([&*email, "nobody%40primer.bg"], async |who| {
        let form = format!("form_token={token}&who={who}&password={OTHER}");
        let path = "/sign-in/password";
        stranger.ask(Method::POST, path, &form, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn staff_take_it_away_with_the_passkeys() {
    let world = world().await;
    let number = common::number(MARIA);
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    set(&mut browser, GOOD).await;
    let event = kvit_store::Event {
        at: kvit_billing::ports::Clock::now(world.clock.as_ref()),
        who: "ana".to_owned(),
        what: "passkeys.removed".to_owned(),
        subject: PasskeyOwner::Customer(number.clone()).to_string(),
        detail: serde_json::json!({}),
    };
    let removed = world.store.remove_passkeys(&number, &event).await;
    assert_eq!(removed.expect("an answer"), 0, "no passkeys");
    let kept = world.store.customer_password(&number).await;
    assert!(kept.expect("an answer").is_none());
    assert!(browser.get("/bills").await.body.contains("id=\"code\""));
    assert!(
        told(&world, MARIA)
            .await
            .contains(&AccessMail::PasswordRemoved)
    );
}

#[tokio::test]
async fn new_passwords_flood_no_mailbox() {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    for turn in 0..5 {
        let done = set(&mut browser, if turn % 2 == 0 { GOOD } else { OTHER }).await;
        assert_eq!(done.header("location"), "/password?done=set", "{turn}");
        world.clock.forward(1);
    }
    let locked = set(&mut browser, OTHER).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(told(&world, MARIA).await.len(), 5);
    // What somebody added is taken away all the same.
    let gone = browser.post_from("/password", "/password/remove", "").await;
    assert_eq!(gone.header("location"), "/password?done=removed");
}
