//! Payment systems of which a target holds all keys, so that it signs what it sends as they would.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kvit_billing::Cents;
use kvit_pay::{
    Event, RsaSigner, RsaVerifier, VerifiedNotice,
    dialects::{
        borica::Terminal,
        ipg::{Dialect, Shop},
    },
};

/// Made anew each time: what is signed here counts nowhere.
static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).expect("a key"));

/// A true signature of something else.
pub(crate) static OTHER: LazyLock<Vec<u8>> = LazyLock::new(|| sign("something else"));

pub(crate) static ICARD: LazyLock<Shop> = LazyLock::new(|| shop(Dialect::Icard));
pub(crate) static MYPOS: LazyLock<Shop> = LazyLock::new(|| shop(Dialect::Mypos));

pub(crate) static BORICA: LazyLock<Terminal> = LazyLock::new(|| Terminal {
    name: "borica".parse().expect("a name"),
    terminal: "V1800001".to_owned(),
    merchant: "1600000001".to_owned(),
    merchant_name: "x".to_owned(),
    merchant_url: "https://x.test".to_owned(),
    email: "x@x.test".to_owned(),
    url: "https://borica.test/".to_owned(),
    signer: signer(),
    verifier: verifier(),
});

fn shop(dialect: Dialect) -> Shop {
    let prefix = match dialect {
        Dialect::Icard => "IPG",
        Dialect::Mypos => "IPC",
    };
    Shop {
        name: "card".parse().expect("a name"),
        dialect,
        originator: "33".to_owned(),
        shop: "1".to_owned(),
        shop_name: "x".to_owned(),
        key_index: "1".to_owned(),
        key_index_resp: "1".to_owned(),
        status_method: format!("{prefix}GetTxnStatus"),
        refund_method: format!("{prefix}Refund"),
        url: "https://card.test/".to_owned(),
        signer: signer(),
        verifier: verifier(),
    }
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n").into_bytes()
}

fn signer() -> RsaSigner {
    let der: Pkcs8V1Der<'_> = KEY.as_der().expect("DER");
    RsaSigner::from_pem(&pem("PRIVATE KEY", der.as_ref())).expect("a key")
}

fn verifier() -> RsaVerifier {
    let der: PublicKeyX509Der<'_> = KEY.public_key().as_der().expect("DER");
    RsaVerifier::from_pem(&pem("PUBLIC KEY", der.as_ref())).expect("a key")
}

fn sign(text: &str) -> Vec<u8> {
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

/// iCard's and myPOS's signature of values.
pub(crate) fn joined(shop: &Shop, values: &[&str]) -> Vec<u8> {
    let joint = match shop.dialect {
        Dialect::Icard => "",
        Dialect::Mypos => "-",
    };
    sign(&STANDARD.encode(values.join(joint)))
}

/// BORICA's signature of an answer with these fields.
pub(crate) fn lengths<'a>(get: impl Fn(&str) -> &'a str) -> Vec<u8> {
    let fields = [
        "ACTION",
        "RC",
        "APPROVAL",
        "TERMINAL",
        "TRTYPE",
        "AMOUNT",
        "CURRENCY",
        "ORDER",
        "RRN",
        "INT_REF",
        "PARES_STATUS",
        "ECI",
        "TIMESTAMP",
        "NONCE",
    ];
    let one = |name: &str| match (name, get(name)) {
        ("CURRENCY", "") if get("TRTYPE") == "90" => "3USD".to_owned(),
        (_, "") => "-".to_owned(),
        (_, value) => format!("{}{value}", value.len()),
    };
    sign(&(fields.map(one).concat() + "-"))
}

/// What holds of whatever is believed.
pub(crate) fn sound(notice: &VerifiedNotice) {
    assert!(!notice.transaction().is_empty());
    if let Event::Paid { amount, .. } = notice.event() {
        assert!(amount.is_none_or(|amount| amount > Cents::ZERO));
    }
}
