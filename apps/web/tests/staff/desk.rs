//! What agents and clerks do for a customer who called or came.

use axum::http::StatusCode;
use kvit_billing::{BillNumber, DeliveryId, Language, Role, reference::CreditorReference};
use kvit_store::{Channel, EnrolmentState, Event, NewDelivery, PasskeyOwner, Written};
use serde_json::json;

use super::{
    URL,
    common::{Browser, World, consent_sha256, key, number, seed},
    hidden, now,
};

/// An agent or clerk recognises a customer. Gives the contact.
async fn recognise(browser: &mut Browser, world: &World, customer: &str, more: &str) -> String {
    let path = format!("/staff/customers/{customer}");
    let entry = hidden(&browser.get(&path).await.body, "entry");
    let code = world.code(customer).replace(' ', "+");
    let form = format!("entry={entry}&reference=C-17&code={code}{more}");
    let answer = browser.post(&format!("{path}/contact"), &form).await;
    let to = answer.header("location").to_owned();
    assert!(to.ends_with("done=recognised"), "{}", answer.body);
    entry
}

#[tokio::test]
async fn an_agent_finds_recognises_and_enrols() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let short = ana.post("/staff/customers", "wanted=%D0%B0").await;
    assert!(short.body.contains("поне три"));
    let found = ana
        .post("/staff/customers", "wanted=%D0%A1%D0%BE%D1%84%D0%B8%D1%8F")
        .await;
    assert!(
        found.body.contains("Намерени: 3") && found.body.contains("Борис"),
        "{}",
        found.body
    );
    let one = ana
        .post("/staff/customers", "wanted=%D0%B1%D0%BE%D1%80%D0%B8%D1%81")
        .await;
    assert_eq!(one.header("location"), "/staff/customers/1000002");
    let trail = world.store.events("staff/ana", 9).await.expect("a trail");
    let searched = trail.iter().filter(|e| e.what == "customer.searched");
    assert_eq!(searched.count(), 2, "also one that found one customer");
    let number_typed = ana.post("/staff/customers", "wanted=1000+001").await;
    assert_eq!(number_typed.header("location"), "/staff/customers/1000001");

    let path = "/staff/customers/1000002";
    let page = ana.get(path).await;
    let code = world.code(seed::BORIS);
    for secret in [code.as_str(), &code.replace(' ', "")] {
        assert!(!page.body.contains(secret), "the code is never shown");
    }
    assert!(page.body.contains("Издадена фактура № 0000000002"));
    let early = ana.get(&format!("{path}/enrol")).await;
    assert_eq!(
        early.header("location"),
        "/staff/customers/1000002?done=over"
    );
    let entry = hidden(&page.body, "entry");
    let wrong = format!("entry={entry}&reference=C-17&code=00000000");
    let wrong = ana.post(&format!("{path}/contact"), &wrong).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("Кодът не отговаря") && wrong.body.contains("value=\"C-17\""));
    let call = recognise(&mut ana, &world, seed::BORIS, "").await;

    let form = ana.get(&format!("{path}/enrol?call={call}")).await;
    let version = hidden(&form.body, "version");
    let step = |email: &str, more: &str| {
        format!("call={call}&version={version}&language=bg&email={email}{more}")
    };
    let path_enrol = format!("{path}/enrol");
    let typo = ana.post(&path_enrol, &step("boris@gmial.com", "")).await;
    assert!(typo.body.contains("boris@gmail.com"));
    let bad = ana.post(&path_enrol, &step("boris@", "")).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let pressed = "&sure=boris@gmial.com&instead=boris@gmail.com";
    // Enter presses that button too.
    let other = ana
        .post(&path_enrol, &step("boris@gmall.com", pressed))
        .await;
    assert!(other.body.contains("value=\"boris@gmall.com\""));
    let read = ana
        .post(&path_enrol, &step("boris@gmial.com", pressed))
        .await;
    assert!(
        read.body.contains("кльомба") && read.body.contains("2026-01"),
        "{}",
        read.body
    );
    let id = hidden(&read.body, "entry");
    let agreed = step("boris@gmail.com", &format!("&entry={id}"));
    for _press in 0..2 {
        let done = ana.post(&path_enrol, &agreed).await;
        assert!(
            done.header("location").ends_with("done=enrolled"),
            "{}",
            done.body
        );
    }
    let facts = world
        .store
        .enrolments_of(&number(seed::BORIS), 9)
        .await
        .expect("facts");
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].evidence["agent"], "ana");
    assert_eq!(facts[0].evidence["reference"], "C-17");
    assert_eq!(facts[0].evidence["recognised_by"], "code");
    assert_eq!(
        facts[0].evidence["text_sha256"],
        consent_sha256(Language::Bg)
    );
    assert_eq!(facts[0].evidence["language"], "bg");
    let page = ana.get(&format!("{path}?call={call}&done=enrolled")).await;
    assert!(
        page.body
            .contains("На хартия, докато не потвърди boris@gmail.com")
    );
    assert!(
        page.body
            .contains("Поиска е-сметка на boris@gmail.com по телефона")
    );
    // The language is changed at the answer to a form, which is no page of its own.
    let answer = ana.get(&format!("{path}/contact?lang=bg")).await;
    assert_eq!(answer.header("location"), path);
    // In another call the address is not shown whole.
    assert!(!ana.get(path).await.body.contains("boris@gmail.com"));

    let note = format!("entry={id}&note=%3Cb%3E+%D1%81%D1%83%D1%82%D1%80%D0%B8%D0%BD");
    for _press in 0..2 {
        ana.post(&format!("{path}/note"), &note).await;
    }
    let page = ana.get(path).await;
    assert_eq!(page.body.matches("Бележка: &lt;b&gt; сутрин").count(), 1);
    let trail = world
        .store
        .events("customer/1000002", 99)
        .await
        .expect("a trail");
    for what in [
        "customer.viewed",
        "customer.not-recognised",
        "customer.recognised",
        "customer.enrolled",
        "customer.noted",
    ] {
        assert!(
            trail
                .iter()
                .any(|event| event.what == what && event.who == "ana"),
            "{what}"
        );
    }
}

