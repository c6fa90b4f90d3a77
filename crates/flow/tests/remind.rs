//! Reminders: once, by day, and never of what was paid, whatever dies and whenever money comes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::world::{
    World, bills,
    faults::{died, each_death},
    money::reported,
    post::{MAILS, Post, deliver},
};
use futures::future::BoxFuture;
use jiff::{Timestamp, civil::Date};
use kvit_billing::{DeliveryKind, ReminderKind, ports::Clock};
use kvit_flow::{
    ReminderReport, Reminders,
    ports::{Checkpoints, Mailer, NoCheckpoints},
};
use kvit_mail::{Message, Outcome};
use kvit_mailbox::Faults;
use kvit_store::DeliveryState;
use tokio_util::sync::CancellationToken;

const BEFORE: ReminderKind = ReminderKind::Before(3);
const AFTER: ReminderKind = ReminderKind::After(5);
/// Of all bills, as the invented operator writes them.
const DUE: Date = jiff::civil::date(2026, 11, 25);

/// The bills are out, in September; nobody is reminded yet.
async fn issued() -> Post {
    let post = Post::new(Faults::default()).await;
    deliver(&post.courier("worker").await).await.expect("bills");
    let all = bills(&post.world.store().await, &post.run).await;
    assert!(all.iter().all(|bill| bill.due_date == DUE));
    assert_eq!(plan(&post).await, ReminderReport::default());
    post
}

/// Moves the clock to a time of day, a number of days from the last day to pay.
fn go(post: &Post, days: i32, hour: i8, minute: i8) -> Timestamp {
    let day = DUE.saturating_add(jiff::Span::new().days(days));
    let zone = World::hours().zone;
    let to = day.at(hour, minute, 0, 0).to_zoned_datetime(zone);
    let to = to.expect("a time").timestamp();
    let seconds = to.duration_since(post.world.clock.now()).as_secs();
    post.world
        .clock
        .forward(u64::try_from(seconds).expect("the future"));
    to
}

async fn reminders(post: &Post, kinds: &[ReminderKind]) -> Reminders {
    Reminders {
        store: post.world.store().await,
        key: World::key(),
        clock: Arc::clone(&post.world.clock) as _,
        checkpoints: Arc::new(NoCheckpoints),
        kinds: kinds.to_vec(),
        hours: World::hours(),
    }
}

async fn plan(post: &Post) -> ReminderReport {
    let reminders = reminders(post, &[BEFORE, AFTER]).await;
    let planned = reminders.plan(&CancellationToken::new()).await;
    planned.expect("planned")
}

const fn decided(planned: u64, missed: u64) -> ReminderReport {
    ReminderReport { planned, missed }
}

/// Who has e-bills pays; gives how many they are.
async fn everybody_pays(post: &Post) -> usize {
    let store = post.world.store().await;
    let all = bills(&store, &post.run).await;
    let enrolled = all.iter().step_by(2);
    for bill in enrolled.clone() {
        let (cents, tid) = (bill.to_pay.get(), bill.number.to_string());
        let notice = reported(&bill.account, &tid, cents, bill.number);
        let now = post.world.clock.now();
        store.receive_notice(&notice, now).await.expect("an answer");
    }
    enrolled.count()
}

/// How many mails of a kind stand in a state.
async fn count(post: &Post, kind: DeliveryKind, state: &str) -> usize {
    let all = post.deliveries().await;
    let of_kind = |id: &str| {
        id.parse::<kvit_billing::DeliveryId>()
            .expect("an id")
            .kind()
            == kind
    };
    all.iter()
        .filter(|(id, delivery)| of_kind(id) && delivery.state == state)
        .count()
}

#[tokio::test]
async fn a_death_at_any_place_reminds_once() {
    let places = each_death(async |dying| {
        let post = issued().await;
        go(&post, -3, 10, 0);
        let mut planner = reminders(&post, &[BEFORE]).await;
        let mut courier = post.courier("worker").await;
        planner.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        courier.checkpoints = Arc::clone(&dying) as Arc<dyn Checkpoints>;
        let ended = died(
            tokio::spawn(async move {
                let planned = planner.plan(&CancellationToken::new()).await;
                planned.expect("planned");
                deliver(&courier).await.expect("delivered")
            })
            .await,
        );
        if let Some(report) = ended {
            assert_eq!(report.accepted, 4);
            post.nothing_lost_of(2 * MAILS, "no death").await;
            assert!(post.deliveries().await.values().all(|mail| !mail.twice));
            return;
        }
        // The next process: it gives back what the dead one had in hand, plans, and delivers.
        let courier = post.courier("worker").await;
        let forgotten = courier
            .store
            .forget_worker("worker", post.world.clock.now());
        forgotten.await.expect("forgotten");
        plan(&post).await;
        deliver(&courier).await.expect("delivered");
        let why = format!("died at {:?}", dying.place());
        post.nothing_lost_of(2 * MAILS, &why).await;
    })
    .await;
    for place in [
        "before-reminders-planned",
        "after-reminders-planned",
        "deliveries-claimed",
        "before-send",
        "after-send",
    ] {
        assert!(places.contains(place), "{place} was never reached");
    }
}

