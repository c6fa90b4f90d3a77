//! One payment of bills that were chosen together, of several customers: each book gets its share, and only that.

use kvit_billing::{Cents, Language, Secret};
use kvit_pay::{PaymentState, dialects::Refunded};
use kvit_store::{
    AttemptOutcome, Concede, ConcessionKind, DeliveryWhat, EnrolmentChannel, MailTopic,
    NewConcession, NewEnrolment, NewProof, NoticeOutcome, Settle, Store,
};
use serde_json::json;

use super::{
    deliveries::{claim, finish},
    money_mails::enrol_at,
    payers::{
        allocated, begun_together, books, card_back_of, card_paid, customers, epay_paid, open,
        state, told,
    },
    world::{account, at, number, token},
};

const PAID: &str = "card/paid/A";
const SHARE: &str = "share-2/card/paid/A";

pub(crate) async fn one_payment_pays_the_bills_of_several_customers(store: Store) {
    customers(&store, 3).await;
    let begun = begun_together(&store, "epay", &[2, 1]).await;
    assert!(begun.together);
    let found = store.payment(&begun.provider, begun.number).await;
    assert_eq!(found.expect("an answer").as_ref(), Some(&begun));
    let parts = store.payment_parts(&begun).await.expect("parts");
    let parts: Vec<_> = parts
        .iter()
        .map(|part| (part.bill.get(), part.amount.get()))
        .collect();
    assert_eq!(parts, [(101, 1200), (100, 1200)]);
    for bill in [100, 101] {
        assert_eq!(state(&store, bill).await, PaymentState::Started);
    }
    let bills = store.payments_of_bill(number(102), 9).await;
    assert!(bills.expect("payments").is_empty());
    let (one, two, three) = (account(1), account(2), account(3));
    let due = super::world::day("2026-11-25");
    let asked = [
        (number(100), &one, due),
        (number(101), &two, due),
        (number(102), &three, due),
    ];
    let mut coming: Vec<_> = store
        .payments_of_bills(&asked)
        .await
        .expect("payments")
        .into_iter()
        .map(|(bill, view)| (bill.get(), view.payment.number))
        .collect();
    coming.sort_unstable();
    assert_eq!(coming, [(100, 1), (101, 1)]);

    // Kept, and the process dies; then it comes three times more.
    let notice = epay_paid(1, 7);
    store.keep_notice(&notice, at(40)).await.expect("kept");
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((1200, 0), (1200, 0))
    );
    let applied = store.apply_waiting_notices(at(50), 9).await;
    assert_eq!(applied.expect("applied"), 1);
    for _ in 0..3 {
        assert_eq!(told(&store, &notice).await.outcome, NoticeOutcome::Posted);
    }
    for n in [1, 2] {
        assert_eq!(open(&store, n).await, (0, 0));
        let entries = store.entries_of(&account(n), 9).await.expect("entries");
        let [entry] = &entries[..] else {
            panic!("{entries:?}")
        };
        assert_eq!((entry.cents.get(), entry.sender()), (-1200, "epay"));
        assert_eq!(entry.bills, [number(n + 99)]);
        assert_eq!(entry.whole, Some(Cents::new(2400)));
        let others = store
            .other_money_of_bill(&account(n), number(n + 99), 9)
            .await;
        assert!(
            others.expect("entries").is_empty(),
            "the payment tells of it"
        );
    }
    assert_eq!(open(&store, 3).await, (1200, 0));
    for bill in [100, 101] {
        assert_eq!(state(&store, bill).await, PaymentState::Settled);
    }
    let all = [
        ("clearing/epay".to_owned(), 2400),
        ("customer".to_owned(), -2400),
    ];
    assert_eq!(books(&store).await, all);

    // Paid twice, it is credit with each.
    told(&store, &epay_paid(1, 8)).await;
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((0, 1200), (0, 1200))
    );
}

