//! The portal and the simulated payment systems, over real connections: a bill is paid each way, by
//! people who pay, decline, walk away, pay twice, or whose answer gets lost.

mod common;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Method, StatusCode},
};
use common::{Answer, Browser, World, seed};
use kvit_billing::customer::Text;
use kvit_pay::{
    MacSecret, ProviderName, RsaSigner, RsaVerifier,
    dialects::{
        biller::Biller,
        borica::Terminal,
        epay::Epay,
        ipg::{self, Shop},
    },
    params::encode,
    ways::{Dialect, Provider, Way, Ways},
};
use kvit_payers::{Payers, PayersConfig};
use kvit_web::Pay;
use kvit_wire::HttpWire;
use tokio::net::TcpListener;

struct Scene {
    world: World,
    payers: Router,
    payers_url: String,
}

struct Fixed(Arc<Vec<Provider>>);

impl Ways for Fixed {
    fn all(&self) -> Arc<Vec<Provider>> {
        Arc::clone(&self.0)
    }
}

async fn port() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, url)
}

fn serve(listener: TcpListener, router: Router) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
}

impl Scene {
    async fn open() -> Self {
        let ((portal, portal_url), (till, payers_url)) = (port().await, port().await);
        let payers = Payers::open(PayersConfig {
            portal: portal_url.clone(),
            secret: "some-secret".to_owned(),
            merchant: "7000005".to_owned(),
            shop: "123".to_owned(),
            terminal: "V1800001".to_owned(),
            billers: vec![("ebg".to_owned(), "eBg.bg".to_owned())],
            time_lapse: 100_000,
        })
        .expect("keys");
        let pay = Pay {
            ways: Arc::new(Fixed(Arc::new(providers(&payers, &payers_url)))),
            wire: Arc::new(HttpWire::default()),
        };
        let world = World::paying(&portal_url, pay).await;
        // BORICA's answers carry the time of day.
        world.clock.set(jiff::Timestamp::now());
        serve(portal, world.router.clone());
        serve(till, payers.router());
        Self {
            world,
            payers: payers.router(),
            payers_url,
        }
    }

    fn page(&self) -> String {
        self.world.pay_path(seed::first_bill())
    }

    async fn text(&self) -> String {
        self.world
            .browser()
            .get(&self.page())
            .await
            .body
            .replace('\u{a0}', " ")
    }

    /// Chooses a way in the portal, goes there, and does `what` there.
    async fn goes(&self, way: &str, what: &str) -> Answer {
        let carried = self
            .world
            .browser()
            .post(&self.page(), &format!("way={way}"))
            .await
            .body;
        let (action, form) = form_of(&carried);
        let path = action
            .strip_prefix(&self.payers_url)
            .expect("their address")
            .to_owned();
        let there = self.there(&path, &form).await;
        assert_eq!(there.status, StatusCode::OK, "{}", there.body);
        let (action, _) = form_of(&there.body);
        self.there(&action, &format!("do={what}")).await
    }

    async fn there(&self, path: &str, form: &str) -> Answer {
        let mut browser = Browser {
            router: self.payers.clone(),
            cookies: BTreeMap::new(),
        };
        browser.ask(Method::POST, path, form, &[]).await
    }

    async fn credit(&self) -> i64 {
        let account = common::number(seed::ANNA);
        let now = jiff::Timestamp::now();
        let standing = self
            .world
            .store
            .standing(&account, now)
            .await
            .expect("a standing");
        -standing.balance().get()
    }
}

fn providers(payers: &Payers, url: &str) -> Vec<Provider> {
    let name = |text: &str| -> ProviderName { text.parse().expect("a name") };
    let signer = || RsaSigner::from_pem(payers.files().ours.as_bytes()).expect("a key");
    let verifier = || RsaVerifier::from_pem(payers.files().theirs.as_bytes()).expect("a key");
    let of = |id: &str, dialect, offered: &[Way]| Provider {
        name: name(id),
        title: Text::same(id),
        dialect,
        offered: offered.to_vec(),
        payout: None,
        first_number: 1,
    };
    let epay = Epay {
        name: name("epay"),
        min: "7000005".to_owned(),
        secret: MacSecret::new("some-secret"),
        url: format!("{url}/epay/"),
    };
    let ebg = Biller {
        name: name("ebg"),
        merchant: "7000005".to_owned(),
        secret: MacSecret::new(payers.biller_secret("ebg")),
    };
    let icard = Shop {
        name: name("icard"),
        dialect: ipg::Dialect::Icard,
        originator: "33".to_owned(),
        shop: "123".to_owned(),
        shop_name: "Светлина".to_owned(),
        key_index: "1".to_owned(),
        key_index_resp: "1".to_owned(),
        url: format!("{url}/icard/"),
        signer: signer(),
        verifier: verifier(),
    };
    let borica = Terminal {
        name: name("borica"),
        terminal: "V1800001".to_owned(),
        merchant: "1600000001".to_owned(),
        merchant_name: "Светлина".to_owned(),
        merchant_url: "https://svetlina.example".to_owned(),
        email: "x@svetlina.example".to_owned(),
        url: format!("{url}/borica/cgi_link"),
        signer: signer(),
        verifier: verifier(),
    };
    vec![
        of("epay", Dialect::Epay(epay), &Way::ALL),
        of("icard", Dialect::Ipg(icard), &[Way::Card]),
        of("borica", Dialect::Borica(borica), &[Way::Card]),
        of("ebg", Dialect::Biller(ebg), &[]),
    ]
}

