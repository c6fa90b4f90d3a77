//! Files of an instance: secret ones, whole ones, and folders of overrides.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

use kvit_billing::operator::Brand;

use kvit_web::Fails;

use crate::exit::{Context, Exit, Failure};

/// What is written to see whether a folder can be written to.
const PROBE_BYTES: usize = 64 << 10;
/// The largest file of an override folder: a font, with room.
pub(crate) const OVERRIDE_BYTES_MAX: u64 = 16 << 20;
/// The most files in an override folder.
pub(crate) const OVERRIDES_MAX: usize = 1000;

/// Makes a folder that only its owner can enter. One that is there keeps its permissions.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder)
}

/// Writes a file that only its owner can read: whole or not at all, durable once this returns.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    write_whole(path, bytes, &options)
}

/// Makes a file that only its owner can read. One that is there is an error.
pub(crate) fn new_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path)
}

/// Writes a file whole or not at all, durable once this returns.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    write_whole(path, bytes, &options)
}

fn write_whole(path: &Path, bytes: &[u8], options: &OpenOptions) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let mut file = options.open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes something into a folder, as much as a small bill, and takes it away again.
pub(crate) fn try_writing(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".kvit-doctor-{}", std::process::id()));
    // What filled the disk is removed too.
    let written = fs::write(&path, [0x5a; PROBE_BYTES])
        .and_then(|()| OpenOptions::new().append(true).open(&path)?.sync_all());
    match fs::remove_file(&path) {
        Err(error) if written.is_ok() => Err(error),
        _ => written,
    }
}

/// A path as a shell takes it for one word.
pub(crate) fn for_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':');
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Whether others than the owner can read it.
pub(crate) fn is_exposed(path: &Path) -> bool {
    #[cfg(unix)]
    return fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0);
    #[cfg(not(unix))]
    false
}

/// A password or other secret: the first line of a file. `what` is how texts call it.
pub(crate) fn secret(path: &Path, what: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(path).fails(
        Exit::Configuration,
        Fails::SecretUnread,
        &[("what", &what), ("path", &path.display())],
    )?;
    Ok(text
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_owned())
}

/// The bytes of a file that the configuration names. `what` is how texts call it.
pub(crate) fn configured(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    fs::read(path).fails(
        Exit::Configuration,
        Fails::FileUnread,
        &[("what", &what), ("path", &path.display())],
    )
}

/// The operator's logo, if the instance in `dir` has one.
pub(crate) fn logo(dir: &Path, brand: &Brand) -> Result<Option<Vec<u8>>, Failure> {
    match brand.logo.as_str() {
        "" => Ok(None),
        logo => configured(&dir.join(logo), "logo").map(Some),
    }
}

/// The files of an override folder by their path within it; none where there is no folder.
pub(crate) fn overrides(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        collect(folder, "", &mut files).fails(
            Exit::Configuration,
            Fails::FilesUnread,
            &[("folder", &folder.display())],
        )?;
    }
    Ok(files)
}

/// The same, as texts.
pub(crate) fn text_overrides(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    overrides(folder)?
        .into_iter()
        .map(|(name, bytes)| {
            let text = String::from_utf8(bytes).map_err(|_| {
                let file = folder.join(&name);
                let values: [(_, &dyn fmt::Display); 1] = [("path", &file.display())];
                Failure::told(Exit::Configuration, Fails::NotText, &values)
            })?;
            Ok((name, text))
        })
        .collect()
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Editors leave such files behind.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let path = format!("{prefix}{name}");
        let data = fs::metadata(entry.path())?;
        if data.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if data.len() > OVERRIDE_BYTES_MAX || files.len() >= OVERRIDES_MAX {
            let what = format!("{path}: more than {OVERRIDES_MAX} files, or over 16 MiB");
            return Err(io::Error::other(what));
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_made_once_for_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("debits.xml");
        new_private(&path).expect("a file");
        assert!(!is_exposed(&path));
        let again = new_private(&path).expect_err("it is there");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        for (path, word) in [
            ("/var/lib/kvit", "/var/lib/kvit"),
            ("/home/Мария/квит", "/home/Мария/квит"),
            ("my shop", "'my shop'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("-rf", "'-rf'"),
        ] {
            assert_eq!(for_shell(Path::new(path)), word);
        }
    }
}
