//! A certificate authority that lives for one certificate: enough to try everything, and worth
//! nothing to anybody else.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};

use crate::KeyError;

const DAY_S: i64 = 24 * 3600;
/// Clocks of neighbours may be behind ours.
const BACKDATED: SignedDuration = SignedDuration::from_secs(DAY_S);
const SEAL_VALID: SignedDuration = SignedDuration::from_secs(3 * 365 * DAY_S);
const AUTHORITY_VALID: SignedDuration = SignedDuration::from_secs(10 * 365 * DAY_S);
/// RFC 5280, appendix A: the longest organisation or common name, in characters.
const NAME_CHARS_MAX: usize = 64;
const UNIT: &str = "For trials only";

/// What kind of key to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with 2048 bits: every reader verifies it.
    #[default]
    Rsa2048,
    /// ECDSA on P-256: much faster, and smaller bills.
    P256,
}

/// A root and a seal under it. The root's private key is gone as soon as it has signed.
pub struct Throwaway {
    /// The root's certificate, in PEM: what verifiers are told to trust.
    pub ca_pem: String,
    /// The seal's key and certificates, encrypted with the password (PBES2, AES-256).
    pub pkcs12: Vec<u8>,
}

impl Throwaway {
    /// Makes a seal for `organisation`, valid for three years around `at`, under a root of its own.
    ///
    /// # Errors
    /// An empty name, a time outside of the calendar, or a failing random source.
    pub fn generate(
        kind: KeyKind,
        organisation: &str,
        at: Timestamp,
        password: &str,
    ) -> Result<Self, KeyError> {
        let organisation: String = organisation.trim().chars().take(NAME_CHARS_MAX).collect();
        if organisation.is_empty() {
            return Err(KeyError::Organisation);
        }
        let algorithm = match kind {
            KeyKind::Rsa2048 => &PKCS_RSA_SHA256,
            KeyKind::P256 => &PKCS_ECDSA_P256_SHA256,
        };
        let authority_key = KeyPair::generate_for(algorithm)?;
        let mut authority = params(&organisation, "Throwaway root", at, AUTHORITY_VALID)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = authority.self_signed(&authority_key)?;

        let seal_key = KeyPair::generate_for(algorithm)?;
        let mut seal = params(&organisation, &organisation, at, SEAL_VALID)?;
        seal.is_ca = IsCa::ExplicitNoCa;
        seal.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::ContentCommitment,
        ];
        let certificate = seal.signed_by(&seal_key, &Issuer::new(authority, authority_key))?;

        let key = PrivateKey::from_der(seal_key.serialized_der()).map_err(KeyError::Write)?;
        let chain = [certificate.der(), root.der()]
            .map(|der| Certificate::from_der(der).map_err(KeyError::Write))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let mut store = KeyStore::new();
        let entry = PrivateKeyChain::new("seal", key, chain);
        store.add_entry("seal", KeyStoreEntry::PrivateKeyChain(entry));
        Ok(Self {
            ca_pem: root.pem(),
            pkcs12: store.writer(password).write().map_err(KeyError::Write)?,
        })
    }
}

fn params(
    organisation: &str,
    name: &str,
    at: Timestamp,
    valid: SignedDuration,
) -> Result<CertificateParams, KeyError> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, organisation);
    subject.push(DnType::OrganizationalUnitName, UNIT);
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.use_authority_key_identifier_extension = true;
    let epoch = date_time_ymd(1970, 1, 1);
    let moment = |shift: SignedDuration| {
        let moved = at.checked_add(shift).ok();
        let seconds = moved.and_then(|moved| u64::try_from(moved.as_second()).ok());
        // Certificates write years with four digits.
        let within = seconds.filter(|seconds| *seconds < 253_370_764_800);
        within.map(Duration::from_secs).ok_or(KeyError::Time(at))
    };
    params.not_before = epoch + moment(-BACKDATED)?;
    params.not_after = epoch + moment(valid)?;
    Ok(params)
}
