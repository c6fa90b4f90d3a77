//! Notices, statements and the books side by side.

use jiff::{SignedDuration, Timestamp, civil::Date};
use kvit_billing::Cents;
use kvit_pay::{ProviderName, statement::TransferKind};
use kvit_store::{ReconciledDay, Store, Tally};

use super::{
    payers::{begun, card_paid, confirmed, epay_paid, told, world},
    statements::{booked, paid},
    world::{account, at, day},
};

fn tally(count: u64, cents: i64) -> Tally {
    Tally {
        count,
        cents: Cents::new(cents),
    }
}

type Days = Vec<(Date, Timestamp, Timestamp)>;

/// The day on which the world's notices come, and that of its bank.
fn days() -> Days {
    let from = at(0);
    let until = from + SignedDuration::from_hours(1);
    vec![
        (day("2026-09-21"), from, until),
        (
            day("2026-11-27"),
            until,
            until + SignedDuration::from_hours(24),
        ),
    ]
}

pub(crate) async fn what_three_say_is_compared_by_day(store: Store) {
    world(&store).await;
    assert!(store.reconciled(&days()).await.expect("days").is_empty());
    // ePay says no amount: what was asked for counts.
    begun(&store, "epay", 100).await;
    told(&store, &epay_paid(1, 7)).await;
    told(&store, &confirmed(&account(2), "T1", 500, "")).await;
    told(&store, &confirmed(&account(77), "T2", 300, "")).await;
    // Another currency is in no book.
    begun(&store, "card", 101).await;
    told(&store, &card_paid(1, "A", "12.00", "975")).await;
    let mut payout = paid("P1", "");
    payout.kind = TransferKind::Payout("ebg".parse().expect("a name"));
    payout.amount = Cents::new(700);
    booked(
        &store,
        "s1",
        &[paid("FT1", "0000000101"), paid("FT2", ""), payout],
    )
    .await;

    let found = store.reconciled(&days()).await.expect("days");
    let of = |provider: &str, on: &str| -> ReconciledDay {
        let found = found
            .iter()
            .find(|one| one.provider.as_str() == provider && one.day == day(on));
        found
            .cloned()
            .unwrap_or_else(|| panic!("{provider}, {on}: {found:?}"))
    };
    assert_eq!(
        found[0].provider.as_str(),
        "card",
        "the difference comes first"
    );
    let card = of("card", "2026-09-21");
    assert_eq!(
        (card.notices, card.journal, card.differing),
        (tally(1, 1200), tally(0, 0), 1)
    );
    let epay = of("epay", "2026-09-21");
    assert_eq!(
        (epay.notices, epay.journal, epay.differing),
        (tally(1, 1200), tally(1, 1200), 0)
    );
    let ebg = of("ebg", "2026-09-21");
    assert_eq!(
        (ebg.notices, ebg.journal, ebg.differing),
        (tally(2, 800), tally(2, 800), 0)
    );
    assert_eq!(of("ebg", "2026-11-27").statements, tally(1, 700));
    let bank = of("bank", "2026-11-27");
    assert_eq!(
        (bank.statements, bank.journal, bank.differing),
        (tally(3, 3100), tally(3, 3100), 0)
    );

    let listed = async |provider: &str, which: usize| {
        let provider = provider.parse().expect("a name");
        let all = store.reconciled_notices(&provider, days()[which], 9).await;
        let all = all.expect("notices").into_iter();
        all.map(|one| (one.id, one.said.get(), one.booked.get()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed("card", 0).await,
        [("card/paid/A".to_owned(), 1200, 0)]
    );
    assert_eq!(listed("ebg", 0).await.len(), 2);
    assert_eq!(listed("bank", 1).await.len(), 3);
    // What was taken back was booked all the same.
    let key = epay_paid(1, 7).key();
    for (why, by) in [(Some("wrong"), "ana"), (None, "boris")] {
        store
            .reverse_payment(&key, why, by, at(60))
            .await
            .expect("said");
    }
    assert_eq!(listed("epay", 0).await, [(key, 1200, 1200)]);
    // It counts on the day on which it went back.
    let found = store.reconciled(&days()).await.expect("days");
    let epay = found.iter().find(|one| one.provider.as_str() == "epay");
    assert_eq!(
        epay.map(|one| (one.journal, one.back, one.differing)),
        Some((tally(1, 1200), tally(1, -1200), 0))
    );
}

pub(crate) async fn what_is_not_handed_over_in_time_comes_first(store: Store) {
    const DAY: i64 = 86_400;
    world(&store).await;
    let clearing = async |from: i64, until: i64, own: &[(ProviderName, u32)], now: i64| {
        let found = store.clearing((at(from), at(until)), (7, own), at(now));
        let all = found.await.expect("sums").into_iter();
        all.map(|one| {
            let sums = [
                one.carried,
                one.came,
                one.back,
                one.handed,
                one.left,
                one.late,
            ];
            (one.provider.to_string(), sums.map(Cents::get))
        })
        .collect::<Vec<_>>()
    };
    let of = |provider: &str, sums| (provider.to_owned(), sums);
    assert!(clearing(0, DAY, &[], 60).await.is_empty());
    begun(&store, "epay", 100).await;
    told(&store, &epay_paid(1, 7)).await;
    told(&store, &confirmed(&account(2), "T1", 500, "")).await;
    // One hands over all, the other 3.00 too little.
    let handed = |name: &str, provider: &str, cents| {
        let mut payout = paid(name, "");
        payout.kind = TransferKind::Payout(provider.parse().expect("a name"));
        payout.amount = Cents::new(cents);
        payout
    };
    booked(
        &store,
        "s1",
        &[handed("P1", "ebg", 500), handed("P2", "epay", 900)],
    )
    .await;
    let ebg = of("ebg", [0, 500, 0, -500, 0, 0]);
    let in_time = of("epay", [0, 1200, 0, -900, 300, 0]);
    assert_eq!(
        clearing(0, DAY, &[], DAY).await,
        [ebg.clone(), in_time.clone()]
    );
    let late = of("epay", [0, 1200, 0, -900, 300, 300]);
    assert_eq!(
        clearing(0, DAY, &[], 8 * DAY).await,
        [late, ebg.clone()],
        "it comes first"
    );
    // It has an agreement of its own.
    let own = [("epay".parse().expect("a name"), 30)];
    assert_eq!(clearing(0, DAY, &own, 8 * DAY).await, [ebg, in_time]);
    // What it keeps is carried into the next month; what comes there is not late yet, though what is handed over
    // is what came first.
    begun(&store, "epay", 100).await;
    let again = store.receive_notice(&epay_paid(2, 8), at(9 * DAY)).await;
    again.expect("received");
    let next = clearing(2 * DAY, 30 * DAY, &[], 10 * DAY).await;
    assert_eq!(next[0], of("epay", [300, 1200, 0, 0, 1500, 300]));
    // The first went back after all: by now more was handed over than was collected of it.
    let key = epay_paid(1, 7).key();
    for (why, by) in [(Some("wrong"), "ana"), (None, "boris")] {
        let said = store.reverse_payment(&key, why, by, at(11 * DAY)).await;
        said.expect("said");
    }
    let next = clearing(2 * DAY, 30 * DAY, &[], 12 * DAY).await;
    assert_eq!(next[1], of("epay", [300, 1200, -1200, 0, 300, 0]));
    booked(&store, "s2", &[handed("P3", "epay", 400)]).await;
    let next = clearing(2 * DAY, 30 * DAY, &[], 12 * DAY).await;
    assert_eq!(next[0], of("epay", [-100, 1200, -1200, 0, -100, -100]));
}
