//! Readers beside the customer: asked, proven, shown, removed, and gone by one press.

mod common;

use axum::http::{Method, StatusCode};
use common::{Answer, Browser, World, number, seed};
use kvit_billing::{DeliveryKind, Language, Role, code::TokenPurpose, ports::Clock};
use kvit_store::{DeliveryState, ReaderRecord};

const URL: &str = "http://localhost:8080";

/// Maria, who gets e-bills, signed in.
async fn maria(world: &World) -> Browser {
    seed::history(&world.store, &world.key).await;
    let mut maria = world.browser();
    maria.sign_in(world, seed::MARIA).await;
    maria
}

async fn add(browser: &mut Browser, name: &str, email: &str) -> Answer {
    let form = format!("name={}&email={}&language=en", coded(name), coded(email));
    browser.post("/readers", &form).await
}

/// As a form sends it.
fn coded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// How the latest reader was asked for.
async fn evidence(world: &World) -> serde_json::Value {
    let facts = world.store.reader_facts_of(&number(seed::MARIA), 1).await;
    facts.expect("a store").remove(0).evidence
}

async fn readers(world: &World) -> Vec<ReaderRecord> {
    let found = world.store.readers_of(&number(seed::MARIA), 50).await;
    let mut found = found.expect("a store");
    found.retain(|reader| reader.ended_at.is_none());
    found
}

