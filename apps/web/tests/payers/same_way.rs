//! Money goes back the way it came: two people of staff, the worker that asks, and payment systems that give it
//! back, refuse, fall silent, or are asked by a process that dies.

use std::sync::Arc;

use axum::http::StatusCode;
use kvit_billing::Role;
use kvit_flow::ports::Checkpoints;
use kvit_pay::params::encode;
use kvit_payers::Mood;
use kvit_store::EventFilter;
use tokio_util::sync::CancellationToken;

use crate::{
    common::{Answer, Browser, seed},
    scene::Scene,
};

/// Anna's bill of 84.20 is paid, and two of billing are signed in.
async fn paid(way: &str) -> (Scene, Browser, Browser) {
    let scene = Scene::open().await;
    scene.comes_back(way, "pay").await;
    let (vera, boyan) = two(&scene, ["vera", "boyan"]).await;
    (scene, vera, boyan)
}

/// Two of billing, signed in.
async fn two(scene: &Scene, logins: [&str; 2]) -> (Browser, Browser) {
    let mut two = Vec::new();
    for login in logins {
        scene.world.hire(login, Role::Billing).await;
        let mut browser = scene.world.browser();
        browser.sign_in_staff(login).await;
        two.push(browser);
    }
    let second = two.pop().expect("two");
    (two.pop().expect("two"), second)
}

async fn post(browser: &mut Browser, path: &str, pairs: &[(&str, &str)]) -> Answer {
    browser.post(path, &encode(pairs.iter().copied())).await
}

async fn propose(scene: &Scene, by: &mut Browser, way: &str, iban: &str, amount: &str) -> Answer {
    let notices = scene.world.store.notices(1).await.expect("notices");
    let form = [
        ("account", seed::ANNA),
        ("act", "refund"),
        ("amount", amount),
        ("payment", notices[0].id.as_str()),
        ("way", way),
        ("iban", iban),
        ("payee", "Анна"),
        ("why", "платено два пъти"),
    ];
    post(by, "/staff/refunds/propose", &form).await
}

/// Both agree about a refund the same way.
async fn agreed(scene: &Scene, vera: &mut Browser, boyan: &mut Browser, amount: &str) -> String {
    let done = propose(scene, vera, "same", "", amount).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let path = done
        .header("location")
        .split('?')
        .next()
        .expect("a path")
        .to_owned();
    let done = post(boyan, &path, &[("act", "approve")]).await;
    assert!(done.header("location").ends_with("done=approved"));
    path
}

/// What is in a book.
async fn book(scene: &Scene, name: &str) -> i64 {
    let books = scene.world.store.books().await.expect("books");
    assert_eq!(books.iter().map(|book| book.cents.get()).sum::<i64>(), 0);
    let found = books.into_iter().find(|book| book.name == name);
    found.map_or(0, |book| book.cents.get())
}

/// How often the simulated payment systems gave money back.
fn given(scene: &Scene) -> usize {
    let all = scene.simulated.refunds();
    all.iter().filter(|one| one.trace.is_some()).count()
}

