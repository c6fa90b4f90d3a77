use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};

use super::*;

#[path = "../../tests/common/authenticator.rs"]
mod authenticator;
use authenticator::Authenticator;

const HERE: &str = "https://bills.example.bg";

fn here() -> RelyingParty {
    RelyingParty::of(HERE).expect("a site")
}

fn challenge() -> (Token, String) {
    let token = Token::from_random([7; 16]);
    let text = encoded(token.expose().as_bytes());
    (token, text)
}

fn told(kind: Kind, device: &Authenticator) -> Result<Told, Refused> {
    here().told(kind, &device.client_data(kind.name(), &challenge().1))
}

fn created(attestation: &[u8]) -> Result<Created, Refused> {
    let device = Authenticator::new(HERE, 1);
    told(Kind::Create, &device)?.created(&here(), attestation)
}

#[test]
fn passkeys_are_for_names_on_https() {
    for (url, expected) in [
        (
            "https://bills.example.bg",
            Some(("bills.example.bg", "https://bills.example.bg")),
        ),
        (
            "https://Bills.example.bg:443/",
            Some(("bills.example.bg", "https://bills.example.bg")),
        ),
        ("https://b.bg:8443", Some(("b.bg", "https://b.bg:8443"))),
        (
            "http://localhost:8480",
            Some(("localhost", "http://localhost:8480")),
        ),
        ("http://localhost", Some(("localhost", "http://localhost"))),
        ("http://bills.example.bg", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        ("https://сметки.бг", None),
        ("https://b.bg/portal", None),
        ("https://b.bg:x", None),
        ("ftp://b.bg", None),
        ("https://", None),
    ] {
        let found = RelyingParty::of(url);
        let found = found
            .as_ref()
            .map(|it| (it.id.as_str(), it.origin.as_str()));
        assert_eq!(found, expected, "{url}");
    }
}

#[test]
fn a_new_key_opens_with_its_signature_and_no_other() {
    let mut device = Authenticator::new(HERE, 1);
    let new = created(&Authenticator::attestation(&device.data(true))).expect("a passkey");
    assert_eq!((new.id.as_slice(), new.counter), (&[1; 32][..], 1));
    assert_eq!(new.public_key, device.cose());
    device.counter = 9;
    let client = device.client_data("webauthn.get", &challenge().1);
    let data = device.data(false);
    let signature = device.sign(&[&data[..], &sha256(&client)].concat());
    let told = here().told(Kind::Get, &client).expect("ours");
    assert_eq!(told.challenge, challenge().0);
    let used = |data: &[u8], signature: &[u8], key: &[u8]| told.used(&here(), data, signature, key);
    assert_eq!(used(&data, &signature, &new.public_key), Ok(9));
    let other = Authenticator::new(HERE, 1).cose();
    assert_eq!(used(&data, &signature, &other), Err(Refused::Signature));
    // Not one bit of it all can be another.
    for at in 0..data.len() {
        let mut changed = data.clone();
        changed[at] ^= 1;
        assert!(used(&changed, &signature, &new.public_key).is_err(), "{at}");
    }
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        assert!(used(&data, &changed, &new.public_key).is_err(), "{at}");
    }
    for short in [&signature[..signature.len() - 1], &[]] {
        assert_eq!(used(&data, short, &new.public_key), Err(Refused::Signature));
    }
    // What was signed about another challenge is no answer to this one.
    let older = device.client_data("webauthn.get", &encoded(&[b'a'; 32]));
    let older = device.sign(&[&data[..], &sha256(&older)].concat());
    assert_eq!(
        used(&data, &older, &new.public_key),
        Err(Refused::Signature)
    );
}

#[test]
fn an_rsa_key_opens_too() {
    let key = aws_lc_rs::rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
    let parts = key.public_key();
    let n = parts.modulus().big_endian_without_leading_zero().to_vec();
    let mut cose = vec![
        0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00,
    ];
    cose.extend(&n);
    cose.extend([0x21, 0x43, 0x01, 0x00, 0x01]);
    let device = Authenticator::new(HERE, 1);
    let client = device.client_data("webauthn.get", &challenge().1);
    let data = device.data(false);
    let signed = [&data[..], &sha256(&client)].concat();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        &signed,
        &mut signature,
    )
    .expect("a signature");
    let told = here().told(Kind::Get, &client).expect("ours");
    assert_eq!(told.used(&here(), &data, &signature, &cose), Ok(1));
    signature[0] ^= 1;
    let wrong = told.used(&here(), &data, &signature, &cose);
    assert_eq!(wrong, Err(Refused::Signature));
}

