//! How the program ends: exit codes, and failures with their cause and a hint.

use std::{error::Error, fmt, sync::Arc};

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
    what: String,
    hint: Option<String>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            hint: None,
            source: None,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What caused it.
    pub(crate) fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }
}

/// The message, each cause on a line of its own, the hint last.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut said = self.what.clone();
        let mut cause: Option<&(dyn Error + 'static)> = self
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static));
        while let Some(error) = cause {
            let text = error.to_string();
            // A transparent error says what its source says.
            if text != said {
                write!(f, "\n  because {text}")?;
                said = text;
            }
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// Turns an error into a [`Failure`] that says what was being done.
pub(crate) trait Context<T> {
    fn failed(self, what: impl Into<String>) -> Result<T, Failure>;
    fn exits(self, exit: Exit, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Error + Send + Sync + 'static> Context<T> for Result<T, E> {
    fn failed(self, what: impl Into<String>) -> Result<T, Failure> {
        self.exits(Exit::Failed, what)
    }

    fn exits(self, exit: Exit, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(exit, what).because(error))
    }
}

impl From<kvit_store::StoreError> for Failure {
    fn from(error: kvit_store::StoreError) -> Self {
        Self::new(Exit::Failed, "the store does not do it").because(error)
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
