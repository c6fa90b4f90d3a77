//! Calls to a server of this test.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use kvit_pay::ways::{Call, NoAnswer, Wire};
use kvit_wire::HttpWire;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

async fn server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new()
        .route(
            "/code",
            get(|query: axum::extract::RawQuery| async move {
                format!("IDN={}", query.0.unwrap_or_default())
            }),
        )
        .route(
            "/ask",
            post(|body: String| async move { format!("said {body}") }),
        )
        .route("/down", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route(
            "/moved",
            get(|| async { (StatusCode::FOUND, [("location", "/code")]) }),
        )
        .route(
            "/moved-with-all",
            post(|| async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/ask")]) }),
        )
        .route("/long", get(|| async { "x".repeat(1 << 20) }))
        .route(
            "/refused",
            get(|| async { (StatusCode::FORBIDDEN, "x".repeat(1 << 20)) }),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn calls_are_answered_or_not() {
    let at = server().await;
    let wire = HttpWire::default();
    let call = async |path: &str, form: Option<&str>| {
        let call = Call {
            url: format!("http://{at}{path}"),
            form: form.map(str::to_owned),
        };
        wire.call(call)
            .await
            .map(|body| String::from_utf8_lossy(&body).into_owned())
    };
    assert_eq!(call("/code?a=1", None).await.expect("an answer"), "IDN=a=1");
    assert_eq!(
        call("/ask", Some("b=2")).await.expect("an answer"),
        "said b=2"
    );
    for (path, said, silence, reached) in [
        ("/down", "status 503", true, false),
        ("/long", "too long", true, true),
        ("/none", "status 404", false, true),
        // POST only.
        ("/ask", "status 405", false, true),
        ("/refused", "status 403", false, true),
        // Nothing is followed.
        ("/moved", "status 302", false, true),
    ] {
        let error: NoAnswer = call(path, None).await.expect_err("no answer");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(error.is_silence(), silence, "{path}");
        let there = wire.reach(format!("http://{at}{path}")).await;
        assert_eq!(there.is_ok(), reached, "{path}");
    }
    for url in [
        "http://192.0.2.1/",
        "ftp://127.0.0.1/",
        "nonsense",
        "http://127.0.0.1:1/",
    ] {
        let call = Call {
            url: url.to_owned(),
            form: None,
        };
        let error = wire.call(call).await.expect_err(url);
        assert!(error.is_silence(), "{url}");
    }
}

#[tokio::test]
async fn a_change_of_address_is_not_followed() {
    let at = server().await;
    let call = Call {
        url: format!("http://{at}/moved-with-all"),
        form: Some("secret=1".to_owned()),
    };
    let error = HttpWire::default().call(call).await;
    let error = error.expect_err("no answer");
    assert!(error.to_string().contains("status 307"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let made = made.expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server");
    let tls = TlsAcceptor::from(Arc::new(tls));
    let listener = tokio::net::TcpListener::bind("localhost:0").await;
    let listener = listener.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let (line, _) = listener.accept().await.expect("a caller");
        tls.accept(line).await.is_ok()
    });
    let call = Call {
        url: format!("https://localhost:{port}/"),
        form: Some("secret=1".to_owned()),
    };
    let error = HttpWire::default().call(call).await;
    let error = error.expect_err("no answer");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(!server.await.expect("it ends"), "nothing was sent");
}
