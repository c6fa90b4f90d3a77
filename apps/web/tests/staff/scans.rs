//! Scanned declarations: they come in, and clerks decide about them page by page.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use jiff::SignedDuration;
use kvit_billing::{EntryId, Role};
use kvit_store::{
    EnrolmentChannel, EnrolmentState, Event, NewScanFile, ScanComing, ScanFault, ScanReport,
    ScanState,
};

use super::{
    URL,
    common::{Answer, Browser, World, number, scans::brought, seed},
    hidden, now,
};

async fn clerk(world: &World, login: &str) -> Browser {
    world.hire(login, Role::Clerk).await;
    let mut browser = world.browser();
    browser.sign_in_staff(login).await;
    browser
}

async fn begin(browser: &mut Browser) -> (String, Answer) {
    let to = browser.post("/staff/scans/next", "").await;
    let path = to.header("location").to_owned();
    let page = browser.get(&path).await;
    (path, page)
}

/// What a form of a page brings back.
fn form(page: &Answer, more: &str) -> String {
    let value = |name| hidden(&page.body, name);
    format!(
        "act=confirm&version={}&entry={}&shown={}&consent={}&number={}{more}",
        value("version"),
        value("entry"),
        value("shown"),
        value("consent"),
        value("shown"),
    )
}

