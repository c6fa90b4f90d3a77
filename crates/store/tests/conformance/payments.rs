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
use kvit_store::{Allocate, NewPayment, NoticeOutcome, PaymentRecord, Received, Store};

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
    ours.confirm(query.as_bytes())
        .expect("a report")
        .notice
        .expect("a customer")
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
    let private: Pkcs8V1Der<'_> = KEY.as_der().expect("DER");
    let public: PublicKeyX509Der<'_> = KEY.public_key().as_der().expect("DER");
    let shop = Shop {
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
    };
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
    shop.call_back(encode(all).as_bytes()).expect("a call-back")
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

fn card_back(payment: u64) -> VerifiedNotice {
    card(&[
        ("IPGmethod", "IPGPurchaseRollback"),
        ("MID", "1"),
        ("OrderID", &payment.to_string()),
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
            ("unmatched".to_owned(), -2401)
        ]
    );
    assert_eq!(store.notices_for_people(9).await.expect("notices").len(), 5);
    assert_eq!(state(&store, 100).await, PaymentState::Started);
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
        told(&store, &card_back(2)).await.outcome,
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
    let approve = async |by| {
        store
            .approve_allocation(&key, by, at(70))
            .await
            .expect("an answer")
    };
    let propose = async |n| {
        store
            .propose_allocation(&key, &account(n), "ana", at(60))
            .await
            .expect("an answer")
    };
    assert_eq!(approve("boris").await, Allocate::NotProposed);
    assert_eq!(propose(77).await, Allocate::UnknownCustomer);
    assert_eq!(propose(2).await, Allocate::Done);
    assert_eq!(propose(1).await, Allocate::Done);
    assert_eq!(approve("ana").await, Allocate::SamePerson);
    assert_eq!(open(&store, 1).await, (1200, 0));
    assert_eq!(approve("boris").await, Allocate::Done);
    assert_eq!(approve("boris").await, Allocate::NotUnmatched);
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
            .refuse_notice(&name, "signature", at(second))
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
    for n in 1..=30_u64 {
        let bill = 100 + chance.below(2);
        let who = usize::try_from(bill - 100).expect("small");
        begun(&store, "card", bill).await;
        begun(&store, "epay", bill).await;
        match chance.below(6) {
            // Lost.
            0 => {}
            1 => {
                notices.push(card_paid(n, &format!("A{n}"), "12.00", "978"));
                notices.push(card_back(n));
            }
            2 => {
                notices.push(card_paid(n, &format!("A{n}"), "11.99", "978"));
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
            _ => {
                notices.push(card_paid(n, &format!("A{n}"), "12.00", "978"));
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
