//! The pages, and the folder.

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use jiff::tz::TimeZone;
use kvit_mailbox::{Mailbox, MailboxConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::ServiceExt;

const MAIL: &str = "Subject: <script>alert(1)</script>\r\nDate: Wed, 25 Nov 2026 09:30:00 +0000\r\nContent-Type: text/html\r\n\r\n<b>hi</b><br>https://kvit.test/receipt/x.\r\n";

async fn deliver(mailbox: &Mailbox, to: &str) {
    let mut tcp = TcpStream::connect(mailbox.smtp_addr)
        .await
        .expect("a connection");
    let talk =
        format!("EHLO a\r\nMAIL FROM:<a@b.bg>\r\nRCPT TO:<{to}>\r\nDATA\r\n{MAIL}.\r\nQUIT\r\n");
    tcp.write_all(talk.as_bytes()).await.expect("written");
    let mut said = String::new();
    tcp.read_to_string(&mut said).await.expect("an answer");
    assert!(said.contains("250 2.0.0 kept"), "{said}");
}

async fn get(mailbox: &Mailbox, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response: Response<Body> = mailbox.router().oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn mails_are_listed_found_and_shown_without_running_anything() {
    let mailbox = Mailbox::start(MailboxConfig {
        time_zone: TimeZone::get("Europe/Sofia").expect("a zone"),
        ..MailboxConfig::default()
    })
    .await
    .expect("started");
    assert!(get(&mailbox, "/").await.1.contains("No mail has come yet"));
    deliver(&mailbox, "ivan@abv.bg").await;
    deliver(&mailbox, "maria@abv.bg").await;
    let (status, page) = get(&mailbox, "/").await;
    assert!(status == StatusCode::OK && page.contains("ivan@abv.bg") && !page.contains("<script>"));
    let (_, page) = get(&mailbox, "/?q=MARIA").await;
    assert!(page.contains("maria@abv.bg") && !page.contains("ivan@abv.bg"));
    assert!(page.contains("2026-11-25 11:30"), "in local time: {page}");
    let (_, page) = get(&mailbox, "/?q=petar").await;
    assert!(page.contains("“petar”"), "{page}");
    let (status, page) = get(&mailbox, "/mail/1").await;
    assert!(
        status == StatusCode::OK && page.contains("sandbox=") && !page.contains("<script>"),
        "{page}"
    );
    assert!(
        page.contains("<a href=\"https:&#x2f;&#x2f;kvit.test&#x2f;receipt&#x2f;x\" target"),
        "{page}"
    );
    assert!(get(&mailbox, "/mail/1/html").await.1.contains("<b>hi</b>"));
    assert_eq!(get(&mailbox, "/mail/1/raw").await.1, MAIL);
    assert_eq!(get(&mailbox, "/mail/3").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        get(&mailbox, "/mail/1/file/0").await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_folder_outlives_the_mailbox() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = MailboxConfig {
        folder: Some(folder.path().to_owned()),
        ..MailboxConfig::default()
    };
    let mailbox = Mailbox::start(config.clone()).await.expect("started");
    deliver(&mailbox, "ivan@abv.bg").await;
    drop(mailbox);
    let again = Mailbox::start(config).await.expect("started again");
    assert_eq!(again.count(), 1);
    assert_eq!(again.messages()[0].bytes, MAIL.as_bytes());
    assert_eq!(again.messages()[0].to, ["ivan@abv.bg"]);
}
