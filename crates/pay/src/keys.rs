//! RSA keys of the card systems: ours to sign with, theirs to verify by.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{self, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use der::{Decode, Encode};
use pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use x509_cert::Certificate;

/// A key file that cannot be used. Shows nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key in it, or an encrypted one.
    #[error(
        "there is no {0} in it; write it in PEM, a private key unencrypted (`openssl pkey -in OLD -out NEW` removes its password)"
    )]
    Missing(&'static str),
    /// A key of another kind, or a short one.
    #[error("the {0} is not an RSA key of 2048 to 8192 bits")]
    Unfit(&'static str),
}

/// Our private RSA key at a card system. `Debug` shows nothing of it.
pub struct RsaSigner(KeyPair);

impl std::fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[private key]")
    }
}

impl RsaSigner {
    /// Reads a private key in PEM (PKCS#8 or PKCS#1).
    ///
    /// # Errors
    /// Where there is none, or it is not RSA with at least 2048 bits.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        const WHAT: &str = "private key";
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Missing(WHAT))?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(KeyError::Unfit(WHAT)),
        };
        Ok(Self(pair.map_err(|_| KeyError::Unfit(WHAT))?))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 over a message.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| KeyError::Unfit("private key"))?;
        Ok(signature)
    }
}

/// A card system's public RSA key.
#[derive(Clone, Debug)]
pub struct RsaVerifier(Vec<u8>);

impl RsaVerifier {
    /// Reads a certificate or a public key in PEM.
    ///
    /// # Errors
    /// Where there is none, or it is not RSA with at least 2048 bits.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        const WHAT: &str = "certificate or public key";
        let spki = match SubjectPublicKeyInfoDer::from_pem_slice(pem) {
            Ok(spki) => spki.as_ref().to_vec(),
            Err(_) => {
                let der =
                    CertificateDer::from_pem_slice(pem).map_err(|_| KeyError::Missing(WHAT))?;
                let certificate =
                    Certificate::from_der(&der).map_err(|_| KeyError::Missing(WHAT))?;
                certificate
                    .tbs_certificate
                    .subject_public_key_info
                    .to_der()
                    .map_err(|_| KeyError::Missing(WHAT))?
            }
        };
        let key = aws_lc_rs::rsa::PublicKey::from_der(&spki).map_err(|_| KeyError::Unfit(WHAT))?;
        if !(256..=1024).contains(&key.modulus_len()) {
            return Err(KeyError::Unfit(WHAT));
        }
        Ok(Self(spki))
    }

    /// Whether `signature` is that of the message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn signature::VerificationAlgorithm = &RSA_PKCS1_2048_8192_SHA256;
        UnparsedPublicKey::new(algorithm, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}
