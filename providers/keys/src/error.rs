//! Why there is no seal key, and what to do.

use jiff::Timestamp;
use kvit_pades::CertificateError;
use p12_keystore::error::Error as ArchiveError;

/// A seal key could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The password does not open the file.
    #[error("the password does not open the key file; check it, or whether the file was damaged")]
    Password,
    /// Not a PKCS#12 file, or one that is damaged or encrypted in a way that nobody should use.
    #[error(
        "this is not a PKCS#12 file that Kvit can read; export the key again, for example with \
         `openssl pkcs12 -export`"
    )]
    Format(#[source] ArchiveError),
    /// Certificates, but no private key.
    #[error("the file holds no private key; export the certificate together with its key")]
    NoKey,
    /// More than one private key that has a certificate.
    #[error(
        "the file holds several private keys; export the one that seals into a file of its own"
    )]
    SeveralKeys,
    /// No certificate in the file carries the public half of the key.
    #[error("no certificate in the file belongs to its private key; export both together")]
    ForeignKey,
    /// A key that Kvit does not seal with.
    #[error(
        "the private key is neither RSA of 2048 to 4096 bits nor ECDSA on P-256, or it is damaged"
    )]
    Algorithm,
    /// The certificate's own words forbid signing.
    #[error(
        "the certificate of {0} may not sign documents: its key usage names neither digital \
         signature nor content commitment, or it is an authority's; ask for a seal certificate"
    )]
    NotForSeals(String),
    /// A certificate in the file is damaged.
    #[error("a certificate in the file cannot be read")]
    Certificate(#[source] CertificateError),
    /// A throwaway seal without a name.
    #[error("the organisation's name is empty; a seal must say whose it is")]
    Organisation,
    /// A time that certificates cannot say.
    #[error("the time {0} cannot be written into a certificate; check the clock")]
    Time(Timestamp),
    /// A throwaway key or certificate could not be made.
    #[error("the throwaway key or its certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// The PKCS#12 file could not be written.
    #[error("the PKCS#12 file could not be put together")]
    Write(#[source] ArchiveError),
}
