//! What the billing system hands over: files, folders and ZIP files, as a list of sources that are
//! opened one at a time and read as streams.

mod entry;
pub(crate) mod zipped;

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use aws_lc_rs::digest::{Context as Hash, SHA256};
pub(crate) use entry::Opener;
use entry::{Budget, Lazy};
use jiff::civil::Date;
use kvit_billing::order::RunHeader;
use kvit_flow::Source;
use kvit_web::Fails;
use zipped::NoZip;

use crate::{
    config::ImportConfig,
    exit::{Exit, Failure},
};

/// Folders within folders are followed so far.
const DEPTH_MAX: u32 = 16;
/// So much of each end of a file goes into the fingerprint.
const FINGERPRINT_BYTES: u64 = 64 << 10;
/// The longest header line that is looked at for the progress bar.
const HEADER_BYTES: u64 = 64 << 10;

/// A hand-over, expanded but not read.
pub(crate) struct Handover {
    pub(crate) sources: Vec<Source>,
    /// How many orders the run file promises.
    pub(crate) promised: Option<u64>,
    /// The month that it bills, where its header says so.
    pub(crate) month: Option<Date>,
    /// Files of folders and ZIPs that are no bills by their name.
    pub(crate) skipped: Vec<String>,
    /// Six hexadecimal digits that stay the same for the same files, wherever they lie.
    pub(crate) fingerprint: String,
}

/// A file, folder or ZIP file that is handed over.
pub(crate) struct Given {
    pub(crate) path: PathBuf,
    /// As diagnostics say it.
    pub(crate) name: String,
}

impl From<&Path> for Given {
    fn from(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            name: path.display().to_string(),
        }
    }
}

/// Expands files, folders and ZIP files within the limits.
pub(crate) fn expand(given: &[Given], limits: &ImportConfig) -> Result<Handover, Failure> {
    let mut walk = Walk {
        limits,
        sources: Vec::new(),
        skipped: Vec::new(),
        hash: Hash::new(&SHA256),
        budget: Arc::new(Budget {
            left: AtomicU64::new(limits.unpacked_bytes_max),
        }),
        header: None,
    };
    for given in given {
        walk.take(given, 0)?;
    }
    let header = walk.header.take();
    Ok(Handover {
        promised: header.as_ref().map(|header| header.orders),
        month: header.map(|header| header.period.from),
        sources: walk.sources,
        skipped: walk.skipped,
        fingerprint: hex::encode(&walk.hash.finish().as_ref()[..3]),
    })
}

struct Walk<'a> {
    limits: &'a ImportConfig,
    sources: Vec<Source>,
    skipped: Vec<String>,
    hash: Hash,
    budget: Arc<Budget>,
    header: Option<RunHeader>,
}

