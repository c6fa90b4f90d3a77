//! A payment system's certificate is replaced while the service runs: what the new one signs is believed within
//! seconds, and what the old one signed no more.

mod common;

use std::{collections::BTreeMap, fs, path::Path};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use common::{
    folder, run,
    service::{Person, Service, instance, until},
};
use kvit_keys::{KeyKind, Pkcs12Key, Throwaway};
use kvit_pades::SealKey;
use kvit_pay::params::encode;

const ICARD: &str = r#"order = ["icard"]
[pay.providers.icard]
kind = "icard"
title = "iCard"
[pay.providers.icard.test]
url = "https://icard.test/"
originator = "33"
shop = "1"
shop_name = "x"
key_index = "1"
key_index_resp = "1"
key_file = "own.key"
their_key_file = "icard.pem"
"#;

/// A key of theirs with its certificate.
fn theirs() -> Pkcs12Key {
    let now = jiff::Timestamp::now();
    let made = Throwaway::generate(KeyKind::Rsa2048, "iCard", now, "x").expect("a key");
    Pkcs12Key::from_bytes(&made.pkcs12, "x").expect("a key")
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// Whether what this key signs about a transaction is believed, and so kept.
fn believed(path: &Path, service: &Service, key: &Pkcs12Key, transaction: &str) -> bool {
    let pairs = [
        ("IPGmethod", "IPGPurchaseNotify"),
        ("MID", "1"),
        ("OrderID", "42"),
        ("Amount", "23.45"),
        ("Currency", "978"),
        ("IPG_Trnref", transaction),
    ];
    let text = STANDARD.encode(pairs.map(|(_, value)| value).concat());
    let signature = STANDARD.encode(key.sign(text.as_bytes()).expect("a signature"));
    let body = encode(pairs.into_iter().chain([("Signature", signature.as_str())]));
    let mut theirs = Person {
        address: service.address.clone(),
        cookies: BTreeMap::new(),
        token: String::new(),
    };
    let head = format!(
        "POST /pay/icard/notify HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}",
        body.len()
    );
    let answer = theirs.ask(&head, body.as_bytes()).expect("an answer");
    // Nobody began this payment.
    assert_eq!((answer.status, answer.body.as_str()), (200, "ERROR"));
    let kept = run(path, &["pay", "unmatched", "--json"]).ok().json();
    let kept = kept["notices"].as_array().expect("notices");
    let name = format!("icard/paid/{transaction}");
    kept.iter().any(|notice| notice["notice"] == *name)
}

#[test]
fn a_replaced_certificate_counts_while_the_service_runs() {
    let (_folder, path) = folder();
    let (address, _) = instance(&path);
    let config = path.join("kvit.toml");
    let text = fs::read_to_string(&config).expect("there");
    fs::write(&config, text.replace("order = []\n", ICARD)).expect("written");
    let own = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let own: Pkcs8V1Der<'_> = own.as_der().expect("DER");
    fs::write(path.join("own.key"), pem("PRIVATE KEY", own.as_ref())).expect("written");
    let certificate = |key: &Pkcs12Key| {
        let text = pem("CERTIFICATE", &key.certificates()[0]);
        fs::write(path.join("icard.pem"), text).expect("written");
    };
    let [first, second] = [(); 2].map(|()| theirs());
    certificate(&first);

    let service = Service::start(&path, &address);
    let believed = |key, transaction: &str| believed(&path, &service, key, transaction);
    assert!(believed(&first, "A"));
    assert!(!believed(&second, "B"));
    certificate(&second);
    until("the new one counts", || believed(&second, "C"));
    assert!(!believed(&first, "D"));
}