#[tokio::test]
async fn each_reminder_has_its_day() {
    let post = issued().await;
    go(&post, -4, 19, 0);
    assert_eq!(plan(&post).await, decided(0, 0), "a day too early");
    go(&post, -3, 8, 59);
    assert_eq!(plan(&post).await, decided(0, 0), "people sleep");
    go(&post, -3, 9, 0);
    assert_eq!(plan(&post).await, decided(4, 0));
    assert_eq!(plan(&post).await, decided(0, 0), "once");
    let courier = post.courier("worker").await;
    assert_eq!(deliver(&courier).await.expect("delivered").accepted, 4);
    go(&post, 5, 9, 0);
    assert_eq!(plan(&post).await, decided(4, 0), "the other kind");
    assert_eq!(deliver(&courier).await.expect("delivered").accepted, 4);
    let mails = post.mailbox.messages();
    let last = &mails.last().expect("a mail").bytes;
    let last = String::from_utf8_lossy(last);
    assert!(last.contains("Message-ID: <remind-") && last.contains("-after-5@"));
}

#[tokio::test]
async fn who_was_away_for_days_sends_no_burst() {
    let post = issued().await;
    go(&post, 0, 10, 0);
    assert_eq!(plan(&post).await, decided(0, 4), "three days late");
    let courier = post.courier("worker").await;
    assert_eq!(deliver(&courier).await.expect("delivered").accepted, 0);
    assert_eq!(count(&post, DeliveryKind::Reminder, "withdrawn").await, 4);
    // The next one has its time.
    go(&post, 5, 10, 0);
    assert_eq!(plan(&post).await, decided(4, 0));
    assert_eq!(deliver(&courier).await.expect("delivered").accepted, 4);
}

#[tokio::test]
async fn nobody_gets_a_reminder_at_night() {
    let post = issued().await;
    go(&post, -3, 19, 59);
    assert_eq!(plan(&post).await, decided(4, 0));
    let courier = post.courier("worker").await;
    go(&post, -3, 20, 5);
    assert_eq!(deliver(&courier).await.expect("tried").accepted, 0);
    go(&post, -2, 8, 55);
    assert_eq!(deliver(&courier).await.expect("tried").accepted, 0);
    go(&post, -2, 9, 0);
    assert_eq!(deliver(&courier).await.expect("delivered").accepted, 4);
    post.nothing_lost_of(2 * MAILS, "after a night").await;
    assert!(post.deliveries().await.values().all(|mail| !mail.twice));
    // One that waits until the second evening is let go.
    let post = issued().await;
    go(&post, -3, 19, 59);
    plan(&post).await;
    go(&post, -1, 9, 0);
    let courier = post.courier("worker").await;
    assert_eq!(deliver(&courier).await.expect("tried").accepted, 0);
    assert_eq!(count(&post, DeliveryKind::Reminder, "withdrawn").await, 4);
}

/// Everybody pays while the first mail is on its way.
struct Meanwhile {
    inner: Arc<dyn Mailer>,
    post: Arc<Post>,
    paid: AtomicBool,
}

impl Mailer for Meanwhile {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if !self.paid.swap(true, Ordering::SeqCst) {
                everybody_pays(&self.post).await;
            }
            self.inner.send(message).await
        })
    }
}

#[tokio::test]
async fn who_pays_between_claim_and_sending_is_not_reminded() {
    let post = Arc::new(issued().await);
    go(&post, -3, 10, 0);
    assert_eq!(plan(&post).await, decided(4, 0));
    let mut courier = post.courier("worker").await;
    // One line, which claims two mails at once: the second one is in its hand when the money comes.
    courier.connections = 1;
    courier.mailer = Arc::new(Meanwhile {
        inner: Arc::clone(&courier.mailer),
        post: Arc::clone(&post),
        paid: AtomicBool::new(false),
    });
    deliver(&courier).await.expect("delivered");
    assert_eq!(count(&post, DeliveryKind::Reminder, "sent").await, 1);
    assert_eq!(count(&post, DeliveryKind::Reminder, "withdrawn").await, 3);
    assert_eq!(count(&post, DeliveryKind::Paid, "sent").await, 4);
    let store = post.world.store().await;
    let all = bills(&store, &post.run).await;
    let second = store.deliveries_of_customer(&all[2].account, 9).await;
    let second = second.expect("deliveries");
    let withdrawn = second
        .iter()
        .find(|mail| mail.state == DeliveryState::Withdrawn)
        .expect("its reminder");
    assert_eq!(withdrawn.attempts, 1, "it was claimed");
    assert_eq!(withdrawn.trail.last().expect("why").reply, "paid");
}

#[tokio::test]
async fn what_is_paid_or_just_issued_needs_no_reminder() {
    let post = issued().await;
    let fresh = reminders(&post, &[ReminderKind::Before(65)]).await;
    let planned = fresh.plan(&CancellationToken::new()).await;
    assert_eq!(planned.expect("planned"), decided(0, 0), "issued today");
    everybody_pays(&post).await;
    go(&post, -3, 10, 0);
    assert_eq!(plan(&post).await, decided(0, 0));
}

#[tokio::test]
async fn an_operator_who_wants_no_reminders_any_more_sends_none() {
    let post = issued().await;
    go(&post, -3, 10, 0);
    plan(&post).await;
    let mut courier = post.courier("worker").await;
    courier.reminder_hours = None;
    assert_eq!(deliver(&courier).await.expect("delivered").accepted, 0);
    assert_eq!(count(&post, DeliveryKind::Reminder, "withdrawn").await, 4);
}
