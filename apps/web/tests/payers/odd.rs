//! What befalls the word about a payment: it comes twice, in another order, changed, or so late that the whole ladder
//! of repetitions was climbed. And what is badly signed is taken by nobody.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
    response::IntoResponse,
};
use kvit_pay::params::encode;

use crate::{
    common::seed,
    scene::{Scene, form_of},
};

const PAID: &str = "Сметката е платена";
const REFUSED: &str = "плащането беше отказано";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_or_thinks_better_of_it_hears_so_at_once() {
    for way in ["icard.card", "mypos.card", "borica.card"] {
        let scene = Scene::open().await;
        let back = scene.comes_back(way, "decline").await;
        assert_eq!(back.status, StatusCode::SEE_OTHER);
        let page = scene.world.browser().get(back.header("location")).await;
        assert!(page.body.contains("Плащането не беше прието"), "{way}");
        assert!(page.body.contains(REFUSED), "{way}");
        scene.comes_back(way, "pay").await;
        assert!(scene.text().await.contains(PAID), "{way}");
        assert_eq!(scene.credit().await, 0, "{way}");
    }
}

/// Without a word, or with one that nobody signed, a browser that comes back is shown the bill, and nothing is learned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_brings_nothing_still_finds_its_bill() {
    let scene = Scene::open().await;
    let there = scene.goes("mypos.card", "decline").await;
    let (action, form) = form_of(&there.body);
    let path = action.strip_prefix(&scene.url).expect("the portal's");
    let forged = form.replace("OrderID=1", "OrderID=2");
    assert_ne!(forged, form);
    for (method, brought) in [("GET", ""), ("POST", ""), ("POST", "%"), ("POST", &forged)] {
        let method = method.parse().expect("a method");
        let foreign = [("sec-fetch-site", "cross-site")];
        let mut browser = scene.world.browser();
        let back = browser.ask(method, path, brought, &foreign).await;
        assert_eq!(back.header("location"), format!("{}?back=1", scene.page()));
        assert!(!scene.text().await.contains(REFUSED), "{brought}");
    }
}

