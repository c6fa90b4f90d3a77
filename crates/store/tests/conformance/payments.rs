//! Payments, notices and the books.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kvit_billing::{Cents, CustomerNumber};
use kvit_pay::{
    MacSecret, PaymentState, RsaSigner, RsaVerifier, VerifiedNotice,
    dialects::{
        biller::Biller,
        epay::Epay,
        ipg::{Dialect, Shop},
    },
    params::encode,
};
use kvit_store::{Allocate, NewPayment, NoticeOutcome, PaymentRecord, Received, Settle, Store};

use super::world::{account, at, euro, issued, number};

const SECRET: &str = "some-secret";

/// What ePay would send about a payment.
fn epay(line: &str) -> VerifiedNotice {
    let ours = Epay {
        name: "epay".parse().expect("a name"),
        min: "1".to_owned(),
        secret: MacSecret::new(SECRET),
        url: "https://epay.test/".to_owned(),
    };
    let encoded = STANDARD.encode(line);
    let checksum = mac(&encoded);
    let body = encode([
        ("encoded", encoded.as_str()),
        ("checksum", checksum.as_str()),
    ]);
    let mut lines = ours.notification(body.as_bytes()).expect("a packet");
    lines.remove(0).notice.expect("a notice")
}

fn epay_paid(payment: u64, stan: u64) -> VerifiedNotice {
    epay(&format!(
        "INVOICE={payment}:STATUS=PAID:PAY_TIME=20261120101500:STAN={stan}:BCODE=A"
    ))
}

/// What an aggregator would send about a customer.
fn confirmed(account: &CustomerNumber, tid: &str, cents: u64, bills: &str) -> VerifiedNotice {
    let ours = Biller {
        name: "ebg".parse().expect("a name"),
        merchant: "7".to_owned(),
        secret: MacSecret::new(SECRET),
    };
    let total = cents.to_string();
    let pairs = [
        ("DATE", "20261120101500"),
        ("IDN", account.as_str()),
        ("INVOICES", bills),
        ("MERCHANTID", "7"),
        ("TID", tid),
        ("TOTAL", &total),
        ("TYPE", "BILLING"),
    ];
    let text: String = pairs
        .iter()
        .map(|(name, value)| format!("{name}{value}\n"))
        .collect();
    let checksum = mac(&text);
    let query = encode(pairs.into_iter().chain([("CHECKSUM", checksum.as_str())]));
    ours.confirm(query.as_bytes()).expect("a report")
}

fn mac(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).expect("a key"));

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
    .into_bytes()
}

/// What a card system would send.
fn card(pairs: &[(&str, &str)]) -> VerifiedNotice {
    let body = card_body(pairs);
    shop().call_back(body.as_bytes()).expect("a call-back")
}

fn shop() -> Shop {
    let private: Pkcs8V1Der<'_> = KEY.as_der().expect("DER");
    let public: PublicKeyX509Der<'_> = KEY.public_key().as_der().expect("DER");
    Shop {
        name: "card".parse().expect("a name"),
        dialect: Dialect::Icard,
        originator: "33".to_owned(),
        shop: "1".to_owned(),
        shop_name: "x".to_owned(),
        key_index: "1".to_owned(),
        key_index_resp: "1".to_owned(),
        url: "https://card.test/".to_owned(),
        signer: RsaSigner::from_pem(&pem("PRIVATE KEY", private.as_ref())).expect("a key"),
        verifier: RsaVerifier::from_pem(&pem("PUBLIC KEY", public.as_ref())).expect("a key"),
    }
}

fn card_body(pairs: &[(&str, &str)]) -> String {
    let text: String = pairs.iter().map(|(_, value)| *value).collect();
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        STANDARD.encode(text).as_bytes(),
        &mut signature,
    )
    .expect("a signature");
    let signature = STANDARD.encode(signature);
    let all = pairs
        .iter()
        .copied()
        .chain([("Signature", signature.as_str())]);
    encode(all)
}

fn card_paid(payment: u64, trace: &str, amount: &str, currency: &str) -> VerifiedNotice {
    card(&[
        ("IPGmethod", "IPGPurchaseNotify"),
        ("MID", "1"),
        ("OrderID", &payment.to_string()),
        ("Amount", amount),
        ("Currency", currency),
        ("IPG_Trnref", trace),
    ])
}

