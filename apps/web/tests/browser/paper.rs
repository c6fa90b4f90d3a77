//! Who has a bill on paper and a telephone: the square code of its first page, and what the browser makes of it.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    middleware::{self, Next},
};
use tracing::Level;

use super::{
    common::{self, World, chrome::Chrome, chrome::KINDS, log::Log, seed},
    enter,
};
use kvit_store::EnrolmentState;

journeys!(
    asks_for_the_e_bill,
    sees_the_bills,
    scans_what_opens_nothing
);

/// Whether pages run script: then number and code are filled in, and are not where they could be seen or kept.
async fn is_filled(chrome: &Chrome, number: &str) -> bool {
    let hidden = "document.querySelector('form[data-filled]').hidden";
    let is_filled = chrome.eval(hidden).await == false;
    let typed = "document.querySelector('[data-typed]').getClientRects().length > 0";
    assert_eq!(chrome.eval(typed).await, !is_filled, "one way is shown");
    if is_filled {
        assert_eq!(chrome.text("[data-number]").await, number);
        let left = chrome.eval("location.href.includes('#')").await;
        assert_eq!(left, false, "nothing is left in the address");
        let shown = chrome.eval("document.body.innerText").await;
        let code = chrome.eval("document.querySelector('[name=code]').value");
        let code = code.await;
        let code = code.as_str().expect("a code");
        assert!(!shown.as_str().expect("text").contains(code));
    }
    is_filled
}

mod journey {
    use super::*;

    /// Scans, presses, says the address, and opens the link: of number and code nothing is typed.
    pub(super) async fn asks_for_the_e_bill(world: &World, chrome: &Chrome) {
        let boris = common::number(seed::BORIS);
        let bills = world.store.bills_of_holder(&boris, 1).await;
        let bill = bills.expect("a store")[0].number;
        chrome.go(&world.filled_path(bill, seed::BORIS)).await;
        assert_eq!(chrome.h1().await, "Документът е истински");
        if is_filled(chrome, seed::BORIS).await {
            // The other language, and the page once more, have them too.
            for title in ["This document is genuine", "Документът е истински"] {
                chrome.follow(".lang").await;
                assert_eq!(chrome.h1().await, title);
                assert!(is_filled(chrome, seed::BORIS).await);
            }
            chrome.follow("[data-filled] [value=enrol]").await;
        } else {
            chrome.follow("[data-typed] a[href='/enrol']").await;
            enter(chrome, seed::BORIS, &world.code(seed::BORIS)).await;
        }
        assert_eq!(chrome.path().await, "/enrol");
        let asked = chrome.text("main").await;
        assert!(asked.contains("За клиентски номер 1000002."), "{asked}");
        chrome.fill("#email", "boris@primer.bg").await;
        chrome.follow("main form button").await;
        assert_eq!(chrome.h1().await, "Проверете имейла си");
        chrome.go(&world.prove_path(seed::BORIS).await).await;
        chrome.follow("main button").await;
        assert_eq!(chrome.h1().await, "Готово, благодарим Ви");
        let state = world.store.enrolment_of(&boris).await.expect("a store");
        assert!(matches!(state, EnrolmentState::Active(_)));
    }

    /// Goes back from there to a page that has forgotten them.
    pub(super) async fn sees_the_bills(world: &World, chrome: &Chrome) {
        let filled = world.filled_path(seed::first_bill(), seed::ANNA);
        chrome.go(&filled).await;
        if !is_filled(chrome, seed::ANNA).await {
            chrome.follow("[data-typed] a[href='/bills']").await;
            enter(chrome, seed::ANNA, &world.code(seed::ANNA)).await;
            assert_eq!(chrome.path().await, "/bills");
            return;
        }
        chrome.follow("[data-filled] [value=bills]").await;
        assert_eq!(chrome.path().await, "/bills");
        assert!(chrome.text("main").await.contains(seed::ANNA));
        chrome.back().await;
        assert_eq!(chrome.path().await, world.verify_path(seed::first_bill()));
        chrome
            .until("!document.querySelector('[data-typed]').hidden")
            .await;
        assert_eq!(
            chrome
                .eval("document.querySelector('[name=code]').value")
                .await,
            ""
        );
        // Scanned again into the page that is open.
        chrome.go(&filled).await;
        chrome
            .until("!document.querySelector('[data-filled]').hidden")
            .await;
        assert!(is_filled(chrome, seed::ANNA).await);
    }

