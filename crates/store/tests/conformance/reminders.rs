//! Reminders: decided once, and never of what needs none.

use kvit_billing::{
    BillKind, Cents, ChunkNo, DeliveryId, DeliveryKind, Language, OrderSeq, ReminderKind,
};
use kvit_store::{
    AttemptOutcome, DeliveryJob, DeliveryRecord, DeliveryState, DeliveryWhat, MailTopic,
    NewReminder, ReminderDoor, ReminderStretch, Store,
};
use serde_json::json;

use super::{
    deliveries::{claim, finish},
    money_mails::enrol,
    payers::{begun, confirmed, told, world},
    world::{
        account, at, claimed, day, issued, new_run, number, order, release_by, result, run_id,
        token, totals,
    },
};

const KIND: ReminderKind = ReminderKind::Before(3);
/// All bills of these tests are due then.
const DUE: &str = "2026-11-25";
/// When a reminder is of no use any more.
const USELESS: i64 = 9_000;

/// Two customers with e-bills, whose bills of 12.00, 100 and 101, have left.
async fn enrolled(store: &Store) {
    world(store).await;
    enrol(store, account(1), 1, Language::Bg).await;
    enrol(store, account(2), 2, Language::Bg).await;
    for job in claim(store, "bills", 20, 9).await {
        finish(store, &job, AttemptOutcome::Accepted, 20).await;
    }
}

async fn stretch(store: &Store, now: i64, limit: usize) -> Option<ReminderStretch> {
    store
        .bills_to_remind(KIND, day("2026-11-11"), day(DUE), at(now), limit)
        .await
        .expect("an answer")
}

/// The bills in a stretch that somebody is to be reminded of.
fn open(stretch: &ReminderStretch) -> Vec<u64> {
    let open = stretch.open.iter();
    open.map(|open| open.bill.number.get()).collect()
}

fn decided(stretch: &ReminderStretch, missed: bool) -> Vec<NewReminder> {
    let one = |open: &kvit_store::OpenBill| NewReminder {
        id: DeliveryId::reminder_of(open.bill.number, stretch.kind),
        bill: open.bill.number,
        enrolment: open.enrolment.clone(),
        token: token(5_000 + open.bill.number.get()),
        due_at: at(USELESS),
        missed,
    };
    stretch.open.iter().map(one).collect()
}

async fn plan(store: &Store, stretch: &ReminderStretch, now: i64, missed: bool) -> bool {
    let new = decided(stretch, missed);
    let planned = store.plan_reminders(stretch, &new, at(now)).await;
    planned.expect("an answer")
}

/// Everything that is due is decided.
async fn planned(store: &Store, now: i64) {
    while let Some(stretch) = stretch(store, now, 250).await {
        assert!(plan(store, &stretch, now, false).await);
    }
}

async fn reminders(store: &Store, n: u64) -> Vec<DeliveryRecord> {
    let mut all = store
        .deliveries_of_customer(&account(n), 99)
        .await
        .expect("deliveries");
    all.retain(|mail| mail.id.kind() == DeliveryKind::Reminder);
    all
}

async fn recheck(store: &Store, job: &DeliveryJob, door: ReminderDoor, now: i64) -> Option<i64> {
    let job = store.recheck_reminder(job, door, at(now)).await;
    job.expect("an answer").map(|job| match job.what {
        DeliveryWhat::Reminder { open, .. } => open.get(),
        other => panic!("{other:?}"),
    })
}

