//! Card and wallet checkout at iCard (IPG) and at its sibling myPOS (IPC): one implementation, two
//! dialects. They differ in three things: the names, how values are joined before they are signed,
//! and how the currency is written.
//!
//! A signature is base64 of RSA-SHA256 over the base64 of all values in the order in which they
//! are sent. So what comes is verified in the order in which it came. The names are not signed: what is
//! signed is kept as a hash, so that nobody makes a second notice by cutting it into other values.

mod back_office;

use base64::{Engine, engine::general_purpose::STANDARD};
use kvit_billing::{Cents, Currency};

use super::FormPost;
use crate::{
    About, Event, KeyError, ProviderName, Refusal, RsaSigner, RsaVerifier, VerifiedNotice,
    amount::decimal, params::Params, text::one_line,
};

/// The whole answer to a call-back that was kept. Anything else makes them reverse the payment.
pub const KEPT: &str = "OK";
/// The answer to one that was not.
pub const NOT_KEPT: &str = "ERROR";

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// iCard IPG, version 4.5.
    Icard,
    /// myPOS IPC, version 1.4.
    Mypos,
}

impl Dialect {
    /// What is signed.
    fn message<'a>(self, values: impl IntoIterator<Item = &'a str>) -> String {
        let separator = match self {
            Self::Icard => "",
            Self::Mypos => "-",
        };
        STANDARD.encode(values.into_iter().collect::<Vec<_>>().join(separator))
    }
}

/// An operator's shop there.
#[derive(Debug)]
pub struct Shop {
    /// Names it in the store and in addresses.
    pub name: ProviderName,
    /// Which of the two.
    pub dialect: Dialect,
    /// iCard: `Originator`. myPOS: the wallet number.
    pub originator: String,
    /// iCard: `MID`. myPOS: `SID`.
    pub shop: String,
    /// The shop's name as customers see it there; iCard only.
    pub shop_name: String,
    /// Which of our keys signs.
    pub key_index: String,
    /// Which of theirs signs; iCard only.
    pub key_index_resp: String,
    /// Where forms and questions go.
    pub url: String,
    /// What a question how a payment stands is called there; empty where the shop may not ask.
    pub status_method: String,
    /// What a refund is called there; empty where the shop may not give money back by wire.
    pub refund_method: String,
    /// Ours.
    pub signer: RsaSigner,
    /// Theirs.
    pub verifier: RsaVerifier,
}

/// A payment to be begun there.
#[derive(Clone, Copy, Debug)]
pub struct Purchase<'a> {
    /// Our number for it, never used twice.
    pub order: u64,
    /// How much, in euro.
    pub amount: Cents,
    /// What the customer reads there.
    pub article: &'a str,
    /// `bg` or `en`.
    pub language: &'a str,
    /// The browser's network address.
    pub customer_ip: &'a str,
    /// The customer's address, where it is known.
    pub email: &'a str,
    /// Where the browser comes back to, by POST, whatever became of it.
    pub back: &'a str,
    /// Where they call us back.
    pub notify: &'a str,
}

impl Shop {
    /// The signed form that takes a customer there.
    ///
    /// # Errors
    /// Where our key cannot sign.
    pub fn purchase(&self, purchase: &Purchase<'_>) -> Result<FormPost, KeyError> {
        let fields = match self.dialect {
            Dialect::Icard => self.icard(purchase),
            Dialect::Mypos => self.mypos(purchase),
        };
        self.signed(fields)
    }