    /// An older bill's code has none; what is not of its form is nothing; a code that was replaced is told in clear words.
    pub(super) async fn scans_what_opens_nothing(world: &World, chrome: &Chrome) {
        let path = world.verify_path(seed::first_bill());
        for fragment in [
            "",
            "#12345",
            "#12345678",
            "#1234567А1000001",
            "#123456781000001<b>",
            "#content",
        ] {
            chrome.go("/").await;
            chrome.go(&format!("{path}{fragment}")).await;
            assert!(!is_filled(chrome, "").await, "{fragment}");
        }
        chrome.go("/").await;
        chrome.go(&format!("{path}#99999999{}", seed::ANNA)).await;
        if is_filled(chrome, seed::ANNA).await {
            chrome.follow("[data-filled] [value=enrol]").await;
            let told = chrome.text("[role=alert]").await;
            assert!(told.contains("кода от последната си сметка"), "{told}");
            assert_eq!(
                chrome.eval("document.querySelector('#number').value").await,
                seed::ANNA
            );
            chrome.fill("#code", &world.code(seed::ANNA)).await;
            chrome.follow("main form button").await;
            assert_eq!(chrome.path().await, "/enrol");
        }
    }
}

/// Everything that a portal is asked, word for word.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<(String, String)>>>);

impl Asked {
    fn before(&self, router: Router) -> Router {
        let asked = self.clone();
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let asked = asked.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.expect("a small request");
                let head = format!("{} {} {:?}", parts.method, parts.uri, parts.headers);
                let text = String::from_utf8_lossy(&body).into_owned();
                asked.0.lock().expect("free").push((head, text));
                next.run(Request::from_parts(parts, Body::from(body))).await
            }
        }))
    }
}

/// With script they go out once, in the body of the form whose button is pressed; without, never.
#[tokio::test]
async fn the_code_of_a_scanned_bill_is_in_no_address_no_header_and_no_log() {
    let Some(mut chrome) = Chrome::open().await else {
        return;
    };
    for (width, scripts) in KINDS {
        let log = Log::begin(Level::TRACE);
        let asked = Asked::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let front = asked.clone();
        let (world, url) =
            World::served_through(listener.expect("a port"), |router| front.before(router)).await;
        chrome.visit(&url).await;
        chrome.width(width).await;
        chrome.scripts(scripts).await;
        chrome
            .go(&world.filled_path(seed::first_bill(), seed::ANNA))
            .await;
        if scripts {
            chrome.follow("[data-filled] [value=enrol]").await;
            assert_eq!(chrome.path().await, "/enrol");
        }
        let code = world.code(seed::ANNA).replace(' ', "");
        let asked = asked.0.lock().expect("free").clone();
        assert!(asked.iter().any(|(head, _)| head.starts_with("GET /v/")));
        for (head, _) in &asked {
            assert!(
                !head.contains(&code) && !head.contains(seed::ANNA),
                "{head}"
            );
        }
        let with_code = asked.iter().filter(|(_, body)| body.contains(&code));
        let with_code: Vec<_> = with_code
            .map(|(head, _)| head.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        let once: &[&str] = if scripts { &["POST /bill/check"] } else { &[] };
        assert_eq!(with_code, once);
        let log = log.text();
        assert!(!log.contains(&code), "{log}");
        assert_eq!(log.contains("a customer signed in"), scripts, "{log}");
    }
}