fn plain(answer: &Answer) -> String {
    answer.body.replace('\u{a0}', " ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_goes_back_through_its_payment_system() {
    for way in ["icard.card", "mypos.card", "borica.card"] {
        let (scene, mut vera, mut boyan) = paid(way).await;
        let provider = way.split('.').next().expect("a name");
        let clearing = format!("clearing/{provider}");
        let page = post(&mut vera, "/staff/refunds", &[("account", seed::ANNA)]).await;
        let option = format!("през {provider}</option>");
        assert!(page.body.contains(&option), "{}", page.body);
        let path = agreed(&scene, &mut vera, &mut boyan, "50,00").await;
        let waits = boyan.get(&path).await;
        assert!(
            waits.body.contains("предстои да се поиска"),
            "{}",
            waits.body
        );
        assert!(waits.body.contains("Спри връщането"));
        assert_eq!(scene.round().await.refunds, 1);
        assert_eq!(scene.round().await.refunds, 0, "once");
        let page = boyan.get(&path).await;
        for part in [
            "Върнато",
            "Парите са върнати.",
            &format!("Обратно през {provider}"),
        ] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(!page.body.contains("Спри връщането"));
        assert_eq!((given(&scene), book(&scene, "refunds").await), (1, 0));
        assert_eq!(book(&scene, &clearing).await, 3420);
        assert_eq!(scene.credit().await, -5000, "owed again");
        // The rest goes back as well, and no more than the rest.
        let more = propose(&scene, &mut vera, "same", "", "34,21").await;
        assert!(
            more.body.contains("по-голяма от наличната"),
            "{}",
            more.body
        );
        agreed(&scene, &mut vera, &mut boyan, "34,20").await;
        scene.round().await;
        assert_eq!((given(&scene), book(&scene, &clearing).await), (2, 0));
        let shown = scene.there("/refunds", "do=give").await;
        assert_eq!(shown.status, StatusCode::SEE_OTHER);
        let mut browser = Browser {
            router: scene.payers.clone(),
            cookies: std::collections::BTreeMap::new(),
        };
        let index = browser.get("/").await;
        assert!(index.body.contains("34.20 EUR"), "{}", index.body);
        let trail = scene.world.store.audit(&EventFilter::default(), 99).await;
        let trail = trail.expect("a trail");
        for what in ["refund.asked", "refund.given"] {
            assert!(trail.iter().any(|event| event.what == what), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_go_back_that_way_says_so() {
    let (scene, mut vera, _) = paid("epay.account").await;
    let page = post(&mut vera, "/staff/refunds", &[("account", seed::ANNA)]).await;
    assert!(!page.body.contains("name=\"way\""), "{}", page.body);
    let no = propose(&scene, &mut vera, "same", "", "50,00").await;
    assert_eq!(no.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        no.body
            .contains("не може да се върне през платежната система")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_refund_says_why_and_opens_the_way_to_an_account() {
    let (scene, mut vera, mut boyan) = paid("mypos.card").await;
    let path = agreed(&scene, &mut vera, &mut boyan, "84,20").await;
    scene.simulated.next_refund(Mood::Refuse);
    scene.round().await;
    let page = boyan.get(&path).await;
    for part in ["Не е върнато", "21 Invalid amount", "По банкова сметка"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!((given(&scene), scene.credit().await), (0, 0));
    assert_eq!(book(&scene, "clearing/mypos").await, 8420);
    // Its button carries over what was proposed.
    let from = page
        .body
        .rfind("action=\"/staff/refunds\"")
        .expect("a form");
    assert!(page.body[from..].contains("value=\"84.20\""));
    let form = [
        ("account", seed::ANNA),
        ("act", "refund"),
        ("amount", "84.20"),
        ("payee", "Анна"),
    ];
    let next = post(&mut vera, "/staff/refunds", &form).await;
    assert!(next.body.contains("value=\"84.20\"") && next.body.contains("value=\"Анна\""));
    let iban = "DE89370400440532013000";
    let done = propose(&scene, &mut vera, "", iban, "84,20").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_never_asked_for_again_and_waits_for_a_person() {
    for (way, mood, went) in [
        ("icard.card", Mood::Lose, true),
        ("mypos.card", Mood::Drop, false),
        ("borica.card", Mood::Lose, true),
    ] {
        let (scene, mut vera, mut boyan) = paid(way).await;
        let provider = way.split('.').next().expect("a name");
        let clearing = format!("clearing/{provider}");
        let path = agreed(&scene, &mut vera, &mut boyan, "84,20").await;
        scene.simulated.next_refund(mood);
        assert_eq!(scene.round().await.refunds, 1);
        for _ in 0..2 {
            scene.world.clock.forward(601);
            assert_eq!(scene.round().await.refunds, 0, "{way}");
        }
        assert_eq!(given(&scene), usize::from(went));
        // Who proposed or approved it is told that another has to look.
        for browser in [&mut vera, &mut boyan] {
            let page = browser.get(&path).await;
            assert!(page.body.contains("трети човек трябва да провери"));
            assert!(!page.body.contains("Къде го видяхте"), "{}", page.body);
            let own = post(browser, &path, &[("act", "went"), ("seen", "x")]).await;
            assert_eq!(own.status, StatusCode::NOT_FOUND);
        }
        let (mut vera, mut boyan) = two(&scene, ["rada", "petar"]).await;
        let list = vera.get("/staff/refunds").await;
        assert!(
            list.body.contains("Проверете и отбележете"),
            "{}",
            list.body
        );
        let page = vera.get(&path).await;
        for part in ["Не се знае дали парите са върнати", "Отговор не дойде."]
        {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(page.body.contains("refund-1-1"), "their name for it");
        let act = if went { "went" } else { "not" };
        let unsaid = post(&mut vera, &path, &[("act", act), ("seen", " ")]).await;
        assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(unsaid.body.contains("Напишете къде видяхте"));
        let form = [("act", act), ("seen", "номер <R7>")];
        for _press in 0..2 {
            let done = post(&mut vera, &path, &form).await;
            let to = format!("{path}?done={act}");
            assert_eq!(done.header("location"), to);
        }
        let other = if went { "not" } else { "went" };
        let late = post(&mut boyan, &path, &[("act", other), ("seen", "x")]).await;
        assert!(late.header("location").ends_with("done=outdated"));
        let page = boyan.get(&path).await;
        assert!(page.body.contains("номер &lt;R7&gt;"), "{}", page.body);
        let (left, credit) = if went { (0, -8420) } else { (8420, 0) };
        assert_eq!(book(&scene, &clearing).await, left, "{way}");
        assert_eq!(
            (book(&scene, "refunds").await, scene.credit().await),
            (0, credit)
        );
        assert!(plain(&page).contains("84,20"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_system_that_is_out_of_order_is_asked_later() {
    let (scene, mut vera, mut boyan) = paid("icard.card").await;
    let path = agreed(&scene, &mut vera, &mut boyan, "84,20").await;
    scene.simulated.switch(true);
    for _ in 0..4 {
        scene.world.clock.forward(301);
        assert_eq!(scene.round().await.refunds, 0);
    }
    assert!(
        boyan
            .get(&path)
            .await
            .body
            .contains("предстои да се поиска")
    );
    scene.simulated.switch(false);
    scene.world.clock.forward(61);
    assert_eq!(scene.round().await.refunds, 1);
    assert!(boyan.get(&path).await.body.contains("Парите са върнати."));
    // Stopped in time, nobody is asked.
    let refused = post(&mut vera, &path, &[("act", "refuse")]).await;
    assert!(refused.header("location").ends_with("done=outdated"));
}

/// Ends its process at one place.
struct Dies(&'static str);

impl Checkpoints for Dies {
    fn reached(&self, name: &'static str) {
        assert!(name != self.0, "dead at {name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_around_the_call_never_gives_back_twice() {
    for (place, gone, said) in [
        ("before-ask-refund", 1, "Парите са върнати."),
        ("refund-noted", 0, "Програмата спря"),
        ("refund-asked", 1, "Програмата спря"),
        ("refund-answered", 1, "Парите са върнати."),
    ] {
        let (scene, mut vera, mut boyan) = paid("icard.card").await;
        let path = agreed(&scene, &mut vera, &mut boyan, "84,20").await;
        let dying = scene.poller(Arc::new(Dies(place)));
        let round = tokio::spawn(async move { dying.poll(&CancellationToken::new()).await });
        assert!(round.await.is_err_and(|error| error.is_panic()), "{place}");
        for _ in 0..2 {
            scene.round().await;
            scene.world.clock.forward(601);
        }
        scene.round().await;
        assert_eq!(given(&scene), gone, "{place}");
        let page = boyan.get(&path).await;
        assert!(page.body.contains(said), "{place}: {}", page.body);
        let on_its_way = if said.contains("спря") { -8420 } else { 0 };
        assert_eq!(book(&scene, "refunds").await, on_its_way, "{place}");
        assert_eq!(scene.credit().await, -8420, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_system_that_leaves_one_unclear_is_asked_for_no_other_for_an_hour() {
    let (scene, mut vera, mut boyan) = paid("mypos.card").await;
    let first = agreed(&scene, &mut vera, &mut boyan, "30,00").await;
    agreed(&scene, &mut vera, &mut boyan, "20,00").await;
    scene.simulated.next_refund(Mood::Lose);
    assert_eq!(scene.round().await.refunds, 1, "the other waits");
    scene.world.clock.forward(600);
    assert_eq!(scene.round().await.refunds, 0);
    // A third person found out, or an hour is over.
    let (mut rada, _) = two(&scene, ["rada", "petar"]).await;
    let form = [("act", "went"), ("seen", "R7")];
    post(&mut rada, &first, &form).await;
    assert_eq!(scene.round().await.refunds, 1);
    assert_eq!(given(&scene), 2);
    for amount in ["10,00", "5,00"] {
        agreed(&scene, &mut vera, &mut boyan, amount).await;
    }
    scene.simulated.next_refund(Mood::Drop);
    assert_eq!(scene.round().await.refunds, 1);
    scene.world.clock.forward(3601);
    assert_eq!(scene.round().await.refunds, 1);
    assert_eq!(given(&scene), 3);
}

/// A process that stands still at one place, while the clock goes on.
struct Pauses(Arc<crate::common::Hands>);

impl Checkpoints for Pauses {
    fn reached(&self, name: &'static str) {
        if name == "refund-noted" {
            self.0.forward(61);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_held_up_before_the_call_does_not_ask() {
    let (scene, mut vera, mut boyan) = paid("icard.card").await;
    let path = agreed(&scene, &mut vera, &mut boyan, "84,20").await;
    let held_up = scene.poller(Arc::new(Pauses(Arc::clone(&scene.world.clock))));
    let stop = CancellationToken::new();
    let report = held_up.poll(&stop).await.expect("a round");
    assert_eq!((report.refunds, given(&scene)), (0, 0));
    let page = boyan.get(&path).await;
    assert!(page.body.contains("Не се знае дали парите са върнати"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_turns_out_to_be_otherwise_is_corrected_by_two() {
    let (scene, mut vera, mut boyan) = paid("icard.card").await;
    let path = agreed(&scene, &mut vera, &mut boyan, "84,20").await;
    assert_eq!(scene.round().await.refunds, 1);
    let page = vera.get(&path).await;
    assert!(page.body.contains("Друго ли се оказа?"), "{}", page.body);
    let unsaid = [("act", "turned-not"), ("seen", " ")];
    let unsaid = post(&mut vera, &path, &unsaid).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unsaid.body.contains("Напишете къде видяхте"));
    let turned = [("act", "turned-not"), ("seen", "няма го в <отчета>")];
    for _press in 0..2 {
        let done = post(&mut vera, &path, &turned).await;
        assert_eq!(done.header("location"), format!("{path}?done=doubted"));
    }
    // Who said it takes it back at most, who approved the refund neither approves this.
    let approve = [("act", "correct"), ("correction", "1")];
    for (browser, said) in [
        (&mut vera, "Предложението е Ваше"),
        (&mut boyan, "трети човек трябва да одобри поправката"),
    ] {
        let page = browser.get(&path).await;
        assert!(page.body.contains(said), "{}", page.body);
        assert!(!page.body.contains("value=\"correct\""), "{}", page.body);
        let own = post(browser, &path, &approve).await;
        assert_eq!(own.status, StatusCode::NOT_FOUND);
    }
    let (mut rada, mut petar) = two(&scene, ["rada", "petar"]).await;
    let list = rada.get("/staff/refunds").await;
    assert!(list.body.contains("Поправката чака одобрение"));
    let page = rada.get(&path).await;
    for part in ["няма го в &lt;отчета&gt;", "value=\"correct\""] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    for other in ["2", "x", ""] {
        let none = post(
            &mut rada,
            &path,
            &[("act", "correct"), ("correction", other)],
        )
        .await;
        assert_eq!(none.status, StatusCode::NOT_FOUND, "{other}");
    }
    assert_eq!(book(&scene, "clearing/icard").await, 0);
    for _press in 0..2 {
        let done = post(&mut rada, &path, &approve).await;
        assert_eq!(done.header("location"), format!("{path}?done=corrected"));
    }
    let late = [("act", "uphold"), ("correction", "1")];
    let late = post(&mut petar, &path, &late).await;
    assert!(late.header("location").ends_with("done=outdated"));
    assert_eq!(book(&scene, "clearing/icard").await, 8420);
    assert_eq!(
        (book(&scene, "refunds").await, scene.credit().await),
        (0, 0)
    );
    let page = petar.get(&path).await;
    for part in ["Не е върнато", "Одобрил: rada", "По банкова сметка"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    // And back again; another takes it back first.
    let turned = [("act", "turned-went"), ("seen", "R7")];
    let drop = |number| [("act", "uphold"), ("correction", number)];
    post(&mut vera, &path, &turned).await;
    let done = post(&mut petar, &path, &drop("2")).await;
    assert!(done.header("location").ends_with("done=upheld"));
    post(&mut vera, &path, &turned).await;
    let third = [("act", "correct"), ("correction", "3")];
    let done = post(&mut petar, &path, &third).await;
    assert!(done.header("location").ends_with("done=corrected"));
    assert_eq!(book(&scene, "clearing/icard").await, 0);
    assert_eq!(scene.credit().await, -8420);
    assert_eq!(scene.round().await.refunds, 0, "nobody is asked again");
    assert_eq!(given(&scene), 1);
}
