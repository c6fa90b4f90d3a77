//! How the instance is kept, for the console and for `kvit doctor`: certificates and their ends, own texts, and
//! the checks in the background.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use kvit_billing::ports::Clock;
use kvit_pades::{Certificate, SealKey, TrustRoots};
use kvit_web::{
    CERTIFICATE_WARN_DAYS, CertificateFacts, CertificateUse, Finding, Health, Looked, OwnText,
    Said, Upkeep,
};

use crate::{
    commands::doctor,
    files,
    wiring::{Instance, SystemClock},
};

/// The certificates that the instance stands on, as their files are now: the seal's first. What cannot be read
/// is left out; doctor's other checks tell of it.
pub(crate) fn certificates(instance: &Instance) -> Vec<CertificateFacts> {
    let config = &instance.config;
    let mut all = Vec::new();
    if let Ok(key) = instance.seal_key() {
        for (at, der) in key.certificates().iter().enumerate() {
            let used_for = match at {
                0 => CertificateUse::Seal,
                _ => CertificateUse::SealChain,
            };
            all.extend(
                Certificate::from_der(der)
                    .ok()
                    .map(|one| facts(used_for, &one)),
            );
        }
    }
    let mut pem = |file: &Path, used_for: CertificateUse| {
        if !file.as_os_str().is_empty() {
            all.extend(read_certificates(&instance.path(file), &used_for));
        }
    };
    pem(&config.seal.trust_roots, CertificateUse::TrustRoot);
    for (name, provider) in &config.pay.providers {
        let used_for = CertificateUse::PaymentSystem(name.clone());
        pem(&provider.contract().their_key_file, used_for);
    }
    pem(&config.mail.roots_file, CertificateUse::MailServer);
    all
}

/// Those of a file in PEM. A bare public key has no dates, and is none.
pub(crate) fn read_certificates(file: &Path, used_for: &CertificateUse) -> Vec<CertificateFacts> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let Ok(roots) = TrustRoots::from_pem(&text) else {
        return Vec::new();
    };
    let all = roots.certificates().iter();
    all.map(|one| facts(used_for.clone(), one)).collect()
}

fn facts(used_for: CertificateUse, one: &Certificate) -> CertificateFacts {
    CertificateFacts {
        used_for,
        subject: one.subject(),
        issuer: one.issuer(),
        serial: one.serial(),
        algorithm: one.public_key().to_string(),
        not_before: one.not_before(),
        not_after: one.not_after(),
    }
}

/// That no certificate is over or about to be, each that is with what to do.
pub(crate) fn ends(certificates: &[CertificateFacts], now: Timestamp) -> Finding {
    let mut health = Health::Ok;
    let mut said = Vec::new();
    for one in certificates {
        let left = one.days_left(now);
        if left >= CERTIFICATE_WARN_DAYS {
            continue;
        }
        let (what, name) = match &one.used_for {
            CertificateUse::Seal => ("seal", ""),
            CertificateUse::SealChain => ("chain", ""),
            CertificateUse::TrustRoot => ("root", ""),
            CertificateUse::PaymentSystem(name) => ("payments", name.as_str()),
            CertificateUse::MailServer => ("mail", ""),
        };
        let is_over = left < 0;
        // An old root still vouches for old bills.
        let is_broken = is_over && one.used_for != CertificateUse::TrustRoot;
        health = match (health, is_broken) {
            (Health::Broken, _) | (_, true) => Health::Broken,
            _ => Health::Warning,
        };
        let values = vec![
            ("what", what.to_owned()),
            ("name", name.to_owned()),
            ("subject", one.subject.clone()),
            ("over", if is_over { "yes" } else { "no" }.to_owned()),
            ("end", day(one.not_after)),
            ("count", left.unsigned_abs().to_string()),
        ];
        said.push(Said::Text("certificate", values));
    }
    if said.is_empty() {
        let first = certificates.iter().map(|one| one.not_after).min();
        said.push(match first {
            Some(first) => Said::Text("certificates", vec![("end", day(first))]),
            None => Said::Text("certificates-none", Vec::new()),
        });
    }
    Finding {
        part: "certificates",
        health,
        said,
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The instance as the console asks for it.
pub(crate) struct Kept {
    instance: Instance,
    looked: Arc<Mutex<Looked>>,
}

impl Kept {
    pub(crate) fn new(instance: Instance) -> Self {
        Self {
            instance,
            looked: Arc::default(),
        }
    }
}

impl Upkeep for Kept {
    fn certificates(&self) -> BoxFuture<'static, Vec<CertificateFacts>> {
        let instance = self.instance.clone();
        off_the_threads(move || certificates(&instance))
    }

    fn own_texts(&self) -> BoxFuture<'static, Vec<OwnText>> {
        let instance = self.instance.clone();
        off_the_threads(move || {
            let config = &instance.config;
            let folders = [&config.portal.overrides, &config.mail.overrides];
            folders
                .into_iter()
                .flat_map(|folder| own_texts(&instance.dir, folder))
                .collect()
        })
    }

    fn look(&self) {
        let mut now = locked(&self.looked);
        if std::mem::replace(&mut now.under_way, true) {
            return;
        }
        drop(now);
        let (dir, looked) = (self.instance.dir.clone(), Arc::clone(&self.looked));
        let runtime = tokio::runtime::Handle::current();
        // Some checks wait for the outside without giving way.
        let look = tokio::task::spawn_blocking(move || runtime.block_on(doctor::look(&dir)));
        tokio::spawn(async move {
            let found = look.await;
            let mut now = locked(&looked);
            now.under_way = false;
            match found {
                Ok(findings) => {
                    now.findings = findings;
                    now.at = Some(SystemClock.now());
                }
                Err(died) => {
                    let error = &died as &dyn std::error::Error;
                    tracing::error!(error, "the instance could not be looked at");
                }
            }
        });
    }

    fn looked(&self) -> Looked {
        locked(&self.looked).clone()
    }
}

