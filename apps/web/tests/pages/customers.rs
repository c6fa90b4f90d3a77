//! The pages that customers and readers can come upon.

use kvit_store::PasskeyOwner;
use serde_json::json;

use super::{
    common::{self, World, pay, seed},
    eye::Inspector,
};

/// All pages that a customer can come upon.
pub(super) async fn tour(eye: &mut Inspector, world: &World) {
    reminded(eye, world).await;
    let filled = world.filled_path(seed::first_bill(), seed::ANNA);
    for (name, path) in [
        ("home", "/"),
        ("help", "/help"),
        ("privacy", "/privacy"),
        ("check", "/bills"),
        ("ended", "/bills?ended"),
        ("enrol-1", "/enrol?n=1000002"),
        ("paper-ask", "/paper"),
        ("sign-in", "/sign-in"),
        ("sign-in-over", "/sign-in/x"),
        ("sign-in-password", "/sign-in/password"),
        ("verify-not", "/v/x"),
        ("receipt-unknown", "/receipt/x"),
        ("prove-unknown", "/prove/x"),
        ("not-found", "/nowhere"),
        ("verify", &world.verify_path(seed::first_bill())),
        (
            "paper-elsewhere",
            &format!("{}/paper", world.receipt_path()),
        ),
        ("pay", &world.pay_path(seed::first_bill())),
        (
            "pay-back",
            &format!("{}?back=1", world.pay_path(seed::first_bill())),
        ),
        (
            "pay-no-code",
            &format!("{}?nocode", world.pay_path(seed::first_bill())),
        ),
        ("pay-unknown", "/pay/x"),
        ("pay-without-word", "/pay"),
    ] {
        eye.see(name, path).await;
    }
    eye.see("verify-filled", &filled).await;
    eye.print("verify").await;
    paying(eye, world).await;
    eye.see("receipt", &world.receipt_path()).await;
    eye.chrome.follow("main button").await;
    eye.look("receipt-done").await;
    eye.see("receipt-already", &world.receipt_path()).await;
    eye.chrome.go("/").await;
    eye.chrome.follow("main button").await;
    eye.look("check-wrong").await;
    eye.sign_in(world, seed::MARIA).await;
    eye.look("bills").await;
    eye.print("bills").await;
    common::key(world, PasskeyOwner::Customer(common::number(seed::MARIA))).await;
    eye.see("passkeys", "/passkeys").await;
    eye.see("password-none", "/password").await;
    eye.chrome.fill("#new", "parola123").await;
    eye.chrome.fill("#repeated", "parola123").await;
    eye.chrome.follow("main form button").await;
    eye.look("password-wrong").await;
    for field in ["#new", "#repeated"] {
        eye.chrome.fill(field, "три котки на покрива").await;
    }
    eye.chrome.follow("main form button").await;
    eye.look("password-set").await;
    world.clock.forward(11 * 60);
    for (name, path) in [
        ("passkeys-stale", "/passkeys"),
        ("password-stale", "/password"),
        ("readers-stale", "/readers"),
        ("sessions-stale", "/sessions"),
        ("code-by-code", "/code"),
        ("again", "/again?to=passkeys"),
    ] {
        eye.see(name, path).await;
    }
    eye.chrome.follow("main form button").await;
    eye.look("again-wrong").await;
    eye.chrome.fill("#code", &world.code(seed::MARIA)).await;
    eye.chrome.follow("main form button").await;
    eye.chrome.until("location.pathname == '/passkeys'").await;
    eye.chrome.go("/bills").await;
    eye.chrome.follow("form[action='/reminders'] button").await;
    eye.look("bills-without-reminders").await;
    eye.see("payments-none", "/payments").await;
    paid(world).await;
    for (name, path) in [
        ("payments", "/payments"),
        ("usage", "/usage"),
        ("points-one", "/points"),
        ("point-add", "/points/add"),
        ("sessions", "/sessions"),
    ] {
        eye.see(name, path).await;
    }
    eye.chrome.go("/points/add").await;
    eye.chrome.follow("main button").await;
    eye.look("point-add-wrong").await;
    eye.chrome.fill("#number", seed::ANNA).await;
    eye.chrome.fill("#code", &world.code(seed::ANNA)).await;
    eye.chrome.follow("main button").await;
    eye.look("points").await;
    let maria = format!("button[value='{}']", seed::MARIA);
    eye.chrome.follow(&maria).await;
    eye.look("bills-of-several").await;
    let link = world.sign_in_path(&mut world.browser(), seed::MARIA).await;
    eye.chrome.go(&link).await;
    eye.chrome.follow("main button").await;
    eye.see("code", "/code").await;
    eye.see("point-add-keep", "/points/add").await;
    eye.chrome.fill("#number", seed::BORIS).await;
    eye.chrome.fill("#code", &world.code(seed::BORIS)).await;
    eye.chrome.follow("main form button").await;
    eye.look("points-kept").await;
    eye.chrome.follow(&maria).await;
    reading_along(eye, world).await;
    eye.see("year", "/bills?year=2025").await;
    eye.see("year-none", "/bills?year=1999").await;
    eye.see("enrol-change", "/enrol").await;
    eye.see("paper", "/paper").await;
    eye.chrome.follow("main button").await;
    eye.look("paper-done").await;
    eye.see("paper-none", "/paper").await;
    eye.chrome.follow("header form button").await;
    eye.look("left").await;
    eye.chrome.go("/sign-in/password").await;
    eye.chrome.fill("#who", "nobody@primer.bg").await;
    eye.chrome.fill("#password", "x").await;
    eye.chrome.follow("main form button").await;
    eye.look("sign-in-password-wrong").await;
    eye.sign_in(world, seed::BORIS).await;
    eye.look("bills-paper").await;
    eye.see("sessions-kept", "/sessions").await;
    eye.see("enrol-2", "/enrol").await;
    eye.chrome.fill("#email", "boris@").await;
    eye.chrome.follow("main button").await;
    eye.look("enrol-wrong").await;
    eye.chrome.fill("#email", "boris@gmial.com").await;
    eye.chrome.follow("main button").await;
    eye.look("enrol-typo").await;
    eye.chrome.follow("button[name=instead]").await;
    eye.look("sent").await;
    eye.see("bills-pending", "/bills").await;
    let prove = world.prove_path(seed::BORIS).await;
    eye.see("prove", &prove).await;
    eye.chrome.follow("main button").await;
    eye.look("proved").await;
    eye.see("prove-already", &prove).await;
    // In English there is nothing else to see.
    if eye.lang == "bg" {
        without_bills_and_closed(eye, world).await;
    }
    eye.chrome.forget().await;
    eye.chrome.go(&format!("/bills?lang={}", eye.lang)).await;
    for _ in 0..5 {
        eye.chrome.fill("#number", seed::ANNA).await;
        eye.chrome.fill("#code", "00000000").await;
        eye.chrome.follow("main form button").await;
        eye.chrome.until("location.pathname == '/bill/check'").await;
    }
    eye.look("lock").await;
}

