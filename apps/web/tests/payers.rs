//! The portal and the simulated payment systems, over real connections: a bill is paid each way, by
//! people who pay, decline, walk away, pay twice, or whose answer gets lost.

#[path = "payers/billers.rs"]
mod billers;
mod common;
#[path = "payers/journeys.rs"]
mod journeys;
#[path = "payers/log.rs"]
mod log;
#[path = "payers/odd.rs"]
mod odd;
#[path = "payers/same_way.rs"]
mod same_way;
#[path = "payers/scene.rs"]
mod scene;

use axum::http::StatusCode;
use common::times::until;
use kvit_billing::{Cents, ports::Clock as _};
use kvit_pay::{
    dialects::{Refund, Refunded},
    params::encode,
    ways::{Call, Ways as _, Wire as _},
};
use kvit_wire::HttpWire;
use scene::Scene;

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
    let notices = until("it is told again", async || {
        let notices = scene.world.store.notices(9).await.expect("notices");
        let again = notices.iter().any(|notice| notice.repeats > 0);
        again.then_some(notices)
    });
    let notices = notices.await;
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
    scene.comes_back("icard.card", "lost").await;
    assert!(scene.text().await.contains("парите бяха върнати"));
    assert_eq!(scene.credit().await, -8420);
    let back = scene.comes_back("icard.card", "pay").await;
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
        let answer = scene.comes_back("borica.card", what).await;
        assert!(
            answer.header("location").starts_with(&scene.page()),
            "{what}"
        );
        assert!(scene.text().await.contains(said), "{what}");
    }
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
        scene.comes_back(way, "pay").await;
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
