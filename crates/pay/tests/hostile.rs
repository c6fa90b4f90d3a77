//! Any bytes at all, and every single change of a good message: nothing panics, nothing but the good
//! message is believed.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kvit_billing::Cents;
use kvit_pay::{
    MacSecret, RsaSigner, RsaVerifier, amount,
    dialects::{
        Answer, Refund,
        biller::Biller,
        borica::Terminal,
        epay::{self, Epay},
        ipg::{Dialect, Shop},
    },
    params::{Params, encode},
};
use proptest::prelude::*;

const SECRET: &str = "some-secret";

static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).expect("a key"));

fn mac(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n").into_bytes()
}

fn keys() -> (RsaSigner, RsaVerifier) {
    let private: Pkcs8V1Der<'_> = KEY.as_der().expect("DER");
    let public: PublicKeyX509Der<'_> = KEY.public_key().as_der().expect("DER");
    (
        RsaSigner::from_pem(&pem("PRIVATE KEY", private.as_ref())).expect("a key"),
        RsaVerifier::from_pem(&pem("PUBLIC KEY", public.as_ref())).expect("a key"),
    )
}

static EPAY: LazyLock<Epay> = LazyLock::new(|| Epay {
    name: "epay".parse().expect("a name"),
    min: "1".to_owned(),
    secret: MacSecret::new(SECRET),
    url: "https://epay.test/".to_owned(),
});

static BILLER: LazyLock<Biller> = LazyLock::new(|| Biller {
    name: "ebg".parse().expect("a name"),
    merchant: "7".to_owned(),
    secret: MacSecret::new(SECRET),
});

static ICARD: LazyLock<Shop> = LazyLock::new(|| shop(Dialect::Icard));
static MYPOS: LazyLock<Shop> = LazyLock::new(|| shop(Dialect::Mypos));

fn shop(dialect: Dialect) -> Shop {
    let (signer, verifier) = keys();
    Shop {
        name: "card".parse().expect("a name"),
        dialect,
        originator: "33".to_owned(),
        shop: "1".to_owned(),
        shop_name: "x".to_owned(),
        key_index: "1".to_owned(),
        key_index_resp: "1".to_owned(),
        status_method: "IPGGetTxnStatus".to_owned(),
        refund_method: "IPGRefund".to_owned(),
        url: "https://card.test/".to_owned(),
        signer,
        verifier,
    }
}

static TERMINAL: LazyLock<Terminal> = LazyLock::new(|| {
    let (signer, verifier) = keys();
    Terminal {
        name: "borica".parse().expect("a name"),
        terminal: "V1800001".to_owned(),
        merchant: "1600000001".to_owned(),
        merchant_name: "x".to_owned(),
        merchant_url: "https://x.test".to_owned(),
        email: "x@x.test".to_owned(),
        url: "https://borica.test/".to_owned(),
        signer,
        verifier,
    }
});

fn now() -> Timestamp {
    "2026-11-20T10:15:00Z".parse().expect("a moment")
}

fn refund() -> Refund<'static> {
    Refund {
        payment: 1,
        transaction: "T1",
        received: b"",
        name: "kvit-1",
        amount: Cents::new(100),
        description: "x",
        email: "",
        now: now(),
        nonce: [0; 16],
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

/// Every parser, on anything.
fn read_all(bytes: &[u8]) {
    let _ = EPAY.notification(bytes);
    let _ = epay::cash_code(bytes);
    let _ = BILLER.inquiry(bytes);
    let _ = BILLER.confirm(bytes);
    for shop in [&*ICARD, &*MYPOS] {
        let _ = shop.call_back(bytes);
        let _ = shop.status_answer(1, bytes);
        let _ = shop.refund_answer(&refund(), bytes);
    }
    let _ = TERMINAL.refund_answer(&refund(), bytes);
    let _ = TERMINAL.returned(bytes, now());
    let _ = TERMINAL.status_answer(1, &[[0; 16]], bytes);
    let _ = Params::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = amount::decimal(text);
        let _ = amount::minor(text);
    }
}

