//! ePay.bg: web checkout by account or card, and the EasyPay code for paying in cash.
//!
//! `ENCODED` is base64 of `KEY=VALUE` lines; `CHECKSUM` is HMAC-SHA1 of that base64 text. ePay then
//! notifies us until each invoice gets an answer that it accepts.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::civil::DateTime;
use kvit_billing::Cents;

use super::FormPost;
use crate::{
    About, Event, MacSecret, ProviderName, Refusal, VerifiedNotice,
    amount::decimal,
    params::{Params, encode},
    text::{from_cp1251, one_line},
};

/// The least that can be paid there: more than a cent.
pub const AMOUNT_MIN: Cents = Cents::new(2);
/// The longest description that ePay shows.
const DESCRIPTION_CHARS_MAX: usize = 100;
/// The most invoices in one notification that are read.
const INVOICES_MAX: usize = 1000;

/// An operator's contract with ePay.
#[derive(Clone, Debug)]
pub struct Epay {
    /// Names it in the store and in addresses.
    pub name: ProviderName,
    /// The merchant number (`MIN`).
    pub min: String,
    /// Shared with ePay, 64 characters.
    pub secret: MacSecret,
    /// `https://www.epay.bg/`, for tests `https://demo.epay.bg/`; with the slash.
    pub url: String,
}

/// How the customer pays at ePay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// From their ePay account.
    Account,
    /// By card, without an account.
    Card,
}

/// A payment to be begun at ePay.
#[derive(Clone, Copy, Debug)]
pub struct Checkout<'a> {
    /// Our number for it.
    pub invoice: u64,
    /// How much, in euro.
    pub amount: Cents,
    /// Until when it can be paid, by the clocks of Sofia.
    pub expires: DateTime,
    /// What the customer reads there.
    pub description: &'a str,
}

impl Epay {
    /// The form that takes a customer to ePay. The browser comes back to `ok` or `cancel`, which
    /// proves nothing.
    #[must_use]
    pub fn checkout(
        &self,
        page: Page,
        checkout: &Checkout<'_>,
        language: &str,
        ok: &str,
        cancel: &str,
    ) -> FormPost {
        let (encoded, checksum) = self.packed(&request_text(&self.min, checkout));
        let page_name = match page {
            Page::Account => "paylogin",
            Page::Card => "credit_paydirect",
        };
        let mut fields = vec![("PAGE", page_name.to_owned())];
        if page == Page::Card {
            fields.push(("LANG", language.to_owned()));
        }
        fields.extend([
            ("ENCODED", encoded),
            ("CHECKSUM", checksum),
            ("URL_OK", ok.to_owned()),
            ("URL_CANCEL", cancel.to_owned()),
        ]);
        FormPost {
            url: self.url.clone(),
            fields,
        }
    }

    /// The address that gives a code with which the payment can be made in cash at EasyPay.
    #[must_use]
    pub fn cash_code_url(&self, checkout: &Checkout<'_>) -> String {
        let (encoded, checksum) = self.packed(&request_text(&self.min, checkout));
        let query = encode([
            ("ENCODED", encoded.as_str()),
            ("CHECKSUM", checksum.as_str()),
        ]);
        format!("{}ezp/reg_bill.cgi?{query}", self.url)
    }

    fn packed(&self, text: &str) -> (String, String) {
        let encoded = STANDARD.encode(text);
        let checksum = self.secret.sign(&encoded);
        (encoded, checksum)
    }

    /// Reads a notification. Each line of it is a notice by itself; the answer is made by
    /// [`reply`].
    ///
    /// # Errors
    /// Where it is not from ePay as it stands.
    pub fn notification(&self, body: &[u8]) -> Result<Vec<Line>, Refusal> {
        let params = Params::parse(body)?;
        let encoded = params.get("encoded").ok_or(Refusal::Missing("encoded"))?;
        let checksum = params.get("checksum").ok_or(Refusal::Missing("checksum"))?;
        if !self.secret.verifies(encoded, checksum) {
            return Err(Refusal::Signature);
        }
        let text = STANDARD
            .decode(encoded)
            .map_err(|_| Refusal::Malformed("encoded"))?;
        let text = String::from_utf8(text).map_err(|_| Refusal::Malformed("encoded"))?;
        let lines: Vec<_> = text
            .split(['\n', '\r'])
            .filter(|line| !line.trim().is_empty())
            .collect();
        if lines.is_empty() || lines.len() > INVOICES_MAX {
            return Err(Refusal::Malformed("encoded"));
        }
        let lines: Vec<_> = lines
            .into_iter()
            .map(|line| {
                self.line(line, body).unwrap_or_else(|refused| Line {
                    invoice: None,
                    notice: Err(refused),
                })
            })
            .collect();
        if lines.iter().all(|line| line.invoice.is_none()) {
            return Err(Refusal::Malformed("INVOICE"));
        }
        Ok(lines)
    }