/// The last form of a page: its action, and its hidden fields as a body.
fn form_of(html: &str) -> (String, String) {
    let form = html.rsplit("<form").next().expect("a form");
    let value = |text: &str, name: &str| {
        let from = text
            .find(&format!("{name}=\""))
            .map(|at| at + name.len() + 2)?;
        let text = &text[from..];
        Some(unescaped(&text[..text.find('"')?]))
    };
    let fields: Vec<(String, String)> = form
        .split("<input type=\"hidden\"")
        .skip(1)
        .filter_map(|input| Some((value(input, "name")?, value(input, "value")?)))
        .collect();
    let body = encode(fields.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    (value(form, "action").expect("an action"), body)
}

fn unescaped(text: &str) -> String {
    text.replace("&#x2f;", "/")
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn epay_is_paid_declined_and_walked_away_from() {
    let scene = Scene::open().await;
    scene.goes("epay.account", "away").await;
    assert!(scene.text().await.contains("още не е потвърдено"));
    scene.goes("epay.card", "decline").await;
    assert!(scene.text().await.contains("плащането беше отказано"));
    let back = scene.goes("epay.account", "pay").await;
    assert!(back.header("location").ends_with("?back=1"));
    assert!(scene.text().await.contains("Сметката е платена"));
    assert_eq!(scene.credit().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paid_twice_is_credit_and_a_lost_answer_is_not_money() {
    let scene = Scene::open().await;
    scene.goes("epay.account", "lost").await;
    // The ladder tells it again meanwhile.
    for _ in 0..100 {
        let notices = scene.world.store.notices(9).await.expect("notices");
        if notices.iter().any(|notice| notice.repeats > 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let notices = scene.world.store.notices(9).await.expect("notices");
    assert_eq!((notices.len(), notices[0].repeats), (1, 1));
    assert_eq!(scene.credit().await, 0);

    let twice = Scene::open().await;
    twice.goes("epay.account", "twice").await;
    assert!(twice.text().await.contains("Сметката е платена"));
    assert_eq!(twice.credit().await, 8420);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cash_is_paid_with_the_code() {
    let scene = Scene::open().await;
    let answer = scene
        .world
        .browser()
        .post(&scene.page(), "way=epay.cash")
        .await;
    assert_eq!(answer.header("location"), scene.page());
    let text = scene.text().await;
    let from = text.find("paycode num\">").expect("a code") + "paycode num\">".len();
    let code = &text[from..from + 11];
    let wrong = scene.there("/easypay", "code=7700000000").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let paid = scene.there("/easypay", &encode([("code", code)])).await;
    assert!(paid.body.contains("Paid."), "{}", paid.body);
    assert!(scene.text().await.contains("Сметката е платена"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn icard_takes_money_back_where_nobody_answered() {
    let scene = Scene::open().await;
    scene.goes("icard.card", "lost").await;
    assert!(scene.text().await.contains("парите бяха върнати"));
    assert_eq!(scene.credit().await, -8420);
    let back = scene.goes("icard.card", "pay").await;
    assert!(back.header("location").ends_with("?back=1"));
    assert!(scene.text().await.contains("Сметката е платена"));
    assert_eq!(scene.credit().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn borica_answers_by_the_browser() {
    let scene = Scene::open().await;
    scene.goes("borica.card", "away").await;
    assert!(scene.text().await.contains("още не е потвърдено"));
    for (what, said) in [
        ("decline", "плащането беше отказано"),
        ("pay", "Сметката е платена"),
    ] {
        let page = scene.goes("borica.card", what).await.body;
        let (_, form) = form_of(&page);
        let answer = scene
            .world
            .browser()
            .ask(
                Method::POST,
                "/pay/borica/return",
                &form,
                &[("sec-fetch-site", "cross-site")],
            )
            .await;
        assert!(
            answer.header("location").starts_with(&scene.page()),
            "{what}"
        );
        assert!(scene.text().await.contains(said), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_biller_looks_the_customer_up() {
    let scene = Scene::open().await;
    let look = async || {
        scene
            .there("/billing/ebg", &format!("idn={}", seed::ANNA))
            .await
            .body
    };
    let dues = look().await;
    assert!(dues.contains("84.20 EUR"), "{dues}");
    let (action, form) = form_of(&dues);
    let paid = scene.there(&action, &format!("{form}&times=2")).await.body;
    assert!(paid.contains("00") && paid.contains("94"), "{paid}");
    assert!(scene.text().await.contains("Сметката е платена"));
    assert_eq!(scene.credit().await, 0);
    assert!(look().await.contains("Nothing is due"));
}
