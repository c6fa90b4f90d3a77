//! Direct debits in the console: prepared by one, approved by another, and seen to when they come back.

use axum::http::StatusCode;
use kvit_billing::Role;
use kvit_pay::params::encode;
use kvit_store::EventFilter;

use super::{
    URL,
    common::{Answer, Browser, World, autopay, debits, seed},
    two,
};

/// Anna's bill is announced for 7 December, and two of billing are at their desks.
async fn desk() -> (World, Browser, Browser) {
    let world = World::new(URL).await;
    seed::enrol(&world.store, seed::ANNA, "anna@primer.bg").await;
    autopay::announced(&world).await;
    let [vera, boyan] = two(&world, Role::Billing, ["vera", "boyan"]).await;
    (world, vera, boyan)
}

async fn post(browser: &mut Browser, path: &str, pairs: &[(&str, &str)]) -> Answer {
    browser.post(path, &encode(pairs.iter().copied())).await
}

#[tokio::test]
async fn a_file_of_debits_goes_from_one_to_another_and_to_the_bank() {
    let (world, mut vera, mut boyan) = desk().await;
    let list = vera.get("/staff/debits").await;
    for part in [
        "Обявен на клиента",
        "7 декември 2026",
        "Подготви файл за банката",
        seed::ANNA,
    ] {
        let body = list.body.replace('\u{a0}', " ");
        assert!(body.contains(part), "{part}: {body}");
    }
    let made = post(&mut vera, "/staff/debits", &[]).await;
    assert_eq!(made.header("location"), "/staff/debits/1?done=prepared");
    let none = post(&mut vera, "/staff/debits", &[]).await;
    assert_eq!(none.header("location"), "/staff/debits?done=none");
    let page = vera.get("/staff/debits/1?done=prepared").await;
    let ours = debits().iban;
    assert!(page.body.contains(&ours.to_string()), "{}", page.body);
    assert!(page.body.contains("Вие подготвихте файла") && !page.body.contains("Одобрявам"));
    let approve = [("act", "approve"), ("count", "1"), ("cents", "8420")];
    let own = post(&mut vera, "/staff/debits/1", &approve).await;
    assert_eq!(own.status, StatusCode::NOT_FOUND);
    let body = page.body.replace('\u{a0}', " ");
    for part in ["Сума, ако се одобри сега", "84,20 €", "Ще тръгне"] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let early = boyan.get("/staff/debits/file/1").await;
    assert_eq!(early.status, StatusCode::NOT_FOUND, "nothing leaves before");
    for _press in 0..2 {
        let done = post(&mut boyan, "/staff/debits/1", &approve).await;
        assert_eq!(done.header("location"), "/staff/debits/1?done=approved");
    }
    let late = post(&mut vera, "/staff/debits/1", &[("act", "refuse")]).await;
    assert_eq!(late.header("location"), "/staff/debits/1?done=outdated");
    let (one, two) = (
        boyan.get("/staff/debits/file/1").await,
        vera.get("/staff/debits/file/1").await,
    );
    assert_eq!(one.body, two.body);
    assert_eq!(one.header("content-type"), "application/xml");
    for part in ["pain.008.001.08", "FRST", "DE89370400440532013000", "Anna"] {
        assert!(one.body.contains(part), "{part}: {}", one.body);
    }

    // The bank refuses it: a person sees to it.
    let now = super::now(&world);
    let told = world
        .store
        .refuse_debits("aa", &[autopay::refusal()], now)
        .await;
    told.expect("told");
    let list = vera.get("/staff/debits?lang=en").await;
    for part in ["For a person", "AM04", "Refused or returned"] {
        assert!(list.body.contains(part), "{part}: {}", list.body);
    }
    let empty = post(&mut vera, "/staff/debits/seen", &[("debit", "1")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("id=\"why-1-wrong\""), "{}", empty.body);
    let why = [("debit", "1"), ("why", "обадих се")];
    let seen = post(&mut vera, "/staff/debits/seen", &why).await;
    assert_eq!(seen.header("location"), "/staff/debits?done=seen");
    let again = post(&mut vera, "/staff/debits/seen", &why).await;
    assert_eq!(again.header("location"), "/staff/debits?done=outdated");
    let list = vera.get("/staff/debits").await;
    assert!(!list.body.contains("For a person"), "{}", list.body);
    let trail = world.store.audit(&EventFilter::default(), 99).await;
    let trail = trail.expect("a trail");
    for what in [
        "debit.prepared",
        "debit.approved",
        "debit.fetched",
        "debit.seen",
        "pay.listed",
    ] {
        assert!(trail.iter().any(|event| event.what == what), "{what}");
    }
}

#[tokio::test]
async fn what_was_paid_since_shows_before_it_is_approved() {
    let (world, mut vera, mut boyan) = desk().await;
    post(&mut vera, "/staff/debits", &[]).await;
    let plain = async |browser: &mut Browser, path: &str| {
        let page = browser.get(path).await;
        page.body.replace('\u{a0}', " ")
    };
    let paid = async |reference: &str, cents| {
        let bill = seed::first_bill().to_string();
        super::common::pay::transferred(&world, reference, &bill, cents).await;
    };
    paid("FT1", 420).await;
    let page = plain(&mut boyan, "/staff/debits/1").await;
    for part in ["80,00 €", "84,20 €", "Подготвени", "Ще тръгне"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let list = plain(&mut boyan, "/staff/debits").await;
    assert!(list.contains("подготвени 84,20 €"), "{list}");
    // What another page showed, or none, is not approved.
    assert!(page.contains("name=\"cents\" value=\"8000\""), "{page}");
    for shown in [("cents", "8420"), ("cents", "")] {
        let form = [("act", "approve"), ("count", "1"), shown];
        let done = post(&mut boyan, "/staff/debits/1", &form).await;
        assert_eq!(done.header("location"), "/staff/debits/1?done=changed");
    }
    let told = plain(&mut boyan, "/staff/debits/1?done=changed").await;
    assert!(told.contains("се промени какво ще тръгне"), "{told}");
    paid("FT2", 8000).await;
    let page = plain(&mut boyan, "/staff/debits/1").await;
    for part in ["0,00 €", "Отпадат", "сметката е платена"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let done = post(&mut boyan, "/staff/debits/1", &[("act", "approve")]).await;
    assert_eq!(done.header("location"), "/staff/debits/1?done=empty");
}

#[tokio::test]
async fn auditors_look_and_press_nothing() {
    let (world, mut vera, _) = desk().await;
    post(&mut vera, "/staff/debits", &[]).await;
    world.hire("odit", Role::Auditor).await;
    let mut auditor = world.browser();
    auditor.sign_in_staff("odit").await;
    let list = auditor.get("/staff/debits").await;
    assert!(list.body.contains("№ 1") && !list.body.contains("Подготви файл"));
    let one = auditor.get("/staff/debits/1").await;
    assert!(one.body.contains(seed::ANNA) && !one.body.contains("Одобрявам"));
    for strange in ["/staff/debits/x", "/staff/debits/7"] {
        assert_eq!(auditor.get(strange).await.status, StatusCode::NOT_FOUND);
    }
}
