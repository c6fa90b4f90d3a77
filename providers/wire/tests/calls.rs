//! Calls to a server of this test.

use std::net::SocketAddr;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use kvit_pay::ways::{Call, Wire};
use kvit_wire::HttpWire;

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
        .route("/long", get(|| async { "x".repeat(1 << 20) }));
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
    for (path, said) in [
        ("/down", "status 503"),
        ("/long", "too long"),
        ("/none", "status 404"),
    ] {
        let error = call(path, None).await.expect_err("no answer").to_string();
        assert!(error.contains(said), "{error}");
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
        assert!(wire.call(call).await.is_err(), "{url}");
    }
}
