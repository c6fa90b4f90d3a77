//! Keys made here, read back here and by OpenSSL; and files that must be refused.

use std::{fs, path::Path, process::Command, sync::Arc};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use jiff::Timestamp;
use kvit_keys::{KeyError, KeyKind, Pkcs12Key, Throwaway};
use kvit_pades::{Certificate, SealKey, Sealer};
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12Archive, PrivateKeyChain};

const PASSWORD: &str = "парола 1";

fn at() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().expect("a time")
}

fn made(kind: KeyKind) -> Throwaway {
    Throwaway::generate(kind, "Електроразпределение „Искра“ ЕАД", at(), PASSWORD)
        .expect("a throwaway seal")
}

#[test]
fn both_kinds_sign_and_know_their_size() {
    let kinds: [(KeyKind, &'static dyn VerificationAlgorithm, usize); 2] = [
        (KeyKind::Rsa2048, &RSA_PKCS1_2048_8192_SHA256, 256),
        (KeyKind::P256, &ECDSA_P256_SHA256_ASN1, 72),
    ];
    for (kind, algorithm, largest) in kinds {
        let key = Pkcs12Key::from_bytes(&made(kind).pkcs12, PASSWORD).expect("a key");
        assert_eq!(key.signature_bytes_max(), largest);
        let public = key.certificate().public_key_bytes().to_vec();
        for message in [&b"a bill"[..], b"", &[7; 10_000]] {
            let signature = key.sign(message).expect("a signature");
            assert!(signature.len() <= largest);
            UnparsedPublicKey::new(algorithm, &public)
                .verify(message, &signature)
                .expect("the certificate's key verifies it");
        }
        assert_eq!(key.certificates().len(), 1, "the root stays out of bills");
        let reserve = Sealer::new(Arc::new(key))
            .expect("a sealer")
            .contents_reserve();
        assert!((500..1800).contains(&reserve), "{reserve}");
    }
}

#[test]
fn the_certificates_say_what_they_should() {
    let throwaway = made(KeyKind::P256);
    let key = Pkcs12Key::from_bytes(&throwaway.pkcs12, PASSWORD).expect("a key");
    let seal = key.certificate();
    assert_eq!(seal.subject(), "Електроразпределение „Искра“ ЕАД");
    assert!(seal.may_seal() && !seal.may_issue());
    let archive = Pkcs12Archive::from_pkcs12(&throwaway.pkcs12, PASSWORD).expect("an archive");
    let root = Certificate::from_der(archive.certs[1].cert.as_der()).expect("a root");
    assert!(root.may_issue() && !root.may_seal() && root.is_self_issued());
    assert!(seal.names_as_issuer(&root));
    assert_eq!(key.date_warning(at()), None);
    let later: Timestamp = "2030-01-01T00:00:00Z".parse().expect("a time");
    let earlier: Timestamp = "2026-11-01T00:00:00Z".parse().expect("a time");
    assert!(
        key.date_warning(later)
            .expect("expired")
            .contains("expired on")
    );
    assert!(
        key.date_warning(earlier)
            .expect("not yet")
            .contains("valid from")
    );
    assert!(
        !format!("{key:?}").contains("Искра"),
        "nobody's name in a log"
    );
}

#[test]
fn long_and_empty_names() {
    let long = "Ж".repeat(300);
    let throwaway = Throwaway::generate(KeyKind::P256, &long, at(), "p").expect("a seal");
    let key = Pkcs12Key::from_bytes(&throwaway.pkcs12, "p").expect("a key");
    assert_eq!(key.certificate().subject().chars().count(), 64);
    let empty = Throwaway::generate(KeyKind::P256, "  ", at(), "p");
    assert!(matches!(empty, Err(KeyError::Organisation)));
    let never = Throwaway::generate(KeyKind::P256, "x", Timestamp::MAX, "p");
    assert!(matches!(never, Err(KeyError::Time(_))));
}

#[test]
fn files_that_give_no_key() {
    let throwaway = made(KeyKind::P256);
    let open = |file: &[u8], password: &str| Pkcs12Key::from_bytes(file, password).err();
    assert!(matches!(
        open(&throwaway.pkcs12, "wrong"),
        Some(KeyError::Password)
    ));
    assert!(matches!(
        open(&throwaway.pkcs12, ""),
        Some(KeyError::Password)
    ));
    for file in [
        &b""[..],
        b"-----BEGIN CERTIFICATE-----",
        &throwaway.pkcs12[..300],
    ] {
        assert!(matches!(open(file, PASSWORD), Some(KeyError::Format(_))));
    }

    let archive = Pkcs12Archive::from_pkcs12(&throwaway.pkcs12, PASSWORD).expect("an archive");
    let other = Pkcs12Archive::from_pkcs12(&made(KeyKind::P256).pkcs12, PASSWORD).expect("another");
    let write = |entries: Vec<KeyStoreEntry>| {
        let mut store = KeyStore::new();
        for (number, entry) in entries.into_iter().enumerate() {
            store.add_entry(&format!("entry {number}"), entry);
        }
        store.writer(PASSWORD).write().expect("a file")
    };
    let certificate = archive.certs[0].cert.clone();
    let only_certificate = write(vec![KeyStoreEntry::Certificate(certificate.clone())]);
    assert!(matches!(
        open(&only_certificate, PASSWORD),
        Some(KeyError::NoKey)
    ));
    let foreign = PrivateKeyChain::new("a", other.keys[0].key.clone(), [certificate.clone()]);
    let foreign = write(vec![KeyStoreEntry::PrivateKeyChain(foreign)]);
    assert!(matches!(
        open(&foreign, PASSWORD),
        Some(KeyError::ForeignKey)
    ));
    let chain = |from: &Pkcs12Archive, id: &str| {
        let certificates = from.certs.iter().map(|bag| bag.cert.clone());
        KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(
            id,
            from.keys[0].key.clone(),
            certificates,
        ))
    };
    let both = write(vec![chain(&archive, "a"), chain(&other, "b")]);
    assert!(matches!(open(&both, PASSWORD), Some(KeyError::SeveralKeys)));
}

