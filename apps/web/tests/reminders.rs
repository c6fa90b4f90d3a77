//! Who wants no reminders says so by one press, in a mail or beside the bills.

mod common;

use axum::http::{Method, StatusCode};
use common::{World, seed};
use kvit_billing::DeliveryKind;

const URL: &str = "http://localhost:8080";

async fn wants(world: &World) -> bool {
    let anna = common::number(seed::ANNA);
    world
        .store
        .wants_mails(&anna, kvit_store::MailTopic::Reminders)
        .await
        .expect("an answer")
}

/// Anna has e-bills, and was reminded of one.
async fn reminded() -> (World, String) {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    seed::remind(&world.store, &world.key).await;
    let path = world.reminder_path();
    (world, path)
}

#[tokio::test]
async fn the_link_of_a_reminder_ends_them_by_one_press() {
    for (lang, button, done, already) in [
        (
            "bg",
            "Не искам повече напомняния",
            "Готово, няма да Ви напомняме",
            "Напомнянията вече са спрени",
        ),
        (
            "en",
            "Do not remind me any more",
            "Done, no more reminders",
            "Reminders are off already",
        ),
    ] {
        let (world, path) = reminded().await;
        let mut mail = world.browser();
        for method in [Method::GET, Method::HEAD] {
            mail.ask(method, &path, "", &[]).await;
        }
        let page = mail.get(&format!("{path}?lang={lang}")).await;
        assert!(page.body.contains(button), "{}", page.body);
        assert!(wants(&world).await, "looking changes nothing");
        let foreign = [("sec-fetch-site", "cross-site")];
        let refused = mail.ask(Method::POST, &path, "", &foreign).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let page = mail.ask(Method::POST, &path, "", &[]).await;
        assert!(page.body.contains(done), "{}", page.body);
        assert!(!wants(&world).await);
        for method in [Method::GET, Method::POST] {
            let page = mail.ask(method, &path, "", &[]).await;
            assert!(page.body.contains(already), "{}", page.body);
        }
        let anna = common::number(seed::ANNA);
        let facts = world.store.mail_choices(&anna, 9).await.expect("facts");
        assert_eq!(facts.len(), 1, "one press, one fact");
        let delivery = facts[0].evidence["delivery"].as_str();
        assert!(delivery.is_some_and(|id| id.starts_with("remind-")));
    }
}

#[tokio::test]
async fn an_old_address_does_not_speak_for_the_new_one() {
    let (world, path) = reminded().await;
    seed::enrol(&world.store, seed::ANNA, "nova@primer.bg").await;
    let mut old = world.browser();
    for method in [Method::GET, Method::POST] {
        let page = old.ask(method, &path, "", &[]).await;
        assert!(
            page.body
                .contains("Напомнянията вече не идват на този имейл")
        );
    }
    assert!(wants(&world).await);
    let lost = old.get("/reminders/0123456789abcdef0123456789abcdef").await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    assert!(lost.body.contains("Не познаваме тази връзка"));
}

#[tokio::test]
async fn the_switch_beside_the_bills_turns_them_off_and_on() {
    for (lang, on, off) in [
        ("bg", "Искам напомняния", "Не искам напомняния"),
        ("en", "Please remind me", "No reminders, please"),
    ] {
        let (world, _) = reminded().await;
        let mut anna = world.browser();
        anna.get(&format!("/?lang={lang}")).await;
        let stranger = anna.post("/reminders", "wanted=off&about=reminders").await;
        assert_eq!(stranger.header("location"), "/bills?ended");
        assert!(wants(&world).await);
        anna.sign_in(&world, seed::ANNA).await;
        let page = anna.get("/bills").await.body;
        assert!(
            page.contains(off) && page.contains("value=\"off\""),
            "{page}"
        );
        let forged = anna.ask(
            Method::POST,
            "/reminders",
            "wanted=off&about=reminders",
            &[],
        );
        assert_eq!(forged.await.status, StatusCode::FORBIDDEN);
        let odd = anna.post("/reminders", "wanted=perhaps").await;
        assert_eq!(odd.header("location"), "/bills");
        assert!(wants(&world).await);
        for _ in 0..2 {
            anna.post("/reminders", "wanted=off&about=reminders").await;
        }
        assert!(!wants(&world).await);
        let page = anna.get("/bills").await.body;
        assert!(page.contains(on) && page.contains("value=\"on\""), "{page}");
        anna.post("/reminders", "wanted=on&about=reminders").await;
        assert!(wants(&world).await);
    }
    // Whose bills are paper has nothing to turn off.
    let world = World::new(URL).await;
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    assert!(!boris.get("/bills").await.body.contains("/reminders"));
}

#[tokio::test]
async fn staff_see_reminders_and_what_was_said_about_them() {
    let (world, path) = reminded().await;
    world.hire("ana", kvit_billing::Role::Agent).await;
    let now = "2026-11-20T10:00:00Z".parse().expect("a time");
    seed::deliver_all(&world.store, now).await;
    let anna = common::number(seed::ANNA);
    let mails = world.store.deliveries_of_customer(&anna, 9).await;
    let mails = mails.expect("deliveries");
    let reminders = mails
        .iter()
        .filter(|mail| mail.id.kind() == DeliveryKind::Reminder);
    assert_eq!(reminders.count(), 1);
    world.browser().ask(Method::POST, &path, "", &[]).await;
    let mut staff = world.browser();
    staff.sign_in_staff("ana").await;
    let page = format!("/staff/customers/{}", seed::ANNA);
    let page = staff.get(&page).await.body;
    for said in [
        "Напомнянето за сметка № 0000000001 е прието от пощата на клиента",
        "Спря напомнянията за неплатени сметки",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}
