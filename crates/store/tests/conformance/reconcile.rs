//! What needs people, and how they end it.

use kvit_billing::Cents;
use kvit_pay::PaymentState;
use kvit_store::{
    Allocate, Claim, NoticeFilter, NoticeOutcome, Received, Seen, Settle, Store, Word, Written,
};

use super::{
    payers::{
        allocated, begun, books, card_back, card_back_of, card_paid, claim, confirmed, epay,
        epay_paid, open, settled, state, told, world,
    },
    world::{account, at, number},
};

pub(crate) async fn what_does_not_fit_changes_no_balance(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    let outcome = async |notice| told(&store, &notice).await.outcome;
    assert_eq!(
        outcome(card_paid(1, "A", "12.01", "978")).await,
        NoticeOutcome::OtherAmount
    );
    assert_eq!(
        outcome(card_paid(1, "B", "12.00", "975")).await,
        NoticeOutcome::OtherCurrency
    );
    assert_eq!(
        outcome(card_paid(9, "C", "12.00", "978")).await,
        NoticeOutcome::UnknownPayment
    );
    assert_eq!(
        outcome(confirmed(&account(77), "T", 500, "")).await,
        NoticeOutcome::UnknownCustomer
    );
    assert_eq!(
        outcome(epay("INVOICE=77:STATUS=EXPIRED")).await,
        NoticeOutcome::UnknownPayment
    );
    assert_eq!(open(&store, 1).await, (1200, 0));
    // The money that came is in the books all the same, and a person hears of it.
    assert_eq!(
        books(&store).await,
        [
            ("clearing/card".to_owned(), 2401),
            ("clearing/ebg".to_owned(), 500),
            ("unmatched".to_owned(), -2901)
        ]
    );
    assert_eq!(store.notices_for_people(9).await.expect("notices").len(), 5);
    // The customer is not told to pay again while somebody looks into it, however long that takes.
    assert_eq!(state(&store, 100).await, PaymentState::Held);
    let views = store.payments_of_bill(number(100), 9).await;
    let view = views.expect("payments").remove(0);
    assert_eq!(view.state(at(5000)), PaymentState::Held);
    let key = card_paid(1, "A", "12.01", "978").key();
    allocated(&store, &key, 1, None).await;
    let settling = card_paid(1, "B", "12.00", "975").key();
    settled(&store, &settling).await;
    assert_eq!(state(&store, 100).await, PaymentState::Settled);
    assert_eq!(open(&store, 1).await, (0, 1));
}

pub(crate) async fn contradictions_end_in_the_right_balance(store: Store) {
    world(&store).await;
    begun(&store, "epay", 100).await;
    assert_eq!(
        told(&store, &epay("INVOICE=1:STATUS=DENIED")).await.outcome,
        NoticeOutcome::Noted
    );
    assert_eq!(state(&store, 100).await, PaymentState::Declined);
    assert_eq!(
        told(&store, &epay_paid(1, 7)).await.outcome,
        NoticeOutcome::Posted
    );
    assert_eq!(state(&store, 100).await, PaymentState::Settled);
    assert_eq!(
        told(&store, &epay("INVOICE=1:STATUS=EXPIRED"))
            .await
            .outcome,
        NoticeOutcome::Contradiction
    );
    assert_eq!(
        (state(&store, 100).await, open(&store, 1).await),
        (PaymentState::Settled, (0, 0))
    );
    assert_eq!(store.notices_for_people(9).await.expect("notices").len(), 1);
}

