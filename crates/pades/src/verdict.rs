//! What verification found, for people and for machines.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// What a file is worth, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Sealed by somebody whom the trust roots vouch for, and not a byte changed since.
    Genuine,
    /// Not a byte changed since the sealing, but nobody trusted vouches for the sealer.
    Untrusted,
    /// Sealed, but not in the way that Kvit seals a bill: parts may be changed without breaking it.
    Irregular,
    /// Changed after it was sealed.
    Changed,
    /// A PDF without a seal.
    Unsealed,
    /// Not a PDF, or too damaged to find a seal in it.
    Unreadable,
}

/// The answer to "is this bill genuine?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The answer in one word.
    pub state: State,
    /// Whether the file may be relied upon: its state is [`State::Genuine`].
    pub accepted: bool,
    /// The seal, as far as it could be read. Only where the state is [`State::Genuine`] is any of it
    /// more than a claim.
    pub seal: Option<Seal>,
    /// All that is wrong, worst first.
    pub problems: Vec<Problem>,
    /// What does not change the answer, but should be known.
    pub notes: Vec<Note>,
}

/// Who sealed, when and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seal {
    /// The sealer, as the certificate names it.
    pub by: String,
    /// Who issued the certificate.
    pub issued_by: String,
    /// Serial number of the certificate, in hexadecimal.
    pub serial: String,
    /// First moment of the certificate.
    pub valid_from: Timestamp,
    /// Last moment of the certificate.
    pub valid_until: Timestamp,
    /// Time of sealing by the sealer's own clock.
    pub claimed_time: Option<Timestamp>,
    /// Kind of the key: `RSA` or `ECDSA P-256`.
    pub key: String,
    /// What may be changed without breaking the seal (ISO 32000-2, table 257): 1 is nothing. `None`
    /// where the seal does not certify the file.
    pub certification: Option<u8>,
}

/// Something that is wrong with a file or its seal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not a PDF, or a damaged one.
    #[error("the file cannot be read as a PDF: {what}, near byte {at}")]
    Damaged {
        /// Where reading stopped, as a byte of the file; 0 where no place can be named.
        at: usize,
        /// What was wrong there.
        what: &'static str,
    },
    /// Encrypted: nothing in it can be judged.
    #[error("the file is encrypted, which no bill is")]
    Encrypted,
    /// No signature field with a signature.
    #[error("the file has no seal")]
    NoSeal,
    /// No seal that the file's structure leads to, but traces of one.
    #[error("the file holds traces of a seal, but its structure no longer leads there")]
    LostSeal,
    /// Bytes of the file differ from those that were sealed.
    #[error("the content was changed after it was sealed")]
    BytesChanged,
    /// Bytes behind what was sealed.
    #[error("{bytes} bytes were added to the file after it was sealed")]
    Added {
        /// How many.
        bytes: usize,
    },
    /// The signature is damaged, or does not match its certificate.
    #[error("the seal is broken: {0}")]
    Seal(&'static str),
    /// The seal leaves out bytes other than itself.
    #[error("the seal does not cover the whole file: {0}")]
    Coverage(&'static str),
    /// More than one signature.
    #[error("the file has {0} signatures, where a bill has one")]
    Several(usize),
    /// No certification, or one that allows changes.
    #[error("the seal does not certify the file against every change: {0}")]
    Certification(&'static str),
    /// Against a rule of PAdES.
    #[error("the seal is not a PAdES baseline signature: {0}")]
    Form(&'static str),
    /// The verifier trusts nobody.
    #[error("no trust roots were given, so nobody vouches for the sealer")]
    NoRoots,
    /// No path to a root.
    #[error("the seal's certificate does not lead to a trusted root that was valid at the time")]
    UnknownIssuer,
    /// A path that does not hold.
    #[error("the chain of the seal's certificate does not hold: {0}")]
    Chain(String),
    /// Sealed after the certificate had ended.
    #[error("the seal's certificate had expired on {on}, before the sealing")]
    Expired {
        /// Its last moment.
        on: Timestamp,
    },
    /// Sealed before the certificate began.
    #[error("the seal's certificate was not valid until {until}, after the sealing")]
    NotYetValid {
        /// Its first moment.
        until: Timestamp,
    },
    /// A certificate for something else.
    #[error("the seal's certificate may not be used to sign documents")]
    NotForSeals,
    /// A certificate in the signature that no path needs.
    #[error("the seal carries a certificate that is no part of its chain: {0}")]
    StrayCertificate(String),
}

/// Something to know about a seal that holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// The certificate has ended since.
    #[error(
        "the seal's certificate ended on {0}; that the sealing came before is the sealer's own word"
    )]
    CertificateEnded(Timestamp),
    /// The chain held at the time of sealing, and does not today.
    #[error("the chain of the seal's certificate held when it was sealed, but no longer does")]
    ChainEnded,
    /// The sealer's clock was ahead of ours.
    #[error("the time of sealing lies in the future")]
    FutureTime,
}

