//! What is kept of a consent to bills by e-mail, the same whichever way it came.

use jiff::SignedDuration;
use kvit_billing::{CustomerNumber, EnrolmentId, Language, Secret, code::TokenPurpose};
use kvit_mail::EmailAddress;
use kvit_store::{EnrolmentChannel, NewEnrolment, NewProof};

use crate::{App, failure::Failure, pages::sha256_hex};

/// A consent as it was given.
pub(crate) struct Consent<'a> {
    pub(crate) id: EnrolmentId,
    pub(crate) account: &'a CustomerNumber,
    pub(crate) channel: EnrolmentChannel,
    pub(crate) email: &'a EmailAddress,
    /// The language of the mails.
    pub(crate) language: Language,
    /// The language of the text that was agreed to; none where it was on paper: then the picture says what was signed.
    pub(crate) text: Option<Language>,
    /// Of that text, where it is not the one that counts now.
    pub(crate) text_version: Option<String>,
    /// Who took it, where, and how the customer was recognised.
    pub(crate) evidence: serde_json::Value,
}

impl Consent<'_> {
    /// The consent as it is kept, its address to be proven by the link that is mailed to it. The evidence of each channel
    /// has the text's language and SHA-256.
    pub(crate) fn awaiting_proof(self, app: &App) -> NewEnrolment {
        let portal = &app.portal;
        let now = portal.clock.now();
        // Derived, not random: the worker that writes the mail derives it again.
        let proof = portal
            .key
            .token(TokenPurpose::ProveAddress, self.id.as_str());
        let hours = SignedDuration::from_hours(portal.limits.proof_hours.into());
        let mut evidence = self.evidence;
        let hash = |language| sha256_hex(text(app, language).as_bytes());
        evidence["language"] = self.text.map(Language::tag).into();
        evidence["text_sha256"] = self.text.map(hash).into();
        NewEnrolment {
            id: self.id,
            account: self.account.clone(),
            channel: self.channel,
            email: Secret::new(self.email.as_str().to_owned()),
            language: self.language,
            text_version: self
                .text_version
                .unwrap_or_else(|| portal.declaration_version.clone()),
            evidence,
            at: now,
            proof: Some(NewProof {
                hash: proof.hash(),
                expires: now.saturating_add(hours).unwrap_or(now),
            }),
        }
    }
}

/// What is agreed to.
fn text(app: &App, language: Language) -> String {
    let operator = app.portal.operator.name.get(language);
    let texts = app.pages.texts(language);
    texts.say("consent-text", &[("operator", operator)])
}

/// A name for a consent that no form has named: a random token has its very form.
pub(crate) fn new_id(app: &App) -> Result<EnrolmentId, Failure> {
    let id = app.random_token();
    id.expose().parse().map_err(|_| Failure::NotFound)
}
