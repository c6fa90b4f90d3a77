//! What holds at every address: of the portal, of the console, of payment systems and of the API.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use kvit_billing::Role;
use kvit_web::{API_OPERATIONS, CALLS, ROUTES, STAFF_ROUTES};

use super::{
    FOREIGN, URL,
    common::{Answer, World, log::Log, pay::Systems, seed},
};

/// All addresses with their methods, filled in so that each of them is reached.
fn addresses(style_sheet: &str) -> Vec<(Method, String)> {
    let portal = ROUTES.iter().flat_map(|(methods, path)| {
        let methods = methods.split(' ');
        methods.map(move |method| (method, *path))
    });
    let staff = STAFF_ROUTES
        .iter()
        .map(|(method, path, _)| (*method, *path));
    let api = API_OPERATIONS.iter().map(|one| (one.method, one.path));
    let calls = CALLS.iter().copied();
    let more = [
        ("GET", "/nowhere"),
        ("GET", "/api/v1/nowhere"),
        ("GET", style_sheet),
    ];
    let all = portal.chain(staff).chain(api).chain(calls).chain(more);
    all.map(|(method, path)| {
        let path = path
            .replace("{number}", seed::ANNA)
            .replace("{customer}", seed::ANNA)
            .replace("{bill}", "0000000001")
            .replace("{run}", "2026-11-b2")
            .replace("{seq}", "0")
            .replace("{no}", "0")
            .replace("{kind}", "household-bg")
            .replace("{language}", "bg")
            .replace("{sample}", "bill")
            .replace("{group}", "bill")
            .replace("{at}", "0")
            .replace("{name}", "epay")
            .replace("{file}", "0000000001.pdf")
            .replace("{id}", "x")
            .replace("{login}", "x")
            .replace("{slug}", "x")
            .replace("{token}", "x");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        (method, path)
    })
    .collect()
}

/// Answers that may have a style of their own, and do nothing else: drawings, and the browser's own viewer of a sample bill.
const STYLED: [&str; 3] = [
    "GET /assets/",
    "GET /staff/layouts/0/samples/",
    "GET /staff/runs/2026-11-b2/samples/",
];

fn is_strict(answer: &Answer, at: &str) {
    let policy = answer.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{at}: {policy}");
    }
    let policy = match STYLED.iter().any(|styled| at.starts_with(styled)) {
        true => policy.replace("style-src 'unsafe-inline'", ""),
        false => policy.to_owned(),
    };
    assert!(
        !policy.contains("unsafe-") && !policy.contains('*'),
        "{at}: {policy}"
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "strict-transport-security",
            "max-age=31536000; includeSubDomains",
        ),
        ("access-control-allow-origin", ""),
    ] {
        assert_eq!(answer.header(name), value, "{at}: {name}");
    }
    let kept = match at.starts_with("GET /assets/app-") {
        true => "public, max-age=31536000, immutable",
        false => "no-store",
    };
    assert_eq!(answer.header("cache-control"), kept, "{at}");
    let media_type = answer.header("content-type");
    if !answer.body.is_empty() {
        assert!(!media_type.is_empty(), "{at}: {}", answer.body);
        let says_how = !media_type.starts_with("text/") || media_type.contains("charset=utf-8");
        assert!(says_how, "{at}: {media_type}");
    }
    for cookie in answer.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().expect("text");
        let good = cookie.starts_with("__Host-kvit_")
            && cookie.contains("; Path=/")
            && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure")
            && !cookie.contains("Domain");
        assert!(good, "{at}: {cookie}");
    }
}

#[tokio::test]
async fn every_answer_has_strict_headers_and_its_cookies_are_the_host_s_own() {
    let systems = Systems::new();
    let world = World::paying("https://smetki.example", systems.pay()).await;
    for role in Role::ALL {
        world.hire(role.as_str(), role).await;
    }
    let home = world.browser().get("/?lang=bg").await;
    let from = home.body.find("/assets/app-").expect("a style sheet");
    let style_sheet = home.body[from..].split('"').next().expect("its end");
    seed::waiting(&world.store, "2026-11-b2", "vera").await;
    let addresses = addresses(style_sheet);
    assert!(addresses.len() > 100);
    let mut browsers = vec![world.browser()];
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    browsers.push(anna);
    for role in Role::ALL {
        let mut browser = world.browser();
        browser.sign_in_staff(role.as_str()).await;
        browsers.push(browser);
    }
    for browser in &mut browsers {
        for (method, path) in &addresses {
            // Without a form, so that nobody signs out.
            let answer = browser.ask(method.clone(), path, "", &[]).await;
            is_strict(&answer, &format!("{method} {path}: {}", answer.status));
        }
    }
    for (_, path) in &addresses {
        let echo = world.browser().ask(Method::TRACE, path, "", &[]).await;
        let refused = matches!(
            echo.status,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND
        );
        assert!(refused, "{path}: {}", echo.status);
    }
}

