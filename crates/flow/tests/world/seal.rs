//! Seal keys. RSA: the same message gives the same signature, so that documents can be compared.
//! ECDSA: no two signatures are alike, so that a chunk that is made twice gives two packs.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256},
};
use kvit_pades::{SealAlgorithm, SealKey, Sealer, SignError};

struct RsaKey {
    pair: KeyPair,
    certificates: Vec<Vec<u8>>,
}

static KEY: LazyLock<Arc<Sealer>> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    // Nothing here verifies the chain, so any certificate will do.
    let made = rcgen::generate_simple_self_signed(["seal.example".to_owned()]).expect("made");
    let key = RsaKey {
        pair,
        certificates: vec![made.cert.der().to_vec()],
    };
    Arc::new(Sealer::new(Arc::new(key)).expect("a sealer"))
});

pub fn sealer() -> Arc<Sealer> {
    Arc::clone(&KEY)
}

/// A sealer whose seals all differ.
pub fn ecdsa() -> Arc<Sealer> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
    let made = rcgen::generate_simple_self_signed(["seal.example".to_owned()]).expect("made");
    let key = EcdsaKey {
        pair,
        certificates: vec![made.cert.der().to_vec()],
    };
    Arc::new(Sealer::new(Arc::new(key)).expect("a sealer"))
}

struct EcdsaKey {
    pair: EcdsaKeyPair,
    certificates: Vec<Vec<u8>>,
}

impl SealKey for EcdsaKey {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn algorithm(&self) -> SealAlgorithm {
        SealAlgorithm::EcdsaP256Sha256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.pair
            .sign(&SystemRandom::new(), message)
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|e| SignError(e.to_string()))
    }
}

impl SealKey for RsaKey {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn algorithm(&self) -> SealAlgorithm {
        SealAlgorithm::RsaSha256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|e| SignError(e.to_string()))?;
        Ok(signature)
    }
}
