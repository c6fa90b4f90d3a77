//! Versions of the layout on their way into the store: read from a folder, a ZIP or a file, tried on every
//! kind of bill, and kept only where nothing is wrong with them.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    path::Path,
};

use kvit_billing::{Bill, Language, LayoutNo, NoForm, ports::Clock};
use kvit_compose::{ComposeError, Composer, ComposerSettings, Layout};
use kvit_store::{LayoutFiles, NewLayout, layout_hash};
use kvit_synth::kinds;
use kvit_web::{Cause, Fails, Kind, LAYOUT_BYTES_MAX, LayoutCheck, LayoutFault, Phrase, Said};
use serde_json::json;

use crate::{
    composers::own_base,
    exit::{Context, Exit, Failure},
    files,
    handover::{
        Opener,
        zipped::{self, NoZip},
    },
    layout_faults, trial,
    wiring::{Instance, SystemClock},
};

/// All files of a layout together, unpacked.
const BYTES_MAX: u64 = 64 << 20;
/// Bytes left for a signature that none of the invented bills gets.
pub(crate) const CONTENTS_RESERVE: usize = 1_600;
/// The file that a layout is about, and what a single file is taken for.
pub(crate) const MAIN: &str = "bill.typ";
/// Folders that a layout has itself: a ZIP with nothing beside one of them is not a folder in a folder.
const OWN_FOLDERS: [&str; 2] = ["texts", "fonts"];

/// How a kind of bill came out.
pub(crate) struct Tried {
    /// Kind and language, such as `household-bg`.
    pub(crate) name: String,
    /// Bytes of the file without a seal, or what is wrong.
    pub(crate) bytes: Result<usize, ComposeError>,
    /// Why it is laid out whole, or has a form for short texts only.
    pub(crate) slow: Option<NoForm>,
}

/// What came of a version that was brought.
pub(crate) enum Brought {
    /// It is kept under this number; whether it is new.
    Kept(LayoutNo, bool),
    /// All that is wrong with it; nothing is kept.
    Faulty(Vec<LayoutFault>),
}

/// Invented bills of every kind in each language, with their names.
pub(crate) fn bills() -> Vec<(String, Bill)> {
    let each = kinds::all().into_iter().flat_map(|(kind, order)| {
        Language::ALL.map(|language| {
            let bill = kinds::issued(order.clone(), language);
            (format!("{kind}-{}", language.tag()), bill)
        })
    });
    each.collect()
}

/// Lays out every kind of bill, each with a form where there can be one. `progress` hears how many are done.
pub(crate) fn try_all(composer: &Composer, progress: &dyn Fn(u64)) -> Vec<Tried> {
    let mut all = Vec::new();
    for (at, (name, bill)) in (1..).zip(bills()) {
        let before = composer.counts();
        let made = composer.compose(&bill);
        let after = composer.counts();
        let is_slow = after.whole > before.whole || after.narrowed > before.narrowed;
        all.push(Tried {
            name,
            bytes: made.map(|pdf| pdf.bytes.len()),
            slow: composer.last_refusal().filter(|_| is_slow),
        });
        progress(at);
    }
    all
}

/// What was tried, as it is kept with the version and shown in the console.
pub(crate) fn report(tried: &[Tried]) -> serde_json::Value {
    let kinds = tried.iter().map(|one| {
        json!({ "kind": one.name, "bytes": one.bytes.as_ref().ok(), "slow_because": one.slow })
    });
    json!({ "program": env!("CARGO_PKG_VERSION"), "kinds": kinds.collect::<Vec<_>>() })
}

/// Tries files on every kind of bill: the report, or all faults, each once.
pub(crate) fn judge(
    settings: ComposerSettings,
    files: LayoutFiles,
    progress: &dyn Fn(u64),
) -> Result<serde_json::Value, Vec<LayoutFault>> {
    let layout = Layout::with_files(files).map_err(|error| layout_faults::of(&error, ""))?;
    let composer = Composer::new(ComposerSettings { layout, ..settings });
    let composer = composer.map_err(|error| layout_faults::of(&error, ""))?;
    let tried = try_all(&composer.with_forms_from(1), progress);
    let mut all: Vec<LayoutFault> = Vec::new();
    for one in &tried {
        let Err(error) = &one.bytes else { continue };
        let found = layout_faults::of(error, &one.name);
        let new = found.into_iter().filter(|one| !all.contains(one));
        let new: Vec<_> = new.collect();
        all.extend(new);
    }
    match all.is_empty() {
        true => Ok(report(&tried)),
        false => Err(all),
    }
}

