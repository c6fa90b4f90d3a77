//! Card on the operator's own site through BORICA's APGW, with 3-D Secure (EMV 3DS).
//!
//! The answer comes back through the customer's browser, signed; because browsers get lost, each
//! payment is also asked for (`TRTYPE=90`) until it is known. Only `ACTION=0` with `RC=00` is paid, and
//! only what speaks of the payment itself ends it: a question that failed says nothing about it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use kvit_billing::{Cents, Currency};
use serde_json::json;

use super::{Answer, FormPost, NoRefund, Nonce, Refund, Refunded, object};
use crate::{
    About, Event, KeyError, ProviderName, Refusal, RsaSigner, RsaVerifier, VerifiedNotice,
    amount::decimal, params::Params, text::one_line,
};

/// An answer whose time is further from ours than this is not believed; the status poll settles it.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(60);
/// What signs for a field that is empty.
const EMPTY: &str = "-";
/// Orders have six digits and are unique to a terminal for a day.
const ORDERS: u64 = 1_000_000;
/// `TRTYPE` of a sale.
const SALE: &str = "1";
/// `TRTYPE` of a question about a sale.
const STATUS: &str = "90";
/// `TRTYPE` of a reversal: a sale, or a part of it, goes back.
const REVERSAL: &str = "24";
/// Response codes after which the issuer may have done what was asked all the same: an error (06), an answer that
/// came too late (68), an issuer or switch that does not answer (91, 92), a duplicate (94), a malfunction (96).
const UNCERTAIN: [&str; 6] = ["06", "68", "91", "92", "94", "96"];

/// An operator's terminal.
#[derive(Debug)]
pub struct Terminal {
    /// Names it in the store and in addresses.
    pub name: ProviderName,
    /// `TERMINAL`, 8 characters.
    pub terminal: String,
    /// `MERCHANT`, 10 to 15 characters.
    pub merchant: String,
    /// As the customer's bank shows it.
    pub merchant_name: String,
    /// The operator's site.
    pub merchant_url: String,
    /// Where questions go.
    pub email: String,
    /// `https://3dsgate.borica.bg/cgi-bin/cgi_link`, for tests `3dsgate-dev`.
    pub url: String,
    /// Ours.
    pub signer: RsaSigner,
    /// BORICA's.
    pub verifier: RsaVerifier,
}

/// A payment to be begun.
#[derive(Clone, Copy, Debug)]
pub struct Sale<'a> {
    /// Our number for it.
    pub number: u64,
    /// How much, in euro.
    pub amount: Cents,
    /// What the customer reads, at most 50 characters.
    pub description: &'a str,
    /// The customer's name.
    pub cardholder: &'a str,
    /// The customer's address, where it is known.
    pub email: &'a str,
    /// The customer's telephone, where it is known; counts where the address is not.
    pub phone: &'a str,
    /// `bg` or `en`.
    pub language: &'a str,
    /// Now.
    pub now: Timestamp,
    /// Never used twice.
    pub nonce: Nonce,
}

/// The `ORDER` of a payment of ours: its last six digits.
#[must_use]
pub fn order(number: u64) -> String {
    format!("{:06}", number % ORDERS)
}

