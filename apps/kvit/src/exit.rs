//! How the program ends: exit codes, and failures with their cause and a hint.

use std::{
    error::Error,
    fmt,
    sync::{Arc, LazyLock},
};

use kvit_billing::Language;
use kvit_web::{Cause, Fails, FindingTexts, Kind, Phrase, Reason};

use crate::causes;

/// The exit codes. They are an interface: scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything was done.
    Done = 0,
    /// Something outside failed; the same command may be given again.
    Failed = 1,
    /// The command line was wrong (clap's code).
    Usage = 2,
    /// A run file has errors, and the run is kept as rejected; or a bank statement or a page of scans has.
    Rejected = 3,
    /// A file is not a bill as it was sealed.
    NotGenuine = 4,
    /// There is no instance, or its configuration cannot work.
    Configuration = 5,
    /// A rule of the trade forbids it, such as release by the importer.
    Refused = 6,
}

impl Exit {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Done, "done"),
        (
            Self::Failed,
            "failed; the same command can be given again once the cause is gone",
        ),
        (Self::Usage, "the command line is wrong"),
        (
            Self::Rejected,
            "a run file or statement has errors, and nothing of it is kept but a run's report;\n     or a page of scans has, and the others are kept",
        ),
        (Self::NotGenuine, "verification says no"),
        (
            Self::Configuration,
            "no instance there, or its kvit.toml cannot work",
        ),
        (
            Self::Refused,
            "refused by a rule, such as release by the importer",
        ),
    ];

    /// The list that `kvit --help` ends with.
    pub(crate) fn help() -> String {
        let lines = Self::ALL.map(|(exit, meaning)| format!("  {}  {meaning}", exit as u8));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

/// What went wrong, as the person at the terminal reads it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: Words,
    hint: Option<String>,
    causes: Vec<Cause>,
    is_without_remedy: bool,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Words of a failure.
#[derive(Clone, Debug)]
enum Words {
    /// For whoever sits at the terminal.
    Own(String),
    /// A text that the console has too, in both languages; its remedy is the hint.
    Told(Phrase),
}

/// What failures are told with at the terminal.
static ENGLISH: LazyLock<Option<FindingTexts>> =
    LazyLock::new(|| FindingTexts::new(Language::En).ok());

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self::of(exit, Words::Own(what.into()))
    }

    /// One that the console may show.
    pub(crate) fn told(
        exit: Exit,
        what: Fails,
        values: &[(&'static str, &dyn fmt::Display)],
    ) -> Self {
        Self::of(exit, Words::Told(what.with(values)))
    }

    /// What another process of this program said.
    pub(crate) fn reported(exit: Exit, reason: Reason) -> Self {
        Self {
            causes: reason.causes,
            is_without_remedy: reason.is_without_remedy,
            ..Self::of(exit, Words::Told(reason.what))
        }
    }

    fn of(exit: Exit, what: Words) -> Self {
        Self {
            exit,
            what,
            hint: None,
            causes: Vec::new(),
            is_without_remedy: false,
            source: None,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Without a remedy that sends to `kvit doctor`, where that says it.
    pub(crate) fn unless_doctor(mut self) -> Self {
        let is_it =
            matches!(&self.what, Words::Told(what) if *what == Fails::StoreClosed.with(&[]));
        self.is_without_remedy |= is_it;
        self
    }

    /// What caused it.
    pub(crate) fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// A cause that is no error.
    pub(crate) fn cause(mut self, cause: Cause) -> Self {
        self.causes.push(cause);
        self
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// It as the console says it, in either language. Words for the terminal stay in English.
    pub(crate) fn reason(&self) -> Reason {
        let (what, own) = match &self.what {
            Words::Told(what) => (what.clone(), None),
            Words::Own(own) => (Fails::Other.with(&[]), Some(own.clone())),
        };
        let foreign = |foreign| Cause {
            foreign,
            ..Cause::default()
        };
        let mut all: Vec<Cause> = own.map(foreign).into_iter().collect();
        all.extend(self.all_causes());
        all.extend(self.hint.clone().map(foreign));
        Reason {
            what,
            causes: all,
            is_without_remedy: self.is_without_remedy,
        }
    }

    fn all_causes(&self) -> Vec<Cause> {
        let mut all = self.causes.clone();
        if let Some(source) = &self.source {
            all.extend(causes::of(source.as_ref()));
        }
        all
    }
}

/// The message, each cause on a line of its own, the hint last.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.what {
            Words::Told(what) => what.clone(),
            Words::Own(_) => Phrase::default(),
        };
        let reason = Reason {
            what,
            causes: self.all_causes(),
            is_without_remedy: self.is_without_remedy,
        };
        let Some(english) = &*ENGLISH else {
            return write!(f, "{:?}", self.what);
        };
        let mut told = english.reason(&reason);
        if let Words::Own(own) = &self.what {
            told.what.clone_from(own);
            // Such an error says what was being done, and nothing more.
            told.causes.retain(|cause| cause.foreign != *own);
        }
        if let Some(hint) = &self.hint {
            told.remedy.clone_from(hint);
        }
        write!(f, "{told}")
    }
}

/// Turns an error into a [`Failure`] that says what was being done.
pub(crate) trait Context<T> {
    fn failed(self, what: impl Into<String>) -> Result<T, Failure>;
    fn exits(self, exit: Exit, what: impl Into<String>) -> Result<T, Failure>;
    /// The same with a text that the console has too.
    fn fails(
        self,
        exit: Exit,
        what: Fails,
        values: &[(&'static str, &dyn fmt::Display)],
    ) -> Result<T, Failure>;
}

impl<T, E: Error + Send + Sync + 'static> Context<T> for Result<T, E> {
    fn fails(
        self,
        exit: Exit,
        what: Fails,
        values: &[(&'static str, &dyn fmt::Display)],
    ) -> Result<T, Failure> {
        self.map_err(|error| Failure::told(exit, what, values).because(error))
    }

    fn failed(self, what: impl Into<String>) -> Result<T, Failure> {
        self.exits(Exit::Failed, what)
    }

    fn exits(self, exit: Exit, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(exit, what).because(error))
    }
}

impl From<kvit_store::StoreError> for Failure {
    fn from(error: kvit_store::StoreError) -> Self {
        Self::told(Exit::Failed, Fails::Store, &[]).because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_its_causes_once_and_the_hint_last() {
        let inner = std::io::Error::other("disk full");
        let failure = Failure::new(Exit::Failed, "the pack cannot be written")
            .because(inner)
            .hint("make room");
        assert_eq!(
            failure.to_string(),
            "the pack cannot be written\n  because disk full\nhint: make room"
        );
    }

    #[test]
    fn every_code_is_in_the_help() {
        let help = Exit::help();
        for code in 0..=6 {
            assert!(help.contains(&format!("\n  {code}  ")), "{help}");
        }
    }
}