/// A rollback that only names the order.
fn card_back(payment: u64) -> VerifiedNotice {
    card(&[
        ("IPGmethod", "IPGPurchaseRollback"),
        ("MID", "1"),
        ("OrderID", &payment.to_string()),
    ])
}

/// A rollback of one transaction.
fn card_back_of(payment: u64, trace: &str) -> VerifiedNotice {
    card(&[
        ("IPGmethod", "IPGPurchaseRollback"),
        ("MID", "1"),
        ("OrderID", &payment.to_string()),
        ("IPG_Trnref", trace),
    ])
}

/// Two customers with a bill of 12.00 each, numbers 100 and 101.
async fn world(store: &Store) {
    issued(store, "one", 2).await;
    let customer = |n| {
        serde_json::from_value(serde_json::json!({
            "number": account(n), "name": "Ана", "address": {"city": "София"}
        }))
        .expect("a customer")
    };
    store
        .upsert_customers(&[customer(1), customer(2)])
        .await
        .expect("customers");
}

/// A payment of a bill of 12.00.
async fn begun(store: &Store, provider: &str, bill: u64) -> PaymentRecord {
    store
        .begin_payment(&NewPayment {
            provider: provider.parse().expect("a name"),
            bill: number(bill),
            account: account(bill - 99),
            bills: vec![number(bill)],
            way: "card".to_owned(),
            first_number: 1,
            amount: Cents::new(1200),
            currency: euro(),
            at: at(20),
            expires_at: at(1000),
            poll_at: Some(at(30)),
        })
        .await
        .expect("a payment")
}

async fn told(store: &Store, notice: &VerifiedNotice) -> Received {
    store
        .receive_notice(notice, at(50))
        .await
        .expect("an answer")
}

async fn open(store: &Store, n: u64) -> (i64, i64) {
    let standing = store
        .standing(&account(n), at(9999))
        .await
        .expect("a standing");
    (standing.open().get(), standing.credit.get())
}

async fn books(store: &Store) -> Vec<(String, i64)> {
    assert!(
        store
            .unbalanced_entries(9)
            .await
            .expect("an answer")
            .is_empty()
    );
    let sums = store.books().await.expect("sums");
    assert_eq!(sums.iter().map(|book| book.cents.get()).sum::<i64>(), 0);
    sums.into_iter()
        .map(|book| (book.name, book.cents.get()))
        .collect()
}

async fn state(store: &Store, bill: u64) -> PaymentState {
    let views = store
        .payments_of_bill(number(bill), 9)
        .await
        .expect("payments");
    views[0].state(at(60))
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

/// Two people give a notice's money to a customer.
async fn allocated(store: &Store, key: &str, n: u64, amount: Option<i64>) {
    let to = account(n);
    let amount = amount.map(Cents::new);
    let said = store
        .propose_allocation(key, &to, amount, "ana", at(60))
        .await;
    assert_eq!(said.expect("an answer"), Allocate::Done);
    let said = store.approve_allocation(key, &to, "boris", at(61)).await;
    assert_eq!(said.expect("an answer"), Allocate::Done);
}

/// Two people say that nothing is to be done about a notice.
async fn settled(store: &Store, key: &str) {
    let said = store
        .settle_notice(key, Some("looked at"), "ana", at(60))
        .await;
    assert_eq!(said.expect("an answer"), Settle::Proposed);
    let said = store.settle_notice(key, None, "boris", at(61)).await;
    assert_eq!(said.expect("an answer"), Settle::Done);
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
                .propose_allocation(&notice.key(), &account(1), None, "ana", at(60))
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
    };
    let given = store.begin_payment(&new).await.expect("a payment").number;
    new.first_number = 6;
    let next = store.begin_payment(&new).await.expect("a payment").number;
    assert_eq!((given, next), (1000, 1001));
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
}

