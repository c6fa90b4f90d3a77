//! Accounts of staff: signing in, passwords, what an auditor reads, what an administrator does.

use axum::http::StatusCode;
use kvit_billing::{Language, Role, Secret, StaffLogin, StaffMail};
use kvit_store::{Event, NewStaff};
use kvit_web::credentials;
use serde_json::json;

use super::{
    URL,
    common::{Answer, PASSWORD, World},
    hidden, now,
};

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
        identity: None,
        email: None,
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
async fn a_temporary_password_that_nobody_uses_ends() {
    let world = World::opened(URL, 50, 50, false).await;
    let secret = newcomer(&world, "nova").await;
    let sign_in = async |secret: &Secret<[u8; 20]>, password: &str| {
        let code = credentials::totp_code(secret, now(&world));
        let form = format!("login=nova&password={password}&factor={code}");
        world.browser().post("/staff/sign-in", &form).await
    };
    world
        .clock
        .forward(credentials::TEMPORARY_DAYS * 24 * 3600 - 60);
    let last = sign_in(&secret, "temporary-abcd").await;
    assert_eq!(last.header("location"), "/staff/password");
    world.clock.forward(60);
    let over = sign_in(&secret, "temporary-abcd").await;
    let wrong = sign_in(&secret, "temporary-abce").await;
    assert_eq!(over.status, StatusCode::UNPROCESSABLE_ENTITY);
    let without_token = |page: &Answer| page.body.replace(&page.form_token(), "");
    assert_eq!(without_token(&over), without_token(&wrong), "no word of it");
    // A new start has its own time.
    let login: StaffLogin = "nova".parse().expect("a name");
    let reset = Event {
        at: now(&world),
        who: "admin".to_owned(),
        what: "staff.reset".to_owned(),
        subject: "staff/nova".to_owned(),
        detail: json!({}),
    };
    let account = world.store.staff_member(&login).await.expect("a store");
    let hash = account.expect("nova").password;
    let again = world.store.reset_staff(&login, &hash, true, &reset).await;
    assert!(again.expect("a store").is_some());
    let fresh = sign_in(&world.key.totp_secret(&login, 2), "temporary-abcd").await;
    assert_eq!(fresh.header("location"), "/staff/password");
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
    let locked = |who: &str| {
        trail
            .iter()
            .any(|e| e.what == "staff.locked-out" && e.who == who)
    };
    assert!(locked("?") && !locked("ana"), "nobody knows who tried");
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
    assert!(
        page.body
            .contains("href=\"&#x2f;staff&#x2f;customers&#x2f;1000001\"")
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
async fn staff_have_an_address_that_is_told_of_changes() {
    let world = World::new(URL).await;
    world.hire("root", Role::Administrator).await;
    let mut root = world.browser();
    root.sign_in_staff("root").await;
    let form = "login=ana&name=Ана+Димитрова&role=agent&email=ana";
    let wrong = root.post("/staff/people", form).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("целия имейл адрес"), "{}", wrong.body);
    let form = format!("{form}%40primer.bg&language=en");
    let made = root.post("/staff/people", &form).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let email = async || {
        let found = world
            .store
            .staff_member(&"ana".parse().expect("a name"))
            .await;
        let email = found.expect("an answer").expect("ana").email?;
        Some((email.address.expose().clone(), email.language))
    };
    let ana = "ana@primer.bg".to_owned();
    assert_eq!(email().await, Some((ana, Language::En)));
    let list = root.get("/staff/people").await;
    assert!(list.body.contains("ana@primer.bg"), "{}", list.body);
    // Another one: asked for on a page of its own, which says what it is now.
    let asked = root.post("/staff/people/ana", "what=email").await;
    assert!(
        asked.body.contains("value=\"ana@primer.bg\""),
        "{}",
        asked.body
    );
    let change = "what=email&sure=1&language=bg&email=";
    let wrong = root.post("/staff/people/ana", &format!("{change}x")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (typed, kept) in [("other%40primer.bg", Some("other@primer.bg")), ("", None)] {
        world.clock.forward(1);
        let done = root
            .post("/staff/people/ana", &format!("{change}{typed}"))
            .await;
        assert!(
            done.body.contains("Имейл адресът е записан"),
            "{}",
            done.body
        );
        let kept = kept.map(|kept| (kept.to_owned(), Language::Bg));
        assert_eq!(email().await, kept);
    }
    let mails = world
        .store
        .claim_deliveries("w", now(&world), now(&world), 9)
        .await;
    let mails = mails.expect("mails");
    let told = mails
        .iter()
        .filter(|job| job.id.staff() == Some(StaffMail::AddressChanged));
    let mut told: Vec<_> = told.map(|job| job.email.expose().as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["ana@primer.bg", "other@primer.bg"]);
    // One's own too, but nobody shuts themselves out.
    let own = root
        .post("/staff/people/root", &format!("{change}root%40primer.bg"))
        .await;
    assert_eq!(own.status, StatusCode::OK);
    let own = root.post("/staff/people/root", "what=disable&sure=1").await;
    assert_eq!(own.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_administrator_changes_name_and_role() {
    let world = World::new(URL).await;
    for (login, role) in [
        ("ada", Role::Administrator),
        ("eva", Role::Administrator),
        ("ana", Role::Agent),
    ] {
        world.hire(login, role).await;
    }
    let (mut ada, mut eva, mut ana) = (world.browser(), world.browser(), world.browser());
    for (browser, login) in [(&mut ada, "ada"), (&mut eva, "eva"), (&mut ana, "ana")] {
        browser.sign_in_staff(login).await;
    }
    let form = |seen: &str, rest: &str| {
        format!("what=profile&sure=1&seen_name=ana+agent&seen_role={seen}&{rest}")
    };
    let asked = ada.post("/staff/people/ana", "what=profile").await;
    assert!(asked.body.contains("value=\"ana agent\""), "{}", asked.body);
    assert_eq!(hidden(&asked.body, "seen_role"), "agent");
    for (typed, field) in [
        ("name=&role=agent", "#name"),
        ("name=Ana&role=clerk&centre=", "#centre"),
    ] {
        let wrong = ada.post("/staff/people/ana", &form("agent", typed)).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.body.contains(&format!("href=\"{field}\"")), "{typed}");
    }
    assert_eq!(ana.get("/staff/customers").await.status, StatusCode::OK);
    let clerk = form("agent", "name=Ана+Димитрова&role=clerk&centre=София");
    let done = ada.post("/staff/people/ana", &clerk).await;
    assert!(done.body.contains("Ролята е сменена"), "{}", done.body);
    assert!(done.body.contains("Ана Димитрова") && done.body.contains("София"));
    let over = ana.get("/staff/customers").await;
    assert!(over.header("location").starts_with("/staff/sign-in"));
    ana.sign_in_staff("ana").await;
    assert_eq!(ana.get("/staff/scans").await.status, StatusCode::OK);

    // Eva's page is from before, and hers is not written over Ada's.
    let late = form("agent", "name=ana+agent&role=billing");
    let late = eva.post("/staff/people/ana", &late).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("Друг администратор промени"));
    assert!(late.body.contains("value=\"Ана Димитрова\""));
    assert_eq!(ana.get("/staff/scans").await.status, StatusCode::OK);

    // One's own name, not one's own role.
    let own = ada.post("/staff/people/ada", "what=profile").await;
    assert!(own.body.contains("Собствената си роля"), "{}", own.body);
    assert!(!own.body.contains("<select"));
    let own = "what=profile&sure=1&seen_name=ada+administrator&seen_role=administrator&name=Ада";
    let role = format!("{own}&role=billing");
    let refused = ada.post("/staff/people/ada", &role).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let renamed = ada.post("/staff/people/ada", own).await;
    assert!(renamed.body.contains("Промяната е записана"));

    // An administrator whose role is taken has no say any more.
    let taken = "what=profile&sure=1&seen_name=eva+administrator&seen_role=administrator&name=eva&role=auditor";
    let taken = ada.post("/staff/people/eva", taken).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.body);
    let late = form("clerk", "name=x&role=agent");
    let late = eva.post("/staff/people/ana", &late).await;
    assert!(late.header("location").starts_with("/staff/sign-in"));

    world.hire("odit", Role::Auditor).await;
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    let trail = odit.post("/staff/audit", "subject=staff%2Fana").await.body;
    for part in [
        "Смени име, роля или център на профил",
        "роля: Център за клиенти",
        "роля преди: Оператор на линията",
        "име преди: ana agent",
        "център: София",
    ] {
        assert!(trail.contains(part), "{part}: {trail}");
    }
}
