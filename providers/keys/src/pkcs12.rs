//! The seal key in a PKCS#12 file (RFC 7292).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use jiff::Timestamp;
use kvit_pades::{Certificate, PublicKey, SealAlgorithm, SealKey, SignError};
use p12_keystore::{Pkcs12Archive, error::Error as ArchiveError};

use crate::KeyError;

/// The longest RSA key that seals, in bits ([`KeyError::Algorithm`] says so too).
const RSA_BITS_MAX: usize = 4096;
/// The most certificates between the seal's and the root's.
const CHAIN_MAX: usize = 8;
/// An ECDSA P-256 signature in DER: two integers of 33 bytes and their headers.
const P256_SIGNATURE_BYTES_MAX: usize = 72;

/// A seal key held in memory, with its certificates.
pub struct Pkcs12Key {
    pair: Pair,
    certificate: Certificate,
    /// DER: the seal's own first, then the authorities in between; no root.
    chain: Vec<Vec<u8>>,
    random: SystemRandom,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl Pkcs12Key {
    /// Reads a PKCS#12 file with one private key, RSA of 2048 to 4096 bits or ECDSA on P-256, and its
    /// certificates in any order.
    ///
    /// The key and the certificate are proven to belong together by comparing their public halves.
    /// Dates are not looked at: ask [`Pkcs12Key::date_warning`].
    ///
    /// # Errors
    /// A wrong password, a file that is no PKCS#12, no key or several, or a certificate that belongs
    /// to another key or may not seal.
    pub fn from_bytes(file: &[u8], password: &str) -> Result<Self, KeyError> {
        let archive = Pkcs12Archive::from_pkcs12(file, password).map_err(|error| match error {
            ArchiveError::MacError(_) | ArchiveError::Pkcs5Error(_) | ArchiveError::UnpadError => {
                KeyError::Password
            }
            other => KeyError::Format(other),
        })?;
        let certificates = archive
            .certs
            .iter()
            .map(|bag| Certificate::from_der(bag.cert.as_der()).map_err(KeyError::Certificate))
            .collect::<Result<Vec<_>, _>>()?;
        if archive.keys.is_empty() {
            return Err(KeyError::NoKey);
        }
        let mut found = Vec::new();
        let mut refused = None;
        for bag in &archive.keys {
            let matched = Pair::from_pkcs8(bag.key.as_der())
                .and_then(|pair| Ok((pair.certificate(&certificates)?, pair)));
            match matched {
                Ok(both) => found.push(both),
                Err(error) => refused = Some(error),
            }
        }
        let (certificate, pair) = match (found.pop(), refused) {
            (Some(_), _) if !found.is_empty() => return Err(KeyError::SeveralKeys),
            (Some(both), _) => both,
            (None, error) => return Err(error.unwrap_or(KeyError::NoKey)),
        };
        if !certificate.may_seal() {
            return Err(KeyError::NotForSeals(certificate.subject()));
        }
        Ok(Self {
            chain: chain(&certificate, &certificates),
            pair,
            certificate,
            random: SystemRandom::new(),
        })
    }

    /// The certificate that names the sealer.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What is wrong with sealing at `at`, if the certificate's dates do not hold then: bills would be
    /// sealed, but nobody would accept the seal.
    #[must_use]
    pub fn date_warning(&self, at: Timestamp) -> Option<String> {
        let subject = self.certificate.subject();
        if at > self.certificate.not_after() {
            let end = self.certificate.not_after();
            Some(format!(
                "the seal certificate of {subject} expired on {end}"
            ))
        } else if at < self.certificate.not_before() {
            let start = self.certificate.not_before();
            Some(format!(
                "the seal certificate of {subject} is valid from {start} only"
            ))
        } else {
            None
        }
    }
}

impl SealKey for Pkcs12Key {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn algorithm(&self) -> SealAlgorithm {
        match self.pair {
            Pair::Rsa(_) => SealAlgorithm::RsaSha256,
            Pair::P256(_) => SealAlgorithm::EcdsaP256Sha256,
        }
    }

    fn signature_bytes_max(&self) -> usize {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_modulus_len(),
            Pair::P256(_) => P256_SIGNATURE_BYTES_MAX,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let refused = |_| SignError("the cryptographic library gave no reason".to_owned());
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
                    .map_err(refused)?;
                Ok(signature)
            }
            Pair::P256(pair) => {
                let signature = pair.sign(&self.random, message).map_err(refused)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

impl std::fmt::Debug for Pkcs12Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pkcs12Key")
            .field("certificate", &self.certificate.serial())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

impl Pair {
    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            let sealable = pair.public_modulus_len() * 8 <= RSA_BITS_MAX;
            return sealable
                .then_some(Self::Rsa(pair))
                .ok_or(KeyError::Algorithm);
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map(Self::P256)
            .map_err(|_| KeyError::Algorithm)
    }

    /// The certificate of this key: the newest, where a renewal kept the key.
    fn certificate(&self, all: &[Certificate]) -> Result<Certificate, KeyError> {
        let (kind, public) = match self {
            Self::Rsa(pair) => (PublicKey::Rsa, pair.public_key().as_ref()),
            Self::P256(pair) => (PublicKey::P256, pair.public_key().as_ref()),
        };
        all.iter()
            .filter(|one| one.public_key() == kind && one.public_key_bytes() == public)
            .max_by_key(|one| one.not_before())
            .cloned()
            .ok_or(KeyError::ForeignKey)
    }
}

/// From the seal's certificate upwards, whatever the file's order. The root is left out: who verifies
/// must have it already, and each bill would carry its bytes twice over.
fn chain(seal: &Certificate, all: &[Certificate]) -> Vec<Vec<u8>> {
    let mut chain = vec![seal.clone()];
    while chain.len() <= CHAIN_MAX {
        let next = chain.last().and_then(|last| {
            all.iter()
                .filter(|one| last.names_as_issuer(one) && one.may_issue())
                .filter(|one| !one.is_self_issued() && !chain.contains(one))
                .max_by_key(|one| one.not_after())
        });
        match next {
            Some(next) => chain.push(next.clone()),
            None => break,
        }
    }
    chain.into_iter().map(|one| one.der().to_vec()).collect()
}
