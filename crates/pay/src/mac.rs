//! HMAC-SHA1 with a secret that both sides know: ePay and EasyPay ask for it.

use aws_lc_rs::hmac;
use kvit_billing::Secret;

/// The secret that a payment system and the operator share. `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub struct MacSecret(Secret<String>);

impl MacSecret {
    /// Takes the secret into custody.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Secret::new(secret.into()))
    }

    /// The checksum of a message, in lower-case hexadecimal.
    pub(crate) fn sign(&self, message: &str) -> String {
        hex::encode(hmac::sign(&self.key(), message.as_bytes()))
    }

    /// Whether `checksum` is that of the message. Compared in constant time; digits may be of
    /// either case, since they stand for the same bytes.
    pub(crate) fn verifies(&self, message: &str, checksum: &str) -> bool {
        let Ok(tag) = hex::decode(checksum) else {
            return false;
        };
        hmac::verify(&self.key(), message.as_bytes(), &tag).is_ok()
    }

    /// SHA-1 is what these payment systems speak; in HMAC it is not broken.
    fn key(&self) -> hmac::Key {
        hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            self.0.expose().as_bytes(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let shown = format!("{:?}", MacSecret::new("some-secret"));
        assert!(!shown.contains("some"), "{shown}");
    }
}
