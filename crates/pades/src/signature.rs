//! The CMS signature, read strictly: whatever another hand could have put there without breaking the
//! mathematics is refused, so that a changed byte shows wherever it lies.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{
        ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use cms::{
    cert::IssuerAndSerialNumber,
    content_info::{CmsVersion, ContentInfo},
    signed_data::{EncapsulatedContentInfo, SignedAttributes, SignerIdentifier, SignerInfo},
};
use const_oid::db::{
    rfc5911::{
        ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA,
        ID_SIGNING_TIME,
    },
    rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256, SHA_256_WITH_RSA_ENCRYPTION},
};
use der::{
    Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged,
    asn1::{Any, ObjectIdentifier, OctetString, SetOfVec},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{Certificate, PublicKey, verdict::Problem};

/// The certificates of a signature whose mathematics holds.
pub(crate) struct Signer {
    pub(crate) certificate: Certificate,
    pub(crate) others: Vec<Certificate>,
}

/// RFC 5652, 5.1, with certificates left as they were written.
#[derive(Sequence)]
struct SignedData {
    version: CmsVersion,
    digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    content: EncapsulatedContentInfo,
    #[asn1(
        context_specific = "0",
        tag_mode = "IMPLICIT",
        constructed = "true",
        optional = "true"
    )]
    certificates: Option<SetOfVec<Any>>,
    #[asn1(
        context_specific = "1",
        tag_mode = "IMPLICIT",
        constructed = "true",
        optional = "true"
    )]
    revocations: Option<SetOfVec<Any>>,
    signers: SetOfVec<SignerInfo>,
}

/// RFC 5035, 3.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certificates: Vec<EssCertIdV2>,
    policies: Option<Any>,
}

#[derive(Sequence)]
struct EssCertIdV2 {
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    issuer_serial: Option<Any>,
}

/// Why a signature does not hold, in words that end "the seal is broken: …".
type Broken = &'static str;

/// The signature and the certificates in `contents`, whose end is padded with zeros. `signed` is the
/// SHA-256 of what the signature covers. The certificate is given back even where something does not
/// hold, so that the verdict can say whose seal it claims to be.
pub(crate) fn check(contents: &[u8], signed: &[u8], problems: &mut Vec<Problem>) -> Option<Signer> {
    let parts = read(contents).and_then(|data| {
        let signer = one(data.signers.as_slice())
            .ok_or("it has not exactly one signer")?
            .clone();
        Ok((certificates(&data, &signer)?, signer))
    });
    let (found, signer) = match parts {
        Ok(parts) => parts,
        Err(why) => {
            problems.push(Problem::Seal(why));
            return None;
        }
    };
    if let Err(why) = signature(&signer, &found.certificate) {
        problems.push(Problem::Seal(why));
    }
    match attributes(&signer, &found.certificate) {
        Err(why) => problems.push(Problem::Seal(why)),
        Ok(digest) if digest != signed => problems.push(Problem::BytesChanged),
        Ok(_) => {}
    }
    let attributes = signer.signed_attrs.as_ref();
    if attributes.is_some_and(|all| all.iter().any(|one| one.oid == ID_SIGNING_TIME)) {
        problems.push(Problem::Form("it carries a signing-time attribute"));
    }
    Some(found)
}

fn read(contents: &[u8]) -> Result<SignedData, Broken> {
    const NOT_DER: Broken = "it is not a CMS signature in DER";
    let mut reader = SliceReader::new(contents).map_err(|_| NOT_DER)?;
    let info = ContentInfo::decode(&mut reader).map_err(|_| NOT_DER)?;
    let end = usize::try_from(reader.position()).map_err(|_| NOT_DER)?;
    let (written, padding) = contents.split_at_checked(end).ok_or(NOT_DER)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err("something was written behind it");
    }
    let data: SignedData = info.content.decode_as().map_err(|_| NOT_DER)?;
    let again = data.to_der().and_then(|data| {
        let content = Any::from_der(&data)?;
        ContentInfo {
            content_type: info.content_type,
            content,
        }
        .to_der()
    });
    if again.ok().as_deref() != Some(written) {
        return Err(NOT_DER);
    }
    let digests = data.digest_algorithms.as_slice();
    let sound = info.content_type == ID_SIGNED_DATA
        && data.version == CmsVersion::V1
        && one(digests).is_some_and(is_sha256)
        && data.content.econtent_type == ID_DATA
        && data.content.econtent.is_none()
        && data.revocations.is_none();
    sound
        .then_some(data)
        .ok_or("it is not a plain detached signature with SHA-256")
}

