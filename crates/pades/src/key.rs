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