pub(crate) async fn what_does_not_fit_touches_no_bill(store: Store) {
    customers(&store, 2).await;
    begun_together(&store, "card", &[1, 2]).await;
    let other = card_paid(1, "B", "12.00", "978");
    assert_eq!(
        told(&store, &other).await.outcome,
        NoticeOutcome::OtherAmount
    );
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((1200, 0), (1200, 0))
    );
    assert_eq!(state(&store, 101).await, PaymentState::Held);
    // Two people give it to one of them; until all of it is given, nobody is to pay again.
    allocated(&store, "card/paid/B", 2, Some(500)).await;
    assert_eq!(open(&store, 2).await, (700, 0));
    assert_eq!(state(&store, 100).await, PaymentState::Held);
    allocated(&store, "card/paid/B", 2, None).await;
    assert_eq!(state(&store, 100).await, PaymentState::Settled);
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((1200, 0), (0, 0))
    );
}

fn same_way(payment: &str) -> ConcessionKind {
    ConcessionKind::SameWay {
        provider: "card".parse().expect("a name"),
        payment: payment.to_owned(),
    }
}

async fn propose(store: &Store, n: u64, payment: &str, cents: i64) -> Concede {
    let new = NewConcession {
        account: account(n),
        kind: same_way(payment),
        amount: Cents::new(cents),
        why: "поиска ги".to_owned(),
        by: "ana".to_owned(),
    };
    store
        .propose_concession(&new, at(70))
        .await
        .expect("an answer")
}

pub(crate) async fn it_goes_back_as_a_whole_and_in_parts(store: Store) {
    customers(&store, 2).await;
    begun_together(&store, "card", &[1, 2]).await;
    told(&store, &card_paid(1, "A", "24.00", "978")).await;
    // Before anything was given back, the payment system takes all of it back, and gives it again.
    begun_together(&store, "card", &[1, 2]).await;
    told(&store, &card_paid(2, "C", "24.00", "978")).await;
    told(&store, &card_back_of(2, "C")).await;
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((0, 0), (0, 0))
    );

    // A customer gets back no more than their share, and never another's.
    assert_eq!(propose(&store, 1, SHARE, 100).await, Concede::OtherPayment);
    let most = Concede::TooMuch(Cents::new(1200));
    assert_eq!(propose(&store, 2, SHARE, 1201).await, most);
    let paid = store
        .paid_through(SHARE)
        .await
        .expect("an answer")
        .expect("a payment");
    assert_eq!((paid.number, paid.transaction.as_str()), (1, "A"));
    let Concede::Proposed(refund) = propose(&store, 2, SHARE, 500).await else {
        panic!("it is refused")
    };
    let said = store.approve_concession(refund, "boris", at(80)).await;
    assert_eq!(said.expect("an answer"), Concede::Approved);
    assert!(store.ask_refund(refund, at(90)).await.expect("an answer"));
    let done = Refunded::Done(Some("R7".to_owned()));
    let kept = store.refund_answered(refund, Ok(&done), at(91)).await;
    assert!(kept.expect("an answer"));
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((0, 0), (500, 0))
    );
    let all: Vec<_> = books(&store).await;
    assert!(all.contains(&("clearing/card".to_owned(), 1900)), "{all:?}");
    let Concede::Proposed(_) = propose(&store, 1, PAID, 1200).await else {
        panic!("the other's share is whole")
    };

    // That all of it went back may be the same money: people look at it, and cannot take it out either.
    let back = told(&store, &card_back_of(1, "A")).await;
    assert_eq!(back.outcome, NoticeOutcome::Contradiction);
    let said = store
        .reverse_payment(PAID, Some("така пише"), "ana", at(95))
        .await;
    assert_eq!(said.expect("an answer"), Settle::AskedBack(refund));
    assert_eq!(
        (open(&store, 1).await, open(&store, 2).await),
        ((0, 0), (500, 0))
    );
}

/// The mails about money that are due: whose, how much, and for which bills.
async fn mails(store: &Store, worker: &str, second: i64) -> Vec<(u64, i64, Vec<u64>)> {
    let mut all = Vec::new();
    for job in claim(store, worker, second, 9).await {
        finish(store, &job, AttemptOutcome::Accepted, second).await;
        let DeliveryWhat::Money { entry } = &job.what else {
            continue;
        };
        let told = store
            .money_told(entry)
            .await
            .expect("an answer")
            .expect("an entry");
        let bills = told
            .bills
            .iter()
            .map(|part| part.bill.number.get())
            .collect();
        all.push((
            job.account.as_str().parse().expect("a number"),
            told.cents.get(),
            bills,
        ));
    }
    all.sort_unstable();
    all
}