pub(crate) async fn reminders_are_decided_once_a_stretch_at_a_time(store: Store) {
    issued(&store, "one", 5).await;
    enrol(&store, account(1), 1, Language::Bg).await;
    enrol(&store, account(4), 4, Language::Bg).await;
    let first = stretch(&store, 50, 2).await.expect("a stretch");
    assert_eq!((open(&first), first.before), (vec![100], None));
    assert_eq!(first.after, (day(DUE), 101));
    // Of two that decide at once, one does.
    let other = stretch(&store, 50, 2).await.expect("the same stretch");
    assert!(plan(&store, &first, 50, false).await);
    assert!(!plan(&store, &other, 50, false).await);
    let second = stretch(&store, 51, 2).await.expect("a stretch");
    assert_eq!(open(&second), [103]);
    assert!(plan(&store, &second, 51, false).await);
    let third = stretch(&store, 52, 2).await.expect("a stretch");
    assert!(third.open.is_empty(), "nobody there has e-bills");
    assert!(plan(&store, &third, 52, false).await);
    assert!(stretch(&store, 53, 2).await.is_none());
    assert!(!plan(&store, &second, 54, false).await, "decided long ago");
    assert_eq!(
        store.reminders_waiting(9, at(54)).await.expect("a count"),
        2
    );
    assert_eq!(
        store.reminders_waiting(1, at(54)).await.expect("a count"),
        1
    );
    for n in [1, 4] {
        let [mail] = reminders(&store, n).await.try_into().expect("one each");
        assert_eq!(mail.reminds, Some(number(99 + n)));
    }
    // A kind that is new here begins with today's.
    let after = ReminderKind::After(5);
    let asked = async |newest| {
        let newest = day(newest);
        let found = store.bills_to_remind(after, day("2026-11-01"), newest, at(55), 9);
        found.await.expect("an answer").map(|found| open(&found))
    };
    assert_eq!(asked("2026-11-26").await, Some(vec![]), "where to begin");
    assert_eq!(asked(DUE).await, Some(vec![100, 103]));
}

pub(crate) async fn only_who_owes_and_wants_it_is_reminded(store: Store) {
    issued(&store, "one", 7).await;
    world_of(&store, 7).await;
    for n in 1..=6 {
        enrol(&store, account(n), n, Language::Bg).await;
    }
    // Paid, paid in part, ordered, begun and left, turned off; the sixth owes, the seventh gets paper.
    told(&store, &confirmed(&account(1), "T1", 1200, "")).await;
    told(&store, &confirmed(&account(2), "T2", 500, "")).await;
    let ordered = begun(&store, "epay", 102).await;
    let code = store.set_payment_code(&ordered.provider, ordered.number, "1234567890");
    code.await.expect("a code");
    begun(&store, "epay", 103).await;
    assert!(choose(&store, 5, false, 40).await);
    let found = stretch(&store, 60, 250).await.expect("a stretch");
    assert_eq!(open(&found), [101, 103, 105]);
    // The order's time passes without money, and its payment system knows of none.
    let stopped = store.stop_polling(&ordered.provider, ordered.number);
    stopped.await.expect("an answer");
    let found = stretch(&store, 1_001, 250).await.expect("a stretch");
    assert_eq!(open(&found), [101, 102, 103, 105]);
}

async fn choose(store: &Store, n: u64, wanted: bool, now: i64) -> bool {
    let (account, by) = (account(n), json!({ "by": "web" }));
    let chosen = store.choose_mails(&account, (MailTopic::Reminders, wanted), at(now), &by, None);
    chosen.await.expect("an answer")
}

async fn world_of(store: &Store, customers: u64) {
    let customer = |n| {
        serde_json::from_value(json!({
            "number": account(n), "name": "Ана", "address": {"city": "София"}
        }))
        .expect("a customer")
    };
    let all: Vec<_> = (1..=customers).map(customer).collect();
    store.upsert_customers(&all).await.expect("customers");
}

/// What may happen to the first customer's bill after its reminder was decided.
const CHANGES: [(&str, &str); 5] = [
    ("pays", "paid"),
    ("orders", "ordered"),
    ("is credited", "paid"),
    ("leaves", "left"),
    ("turns reminders off", "off"),
];

