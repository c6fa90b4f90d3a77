//! The instance key, and what is derived from it: authorization codes and link tokens.
//!
//! Neither codes nor tokens are stored. A code is recomputed to be printed on a bill and to be
//! compared with what a customer typed; a token is recomputed to be put into a mail, and only its
//! SHA-256 is stored to look it up. So a copy of the database alone lets nobody act for a customer.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use subtle::ConstantTimeEq;

use crate::{ApiName, CustomerNumber, Secret, StaffLogin};

/// The code printed on a bill that, with the customer number, lets its holder act online.
/// Eight digits. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationCode(Secret<String>);

impl AuthorizationCode {
    /// In two groups of four, to be printed on a bill.
    #[must_use]
    pub fn printed(&self) -> String {
        let code = self.0.expose();
        format!("{} {}", &code[..4], &code[4..])
    }

    /// Without a space, for a square code.
    pub(crate) fn digits(&self) -> &str {
        self.0.expose()
    }

    /// Whether a person typed this code; spaces and dashes are passed over. Constant time in
    /// the code's digits.
    #[must_use]
    pub fn matches(&self, typed: &str) -> bool {
        let digits: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect();
        bool::from(digits.as_bytes().ct_eq(self.0.expose().as_bytes()))
    }
}

impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[authorization code]")
    }
}

/// What a link token is for. One token never serves two purposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPurpose {
    /// Confirms the receipt of one delivery.
    Receipt,
    /// Proves the e-mail address of one enrolment.
    ProveAddress,
    /// Opens the verification page of one bill.
    Verify,
    /// Opens the page on which one bill is paid.
    Pay,
    /// Signs one customer in, once.
    SignIn,
    /// Ends the reminders to one customer.
    Reminders,
    /// Proves the e-mail address of one reader.
    ProveReader,
    /// Opens one bill for one reader.
    Copy,
}

impl TokenPurpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::ProveAddress => "prove-address",
            Self::Verify => "verify",
            Self::Pay => "pay",
            Self::SignIn => "sign-in",
            Self::Reminders => "reminders",
            Self::ProveReader => "prove-reader",
            Self::Copy => "copy",
        }
    }
}

/// 128 bits that nobody can guess, written as 32 lower-case hexadecimal digits: case and
/// look-alike letters survive a telephone and an old printer. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Secret<String>);

impl Token {
    /// The token of a link, if it has the right form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| Self(Secret::new(text.to_owned())))
    }

    /// The token, to be put into a link.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.expose().as_bytes()).as_ref());
        TokenHash(hash)
    }

    /// A fresh token, from 16 bytes of chance.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Secret::new(to_hex(&bytes)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// SHA-256 of a [`Token`]: what the store looks up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token hash]")
    }
}

/// The secret of one instance, 32 random bytes in a file of its own.
pub struct InstanceKey(hmac::Key);

impl InstanceKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// A customer's authorization code. A new `generation` (from 1) makes the old code void.
    #[must_use]
    pub fn authorization_code(
        &self,
        customer: &CustomerNumber,
        generation: u32,
    ) -> AuthorizationCode {
        let tag = self.mac("authorization-code", &format!("{customer}/{generation}"));
        let mut head = [0; 16];
        head.copy_from_slice(&tag.as_ref()[..16]);
        // 128 bits reduced to 10^8: the bias is below 2^-100.
        let code = u128::from_be_bytes(head) % 100_000_000;
        AuthorizationCode(Secret::new(format!("{code:08}")))
    }

    /// The token for `purpose` of the thing named `id`: the same each time it is asked, so that a
    /// mail that is sent again carries the same link.
    #[must_use]
    pub fn token(&self, purpose: TokenPurpose, id: &str) -> Token {
        let tag = self.mac(purpose.label(), id);
        Token(Secret::new(to_hex(&tag.as_ref()[..16])))
    }

    /// A keyed hash of something that must not be stored in the clear, such as a network address
    /// in a guard's name. 32 hexadecimal digits.
    #[must_use]
    pub fn pseudonym(&self, what: &str, value: &str) -> String {
        to_hex(&self.mac(what, value).as_ref()[..16])
    }

    /// The secret that an authenticator app and Kvit share for a member of staff (RFC 6238), 160 bits as
    /// RFC 4226, 4, R6 recommends. Derived like the codes: a stolen database makes no second factor. A
    /// new `generation` (from 1) makes the old one void.
    #[must_use]
    pub fn totp_secret(&self, login: &StaffLogin, generation: u32) -> Secret<[u8; 20]> {
        let tag = self.mac("totp", &format!("{login}/{generation}"));
        let mut secret = [0; 20];
        secret.copy_from_slice(&tag.as_ref()[..20]);
        Secret::new(secret)
    }

    /// The key that a webhook's messages are signed with, 256 bits. Derived like the codes: a stolen database
    /// signs nothing. A name is never given twice.
    #[must_use]
    pub fn webhook_key(&self, name: &ApiName) -> Secret<[u8; 32]> {
        let tag = self.mac("webhook", name.as_str());
        let mut key = [0; 32];
        key.copy_from_slice(tag.as_ref());
        Secret::new(key)
    }

    fn mac(&self, label: &str, message: &str) -> hmac::Tag {
        // The label has no NUL, so label and message cannot be shifted into each other.
        hmac::sign(&self.0, format!("{label}\0{message}").as_bytes())
    }
}

impl fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[instance key]")
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> InstanceKey {
        InstanceKey::new(&[7; 32])
    }

    #[test]
    fn a_code_is_eight_digits_and_accepts_how_people_type_it() {
        let number = "1000042".parse().expect("a customer number");
        let code = key().authorization_code(&number, 1);
        let printed = code.printed();
        assert_eq!(printed.len(), 9);
        assert!(code.matches(&printed) && code.matches(&printed.replace(' ', "-")));
        assert!(!code.matches("") && !code.matches("0000 0000 0"));
        assert!(!key().authorization_code(&number, 2).matches(&printed));
    }

    #[test]
    fn a_second_factor_is_one_person_s_and_can_be_renewed() {
        let secret = |login: &str, generation| {
            let login = login.parse().expect("a sign-in name");
            *key().totp_secret(&login, generation).expose()
        };
        assert_eq!(secret("ana", 1), secret("ana", 1));
        assert_ne!(secret("ana", 1), secret("ana", 2));
        assert_ne!(secret("ana", 1), secret("ani", 1));
    }

    #[test]
    fn tokens_differ_by_purpose_and_never_print() {
        let receipt = key().token(TokenPurpose::Receipt, "0000000042-1");
        assert_ne!(receipt, key().token(TokenPurpose::Verify, "0000000042-1"));
        assert_eq!(Token::parse(receipt.expose()), Some(receipt.clone()));
        assert_eq!(
            format!("{receipt:?} {:?}", receipt.hash()),
            "[token] [token hash]"
        );
        assert!(Token::parse("../../etc/passwd").is_none());
    }
}