/// Tries a version in a process of its own, reads and keeps it. What has a fault leaves everything as it was.
pub(crate) async fn bring(
    instance: &Instance,
    path: &Path,
    name: &str,
    (by, who): (&str, &str),
    progress: impl Fn(u64) + Send + Sync,
) -> Result<Brought, Failure> {
    let (sha256, report) = match trial::run(instance, path, name, &progress).await? {
        Ok(tried) => tried,
        Err(faults) => return Ok(Brought::Faulty(faults)),
    };
    let (from, called) = (path.to_owned(), name.to_owned());
    let files = tokio::task::spawn_blocking(move || read(&from, &called)).await;
    let files = match files.fails(Exit::Failed, Fails::LayoutUnread, &[])?? {
        Ok(files) if layout_hash(&files) == sha256 => files,
        Ok(_) => {
            let changed = layout_faults::at("", LayoutCheck::Changed.with(&[]));
            return Ok(Brought::Faulty(vec![changed]));
        }
        Err(faults) => return Ok(Brought::Faulty(faults)),
    };
    let new = NewLayout {
        name: name.to_owned(),
        files,
        base: own_base(),
        report,
        by: by.to_owned(),
        who: who.to_owned(),
        at: SystemClock.now(),
    };
    let (no, first) = instance.store.bring_layout(&new).await?;
    Ok(Brought::Kept(no, first))
}

/// The check of the layout that comes with Kvit, in this instance's colours.
pub(crate) fn builtin_report(instance: &Instance) -> Result<serde_json::Value, Failure> {
    let settings = instance.composer_settings(Layout::builtin(), CONTENTS_RESERVE)?;
    judge(settings, BTreeMap::new(), &|_| ()).map_err(|faults| {
        let failure = Failure::told(Exit::Configuration, Fails::BuiltinLayout, &[]);
        faults
            .into_iter()
            .map(Cause::from)
            .fold(failure, Failure::cause)
    })
}

/// What to say where the layout folder has files of its own and nobody ever chose a layout: before there were
/// versions in the store, that folder was the layout.
pub(crate) async fn unbrought(instance: &Instance) -> Result<Option<Said>, Failure> {
    if !instance.store.layouts_that_counted().await?.is_empty() {
        return Ok(None);
    }
    let folder = instance.path(&instance.config.issue.layout);
    let builtin: BTreeMap<_, _> = Layout::builtin_files().collect();
    let own = files::overrides(&folder).unwrap_or_default();
    let own = own.iter().filter(|(name, body)| {
        let theirs = builtin.get(name.as_str());
        theirs.is_none_or(|theirs| theirs[..] != body[..])
    });
    Ok(match own.count() as u64 {
        0 => None,
        number => Some(Said::Text(
            "layout-unbrought",
            vec![
                ("count", number.to_string()),
                ("folder", folder.display().to_string()),
            ],
        )),
    })
}

