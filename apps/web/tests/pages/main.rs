//! Every page, in Chromium: both languages, light and dark, on a telephone and on a desk. No page
//! scrolls sideways, none is heavy, none asks for anything elsewhere, and axe-core finds nothing. Nor is one forgotten:
//! each template is looked at.
//!
//! `KVIT_SCREENS=FOLDER` also keeps pictures of them all.

#[path = "../common/mod.rs"]
mod common;
mod console;
mod customers;
mod eye;
mod forgotten;
mod money;
mod slow;
mod upkeep;

use axum::http::Method;
use common::{World, autopay, chrome::Chrome, pay, seed};
use kvit_billing::{Role, code::TokenPurpose};
use serde_json::json;

use console::console;
use customers::tour;
use eye::{Inspector, axe};
use forgotten::Tour;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_fit_for_everybody() {
    customers("bg").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_fit_for_everybody_in_english() {
    customers("en").await;
}

async fn customers(lang: &'static str) {
    let Some(axe) = axe() else { return };
    let (world, url) = World::served_with(forgotten::named()).await;
    seed::history(&world.store, &world.key).await;
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.visit(&url).await;
    let mut eye = Inspector::new(chrome, &axe, lang).await;
    eye.chrome.go(&format!("/?lang={lang}")).await;
    tour(&mut eye, &world).await;
    forgotten::none(&mut eye, Tour::Customers);
    assert!(eye.faults.is_empty(), "{}", eye.faults.join("\n"));
}

/// The console has a tour of its own, the longest: tests begin in the order of their names, and this one goes on beside
/// all others. Its English is seen on a few pages:
/// that no text is missing is a test of `texts`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_page_of_the_console_is_fit_for_everybody() {
    let Some(axe) = axe() else { return };
    let (world, url) = World::served_with(forgotten::named()).await;
    seed::history(&world.store, &world.key).await;
    for role in Role::ALL {
        world.hire(role.as_str(), role).await;
    }
    seed::warned(&world.store, "2026-11-b2", "ivan").await;
    seed::rejected(&world.store, "2026-11-bad").await;
    for (transaction, cents) in [("2026112000001", "4250"), ("2026112000002", "18860")] {
        let query = pay::ebg(&[
            ("IDN", "7777777"),
            ("MERCHANTID", "7"),
            ("TID", transaction),
            ("DATE", "20261120110000"),
            ("TOTAL", cents),
            ("TYPE", "DEPOSIT"),
        ]);
        let path = format!("/pay/ebg/confirm?{query}");
        world.browser().get(&path).await;
    }
    pay::transferred(&world, "FT2611200042", "за тока на баба, ноември", 4250).await;
    let expired = pay::epay("INVOICE=77:STATUS=EXPIRED");
    world
        .browser()
        .ask(Method::POST, "/pay/epay/notify", &expired, &[])
        .await;
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.visit(&url).await;
    let mut eye = Inspector::new(chrome, &axe, "bg").await;
    console(&mut eye, &world).await;
    forgotten::none(&mut eye, Tour::Console);
    assert!(eye.faults.is_empty(), "{}", eye.faults.join("\n"));
}

/// Movement makes some people ill, and no page needs any: so there is none that they would have to turn off.
#[test]
fn nothing_moves() {
    for css in [
        include_str!("../../assets/app.css"),
        include_str!("../../assets/staff.css"),
    ] {
        for moves in ["transition", "animation", "@keyframes", "scroll-behavior"] {
            assert!(!css.contains(moves), "{moves}");
        }
    }
}

