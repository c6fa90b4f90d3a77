//! An authenticator made of software, which also lies where a test wants it to.
#![allow(dead_code, reason = "each test binary uses its part")]

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

/// User present and verified.
pub(crate) const SEEN: u8 = 0b101;
const ATTESTED: u8 = 1 << 6;

/// One passkey, and what it says of itself.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    pub(crate) rp: String,
    pub(crate) origin: String,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
    /// What it calls itself: set at registration.
    pub(crate) user: String,
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

impl Authenticator {
    pub(crate) fn new(origin: &str, id: u8) -> Self {
        let host = origin.split("://").nth(1).expect("a scheme");
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
            id: vec![id; 32],
            rp: host.split(':').next().expect("a host").to_owned(),
            origin: origin.to_owned(),
            flags: SEEN,
            counter: 1,
            user: String::new(),
        }
    }

    pub(crate) fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let told = json!({
            "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false,
        });
        told.to_string().into_bytes()
    }

    /// The key as COSE writes it.
    pub(crate) fn cose(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(&point[33..]);
        cose
    }

    /// What the authenticator says, with the new key at registration.
    pub(crate) fn data(&self, is_new: bool) -> Vec<u8> {
        let mut data = sha256(self.rp.as_bytes());
        data.push(self.flags | if is_new { ATTESTED } else { 0 });
        data.extend(self.counter.to_be_bytes());
        if is_new {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
            data.extend(&self.id);
            data.extend(self.cose());
        }
        data
    }

    /// An attestation object of the format `none` around `data`.
    pub(crate) fn attestation(data: &[u8]) -> Vec<u8> {
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData");
        // In its shortest form.
        match u8::try_from(data.len()) {
            Ok(length) => object.extend([0x58, length]),
            Err(_) => {
                let length = u16::try_from(data.len()).expect("short");
                object.push(0x59);
                object.extend(length.to_be_bytes());
            }
        }
        object.extend(data);
        object
    }

    /// The answer to a registration, as the page's script writes it.
    pub(crate) fn create(&mut self, asked: &serde_json::Value) -> String {
        let challenge = asked["challenge"].as_str().expect("a challenge");
        self.user = asked["user"]["id"].as_str().expect("a user").to_owned();
        let client = self.client_data("webauthn.create", challenge);
        let attestation = Self::attestation(&self.data(true));
        self.counter += 1;
        json!({
            "id": base64url(&self.id), "clientData": base64url(&client),
            "attestation": base64url(&attestation),
        })
        .to_string()
    }

    /// The answer at a sign-in.
    pub(crate) fn get(&mut self, asked: &serde_json::Value) -> String {
        let challenge = asked["challenge"].as_str().expect("a challenge");
        let client = self.client_data("webauthn.get", challenge);
        let data = self.data(false);
        let signature = self.sign(&[&data[..], &sha256(&client)].concat());
        self.counter += 1;
        json!({
            "id": base64url(&self.id), "clientData": base64url(&client),
            "authData": base64url(&data), "signature": base64url(&signature), "user": self.user,
        })
        .to_string()
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&SystemRandom::new(), bytes);
        signature.expect("a signature").as_ref().to_vec()
    }
}