pub(crate) async fn an_address_is_told_once(store: Store) {
    customers(&store, 4).await;
    // The first two and the last have one address; the last wants no such mails.
    for (n, address) in [(1, 1), (2, 1), (3, 3), (4, 1)] {
        enrol_at(&store, account(n), (n, address), Language::Bg).await;
    }
    for job in claim(&store, "bills", 20, 9).await {
        finish(&store, &job, AttemptOutcome::Accepted, 20).await;
    }
    let silent = (MailTopic::Payments, false);
    let by = json!({ "by": "web" });
    let chosen = store
        .choose_mails(&account(4), silent, at(30), &by, None)
        .await;
    assert!(chosen.expect("an answer"));
    begun_together(&store, "card", &[1, 2, 3, 4]).await;
    told(&store, &card_paid(1, "A", "48.00", "978")).await;
    let all = [(1, 2400, vec![100, 101]), (3, 1200, vec![102])];
    assert_eq!(mails(&store, "a", 60).await, all);
    // That it went back is told to whoever has an address, whatever they want to hear of payments.
    told(&store, &card_back_of(1, "A")).await;
    let all = [(1, 3600, vec![100, 101, 103]), (3, 1200, vec![102])];
    assert_eq!(mails(&store, "b", 70).await, all);
}

/// The first customers get their bills at one address, and pay one bill each by one payment.
async fn paid_at_one_address(store: &Store, many: u64) {
    customers(store, many).await;
    for n in 1..=many {
        enrol_at(store, account(n), (n, 1), Language::Bg).await;
    }
    for job in claim(store, "bills", 20, 9).await {
        finish(store, &job, AttemptOutcome::Accepted, 20).await;
    }
    let all: Vec<u64> = (1..=many).collect();
    begun_together(store, "card", &all).await;
    let sum = format!("{}.00", 12 * many);
    told(store, &card_paid(1, "A", &sum, "978")).await;
}

async fn ends(store: &Store, n: u64, second: i64) {
    let who = account(n);
    let ended = store.end_enrolment(&who, at(second), "paper", json!({}));
    ended.await.expect("an answer");
}

pub(crate) async fn who_had_no_consent_then_is_not_told_of(store: Store) {
    customers(&store, 3).await;
    for n in [1, 2] {
        enrol_at(&store, account(n), (n, 1), Language::Bg).await;
    }
    ends(&store, 2, 30).await;
    let unproven = NewEnrolment {
        id: format!("{:032x}", 3).parse().expect("an id"),
        account: account(3),
        channel: EnrolmentChannel::Phone,
        email: Secret::new("1@example.bg".to_owned()),
        language: Language::Bg,
        text_version: "2026-1".to_owned(),
        evidence: json!({}),
        at: at(31),
        proof: Some(NewProof {
            hash: token(77),
            expires: at(900),
        }),
    };
    store.enrol(&unproven).await.expect("a kept consent");
    begun_together(&store, "card", &[1, 2, 3]).await;
    told(&store, &card_paid(1, "A", "36.00", "978")).await;
    assert_eq!(mails(&store, "a", 60).await, [(1, 1200, vec![100])]);
}

pub(crate) async fn whose_mail_falls_away_is_told_apart(store: Store) {
    paid_at_one_address(&store, 4).await;
    // The first, whose mail tells of all, leaves; the last moves, and a third time nothing more is told.
    ends(&store, 1, 55).await;
    enrol_at(&store, account(4), (41, 9), Language::Bg).await;
    let all = [(2, 2400, vec![101, 102]), (4, 1200, vec![103])];
    assert_eq!(mails(&store, "a", 60).await, all);
    assert!(mails(&store, "b", 70).await.is_empty());
    // That it goes back is told by the addresses of then; the one that moves meanwhile is told apart.
    let back = store.receive_notice(&card_back_of(1, "A"), at(66)).await;
    assert_eq!(back.expect("an answer").outcome, NoticeOutcome::Reversed);
    enrol_at(&store, account(2), (52, 8), Language::Bg).await;
    let all = [
        (2, 1200, vec![101]),
        (3, 1200, vec![102]),
        (4, 1200, vec![103]),
    ];
    assert_eq!(mails(&store, "c", 80).await, all);
}
