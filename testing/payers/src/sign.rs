//! Checksums and signatures as the payment systems make them.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// What the portal gets of the keys, in PEM.
#[derive(Clone)]
pub struct KeyFiles {
    /// The portal's private key.
    pub ours: String,
    /// The payment systems' public key.
    pub theirs: String,
}

/// The keys as the payment systems hold them.
pub(crate) struct Keys {
    merchant: Vec<u8>,
    own: KeyPair,
}

impl Keys {
    pub(crate) fn make() -> Option<(Self, KeyFiles)> {
        let merchant = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let own = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let private: Pkcs8V1Der<'_> = merchant.as_der().ok()?;
        let public: PublicKeyX509Der<'_> = own.public_key().as_der().ok()?;
        let files = KeyFiles {
            ours: pem("PRIVATE KEY", private.as_ref()),
            theirs: pem("PUBLIC KEY", public.as_ref()),
        };
        let merchant: PublicKeyX509Der<'_> = merchant.public_key().as_der().ok()?;
        Some((
            Self {
                merchant: merchant.as_ref().to_vec(),
                own,
            },
            files,
        ))
    }

    /// Whether the portal signed a message.
    pub(crate) fn is_merchant_s(&self, message: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.merchant)
            .verify(message.as_bytes(), signature)
            .is_ok()
    }

    /// The payment system's signature.
    pub(crate) fn sign(&self, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.own.public_modulus_len()];
        match self.own.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        ) {
            Ok(()) => signature,
            Err(_) => Vec::new(),
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// HMAC-SHA1 in hexadecimal.
pub(crate) fn checksum(secret: &str, message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    hex::encode(hmac::sign(&key, message.as_bytes()))
}

/// A biller's text to sign: sorted, each pair on a line.
pub(crate) fn sorted(pairs: &[(&str, String)]) -> String {
    let mut lines: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}{value}\n"))
        .collect();
    lines.sort();
    lines.concat()
}

/// BORICA's text to sign: each value behind its length.
pub(crate) fn lengths<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for value in values {
        if value.is_empty() {
            text.push('-');
        } else {
            text.push_str(&value.len().to_string());
            text.push_str(value);
        }
    }
    text
}

/// iCard's and myPOS's text to sign: base64 of the values, with `joint` between them.
pub(crate) fn joined<'a>(joint: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.into_iter().collect();
    STANDARD.encode(values.join(joint))
}

/// A query or a form's body.
pub(crate) fn form(pairs: &[(&str, String)]) -> String {
    let code = |text: &str| -> String {
        let byte = |b: u8| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(b).to_string(),
            b => format!("%{b:02x}"),
        };
        text.bytes().map(byte).collect()
    };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", code(name), code(value)))
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_values_come_out() {
        for (text, published) in [
            (
                "MIN=1234\nINVOICE=00001\nAMOUNT=33.23\nCURRENCY=BGN\nEXP_TIME=01.08.2020 23:15:30\nDESCR=some-description\nENCODING=utf-8",
                "9d09db1b61bfd7947ed390d6464ca7953d0bf3f2",
            ),
            (
                "INVOICE=100001:STATUS=PAID:PAY_TIME=20260801120000:STAN=123456:BCODE=A1B2C3\n",
                "7c85c68c090a0171920c11cfac8b49c807aba278",
            ),
        ] {
            assert_eq!(checksum("some-secret", &STANDARD.encode(text)), published);
        }
        let inquiry = [
            ("TYPE", "BILLING".to_owned()),
            ("IDN", "2000001".to_owned()),
            ("TID", "20260417171529315661700020".to_owned()),
            ("MERCHANTID", "7000005".to_owned()),
        ];
        assert_eq!(
            checksum("cUAMSp39r6B2pPh9PjSh5Rd6gYvDVudG", &sorted(&inquiry)),
            "5a1348bb9578cbe28785d64888c4df81325d6660"
        );
        let sale = [
            "V1800001",
            "1",
            "1.00",
            "BGN",
            "145659",
            "20201013115715",
            "FC8AC36A9FDADCB6127D273CD15DAEC3",
            "",
        ];
        assert_eq!(
            lengths(sale),
            "8V18000011141.003BGN6145659142020101311571532FC8AC36A9FDADCB6127D273CD15DAEC3-"
        );
        let status = [
            "V1800001",
            "90",
            "114233",
            "622CAAA8BF20C5A21A917DCB8401C336",
        ];
        assert_eq!(
            lengths(status),
            "8V1800001290611423332622CAAA8BF20C5A21A917DCB8401C336"
        );
        let purchase = "IPGPurchase,1,1,4.5,EN,33,1,000000000000123,Merchant Web Shop,23.45,978,127.0.0.1,ORDER-10001,https://merchant.test/ok,https://merchant.test/cancel,https://merchant.test/notify,customer@example.com,359888123456";
        let text = joined("", purchase.split(','));
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        assert_eq!(
            hex::encode(hash),
            "0805f6e7987436f83beedfa243c95a4910f6a91139c50c0fb1d85684d2f186e2"
        );
    }
}