impl Walk<'_> {
    fn take(&mut self, given: &Given, depth: u32) -> Result<(), Failure> {
        let (path, name) = (&given.path, &given.name);
        let unread = |error: io::Error| {
            let failure = Failure::told(Exit::Failed, Fails::Unread, &[("name", name)]);
            failure.because(error)
        };
        let data = fs::metadata(path).map_err(unread)?;
        if !data.is_dir() {
            return self.file(path, name).map_err(|failure| match failure {
                Stop::Io(error) => unread(error),
                Stop::Limit(failure) => failure,
            });
        }
        if depth >= DEPTH_MAX {
            return Err(Failure::told(
                Exit::Failed,
                Fails::TooDeep,
                &[("name", name), ("max", &DEPTH_MAX)],
            ));
        }
        let mut inside: Vec<PathBuf> = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .map_err(unread)?;
        inside.sort();
        for path in inside {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if belongs(&name) || (path.is_dir() && !name.starts_with('.')) {
                self.take(&path.as_path().into(), depth + 1)?;
            } else {
                self.skipped.push(path.display().to_string());
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &str) -> Result<(), Stop> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        self.hash.update(&length.to_be_bytes());
        let mut magic = Vec::new();
        for start in [0, length.saturating_sub(FINGERPRINT_BYTES)] {
            file.seek(SeekFrom::Start(start))?;
            let mut part = Vec::new();
            file.by_ref()
                .take(FINGERPRINT_BYTES)
                .read_to_end(&mut part)?;
            self.hash.update(&part);
            if start == 0 && magic.is_empty() {
                magic = part;
            }
        }
        if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
            return self.zip(path, name);
        }
        self.note_header(&magic);
        self.push(Source {
            name: name.to_owned(),
            open: Box::new(Lazy {
                open: Opener::File(path.to_owned()),
                reader: None,
                budget: None,
            }),
        })
    }

    /// Lists a ZIP's entries; each is read from the file when its turn comes.
    fn zip(&mut self, path: &Path, name: &str) -> Result<(), Stop> {
        let mut archive = match zipped::open(path, self.limits.files_max) {
            Ok(archive) => archive,
            Err(broken @ NoZip::Broken(_)) => {
                let broken = Opener::Broken(broken.to_string());
                return self.push_entry(name.to_owned(), broken);
            }
            Err(NoZip::TooMany { found, max }) => {
                let values: [(_, &dyn fmt::Display); 3] =
                    [("name", &name), ("found", &found), ("max", &max)];
                let failure = Failure::told(Exit::Failed, Fails::ZipFiles, &values);
                return Err(Stop::Limit(failure));
            }
            Err(NoZip::TooLong { max }) => {
                let values: [(_, &dyn fmt::Display); 2] = [("name", &name), ("max", &max)];
                let failure = Failure::told(Exit::Failed, Fails::ZipList, &values);
                return Err(Stop::Limit(failure));
            }
        };
        for index in 0..archive.len() {
            let entry = match archive.by_index_raw(index) {
                Ok(entry) => entry,
                Err(error) => {
                    let broken = Opener::Broken(format!("a broken ZIP entry ({error})"));
                    self.push_entry(format!("{name}/{index}"), broken)?;
                    continue;
                }
            };
            if entry.is_dir() {
                continue;
            }
            let entry_name = entry
                .name()
                .map_or_else(|_| index.to_string(), |name| printable(&name));
            if !belongs(&entry_name) {
                self.skipped.push(format!("{name}/{entry_name}"));
                continue;
            }
            let opener = Opener::of_entry(path, &entry);
            drop(entry);
            if self.header.is_none() && self.sources.is_empty() {
                let mut head = Vec::new();
                if let Ok(reader) = opener.open() {
                    let _ = reader.take(HEADER_BYTES).read_to_end(&mut head);
                }
                self.note_header(&head);
            }
            self.push_entry(format!("{name}/{entry_name}"), opener)?;
        }
        Ok(())
    }

    fn push_entry(&mut self, name: String, open: Opener) -> Result<(), Stop> {
        let budget = Some(Arc::clone(&self.budget));
        self.push(Source {
            name,
            open: Box::new(Lazy {
                open,
                reader: None,
                budget,
            }),
        })
    }

    fn push(&mut self, source: Source) -> Result<(), Stop> {
        let max = self.limits.files_max;
        if self.sources.len() >= max {
            let failure = Failure::told(Exit::Failed, Fails::TooManyFiles, &[("max", &max)]);
            return Err(Stop::Limit(failure));
        }
        self.sources.push(source);
        Ok(())
    }

    fn note_header(&mut self, head: &[u8]) {
        if self.header.is_none()
            && let Some(line) = head.split(|byte| *byte == b'\n').next()
        {
            self.header = serde_json::from_slice(line).ok();
        }
    }
}

