//! Paying a bill where the payment system asks us: ePay and EasyPay billing, and every aggregator
//! that looks a customer up by number (`inquiry`) and reports what was paid (`confirm`).
//!
//! The shape is that of ePay's billing interface. That other aggregators speak it too is assumed,
//! to be confirmed with each of them; what they differ in (path, secret, name) is configuration.
//! `TOTAL` is taken to count cents, as `AMOUNT` does.

use kvit_billing::{BillNumber, Cents, CustomerNumber};
use serde::Serialize;

use crate::{
    About, Event, MacSecret, ProviderName, Refusal, VerifiedNotice, amount::minor, params::Params,
    text::one_line,
};

const SHORT_CHARS_MAX: usize = 40;
const LONG_CHARS_MAX: usize = 4000;
const LINE_CHARS_MAX: usize = 110;
/// The most bills that one answer lists; the sum is that of all.
const BILLS_MAX: usize = 50;

/// An operator's contract with one system that asks for dues and reports payments.
#[derive(Clone, Debug)]
pub struct Biller {
    /// Names it in the store and in addresses.
    pub name: ProviderName,
    /// What it calls the operator, up to 8 digits.
    pub merchant: String,
    /// Shared with it.
    pub secret: MacSecret,
}

/// What the system wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// Whose dues; `None` where the number cannot be one of ours.
    pub account: Option<CustomerNumber>,
    /// The number as it was asked, to be repeated.
    pub idn: String,
    /// Why it asks.
    pub purpose: Purpose,
}

/// Why dues are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only to know.
    Check,
    /// To pay what is due.
    Billing,
    /// To pay in advance.
    Deposit(Cents),
}

/// The answers' `STATUS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// The amount is none.
    BadAmount,
    /// No such customer.
    UnknownCustomer,
    /// Nothing is due.
    NothingDue,
    /// Not now.
    Unavailable,
    /// The checksum does not fit.
    BadChecksum,
    /// This payment was reported before, and counts once.
    Duplicate,
    /// Anything else.
    Error,
}

impl Status {
    /// As it is written.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ok => "00",
            Self::BadAmount => "13",
            Self::UnknownCustomer => "14",
            Self::NothingDue => "62",
            Self::Unavailable => "80",
            Self::BadChecksum => "93",
            Self::Duplicate => "94",
            Self::Error => "96",
        }
    }

    /// What a request that is not believed is answered.
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Signature | Refusal::Missing("CHECKSUM") => Self::BadChecksum,
            Refusal::Amount(_) => Self::BadAmount,
            _ => Self::Error,
        }
    }

    /// The whole answer where there is nothing more to say.
    #[must_use]
    pub fn answer(self) -> String {
        format!("{{\"STATUS\":\"{}\"}}", self.code())
    }
}

impl Biller {
    /// Reads a question for dues (`/init`).
    ///
    /// # Errors
    /// Where it is not from the other side as it stands.
    pub fn inquiry(&self, query: &[u8]) -> Result<Inquiry, Refusal> {
        let params = self.verified(query)?;
        let purpose = match params.get("TYPE").ok_or(Refusal::Missing("TYPE"))? {
            "CHECK" => Purpose::Check,
            "BILLING" => {
                transaction(&params)?;
                Purpose::Billing
            }
            "DEPOSIT" => {
                transaction(&params)?;
                let total = params.get("TOTAL").ok_or(Refusal::Missing("TOTAL"))?;
                Purpose::Deposit(minor(total)?)
            }
            _ => return Err(Refusal::Malformed("TYPE")),
        };
        let idn = idn(&params)?;
        Ok(Inquiry {
            account: idn.parse().ok(),
            idn: idn.to_owned(),
            purpose,
        })
    }

    /// Reads the report of a payment (`/confirm`).
    ///
    /// # Errors
    /// Where it is not from the other side as it stands.
    pub fn confirm(&self, query: &[u8]) -> Result<VerifiedNotice, Refusal> {
        let params = self.verified(query)?;
        if !matches!(
            params.get("TYPE").ok_or(Refusal::Missing("TYPE"))?,
            "BILLING" | "PARTIAL" | "DEPOSIT"
        ) {
            return Err(Refusal::Malformed("TYPE"));
        }
        let amount = minor(params.get("TOTAL").ok_or(Refusal::Missing("TOTAL"))?)?;
        let date = params.get("DATE").ok_or(Refusal::Missing("DATE"))?;
        if date.len() != 14 || !date.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::Malformed("DATE"));
        }
        let tid = transaction(&params)?.to_owned();
        // The money is there, whoever it is for: a number that cannot be one of ours is for people.
        let about = match idn(&params)?.parse::<CustomerNumber>() {
            Ok(account) => About::Customer {
                account,
                bills: bills(params.get("INVOICES").unwrap_or_default()),
            },
            Err(_) => About::Nobody,
        };
        let event = Event::Paid {
            amount: Some(amount),
            currency: None,
        };
        Ok(VerifiedNotice::new(&self.name, tid, about, event, query))
    }

    fn verified(&self, query: &[u8]) -> Result<Params, Refusal> {
        let params = Params::parse(query)?;
        let checksum = params.get("CHECKSUM").ok_or(Refusal::Missing("CHECKSUM"))?;
        if !self.secret.verifies(&message(&params), checksum) {
            return Err(Refusal::Signature);
        }
        let merchant = params
            .get("MERCHANTID")
            .ok_or(Refusal::Missing("MERCHANTID"))?;
        if merchant != self.merchant {
            return Err(Refusal::Stranger);
        }
        Ok(params)
    }
}