async fn happens(store: &Store, change: &str) {
    match change {
        "pays" => {
            told(store, &confirmed(&account(1), "T1", 1200, "")).await;
        }
        "orders" => {
            let order = begun(store, "epay", 100).await;
            let code = store.set_payment_code(&order.provider, order.number, "1234567890");
            code.await.expect("a code");
        }
        "is credited" => {
            let run = run_id("two");
            store.begin_run(&new_run("two")).await.expect("a run");
            let second = [order(&account(1), 2)];
            let staged = store.stage_chunk(&run, at(0), ChunkNo(0), OrderSeq(0), &second);
            staged.await.expect("a chunk");
            let (sums, summary) = (totals(1, 1), json!({}));
            let accepted = store.accept_run(&run, at(0), &sums, &summary, at(1));
            accepted.await.expect("accepted");
            let released = store.release_run(&run, &release_by("boris")).await;
            released.expect("released");
            let job = claimed(store, "worker", 55).await.expect("a chunk");
            let mut result = result(&job, "worker");
            result.bills[0].kind = BillKind::CreditNote;
            result.bills[0].to_pay = Cents::new(-1200);
            result.bills[0].corrects = Some(number(100));
            result.at = at(55);
            store.finish_chunk(&result).await.expect("issued");
        }
        "leaves" => {
            store
                .end_enrolment(&account(1), at(55), "paper", json!({}))
                .await
                .expect("an answer");
        }
        _ => {
            assert!(choose(store, 1, false, 55).await);
        }
    }
}

/// Each of the changes, in a store of its own: there is one for each check.
async fn stops(store: &Store, change: &str, why: &str, claimed_before: bool) {
    enrolled(store).await;
    planned(store, 50).await;
    let mine = async |now| -> Option<DeliveryJob> {
        let jobs = claim(store, "a", now, 9).await;
        let id = DeliveryId::reminder_of(number(100), KIND);
        jobs.into_iter().find(|job| job.id == id)
    };
    if claimed_before {
        let job = mine(51).await.expect("the reminder");
        happens(store, change).await;
        assert_eq!(recheck(store, &job, ReminderDoor::Open, 60).await, None);
    } else {
        happens(store, change).await;
        assert!(mine(60).await.is_none(), "{change}");
    }
    let mail = reminders(store, 1).await.remove(0);
    let ended = mail.trail.last().expect("why");
    assert_eq!(mail.state, DeliveryState::Withdrawn, "{change}");
    assert_eq!(
        (ended.outcome.as_str(), ended.reply.as_str()),
        ("withdrawn", why)
    );
    assert!(mine(99_999).await.is_none(), "{change}: for good");
}

macro_rules! changes {
    ($($before:ident, $between:ident, $at:literal;)*) => {$(
        pub(crate) async fn $before(store: Store) {
            stops(&store, CHANGES[$at].0, CHANGES[$at].1, false).await;
        }

        pub(crate) async fn $between(store: Store) {
            stops(&store, CHANGES[$at].0, CHANGES[$at].1, true).await;
        }
    )*};
}

changes! {
    who_pays_is_not_reminded, who_pays_at_the_last_moment_is_not_reminded, 0;
    who_orders_is_not_reminded, who_orders_at_the_last_moment_is_not_reminded, 1;
    who_is_credited_is_not_reminded, who_is_credited_at_the_last_moment_is_not_reminded, 2;
    who_leaves_is_not_reminded, who_leaves_at_the_last_moment_is_not_reminded, 3;
    who_wants_none_is_not_reminded, who_wants_none_at_the_last_moment_is_not_reminded, 4;
}

