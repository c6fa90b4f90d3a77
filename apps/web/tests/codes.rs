//! A customer's code is changed: by themselves after a link, by staff for whom they recognised. What it opened ends.
//! And mails that a customer may do without are turned off and on by both.

mod common;

use axum::http::StatusCode;
use common::{
    Browser, World,
    seed::{self, BORIS, MARIA},
};
use kvit_billing::{AccessMail, Role, ports::Clock};
use kvit_store::{EnrolmentState, MailTopic};

const URL: &str = "http://localhost:8080";

async fn world() -> World {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    world
}

async fn generation(world: &World, customer: &str) -> u32 {
    let found = world.store.customer(&common::number(customer)).await;
    let found = found.expect("an answer").expect("a customer");
    found.code_generation
}

/// Whether number and this code open the bills.
async fn opens(world: &World, customer: &str, code: &str) -> bool {
    let code = code.replace(' ', "+");
    let form = format!("number={customer}&code={code}");
    let answer = world.browser().post("/bill/check", &form).await;
    answer.status == StatusCode::SEE_OTHER
}

#[tokio::test]
async fn whoever_has_only_the_code_does_not_change_it() {
    let world = world().await;
    let mut by_code = world.browser();
    by_code.sign_in(&world, MARIA).await;
    let page = by_code.get("/code").await;
    assert!(page.body.contains("влезте с връзка по имейл"));
    assert!(!page.body.contains("Смени кода"), "{}", page.body);
    let refused = by_code.post_from("/code", "/code", "").await;
    assert_eq!(refused.header("location"), "/code");
    assert_eq!(generation(&world, MARIA).await, 1);

    let mut by_link = world.browser();
    let path = world.sign_in_path(&mut by_link, MARIA).await;
    by_link.post_from(&path, &path, "").await;
    let old = world.code(MARIA);
    assert!(opens(&world, MARIA, &old).await);
    let done = by_link.post_from("/code", "/code", "").await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.body.contains("Кодът е сменен"), "{}", done.body);
    assert_eq!(generation(&world, MARIA).await, 2);
    assert!(!opens(&world, MARIA, &old).await);
    for browser in [&mut by_code, &mut by_link] {
        assert!(browser.get("/bills").await.body.contains("id=\"code\""));
    }
    let number = common::number(MARIA);
    let new = world.key.authorization_code(&number, 2).printed();
    assert!(!done.body.contains(&new), "nobody is shown it");
    assert!(opens(&world, MARIA, &new).await);
    let mails = world.store.deliveries_of_customer(&number, 99).await;
    let mails = mails.expect("mails");
    let told = |what| mails.iter().any(|mail| mail.id.access() == Some(what));
    assert!(told(AccessMail::CodeChanged));
    // The way in that is left: the address is still the customer's.
    let mut again = world.browser();
    let path = world.sign_in_path(&mut again, MARIA).await;
    let pressed = again.post_from(&path, &path, "").await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER);
}