/// Every parameter but the checksum, sorted by name, as `KEYVALUE` and a line end each.
fn message(params: &Params) -> String {
    let mut pairs: Vec<_> = params
        .pairs()
        .iter()
        .filter(|(name, _)| name != "CHECKSUM")
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{name}{value}\n"))
        .collect()
}

fn idn(params: &Params) -> Result<&str, Refusal> {
    let idn = params.get("IDN").ok_or(Refusal::Missing("IDN"))?;
    let ok = (1..=64).contains(&idn.len()) && idn.bytes().all(|b| b.is_ascii_digit());
    if ok {
        Ok(idn)
    } else {
        Err(Refusal::Malformed("IDN"))
    }
}

fn transaction(params: &Params) -> Result<&str, Refusal> {
    let tid = params.get("TID").ok_or(Refusal::Missing("TID"))?;
    let ok = (1..=64).contains(&tid.len()) && tid.bytes().all(|b| b.is_ascii_alphanumeric());
    if ok {
        Ok(tid)
    } else {
        Err(Refusal::Malformed("TID"))
    }
}

/// Which bills are named. A name that is none of ours is passed over: the money counts for the oldest.
fn bills(text: &str) -> Vec<BillNumber> {
    let names = text.split(',').filter_map(|name| name.trim().parse().ok());
    names.take(BILLS_MAX).collect()
}

/// One bill that is due, as the answer lists it.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its number.
    pub number: BillNumber,
    /// What is still open of it.
    pub open: Cents,
    /// Last day to pay.
    pub due: jiff::civil::Date,
    /// What the customer reads on a phone, such as the period.
    pub short: String,
    /// What the customer reads where there is room.
    pub long: String,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Answer<'a> {
    status: &'static str,
    idn: &'a str,
    shortdesc: String,
    amount: String,
    validto: String,
    longdesc: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invoices: Vec<Invoice>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Invoice {
    idn: String,
    amount: String,
    shortdesc: String,
    validto: String,
    longdesc: String,
}