/// A true word counts for the bill that the browser came back to, and not as a call-back: where values begin is not signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_s_word_counts_where_it_came_back_to_and_nowhere_else() {
    for name in ["icard", "mypos"] {
        let scene = Scene::open().await;
        let there = scene.goes(&format!("{name}.card"), "decline").await;
        let (action, form) = form_of(&there.body);
        let own = action.strip_prefix(&scene.url).expect("the portal's");
        let other = scene.world.pay_path(seed::second_bill());
        let other = other.replacen("/pay/", &format!("/pay/{name}/return/"), 1);
        let called = format!("/pay/{name}/notify");
        for (path, counts) in [(other.as_str(), false), (&called, false), (own, true)] {
            let mut browser = scene.world.browser();
            let foreign = [("sec-fetch-site", "cross-site")];
            browser
                .ask("POST".parse().expect("a method"), path, &form, &foreign)
                .await;
            let heard = scene.text().await.contains(REFUSED);
            assert_eq!(heard, counts, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_twice_counts_once() {
    for way in ["epay.account", "icard.card", "mypos.card", "borica.card"] {
        let scene = Scene::open().await;
        let there = scene.goes(way, "repeat").await;
        if way == "borica.card" {
            for _ in 0..2 {
                scene.carries(&there.body).await;
            }
        }
        assert!(scene.text().await.contains(PAID), "{way}");
        assert_eq!(scene.credit().await, 0, "{way}");
        let notices = scene.world.store.notices(9).await.expect("notices");
        assert_eq!((notices.len(), notices[0].repeats), (1, 1), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_counts_in_whatever_order_it_is_told_of() {
    // Refused at the first try, paid at the second; the refusal comes last.
    let scene = Scene::open().await;
    scene.goes("epay.account", "late").await;
    assert!(scene.text().await.contains(PAID));
    assert_eq!(scene.credit().await, 0);
    // The browser brings that it is under way when BORICA has the money, and again when that is known.
    let scene = Scene::open().await;
    let there = scene.goes("borica.card", "late").await;
    scene.carries(&there.body).await;
    assert!(scene.text().await.contains("още не е потвърдено"));
    scene.world.clock.forward(180);
    scene.round().await;
    scene.carries(&there.body).await;
    assert!(scene.text().await.contains(PAID));
    assert_eq!(scene.credit().await, 0);
    // Taken back before it is told that it was paid: it is not.
    for way in ["icard.card", "mypos.card"] {
        let scene = Scene::open().await;
        scene.comes_back(way, "late").await;
        let text = scene.text().await;
        assert!(text.contains("парите бяха върнати"), "{way}: {text}");
        assert_eq!(scene.credit().await, -8420, "{way}");
        scene.comes_back(way, "pay").await;
        assert!(scene.text().await.contains(PAID), "{way}");
        assert_eq!(scene.credit().await, 0, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changed_on_its_way_pays_nothing() {
    for way in ["epay.account", "icard.card", "mypos.card", "borica.card"] {
        let scene = Scene::open().await;
        scene.comes_back(way, "tampered").await;
        let text = scene.text().await;
        assert!(!text.contains(PAID), "{way}: {text}");
        assert_eq!(scene.credit().await, -8420, "{way}");
        let refused = scene.world.store.refused_notices(9).await;
        assert!(!refused.expect("refusals").is_empty(), "{way}");
    }
}

/// Fifty-four times a notice is told again, in a minute and in a month; the portal keeps it with the first, and
/// the answer to the last one arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_ladder_is_climbed_until_an_answer_arrives() {
    const AGAIN: usize = 54;
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let deaf = from_fn(move |request: Request, next: Next| {
        let notice = request.uri().path() == "/pay/epay/notify";
        let before = if notice {
            count.fetch_add(1, Ordering::Relaxed)
        } else {
            AGAIN
        };
        async move {
            let answer = next.run(request).await;
            match before {
                AGAIN.. => answer,
                _ => StatusCode::BAD_GATEWAY.into_response(),
            }
        }
    });
    let scene = Scene::open_behind(|router| router.layer(deaf)).await;
    scene.goes("epay.account", "pay").await;
    assert!(scene.text().await.contains(PAID), "kept at the first word");
    for _ in 0..500 {
        if told.load(Ordering::Relaxed) > AGAIN {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The last rung, and no more.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(told.load(Ordering::Relaxed), 1 + AGAIN);
    let notices = scene.world.store.notices(9).await.expect("notices");
    assert_eq!((notices.len(), notices[0].repeats), (1, AGAIN as u64));
    assert_eq!(scene.credit().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_badly_signed_request_is_refused_by_every_payment_system() {
    let scene = Scene::open().await;
    for (way, signed) in [
        ("epay.account", "CHECKSUM"),
        ("icard.card", "Signature"),
        ("mypos.card", "Signature"),
        ("borica.card", "P_SIGN"),
    ] {
        let mut browser = scene.world.browser();
        let form = format!("way={way}");
        let carried = browser.post(&scene.page(), &form).await.body;
        let (action, form) = form_of(&carried);
        let path = action.strip_prefix(&scene.payers_url).expect("theirs");
        let good = scene.there(path, &form).await;
        assert_eq!(good.status, StatusCode::OK, "{way}: {}", good.body);
        // Another value, another signature, none.
        let (other, name) = match way {
            "epay.account" => (form.replacen("ENCODED=", "ENCODED=A", 1), "ENCODED"),
            "borica.card" => (form.replacen("AMOUNT=84.20", "AMOUNT=4.20", 1), "AMOUNT"),
            _ => (form.replacen("Amount=84.20", "Amount=4.20", 1), "Amount"),
        };
        let at = form.find(&format!("{signed}=")).expect("signed") + signed.len() + 1;
        let mut turned = form.clone();
        let last = if form[at..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        turned.replace_range(at..=at, last);
        for bad in [other, turned, form[..at].to_owned()] {
            assert_ne!(bad, form, "{way}: {name}");
            let answer = scene.there(path, &bad).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{way}: {bad}");
        }
    }
    let code = encode([("ENCODED", "TUlOPTE="), ("CHECKSUM", "0")]);
    let path = format!("/epay/ezp/reg_bill.cgi?{code}");
    let answer = scene.asks(&path).await;
    assert_eq!(answer.body, "ERR=invalid checksum\n");
}