#[test]
fn certificates_in_any_order_become_a_chain() {
    let archive =
        Pkcs12Archive::from_pkcs12(&made(KeyKind::Rsa2048).pkcs12, PASSWORD).expect("an archive");
    let mut certificates: Vec<_> = archive.certs.iter().map(|bag| bag.cert.clone()).collect();
    certificates.reverse();
    let mut store = KeyStore::new();
    let entry = PrivateKeyChain::new("k", archive.keys[0].key.clone(), certificates);
    store.add_entry("k", KeyStoreEntry::PrivateKeyChain(entry));
    let file = store.writer("p").write().expect("a file");
    let key = Pkcs12Key::from_bytes(&file, "p").expect("a key");
    assert_eq!(key.certificates()[0], archive.certs[0].cert.as_der());
}

/// OpenSSL's judgement of our files, and our reading of its files.
#[test]
fn openssl_agrees() {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(
            std::env::var_os("KVIT_REQUIRE_ALL_TESTS").is_none(),
            "openssl is missing, and KVIT_REQUIRE_ALL_TESTS is set"
        );
        eprintln!("SKIPPED: openssl is missing");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for kind in [KeyKind::Rsa2048, KeyKind::P256] {
        let throwaway = made(kind);
        fs::write(path("seal.p12"), &throwaway.pkcs12).expect("written");
        fs::write(path("ca.pem"), &throwaway.ca_pem).expect("written");
        let pass = format!("pass:{PASSWORD}");
        let info = openssl(&[
            "pkcs12",
            "-in",
            &path("seal.p12"),
            "-passin",
            &pass,
            "-info",
            "-noout",
        ]);
        assert!(
            info.contains("PBES2") && info.contains("AES-256-CBC"),
            "{info}"
        );
        let pem = path("seal.pem");
        openssl(&[
            "pkcs12",
            "-in",
            &path("seal.p12"),
            "-passin",
            &pass,
            "-noenc",
            "-out",
            &pem,
        ]);
        openssl(&[
            "verify",
            "-x509_strict",
            "-CAfile",
            &path("ca.pem"),
            "-attime",
            "1795600000",
            &pem,
        ]);
        let text = openssl(&["x509", "-in", &pem, "-noout", "-text", "-nameopt", "utf8"]);
        assert!(
            text.contains("Digital Signature, Non Repudiation"),
            "{text}"
        );

        // The way back, with OpenSSL's own encryption and order.
        let again = path("again.p12");
        openssl(&[
            "pkcs12", "-export", "-in", &pem, "-out", &again, "-passout", "pass:x",
        ]);
        let file = fs::read(Path::new(&again)).expect("a file");
        let key = Pkcs12Key::from_bytes(&file, "x").expect("a key of OpenSSL's file");
        assert!(matches!(
            Pkcs12Key::from_bytes(&file, "y"),
            Err(KeyError::Password)
        ));
        assert_eq!(key.certificates().len(), 1);
    }
}

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("openssl runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    said
}
