//! Payments, notices and the books.

use kvit_billing::{Cents, Language};
use kvit_pay::PaymentState;
use kvit_store::{NewPayment, NoticeOutcome, Received, Store};

use super::{
    payers::{
        begun, books, card_back, card_back_of, card_paid, confirmed, epay, epay_paid, open, state,
        told, world,
    },
    world::{account, at, euro, number},
};

pub(crate) async fn claims_are_aged_at_any_moment(store: Store) {
    world(&store).await;
    told(&store, &confirmed(&account(1), "T1", 1700, "")).await;
    let aged = async |second: i64, day: &str| {
        let (mut all, mut credit, mut last) = (Vec::new(), 0, None);
        loop {
            let page = store
                .owing(at(second), super::world::day(day), last.as_ref())
                .await;
            let page = page.expect("a page");
            credit += page.totals.credit.get();
            all.extend(
                page.owing
                    .into_iter()
                    .map(|one| (one.account, one.aged.cents.map(|cents| cents.get()))),
            );
            match page.last {
                Some(next) => last = Some(next),
                None => break (all, credit),
            }
        }
    };
    let (one, two) = (account(1), account(2));
    // Before the money came both owed; their bills are due on 25 November.
    let due = [1200, 0, 0, 0, 0];
    assert_eq!(
        aged(49, "2026-11-25").await,
        (vec![(one, due), (two.clone(), due)], 0)
    );
    assert_eq!(
        aged(60, "2026-12-25").await,
        (vec![(two.clone(), [0, 1200, 0, 0, 0])], 500)
    );
    assert_eq!(
        aged(60, "2027-03-01").await,
        (vec![(two, [0, 0, 0, 0, 1200])], 500)
    );
    assert_eq!(
        aged(-999_999, "2026-11-25").await,
        (vec![], 0),
        "no bill was issued yet"
    );
}

/// The one statement for those who ask for dues says what the several of a page say, at any moment.
pub(crate) async fn dues_are_told_as_a_page_shows_them(store: Store) {
    world(&store).await;
    let payment = begun(&store, "card", 100).await;
    told(&store, &card_paid(payment.number, "R1", "12.00", "978")).await;
    told(&store, &card_back_of(payment.number, "R1")).await;
    told(&store, &confirmed(&account(1), "T1", 1700, "0000000100")).await;
    told(&store, &confirmed(&account(2), "T2", 40, "")).await;
    for second in [-999_999, 1, 3, 20, 49, 50, 60, 999] {
        for number in [1, 2] {
            let plain = store.standing(&account(number), at(second)).await;
            let asked = store.dues_of(&account(number), at(second)).await;
            let (language, asked) = asked.expect("dues").expect("a customer");
            assert_eq!(
                (language, asked),
                (Language::Bg, plain.expect("a standing"))
            );
        }
    }
    let nobody = store.dues_of(&account(77), at(999)).await;
    assert_eq!(nobody.expect("dues"), None);
}

pub(crate) async fn a_payment_counts_once(store: Store) {
    world(&store).await;
    let payment = begun(&store, "epay", 100).await;
    assert_eq!(
        (payment.number, begun(&store, "epay", 101).await.number),
        (1, 2)
    );
    assert_eq!(
        begun(&store, "card", 101).await.number,
        1,
        "each provider counts for itself"
    );
    assert_eq!(state(&store, 100).await, PaymentState::Started);
    assert_eq!(
        store
            .payments_to_poll(at(30), 9)
            .await
            .expect("payments")
            .len(),
        3
    );

    let first = told(&store, &epay_paid(1, 7)).await;
    assert_eq!(
        first,
        Received {
            first: true,
            outcome: NoticeOutcome::Posted
        }
    );
    let again = told(&store, &epay_paid(1, 7)).await;
    assert_eq!(
        again,
        Received {
            first: false,
            outcome: NoticeOutcome::Posted
        }
    );
    assert_eq!(open(&store, 1).await, (0, 0));
    assert_eq!(open(&store, 2).await, (1200, 0));
    assert_eq!(state(&store, 100).await, PaymentState::Settled);
    assert_eq!(
        books(&store).await,
        [
            ("clearing/epay".to_owned(), 1200),
            ("customer".to_owned(), -1200)
        ]
    );
    assert_eq!(
        store
            .payments_to_poll(at(30), 9)
            .await
            .expect("payments")
            .len(),
        2
    );
    let notices = store.notices(9).await.expect("notices");
    assert_eq!((notices.len(), notices[0].repeats), (1, 1));
    // Another transaction of the same invoice is money too: it pays the next bill.
    assert_eq!(
        told(&store, &epay_paid(1, 8)).await.outcome,
        NoticeOutcome::Posted
    );
    assert_eq!(open(&store, 1).await, (0, 1200));
    let others = store.other_money_of_bill(&account(1), number(100), 9).await;
    assert!(
        others.expect("entries").is_empty(),
        "its own page tells of it"
    );
    let credits = store.credits(9).await.expect("an answer");
    let credits: Vec<_> = credits
        .iter()
        .map(|credit| (credit.account.clone(), credit.cents.get()))
        .collect();
    assert_eq!(credits, [(account(1), 1200)]);
}

