//! Where a source's bytes come from: a file, or an entry of a ZIP that is held to what the ZIP
//! declares. Nothing is opened before its first byte is asked for.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::{Crc, read::DeflateDecoder};
use zip::read::ZipFile;

/// How ZIP files name their methods (APPNOTE 4.4.5).
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// How many bytes all ZIP entries together may still unpack to.
pub(super) struct Budget {
    pub(super) left: AtomicU64,
}

impl Budget {
    fn take(&self, bytes: u64) -> io::Result<()> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .map(drop)
            .map_err(|_| io::Error::other("more unpacked bytes than [import] unpacked_bytes_max"))
    }
}

/// Where a source's bytes come from.
pub(crate) enum Opener {
    File(PathBuf),
    Entry {
        zip: PathBuf,
        start: u64,
        packed: u64,
        size: u64,
        crc: u32,
        deflated: bool,
    },
    Broken(String),
}

impl Opener {
    /// An entry of a ZIP, as the ZIP's list names it.
    pub(crate) fn of_entry(zip: &Path, entry: &ZipFile<'_, impl Read>) -> Self {
        let method = entry.compression();
        #[allow(deprecated, reason = "the number is what a ZIP names its method by")]
        let method = method.to_u16();
        match entry.data_start() {
            _ if entry.encrypted() => Self::Broken("an encrypted ZIP entry".to_owned()),
            _ if !matches!(method, STORED | DEFLATED) => {
                Self::Broken(format!("a ZIP entry packed by method {method}"))
            }
            None => Self::Broken("a broken ZIP entry".to_owned()),
            Some(start) => Self::Entry {
                zip: zip.to_owned(),
                start,
                packed: entry.compressed_size(),
                size: entry.size(),
                crc: entry.crc32(),
                deflated: method == DEFLATED,
            },
        }
    }

    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::File(path) => Ok(Box::new(File::open(path)?)),
            Self::Broken(why) => Err(io::Error::new(io::ErrorKind::InvalidData, why.as_str())),
            Self::Entry {
                zip,
                start,
                packed,
                size,
                crc,
                deflated,
            } => {
                let mut file = File::open(zip)?;
                file.seek(SeekFrom::Start(*start))?;
                let packed = BufReader::new(file.take(*packed));
                let inner: Box<dyn Read + Send> = if *deflated {
                    Box::new(DeflateDecoder::new(packed))
                } else {
                    Box::new(packed)
                };
                Ok(Box::new(Checked {
                    inner,
                    left: *size,
                    crc: Crc::new(),
                    wanted: *crc,
                }))
            }
        }
    }
}

/// A source that is opened when its first byte is asked for, so that a folder of a hundred
/// thousand invoices needs one file handle.
pub(super) struct Lazy {
    pub(super) open: Opener,
    pub(super) reader: Option<Box<dyn Read + Send>>,
    /// Counts what comes out of a ZIP.
    pub(super) budget: Option<Arc<Budget>>,
}

impl Read for Lazy {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.open.open()?),
        };
        let read = reader.read(buffer)?;
        if let Some(budget) = &self.budget {
            budget.take(read as u64)?;
        }
        if read == 0 && !buffer.is_empty() {
            self.reader = Some(Box::new(io::empty()));
        }
        Ok(read)
    }
}

/// A ZIP entry that must have the length and checksum that its ZIP declares.
struct Checked {
    inner: Box<dyn Read + Send>,
    left: u64,
    crc: Crc,
    wanted: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let broken = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return broken("a ZIP entry that is longer than it declares"),
        }
        self.crc.update(&buffer[..read]);
        if read == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return broken("a ZIP entry that is cut off");
            }
            if self.crc.sum() != self.wanted {
                return broken("a ZIP entry whose checksum differs");
            }
        }
        Ok(read)
    }
}
