//! The key that seals, wherever it lives.

/// How a seal is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// ECDSA on P-256 with SHA-256, DER-encoded.
    EcdsaP256Sha256,
}

/// A seal key with its certificates.
pub trait SealKey: Send + Sync {
    /// DER certificates: the signer's first, then its chain.
    fn certificates(&self) -> &[Vec<u8>];

    /// How [`SealKey::sign`] signs.
    fn algorithm(&self) -> SealAlgorithm;

    /// The most bytes that one signature takes: the modulus of an RSA key, 72 for P-256. Where the key
    /// does not know its size, that of the largest key in use.
    fn signature_bytes_max(&self) -> usize {
        match self.algorithm() {
            SealAlgorithm::RsaSha256 => 512,
            SealAlgorithm::EcdsaP256Sha256 => 72,
        }
    }

    /// Signs a message; the key hashes it itself.
    ///
    /// # Errors
    /// Where the key refuses or cannot be reached.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The key did not sign.
#[derive(Debug, thiserror::Error)]
#[error("the seal key did not sign: {0}")]
pub struct SignError(pub String);
