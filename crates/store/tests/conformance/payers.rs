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
        Answer,
        biller::Biller,
        borica::{Terminal, order},
        epay::Epay,
        ipg::{Dialect, Shop},
    },
    params::encode,
};
use kvit_store::{
    Allocate, Claim, NewPayment, PaymentPart, PaymentRecord, Received, Settle, Store,
};

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

/// The card system of most tests.
pub(super) fn shop() -> Shop {
    shop_of(Dialect::Icard)
}

fn keys() -> (RsaSigner, RsaVerifier) {
    let private: Pkcs8V1Der<'_> = KEY.as_der().expect("DER");
    let public: PublicKeyX509Der<'_> = KEY.public_key().as_der().expect("DER");
    (
        RsaSigner::from_pem(&pem("PRIVATE KEY", private.as_ref())).expect("a key"),
        RsaVerifier::from_pem(&pem("PUBLIC KEY", public.as_ref())).expect("a key"),
    )
}

fn shop_of(dialect: Dialect) -> Shop {
    let (name, method) = match dialect {
        Dialect::Icard => ("card", "IPGGetTxnStatus"),
        Dialect::Mypos => ("mypos", "IPCGetTxnStatus"),
    };
    let (signer, verifier) = keys();
    Shop {
        name: name.parse().expect("a name"),
        dialect,
        originator: "33".to_owned(),
        shop: "1".to_owned(),
        shop_name: "x".to_owned(),
        key_index: "1".to_owned(),
        key_index_resp: "1".to_owned(),
        status_method: method.to_owned(),
        refund_method: "IPGRefund".to_owned(),
        url: "https://card.test/".to_owned(),
        signer,
        verifier,
    }
}

fn signed(text: &str) -> Vec<u8> {
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .expect("a signature");
    signature
}

pub(super) fn card_body(pairs: &[(&str, &str)]) -> String {
    body_of(Dialect::Icard, pairs)
}

fn joined<'a>(dialect: Dialect, values: impl Iterator<Item = &'a str>) -> String {
    let separator = match dialect {
        Dialect::Icard => "",
        Dialect::Mypos => "-",
    };
    let text = values.collect::<Vec<_>>().join(separator);
    STANDARD.encode(signed(&STANDARD.encode(text)))
}

fn body_of(dialect: Dialect, pairs: &[(&str, &str)]) -> String {
    let signature = joined(dialect, pairs.iter().map(|(_, value)| *value));
    let all = pairs
        .iter()
        .copied()
        .chain([("Signature", signature.as_str())]);
    encode(all)
}

/// What a card system says of an order: that it was paid, with amount and currency, or that money went back or
/// nothing came of it; which of its payments, where it names one.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) dialect: Dialect,
    pub(super) order: u64,
    /// `Notify`, `Rollback` or `DeclineNotify`.
    pub(super) what: &'a str,
    pub(super) trace: Option<&'a str>,
    pub(super) money: Option<(&'a str, &'a str)>,
}

