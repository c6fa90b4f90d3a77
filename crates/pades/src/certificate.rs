//! What a certificate says, as far as seals need it.

use std::fmt;

use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use der::{
    Decode, Encode, Tag, Tagged,
    asn1::{Any, BmpString, ObjectIdentifier, PrintableStringRef, Utf8StringRef},
};
use jiff::Timestamp;
use x509_cert::{
    ext::pkix::{BasicConstraints, KeyUsage},
    name::Name,
    time::Time,
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// These bytes are not a certificate that can seal or vouch for a seal.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not DER of an X.509 certificate.
    #[error("the certificate cannot be read")]
    Der(#[from] der::Error),
    /// A date outside of what can be told.
    #[error("the certificate's dates cannot be read")]
    Dates(#[source] jiff::Error),
}

/// A parsed X.509 certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// The kind of public key in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, of any size.
    Rsa,
    /// ECDSA on the curve P-256.
    P256,
    /// Anything else: not for seals.
    Other,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// Where the bytes are not exactly one X.509 certificate in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = x509_cert::Certificate::from_der(der)?;
        let validity = parsed.tbs_certificate.validity;
        Ok(Self {
            der: der.to_vec(),
            not_before: moment(validity.not_before)?,
            not_after: moment(validity.not_after)?,
            parsed,
        })
    }

    /// The DER that was read.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The kind of its public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let algorithm = &self
            .parsed
            .tbs_certificate
            .subject_public_key_info
            .algorithm;
        let curve = || algorithm.parameters.as_ref()?.decode_as().ok();
        match algorithm.oid {
            RSA => PublicKey::Rsa,
            EC if curve() == Some(P256) => PublicKey::P256,
            _ => PublicKey::Other,
        }
    }

    /// The public key as its algorithm writes it: an `RSAPublicKey`, or a point of the curve.
    #[must_use]
    pub fn public_key_bytes(&self) -> &[u8] {
        let info = &self.parsed.tbs_certificate.subject_public_key_info;
        info.subject_public_key.raw_bytes()
    }

    /// The subject as people know it: the organisation, else the common name, else the whole name.
    #[must_use]
    pub fn subject(&self) -> String {
        plain(&self.parsed.tbs_certificate.subject)
    }

    /// The issuer as people know it.
    #[must_use]
    pub fn issuer(&self) -> String {
        plain(&self.parsed.tbs_certificate.issuer)
    }

    /// The serial number in hexadecimal.
    #[must_use]
    pub fn serial(&self) -> String {
        hex::encode(self.parsed.tbs_certificate.serial_number.as_bytes())
    }

    /// First moment of validity.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Last moment of validity.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether `at` lies within the dates.
    #[must_use]
    pub fn valid_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    /// Whether the key may sign documents: there is no key usage, or it names digital signature or
    /// content commitment (RFC 5280, 4.2.1.3), and it is not an authority's certificate.
    #[must_use]
    pub fn may_seal(&self) -> bool {
        let usage = match self.parsed.tbs_certificate.get::<KeyUsage>() {
            Ok(None) => true,
            Ok(Some((_, usage))) => usage.digital_signature() || usage.non_repudiation(),
            Err(_) => false,
        };
        usage && !self.is_authority()
    }

    /// Whether it may issue certificates: basic constraints say so, and a key usage, where there is
    /// one, allows it.
    #[must_use]
    pub fn may_issue(&self) -> bool {
        let usage = match self.parsed.tbs_certificate.get::<KeyUsage>() {
            Ok(None) => true,
            Ok(Some((_, usage))) => usage.key_cert_sign(),
            Err(_) => false,
        };
        usage && self.is_authority()
    }

    /// Whether subject and issuer are one: a root.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.parsed.tbs_certificate.subject == self.parsed.tbs_certificate.issuer
    }

    /// Whether this certificate names `issuer` as the one that issued it.
    #[must_use]
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.parsed.tbs_certificate.issuer == issuer.parsed.tbs_certificate.subject
    }

    pub(crate) const fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    fn is_authority(&self) -> bool {
        matches!(
            self.parsed.tbs_certificate.get::<BasicConstraints>(),
            Ok(Some((_, constraints))) if constraints.ca
        )
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::P256 => "ECDSA P-256",
            Self::Other => "another algorithm",
        })
    }
}

fn moment(time: Time) -> Result<Timestamp, CertificateError> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_err(CertificateError::Dates)
}

fn plain(name: &Name) -> String {
    [ORGANIZATION_NAME, COMMON_NAME]
        .into_iter()
        .find_map(|wanted| {
            let mut parts = name.0.iter().flat_map(|part| part.0.iter());
            text(&parts.find(|part| part.oid == wanted)?.value)
        })
        .unwrap_or_else(|| name.to_string())
}

/// The string types of a directory name (RFC 5280, 4.1.2.4).
fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => Some(value.decode_as::<Utf8StringRef<'_>>().ok()?.to_string()),
        Tag::PrintableString => Some(
            value
                .decode_as::<PrintableStringRef<'_>>()
                .ok()?
                .to_string(),
        ),
        Tag::BmpString => {
            let units = BmpString::from_der(&value.to_der().ok()?).ok()?;
            Some(units.chars().collect())
        }
        Tag::TeletexString => Some(value.value().iter().map(|byte| char::from(*byte)).collect()),
        _ => None,
    }
}
