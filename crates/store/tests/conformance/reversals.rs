//! Money that goes back: what is named and what is not, in any order.

use kvit_pay::{PaymentState, VerifiedNotice};
use kvit_store::{Allocate, NoticeOutcome, Received, Store};

use super::{
    payers::{
        allocated, begun, books, card_back, card_back_of, card_body, card_paid, claim, open,
        settled, shop, state, told, world,
    },
    world::{account, at},
};

pub(crate) async fn a_reversal_counts_in_any_order(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    begun(&store, "card", 101).await;
    // As it should be.
    assert_eq!(
        told(&store, &card_paid(1, "A", "12.00", "978"))
            .await
            .outcome,
        NoticeOutcome::Posted
    );
    assert_eq!(
        told(&store, &card_back(1)).await.outcome,
        NoticeOutcome::Reversed
    );
    assert_eq!(
        told(&store, &card_back(1)).await,
        Received {
            first: false,
            outcome: NoticeOutcome::Reversed
        }
    );
    assert_eq!(
        told(&store, &card_paid(1, "A", "12.00", "978"))
            .await
            .outcome,
        NoticeOutcome::Posted
    );
    assert_eq!(
        (open(&store, 1).await, state(&store, 100).await),
        ((1200, 0), PaymentState::Reversed)
    );
    // The wrong way round.
    assert_eq!(
        told(&store, &card_back_of(2, "B")).await.outcome,
        NoticeOutcome::NothingToReverse
    );
    assert_eq!(
        told(&store, &card_paid(2, "B", "12.00", "978"))
            .await
            .outcome,
        NoticeOutcome::Posted
    );
    assert_eq!(
        (open(&store, 2).await, state(&store, 101).await),
        ((1200, 0), PaymentState::Reversed)
    );
    assert!(books(&store).await.iter().all(|(_, cents)| *cents == 0));
}

pub(crate) async fn a_rollback_takes_back_what_it_names(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    let outcome = async |notice: &VerifiedNotice| told(&store, notice).await.outcome;
    let paid = |trace| card_paid(1, trace, "12.00", "978");
    // The first attempt was never heard of; the second, of the same order, stays.
    let nothing = NoticeOutcome::NothingToReverse;
    assert_eq!(outcome(&card_back_of(1, "A")).await, nothing);
    assert_eq!(outcome(&paid("B")).await, NoticeOutcome::Posted);
    assert_eq!(open(&store, 1).await, (0, 0));
    // Late news of the first comes and goes.
    assert_eq!(outcome(&paid("A")).await, NoticeOutcome::Posted);
    assert_eq!(open(&store, 1).await, (0, 0));
    // Of two payments only the one that is named goes back, and each once.
    assert_eq!(outcome(&paid("C")).await, NoticeOutcome::Posted);
    for _ in 0..2 {
        let back = outcome(&card_back_of(1, "C")).await;
        assert_eq!(back, NoticeOutcome::Reversed);
    }
    assert_eq!(open(&store, 1).await, (0, 0));
    let back = outcome(&card_back_of(1, "B")).await;
    assert_eq!(back, NoticeOutcome::Reversed);
    assert_eq!(open(&store, 1).await, (1200, 0));
    assert!(books(&store).await.iter().all(|(_, cents)| *cents == 0));
    // One that names another order's transaction is for people.
    begun(&store, "card", 101).await;
    outcome(&card_paid(2, "D", "12.00", "978")).await;
    let back = outcome(&card_back_of(1, "D")).await;
    assert_eq!(back, NoticeOutcome::Contradiction);
    assert_eq!(open(&store, 2).await, (0, 0));
}

pub(crate) async fn a_rollback_without_a_name_never_guesses(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    begun(&store, "card", 101).await;
    let told = async |notice: &VerifiedNotice, second| {
        let received = store.receive_notice(notice, at(second)).await;
        received.expect("an answer").outcome
    };
    let paid = |order, trace| card_paid(order, trace, "12.00", "978");
    let people = async || {
        let notices = store.notices_for_people(9).await.expect("notices");
        notices
            .into_iter()
            .map(|notice| notice.id)
            .collect::<Vec<_>>()
    };
    // It came first: which payment it meant is not known, so the one that comes stays.
    let nothing = NoticeOutcome::NothingToReverse;
    assert_eq!(told(&card_back(1), 50).await, nothing);
    assert_eq!(told(&paid(1, "A"), 51).await, NoticeOutcome::Posted);
    assert_eq!(open(&store, 1).await, (0, 0));
    assert_eq!(people().await, ["card/rolled-back/1"]);
    settled(&store, "card/rolled-back/1").await;
    assert!(people().await.is_empty());
    // A payment, its rollback, another payment: the same words again are no mere repetition.
    assert_eq!(told(&paid(2, "B"), 50).await, NoticeOutcome::Posted);
    assert_eq!(told(&card_back(2), 51).await, NoticeOutcome::Reversed);
    assert_eq!(told(&card_back(2), 52).await, NoticeOutcome::Reversed);
    assert_eq!(told(&paid(2, "C"), 53).await, NoticeOutcome::Posted);
    assert_eq!(told(&card_back(2), 54).await, NoticeOutcome::Contradiction);
    assert_eq!(open(&store, 2).await, (0, 0));
    assert_eq!(people().await, ["card/rolled-back/2"]);
    // What people settled stays settled until something new comes.
    settled(&store, "card/rolled-back/2").await;
    assert_eq!(told(&card_back(2), 70).await, NoticeOutcome::Settled);
    assert_eq!(told(&paid(2, "D"), 71).await, NoticeOutcome::Posted);
    assert_eq!(told(&card_back(2), 72).await, NoticeOutcome::Contradiction);
    // Of two payments none is taken back by chance.
    begun(&store, "card", 100).await;
    told(&paid(3, "E"), 80).await;
    told(&paid(3, "F"), 81).await;
    assert_eq!(told(&card_back(3), 82).await, NoticeOutcome::Contradiction);
}