pub(crate) async fn two_people_take_a_payment_out_of_the_books(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    for trace in ["A", "B"] {
        told(&store, &card_paid(1, trace, "12.00", "978")).await;
    }
    let back = told(&store, &card_back(1)).await.outcome;
    assert_eq!(back, NoticeOutcome::Contradiction);
    let reverse = async |key: &str, why, by| {
        let said = store.reverse_payment(key, why, by, at(60)).await;
        said.expect("an answer")
    };
    let why = Some("it was the second, says the statement");
    let key = "card/paid/B";
    assert_eq!(
        reverse("card/paid/C", why, "ana").await,
        Settle::NotForPeople
    );
    assert_eq!(reverse(key, None, "ana").await, Settle::WhyNeeded);
    assert_eq!(reverse(key, why, "ana").await, Settle::Proposed);
    assert_eq!(reverse(key, why, "Console:Ana").await, Settle::Proposed);
    assert_eq!(open(&store, 1).await, (0, 1200));
    assert_eq!(reverse(key, None, "boris").await, Settle::Done);
    assert_eq!(open(&store, 1).await, (0, 0));
    assert_eq!(reverse(key, why, "ana").await, Settle::NotForPeople);
    settled(&store, "card/rolled-back/1").await;
    assert_eq!(state(&store, 100).await, PaymentState::Settled);
    // What somebody said before the money was a customer's does not count for it.
    let stray = card_paid(9, "S", "12.00", "975");
    told(&store, &stray).await;
    let said = store.settle_notice(&stray.key(), why, "ana", at(60)).await;
    assert_eq!(said.expect("an answer"), Settle::Proposed);
    allocated(&store, &stray.key(), 2, Some(1200)).await;
    assert_eq!(
        reverse(&stray.key(), None, "boris").await,
        Settle::WhyNeeded
    );
    assert_eq!(reverse(&stray.key(), why, "boris").await, Settle::Proposed);
    assert_eq!(reverse(&stray.key(), None, "ana").await, Settle::Done);
    assert_eq!(open(&store, 2).await, (1200, 0));
    assert!(books(&store).await.contains(&("unmatched".to_owned(), 0)));
}

pub(crate) async fn a_payment_without_an_answer_is_ended_by_two(store: Store) {
    world(&store).await;
    let payment = begun(&store, "card", 100).await;
    let settle = async |why, by, second| {
        let said = store.settle_payment(&payment.provider, 1, why, by, at(second));
        said.await.expect("an answer")
    };
    let why = Some("the statement has no such payment");
    assert_eq!(settle(why, "ana", 999).await, Settle::NotForPeople);
    assert_eq!(settle(None, "ana", 2000).await, Settle::WhyNeeded);
    assert_eq!(settle(why, "ana", 2000).await, Settle::Proposed);
    assert_eq!(settle(None, "console:ana", 2001).await, Settle::WhyNeeded);
    let waiting = store.unanswered_payments(at(2000), 9).await;
    assert_eq!(waiting.expect("payments").len(), 1);
    assert_eq!(settle(None, "boris", 2002).await, Settle::Done);
    assert_eq!(settle(why, "ana", 2003).await, Settle::NotForPeople);
    let waiting = store.unanswered_payments(at(2000), 9).await;
    assert!(waiting.expect("payments").is_empty());
    // Money is money.
    let paid = told(&store, &card_paid(1, "A", "12.00", "978")).await;
    assert_eq!(paid.outcome, NoticeOutcome::Posted);
}

pub(crate) async fn another_word_under_a_known_name_is_for_people(store: Store) {
    world(&store).await;
    told(&store, &confirmed(&account(1), "T1", 500, "")).await;
    for (account, cents, bills) in [
        (account(2), 500, ""),
        (account(1), 900, ""),
        (account(1), 500, "0000000100"),
    ] {
        let notice = confirmed(&account, "T1", cents, bills);
        for first in [true, false] {
            let outcome = NoticeOutcome::Contradiction;
            assert_eq!(told(&store, &notice).await, Received { first, outcome });
        }
    }
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((700, 0), (1200, 0))
    );
    let waiting = store.notices_for_people(9).await.expect("notices");
    assert_eq!(waiting.len(), 3);
    assert!(
        waiting
            .iter()
            .all(|notice| notice.id.starts_with("ebg/paid/T1/differs/"))
    );
    // It was another payment after all: people say how much.
    allocated(&store, &waiting[0].id, 2, Some(500)).await;
    assert_eq!(open(&store, 2).await, (700, 0));
}