fn certificates(data: &SignedData, signer: &SignerInfo) -> Result<Signer, Broken> {
    let SignerIdentifier::IssuerAndSerialNumber(id) = &signer.sid else {
        return Err("its signer is not named by issuer and serial number");
    };
    let all = data.certificates.iter().flat_map(|set| set.iter());
    let mut others = all
        .map(|any| Certificate::from_der(&any.to_der().ok()?).ok())
        .collect::<Option<Vec<_>>>()
        .ok_or("one of its certificates cannot be read")?;
    let place = others.iter().position(|one| *id == name(one));
    let place = place.ok_or("it does not carry its signer's certificate")?;
    Ok(Signer {
        certificate: others.remove(place),
        others,
    })
}

fn name(certificate: &Certificate) -> IssuerAndSerialNumber {
    let inner = &certificate.parsed().tbs_certificate;
    IssuerAndSerialNumber {
        issuer: inner.issuer.clone(),
        serial_number: inner.serial_number.clone(),
    }
}

/// The signature over the signed attributes (RFC 5652, 5.4 and 5.6).
fn signature(signer: &SignerInfo, certificate: &Certificate) -> Result<(), Broken> {
    if signer.version != CmsVersion::V1 || !is_sha256(&signer.digest_alg) {
        return Err("it is not a plain detached signature with SHA-256");
    }
    if signer.unsigned_attrs.is_some() {
        return Err("it carries attributes that nobody signed");
    }
    let algorithm = &signer.signature_algorithm;
    let parameters = algorithm.parameters.as_ref();
    let verifier: &'static dyn VerificationAlgorithm = match certificate.public_key() {
        PublicKey::Rsa
            if algorithm.oid == SHA_256_WITH_RSA_ENCRYPTION
                && parameters.is_some_and(Any::is_null) =>
        {
            &RSA_PKCS1_2048_8192_SHA256
        }
        PublicKey::P256 if algorithm.oid == ECDSA_WITH_SHA_256 && parameters.is_none() => {
            &ECDSA_P256_SHA256_ASN1
        }
        _ => return Err("it is neither RSA PKCS#1 v1.5 nor ECDSA P-256 with SHA-256"),
    };
    let signed = signer.signed_attrs.as_ref().map(Encode::to_der);
    let Some(Ok(signed)) = signed else {
        return Err("it has no signed attributes");
    };
    UnparsedPublicKey::new(verifier, certificate.public_key_bytes())
        .verify(&signed, signer.signature.as_bytes())
        .map_err(|_| "its signature does not match")
}

/// What the signed attributes bind, and the message digest in them.
fn attributes<'a>(signer: &'a SignerInfo, certificate: &Certificate) -> Result<&'a [u8], Broken> {
    let all = signer
        .signed_attrs
        .as_ref()
        .ok_or("it has no signed attributes")?;
    let content_type = value(all, ID_CONTENT_TYPE).and_then(|any| any.decode_as().ok());
    if content_type != Some(ID_DATA) {
        return Err("its content-type attribute is missing or wrong");
    }
    let bound = value(all, ID_AA_SIGNING_CERTIFICATE_V_2)
        .and_then(|any| any.decode_as::<SigningCertificateV2>().ok())
        .and_then(|ids| ids.certificates.into_iter().next())
        .is_some_and(|id| {
            id.hash_algorithm.as_ref().is_none_or(is_sha256)
                && id.hash.as_bytes() == digest(&SHA256, certificate.der()).as_ref()
        });
    if !bound {
        return Err("its signing-certificate attribute does not name the certificate it carries");
    }
    value(all, ID_MESSAGE_DIGEST)
        .filter(|any| any.tag() == Tag::OctetString && any.value().len() == 32)
        .map(Any::value)
        .ok_or("its message-digest attribute is missing")
}

/// The one value of the one attribute of this type.
fn value(all: &SignedAttributes, id: ObjectIdentifier) -> Option<&Any> {
    let found: Vec<_> = all.iter().filter(|attribute| attribute.oid == id).collect();
    one(one(&found)?.values.as_slice())
}

const fn one<T>(items: &[T]) -> Option<&T> {
    match items {
        [only] => Some(only),
        _ => None,
    }
}

fn is_sha256(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == ID_SHA_256 && algorithm.parameters.as_ref().is_none_or(Any::is_null)
}
