//! What verification says of proper files, of changed ones, and of anything at all.

mod common;

use std::{sync::Arc, time::Instant};

use common::{Odd, Skeleton, TestKey, time};
use kvit_pades::{State, TrustRoots, Verdict, verify};
use proptest::prelude::*;

const AT: &str = "2026-11-24T10:20:30Z";

fn key(odd: Odd) -> Arc<TestKey> {
    Arc::new(TestKey::new(odd))
}

fn judge(bytes: &[u8], roots: &TrustRoots) -> Verdict {
    verify(bytes, roots, time("2026-12-01T00:00:00Z"))
}

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict
        .problems
        .iter()
        .map(kvit_pades::Problem::code)
        .collect()
}

/// One file of each structure, and with every chain.
fn proper() -> Vec<(Vec<u8>, TrustRoots)> {
    let mut files = Vec::new();
    for (packed, between, with_root) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (true, true, true),
    ] {
        let key = key(Odd {
            between,
            with_root,
            ..Odd::default()
        });
        let skeleton = Skeleton {
            packed,
            ..Skeleton::default()
        };
        files.push((skeleton.sealed(&key, AT), key.roots()));
    }
    files
}

#[test]
fn a_proper_seal_is_genuine_and_says_whose_it_is() {
    for (bytes, roots) in proper() {
        let verdict = judge(&bytes, &roots);
        assert_eq!(verdict.state, State::Genuine, "{verdict}");
        assert!(verdict.accepted && verdict.notes.is_empty(), "{verdict}");
        let text = verdict.to_string();
        assert!(
            text.contains("Sealed by „Искра“ ЕАД on 2026-11-24 at 10:20:30 UTC"),
            "{text}"
        );
        let json = serde_json::to_value(&verdict).expect("JSON");
        assert_eq!(json["state"], "genuine");
        assert_eq!(json["seal"]["certification"], 1);
        assert_eq!(json["seal"]["claimed_time"], AT);
        assert_eq!(json["problems"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn a_changed_byte_is_found_wherever_it_lies() {
    for (bytes, roots) in proper() {
        let mut changed = bytes.clone();
        for at in 0..bytes.len() {
            for mask in [0x01, 0x02, 0x04, 0x20, 0xff] {
                changed[at] ^= mask;
                let verdict = judge(&changed, &roots);
                assert!(
                    !verdict.accepted,
                    "byte {at} changed by {mask:#x}: {verdict}"
                );
                changed[at] ^= mask;
            }
        }
    }
}

#[test]
fn bytes_behind_the_seal_are_an_addition() {
    for (bytes, roots) in proper() {
        let mut longer = bytes.clone();
        longer.extend_from_slice(b"%\n");
        let verdict = judge(&longer, &roots);
        assert_eq!(verdict.state, State::Changed);
        assert_eq!(codes(&verdict), ["bytes_added"]);
        assert!(
            verdict.to_string().contains("2 bytes were added"),
            "{verdict}"
        );
    }
}

/// Another revision that replaces the page, as a reader would honour it.
#[test]
fn a_later_revision_is_an_addition() {
    let key = key(Odd::default());
    let mut bytes = Skeleton::default().sealed(&key, AT);
    let before = String::from_utf8_lossy(&bytes)
        .rfind("xref\n0 6")
        .expect("the table");
    let at = bytes.len();
    bytes.extend_from_slice(b"3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj\n");
    let start = bytes.len();
    let update = format!(
        "xref\n3 1\n{at:010} 00000 n \ntrailer <</Size 6/Root 1 0 R/Prev {}>>\nstartxref\n{start}\n%%EOF\n",
        before
    );
    bytes.extend_from_slice(update.as_bytes());
    let verdict = judge(&bytes, &key.roots());
    assert_eq!(codes(&verdict), ["bytes_added"], "{verdict}");
}

#[test]
fn whom_to_trust() {
    let one = key(Odd::default());
    let bytes = Skeleton::default().sealed(&one, AT);
    let stranger = key(Odd::default());
    let verdict = judge(&bytes, &stranger.roots());
    assert_eq!(
        (verdict.state, codes(&verdict)[0]),
        (State::Untrusted, "chain_broken"),
        "{verdict}"
    );
    assert!(
        verdict.to_string().contains("claims to be by „Искра“"),
        "{verdict}"
    );
    let verdict = judge(&bytes, &TrustRoots::default());
    assert_eq!(codes(&verdict), ["no_trust_roots"]);

    let odds = [
        (
            Odd {
                may_not_sign: true,
                ..Odd::default()
            },
            "certificate_not_for_seals",
        ),
        (
            Odd {
                between: true,
                between_is_no_authority: true,
                ..Odd::default()
            },
            "chain_broken",
        ),
    ];
    for (odd, code) in odds {
        let key = key(odd);
        let verdict = judge(&Skeleton::default().sealed(&key, AT), &key.roots());
        assert_eq!(
            (verdict.state, codes(&verdict)),
            (State::Untrusted, vec![code]),
            "{verdict}"
        );
    }
    assert!(TrustRoots::from_pem("").is_err());
    assert!(
        TrustRoots::from_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
            .is_err()
    );
}

#[test]
fn the_certificates_dates_count_at_the_time_of_sealing() {
    let key = key(Odd::default());
    let sealed = |at| Skeleton::default().sealed(&key, at);
    let verdict = judge(&sealed("2028-02-01T00:00:00Z"), &key.roots());
    assert_eq!(codes(&verdict), ["certificate_expired"], "{verdict}");
    let verdict = judge(&sealed("2025-02-01T00:00:00Z"), &key.roots());
    assert_eq!(codes(&verdict), ["certificate_not_yet_valid"], "{verdict}");
    let verdict = judge(&sealed("2027-02-01T00:00:00Z"), &key.roots());
    assert!(
        verdict.accepted && verdict.to_string().contains("in the future"),
        "{verdict}"
    );
    let years_later = verify(&sealed(AT), &key.roots(), time("2033-01-01T00:00:00Z"));
    assert!(years_later.accepted, "{years_later}");
    assert!(
        years_later.to_string().contains("ended on 2028-01-01"),
        "{years_later}"
    );
}

/// Sealed by the right key, but not as a bill is.
#[test]
fn seals_of_another_form() {
    let proper = Skeleton::default;
    let cases = [
        (
            Skeleton {
                catalog: "/AcroForm<</Fields[4 0 R]>>",
                ..proper()
            },
            "not_certified",
        ),
        (
            Skeleton {
                catalog: "/AcroForm<</Fields[]>>",
                ..proper()
            },
            "lost_seal",
        ),
        (
            Skeleton {
                field: "/FT/Tx/V 5 0 R",
                ..proper()
            },
            "lost_seal",
        ),
        (
            Skeleton {
                catalog: "/AcroForm<</Fields[4 0 R]>>/Perms<</DocMDP 5 0 R/UR3 5 0 R>>",
                ..proper()
            },
            "not_certified",
        ),
        (
            Skeleton {
                signature: "/SubFilter/ETSI.CAdES.detached",
                ..proper()
            },
            "not_certified",
        ),
        (
            Skeleton {
                signature: "/SubFilter/ETSI.CAdES.detached/Reference[<</TransformMethod/DocMDP\
                    /TransformParams<</P 2>>>>]",
                ..proper()
            },
            "not_certified",
        ),
        (
            Skeleton {
                signature: "/SubFilter/adbe.pkcs7.detached/Reference[<</TransformMethod/DocMDP\
                    /TransformParams<</P 1>>>>]",
                ..proper()
            },
            "not_pades",
        ),
        (
            Skeleton {
                catalog: "/AcroForm 9 0 R",
                ..proper()
            },
            "lost_seal",
        ),
    ];
    let key = key(Odd::default());
    for (skeleton, code) in cases {
        let verdict = judge(&skeleton.sealed(&key, AT), &key.roots());
        assert_eq!(codes(&verdict), [code], "{verdict}");
    }
}

#[test]
fn files_without_a_seal() {
    let roots = TrustRoots::default();
    for bytes in [
        &b""[..],
        b"hello",
        b"%PDF-1.7",
        b"PK\x03\x04",
        &[0xff; 5000],
    ] {
        assert_eq!(judge(bytes, &roots).state, State::Unreadable);
    }
    let plain = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\nxref\n0 2\n0000000000 65535 f \n\
        0000000009 00000 n \ntrailer<</Root 1 0 R>>\nstartxref\n40\n%%EOF";
    let verdict = judge(plain, &roots);
    assert_eq!(
        (verdict.state, codes(&verdict)),
        (State::Unsealed, vec!["no_seal"]),
        "{verdict}"
    );
}

/// Files made to cost time, memory or stack.
#[test]
fn hostile_structures_end_soon() {
    let table = |catalog: &str| {
        let mut bytes = format!("%PDF-1.7\n1 0 obj {catalog} endobj\n").into_bytes();
        let start = bytes.len();
        let end = format!(
            "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer<</Root 1 0 R>>\nstartxref\n{start}\n%%EOF"
        );
        bytes.extend_from_slice(end.as_bytes());
        bytes
    };
    let many = "<</Kids[1 0 R 1 0 R 1 0 R]>>".repeat(100_000);
    // An object stream whose length is an object inside of it.
    let inward =
        "%PDF-1.7\n1 0 obj<</Type/ObjStm/N 1/First 4/Length 2 0 R>>stream\n\nendstream endobj\n";
    let start = inward.len();
    let inward = format!(
        "{inward}3 0 obj<</Type/XRef/Root 2 0 R/Size 3/W[1 2 1]/Length 12>>stream\n\
         \0\0\0\0\u{1}\0\t\0\u{2}\0\u{1}\0\nendstream endobj\nstartxref\n{start}\n%%EOF"
    );
    let files = [
        table(&"[".repeat(4_000_000)),
        table(&"<</A".repeat(1_000_000)),
        table(&format!("<</AcroForm<</Fields[{many}]>>>>")),
        table("<</AcroForm<</Fields[1 0 R]>>/Kids[1 0 R 1 0 R]/Perms 1 0 R>>"),
        table("1 0 R"),
        inward.into_bytes(),
        table(&"(".repeat(8_000_000)),
        table(&"%".repeat(8_000_000)),
        b"%PDF-1.7\nxref\n0 99999999999999\ntrailer<<>>\nstartxref\n9\n%%EOF".to_vec(),
        b"%PDF-1.7\nxref\n0 0\ntrailer<</Prev 9>>\nstartxref\n9\n%%EOF".to_vec(),
        b"%PDF-1.7\n1 0 obj<</Type/XRef/W[8 8 8]/Size 999999999999/Length 0>>stream\n\nendstream\nstartxref\n9\n%%EOF".to_vec(),
    ];
    for file in files {
        let started = Instant::now();
        let verdict = judge(&file, &TrustRoots::default());
        assert!(!verdict.accepted);
        assert!(started.elapsed().as_secs() < 60, "{verdict}");
    }
}

/// A signature made of tiny elements in the wrong order, as long as it may be and longer.
#[test]
fn hostile_signatures_end_soon() {
    let tlv = |tag: u8, value: &[u8]| {
        let length = u32::try_from(value.len()).expect("short").to_be_bytes();
        let length = &length[length.iter().position(|byte| *byte != 0).unwrap_or(3)..];
        let count = u8::try_from(length.len()).expect("short");
        [&[tag, 0x80 | count][..], length, value].concat()
    };
    for elements in [3_500_u16, 65_000] {
        let numbers = (0..elements).rev();
        let set: Vec<u8> = numbers
            .flat_map(|n| [0x04, 2, n.to_be_bytes()[0], n.to_be_bytes()[1]])
            .collect();
        let data = [
            &[2, 1, 1, 0x31, 0, 0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86][..],
            &[0xf7, 0x0d, 1, 7, 1],
            &tlv(0xa0, &set),
            &[0x31, 0],
        ]
        .concat();
        let id = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
        let info = [&id[..], &tlv(0xa0, &tlv(0x30, &data))].concat();
        let cms = tlv(0x30, &info);
        let mut pdf = Skeleton::default().unsealed(cms.len() + 10);
        let contents = pdf.slot.contents.clone();
        let rest = pdf.bytes.len() - contents.end;
        let range = format!("[0 {} {} {rest}]", contents.start, contents.end);
        pdf.bytes[pdf.slot.byte_range.start..][..range.len()].copy_from_slice(range.as_bytes());
        let digits: String = cms.iter().map(|byte| format!("{byte:02x}")).collect();
        pdf.bytes[contents.start + 1..][..digits.len()].copy_from_slice(digits.as_bytes());
        pdf.bytes[pdf.slot.signing_time].copy_from_slice(b"(D:20261124102030Z)");
        let started = Instant::now();
        let verdict = judge(&pdf.bytes, &TrustRoots::default());
        assert!(codes(&verdict).contains(&"seal_broken"), "{verdict}");
        assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    }
}

fn change() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let text = prop::sample::select(vec![
        &b"/ByteRange[0 0 0 0]"[..],
        b"<<",
        b">>",
        b"[",
        b"(",
        b"endobj",
        b"5 0 R",
        b"<00>",
        b"%",
        b"99999999999",
        b"-1",
        b"/Prev 9",
        b"xref",
    ]);
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        text.prop_map(<[u8]>::to_vec),
    ];
    (any::<usize>(), 0_usize..60, piece)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Any bytes get a verdict, and none that differs from the original is accepted.
    #[test]
    fn mutations_never_pass_and_never_panic(
        which in 0_usize..4,
        changes in prop::collection::vec(change(), 1..5),
        cut in prop::option::weighted(0.2, any::<usize>()),
    ) {
        thread_local! {
            static FILES: Vec<(Vec<u8>, TrustRoots)> = proper();
        }
        FILES.with(|files| {
            let (original, roots) = &files[which];
            let mut bytes = original.clone();
            for (at, length, piece) in &changes {
                let start = at % (bytes.len() + 1);
                let end = (start + length).min(bytes.len());
                bytes.splice(start..end, piece.iter().copied());
            }
            if let Some(cut) = cut {
                bytes.truncate(cut % (bytes.len() + 1));
            }
            let verdict = judge(&bytes, roots);
            prop_assert!(!verdict.accepted || bytes == *original, "{}", verdict);
            prop_assert!(serde_json::to_string(&verdict).is_ok() && !verdict.to_string().is_empty());
            Ok(())
        })?;
    }

    #[test]
    fn any_bytes_get_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut pdf = b"%PDF-1.7\n".to_vec();
        pdf.extend_from_slice(&bytes);
        pdf.extend_from_slice(b"\nstartxref\n9\n%%EOF");
        prop_assert!(!judge(&bytes, &TrustRoots::default()).accepted);
        prop_assert!(!judge(&pdf, &TrustRoots::default()).accepted);
    }
}
