//! Histories of all that payment systems, the bank and people say of some customers' money, made by chance: repeated,
//! in any order, lost, with deaths at any place, and told at once where the engine lets two write. Whatever comes, the
//! books balance, each transaction is in them once, nothing that was verified is lost, and bills, payments and refunds
//! say what the journal does.
//!
//! The bank, or a payment system, repeats what was not heard: what a death cut off is told again in the end.

mod judge;
mod people;
mod scenes;

use std::{
    collections::BTreeSet,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use kvit_pay::{
    VerifiedNotice,
    statement::{Transfer, TransferKind},
};
use kvit_store::{ConcessionKind, Debits, Store};

use super::{
    debits::{ordered, refuse, with_mandate},
    payers::customers,
    statements::booked,
    world::at,
};
use scenes::History;

const CUSTOMERS: u64 = 8;
/// The first so many are collected from.
const WITH_MANDATE: u64 = 4;
const ALL: usize = 10_000;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).expect("small")
    }

    /// Once in so many times.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

#[derive(Clone)]
enum Step {
    /// A payment system says it; the money goes back unless it hears at once that it may stay.
    Called(VerifiedNotice),
    /// It says so, or answers so, and repeats it until it is kept.
    Told(VerifiedNotice),
    /// A statement has it.
    Bank(String, Transfer),
    /// Two people say it.
    People(Deed),
    /// A process starts, and applies what an earlier one only kept.
    Start,
}

#[derive(Clone)]
enum Deed {
    /// Unmatched money is this customer's, or so much of it.
    Allocate(String, u64, Option<i64>),
    /// A payment's money went back.
    Undo(String),
    /// Nothing is to be done about a notice.
    Settle(String),
    /// A refund or write-off.
    Concede(u64, ConcessionKind, i64),
    /// Whoever sees to refunds does one of several things, as these numbers choose.
    Office(u64, u64),
}

/// Where money belongs that was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Customer(u64),
    /// A half with each of two customers, whose bills were paid together.
    Two([u64; 2]),
    /// With nobody, until two people say whose it is.
    Unmatched,
    /// In no book: it goes back by itself.
    Nowhere,
    /// It is what a payment system had collected.
    Payout,
}

/// Money that was told of, under the name of its notice.
#[derive(Clone, Debug)]
struct Coming {
    key: String,
    cents: i64,
    home: Home,
    /// The notice that says that it went back.
    back: Option<String>,
    /// Its order has a rollback that names none of its payments, or another sum under the same name.
    unsure: bool,
    /// Whether people may take it out of the books.
    plain: bool,
}

/// Lets something go on for so long, and no further: a process ends there.
async fn cut_off(what: impl Future, mut polls: u64) {
    let mut what = pin!(what);
    poll_fn(|context| {
        if polls == 0 || what.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        polls -= 1;
        Poll::Pending
    })
    .await;
}

async fn done(store: &Store, step: &Step, second: i64, undone: &Mutex<BTreeSet<String>>) {
    match step {
        Step::Called(notice) => {
            let kept = store.receive_returnable(notice, at(second)).await;
            kept.expect("received");
        }
        Step::Told(notice) => {
            let kept = store.receive_notice(notice, at(second)).await;
            kept.expect("received");
        }
        Step::Bank(statement, transfer) => match transfer.kind {
            TransferKind::Refused => drop(refuse(store, statement, transfer).await),
            TransferKind::Spent => {
                booked(store, statement, &[]).await;
                let spent = std::slice::from_ref(transfer);
                let settled = store.settle_refunds(statement, spent, at(second)).await;
                settled.expect("settled");
            }
            _ => drop(booked(store, statement, std::slice::from_ref(transfer)).await),
        },
        Step::Start => {
            let applied = store.apply_waiting_notices(at(second), ALL).await;
            applied.expect("applied");
        }
        Step::People(deed) => people::said(store, deed, second, undone).await,
    }
}

/// One history, and what has to be so in its end. Its steps go on side by side where `at_once` says so.
pub(crate) async fn history(store: Store, seed: u64, at_once: bool) {
    let mut history = History::new(Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    customers(&store, CUSTOMERS).await;
    for n in 1..=WITH_MANDATE {
        with_mandate(&store, n).await;
    }
    ordered(&store).await;
    let debits = store.debits(Debits::Latest, ALL).await.expect("debits");
    assert_eq!(debits.len() as u64, WITH_MANDATE);
    let mut ends = Vec::new();
    for debit in &debits {
        let who = debit.account.as_str().parse().expect("a number");
        ends.push((debit.number, history.debit(debit.number, who)));
    }
    for _ in 0..12 {
        match history.chance.below(4) {
            0 | 1 => history.card(&store).await,
            2 => history.other_system(&store).await,
            _ => history.transfer(),
        }
    }
    history.people();
    let History {
        mut chance,
        mut steps,
        comings,
        told,
        unnamed,
        ..
    } = history;
    for index in 0..steps.len() {
        let again = match steps[index] {
            Step::Called(_) | Step::Told(_) | Step::Bank(..) => chance.below(3),
            Step::People(_) | Step::Start => 0,
        };
        for _ in 0..again {
            let mut step = steps[index].clone();
            if let Step::Bank(statement, _) = &mut step {
                *statement = format!("s{}", chance.below(4));
            }
            steps.push(step);
        }
    }
    for index in (1..steps.len()).rev() {
        steps.swap(index, chance.index(index + 1));
    }

    let undone = Arc::new(Mutex::new(BTreeSet::new()));
    let (mut again, mut second) = (Vec::new(), 1000);
    let mut left = steps.as_slice();
    while !left.is_empty() {
        let (now, later) =
            left.split_at(
                left.len()
                    .min(if at_once { 1 + chance.index(3) } else { 1 }),
            );
        left = later;
        let mut running = tokio::task::JoinSet::new();
        for step in now {
            second += 1;
            let (store, step, undone) = (store.clone(), step.clone(), undone.clone());
            match &step {
                Step::Told(notice) if chance.once_in(5) => {
                    store.keep_notice(notice, at(second)).await.expect("kept");
                }
                Step::Called(_) | Step::Told(_) | Step::Bank(..) if chance.once_in(5) => {
                    again.push(step.clone());
                    let polls = chance.below(12);
                    running.spawn(async move {
                        cut_off(done(&store, &step, second, &undone), polls).await;
                    });
                }
                _ => {
                    running.spawn(async move { done(&store, &step, second, &undone).await });
                }
            }
        }
        while let Some(ended) = running.join_next().await {
            ended.expect("a step");
        }
    }
    for step in again.iter().chain([&Step::Start]) {
        second += 1;
        done(&store, step, second, &undone).await;
    }
    let undone = undone.lock().expect("whole").clone();
    judge::judge(&store, &comings, &told, &unnamed, &undone).await;
    for (number, end) in ends {
        let debit = store.debit(number).await.expect("an answer");
        assert_eq!(debit.expect("a debit").state(), end, "debit {number}");
    }
}