#[tokio::test]
async fn a_clerk_confirms_page_after_page_and_takes_the_last_one_back() {
    let world = World::new(URL).await;
    let first = brought(&world, 1, Some(seed::BORIS)).await;
    let second = brought(&world, 2, None).await;
    let mut petya = clerk(&world, "petya").await;
    let room = petya.get("/staff/scans").await;
    assert!(
        room.body.contains("Чакат страници: 2") && room.body.contains("поща &lt;27&gt;.pdf"),
        "{}",
        room.body
    );
    let (path, page) = begin(&mut petya).await;
    assert_eq!(path, format!("/staff/scans/{first}"));
    assert!(
        page.body.contains("Борис") && page.body.contains("autofocus"),
        "{}",
        page.body
    );
    let picture = petya.get(&format!("{path}/picture")).await;
    assert_eq!(picture.header("content-type"), "image/png");
    assert!(
        picture
            .header("content-security-policy")
            .starts_with("default-src 'none'; sandbox")
    );
    // Everything that is missing, at once.
    let none = petya.post(&path, &form(&page, "&email=boris@")).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.body.contains("id=\"email-wrong\"") && none.body.contains("id=\"signed-wrong\""));
    // A slip, as on the telephone.
    let slip = petya
        .post(&path, &form(&page, "&email=boris@gmial.com&signed=1"))
        .await;
    assert!(
        slip.body.contains("boris@gmail.com") && slip.body.contains("checked"),
        "{}",
        slip.body
    );
    // Enter in the field, where something else was typed, presses the suggestion's button too: that is asked about.
    let other = "&email=boris@gmall.com&sure=boris@gmial.com&signed=1&instead=boris@gmail.com";
    let asked = petya.post(&path, &form(&slip, other)).await;
    assert!(
        asked.body.contains("value=\"boris@gmall.com\""),
        "{}",
        asked.body
    );
    let signed = "&email=boris@gmial.com&sure=boris@gmial.com&signed=1&instead=boris@gmail.com";
    let done = petya.post(&path, &form(&slip, signed)).await;
    assert_eq!(
        done.header("location"),
        format!("/staff/scans/{second}"),
        "{}",
        done.body
    );
    let again = petya.post(&path, &form(&slip, signed)).await;
    assert_eq!(
        again.header("location"),
        format!("/staff/scans/{second}"),
        "pressed twice"
    );
    let waits = world
        .store
        .waiting_enrolment(&number(seed::BORIS))
        .await
        .expect("asked")
        .expect("kept");
    assert_eq!(waits.channel, EnrolmentChannel::Paper);
    assert_eq!(
        waits.text_version, "2026-01",
        "the number on the paper is of no bill of his, so nobody knows the text there"
    );
    let facts = world
        .store
        .enrolments_of(&number(seed::BORIS), 9)
        .await
        .expect("facts");
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].evidence["scan"], first.as_str());
    assert_eq!(facts[0].evidence["agent"], "petya");
    assert_eq!(facts[0].evidence["printed_on"], "0000000001");
    assert_eq!(facts[0].evidence["centre"], "Център Русе");
    let picture = facts[0].evidence["picture_sha256"].as_str();
    assert_eq!(picture.map(str::len), Some(64), "what was signed");
    assert!(facts[0].evidence["text_sha256"].is_null());

    // The next page has no code: the number is typed, its name is seen, and then it counts.
    let next = petya.get(&format!("/staff/scans/{second}")).await;
    assert!(
        next.body.contains("не се разчита") && next.body.contains("Страница 1 е потвърдена"),
        "{}",
        next.body
    );
    let nobody = petya
        .post(&format!("/staff/scans/{second}"), "act=confirm&number=77")
        .await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    let typed = format!(
        "act=confirm&version={}&entry={}&number=1000001",
        hidden(&next.body, "version"),
        hidden(&next.body, "entry")
    );
    let named = petya.post(&format!("/staff/scans/{second}"), &typed).await;
    assert!(named.body.contains("Анна"), "{}", named.body);
    // Taking the first one back makes it wait, and ends what came of it.
    let undo = format!("scan={}&version={}", hidden(&next.body, "scan"), {
        let at = next.body.find("/staff/scans/undo").expect("an offer");
        hidden(&next.body[at..], "version")
    });
    let back = petya.post("/staff/scans/undo", &undo).await;
    assert_eq!(back.header("location"), format!("/staff/scans/{first}"));
    assert!(matches!(
        world
            .store
            .enrolment_of(&number(seed::BORIS))
            .await
            .expect("asked"),
        EnrolmentState::None
    ));
    let page = petya.get(&path).await;
    let refused = petya
        .post(&path, &form(&page, "").replace("act=confirm", "act=refuse"))
        .await;
    assert!(refused.body.contains("Изберете защо"), "{}", refused.body);
    let refused = petya
        .post(
            &path,
            &(form(&page, "&reason=unsigned").replace("act=confirm", "act=refuse")),
        )
        .await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    let kept = world
        .store
        .scan(&first)
        .await
        .expect("asked")
        .expect("kept");
    assert_eq!(
        (kept.state, kept.reason.as_deref()),
        (ScanState::Refused, Some("unsigned"))
    );
    let trail = world
        .store
        .events(&format!("customer/{}", seed::BORIS), 99)
        .await
        .expect("a trail");
    for what in [
        "customer.viewed",
        "scan.viewed",
        "customer.enrolled",
        "scan.undone",
        "scan.refused",
    ] {
        assert!(trail.iter().any(|event| event.what == what), "{what}");
    }
}

