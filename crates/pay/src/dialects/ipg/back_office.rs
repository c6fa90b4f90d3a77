//! What the operator's side asks iCard and myPOS by itself: how a payment stands, and to give money back.
//!
//! The answers are JSON, signed over the text of all values in the order in which they came, those of objects
//! inside included; only the outermost signature is no part of itself. Whether a shop may ask at all, and
//! under which names, is part of its contract, and so of the configuration.

use serde_json::{Map, Value};

use super::{Dialect, Shop, trace};
use crate::{
    About, Event, KeyError, Refusal, VerifiedNotice,
    amount::decimal,
    dialects::{Answer, FormPost, NoRefund, Refund, Refunded, object},
};

/// Objects inside of objects of an answer.
const DEPTH_MAX: usize = 8;
/// The longest name that we give to a refund.
const NAME_MAX: usize = 50;
/// What myPOS publishes of requests that it did not carry out: incomplete (1), badly signed (2), of another shop (4), wrong
/// (5), from elsewhere (6), of a wrong amount (9), by no known name (10), without the money for it (13), not permitted (14),
/// over a limit (15, 19), declined (21), of a shop that may not (25).
const NOT_GIVEN_MYPOS: [&str; 13] = [
    "1", "2", "4", "5", "6", "9", "10", "13", "14", "15", "19", "21", "25",
];
/// No such list of iCard's is known: whatever it says but "done", people look at its pages.
const NOT_GIVEN_ICARD: [&str; 0] = [];

