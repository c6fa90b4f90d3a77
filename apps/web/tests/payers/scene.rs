//! A portal and the simulated payment systems, each on a port of its own.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::{Method, StatusCode},
};
use kvit_billing::{
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
use tokio_util::sync::CancellationToken;

use crate::common::{self, Answer, Browser, World, seed};

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) url: String,
    pub(crate) payers: Router,
    pub(crate) payers_url: String,
    pub(crate) simulated: Arc<Payers>,
    pub(crate) ways: Arc<Fixed>,
}

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

pub(crate) struct Fixed(Arc<Vec<Provider>>);

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
    pub(crate) async fn open() -> Self {
        Self::open_behind(|portal| portal).await
    }

    /// With something between the payment systems and the portal.
    pub(crate) async fn open_behind(between: impl FnOnce(Router) -> Router) -> Self {
        let ((portal, portal_url), (till, payers_url)) = (port().await, port().await);
        let payers = Payers::open(PayersConfig {
            portal: portal_url.clone(),
            secret: "some-secret".to_owned(),
            merchant: "7000005".to_owned(),
            shop: "123".to_owned(),
            terminal: "V1800001".to_owned(),
            billers: ["ebg", "icard-bill"]
                .map(|name| (name.to_owned(), name.to_owned()))
                .to_vec(),
            time_lapse: 5_000_000,
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
        serve(portal, between(world.router.clone()));
        serve(till, payers.router());
        Self {
            world,
            url: portal_url,
            payers: payers.router(),
            payers_url,
            simulated: payers,
            ways,
        }
    }

    /// A round of the worker that looks after payments.
    pub(crate) async fn round(&self) -> PollReport {
        self.poller(Arc::new(NoCheckpoints))
            .poll(&CancellationToken::new())
            .await
            .expect("a round")
    }

    pub(crate) fn poller(&self, checkpoints: Arc<dyn Checkpoints>) -> Poller {
        Poller {
            store: self.world.store.clone(),
            ways: Arc::clone(&self.ways) as Arc<dyn Ways>,
            wire: Arc::new(HttpWire::default()),
            clock: Arc::clone(&self.world.clock) as Arc<dyn Clock>,
            rng: Arc::new(Zeros),
            checkpoints,
        }
    }

    pub(crate) fn page(&self) -> String {
        self.world.pay_path(seed::first_bill())
    }

    pub(crate) async fn text(&self) -> String {
        self.world
            .browser()
            .get(&self.page())
            .await
            .body
            .replace('\u{a0}', " ")
    }

    /// Chooses a way in the portal, goes there, and does `what` there.
    pub(crate) async fn goes(&self, way: &str, what: &str) -> Answer {
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

    /// The same, and the browser goes back to the portal with what it was given, if anything.
    pub(crate) async fn comes_back(&self, way: &str, what: &str) -> Answer {
        let there = self.goes(way, what).await;
        if there.status == StatusCode::SEE_OTHER {
            return there;
        }
        self.carries(&there.body).await
    }

    /// The browser carries a payment system's form to the portal.
    pub(crate) async fn carries(&self, page: &str) -> Answer {
        let (action, form) = form_of(page);
        let path = action.strip_prefix(&self.url).expect("the portal's");
        let foreign = [("sec-fetch-site", "cross-site")];
        let mut browser = self.world.browser();
        browser.ask(Method::POST, path, &form, &foreign).await
    }

    pub(crate) async fn asks(&self, path: &str) -> Answer {
        let mut browser = Browser {
            router: self.payers.clone(),
            cookies: BTreeMap::new(),
        };
        browser.get(path).await
    }

    pub(crate) async fn there(&self, path: &str, form: &str) -> Answer {
        let mut browser = Browser {
            router: self.payers.clone(),
            cookies: BTreeMap::new(),
        };
        browser.ask(Method::POST, path, form, &[]).await
    }

    /// Payments that would be asked for at a moment.
    pub(crate) async fn store_to_poll(&self, at: jiff::Timestamp) -> usize {
        let due = self.world.store.payments_to_poll(at, 9).await;
        due.expect("payments").len()
    }

    pub(crate) async fn credit(&self) -> i64 {
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
        pays_within_days: kvit_pay::ways::PAYS_WITHIN_DAYS,
        first_number: 1,
    };
    let epay = Epay {
        name: name("epay"),
        min: "7000005".to_owned(),
        secret: MacSecret::new("some-secret"),
        url: format!("{url}/epay/"),
    };
    let biller = |id: &str| Biller {
        name: name(id),
        merchant: "7000005".to_owned(),
        secret: MacSecret::new(payers.biller_secret(id)),
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
        of("ebg", Dialect::Biller(biller("ebg")), &[]),
        of("icard-bill", Dialect::Biller(biller("icard-bill")), &[]),
    ]
}

/// The last form of a page: its action, and its hidden fields as a body.
pub(crate) fn form_of(html: &str) -> (String, String) {
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