#[tokio::test]
async fn two_agents_on_one_record() {
    let world = World::new(URL).await;
    let mut calls = Vec::new();
    for login in ["ana", "eva"] {
        world.hire(login, Role::Agent).await;
        let mut browser = world.browser();
        browser.sign_in_staff(login).await;
        let call = recognise(&mut browser, &world, seed::BORIS, "").await;
        let path = format!("/staff/customers/1000002/enrol?call={call}");
        let version = hidden(&browser.get(&path).await.body, "version");
        let form = format!("call={call}&version={version}&language=bg&email={login}@primer.bg");
        let read = browser.post("/staff/customers/1000002/enrol", &form).await;
        let id = hidden(&read.body, "entry");
        calls.push((browser, format!("{form}&entry={id}")));
    }
    let mut answers = Vec::new();
    for (browser, form) in &mut calls {
        let done = browser.post("/staff/customers/1000002/enrol", form).await;
        answers.push(done.header("location").to_owned());
    }
    assert!(answers[0].ends_with("done=enrolled") && answers[1].ends_with("done=outdated"));
    let state = world
        .store
        .enrolment_of(&number(seed::BORIS))
        .await
        .expect("a state");
    let EnrolmentState::Pending(record) = state else {
        panic!("the first one's consent waits");
    };
    assert_eq!(record.email.expose(), "ana@primer.bg");
}