pub(crate) async fn notices_at_once_count_once(store: Store) {
    world(&store).await;
    begun(&store, "epay", 100).await;
    let notice = epay_paid(1, 7);
    let tellers = (0..8).map(|_| {
        let (store, notice) = (store.clone(), notice.clone());
        tokio::spawn(async move {
            store
                .receive_notice(&notice, at(50))
                .await
                .expect("an answer")
        })
    });
    let mut firsts = 0;
    for teller in tellers.collect::<Vec<_>>() {
        let received = teller.await.expect("told");
        assert_eq!(received.outcome, NoticeOutcome::Posted);
        firsts += u32::from(received.first);
    }
    assert_eq!((firsts, open(&store, 1).await), (1, (0, 0)));
}

pub(crate) async fn a_number_that_was_heard_of_is_not_given_again(store: Store) {
    world(&store).await;
    begun(&store, "epay", 100).await;
    // An older backup forgot what was begun after it; a notice of it comes.
    told(&store, &epay_paid(5, 7)).await;
    told(&store, &epay("INVOICE=6:STATUS=DENIED")).await;
    told(&store, &epay_paid(900_000_000_000_000_000, 7)).await;
    assert_eq!(begun(&store, "epay", 100).await.number, 7);
    let mut new = NewPayment {
        provider: "epay".parse().expect("a name"),
        bill: number(101),
        account: account(2),
        bills: vec![number(101)],
        way: "card".to_owned(),
        first_number: 1000,
        amount: Cents::new(1200),
        currency: euro(),
        at: at(20),
        expires_at: at(1000),
        poll_at: None,
        nonce: Some([7; 16]),
        parts: Vec::new(),
    };
    let begun = store.begin_payment(&new).await.expect("a payment");
    let found = store.payment(&new.provider, begun.number).await;
    assert_eq!(found.expect("an answer").as_ref(), Some(&begun));
    assert_eq!((begun.nonce, begun.number), (new.nonce, 1000));
    new.first_number = 6;
    let next = store.begin_payment(&new).await.expect("a payment").number;
    assert_eq!(next, 1001);
    // A stray that came before its number was given is not about it.
    told(&store, &epay_paid(1002, 7)).await;
    told(&store, &epay("INVOICE=1003:STATUS=DENIED")).await;
    let given = store.begin_payment(&new).await.expect("a payment").number;
    assert_eq!(given, 1004);
    assert_eq!(state(&store, 101).await, PaymentState::Started);
}

pub(crate) async fn what_was_kept_is_applied_after_a_death(store: Store) {
    world(&store).await;
    begun(&store, "epay", 100).await;
    let notice = epay_paid(1, 7);
    assert!(store.keep_notice(&notice, at(40)).await.expect("kept"));
    assert_eq!(state(&store, 100).await, PaymentState::Started);
    // The process dies here; the next one goes on.
    assert_eq!(
        store
            .apply_waiting_notices(at(50), 9)
            .await
            .expect("applied"),
        1
    );
    assert_eq!(
        store
            .apply_waiting_notices(at(50), 9)
            .await
            .expect("applied"),
        0
    );
    assert_eq!(open(&store, 1).await, (0, 0));
    assert_eq!(
        told(&store, &notice).await,
        Received {
            first: false,
            outcome: NoticeOutcome::Posted
        }
    );
}

