//! What a run file says of accounts: one is closed, another has a new holder, a third one's name is another.

use std::sync::Arc;

use crate::world::{
    World, bills,
    faults::{DieAt, died},
    issue,
};
use jiff::civil::date;
use kvit_billing::{BillNumber, BillOrder, RunId};
use kvit_flow::{ImportOutcome, import::import, ports::Checkpoints};
use kvit_intake::write_ndjson;
use kvit_store::{Channel, EnrolmentState, Release, Store};

/// Everybody's orders of a month, changed by `change`, which hears whose each is.
async fn imported(
    world: &World,
    store: &Store,
    month: i8,
    change: impl Fn(usize, &mut BillOrder),
) -> ImportOutcome {
    let (month, customers) = (date(2026, month, 1), world.synth.customers());
    let name = month.strftime("%Y-%m").to_string();
    let header = world.synth.run_header(&name, month, customers);
    let orders = world.synth.orders(month).enumerate().map(|(i, mut order)| {
        change(i, &mut order);
        order
    });
    let mut file = Vec::new();
    write_ndjson(&header, orders, &mut file).expect("written");
    let request = world.request(&name, vec![("run.ndjson", file)]);
    import(store, request, &|_| {}).await.expect("imported")
}

async fn released(world: &World, store: &Store, run: &RunId) {
    let release = Release {
        by: "Boris".to_owned(),
        who: "Boris".to_owned(),
        at: kvit_billing::ports::Clock::now(&*world.clock),
        series: "main".parse().expect("a series"),
        first_if_new: BillNumber::new(1).expect("a number"),
        base: Arc::default(),
    };
    store.release_run(run, &release).await.expect("released");
}

async fn generation(store: &Store, world: &World, i: u32) -> u32 {
    let known = store.customer(&world.synth.number(i)).await;
    known.expect("an answer").expect("known").code_generation
}

async fn has_ebills(store: &Store, world: &World, i: u32) -> bool {
    let state = store.enrolment_of(&world.synth.number(i)).await;
    matches!(state.expect("a state"), EnrolmentState::Active(_))
}

fn november(i: usize, order: &mut BillOrder) {
    let customer = order.customer.as_mut().expect("a customer");
    match i {
        0 => order.closed_on = Some(date(2026, 11, 20)),
        1 => customer.name = "Непознат Новодошъл".to_owned(),
        2 => {
            order.holder_since = Some(date(2026, 11, 1));
            customer.name = "Нов Наемател".to_owned();
        }
        _ => {}
    }
}

#[tokio::test]
async fn what_ends_with_an_account_ends_once_whatever_dies() {
    for n in 1..=7 {
        let world = World::new(4);
        let store = world.store().await;
        world.released("october").await;
        issue(&world.issuer("worker").await).await.expect("issued");
        let outcome = imported(&world, &store, 11, november).await;
        let found = outcome.findings.list();
        assert!(outcome.accepted, "{found:#?}");
        let codes: Vec<_> = found.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["holder-unclear"], "a person looks at the second");
        // The third account's earlier holder has nothing there any more; the first one's last bill is still to come.
        assert!(!has_ebills(&store, &world, 2).await && has_ebills(&store, &world, 0).await);
        assert_eq!(generation(&store, &world, 2).await, 2);

        released(&world, &store, &outcome.run).await;
        let (dying, mut issuer) = (DieAt::new(n), world.issuer("worker").await);
        issuer.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        died(tokio::spawn(async move { issue(&issuer).await }).await);
        let forgotten =
            store.forget_worker("worker", kvit_billing::ports::Clock::now(&*world.clock));
        forgotten.await.expect("forgotten");
        issue(&world.issuer("worker").await).await.expect("issued");
        let mut ways = Vec::new();
        for bill in bills(&store, &outcome.run).await {
            let deliveries = store.deliveries_of_bill(bill.number).await;
            ways.extend(
                deliveries
                    .expect("deliveries")
                    .iter()
                    .map(|one| one.channel),
            );
        }
        let paper = Channel::Paper;
        assert_eq!(ways, [Channel::Email, paper, paper, paper], "died at {n}");
        assert!(!has_ebills(&store, &world, 0).await);
        assert_eq!(generation(&store, &world, 0).await, 2, "died at {n}");
        let closed = store.customer(&world.synth.number(0)).await;
        let closed = closed.expect("an answer").expect("known").closed_on;
        assert_eq!(closed, Some(date(2026, 11, 20)));
        // Billing may go on saying since when the third has this holder.
        let outcome = imported(&world, &store, 12, |i, order| {
            if i == 2 {
                november(i, order);
            }
        })
        .await;
        assert!(outcome.accepted);
        assert_eq!(generation(&store, &world, 2).await, 2);
    }
}

#[tokio::test]
async fn a_last_bill_and_the_next_holder_s_first_one_come_in_two_runs() {
    let world = World::new(4);
    let store = world.store().await;
    world.released("october").await;
    issue(&world.issuer("worker").await).await.expect("issued");
    let outcome = imported(&world, &store, 11, |i, order| {
        let number = world.synth.number(0);
        match i {
            0 => order.closed_on = Some(date(2026, 11, 20)),
            1 => {
                // As if the second order were the first account's next holder's.
                order.holder_since = Some(date(2026, 11, 21));
                order.version = 2;
                if let Some(customer) = &mut order.customer {
                    customer.number = number.clone();
                }
                order.account = number;
            }
            _ => {}
        }
    })
    .await;
    assert!(!outcome.accepted);
    let codes: Vec<_> = outcome
        .findings
        .list()
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(codes, ["closed-and-taken-over"]);
    assert!(has_ebills(&store, &world, 0).await, "nothing has ended");
}

#[tokio::test]
async fn a_late_bill_of_an_earlier_holder_is_printed_and_its_code_opens_nothing() {
    let world = World::new(4);
    let store = world.store().await;
    world.released("october").await;
    issue(&world.issuer("worker").await).await.expect("issued");
    let moved = imported(&world, &store, 11, november).await;
    assert!(moved.accepted);
    // The new holder of the third account takes e-bills, and one more of October comes for the earlier one.
    world.enrol_again(&store, 2, 1).await;
    let late = imported(&world, &store, 10, |_, order| order.version = 2).await;
    assert!(late.accepted, "{:#?}", late.findings.list());
    released(&world, &store, &late.run).await;
    issue(&world.issuer("worker").await).await.expect("issued");
    let all = bills(&store, &late.run).await;
    for i in [0, 2] {
        let number = world.synth.number(i);
        let bill = all.iter().find(|bill| bill.account == number);
        let bill = bill.expect("a bill");
        let deliveries = store.deliveries_of_bill(bill.number).await;
        let ways: Vec<_> = deliveries
            .expect("ways")
            .iter()
            .map(|one| one.channel)
            .collect();
        let text = world
            .archive()
            .read(&bill.pack, bill.offset..bill.offset + bill.length)
            .await;
        let text = String::from_utf8_lossy(&text.expect("a document")).into_owned();
        let valid = (1..=generation(&store, &world, i).await)
            .map(|generation| {
                World::key()
                    .authorization_code(&number, generation)
                    .printed()
            })
            .any(|code| text.contains(&code));
        let way = if i == 2 {
            Channel::Paper
        } else {
            Channel::Email
        };
        assert_eq!((ways, valid), (vec![way], i != 2), "account {i}");
    }
    assert!(has_ebills(&store, &world, 2).await);
}