#[tokio::test]
async fn who_signs_out_leaves_nothing_in_the_browser() {
    let world = World::new("https://smetki.example").await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    for (browser, page, path, name) in [
        (
            &mut ana,
            "/staff/customers",
            "/staff/sign-out",
            "__Host-kvit_staff",
        ),
        (&mut anna, "/bills", "/logout", "__Host-kvit_session"),
    ] {
        assert!(!browser.cookies[name].is_empty(), "{path}");
        let page = browser.get(page).await.body;
        let way_out = format!("method=\"post\" action=\"{path}\"");
        assert!(page.contains(&way_out), "{page}");
        let left = browser.post(path, "").await;
        assert_eq!(left.header("clear-site-data"), "\"cache\"", "{path}");
        assert!(left.header("set-cookie").contains("Max-Age=0"), "{path}");
        assert!(browser.cookies[name].is_empty(), "{path}");
    }
}

#[tokio::test]
async fn another_sign_in_ends_the_session_that_the_browser_had() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let first = ana.cookies["kvit_staff"].clone();
    ana.sign_in_staff("ana").await;
    assert_ne!(ana.cookies["kvit_staff"], first);
    let mut thief = world.browser();
    thief.cookies.insert("kvit_staff".to_owned(), first);
    let page = thief.get("/staff/customers").await;
    assert!(page.header("location").starts_with("/staff/sign-in"));
    assert_eq!(ana.get("/staff/customers").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_shift_ends_a_session_that_is_used() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    for third_of_an_hour in 1..=36 {
        world.clock.forward(20 * 60);
        let page = ana.get("/staff/customers").await;
        let expected = match third_of_an_hour {
            36 => StatusCode::SEE_OTHER,
            _ => StatusCode::OK,
        };
        assert_eq!(page.status, expected, "{third_of_an_hour}");
    }
}

#[tokio::test]
async fn an_address_that_a_visitor_invents_is_not_believed() {
    let world = World::with_limits(URL, 1000, 3).await;
    let mut stranger = world.browser();
    let token = stranger.get("/").await.form_token();
    for attempt in 1..=4 {
        let form = format!("form_token={token}&number=777777{attempt}&code=00000000");
        let invented = format!("192.0.2.{attempt}");
        let extra = [
            ("x-forwarded-for", invented.as_str()),
            ("forwarded", "for=192.0.2.9"),
            ("x-real-ip", invented.as_str()),
        ];
        let answer = stranger
            .ask(Method::POST, "/bill/check", &form, &extra)
            .await;
        let expected = match attempt {
            1 | 2 => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::TOO_MANY_REQUESTS,
        };
        assert_eq!(answer.status, expected, "attempt {attempt}");
    }
}