/// The square code of an older bill still has the old code.
#[tokio::test]
async fn a_scanned_code_that_was_changed_is_told_as_such_and_counts_as_typed() {
    let world = world().await;
    let mut by_link = world.browser();
    let path = world.sign_in_path(&mut by_link, MARIA).await;
    by_link.post_from(&path, &path, "").await;
    let old = world.code(MARIA).replace(' ', "");
    by_link.post_from("/code", "/code", "").await;
    let mut phone = world.browser();
    let mut scan = async |number: &str| {
        let form = format!("number={number}&code={old}&scanned=yes&next=enrol");
        phone.post("/bill/check", &form).await
    };
    let told = scan(MARIA).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        told.body.contains("кода от последната си сметка"),
        "{}",
        told.body
    );
    assert!(told.body.contains(&format!("value=\"{MARIA}\"")));
    assert!(!told.body.contains(&old));
    // Whether a number exists, and whether a code ever was its own, does not show.
    let unknown = scan("7777777").await;
    assert_eq!(told.body.replace(MARIA, "7777777"), unknown.body);
    for _ in 0..3 {
        assert_eq!(scan(MARIA).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(scan(MARIA).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_clerk_changes_the_code_of_who_showed_a_document() {
    let world = world().await;
    world.hire("ana", Role::Agent).await;
    world.hire("eva", Role::Clerk).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    // A thief with Boris's bill has asked for it by mail.
    let mut thief = world.browser();
    thief.sign_in(&world, BORIS).await;
    thief
        .post_from("/enrol", "/enrol", "email=thief@primer.bg")
        .await;
    let prove = world.prove_path(BORIS).await;
    let path = format!("/staff/customers/{BORIS}");
    let early = ana.post(&format!("{path}/code"), "").await;
    assert_eq!(generation(&world, BORIS).await, 1, "{}", early.status);
    let page = ana.get(&path).await;
    let entry = page.body.split("name=\"entry\" value=\"").nth(1);
    let entry = &entry.expect("an entry")[..32];
    let old = world.code(BORIS);
    let form = format!("entry={entry}&reference=7&code={}", old.replace(' ', "+"));
    let seen = ana.post(&format!("{path}/contact"), &form).await;
    assert!(seen.header("location").contains("call="), "{}", seen.body);
    let sure = ana.get(&format!("{path}/code?call={entry}")).await;
    assert!(sure.body.contains("разпознат само по кода"));
    assert!(!sure.body.contains("name=\"generation\""));
    let by_phone = format!("call={entry}&generation=1");
    ana.post(&format!("{path}/code"), &by_phone).await;
    assert_eq!(generation(&world, BORIS).await, 1, "by the code alone");

    let mut eva = world.browser();
    eva.sign_in_staff("eva").await;
    let page = eva.get(&path).await;
    let entry = page.body.split("name=\"entry\" value=\"").nth(1);
    let entry = &entry.expect("an entry")[..32];
    let form = format!("entry={entry}&document=1");
    eva.post(&format!("{path}/contact"), &form).await;
    let sure = eva.get(&format!("{path}/code?call={entry}")).await;
    assert!(sure.body.contains("до следващата той не може да влезе"));
    assert_eq!(
        generation(&world, BORIS).await,
        1,
        "looking changes nothing"
    );
    assert!(sure.body.contains("name=\"generation\" value=\"1\""));
    let form = format!("call={entry}&generation=1");
    let done = eva.post(&format!("{path}/code"), &form).await;
    assert!(done.header("location").ends_with("done=code"));
    assert_eq!(generation(&world, BORIS).await, 2);
    let twice = eva.post(&format!("{path}/code"), &form).await;
    assert!(twice.header("location").ends_with("done=outdated"));
    assert_eq!(generation(&world, BORIS).await, 2, "the form sent twice");
    assert!(!opens(&world, BORIS, &old).await);
    assert!(thief.get("/bills").await.body.contains("id=\"code\""));
    // What the thief waits for has ended as well.
    thief.post(&prove, "").await;
    let state = world.store.enrolment_of(&common::number(BORIS)).await;
    assert!(matches!(state, Ok(EnrolmentState::None)));
    let trail = world.store.events(&format!("customer/{BORIS}"), 99).await;
    let trail = trail.expect("a trail");
    let changed = |event: &&kvit_store::Event| event.what == "customer.code-changed";
    let event = trail.iter().find(changed).expect("an event");
    assert_eq!(event.who, "eva");
    let new = world.key.authorization_code(&common::number(BORIS), 2);
    let page = eva.get(done.header("location")).await;
    assert!(!page.body.contains(&new.printed()));
}

#[tokio::test]
async fn a_browser_is_known_by_the_code_of_today() {
    let world = world().await;
    let mut known = world.browser();
    known.sign_in(&world, MARIA).await;
    known.post("/logout", "").await;
    let guess = async |browser: &mut Browser| {
        let form = format!("number={MARIA}&code=00000000");
        browser.post("/bill/check", &form).await.status
    };
    let mut stranger = world.browser();
    for _ in 0..5 {
        guess(&mut stranger).await;
    }
    let locked = StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(guess(&mut stranger).await, locked);
    assert_eq!(guess(&mut known).await, StatusCode::UNPROCESSABLE_ENTITY);
    let number = common::number(MARIA);
    let changed = kvit_store::Event {
        at: world.clock.now(),
        who: "operator".to_owned(),
        what: "customer.code-changed".to_owned(),
        subject: format!("customer/{MARIA}"),
        detail: serde_json::json!({}),
    };
    let evidence = serde_json::json!({});
    let changed = world.store.change_code((&number, 1), &evidence, &changed);
    assert!(changed.await.expect("an answer").is_some());
    assert_eq!(
        guess(&mut known).await,
        locked,
        "it showed the code of before"
    );
}

#[tokio::test]
async fn mails_about_payments_are_turned_off_by_customer_and_staff() {
    let world = world().await;
    world.hire("ana", Role::Agent).await;
    let wants = async |about| {
        let wants = world.store.wants_mails(&common::number(MARIA), about).await;
        wants.expect("an answer")
    };
    let mut maria = world.browser();
    maria.sign_in(&world, MARIA).await;
    assert!(
        maria
            .get("/bills")
            .await
            .body
            .contains("Не искам писма за плащанията")
    );
    let form = "wanted=off&about=payments";
    maria.post_from("/bills", "/reminders", form).await;
    assert!(!wants(MailTopic::Payments).await && wants(MailTopic::Reminders).await);
    assert!(
        maria
            .get("/bills")
            .await
            .body
            .contains("Искам писма за плащанията")
    );
    for odd in ["wanted=on&about=bills", "wanted=on", "about=payments"] {
        maria.post_from("/bills", "/reminders", odd).await;
    }
    assert!(!wants(MailTopic::Payments).await);

    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{MARIA}");
    let mails = format!("{path}/mails");
    let page = ana.get(&path).await;
    assert!(page.body.contains("Не иска писма за плащанията"));
    assert!(
        !page.body.contains("С писма за плащанията"),
        "not recognised yet"
    );
    ana.post(&mails, "about=payments&wanted=on").await;
    assert!(!wants(MailTopic::Payments).await);
    let entry = page.body.split("name=\"entry\" value=\"").nth(1);
    let entry = &entry.expect("an entry")[..32];
    let code = world.code(MARIA).replace(' ', "+");
    let form = format!("entry={entry}&reference=7&code={code}");
    ana.post(&format!("{path}/contact"), &form).await;
    let form = format!("call={entry}&about=payments&wanted=on");
    let done = ana.post(&mails, &form).await;
    assert!(done.header("location").ends_with("done=mails"));
    assert!(wants(MailTopic::Payments).await);
    let page = ana.get(done.header("location")).await;
    assert!(
        page.body.contains("Клиентът поиска писма за плащанията"),
        "the history"
    );
    let trail = world.store.events(&format!("customer/{MARIA}"), 99).await;
    let trail = trail.expect("a trail");
    assert!(
        trail
            .iter()
            .any(|event| event.what == "customer.mails-chosen" && event.who == "ana")
    );
}
