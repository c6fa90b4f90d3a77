//! Money without an owner, and other notices that need people, in the console.

use axum::http::{Method, StatusCode};
use kvit_billing::{Cents, Role};
use kvit_pay::params::encode;
use kvit_store::{Booked, NoticeOutcome};

use super::{
    FOREIGN, URL,
    common::{Answer, Browser, World, number, pay, seed},
    hidden, now, two,
};

const PATH: &str = "/staff/money/notice";

/// A portal with payment systems and two of billing, signed in.
async fn desk() -> (World, Browser, Browser) {
    let world = World::paying(URL, pay::Systems::new().pay()).await;
    let [vera, boyan] = two(&world, Role::Billing, ["vera", "boyan"]).await;
    (world, vera, boyan)
}

/// An aggregator reports money for a number that nobody has.
async fn stray(world: &World, transaction: &str, cents: u64) -> String {
    let query = pay::ebg(&[
        ("IDN", "7777777"),
        ("MERCHANTID", "7"),
        ("TID", transaction),
        ("DATE", "20261120110000"),
        ("TOTAL", &cents.to_string()),
        ("TYPE", "DEPOSIT"),
    ]);
    let path = format!("/pay/ebg/confirm?{query}");
    world.browser().get(&path).await;
    format!("ebg/paid/{transaction}")
}

/// ePay says that a payment is over which nobody began.
async fn odd(world: &World, payment: u64) -> String {
    let body = pay::epay(&format!("INVOICE={payment}:STATUS=EXPIRED"));
    world
        .browser()
        .ask(Method::POST, "/pay/epay/notify", &body, &[])
        .await;
    format!("epay/expired/{payment}")
}

fn page_of(notice: &str) -> String {
    format!("{PATH}?{}", encode([("notice", notice)]))
}

async fn act(browser: &mut Browser, pairs: &[(&str, &str)]) -> Answer {
    let form = encode(pairs.iter().copied());
    browser.post(PATH, &form).await
}

async fn credit(world: &World, customer: &str) -> i64 {
    let standing = world.store.standing(&number(customer), now(world)).await;
    let standing = standing.expect("a standing");
    standing.credit.get() - standing.open().get()
}