enum Stop {
    Io(io::Error),
    Limit(Failure),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What lies beside bills in a folder or ZIP, such as a README, is passed over.
fn belongs(name: &str) -> bool {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kinds = [".xml", ".ndjson", ".jsonl", ".json", ".zip"];
    let lower = name.to_ascii_lowercase();
    !name.starts_with('.') && kinds.iter().any(|kind| lower.ends_with(kind))
}

/// Names of entries come from strangers and are only printed.
fn printable(name: &str) -> String {
    let safe = |c: char| if c.is_control() { '?' } else { c };
    name.chars().take(200).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, Crc, write::DeflateEncoder};

    use super::*;

    /// A ZIP of one deflated entry, written by hand; `size` and `crc` are what it declares.
    fn zip_of(content: &[u8], size: u32, crc: u32) -> Vec<u8> {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(content).expect("packs");
        let packed = packer.finish().expect("packs");
        let mut head = Vec::new();
        head.extend([20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0]);
        head.extend(crc.to_le_bytes());
        head.extend((packed.len() as u32).to_le_bytes());
        head.extend(size.to_le_bytes());
        head.extend([5, 0, 0, 0]);
        let mut zip = b"PK\x03\x04".to_vec();
        zip.extend(&head);
        zip.extend(b"a.xml");
        zip.extend(&packed);
        let directory = zip.len() as u32;
        zip.extend(b"PK\x01\x02\x14\x00");
        zip.extend(&head);
        zip.extend([0; 14]);
        zip.extend(b"a.xml");
        let end = zip.len() as u32;
        zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        zip.extend((end - directory).to_le_bytes());
        zip.extend(directory.to_le_bytes());
        zip.extend([0, 0]);
        zip
    }

    fn crc_of(content: &[u8]) -> u32 {
        let mut crc = Crc::new();
        crc.update(content);
        crc.sum()
    }

    fn read_zip(bytes: &[u8], max: u64) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("in.zip");
        fs::write(&path, bytes).expect("written");
        let limits = ImportConfig {
            files_max: 10,
            unpacked_bytes_max: max,
            upload_bytes_max: 1,
        };
        let handover = expand(&[path.as_path().into()], &limits).expect("expands");
        let mut read = Vec::new();
        for mut source in handover.sources {
            assert!(source.name.ends_with("in.zip/a.xml"), "{}", source.name);
            source.open.read_to_end(&mut read)?;
        }
        Ok(read)
    }

    #[test]
    fn entries_are_unpacked_and_held_to_what_they_declare() {
        let content = b"<Invoice/>".repeat(1000);
        let (size, crc) = (content.len() as u32, crc_of(&content));
        let read = |size, crc, max| read_zip(&zip_of(&content, size, crc), max);
        assert_eq!(read(size, crc, 1 << 20).expect("reads"), content);
        let fault = |result: io::Result<Vec<u8>>| result.expect_err("refused").to_string();
        assert!(fault(read(size - 1, crc, 1 << 20)).contains("longer"));
        assert!(fault(read(size + 1, crc, 1 << 20)).contains("cut off"));
        assert!(fault(read(size, !crc, 1 << 20)).contains("checksum"));
        assert!(fault(read(size, crc, 100)).contains("unpacked_bytes_max"));
    }

    #[test]
    fn folders_are_read_in_order_and_within_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.xml", "a.XML", ".hidden.xml", "README.md"] {
            fs::write(folder.path().join(name), name).expect("written");
        }
        let limits = |files_max| ImportConfig {
            files_max,
            unpacked_bytes_max: 1,
            upload_bytes_max: 1,
        };
        let path: [Given; 1] = [folder.path().into()];
        let handover = expand(&path, &limits(2)).expect("expands");
        let names: Vec<_> = handover.sources.iter().map(|s| s.name.as_str()).collect();
        assert!(matches!(names.as_slice(), [a, b] if a.ends_with("a.XML") && b.ends_with("b.xml")));
        assert_eq!(handover.skipped.len(), 2);
        let again = expand(&path, &limits(2)).expect("expands");
        assert_eq!(handover.fingerprint, again.fingerprint);
        assert!(expand(&path, &limits(1)).is_err());
    }
}
