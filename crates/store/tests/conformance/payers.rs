//! What payment systems would send, and a small world to send it to.

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
use kvit_store::{Allocate, Claim, NewPayment, PaymentRecord, Received, Settle, Store};

use super::world::{account, at, euro, issued, number};

const SECRET: &str = "some-secret";

/// What ePay would send about a payment.
pub(super) fn epay(line: &str) -> VerifiedNotice {
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

pub(super) fn epay_paid(payment: u64, stan: u64) -> VerifiedNotice {
    epay(&format!(
        "INVOICE={payment}:STATUS=PAID:PAY_TIME=20261120101500:STAN={stan}:BCODE=A"
    ))
}

/// What an aggregator would send about a customer.
pub(super) fn confirmed(
    account: &CustomerNumber,
    tid: &str,
    cents: u64,
    bills: &str,
) -> VerifiedNotice {
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
pub(super) fn card(pairs: &[(&str, &str)]) -> VerifiedNotice {
    let body = card_body(pairs);
    shop().call_back(body.as_bytes()).expect("a call-back")
}

pub(super) fn shop() -> Shop {
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
        status_method: "IPGGetTxnStatus".to_owned(),
        refund_method: "IPGRefund".to_owned(),
        url: "https://card.test/".to_owned(),
        signer: RsaSigner::from_pem(&pem("PRIVATE KEY", private.as_ref())).expect("a key"),
        verifier: RsaVerifier::from_pem(&pem("PUBLIC KEY", public.as_ref())).expect("a key"),
    }
}

pub(super) fn card_body(pairs: &[(&str, &str)]) -> String {
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

pub(super) fn card_paid(payment: u64, trace: &str, amount: &str, currency: &str) -> VerifiedNotice {
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
pub(super) fn card_back(payment: u64) -> VerifiedNotice {
    card(&[
        ("IPGmethod", "IPGPurchaseRollback"),
        ("MID", "1"),
        ("OrderID", &payment.to_string()),
    ])
}

/// A rollback of one transaction.
pub(super) fn card_back_of(payment: u64, trace: &str) -> VerifiedNotice {
    card(&[
        ("IPGmethod", "IPGPurchaseRollback"),
        ("MID", "1"),
        ("OrderID", &payment.to_string()),
        ("IPG_Trnref", trace),
    ])
}

/// Two customers with a bill of 12.00 each, numbers 100 and 101.
pub(super) async fn world(store: &Store) {
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
pub(super) async fn begun(store: &Store, provider: &str, bill: u64) -> PaymentRecord {
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
            nonce: None,
        })
        .await
        .expect("a payment")
}

pub(super) async fn told(store: &Store, notice: &VerifiedNotice) -> Received {
    store
        .receive_notice(notice, at(50))
        .await
        .expect("an answer")
}

pub(super) async fn open(store: &Store, n: u64) -> (i64, i64) {
    let standing = store
        .standing(&account(n), at(9999))
        .await
        .expect("a standing");
    (standing.open().get(), standing.credit.get())
}

pub(super) async fn books(store: &Store) -> Vec<(String, i64)> {
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

pub(super) async fn state(store: &Store, bill: u64) -> PaymentState {
    let views = store
        .payments_of_bill(number(bill), 9)
        .await
        .expect("payments");
    views[0].state(at(60))
}

/// That money is a customer's: all of it, or so much.
pub(super) fn claim(n: u64, amount: Option<i64>) -> Claim {
    Claim {
        account: account(n),
        amount: amount.map(Cents::new),
        bill: None,
    }
}

/// Two people give a notice's money to a customer.
pub(super) async fn allocated(store: &Store, key: &str, n: u64, amount: Option<i64>) {
    let to = account(n);
    let said = store
        .propose_allocation(key, &claim(n, amount), "ana", at(60))
        .await;
    assert_eq!(said.expect("an answer"), Allocate::Done);
    let said = store.approve_allocation(key, &to, "boris", at(61)).await;
    assert_eq!(said.expect("an answer"), Allocate::Done);
}

/// Two people say that nothing is to be done about a notice.
pub(super) async fn settled(store: &Store, key: &str) {
    let said = store
        .settle_notice(key, Some("looked at"), "ana", at(60))
        .await;
    assert_eq!(said.expect("an answer"), Settle::Proposed);
    let said = store.settle_notice(key, None, "boris", at(61)).await;
    assert_eq!(said.expect("an answer"), Settle::Done);
}