#[test]
fn what_another_site_or_act_was_asked_is_refused() {
    let mut device = Authenticator::new(HERE, 1);
    let ask = |device: &Authenticator, kind| told(kind, device).map(|told| told.challenge);
    assert_eq!(ask(&device, Kind::Get), Ok(challenge().0));
    let as_other = here().told(
        Kind::Create,
        &device.client_data("webauthn.get", &challenge().1),
    );
    assert_eq!(as_other.err(), Some(Refused::Kind));
    for origin in [
        "https://evil.example",
        "http://bills.example.bg",
        "https://bills.example.bg:444",
        "https://bills.example.bg.evil.example",
        "https://bills.example.bg/",
        "null",
        "",
    ] {
        device.origin = origin.to_owned();
        assert_eq!(ask(&device, Kind::Get), Err(Refused::Origin), "{origin}");
    }
    let text = challenge().1;
    let head = format!(r#"{{"type":"webauthn.get","challenge":"{text}","origin":"{HERE}""#);
    for (rest, expected) in [
        ("}", None),
        (r#","crossOrigin":false,"other":{"a":[1]}}"#, None),
        (r#","crossOrigin":true}"#, Some(Refused::Origin)),
        (
            r#","topOrigin":"https://evil.example"}"#,
            Some(Refused::Origin),
        ),
        (
            r#","origin":"https://evil.example"}"#,
            Some(Refused::Malformed),
        ),
        (r#","type":"webauthn.get"}"#, Some(Refused::Malformed)),
        ("", Some(Refused::Malformed)),
        ("} {}", Some(Refused::Malformed)),
    ] {
        let found = here().told(Kind::Get, format!("{head}{rest}").as_bytes());
        assert_eq!(found.err(), expected, "{rest}");
    }
    let padded = format!("{text}=");
    for challenge in ["", "x", "AAAA", padded.as_str(), &encoded(&[0xff; 32])] {
        let client = Authenticator::new(HERE, 1).client_data("webauthn.get", challenge);
        let found = here().told(Kind::Get, &client);
        assert_eq!(found.err(), Some(Refused::Challenge), "{challenge}");
    }
}

#[test]
fn a_device_has_to_verify_its_owner_for_this_site() {
    let mut device = Authenticator::new(HERE, 1);
    let new = |device: &Authenticator| created(&Authenticator::attestation(&device.data(true)));
    for (flags, expected) in [
        (0b0000_0000, Err(Refused::NotVerified)),
        (0b0000_0001, Err(Refused::NotVerified)),
        (0b0000_0100, Err(Refused::NotVerified)),
        (0b0000_0101, Ok(())),
        (0b0001_1101, Ok(())),
        // Backed up, and not to be backed up.
        (0b0001_0101, Err(Refused::Malformed)),
        // Extensions that are not there.
        (0b1000_0101, Err(Refused::Malformed)),
    ] {
        device.flags = flags;
        assert_eq!(new(&device).map(|_| ()), expected, "{flags:#b}");
    }
    device.flags = authenticator::SEEN;
    for rp in ["example.bg", "evil.example", ""] {
        device.rp = rp.to_owned();
        assert_eq!(new(&device), Err(Refused::RelyingParty), "{rp}");
    }
}

#[test]
fn no_attestation_is_taken() {
    let device = Authenticator::new(HERE, 1);
    let data = device.data(true);
    let good = Authenticator::attestation(&data);
    let text = |from: &[u8], to: &[u8]| {
        let at = good.windows(from.len()).position(|part| part == from);
        let at = at.expect("there");
        [&good[..at], to, &good[at + from.len()..]].concat()
    };
    for (changed, expected) in [
        (text(b"\x64none", b"\x66packed"), Refused::Attestation),
        (
            text(b"attStmt\xa0", b"attStmt\xa1\x63alg\x26"),
            Refused::Attestation,
        ),
        (text(b"\x67attStmt\xa0", b""), Refused::Malformed),
        (
            text(b"\x67attStmt\xa0", b"\x63fmt\x64none"),
            Refused::Malformed,
        ),
        (
            text(b"\x63fmt\x64none", b"\x67attStmt\xa0"),
            Refused::Malformed,
        ),
        (text(b"\x63fmt", b"\x63fmx"), Refused::Malformed),
        (text(b"\xa3\x63", b"\xa4\x63"), Refused::Malformed),
        ([&good[..], &[0]].concat(), Refused::Malformed),
        (Vec::new(), Refused::Malformed),
    ] {
        assert_eq!(created(&changed), Err(expected), "{changed:?}");
    }
    // Cut anywhere, it is nothing, and nobody falls over it.
    for length in 0..good.len() {
        assert!(created(&good[..length]).is_err(), "{length}");
    }
    for length in 0..data.len() {
        let cut = Authenticator::attestation(&data[..length]);
        assert!(created(&cut).is_err(), "{length}");
    }
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 0x55;
        let _ = created(&changed);
    }
}

#[test]
fn only_keys_that_were_asked_for_are_taken() {
    let device = Authenticator::new(HERE, 1);
    let cose = device.cose();
    let read = |cose: &[u8]| PublicKey::read(&mut Reader(cose)).map(|_| ()).err();
    assert_eq!(read(&cose), None);
    let with = |at: usize, byte: u8| {
        let mut changed = cose.clone();
        changed[at] = byte;
        changed
    };
    for (changed, expected) in [
        // Ed25519, ES384, P-384.
        (with(2, 1), Refused::Algorithm),
        (with(4, 0x27), Refused::Algorithm),
        (with(6, 2), Refused::Algorithm),
        // Not on the curve.
        (
            with(cose.len() - 1, cose[cose.len() - 1] ^ 1),
            Refused::Algorithm,
        ),
        // Twice the same label, or in another order.
        (with(3, 1), Refused::Malformed),
        (with(7, 0x20), Refused::Malformed),
        // Four pairs, of which the last is missing.
        (with(0, 0xa4), Refused::Algorithm),
        (with(0, 0xa6), Refused::Malformed),
        (with(0, 0x80), Refused::Malformed),
    ] {
        assert_eq!(read(&changed), Some(expected), "{changed:?}");
    }
    // A zero of the group, and RSA of a thousand bits.
    let mut zero = cose.clone();
    zero[10..42].fill(0);
    zero[45..].fill(0);
    assert_eq!(read(&zero), Some(Refused::Algorithm));
    let mut short = vec![0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x58, 0x80];
    short.extend([0xff; 128]);
    short.extend([0x21, 0x43, 0x01, 0x00, 0x01]);
    assert_eq!(read(&short), Some(Refused::Algorithm));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = created(&bytes);
        let _ = PublicKey::read(&mut Reader(&bytes));
        let _ = here().told(Kind::Get, &bytes);
        let _ = created(&Authenticator::attestation(&bytes));
    }
}