/// The answer to a question for dues: the sum of `dues`, oldest first, and each by itself. `valid`
/// is until when the answer may be paid by.
#[must_use]
pub fn dues_answer(
    inquiry: &Inquiry,
    short: &str,
    dues: &[Due],
    valid: jiff::civil::Date,
) -> String {
    let total: Cents = dues.iter().map(|due| due.open).sum();
    if total <= Cents::ZERO && !matches!(inquiry.purpose, Purpose::Deposit(_)) {
        return Status::NothingDue.answer();
    }
    let valid = valid.strftime("%Y%m%d").to_string();
    let lines: Vec<_> = dues
        .iter()
        .map(|due| one_line(&due.long, LINE_CHARS_MAX))
        .collect();
    let invoice = |due: &Due| Invoice {
        idn: due.number.to_string(),
        amount: due.open.get().to_string(),
        shortdesc: one_line(&due.short, SHORT_CHARS_MAX),
        validto: valid.clone(),
        longdesc: one_line(&due.long, LINE_CHARS_MAX),
    };
    let amount = match inquiry.purpose {
        Purpose::Deposit(total) => total,
        Purpose::Check | Purpose::Billing => total,
    };
    let answer = Answer {
        status: Status::Ok.code(),
        idn: &inquiry.idn,
        shortdesc: one_line(short, SHORT_CHARS_MAX),
        amount: amount.get().to_string(),
        validto: valid.clone(),
        longdesc: lines.join("\n").chars().take(LONG_CHARS_MAX).collect(),
        invoices: dues.iter().take(BILLS_MAX).map(invoice).collect(),
    };
    serde_json::to_string(&answer).unwrap_or_else(|_| Status::Error.answer())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn biller() -> Biller {
        Biller {
            name: "epay-billing".parse().expect("a name"),
            merchant: "7000005".to_owned(),
            secret: MacSecret::new("cUAMSp39r6B2pPh9PjSh5Rd6gYvDVudG"),
        }
    }

    /// A query with its checksum, its parameters in the order given.
    fn signed(query: &str) -> String {
        let params = Params::parse(query.as_bytes()).expect("a query");
        format!(
            "{query}&CHECKSUM={}",
            biller().secret.sign(&message(&params))
        )
    }

    #[test]
    fn the_published_checksum_is_accepted() {
        let query = "IDN=2000001&MERCHANTID=7000005&TID=20260417171529315661700020&TYPE=BILLING&CHECKSUM=5a1348bb9578cbe28785d64888c4df81325d6660";
        let inquiry = biller()
            .inquiry(query.as_bytes())
            .expect("from the other side");
        assert_eq!(inquiry.purpose, Purpose::Billing);
        assert_eq!(inquiry.account, "2000001".parse().ok());
        // In another order it is the same.
        let mut parts: Vec<_> = query.split('&').collect();
        parts.reverse();
        assert_eq!(biller().inquiry(parts.join("&").as_bytes()), Ok(inquiry));
    }

    #[test]
    fn a_confirmed_payment_is_a_notice() {
        let query = signed(
            "IDN=2000001&MERCHANTID=7000005&TID=T1&DATE=20261120101500&TOTAL=8000&TYPE=BILLING&INVOICES=0000000101,0000000102",
        );
        let notice = biller()
            .confirm(query.as_bytes())
            .expect("from the other side");
        assert_eq!(notice.key(), "epay-billing/paid/T1");
        assert_eq!(
            notice.event(),
            Event::Paid {
                amount: Some(Cents::new(8000)),
                currency: None
            }
        );
        let About::Customer { bills, .. } = notice.about() else {
            panic!("a customer was named");
        };
        assert_eq!(bills.len(), 2);
    }

    #[test]
    fn money_is_kept_whoever_it_is_for_and_whatever_it_names() {
        let report = |idn: &str, bills: &str| {
            let query = signed(&format!(
                "IDN={idn}&MERCHANTID=7000005&TID=T1&DATE=20261120101500&TOTAL=8000&TYPE=BILLING&INVOICES={bills}"
            ));
            biller().confirm(query.as_bytes()).expect("a report")
        };
        assert_eq!(report(&"1".repeat(21), "").about(), &About::Nobody);
        let About::Customer { bills, .. } =
            report("2000001", "x,0000000101,Фактура").about().clone()
        else {
            panic!("a customer was named");
        };
        assert_eq!(bills, [BillNumber::new(101).expect("a number")]);
    }

    #[test]
    fn what_is_not_from_the_other_side_is_refused() {
        let good = signed("IDN=2000001&MERCHANTID=7000005&TYPE=CHECK");
        assert!(biller().inquiry(good.as_bytes()).is_ok());
        let status =
            |query: &str| Status::of(&biller().inquiry(query.as_bytes()).expect_err("refused"));
        assert_eq!(
            status(&good.replace("2000001", "2000002")),
            Status::BadChecksum
        );
        assert_eq!(status(&good.replace("IDN=", "idn=")), Status::BadChecksum);
        assert_eq!(status(&format!("{good}&X=1")), Status::BadChecksum);
        assert_eq!(status(&format!("{good}&IDN=2000002")), Status::Error);
        assert_eq!(
            status("IDN=2000001&MERCHANTID=7000005&TYPE=CHECK"),
            Status::BadChecksum
        );
        assert_eq!(
            status(&signed("IDN=2000001&MERCHANTID=1&TYPE=CHECK")),
            Status::Error
        );
        assert_eq!(
            status(&signed("IDN=2000001&MERCHANTID=7000005&TYPE=BILLING")),
            Status::Error
        );
        assert_eq!(
            status(&signed("IDN=x&MERCHANTID=7000005&TYPE=CHECK")),
            Status::Error
        );
        assert_eq!(
            status(&format!("{good}{}", "&".repeat(1 << 20))),
            Status::Error
        );
        let long = "1".repeat(64);
        let unknown = signed(&format!("IDN={long}&MERCHANTID=7000005&TYPE=CHECK"));
        let inquiry = biller().inquiry(unknown.as_bytes()).expect("a question");
        assert_eq!(
            inquiry.account, None,
            "longer than our numbers: unknown, not a fault"
        );
    }

    #[test]
    fn odd_amounts_are_refused() {
        for total in ["0", "-5", "1e9", "12.345", "80.00", ""] {
            let query = signed(&format!(
                "IDN=1&MERCHANTID=7000005&TID=T1&DATE=20261120101500&TOTAL={total}&TYPE=PARTIAL"
            ));
            let refused = biller()
                .confirm(query.as_bytes())
                .expect_err("an odd amount");
            assert_eq!(Status::of(&refused), Status::BadAmount, "{total}");
        }
    }

    #[test]
    fn dues_are_answered_as_documented() {
        let inquiry = Inquiry {
            account: "2000001".parse().ok(),
            idn: "2000001".to_owned(),
            purpose: Purpose::Billing,
        };
        let day = "2026-12-01".parse().expect("a date");
        let dues = [Due {
            number: BillNumber::new(101).expect("a number"),
            open: Cents::new(8000),
            due: day,
            short: "октомври 2026".to_owned(),
            long: "Фактура 0000000101".to_owned(),
        }];
        assert_eq!(
            dues_answer(&inquiry, "Светулка", &dues, day),
            r#"{"STATUS":"00","IDN":"2000001","SHORTDESC":"Светулка","AMOUNT":"8000","VALIDTO":"20261201","LONGDESC":"Фактура 0000000101","INVOICES":[{"IDN":"0000000101","AMOUNT":"8000","SHORTDESC":"октомври 2026","VALIDTO":"20261201","LONGDESC":"Фактура 0000000101"}]}"#
        );
        assert_eq!(dues_answer(&inquiry, "x", &[], day), r#"{"STATUS":"62"}"#);
    }
}