fn locked(looked: &Mutex<Looked>) -> std::sync::MutexGuard<'_, Looked> {
    looked.lock().unwrap_or_else(PoisonError::into_inner)
}

fn off_the_threads<T: Send + 'static>(
    work: impl FnOnce() -> Vec<T> + Send + 'static,
) -> BoxFuture<'static, Vec<T>> {
    async move { tokio::task::spawn_blocking(work).await.unwrap_or_default() }.boxed()
}

/// The files of a folder of overrides.
fn own_texts(dir: &Path, folder: &Path) -> Vec<OwnText> {
    let within = dir.join(folder);
    let all = files::overrides(&within).unwrap_or_default();
    let one = |(name, bytes): (String, Vec<u8>)| {
        let changed = fs::metadata(within.join(&name)).and_then(|about| about.modified());
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        OwnText {
            file: folder.join(&name).display().to_string(),
            sha256,
            changed: changed.ok().and_then(|at| Timestamp::try_from(at).ok()),
        }
    };
    all.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use kvit_billing::Language;
    use kvit_web::FindingTexts;

    use super::*;

    fn one(used_for: CertificateUse, end: &str) -> CertificateFacts {
        let at = |text: &str| text.parse().expect("a time");
        CertificateFacts {
            used_for,
            subject: "Светулка".to_owned(),
            issuer: "Доверие".to_owned(),
            serial: "01".to_owned(),
            algorithm: "RSA".to_owned(),
            not_before: at("2025-01-01T00:00:00Z"),
            not_after: at(end),
        }
    }

    fn words(found: &Finding) -> String {
        let english = FindingTexts::new(Language::En).expect("well-formed");
        english.check(&found.said)
    }

    #[test]
    fn an_end_is_told_sixty_days_before_with_what_to_do() {
        let now = "2026-12-01T00:00:00Z".parse().expect("a time");
        let far = one(CertificateUse::Seal, "2027-01-30T00:00:00Z");
        let found = ends(std::slice::from_ref(&far), now);
        assert_eq!(found.health, Health::Ok, "{}", words(&found));
        assert!(words(&found).contains("2027-01-30"), "{}", words(&found));
        let near = one(CertificateUse::Seal, "2027-01-29T23:00:00Z");
        let found = ends(&[far, near.clone()], now);
        assert_eq!(found.health, Health::Warning);
        assert!(
            words(&found).contains("in 59 days") && words(&found).contains("[seal] file"),
            "{}",
            words(&found)
        );
        // An old root still vouches for old bills; an old seal seals nothing.
        let root = one(CertificateUse::TrustRoot, "2026-11-01T00:00:00Z");
        assert_eq!(
            ends(std::slice::from_ref(&root), now).health,
            Health::Warning
        );
        let over = one(CertificateUse::Seal, "2026-11-30T00:00:00Z");
        let found = ends(&[over, root, near], now);
        assert_eq!(found.health, Health::Broken);
        assert_eq!(words(&found).lines().count(), 3, "{}", words(&found));
        assert_eq!(words(&ends(&[], now)), "there are none");
    }
}