pub(crate) async fn whatever_needs_people_can_be_ended_by_them(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    // An unknown invoice of which ePay leaves the amount to us; another currency; a contradiction.
    let untold = epay_paid(77, 7);
    let foreign = card_paid(1, "B", "12.00", "975");
    told(&store, &untold).await;
    told(&store, &foreign).await;
    told(&store, &confirmed(&account(77), "T", 500, "")).await;
    told(&store, &epay("INVOICE=78:STATUS=EXPIRED")).await;
    let propose = async |key: &str| {
        let said = store
            .propose_allocation(key, &claim(1, None), "ana", at(60))
            .await;
        said.expect("an answer")
    };
    assert_eq!(propose(&untold.key()).await, Allocate::AmountNeeded);
    assert_eq!(propose(&foreign.key()).await, Allocate::AmountNeeded);
    allocated(&store, &untold.key(), 1, Some(700)).await;
    allocated(&store, &foreign.key(), 1, Some(600)).await;
    assert_eq!(open(&store, 1).await, (0, 100));
    let settle = async |key: &str, why, by| {
        let said = store.settle_notice(key, why, by, at(60)).await;
        said.expect("an answer")
    };
    // Money in a book is not talked away.
    assert_eq!(
        settle("ebg/paid/T", Some("x"), "ana").await,
        Settle::HoldsMoney
    );
    allocated(&store, "ebg/paid/T", 2, None).await;
    assert_eq!(
        settle("epay/expired/78", None, "ana").await,
        Settle::WhyNeeded
    );
    let why = Some("a test of theirs");
    for by in ["ana", "console:Ana"] {
        assert_eq!(settle("epay/expired/78", why, by).await, Settle::Proposed);
    }
    assert_eq!(settle("epay/expired/78", None, "boris").await, Settle::Done);
    assert_eq!(
        settle("epay/expired/78", why, "ana").await,
        Settle::NotForPeople
    );
    assert!(
        store
            .notices_for_people(9)
            .await
            .expect("notices")
            .is_empty()
    );
    let trail = store.events("notice/epay/expired/78", 9).await;
    assert_eq!(trail.expect("events").len(), 3);
    books(&store).await;
}

pub(crate) async fn unmatched_money_needs_two_people(store: Store) {
    world(&store).await;
    let notice = card_paid(9, "C", "12.00", "978");
    told(&store, &notice).await;
    let key = notice.key();
    let approve = async |n, by| {
        store
            .approve_allocation(&key, &account(n), by, at(70))
            .await
            .expect("an answer")
    };
    let propose = async |n, amount: Option<i64>| {
        store
            .propose_allocation(&key, &claim(n, amount), "ana", at(60))
            .await
            .expect("an answer")
    };
    assert_eq!(approve(1, "boris").await, Allocate::NotProposed);
    assert_eq!(propose(77, None).await, Allocate::UnknownCustomer);
    let known = Allocate::OtherAmount(Cents::new(1200));
    assert_eq!(propose(1, Some(1300)).await, known);
    assert_eq!(propose(2, Some(1200)).await, Allocate::Done);
    assert_eq!(propose(1, None).await, Allocate::Done);
    for same in ["ana", "Ana", " ana ", "console:ana", "console: ANA"] {
        assert_eq!(approve(1, same).await, Allocate::SamePerson, "{same}");
    }
    // Whose it is has changed since this person looked.
    assert_eq!(approve(2, "boris").await, Allocate::OtherCustomer);
    assert_eq!(open(&store, 1).await, (1200, 0));
    assert_eq!(approve(1, "boris").await, Allocate::Done);
    assert_eq!(approve(1, "boris").await, Allocate::NotUnmatched);
    assert_eq!(propose(2, None).await, Allocate::NotUnmatched);
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((0, 0), (1200, 0))
    );
    assert!(
        store
            .notices_for_people(9)
            .await
            .expect("notices")
            .is_empty()
    );
    let trail = store.events("customer/0000001", 9).await.expect("events");
    let trail: Vec<_> = trail
        .iter()
        .map(|event| (event.who.as_str(), event.what.as_str()))
        .collect();
    assert_eq!(trail, [("boris", "pay.approve"), ("ana", "pay.allocate")]);
    assert!(books(&store).await.contains(&("unmatched".to_owned(), 0)));
    assert_eq!(
        told(&store, &notice).await.outcome,
        NoticeOutcome::Allocated
    );
}