impl Said<'_> {
    fn read<T>(&self, read: impl FnOnce(&[(&str, &str)]) -> T) -> T {
        let (prefix, shop, trace) = match self.dialect {
            Dialect::Icard => ("IPG", "MID", "IPG_Trnref"),
            Dialect::Mypos => ("IPC", "SID", "IPC_Trnref"),
        };
        let (method, order) = (format!("{prefix}method"), self.order.to_string());
        let what = format!("{prefix}Purchase{}", self.what);
        let mut pairs = vec![
            (method.as_str(), what.as_str()),
            (shop, "1"),
            ("OrderID", &order),
        ];
        if let Some((amount, currency)) = self.money {
            pairs.extend([("Amount", amount), ("Currency", currency)]);
        }
        pairs.extend(self.trace.map(|name| (trace, name)));
        read(&pairs)
    }

    /// By a call-back. No system cancels by one.
    pub(super) fn called(&self) -> VerifiedNotice {
        let body = self.read(|pairs| body_of(self.dialect, pairs));
        let notice = shop_of(self.dialect).call_back(body.as_bytes());
        notice.expect("a call-back")
    }

    /// By the customer's browser: that nothing came of it.
    pub(super) fn brought(&self) -> VerifiedNotice {
        let body = self.read(|pairs| body_of(self.dialect, pairs));
        let notice = shop_of(self.dialect).returned(body.as_bytes());
        notice.expect("signed").expect("a cancellation")
    }

    /// As the answer to a question.
    pub(super) fn answered(&self) -> VerifiedNotice {
        let shop = shop_of(self.dialect);
        let order = self.order.to_string();
        let body = self.read(|pairs| {
            let inner = pairs.iter().map(|(_, value)| *value);
            let values = [shop.status_method.as_str(), "0", &order];
            let signature = joined(self.dialect, values.into_iter().chain(inner));
            let inner: serde_json::Map<_, _> = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).into()))
                .collect();
            serde_json::json!({
                "method": shop.status_method, "Status": "0", "OrderID": order, "OrderStatus": inner,
                "Signature": signature,
            })
        });
        match shop.status_answer(self.order, body.to_string().as_bytes()) {
            Ok(Answer::Notice(notice)) => notice,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn card_paid(payment: u64, trace: &str, amount: &str, currency: &str) -> VerifiedNotice {
    Said {
        dialect: Dialect::Icard,
        order: payment,
        what: "Notify",
        trace: Some(trace),
        money: Some((amount, currency)),
    }
    .called()
}

/// A rollback that only names the order.
pub(super) fn card_back(payment: u64) -> VerifiedNotice {
    Said {
        dialect: Dialect::Icard,
        order: payment,
        what: "Rollback",
        trace: None,
        money: None,
    }
    .called()
}

/// A rollback of one transaction.
pub(super) fn card_back_of(payment: u64, trace: &str) -> VerifiedNotice {
    Said {
        dialect: Dialect::Icard,
        order: payment,
        what: "Rollback",
        trace: Some(trace),
        money: None,
    }
    .called()
}

/// What BORICA says of a payment of 12.00 that it took, or refused: by the browser, or asked.
pub(super) fn borica(payment: u64, taken: bool, asked: bool) -> VerifiedNotice {
    let (signer, verifier) = keys();
    let terminal = Terminal {
        name: "borica".parse().expect("a name"),
        terminal: "V1800001".to_owned(),
        merchant: "1600000001".to_owned(),
        merchant_name: "x".to_owned(),
        merchant_url: "https://x.test".to_owned(),
        email: "x@x.test".to_owned(),
        url: "https://borica.test/".to_owned(),
        signer,
        verifier,
    };
    let order = order(payment);
    let fields = [
        ("ACTION", if taken { "0" } else { "2" }),
        ("RC", if taken { "00" } else { "05" }),
        ("APPROVAL", "S12345"),
        ("TERMINAL", "V1800001"),
        ("TRTYPE", if asked { "90" } else { "1" }),
        ("AMOUNT", "12.00"),
        ("CURRENCY", "EUR"),
        ("ORDER", &order),
        ("RRN", "632512345678"),
        ("INT_REF", "EC0F1234567890AB"),
        ("PARES_STATUS", "Y"),
        ("ECI", "05"),
        ("TIMESTAMP", "20261120101500"),
        ("NONCE", "FC8AC36A9FDADCB6127D273CD15DAEC3"),
    ];
    let text = fields.map(|(_, value)| format!("{}{value}", value.len()));
    let signature = hex::encode_upper(signed(&(text.concat() + "-")));
    let fields = fields
        .iter()
        .copied()
        .chain([("P_SIGN", signature.as_str())]);
    let answer = if asked {
        let object: serde_json::Map<_, _> = fields
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let body = serde_json::Value::from(object).to_string();
        terminal.status_answer(payment, &[], body.as_bytes())
    } else {
        let now = "2026-11-20T10:15:00Z".parse().expect("a moment");
        let returned = terminal.returned(encode(fields).as_bytes(), now);
        returned.expect("theirs").answer(&terminal, payment, &[])
    };
    match answer {
        Ok(Answer::Notice(notice)) => notice,
        other => panic!("{other:?}"),
    }
}

/// So many customers with a bill of 12.00 each, numbers 100 and so on.
pub(super) async fn customers(store: &Store, count: u64) {
    issued(store, "one", count).await;
    let customer = |n| {
        serde_json::from_value(serde_json::json!({
            "number": account(n), "name": "Ана", "address": {"city": "София"}
        }))
        .expect("a customer")
    };
    let customers: Vec<_> = (1..=count).map(customer).collect();
    store.upsert_customers(&customers).await.expect("customers");
}

/// Two customers with a bill of 12.00 each, numbers 100 and 101.
pub(super) async fn world(store: &Store) {
    customers(store, 2).await;
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
            parts: Vec::new(),
        })
        .await
        .expect("a payment")
}

/// One payment of the bills of these customers, of 12.00 each.
pub(super) async fn begun_together(store: &Store, provider: &str, of: &[u64]) -> PaymentRecord {
    let part = |n: &u64| PaymentPart {
        bill: number(n + 99),
        account: account(*n),
        amount: Cents::new(1200),
    };
    let parts: Vec<_> = of.iter().map(part).collect();
    store
        .begin_payment(&NewPayment {
            provider: provider.parse().expect("a name"),
            bill: parts[0].bill,
            account: parts[0].account.clone(),
            bills: parts.iter().map(|part| part.bill).collect(),
            way: "card".to_owned(),
            first_number: 1,
            amount: parts.iter().map(|part| part.amount).sum(),
            currency: euro(),
            at: at(20),
            expires_at: at(1000),
            poll_at: Some(at(30)),
            nonce: None,
            parts,
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