pub(crate) async fn an_aggregator_pays_by_customer_number(store: Store) {
    world(&store).await;
    let part = confirmed(&account(1), "T1", 500, "0000000100");
    assert_eq!(
        told(&store, &part).await,
        Received {
            first: true,
            outcome: NoticeOutcome::Posted
        }
    );
    assert_eq!(
        told(&store, &part).await,
        Received {
            first: false,
            outcome: NoticeOutcome::Posted
        }
    );
    assert_eq!(open(&store, 1).await, (700, 0));
    let account_1 = account(1);
    let others = async |bill| {
        let found = store.other_money_of_bill(&account_1, number(bill), 9);
        let found = found.await.expect("entries");
        found
            .iter()
            .map(|entry| entry.cents.get())
            .collect::<Vec<_>>()
    };
    assert_eq!((others(100).await, others(101).await), (vec![-500], vec![]));
    told(&store, &confirmed(&account(1), "T2", 900, "")).await;
    assert_eq!(open(&store, 1).await, (0, 200));
    let entries = store.entries_of(&account(1), 9).await.expect("entries");
    assert_eq!(entries.len(), 2);
}

pub(crate) async fn a_balance_is_known_at_any_moment(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    store
        .receive_notice(&card_paid(1, "A", "12.00", "978"), at(100))
        .await
        .expect("an answer");
    store
        .receive_notice(&card_back(1), at(200))
        .await
        .expect("an answer");
    let balance = async |moment| {
        store
            .standing(&account(1), at(moment))
            .await
            .expect("a standing")
            .balance()
            .get()
    };
    // Issued at 2, paid at 100, taken back at 200.
    assert_eq!(
        [
            balance(1).await,
            balance(99).await,
            balance(100).await,
            balance(199).await,
            balance(200).await
        ],
        [0, 1200, 0, 0, 1200]
    );
}

pub(crate) async fn what_is_refused_is_counted(store: Store) {
    let name = "epay".parse().expect("a name");
    for second in 0..3 {
        store
            .refuse_notices(&name, "signature", 1, at(second))
            .await
            .expect("counted");
    }
    let refused = store.refused_notices(9).await.expect("refusals");
    assert_eq!(
        (refused.len(), refused[0].times, refused[0].last_at),
        (1, 3, at(2))
    );
}

pub(crate) async fn a_payment_is_found_by_its_last_digits(store: Store) {
    world(&store).await;
    for _ in 0..23 {
        begun(&store, "card", 100).await;
    }
    let name = "card".parse().expect("a name");
    let find = async |digits| {
        let found = store
            .payment_by_last_digits(&name, digits, 10)
            .await
            .expect("an answer");
        found.map(|payment| payment.number)
    };
    assert_eq!(
        [find(3).await, find(4).await, find(0).await],
        [Some(23), Some(14), Some(20)]
    );
    let none = "epay".parse().expect("a name");
    assert!(
        store
            .payment_by_last_digits(&none, 1, 10)
            .await
            .expect("an answer")
            .is_none()
    );
}

pub(crate) async fn the_journal_is_read_a_stretch_at_a_time(store: Store) {
    world(&store).await;
    for n in 0..5 {
        let notice = confirmed(&account(1), &format!("T{n}"), 100 + n, "");
        let moment = at(100 + i64::try_from(n / 2).expect("small"));
        store
            .receive_notice(&notice, moment)
            .await
            .expect("an answer");
    }
    let mut seen = Vec::new();
    let mut last = None;
    loop {
        let after = last
            .as_ref()
            .map(|(at, id): &(_, String)| (*at, id.as_str()));
        let page = store
            .postings(at(100), at(102), after, 1)
            .await
            .expect("postings");
        let Some(end) = page.last() else { break };
        assert_eq!(page.iter().map(|line| line.cents.get()).sum::<i64>(), 0);
        last = Some((end.at, end.id.clone()));
        seen.extend(page.into_iter().map(|line| line.id));
    }
    seen.dedup();
    // The fifth came at the end of the stretch.
    let expected: Vec<_> = (0..4).map(|n| format!("ebg/paid/T{n}")).collect();
    assert_eq!(seen, expected);
}
