//! The CMS signature (RFC 5652) in the shape that PAdES asks for, written as DER by hand: all that
//! is constant for a key is encoded once.

use aws_lc_rs::digest::{SHA256, digest};
use der::{Decode, Encode};
use x509_cert::Certificate;

use crate::SealAlgorithm;

const ID_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ID_SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const ID_CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const ID_MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// id-aa-signingCertificateV2 (RFC 5035).
const ID_SIGNING_CERTIFICATE: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f,
];
const ID_SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const ID_RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const ID_ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const CONTEXT_0: u8 = 0xa0;

/// The constant parts of every signature by one key.
pub(crate) struct Template {
    before_digest: Vec<u8>,
    after_digest: Vec<u8>,
    /// `contentType` of the whole.
    content_type: Vec<u8>,
    /// Of SignedData, all before the signers.
    before_signers: Vec<u8>,
    /// Of SignerInfo, all before the signed attributes.
    before_attributes: Vec<u8>,
    signature_algorithm: Vec<u8>,
}

impl Template {
    pub(crate) fn new(
        certificates: &[Vec<u8>],
        algorithm: SealAlgorithm,
    ) -> Result<Self, der::Error> {
        let signer = certificates.first().map(Vec::as_slice).unwrap_or_default();
        let parsed = Certificate::from_der(signer)?;
        let issuer = parsed.tbs_certificate.issuer.to_der()?;
        let serial = parsed.tbs_certificate.serial_number.to_der()?;

        // DER orders a SET OF by encoding; by length these three come in this order: content-type
        // (26 bytes), message-digest (49), signing-certificate-v2 (57).
        let content_type = attribute(ID_CONTENT_TYPE, &tlv(OID, ID_DATA));
        let hash = digest(&SHA256, signer);
        let certificate_id = tlv(SEQUENCE, &tlv(OCTET_STRING, hash.as_ref()));
        let signing_certificate = attribute(
            ID_SIGNING_CERTIFICATE,
            &tlv(SEQUENCE, &tlv(SEQUENCE, &certificate_id)),
        );
        let digest_attribute = attribute(ID_MESSAGE_DIGEST, &tlv(OCTET_STRING, &[0; 32]));
        let head = &digest_attribute[..digest_attribute.len() - 32];
        let signature_algorithm = match algorithm {
            // RFC 8017: parameters are NULL. RFC 5758: absent for ECDSA.
            SealAlgorithm::RsaSha256 => {
                tlv(SEQUENCE, &[tlv(OID, ID_RSA_SHA256), vec![5, 0]].concat())
            }
            SealAlgorithm::EcdsaP256Sha256 => tlv(SEQUENCE, &tlv(OID, ID_ECDSA_SHA256)),
        };
        // A SET OF is ordered by encoding (X.690, 11.6).
        let mut ordered = certificates.to_vec();
        ordered.sort();
        let one = tlv(INTEGER, &[1]);
        let sha256 = tlv(SEQUENCE, &tlv(OID, ID_SHA256));
        Ok(Self {
            before_digest: [content_type.as_slice(), head].concat(),
            after_digest: signing_certificate,
            content_type: tlv(OID, ID_SIGNED_DATA),
            before_signers: [
                one.as_slice(),
                &tlv(SET, &sha256),
                &tlv(SEQUENCE, &tlv(OID, ID_DATA)),
                &tlv(CONTEXT_0, &ordered.concat()),
            ]
            .concat(),
            before_attributes: [
                one.as_slice(),
                &tlv(SEQUENCE, &[issuer, serial].concat()),
                &sha256,
            ]
            .concat(),
            signature_algorithm,
        })
    }

    /// The signed attributes as a SET: what the key signs (RFC 5652, 5.4).
    pub(crate) fn signed_attributes(&self, message_digest: &[u8]) -> Vec<u8> {
        let body = [
            self.before_digest.as_slice(),
            message_digest,
            &self.after_digest,
        ]
        .concat();
        tlv(SET, &body)
    }

    /// The whole signature.
    pub(crate) fn signed_data(&self, mut signed_attributes: Vec<u8>, signature: &[u8]) -> Vec<u8> {
        // Inside SignerInfo the same set is tagged [0] IMPLICIT.
        if let Some(tag) = signed_attributes.first_mut() {
            *tag = CONTEXT_0;
        }
        let signer = [
            self.before_attributes.as_slice(),
            &signed_attributes,
            &self.signature_algorithm,
        ];
        let value = signature.len();
        let signer_length = signer.iter().map(|part| part.len()).sum::<usize>() + tlv_length(value);
        let data_length = self.before_signers.len() + tlv_length(tlv_length(signer_length));
        let content_length = self.content_type.len() + tlv_length(tlv_length(data_length));
        let mut out = Vec::with_capacity(tlv_length(content_length));
        push_head(&mut out, SEQUENCE, content_length);
        out.extend_from_slice(&self.content_type);
        push_head(&mut out, CONTEXT_0, tlv_length(data_length));
        push_head(&mut out, SEQUENCE, data_length);
        out.extend_from_slice(&self.before_signers);
        push_head(&mut out, SET, tlv_length(signer_length));
        push_head(&mut out, SEQUENCE, signer_length);
        for part in signer {
            out.extend_from_slice(part);
        }
        push_head(&mut out, OCTET_STRING, value);
        out.extend_from_slice(signature);
        out
    }
}

fn attribute(id: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[tlv(OID, id), tlv(SET, value)].concat())
}

/// Tag, length, value (X.690, 10.1: the shortest definite length).
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(tlv_length(value.len()));
    push_head(&mut out, tag, value.len());
    out.extend_from_slice(value);
    out
}

/// Tag and length of a value of so many bytes.
fn push_head(out: &mut Vec<u8>, tag: u8, value: usize) {
    let length = value.to_be_bytes();
    let significant = &length[value.leading_zeros() as usize / 8..];
    out.push(tag);
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
}

/// Bytes of tag, length and a value of so many bytes.
const fn tlv_length(value: usize) -> usize {
    let significant = size_of::<usize>() - value.leading_zeros() as usize / 8;
    match value {
        0..0x80 => 2 + value,
        _ => 2 + significant + value,
    }
}
