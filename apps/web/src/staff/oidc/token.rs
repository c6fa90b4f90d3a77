//! The ID token of an identity provider (OpenID Connect Core 1.0, 3.1.3.7), judged. Nothing here asks anybody or
//! knows a clock.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// Clocks may differ by so much.
const CLOCKS_APART_S: i64 = 30;
/// A token is made for this very sign-in.
const AGE_MAX_S: i64 = 15 * 60;
/// Core 1.0, 2: "must not exceed 255 ASCII characters".
const SUBJECT_BYTES_MAX: usize = 255;

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the token is not written as OpenID Connect says")]
    Malformed,
    #[error("the token is signed in a way that is not taken")]
    Algorithm,
    #[error("the provider has published no such key")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for somebody else")]
    Audience,
    #[error("the token's time is over, or has not come")]
    Time,
    #[error("the token is for another sign-in")]
    Nonce,
    #[error("the token does not say that somebody was recognised as strongly as is asked")]
    Strength,
}

/// What a token has to say.
pub(crate) struct Wanted<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    /// One of these has the provider to have reached; any where there are none.
    pub(crate) strengths: &'a [String],
    pub(crate) now: Timestamp,
}

/// The published keys of a provider that can sign tokens. One that we do not understand is passed over
/// (RFC 7517, 5).
pub(crate) fn keys(published: &[u8]) -> Option<Vec<Jwk>> {
    #[derive(Deserialize)]
    struct Published {
        keys: Vec<Value>,
    }
    let published: Published = serde_json::from_slice(published).ok()?;
    let keys = published.keys.into_iter();
    let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let signs = |key: &Jwk| {
        matches!(
            key.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        )
    };
    Some(keys.filter(signs).collect())
}

/// What the provider says of who signed in, in a token that is for us and for now.
pub(crate) fn claims(
    token: &str,
    keys: &[Jwk],
    wanted: &Wanted<'_>,
) -> Result<BTreeMap<String, Value>, Refused> {
    let header = decode_header(token).map_err(|_| Refused::Algorithm)?;
    let fits = |key: &&Jwk| {
        let named = header.kid.is_none() || key.common.key_id == header.kid;
        let for_it = key
            .common
            .key_algorithm
            .is_none_or(|algorithm| algorithm == header.alg.into());
        named && for_it && kind_fits(&key.algorithm, header.alg)
    };
    if !matches!(
        header.alg,
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256
    ) {
        return Err(Refused::Algorithm);
    }
    let mut known = keys.iter().filter(fits);
    // Without a name only the one key can be meant.
    let (Some(key), None) = (known.next(), known.next()) else {
        return Err(Refused::UnknownKey);
    };
    let key = DecodingKey::from_jwk(key).map_err(|_| Refused::UnknownKey)?;
    let mut validation = Validation::new(header.alg);
    // These are ours, below: with our clock, and each with an answer of its own.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let said = decode::<BTreeMap<String, Value>>(token, &key, &validation);
    let said = said.map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => Refused::Signature,
        _ => Refused::Malformed,
    })?;
    judged(said.claims, wanted)
}

fn kind_fits(key: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    match key {
        AlgorithmParameters::RSA(_) => matches!(algorithm, Algorithm::RS256 | Algorithm::PS256),
        AlgorithmParameters::EllipticCurve(curve) => {
            algorithm == Algorithm::ES256 && curve.curve == EllipticCurve::P256
        }
        _ => false,
    }
}

fn judged(
    said: BTreeMap<String, Value>,
    wanted: &Wanted<'_>,
) -> Result<BTreeMap<String, Value>, Refused> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let second = |name: &str| said.get(name).and_then(Value::as_f64);
    if text("iss") != Some(wanted.issuer) {
        return Err(Refused::Issuer);
    }
    let for_us = match said.get("aud") {
        Some(Value::String(one)) => one == wanted.client_id,
        // Among others only where it says that it was given to us.
        Some(Value::Array(all)) => {
            all.iter().any(|one| one.as_str() == Some(wanted.client_id))
                && (all.len() == 1 || text("azp") == Some(wanted.client_id))
        }
        _ => false,
    };
    if !for_us || text("azp").is_some_and(|azp| azp != wanted.client_id) {
        return Err(Refused::Audience);
    }
    let now = wanted.now.as_second();
    let (Some(expires), Some(made)) = (second("exp"), second("iat")) else {
        return Err(Refused::Malformed);
    };
    let apart = |earlier: f64, later: i64, at_most: i64| earlier >= (later - at_most) as f64;
    let early = |at: f64| at > (now + CLOCKS_APART_S) as f64;
    if !apart(expires, now, CLOCKS_APART_S)
        || !apart(made, now, AGE_MAX_S)
        || early(made)
        || second("nbf").is_some_and(early)
    {
        return Err(Refused::Time);
    }
    let nonce = text("nonce").ok_or(Refused::Nonce)?;
    if !bool::from(nonce.as_bytes().ct_eq(wanted.nonce.as_bytes())) {
        return Err(Refused::Nonce);
    }
    // What is asked for may be passed over (Core 1.0, 3.1.2.1): what was done counts.
    let reached = |acr: &str| wanted.strengths.iter().any(|one| one == acr);
    if !wanted.strengths.is_empty() && !text("acr").is_some_and(reached) {
        return Err(Refused::Strength);
    }
    let subject = text("sub").is_some_and(|sub| (1..=SUBJECT_BYTES_MAX).contains(&sub.len()));
    if !subject {
        return Err(Refused::Malformed);
    }
    Ok(said)
}