impl Problem {
    /// A stable word for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "damaged",
            Self::Encrypted => "encrypted",
            Self::NoSeal => "no_seal",
            Self::LostSeal => "lost_seal",
            Self::BytesChanged => "bytes_changed",
            Self::Added { .. } => "bytes_added",
            Self::Seal(_) => "seal_broken",
            Self::Coverage(_) => "not_covered",
            Self::Several(_) => "several_signatures",
            Self::Certification(_) => "not_certified",
            Self::Form(_) => "not_pades",
            Self::NoRoots => "no_trust_roots",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Chain(_) => "chain_broken",
            Self::Expired { .. } => "certificate_expired",
            Self::NotYetValid { .. } => "certificate_not_yet_valid",
            Self::NotForSeals => "certificate_not_for_seals",
            Self::StrayCertificate(_) => "stray_certificate",
        }
    }

    /// The best state that a file with this problem can have.
    #[must_use]
    pub const fn state(&self) -> State {
        match self {
            Self::Damaged { .. } | Self::Encrypted => State::Unreadable,
            Self::NoSeal => State::Unsealed,
            Self::LostSeal | Self::BytesChanged | Self::Added { .. } | Self::Seal(_) => {
                State::Changed
            }
            Self::Coverage(_)
            | Self::Several(_)
            | Self::Certification(_)
            | Self::Form(_)
            // It may be a changed byte in an authority's certificate.
            | Self::StrayCertificate(_) => State::Irregular,
            Self::NoRoots
            | Self::UnknownIssuer
            | Self::Chain(_)
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::NotForSeals => State::Untrusted,
        }
    }
}

impl Note {
    /// A stable word for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CertificateEnded(_) => "certificate_ended",
            Self::ChainEnded => "chain_ended",
            Self::FutureTime => "future_time",
        }
    }
}

impl Verdict {
    pub(crate) fn new(seal: Option<Seal>, mut problems: Vec<Problem>, notes: Vec<Note>) -> Self {
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.state()));
        let state = problems.first().map_or(State::Genuine, Problem::state);
        Self {
            state,
            accepted: state == State::Genuine,
            seal,
            problems,
            notes,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Genuine => "Genuine: sealed, and not one byte has changed since.",
            Self::Untrusted => {
                "Not proven: the file is as it was sealed, but nobody you trust vouches for the sealer."
            }
            Self::Irregular => {
                "Not proven: the file carries a seal, but not one that protects all of it."
            }
            Self::Changed => "Changed: this is not the file that was sealed. Do not rely on it.",
            Self::Unsealed => {
                "Not sealed: nothing shows who made this file or whether it was changed."
            }
            Self::Unreadable => "Unreadable: no seal can be found. Do not rely on this file.",
        })
    }
}

/// Plain words, one statement a line.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        if let Some(seal) = &self.seal {
            let claims = if self.accepted {
                "Sealed by"
            } else {
                "The seal claims to be by"
            };
            write!(f, "\n{claims} {}", seal.by)?;
            if let Some(time) = seal.claimed_time {
                write!(
                    f,
                    " on {} (by its own clock)",
                    time.strftime("%Y-%m-%d at %H:%M:%S UTC")
                )?;
            }
            let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
            write!(
                f,
                ".\nCertificate {} ({}), issued by {}, valid from {} to {}.",
                seal.serial,
                seal.key,
                seal.issued_by,
                day(seal.valid_from),
                day(seal.valid_until)
            )?;
        }
        for problem in &self.problems {
            write!(f, "\nWrong: {problem}.")?;
        }
        for note in &self.notes {
            write!(f, "\nNote: {note}.")?;
        }
        Ok(())
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        coded(serializer, self.code(), self)
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        coded(serializer, self.code(), self)
    }
}

fn coded<S: Serializer>(
    serializer: S,
    code: &str,
    text: &impl fmt::Display,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_struct("Finding", 2)?;
    object.serialize_field("code", code)?;
    object.serialize_field("text", &text.to_string())?;
    object.end()
}
