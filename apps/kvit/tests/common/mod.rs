//! The program as a process, in folders of its own.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod service;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// The program, in `folder`, without anything of the environment that changes its words. It is the one
/// built with the tests, or the one that `KVIT_BIN` names, such as a release build.
pub(crate) fn kvit(folder: &Path) -> Command {
    let built = env!("CARGO_BIN_EXE_kvit").into();
    let mut command = Command::new(std::env::var_os("KVIT_BIN").unwrap_or(built));
    command
        .current_dir(folder)
        .env("COLUMNS", "100")
        .env_remove("KVIT_DIR")
        .env_remove("KVIT_LOG")
        .env_remove("KVIT_FAULT")
        .env_remove("NO_COLOR");
    command
}

/// Runs the program with these arguments in `folder`.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let output = kvit(folder).args(arguments).output().expect("it starts");
    Ran::new(folder, arguments, output)
}

/// The same, with these in its environment.
pub(crate) fn run_with(folder: &Path, arguments: &[&str], with: &[(&str, &str)]) -> Ran {
    let mut command = kvit(folder);
    command.args(arguments).envs(with.iter().copied());
    let output = command.output().expect("it starts");
    Ran::new(folder, arguments, output)
}

/// How it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    said: String,
}

impl Ran {
    fn new(folder: &Path, arguments: &[&str], output: Output) -> Self {
        let plain = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).expect("it speaks UTF-8");
            text.replace(&folder.display().to_string(), "FOLDER")
        };
        Self {
            code: output.status.code().expect("it ends by itself"),
            out: plain(&output.stdout),
            err: plain(&output.stderr),
            said: arguments.join(" "),
        }
    }

    /// Everything that the person at the terminal sees, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        let Self {
            code,
            out,
            err,
            said,
        } = self;
        format!("$ kvit {said}\n{out}{err}exit code {code}\n")
    }

    /// It did what it should.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.shown());
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.shown()))
    }
}

/// A fresh folder whose path has no link in it, so that it is printed as it is.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("it is there");
    (folder, path)
}