/// Who has no bill yet, and one whose account is closed, with the code that came after that.
async fn without_bills_and_closed(eye: &mut Inspector, world: &World) {
    let new = seed::newcomer(&world.store).await;
    eye.chrome.forget().await;
    eye.sign_in(world, new).await;
    eye.look("bills-none").await;
    eye.see("usage-none", "/usage").await;
    seed::closed(&world.store, seed::BORIS).await;
    eye.chrome.forget().await;
    eye.chrome.go("/bills").await;
    let code = world
        .key
        .authorization_code(&common::number(seed::BORIS), 2);
    eye.chrome.fill("#number", seed::BORIS).await;
    eye.chrome.fill("#code", &code.printed()).await;
    eye.chrome.follow("main button").await;
    eye.look("bills-closed").await;
}

/// What the link of a reminder leads to, before and after its address gets bills no more.
async fn reminded(eye: &mut Inspector, world: &World) {
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    seed::remind(&world.store, &world.key).await;
    eye.see("reminders", &world.reminder_path()).await;
    eye.chrome.follow("main button").await;
    eye.look("reminders-done").await;
    eye.see("reminders-already", &world.reminder_path()).await;
    eye.see("reminders-unknown", "/reminders/x").await;
    let now = "2026-11-20T09:30:00Z".parse().expect("a time");
    let anna = common::number(seed::ANNA);
    let ended = world.store.end_enrolment(&anna, now, "paper", json!({}));
    ended.await.expect("a store");
    eye.see("reminders-elsewhere", &world.reminder_path()).await;
}

