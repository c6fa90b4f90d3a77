//! Where PostgreSQL is installed, and the user that may run it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Where Debian and its kin keep each version, outside of `PATH`.
const VERSIONS: &str = "/usr/lib/postgresql";
/// What a folder must hold to be of use.
const PROGRAMS: [&str; 4] = ["initdb", "postgres", "createdb", "pg_isready"];

/// A folder with PostgreSQL's programs.
#[derive(Debug)]
pub(crate) struct Install {
    folder: PathBuf,
}

impl Install {
    /// The one on `PATH`, otherwise the highest version that the system keeps.
    pub(crate) fn find() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(by_version(Path::new(VERSIONS)))
            .find(|folder| {
                PROGRAMS
                    .iter()
                    .all(|program| folder.join(program).is_file())
            })
            .map(|folder| Self { folder })
    }

    /// The path of one of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The `bin` folders of all versions, highest first.
fn by_version(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name
                .split('.')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// A user of the operating system.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The user of this name, if the system has one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let passwd = fs::read_to_string("/etc/passwd").ok()?;
        passwd.lines().find_map(|line| Self::parse(line, name))
    }

    /// `name:password:uid:gid:…`
    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { uid, gid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_comes_first() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for version in ["9.6", "15", "16", "common"] {
            fs::create_dir(folder.path().join(version)).expect("a folder");
        }
        let bins = by_version(folder.path());
        let expected = ["16", "15", "9.6"].map(|v| folder.path().join(v).join("bin"));
        assert_eq!(bins, expected);
    }

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let line = "postgres:x:101:104:administrator:/var/lib/postgresql:/bin/bash";
        let account = Account::parse(line, "postgres").expect("the user");
        assert_eq!((account.uid, account.gid), (101, 104));
        assert!(Account::parse(line, "post").is_none());
    }
}
