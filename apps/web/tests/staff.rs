//! The staff console: who may see what, and what agents, clerks, auditors and administrators do.

mod common;

use axum::http::{Method, StatusCode};
use common::{Browser, PASSWORD, World, number, seed};
use kvit_billing::{
    BillNumber, DeliveryId, Language, Secret, StaffLogin, reference::CreditorReference,
};
use kvit_store::{Channel, EnrolmentState, Event, EventFilter, NewDelivery, NewStaff, Role};
use kvit_web::{STAFF_ROUTES, Who, credentials};
use serde_json::json;

const URL: &str = "http://localhost:8080";
const FOREIGN: &str = "Формулярът е изтекъл";
const REFUSED: &str = "Тази страница не е за Вашата роля";

/// Who may ask for what. A change here is a decision.
const GOLDEN: &str = "\
GET /staff: agent clerk billing auditor administrator
GET /staff/audit: auditor
POST /staff/audit: auditor
GET /staff/customers: agent clerk
POST /staff/customers: agent clerk
GET /staff/customers/{number}: agent clerk
POST /staff/customers/{number}/contact: agent clerk
POST /staff/customers/{number}/declaration: clerk
GET /staff/customers/{number}/enrol: agent clerk
POST /staff/customers/{number}/enrol: agent clerk
POST /staff/customers/{number}/note: agent clerk
GET /staff/customers/{number}/paper: agent clerk
POST /staff/customers/{number}/paper: agent clerk
POST /staff/customers/{number}/send: agent clerk
GET /staff/password: agent clerk billing auditor administrator
POST /staff/password: agent clerk billing auditor administrator
GET /staff/people: administrator
POST /staff/people: administrator
POST /staff/people/{login}: administrator
GET /staff/runs: billing auditor
GET /staff/runs/{run}: billing auditor
POST /staff/runs/{run}/close: billing
POST /staff/runs/{run}/release: billing
GET /staff/sign-in: anyone
POST /staff/sign-in: anyone
POST /staff/sign-out: agent clerk billing auditor administrator
";

fn written(who: Who) -> String {
    if who == Who::Anyone {
        return "anyone".to_owned();
    }
    let roles = Role::ALL.into_iter().filter(|role| who.lets(*role));
    let roles: Vec<_> = roles.map(Role::as_str).collect();
    roles.join(" ")
}