pub(crate) async fn a_reminder_says_what_is_open_when_it_leaves(store: Store) {
    enrolled(&store).await;
    planned(&store, 50).await;
    let jobs = claim(&store, "a", 51, 9).await;
    assert_eq!(jobs.len(), 2);
    told(&store, &confirmed(&account(1), "T1", 500, "")).await;
    let [first, second] = jobs.as_slice() else {
        panic!("{jobs:?}")
    };
    assert_eq!(
        recheck(&store, first, ReminderDoor::Open, 60).await,
        Some(700)
    );
    // Night falls: it waits for the morning, without doubt.
    let morning = ReminderDoor::Until(at(500));
    assert_eq!(recheck(&store, second, morning, 60).await, None);
    assert!(
        claim(&store, "a", 499, 9)
            .await
            .iter()
            .all(|job| job.id != second.id)
    );
    let again = claim(&store, "a", 500, 9)
        .await
        .pop()
        .expect("the reminder");
    assert_eq!((&again.id, again.possibly_twice), (&second.id, false));
    // The claim before it has no say any more.
    assert_eq!(recheck(&store, second, ReminderDoor::Open, 501).await, None);
    assert_eq!(
        recheck(&store, &again, ReminderDoor::Open, 501).await,
        Some(1200)
    );
    // The operator turned reminders off.
    assert_eq!(recheck(&store, &again, ReminderDoor::Shut, 502).await, None);
    let mail = reminders(&store, 2).await.remove(0);
    assert_eq!(mail.state, DeliveryState::Withdrawn);
}

pub(crate) async fn a_missed_reminder_is_written_down_and_not_sent(store: Store) {
    enrolled(&store).await;
    let all = stretch(&store, 50, 250).await.expect("a stretch");
    assert!(plan(&store, &all, 50, true).await);
    assert!(claim(&store, "a", 99_999, 9).await.is_empty());
    let mail = reminders(&store, 1).await.remove(0);
    let why = &mail.trail[0];
    assert_eq!(mail.state, DeliveryState::Withdrawn);
    assert_eq!((why.no, why.reply.as_str(), why.at), (0, "late", at(50)));
    assert!(stretch(&store, 51, 250).await.is_none(), "it stays so");
}

pub(crate) async fn a_reminder_that_was_held_up_is_not_sent_late(store: Store) {
    enrolled(&store).await;
    planned(&store, 50).await;
    let jobs = claim(&store, "a", 51, 9).await;
    finish(&store, &jobs[0], AttemptOutcome::Retry { next: at(60) }, 52).await;
    assert_eq!(
        recheck(&store, &jobs[1], ReminderDoor::Open, USELESS + 1).await,
        None
    );
    assert!(claim(&store, "a", USELESS + 1, 9).await.is_empty());
    for n in [1, 2] {
        let mail = reminders(&store, n).await.remove(0);
        assert_eq!(mail.trail.last().expect("why").reply, "late");
    }
}

pub(crate) async fn a_choice_about_reminders_is_kept(store: Store) {
    enrolled(&store).await;
    let wants = async || {
        store
            .wants_mails(&account(1), MailTopic::Reminders)
            .await
            .expect("an answer")
    };
    assert!(
        wants().await && !choose(&store, 1, true, 30).await,
        "so it is at first"
    );
    let presses: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { choose(&store, 1, false, 31).await })
        })
        .collect();
    let mut firsts = 0;
    for press in presses {
        firsts += u32::from(press.await.expect("a finished press"));
    }
    assert_eq!(firsts, 1, "presses at once are one");
    assert!(!wants().await);
    assert!(choose(&store, 1, true, 32).await && wants().await);
    let facts = store.mail_choices(&account(1), 9).await.expect("facts");
    let said: Vec<_> = facts.iter().map(|fact| (fact.wanted, fact.at)).collect();
    assert_eq!(said, [(true, at(32)), (false, at(31))]);
    assert!(
        store
            .wants_mails(&account(2), MailTopic::Reminders)
            .await
            .expect("an answer")
    );
}

pub(crate) async fn a_reminder_is_found_by_its_link(store: Store) {
    enrolled(&store).await;
    planned(&store, 50).await;
    let link = store.reminder_link(&token(5_100)).await.expect("an answer");
    let link = link.expect("the reminder");
    assert_eq!(
        (link.account, link.email.expose().as_str()),
        (account(1), "1@example.bg")
    );
    // The link of a bill opens nothing here, nor that of a reminder a bill.
    assert!(
        store
            .reminder_link(&token(100))
            .await
            .expect("an answer")
            .is_none()
    );
    let view = store.delivery_by_token(&token(5_100)).await;
    assert!(view.expect("an answer").is_none());
}
