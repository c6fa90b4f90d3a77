//! Autopay in the portal: a customer gives a mandate, sees it, and ends it by one press.

mod common;

use axum::http::{Method, StatusCode};
use common::{Answer, Browser, World, autopay, seed};
use kvit_pay::params::encode;

const URL: &str = "http://localhost:8080";
const IBAN: &str = "de89 3704 0044 0532 0130 00";

async fn anna(world: &World, lang: &str) -> Browser {
    let mut browser = world.browser();
    browser.get(&format!("/?lang={lang}")).await;
    browser.sign_in(world, seed::ANNA).await;
    browser
}

/// The hash of the text that the page shows.
fn text(page: &str) -> String {
    let mark = "name=\"text\" value=\"";
    let from = page.find(mark).expect("the form") + mark.len();
    page[from..].split('"').next().expect("text").to_owned()
}

async fn give(browser: &mut Browser, iban: &str, holder: &str, text: &str) -> Answer {
    let form = encode([("iban", iban), ("holder", holder), ("text", text)]);
    browser.post("/autopay", &form).await
}

#[tokio::test]
async fn autopay_is_turned_on_and_off() {
    for (lang, on, off, wrong, needs) in [
        (
            "bg",
            "Автоматичното плащане е включено",
            "Автоматичното плащане е изключено",
            "Въведете IBAN без грешка",
            "първо включете сметки по имейл",
        ),
        (
            "en",
            "Autopay is on",
            "Autopay is off",
            "Enter an IBAN without a slip",
            "first turn on bills by e-mail",
        ),
    ] {
        let world = World::new(URL).await;
        let mut stranger = world.browser();
        assert_eq!(
            stranger.get("/autopay").await.header("location"),
            "/bills?ended"
        );
        let given = give(&mut stranger, IBAN, "Анна", "").await;
        assert_eq!(given.header("location"), "/bills?ended");
        let mut anna = anna(&world, lang).await;
        let page = anna.get("/autopay").await.body;
        assert!(
            page.contains(needs.split_at(needs.find(' ').unwrap_or(0)).1.trim()),
            "{page}"
        );
        seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
        let page = anna.get("/autopay").await.body;
        let shown = text(&page);
        assert!(page.contains("DE98ZZZ09999999999"), "{page}");
        // All that is wrong at once, and nothing is given.
        let bad = give(&mut anna, "DE89", " ", "").await;
        assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
        for part in [wrong, "id=\"holder-wrong\"", "#consent"] {
            assert!(bad.body.contains(part), "{part}: {}", bad.body);
        }
        let forged = encode([("iban", IBAN), ("holder", "Анна"), ("text", shown.as_str())]);
        let forged = anna.ask(Method::POST, "/autopay", &forged, &[]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let number = common::number(seed::ANNA);
        let mandate = async || world.store.mandate_of(&number).await.expect("an answer");
        assert!(mandate().await.is_none());
        for _press in 0..2 {
            let given = give(&mut anna, IBAN, " Анна  Примерова ", &shown).await;
            assert_eq!(given.header("location"), "/autopay?done=on");
        }
        for (iban, holder) in [("BG80BNBG96611020345678", "Анна Примерова"), (IBAN, "Иван")]
        {
            let other = give(&mut anna, iban, holder, &shown).await;
            assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
            let says = match lang {
                "bg" => "с друга банкова сметка или друг титуляр",
                _ => "with another bank account or account holder",
            };
            for part in [says, "#mandate", "DE89 •••• 3000"] {
                assert!(other.body.contains(part), "{part}: {}", other.body);
            }
        }
        let page = anna.get("/autopay?done=on").await.body;
        for part in [on, "DE89 •••• 3000", "Анна Примерова", "KVIT-MANDATE-1"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("370400440532"), "{page}");
        assert!(anna.get("/bills").await.body.contains("DE89 •••• 3000"));
        let evidence = world.store.mandate_evidence(1).await.expect("an answer");
        let evidence = evidence.expect("evidence");
        assert_eq!(evidence["text_sha256"], shown.as_str());
        assert!(
            evidence["text"]
                .as_str()
                .is_some_and(|text| text.len() > 200)
        );
        let kept = anna.get("/my-data").await.body;
        assert!(kept.contains("\"iban\": \"DE89 •••• 3000\""), "{kept}");
        assert!(!kept.contains("370400440532"), "{kept}");
        for done in ["/autopay?done=off", "/autopay"] {
            let ended = anna.post("/autopay/off", "").await;
            assert_eq!(ended.header("location"), done);
        }
        assert!(mandate().await.is_none());
        assert!(anna.get("/autopay?done=off").await.body.contains(off));
    }
}

#[tokio::test]
async fn a_bill_says_that_it_will_be_collected_so_that_nobody_pays_twice() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    let mut browser = anna(&world, "bg").await;
    let pay = world.pay_path(seed::first_bill());
    let says = "ще бъде платена автоматично на 7 декември 2026";
    assert!(!browser.get(&pay).await.body.contains(says));
    autopay::mandated(&world).await;
    let page = browser.get(&pay).await.body.replace('\u{a0}', " ");
    assert!(page.contains(says), "not announced yet: {page}");
    let until = "най-късно на 30 ноември 2026";
    assert!(page.contains(until), "{page}");
}

#[tokio::test]
async fn an_announced_bill_is_shown_until_autopay_is_off() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    autopay::announced(&world).await;
    let mut browser = anna(&world, "en").await;
    let page = browser.get("/autopay").await.body;
    assert!(page.contains("Bill no. 0000000001: "), "{page}");
    browser.post("/autopay/off", "").await;
    let page = browser.get("/autopay").await.body;
    assert!(!page.contains("Bill no. 0000000001: "), "{page}");
}
