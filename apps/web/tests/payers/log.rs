//! What the log says of payments, and what it never does.

use axum::http::Method;
use kvit_pay::{params::Params, ways::Ways as _};
use tracing::Level;

use crate::{
    common::{log::Log, seed},
    scene::{Scene, form_of},
};

/// What nobody signed.
const FORGED: [(Method, &str, &str); 6] = [
    (
        Method::POST,
        "/pay/epay/notify",
        "encoded=Zm9yZ2VkLWxpbmVz&checksum=feedfacefeedfacefeedfacefeedfacefeedface",
    ),
    (
        Method::POST,
        "/pay/icard/notify",
        "IPGmethod=IPGPurchaseNotify&MID=123&OrderID=1&Amount=84.20&Currency=978&IPG_Trnref=T7&Signature=feedfacefeedfacefeedfacefeedface",
    ),
    (
        Method::POST,
        "/pay/mypos/notify",
        "IPCmethod=IPCPurchaseNotify&SID=123&OrderID=1&Amount=84.20&Currency=EUR&IPC_Trnref=T7&Signature=feedfacefeedfacefeedfacefeedface",
    ),
    (
        Method::POST,
        "/pay/borica/return",
        "ACTION=0&RC=00&TERMINAL=V1800001&TRTYPE=1&AMOUNT=84.20&CURRENCY=EUR&ORDER=000001&TIMESTAMP=20261120083000&NONCE=00&P_SIGN=FEEDFACE",
    ),
    (
        Method::GET,
        "/pay/ebg/init",
        "IDN=1000001&MERCHANTID=7000005&TYPE=CHECK&CHECKSUM=feedfacefeedfacefeedfacefeedfacefeedface",
    ),
    (
        Method::GET,
        "/pay/ebg/confirm",
        "IDN=1000001&MERCHANTID=7000005&TID=T1&DATE=20261120110000&TOTAL=8420&TYPE=BILLING&CHECKSUM=feedfacefeedfacefeedfacefeedfacefeedface",
    ),
];

/// The names of what proves something.
const PROOFS: [&str; 5] = ["CHECKSUM", "checksum", "Signature", "P_SIGN", "ENCODED"];

/// The values in a form or query that prove something.
fn proofs(body: &[u8]) -> Vec<String> {
    let params = Params::parse(body).expect("a form");
    let proofs = PROOFS.iter().filter_map(|name| params.get(name));
    proofs.map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_that_is_secret_about_a_payment_is_logged() {
    let log = Log::begin(Level::DEBUG);
    let scene = Scene::open().await;
    let foreign = [("sec-fetch-site", "cross-site")];
    let mut secrets = Vec::new();
    for (method, path, body) in FORGED {
        let (path, sent) = match method {
            Method::GET => (format!("{path}?{body}"), ""),
            _ => (path.to_owned(), body),
        };
        let mut browser = scene.world.browser();
        browser.ask(method, &path, sent, &foreign).await;
        secrets.extend(proofs(body.as_bytes()));
    }
    // What goes out by a browser, what comes back, and what the portal asks by itself.
    let (page, mut browser) = (scene.page(), scene.world.browser());
    let carried = browser.post(&page, "way=epay.card").await.body;
    secrets.extend(proofs(form_of(&carried).1.as_bytes()));
    scene.goes("epay.account", "decline").await;
    scene.goes("icard.card", "lost").await;
    scene.goes("mypos.card", "away").await;
    scene.comes_back("mypos.card", "decline").await;
    scene.world.clock.forward(180);
    scene.round().await;
    scene.simulated.switch(true);
    let answer = browser.post(&page, "way=epay.cash").await;
    assert!(answer.header("location").ends_with("?nocode"));
    scene.simulated.switch(false);
    scene.world.clock.set(jiff::Timestamp::now());
    let back = scene.goes("borica.card", "pay").await.body;
    let form = form_of(&back).1;
    browser
        .ask(Method::POST, "/pay/borica/return", &form, &foreign)
        .await;
    assert!(scene.text().await.contains("Сметката е платена"));
    scene
        .there("/billing/ebg", &format!("idn={}", seed::ANNA))
        .await;
    let paid = format!("idn={}&total=500", seed::ANNA);
    scene.there("/billing/ebg/pay", &paid).await;

    let store = &scene.world.store;
    let notices = store.notices(20).await.expect("notices");
    for provider in ["epay", "icard", "borica", "ebg"] {
        let of = |notice: &&kvit_store::NoticeRecord| notice.provider.as_str() == provider;
        let notice = notices.iter().find(of).expect(provider);
        let received = store.notice_as_received(&notice.id).await.expect("there");
        secrets.extend(proofs(&received.expect("a notice")));
    }
    assert!(secrets.len() >= 12, "{}", secrets.len());
    let pay_token = scene.page().rsplit('-').next().expect("a token").to_owned();
    let private = scene.simulated.files().ours.lines().nth(1);
    secrets.extend([
        "some-secret".to_owned(),
        scene.simulated.biller_secret("ebg"),
        pay_token,
        private.expect("a key").to_owned(),
    ]);

    let text = log.text();
    for said in [
        "a payment was begun",
        "a notice came",
        "what came is not believed",
        "no code for paying in cash",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let keys = format!("{:?}", scene.ways.all());
    for secret in &secrets {
        assert!(!text.contains(secret), "{secret}: {text}");
        assert!(!keys.contains(secret), "{secret}: {keys}");
    }
    for name in PROOFS {
        assert!(!text.contains(&format!("{name}=")), "{name}: {text}");
    }
}