#[tokio::test]
async fn each_role_sees_its_pages_and_no_other() {
    let list: String = STAFF_ROUTES
        .iter()
        .map(|(method, path, who)| format!("{method} {path}: {}\n", written(*who)))
        .collect();
    assert_eq!(list, GOLDEN);
    let world = World::new(URL).await;
    let ask = async |browser: &mut Browser, method: &str, path: &str| {
        let path = path
            .replace("{number}", seed::ANNA)
            .replace("{login}", "nobody")
            .replace("{run}", "2026-10-a1");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        browser.ask(method, &path, "x=y", &[]).await
    };
    for (method, path, who) in STAFF_ROUTES {
        let answer = ask(&mut world.browser(), method, path).await;
        let turned_away = answer.header("location").starts_with("/staff/sign-in");
        assert_eq!(turned_away, *who != Who::Anyone, "{method} {path}");
    }
    for role in Role::ALL {
        world.hire(role.as_str(), role).await;
        let mut browser = world.browser();
        browser.sign_in_staff(role.as_str()).await;
        for (method, path, who) in STAFF_ROUTES {
            let answer = ask(&mut browser, method, path).await;
            let at = format!("{method} {path} as {}: {}", role.as_str(), answer.status);
            assert_eq!(answer.body.contains(REFUSED), !who.lets(role), "{at}");
            if who.lets(role) && *method == "POST" {
                // No form counts without the token of its own page.
                assert!(answer.body.contains(FOREIGN), "{at}");
            }
            assert!(!answer.status.is_server_error(), "{at}");
        }
        let unlisted = ask(&mut browser, "DELETE", "/staff/audit").await;
        assert_eq!(unlisted.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let refused = EventFilter {
        who: Some("agent".to_owned()),
        ..EventFilter::default()
    };
    let trail = world.store.audit(&refused, 99).await.expect("a trail");
    assert!(trail.iter().any(|event| event.what == "page.refused"));
}

/// An account with a second factor and a temporary password, as the command line makes one.
async fn newcomer(world: &World, login: &str) -> Secret<[u8; 20]> {
    struct Zero;
    impl kvit_billing::ports::Rng for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    let login: StaffLogin = login.parse().expect("a sign-in name");
    let new = NewStaff {
        login: login.clone(),
        name: "Нова Колежка".to_owned(),
        role: Role::Agent,
        centre: None,
        password: credentials::hash_password("temporary-abcd", &Zero).expect("a hash"),
        second_factor: true,
        at: now(world),
    };
    let event = Event {
        at: now(world),
        who: "console:root".to_owned(),
        what: "staff.added".to_owned(),
        subject: format!("staff/{login}"),
        detail: json!({}),
    };
    assert!(world.store.add_staff(&new, &event).await.expect("a store"));
    world.key.totp_secret(&login, 1)
}

fn now(world: &World) -> jiff::Timestamp {
    use kvit_billing::ports::Clock;
    world.clock.now()
}

#[tokio::test]
async fn a_newcomer_signs_in_with_a_code_and_chooses_a_password() {
    let world = World::opened(URL, 5, 50, false).await;
    let secret = newcomer(&world, "nova").await;
    let mut nova = world.browser();
    let code = credentials::totp_code(&secret, now(&world));
    let form = |password: &str, code: &str| format!("login=Nova&password={password}&factor={code}");
    for (password, typed) in [
        ("temporary-abcd", "000000"),
        ("temporary-abcd", ""),
        ("wrong", &code),
    ] {
        let answer = nova.post("/staff/sign-in", &form(password, typed)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let opened = nova
        .post("/staff/sign-in", &form("temporary-abcd", &code))
        .await;
    assert_eq!(opened.header("location"), "/staff/password");
    let first = nova.cookies["kvit_staff"].clone();
    // Nothing else before the password is her own.
    let page = nova.get("/staff/customers").await;
    assert_eq!(page.header("location"), "/staff/password");
    let weak = nova
        .post(
            "/staff/password",
            "old=temporary-abcd&new=short&again=short",
        )
        .await;
    assert!(weak.body.contains("Изберете друга нова парола"));
    let own = "old=temporary-abcd&new=four+words+of+mine&again=four+words+of+mine";
    let changed = nova.post("/staff/password", own).await;
    assert_eq!(changed.header("location"), "/staff/customers");
    assert_ne!(nova.cookies["kvit_staff"], first, "a new session");
    let mut thief = world.browser();
    thief.cookies.insert("kvit_staff".to_owned(), first);
    let page = thief.get("/staff/customers").await;
    assert_eq!(
        page.header("location"),
        "/staff/sign-in?next=/staff/customers"
    );
    // A code that somebody looked at over her shoulder opens nothing.
    let mut thief = world.browser();
    let again = thief
        .post("/staff/sign-in", &form("four+words+of+mine", &code))
        .await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.clock.forward_hours(1);
    let page = nova.get("/staff/customers").await;
    assert!(
        page.header("location").starts_with("/staff/sign-in"),
        "idle"
    );
    let code = credentials::totp_code(&secret, now(&world));
    let next = format!(
        "{}&next=/staff/customers/1000001",
        form("four+words+of+mine", &code)
    );
    let opened = nova.post("/staff/sign-in", &next).await;
    assert_eq!(opened.header("location"), "/staff/customers/1000001");
    assert!(
        opened
            .header("set-cookie")
            .contains("HttpOnly; SameSite=Lax")
    );
    nova.post("/staff/sign-out", "").await;
    assert!(
        nova.get("/staff/customers")
            .await
            .header("location")
            .starts_with("/staff/sign-in")
    );
}

#[tokio::test]
async fn without_a_second_factor_only_a_made_up_operator_opens() {
    let world = World::opened(URL, 5, 50, false).await;
    world.hire("ana", Role::Agent).await;
    let form = format!("login=ana&password={}", PASSWORD.replace(' ', "+"));
    let answer = world.browser().post("/staff/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn wrong_sign_ins_look_alike_and_lock() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut stranger = world.browser();
    for attempt in 1..=5 {
        let known = stranger
            .post("/staff/sign-in", "login=ana&password=x")
            .await;
        let unknown = stranger
            .post("/staff/sign-in", "login=eva&password=x")
            .await;
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.body.replace("ana", "eva"), unknown.body);
        let expected = match attempt {
            1..=4 => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::TOO_MANY_REQUESTS,
        };
        assert_eq!(known.status, expected, "attempt {attempt}");
    }
    let right = format!("login=ana&password={}", PASSWORD.replace(' ', "+"));
    let locked = stranger.post("/staff/sign-in", &right).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.forward_hours(1);
    stranger.sign_in_staff("ana").await;
    let trail = world.store.events("staff/ana", 9).await.expect("a trail");
    assert!(trail.iter().any(|event| event.what == "staff.locked-out"));
}

/// The value of a hidden field.
fn hidden(body: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let from = body
        .find(&mark)
        .unwrap_or_else(|| panic!("no {name} in {body}"))
        + mark.len();
    body[from..].split('"').next().expect("text").to_owned()
}

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
    let read = ana
        .post(&path_enrol, &step("x", "&instead=boris@gmail.com"))
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
    let page = ana.get(&format!("{path}?call={call}&done=enrolled")).await;
    assert!(
        page.body
            .contains("На хартия, докато не потвърди boris@gmail.com")
    );
    assert!(
        page.body
            .contains("Поиска е-сметка на boris@gmail.com по телефона")
    );
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

    let ask = ana.get(&format!("{path}/paper?call={call}")).await;
    let version = hidden(&ask.body, "version");
    let form = format!("call={call}&version={version}");
    let done = ana.post(&format!("{path}/paper"), &form).await;
    assert!(done.header("location").ends_with("done=paper"));
    let late = ana.post(&format!("{path}/paper"), &form).await;
    assert!(late.header("location").ends_with("done=outdated"));
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
    assert_eq!(
        ana.post(path, wrong).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn an_auditor_reads_who_saw_whom() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    world.hire("odit", Role::Auditor).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    for _ in 0..60 {
        ana.get("/staff/customers/1000001").await;
    }
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    let page = odit.get("/staff/audit").await;
    assert!(
        page.body.contains("Отвори страница на клиент"),
        "{}",
        page.body
    );
    let own = odit.post("/staff/audit", "who=odit").await;
    assert!(own.body.contains("Влезе") && !own.body.contains("Отвори страница"));
    let first = odit
        .post("/staff/audit", "subject=customer%2F1000001")
        .await;
    assert_eq!(first.body.matches("Отвори страница на клиент").count(), 50);
    let next = format!(
        "subject=customer%2F1000001&until={}&skip={}",
        hidden(&first.body, "until"),
        hidden(&first.body, "skip")
    );
    // All of them in one moment of the test's clock, and still each once.
    let rest = odit.post("/staff/audit", &next).await;
    assert_eq!(rest.body.matches("Отвори страница на клиент").count(), 10);
}

#[tokio::test]
async fn an_administrator_opens_and_closes_accounts() {
    let world = World::new(URL).await;
    world.hire("admin", Role::Administrator).await;
    let mut admin = world.browser();
    admin.sign_in_staff("admin").await;
    let wrong = admin
        .post("/staff/people", "login=%D0%B0&name=&role=king")
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let clerk = "login=eva&name=%D0%95%D0%B2%D0%B0&role=clerk&centre=";
    let wrong = admin.post("/staff/people", clerk).await;
    assert!(wrong.body.contains("в кой център"));
    let made = admin
        .post(
            "/staff/people",
            "login=eva&name=%D0%95%D0%B2%D0%B0&role=agent",
        )
        .await;
    let login = "eva".parse().expect("a name");
    let secret = world.key.totp_secret(&login, 1);
    assert!(made.body.contains(&credentials::totp_secret_text(&secret)));
    let password = made
        .body
        .split("<dd class=\"mono\">")
        .nth(2)
        .expect("a password");
    let password = password.split('<').next().expect("text").to_owned();
    let sign_in = async |password: &str, secret: &Secret<[u8; 20]>| {
        let code = credentials::totp_code(secret, now(&world));
        let form = format!("login=eva&password={password}&factor={code}");
        let mut eva = world.browser();
        let answer = eva.post("/staff/sign-in", &form).await;
        (answer.status, eva)
    };
    let (status, mut eva) = sign_in(&password, &secret).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let taken = admin
        .post("/staff/people", "login=eva&name=%D0%95&role=agent")
        .await;
    assert!(taken.body.contains("вече е заето"));
    let asked = admin.post("/staff/people/eva", "what=disable").await;
    assert!(asked.body.contains("Закриване на профила?") && asked.body.contains("Ева"));
    assert_eq!(
        eva.get("/staff/password").await.status,
        StatusCode::OK,
        "one press closes nothing"
    );
    let closed = admin.post("/staff/people/eva", "what=disable&sure=1").await;
    assert!(closed.body.contains("Закрит на"));
    let page = eva.get("/staff/password").await;
    assert!(
        page.header("location").starts_with("/staff/sign-in"),
        "at once"
    );
    assert_eq!(
        sign_in(&password, &secret).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let own = admin.post("/staff/people/admin", "what=disable").await;
    assert_eq!(
        own.status,
        StatusCode::NOT_FOUND,
        "nobody locks themselves out"
    );
    let asked = admin.post("/staff/people/eva", "what=reset").await;
    assert!(asked.body.contains("Нов достъп?"), "{}", asked.body);
    let reset = admin.post("/staff/people/eva", "what=reset&sure=1").await;
    let fresh = world.key.totp_secret(&login, 2);
    assert!(reset.body.contains(&credentials::totp_secret_text(&fresh)));
    let customers = admin.get("/staff/customers").await;
    assert_eq!(customers.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_second_person_releases_and_a_balanced_run_is_closed() {
    let world = World::new(URL).await;
    seed::waiting(&world.store, "2026-11-b2", "vera").await;
    for login in ["vera", "boyan"] {
        world.hire(login, Role::Billing).await;
    }
    let mut vera = world.browser();
    vera.sign_in_staff("vera").await;
    let path = "/staff/runs/2026-11-b2";
    let page = vera.get(path).await;
    assert!(
        page.body.contains("друг трябва да го провери"),
        "{}",
        page.body
    );
    for part in ["Най-големите сметки", "2026-10-a1", "1000001", "–4,3"] {
        assert!(page.body.contains(part), "{part}");
    }
    let own = vera.post(&format!("{path}/release"), "").await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    assert!(own.body.contains("Вие сте го внесли"));
    let mut boyan = world.browser();
    boyan.sign_in_staff("boyan").await;
    assert!(boyan.get(path).await.body.contains("Разрешавам"));
    let done = boyan.post(&format!("{path}/release"), "").await;
    assert!(done.header("location").ends_with("done=released"));
    let again = boyan.post(&format!("{path}/release"), "").await;
    assert!(again.body.contains("вече не чака разрешение"));
    let run = world.store.run(&"2026-11-b2".parse().expect("an id")).await;
    let run = run.expect("a store").expect("the run");
    assert_eq!(run.released_by.as_deref(), Some("boyan"));
    let page = boyan.get(path).await;
    assert!(page.body.contains("Издадени 0 от 2") && page.body.contains("Следи на живо"));
    assert_eq!(page.header("refresh"), "", "only for who asked for it");
    assert_eq!(
        boyan.get(&format!("{path}?follow")).await.header("refresh"),
        "5"
    );

    let october = "/staff/runs/2026-10-a1";
    let early = boyan.post(&format!("{october}/close"), "").await;
    assert!(
        early.header("location").ends_with("done=open"),
        "Anna's mail is on its way"
    );
    seed::deliver_all(&world.store, now(&world)).await;
    let page = boyan.get(october).await;
    // Boris' bill has no delivery in this world, so it is held for ever.
    assert!(page.body.contains("Още на път") && !page.body.contains("Приключи пуска"));
    let trail = world
        .store
        .events("run/2026-11-b2", 20)
        .await
        .expect("a trail");
    let released = trail.iter().filter(|event| event.what == "run.released");
    assert_eq!(
        released.map(|event| event.who.as_str()).collect::<Vec<_>>(),
        ["boyan"]
    );
    // What stands out names customers, so a look at it is on record; one that is followed is one look.
    let looks = trail.iter().filter(|event| event.what == "run.viewed");
    assert_eq!(looks.count(), 3);
}

#[tokio::test]
async fn a_rejected_run_says_where_and_what_to_do() {
    let world = World::new(URL).await;
    seed::rejected(&world.store, "2026-11-bad").await;
    world.hire("boyan", Role::Billing).await;
    let mut boyan = world.browser();
    boyan.sign_in_staff("boyan").await;
    let page = boyan.get("/staff/runs/2026-11-bad").await;
    for part in [
        "Отхвърлен",
        "run.ndjson:7",
        "totals&#x2f;gross",
        "&lt;b&gt;12.00",
        "send the sum of the lines",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(!page.body.contains("Разрешавам"));
    assert_eq!(
        boyan.get("/staff/runs/none").await.status,
        StatusCode::NOT_FOUND
    );
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
    assert_eq!(done.expect("an answer"), kvit_store::Written::Done);
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{}", seed::BORIS);
    let page = ana.get(&path).await.body;
    assert!(
        page.contains("чака отпечатване") && !page.contains("предадена за печат"),
        "{page}"
    );
}
