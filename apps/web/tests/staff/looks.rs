//! Whoever sees a customer's name or number in the console is in the trail before.

use std::collections::BTreeSet;

use axum::http::Method;
use kvit_billing::Role;
use kvit_pay::params::encode;
use kvit_store::EventFilter;
use kvit_web::STAFF_ROUTES;

use super::{
    URL,
    common::{Browser, World, autopay, pay, scans::brought, seed},
    hidden, now,
};

/// Where a customer is named in the scene of [`scene`]. A new page of that kind is added here.
const NAMING: &str = "\
GET /staff/customers/{number}
GET /staff/customers/{number}/account
GET /staff/debits
GET /staff/debits/{number}
GET /staff/money
GET /staff/money/notice
GET /staff/receivables/csv
GET /staff/receivables/list
GET /staff/refunds
GET /staff/refunds/{number}
GET /staff/runs/{run}
GET /staff/scans/{id}
POST /staff/customers
POST /staff/customers/{number}/account
POST /staff/customers/{number}/contact
POST /staff/customers/{number}/note
POST /staff/money
POST /staff/refunds
POST /staff/refunds/propose
POST /staff/scans/{id}
";

/// The trail itself, which has numbers only and whose readers are not in it; and a page of made-up customers.
const APART: [&str; 3] = [
    "GET /staff/audit",
    "POST /staff/audit",
    "GET /staff/components",
];

struct Scene {
    world: World,
    scan: String,
}

/// Anna is in everything that the console shows: money of hers waits, is given back and is collected, and her declaration
/// came in.
async fn scene() -> Scene {
    let world = World::paying(URL, pay::Systems::new().pay()).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    autopay::announced(&world).await;
    for role in Role::ALL {
        world.hire(role.as_str(), role).await;
    }
    let mut vera = world.browser();
    vera.sign_in_staff("billing").await;
    let mut post = async |path: &str, pairs: &[(&str, &str)]| {
        let answer = vera.post(path, &encode(pairs.iter().copied())).await;
        assert!(answer.status.is_redirection(), "{path}: {}", answer.body);
    };
    post("/staff/debits", &[]).await;
    let query = pay::ebg(&[
        ("IDN", "7777777"),
        ("MERCHANTID", "7"),
        ("TID", "T1"),
        ("DATE", "20261202110000"),
        ("TOTAL", "500"),
        ("TYPE", "DEPOSIT"),
    ]);
    let stray = format!("/pay/ebg/confirm?{query}");
    world.browser().get(&stray).await;
    let whose = [
        ("notice", "ebg/paid/T1"),
        ("seen", ""),
        ("act", "propose"),
        ("account", seed::ANNA),
    ];
    post("/staff/money/notice", &whose).await;
    post("/staff/receivables", &[("day", "2026-12-02")]).await;
    let store = &world.store;
    while store
        .continue_owing_sheet(now(&world))
        .await
        .expect("a step")
    {}
    pay::transferred(&world, "FT1", "0000000001", 9000).await;
    let back = [
        ("account", seed::ANNA),
        ("act", "refund"),
        ("amount", "1,00"),
        ("iban", "DE89370400440532013000"),
        ("payee", "Anna"),
        ("why", "надплатено"),
    ];
    post("/staff/refunds/propose", &back).await;
    let scan = brought(&world, 1, Some(seed::ANNA)).await;
    let mut clerk = world.browser();
    clerk.sign_in_staff("clerk").await;
    clerk.post("/staff/scans/next", "").await;
    Scene { world, scan }
}

impl Scene {
    /// An address of the list with what stands in this scene.
    fn filled(&self, path: &str) -> String {
        let number = if path.starts_with("/staff/customers") {
            seed::ANNA
        } else {
            "1"
        };
        let query = match path {
            "/staff/money/notice" => "?notice=ebg/paid/T1",
            "/staff/receivables/csv" => "?sheet=1",
            "/staff/receivables/list" => "?sheet=1&age=not_due",
            "/staff/reconciliation/day" => "?provider=ebg&day=2026-12-02",
            _ => "",
        };
        let path = path
            .replace("{number}", number)
            .replace("{id}", &self.scan)
            .replace("{run}", "2026-10-a1")
            .replace("{seq}", "0");
        format!("{path}{query}")
    }

    /// What is sent to it: where it matters, so that the form comes back with the customer.
    async fn form(&self, browser: &mut Browser, path: &str) -> String {
        let shown = match path {
            "/staff/scans/{id}" => browser.get(&self.filled(path)).await.body,
            _ => String::new(),
        };
        let pairs: &[(&str, &str)] = match path {
            "/staff/customers" => &[("wanted", "София")],
            "/staff/refunds" => &[("account", seed::ANNA)],
            "/staff/refunds/propose" => &[("account", seed::ANNA), ("act", "refund")],
            "/staff/money" => &[("wanted", seed::ANNA)],
            "/staff/scans/{id}" if shown.contains("name=\"version\"") => {
                let [version, entry, number] =
                    ["version", "entry", "shown"].map(|name| hidden(&shown, name));
                return format!(
                    "act=confirm&version={version}&entry={entry}&number={number}&shown={number}"
                );
            }
            _ => &[("x", "y")],
        };
        encode(pairs.iter().copied())
    }
}

#[tokio::test]
async fn every_page_that_names_a_customer_is_in_the_trail_before() {
    let scene = scene().await;
    let world = &scene.world;
    let entries = async |who: &str| {
        let filter = EventFilter {
            who: Some(who.to_owned()),
            ..EventFilter::default()
        };
        let trail = world.store.audit(&filter, 250).await.expect("a trail");
        trail.len()
    };
    let mut naming = BTreeSet::new();
    for role in Role::ALL {
        let who = role.as_str();
        let mut browser = world.browser();
        for (method, path, may) in STAFF_ROUTES {
            let route = format!("{method} {path}");
            let ends = ["/staff/sign-out", "/staff/sign-in", "/staff/sessions"];
            if !may.lets(role) || APART.contains(&&*route) || ends.contains(path) {
                continue;
            }
            browser.sign_in_staff(who).await;
            let form = scene.form(&mut browser, path).await;
            let before = entries(who).await;
            let address = scene.filled(path);
            let answer = match *method {
                "GET" => browser.ask(Method::GET, &address, "", &[]).await,
                _ => browser.post(&address, &form).await,
            };
            let names = ["Анна", "Anna", seed::ANNA];
            if names.iter().any(|name| answer.body.contains(name)) {
                let after = entries(who).await;
                assert!(after > before, "{who}: {route}: {}", answer.body);
                naming.insert(route);
            }
        }
    }
    let naming: String = naming.iter().map(|route| format!("{route}\n")).collect();
    assert_eq!(naming, NAMING);
}
