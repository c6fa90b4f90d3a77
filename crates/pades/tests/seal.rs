//! A sealed file read back by other people's parsers and verified with the bare public key.

mod common;

use std::sync::Arc;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey},
};
use cms::{content_info::ContentInfo, signed_data::SignedData};
use common::{Odd, TestKey};
use der::{Decode, Encode};
use jiff::Timestamp;
use kvit_billing::{SealSlot, UnsealedPdf};
use kvit_pades::{SealError, SealKey, Sealer};

/// The three places in the order in which a signature dictionary holds them.
fn unsealed(reserve: usize) -> UnsealedPdf {
    let mut bytes = b"%PDF-1.7 <</Type/Sig/ByteRange ".to_vec();
    let mut place = |text: &str, after: &str| {
        let start = bytes.len();
        bytes.extend_from_slice(text.as_bytes());
        let range = start..bytes.len();
        bytes.extend_from_slice(after.as_bytes());
        range
    };
    let byte_range = place(&" ".repeat(40), "/Contents ");
    let contents = place(&format!("<{}>", "0".repeat(2 * reserve)), "/M ");
    let signing_time = place(&" ".repeat(19), ">> %%EOF");
    UnsealedPdf {
        bytes,
        beginning: None,
        slot: SealSlot {
            byte_range,
            contents,
            signing_time,
        },
        no_form: None,
    }
}

#[test]
fn the_signature_covers_every_byte_but_itself() {
    let key = Arc::new(TestKey::new(Odd::default()));
    let sealer = Sealer::new(Arc::clone(&key) as Arc<dyn SealKey>).expect("a sealer");
    let pdf = unsealed(sealer.contents_reserve());
    let contents = pdf.slot.contents.clone();
    let at: Timestamp = "2026-11-24T10:20:30Z".parse().expect("a time");
    let sealed = sealer.seal(pdf, at).expect("sealed");
    let text = String::from_utf8_lossy(sealed.bytes());
    assert!(text.contains("(D:20261124102030Z)"));
    let rest = sealed.bytes().len() - contents.end;
    assert!(text.contains(&format!("[0 {} {} {rest}]", contents.start, contents.end)));
    assert_eq!(digest(&SHA256, sealed.bytes()).as_ref(), sealed.sha256());

    let hex = &text[contents.start + 1..contents.end - 1];
    let raw: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hexadecimal"))
        .collect();
    let length = usize::from(u16::from_be_bytes([raw[2], raw[3]])) + 4;
    assert!(raw[length..].iter().all(|byte| *byte == 0), "zero padding");
    let info = ContentInfo::from_der(&raw[..length]).expect("CMS");
    let data: SignedData = info.content.decode_as().expect("signed data");
    assert!(data.encap_content_info.econtent.is_none(), "detached");
    let [signer] = data.signer_infos.0.as_slice() else {
        panic!("one signer")
    };
    let attributes = signer.signed_attrs.as_ref().expect("signed attributes");
    let names: Vec<String> = attributes.iter().map(|a| a.oid.to_string()).collect();
    assert_eq!(
        names,
        [
            "1.2.840.113549.1.9.3",
            "1.2.840.113549.1.9.4",
            "1.2.840.113549.1.9.16.2.47"
        ],
        "content-type, message-digest, signing-certificate-v2, and no signing-time"
    );
    let signed = attributes.to_der().expect("DER");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key())
        .verify(&signed, signer.signature.as_bytes())
        .expect("the signature verifies");
    let covered = [
        &sealed.bytes()[..contents.start],
        &sealed.bytes()[contents.end..],
    ]
    .concat();
    let expected = digest(&SHA256, &covered);
    assert!(
        signed.windows(32).any(|window| window == expected.as_ref()),
        "message-digest"
    );
}

#[test]
fn what_files_are_said_to_begin_with_changes_no_digest() {
    let key = Arc::new(TestKey::new(Odd::default()));
    let sealer = Sealer::new(Arc::clone(&key) as Arc<dyn SealKey>).expect("a sealer");
    let pdf = unsealed(sealer.contents_reserve());
    let open = pdf.slot.byte_range.start;
    let beginnings: [&[u8]; 5] = [
        b"",
        &pdf.bytes[..9],
        &pdf.bytes[..open],
        &pdf.bytes[..=open],
        b"%PDF-1.4",
    ];
    for beginning in beginnings {
        let shared = Arc::from(beginning);
        // Its digest is taken, then known.
        for _ in 0..2 {
            let pdf = UnsealedPdf {
                beginning: Some(Arc::clone(&shared)),
                ..pdf.clone()
            };
            let sealed = sealer.seal(pdf, Timestamp::UNIX_EPOCH).expect("sealed");
            assert_eq!(digest(&SHA256, sealed.bytes()).as_ref(), sealed.sha256());
        }
    }
}

#[test]
fn a_place_that_is_too_small_is_refused() {
    let sealer = Sealer::new(Arc::new(TestKey::new(Odd::default()))).expect("a sealer");
    let at = Timestamp::UNIX_EPOCH;
    assert!(matches!(
        sealer.seal(unsealed(100), at),
        Err(SealError::Slot(_))
    ));
    let mut narrow = unsealed(sealer.contents_reserve());
    narrow.slot.byte_range.end = narrow.slot.byte_range.start + 3;
    assert!(matches!(sealer.seal(narrow, at), Err(SealError::Slot(_))));
    let mut outside = unsealed(sealer.contents_reserve());
    outside.slot.contents = 10_000..20_000;
    assert!(matches!(sealer.seal(outside, at), Err(SealError::Slot(_))));
}
