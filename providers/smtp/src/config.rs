//! How to reach the mail server, checked before the first mail.

use std::{net::IpAddr, sync::Arc, time::Duration};

use kvit_billing::Secret;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// How a conversation is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Not at all: to a relay on this machine.
    Plain,
    /// By STARTTLS, which must be offered (port 587 or 25).
    #[default]
    StartTls,
    /// From the first byte (port 465).
    Tls,
}

/// How to reach the mail server.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Protection of the conversation.
    pub security: SmtpSecurity,
    /// Allows [`SmtpSecurity::Plain`] to another machine, such as within one trusted network.
    pub allow_plain_remote: bool,
    /// Login, together with `password`.
    pub user: Option<String>,
    /// Login, together with `user`.
    pub password: Option<Secret<String>>,
    /// What this machine calls itself (EHLO).
    pub hello_name: String,
    /// Conversations at once, and connections kept: 1 to 1000.
    pub connections: usize,
    /// Time for each step but the last, in seconds.
    pub timeout_s: u64,
    /// Certificates to trust besides the system's, PEM.
    pub extra_root_pem: Option<Vec<u8>>,
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// Mail would be readable on the way.
    #[error("unencrypted mail to `{0}` is not allowed: use TLS, or allow it in the settings")]
    PlainRemote(String),
    /// A login over an open line, or half a login.
    #[error("a mail login needs a user and a password, and an encrypted conversation or loopback")]
    Login,
    /// Not a name of a host.
    #[error("`{0}` is not a host name")]
    Host(String),
    /// The extra certificates.
    #[error("the extra certificates are not PEM certificates")]
    Roots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Settings that were checked.
pub(crate) struct Checked {
    pub(crate) config: SmtpConfig,
    pub(crate) timeout: Duration,
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Checked {
    pub(crate) fn new(config: SmtpConfig) -> Result<Self, SmtpError> {
        let plain = config.security == SmtpSecurity::Plain;
        let loopback = config.host == "localhost"
            || config
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if plain && !loopback && !config.allow_plain_remote {
            return Err(SmtpError::PlainRemote(config.host));
        }
        let login = config.user.is_some();
        if login != config.password.is_some() || (login && plain && !loopback) {
            return Err(SmtpError::Login);
        }
        let name = |text: &str| {
            !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic())
        };
        for host in [&config.host, &config.hello_name] {
            if !name(host) {
                return Err(SmtpError::Host(host.chars().take(100).collect()));
            }
        }
        let tls = if plain { None } else { Some(tls(&config)?) };
        let timeout = Duration::from_secs(config.timeout_s.clamp(1, 3600));
        Ok(Self {
            config,
            timeout,
            tls,
        })
    }
}

fn tls(config: &SmtpConfig) -> Result<(Arc<ClientConfig>, ServerName<'static>), SmtpError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = &config.extra_root_pem {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| SmtpError::Roots)?;
        let given = certificates.len();
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 || added != given {
            return Err(SmtpError::Roots);
        }
    }
    let name = ServerName::try_from(config.host.clone())
        .map_err(|_| SmtpError::Host(config.host.clone()))?;
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(SmtpError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((Arc::new(client), name))
}