/// The files of a folder, of a ZIP of one, or a single `bill.typ`; or what is wrong with them as files.
pub(crate) fn read(
    path: &Path,
    name: &str,
) -> Result<Result<LayoutFiles, Vec<LayoutFault>>, Failure> {
    if path.is_dir() {
        let files = files::overrides(path)?;
        if files.is_empty() {
            let empty = LayoutCheck::EmptyFolder.with(&[]);
            return Ok(Err(vec![layout_faults::at("", empty)]));
        }
        return Ok(Ok(files));
    }
    let unread = |error: io::Error| {
        Failure::told(Exit::Failed, Fails::Unread, &[("name", &name)]).because(error)
    };
    let mut start = [0; 4];
    let file = fs::File::open(path).map_err(unread)?;
    let length = file.metadata().map_err(unread)?.len();
    if length > LAYOUT_BYTES_MAX {
        return Ok(Err(vec![layout_faults::at(name, over(LAYOUT_BYTES_MAX))]));
    }
    let read = (&file).take(4).read(&mut start).map_err(unread)?;
    if start[..read] == *b"PK\x03\x04" {
        return Ok(unzipped(path));
    }
    if !name.to_lowercase().ends_with(".typ") {
        let what = LayoutCheck::NotALayout.with(&[]);
        return Ok(Err(vec![layout_faults::at(name, what)]));
    }
    if length > files::OVERRIDE_BYTES_MAX {
        let what = over(files::OVERRIDE_BYTES_MAX);
        return Ok(Err(vec![layout_faults::at(name, what)]));
    }
    let body = fs::read(path).map_err(unread)?;
    Ok(Ok(BTreeMap::from([(MAIN.to_owned(), body)])))
}

fn over(bytes: u64) -> Phrase {
    LayoutCheck::FileLarge.with(&[("mib", &(bytes >> 20))])
}

/// Why a ZIP cannot be listed.
fn unlisted(why: NoZip) -> LayoutFault {
    match why {
        NoZip::TooMany { found, max } => {
            let values: [(_, &dyn fmt::Display); 2] = [("found", &found), ("max", &max)];
            layout_faults::at("", LayoutCheck::ZipFiles.with(&values))
        }
        NoZip::TooLong { max } => {
            layout_faults::at("", LayoutCheck::ZipList.with(&[("max", &max)]))
        }
        NoZip::Broken(words) => layout_faults::saying("", LayoutCheck::ZipBroken, words),
    }
}

fn unzipped(path: &Path) -> Result<LayoutFiles, Vec<LayoutFault>> {
    let archive = zipped::open(path, files::OVERRIDES_MAX);
    let mut archive = archive.map_err(|why| vec![unlisted(why)])?;
    let (mut found, mut faults, mut left) = (LayoutFiles::new(), Vec::new(), BYTES_MAX);
    for index in 0..archive.len() {
        let entry = match archive.by_index_raw(index) {
            Ok(entry) => entry,
            Err(error) => {
                faults.push(layout_faults::saying("", LayoutCheck::ZipBroken, error));
                continue;
            }
        };
        let name = entry
            .name()
            .map_or_else(|_| index.to_string(), |name| name.replace('\\', "/"));
        if entry.is_dir() || is_litter(&name) {
            continue;
        }
        let opener = Opener::of_entry(path, &entry);
        drop(entry);
        // No more is read than there may be, whatever the ZIP declares.
        let most = files::OVERRIDE_BYTES_MAX.min(left);
        let mut body = Vec::new();
        let unpacked = opener
            .open()
            .and_then(|entry| entry.take(most + 1).read_to_end(&mut body));
        match unpacked {
            Err(error) => {
                faults.push(layout_faults::saying(&name, LayoutCheck::Unpackable, error));
            }
            Ok(_) if body.len() as u64 > most => {
                let (mib, all) = (files::OVERRIDE_BYTES_MAX >> 20, BYTES_MAX >> 20);
                let large = LayoutCheck::UnpackedLarge.with(&[("mib", &mib), ("all", &all)]);
                faults.push(layout_faults::at(&name, large));
            }
            Ok(read) => {
                left -= read as u64;
                if found.insert(name.clone(), body).is_some() {
                    faults.push(layout_faults::at(&name, LayoutCheck::Twice.with(&[])));
                }
            }
        }
    }
    if found.is_empty() && faults.is_empty() {
        faults.push(layout_faults::at("", LayoutCheck::EmptyZip.with(&[])));
    }
    match faults.is_empty() {
        true => Ok(without_top(found)),
        false => Err(faults),
    }
}

/// What editors and systems leave in folders by themselves.
fn is_litter(name: &str) -> bool {
    let odd = |part: &str| {
        part.starts_with('.')
            || part.ends_with('~')
            || ["__MACOSX", "Thumbs.db", "desktop.ini"].contains(&part)
    };
    name.split('/')
        .any(|part| part != ".." && part != "." && odd(part))
}

