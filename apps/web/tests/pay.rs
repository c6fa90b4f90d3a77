//! Paying a bill: its page, the ways, what payment systems send, and what nobody may do.

mod common;

use std::sync::{Arc, atomic::Ordering};

use axum::http::{Method, StatusCode};
use common::{
    World,
    pay::{self, Systems, borica, ebg, epay, icard},
    seed,
};
use kvit_billing::{BillNumber, code::TokenPurpose, ports::Clock as _};
use kvit_pay::params::encode;
use kvit_store::{Booked, NoticeOutcome};

const URL: &str = "https://smetki.example";

struct Shop {
    world: World,
    systems: Arc<Systems>,
}

impl Shop {
    async fn open() -> Self {
        let systems = Systems::new();
        let world = World::paying(URL, systems.pay()).await;
        Self { world, systems }
    }

    fn page(&self) -> String {
        let number = seed::first_bill().to_string();
        let token = self.world.key.token(TokenPurpose::Pay, &number);
        format!("/pay/{number}-{}", token.expose())
    }

    /// The bill's page, as somebody with the link sees it.
    async fn text(&self) -> String {
        let answer = self.world.browser().get(&self.page()).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body.replace('\u{a0}', " ")
    }

    /// Chooses a way, and gives what comes.
    async fn choose(&self, way: &str) -> common::Answer {
        self.world
            .browser()
            .post(&self.page(), &format!("way={way}"))
            .await
    }

    /// What a payment system is answered.
    async fn told(&self, path: &str, body: &str) -> String {
        let answer = self
            .world
            .browser()
            .ask(
                Method::POST,
                path,
                body,
                &[("sec-fetch-site", "cross-site")],
            )
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.body
    }

    async fn asked(&self, path: &str, query: &str) -> String {
        let answer = self.world.browser().get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.body
    }
}