impl Shop {
    /// Whether a payment can be asked for.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        !self.status_method.is_empty()
    }

    /// The question how a payment of ours stands.
    ///
    /// # Errors
    /// Where our key cannot sign.
    pub fn status(&self, order: u64) -> Result<FormPost, KeyError> {
        let mut fields = self.asking(&self.status_method);
        fields.push(("OrderID", order.to_string()));
        fields.push(("OutputFormat", "json".to_owned()));
        self.signed(fields)
    }

    /// Reads the answer to [`Shop::status`]. A payment counts as paid only under their name for the
    /// transaction, so that a call-back about it is the same notice; without it, it counts as ordered.
    ///
    /// # Errors
    /// Where it is not from them as it stands, or about another payment.
    pub fn status_answer(&self, order: u64, body: &[u8]) -> Result<Answer, Refusal> {
        let (said, message) = self.answered(body)?;
        if value(&said, "method").as_deref() != Some(self.status_method.as_str()) {
            return Err(Refusal::Malformed("method"));
        }
        if value(&said, "orderid") != Some(order.to_string()) {
            return Err(Refusal::Stranger);
        }
        if value(&said, "status").ok_or(Refusal::Missing("Status"))? != "0" {
            // They say that there is nothing to tell.
            return Ok(Answer::NotFound);
        }
        let inner = said.iter().find_map(|(name, value)| {
            let inner = name.eq_ignore_ascii_case("OrderStatus");
            value.as_object().filter(|_| inner)
        });
        let about = inner.unwrap_or(&said);
        let what = match inner {
            Some(inner) => value(inner, "method").unwrap_or_default(),
            None if value(&said, "trnstatus").as_deref() == Some("0") => {
                "PurchaseNotify".to_owned()
            }
            None => return Ok(Answer::NotFound),
        };
        let what = what.trim_start_matches("IPG").trim_start_matches("IPC");
        let named = value(about, "trnref").filter(|name| !name.is_empty());
        let named = named.map(|name| trace(&name)).transpose()?;
        let (event, transaction) = match (what, named) {
            ("PurchaseNotify", Some(name)) => {
                let amount = value(about, "amount")
                    .map(|text| decimal(&text))
                    .transpose()?;
                let currency = value(about, "currency").map(|text| self.currency(&text));
                let currency = currency.transpose()?;
                (Event::Paid { amount, currency }, name)
            }
            ("PurchaseNotify", None) => (Event::Ordered, order.to_string()),
            ("PurchaseRollback", Some(name)) => (Event::Reversed, name),
            ("PurchaseRollback", None) => (Event::RolledBack, order.to_string()),
            ("PurchaseCancel", _) => (Event::Declined, order.to_string()),
            _ => return Ok(Answer::InProgress),
        };
        let about = About::Payment(order);
        let notice = VerifiedNotice::new(&self.name, transaction, about, event, body);
        Ok(Answer::Notice(notice.signed_over(&message)))
    }

    /// The request that gives the money of a payment back, or a part of it.
    ///
    /// # Errors
    /// Where the shop takes none by wire, the name for it is too long, or our key cannot sign.
    pub fn refund(&self, refund: &Refund<'_>) -> Result<FormPost, NoRefund> {
        if self.refund_method.is_empty() {
            return Err(NoRefund::NotHere);
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let fits = (1..=NAME_MAX).contains(&refund.name.len()) && refund.name.bytes().all(plain);
        if !fits {
            return Err(NoRefund::Unnamed("OrderID"));
        }
        let transaction = trace(refund.transaction).map_err(|_| NoRefund::Unnamed("Trnref"))?;
        let (name, amount) = (refund.name.to_owned(), refund.amount.to_string());
        let mut fields = self.asking(&self.refund_method);
        fields.extend(match self.dialect {
            Dialect::Icard => vec![
                ("OrderID", name),
                ("IPG_Trnref", transaction),
                ("Amount", amount),
                ("Currency", "978".to_owned()),
                ("Email", refund.email.to_owned()),
            ],
            Dialect::Mypos => vec![
                ("Currency", "EUR".to_owned()),
                ("Amount", amount),
                ("OrderID", name),
                ("IPC_Trnref", transaction),
            ],
        });
        fields.push(("OutputFormat", "json".to_owned()));
        Ok(self.signed(fields)?)
    }

    /// Reads the answer to [`Shop::refund`].
    ///
    /// # Errors
    /// Where it is not from them as it stands, about another amount or none, or leaves open what they did: then
    /// nobody knows whether the money went back.
    pub fn refund_answer(&self, refund: &Refund<'_>, body: &[u8]) -> Result<Refunded, Refusal> {
        let (said, _) = self.answered(body)?;
        if value(&said, "method").as_deref() != Some(self.refund_method.as_str()) {
            return Err(Refusal::Malformed("method"));
        }
        if value(&said, "orderid").is_some_and(|name| name != refund.name) {
            return Err(Refusal::Stranger);
        }
        let status = value(&said, "status").ok_or(Refusal::Missing("Status"))?;
        if status != "0" {
            let not_given: &[&str] = match self.dialect {
                Dialect::Icard => &NOT_GIVEN_ICARD,
                Dialect::Mypos => &NOT_GIVEN_MYPOS,
            };
            if !not_given.contains(&status.as_str()) {
                return Err(Refusal::Nothing);
            }
            let text = value(&said, "statusmsg").unwrap_or_default();
            let text: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
            return Ok(Refunded::Refused(
                format!("{status} {text}").trim().to_owned(),
            ));
        }
        let amount = value(&said, "amount").ok_or(Refusal::Missing("Amount"))?;
        if decimal(&amount)? != refund.amount {
            return Err(Refusal::Malformed("Amount"));
        }
        let name = value(&said, "trnref").filter(|name| !name.is_empty());
        Ok(Refunded::Done(name.map(|name| trace(&name)).transpose()?))
    }

    /// What each question begins with.
    fn asking(&self, method: &str) -> Vec<(&'static str, String)> {
        match self.dialect {
            Dialect::Icard => vec![
                ("IPGmethod", method),
                ("Originator", &self.originator),
                ("KeyIndex", &self.key_index),
                ("KeyIndexResp", &self.key_index_resp),
                ("IPGVersion", "4.5"),
                ("Language", "EN"),
                ("MID", &self.shop),
            ],
            Dialect::Mypos => vec![
                ("IPCmethod", method),
                ("IPCVersion", "1.4"),
                ("IPCLanguage", "EN"),
                ("SID", &self.shop),
                ("WalletNumber", &self.originator),
                ("KeyIndex", &self.key_index),
            ],
        }
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
    }

    /// An answer that is theirs, and what was signed of it.
    fn answered(&self, body: &[u8]) -> Result<(Map<String, Value>, String), Refusal> {
        let said = object(body)?;
        let signature = said.get("Signature").and_then(Value::as_str);
        let signature = signature.ok_or(Refusal::Missing("Signature"))?;
        let mut values = Vec::new();
        for (_, value) in said.iter().filter(|(name, _)| *name != "Signature") {
            flatten(value, DEPTH_MAX, &mut values)?;
        }
        let message = self.dialect.message(values.iter().map(String::as_str));
        self.verify(&message, signature)?;
        Ok((said, message))
    }
}

fn flatten(value: &Value, depth: usize, into: &mut Vec<String>) -> Result<(), Refusal> {
    let depth = depth.checked_sub(1).ok_or(Refusal::Malformed("answer"))?;
    match value {
        Value::Object(object) => object
            .values()
            .try_for_each(|value| flatten(value, depth, into)),
        Value::Array(array) => array
            .iter()
            .try_for_each(|value| flatten(value, depth, into)),
        value => {
            into.push(plain(value));
            Ok(())
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// A value by its name: they write `IPGTrnref`, `IPC_Trnref` and `trnref`, `StatusMsg` and `status_msg`.
fn value(of: &Map<String, Value>, name: &str) -> Option<String> {
    let found = of.iter().find(|(known, _)| {
        let known = known.to_ascii_lowercase().replace('_', "");
        let bare = known.strip_prefix("ipg").or(known.strip_prefix("ipc"));
        known == name || bare == Some(name)
    });
    found.map(|(_, value)| plain(value))
}
