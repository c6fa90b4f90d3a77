//! What payment systems send, in every dialect: nothing that is not signed is believed, and nothing panics.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kvit_pay::{
    MacSecret, RsaSigner, RsaVerifier, amount,
    dialects::{
        biller::Biller,
        borica::Terminal,
        epay::{self, Epay},
        ipg::{Dialect, Shop},
    },
    params::Params,
};
use libfuzzer_sys::fuzz_target;

/// Made anew each time: what is signed here counts nowhere.
static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).expect("a key"));

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

static EPAY: LazyLock<Epay> = LazyLock::new(|| Epay {
    name: "epay".parse().expect("a name"),
    min: "1".to_owned(),
    secret: MacSecret::new("some-secret"),
    url: "https://epay.test/".to_owned(),
});

static BILLER: LazyLock<Biller> = LazyLock::new(|| Biller {
    name: "ebg".parse().expect("a name"),
    merchant: "7".to_owned(),
    secret: MacSecret::new("some-secret"),
});

static SHOP: LazyLock<Shop> = LazyLock::new(|| Shop {
    name: "icard".parse().expect("a name"),
    dialect: Dialect::Icard,
    originator: "33".to_owned(),
    shop: "1".to_owned(),
    shop_name: "x".to_owned(),
    key_index: "1".to_owned(),
    key_index_resp: "1".to_owned(),
    status_method: "IPGGetTxnStatus".to_owned(),
    refund_method: "IPGRefund".to_owned(),
    url: "https://icard.test/".to_owned(),
    signer: signer(),
    verifier: verifier(),
});

static TERMINAL: LazyLock<Terminal> = LazyLock::new(|| Terminal {
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

fuzz_target!(|bytes: &[u8]| {
    let _ = EPAY.notification(bytes);
    let _ = epay::cash_code(bytes);
    let _ = BILLER.inquiry(bytes);
    let _ = BILLER.confirm(bytes);
    let _ = SHOP.call_back(bytes);
    let _ = SHOP.status_answer(1, bytes);
    let _ = TERMINAL.returned(bytes, Timestamp::UNIX_EPOCH);
    let _ = TERMINAL.status_answer(1, &[[0; 16]], bytes);
    let _ = Params::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = amount::decimal(text);
        let _ = amount::minor(text);
    }
});