#[tokio::test]
async fn the_link_opens_one_bill_and_tells_how_to_pay_it() {
    let shop = Shop::open().await;
    let text = shop.text().await;
    for part in [
        "84,20 €",
        "Изберете как да платите",
        "ePay.bg",
        "С карта през iCard",
        "Банкова карта",
        "В брой на каса на EasyPay",
        "BG80 BNBG 9661 1020 3456 78",
        "RF",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(
        !text.contains("eBg.bg"),
        "it calls us, customers do not go there from here"
    );
    assert!(
        !text.contains(seed::ANNA) && !text.contains("Анна"),
        "the link shows no person"
    );
    let other = BillNumber::new(2).expect("in range").to_string();
    for wrong in [
        shop.page().replace("0000000001", &other),
        format!("{}0", shop.page()),
        "/pay/0000000001-".to_owned(),
        "/pay/x".to_owned(),
    ] {
        let answer = shop.world.browser().get(&wrong).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    // Without payment systems there is still the bank.
    let plain = World::new(URL).await;
    let answer = plain.browser().get(&shop.page()).await.body;
    assert!(!answer.contains("Изберете как да платите") && answer.contains("С банков превод"));
}

#[tokio::test]
async fn a_bill_is_paid_at_epay() {
    let shop = Shop::open().await;
    let there = shop.choose("epay.account").await;
    assert!(
        there
            .body
            .contains("action=\"https:&#x2f;&#x2f;epay.test&#x2f;\"")
            && there.body.contains("paylogin")
    );
    assert!(
        there
            .header("content-security-policy")
            .contains("form-action 'self' https:")
    );
    assert!(shop.text().await.contains("още не е потвърдено"));
    // The browser's return proves nothing.
    let back = shop
        .world
        .browser()
        .get(&format!("{}?back=1", shop.page()))
        .await
        .body;
    assert!(back.contains("Върнахте се") && !back.contains("Сметката е платена"));

    let paid = epay(
        "INVOICE=1:STATUS=PAID:PAY_TIME=20261120110000:STAN=1:BCODE=A\nINVOICE=9:STATUS=PAID:STAN=2:BCODE=B\n",
    );
    let expected = "INVOICE=1:STATUS=OK\nINVOICE=9:STATUS=NO\n";
    for _ in 0..3 {
        assert_eq!(shop.told("/pay/epay/notify", &paid).await, expected);
    }
    let text = shop.text().await;
    assert!(text.contains("Сметката е платена") && !text.contains("name=\"way\""));
    assert!(
        shop.choose("epay.account")
            .await
            .body
            .contains("Сметката е платена")
    );
    let mut browser = shop.world.browser();
    browser.sign_in(&shop.world, seed::ANNA).await;
    let bills = browser.get("/bills").await.body;
    assert!(bills.contains("Платена") && !bills.contains("Платете до"));
}

#[tokio::test]
async fn money_that_does_not_fit_is_no_reason_to_pay_again() {
    let shop = Shop::open().await;
    shop.choose("epay.card").await;
    let line = "INVOICE=1:STATUS=PAID:STAN=1:BCODE=A:AMOUNT=84.00\nodd\n";
    assert_eq!(
        shop.told("/pay/epay/notify", &epay(line)).await,
        "INVOICE=1:STATUS=OK\n"
    );
    shop.world.clock.forward_hours(48);
    let text = shop.text().await;
    assert!(text.contains("не плащайте втори път"), "{text}");
    assert!(!text.contains("нищо не е платено"));
}

#[tokio::test]
async fn a_code_for_cash_is_ordered_and_not_yet_paid() {
    let shop = Shop::open().await;
    // Silence first: nothing is paid, and it is said.
    let answer = shop.choose("epay.cash").await;
    assert!(answer.header("location").ends_with("?nocode"));
    let page = shop
        .world
        .browser()
        .get(answer.header("location"))
        .await
        .body;
    assert!(page.contains("не може да се издаде код"));
    shop.systems
        .answers
        .lock()
        .expect("not poisoned")
        .push(b"IDN=1234567890\n".to_vec());
    let answer = shop.choose("epay.cash").await;
    assert_eq!(answer.header("location"), shop.page());
    let text = shop.text().await;
    assert!(
        text.contains("12345 67890")
            && text.contains("в брой на каса")
            && !text.contains("Сметката е платена")
    );
    shop.told(
        "/pay/epay/notify",
        &epay("INVOICE=2:STATUS=PAID:STAN=1:BCODE=A"),
    )
    .await;
    assert!(shop.text().await.contains("Сметката е платена"));
    // Unpaid codes end visibly.
    shop.world.clock.forward_hours(73);
    assert!(shop.text().await.contains("времето за плащане изтече"));
}

/// Money that is for no bill, more than is owed, and what goes back are in a book of the customer's own.
#[tokio::test]
async fn a_customer_reads_all_that_they_paid_and_got_back() {
    let shop = Shop::open().await;
    let mut anna = shop.world.browser();
    anna.sign_in(&shop.world, seed::ANNA).await;
    let text = async |anna: &mut common::Browser, path: &str| {
        let answer = anna.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.body.replace('\u{a0}', " ")
    };
    let page = text(&mut anna, "/payments").await;
    assert!(page.contains("Още няма плащания") && page.contains("Остават за плащане 84,20 €"));
    let ahead = async |tid: u32, total: &str| {
        let tid = format!("T{tid}");
        let query = ebg(&[
            ("IDN", seed::ANNA),
            ("MERCHANTID", "7"),
            ("TID", &tid),
            ("DATE", "20261120110000"),
            ("TOTAL", total),
            ("TYPE", "DEPOSIT"),
        ]);
        let told = shop.asked("/pay/ebg/confirm", &query).await;
        assert_eq!(told, r#"{"STATUS":"00"}"#);
    };
    pay::transferred(&shop.world, "FT1", "0000000001", 8420).await;
    shop.world.clock.forward(60);
    ahead(1, "5000").await;
    shop.world.clock.forward(60);
    pay::refunded(&shop.world, seed::ANNA, 2000).await;
    let page = text(&mut anna, "/payments").await;
    let mut last = 0;
    for part in [
        "Надплатени са 30,00 €",
        "Пари, върнати на Вас",
        "20,00 €",
        "Платено през eBg.bg",
        "50,00 €",
        "Платено с банков превод",
        "за сметка 0000000001",
        "84,20 €",
    ] {
        let at = page[last..].find(part);
        last += at.unwrap_or_else(|| panic!("{part}: {page}"));
    }
    // What was paid is taken back by two people.
    let key = "ebg/paid/T1";
    for (why, by) in [(Some("сгрешено"), "ana"), (None, "boris")] {
        let now = shop.world.clock.now();
        let said = shop.world.store.reverse_payment(key, why, by, now).await;
        said.expect("an answer");
    }
    let page = text(&mut anna, "/payments").await;
    assert!(page.contains("Плащането беше върнато"), "{page}");
    // In pages, and nobody else's.
    for tid in 2..32 {
        ahead(tid, "100").await;
    }
    let (first, second) = (
        text(&mut anna, "/payments").await,
        text(&mut anna, "/payments?page=2").await,
    );
    assert_eq!(first.matches("Платено през eBg.bg").count(), 25);
    assert!(first.contains("/payments?page=2") && !first.contains("По-нови"));
    assert_eq!(second.matches("Платено през eBg.bg").count(), 6);
    assert!(second.contains("/payments?page=1") && !second.contains("По-стари"));
    for odd in ["0", "x", "-1", "99999999999999999999"] {
        text(&mut anna, &format!("/payments?page={odd}")).await;
    }
    let mut boris = shop.world.browser();
    boris.sign_in(&shop.world, seed::BORIS).await;
    boris.get("/?lang=en").await;
    let page = text(&mut boris, "/payments").await;
    assert!(page.contains("No payments yet"), "{page}");
}

/// What Anna's list of bills and her numbers say.
async fn lists(shop: &Shop, anna: &mut common::Browser) -> (String, String) {
    let bills = anna.get("/bills").await.body.replace('\u{a0}', " ");
    let points = anna.get("/points").await.body.replace('\u{a0}', " ");
    let paid = shop.text().await.contains("Сметката е платена");
    assert_eq!(bills.contains("Платена"), paid);
    (bills, points)
}

#[tokio::test]
async fn what_is_under_way_is_told_beside_the_bills() {
    let shop = Shop::open().await;
    let mut anna = shop.world.browser();
    anna.sign_in(&shop.world, seed::ANNA).await;
    let invites = ">Плати</a>";
    let (bills, points) = lists(&shop, &mut anna).await;
    assert!(bills.contains(invites) && !points.contains("вече има заявено"));

    // A card payment, until its payment system says what came of it.
    let there = shop.choose("borica.card").await.body;
    let nonce = there.split("name=\"NONCE\" value=\"").nth(1);
    let nonce = nonce.expect("a nonce")[..32].to_owned();
    let (bills, _) = lists(&shop, &mut anna).await;
    assert!(!bills.contains(invites) && bills.contains("още не е потвърдено"));
    let fields = borica("000001", &nonce, "84.20", "2", "05", "20261120083000");
    let body = encode(fields.iter().map(|(n, v)| (*n, v.as_str())));
    let from = [
        ("origin", "https://borica.test"),
        ("sec-fetch-site", "cross-site"),
    ];
    let mut other = shop.world.browser();
    other
        .ask(Method::POST, "/pay/borica/return", &body, &from)
        .await;
    let (bills, _) = lists(&shop, &mut anna).await;
    assert!(bills.contains(invites) && !bills.contains("още не е потвърдено"));

    // A code for cash, until its time is over.
    let code = b"IDN=1234567890\n".to_vec();
    let answers = &shop.systems.answers;
    answers.lock().expect("not poisoned").push(code);
    shop.choose("epay.cash").await;
    let (bills, points) = lists(&shop, &mut anna).await;
    assert!(!bills.contains(invites) && bills.contains("Чака плащане на каса с кода"));
    assert!(bills.contains("Виж плащането") && !bills.contains("Платете до"));
    assert!(points.contains("За 84,20 € вече има заявено плащане"));
    shop.world.clock.forward_hours(73);
    anna.sign_in(&shop.world, seed::ANNA).await;
    let (bills, points) = lists(&shop, &mut anna).await;
    assert!(bills.contains(invites) && !points.contains("вече има заявено"));
}

#[tokio::test]
async fn a_paid_bill_warns_of_a_code_that_is_left_over() {
    let shop = Shop::open().await;
    let code = b"IDN=1234567890\n".to_vec();
    shop.systems.answers.lock().expect("free").push(code);
    shop.choose("epay.cash").await;
    shop.choose("icard.card").await;
    assert!(shop.text().await.contains("paycode"));
    let report = ebg(&[
        ("IDN", seed::ANNA),
        ("MERCHANTID", "7"),
        ("TID", "T1"),
        ("DATE", "20261120110000"),
        ("TOTAL", "8420"),
        ("TYPE", "BILLING"),
    ]);
    shop.asked("/pay/ebg/confirm", &report).await;
    let text = shop.text().await;
    let (shown, folded) = text.split_once("<details>").expect("folded");
    let warning =
        "Код 12345 67890 за плащане в брой: сметката вече е платена – не плащайте с него.";
    assert!(shown.contains(warning), "{shown}");
    assert!(!text.contains("paycode") && !text.contains("щом касата"));
    let begun = "84,20 € с карта през iCard: плащането е започнато";
    assert!(folded.contains(begun) && !shown.contains(begun), "{text}");
}

#[tokio::test]
async fn a_payment_system_that_refuses_to_give_codes_stays_offered() {
    let shop = Shop::open().await;
    shop.systems.refuses.store(true, Ordering::Relaxed);
    for _ in 0..4 {
        let answer = shop.choose("epay.cash").await;
        assert!(answer.header("location").ends_with("?nocode"));
        shop.world.clock.forward_hours(1);
    }
    let now = shop.world.clock.now();
    let known = shop.world.store.providers_health(now).await;
    let known = known.expect("what is known");
    let epay = known.iter().find(|known| known.provider.as_str() == "epay");
    let epay = epay.expect("it was called");
    assert_eq!((epay.failing_since, epay.out_since), (None, None));
    assert!(shop.text().await.contains(r#"value="epay.cash""#));
}

#[tokio::test]
async fn an_aggregator_asks_and_reports() {
    let shop = Shop::open().await;
    let asks = async |account: &str| {
        let query = ebg(&[("IDN", account), ("MERCHANTID", "7"), ("TYPE", "CHECK")]);
        shop.asked("/pay/ebg/init", &query).await
    };
    let dues = asks(seed::ANNA).await;
    assert!(
        dues.contains(r#""STATUS":"00","IDN":"1000001""#) && dues.contains(r#""AMOUNT":"8420""#),
        "{dues}"
    );
    assert_eq!(asks("7777777").await, r#"{"STATUS":"14"}"#);
    let report = |tid: &str, total: &str| {
        ebg(&[
            ("IDN", seed::ANNA),
            ("MERCHANTID", "7"),
            ("TID", tid),
            ("DATE", "20261120110000"),
            ("TOTAL", total),
            ("TYPE", "PARTIAL"),
        ])
    };
    assert_eq!(
        shop.asked("/pay/ebg/confirm", &report("T1", "4000")).await,
        r#"{"STATUS":"00"}"#
    );
    assert_eq!(
        shop.asked("/pay/ebg/confirm", &report("T1", "4000")).await,
        r#"{"STATUS":"94"}"#
    );
    assert!(shop.text().await.contains("44,20 €"));
    assert_eq!(
        shop.asked("/pay/ebg/confirm", &report("T2", "0")).await,
        r#"{"STATUS":"13"}"#
    );
    let forged = report("T3", "4420").replace("TOTAL=4420", "TOTAL=9999");
    assert_eq!(
        shop.asked("/pay/ebg/confirm", &forged).await,
        r#"{"STATUS":"93"}"#
    );
    shop.asked("/pay/ebg/confirm", &report("T3", "4420")).await;
    assert_eq!(asks(seed::ANNA).await, r#"{"STATUS":"62"}"#);
    let refused = shop.world.store.refused_notices(9).await.expect("refusals");
    assert_eq!(refused.len(), 2, "{refused:?}");
    // Another total under a known name, and money for a number that cannot be one of ours: for people.
    assert_eq!(
        shop.asked("/pay/ebg/confirm", &report("T1", "4001")).await,
        r#"{"STATUS":"96"}"#
    );
    let long = "1".repeat(30);
    let nobody = ebg(&[
        ("IDN", &long),
        ("MERCHANTID", "7"),
        ("TID", "T4"),
        ("DATE", "20261120110000"),
        ("TOTAL", "500"),
        ("TYPE", "PARTIAL"),
    ]);
    assert_eq!(
        shop.asked("/pay/ebg/confirm", &nobody).await,
        r#"{"STATUS":"14"}"#
    );
    let waiting = shop.world.store.notices_for_people(9).await;
    assert_eq!(waiting.expect("notices").len(), 2);
}

#[tokio::test]
async fn a_card_payment_counts_only_as_asked_for() {
    let shop = Shop::open().await;
    let there = shop.choose("icard.card").await.body;
    assert!(
        there.contains("IPGPurchase") && there.contains("84.20") && there.contains("Signature")
    );
    let call = |amount: &str, trace: &str| {
        icard(&[
            ("IPGmethod", "IPGPurchaseNotify"),
            ("MID", "1"),
            ("OrderID", "1"),
            ("Amount", amount),
            ("Currency", "978"),
            ("IPG_Trnref", trace),
        ])
    };
    assert_eq!(
        shop.told("/pay/icard/notify", &call("0.01", "A")).await,
        "ERROR"
    );
    assert!(shop.text().await.contains("name=\"way\""));
    let forged = call("84.20", "B").replace("B&Signature", "C&Signature");
    assert_eq!(shop.told("/pay/icard/notify", &forged).await, "ERROR");
    assert_eq!(
        shop.told("/pay/icard/notify", &call("84.20", "B")).await,
        "OK"
    );
    assert!(shop.text().await.contains("Сметката е платена"));
    // What they were told to give back was never in a book.
    let books = shop.world.store.books().await.expect("books");
    let held: Vec<_> = books.iter().map(|book| book.cents.get()).collect();
    assert_eq!(held, [8420, -8420]);
    let back = icard(&[
        ("IPGmethod", "IPGPurchaseRollback"),
        ("MID", "1"),
        ("OrderID", "1"),
        ("IPG_Trnref", "B"),
    ]);
    assert_eq!(shop.told("/pay/icard/notify", &back).await, "OK");
    assert!(shop.text().await.contains("парите бяха върнати"));
}

#[tokio::test]
async fn borica_s_answer_comes_with_the_browser() {
    let shop = Shop::open().await;
    let there = shop.choose("borica.card").await.body;
    assert!(there.contains("Продължи към плащането с карта"));
    assert!(there.contains("P_SIGN") && there.contains("value=\"000001\""));
    let of_form = |form: &str| -> String {
        let nonce = form
            .split("name=\"NONCE\" value=\"")
            .nth(1)
            .expect("a nonce");
        nonce[..32].to_owned()
    };
    let mut nonce = of_form(&there);
    let bring =
        async |order: &str, nonce: &str, amount: &str, action: &str, rc: &str, time: &str| {
            let fields = borica(order, nonce, amount, action, rc, time);
            let body = encode(fields.iter().map(|(n, v)| (*n, v.as_str())));
            let answer = shop
                .world
                .browser()
                .ask(
                    Method::POST,
                    "/pay/borica/return",
                    &body,
                    &[
                        ("origin", "https://borica.test"),
                        ("sec-fetch-site", "cross-site"),
                    ],
                )
                .await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            answer.header("location").to_owned()
        };
    assert_eq!(
        bring("000001", &nonce, "84.20", "0", "00", "20261119000000").await,
        "/pay",
        "too old"
    );
    assert_eq!(
        bring("000009", &nonce, "84.20", "0", "00", "20261120083000").await,
        "/pay",
        "not ours"
    );
    assert!(shop.text().await.contains("name=\"way\""));
    let page = format!("{}?back=1", shop.page());
    assert_eq!(
        bring("000001", &nonce, "84.20", "3", "-33", "20261120083000").await,
        page
    );
    assert_eq!(
        bring("000001", &nonce, "84.20", "2", "05", "20261120083000").await,
        page
    );
    assert!(shop.text().await.contains("плащането беше отказано"));
    let there = shop.choose("borica.card").await.body;
    assert_ne!(of_form(&there), nonce, "each is asked with its own");
    assert_eq!(
        bring("000010", &nonce, "84.20", "0", "00", "20261120083000").await,
        "/pay",
        "of another question"
    );
    assert!(shop.text().await.contains("name=\"way\""), "not paid");
    nonce = of_form(&there);
    assert_eq!(
        // A number that was heard of, if not from here, is not given again.
        bring("000010", &nonce, "84.20", "0", "00", "20261120083000").await,
        page
    );
    let text = shop.text().await;
    assert!(
        text.contains("Сметката е платена") && text.contains("84,20 € с банкова карта: платено")
    );
    let back = shop.world.browser().get("/pay").await;
    assert!(back.status == StatusCode::OK && back.body.contains("Очакваме потвърждение"));
}

#[tokio::test]
async fn nobody_gets_in_by_the_side_door() {
    let shop = Shop::open().await;
    for (method, path, expected) in [
        (Method::POST, "/pay/nobody/notify", 404),
        (Method::POST, "/pay/ebg/notify", 404),
        (Method::POST, "/pay/epay/return", 404),
        (Method::POST, "/pay/icard/return/0000000001-x", 404),
        (Method::GET, "/pay/epay/init", 404),
        (Method::GET, "/pay/ebg/notify", 405),
        (Method::POST, "/pay/ebg/confirm", 405),
    ] {
        let answer = shop.world.browser().ask(method, path, "", &[]).await;
        assert_eq!(answer.status, expected, "{path}");
    }
    for (method, path) in kvit_web::CALLS {
        let other = if *method == "GET" {
            Method::POST
        } else {
            Method::GET
        };
        if kvit_web::CALLS.contains(&(other.as_str(), *path)) {
            continue;
        }
        let at = path.replace("{name}", "epay");
        let answer = shop.world.browser().ask(other, &at, "", &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    let huge = "a".repeat(1 << 20);
    for path in [
        "/pay/epay/notify",
        "/pay/icard/notify",
        "/pay/borica/return",
    ] {
        let answer = shop
            .world
            .browser()
            .ask(Method::POST, path, &huge, &[])
            .await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    assert_eq!(
        shop.told("/pay/epay/notify", "encoded=x").await,
        "ERR=`checksum` is missing\n"
    );
    assert_eq!(
        shop.asked("/pay/ebg/init", "IDN=%FF").await,
        r#"{"STATUS":"96"}"#
    );
    // A form of another site begins no payment, nor does one without a way that is offered.
    let foreign = shop
        .world
        .browser()
        .ask(
            Method::POST,
            &shop.page(),
            "way=epay.card&form_token=x",
            &[],
        )
        .await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    for way in ["", "epay", "ebg.card", "icard.account", "nobody.card"] {
        assert!(
            shop.choose(way).await.body.contains("name=\"way\""),
            "{way}"
        );
    }
    assert!(
        shop.world
            .store
            .payments(9)
            .await
            .expect("payments")
            .is_empty()
    );
    for _ in 0..20 {
        shop.choose("epay.card").await;
    }
    assert_eq!(
        shop.choose("epay.card").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn staff_see_what_is_owed_and_what_was_paid() {
    let shop = Shop::open().await;
    shop.world.hire("ana", kvit_billing::Role::Agent).await;
    let mut ana = shop.world.browser();
    ana.sign_in_staff("ana").await;
    let path = format!("/staff/customers/{}", seed::ANNA);
    let before = ana.get(&path).await.body.replace('\u{a0}', " ");
    assert!(
        before.contains("Дължи 84,20 €") && before.contains("неплатена"),
        "{before}"
    );
    seed::enrol(&shop.world.store, seed::ANNA, "anna@primer.bg").await;
    shop.choose("epay.account").await;
    let paid = epay("INVOICE=1:STATUS=PAID:PAY_TIME=20261120110000:STAN=1:BCODE=A\n");
    shop.told("/pay/epay/notify", &paid).await;
    seed::deliver_all(&shop.world.store, shop.world.clock.now()).await;
    let after = ana.get(&path).await.body.replace('\u{a0}', " ");
    for part in [
        "Няма неплатени сметки",
        "платена",
        "Плати 84,20 €",
        "0000000001",
        "Писмото, че плащането е получено, е прието от пощата на клиента",
    ] {
        assert!(after.contains(part), "{part}: {after}");
    }
}

#[tokio::test]
async fn who_comes_back_hears_one_truth_and_too_much_is_a_credit() {
    let shop = Shop::open().await;
    shop.choose("epay.account").await;
    let denied = epay("INVOICE=1:STATUS=DENIED\n");
    shop.told("/pay/epay/notify", &denied).await;
    let back = shop
        .world
        .browser()
        .get(&format!("{}?back=1", shop.page()))
        .await
        .body;
    assert!(
        back.contains("не беше прието") && !back.contains("Върнахте се"),
        "{back}"
    );
    // Paid all the same, twice: once here, once at a biller's desk.
    let paid = epay("INVOICE=1:STATUS=PAID:PAY_TIME=20261120110000:STAN=1:BCODE=A\n");
    shop.told("/pay/epay/notify", &paid).await;
    let report = ebg(&[
        ("DATE", "20261120101500"),
        ("IDN", seed::ANNA),
        ("INVOICES", "0000000001"),
        ("MERCHANTID", "7"),
        ("TID", "77"),
        ("TOTAL", "8420"),
        ("TYPE", "BILLING"),
    ]);
    shop.asked("/pay/ebg/confirm", &report).await;
    let text = shop.text().await;
    for part in [
        "Сметката е платена",
        "Надплатени са 84,20 €",
        "84,20 € през ePay.bg: платено",
        "84,20 € през eBg.bg: платено",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut anna = shop.world.browser();
    anna.sign_in(&shop.world, seed::ANNA).await;
    let bills = anna.get("/bills").await.body.replace('\u{a0}', " ");
    assert!(bills.contains("Надплатени са 84,20 €"), "{bills}");
}

#[tokio::test]
async fn a_bank_transfer_is_told_as_such() {
    let shop = Shop::open().await;
    let bill = seed::first_bill().to_string();
    let booked = pay::transferred(&shop.world, "1", &bill, 8420).await;
    assert_eq!(booked, Booked::As(NoticeOutcome::Posted));
    let text = shop.text().await;
    for part in ["Сметката е платена", "84,20 € с банков превод: отразено на"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut anna = shop.world.browser();
    anna.sign_in(&shop.world, seed::ANNA).await;
    let english = [("accept-language", "en")];
    let page = anna.ask(Method::GET, &shop.page(), "", &english).await.body;
    assert!(
        page.replace('\u{a0}', " ")
            .contains("by bank transfer: recorded on"),
        "{page}"
    );
    shop.world.hire("eva", kvit_billing::Role::Agent).await;
    let mut eva = shop.world.browser();
    eva.sign_in_staff("eva").await;
    let seen = eva
        .get(&format!("/staff/customers/{}", seed::ANNA))
        .await
        .body;
    let seen = seen.replace('\u{a0}', " ");
    assert!(seen.contains("Плати 84,20 € с банков превод"), "{seen}");
}

#[tokio::test]
async fn who_reads_english_pays_in_english() {
    let shop = Shop::open().await;
    let mut anna = shop.world.browser();
    let english = [("accept-language", "en")];
    let mail = anna.ask(Method::GET, &shop.page(), "", &english).await;
    assert!(
        mail.body.contains("lang=\"bg\""),
        "a link of a mail opens in the mail's language"
    );
    anna.sign_in(&shop.world, seed::ANNA).await;
    let page = anna.ask(Method::GET, &shop.page(), "", &english).await;
    assert!(page.body.contains("<html lang=\"en\""), "{}", page.body);
}
