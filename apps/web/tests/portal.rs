//! Journeys through the portal on a real store.

mod common;

use axum::http::{Method, StatusCode};
use common::{World, seed};
use kvit_billing::{
    Language,
    code::{Token, TokenPurpose},
};
use kvit_store::EnrolmentState;

const URL: &str = "http://localhost:8080";

#[tokio::test]
async fn a_customer_checks_and_downloads_a_bill() {
    let world = World::new(URL).await;
    let mut anna = world.browser();
    assert!(anna.get("/bills").await.body.contains("Код за достъп"));
    anna.sign_in(&world, seed::ANNA).await;
    let list = anna.get("/bills").await;
    assert!(list.body.contains("84,20\u{a0}€"), "{}", list.body);
    assert!(
        list.body
            .contains("Платете до 5\u{a0}декември\u{a0}2026\u{a0}г.")
    );
    assert_eq!(list.header("cache-control"), "no-store");
    let pdf = anna.get("/bills/0000000001.pdf").await;
    assert_eq!(pdf.header("content-type"), "application/pdf");
    assert!(pdf.body.starts_with("%PDF"));
    for path in ["/bills/0000000002.pdf", "/bills/0000000099.pdf", "/bills/x"] {
        assert_eq!(anna.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(anna.post("/logout", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        anna.get("/bills/0000000001.pdf").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn an_unknown_number_and_a_wrong_code_look_alike_and_lock() {
    let world = World::new(URL).await;
    let mut stranger = world.browser();
    for attempt in 1..=6 {
        let wrong = "number=1000001&code=00000000".replace("1000001", seed::ANNA);
        let known = stranger.post("/bill/check", &wrong).await;
        let unknown = stranger
            .post("/bill/check", "number=7777777&code=00000000")
            .await;
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.body.replace(seed::ANNA, "7777777"), unknown.body);
        let expected = match attempt {
            1..=4 => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::TOO_MANY_REQUESTS,
        };
        assert_eq!(known.status, expected, "attempt {attempt}");
    }
    let code = world.code(seed::ANNA).replace(' ', "");
    let form = format!("number={}&code={code}", seed::ANNA);
    let locked = stranger.post("/bill/check", &form).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(locked.header("retry-after"), "900");
    assert!(locked.body.contains("след 15 минути") && locked.body.contains("0700 12 345"));
    world.clock.forward_hours(1);
    stranger.sign_in(&world, seed::ANNA).await;
}

#[tokio::test]
async fn an_unknown_number_takes_as_long_as_a_wrong_code() {
    let world = World::with_limits(URL, u32::MAX, u32::MAX).await;
    let mut stranger = world.browser();
    let token = stranger.get("/").await.form_token();
    common::times::take_as_long([seed::ANNA, "7777777"], async |number| {
        let form = format!("form_token={token}&number={number}&code=00000000");
        stranger.ask(Method::POST, "/bill/check", &form, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn bad_form_is_told_before_anything_is_looked_up() {
    let world = World::new(URL).await;
    let answer = world
        .browser()
        .post("/bill/check", "number=%3Cb%3E&code=12")
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "role=\"alert\"",
        "href=\"#code\"",
        "aria-invalid",
        "&lt;b&gt;",
    ] {
        assert!(answer.body.contains(part), "{part}");
    }
}

#[tokio::test]
async fn looking_at_a_receipt_changes_nothing_and_the_button_does() {
    let too = "Докато не потвърдите първата си електронна сметка, я получавате и на хартия.";
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let path = world.receipt_path();
    let mut mail = world.browser();
    for _ in 0..3 {
        let page = mail.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("Да, получих я") && page.body.contains("0000000001"));
        let head = mail.ask(Method::HEAD, &path, "", &[]).await;
        assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    }
    assert!(anna.get("/bills").await.body.contains(too));
    // Mail programs may open the page without cookies; the token in the address is enough.
    let mut other = world.browser();
    let done = other.ask(Method::POST, &path, "", &[]).await;
    assert!(
        done.body
            .contains("20\u{a0}ноември\u{a0}2026\u{a0}г. в 10:30\u{a0}ч."),
        "{}",
        done.body
    );
    assert!(!anna.get("/bills").await.body.contains(too), "paper stops");
    world.clock.forward_hours(5);
    let again = other.ask(Method::POST, &path, "", &[]).await;
    assert!(again.body.contains("Вече сте потвърдили") && again.body.contains("10:30"));
    assert!(mail.get(&path).await.body.contains("Вече сте потвърдили"));
    for lost in ["/receipt/0123456789abcdef0123456789abcdef", "/receipt/x"] {
        let page = mail.get(lost).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.body.contains("Не разпознаваме тази връзка"));
    }
}

#[tokio::test]
async fn enrolling_proves_the_address_and_paper_undoes_it() {
    let too = "Докато не потвърдите първата си електронна сметка, я получавате и на хартия.";
    let world = World::new(URL).await;
    let mut anna = world.browser();
    let first = anna.get(&format!("/enrol?n={}", seed::BORIS)).await;
    assert!(first.body.contains(&format!("value=\"{}\"", seed::BORIS)));
    let code = world.code(seed::BORIS).replace(' ', "");
    let form = format!("next=enrol&number={}&code={code}", seed::BORIS);
    let answer = anna.post("/bill/check", &form).await;
    assert_eq!(answer.header("location"), "/enrol");
    let bad = anna.post("/enrol", "email=boris").await;
    assert!(bad.body.contains("href=\"#email\""));
    let typo = anna.post("/enrol", "email=boris%40gmial.com").await;
    assert!(typo.body.contains("boris@gmail.com"));
    // Enter presses the suggestion's button too, whatever stands in the field by then.
    let other = "email=boris%40gmall.com&sure=boris%40gmial.com&instead=boris%40gmail.com";
    let other = anna.post("/enrol", other).await;
    assert!(other.body.contains("value=\"boris@gmall.com\""));
    let sent = anna.post("/enrol", "email=boris%40primer.bg").await;
    let place = sent.header("location").to_owned();
    assert!(place.starts_with("/enrol/sent?id="), "{place}");
    let sent = anna.get(&place).await;
    assert!(sent.body.contains("@primer.bg") && !sent.body.contains("boris@"));

    let account = common::number(seed::BORIS);
    let state = world.store.enrolment_of(&account).await.expect("a store");
    let EnrolmentState::Pending(record) = state else {
        panic!("the enrolment waits for its proof");
    };
    let facts = world.store.enrolments_of(&account, 9).await;
    let evidence = &facts.expect("facts")[0].evidence;
    assert_eq!(
        evidence["text_sha256"],
        common::consent_sha256(Language::Bg)
    );
    assert_eq!(evidence["language"], "bg");
    let token: Token = world
        .key
        .token(TokenPurpose::ProveAddress, record.id.as_str());
    let path = format!("/prove/{}", token.expose());
    let mut scanner = world.browser();
    for method in [Method::GET, Method::HEAD] {
        let page = scanner.ask(method, &path, "", &[]).await;
        assert_eq!(page.status, StatusCode::OK);
    }
    let state = world.store.enrolment_of(&account).await.expect("a store");
    assert!(matches!(state, EnrolmentState::Pending(_)));
    let proved = scanner.ask(Method::POST, &path, "", &[]).await;
    assert!(
        proved.body.contains("Готово, благодарим Ви"),
        "{}",
        proved.body
    );
    let again = scanner.ask(Method::POST, &path, "", &[]).await;
    assert!(again.body.contains("Имейлът вече е потвърден"));
    let bills = anna.get("/bills").await.body;
    assert!(bills.contains("Сметката Ви идва по имейл"), "{bills}");
    assert!(bills.contains(too) && proved.body.contains(too));

    assert!(
        anna.get("/paper")
            .await
            .body
            .contains("Искам сметка на хартия")
    );
    let paper = anna.post("/paper", "").await;
    assert!(paper.body.contains("Готово, отново на хартия"));
    let paper = anna.post("/paper", "").await;
    assert!(paper.body.contains("Сметката Ви вече идва на хартия"));
    let mut stranger = world.browser();
    let form = format!("number={}&code={code}", seed::BORIS);
    assert_eq!(stranger.post("/paper", &form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_language_of_bills_and_mails_is_chosen_beside_the_bills() {
    let world = World::new(URL).await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let bills = anna.get("/bills").await.body;
    assert!(bills.contains("Сметките и писмата Ви са на български."));
    for _ in 0..2 {
        let done = anna.post("/language", "language=en").await;
        assert_eq!(done.header("location"), "/bills");
    }
    let odd = anna.post("/language", "language=de").await;
    assert_eq!(odd.header("location"), "/bills");
    let bills = anna.get("/bills").await.body;
    assert!(bills.contains("Сметките и писмата Ви са на английски."));
    let known = world.store.customer(&common::number(seed::ANNA)).await;
    let known = known.expect("an answer").expect("Anna");
    assert_eq!(known.customer.language, kvit_billing::Language::En);
    let events = world.store.events("customer/1000001", 9).await;
    let events = events.expect("the trail");
    let chosen: Vec<_> = events
        .iter()
        .filter(|event| event.what == "customer.language-chosen")
        .map(|event| (event.who.as_str(), &event.detail["language"]))
        .collect();
    assert_eq!(chosen, [("customer/1000001", &serde_json::json!("en"))]);
}

#[tokio::test]
async fn an_expired_proof_shows_a_way_on() {
    let world = World::new(URL).await;
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    boris.post("/enrol", "email=boris%40primer.bg").await;
    let account = common::number(seed::BORIS);
    let state = world.store.enrolment_of(&account).await.expect("a store");
    let EnrolmentState::Pending(record) = state else {
        panic!("the enrolment waits for its proof");
    };
    let token = world
        .key
        .token(TokenPurpose::ProveAddress, record.id.as_str());
    world.clock.forward_hours(49);
    let path = format!("/prove/{}", token.expose());
    for method in [Method::GET, Method::POST] {
        let page = world.browser().ask(method, &path, "", &[]).await;
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.body.contains("Искам нова връзка"));
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let world = World::new(URL).await;
    let code = world.code(seed::ANNA).replace(' ', "");
    let form = format!("number={}&code={code}", seed::ANNA);
    let mut victim = world.browser();
    let token = victim.get("/").await.form_token();
    let whole = format!("form_token={token}&{form}");
    for extra in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer = victim
            .ask(Method::POST, "/bill/check", &whole, &[extra])
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{extra:?}");
        let path = world.receipt_path();
        let answer = victim.ask(Method::POST, &path, "", &[extra]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{extra:?}");
    }
    for path in ["/bill/check", "/paper", "/enrol", "/logout"] {
        let answer = victim.ask(Method::POST, path, &form, &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let null = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    let answer = victim.ask(Method::POST, "/bill/check", &whole, &null).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_link_of_a_mail_leads_back_to_paper_by_one_press() {
    let world = World::new(URL).await;
    let path = format!("{}/paper", world.receipt_path());
    let mut mail = world.browser();
    // Anna's bill went to an address that gets no bills any more.
    let page = mail.get(&path).await;
    assert!(page.body.contains("Сметката вече не идва на този имейл"));
    seed::enrol(&world.store, seed::ANNA, "druga@primer.bg").await;
    mail.ask(Method::POST, &path, "", &[]).await;
    let account = common::number(seed::ANNA);
    let state = world.store.enrolment_of(&account).await.expect("a store");
    assert!(
        matches!(state, EnrolmentState::Active(_)),
        "another address"
    );
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    for method in [Method::GET, Method::HEAD] {
        mail.ask(method, &path, "", &[]).await;
    }
    let page = mail.get(&path).await;
    assert!(
        page.body.contains("Искам сметка на хартия"),
        "{}",
        page.body
    );
    let state = world.store.enrolment_of(&account).await.expect("a store");
    assert!(
        matches!(state, EnrolmentState::Active(_)),
        "looking changes nothing"
    );
    let foreign = [("sec-fetch-site", "cross-site")];
    let refused = mail.ask(Method::POST, &path, "", &foreign).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let done = mail.ask(Method::POST, &path, "", &[]).await;
    assert!(done.body.contains("Готово, отново на хартия"));
    let state = world.store.enrolment_of(&account).await.expect("a store");
    assert!(matches!(state, EnrolmentState::None));
    let again = mail.ask(Method::POST, &path, "", &[]).await;
    assert!(again.body.contains("Сметката вече не идва на този имейл"));
}

#[tokio::test]
async fn a_page_without_tls_cannot_send_forms_to_one_with_it() {
    for (public_url, origin, status) in [
        ("https://smetki.example", "https://smetki.example", 422),
        ("https://smetki.example", "https://10.0.0.7", 422),
        ("https://smetki.example", "http://smetki.example", 403),
        ("https://smetki.example", "http://10.0.0.7", 403),
        ("http://smetki.example", "http://10.0.0.7", 422),
        ("http://smetki.example", "http://10.0.0.8", 403),
    ] {
        let world = World::new(public_url).await;
        let mut visitor = world.browser();
        let token = visitor.get("/").await.form_token();
        let form = format!("form_token={token}");
        let headers = [("origin", origin), ("host", "10.0.0.7")];
        let answer = visitor
            .ask(Method::POST, "/bill/check", &form, &headers)
            .await;
        assert_eq!(answer.status, status, "{public_url} {origin}");
    }
}

#[tokio::test]
async fn a_bill_is_genuine_only_with_its_token() {
    let world = World::new(URL).await;
    let mut phone = world.browser();
    let path = world.verify_path(seed::first_bill());
    let page = phone.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Документът е истински") && page.body.contains("84,20"));
    let pay = world.pay_path(seed::first_bill());
    let link = format!("href=\"{}\"", pay.replace('/', "&#x2f;"));
    assert!(page.body.contains(&link), "{}", page.body);
    assert_eq!(phone.get(&pay).await.status, StatusCode::OK);
    let swapped = path.replace("0000000001", "0000000002");
    for lost in [
        swapped.as_str(),
        "/v/x",
        "/v/0000000001-",
        "/v/0000000099-aa",
    ] {
        let page = phone.get(lost).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{lost}");
        assert!(page.body.contains("Не намираме такъв документ"), "{lost}");
    }
}

#[tokio::test]
async fn a_scanned_bill_leads_where_was_pressed_and_its_page_says_of_nobody() {
    let world = World::new(URL).await;
    let mut phone = world.browser();
    let path = world.verify_path(seed::first_bill());
    let page = phone.get(&path).await;
    assert!(!page.body.contains(seed::ANNA), "whoever is shown the bill");
    for link in ["/enrol", "/bills"] {
        assert!(
            page.body.contains(&format!("wide\" href=\"{link}\"")),
            "{}",
            page.body
        );
    }
    let rules = page.header("content-security-policy");
    assert!(rules.contains("script-src 'self';"), "{rules}");
    let code = world.code(seed::ANNA).replace(' ', "");
    let form = format!("number={}&code={code}&scanned=yes", seed::ANNA);
    for (next, path, said) in [
        ("enrol", "/enrol", "За клиентски номер 1000001."),
        ("bills", "/bills", "84,20"),
    ] {
        let mut phone = world.browser();
        let done = phone
            .post("/bill/check", &format!("{form}&next={next}"))
            .await;
        assert_eq!(done.header("location"), path);
        let page = phone.get(path).await;
        assert!(
            page.body.contains(said) && page.body.contains(seed::ANNA),
            "{}",
            page.body
        );
    }
    // A page elsewhere that posts the same has no token of this browser's.
    let foreign = phone.ask(Method::POST, "/bill/check", &form, &[]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_address_answers_in_both_languages_with_strict_headers() {
    let world = World::new("https://smetki.example").await;
    let mut visitor = world.browser();
    visitor.get("/?lang=en").await;
    assert!(visitor.get("/").await.body.contains("Check your bill"));
    for (methods, path) in kvit_web::ROUTES {
        let path = path
            .replace("{token}", "x")
            .replace("{slug}", "x")
            .replace("{file}", "x")
            .replace("{name}", "x");
        for lang in ["bg", "en"] {
            let page = visitor.get(&format!("{path}?lang={lang}")).await;
            assert!(!page.status.is_server_error(), "{path}");
            assert_eq!(methods.contains("GET"), page.status != 405, "{path}");
            let policy = page.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'"), "{path}");
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            assert!(!page.header("strict-transport-security").is_empty());
            if !page.status.is_redirection() && !path.starts_with("/assets") {
                assert!(
                    page.body.contains(&format!("<html lang=\"{lang}\">")),
                    "{path}"
                );
                assert!(!page.body.contains("<script>") && !page.body.contains(" style="));
            }
        }
    }
    let names: Vec<_> = visitor.cookies.keys().map(String::as_str).collect();
    assert_eq!(names, ["__Host-kvit_form", "__Host-kvit_lang"]);
    for (path, status) in [("/nowhere", 404), ("/logout", 405)] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, status);
        assert!(page.body.contains("<h1>"));
    }
    let huge = format!("number={}", "1".repeat(20_000));
    let page = visitor.post("/bill/check", &huge).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.body.contains("<h1>"));
}

#[tokio::test]
async fn files_are_named_by_their_content() {
    let world = World::new(URL).await;
    let home = world.browser().get("/").await.body;
    let from = home.find("/assets/app-").expect("a style sheet");
    let path = &home[from..from + "/assets/app-0123456789abcdef.css".len()];
    let css = world.browser().get(path).await;
    assert_eq!(
        css.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert!(css.body.starts_with(":root{--brand:#14532d") && !css.body.contains("{{"));
    assert_eq!(css.header("vary"), "accept-encoding");
    let get = async |path: &str, takes: &str| {
        let takes = [("accept-encoding", takes)];
        world.browser().ask(Method::GET, path, "", &takes).await
    };
    for (takes, how) in [
        ("gzip, deflate, br", "gzip"),
        ("br;q=1, GZIP;q=0.5", "gzip"),
        ("gzip;q=0", ""),
        ("br", ""),
    ] {
        let packed = get(path, takes).await;
        assert_eq!(packed.header("content-encoding"), how, "{takes}");
        let size: usize = packed.header("content-length").parse().unwrap_or(0);
        assert!(how.is_empty() || size * 3 < css.body.len(), "{size}");
    }
    let from = home.find("/assets/sofia-").expect("a font");
    let font = &home[from..from + home[from..].find('"').expect("an end")];
    assert_eq!(get(font, "gzip").await.header("content-encoding"), "");
    // Pages hold secrets beside what a visitor typed.
    assert_eq!(get("/", "gzip").await.header("content-encoding"), "");
}

/// Every address, its methods, and what a stranger and a customer get there (for forms: with nothing
/// filled in).
const GOLDEN: &[(&str, &str, u16, u16)] = &[
    ("GET", "/", 200, 200),
    ("GET", "/again", 404, 404),
    ("POST", "/again", 303, 404),
    ("POST", "/again/link", 303, 404),
    ("POST", "/again/passkey", 303, 404),
    ("POST", "/again/passkey/ask", 200, 200),
    ("POST", "/again/password", 303, 404),
    ("GET", "/assets/{name}", 404, 404),
    ("GET", "/autopay", 303, 200),
    ("POST", "/autopay", 303, 422),
    ("POST", "/autopay/off", 303, 303),
    ("GET", "/bill/check", 303, 303),
    ("POST", "/bill/check", 422, 422),
    ("GET", "/bills", 200, 200),
    ("GET", "/bills/{file}", 303, 200),
    ("GET", "/code", 303, 200),
    ("POST", "/code", 303, 303),
    ("GET", "/copy/{token}", 404, 404),
    ("GET", "/copy/{token}/bill", 404, 404),
    ("GET", "/copy/{token}/leave", 404, 404),
    ("POST", "/copy/{token}/leave", 404, 404),
    ("GET", "/enrol", 200, 200),
    ("POST", "/enrol", 303, 422),
    ("GET", "/enrol/sent", 303, 303),
    ("GET", "/help", 200, 200),
    ("GET", "/join/{token}", 404, 404),
    ("POST", "/join/{token}", 404, 404),
    ("POST", "/language", 303, 303),
    ("POST", "/logout", 303, 303),
    ("GET", "/my-data", 303, 200),
    ("GET", "/paper", 200, 200),
    ("POST", "/paper", 422, 200),
    ("GET", "/passkeys", 303, 200),
    ("POST", "/passkeys", 303, 422),
    ("POST", "/passkeys/ask", 303, 200),
    ("POST", "/passkeys/change", 303, 404),
    ("GET", "/password", 303, 200),
    ("POST", "/password", 303, 422),
    ("POST", "/password/remove", 303, 303),
    ("GET", "/pay", 200, 200),
    ("GET", "/pay/all", 303, 200),
    ("POST", "/pay/all", 303, 200),
    ("GET", "/pay/{name}", 404, 404),
    ("POST", "/pay/{name}", 404, 404),
    ("GET", "/payments", 303, 200),
    ("GET", "/points", 303, 200),
    ("POST", "/points", 303, 303),
    ("GET", "/points/add", 303, 200),
    ("POST", "/points/add", 303, 422),
    ("POST", "/points/forget", 303, 303),
    ("GET", "/privacy", 200, 200),
    ("GET", "/prove/{token}", 404, 404),
    ("POST", "/prove/{token}", 404, 404),
    ("GET", "/readers", 303, 303),
    ("POST", "/readers", 303, 303),
    ("POST", "/readers/remove", 303, 303),
    ("GET", "/receipt/{token}", 404, 404),
    ("POST", "/receipt/{token}", 404, 404),
    ("GET", "/receipt/{token}/paper", 404, 404),
    ("POST", "/receipt/{token}/paper", 404, 404),
    ("POST", "/reminders", 303, 303),
    ("GET", "/reminders/{token}", 404, 404),
    ("POST", "/reminders/{token}", 404, 404),
    ("GET", "/sessions", 303, 200),
    ("POST", "/sessions/end", 303, 303),
    ("POST", "/sessions/forget", 303, 303),
    ("GET", "/sign-in", 200, 303),
    ("POST", "/sign-in", 422, 422),
    ("POST", "/sign-in/passkey", 422, 422),
    ("POST", "/sign-in/passkey/ask", 200, 200),
    ("GET", "/sign-in/password", 200, 303),
    ("POST", "/sign-in/password", 422, 422),
    ("GET", "/sign-in/{token}", 404, 404),
    ("POST", "/sign-in/{token}", 404, 404),
    ("GET", "/usage", 303, 200),
    ("GET", "/v/{slug}", 404, 404),
];

#[tokio::test]
async fn every_address_is_known_and_so_is_who_may_use_it() {
    let mut listed: Vec<(&str, &str)> = Vec::new();
    for (methods, path) in kvit_web::ROUTES {
        listed.extend(methods.split(' ').map(|method| (method, *path)));
    }
    let golden: Vec<_> = GOLDEN.iter().map(|row| (row.0, row.1)).collect();
    assert_eq!(listed, golden);
    let world = World::new(URL).await;
    for (method, path, stranger, customer) in GOLDEN {
        let at = path
            .replace("{file}", "0000000001.pdf")
            .replace("{token}", "x")
            .replace("{slug}", "x")
            .replace("{name}", "x");
        for (signed_in, expected) in [(false, *stranger), (true, *customer)] {
            let mut browser = world.browser();
            if signed_in {
                browser.sign_in(&world, seed::ANNA).await;
            }
            let answer = match *method {
                "POST" => browser.post(&at, "").await,
                _ => browser.get(&at).await,
            };
            assert_eq!(
                answer.status, expected,
                "{method} {path}, signed in: {signed_in}"
            );
            let other = match *method {
                "GET" => Method::PUT,
                _ => Method::DELETE,
            };
            let refused = browser.ask(other, &at, "", &[]).await;
            assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
}

#[tokio::test]
async fn a_year_comes_as_one_file_to_its_owner_only() {
    let world = World::new(URL).await;
    seed::history(&world.store, &world.key).await;
    let mut maria = world.browser();
    assert_eq!(
        maria.get("/bills/2025.zip").await.header("location"),
        "/bills?ended"
    );
    maria.sign_in(&world, seed::MARIA).await;
    let list = maria.get("/bills").await;
    assert!(
        list.body.contains("href=\"/bills?year=2025\""),
        "{}",
        list.body
    );
    let year = maria.get("/bills?year=2025").await;
    assert_eq!(year.body.matches(".pdf\"").count(), 12);
    let zip = maria.get("/bills/2025.zip").await;
    assert_eq!(zip.header("content-type"), "application/zip");
    assert!(zip.header("content-disposition").contains("2025.zip"));
    assert_eq!(zip.body.matches("%PDF-").count(), 12);
    for lost in [
        "/bills/1999.zip",
        "/bills/x.zip",
        "/bills/99999.zip",
        "/bills/2024.zip?kind=debit-note",
    ] {
        assert_eq!(
            maria.get(lost).await.status,
            StatusCode::NOT_FOUND,
            "{lost}"
        );
    }
    let odd = maria.get("/bills?year=-1").await;
    assert!(odd.body.contains("Няма такива сметки"));
    // All of them, by kind and by what is open; the file has what the page shows.
    for (asked, count) in [
        ("year=", 30),
        ("kind=credit-note", 1),
        ("year=2026&kind=credit-note", 1),
        ("year=2025&kind=credit-note", 0),
        ("year=2025&kind=odd", 12),
        ("unpaid=1&kind=credit-note", 0),
        ("unpaid=1&kind=invoice&year=", 29),
    ] {
        let page = maria.get(&format!("/bills?{asked}")).await.body;
        assert_eq!(page.matches(".pdf\"").count(), count, "{asked}");
        let link = page.split("href=\"").find(|rest| rest.contains(".zip"));
        assert_eq!(link.is_some(), count > 0, "{asked}");
        let Some(link) = link.and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        let zip = maria.get(&link.replace("&amp;", "&")).await;
        assert_eq!(zip.body.matches("%PDF-").count(), count, "{link}");
    }
    let paid = maria.get("/bills?unpaid=1&year=2025").await.body;
    assert_eq!(paid.matches("Неплатена").count(), 12, "{paid}");
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    assert_eq!(
        boris.get("/bills/2025.zip").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn hostile_and_clumsy_addresses_are_met() {
    let world = World::new(URL).await;
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    for hostile in [
        "a%40abv.bg%0D%0ABcc%3A+x%40abv.bg",
        "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%40abv.bg",
        "a%40abv.bg%00",
        "%7B%7B+7*7+%7D%7D%40abv.bg%7D%7D",
    ] {
        let page = boris.post("/enrol", &format!("email={hostile}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{hostile}");
        assert!(
            !page.body.contains("<script>") && !page.body.contains("49@"),
            "{hostile}"
        );
    }
    // A Cyrillic letter that looks Latin would make it another domain, or no address at all.
    for typed in ["boris@\u{430}bv.bg", "b\u{43e}ris@abv.bg"] {
        let page = boris.post("/enrol", &format!("email={typed}")).await;
        assert!(
            page.body.contains("value=\"boris@abv.bg\""),
            "{typed}: {}",
            page.body
        );
    }
    // Letters of two alphabets in one name are no address, however sure somebody is; one alphabet is.
    for (typed, refused) in [
        ("boris@\u{430}bv.bg", true),
        ("boris@xn--bv-6kc.bg", true),
        ("boris@\u{3bf}ffice.bg", true),
        ("boris@пример.бг", false),
    ] {
        let page = boris
            .post("/enrol", &format!("email={typed}&sure={typed}"))
            .await;
        let says = page.body.contains("са смесени латински букви");
        assert_eq!(says, refused, "{typed}: {}", page.body);
        assert_eq!(page.status.is_client_error(), refused, "{typed}");
    }
    // What a name or a number may not do to a page.
    let page = boris.get("/enrol/sent?id=%3Cscript%3E").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let page = world
        .browser()
        .get("/enrol?n=%22%3E%3Cscript%3E&lang=bg")
        .await;
    assert!(!page.body.contains("<script>"), "{}", page.body);
}

#[tokio::test]
async fn guessing_from_everywhere_is_slowed_down_but_not_for_known_browsers() {
    let world = World::new(URL).await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    world.hire("ada", kvit_billing::Role::Administrator).await;
    let mut ada = world.browser();
    ada.sign_in_staff("ada").await;
    let email = "what=email&sure=1&language=bg&email=ada%40primer.bg";
    ada.post("/staff/people/ada", email).await;
    let now = kvit_billing::ports::Clock::now(&*world.clock);
    for _ in 0..999 {
        let counted = world.store.count_guess(now, &kvit_store::GUESSING);
        counted.await.expect("a store");
    }
    let alarms = async || {
        let mails = world.store.claim_deliveries("w", now, now, 9).await;
        let mails = mails.expect("mails").into_iter();
        let alarms = mails.filter(|job| job.id.kind() == kvit_billing::DeliveryKind::Alarm);
        let alarms = alarms.map(|job| job.email.expose().clone());
        alarms.collect::<Vec<_>>()
    };
    assert!(alarms().await.is_empty());
    let mut stranger = world.browser();
    stranger
        .post("/bill/check", "number=7777777&code=00000000")
        .await;
    assert_eq!(alarms().await, ["ada@primer.bg"]);
    let told = ada.get("/staff/people").await.body;
    assert!(told.contains("От много места се налучкват"), "{told}");
    let step = std::time::Duration::from_millis(200);
    let started = std::time::Instant::now();
    stranger
        .post("/bill/check", "number=7777777&code=00000000")
        .await;
    assert!(started.elapsed() >= step);
    // Whoever waits their turn takes a step at least; what a busy machine adds falls on some only.
    let mut fastest = std::time::Duration::MAX;
    for _ in 0..10 {
        let started = std::time::Instant::now();
        anna.sign_in(&world, seed::ANNA).await;
        fastest = fastest.min(started.elapsed());
    }
    assert!(fastest < step, "{fastest:?}");
    world.clock.forward_hours(10);
    anna.sign_in(&world, seed::ANNA).await;
    ada.sign_in_staff("ada").await;
    let told = ada.get("/staff/people").await.body;
    assert!(told.contains("се налучкваха"), "also long afterwards");
    world.clock.forward_hours(15);
    ada.sign_in_staff("ada").await;
    let told = ada.get("/staff/people").await.body;
    assert!(!told.contains("От много места"), "{told}");
}

#[tokio::test]
async fn each_sign_in_is_a_session_of_its_own() {
    let world = World::new(URL).await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let first = anna.cookies["kvit_session"].clone();
    anna.sign_in(&world, seed::ANNA).await;
    assert_ne!(anna.cookies["kvit_session"], first);
    let mut thief = world.browser();
    thief.cookies.insert("kvit_session".into(), first);
    assert!(thief.get("/bills").await.body.contains("Код за достъп"));
    // A mark that was not made by us, or for another number, is worth nothing.
    let known = anna.cookies["kvit_known"].clone();
    for mark in [known.replace('-', "-0"), known, "x-y".to_owned()] {
        let mut stranger = world.browser();
        stranger.cookies.insert("kvit_known".into(), mark);
        for _ in 0..5 {
            stranger
                .post("/bill/check", "number=1000002&code=00000000")
                .await;
        }
        let locked = stranger
            .post("/bill/check", "number=1000002&code=00000000")
            .await;
        assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    }
}

#[tokio::test]
async fn a_link_by_mail_signs_in_once() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::MARIA, "maria@primer.bg").await;
    let mut maria = world.browser();
    assert!(maria.get("/bills").await.body.contains("href=\"/sign-in\""));
    let empty = maria.post("/sign-in", "number=").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    // On paper, unknown, and with e-bills: the same answer.
    let paper = maria.post("/sign-in", "number=1000002").await;
    let unknown = maria.post("/sign-in", "number=7777777").await;
    let sent = maria.post("/sign-in", "number=1000003").await;
    assert_eq!(paper.body.replace("1000002", "7777777"), unknown.body);
    assert_eq!(sent.body.replace("1000003", "7777777"), unknown.body);
    let maria_s = common::number(seed::MARIA);
    let mails = common::times::until("a link is queued", async || {
        let mails = world.store.deliveries_of_customer(&maria_s, 9).await;
        mails.ok().filter(|mails| !mails.is_empty())
    });
    let mails = mails.await;
    assert_eq!(mails.len(), 1);
    let token = world.key.token(TokenPurpose::SignIn, mails[0].id.as_str());
    let path = format!("/sign-in/{}", token.expose());
    let mut scanner = world.browser();
    let page = scanner.get(&path).await;
    assert!(page.body.contains("Отвори сметките ми"), "{}", page.body);
    let robot = scanner.ask(Method::POST, &path, "x=y", &[]).await;
    assert_eq!(
        robot.status,
        StatusCode::FORBIDDEN,
        "without the page's token"
    );
    let opened = maria.post(&path, "").await;
    assert_eq!(opened.header("location"), "/bills");
    assert!(maria.get("/bills").await.body.contains("1000003"));
    assert_eq!(scanner.post(&path, "").await.status, StatusCode::NOT_FOUND);
    for lost in [path.as_str(), "/sign-in/x"] {
        let page = scanner.get(lost).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.body.contains("Връзката вече не важи"));
    }
    for _ in 0..5 {
        scanner.post("/sign-in", "number=1000003").await;
    }
    let flood = scanner.post("/sign-in", "number=1000003").await;
    assert_eq!(flood.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn what_a_name_holds_is_only_text() {
    let world = World::new(URL).await;
    let hostile = "{{ 7*7 }}{% raw %}<script>alert(1)</script>\"' onload=x${9*9}";
    let boris: kvit_billing::Customer = serde_json::from_value(serde_json::json!({
        "number": seed::BORIS, "name": hostile, "address": { "city": hostile, "lines": [hostile] }
    }))
    .expect("a customer");
    world
        .store
        .upsert_customers(&[boris])
        .await
        .expect("customers");
    let mut browser = world.browser();
    browser.sign_in(&world, seed::BORIS).await;
    world.hire("vera", kvit_billing::Role::Agent).await;
    let mut vera = world.browser();
    vera.sign_in_staff("vera").await;
    let record = format!("/staff/customers/{}", seed::BORIS);
    let mut named = 0;
    for page in [
        browser.get("/bills").await,
        browser.get("/points").await,
        browser.get("/enrol").await,
        vera.get(&record).await,
        vera.post("/staff/customers", "wanted=%7B%7B+7*7").await,
    ] {
        for done in ["<script>alert", ">49", "${81}", "\"' onload"] {
            assert!(!page.body.contains(done), "{done}: {}", page.body);
        }
        named += usize::from(page.body.contains("{{ 7*7 }}"));
    }
    assert!(named > 0, "the name is shown as it is somewhere");
}

#[tokio::test]
async fn a_consent_that_is_pressed_twice_or_sent_again_is_one_mail() {
    let world = World::new(URL).await;
    let mut boris = world.browser();
    boris.sign_in(&world, seed::BORIS).await;
    let token = boris.get("/").await.form_token();
    let form = format!("form_token={token}&email=boris%40primer.bg");
    let mut places = Vec::new();
    for _ in 0..3 {
        let sent = boris.ask(Method::POST, "/enrol", &form, &[]).await;
        places.push(sent.header("location").to_owned());
        boris.get("/enrol").await;
    }
    assert!(places[0].starts_with("/enrol/sent?id="), "{places:?}");
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    let now = kvit_billing::ports::Clock::now(&*world.clock);
    let until = now + jiff::SignedDuration::from_mins(10);
    let mails = world.store.claim_deliveries("w", now, until, 50).await;
    let mails = mails.expect("claimed");
    let proofs = mails
        .iter()
        .filter(|mail| mail.account.as_str() == seed::BORIS);
    assert_eq!(proofs.count(), 1);
}