#[tokio::test]
async fn an_agent_brings_back_to_paper_and_sends_a_bill_again() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = "/staff/customers/1000001";
    let call = recognise(&mut ana, &world, seed::ANNA, "").await;
    let send = format!("call={call}&bill=0000000001");
    // The first mail is still on its way.
    let early = ana.post(&format!("{path}/send"), &send).await;
    assert!(early.header("location").ends_with("done=on-its-way"));
    seed::deliver_all(&world.store, now(&world)).await;
    let sent = ana.post(&format!("{path}/send"), &send).await;
    assert!(sent.header("location").ends_with("done=sent"));
    let bill = seed::first_bill();
    let all = world
        .store
        .deliveries_of_bill(bill)
        .await
        .expect("deliveries");
    assert_eq!(all.len(), 2);
    let other = ana
        .post(
            &format!("{path}/send"),
            &format!("call={call}&bill=0000000002"),
        )
        .await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "another's bill");

    let language = format!("call={call}&language=en");
    let done = ana.post(&format!("{path}/language"), &language).await;
    assert!(done.header("location").ends_with("done=language"));
    let known = world.store.customer(&number(seed::ANNA)).await;
    let known = known.expect("an answer").expect("Anna");
    assert_eq!(known.customer.language.tag(), "en");
    let told = world.store.events("customer/1000001", 30).await;
    let told = told.expect("the trail");
    let chosen = |event: &&kvit_store::Event| event.what == "customer.language-chosen";
    assert_eq!(told.iter().filter(chosen).count(), 1);

    let ask = ana.get(&format!("{path}/paper?call={call}")).await;
    let version = hidden(&ask.body, "version");
    let form = format!("call={call}&version={version}");
    let done = ana.post(&format!("{path}/paper"), &form).await;
    assert!(done.header("location").ends_with("done=paper"));
    let twice = ana.post(&format!("{path}/paper"), &form).await;
    assert!(twice.header("location").ends_with("done=paper"));
    let state = world
        .store
        .enrolment_of(&number(seed::ANNA))
        .await
        .expect("a state");
    assert!(matches!(state, EnrolmentState::None));
    let page = ana.get(path).await;
    assert!(page.body.contains("Сметката се върна на хартия"));
    assert!(page.body.contains("е прието от пощата на клиента"));
    world.clock.forward_hours(1);
    ana.sign_in_staff("ana").await;
    let over = ana.post(&format!("{path}/paper"), &form).await;
    assert!(
        over.header("location").ends_with("?done=over"),
        "the call is long over"
    );
}

