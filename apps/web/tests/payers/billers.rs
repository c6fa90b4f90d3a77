//! Billers find what is due by the customer's number, and report what was paid: all, some bills, a part, in advance.

use kvit_billing::{BillNumber, ports::Clock as _};
use kvit_pay::params::encode;

use crate::{
    common::{self, seed},
    scene::{Scene, form_of},
};

/// What a biller says is due.
async fn look(scene: &Scene, number: &str) -> String {
    let page = scene.there("/billing/ebg", &format!("idn={number}")).await;
    page.body
}

/// Presses a button of that page; gives what the portal answered.
async fn presses(scene: &Scene, number: &str, fields: &[(&str, &str)]) -> String {
    let (action, form) = form_of(&look(scene, number).await);
    let form = format!("{form}&{}", encode(fields.iter().copied()));
    scene.there(&action, &form).await.body
}

/// What is open of a bill, in cents.
async fn open(scene: &Scene, number: &str, bill: BillNumber) -> i64 {
    let now = scene.world.clock.now();
    let account = common::number(number);
    let standing = scene.world.store.standing(&account, now).await;
    let standing = standing.expect("a standing");
    standing.bill(bill).expect("a bill").open.get()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_biller_looks_the_customer_up() {
    let scene = Scene::open().await;
    let dues = look(&scene, seed::ANNA).await;
    assert!(dues.contains("84.20 EUR"), "{dues}");
    let paid = presses(&scene, seed::ANNA, &[("do", "repeat")]).await;
    assert!(paid.contains("00") && paid.contains("94"), "{paid}");
    assert!(scene.text().await.contains("Сметката е платена"));
    assert_eq!(scene.credit().await, 0);
    assert!(look(&scene, seed::ANNA).await.contains("Nothing is due"));
    let nobody = look(&scene, "7777777").await;
    assert!(nobody.contains("No such customer"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_paid_and_something_in_advance() {
    let scene = Scene::open().await;
    let fields = [("do", "part"), ("amount", "40.00")];
    let part = presses(&scene, seed::ANNA, &fields).await;
    assert!(part.contains("00"), "{part}");
    let text = scene.text().await;
    assert!(text.contains("Остава за плащане"), "{text}");
    assert!(text.contains("44,20 €"), "{text}");
    assert!(look(&scene, seed::ANNA).await.contains("44.20 EUR"));
    // In advance, with the rest of the bill still open: it pays that first.
    let fields = [("do", "deposit"), ("amount", "50.00")];
    presses(&scene, seed::ANNA, &fields).await;
    assert!(scene.text().await.contains("Сметката е платена"));
    assert_eq!(scene.credit().await, 580);
    // And where nothing is due.
    presses(&scene, seed::ANNA, &fields).await;
    assert_eq!(scene.credit().await, 5580);
    let odd = [("do", "deposit"), ("amount", "a lot")];
    let odd = presses(&scene, seed::ANNA, &odd).await;
    assert!(odd.contains("Refused"), "{odd}");
    assert_eq!(scene.credit().await, 5580);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chosen_bills_are_paid_and_no_others() {
    let scene = Scene::open().await;
    let world = &scene.world;
    seed::metered(&world.store, &world.key).await;
    let dues = look(&scene, seed::BORIS).await;
    let bills: Vec<BillNumber> = dues
        .split("name=\"bill\" value=\"")
        .skip(1)
        .map(|part| part[..10].parse().expect("a bill"))
        .collect();
    assert!(bills.len() > 3, "{dues}");
    // Not the oldest, which money without a name would go to.
    let (first, chosen) = (bills[0], [bills[1], bills[3]]);
    let values = chosen.map(|bill| format!("{bill}:4000"));
    let fields = [
        ("bill", values[0].as_str()),
        ("bill", &values[1]),
        ("do", "chosen"),
    ];
    let paid = presses(&scene, seed::BORIS, &fields).await;
    assert!(paid.contains("00"), "{paid}");
    for bill in chosen {
        assert_eq!(open(&scene, seed::BORIS, bill).await, 0, "{bill}");
        let page = world.browser().get(&world.pay_path(bill)).await.body;
        let page = page.replace('\u{a0}', " ");
        assert!(page.contains("Сметката е платена"), "{page}");
    }
    assert_eq!(open(&scene, seed::BORIS, first).await, 4000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_somebody_changed_pays_nothing() {
    let scene = Scene::open().await;
    let fields = [("do", "tampered"), ("amount", "0.01")];
    let answer = presses(&scene, seed::ANNA, &fields).await;
    assert!(answer.contains("93"), "{answer}");
    assert_eq!(scene.credit().await, -8420);
    assert!(look(&scene, seed::ANNA).await.contains("84.20 EUR"));
}