/// The way to a payment system, and a bill with payments of each kind behind it.
async fn paying(eye: &mut Inspector, world: &World) {
    let page = world.pay_path(seed::first_bill());
    // With its script the browser would be gone before anybody looks.
    eye.chrome.cdp("Network.enable", json!({})).await;
    eye.chrome
        .cdp("Network.setBlockedURLs", json!({"urls": ["*/assets/go-*"]}))
        .await;
    eye.chrome.go(&page).await;
    eye.chrome.follow("main form button").await;
    eye.look("pay-go").await;
    let epay: kvit_pay::ProviderName = "epay".parse().expect("a name");
    world
        .store
        .set_payment_code(&epay, 1, "1234567890")
        .await
        .expect("a code");
    eye.see("pay-ordered", &page).await;
    // Boris' is paid at a desk, with a code and an attempt left over.
    let page = world.pay_path(seed::second_bill());
    for _ in 0..2 {
        eye.chrome.go(&page).await;
        eye.chrome.follow("main form button").await;
    }
    let code = world.store.set_payment_code(&epay, 2, "1234567890");
    code.await.expect("a code");
    let report = pay::ebg(&[
        ("IDN", seed::BORIS),
        ("MERCHANTID", "7"),
        ("TID", "1"),
        ("DATE", "20261120110000"),
        ("TOTAL", "5610"),
        ("TYPE", "BILLING"),
        ("INVOICES", "0000000002"),
    ]);
    let path = format!("/pay/ebg/confirm?{report}");
    world.browser().get(&path).await;
    eye.chrome.go(&page).await;
    eye.chrome.press("summary").await;
    eye.look("pay-paid").await;
}

/// Maria pays, beyond what she owes too, and gets some of it back.
async fn paid(world: &World) {
    for (reference, words, cents) in [
        ("FT1", "0000000003", 12_480),
        ("FT2", "кл. номер 1000003", 500_000),
    ] {
        pay::transferred(world, reference, words, cents).await;
    }
    pay::refunded(world, seed::MARIA, 5_000).await;
}

/// Readers: asked by the customer, who is signed in, and what their mails' links lead to.
async fn reading_along(eye: &mut Inspector, world: &World) {
    for (name, path) in [
        ("readers-none", "/readers"),
        ("join-unknown", "/join/x"),
        ("copy-unknown", "/copy/x"),
    ] {
        eye.see(name, path).await;
    }
    eye.chrome.go("/readers").await;
    eye.chrome.fill("#email", "ana@").await;
    eye.chrome.follow("form.card button.wide").await;
    eye.look("readers-wrong").await;
    eye.chrome
        .fill(
            "#name",
            "Адв. Анна-Мария Константинова-Петрова, счетоводна кантора",
        )
        .await;
    eye.chrome.fill("#email", "ana@gmial.com").await;
    eye.chrome.follow("form.card button.wide").await;
    eye.look("readers-typo").await;
    eye.chrome.follow("button[name=instead]").await;
    eye.look("readers-added").await;
    let join = world.join_path(seed::MARIA).await;
    eye.see("join", &join).await;
    eye.chrome.follow("main button").await;
    eye.look("joined").await;
    eye.see("join-already", &join).await;
    let copy = world.copy_path(seed::MARIA).await;
    eye.see("copy", &copy).await;
    eye.see("bills-with-reader", "/bills").await;
    eye.see("leave", &format!("{copy}/leave")).await;
    eye.chrome.follow("main button").await;
    eye.look("left-copies").await;
    eye.see("join-over", &join).await;
    eye.see("left-already", &copy).await;
}
