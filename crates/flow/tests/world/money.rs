//! Money that comes in: what an aggregator would report.

use aws_lc_rs::hmac;
use kvit_billing::{BillNumber, CustomerNumber};
use kvit_pay::{MacSecret, VerifiedNotice, dialects::biller::Biller, params::encode};

const SECRET: &str = "some-secret";

/// A customer paid so many cents for a bill; `tid` names the transaction.
pub fn reported(
    account: &CustomerNumber,
    tid: &str,
    cents: i64,
    bill: BillNumber,
) -> VerifiedNotice {
    let ours = Biller {
        name: "ebg".parse().expect("a name"),
        merchant: "7".to_owned(),
        secret: MacSecret::new(SECRET),
    };
    let (total, bill) = (cents.to_string(), bill.to_string());
    let pairs = [
        ("DATE", "20261120101500"),
        ("IDN", account.as_str()),
        ("INVOICES", bill.as_str()),
        ("MERCHANTID", "7"),
        ("TID", tid),
        ("TOTAL", &total),
        ("TYPE", "BILLING"),
    ];
    let text: String = pairs
        .iter()
        .map(|(name, value)| format!("{name}{value}\n"))
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let tag = hmac::sign(&key, text.as_bytes());
    let checksum: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let query = encode(pairs.into_iter().chain([("CHECKSUM", checksum.as_str())]));
    ours.confirm(query.as_bytes()).expect("a report")
}
