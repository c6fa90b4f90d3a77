//! What needs people, and how they end it.

use kvit_billing::Cents;
use kvit_pay::PaymentState;
use kvit_store::{Allocate, NoticeOutcome, Received, Settle, Store};

use super::{
    payers::{
        allocated, begun, books, card_back, card_paid, confirmed, epay, epay_paid, open, settled,
        state, told, world,
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
            .propose_allocation(key, &account(1), None, "ana", at(60))
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
            .propose_allocation(&key, &account(n), amount.map(Cents::new), "ana", at(60))
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