#[tokio::test]
async fn a_clerk_prints_the_declaration_and_keeps_it() {
    let world = World::new(URL).await;
    world.hire("eva", Role::Clerk).await;
    let mut eva = world.browser();
    eva.sign_in_staff("eva").await;
    let path = "/staff/customers/1000002";
    let entry = hidden(&eva.get(path).await.body, "entry");
    let seen = format!("entry={entry}&document=1");
    let seen = eva.post(&format!("{path}/contact"), &seen).await;
    assert!(seen.header("location").ends_with("done=recognised"));
    let declared = format!("call={entry}&email=boris@primer.bg");
    let print = eva.post(&format!("{path}/declaration"), &declared).await;
    for part in [
        "Декларация за електронни сметки",
        "boris@primer.bg",
        "Център Русе",
        "Подпис",
        "Борис",
    ] {
        assert!(print.body.contains(part), "{part}");
    }
    let version = hidden(
        &eva.get(&format!("{path}/enrol?call={entry}")).await.body,
        "version",
    );
    let form = format!("call={entry}&version={version}&language=bg&email=boris@primer.bg");
    let read = eva.post(&format!("{path}/enrol"), &form).await;
    let form = format!("{form}&entry={}", hidden(&read.body, "entry"));
    let unsigned = eva.post(&format!("{path}/enrol"), &form).await;
    assert_eq!(unsigned.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = eva
        .post(&format!("{path}/enrol"), &format!("{form}&signed=1"))
        .await;
    assert!(
        done.header("location").ends_with("done=enrolled"),
        "{}",
        done.body
    );
    let facts = world
        .store
        .enrolments_of(&number(seed::BORIS), 9)
        .await
        .expect("facts");
    assert_eq!(facts[0].evidence["reference"], "Център Русе");
    assert_eq!(facts[0].evidence["signed"], true);
    assert_eq!(facts[0].evidence["recognised_by"], "document");
}

#[tokio::test]
async fn a_member_of_staff_must_not_guess_codes() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = "/staff/customers/1000002/contact";
    let wrong = "entry=00000000000000000000000000000001&reference=C&code=00000000";
    for _ in 0..4 {
        let answer = ana.post(path, wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let locked = ana.post(path, wrong).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(locked.header("retry-after"), "900");
    for part in [
        "За този клиент имаше твърде много опити за кратко време. Опитайте пак след 15 минути.",
        "href=\"&#x2f;staff&#x2f;customers&#x2f;1000002\"",
    ] {
        assert!(locked.body.contains(part), "{part}: {}", locked.body);
    }
    // The customer at home is not locked out by that.
    let code = world.code(seed::BORIS).replace(' ', "+");
    let form = format!("number={}&code={code}", seed::BORIS);
    let own = world.browser().post("/bill/check", &form).await;
    assert_eq!(own.status, StatusCode::SEE_OTHER, "{}", own.body);
}

#[tokio::test]
async fn a_customer_is_found_by_what_is_printed_on_a_bill() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let bill = seed::first_bill();
    let reference = CreditorReference::of(bill);
    let anna = format!("/staff/customers/{}", seed::ANNA);
    for wanted in [
        bill.to_string(),
        format!("%E2%84%96+{bill}"),
        reference.as_str().to_owned(),
        reference.to_string().to_lowercase().replace(' ', "+"),
        "anna".to_owned(),
        "%D0%90%D0%BD%D0%BD%D0%B0%00%D0%A1%D0%BE%D1%84%D0%B8%D1%8F".to_owned(),
    ] {
        let found = ana
            .post("/staff/customers", &format!("wanted={wanted}"))
            .await;
        assert_eq!(found.header("location"), anna, "{wanted}: {}", found.body);
    }
    for nobody in ["0000009999", "epay%2F99", "RF00", "%00%01"] {
        let found = ana
            .post("/staff/customers", &format!("wanted={nobody}"))
            .await;
        assert!(!found.status.is_server_error(), "{nobody}");
    }
    let page = ana.get(&anna).await;
    let note = format!("entry={}&note=a%00b", hidden(&page.body, "entry"));
    let noted = ana.post(&format!("{anna}/note"), &note).await;
    assert_eq!(noted.status, StatusCode::SEE_OTHER, "{}", noted.body);
}

#[tokio::test]
async fn a_bill_that_waits_for_the_printer_is_not_called_printed() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let bill = BillNumber::new(2).expect("in range");
    let (now, day) = (now(&world), jiff::SignedDuration::from_hours(24));
    let queued = NewDelivery {
        id: DeliveryId::of(bill, 1),
        bill,
        account: number(seed::BORIS),
        channel: Channel::Paper,
        email: None,
        language: Language::Bg,
        due_at: now + day,
        token: None,
    };
    let event = Event {
        at: now,
        who: "ana".to_owned(),
        what: "bill.sent-again".to_owned(),
        subject: format!("customer/{}", seed::BORIS),
        detail: json!({}),
    };
    let done = world.store.send_again(&queued, &event).await;
    assert_eq!(done.expect("an answer"), Written::Done);
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{}", seed::BORIS);
    let page = ana.get(&path).await.body;
    assert!(
        page.contains("чака отпечатване") && !page.contains("предадена за печат"),
        "{page}"
    );
    // Ahead of its day: what is told is when it was handed over.
    let printed = now + jiff::SignedDuration::from_mins(90);
    let handed = world.store.hand_over_paper(&[bill], printed, None).await;
    assert!(handed.expect("noted") > 0);
    let page = ana.get(&path).await.body;
    let before = page.split("предадена за печат").next().unwrap_or_default();
    let told = jiff::tz::TimeZone::get("Europe/Sofia").expect("known");
    let told = told.to_datetime(printed).strftime("%-H:%M").to_string();
    let row = before.rsplit("<li>").next().unwrap_or_default();
    assert!(row.contains(&told), "{told} in {row}");
}

