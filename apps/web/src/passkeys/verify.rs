//! What a device answers to a challenge (Web Authentication Level 3, 7.1 and 7.2), judged. Nothing here asks the
//! store or knows a clock.
//!
//! Attestation is not asked for and not taken: who made an authenticator is not our business. So a registration
//! proves nothing but that somebody has the session that adds the key; each use of it is proven by its signature.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kvit_billing::code::Token;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::cbor::Reader;

/// Level 3, 4: "credential id, at most 1,023 bytes".
const ID_BYTES_MAX: usize = 1023;
/// The largest key that is taken: RSA of 4,096 bits.
const KEY_BYTES_MAX: usize = 700;
const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENDED: u8 = 1 << 7;

/// Why an answer counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the answer is not written as WebAuthn says")]
    Malformed,
    #[error("the answer is for another act")]
    Kind,
    #[error("the answer was given to another site")]
    Origin,
    #[error("the challenge is not ours, was used, or is too old")]
    Challenge,
    #[error("the key is bound to another site")]
    RelyingParty,
    #[error("the device did not verify its owner")]
    NotVerified,
    #[error("there is an attestation, which was not asked for")]
    Attestation,
    #[error("the key is of a kind that is not taken")]
    Algorithm,
    #[error("the signature is wrong")]
    Signature,
    #[error("nobody has this passkey, or it belongs to somebody else")]
    Unknown,
}

/// Whose passkeys are made and asked for here: the host of the public address, and the address itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelyingParty {
    pub(crate) id: String,
    origin: String,
}

impl RelyingParty {
    /// That of a public address. Browsers have passkeys for names only, and on https or `localhost`.
    pub(crate) fn of(public_url: &str) -> Option<Self> {
        let url = public_url.trim_end_matches('/').to_ascii_lowercase();
        let (scheme, host) = url.split_once("://")?;
        let (id, port) = match host.split_once(':') {
            Some((id, port)) => (id, Some(port)),
            None => (host, None),
        };
        let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let named =
            id.chars().all(sign) && !id.rsplit('.').next()?.chars().all(|c| c.is_ascii_digit());
        let port = match (scheme, port) {
            ("https", None | Some("443")) => String::new(),
            ("http", None | Some("80")) if id == "localhost" => String::new(),
            ("https", Some(port)) => format!(":{}", port.parse::<u16>().ok()?),
            ("http", Some(port)) if id == "localhost" => format!(":{}", port.parse::<u16>().ok()?),
            _ => return None,
        };
        named.then(|| Self {
            id: id.to_owned(),
            origin: format!("{scheme}://{id}{port}"),
        })
    }

    /// Reads what the browser signs about where and for what it was asked.
    pub(crate) fn told(&self, kind: Kind, client_data: &[u8]) -> Result<Told, Refused> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ClientData {
            r#type: String,
            challenge: String,
            origin: String,
            #[serde(default)]
            cross_origin: bool,
            top_origin: Option<String>,
        }
        let told: ClientData =
            serde_json::from_slice(client_data).map_err(|_| Refused::Malformed)?;
        if told.r#type != kind.name() {
            return Err(Refused::Kind);
        }
        if told.origin != self.origin || told.cross_origin || told.top_origin.is_some() {
            return Err(Refused::Origin);
        }
        let challenge = decoded(&told.challenge).and_then(|bytes| String::from_utf8(bytes).ok());
        let challenge = challenge.as_deref().and_then(Token::parse);
        Ok(Told {
            kind,
            challenge: challenge.ok_or(Refused::Challenge)?,
            hash: sha256(client_data),
        })
    }

    /// The head of what the authenticator says, if it is about our site and its owner was verified.
    fn head(&self, said: &mut Reader<'_>) -> Result<(u8, u32), Refused> {
        let rp_hash = said.take(32).ok_or(Refused::Malformed)?;
        let flags = said.byte().ok_or(Refused::Malformed)?;
        let counter = said.take(4).ok_or(Refused::Malformed)?;
        if !bool::from(rp_hash.ct_eq(&sha256(self.id.as_bytes()))) {
            return Err(Refused::RelyingParty);
        }
        if flags & PRESENT == 0 || flags & VERIFIED == 0 {
            return Err(Refused::NotVerified);
        }
        if flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0 {
            return Err(Refused::Malformed);
        }
        let counter = counter
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        Ok((flags, counter))
    }
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Get,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// What the browser said, checked. Its challenge has to be used up before the rest is looked at.
pub(crate) struct Told {
    kind: Kind,
    pub(crate) challenge: Token,
    hash: [u8; 32],
}

/// A new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) id: Vec<u8>,
    /// COSE key, as it came.
    pub(crate) public_key: Vec<u8>,
    pub(crate) counter: u32,
}