/// What each of them believes, as it was sent.
fn good() -> [Vec<u8>; 5] {
    let encoded = STANDARD.encode("INVOICE=1:STATUS=PAID:STAN=123456:BCODE=A1B2C3\n");
    let checksum = mac(&encoded);
    let epay = encode([
        ("encoded", encoded.as_str()),
        ("checksum", checksum.as_str()),
    ]);
    let pairs = [
        ("DATE", "20261120101500"),
        ("IDN", "1000001"),
        ("MERCHANTID", "7"),
        ("TID", "T1"),
        ("TOTAL", "8000"),
        ("TYPE", "BILLING"),
    ];
    let text: String = pairs
        .iter()
        .map(|(name, value)| format!("{name}{value}\n"))
        .collect();
    let checksum = mac(&text);
    let biller = encode(pairs.into_iter().chain([("CHECKSUM", checksum.as_str())]));
    let notify = |joint: &str, pairs: [(&str, &str); 6]| {
        let values = pairs.map(|(_, value)| value);
        let signature = STANDARD.encode(signed(&STANDARD.encode(values.join(joint))));
        encode(pairs.into_iter().chain([("Signature", signature.as_str())]))
    };
    let icard = notify(
        "",
        [
            ("IPGmethod", "IPGPurchaseNotify"),
            ("MID", "1"),
            ("OrderID", "42"),
            ("Amount", "23.45"),
            ("Currency", "978"),
            ("IPG_Trnref", "20261120101500000001"),
        ],
    );
    let mypos = notify(
        "-",
        [
            ("IPCmethod", "IPCPurchaseNotify"),
            ("SID", "1"),
            ("OrderID", "42"),
            ("Amount", "23.45"),
            ("Currency", "EUR"),
            ("IPC_Trnref", "20261120101500000001"),
        ],
    );
    let fields = [
        ("ACTION", "0"),
        ("RC", "00"),
        ("APPROVAL", "S12345"),
        ("TERMINAL", "V1800001"),
        ("TRTYPE", "1"),
        ("AMOUNT", "23.45"),
        ("CURRENCY", "EUR"),
        ("ORDER", "000042"),
        ("RRN", "632512345678"),
        ("INT_REF", "EC0F1234567890AB"),
        ("PARES_STATUS", "Y"),
        ("ECI", "05"),
        ("TIMESTAMP", "20261120101459"),
        ("NONCE", "ABABABABABABABABABABABABABABABAB"),
    ];
    let text: String = fields
        .iter()
        .map(|(_, value)| format!("{}{value}", value.len()))
        .collect();
    let signature = hex::encode_upper(signed(&(text + "-")));
    let borica = encode(fields.into_iter().chain([("P_SIGN", signature.as_str())]));
    [epay, biller, icard, mypos, borica].map(String::into_bytes)
}

/// What is believed of a message, for comparing.
fn believed(which: usize, message: &[u8]) -> Option<String> {
    let notice = match which {
        0 => EPAY.notification(message).ok()?.remove(0).notice.ok()?,
        1 => BILLER.confirm(message).ok()?,
        2 => ICARD.call_back(message).ok()?,
        3 => MYPOS.call_back(message).ok()?,
        _ => {
            let returned = TERMINAL.returned(message, now()).ok()?;
            match returned.answer(&TERMINAL, 42, &[[0xAB; 16]]).ok()? {
                Answer::Notice(notice) => notice,
                _ => return None,
            }
        }
    };
    Some(format!(
        "{} {:?} {:?}",
        notice.key(),
        notice.about(),
        notice.event()
    ))
}

#[test]
fn no_change_of_a_single_byte_changes_what_is_believed() {
    for (which, good) in good().into_iter().enumerate() {
        let meant = believed(which, &good).expect("the message as it was sent");
        for at in 0..good.len() {
            for byte in [b'0', b'9', b'A', b'-', b'=', b'&', b'%', 0, 0xff] {
                let mut changed = good.clone();
                changed[at] = byte;
                // A change that stands for the same, such as the case of a checksum's digit, may pass.
                if let Some(read) = believed(which, &changed) {
                    assert_eq!(read, meant, "{which} at {at}");
                }
            }
            let mut shorter = good.clone();
            shorter.remove(at);
            if let Some(read) = believed(which, &shorter) {
                assert_eq!(read, meant, "{which} without {at}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_fall(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn forms_of_their_words_are_read_without_a_fall(
        pairs in prop::collection::vec((
            prop::sample::select(vec![
                "encoded", "checksum", "IDN", "MERCHANTID", "TYPE", "TID", "TOTAL", "DATE", "CHECKSUM",
                "IPGmethod", "MID", "OrderID", "Amount", "Signature", "ACTION", "RC", "TERMINAL", "ORDER",
                "P_SIGN", "TIMESTAMP",
            ]),
            ".{0,20}",
        ), 0..12),
    ) {
        let form = encode(pairs.iter().map(|(name, value)| (*name, value.as_str())));
        read_all(form.as_bytes());
        let json: serde_json::Map<String, serde_json::Value> =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        read_all(serde_json::Value::from(json).to_string().as_bytes());
    }

    #[test]
    fn an_amount_is_what_was_written(cents in 1_i64..=1_000_000_000) {
        let written = Cents::new(cents);
        prop_assert_eq!(amount::decimal(&written.to_string()), Ok(written));
        prop_assert_eq!(amount::minor(&cents.to_string()), Ok(written));
    }
}
