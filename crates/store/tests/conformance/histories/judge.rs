//! What has to be so in the end of a history.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use kvit_billing::CustomerNumber;
use kvit_pay::{PaymentState, ledger::Book};
use kvit_store::{
    ConcessionKind, ConcessionRecord, ConcessionState, Concessions, NoticeOutcome, NoticeRecord,
    Store,
};

use super::{
    super::{
        payers::books,
        world::{account, at, number},
    },
    ALL, CUSTOMERS, Coming, Home,
};

/// What the books hold because of one notice.
#[derive(Debug, Default)]
struct Held {
    /// Where money is: the bank's book, or those of payment systems.
    arrived: i64,
    unmatched: i64,
    customers: BTreeMap<CustomerNumber, i64>,
}

/// The notice, or what else, that an entry was made because of.
fn root(mut entry: &str) -> &str {
    while let Some((first, rest)) = entry.split_once('/') {
        let made = ["reversal", "payout"].contains(&first)
            || first.starts_with("allocation")
            || first.starts_with("share-");
        if !made {
            break;
        }
        entry = rest;
    }
    entry
}

/// Says what is not as it has to be.
pub(super) async fn judge(
    store: &Store,
    comings: &[Coming],
    told: &BTreeSet<String>,
    unnamed: &[(String, [String; 2])],
    undone: &BTreeSet<String>,
) {
    // The books balance.
    let sums: HashMap<_, _> = books(store).await.into_iter().collect();
    let sum = |name: &str| sums.get(name).copied().unwrap_or_default();
    let journal = store
        .postings(Timestamp::MIN, Timestamp::MAX, None, ALL)
        .await;
    let mut held: HashMap<String, Held> = HashMap::new();
    let mut of_customers: BTreeMap<CustomerNumber, i64> = BTreeMap::new();
    for line in journal.expect("the journal") {
        let cents = line.cents.get();
        let of = held.entry(root(&line.id).to_owned()).or_default();
        match line.book {
            // Of a payout, what the bank has.
            Book::Bank => of.arrived += cents,
            Book::Clearing(_) if line.kind != "payout" => of.arrived += cents,
            Book::Unmatched => of.unmatched += cents,
            Book::Customer(account) => {
                *of.customers.entry(account.clone()).or_default() += cents;
                *of_customers.entry(account).or_default() += cents;
            }
            _ => {}
        }
    }
    // Nothing that was verified is lost: it is kept, and in the books or for people.
    let notices = store.notices(ALL).await.expect("notices");
    let kept: HashMap<&str, &NoticeRecord> = notices
        .iter()
        .map(|notice| (notice.id.as_str(), notice))
        .collect();
    assert!(
        notices.iter().all(|notice| notice.outcome.is_some()),
        "applied"
    );
    for key in told {
        assert!(kept.contains_key(key.as_str()), "{key} is lost");
    }
    let waiting = store.notices_for_people(ALL).await.expect("notices");
    let waiting: BTreeSet<&str> = waiting.iter().map(|notice| notice.id.as_str()).collect();
    let outcome = |key: &str| kept.get(key).and_then(|notice| notice.outcome);
    let seen_to = |key: &str| waiting.contains(key) || outcome(key) == Some(NoticeOutcome::Settled);
    let refunds = store.concessions(Concessions::Latest, ALL).await;
    let refunds = refunds.expect("refunds");

    let nothing = Held::default();
    let mut by_notices: BTreeMap<CustomerNumber, i64> = BTreeMap::new();
    for coming in comings {
        let key = coming.key.as_str();
        let found = held.get(key).unwrap_or(&nothing);
        let here = found.arrived;
        let asked: Vec<_> = refunds
            .iter()
            .filter(|it| {
                matches!(it.kind, ConcessionKind::SameWay { .. })
                    && it.kind.payment().map(root) == Some(key)
            })
            .collect();
        for (account, cents) in &found.customers {
            *by_notices.entry(account.clone()).or_default() += cents;
        }
        // Each once, and not where it went back.
        assert!([0, coming.cents].contains(&here), "{coming:?}: {found:?}");
        let whole = here == coming.cents;
        match &coming.back {
            _ if undone.contains(key) => assert_eq!(here, 0, "{coming:?}: people took it back"),
            Some(back) if whole && coming.home != Home::Nowhere => {
                let why = seen_to(back) || asked.iter().any(|it| it.asked_at.is_some());
                assert!(
                    why,
                    "{coming:?} stays and nobody hears of it: {:?}",
                    outcome(back)
                );
            }
            Some(_) => {}
            None if coming.unsure => {}
            None => assert!(whole, "{coming:?} is not in the books: {:?}", outcome(key)),
        }
        if here == 0 && !asked.is_empty() {
            let twice = asked.iter().any(|it| it.state() == ConcessionState::Paid);
            assert!(!twice, "{coming:?} went back twice");
        }
        let is_told = coming.back.is_some() || undone.contains(key) || coming.unsure;
        if here == 0 && !is_told {
            assert!(
                seen_to(key),
                "{coming:?} is in no book and nobody hears of it"
            );
        }
        let with: i64 = found.customers.values().sum();
        assert_eq!(
            found.unmatched + with,
            -here * i64::from(coming.home != Home::Payout),
            "{coming:?}: {found:?}"
        );
        match coming.home {
            Home::Customer(n) => {
                let theirs = found
                    .customers
                    .get(&account(n))
                    .copied()
                    .unwrap_or_default();
                assert_eq!(theirs, -here, "{coming:?}: {found:?}");
            }
            Home::Two(both) => {
                for n in both {
                    let theirs = found.customers.get(&account(n)).copied();
                    assert_eq!(
                        theirs.unwrap_or_default(),
                        -here / 2,
                        "{coming:?}: {found:?}"
                    );
                }
            }
            Home::Unmatched => assert!(
                found.unmatched == 0 || waiting.contains(key),
                "{coming:?} is nobody's and nobody hears of it"
            ),
            Home::Nowhere | Home::Payout => assert_eq!(with, 0),
        }
    }
    for (rollback, payments) in unnamed {
        let gone = payments
            .iter()
            .filter(|key| held.get(key.as_str()).is_none_or(|held| held.arrived == 0));
        let (gone, what) = (gone.count(), outcome(rollback));
        match what {
            Some(NoticeOutcome::Reversed) => assert_eq!(gone, 1, "{rollback}"),
            Some(NoticeOutcome::Contradiction | NoticeOutcome::Settled) => {
                assert!(gone <= 1, "{rollback}: {what:?}");
            }
            _ => panic!("{rollback}: {what:?}"),
        }
    }
    refunds_agree(&refunds, sum("refunds"), sum("write-off"));
    for n in 1..=CUSTOMERS {
        let account = account(n);
        let all = of_customers.get(&account).copied().unwrap_or_default();
        let notices = by_notices.get(&account).copied().unwrap_or_default();
        let conceded: i64 = refunds
            .iter()
            .filter(|it| it.account == account)
            .map(in_book)
            .sum();
        assert_eq!(all, notices + conceded, "customer {n}");
        // A bill's state follows from the journal.
        let standing = store
            .standing(&account, at(99_999))
            .await
            .expect("a standing");
        let balance = 1200 + all;
        assert_eq!(standing.balance().get(), balance, "customer {n}");
        assert_eq!(
            standing.open().get(),
            balance.clamp(0, 1200),
            "customer {n}"
        );
        let payments = store.payments_of_bill(number(n + 99), 99).await;
        for view in payments.expect("payments") {
            let provider = &view.payment.provider;
            let of = |key: &str| match kept.get(key) {
                Some(notice) => {
                    notice.provider == *provider && notice.payment == Some(view.payment.number)
                }
                None => false,
            };
            let mut here = 0;
            for coming in comings.iter().filter(|coming| of(&coming.key)) {
                here -= held
                    .get(&coming.key)
                    .map_or(0, |held| held.customers.values().sum());
            }
            let settled = view.heard.state(at(99_999)) == PaymentState::Settled;
            let given = refunds
                .iter()
                .any(|it| it.kind.payment().map(root).is_some_and(of));
            assert!(
                settled == (here > 0) || given,
                "{view:?} and {here} in the books"
            );
        }
    }
}

/// What a refund or write-off makes in the customer's book, in the state that it is in.
fn in_book(it: &ConcessionRecord) -> i64 {
    use ConcessionState as State;
    let counts = matches!(
        it.state(),
        State::Approved | State::Asked | State::Unclear | State::Sent | State::Paid
    );
    let cents = if counts { it.amount.get() } else { 0 };
    if it.kind.is_refund() { cents } else { -cents }
}

/// The books of refunds and write-offs hold what these say.
fn refunds_agree(refunds: &[ConcessionRecord], on_their_way: i64, written_off: i64) {
    let (mut way, mut off) = (0, 0);
    for it in refunds {
        let cents = it.amount.get();
        match it.state() {
            ConcessionState::Approved if !it.kind.is_refund() => off += cents,
            ConcessionState::Approved
            | ConcessionState::Asked
            | ConcessionState::Unclear
            | ConcessionState::Sent => way -= cents,
            // It came back before the statement that has it leave.
            ConcessionState::CameBack if it.paid_at.is_none() => way -= cents,
            _ => {}
        }
    }
    assert_eq!((on_their_way, written_off), (way, off), "{refunds:?}");
}