#[tokio::test]
async fn an_agent_removes_the_passkeys_of_who_lost_a_telephone() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let owner = PasskeyOwner::Customer(number(seed::ANNA));
    let path = format!("/staff/customers/{}", seed::ANNA);
    assert!(!ana.get(&path).await.body.contains("Ключове за достъп"));
    key(&world, owner.clone()).await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let sessions = anna.get("/sessions").await;
    assert!(
        sessions.body.contains("Ключовете за достъп остават"),
        "{}",
        sessions.body
    );
    // Nobody's go before it is known who asks.
    let early = ana.post(&format!("{path}/passkeys"), "").await;
    assert_eq!(early.header("location"), format!("{path}?done=over"));
    let call = recognise(&mut ana, &world, seed::ANNA, "").await;
    let page = ana.get(&format!("{path}?call={call}")).await;
    assert!(page.body.contains("с 2 ключа за достъп"), "{}", page.body);
    let sure = ana.get(&format!("{path}/passkeys?call={call}")).await;
    assert!(
        sure.body.contains("вече няма да дават достъп"),
        "{}",
        sure.body
    );
    let left = world.store.passkeys_of(&owner, 1).await.expect("passkeys");
    assert_eq!(left.len(), 2, "asking removes nothing");
    let done = ana
        .post(&format!("{path}/passkeys"), &format!("call={call}"))
        .await;
    assert!(done.header("location").ends_with("done=passkeys"));
    let left = world.store.passkeys_of(&owner, 1).await.expect("passkeys");
    assert!(left.is_empty());
    assert_eq!(
        anna.get("/passkeys").await.header("location"),
        "/bills?ended"
    );
    let trail = world.store.events(&owner.to_string(), 99).await;
    let trail = trail.expect("a trail");
    let told = trail.iter().find(|event| event.what == "passkeys.removed");
    let told = told.expect("told");
    assert_eq!(
        (told.who.as_str(), &told.detail["reference"]),
        ("ana", &json!("C-17"))
    );
}

/// A clerk has the declaration on the screen. Gives the form without what is written in it.
async fn to_be_signed(clerk: &mut Browser, path: &str, email: &str) -> String {
    let entry = hidden(&clerk.get(path).await.body, "entry");
    let seen = format!("entry={entry}&document=1");
    clerk.post(&format!("{path}/contact"), &seen).await;
    let first = clerk.get(&format!("{path}/enrol?call={entry}")).await;
    let version = hidden(&first.body, "version");
    let form = format!("call={entry}&version={version}&language=bg&email={email}");
    let read = clerk.post(&format!("{path}/enrol"), &form).await;
    assert!(
        read.body.contains("Дай за подпис на екрана"),
        "{}",
        read.body
    );
    format!("{form}&entry={}", hidden(&read.body, "entry"))
}

const SIGNATURE: &str = "100,300 300,100 500,300 700,100;800,350";