    /// One line; where its invoice can be read, a fault in the rest of it is answered in its place.
    fn line(&self, line: &str, body: &[u8]) -> Result<Line, Refusal> {
        let mut parts: Vec<(&str, &str)> = Vec::new();
        for part in line.trim().split(':') {
            let (name, value) = part.split_once('=').ok_or(Refusal::Malformed("encoded"))?;
            if parts.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::Malformed("encoded"));
            }
            parts.push((name, value));
        }
        let get = |name: &'static str| {
            parts
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, v)| *v)
        };
        let invoice = get("INVOICE")
            .filter(|n| !n.is_empty() && n.len() <= 18)
            .and_then(number);
        let invoice = invoice.ok_or(Refusal::Malformed("INVOICE"))?;
        Ok(Line {
            invoice: Some(invoice),
            notice: self.event(invoice, &get, body),
        })
    }

    fn event<'a>(
        &self,
        invoice: u64,
        get: &impl Fn(&'static str) -> Option<&'a str>,
        body: &[u8],
    ) -> Result<VerifiedNotice, Refusal> {
        let status = get("STATUS").ok_or(Refusal::Missing("STATUS"))?;
        let (event, transaction) = match status {
            "PAID" => {
                let amount = get("AMOUNT").map(decimal).transpose()?;
                // Where an invoice is paid twice, these two differ.
                let stan = get("STAN").ok_or(Refusal::Missing("STAN"))?;
                let code = get("BCODE").ok_or(Refusal::Missing("BCODE"))?;
                let plain = |text: &str| {
                    text.len() <= 20 && text.bytes().all(|b| b.is_ascii_alphanumeric())
                };
                if !plain(stan) || !plain(code) {
                    return Err(Refusal::Malformed("STAN"));
                }
                let event = Event::Paid {
                    amount,
                    currency: None,
                };
                (event, format!("{invoice}.{stan}.{code}"))
            }
            "DENIED" => (Event::Declined, invoice.to_string()),
            "EXPIRED" => (Event::Expired, invoice.to_string()),
            _ => return Err(Refusal::Malformed("STATUS")),
        };
        let about = About::Payment(invoice);
        Ok(VerifiedNotice::new(
            &self.name,
            transaction,
            about,
            event,
            body,
        ))
    }
}

/// One line of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which payment it speaks of; `None` where that cannot be read, so that nothing can be answered.
    pub invoice: Option<u64>,
    /// What it says.
    pub notice: Result<VerifiedNotice, Refusal>,
}

/// What ePay is told about one invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Kept. ePay stops asking.
    Ok,
    /// No such payment here. ePay stops asking.
    Unknown,
    /// Not kept: ask again.
    Again,
}

/// The answer to a notification.
#[must_use]
pub fn reply(answers: &[(u64, Answer)]) -> String {
    let line = |(invoice, answer): &(u64, Answer)| {
        let word = match answer {
            Answer::Ok => "OK",
            Answer::Unknown => "NO",
            Answer::Again => "ERR",
        };
        format!("INVOICE={invoice}:STATUS={word}\n")
    };
    answers.iter().map(line).collect()
}

/// The answer to a notification that is not believed.
#[must_use]
pub fn refusal(refused: &Refusal) -> String {
    format!("ERR={refused}\n")
}

/// Why EasyPay gave no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("EasyPay gave no code: {0}")]
pub struct NoCode(String);

