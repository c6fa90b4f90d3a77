//! Refunds and write-offs in the console: proposed by one, approved by another, sent in one file.

use axum::http::StatusCode;
use kvit_billing::Role;
use kvit_pay::params::encode;
use kvit_store::EventFilter;

use super::{
    FOREIGN, URL,
    common::{Answer, Browser, World, number, pay, seed},
    now, two,
};

const IBAN: &str = "de89 3704 0044 0532 0130 00";

/// Anna paid so much of her bill of 84.20.
async fn desk(paid: i64) -> (World, Browser, Browser) {
    let world = World::paying(URL, pay::Systems::new().pay()).await;
    pay::transferred(&world, "FT1", "0000000001", paid).await;
    let [vera, boyan] = two(&world, Role::Billing, ["vera", "boyan"]).await;
    (world, vera, boyan)
}

async fn post(browser: &mut Browser, path: &str, pairs: &[(&str, &str)]) -> Answer {
    browser.post(path, &encode(pairs.iter().copied())).await
}

fn refund<'a>(
    amount: &'a str,
    iban: &'a str,
    payee: &'a str,
    why: &'a str,
) -> [(&'a str, &'a str); 7] {
    [
        ("account", seed::ANNA),
        ("act", "refund"),
        ("amount", amount),
        ("iban", iban),
        ("payee", payee),
        ("payment", ""),
        ("why", why),
    ]
}

async fn credit(world: &World) -> i64 {
    let standing = world.store.standing(&number(seed::ANNA), now(world)).await;
    let standing = standing.expect("a standing");
    standing.credit.get() - standing.open().get()
}

fn plain(answer: &Answer) -> String {
    answer.body.replace('\u{a0}', " ")
}

#[tokio::test]
async fn a_refund_goes_from_proposal_to_file() {
    let (world, mut vera, mut boyan) = desk(9000).await;
    let empty = vera.get("/staff/refunds").await;
    assert!(empty.body.contains("Няма предложения"), "{}", empty.body);
    let wrong = post(&mut vera, "/staff/refunds", &[("account", "7777777")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("Няма такъв клиент"), "{}", wrong.body);
    let page = post(&mut vera, "/staff/refunds", &[("account", seed::ANNA)]).await;
    for part in ["Анна", "5,80", "Плащане от 90,00"] {
        assert!(plain(&page).contains(part), "{part}: {}", page.body);
    }
    for (form, said) in [
        (refund("", IBAN, "Анна", "x"), "Въведете сума над нула"),
        (refund("5,81", IBAN, "Анна", "x"), "по-голяма от наличната"),
        (
            refund("5,80", "BG80", "Анна", "x"),
            "Въведете IBAN без грешка",
        ),
        (refund("5,80", IBAN, " ", "x"), "Въведете титуляря"),
        (refund("5,80", IBAN, "Анна", ""), "Посочете защо"),
    ] {
        let wrong = post(&mut vera, "/staff/refunds/propose", &form).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(wrong.body.contains(said), "{said}: {}", wrong.body);
    }
    let form = refund("5,80 €", IBAN, "Анна", "надплатила <два> пъти");
    for _press in 0..2 {
        let done = post(&mut vera, "/staff/refunds/propose", &form).await;
        assert_eq!(done.header("location"), "/staff/refunds/1?done=proposed");
    }
    let page = vera.get("/staff/refunds/1").await;
    assert!(page.body.contains("Предложението е Ваше") && !page.body.contains("Одобрявам"));
    let approve = [("act", "approve")];
    let own = post(&mut vera, "/staff/refunds/1", &approve).await;
    assert_eq!(own.status, StatusCode::NOT_FOUND);
    let page = boyan.get("/staff/refunds/1").await;
    for part in [
        "DE89 3704 0044 0532 0130 00",
        "надплатила &lt;два&gt; пъти",
        "Одобрявам",
        "vera",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(credit(&world).await, 580);
    for _press in 0..2 {
        let done = post(&mut boyan, "/staff/refunds/1", &approve).await;
        assert_eq!(done.header("location"), "/staff/refunds/1?done=approved");
    }
    assert_eq!(credit(&world).await, 0);
    let list = boyan.get("/staff/refunds").await;
    // No sum: the list may be shorter than what the file takes, or have what stays behind.
    let button = "<button class=\"button\">Подготви файл за банката</button>";
    assert!(list.body.contains(button), "{}", list.body);

    let made = post(&mut boyan, "/staff/refunds/file", &[]).await;
    assert_eq!(made.header("location"), "/staff/refunds?done=&file=1");
    let again = post(&mut vera, "/staff/refunds/file", &[]).await;
    assert_eq!(again.header("location"), "/staff/refunds?done=none");
    let (one, two) = (
        boyan.get("/staff/refunds/file/1").await,
        vera.get("/staff/refunds/file/1").await,
    );
    assert_eq!(one.body, two.body);
    assert_eq!(one.header("content-type"), "application/xml");
    for part in ["pain.001.001.09", "DE89370400440532013000", "5.80", "Anna"] {
        assert!(one.body.contains(part), "{part}: {}", one.body);
    }
    assert_eq!(
        vera.get("/staff/refunds/file/2").await.status,
        StatusCode::NOT_FOUND
    );
    let late = post(&mut boyan, "/staff/refunds/1", &[("act", "refuse")]).await;
    assert_eq!(
        late.header("location"),
        "/staff/refunds/1?done=outdated",
        "it has left"
    );
    let trail = world
        .store
        .audit(&EventFilter::default(), 99)
        .await
        .expect("a trail");
    for what in [
        "refund.proposed",
        "refund.approved",
        "refund.exported",
        "refund.fetched",
        "customer.viewed",
    ] {
        assert!(trail.iter().any(|event| event.what == what), "{what}");
    }
}

#[tokio::test]
async fn a_rest_is_written_off_and_an_auditor_only_looks() {
    let (world, mut vera, mut boyan) = desk(8380).await;
    let form = |amount: &'static str| {
        [
            ("account", seed::ANNA),
            ("act", "write-off"),
            ("amount", amount),
            ("bill", "0000000001"),
            ("why", "не си струва писмо"),
        ]
    };
    let wrong = post(&mut vera, "/staff/refunds/propose", &form("0,41")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("id=\"rest-wrong\""), "{}", wrong.body);
    let done = post(&mut vera, "/staff/refunds/propose", &form("0,40")).await;
    assert_eq!(done.header("location"), "/staff/refunds/1?done=proposed");
    post(&mut boyan, "/staff/refunds/1", &[("act", "approve")]).await;
    assert_eq!(credit(&world).await, 0);
    world.hire("agent", Role::Agent).await;
    let mut agent = world.browser();
    agent.sign_in_staff("agent").await;
    let told = agent.get(&format!("/staff/customers/{}", seed::ANNA)).await;
    assert!(plain(&told).contains("Отписани са 0,40"), "{}", told.body);

    world.hire("odit", Role::Auditor).await;
    let mut auditor = world.browser();
    auditor.sign_in_staff("odit").await;
    let list = auditor.get("/staff/refunds").await;
    assert!(list.body.contains("Отписано") && !list.body.contains("Ново предложение"));
    let one = auditor.get("/staff/refunds/1").await;
    assert!(one.body.contains("не си струва писмо") && !one.body.contains("name=\"act\""));
    let foreign = vera.get("/staff/refunds/x").await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert!(!foreign.body.contains(FOREIGN));
}
