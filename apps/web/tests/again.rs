//! What changes how one gets in asks for a proof that is fresh, and its owner is told by mail.

mod common;

use axum::http::StatusCode;
use common::{
    Answer, Browser, World,
    authenticator::Authenticator,
    seed::{self, ANNA, MARIA},
};
use kvit_billing::{AccessMail, DeliveryId, DeliveryKind, Role, code::TokenPurpose};

const URL: &str = "http://localhost:8080";
const OLD_S: i64 = 11 * 60;

fn location(answer: &Answer) -> (StatusCode, &str) {
    (answer.status, answer.header("location"))
}

/// What a customer was told about the ways in.
async fn told(world: &World, customer: &str) -> Vec<AccessMail> {
    let mails = world
        .store
        .deliveries_of_customer(&common::number(customer), 99)
        .await
        .expect("mails");
    let mut told: Vec<_> = mails.iter().filter_map(|mail| mail.id.access()).collect();
    told.reverse();
    told
}

#[tokio::test]
async fn what_changes_the_ways_in_asks_once_more() {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    for page in ["/passkeys", "/readers", "/sessions", "/enrol"] {
        let page = browser.get(page).await;
        assert!(!page.body.contains("again?to="), "{}", page.body);
    }
    world.clock.forward(OLD_S);
    for (page, to) in [
        ("/passkeys", "passkeys"),
        ("/readers", "readers"),
        ("/sessions", "sessions"),
    ] {
        let page = browser.get(page).await;
        let link = format!("again?to={to}");
        assert!(page.body.contains(&link), "{}", page.body);
    }
    let enrol = browser.get("/enrol").await;
    assert_eq!(location(&enrol), (StatusCode::SEE_OTHER, "/again?to=enrol"));
    // A form that was open already has a little longer.
    let form = "email=nov@primer.bg";
    let token = browser.get("/again?to=enrol").await.form_token();
    let late = format!("form_token={token}&{form}");
    let taken = browser.post_from("/bills", "/enrol", form).await;
    assert!(taken.header("location").starts_with("/enrol/sent"));
    world.clock.forward(5 * 60);
    let post = axum::http::Method::POST;
    for (path, to) in [
        ("/enrol", "enrol"),
        ("/readers", "readers"),
        ("/sessions/end", "sessions"),
        ("/passkeys/ask", "passkeys"),
        ("/passkeys", "passkeys"),
    ] {
        let refused = browser.ask(post.clone(), path, &late, &[]).await;
        let to = format!("/again?to={to}");
        assert_eq!(location(&refused), (StatusCode::SEE_OTHER, &*to), "{path}");
    }
    let readers = world.store.readers_of(&common::number(MARIA), 9).await;
    assert!(readers.expect("readers").is_empty());
    let gone = browser.get("/again?to=https://evil.example").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);

    // A wrong code counts like one at the door.
    let before = browser.cookies.clone();
    let again = "/again?to=enrol";
    let wrong = browser
        .post_from(again, "/again", "to=enrol&code=00000000")
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("Кодът не е верен"), "{}", wrong.body);
    let code = world.code(MARIA).replace(' ', "+");
    let form = format!("to=enrol&code={code}");
    let right = browser.post_from(again, "/again", &form).await;
    assert_eq!(location(&right), (StatusCode::SEE_OTHER, "/enrol"));
    assert_ne!(browser.cookies, before, "a new token");
    let mut thief = world.browser();
    thief.cookies = before;
    assert!(thief.get("/bills").await.body.contains("id=\"code\""));
    assert_eq!(browser.get("/enrol").await.status, StatusCode::OK);
    let known = browser.get(again).await;
    assert_eq!(location(&known), (StatusCode::SEE_OTHER, "/enrol"));
    // It lasts no longer for that.
    world.clock.forward(15 * 60);
    assert!(browser.get("/bills").await.body.contains("id=\"code\""));
}