#[tokio::test]
async fn a_value_that_comes_twice_is_refused() {
    let world = World::new(URL).await;
    let mut stranger = world.browser();
    for (path, form) in [
        ("/bill/check", "number=1000001&number=1000002&code=00000000"),
        ("/sign-in", "number=1000001&number=1000002"),
        ("/staff/sign-in", "login=ana&login=eva&password=x"),
    ] {
        let answer = stranger.post(path, form).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(answer.body.contains("<h1>"), "{path}");
        // What stands in the address is no field of a form.
        let in_address = format!("{path}?{form}");
        let answer = stranger.post(&in_address, "").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
}

#[tokio::test]
async fn the_log_tells_of_each_attempt_and_of_no_secret() {
    let log = Log::begin(tracing::Level::INFO);
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut anna = world.browser();
    anna.post("/bill/check", "number=7777123&code=98765432")
        .await;
    anna.sign_in(&world, seed::ANNA).await;
    anna.post("/enrol", "email=anna.tayna%40primer.bg").await;
    anna.get("/bills/0000000002.pdf").await;
    let mut ana = world.browser();
    for _ in 0..5 {
        let form = "login=secret-typed-here&password=hunter2hunter2";
        ana.post("/staff/sign-in", form).await;
    }
    ana.sign_in_staff("ana").await;
    let foreign = ana.ask(Method::POST, "/staff/sign-out", "x=y", &[]).await;
    assert!(foreign.body.contains(FOREIGN));
    let api = "/api/v1/customers/1000001";
    let bearer = [(
        "authorization",
        "Bearer kvit_0123456789abcdef0123456789abcdef",
    )];
    ana.send(Method::GET, api, Body::empty(), &bearer).await;
    let text = log.text();
    for said in [
        "a number and code did not match, or a password who=\"",
        "a customer signed in who=\"",
        "by=\"code\"",
        "a customer asked for a bill that is not theirs who=\"",
        "a member of staff did not sign in who=\"",
        "refused: too many attempts address=\"",
        "refused: a form of another site or an old one, or a page beyond the role address=\"",
        "a call of the API brought no token that is known address=\"",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let code = world.code(seed::ANNA).replace(' ', "");
    let mut secrets = vec![
        code,
        "7777123".to_owned(),
        "98765432".to_owned(),
        "secret-typed-here".to_owned(),
        "hunter2".to_owned(),
        "anna.tayna".to_owned(),
        "0123456789abcdef".to_owned(),
        super::common::PASSWORD.to_owned(),
    ];
    secrets.extend(anna.cookies.into_values());
    secrets.extend(ana.cookies.into_values());
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn a_password_is_taken_as_it_is_typed_and_stays() {
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    let page = ana.get("/staff/sign-in").await.body;
    assert!(page.contains("type=\"password\"") && page.contains("\"current-password\""));
    ana.sign_in_staff("ana").await;
    let page = ana.get("/staff/password").await.body;
    assert_eq!(page.matches("type=\"password\"").count(), 3);
    assert!(page.contains("\"new-password\"") && !page.contains("<script"));
    let old = super::common::PASSWORD.replace(' ', "+");
    // Blanks at both ends, both cases, and longer than most would have it.
    let own = format!("+Тъмна+Нощ+{}+", "я".repeat(100));
    let form = |old: &str, new: &str| format!("old={old}&new={new}&again={new}");
    for (old, new) in [
        ("something+else", own.as_str()),
        ("", &own),
        (&old, &old),
        (&old, &"дълга+".repeat(40)),
    ] {
        let refused = ana.post("/staff/password", &form(old, new)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}");
    }
    let changed = ana.post("/staff/password", &form(&old, &own)).await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.body);
    // Years later it is still good, and nothing else is.
    world.clock.forward_hours(24 * 1000);
    for (typed, status) in [
        (own.trim_matches('+').to_owned(), 422),
        (own.to_lowercase(), 422),
        (own.chars().take(72).collect(), 422),
        (own, 303),
    ] {
        let form = format!("login=ana&password={typed}");
        let answer = world.browser().post("/staff/sign-in", &form).await;
        assert_eq!(answer.status, status, "{typed}");
    }
}

#[tokio::test]
async fn a_fault_inside_is_told_to_the_log_and_to_nobody_else() {
    use sqlx::Connection;
    let log = Log::begin(tracing::Level::INFO);
    let world = World::new(URL).await;
    world.hire("ana", Role::Agent).await;
    let mut ana = world.browser();
    ana.sign_in_staff("ana").await;
    let mut anna = world.browser();
    anna.sign_in(&world, seed::ANNA).await;
    let file = std::fs::read_dir(world.folder.path()).expect("a folder");
    let mut files = file.map(|entry| entry.expect("an entry").path());
    let file = files.find(|file| file.extension().is_some_and(|end| end == "db"));
    let url = format!("sqlite://{}", file.expect("a store").display());
    let mut db = sqlx::SqliteConnection::connect(&url).await.expect("a line");
    for table in [
        "bills",
        "customers",
        "api_tokens",
        "sessions",
        "staff_sessions",
    ] {
        let gone = format!("ALTER TABLE {table} RENAME TO {table}_gone");
        sqlx::query(sqlx::AssertSqlSafe(gone))
            .execute(&mut db)
            .await
            .expect("renamed");
    }
    let code = world.code(seed::ANNA).replace(' ', "");
    let right = format!("number={}&code={code}", seed::ANNA);
    let bearer = [(
        "authorization",
        "Bearer kvit_0123456789abcdef0123456789abcdef",
    )];
    let api = "/api/v1/customers/1000001";
    let mut stranger = world.browser();
    let answers = [
        anna.get("/bills").await,
        anna.get("/bills/0000000001.pdf").await,
        ana.get("/staff/customers/1000001").await,
        stranger.post("/bill/check", &right).await,
        stranger
            .send(Method::GET, api, Body::empty(), &bearer)
            .await,
    ];
    for answer in answers {
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        for word in [
            "_gone",
            "no such table",
            "SELECT",
            "sqlx",
            "panicked",
            ".rs",
        ] {
            assert!(!answer.body.contains(word), "{word}: {}", answer.body);
        }
        assert_eq!(answer.header("set-cookie"), "", "nobody gets in");
    }
    let text = log.text();
    for said in [
        " ERROR ",
        "portal request failed",
        "no such table: sessions",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

/// Where one request ends and the next begins must not be a matter of opinion between a proxy and us.
#[tokio::test]
async fn a_request_with_two_ends_is_not_taken() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_world, url) = World::served().await;
    let at = url.strip_prefix("http://").expect("an address");
    let post = "POST /bill/check HTTP/1.1\r\nHost: a\r\n";
    let hidden = "GET /help HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (what, head) in [
        ("two lengths", "Content-Length: 0\r\nContent-Length: 90\r\n"),
        ("no length", "Content-Length: 0x0\r\n"),
        ("a sign before it", "Content-Length: +0\r\n"),
        (
            "chunks, and more",
            "Transfer-Encoding: chunked, identity\r\n",
        ),
        ("a blank in a name", "Content-Length : 0\r\n"),
        ("a line that goes on", "X: y\r\n Content-Length: 0\r\n"),
    ] {
        let mut line = tokio::net::TcpStream::connect(at).await.expect("a line");
        let request = format!("{post}{head}\r\n{hidden}");
        line.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        // The server hangs up.
        line.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{what}: {answer}");
    }
    // Chunks go before a length, and the line ends there (RFC 9112, 6.1).
    let mut line = tokio::net::TcpStream::connect(at).await.expect("a line");
    let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let request = format!("{post}{both}{hidden}");
    line.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("an answer");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}