    fn signed(&self, mut fields: Vec<(&'static str, String)>) -> Result<FormPost, KeyError> {
        let values = fields.iter().map(|(_, value)| value.as_str());
        let message = self.dialect.message(values);
        let signature = STANDARD.encode(self.signer.sign(message.as_bytes())?);
        fields.push(("Signature", signature));
        Ok(FormPost {
            url: self.url.clone(),
            fields,
        })
    }

    fn icard(&self, purchase: &Purchase<'_>) -> Vec<(&'static str, String)> {
        let amount = purchase.amount.to_string();
        [
            ("IPGmethod", "IPGPurchase"),
            ("Originator", &self.originator),
            ("KeyIndex", &self.key_index),
            ("KeyIndexResp", &self.key_index_resp),
            ("IPGVersion", "4.5"),
            ("Language", &purchase.language.to_ascii_uppercase()),
            ("MID", &self.shop),
            ("MIDName", &self.shop_name),
            ("OrderID", &purchase.order.to_string()),
            ("BannerIndex", "1"),
            ("Currency", "978"),
            ("CustomerIP", purchase.customer_ip),
            ("Email", purchase.email),
            ("URL_OK", purchase.back),
            ("URL_Cancel", purchase.back),
            ("URL_Notify", purchase.notify),
            ("CartItems", "1"),
            ("Article_1", &one_line(purchase.article, 100)),
            ("Quantity_1", "1"),
            ("Price_1", &amount),
            ("Currency_1", "978"),
            ("Amount_1", &amount),
            ("Amount", &amount),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    fn mypos(&self, purchase: &Purchase<'_>) -> Vec<(&'static str, String)> {
        let amount = purchase.amount.to_string();
        [
            ("IPCmethod", "IPCPurchase"),
            ("IPCVersion", "1.4"),
            ("IPCLanguage", &purchase.language.to_ascii_uppercase()),
            ("SID", &self.shop),
            ("WalletNumber", &self.originator),
            ("Amount", &amount),
            ("Currency", "EUR"),
            ("OrderID", &purchase.order.to_string()),
            ("URL_OK", purchase.back),
            ("URL_Cancel", purchase.back),
            ("URL_Notify", purchase.notify),
            ("CardTokenRequest", "0"),
            ("KeyIndex", &self.key_index),
            ("PaymentParametersRequired", "3"),
            ("CustomerIP", purchase.customer_ip),
            ("CartItems", "1"),
            ("Article_1", &one_line(purchase.article, 100)),
            ("Quantity_1", "1"),
            ("Price_1", &amount),
            ("Currency_1", "EUR"),
            ("Amount_1", &amount),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// Reads a call-back (`…PurchaseNotify`, `…PurchaseRollback`, `…PurchaseDeclineNotify`).
    ///
    /// # Errors
    /// Where it is not from them as it stands.
    pub fn call_back(&self, body: &[u8]) -> Result<VerifiedNotice, Refusal> {
        self.heard(body, false)
    }

    /// What is signed says nothing of where values begin and what they are called. A browser holds what it brings, and could
    /// cut it anew: that is heard of only where it came back to, and never as a call-back.
    fn heard(&self, body: &[u8], by_browser: bool) -> Result<VerifiedNotice, Refusal> {
        let params = Params::parse(body)?;
        let need = |name| params.get(name).ok_or(Refusal::Missing(name));
        let signed = params
            .pairs()
            .iter()
            .filter(|(name, _)| name != "Signature");
        let message = self
            .dialect
            .message(signed.map(|(_, value)| value.as_str()));
        self.verify(&message, need("Signature")?)?;
        let (method, shop, prefix, reference) = match self.dialect {
            Dialect::Icard => ("IPGmethod", "MID", "IPG", "IPG_Trnref"),
            Dialect::Mypos => ("IPCmethod", "SID", "IPC", "IPC_Trnref"),
        };
        if need(shop)? != self.shop {
            return Err(Refusal::Stranger);
        }
        let order = need("OrderID")?;
        let plain = order.len() <= 18 && order.bytes().all(|b| b.is_ascii_digit());
        let order: u64 = order
            .parse()
            .ok()
            .filter(|_| plain)
            .ok_or(Refusal::Malformed("OrderID"))?;
        let (event, transaction) = match need(method)?.strip_prefix(prefix) {
            Some("PurchaseNotify") => {
                let amount = Some(decimal(need("Amount")?)?);
                let currency = Some(self.currency(need("Currency")?)?);
                (Event::Paid { amount, currency }, trace(need(reference)?)?)
            }
            // Some do not say which payment of the order went back.
            Some("PurchaseRollback") => match params.get(reference).unwrap_or_default() {
                "" => (Event::RolledBack, order.to_string()),
                text => (Event::Reversed, trace(text)?),
            },
            Some("PurchaseCancel") if by_browser => (Event::Declined, order.to_string()),
            Some("PurchaseDeclineNotify") => (Event::Declined, order.to_string()),
            _ => return Err(Refusal::Malformed("method")),
        };
        let about = About::Payment(order);
        let notice = VerifiedNotice::new(&self.name, transaction, about, event, body);
        Ok(notice.signed_over(&message))
    }

    /// Reads what the customer's browser brings back by POST: that nothing was paid (`…PurchaseCancel`), where it is signed
    /// for this shop. Which payment that is has to follow from where the browser came back to. That something was paid is
    /// learned from the call-back alone.
    ///
    /// # Errors
    /// Where it says that nothing was paid, and is not from them as it stands.
    pub fn returned(&self, body: &[u8]) -> Result<Option<VerifiedNotice>, Refusal> {
        let params = Params::parse(body)?;
        let (method, shop, cancelled) = match self.dialect {
            Dialect::Icard => ("IPGmethod", "MID", "IPGPurchaseCancel"),
            Dialect::Mypos => ("IPCmethod", "SID", "IPCPurchaseCancel"),
        };
        // Without the shop's number it may be about another shop's payment.
        if params.get(method) != Some(cancelled) || params.get(shop).is_none() {
            return Ok(None);
        }
        self.heard(body, true).map(Some)
    }

    fn verify(&self, message: &str, signature: &str) -> Result<(), Refusal> {
        // Line breaks of a wrapped base64 text are no part of it.
        let signature: String = signature.chars().filter(|c| !c.is_whitespace()).collect();
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| Refusal::Malformed("Signature"))?;
        if self.verifier.verifies(message.as_bytes(), &signature) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    fn currency(&self, text: &str) -> Result<Currency, Refusal> {
        const BAD: Refusal = Refusal::Malformed("Currency");
        match self.dialect {
            Dialect::Mypos => text.parse().map_err(|_| BAD),
            Dialect::Icard => match text {
                "978" => Ok(Currency::EUR),
                "975" => "BGN".parse().map_err(|_| BAD),
                "840" => "USD".parse().map_err(|_| BAD),
                "826" => "GBP".parse().map_err(|_| BAD),
                // Some other money: never ours, so any name but the operator's will do.
                _ => "XXX".parse().map_err(|_| BAD),
            },
        }
    }
}

/// Their name for a transaction.
fn trace(text: &str) -> Result<String, Refusal> {
    let ok = (1..=60).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    ok.then(|| text.to_owned())
        .ok_or(Refusal::Malformed("Trnref"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_text_to_sign_comes_out() {
        let values = "IPGPurchase,1,1,4.5,EN,33,1,000000000000123,Merchant Web Shop,23.45,978,127.0.0.1,ORDER-10001,https://merchant.test/ok,https://merchant.test/cancel,https://merchant.test/notify,customer@example.com,359888123456";
        let text = Dialect::Icard.message(values.split(','));
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        assert_eq!(
            hex::encode(hash),
            "0805f6e7987436f83beedfa243c95a4910f6a91139c50c0fb1d85684d2f186e2"
        );
        assert_eq!(
            Dialect::Mypos.message(["a", "", "b"]),
            STANDARD.encode("a--b")
        );
    }
}