/// The code for paying in cash, ten digits, out of EasyPay's answer.
///
/// # Errors
/// Where it answers with a fault, or with something else.
pub fn cash_code(answer: &[u8]) -> Result<String, NoCode> {
    let text = from_cp1251(&answer[..answer.len().min(4096)]);
    let line = |key: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(key).map(str::to_owned))
    };
    if let Some(code) = line("IDN=")
        && code.len() == 10
        && code.bytes().all(|b| b.is_ascii_digit())
    {
        return Ok(code);
    }
    let fault = line("ERR=").unwrap_or_else(|| "an answer of another form".to_owned());
    Err(NoCode(one_line(&fault, 200)))
}

fn request_text(min: &str, checkout: &Checkout<'_>) -> String {
    let Checkout {
        invoice,
        amount,
        expires,
        description,
    } = checkout;
    let expires = expires.strftime("%d.%m.%Y %H:%M:%S");
    let description = one_line(description, DESCRIPTION_CHARS_MAX);
    format!(
        "MIN={min}\nINVOICE={invoice}\nAMOUNT={amount}\nCURRENCY=EUR\nEXP_TIME={expires}\nDESCR={description}\nENCODING=utf-8"
    )
}

fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epay() -> Epay {
        Epay {
            name: "epay".parse().expect("a name"),
            min: "1234".to_owned(),
            secret: MacSecret::new("some-secret"),
            url: "https://demo.epay.bg/".to_owned(),
        }
    }

    fn body(text: impl AsRef<[u8]>) -> Vec<u8> {
        let encoded = STANDARD.encode(text);
        let checksum = epay().secret.sign(&encoded);
        encode([
            ("encoded", encoded.as_str()),
            ("checksum", checksum.as_str()),
        ])
        .into_bytes()
    }

    #[test]
    fn the_published_checksums_come_out() {
        let (_, checksum) = epay().packed(
            "MIN=1234\nINVOICE=00001\nAMOUNT=33.23\nCURRENCY=BGN\nEXP_TIME=01.08.2020 23:15:30\nDESCR=some-description\nENCODING=utf-8",
        );
        assert_eq!(checksum, "9d09db1b61bfd7947ed390d6464ca7953d0bf3f2");
        let notification = STANDARD.encode(
            "INVOICE=100001:STATUS=PAID:PAY_TIME=20260801120000:STAN=123456:BCODE=A1B2C3\n",
        );
        let body = encode([
            ("encoded", notification.as_str()),
            ("checksum", "7c85c68c090a0171920c11cfac8b49c807aba278"),
        ]);
        let lines = epay().notification(body.as_bytes()).expect("from ePay");
        assert!(lines[0].notice.is_ok());
    }

    #[test]
    fn a_request_has_the_documented_form() {
        let checkout = Checkout {
            invoice: 1,
            amount: Cents::new(3323),
            expires: "2020-08-01T23:15:30".parse().expect("a time"),
            description: "some-description",
        };
        assert_eq!(
            request_text("1234", &checkout),
            "MIN=1234\nINVOICE=1\nAMOUNT=33.23\nCURRENCY=EUR\nEXP_TIME=01.08.2020 23:15:30\nDESCR=some-description\nENCODING=utf-8"
        );
        let injected = Checkout {
            description: "a\nAMOUNT=0.02",
            ..checkout
        };
        assert!(request_text("1", &injected).contains("DESCR=a AMOUNT=0.02\n"));
        let long = "я".repeat(101);
        let long = Checkout {
            description: &long,
            ..checkout
        };
        assert!(request_text("1", &long).contains(&format!("DESCR={}\n", "я".repeat(100))));
    }

    #[test]
    fn a_notification_is_read_line_by_line() {
        let text = "INVOICE=100001:STATUS=PAID:PAY_TIME=20260801120000:STAN=123456:BCODE=A1B2C3\nINVOICE=7:STATUS=DENIED\nINVOICE=8:STATUS=EXPIRED\nINVOICE=9:STATUS=PAID:STAN=1:BCODE=2:AMOUNT=1e9\nINVOICE=1.5:STATUS=PAID\nodd\n";
        let lines = epay().notification(&body(text)).expect("from ePay");
        let events: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.invoice,
                    line.notice
                        .as_ref()
                        .map(VerifiedNotice::key)
                        .map_err(Refusal::word),
                )
            })
            .collect();
        assert_eq!(
            events,
            [
                (
                    Some(100_001),
                    Ok("epay/paid/100001.123456.A1B2C3".to_owned())
                ),
                (Some(7), Ok("epay/declined/7".to_owned())),
                (Some(8), Ok("epay/expired/8".to_owned())),
                (Some(9), Err("amount")),
                (None, Err("malformed")),
                (None, Err("malformed")),
            ]
        );
        assert_eq!(
            reply(&[
                (100_001, Answer::Ok),
                (7, Answer::Unknown),
                (9, Answer::Again)
            ]),
            "INVOICE=100001:STATUS=OK\nINVOICE=7:STATUS=NO\nINVOICE=9:STATUS=ERR\n"
        );
    }

    #[test]
    fn what_is_not_from_epay_is_refused() {
        let good = String::from_utf8(body("INVOICE=1:STATUS=DENIED\n")).expect("text");
        let word = |body: &str| {
            epay()
                .notification(body.as_bytes())
                .expect_err("refused")
                .word()
        };
        assert_eq!(word(&good.replace("checksum=", "checksum=0")), "signature");
        assert_eq!(word(&good.replace("encoded=", "encoded=QQ")), "signature");
        assert_eq!(word(good.split('&').next().expect("a part")), "missing");
        assert_eq!(word(&good.to_uppercase()), "missing");
        assert_eq!(word(&format!("{good}&checksum=1")), "form");
        assert_eq!(word(&"x".repeat(1 << 20)), "form");
        assert_eq!(word(&format!("{good}%C3%28")), "form");
        assert_eq!(word(""), "missing");
        // Order and further parameters do not matter: the checksum covers what counts.
        let (encoded, checksum) = good.split_once('&').expect("two parts");
        assert!(
            epay()
                .notification(format!("{checksum}&x=1&{encoded}").as_bytes())
                .is_ok()
        );
    }

    #[test]
    fn odd_lines_of_a_signed_notification_are_refused() {
        for text in [
            "",
            "\n\n",
            "INVOICE",
            "INVOICE=1:INVOICE=2:STATUS=PAID",
            "INVOICE=-1:STATUS=PAID",
            "INVOICE=9999999999999999999:STATUS=DENIED",
            "invoice=1:status=DENIED",
        ] {
            assert!(epay().notification(&body(text)).is_err(), "{text}");
        }
        // "Я" in Windows-1251.
        let other = body(b"INVOICE=1:STATUS=DENIED\nINVOICE=2:STATUS=\xDF\n");
        assert!(epay().notification(&other).is_err());
        for text in [
            "INVOICE=1:STATUS=paid",
            "INVOICE=1",
            "INVOICE=1:STATUS=PAID:STAN=1",
            "INVOICE=1:STATUS=PAID:STAN=1:BCODE=2:AMOUNT=0",
            "INVOICE=1:STATUS=PAID:STAN=1:BCODE=2:AMOUNT=-5.00",
            "INVOICE=1:STATUS=PAID:STAN=1:BCODE=2:AMOUNT=12.345",
            "INVOICE=1:STATUS=PAID:STAN=../:BCODE=2",
        ] {
            let lines = epay().notification(&body(text)).expect("a packet");
            assert!(lines[0].notice.is_err(), "{text}");
        }
    }

    #[test]
    fn a_cash_code_is_ten_digits() {
        assert_eq!(cash_code(b"IDN=1234567890\n"), Ok("1234567890".to_owned()));
        assert!(cash_code(b"IDN=12345").is_err());
        // "Грешка" in Windows-1251.
        let fault = cash_code(b"ERR=\xc3\xf0\xe5\xf8\xea\xe0").expect_err("a fault");
        assert_eq!(fault.to_string(), "EasyPay gave no code: Грешка");
        assert!(cash_code(&[0xff; 100_000]).is_err());
        let url = epay().cash_code_url(&Checkout {
            invoice: 5,
            amount: Cents::new(100),
            expires: "2026-12-01T00:00:00".parse().expect("a time"),
            description: "x",
        });
        assert!(
            url.starts_with("https://demo.epay.bg/ezp/reg_bill.cgi?ENCODED="),
            "{url}"
        );
    }
}
