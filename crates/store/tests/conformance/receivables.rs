//! Sheets of what customers owe.

use jiff::Timestamp;
use kvit_billing::Cents;
use kvit_pay::{aging::Age, ledger::Account};
use kvit_store::{BookLine, OWING_SHEETS_KEPT, OwingAsked, OwingSheet, Store};

use super::{
    payers::{confirmed, told, world},
    world::{account, at, checked_from, claimed, day, release_by, result, run_id},
};

async fn made(store: &Store) -> OwingSheet {
    while store.continue_owing_sheet(at(99)).await.expect("a step") {}
    let sheets = store.owing_sheets().await.expect("sheets");
    sheets.into_iter().next().expect("a sheet")
}

pub(crate) async fn a_book_is_read_by_pages_and_adds_up(store: Store) {
    world(&store).await;
    for (no, cents) in [(1_u64, 1700), (2, 1200), (3, 40)] {
        told(
            &store,
            &confirmed(&account(1), &format!("T{no}"), cents, ""),
        )
        .await;
    }
    for (name, sign) in [
        ("clearing/ebg", 1),
        ("customer", -1),
        ("customer/0000001", -1),
    ] {
        let book: Account = name.parse().expect("a book");
        let all = store.book_period(&book, at(0), at(999)).await;
        let all = all.expect("a sum");
        assert_eq!(
            (all.opening.get(), all.moved.get(), all.postings),
            (0, sign * 2940, 3),
            "{name}"
        );
        let later = store.book_period(&book, at(998), at(999)).await;
        let later = later.expect("a sum");
        assert_eq!(
            (later.opening.get(), later.moved.get()),
            (sign * 2940, 0),
            "{name}"
        );
        let (mut last, mut found): (Option<(Timestamp, String)>, _) = (None, Vec::new());
        loop {
            let after = last.as_ref().map(|(at, id)| (*at, id.as_str()));
            let page = store.book_lines(&book, at(0), at(999), after, 2).await;
            let page = page.expect("a page");
            let Some(end) = page.last() else { break };
            last = Some((end.entry.at, end.entry.id.clone()));
            found.extend(page);
        }
        let sums: Vec<_> = found
            .iter()
            .map(|line| line.entry.cents.get() * sign)
            .collect();
        assert_eq!(sums.len(), 3, "{name}");
        assert_eq!(sums.iter().sum::<i64>(), 2940, "{name}");
        let other = |line: &BookLine| line.other.to_string().starts_with("customer/");
        assert_eq!(found.iter().all(other), sign == 1, "{name}");
    }
}

pub(crate) async fn a_sheet_ties_to_the_books(store: Store) {
    world(&store).await;
    // The first bill, and 5.00 beyond it.
    told(&store, &confirmed(&account(1), "T1", 1700, "")).await;
    let overdue = day("2026-12-25");
    let ask = async |second| {
        let asked = store.ask_for_owing_sheet(overdue, at(second), "vera").await;
        match asked.expect("an answer") {
            OwingAsked::Sheet(number) => number,
            other => panic!("no sheet: {other:?}"),
        }
    };
    let of = async |on, second| {
        let asked = store.ask_for_owing_sheet(day(on), at(second), "vera").await;
        asked.expect("an answer")
    };
    // A run that was released by then has bills that are not there yet.
    checked_from(&store, "two", 3, 1, 1).await;
    let release = release_by("boris");
    let released = store.release_run(&run_id("two"), &release).await;
    released.expect("a released run");
    let unissued = OwingAsked::Unissued(run_id("two"));
    assert_eq!(of("2026-12-25", 60).await, unissued);
    let told = store.unissued_run(at(60)).await.expect("an answer");
    assert_eq!(told, Some(run_id("two")));
    assert_eq!(store.owing_sheets().await.expect("sheets"), []);
    let job = claimed(&store, "worker", 3).await.expect("a chunk");
    let done = store.finish_chunk(&result(&job, "worker")).await;
    done.expect("a kept chunk");
    let told = store.unissued_run(at(60)).await.expect("an answer");
    assert_eq!(told, None);

    assert_eq!(ask(60).await, 1);
    assert_eq!(ask(61).await, 1, "one at a time");
    assert_eq!(of("2026-12-24", 62).await, OwingAsked::Busy(overdue));
    // Two workers at one stretch: it counts once.
    let (one, two) = tokio::join!(
        store.continue_owing_sheet(at(99)),
        store.continue_owing_sheet(at(99))
    );
    assert!(one.expect("a step") && two.expect("a step"));
    let sheet = made(&store).await;
    let totals = sheet.totals;
    assert!(sheet.finished_at.is_some());
    assert_eq!((totals.all.customers, totals.all.cents.get()), (1, 1200));
    assert_eq!(totals.ages[Age::Days30 as usize], totals.all);
    assert_eq!((totals.credit.get(), totals.asked.get()), (500, 2400));
    let booked = sheet.booked.expect("a sum of the journal");
    assert_eq!(booked.get(), -1700);
    assert_eq!(totals.balance(), totals.asked + booked);
    assert_eq!(ask(60).await, 1, "the same moment is not made again");

    let lines = async |age, after: Option<(Cents, u64)>| {
        let after = after.map(|(cents, no)| (cents, account(no)));
        let after = after.as_ref().map(|(cents, number)| (*cents, number));
        let lines = store.owing_of_age(1, age, after, 9).await;
        let lines = lines.expect("lines").into_iter();
        lines
            .map(|line| (line.account, line.cents.get(), line.all.get(), line.oldest))
            .collect::<Vec<_>>()
    };
    let two = (account(2), 1200, 1200, day("2026-11-25"));
    assert_eq!(lines(Age::Days30, None).await, std::slice::from_ref(&two));
    assert_eq!(lines(Age::NotDue, None).await, []);
    let before = Some((Cents::new(1200), 1));
    assert_eq!(lines(Age::Days30, before).await, [two]);
    let behind = Some((Cents::new(1200), 2));
    assert_eq!(lines(Age::Days30, behind).await, []);
    let whole = store.owing_of_sheet(1, None).await.expect("a page");
    assert_eq!((whole.len(), whole[0].aged.sum().get()), (1, 1200));
    let last = Some(&whole[0].account);
    let rest = store.owing_of_sheet(1, last).await.expect("a page");
    assert_eq!(rest, []);

    // The oldest goes once there are too many.
    for more in 1..=OWING_SHEETS_KEPT.cast_signed() {
        ask(100 + more).await;
        made(&store).await;
    }
    let kept = store.owing_sheets().await.expect("sheets");
    assert_eq!(kept.len() as u64, OWING_SHEETS_KEPT);
    assert!(kept.iter().all(|sheet| sheet.number > 1));
    assert_eq!(store.owing_of_sheet(1, None).await.expect("a page"), []);
}
