//! Uploads of run files.

use std::sync::atomic::Ordering;

use axum::{
    body::{Body, Bytes},
    http::{Method, StatusCode},
};
use futures::StreamExt as _;
use kvit_billing::Role;
use kvit_pay::statement::{Check, Place};
use kvit_store::Event;
use kvit_web::{Because, Cause, Fails, ImportState, Kind, Reason};

use super::{
    FOREIGN, URL,
    common::{Answer, Browser, UPLOAD_BYTES_MAX, World, seed, words::english_in},
};

const PATH: &str = "/staff/imports/file";
const STATEMENTS: &str = "/staff/statements/file";
const TYPE: &str = "multipart/form-data; boundary=xyz";

fn field(name: &str, more: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(token: &str, file_name: &str, content: &[u8]) -> Vec<u8> {
    let named = format!("; filename=\"{file_name}\"");
    let token = field("form_token", "", token.as_bytes());
    [
        token,
        field("file", &named, content),
        b"--xyz--\r\n".to_vec(),
    ]
    .concat()
}

/// Sends a body in pieces, as a network does.
async fn send(browser: &mut Browser, body: &[u8], extra: &[(&str, &str)]) -> Answer {
    send_to(browser, PATH, body, extra).await
}

async fn send_to(browser: &mut Browser, path: &str, body: &[u8], extra: &[(&str, &str)]) -> Answer {
    let pieces: Vec<_> = body
        .chunks(1000)
        .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
        .collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    let extra = [&[("content-type", TYPE)], extra].concat();
    browser.send(Method::POST, path, body, &extra).await
}

async fn upload(browser: &mut Browser, file_name: &str, content: &[u8]) -> Answer {
    let token = browser.get("/").await.form_token();
    send(browser, &form(&token, file_name, content), &[]).await
}

/// Uploads a file at another address.
pub(super) async fn upload_to(
    browser: &mut Browser,
    path: &str,
    file_name: &str,
    content: &[u8],
) -> Answer {
    let token = browser.get("/").await.form_token();
    send_to(browser, path, &form(&token, file_name, content), &[]).await
}

async fn desk() -> (World, Browser) {
    let world = World::new(URL).await;
    world.hire("vera", Role::Billing).await;
    let mut vera = world.browser();
    vera.sign_in_staff("vera").await;
    (world, vera)
}

#[tokio::test]
async fn a_file_comes_in_whole_and_its_import_is_followed() {
    let (world, mut vera) = desk().await;
    let page = vera.get("/staff/imports").await;
    assert!(
        page.body.contains("multipart/form-data") && page.body.contains("Най-много 100,0 KB"),
        "{}",
        page.body
    );
    let content = b"{\"format\":\"kvit-run\"}\r\n--xy\r\n".repeat(500);
    let sent = upload(&mut vera, "../<b>октомври\u{202e}.ndjson", &content).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let own = sent.header("location").to_owned();
    assert_eq!(
        *world.shelf.whole.lock().expect("not poisoned"),
        std::slice::from_ref(&content)
    );
    let file = world.shelf.known.lock().expect("not poisoned")[0]
        .file
        .clone();
    assert_eq!(
        (file.by.as_str(), file.bytes, file.name.as_str()),
        ("vera", content.len() as u64, "<b>октомври.ndjson")
    );

    let page = vera.get(&own).await;
    assert_eq!(page.header("refresh").split(';').next(), Some("3"));
    assert!(
        page.body.contains("&lt;b&gt;октомври.ndjson") && page.body.contains("внася друг файл"),
        "{}",
        page.body
    );
    let reading = |orders, promised| ImportState::Reading { orders, promised };
    for (state, said) in [
        (
            reading(1200, Some(3000)),
            "Прочетени сметки: 1\u{a0}200 от 3\u{a0}000",
        ),
        (reading(0, Some(0)), "Прочетени сметки: 0"),
        (reading(7, None), "Прочетени сметки: 7"),
    ] {
        world.shelf.set(state);
        let page = vera.get(&own).await;
        assert!(page.body.contains(said), "{said}: {}", page.body);
        assert_eq!(page.header("refresh").split(';').next(), Some("3"));
    }
    let run = || "2026-10-a1".parse().expect("an id");
    let cause = Cause {
        known: Some(Because::Denied.with(&[])),
        foreign: "the disk <went> away".to_owned(),
        ..Cause::default()
    };
    world.shelf.set(ImportState::Failed(Reason {
        what: Fails::NoBill.with(&[("name", &"1.txt"), ("count", &2)]),
        causes: vec![cause],
        is_without_remedy: false,
    }));
    let page = vera.get(&own).await;
    assert_eq!(page.header("refresh"), "");
    for part in [
        "по името си не е сметка: 1.txt и още 2",
        "достъпът е отказан",
        "дайте на сметките окончание",
        "lang=\"en\">the disk &lt;went&gt; away",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(english_in(&page.body), Vec::<String>::new());
    world.shelf.set(ImportState::Already(run()));
    let page = vera.get(&own).await;
    assert!(
        page.body.contains("вече са в пуск") && page.body.contains("/staff/runs/2026-10-a1"),
        "{}",
        page.body
    );
    world.shelf.set(ImportState::Checked(run()));
    assert_eq!(
        vera.get(&own).await.header("location"),
        "/staff/runs/2026-10-a1?done=imported"
    );
    seed::rejected(&world.store, "2026-11-bad").await;
    world
        .shelf
        .set(ImportState::Rejected("2026-11-bad".parse().expect("an id")));
    let to = vera.get(&own).await.header("location").to_owned();
    let page = vera.get(&to).await;
    assert!(page.body.contains("тя е техният сбор") && !page.body.contains("без грешка"));
    assert!(
        vera.get("/staff/imports")
            .await
            .body
            .contains("2026-11-bad")
    );
    let unknown = vera
        .get("/staff/imports/00000000000000000000000000000000")
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(
        unknown.body.contains("качете същия файл отново"),
        "{}",
        unknown.body
    );
    let trail = world
        .store
        .events(&own.replace("/staff/imports/", "import/"), 9)
        .await;
    let trail = trail.expect("a trail");
    assert_eq!(
        (trail[0].who.as_str(), trail[0].what.as_str()),
        ("vera", "run.uploaded")
    );
    // The language is changed at the answer to a form, which is no page of its own.
    assert_eq!(vera.get(PATH).await.header("location"), "/staff/imports");
}

#[tokio::test]
async fn what_is_no_whole_file_leaves_nothing_behind() {
    let (world, mut vera) = desk().await;
    let token = vera.get("/").await.form_token();
    let content = vec![b'x'; 20_000];
    let whole = form(&token, "run.ndjson", &content);
    let too_large = form(&token, "run.ndjson", &vec![b'x'; UPLOAD_BYTES_MAX + 1]);
    let announced = (UPLOAD_BYTES_MAX * 2).to_string();
    let nothing = form(&token, "", b"");
    let empty = form(&token, "run.ndjson", b"");
    let only_token = [
        field("form_token", "", token.as_bytes()),
        b"--xyz--\r\n".to_vec(),
    ]
    .concat();
    let two = [
        &whole[..whole.len() - 9],
        &field("file", "; filename=\"b\"", b"b")[..],
        b"--xyz--\r\n",
    ]
    .concat();
    for (what, body, extra, status, said) in [
        (
            "cut in the file",
            &whole[..10_000],
            &[][..],
            StatusCode::BAD_REQUEST,
            "прекъсна",
        ),
        (
            "cut in its end",
            &whole[..whole.len() - 5],
            &[],
            StatusCode::BAD_REQUEST,
            "прекъсна",
        ),
        (
            "cut in the head",
            &whole[..120],
            &[],
            StatusCode::BAD_REQUEST,
            "прекъсна",
        ),
        (
            "nothing at all",
            &[],
            &[],
            StatusCode::BAD_REQUEST,
            "прекъсна",
        ),
        (
            "too large",
            &too_large,
            &[],
            StatusCode::PAYLOAD_TOO_LARGE,
            "по-голям от допустимото",
        ),
        (
            "announced too large",
            &whole,
            &[("content-length", announced.as_str())],
            StatusCode::PAYLOAD_TOO_LARGE,
            "по-голям от допустимото",
        ),
        (
            "no file chosen",
            &nothing,
            &[],
            StatusCode::UNPROCESSABLE_ENTITY,
            "Изберете файл",
        ),
        (
            "an empty file",
            &empty,
            &[],
            StatusCode::UNPROCESSABLE_ENTITY,
            "Изберете файл",
        ),
        (
            "only a token",
            &only_token,
            &[],
            StatusCode::UNPROCESSABLE_ENTITY,
            "Изберете файл",
        ),
        ("two files", &two, &[], StatusCode::FORBIDDEN, FOREIGN),
    ] {
        let answer = send(&mut vera, body, extra).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert!(answer.body.contains(said), "{what}: {}", answer.body);
        assert_eq!(world.shelf.open.load(Ordering::SeqCst), 0, "{what}");
        assert!(
            world.shelf.whole.lock().expect("not poisoned").is_empty(),
            "{what}"
        );
    }
    let full = world.shelf.room.lock().expect("not poisoned").replace(5000);
    assert_eq!(full, None);
    let answer = send(&mut vera, &whole, &[]).await;
    assert_eq!(answer.status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(
        answer.body.contains("няма достатъчно място"),
        "{}",
        answer.body
    );
    assert_eq!(world.shelf.open.load(Ordering::SeqCst), 0);
    *world.shelf.room.lock().expect("not poisoned") = None;
    *world.shelf.busy.lock().expect("not poisoned") = true;
    let busy = send(&mut vera, &whole, &[]).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    *world.shelf.busy.lock().expect("not poisoned") = false;
    // And then it works: a second press is a second upload of the same file.
    for _press in 0..2 {
        assert_eq!(
            send(&mut vera, &whole, &[]).await.status,
            StatusCode::SEE_OTHER
        );
    }
    assert_eq!(world.shelf.whole.lock().expect("not poisoned").len(), 2);
}

#[tokio::test]
async fn only_a_form_of_ours_brings_a_file_in() {
    let (world, mut vera) = desk().await;
    let token = vera.get("/").await.form_token();
    let late_token = [
        field("file", "; filename=\"a\"", b"a"),
        field("form_token", "", token.as_bytes()),
        b"--xyz--\r\n".to_vec(),
    ]
    .concat();
    for body in [
        form("", "a", b"a"),
        form(&"0".repeat(32), "a", b"a"),
        late_token,
    ] {
        let answer = send(&mut vera, &body, &[]).await;
        assert!(answer.body.contains(FOREIGN), "{}", answer.body);
    }
    let other_site = send(
        &mut vera,
        &form(&token, "a", b"a"),
        &[("sec-fetch-site", "cross-site")],
    )
    .await;
    assert!(other_site.body.contains(FOREIGN));
    let stranger = send(&mut world.browser(), &form(&token, "a", b"a"), &[]).await;
    assert!(stranger.header("location").starts_with("/staff/sign-in"));
    world.hire("odit", Role::Auditor).await;
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    assert_eq!(
        upload(&mut odit, "a", b"a").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        odit.get("/staff/imports").await.status,
        StatusCode::FORBIDDEN
    );
    assert!(
        !odit
            .get("/staff/runs")
            .await
            .body
            .contains("/staff/imports")
    );
    assert!(world.shelf.known.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn a_statement_is_followed_to_what_came_of_it() {
    let (world, mut vera) = desk().await;
    let page = vera.get("/staff/statements").await;
    assert!(
        page.body.contains("Още няма внесени извлечения"),
        "{}",
        page.body
    );
    let token = vera.get("/").await.form_token();
    let empty = send_to(&mut vera, STATEMENTS, &form(&token, "", b""), &[]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        empty.body.contains("Изберете файл с извлечение"),
        "{}",
        empty.body
    );
    let sent = send_to(
        &mut vera,
        STATEMENTS,
        &form(&token, "ден.xml", b"<Document/>"),
        &[],
    )
    .await;
    let own = sent.header("location").to_owned();
    assert!(own.starts_with("/staff/statements/file/"), "{own}");
    let other = own.replace("statements/file", "imports");
    assert_eq!(
        vera.get(&other).await.status,
        StatusCode::NOT_FOUND,
        "it is no run"
    );
    let promised = None;
    world.shelf.set(ImportState::Reading {
        orders: 7,
        promised,
    });
    let page = vera.get(&own).await;
    assert_eq!(page.header("refresh").split(';').next(), Some("3"));
    assert!(page.body.contains("Прочетени преводи: 7"), "{}", page.body);
    // Each of them, as if all came of one file.
    let places = [
        Place::Entry(7, Some("<b>".to_owned())),
        Place::File,
        Place::Statement("2026-228".to_owned()),
        Place::Report("PSR-1".to_owned()),
        Place::Part,
        Place::Transaction(3),
    ];
    let faults = Check::ALL.iter().zip(places.iter().cycle());
    let faults: Vec<_> = faults
        .map(|(code, place)| kvit_pay::statement::Fault {
            line: 42,
            place: place.clone(),
            code: *code,
            found: "17,5".to_owned(),
            expected: "<Sts>".to_owned(),
        })
        .collect();
    world.shelf.set(ImportState::Faulty {
        faults,
        counted: 2000,
    });
    let page = vera.get(&own).await;
    for part in [
        "42",
        "запис 7 (&lt;b&gt;)",
        "питайте банката",
        "първите хиляда",
        "Качи отново",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(english_in(&page.body), Vec::<String>::new());
    let booked = |first| ImportState::Booked {
        statement: "a1".to_owned(),
        first,
    };
    for (first, done) in [(true, "booked"), (false, "known")] {
        world.shelf.set(booked(first));
        let to = vera.get(&own).await.header("location").to_owned();
        assert_eq!(to, format!("/staff/statements/a1?done={done}"));
    }
    assert_eq!(
        vera.get("/staff/statements/a1").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn nothing_comes_of_a_file_whose_account_was_closed_meanwhile() {
    let (world, mut vera) = desk().await;
    world.hire("petya", Role::Clerk).await;
    let mut petya = world.browser();
    petya.sign_in_staff("petya").await;
    for (login, path, browser) in [
        ("vera", PATH, &mut vera),
        ("petya", "/staff/scans/file", &mut petya),
    ] {
        let token = browser.get("/").await.form_token();
        let whole = form(&token, "a.ndjson", b"II*\0 what may be read");
        let (first, last) = whole.split_at(whole.len() - 20);
        let (first, last) = (first.to_vec(), last.to_vec());
        let (store, at) = (world.store.clone(), super::now(&world));
        let rest = async move {
            // An administrator closes it while the file comes in.
            let closed = Event {
                at,
                who: "olga".to_owned(),
                what: "staff.disabled".to_owned(),
                subject: format!("staff/{login}"),
                detail: serde_json::json!({}),
            };
            let login = login.parse().expect("a login");
            assert!(store.disable_staff(&login, &closed).await.expect("closed"));
            Ok::<_, std::io::Error>(Bytes::from(last))
        };
        let first = futures::stream::iter([Ok(Bytes::from(first))]);
        let body = Body::from_stream(first.chain(futures::stream::once(rest)));
        let sent = browser
            .send(Method::POST, path, body, &[("content-type", TYPE)])
            .await;
        assert_eq!(sent.status, StatusCode::FORBIDDEN, "{path}: {}", sent.body);
        assert!(world.shelf.whole.lock().expect("not poisoned").is_empty());
        assert_eq!(world.shelf.open.load(Ordering::SeqCst), 0, "{path}");
    }
}
