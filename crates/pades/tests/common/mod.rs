//! A key with a chain of its own, and the smallest PDFs that can be sealed.
#![allow(dead_code, reason = "each test file uses a part")]

use std::{fmt::Write, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use flate2::{Compression, write::ZlibEncoder};
use jiff::Timestamp;
use kvit_billing::{SealSlot, UnsealedPdf};
use kvit_pades::{SealAlgorithm, SealKey, Sealer, SignError, TrustRoots};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A seal under a root, or under an authority between them.
pub(crate) struct TestKey {
    pub(crate) root_pem: String,
    pair: EcdsaKeyPair,
    certificates: Vec<Vec<u8>>,
}

/// How a [`TestKey`] differs from a proper one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Odd {
    pub(crate) between: bool,
    pub(crate) between_is_no_authority: bool,
    pub(crate) may_not_sign: bool,
    pub(crate) with_root: bool,
}

impl TestKey {
    pub(crate) fn new(odd: Odd) -> Self {
        let key = || KeyPair::generate().expect("a key");
        let authority = |name: &str| {
            let mut params = params(name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let (root_params, root_key) = (authority("Root"), key());
        let root = root_params.self_signed(&root_key).expect("a root");
        let mut issuer = Issuer::new(root_params, root_key);
        let mut certificates = Vec::new();
        if odd.between {
            let mut params = authority("Between");
            if odd.between_is_no_authority {
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            }
            let between_key = key();
            let between = params
                .signed_by(&between_key, &issuer)
                .expect("an authority");
            certificates.push(between.der().to_vec());
            issuer = Issuer::new(params, between_key);
        }
        if odd.with_root {
            certificates.push(root.der().to_vec());
        }
        let mut seal = params("„Искра“ ЕАД");
        seal.is_ca = IsCa::ExplicitNoCa;
        seal.key_usages = vec![if odd.may_not_sign {
            KeyUsagePurpose::KeyAgreement
        } else {
            KeyUsagePurpose::ContentCommitment
        }];
        let seal_key = key();
        let certificate = seal.signed_by(&seal_key, &issuer).expect("a certificate");
        certificates.insert(0, certificate.der().to_vec());
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, seal_key.serialized_der())
                .expect("the same key");
        Self {
            root_pem: root.pem(),
            pair,
            certificates,
        }
    }

    pub(crate) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(crate) fn roots(&self) -> TrustRoots {
        TrustRoots::from_pem(&self.root_pem).expect("roots")
    }
}

fn params(organisation: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::OrganizationName, organisation);
    params
        .distinguished_name
        .push(DnType::CommonName, organisation);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

impl SealKey for TestKey {
    fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }
    fn algorithm(&self) -> SealAlgorithm {
        SealAlgorithm::EcdsaP256Sha256
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature
            .map(|s| s.as_ref().to_vec())
            .map_err(|e| SignError(e.to_string()))
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// What differs from a proper bill's skeleton.
pub(crate) struct Skeleton {
    pub(crate) catalog: &'static str,
    pub(crate) field: &'static str,
    pub(crate) signature: &'static str,
    /// Everything but the signature in an object stream, and a cross-reference stream.
    pub(crate) packed: bool,
}

impl Default for Skeleton {
    fn default() -> Self {
        Self {
            catalog: "/AcroForm<</Fields[4 0 R]/SigFlags 3>>/Perms<</DocMDP 5 0 R>>",
            field: "/FT/Sig/V 5 0 R",
            signature: "/SubFilter/ETSI.CAdES.detached/Reference[<</Type/SigRef\
                /TransformMethod/DocMDP/TransformParams<</Type/TransformParams/P 1/V/1.2>>>>]",
            packed: false,
        }
    }
}

impl Skeleton {
    /// The file, with the places for the seal.
    pub(crate) fn unsealed(&self, reserve: usize) -> UnsealedPdf {
        let objects = [
            format!("<</Type/Catalog/Pages 2 0 R{}>>", self.catalog),
            "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Annots[4 0 R]>>".to_owned(),
            format!(
                "<</Type/Annot/Subtype/Widget/F 132/Rect[0 0 0 0]/T(seal){}>>",
                self.field
            ),
        ];
        let mut out = Out {
            bytes: b"%PDF-1.7\n%\xd0\x9a\xd0\xb2\n".to_vec(),
            offsets: vec![0],
        };
        if self.packed {
            out.offsets.extend([0; 4]);
        } else {
            for object in &objects {
                out.object(object);
            }
        }
        let slot = out.signature(self.signature, reserve);
        if self.packed {
            out.pack(&objects);
        } else {
            out.table();
        }
        UnsealedPdf {
            bytes: out.bytes,
            beginning: None,
            slot,
            no_form: None,
        }
    }

    /// The file under the seal of `key`, sealed at `at`.
    pub(crate) fn sealed(&self, key: &Arc<TestKey>, at: &str) -> Vec<u8> {
        let sealer = Sealer::new(Arc::clone(key) as Arc<dyn SealKey>).expect("a sealer");
        let pdf = self.unsealed(sealer.contents_reserve());
        sealer.seal(pdf, time(at)).expect("sealed").into_bytes()
    }
}

struct Out {
    bytes: Vec<u8>,
    /// By object number.
    offsets: Vec<usize>,
}

impl Out {
    fn object(&mut self, body: &str) {
        let number = self.offsets.len();
        self.offsets.push(self.bytes.len());
        self.bytes
            .extend_from_slice(format!("{number} 0 obj {body} endobj\n").as_bytes());
    }

    fn signature(&mut self, entries: &str, reserve: usize) -> SealSlot {
        let number = self.offsets.len();
        self.offsets.push(self.bytes.len());
        let mut place = |before: &str, value: &str| {
            self.bytes.extend_from_slice(before.as_bytes());
            let start = self.bytes.len();
            self.bytes.extend_from_slice(value.as_bytes());
            start..self.bytes.len()
        };
        let open = format!("{number} 0 obj <</Type/Sig/Filter/Adobe.PPKLite{entries}/ByteRange ");
        let byte_range = place(&open, &" ".repeat(40));
        let contents = place("/Contents ", &format!("<{}>", "0".repeat(2 * reserve)));
        let signing_time = place("/M ", &" ".repeat(19));
        place(">> endobj\n", "");
        SealSlot {
            byte_range,
            contents,
            signing_time,
        }
    }

    fn table(&mut self) {
        let start = self.bytes.len();
        let mut text = format!("xref\n0 {}\n0000000000 65535 f \n", self.offsets.len());
        for offset in &self.offsets[1..] {
            let _ = writeln!(text, "{offset:010} 00000 n ");
        }
        let size = self.offsets.len();
        let _ = write!(
            text,
            "trailer <</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
        );
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Objects 1 to 4 as the stream 6, and the cross-reference as the stream 7.
    fn pack(&mut self, objects: &[String]) {
        let (mut head, mut body) = (String::new(), String::new());
        for (index, object) in objects.iter().enumerate() {
            let _ = write!(head, "{} {} ", index + 1, body.len());
            body.push_str(object);
            body.push(' ');
        }
        self.offsets.push(self.bytes.len());
        let entries = format!("/Type/ObjStm/N {}/First {}", objects.len(), head.len());
        self.stream(6, &entries, format!("{head}{body}").as_bytes());
        let start = self.bytes.len();
        let wide = |number: usize| u16::try_from(number).expect("a small file").to_be_bytes();
        let mut rows: Vec<[u8; 4]> = vec![[0, 0, 0, 0]];
        for index in 0..4 {
            rows.push([2, 0, 6, index]);
        }
        for offset in [self.offsets[5], self.offsets[6], start] {
            let [high, low] = wide(offset);
            rows.push([1, high, low, 0]);
        }
        // PNG's "up", as most writers do.
        let mut predicted = Vec::new();
        let mut above = [0_u8; 4];
        for row in rows {
            predicted.push(2);
            predicted.extend((0..4).map(|column| row[column].wrapping_sub(above[column])));
            above = row;
        }
        let entries =
            "/Type/XRef/Size 8/Root 1 0 R/W[1 2 1]/DecodeParms<</Predictor 12/Columns 4>>";
        self.stream(7, entries, &predicted);
        self.bytes
            .extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
    }

    fn stream(&mut self, number: usize, entries: &str, plain: &[u8]) {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        std::io::Write::write_all(&mut encoder, plain).expect("into memory");
        let packed = encoder.finish().expect("into memory");
        let length = packed.len();
        let open =
            format!("{number} 0 obj <</Filter/FlateDecode/Length {length}{entries}>> stream\n");
        self.bytes.extend_from_slice(open.as_bytes());
        self.bytes.extend_from_slice(&packed);
        self.bytes.extend_from_slice(b"\nendstream endobj\n");
    }
}