pub(crate) async fn allocated_money_goes_back_as_well(store: Store) {
    world(&store).await;
    for (n, allocates) in [(7, true), (8, false)] {
        let notice = card_paid(n, &format!("X{n}"), "12.00", "978");
        told(&store, &notice).await;
        if allocates {
            allocated(&store, &notice.key(), 1, None).await;
            assert_eq!(open(&store, 1).await, (0, 0));
        } else {
            let said = store
                .propose_allocation(&notice.key(), &claim(1, None), "ana", at(60))
                .await;
            assert_eq!(said.expect("an answer"), Allocate::Done);
        }
        let back = told(&store, &card_back_of(n, &format!("X{n}"))).await;
        assert_eq!(back.outcome, NoticeOutcome::Reversed);
        assert_eq!(open(&store, 1).await, (1200, 0));
        let said = store
            .approve_allocation(&notice.key(), &account(1), "boris", at(62))
            .await;
        assert_eq!(said.expect("an answer"), Allocate::NotUnmatched);
    }
    assert!(books(&store).await.iter().all(|(_, cents)| *cents == 0));
    let waiting = store.notices_for_people(9).await.expect("notices");
    assert!(waiting.is_empty(), "{waiting:?}");
}

pub(crate) async fn what_was_signed_counts_once_however_it_is_cut(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    let pairs = |approval, trace, time| {
        [
            ("IPGmethod", "IPGPurchaseNotify"),
            ("MID", "1"),
            ("OrderID", "1"),
            ("Amount", "12.00"),
            ("Currency", "978"),
            ("Approval", approval),
            ("IPG_Trnref", trace),
            ("RequestDateTime", time),
        ]
    };
    let receive = async |body: &str| {
        let notice = shop().call_back(body.as_bytes()).expect("signed");
        let received = store.receive_returnable(&notice, at(50)).await;
        received.expect("an answer")
    };
    // The second is a genuine repetition with another time of day; it is cut anew as well.
    for (time, first) in [("10:15", true), ("10:16", false)] {
        let body = card_body(&pairs("S123", "2026X", time));
        let posted = |first| Received {
            first,
            outcome: NoticeOutcome::Posted,
        };
        assert_eq!(receive(&body).await, posted(first));
        let cut = body.replace("S123&IPG_Trnref=2026X", "S12&IPG_Trnref=32026X");
        assert_ne!(cut, body);
        assert_eq!(receive(&cut).await, posted(false));
    }
    assert_eq!(open(&store, 1).await, (0, 0));
    let notices = store.notices(9).await.expect("notices");
    assert_eq!((notices.len(), notices[0].repeats), (1, 3));
}

pub(crate) async fn money_that_goes_back_by_itself_is_in_no_book(store: Store) {
    world(&store).await;
    begun(&store, "card", 100).await;
    let receive = async |notice: &VerifiedNotice| {
        let received = store.receive_returnable(notice, at(50)).await;
        received.expect("an answer").outcome
    };
    for (order, trace, amount, currency) in [
        (1, "A", "12.01", "978"),
        (1, "B", "12.00", "975"),
        (9, "C", "12.00", "978"),
    ] {
        let notice = card_paid(order, trace, amount, currency);
        for _ in 0..2 {
            assert_eq!(receive(&notice).await, NoticeOutcome::Returned, "{trace}");
        }
    }
    assert!(books(&store).await.is_empty());
    assert_eq!(store.notices_for_people(9).await.expect("notices").len(), 3);
    assert_eq!(state(&store, 100).await, PaymentState::Started);
    // Said and done, they need nobody any more.
    for (order, trace) in [(1, "A"), (1, "B"), (9, "C")] {
        let back = receive(&card_back_of(order, trace)).await;
        assert_eq!(back, NoticeOutcome::Reversed, "{trace}");
    }
    assert!(
        store
            .notices_for_people(9)
            .await
            .expect("notices")
            .is_empty()
    );
    assert!(books(&store).await.is_empty());
    let paid = card_paid(1, "D", "12.00", "978");
    assert_eq!(receive(&paid).await, NoticeOutcome::Posted);
    assert_eq!(open(&store, 1).await, (0, 0));
}