/// Histories of duplicates, reordering, loss and deaths between keeping and applying: the books
/// balance, each transaction is in them once, and nothing that was verified is lost.
pub(crate) async fn whatever_comes_in_whatever_order_the_books_are_right(store: Store) {
    world(&store).await;
    let mut chance = Chance(7);
    let mut notices = Vec::new();
    // What each customer has to have paid in the end.
    let mut paid = [0_i64; 2];
    let mut aside = 0_i64;
    let mut unnamed = Vec::new();
    for n in 1..=60_u64 {
        let bill = 100 + chance.below(2);
        let who = usize::try_from(bill - 100).expect("small");
        begun(&store, "card", bill).await;
        begun(&store, "epay", bill).await;
        let trace = |which: &str| format!("{which}{n}");
        let paid_as = |trace: &str| card_paid(n, trace, "12.00", "978");
        match chance.below(9) {
            // Lost.
            0 => {}
            1 => {
                notices.push(paid_as(&trace("A")));
                notices.push(card_back_of(n, &trace("A")));
            }
            2 => {
                notices.push(card_paid(n, &trace("A"), "11.99", "978"));
                aside += 1199;
            }
            3 => {
                notices.push(confirmed(&account(bill - 99), &format!("T{n}"), 345, ""));
                paid[who] += 345;
            }
            4 => {
                notices.push(epay_paid(n, n));
                notices.push(epay(&format!("INVOICE={n}:STATUS=DENIED")));
                paid[who] += 1200;
            }
            // Paid again after a first attempt that went back, or was never heard of.
            5 => {
                notices.push(paid_as(&trace("A")));
                notices.push(card_back_of(n, &trace("A")));
                notices.push(paid_as(&trace("B")));
                paid[who] += 1200;
            }
            6 => {
                notices.push(card_back_of(n, &trace("A")));
                notices.push(paid_as(&trace("B")));
                paid[who] += 1200;
            }
            // A rollback that names no payment, among two: one is taken back at most, and people hear
            // of it unless exactly one was there.
            7 => {
                notices.push(paid_as(&trace("A")));
                notices.push(card_back(n));
                notices.push(paid_as(&trace("B")));
                paid[who] += 2400;
                unnamed.push((n, who));
            }
            _ => {
                notices.push(paid_as(&trace("A")));
                paid[who] += 1200;
            }
        }
    }
    let keys: std::collections::HashSet<_> = notices.iter().map(VerifiedNotice::key).collect();
    // Each comes once to three times, in any order.
    for index in 0..notices.len() {
        for _ in 0..chance.below(3) {
            notices.push(notices[index].clone());
        }
    }
    for index in (1..notices.len()).rev() {
        let other = usize::try_from(chance.below(index as u64 + 1)).expect("small");
        notices.swap(index, other);
    }
    for (second, notice) in (1000..).zip(&notices) {
        match chance.below(4) {
            0 => drop(store.keep_notice(notice, at(second)).await.expect("kept")),
            _ => drop(
                store
                    .receive_notice(notice, at(second))
                    .await
                    .expect("applied"),
            ),
        }
    }
    store
        .apply_waiting_notices(at(5000), 1000)
        .await
        .expect("applied");

    let kept = store.notices(1000).await.expect("notices");
    assert_eq!(
        kept.len(),
        keys.len(),
        "nothing verified is lost, nothing is twice"
    );
    assert!(kept.iter().all(|notice| notice.outcome.is_some()));
    for (n, who) in unnamed {
        let key = format!("card/rolled-back/{n}");
        let rollback = kept.iter().find(|notice| notice.id == key);
        let outcome = rollback.and_then(|notice| notice.outcome);
        let entries = store.entries_of(&account(who as u64 + 1), 1000).await;
        let entries = entries.expect("entries");
        let back = ["A", "B"].map(|which| format!("reversal/card/paid/{which}{n}"));
        let back = entries
            .iter()
            .filter(|entry| back.contains(&entry.id))
            .count();
        match outcome {
            Some(NoticeOutcome::Reversed) => assert_eq!(back, 1, "{key}"),
            Some(NoticeOutcome::Contradiction) => assert!(back <= 1, "{key}"),
            other => panic!("{key}: {other:?}"),
        }
        paid[who] -= 1200 * i64::try_from(back).expect("small");
    }
    for (n, paid) in (1..).zip(paid) {
        let standing = store
            .standing(&account(n), at(9999))
            .await
            .expect("a standing");
        assert_eq!(standing.balance().get(), 1200 - paid, "customer {n}");
    }
    let sums = books(&store).await;
    let sum = |name: &str| {
        sums.iter()
            .find(|(book, _)| book == name)
            .map_or(0, |(_, cents)| *cents)
    };
    assert_eq!(
        (sum("unmatched"), sum("customer")),
        (-aside, -paid[0] - paid[1])
    );
}