/// The same files without the folder that all of them lie in, as whoever zips a folder gets it.
fn without_top(files: LayoutFiles) -> LayoutFiles {
    let top = |name: &str| name.split_once('/').map(|(top, _)| top.to_owned());
    let first = files.keys().next().and_then(|name| top(name));
    let Some(first) = first.filter(|first| !OWN_FOLDERS.contains(&first.as_str())) else {
        return files;
    };
    if files.keys().any(|name| top(name).as_ref() != Some(&first)) {
        return files;
    }
    let skip = first.len() + 1;
    let shorter = files
        .into_iter()
        .map(|(name, body)| (name[skip..].to_owned(), body));
    shorter.collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zipped(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut zip = ZipWriter::new(file.reopen().expect("open"));
        for (name, body) in files {
            let stored =
                SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            zip.start_file(*name, stored).expect("an entry");
            zip.write_all(body).expect("written");
        }
        zip.finish().expect("a ZIP");
        file
    }

    fn names(files: &[(&str, &[u8])]) -> Vec<String> {
        let zip = zipped(files);
        let read = read(zip.path(), "есен.zip").expect("read").expect("files");
        read.into_keys().collect()
    }

    #[test]
    fn a_zip_of_a_folder_is_the_folder() {
        let inside = names(&[
            ("water/bill.typ", b"a"),
            ("water/texts/bg.toml", b"b"),
            ("__MACOSX/water/._bill.typ", b"c"),
            ("water/.DS_Store", b"d"),
        ]);
        assert_eq!(inside, ["bill.typ", "texts/bg.toml"]);
        assert_eq!(names(&[("texts/bg.toml", b"a")]), ["texts/bg.toml"]);
        let both = names(&[("bill.typ", b"a"), ("water/bg.toml", b"b")]);
        assert_eq!(both, ["bill.typ", "water/bg.toml"]);
    }

    #[test]
    fn what_is_no_layout_is_told() {
        let empty = zipped(&[(".DS_Store", b"d")]);
        let said = read(empty.path(), "a.zip")
            .expect("read")
            .expect_err("none");
        assert_eq!(said[0].known, LayoutCheck::EmptyZip.with(&[]));
        let pdf = tempfile::NamedTempFile::new().expect("a file");
        fs::write(pdf.path(), b"%PDF-1.7").expect("written");
        let said = read(pdf.path(), "bill.pdf")
            .expect("read")
            .expect_err("none");
        assert_eq!(said[0].file, "bill.pdf");
        fs::write(pdf.path(), b"PK\x03\x04 and no more").expect("written");
        let said = read(pdf.path(), "a.zip").expect("read").expect_err("none");
        assert_eq!(said[0].known, LayoutCheck::ZipBroken.with(&[]));
        let single = read(pdf.path(), "Есен.TYP").expect("read");
        assert!(
            single.is_err(),
            "a ZIP by its first bytes, whatever its name"
        );
        fs::write(pdf.path(), b"#set text()").expect("written");
        let single = read(pdf.path(), "есен.typ")
            .expect("read")
            .expect("a layout");
        assert_eq!(single.into_keys().collect::<Vec<_>>(), ["bill.typ"]);
        let huge = tempfile::NamedTempFile::new().expect("a file");
        huge.as_file().set_len(LAYOUT_BYTES_MAX + 1).expect("long");
        let said = read(huge.path(), "a.zip").expect("read").expect_err("huge");
        assert_eq!(said[0].known, over(80 << 20));
        let large = vec![b'a'; usize::try_from(files::OVERRIDE_BYTES_MAX).expect("small") + 1];
        let large = zipped(&[("bill.typ", &large)]);
        let said = read(large.path(), "a.zip")
            .expect("read")
            .expect_err("large");
        let what = LayoutCheck::UnpackedLarge.with(&[("mib", &16), ("all", &64)]);
        assert_eq!(said[0].known, what);
    }
}
