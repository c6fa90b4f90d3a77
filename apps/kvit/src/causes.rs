//! What an error is to people: as far as this program knows it, a text in both languages; what the system or a library
//! said beyond that stays in its words.

use std::{error::Error, io};

use kvit_archive::OpenError;
use kvit_compose::ComposeError;
use kvit_flow::{ImportError, statement::StatementError};
use kvit_mail::MailError;
use kvit_pades::{CertificateError, SealError, TrustError};
use kvit_pay::ways::{NoAnswer, Silence};
use kvit_smtp::SmtpError;
use kvit_store::StoreError;
use kvit_web::{Because, Cause, Kind, OidcError, Phrase, PortalError};
use tokio::task::JoinError;

use crate::layout_faults;

/// An error and what caused it, the nearest first, each once.
pub(crate) fn of(error: &(dyn Error + 'static)) -> Vec<Cause> {
    let mut all: Vec<Cause> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        for cause in one(error) {
            if !all.contains(&cause) {
                all.push(cause);
            }
        }
        next = error.source();
    }
    all
}

/// What is known of an error.
fn one(error: &(dyn Error + 'static)) -> Vec<Cause> {
    if let Some(ComposeError::Layout(faults)) = error.downcast_ref() {
        let faults = faults.iter().map(layout_faults::one);
        return faults.map(Cause::from).collect();
    }
    // Of a text of the operator's the parser says what is wrong with it, and nothing else does.
    let more = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(PortalError::Text(_, what)), _) | (_, Some(MailError::Texts { what, .. })) => {
            what.as_str()
        }
        _ => "",
    };
    let known = known(error);
    let foreign = match &known {
        Some(_) => more.to_owned(),
        None => error.to_string(),
    };
    vec![Cause {
        known,
        foreign,
        ..Cause::default()
    }]
}