#[tokio::test]
async fn a_declaration_is_signed_on_the_screen_and_shown_later() {
    let world = World::new(URL).await;
    world.hire("eva", Role::Clerk).await;
    let mut eva = world.browser();
    eva.sign_in_staff("eva").await;
    let path = "/staff/customers/1000002";
    let sign = format!("{path}/sign");
    let form = to_be_signed(&mut eva, path, "boris@primer.bg").await;
    let page = eva.post(&sign, &form).await;
    for part in ["boris@primer.bg", "Борис", "1000002", "Подпишете се тук"] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(!page.body.contains("/staff/sign-out"), "no menu");
    let rules = page.header("content-security-policy");
    assert!(rules.contains("script-src 'self';"), "{rules}");
    // Strokes are judged, and nothing is kept of what is none.
    let points = "1,1 999,1 ".repeat(2_001);
    for (strokes, why) in [
        ("", "е празно"),
        ("5,5", "твърде малък"),
        ("1,1 1001,1", "не беше приет"),
        ("<path/>", "не беше приет"),
        ("M0 0L500 500", "не беше приет"),
        (points.trim(), "твърде дълъг"),
    ] {
        let strokes = strokes.replace(' ', "+").replace(';', "%3B");
        let hostile = eva.post(&sign, &format!("{form}&strokes={strokes}")).await;
        assert_eq!(hostile.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert!(hostile.body.contains(why), "{why}: {}", hostile.body);
    }
    let huge = format!("{form}&strokes={}", "1".repeat(70_000));
    let huge = eva.post(&sign, &huge).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.shelf.pictures.lock().expect("free").is_empty());
    // Pressed twice, it counts once.
    let signed = format!(
        "{form}&strokes={}",
        SIGNATURE.replace(' ', "+").replace(';', "%3B")
    );
    for _press in 0..2 {
        let done = eva.post(&sign, &signed).await;
        let to = done.header("location");
        assert!(to.ends_with("done=enrolled"), "{}", done.body);
    }
    let facts = world.store.enrolments_of(&number(seed::BORIS), 9).await;
    let facts = facts.expect("facts");
    assert_eq!(facts.len(), 1);
    let sheet = kvit_store::SignedSheet::of(&facts[0].evidence).expect("a sheet");
    let pictures = world.shelf.pictures.lock().expect("free").clone();
    assert_eq!(pictures.len(), 1);
    let svg = pictures[&sheet.object].clone();
    assert_eq!(kvit_flow::scans::sha256(&svg), sheet.sha256);
    let svg = String::from_utf8(svg).expect("text");
    for part in [
        "M100 300L300 100L500 300L700 100M800 350h0",
        "Център Русе",
        "(eva)",
        "boris@primer.bg",
        "1000002",
    ] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    assert_eq!(facts[0].evidence["centre"], "Център Русе");
    let text = facts[0].evidence["text_sha256"].as_str().expect("a hash");
    assert_eq!(text, consent_sha256(Language::Bg));
    assert!(svg.contains(text) && svg.contains(&facts[0].record.text_version));
    let loose = world.store.loose_scan_objects(jiff::Timestamp::MAX).await;
    assert!(loose.expect("asked").is_empty(), "it stays");

    // Whoever serves the customer sees it, and that is written down.
    let id = &facts[0].record.id;
    let page = eva.get(path).await;
    assert!(page.body.contains("Подписана на екран"));
    let call = form.split(['=', '&']).nth(1).expect("a call");
    let shown = eva.get(&format!("{path}/signed/{id}?call={call}")).await;
    assert_eq!(shown.body, svg);
    assert_eq!(shown.header("content-type"), "image/svg+xml");
    let rules = shown.header("content-security-policy");
    assert!(rules.starts_with("default-src 'none'; sandbox"), "{rules}");
    let unknown = eva.get(&format!("{path}/signed/{id}")).await;
    assert_ne!(unknown.status, StatusCode::OK, "nobody is recognised");
    let other = "/staff/customers/1000001";
    let entry = hidden(&eva.get(other).await.body, "entry");
    let seen = format!("entry={entry}&document=1");
    eva.post(&format!("{other}/contact"), &seen).await;
    let another = eva.get(&format!("{other}/signed/{id}?call={entry}")).await;
    assert_eq!(another.status, StatusCode::NOT_FOUND);
    let trail = world.store.events("customer/1000002", 99).await;
    let trail = trail.expect("a trail");
    for (what, times) in [
        ("declaration.shown", 1),
        ("customer.enrolled", 1),
        ("declaration.viewed", 1),
    ] {
        let found = trail.iter().filter(|event| event.what == what);
        assert_eq!(found.count(), times, "{what}");
    }
}

#[tokio::test]
async fn ten_years_are_told_page_by_page() {
    let world = World::new(URL).await;
    seed::history_of(&world.store, &world.key, 120).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let link = |body: &str, of: &str, end: &str| -> Option<String> {
        let path = format!("/staff/customers/{}?{of}=", seed::MARIA);
        let links = body.split("href=\"").skip(1);
        let mut links = links.filter_map(|rest| rest.split('"').next());
        let found = links.find(|link| link.starts_with(&path) && link.ends_with(end));
        found.map(|link| link.replace("&amp;", "&").replace(end, ""))
    };
    let first = format!("/staff/customers/{}", seed::MARIA);
    let (mut next, mut pages, mut told) = (Some(first.clone()), 0, Vec::new());
    while let Some(path) = next {
        let body = ana.get(&path).await.body;
        let list = body.split("<ol class=\"told\">").nth(1).expect("a list");
        let list = list.split("</ol>").next().expect("an end");
        told.extend(list.split("<li>").skip(1).map(str::to_owned));
        assert_eq!(body.contains("Към последните сметки"), pages > 0);
        next = link(&body, "until", "#happened");
        pages += 1;
    }
    assert_eq!(pages, told.len().div_ceil(120));
    let issued = |text: &&String| text.contains("Издаден") && text.contains('№');
    assert_eq!(told.iter().filter(issued).count(), 120);
    assert!(pages > 1, "{}", told.len());
    let counted = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), counted, "each once");

    let (mut next, mut bills) = (Some(first), Vec::new());
    while let Some(path) = next {
        let body = ana.get(&path).await.body;
        let list = body.split("id=\"bills\"").nth(1).expect("a list");
        let list = list.split("</section>").next().expect("an end").to_owned();
        let numbers = list.split("<span class=\"num\">").skip(1);
        let numbers = numbers.filter_map(|rest| rest.get(..10).map(str::to_owned));
        bills.extend(numbers.filter(|number| number.bytes().all(|b| b.is_ascii_digit())));
        next = link(&list, "bills", "#bills");
    }
    assert_eq!(bills.len(), 120);
    bills.dedup();
    assert_eq!(bills.len(), 120, "each once");
}

