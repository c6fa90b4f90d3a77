//! What payment systems send: each form and query as it comes, when nothing of it may be believed, with a
//! signature of something else, and signed as the one whom it speaks of would.
#![no_main]

mod signed;

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kvit_pay::{
    MacSecret, amount,
    dialects::{
        Answer,
        biller::Biller,
        epay::{self, Epay},
        ipg::Shop,
    },
    params::{Params, encode},
};
use libfuzzer_sys::fuzz_target;
use signed::{BORICA, ICARD, MYPOS, OTHER, joined, lengths, sound};

const SECRET: &str = "some-secret";

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

/// The time of the seeds.
fn now() -> Timestamp {
    "2026-11-20T10:15:00Z".parse().expect("a moment")
}

fuzz_target!(|bytes: &[u8]| {
    let _ = epay::cash_code(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = amount::decimal(text);
        let _ = amount::minor(text);
    }
    unbelieved(bytes);
    at_epay(bytes);
    let Ok(form) = Params::parse(bytes) else {
        return;
    };
    at_biller(&form);
    let shops: [&Shop; 2] = [&ICARD, &MYPOS];
    for (shop, name) in shops.into_iter().zip(["IPGmethod", "IPCmethod"]) {
        if form.get(name).is_some() {
            at_shop(shop, &form);
        }
    }
    if form.get("ACTION").is_some() {
        at_borica(&form);
    }
});

fn unbelieved(body: &[u8]) {
    assert!(EPAY.notification(body).is_err());
    assert!(BILLER.inquiry(body).is_err());
    assert!(BILLER.confirm(body).is_err());
    assert!(ICARD.call_back(body).is_err());
    assert!(MYPOS.call_back(body).is_err());
    assert!(BORICA.returned(body, now()).is_err());
}

fn mac(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

/// The bytes are the lines that ePay writes.
fn at_epay(lines: &[u8]) {
    let encoded = STANDARD.encode(lines);
    let body = |checksum: &str| encode([("encoded", encoded.as_str()), ("checksum", checksum)]);
    unbelieved(body(&mac("something else")).as_bytes());
    let lines = EPAY.notification(body(&mac(&encoded)).as_bytes());
    for line in lines.unwrap_or_default() {
        assert!(line.notice.is_err() || line.invoice.is_some());
        line.notice.iter().for_each(sound);
    }
}

fn at_biller(form: &Params) {
    let (mut lines, fields) = without(form, "CHECKSUM");
    lines.sort_unstable();
    let text: String = lines.iter().map(|(n, v)| format!("{n}{v}\n")).collect();
    unbelieved(fields(&mac("something else")).as_bytes());
    let query = fields(&mac(&text));
    let _ = BILLER.inquiry(query.as_bytes());
    BILLER.confirm(query.as_bytes()).iter().for_each(sound);
}

fn at_shop(shop: &Shop, form: &Params) {
    let (fields, body) = without(form, "Signature");
    let values: Vec<&str> = fields.iter().map(|(_, value)| *value).collect();
    unbelieved(body(&STANDARD.encode(&*OTHER)).as_bytes());
    let body = body(&STANDARD.encode(joined(shop, &values)));
    shop.call_back(body.as_bytes()).iter().for_each(sound);
}

fn at_borica(form: &Params) {
    let (_, body) = without(form, "P_SIGN");
    unbelieved(body(&hex::encode(&*OTHER)).as_bytes());
    let signature = lengths(|name| form.get(name).unwrap_or_default());
    let Ok(returned) = BORICA.returned(body(&hex::encode(signature)).as_bytes(), now()) else {
        return;
    };
    assert!(returned.order.len() == 6);
    if let Ok(Answer::Notice(notice)) = returned.answer(&BORICA, 42, &[]) {
        sound(&notice);
    }
}

/// The fields of a form but its signature, and the form with another.
fn without<'a>(
    form: &'a Params,
    signature: &'a str,
) -> (Vec<(&'a str, &'a str)>, impl Fn(&str) -> String + 'a) {
    let fields = form.pairs().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<_> = fields.filter(|(name, _)| *name != signature).collect();
    let all = fields.clone();
    let body = move |text: &str| encode(all.iter().copied().chain([(signature, text)]));
    (fields, body)
}
