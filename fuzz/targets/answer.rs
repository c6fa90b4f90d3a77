//! What card systems answer to questions and refunds, in JSON: as it comes, with a signature of something else,
//! and signed as they would.
#![no_main]

mod signed;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kvit_billing::Cents;
use kvit_pay::dialects::{Answer, Refund, ipg::Shop};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use signed::{BORICA, ICARD, MYPOS, OTHER, joined, lengths, sound};

/// The payment that the seeds speak of.
const PAYMENT: u64 = 42;

fn refund() -> Refund<'static> {
    Refund {
        payment: PAYMENT,
        transaction: "T7",
        received: b"",
        name: "kvit-1",
        amount: Cents::new(1000),
        description: "x",
        email: "",
        now: Timestamp::UNIX_EPOCH,
        nonce: [0xAB; 16],
    }
}

fuzz_target!(|bytes: &[u8]| {
    unbelieved(bytes);
    let Ok(Value::Object(mut said)) = serde_json::from_slice(bytes) else {
        return;
    };
    if said.contains_key("ACTION") {
        said.shift_remove("P_SIGN");
        unbelieved(&with(&said, "P_SIGN", hex::encode(&*OTHER)));
        let get = |name: &str| said.get(name).map(plain).unwrap_or_default();
        let texts: Map<String, Value> = said.keys().map(|n| (n.clone(), get(n).into())).collect();
        let signature = lengths(|name| texts.get(name).and_then(Value::as_str).unwrap_or_default());
        let body = with(&said, "P_SIGN", hex::encode(signature));
        if let Ok(Answer::Notice(notice)) = BORICA.status_answer(PAYMENT, &[], &body) {
            sound(&notice);
        }
        let _ = BORICA.refund_answer(&refund(), &body);
        return;
    }
    said.shift_remove("Signature");
    unbelieved(&with(&said, "Signature", STANDARD.encode(&*OTHER)));
    let shop: &Shop = match said.keys().any(|name| name.starts_with("IPC")) {
        true => &MYPOS,
        false => &ICARD,
    };
    let mut values = Vec::new();
    said.values().for_each(|value| flatten(value, &mut values));
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let body = with(&said, "Signature", STANDARD.encode(joined(shop, &values)));
    if let Ok(Answer::Notice(notice)) = shop.status_answer(PAYMENT, &body) {
        sound(&notice);
    }
    let _ = shop.refund_answer(&refund(), &body);
});

fn unbelieved(body: &[u8]) {
    for shop in [&*ICARD, &*MYPOS] {
        assert!(shop.status_answer(PAYMENT, body).is_err());
        assert!(shop.refund_answer(&refund(), body).is_err());
    }
    assert!(BORICA.status_answer(PAYMENT, &[], body).is_err());
    assert!(BORICA.refund_answer(&refund(), body).is_err());
}

fn with(said: &Map<String, Value>, name: &str, signature: String) -> Vec<u8> {
    let mut said = said.clone();
    said.insert(name.to_owned(), signature.into());
    Value::Object(said).to_string().into_bytes()
}

fn flatten(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.values().for_each(|value| flatten(value, into)),
        Value::Array(array) => array.iter().for_each(|value| flatten(value, into)),
        value => into.push(plain(value)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}