/// A clerk notes that the account is closed, once; what the customer had with it ends, and the old code opens nothing.
#[tokio::test]
async fn a_clerk_closes_an_account_and_opens_it_again() {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    world.hire("eva", Role::Clerk).await;
    let mut eva = world.browser();
    eva.sign_in_staff("eva").await;
    let page = "/staff/customers/1000001";
    let path = format!("{page}/account");
    let form = eva.get(&path).await;
    assert!(form.body.contains("Партидата е на друг титуляр"));
    let generation = hidden(&form.body, "generation");
    let wrong = eva
        .post(&path, &format!("generation={generation}&day=2030-01-01"))
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for fault in [
        "Изберете какво се е променило.",
        "Въведете ден, който не е в бъдещето.",
        "Въведете основание",
    ] {
        assert!(wrong.body.contains(fault), "{fault}");
    }
    let closed = format!("generation={generation}&what=closed&day=2026-11-01&why=ПР-7");
    let done = eva.post(&path, &closed).await;
    assert!(done.header("location").ends_with("?done=account"));
    let twice = eva.post(&path, &closed).await;
    assert!(twice.header("location").ends_with("?done=outdated"));
    let state = world.store.enrolment_of(&number(seed::ANNA)).await;
    assert!(matches!(state.expect("a state"), EnrolmentState::None));
    let shown = eva.get(page).await.body;
    assert!(shown.contains("Партидата е закрита на"), "{shown}");
    // Whoever has the code of the last bill is told, and offered nothing that is over.
    let code = world.key.authorization_code(&number(seed::ANNA), 2);
    let code = code.printed().replace(' ', "+");
    let form = format!("number={}&code={code}", seed::ANNA);
    let mut last = world.browser();
    last.post("/bill/check", &form).await;
    let bills = last.get("/bills").await.body;
    assert!(bills.contains("Партидата е закрита на"), "{bills}");
    assert!(!bills.contains("Искам е-сметка"), "{bills}");
    assert!(shown.contains("приключи: партидата е закрита"), "{shown}");
    // The session is over, and number and code from the old bill open nothing.
    assert!(anna.get("/bills").await.body.contains("name=\"code\""));
    let code = world.code(seed::ANNA).replace(' ', "");
    let old = format!("next=bills&number={}&code={code}", seed::ANNA);
    let refused = anna.post("/bill/check", &old).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    // The link in the old mail still shows its bill.
    let receipt = anna.get(&world.receipt_path()).await;
    assert!(receipt.body.contains("0000000001"));
    let again = eva.get(&path).await;
    assert!(again.body.contains("Отвори отново"));
    let opened = eva.post(&path, "what=reopened&why=грешка").await;
    assert!(opened.header("location").ends_with("?done=account"));
    let known = world.store.customer(&number(seed::ANNA)).await;
    assert_eq!(known.expect("an answer").expect("Anna").closed_on, None);
    let events = world.store.events("customer/1000001", 20).await;
    let events = events.expect("the trail");
    let told = |what| events.iter().filter(|event| event.what == what).count();
    assert_eq!((told("account.closed"), told("account.reopened")), (1, 1));
}