#[tokio::test]
async fn two_clerks_never_have_one_page() {
    let world = World::new(URL).await;
    let first = brought(&world, 1, Some(seed::BORIS)).await;
    let (mut petya, mut ivo) = (clerk(&world, "petya").await, clerk(&world, "ivo").await);
    let (path, page) = begin(&mut petya).await;
    let none = ivo.post("/staff/scans/next", "").await;
    assert_eq!(none.header("location"), "/staff/scans?done=empty");
    let other = ivo.get(&path).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(
        other.body.contains("petya") && !other.body.contains("Борис"),
        "{}",
        other.body
    );
    assert_eq!(
        ivo.get(&format!("{path}/picture")).await.status,
        StatusCode::NOT_FOUND
    );
    // Her time runs out; he takes it, and her late word is not heard.
    world.clock.forward(700);
    ivo.post("/staff/scans/next", &format!("scan={first}"))
        .await;
    let his = ivo.get(&path).await;
    assert!(his.body.contains("Борис"));
    let late = petya
        .post(&path, &form(&page, "&email=boris@abv.bg&signed=1"))
        .await;
    assert_eq!(
        late.header("location"),
        format!("{path}?done=outdated"),
        "{}",
        late.body
    );
    assert!(
        world
            .store
            .waiting_enrolment(&number(seed::BORIS))
            .await
            .expect("asked")
            .is_none()
    );
    let aside =
        form(&his, "&note=%D0%9F%D0%B8%D1%82%D0%B0%D0%B9").replace("act=confirm", "act=aside");
    assert_eq!(ivo.post(&path, &aside).await.status, StatusCode::SEE_OTHER);
    let room = petya.get("/staff/scans").await;
    assert!(
        room.body.contains("Питай") && room.body.contains("Оставени за после"),
        "{}",
        room.body
    );
    // Who is enrolled already is told.
    seed::enrol(&world.store, seed::BORIS, "boris@abv.bg").await;
    petya
        .post("/staff/scans/next", &format!("scan={first}"))
        .await;
    let page = petya.get(&path).await;
    assert!(
        page.body.contains("По имейл: b") && !page.body.contains("boris@abv.bg"),
        "{}",
        page.body
    );
    let same = petya
        .post(&path, &form(&page, "&email=boris@abv.bg&signed=1"))
        .await;
    assert_eq!(same.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_evidence_is_shown_to_who_has_the_customer_on_the_line() {
    let world = World::new(URL).await;
    let scan = brought(&world, 1, Some(seed::BORIS)).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{}", seed::BORIS);
    let page = ana.get(&path).await;
    assert!(
        page.body.contains("Подписани декларации") && !page.body.contains(&scan),
        "{}",
        page.body
    );
    let early = ana.get(&format!("{path}/scans/{scan}")).await;
    assert_eq!(early.status, StatusCode::SEE_OTHER);
    let entry = hidden(&page.body, "entry");
    let code = world.code(seed::BORIS).replace(' ', "+");
    ana.post(
        &format!("{path}/contact"),
        &format!("entry={entry}&reference=C-1&code={code}"),
    )
    .await;
    let page = ana.get(&format!("{path}?call={entry}")).await;
    assert!(page.body.contains(&scan), "{}", page.body);
    let picture = ana.get(&format!("{path}/scans/{scan}?call={entry}")).await;
    assert_eq!(picture.header("content-type"), "image/png");
    // Another customer's is not shown by way of this one.
    let other = brought(&world, 2, Some(seed::ANNA)).await;
    let picture = ana.get(&format!("{path}/scans/{other}?call={entry}")).await;
    assert_eq!(picture.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn many_files_come_in_by_one_form() {
    let world = World::new(URL).await;
    let mut petya = clerk(&world, "petya").await;
    let token = petya.get("/staff/scans").await.form_token();
    let field = |name: &str, more: &str, content: &str| {
        format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{content}\r\n"
        )
    };
    let file =
        |name: &str, content: &str| field("file", &format!("; filename=\"{name}\""), content);
    let send = async |browser: &mut Browser, body: String| {
        let kind = [("content-type", "multipart/form-data; boundary=xyz")];
        let body = Body::from(format!("{body}--xyz--\r\n"));
        browser
            .send(Method::POST, "/staff/scans/file", body, &kind)
            .await
    };
    let token = field("form_token", "", &token);
    let sent = send(
        &mut petya,
        token.clone() + &file("a.tif", "II*") + &file("b.pdf", "%PDF-"),
    )
    .await;
    assert_eq!(
        sent.header("location"),
        "/staff/scans?done=brought",
        "{}",
        sent.body
    );
    assert_eq!(world.shelf.whole.lock().expect("not poisoned").len(), 2);
    let none = send(&mut petya, token.clone() + &file("", "")).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.body.contains("Изберете поне един файл"));
    let large = send(
        &mut petya,
        token.clone() + &file("a.tif", "II*") + &file("b.pdf", &"x".repeat(100_001)),
    )
    .await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        world.shelf.whole.lock().expect("not poisoned").len(),
        3,
        "the first is in"
    );
    let foreign = send(&mut petya, file("a.tif", "II*") + &token).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    // What came of a file is told by page.
    brought(&world, 1, None).await;
    let report = ScanReport {
        kept: 1,
        without_code: 1,
        known: 2,
        blank: 3,
        faults: vec![
            ScanFault {
                page: Some(4),
                word: "pixels".to_owned(),
            },
            ScanFault {
                page: None,
                word: "format".to_owned(),
            },
        ],
    };
    let file: EntryId = format!("{:032x}", 7).parse().expect("an id");
    world
        .store
        .finish_scan_file(&file, 1, &report, now(&world))
        .await
        .expect("finished");
    let room = petya.get("/staff/scans").await;
    for said in [
        "за преглед: 1",
        "вече качени преди: 2",
        "празни, пропуснати: 3",
        "Страница 4: Изображението е твърде голямо",
        "Не е PDF",
    ] {
        assert!(room.body.contains(said), "{said}: {}", room.body);
    }
}

#[tokio::test]
async fn a_file_in_line_says_so_and_notes_put_aside_are_in_the_trail() {
    let world = World::new(URL).await;
    brought(&world, 1, Some(seed::BORIS)).await;
    let file = |n: u32, name: &str| NewScanFile {
        id: format!("{n:032x}").parse().expect("an id"),
        name: name.to_owned(),
        sha256: [1; 32],
        by: "petya".to_owned(),
        at: now(&world),
    };
    let told = |what: &str| Event {
        at: now(&world),
        who: "petya".to_owned(),
        what: what.to_owned(),
        subject: "scans".to_owned(),
        detail: serde_json::json!({}),
    };
    let stored = ScanComing::Stored {
        object: "scans/x/file",
        bytes: 7,
    };
    let new = file(8, "в ред.pdf");
    let told = told("scans.brought");
    let begun = world.store.begin_scan_file(&new, stored, &told);
    begun.await.expect("begun");
    let mut petya = clerk(&world, "petya").await;
    let listed = || async {
        let events = world.store.events("scans/aside", 9).await.expect("events");
        events.len()
    };
    for (minutes, in_line, reading, cut) in [(1, true, true, false), (11, true, false, true)] {
        world.clock.forward(60 * minutes);
        let room = petya.get("/staff/scans").await.body;
        assert_eq!(room.contains("чака реда си"), in_line, "{room}");
        assert_eq!(room.contains("Чете се."), reading, "{room}");
        assert_eq!(room.contains("Четенето е прекъснало"), cut, "{room}");
    }
    assert_eq!(listed().await, 0, "nothing is put aside");
    let claimed = world.store.claim_scan_file(
        "w",
        now(&world),
        now(&world) + SignedDuration::from_mins(10),
    );
    assert!(claimed.await.expect("asked").is_some());
    let room = petya.get("/staff/scans").await.body;
    assert!(
        room.contains("Чете се.") && !room.contains("чака реда си"),
        "{room}"
    );
    // Given up: it is kept, and waits again at a press.
    assert!(!room.contains("/staff/scans/again"), "{room}");
    let report = ScanReport {
        faults: vec![ScanFault {
            page: None,
            word: "given-up".to_owned(),
        }],
        ..ScanReport::default()
    };
    let up = world
        .store
        .give_up_scan_file(&new.id, 1, &report, now(&world));
    up.await.expect("given up");
    let room = petya.get("/staff/scans").await.body;
    assert!(room.contains("Пази се: опитайте пак"), "{room}");
    assert!(room.contains("/staff/scans/again"), "{room}");
    for _ in 0..2 {
        let pressed = format!("file={}", new.id);
        petya.post("/staff/scans/again", &pressed).await;
    }
    let room = petya.get("/staff/scans?done=again").await.body;
    assert!(room.contains("отново чака да бъде прочетен"), "{room}");
    assert!(room.contains("чака реда си"), "{room}");
    let subject = format!("scans/{}", new.id);
    let trail = world.store.events(&subject, 9).await.expect("events");
    assert_eq!(trail.len(), 1, "{trail:?}");
    assert_eq!(trail[0].what, "scans.retried");
    // Given up again, it goes by a word that says why.
    let claimed = world
        .store
        .claim_scan_file("w", now(&world), now(&world))
        .await;
    let claim = claimed.expect("asked").expect("it waits").claim;
    let up = world
        .store
        .give_up_scan_file(&new.id, claim, &report, now(&world));
    up.await.expect("given up");
    let remove = "/staff/scans/remove";
    let asked = petya.post(remove, &format!("file={}", new.id)).await;
    assert!(asked.body.contains("Защо се премахва"), "{}", asked.body);
    let silent = format!("file={}&why=+", new.id);
    let silent = petya.post(remove, &silent).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    let said = format!("file={}&why=сканирани%00отново", new.id);
    // What is pressed twice says that it did nothing, as does what was never given up.
    for (sent, done) in [
        (said.clone(), "removed"),
        (said, "not-removed"),
        (format!("file={}", new.id), "not-removed"),
    ] {
        let gone = petya.post(remove, &sent).await;
        let to = format!("/staff/scans?done={done}");
        assert_eq!(gone.header("location"), to, "{sent}");
    }
    let room = petya.get("/staff/scans?done=not-removed").await.body;
    assert!(room.contains("Нищо не е премахнато"), "{room}");
    let room = petya.get("/staff/scans?done=removed").await.body;
    assert!(room.contains("Файлът е премахнат."), "{room}");
    assert!(!room.contains(remove), "{room}");
    let trail = world.store.events(&subject, 9).await.expect("events");
    assert_eq!(trail.len(), 2, "{trail:?}");
    let why = trail
        .iter()
        .find(|event| event.what == "scans.removed")
        .map(|event| event.detail["why"].clone());
    assert_eq!(why, Some("сканирани отново".into()));
    let (path, page) = begin(&mut petya).await;
    let aside = format!(
        "act=aside&version={}&note=звъннете+на+Борис",
        hidden(&page.body, "version")
    );
    petya.post(&path, &aside).await;
    let room = petya.get("/staff/scans").await.body;
    assert!(room.contains("звъннете на Борис"), "{room}");
    assert_eq!(listed().await, 1);
}

#[tokio::test]
async fn the_link_of_a_consent_that_was_taken_back_says_so() {
    let world = World::new(URL).await;
    brought(&world, 1, Some(seed::BORIS)).await;
    let mut petya = clerk(&world, "petya").await;
    let (path, page) = begin(&mut petya).await;
    let done = petya
        .post(&path, &form(&page, "&email=boris@example.bg&signed=1"))
        .await;
    assert_eq!(
        done.header("location"),
        "/staff/scans?done=empty",
        "{}",
        done.body
    );
    let link = world.prove_path(seed::BORIS).await;
    let mut boris = world.browser();
    let asked = boris.get(&link).await;
    assert_eq!(asked.status, StatusCode::OK);
    // The mail has gone, and then she sees her mistake.
    let room = petya.get("/staff/scans").await;
    let back = format!(
        "scan={}&version={}",
        hidden(&room.body, "scan"),
        hidden(&room.body, "version")
    );
    petya.post("/staff/scans/undo", &back).await;
    for said in [boris.get(&link).await, boris.post(&link, "").await] {
        assert_eq!(said.status, StatusCode::GONE, "{}", said.body);
        for words in [
            "Съгласието е отменено от нас",
            "от Вас не се иска нищо",
            "/enrol",
        ] {
            assert!(said.body.contains(words), "{words}: {}", said.body);
        }
    }
    let state = world.store.enrolment_of(&number(seed::BORIS)).await;
    assert!(matches!(state.expect("asked"), EnrolmentState::None));
}
