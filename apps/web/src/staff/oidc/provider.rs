//! The identity provider: where its pages are, its keys, and what a code is exchanged for. Its words are fetched
//! when they are first needed and again after an hour; its keys also when a token names one that is not among them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use kvit_billing::{Role, Secret};
use kvit_pay::ways::{Call, NoAnswer, Wire};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::token::{self, Refused, Wanted};

const KEPT_FOR: Duration = Duration::from_secs(3600);
/// An answer with tokens for one person.
const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// How staff sign in at an identity provider: the section `[staff.oidc]`.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// As the provider writes itself, to the letter.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// By which it knows us.
    pub client_secret: Secret<String>,
    /// What the button and the pages call it.
    pub title: String,
    /// Asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim whose value becomes the sign-in name.
    pub login_claim: String,
    /// The claim that lists groups or roles; dots lead into objects.
    pub roles_claim: String,
    /// Which value of it makes which role.
    pub roles: BTreeMap<String, Role>,
    /// The claim with the service centre of a clerk; empty for none.
    pub centre_claim: String,
    /// How strongly the provider has to have recognised somebody: one of these (`acr`); empty leaves it to the provider.
    pub acr_values: Vec<String>,
    /// Whether who is not known yet gets an account.
    pub create_accounts: bool,
}

/// The provider cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It does not answer, or says no.
    #[error("{0} cannot be fetched")]
    Silent(String, #[source] NoAnswer),
    /// What it says is no OpenID Connect, or not what we need.
    #[error("{0} says no OpenID Connect")]
    NotOpenId(String, #[source] serde_json::Error),
    /// It speaks for somebody else.
    #[error("{url} speaks for the issuer {told}, not for {issuer}")]
    OtherIssuer {
        /// What was asked.
        url: String,
        /// For whom it speaks.
        told: String,
        /// For whom it should.
        issuer: String,
    },
    /// It has no way of signing in by a browser and a code.
    #[error("{0} does not offer the authorization code flow")]
    NoCodeFlow(String),
    /// It has no keys for its tokens.
    #[error("{0} holds no key that signs")]
    NoKeys(String),
    /// What it says to a sign-in is no token.
    #[error("{0}")]
    Unfit(String),
}

/// What the provider says of itself (OpenID Connect Discovery 1.0, 3), as far as we need it.
#[derive(Clone, Debug, Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: Option<String>,
    #[serde(default)]
    response_types_supported: Vec<String>,
    /// RFC 9207: its answers name it.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What is known of it.
struct Known {
    at: Instant,
    discovered: Discovered,
    keys: Vec<Jwk>,
}

/// An identity provider, and how it is called.
pub struct Oidc {
    pub(crate) settings: OidcSettings,
    wire: Arc<dyn Wire>,
    known: Mutex<Option<Arc<Known>>>,
}

/// What a sign-in there needs.
pub(super) struct Errand<'a> {
    pub(super) state: &'a str,
    pub(super) nonce: &'a str,
    pub(super) verifier: &'a str,
    pub(super) back: &'a str,
}

impl Oidc {
    /// Nothing is fetched yet.
    #[must_use]
    pub fn new(settings: OidcSettings, wire: Arc<dyn Wire>) -> Self {
        Self {
            settings,
            wire,
            known: Mutex::new(None),
        }
    }

    /// Fetches what the provider says of itself, and its keys.
    ///
    /// # Errors
    /// Where it does not answer, is not who it should be, or cannot do what we need.
    pub async fn look(&self) -> Result<(), OidcError> {
        self.fetched().await.map(|_| ())
    }

    async fn get(&self, url: String) -> Result<Vec<u8>, OidcError> {
        let call = Call {
            url: url.clone(),
            form: None,
        };
        let answer = self.wire.call(call).await;
        answer.map_err(|why| OidcError::Silent(url, why))
    }

    async fn fetched(&self) -> Result<Arc<Known>, OidcError> {
        let issuer = &self.settings.issuer;
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let said = self.get(url.clone()).await?;
        let discovered: Discovered = serde_json::from_slice(&said)
            .map_err(|error| OidcError::NotOpenId(url.clone(), error))?;
        if discovered.issuer != *issuer {
            return Err(OidcError::OtherIssuer {
                url,
                told: discovered.issuer,
                issuer: issuer.clone(),
            });
        }
        let types = &discovered.response_types_supported;
        if !types.is_empty() && !types.iter().any(|kind| kind == "code") {
            return Err(OidcError::NoCodeFlow(issuer.clone()));
        }
        let said = self.get(discovered.jwks_uri.clone()).await?;
        let keys = token::keys(&said).filter(|keys| !keys.is_empty());
        let keys = keys.ok_or_else(|| OidcError::NoKeys(discovered.jwks_uri.clone()))?;
        let at = Instant::now();
        let known = Arc::new(Known {
            at,
            discovered,
            keys,
        });
        *self.known.lock().unwrap_or_else(|held| held.into_inner()) = Some(Arc::clone(&known));
        Ok(known)
    }