impl Terminal {
    /// The signed form that takes a customer to BORICA.
    ///
    /// # Errors
    /// Where our key cannot sign.
    pub fn sale(&self, sale: &Sale<'_>) -> Result<FormPost, KeyError> {
        let (timestamp, nonce) = (stamp(sale.now), hex::encode_upper(sale.nonce));
        let (amount, order) = (sale.amount.to_string(), order(sale.number));
        let signed = mac(&[
            &self.terminal,
            SALE,
            &amount,
            "EUR",
            &order,
            &timestamp,
            &nonce,
        ]) + EMPTY;
        let mut info = json!({ "cardholderName": one_line(sale.cardholder, 45) });
        if !sale.email.is_empty() {
            info["email"] = json!(sale.email);
        } else if let Some(subscriber) = subscriber(sale.phone) {
            info["mobilePhone"] = json!({ "cc": "359", "subscriber": subscriber });
        }
        let gmt = gmt(sale.now);
        let own_number = own_number(sale.number);
        let fields = [
            ("TERMINAL", self.terminal.as_str()),
            ("TRTYPE", SALE),
            ("AMOUNT", &amount),
            ("CURRENCY", "EUR"),
            ("ORDER", &order),
            ("DESC", &one_line(sale.description, 50)),
            ("MERCHANT", &self.merchant),
            ("MERCH_NAME", &self.merchant_name),
            ("MERCH_URL", &self.merchant_url),
            ("EMAIL", &self.email),
            ("COUNTRY", "BG"),
            ("MERCH_GMT", &gmt),
            ("LANG", &sale.language.to_ascii_uppercase()),
            ("ADDENDUM", "AD,TD"),
            ("AD.CUST_BOR_ORDER_ID", &one_line(&own_number, 22)),
            ("TIMESTAMP", &timestamp),
            ("NONCE", &nonce),
            ("M_INFO", &STANDARD.encode(info.to_string())),
            ("P_SIGN", &self.sign(&signed)?),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec();
        Ok(FormPost {
            url: self.url.clone(),
            fields,
        })
    }

    /// The request that asks what became of a payment.
    ///
    /// # Errors
    /// Where our key cannot sign.
    pub fn status(&self, number: u64, nonce: Nonce) -> Result<FormPost, KeyError> {
        let (order, nonce) = (order(number), hex::encode_upper(nonce));
        let signed = mac(&[&self.terminal, STATUS, &order, &nonce]);
        let fields = [
            ("TERMINAL", self.terminal.as_str()),
            ("TRTYPE", STATUS),
            ("ORDER", &order),
            ("TRAN_TRTYPE", SALE),
            ("NONCE", &nonce),
            ("P_SIGN", &self.sign(&signed)?),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec();
        Ok(FormPost {
            url: self.url.clone(),
            fields,
        })
    }

    /// Reads the answer that a browser brought; which payment of ours it means is found by its
    /// `ORDER`.
    ///
    /// # Errors
    /// Where it is not BORICA's as it stands, or is too old.
    pub fn returned(&self, body: &[u8], now: Timestamp) -> Result<Returned, Refusal> {
        let params = Params::parse(body)?;
        self.verified(&params, SALE)?;
        let time = params.get("TIMESTAMP").unwrap_or_default();
        let time = parse_stamp(time).ok_or(Refusal::Malformed("TIMESTAMP"))?;
        if now.duration_since(time).abs() > SKEW_MAX {
            return Err(Refusal::Skewed);
        }
        Returned::of(self, params, body)
    }

    /// Reads the answer to [`Terminal::status`], which is JSON. Of the two requests that its `NONCE` may name, the
    /// question and the sale, their manual says no more than "the request"; its example of a sale that is found
    /// names the sale's own, and where none is found there is only that of the question. `asked` holds what both were
    /// asked with, or nothing where that of the sale was not kept.
    ///
    /// # Errors
    /// Where it is not BORICA's as it stands, or answers another question.
    pub fn status_answer(
        &self,
        number: u64,
        asked: &[Nonce],
        body: &[u8],
    ) -> Result<Answer, Refusal> {
        let params = from_json(body)?;
        self.verified(&params, STATUS)?;
        if params.get("ORDER") != Some(order(number).as_str()) {
            return Err(Refusal::Stranger);
        }
        Returned::of(self, params, body)?.answer(self, number, asked)
    }

    /// The request that gives the money of a sale back, or a part of it.
    ///
    /// # Errors
    /// Where the notice of the payment names no `RRN` or `INT_REF`, or our key cannot sign.
    pub fn refund(&self, refund: &Refund<'_>) -> Result<FormPost, NoRefund> {
        let kept = match refund.received.first() {
            Some(b'{') => from_json(refund.received),
            _ => Params::parse(refund.received).map_err(Refusal::from),
        }
        .map_err(|_| NoRefund::Unnamed("RRN"))?;
        let named = |name| {
            let value = kept.get(name).filter(|value| !value.is_empty());
            value.ok_or(NoRefund::Unnamed(name))
        };
        let (rrn, reference) = (named("RRN")?, named("INT_REF")?);
        let (timestamp, nonce) = (stamp(refund.now), hex::encode_upper(refund.nonce));
        let (amount, order) = (refund.amount.to_string(), order(refund.payment));
        let signed = mac(&[
            &self.terminal,
            REVERSAL,
            &amount,
            "EUR",
            &order,
            &timestamp,
            &nonce,
        ]) + EMPTY;
        let fields = [
            ("TERMINAL", self.terminal.as_str()),
            ("TRTYPE", REVERSAL),
            ("AMOUNT", &amount),
            ("CURRENCY", "EUR"),
            ("ORDER", &order),
            ("DESC", &one_line(refund.description, 50)),
            ("MERCHANT", &self.merchant),
            ("MERCH_NAME", &self.merchant_name),
            ("RRN", rrn),
            ("INT_REF", reference),
            ("COUNTRY", "BG"),
            ("MERCH_GMT", &gmt(refund.now)),
            ("ADDENDUM", "AD,TD"),
            (
                "AD.CUST_BOR_ORDER_ID",
                &one_line(&own_number(refund.payment), 22),
            ),
            ("TIMESTAMP", &timestamp),
            ("NONCE", &nonce),
            ("P_SIGN", &self.sign(&signed)?),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec();
        Ok(FormPost {
            url: self.url.clone(),
            fields,
        })
    }

    /// Reads the answer to [`Terminal::refund`], which is JSON.
    ///
    /// # Errors
    /// Where it is not BORICA's as it stands, or speaks of another payment or amount, or says nothing
    /// certain: then nobody knows whether the money went back.
    pub fn refund_answer(&self, refund: &Refund<'_>, body: &[u8]) -> Result<Refunded, Refusal> {
        let params = from_json(body)?;
        self.verified(&params, REVERSAL)?;
        let get = |name| params.get(name).unwrap_or_default();
        if get("ORDER") != order(refund.payment) {
            return Err(Refusal::Stranger);
        }
        answers(&params, &[refund.nonce])?;
        match (get("ACTION"), get("RC")) {
            ("0", "00") if decimal(get("AMOUNT"))? == refund.amount => {
                let name = Some(get("INT_REF").to_owned()).filter(|name| !name.is_empty());
                Ok(Refunded::Done(name))
            }
            ("2" | "21", rc) if !UNCERTAIN.contains(&rc) => Ok(Refunded::Refused(rc.to_owned())),
            // Not even tried.
            ("3", rc @ ("-17" | "-20")) => Ok(Refunded::Refused(rc.to_owned())),
            _ => Err(Refusal::Nothing),
        }
    }

    /// Whether it is BORICA's, for this terminal, and an answer to what was asked: the answer to a
    /// reversal says "approved" too.
    fn verified(&self, params: &Params, kind: &str) -> Result<(), Refusal> {
        const SIGNED: [&str; 14] = [
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
        let signature = params.get("P_SIGN").ok_or(Refusal::Missing("P_SIGN"))?;
        let signature = hex::decode(signature).map_err(|_| Refusal::Malformed("P_SIGN"))?;
        let status = params.get("TRTYPE") == Some(STATUS);
        let values = SIGNED.map(|name| match (name, params.get(name).unwrap_or_default()) {
            ("CURRENCY", "") if status => "USD",
            (_, value) => value,
        });
        if !self
            .verifier
            .verifies((mac(&values) + EMPTY).as_bytes(), &signature)
        {
            return Err(Refusal::Signature);
        }
        if params.get("TERMINAL") != Some(self.terminal.as_str()) {
            return Err(Refusal::Stranger);
        }
        if params.get("TRTYPE") != Some(kind) {
            return Err(Refusal::Malformed("TRTYPE"));
        }
        Ok(())
    }

    fn sign(&self, message: &str) -> Result<String, KeyError> {
        Ok(hex::encode_upper(self.signer.sign(message.as_bytes())?))
    }
}

/// A verified answer, before it is known which payment of ours its six digits mean.
#[derive(Clone, Debug)]
pub struct Returned {
    /// Its `ORDER`.
    pub order: String,
    params: Params,
    received: Vec<u8>,
}

impl Returned {
    fn of(terminal: &Terminal, params: Params, body: &[u8]) -> Result<Self, Refusal> {
        debug_assert!(params.get("TERMINAL") == Some(terminal.terminal.as_str()));
        let order = params.get("ORDER").unwrap_or_default().to_owned();
        let ok = order.len() == 6 && order.bytes().all(|b| b.is_ascii_digit());
        if !ok {
            return Err(Refusal::Malformed("ORDER"));
        }
        Ok(Self {
            order,
            params,
            received: body.to_vec(),
        })
    }

    /// What it says about our payment `number`, which was asked with one of `asked`; none where that was not kept.
    ///
    /// # Errors
    /// Where it answers another question, is paid and its amount is none, or says nothing about the payment.
    pub fn answer(
        &self,
        terminal: &Terminal,
        number: u64,
        asked: &[Nonce],
    ) -> Result<Answer, Refusal> {
        answers(&self.params, asked)?;
        let get = |name| self.params.get(name).unwrap_or_default();
        let (action, rc) = (get("ACTION"), get("RC"));
        let event = match (action, rc) {
            ("0", "00") => {
                let amount = Some(decimal(get("AMOUNT"))?);
                let currency = Some(get("CURRENCY").parse::<Currency>());
                let currency = currency
                    .transpose()
                    .map_err(|_| Refusal::Malformed("CURRENCY"))?;
                Event::Paid { amount, currency }
            }
            (_, "-31" | "-33" | "-40") => return Ok(Answer::InProgress),
            (_, "-24" | "-25") => return Ok(Answer::NotFound),
            // "Duplicate" speaks of the second request, not of the payment.
            ("1", _) => return Ok(Answer::InProgress),
            ("2" | "21", _) => Event::Declined,
            // BORICA's own codes are negative. Of a sale these two say that it was not even tried; of
            // a question, that the question was not understood.
            ("3", "-17" | "-20") if get("TRTYPE") == SALE => Event::Declined,
            ("3", rc) if rc.starts_with('-') && get("TRTYPE") == STATUS => {
                return Err(Refusal::Nothing);
            }
            ("3", _) => return Ok(Answer::InProgress),
            _ => return Err(Refusal::Nothing),
        };
        // An order is paid once at most, so our own number names the transaction: the references
        // (INT_REF, RRN) need not be the same in what the browser brings and what the poll says.
        let about = About::Payment(number);
        Ok(Answer::Notice(VerifiedNotice::new(
            &terminal.name,
            number.to_string(),
            about,
            event,
            &self.received,
        )))
    }
}

/// Whether an answer names what was asked with. Where that was not kept, nothing is compared.
fn answers(params: &Params, asked: &[Nonce]) -> Result<(), Refusal> {
    let named = hex::decode(params.get("NONCE").unwrap_or_default()).unwrap_or_default();
    let is = |nonce: &Nonce| verify_slices_are_equal(&named, nonce).is_ok();
    match asked.is_empty() || asked.iter().any(is) {
        true => Ok(()),
        false => Err(Refusal::Nonce),
    }
}

/// The payment's name in the operator's own books, for BORICA's statements.
fn own_number(number: u64) -> String {
    format!("{:06}{number}", number % ORDERS)
}

/// Each value behind its length in bytes; `-` for an empty one.
fn mac(values: &[&str]) -> String {
    let one = |value: &&str| match value.len() {
        0 => EMPTY.to_owned(),
        length => format!("{length}{value}"),
    };
    values.iter().map(one).collect()
}

/// A flat JSON object of texts as parameters.
fn from_json(body: &[u8]) -> Result<Params, Refusal> {
    const BAD: Refusal = Refusal::Malformed("answer");
    let value = object(body)?;
    let pairs = value.iter().map(|(name, value)| {
        let value = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            serde_json::Value::Null => String::new(),
            _ => return Err(BAD),
        };
        Ok((name.clone(), value))
    });
    let pairs: Vec<(String, String)> = pairs.collect::<Result<_, _>>()?;
    let text = crate::params::encode(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    Ok(Params::parse(text.as_bytes())?)
}

/// A Bulgarian telephone number without the country's prefix.
fn subscriber(phone: &str) -> Option<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let rest = ["00359", "359", "0"]
        .iter()
        .find_map(|prefix| digits.strip_prefix(prefix))?;
    (8..=9).contains(&rest.len()).then(|| rest.to_owned())
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%d%H%M%S").to_string()
}

fn parse_stamp(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// How far Sofia is ahead of UTC, as `+03`.
fn gmt(at: Timestamp) -> String {
    let hours = TimeZone::get("Europe/Sofia").map_or(2, |zone| zone.to_offset(at).seconds() / 3600);
    format!("{hours:+03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_strings_come_out() {
        let sale = [
            "V1800001",
            "1",
            "1.00",
            "BGN",
            "145659",
            "20201013115715",
            "FC8AC36A9FDADCB6127D273CD15DAEC3",
        ];
        assert_eq!(
            mac(&sale) + EMPTY,
            "8V18000011141.003BGN6145659142020101311571532FC8AC36A9FDADCB6127D273CD15DAEC3-"
        );
        assert_eq!(
            mac(&[
                "V1800001",
                "90",
                "114233",
                "622CAAA8BF20C5A21A917DCB8401C336"
            ]),
            "8V1800001290611423332622CAAA8BF20C5A21A917DCB8401C336"
        );
        assert_eq!(mac(&["", "я"]), "-2я");
    }

    #[test]
    fn times_are_utc_and_orders_six_digits() {
        let at: Timestamp = "2026-07-01T21:05:09Z".parse().expect("a moment");
        assert_eq!(stamp(at), "20260701210509");
        assert_eq!(parse_stamp("20260701210509"), Some(at));
        assert_eq!(parse_stamp("2026"), None);
        assert_eq!(gmt(at), "+03");
        assert_eq!(order(1_000_042), "000042");
        assert_eq!(subscriber("+359 88 812 3456").as_deref(), Some("888123456"));
        assert_eq!(subscriber("0888 123 456").as_deref(), Some("888123456"));
        assert_eq!(subscriber("12345"), None);
    }
}
