//! From the seal's certificate to a root that the verifier trusts (RFC 5280, 6.1).

use std::time::Duration;

use jiff::Timestamp;
use pki_types::{CertificateDer, UnixTime, pem::PemObject};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    VerifiedPath, anchor_from_trusted_cert,
};

use crate::{Certificate, CertificateError, verdict::Problem};

/// The certificates that a verifier trusts to vouch for seals.
#[derive(Clone, Debug, Default)]
pub struct TrustRoots {
    roots: Vec<Certificate>,
}

/// The trust roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The text is not PEM.
    #[error("the trust roots are not PEM; each certificate stands between BEGIN and END lines")]
    Pem(#[source] pki_types::pem::Error),
    /// PEM without a certificate.
    #[error("the trust roots hold no certificate; a BEGIN CERTIFICATE block was expected")]
    Empty,
    /// One block is not a certificate.
    #[error("trust root number {0} cannot be read")]
    Certificate(usize, #[source] CertificateError),
}

impl TrustRoots {
    /// Reads every certificate of a PEM text; other blocks are passed over.
    ///
    /// # Errors
    /// Where there is none, or one cannot be read.
    pub fn from_pem(pem: &str) -> Result<Self, TrustError> {
        let mut roots = Vec::new();
        for (number, block) in CertificateDer::pem_slice_iter(pem.as_bytes()).enumerate() {
            let der = block.map_err(TrustError::Pem)?;
            let root = Certificate::from_der(&der)
                .map_err(|error| TrustError::Certificate(number + 1, error))?;
            roots.push(root);
        }
        if roots.is_empty() {
            return Err(TrustError::Empty);
        }
        Ok(Self { roots })
    }

    /// Each of them.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.roots
    }

    /// How many certificates are trusted.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Looks for a path from the seal to a root that holds at `at`; revocation is not looked up.
    /// `others` are what the signature carries besides; each must be of use, or be a root itself.
    pub(crate) fn judge(
        &self,
        seal: &Certificate,
        others: &[Certificate],
        at: Timestamp,
    ) -> Result<(), Problem> {
        if !seal.may_seal() {
            return Err(Problem::NotForSeals);
        }
        let used = if self.roots.contains(seal) {
            // Trusted by itself: only its dates remain.
            dates(seal, at)?;
            Vec::new()
        } else {
            self.path(seal, others, at)?
        };
        let known = |one: &&Certificate| used.contains(one) || self.roots.contains(one);
        match others.iter().find(|one| !known(one)) {
            Some(stray) => Err(Problem::StrayCertificate(stray.subject())),
            None => Ok(()),
        }
    }

    fn path(
        &self,
        seal: &Certificate,
        others: &[Certificate],
        at: Timestamp,
    ) -> Result<Vec<Certificate>, Problem> {
        if self.roots.is_empty() {
            return Err(Problem::NoRoots);
        }
        dates(seal, at)?;
        let usable = self
            .roots
            .iter()
            .filter(|root| root.may_issue() && root.valid_at(at));
        let usable: Vec<_> = usable
            .map(|root| CertificateDer::from(root.der()))
            .collect();
        let anchors: Vec<_> = usable
            .iter()
            .filter_map(|root| anchor_from_trusted_cert(root).ok())
            .collect();
        let der = CertificateDer::from(seal.der());
        let entity = EndEntityCert::try_from(&der).map_err(|error| chain(&error))?;
        let between: Vec<_> = others
            .iter()
            .map(|one| CertificateDer::from(one.der()))
            .collect();
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        let path = entity
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &anchors,
                &between,
                UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
                AnyPurpose,
                None,
                Some(&authorities_only),
            )
            .map_err(|error| chain(&error))?;
        Ok(others
            .iter()
            .filter(|one| {
                path.intermediate_certificates()
                    .any(|used| *used.der() == *one.der())
            })
            .cloned()
            .collect())
    }
}

fn dates(seal: &Certificate, at: Timestamp) -> Result<(), Problem> {
    if at > seal.not_after() {
        return Err(Problem::Expired {
            on: seal.not_after(),
        });
    }
    if at < seal.not_before() {
        return Err(Problem::NotYetValid {
            until: seal.not_before(),
        });
    }
    Ok(())
}

fn chain(error: &Error) -> Problem {
    match error {
        Error::UnknownIssuer => Problem::UnknownIssuer,
        other => Problem::Chain(other.to_string()),
    }
}

/// webpki looks at basic constraints only; RFC 5280, 6.1.4 (n) asks for the key usage too.
fn authorities_only(path: &VerifiedPath<'_>) -> Result<(), Error> {
    for between in path.intermediate_certificates() {
        let parsed = Certificate::from_der(&between.der()).map_err(|_| Error::BadDer)?;
        if !parsed.may_issue() {
            return Err(Error::EndEntityUsedAsCa);
        }
    }
    Ok(())
}

/// Seal certificates carry no agreed extended key usage (EN 319 412-3); the key usage decides.
#[derive(Clone, Copy)]
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}