pub(crate) async fn a_part_goes_to_one_and_the_rest_to_another(store: Store) {
    world(&store).await;
    let notice = card_paid(9, "C", "15.00", "978");
    told(&store, &notice).await;
    let key = notice.key();
    let propose = async |claim: Claim| {
        let said = store.propose_allocation(&key, &claim, "ana", at(60)).await;
        said.expect("an answer")
    };
    let to_bill = |n, bill| Claim {
        bill: Some(number(bill)),
        ..claim(n, Some(1000))
    };
    assert_eq!(propose(to_bill(1, 101)).await, Allocate::OtherBill);
    assert_eq!(propose(to_bill(1, 9999)).await, Allocate::OtherBill);
    assert_eq!(propose(to_bill(1, 100)).await, Allocate::Done);
    let approve = async |n| {
        let said = store
            .approve_allocation(&key, &account(n), "boris", at(61))
            .await;
        said.expect("an answer")
    };
    assert_eq!(approve(1).await, Allocate::Done);
    assert_eq!(approve(1).await, Allocate::NotProposed);
    let waiting = store.notices_for_people(9).await.expect("notices");
    assert_eq!(waiting[0].unmatched, Some(Cents::new(500)));
    assert_eq!(
        store
            .settle_notice(&key, Some("x"), "ana", at(62))
            .await
            .expect("an answer"),
        Settle::HoldsMoney
    );
    let rest = Allocate::OtherAmount(Cents::new(500));
    assert_eq!(propose(claim(2, Some(501))).await, rest);
    assert_eq!(propose(claim(2, None)).await, Allocate::Done);
    assert_eq!(approve(2).await, Allocate::Done);
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((200, 0), (700, 0))
    );
    let done = store
        .notice(&key)
        .await
        .expect("a store")
        .expect("a notice");
    assert_eq!(
        (done.outcome, done.unmatched),
        (Some(NoticeOutcome::Allocated), None)
    );
    assert!(books(&store).await.contains(&("unmatched".to_owned(), 0)));
    // All parts go back together.
    told(&store, &card_back_of(9, "C")).await;
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((1200, 0), (1200, 0))
    );
    assert!(books(&store).await.iter().all(|(_, cents)| *cents == 0));
}

pub(crate) async fn a_part_goes_back_with_the_rest(store: Store) {
    world(&store).await;
    let notice = card_paid(9, "C", "15.00", "978");
    told(&store, &notice).await;
    allocated(&store, &notice.key(), 1, Some(1000)).await;
    told(&store, &card_back_of(9, "C")).await;
    assert_eq!(open(&store, 1).await, (1200, 0));
    assert!(books(&store).await.iter().all(|(_, cents)| *cents == 0));
    assert!(
        store
            .notices_for_people(9)
            .await
            .expect("notices")
            .is_empty()
    );
}