#[tokio::test]
async fn a_link_goes_on_where_the_browser_was() {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    let code = world.code(ANNA).replace(' ', "+");
    let form = format!("number={ANNA}&code={code}");
    browser.post_from("/points/add", "/points/add", &form).await;
    let form = format!("number={MARIA}");
    browser.post_from("/points", "/points", &form).await;
    world.clock.forward(OLD_S);
    let page = browser.get("/again?to=passkeys").await;
    assert!(page.body.contains("m•"), "{}", page.body);
    let from = "/again?to=passkeys";
    let sent = browser.post_from(from, "/again/link", "to=passkeys").await;
    assert_eq!(sent.status, StatusCode::OK);
    let link = world.link_path(MARIA, 0).await;
    let pressed = browser.post_from(&link, &link, "").await;
    assert_eq!(location(&pressed), (StatusCode::SEE_OTHER, "/passkeys"));
    let page = browser.get("/points").await;
    assert!(page.body.contains(ANNA), "the other number stays");
    assert!(!browser.get("/passkeys").await.body.contains("again?to="));
    // Anna's number was not proven by it.
    let form = format!("number={ANNA}");
    browser.post_from("/points", "/points", &form).await;
    assert!(browser.get("/passkeys").await.body.contains("again?to="));
}

#[tokio::test]
async fn owners_are_told_of_keys_and_addresses() {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    let mut browser = world.browser();
    browser.sign_in(&world, MARIA).await;
    let mut device = Authenticator::new(URL, 1);
    let asked = browser.post_from("/passkeys", "/passkeys/ask", "").await;
    let asked = serde_json::from_str(&asked.body).expect("JSON");
    let answer = |text: String| {
        let text: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        format!("answer={text}")
    };
    let form = answer(device.create(&asked));
    browser.post_from("/passkeys", "/passkeys", &form).await;
    assert_eq!(told(&world, MARIA).await, [AccessMail::PasskeyAdded]);

    // The key proves its own number, and no other.
    world.clock.forward(OLD_S);
    let from = "/again?to=passkeys";
    let ask = async |browser: &mut Browser, device: &mut Authenticator| {
        let asked = browser.post_from(from, "/again/passkey/ask", "").await;
        let asked = serde_json::from_str(&asked.body).expect("JSON");
        format!("next=passkeys&{}", answer(device.get(&asked)))
    };
    let form = ask(&mut browser, &mut device).await;
    let proven = browser.post_from(from, "/again/passkey", &form).await;
    assert_eq!(location(&proven), (StatusCode::SEE_OTHER, "/passkeys"));
    let mut other = world.browser();
    other.sign_in(&world, ANNA).await;
    world.clock.forward(OLD_S);
    let form = ask(&mut other, &mut device).await;
    let refused = other.post_from(from, "/again/passkey", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = ask(&mut browser, &mut device).await;
    browser.post_from(from, "/again/passkey", &form).await;

    let id = hex::encode(&device.id);
    let form = format!("what=remove&id={id}");
    browser
        .post_from("/passkeys", "/passkeys/change", &form)
        .await;
    let removed = [AccessMail::PasskeyAdded, AccessMail::PasskeyRemoved];
    assert_eq!(told(&world, MARIA).await, removed);
    assert!(told(&world, ANNA).await.is_empty());

    // The address that got the bills until now is told that another gets them.
    browser
        .post_from("/enrol", "/enrol", "email=nov@primer.bg")
        .await;
    let waits = world.store.waiting_enrolment(&common::number(MARIA)).await;
    let waits = waits.expect("an answer").expect("a change of address");
    let purpose = TokenPurpose::ProveAddress;
    let token = world.key.token(purpose, waits.id.as_str());
    let prove = format!("/prove/{}", token.expose());
    browser.post_from(&prove, &prove, "").await;
    let mails = world
        .store
        .deliveries_of_customer(&common::number(MARIA), 99)
        .await
        .expect("mails");
    let moved = |id: &DeliveryId| id.access() == Some(AccessMail::AddressChanged);
    let mail = mails.iter().find(|mail| moved(&mail.id)).expect("a mail");
    let to = mail.email.as_ref().expect("an address").expose();
    assert_ne!(to, "nov@primer.bg");
    assert_eq!(mail.id.kind(), DeliveryKind::Access);
}

#[tokio::test]
async fn staff_prove_once_more_too() {
    let world = World::new(URL).await;
    world.hire("admin", Role::Administrator).await;
    world.hire("ana", Role::Agent).await;
    let mut browser = world.browser();
    browser.sign_in_staff("admin").await;
    for page in ["/staff/passkeys", "/staff/people"] {
        let page = browser.get(page).await;
        assert!(!page.body.contains("sign-in?again"), "{}", page.body);
    }
    world.clock.forward(OLD_S);
    for page in ["/staff/passkeys", "/staff/people"] {
        let page = browser.get(page).await;
        assert!(page.body.contains("sign-in?again"), "{}", page.body);
    }
    let first = "/staff/sign-in?again&next=/staff/password";
    let password = browser.get("/staff/password").await;
    assert_eq!(location(&password), (StatusCode::SEE_OTHER, first));
    world.clock.forward(5 * 60);
    for (path, form, page) in [
        ("/staff/people", "login=new", "/staff/people"),
        ("/staff/people/ana", "what=reset&sure=1", "/staff/people"),
        ("/staff/people/ana", "what=disable&sure=1", "/staff/people"),
        ("/staff/passkeys/ask", "", "/staff/passkeys"),
        (
            "/staff/passkeys/change",
            "what=remove&id=00",
            "/staff/passkeys",
        ),
        ("/staff/password", "old=x", "/staff/password"),
    ] {
        let refused = browser.post(path, form).await;
        let to = format!("/staff/sign-in?again&next={page}");
        assert_eq!(location(&refused), (StatusCode::SEE_OTHER, &*to), "{path}");
    }
    let name = "ana".parse().expect("a name");
    let ana = world.store.staff_member(&name).await;
    let ana = ana.expect("an answer").expect("ana");
    assert_eq!((ana.totp_generation, ana.disabled_at), (1, None));

    let page = browser.get("/staff/sign-in?again&next=/staff/people").await;
    assert!(page.body.contains("value=\"admin\""), "{}", page.body);
    assert!(page.body.contains("Потвърдете, че сте Вие"));
    let form = format!(
        "login=admin&password={}&next=/staff/people",
        common::PASSWORD.replace(' ', "+")
    );
    let again = browser.post("/staff/sign-in", &form).await;
    assert_eq!(location(&again), (StatusCode::SEE_OTHER, "/staff/people"));
    let page = browser.get("/staff/people").await;
    assert!(!page.body.contains("sign-in?again"), "{}", page.body);
}

#[tokio::test]
async fn staff_see_where_they_are_signed_in_and_end_it() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    world.hire("admin", Role::Administrator).await;
    let [mut here, mut there, mut left] = [world.browser(), world.browser(), world.browser()];
    for browser in [&mut here, &mut there, &mut left] {
        browser.sign_in_staff("ana").await;
    }
    let mut admin = world.browser();
    admin.sign_in_staff("admin").await;
    let open = async |browser: &mut Browser| {
        browser.get("/staff/customers").await.status == StatusCode::OK
    };
    let page = here.get("/staff/sessions").await;
    assert_eq!(
        page.body.matches("<p class=\"soft\">С парола").count(),
        3,
        "{}",
        page.body
    );
    let mark = "name=\"which\" value=\"";
    let which = page.body.split(mark).nth(1).expect("another session");
    let which = which.split('"').next().expect("its name").to_owned();
    // Another's session, or none, is not ended.
    admin
        .post("/staff/sessions", &format!("which={which}"))
        .await;
    here.post("/staff/sessions", "which=0000").await;
    assert!(open(&mut there).await && open(&mut left).await);
    world.clock.forward(16 * 60);
    let stale = here
        .post("/staff/sessions", &format!("which={which}"))
        .await;
    let first = "/staff/sign-in?again&next=/staff/sessions";
    assert_eq!(location(&stale), (StatusCode::SEE_OTHER, first));
    here.sign_in_staff("ana").await;
    here.post("/staff/sessions", &format!("which={which}"))
        .await;
    let still = [open(&mut there).await, open(&mut left).await];
    assert_eq!(still.iter().filter(|open| **open).count(), 1, "one of both");
    here.post("/staff/sessions", "which=others").await;
    assert!(!open(&mut there).await && !open(&mut left).await && open(&mut here).await);
    // An administrator ends the rest, at the second press.
    admin.sign_in_staff("admin").await;
    let people = admin.get("/staff/people").await;
    assert!(
        people.body.contains("Влязъл на едно място"),
        "{}",
        people.body
    );
    let sure = admin.post("/staff/people/ana", "what=end").await;
    assert!(
        sure.body.contains("Затвори достъпа навсякъде"),
        "{}",
        sure.body
    );
    assert!(open(&mut here).await);
    admin.post("/staff/people/ana", "what=end&sure=1").await;
    assert!(!open(&mut here).await);
    let trail = world.store.events("staff/ana", 99).await.expect("a trail");
    let ended = trail
        .iter()
        .filter(|event| event.what == "staff.sessions-ended");
    let mut who: Vec<_> = ended.map(|event| event.who.as_str()).collect();
    who.sort_unstable();
    assert_eq!(who, ["admin", "ana", "ana"]);
    here.sign_in_staff("ana").await;
    assert!(open(&mut here).await);
}
