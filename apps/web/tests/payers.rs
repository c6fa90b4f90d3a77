//! The portal and the simulated payment systems, over real connections: a bill is paid each way, by
//! people who pay, decline, walk away, pay twice, or whose answer gets lost.

mod common;
#[path = "payers/same_way.rs"]
mod same_way;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Method, StatusCode},
};
use common::{Answer, Browser, World, seed};
use kvit_billing::{
    Cents,
    customer::Text,
    ports::{Clock, Rng},
};
use kvit_flow::{
    PollReport, Poller,
    ports::{Checkpoints, NoCheckpoints},
};
use kvit_pay::{
    MacSecret, ProviderName, RsaSigner, RsaVerifier,
    dialects::{
        Refund, Refunded,
        biller::Biller,
        borica::Terminal,
        epay::Epay,
        ipg::{self, Shop},
    },
    params::encode,
    ways::{Call, Dialect, Provider, Way, Ways, Wire},
};
use kvit_payers::{Payers, PayersConfig};
use kvit_web::Pay;
use kvit_wire::HttpWire;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

struct Scene {
    world: World,
    payers: Router,
    payers_url: String,
    simulated: Arc<Payers>,
    ways: Arc<Fixed>,
}

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
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
        let ways = Arc::new(Fixed(Arc::new(providers(&payers, &payers_url))));
        let pay = Pay {
            ways: Arc::clone(&ways) as Arc<dyn Ways>,
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
            simulated: payers,
            ways,
        }
    }

    /// A round of the worker that looks after payments.
    async fn round(&self) -> PollReport {
        self.poller(Arc::new(NoCheckpoints))
            .poll(&CancellationToken::new())
            .await
            .expect("a round")
    }

    fn poller(&self, checkpoints: Arc<dyn Checkpoints>) -> Poller {
        Poller {
            store: self.world.store.clone(),
            ways: Arc::clone(&self.ways) as Arc<dyn Ways>,
            wire: Arc::new(HttpWire::default()),
            clock: Arc::clone(&self.world.clock) as Arc<dyn Clock>,
            rng: Arc::new(Zeros),
            checkpoints,
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

    /// Payments that would be asked for at a moment.
    async fn store_to_poll(&self, at: jiff::Timestamp) -> usize {
        let due = self.world.store.payments_to_poll(at, 9).await;
        due.expect("payments").len()
    }

    async fn credit(&self) -> i64 {
        let account = common::number(seed::ANNA);
        let now = self.world.clock.now();
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
    let shop = |id: &str, dialect| {
        let house = if dialect == ipg::Dialect::Icard {
            "IPG"
        } else {
            "IPC"
        };
        Shop {
            name: name(id),
            dialect,
            originator: "33".to_owned(),
            shop: "123".to_owned(),
            shop_name: "Светлина".to_owned(),
            key_index: "1".to_owned(),
            key_index_resp: "1".to_owned(),
            status_method: format!("{house}GetTxnStatus"),
            refund_method: format!("{house}Refund"),
            url: format!("{url}/{id}/"),
            signer: signer(),
            verifier: verifier(),
        }
    };
    let icard = shop("icard", ipg::Dialect::Icard);
    let mypos = shop("mypos", ipg::Dialect::Mypos);
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
        of("mypos", Dialect::Ipg(mypos), &[Way::Card]),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_out_of_order_is_not_offered_and_comes_back_by_itself() {
    let scene = Scene::open().await;
    let card = "value=\"icard.card\"";
    scene.round().await;
    assert!(scene.text().await.contains(card));
    scene.simulated.switch(true);
    for _ in 0..4 {
        scene.world.clock.forward(301);
        scene.round().await;
    }
    let text = scene.text().await;
    assert!(!text.contains("name=\"way\""), "{text}");
    for part in [
        "Временно не работят: epay, icard, mypos, borica.",
        "Дотогава можете да платите с банков превод",
        "BG80 BNBG 9661 1020 3456 78",
    ] {
        assert!(text.contains(part), "{part}");
    }
    // From a page that was open before.
    let late = scene
        .world
        .browser()
        .post(&scene.page(), "way=epay.card")
        .await
        .body;
    assert!(late.contains("Избраният начин за плащане временно не работи"));
    assert!(
        scene
            .world
            .store
            .payments(9)
            .await
            .expect("payments")
            .is_empty()
    );
    scene.simulated.switch(false);
    scene.world.clock.forward(61);
    scene.round().await;
    let text = scene.text().await;
    assert!(text.contains(card) && !text.contains("ременно не работ"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_was_never_heard_of_is_asked_for_and_ends_visibly() {
    for way in ["icard.card", "mypos.card"] {
        let scene = Scene::open().await;
        scene.goes(way, "away").await;
        scene.world.clock.forward(180);
        let report = scene.round().await;
        assert_eq!((report.asked, report.silent), (1, 0), "{way}");
        assert!(scene.text().await.contains("още не е потвърдено"));
        scene.world.clock.forward(25 * 3600);
        scene.round().await;
        let text = scene.text().await;
        assert!(text.contains("времето за плащане изтече"), "{way}: {text}");
        let later = scene.world.clock.now() + jiff::SignedDuration::from_hours(72);
        let open = scene.store_to_poll(later).await;
        assert_eq!(open, 0, "{way}: nobody asks any more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_back_that_is_asked_for_as_well_counts_once() {
    for way in ["icard.card", "mypos.card"] {
        let scene = Scene::open().await;
        scene.goes(way, "pay").await;
        assert!(scene.text().await.contains("Сметката е платена"), "{way}");
        let payment = scene
            .world
            .store
            .payments(1)
            .await
            .expect("payments")
            .remove(0);
        let ways = scene.ways.all();
        let provider = ways.iter().find(|p| p.name == payment.payment.provider);
        let dialect = &provider.expect("configured").dialect;
        let form = dialect.status(1, [0; 16]).expect("signed").expect("asked");
        let answer = ask(&form).await;
        let asked = [[0; 16]];
        let heard = dialect.status_answer(1, &asked, &answer);
        let Ok(kvit_pay::dialects::Answer::Notice(notice)) = heard else {
            panic!("{way}: {}", String::from_utf8_lossy(&answer))
        };
        let now = scene.world.clock.now();
        let received = scene.world.store.receive_notice(&notice, now).await;
        assert!(!received.expect("received").first, "{way}");
        assert_eq!(scene.credit().await, 0);
    }
}

async fn ask(form: &kvit_pay::dialects::FormPost) -> Vec<u8> {
    let call = Call {
        url: form.url.clone(),
        form: Some(form.body()),
    };
    HttpWire::default().call(call).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_goes_back_once_and_never_more_than_was_paid() {
    for way in ["icard.card", "mypos.card", "borica.card"] {
        let scene = Scene::open().await;
        let page = scene.goes(way, "pay").await.body;
        if way == "borica.card" {
            let (_, form) = form_of(&page);
            let foreign = [("sec-fetch-site", "cross-site")];
            let mut browser = scene.world.browser();
            browser
                .ask(Method::POST, "/pay/borica/return", &form, &foreign)
                .await;
        }
        let store = &scene.world.store;
        let notice = store.notices(1).await.expect("notices").remove(0);
        let received = store.notice_as_received(&notice.id).await.expect("there");
        let received = received.expect("a notice");
        let ways = scene.ways.all();
        let found = ways.iter().find(|p| p.name == notice.provider);
        let dialect = &found.expect("configured").dialect;
        let transaction = notice.id.rsplit('/').next().expect("a name").to_owned();
        let back = async |name: &str, cents: i64| {
            let refund = Refund {
                payment: 1,
                transaction: &transaction,
                received: &received,
                name,
                amount: Cents::new(cents),
                description: "Върната сума",
                email: "",
                now: scene.world.clock.now(),
                nonce: [7; 16],
            };
            let form = dialect.refund(&refund).expect("a form");
            dialect.refund_answer(&refund, &ask(&form).await)
        };
        let first = back("kvit-1", 5000).await;
        assert!(
            matches!(first, Ok(Refunded::Done(Some(_)))),
            "{way}: {first:?}"
        );
        if way != "borica.card" {
            assert_eq!(back("kvit-1", 5000).await, first, "{way}: asked again");
        }
        let more = back("kvit-2", 9000).await;
        // What iCard's codes mean is not published.
        let known = way != "icard.card";
        assert_eq!(more.is_ok(), known, "{way}: {more:?}");
        if let Ok(more) = more {
            assert!(matches!(more, Refunded::Refused(_)), "{way}: {more:?}");
        }
    }
}