fn known(error: &(dyn Error + 'static)) -> Option<Phrase> {
    macro_rules! kinds {
        ($($of:ty => $known:expr,)*) => {
            $(if let Some(error) = error.downcast_ref::<$of>() {
                return $known(error);
            })*
        };
    }
    kinds! {
        io::Error => system,
        kvit_keys::KeyError => seal_key,
        kvit_pay::KeyError => their_key,
        CertificateError => certificate,
        TrustError => roots,
        SealError => seal,
        SmtpError => smtp,
        MailError => mails,
        PortalError => portal,
        OidcError => oidc,
        NoAnswer => no_answer,
        ComposeError => compose,
        StoreError => store,
        OpenError => archive,
        StatementError => statement,
        ImportError => import,
        hex::FromHexError => |_| plain(Because::Hex),
        JoinError => |_| plain(Because::Died),
    }
    None
}

fn plain(why: Because) -> Option<Phrase> {
    Some(why.with(&[]))
}

/// What the system says. Where a library says more, in words of its own, they stay.
fn system(error: &io::Error) -> Option<Phrase> {
    use io::ErrorKind as Kind;
    let text = error.to_string();
    if text.starts_with("failed to lookup address") {
        return plain(Because::NameUnknown);
    }
    if text.starts_with("invalid peer certificate") {
        return plain(Because::Certificate);
    }
    let is_whose_words = error.get_ref().is_some();
    plain(match error.kind() {
        Kind::FileTooLarge => Because::TooLarge,
        Kind::UnexpectedEof => Because::BrokenOff,
        Kind::InvalidData if text.starts_with("what is kept of") => Because::KeptBreaksOff,
        _ if is_whose_words => return None,
        Kind::NotFound => Because::NotFound,
        Kind::PermissionDenied => Because::Denied,
        Kind::AlreadyExists => Because::Exists,
        Kind::StorageFull => Because::Full,
        Kind::QuotaExceeded => Because::Quota,
        Kind::ReadOnlyFilesystem => Because::ReadOnly,
        Kind::IsADirectory => Because::IsFolder,
        Kind::NotADirectory => Because::NotFolder,
        Kind::ConnectionRefused => Because::Refused,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Because::Reset,
        Kind::HostUnreachable | Kind::NetworkUnreachable => Because::Unreachable,
        Kind::TimedOut => Because::Slow,
        Kind::AddrInUse => Because::InUse,
        Kind::InvalidData => Because::NotText,
        _ => return None,
    })
}

/// Why nobody answered.
pub(crate) fn silence(silence: &Silence) -> Cause {
    let known = match silence {
        Silence::Slow => plain(Because::Slow),
        Silence::Status(status) => Some(Because::Status.with(&[("status", status)])),
        Silence::Cut => plain(Because::Cut),
        Silence::NoAddress => plain(Because::NoAddress),
        Silence::OpenLine => plain(Because::OpenLine),
        Silence::System(error) => system(error),
        Silence::Other(_) => None,
    };
    let foreign = match &known {
        Some(_) => String::new(),
        None => silence.to_string(),
    };
    Cause {
        known,
        foreign,
        ..Cause::default()
    }
}

fn no_answer(error: &NoAnswer) -> Option<Phrase> {
    match error {
        NoAnswer::Silent(why) => silence(why).known,
        NoAnswer::Refused(status) => Some(Because::Status.with(&[("status", status)])),
    }
}

fn seal_key(error: &kvit_keys::KeyError) -> Option<Phrase> {
    use kvit_keys::KeyError as E;
    plain(match error {
        E::Password => Because::KeyPassword,
        E::Format(_) => Because::KeyFormat,
        E::NoKey => Because::KeyNone,
        E::SeveralKeys => Because::KeySeveral,
        E::ForeignKey => Because::KeyForeign,
        E::Algorithm => Because::KeyAlgorithm,
        E::NotForSeals(subject) => {
            return Some(Because::KeyNotForSeals.with(&[("subject", subject)]));
        }
        E::Certificate(_) => Because::KeyCertificate,
        // Only where one is made.
        E::Organisation | E::Time(_) | E::Make(_) | E::Write(_) => return None,
    })
}

fn their_key(error: &kvit_pay::KeyError) -> Option<Phrase> {
    let (kind, what) = match error {
        kvit_pay::KeyError::Missing(what) => (Because::RsaMissing, what),
        kvit_pay::KeyError::Unfit(what) => (Because::RsaUnfit, what),
    };
    let what = match *what {
        "private key" => "private",
        _ => "public",
    };
    Some(kind.with(&[("what", &what)]))
}

fn certificate(error: &CertificateError) -> Option<Phrase> {
    plain(match error {
        CertificateError::Der(_) => Because::CertificateUnread,
        CertificateError::Dates(_) => Because::CertificateDates,
    })
}

fn roots(error: &TrustError) -> Option<Phrase> {
    match error {
        TrustError::Pem(_) => plain(Because::RootsPem),
        TrustError::Empty => plain(Because::RootsEmpty),
        TrustError::Certificate(no, _) => Some(Because::RootUnread.with(&[("no", no)])),
    }
}

fn seal(error: &SealError) -> Option<Phrase> {
    match error {
        SealError::Certificate(_) => plain(Because::SealCertificate),
        SealError::Sign(_) | SealError::Slot(_) => None,
    }
}

fn smtp(error: &SmtpError) -> Option<Phrase> {
    match error {
        SmtpError::PlainRemote(host) => Some(Because::MailOpen.with(&[("host", host)])),
        SmtpError::Login => plain(Because::MailLogin),
        SmtpError::Host(host) => Some(Because::MailHost.with(&[("host", host)])),
        SmtpError::Roots => plain(Because::MailRoots),
        SmtpError::Tls(_) => plain(Because::Tls),
    }
}

fn mails(error: &MailError) -> Option<Phrase> {
    Some(match error {
        MailError::Address { .. } => Because::MailAddress.with(&[]),
        MailError::Setting { value, .. } => Because::MailSetting.with(&[("value", value)]),
        MailError::UnknownFile(name) => Because::MailUnknown.with(&[("name", name)]),
        MailError::Template { file, .. } => Because::MailTemplate.with(&[("name", file)]),
        MailError::Texts { file, .. } => Because::MailTexts.with(&[("name", file)]),
    })
}

fn portal(error: &PortalError) -> Option<Phrase> {
    Some(match error {
        PortalError::Template(name, _) => Because::PageTemplate.with(&[("name", name)]),
        PortalError::Text(name, _) => Because::PageTexts.with(&[("name", name)]),
        PortalError::Unknown(name) => Because::PageFileUnknown.with(&[("name", name)]),
        PortalError::Colour(value) => Because::Colour.with(&[("value", value)]),
        PortalError::PublicUrl(url) => Because::PublicUrl.with(&[("url", url)]),
    })
}

fn oidc(error: &OidcError) -> Option<Phrase> {
    Some(match error {
        OidcError::Silent(url, _) => Because::OidcUnfetched.with(&[("url", url)]),
        OidcError::NotOpenId(url, _) => Because::OidcNone.with(&[("url", url)]),
        OidcError::OtherIssuer { url, told, issuer } => {
            Because::OidcIssuer.with(&[("url", url), ("told", told), ("issuer", issuer)])
        }
        OidcError::NoCodeFlow(issuer) => Because::OidcFlow.with(&[("issuer", issuer)]),
        OidcError::NoKeys(url) => Because::OidcKeys.with(&[("url", url)]),
        // Only where somebody signs in.
        OidcError::Unfit(_) => return None,
    })
}

fn compose(error: &ComposeError) -> Option<Phrase> {
    plain(match error {
        ComposeError::Layout(_) => return None,
        ComposeError::Colour(value) => return Some(Because::Colour.with(&[("value", value)])),
        ComposeError::Logo => Because::Logo,
        ComposeError::Code { .. } => Because::CodeLong,
        ComposeError::Time => Because::BillTime,
        ComposeError::Data(_) => Because::BillData,
        ComposeError::Twin(_) => Because::BillTwin,
        ComposeError::Field(_) => Because::Export,
        ComposeError::Engine => Because::Engine,
    })
}

fn store(error: &StoreError) -> Option<Phrase> {
    Some(match error {
        StoreError::Url(url) => Because::DatabaseUrl.with(&[("url", url)]),
        StoreError::Open { place, .. } => Because::DatabaseClosed.with(&[("place", place)]),
        StoreError::Database(_) => Because::Database.with(&[]),
        StoreError::Migrate(_) => Because::DatabaseSchema.with(&[]),
        StoreError::Corrupt { what, value } => {
            Because::DatabaseCorrupt.with(&[("what", what), ("value", value)])
        }
        StoreError::Encode(_) => Because::RecordUnwritten.with(&[]),
        // Only of what is asked of single runs.
        StoreError::RunState { .. } | StoreError::Misfit { .. } => return None,
    })
}

fn archive(error: &OpenError) -> Option<Phrase> {
    Some(match error {
        OpenError::Folder { folder, .. } => {
            Because::ArchiveFolder.with(&[("folder", &folder.display())])
        }
        OpenError::Objects { folder, .. } => {
            Because::ArchiveObjects.with(&[("folder", &folder.display())])
        }
    })
}

fn statement(error: &StatementError) -> Option<Phrase> {
    plain(match error {
        StatementError::Store(_) => Because::StatementUnbooked,
        StatementError::Read(_) => Because::StatementUnread,
    })
}

fn import(error: &ImportError) -> Option<Phrase> {
    plain(match error {
        ImportError::Store(_) => Because::RunUnkept,
        ImportError::Reader(_) => Because::Died,
        ImportError::Report(_) => Because::ReportUnwritten,
    })
}

#[cfg(test)]
mod tests {
    use kvit_billing::Language;
    use kvit_web::{Fails, FindingTexts, Reason};

    use super::*;

    fn told(error: &(dyn Error + 'static), language: Language) -> Vec<(String, String)> {
        let words = FindingTexts::new(language).expect("well-formed");
        let reason = Reason {
            what: Fails::Other.with(&[]),
            causes: of(error),
            is_without_remedy: false,
        };
        let causes = words.reason(&reason).causes;
        let pairs = causes.into_iter().map(|cause| (cause.known, cause.foreign));
        pairs.collect()
    }

    #[test]
    fn what_systems_often_say_is_said_in_both_languages() {
        use io::ErrorKind as Kind;
        for (kind, en, bg) in [
            (
                Kind::NotFound,
                "there is no such file or folder",
                "няма такъв файл или папка",
            ),
            (
                Kind::PermissionDenied,
                "permission was denied",
                "достъпът е отказан",
            ),
            (Kind::StorageFull, "the disk is full", "дискът е пълен"),
            (
                Kind::ConnectionRefused,
                "the connection was refused",
                "връзката е отказана",
            ),
            (Kind::TimedOut, "it took too long", "отне твърде дълго"),
        ] {
            let error = io::Error::from(kind);
            for (language, said) in [(Language::En, en), (Language::Bg, bg)] {
                assert_eq!(told(&error, language), [(said.to_owned(), String::new())]);
            }
        }
        // By what this system calls them, too.
        let number = io::Error::from_raw_os_error(2);
        assert_eq!(
            told(&number, Language::Bg)[0].0,
            "няма такъв файл или папка"
        );
    }

    #[test]
    fn a_library_s_words_stay_behind_what_is_known() {
        let error = kvit_store::StoreError::Encode(io::Error::other("odd"));
        assert_eq!(
            told(&error, Language::Bg),
            [
                ("запис не може да се направи".to_owned(), String::new()),
                (String::new(), "odd".to_owned()),
            ]
        );
    }
}