/// Paying several bills at once: the choice, none and all of it, the way there, and where it stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_paying_together_is_fit_for_everybody() {
    let Some(axe) = axe() else { return };
    let (world, url) = World::served_with(forgotten::named()).await;
    seed::history_of(&world.store, &world.key, 3).await;
    for who in [seed::ANNA, seed::MARIA] {
        seed::enrol(&world.store, who, "semeystvo@primer.bg").await;
    }
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.visit(&url).await;
    let mut eye = Inspector::new(chrome, &axe, "bg").await;
    eye.sign_in(&world, seed::MARIA).await;
    eye.look("bills-to-pay-at-once").await;
    eye.see("pay-all-of-one", "/pay/all?number=1000003").await;
    let link = world.sign_in_path(&mut world.browser(), seed::ANNA).await;
    eye.chrome.go(&link).await;
    eye.chrome.follow("main button").await;
    eye.see("points-to-pay-at-once", "/points").await;
    for lang in ["en", "bg"] {
        eye.lang = lang;
        eye.see("pay-all", &format!("/pay/all?lang={lang}")).await;
        eye.see("pay-all-none", "/pay/all?chosen=1").await;
        eye.chrome.go("/pay/all").await;
        eye.chrome.follow("main form button").await;
        eye.look("pay-all-go").await;
    }
    // With its script the browser would be gone.
    eye.chrome.cdp("Network.enable", json!({})).await;
    let kept_back = json!({"urls": ["*/assets/go-*"]});
    eye.chrome.cdp("Network.setBlockedURLs", kept_back).await;
    eye.chrome.follow("button[value='epay.card']").await;
    let epay: kvit_pay::ProviderName = "epay".parse().expect("a name");
    let begun = world.store.payment(&epay, 1).await.expect("an answer");
    let begun = begun.expect("a payment");
    let name = format!("{epay}/{}", begun.number);
    let token = world.key.token(TokenPurpose::Pay, &name);
    let page = format!("/pay/{epay}.{}-{}", begun.number, token.expose());
    eye.see("pay-order-started", &page).await;
    eye.see("pay-all-under-way", "/pay/all").await;
    let code = world.store.set_payment_code(&epay, 1, "1234567890");
    code.await.expect("a store");
    eye.see("pay-order-code", &page).await;
    let paid = pay::epay("INVOICE=1:STATUS=PAID:STAN=1:BCODE=A");
    world
        .browser()
        .ask(Method::POST, "/pay/epay/notify", &paid, &[])
        .await;
    eye.see("pay-order-paid", &page).await;
    eye.see("pay-all-nothing", "/pay/all").await;
    eye.see("payments-together", "/payments").await;
    forgotten::none(&mut eye, Tour::PayingTogether);
    assert!(eye.faults.is_empty(), "{}", eye.faults.join("\n"));
}

/// Autopay, for the customer and in the console.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_autopay_is_fit_for_everybody() {
    let Some(axe) = axe() else { return };
    let (world, url) = World::served_with(forgotten::named()).await;
    for (login, role) in [("vera", Role::Billing), ("billing", Role::Billing)] {
        world.hire(login, role).await;
    }
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    chrome.visit(&url).await;
    let mut eye = Inspector::new(chrome, &axe, "bg").await;
    eye.sign_in(&world, seed::ANNA).await;
    eye.see("autopay-needs-mail", "/autopay").await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    eye.see("autopay-form", "/autopay").await;
    eye.lang = "en";
    eye.see("autopay-form", "/autopay?lang=en").await;
    eye.lang = "bg";
    eye.chrome.go("/autopay?lang=bg").await;
    eye.chrome
        .fill("#iban", "BG80 BNBG 9661 1020 3456 79")
        .await;
    eye.chrome.follow("form.card button.wide").await;
    eye.look("autopay-wrong").await;
    autopay::announced(&world).await;
    eye.sign_in(&world, seed::ANNA).await;
    eye.see("autopay-on", "/autopay").await;
    eye.see("bills-autopay", "/bills").await;
    eye.see("pay-collected", &world.pay_path(seed::first_bill()))
        .await;
    for login in ["vera", "billing"] {
        eye.sign_in_staff(login).await;
        eye.see("staff-debits", "/staff/debits").await;
        if login == "vera" {
            eye.chrome
                .follow("form[action='/staff/debits'] button")
                .await;
            eye.look("staff-debit-prepared").await;
            eye.chrome.follow("header form button").await;
        }
    }
    eye.see("staff-debit-approve", "/staff/debits/1").await;
    eye.chrome.follow("button[value=approve]").await;
    eye.look("staff-debit-approved").await;
    let now = kvit_billing::ports::Clock::now(world.clock.as_ref());
    let refused = [autopay::refusal()];
    let told = world.store.refuse_debits("aa", &refused, now).await;
    told.expect("told");
    eye.see("staff-debits-people", "/staff/debits").await;
    eye.chrome
        .follow("form[action='/staff/debits/seen'] button")
        .await;
    eye.look("staff-debit-wrong").await;
    eye.lang = "en";
    eye.see("staff-debits-people", "/staff/debits?lang=en")
        .await;
    forgotten::none(&mut eye, Tour::Autopay);
    assert!(eye.faults.is_empty(), "{}", eye.faults.join("\n"));
}