pub(crate) async fn nobody_s_word_is_overwritten_unseen(store: Store) {
    world(&store).await;
    let notice = card_paid(9, "C", "12.00", "978");
    let stray = epay("INVOICE=78:STATUS=EXPIRED");
    told(&store, &notice).await;
    told(&store, &stray).await;
    let key = notice.key();
    let word = |by, seen: Option<i64>| Word {
        by,
        seen: Seen::Said(seen.map(at)),
    };
    let propose = async |n, word, second| {
        let said = store
            .propose_allocation(&key, &claim(n, None), word, at(second))
            .await;
        said.expect("an answer")
    };
    assert_eq!(propose(1, word("ana", None), 60).await, Allocate::Done);
    // Eva's page is from before.
    assert_eq!(propose(2, word("eva", None), 61).await, Allocate::Outdated);
    assert_eq!(propose(1, word("ana", Some(60)), 62).await, Allocate::Done);
    let approve = async |word| {
        let said = store
            .approve_allocation(&key, &account(1), word, at(63))
            .await;
        said.expect("an answer")
    };
    assert_eq!(approve(word("boris", Some(60))).await, Allocate::Outdated);
    let refuse = async |word| {
        let said = store.refuse_allocation(&key, word, at(64)).await;
        said.expect("an answer")
    };
    assert_eq!(refuse(word("boris", Some(60))).await, Written::Outdated);
    assert_eq!(refuse(word("boris", Some(62))).await, Written::Done);
    assert_eq!(refuse(word("boris", Some(62))).await, Written::Outdated);
    assert_eq!(approve(word("boris", Some(62))).await, Allocate::Outdated);
    assert_eq!(approve("boris".into()).await, Allocate::NotProposed);
    assert_eq!(propose(2, word("eva", None), 65).await, Allocate::Done);
    assert_eq!(open(&store, 1).await, (1200, 0));

    let settle = async |why, word, second| {
        let said = store.settle_notice("epay/expired/78", why, word, at(second));
        said.await.expect("an answer")
    };
    let why = Some("a test of theirs");
    assert_eq!(settle(why, word("ana", None), 60).await, Settle::Proposed);
    // A second proposal is no approval of one that was not seen.
    assert_eq!(settle(why, word("eva", None), 61).await, Settle::Outdated);
    let refused = store.refuse_settling("epay/expired/78", word("eva", Some(60)), at(62));
    assert_eq!(refused.await.expect("an answer"), Written::Done);
    assert_eq!(
        settle(None, word("eva", Some(60)), 63).await,
        Settle::Outdated
    );
    assert_eq!(settle(why, word("eva", None), 64).await, Settle::Proposed);
    assert_eq!(settle(None, word("ana", Some(64)), 65).await, Settle::Done);
    let trail = store
        .events("notice/epay/expired/78", 9)
        .await
        .expect("events");
    assert!(
        trail
            .iter()
            .any(|event| event.what == "pay.refuse-settling")
    );
    let trail = store.events("customer/0000001", 9).await.expect("events");
    assert!(trail.iter().any(|event| event.what == "pay.refuse"));
}

pub(crate) async fn what_waits_is_found_and_read_by_pages(store: Store) {
    world(&store).await;
    for no in 0..7 {
        let amount = format!("{}.00", 10 + no);
        told(
            &store,
            &card_paid(20 + no, &format!("T%{no}_x"), &amount, "978"),
        )
        .await;
    }
    let find = async |filter: &NoticeFilter, limit| {
        let found = store.find_notices_for_people(filter, limit).await;
        found.expect("notices")
    };
    // All of them came in one moment, and still each is read once.
    let mut filter = NoticeFilter::default();
    let mut seen = Vec::new();
    loop {
        let page = find(&filter, 3).await;
        let Some(last) = page.last() else { break };
        filter.after = Some((last.received_at, last.id.clone()));
        seen.extend(page.into_iter().map(|notice| notice.id));
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted());
    let wanted = |text: &str, amount: Option<i64>| NoticeFilter {
        wanted: Some(text.to_owned()),
        amount: amount.map(Cents::new),
        after: None,
    };
    for (text, amount, count) in [
        ("t%3_X", None, 1),
        ("card/", None, 7),
        ("12.00", Some(1200), 1),
        ("%", None, 7),
        ("%%", None, 0),
        ("nobody", None, 0),
    ] {
        let found = find(&wanted(text, amount), 9).await;
        assert_eq!(found.len(), count, "{text}");
    }
    let said = store
        .propose_allocation("card/paid/T%1_x", &claim(2, None), "ana", at(60))
        .await;
    assert_eq!(said.expect("an answer"), Allocate::Done);
    let found = find(&wanted(account(2).as_str(), None), 9).await;
    assert_eq!(found.len(), 1);
    assert!(
        store
            .notice("card/paid/none")
            .await
            .expect("a store")
            .is_none()
    );
}