#[tokio::test]
async fn a_bank_transfer_is_told_with_its_payer_and_text() {
    let (world, mut vera, _) = desk().await;
    let booked = pay::transferred(&world, "FT1", "за тока на баба", 4200).await;
    assert_eq!(booked, Booked::As(NoticeOutcome::NoOwner));
    let list = vera.get("/staff/money").await.body;
    let page = vera
        .get(&page_of("bank/paid/BG80BNBG96611020345678/FT1"))
        .await;
    for part in [
        "Стоян &lt;Колев&gt;",
        "за тока на баба",
        "не посочва един-единствен",
    ] {
        assert!(list.contains(part), "{part}: {list}");
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    for (wanted, found) in [
        ("КОЛЕВ", true),
        ("стоян", true),
        ("тока на", true),
        ("42,00", true),
        ("ft1", true),
        ("никой", false),
    ] {
        let list = vera
            .post("/staff/money", &encode([("wanted", wanted)]))
            .await;
        assert_eq!(list.body.contains("за тока на баба"), found, "{wanted}");
    }
    for part in [
        "Банков превод",
        "Наредител",
        "20 ноември",
        "Потърсете клиента",
    ] {
        let body = page.body.replace('\u{a0}', " ");
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[tokio::test]
async fn one_proposes_and_another_approves() {
    let (world, mut vera, mut boyan) = desk().await;
    let empty = vera.get("/staff/money").await;
    assert!(empty.body.contains("Тук нищо не чака"), "{}", empty.body);
    let notice = stray(&world, "T1", 10_000).await;
    let list = vera.get("/staff/money").await;
    for part in [
        "ebg&#x2f;paid&#x2f;T1",
        "Няма такъв клиент",
        "100,00",
        "Още никой",
    ] {
        assert!(list.body.contains(part), "{part}: {}", list.body);
    }
    let page = vera.get(&page_of(&notice)).await;
    assert!(
        page.body.contains("Посочете на кого са парите"),
        "{}",
        page.body
    );
    assert!(
        !page.body.contains("Няма какво да се прави"),
        "money is not talked away"
    );

    let propose = |account: &'static str, amount: &'static str, bill: &'static str| {
        [
            ("notice", "ebg/paid/T1"),
            ("seen", ""),
            ("act", "propose"),
            ("account", account),
            ("amount", amount),
            ("bill", bill),
        ]
    };
    for (account, amount, bill, said) in [
        ("", "", "", "Няма такъв клиент. Въведете"),
        ("7777777", "", "", "Няма такъв клиент. Въведете"),
        (seed::ANNA, "много", "", "Въведете сума над нула"),
        (seed::ANNA, "100,01", "", "по-голяма от наличната"),
        (seed::ANNA, "", "x", "Клиентът няма такава сметка"),
        (seed::ANNA, "", "0000000002", "Клиентът няма такава сметка"),
    ] {
        let wrong = act(&mut vera, &propose(account, amount, bill)).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(wrong.body.contains(said), "{said}: {}", wrong.body);
    }
    for _press in 0..2 {
        let done = act(&mut vera, &propose(seed::ANNA, "84,20 €", "0000000001")).await;
        assert!(
            done.header("location").ends_with("done=proposed"),
            "{}",
            done.body
        );
    }
    let page = vera.get(&page_of(&notice)).await;
    assert!(page.body.contains("Предложението е Ваше") && !page.body.contains("Одобрявам"));
    let page = boyan.get(&page_of(&notice)).await;
    for part in ["Анна", "84,20", "0000000001", "Одобрявам", "vera"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let seen = hidden(&page.body, "seen");
    let approve = [
        ("notice", notice.as_str()),
        ("seen", &seen),
        ("act", "approve"),
        ("account", seed::ANNA),
    ];
    // The proposer does not see the button; pressing it all the same changes nothing.
    let own = act(&mut vera, &approve).await;
    assert_eq!(own.status, StatusCode::NOT_FOUND);
    assert_eq!(credit(&world, seed::ANNA).await, -8420);
    for _press in 0..2 {
        let done = act(&mut boyan, &approve).await;
        assert!(
            done.header("location").ends_with("done=approved"),
            "{}",
            done.body
        );
    }
    assert_eq!(credit(&world, seed::ANNA).await, 0);
    let page = boyan.get(&page_of(&notice)).await;
    for part in ["15,80", "100,00", "Одобрено от boyan"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    // The rest is Boris', and then nothing waits.
    let rest = [
        ("notice", notice.as_str()),
        ("act", "propose"),
        ("account", seed::BORIS),
    ];
    act(&mut boyan, &rest).await;
    let seen = hidden(&vera.get(&page_of(&notice)).await.body, "seen");
    let approve = [
        ("notice", notice.as_str()),
        ("seen", &seen),
        ("act", "approve"),
        ("account", seed::BORIS),
    ];
    act(&mut vera, &approve).await;
    assert_eq!(credit(&world, seed::BORIS).await, 1580 - 5610);
    assert!(
        vera.get("/staff/money")
            .await
            .body
            .contains("Тук нищо не чака")
    );
    let page = vera.get(&page_of(&notice)).await;
    assert!(page.body.contains("Разпределено") && !page.body.contains("Предложи"));
    let trail = world
        .store
        .events("customer/1000001", 99)
        .await
        .expect("a trail");
    for (who, what) in [
        ("vera", "pay.allocate"),
        ("boyan", "pay.approve"),
        ("boyan", "customer.viewed"),
    ] {
        let found = trail
            .iter()
            .filter(|event| event.who == who && event.what == what);
        assert!(found.count() >= 1, "{who} {what}");
    }
    let said = trail.iter().filter(|event| event.what == "pay.allocate");
    assert_eq!(said.count(), 1, "a second press says nothing new");
}

#[tokio::test]
async fn nobody_s_word_is_lost_or_overwritten_unseen() {
    let (world, mut vera, mut boyan) = desk().await;
    let notice = stray(&world, "T1", 500).await;
    let whose = |account| {
        [
            ("notice", "ebg/paid/T1"),
            ("seen", ""),
            ("act", "propose"),
            ("account", account),
        ]
    };
    act(&mut vera, &whose(seed::ANNA)).await;
    // Boyan's page is from before that: his word is not taken for hers, nor instead of hers.
    let late = act(&mut boyan, &whose(seed::BORIS)).await;
    assert!(late.header("location").ends_with("done=outdated"));
    let page = boyan.get(late.header("location")).await;
    assert!(page.body.contains("някой е предложил друго") && page.body.contains("Анна"));
    let seen = hidden(&page.body, "seen");
    world.clock.forward_hours(1);
    for (browser, login) in [(&mut vera, "vera"), (&mut boyan, "boyan")] {
        browser.sign_in_staff(login).await;
    }
    // She takes it back and says something else while his page is open.
    let take_back = [
        ("notice", notice.as_str()),
        ("seen", seen.as_str()),
        ("act", "refuse"),
    ];
    for _press in 0..2 {
        let done = act(&mut vera, &take_back).await;
        assert!(
            done.header("location").ends_with("done=refused"),
            "{}",
            done.body
        );
    }
    act(
        &mut vera,
        &[
            ("notice", &notice),
            ("act", "propose"),
            ("account", seed::ANNA),
            ("amount", "1"),
        ],
    )
    .await;
    let approve = [
        ("notice", notice.as_str()),
        ("seen", seen.as_str()),
        ("act", "approve"),
        ("account", seed::ANNA),
    ];
    let done = act(&mut boyan, &approve).await;
    assert!(done.header("location").ends_with("done=outdated"));
    assert_eq!(credit(&world, seed::ANNA).await, -8420);
    let seen = hidden(&boyan.get(&page_of(&notice)).await.body, "seen");
    let refuse = [
        ("notice", notice.as_str()),
        ("seen", seen.as_str()),
        ("act", "refuse"),
    ];
    let done = act(&mut boyan, &refuse).await;
    assert!(done.header("location").ends_with("done=refused"));
    let found = world
        .store
        .notice(&notice)
        .await
        .expect("a store")
        .expect("a notice");
    assert_eq!(
        (found.proposal, found.unmatched),
        (None, Some(Cents::new(500)))
    );
}

#[tokio::test]
async fn two_people_say_that_nothing_is_to_be_done() {
    let (world, mut vera, mut boyan) = desk().await;
    let notice = odd(&world, 77).await;
    let page = vera.get(&page_of(&notice)).await;
    assert!(
        page.body.contains("Няма какво да се прави") && !page.body.contains("Посочете на кого")
    );
    let settle = |why: &'static str| {
        [
            ("notice", "epay/expired/77"),
            ("seen", ""),
            ("act", "settle"),
            ("why", why),
        ]
    };
    let wrong = act(&mut vera, &settle(" ")).await;
    assert!(wrong.body.contains("Посочете защо"), "{}", wrong.body);
    for _press in 0..2 {
        let done = act(&mut vera, &settle("опит на <ePay>")).await;
        assert!(
            done.header("location").ends_with("done=proposed"),
            "{}",
            done.body
        );
    }
    let late = act(&mut boyan, &settle("друго")).await;
    assert!(
        late.header("location").ends_with("done=outdated"),
        "no approval unseen"
    );
    let page = boyan.get(&page_of(&notice)).await;
    assert!(page.body.contains("опит на &lt;ePay&gt;"), "{}", page.body);
    let seen = hidden(&page.body, "seen");
    let agree = [
        ("notice", notice.as_str()),
        ("seen", seen.as_str()),
        ("act", "agree"),
    ];
    let own = act(&mut vera, &agree).await;
    assert!(!own.header("location").ends_with("done=settled"));
    for _press in 0..2 {
        let done = act(&mut boyan, &agree).await;
        assert!(
            done.header("location").ends_with("done=settled"),
            "{}",
            done.body
        );
    }
    let found = world
        .store
        .notice(&notice)
        .await
        .expect("a store")
        .expect("a notice");
    assert_eq!(found.outcome, Some(NoticeOutcome::Settled));
}

#[tokio::test]
async fn thousands_are_read_by_pages_and_looked_through() {
    let (world, mut vera, _) = desk().await;
    for no in 0..120 {
        stray(&world, &format!("N{no:03}"), 1000 + no).await;
    }
    let mut seen = 0;
    let mut page = vera.get("/staff/money").await;
    loop {
        let rows = page.body.matches("Още никой").count();
        seen += rows;
        if !page.body.contains(">Следващи<") {
            break;
        }
        assert_eq!(rows, 50);
        let after = hidden(&page.body, "after");
        let last = hidden(&page.body, "after_notice").replace("&#x2f;", "/");
        let form = encode([("after", after.as_str()), ("after_notice", &last)]);
        page = vera.post("/staff/money", &form).await;
    }
    assert_eq!(seen, 120);
    for (wanted, rows) in [
        ("10,17 €", 1),
        ("n11", 10),
        ("7777777", 50),
        ("%", 0),
        ("\u{0}'", 0),
    ] {
        let found = vera
            .post("/staff/money", &encode([("wanted", wanted)]))
            .await;
        assert_eq!(found.status, StatusCode::OK, "{wanted}");
        assert_eq!(found.body.matches("Още никой").count(), rows, "{wanted}");
    }
    for unknown in ["", "x", "a\u{0}b", "ebg/paid/'--", "../../x"] {
        let answer = vera.get(&page_of(unknown)).await;
        assert!(!answer.status.is_server_error(), "{unknown}");
    }
}

#[tokio::test]
async fn an_auditor_only_looks() {
    let (world, mut vera, _) = desk().await;
    let notice = stray(&world, "T1", 500).await;
    act(
        &mut vera,
        &[
            ("notice", &notice),
            ("act", "propose"),
            ("account", seed::ANNA),
        ],
    )
    .await;
    world.hire("odit", Role::Auditor).await;
    let mut odit = world.browser();
    odit.sign_in_staff("odit").await;
    assert!(
        odit.get("/staff/money")
            .await
            .body
            .contains("vera: на клиент 1000001")
    );
    let page = odit.get(&page_of(&notice)).await;
    assert!(
        page.body.contains("Анна") && !page.body.contains("name=\"act\""),
        "{}",
        page.body
    );
    let seen = "0";
    let refused = act(
        &mut odit,
        &[
            ("notice", &notice),
            ("seen", seen),
            ("act", "approve"),
            ("account", seed::ANNA),
        ],
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    // A form of another page is none.
    let foreign = vera
        .ask(Method::POST, PATH, "notice=ebg/paid/T1&act=refuse", &[])
        .await;
    assert!(foreign.body.contains(FOREIGN));
    assert_eq!(credit(&world, seed::ANNA).await, -8420);
}

#[tokio::test]
async fn billing_sees_which_payment_systems_do_not_answer() {
    let (world, mut vera, _) = desk().await;
    let epay = "epay".parse().expect("a name");
    for minutes in 0..3 {
        let at = now(&world) - jiff::SignedDuration::from_mins(3 - minutes);
        let called = world.store.provider_called(&epay, false, at).await;
        called.expect("kept");
    }
    let page = vera.get("/staff/money").await.body;
    for part in [
        "Платежни системи",
        "не отговаря от",
        "още не е проверявана",
        "ePay.bg",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("eBg.bg"), "nobody is sent there");
}