impl Told {
    /// The passkey that an attestation object brings (Level 3, 6.5).
    pub(crate) fn created(
        &self,
        here: &RelyingParty,
        attestation: &[u8],
    ) -> Result<Created, Refused> {
        if self.kind != Kind::Create {
            return Err(Refused::Kind);
        }
        let mut said = Reader(authenticator_data(attestation)?);
        let (flags, counter) = here.head(&mut said)?;
        if flags & ATTESTED == 0 {
            return Err(Refused::Malformed);
        }
        // The model of the authenticator.
        said.take(16).ok_or(Refused::Malformed)?;
        let length = said.take(2).ok_or(Refused::Malformed)?;
        let length = usize::from(length[0]) << 8 | usize::from(length[1]);
        if !(1..=ID_BYTES_MAX).contains(&length) {
            return Err(Refused::Malformed);
        }
        let id = said.take(length).ok_or(Refused::Malformed)?;
        let from = said.0;
        PublicKey::read(&mut said)?;
        let public_key = &from[..from.len() - said.0.len()];
        // Extensions say nothing that we asked for.
        if (said.0.is_empty()) == (flags & EXTENDED != 0) || public_key.len() > KEY_BYTES_MAX {
            return Err(Refused::Malformed);
        }
        Ok(Created {
            id: id.to_vec(),
            public_key: public_key.to_vec(),
            counter,
        })
    }

    /// The signature counter of a use whose signature is right.
    pub(crate) fn used(
        &self,
        here: &RelyingParty,
        data: &[u8],
        signature: &[u8],
        public_key: &[u8],
    ) -> Result<u32, Refused> {
        if self.kind != Kind::Get {
            return Err(Refused::Kind);
        }
        let mut said = Reader(data);
        let (flags, counter) = here.head(&mut said)?;
        if flags & ATTESTED != 0 || said.0.is_empty() == (flags & EXTENDED != 0) {
            return Err(Refused::Malformed);
        }
        let signed = [data, self.hash.as_slice()].concat();
        let key = PublicKey::read(&mut Reader(public_key))?;
        key.verify(&signed, signature)?;
        Ok(counter)
    }
}

/// `{"fmt": "none", "attStmt": {}, "authData": bytes}`, in any order, each once and nothing else.
fn authenticator_data(attestation: &[u8]) -> Result<&[u8], Refused> {
    let mut object = Reader(attestation);
    let (mut format, mut statement, mut data) = (None, None, None);
    if object.map() != Some(3) {
        return Err(Refused::Malformed);
    }
    for _ in 0..3 {
        match object.text() {
            Some("fmt") => format = object.text(),
            Some("attStmt") => statement = object.map(),
            Some("authData") => data = object.bytes(),
            _ => return Err(Refused::Malformed),
        }
        // A statement that says something cannot be passed over.
        if format.is_some_and(|format| format != "none") || statement.is_some_and(|said| said > 0) {
            return Err(Refused::Attestation);
        }
    }
    match (format, statement, data, object.0) {
        (Some(_), Some(_), Some(data), []) => Ok(data),
        _ => Err(Refused::Malformed),
    }
}

/// A COSE key (RFC 9053) of the two kinds that we ask for.
enum PublicKey<'a> {
    /// ES256.
    Es256(ParsedPublicKey),
    /// RS256: modulus and exponent.
    Rs256(&'a [u8], &'a [u8]),
}

impl<'a> PublicKey<'a> {
    fn read(from: &mut Reader<'a>) -> Result<Self, Refused> {
        let pairs = from.map().filter(|pairs| (4..=5).contains(pairs));
        let pairs = pairs.ok_or(Refused::Malformed)?;
        let (mut kind, mut algorithm, mut curve) = (None, None, None);
        let (mut first, mut second) = (None, None);
        let mut label = i64::MIN;
        for place in 0..pairs {
            // In the order of CTAP: 1, 3, -1, -2, -3. So none comes twice.
            let next = from.int().ok_or(Refused::Malformed)?;
            let rank = |label: i64| if label < 0 { 100 - label } else { label };
            if place > 0 && rank(next) <= rank(label) {
                return Err(Refused::Malformed);
            }
            label = next;
            match (label, kind) {
                (1, _) => kind = from.int(),
                (3, _) => algorithm = from.int(),
                (-1, Some(2)) => curve = from.int(),
                (-1, Some(3)) | (-2, Some(2)) => first = from.bytes(),
                (-2, Some(3)) | (-3, Some(2)) => second = from.bytes(),
                (1..=3 | -3..=-1, Some(_)) => return Err(Refused::Algorithm),
                _ => return Err(Refused::Malformed),
            }
        }
        match (kind, algorithm, curve, first, second) {
            (Some(2), Some(-7), Some(1), Some(x), Some(y)) if x.len() == 32 && y.len() == 32 => {
                let mut point = [4; 65];
                point[1..33].copy_from_slice(x);
                point[33..].copy_from_slice(y);
                // A point that is not on the curve is found here.
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                    .map(Self::Es256)
                    .map_err(|_| Refused::Algorithm)
            }
            (Some(3), Some(-257), None, Some(n), Some(e))
                if (256..=512).contains(&n.len()) && e.len() <= 4 =>
            {
                Ok(Self::Rs256(n, e))
            }
            (Some(_), Some(_), ..) => Err(Refused::Algorithm),
            _ => Err(Refused::Malformed),
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Refused> {
        match self {
            Self::Es256(key) => key.verify_sig(signed, signature),
            Self::Rs256(n, e) => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
        }
        .map_err(|_| Refused::Signature)
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Bytes as WebAuthn writes them in JSON: base64url without padding, in one way only.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The other way round.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