    async fn known(&self) -> Result<Arc<Known>, OidcError> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(|held| held.into_inner())
            .clone();
        match known {
            Some(known) if known.at.elapsed() < KEPT_FOR => Ok(known),
            _ => self.fetched().await,
        }
    }

    /// The address at which somebody signs in there; `again` also where they are signed in there already.
    pub(super) async fn door(&self, errand: &Errand<'_>, again: bool) -> Result<String, OidcError> {
        let known = self.known().await?;
        let door = &known.discovered.authorization_endpoint;
        let scopes: Vec<_> = ["openid"]
            .into_iter()
            .chain(self.settings.scopes.iter().map(String::as_str))
            .collect();
        let scopes = scopes.join(" ");
        let challenge = super::challenge_of(errand.verifier);
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", errand.back),
            ("scope", &scopes),
            ("state", errand.state),
            ("nonce", errand.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let strengths = self.settings.acr_values.join(" ");
        if !strengths.is_empty() {
            pairs.push(("acr_values", &strengths));
        }
        if again {
            // The token has to say when that was then (Core 1.0, 3.1.2.1).
            pairs.extend([("prompt", "login"), ("max_age", "0")]);
        }
        let query = form(&pairs);
        let mark = if door.contains('?') { '&' } else { '?' };
        Ok(format!("{door}{mark}{query}"))
    }

    /// Whether an answer that names `iss` may come from this provider (RFC 9207): else somebody may have mixed
    /// two providers up.
    pub(super) async fn is_theirs(&self, iss: Option<&str>) -> Result<bool, OidcError> {
        let named = self.known().await?;
        let named = named
            .discovered
            .authorization_response_iss_parameter_supported;
        Ok(match iss {
            Some(iss) => iss == self.settings.issuer,
            None => !named,
        })
    }

    /// What the provider says of who brought this code.
    pub(super) async fn claims(
        &self,
        code: &str,
        errand: &Errand<'_>,
        now: Timestamp,
    ) -> Result<Result<BTreeMap<String, Value>, Refused>, OidcError> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let known = self.known().await?;
        let settings = &self.settings;
        let url = known.discovered.token_endpoint.clone();
        let form = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", errand.back),
            ("client_id", &settings.client_id),
            ("client_secret", settings.client_secret.expose()),
            ("code_verifier", errand.verifier),
        ]);
        let call = Call {
            url: url.clone(),
            form: Some(form),
        };
        let said = self.wire.call(call).await;
        let said = said.map_err(|why| OidcError::Silent(url.clone(), why))?;
        if said.len() > TOKEN_BYTES_MAX {
            return Err(OidcError::Unfit(format!("{url} says too much")));
        }
        let tokens: Tokens = serde_json::from_slice(&said)
            .map_err(|_| OidcError::Unfit(format!("{url} gives no ID token")))?;
        let wanted = Wanted {
            issuer: &settings.issuer,
            client_id: &settings.client_id,
            nonce: errand.nonce,
            strengths: &settings.acr_values,
            now,
        };
        let claims = token::claims(&tokens.id_token, &known.keys, &wanted);
        if claims != Err(Refused::UnknownKey) {
            return Ok(claims);
        }
        // The keys may have been changed since. Only the provider itself makes us ask.
        let known = self.fetched().await?;
        Ok(token::claims(&tokens.id_token, &known.keys, &wanted))
    }

    /// The page that signs somebody out there too, where there is one.
    pub(super) async fn way_out(&self, back: &str) -> Option<String> {
        let known = self.known().await.ok()?;
        let end = known.discovered.end_session_endpoint.as_ref()?;
        let query = form(&[
            ("client_id", self.settings.client_id.as_str()),
            ("post_logout_redirect_uri", back),
        ]);
        let mark = if end.contains('?') { '&' } else { '?' };
        Some(format!("{end}{mark}{query}"))
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    pairs.collect::<Vec<_>>().join("&")
}