#[tokio::test]
async fn a_reader_is_invited_joins_and_leaves() {
    let world = World::new(URL).await;
    let mut maria = maria(&world).await;
    assert!(
        maria
            .get("/bills")
            .await
            .body
            .contains("Кой още получава сметките")
    );
    let page = maria.get("/readers").await;
    assert!(page.body.contains("кодът за достъп") && page.body.contains("m•••@primer.bg"));
    let added = add(&mut maria, "Хазяйката", "hazaika@abv.bg").await;
    assert_eq!(
        added.header("location"),
        "/readers?done=added",
        "{}",
        added.body
    );
    let page = maria.get("/readers?done=added").await;
    assert!(page.body.contains("Хазяйката") && page.body.contains("h•••@abv.bg"));
    assert!(page.body.contains("чака потвърждение") && !page.body.contains("hazaika@"));

    // Scanners look; only the button joins.
    let path = world.join_path(seed::MARIA).await;
    let mut other = world.browser();
    for _look in 0..3 {
        let asked = other.get(&path).await;
        assert!(
            asked.body.contains("Yes, I want to get them"),
            "{}",
            asked.body
        );
        assert!(asked.body.contains("••••003") && !asked.body.contains(seed::MARIA));
        other.ask(Method::HEAD, &path, "", &[]).await;
    }
    assert_eq!(readers(&world).await[0].proven_at, None);
    world.clock.forward(60);
    let joined = other.ask(Method::POST, &path, "x=y", &[]).await;
    assert!(joined.body.contains("Done, thank you"));
    let again = other.ask(Method::POST, &path, "x=y", &[]).await;
    assert!(again.body.contains("confirmed already"));
    assert!(maria.get("/bills").await.body.contains("още един човек"));

    // The link opens one bill, and nothing else.
    let reader = readers(&world).await.remove(0);
    assert_eq!(reader.language, Language::En);
    let copy = world.copy_path(seed::MARIA).await;
    let mut other = world.browser();
    let seen = other.get(&copy).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.body.contains("Copy of a bill") && !seen.body.contains("/receipt/"));
    let pdf = other.get(&format!("{copy}/bill")).await;
    assert!(pdf.body.starts_with("%PDF") && pdf.header("content-type") == "application/pdf");
    assert!(
        other.get("/bills").await.body.contains("name=\"code\""),
        "no session"
    );
    let token = copy.rsplit('/').next().expect("a token");
    for foreign in ["/receipt/", "/sign-in/", "/reminders/", "/prove/", "/join/"] {
        let closed = other.get(&format!("{foreign}{token}")).await;
        assert_eq!(closed.status, StatusCode::NOT_FOUND, "{foreign}");
    }

    // One press ends it, also for the links of before.
    let leave = format!("{copy}/leave");
    assert!(
        other
            .get(&leave)
            .await
            .body
            .contains("customer number 1000003")
    );
    assert_eq!(readers(&world).await.len(), 1, "looking changes nothing");
    world.clock.forward(60);
    let left = other.ask(Method::POST, &leave, "x=y", &[]).await;
    assert!(
        left.body.contains("no more of these bills"),
        "{}",
        left.body
    );
    assert!(readers(&world).await.is_empty());
    for path in [copy.clone(), format!("{copy}/bill"), leave.clone(), path] {
        assert_eq!(other.get(&path).await.status, StatusCode::GONE, "{path}");
    }
    let twice = other.ask(Method::POST, &leave, "x=y", &[]).await;
    assert_eq!(twice.status, StatusCode::GONE);
    let trail = world
        .store
        .events("customer/1000003", 9)
        .await
        .expect("a trail");
    let trail: Vec<_> = trail
        .iter()
        .map(|e| (e.who.as_str(), e.what.as_str()))
        .collect();
    assert_eq!(
        trail,
        [
            ("reader", "reader.left"),
            ("reader", "reader.proven"),
            ("customer", "reader.added")
        ]
    );
    assert_eq!(other.get("/copy/x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(other.get("/join/x").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hostile_names_and_addresses_stay_text() {
    let world = World::new(URL).await;
    let mut maria = maria(&world).await;
    let hostile = "\"><script>alert(1)</script>\r\nBcc: x@y.bg";
    let added = add(&mut maria, hostile, "a@primer.bg").await;
    assert_eq!(added.header("location"), "/readers?done=added");
    let page = maria.get("/readers").await;
    assert!(!page.body.contains("<script>") && page.body.contains("&lt;script&gt;"));
    assert!(!readers(&world).await[0].name.contains(['\r', '\n']));
    for bad in [
        hostile,
        "a@primer.bg\r\nBcc: x@y.bg",
        "\"a b\"@primer.bg",
        "a@primer.bg,b@primer.bg",
        "a@[127.0.0.1]",
        "",
    ] {
        let answer = add(&mut maria, "", bad).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert!(!answer.body.contains("<script>"), "{bad}");
    }
    let long = add(&mut maria, &"я".repeat(61), "b@primer.bg").await;
    assert!(
        long.body.contains("най-много 60 знака") && long.body.contains("value=\"b@primer.bg\"")
    );

    // A Cyrillic letter in a Latin domain is refused, however sure somebody is, and the Latin one offered.
    let look_alike = "ana@gm\u{430}il.com";
    let sure = format!("email={0}&sure={0}&language=bg", coded(look_alike));
    let refused = maria.post("/readers", &sure).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["са смесени", "name=\"instead\" value=\"ana@gmail.com\""] {
        assert!(refused.body.contains(part), "{part}: {}", refused.body);
    }
    // A domain that is Cyrillic throughout is shown as machines write it, never as one that it looks like.
    add(&mut maria, "", "ana@\u{441}\u{43e}\u{441}\u{43e}.бг").await;
    let page = maria.get("/readers").await;
    assert!(page.body.contains("a•••@xn--"), "{}", page.body);
    assert!(!page.body.contains("a•••@\u{441}"));
}

#[tokio::test]
async fn readers_are_few_and_each_customer_s_own() {
    let world = World::with_limits(URL, 50, 50).await;
    let mut maria = maria(&world).await;
    let own = add(&mut maria, "", "maria.petrova@primer.bg").await;
    assert!(own.body.contains("вече идват на този адрес"));
    for n in 0..5 {
        add(&mut maria, "", &format!("r{n}@primer.bg")).await;
    }
    let sixth = add(&mut maria, "", "r6@primer.bg").await;
    assert!(
        sixth.body.contains("Повече хора не можем"),
        "{}",
        sixth.body
    );
    assert!(
        maria
            .get("/readers")
            .await
            .body
            .contains("най-много още 5 души")
    );
    let all = readers(&world).await;
    assert_eq!(all.len(), 5);
    let remove = |reader: &ReaderRecord| format!("reader={}", reader.id);

    // Another customer removes none of them, whether or not they have e-bills.
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    assert_eq!(anna.get("/readers").await.header("location"), "/bills");
    anna.post("/readers/remove", &remove(&all[0])).await;
    assert_eq!(readers(&world).await.len(), 5);
    let stranger = world
        .browser()
        .post("/readers/remove", &remove(&all[0]))
        .await;
    assert_eq!(stranger.header("location"), "/bills?ended");
    let foreign = maria
        .ask(Method::POST, "/readers/remove", &remove(&all[0]), &[])
        .await;
    assert_eq!(
        foreign.status,
        StatusCode::FORBIDDEN,
        "no token of our form"
    );
    for _press in 0..2 {
        maria.post("/readers/remove", &remove(&all[0])).await;
    }
    assert_eq!(readers(&world).await.len(), 4);
    let token = world
        .key
        .token(TokenPurpose::ProveReader, all[0].id.as_str());
    let dead = format!("/join/{}", token.expose());
    let dead = world.browser().get(&dead).await;
    assert_eq!(dead.status, StatusCode::GONE);

    // Back to paper, nobody reads along.
    maria.get("/paper").await;
    maria.post("/paper", "").await;
    assert!(readers(&world).await.is_empty());
    assert_eq!(maria.get("/readers").await.header("location"), "/bills");
}

#[tokio::test]
async fn invitations_flood_nobody() {
    let world = World::with_limits(URL, 3, 50).await;
    let mut maria = maria(&world).await;
    let mut last = StatusCode::OK;
    for _press in 0..4 {
        last = add(&mut maria, "", "r@primer.bg").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    world.clock.forward_hours(49);
    let mut maria = world.browser();
    maria.sign_in(&world, seed::MARIA).await;
    assert!(
        maria
            .get("/readers")
            .await
            .body
            .contains("не беше потвърдена навреме")
    );
    let path = world.join_path(seed::MARIA).await;
    let late = maria.ask(Method::POST, &path, "x=y", &[]).await;
    assert_eq!(late.status, StatusCode::GONE);
}

#[tokio::test]
async fn staff_see_and_remove_readers() {
    let world = World::new(URL).await;
    let mut maria = maria(&world).await;
    add(&mut maria, "Счетоводител", "smetki@kantora.bg").await;
    let reader = readers(&world).await.remove(0);
    world
        .browser()
        .ask(
            Method::POST,
            &world.join_path(seed::MARIA).await,
            "x=y",
            &[],
        )
        .await;
    world.copy_path(seed::MARIA).await;
    seed::deliver_all(&world.store, world.clock.now()).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{}", seed::MARIA);
    let page = ana.get(&path).await;
    assert!(page.body.contains("Счетоводител") && page.body.contains("s•••@kantora.bg"));
    assert!(
        !page.body.contains("smetki@kantora.bg"),
        "nobody is recognised yet"
    );
    assert!(page.body.contains("прието от пощата на друг получател"));
    let without = ana
        .post(&format!("{path}/reader"), &format!("reader={}", reader.id))
        .await;
    assert!(without.header("location").ends_with("done=over"));
    assert_eq!(readers(&world).await.len(), 1);

    let mark = "name=\"entry\" value=\"";
    let from = page.body.find(mark).expect("a form") + mark.len();
    let call = page.body[from..from + 32].to_owned();
    let code = world.code(seed::MARIA).replace(' ', "+");
    let form = format!("entry={call}&reference=C-17&code={code}");
    ana.post(&format!("{path}/contact"), &form).await;
    let page = ana.get(&format!("{path}?call={call}")).await;
    assert!(page.body.contains("smetki@kantora.bg"));
    let form = format!("call={call}&reader={}", reader.id);
    for done in ["done=reader", "done=outdated"] {
        let removed = ana.post(&format!("{path}/reader"), &form).await;
        assert!(removed.header("location").ends_with(done));
    }
    assert!(readers(&world).await.is_empty());
    let page = ana.get(&format!("{path}?call={call}&done=reader")).await;
    assert!(page.body.contains("вече не се изпращат копия"));
    let trail = world
        .store
        .events("customer/1000003", 99)
        .await
        .expect("a trail");
    let removed = trail.iter().find(|event| event.what == "reader.removed");
    assert_eq!(removed.expect("it is told").who, "ana");
    let mails = world
        .store
        .deliveries_of_customer(&number(seed::MARIA), 50)
        .await;
    let mails = mails.expect("a store");
    let copy = mails
        .iter()
        .find(|mail| mail.id.kind() == DeliveryKind::Copy);
    assert_eq!(copy.expect("the copy").state, DeliveryState::Sent);
}

/// Recognises Maria on the telephone. Gives the call.
async fn recognised(browser: &mut Browser, world: &World, path: &str) -> String {
    let entry = hidden(&browser.get(path).await.body, "entry");
    let code = world.code(seed::MARIA).replace(' ', "+");
    let form = format!("entry={entry}&reference=C-17&code={code}");
    let seen = browser.post(&format!("{path}/contact"), &form).await;
    assert!(seen.header("location").ends_with("done=recognised"));
    entry
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let from = page.find(&mark).expect("the field") + mark.len();
    let value = page[from..].split('"').next();
    value.expect("its end").to_owned()
}

#[tokio::test]
async fn an_agent_invites_a_reader_whom_the_customer_names() {
    let world = World::new(URL).await;
    let mut maria = maria(&world).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{}", seed::MARIA);
    let invite = format!("{path}/readers");
    let page = ana.get(&path).await;
    assert!(page.body.contains("Само клиентът.") && !page.body.contains("Покани човек"));
    // Nothing before it is known who calls.
    let early = ana.get(&invite).await;
    assert!(early.header("location").ends_with("done=over"));
    let early = ana.post(&invite, "email=kantora@abv.bg&entry=1").await;
    assert!(early.header("location").ends_with("done=over"));
    let call = recognised(&mut ana, &world, &path).await;
    let page = ana.get(&format!("{path}?call={call}")).await;
    assert!(page.body.contains("Покани човек"));

    let form = ana.get(&format!("{invite}?call={call}")).await;
    let version = hidden(&form.body, "version");
    let step = |email: &str, more: &str| {
        let name = coded("Кантората");
        let email = coded(email);
        format!("call={call}&version={version}&language=bg&name={name}&email={email}{more}")
    };
    for (email, told) in [
        ("kantora@", "Имейл адрес"),
        ("maria.petrova@primer.bg", "вече идват на този адрес"),
        ("ana@gm\u{430}il.com", "са смесени"),
    ] {
        let wrong = ana.post(&invite, &step(email, "")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{email}");
        assert!(wrong.body.contains(told), "{email}: {}", wrong.body);
    }
    let typo = ana.post(&invite, &step("kantora@gmial.com", "")).await;
    assert!(
        typo.body
            .contains("name=\"instead\" value=\"kantora@gmail.com\"")
    );
    let pressed = "&sure=kantora@gmial.com&instead=kantora@gmail.com";
    // Enter presses that button too.
    let other = ana.post(&invite, &step("kantora@gmall.com", pressed)).await;
    assert!(other.body.contains("value=\"kantora@gmall.com\""));
    let read = ana.post(&invite, &step("kantora@gmial.com", pressed)).await;
    for part in ["кльомба", "кодът за достъп", "value=\"Кантората\""] {
        assert!(read.body.contains(part), "{part}: {}", read.body);
    }
    assert!(readers(&world).await.is_empty(), "reading back asks nobody");
    let entry = hidden(&read.body, "entry");
    let wish = step("kantora@gmail.com", &format!("&entry={entry}"));
    let back = ana.post(&invite, &format!("{wish}&back=1")).await;
    assert!(back.body.contains("value=\"kantora@gmail.com\"") && readers(&world).await.is_empty());
    for _press in 0..2 {
        let asked = ana.post(&invite, &wish).await;
        let to = asked.header("location");
        assert!(to.ends_with("done=invited"), "{to}: {}", asked.body);
    }
    // From a page of before, nothing more.
    let stale = step("b@primer.bg", &format!("&entry={:032x}", 7));
    let stale = ana.post(&invite, &stale).await;
    assert!(stale.header("location").ends_with("done=outdated"));
    let all = readers(&world).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].email.expose(), "kantora@gmail.com");
    for (key, value) in [
        ("by", "phone"),
        ("agent", "ana"),
        ("reference", "C-17"),
        ("recognised_by", "code"),
    ] {
        assert_eq!(evidence(&world).await[key], value, "{key}");
    }
    let page = ana.get(&format!("{path}?call={call}&done=invited")).await;
    for part in [
        "Изпращаме покана",
        "поканен е, не е потвърдил",
        "Поиска по телефона сметките да идват и на kantora@gmail.com",
        "Кантората · ana · C-17",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    // The customer sees it, and the reader proves the address by the link as always.
    let page = maria.get("/readers").await;
    assert!(page.body.contains("Кантората") && page.body.contains("чака потвърждение"));
    let join = world.join_path(seed::MARIA).await;
    let joined = world.browser().ask(Method::POST, &join, "x=y", &[]).await;
    assert!(
        joined.body.contains("Готово, благодарим"),
        "{}",
        joined.body
    );

    let form = format!("call={call}&reader={}", all[0].id);
    for done in ["done=reader", "done=outdated"] {
        let removed = ana.post(&format!("{path}/reader"), &form).await;
        assert!(removed.header("location").ends_with(done));
    }
    // The invitation, sent again from where it was pressed, does not come alive.
    let again = ana.post(&invite, &wish).await;
    assert!(again.header("location").ends_with("done=outdated"));
    assert!(readers(&world).await.is_empty());
    let page = ana.get(&format!("{path}?call={call}")).await;
    let told = "копия на сметките, по искане на клиента по телефона";
    assert!(page.body.contains(told), "{}", page.body);
    let trail = world.store.events("customer/1000003", 99).await;
    let trail = trail.expect("a trail");
    for what in ["reader.added", "reader.removed"] {
        let told: Vec<_> = trail.iter().filter(|event| event.what == what).collect();
        assert_eq!(told.len(), 1, "{what}");
        assert_eq!(told[0].who, "ana");
        assert_eq!(told[0].detail["channel"], "phone");
        assert_eq!(told[0].detail["reference"], "C-17");
    }
    let own = maria.get("/mine").await;
    assert!(
        !own.body.contains("\"ana\""),
        "who of staff it was is theirs"
    );
}

#[tokio::test]
async fn who_invites_too_many_waits_in_the_console() {
    let world = World::with_limits(URL, 1, 50).await;
    maria(&world).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{}", seed::MARIA);
    let invite = format!("{path}/readers");
    let call = recognised(&mut ana, &world, &path).await;
    let mut invited = async |email: &str| {
        let form = ana.get(&format!("{invite}?call={call}")).await;
        let version = hidden(&form.body, "version");
        let step = format!("call={call}&version={version}&language=bg&email={email}");
        let read = ana.post(&invite, &step).await;
        let entry = hidden(&read.body, "entry");
        ana.post(&invite, &format!("{step}&entry={entry}")).await
    };
    let first = invited("a@primer.bg").await;
    assert!(first.header("location").ends_with("done=invited"));
    let second = invited("b@primer.bg").await;
    assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        second
            .body
            .contains("За този клиент имаше твърде много опити")
    );
    assert_eq!(readers(&world).await.len(), 1);
}

#[tokio::test]
async fn a_clerk_invites_who_fits_and_a_looker_nobody() {
    let world = World::with_limits(URL, 50, 50).await;
    let mut maria = maria(&world).await;
    for (login, role) in [
        ("eva", Role::Clerk),
        ("billing", Role::Billing),
        ("auditor", Role::Auditor),
    ] {
        world.hire(login, role).await;
    }
    let path = format!("/staff/customers/{}", seed::MARIA);
    let invite = format!("{path}/readers");
    for login in ["billing", "auditor"] {
        let mut looker = world.browser();
        looker.sign_in_staff(login).await;
        let page = looker.get(&path).await;
        assert!(page.body.contains("Само клиентът."));
        assert!(!page.body.contains("/readers?call") && !page.body.contains("Може да каните"));
        assert_eq!(looker.get(&invite).await.status, StatusCode::FORBIDDEN);
        let posted = looker.post(&invite, "email=a@primer.bg").await;
        assert_eq!(posted.status, StatusCode::FORBIDDEN);
    }
    let mut eva = world.browser();
    eva.sign_in_staff("eva").await;
    let call = hidden(&eva.get(&path).await.body, "entry");
    let seen = format!("entry={call}&document=1");
    eva.post(&format!("{path}/contact"), &seen).await;
    let wish = async |eva: &mut Browser, email: &str| {
        let form = eva.get(&format!("{invite}?call={call}")).await;
        let version = hidden(&form.body, "version");
        let step = format!("call={call}&version={version}&language=en&email={email}");
        let read = eva.post(&invite, &step).await;
        if read.status != StatusCode::OK {
            return read;
        }
        let entry = hidden(&read.body, "entry");
        eva.post(&invite, &format!("{step}&entry={entry}")).await
    };
    let asked = wish(&mut eva, "r0@primer.bg").await;
    assert!(asked.header("location").ends_with("done=invited"));
    let first = readers(&world).await.remove(0);
    assert_eq!(first.language, Language::En);
    assert_eq!(evidence(&world).await["recognised_by"], "document");
    let page = eva.get(&format!("{path}?call={call}")).await;
    assert!(
        page.body
            .contains("Поиска в центъра сметките да идват и на r0@primer.bg")
    );
    assert!(page.body.contains("eva · Център Русе"));
    for n in 1..5 {
        add(&mut maria, "", &format!("r{n}@primer.bg")).await;
    }
    let page = eva.get(&format!("{path}?call={call}")).await;
    assert!(page.body.contains("Повече от 5 души не може") && !page.body.contains("Покани човек"));
    let sixth = wish(&mut eva, "r6@primer.bg").await;
    assert!(
        sixth.body.contains("Повече хора не можем"),
        "{}",
        sixth.body
    );
    // Who is asked anew is one of the five.
    let anew = wish(&mut eva, "r4@primer.bg").await;
    assert!(anew.header("location").ends_with("done=invited"));
    assert_eq!(readers(&world).await.len(), 5);
    // With the way back to paper there is nobody to invite.
    maria.get("/paper").await;
    maria.post("/paper", "").await;
    let none = wish(&mut eva, "r7@primer.bg").await;
    assert!(none.header("location").ends_with("done=outdated"));
}
